/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Notifications and interrupts of a split ring, with flags or (EVENT_IDX) event indices: driver/ring/split.h, split_push to
 * split_need_kick and split_arm, and a device that does the same on its side. Both sleep whenever they may. No wake-up is
 * lost (the driver comes to its end), and what an index announces is there to be read.
 */
#define SIZE 2
#define MODULO 8 /* of the free running indices: 65536 there */
#define TOTAL 5

/* Stored by the driver: */
#define AVAIL_IDX 0
#define WANT_IRQ 1 /* avail flags, or used_event */
#define AVAIL_RING 2
/* by the device: */
#define USED_IDX 4
#define WANT_KICK 5 /* used flags, or avail_event */
#define USED_RING 6
#define SLOTS 8
#include "memory.inc"

#define DRIVER_BARRIER (!pending[0] && !pending[1] && !pending[2] && !pending[3])
#define DEVICE_BARRIER (!pending[4] && !pending[5] && !pending[6] && !pending[7])
#define DUE(event, now, before) ((now + 2 * MODULO - event - 1) % MODULO < (now + MODULO - before) % MODULO)
#define NEXT(index) ((index + 1) % MODULO)

bit kick, irq;

active proctype driver()
{
	byte avail, asked, used, sent, done, pushed, event;
	bit armed = 1; /* flags are 0 at first */

	do
	:: done == TOTAL -> break
	:: else ->
		pushed = 0;
		do
		:: sent < TOTAL && sent - done < SIZE ->
			store(AVAIL_RING + avail % SIZE, sent + 1);
			avail = NEXT(avail);
			sent++;
			pushed++
		:: pushed != 0 || sent == TOTAL || sent - done == SIZE -> break
		od;
		if
		:: pushed != 0 ->
#ifndef NO_PUBLISH
			DRIVER_BARRIER; /* vn_publish */
#endif
			store(AVAIL_IDX, avail);
#ifndef NO_BARRIER_BEFORE_KICK
			DRIVER_BARRIER; /* vn_publish_then_check */
#endif
			event = mem[WANT_KICK];
			if
#ifdef EVENT_IDX
			:: DUE(event, avail, asked) -> kick = 1
#else
			:: event == 0 -> kick = 1
#endif
			:: else
			fi;
			asked = avail
		:: else
		fi;
		do
		:: mem[USED_IDX] != used ->
			assert(mem[USED_RING + used % SIZE] == done + 1);
			used = NEXT(used);
			done++
		:: else -> break
		od;
		if
		:: done == sent -> skip /* more to send, or the end */
		:: else ->
#ifdef EVENT_IDX
			store(WANT_IRQ, used);
#else
			if
			:: !armed -> store(WANT_IRQ, 0)
			:: else
			fi;
#endif
			armed = 1;
#ifndef NO_BARRIER_AT_ARM
			DRIVER_BARRIER; /* vn_publish_then_check */
#endif
			if
#ifndef NO_SECOND_LOOK
			:: mem[USED_IDX] != used -> skip
#endif
			:: else ->
				irq; /* asleep */
				irq = 0
			fi;
#ifndef EVENT_IDX
			store(WANT_IRQ, 1);
#endif
			armed = 0
		fi
	od
}

active proctype device()
{
	byte taken, used, told, event;

	do
	:: mem[AVAIL_IDX] != taken ->
		assert(mem[AVAIL_RING + taken % SIZE] != 0);
		store(USED_RING + taken % SIZE, mem[AVAIL_RING + taken % SIZE]);
		taken = NEXT(taken);
		DEVICE_BARRIER;
		used = NEXT(used);
		store(USED_IDX, used);
		if
		:: mem[AVAIL_IDX] != taken -> skip /* one interrupt for several */
		:: DEVICE_BARRIER;
			event = mem[WANT_IRQ];
			if
#ifdef EVENT_IDX
			:: DUE(event, used, told) -> irq = 1
#else
			:: event == 0 -> irq = 1
#endif
			:: else
			fi;
			told = used
		fi
	:: mem[AVAIL_IDX] == taken && told == used ->
#ifdef EVENT_IDX
		store(WANT_KICK, taken);
#else
		store(WANT_KICK, 0);
#endif
		DEVICE_BARRIER;
		if
		:: mem[AVAIL_IDX] != taken -> skip
		:: else ->
end:			kick; /* asleep */
			kick = 0
		fi;
#ifndef EVENT_IDX
		store(WANT_KICK, 1)
#endif
	od
}
