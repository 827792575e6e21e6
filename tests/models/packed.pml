/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The same of a packed ring: driver/ring/packed.h, packed_push to packed_need_kick and packed_arm. Flags and
 * id of a descriptor are one word, stored by both sides in turn, its address another; an event structure is one word here (its two halves are the business of tests/build/litmus).
 */
#define SIZE 2
#define TOTAL 5

/* A descriptor: 1 available, 2 used (the two wrap bits), and the buffer's number above. */
#define AVAILABLE(wrap) ((wrap) -> 1 : 2)
#define USED(wrap) ((wrap) -> 3 : 0)
#define BITS(word) ((word) & 3)
/* An event: off, wrap, flags. */
#define ENABLE 0
#define DISABLE 4
#define DESC 8
#define FLAGS(event) ((event) & 12)

#define RING 0	       /* the driver's stores to descriptors, */
#define DEVICE_RING 2 /* and the device's, of the same words */
#define DRIVER_EVENT 4
#define DEVICE_EVENT 5
#define ADDRESS 6 /* the driver's */
#define SLOTS 8
#define TARGET(slot) (((slot) & 6) == 2 -> (slot) - 2 : (slot))
#include "memory.inc"

#define DRIVER_BARRIER (!pending[0] && !pending[1] && !pending[4] && !pending[6] && !pending[7])
#define DEVICE_BARRIER (!pending[2] && !pending[3] && !pending[5])

bit kick, irq;

active proctype driver()
{
	byte at, back, sent, done, pushed, event, held, held_at, off;
	bit wrap = 1, back_wrap = 1, armed = 1, due;

	do
	:: done == TOTAL -> break
	:: else ->
		pushed = 0;
		do
		:: sent < TOTAL && sent - done < SIZE ->
			sent++;
			store(ADDRESS + at, sent);
			if
			:: pushed == 0 -> held = AVAILABLE(wrap) + 4 * sent; held_at = at
			:: else -> store(RING + at, AVAILABLE(wrap) + 4 * sent)
			fi;
			pushed++;
			at++;
			if
			:: at == SIZE -> at = 0; wrap = !wrap
			:: else
			fi
		:: pushed != 0 || sent == TOTAL || sent - done == SIZE -> break
		od;
		if
		:: pushed != 0 ->
#ifndef NO_PUBLISH
			DRIVER_BARRIER; /* vn_publish */
#endif
			store(RING + held_at, held);
#ifndef NO_BARRIER_BEFORE_KICK
			DRIVER_BARRIER; /* vn_publish_then_check */
#endif
			event = mem[DEVICE_EVENT];
			due = 1;
			if
			:: FLAGS(event) == DISABLE -> due = 0
			:: FLAGS(event) == DESC ->
				/* off relative to the run that was pushed */
				off = (event & 1) + 8;
				if
				:: ((event >> 1) & 1) != wrap -> off = off - SIZE
				:: else
				fi;
				due = ((at + 8 + 256 - off - 1) % 256 < pushed)
			:: else
			fi;
			if
			:: due -> kick = 1
			:: else
			fi
		:: else
		fi;
		do
		:: BITS(mem[RING + back]) == USED(back_wrap) && done < sent ->
			assert(mem[RING + back] / 4 == done + 1);
			done++;
			back++;
			if
			:: back == SIZE -> back = 0; back_wrap = !back_wrap
			:: else
			fi
		:: else -> break
		od;
		if
		:: done == sent -> skip
		:: else ->
#ifdef EVENT_IDX
			store(DRIVER_EVENT, DESC + 2 * back_wrap + back);
#else
			if
			:: !armed -> store(DRIVER_EVENT, ENABLE)
			:: else
			fi;
#endif
			armed = 1;
#ifndef NO_BARRIER_AT_ARM
			DRIVER_BARRIER; /* vn_publish_then_check */
#endif
			if
#ifndef NO_SECOND_LOOK
			:: BITS(mem[RING + back]) == USED(back_wrap) -> skip
#endif
			:: else ->
				irq; /* asleep */
				irq = 0
			fi;
			store(DRIVER_EVENT, DISABLE);
			armed = 0
		fi
	od
}

active proctype device()
{
	byte at, last, event, told, off;
	bit wrap = 1, due;

	do
	:: BITS(mem[RING + at]) == AVAILABLE(wrap) ->
		assert(mem[RING + at] / 4 == last + 1 && mem[ADDRESS + at] == last + 1);
		last++;
		store(DEVICE_RING + at, USED(wrap) + 4 * last);
		at++;
		told++;
		if
		:: at == SIZE -> at = 0; wrap = !wrap
		:: else
		fi;
		DEVICE_BARRIER;
		event = mem[DRIVER_EVENT];
		due = 1;
		if
		:: FLAGS(event) == DISABLE -> due = 0
		:: FLAGS(event) == DESC ->
			off = (event & 1) + 8;
			if
			:: ((event >> 1) & 1) != wrap -> off = off - SIZE
			:: else
			fi;
			due = ((at + 8 + 256 - off - 1) % 256 < told)
		:: else
		fi;
		told = 0;
		if
		:: due -> irq = 1
		:: else
		fi
	:: else ->
#ifdef EVENT_IDX
		store(DEVICE_EVENT, DESC + 2 * wrap + at);
#else
		store(DEVICE_EVENT, ENABLE);
#endif
		DEVICE_BARRIER;
		if
		:: BITS(mem[RING + at]) == AVAILABLE(wrap) -> skip
		:: else ->
end:			kick; /* asleep */
			kick = 0
		fi;
#ifndef EVENT_IDX
		store(DEVICE_EVENT, DISABLE)
#endif
	od
}
