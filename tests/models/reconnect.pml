/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A back end that dies and another that goes on with its ring: driver/device/reconnect.c, split rings without IN_ORDER. The first
 * one completes in any order, and dies at any moment; the second one begins at the used index. Each buffer comes back
 * once, and none is lost (the driver comes to its end).
 */
#ifndef SIZE
#define SIZE 4
#endif
#define MODULO 16
#define TOTAL 5
#define NEXT(index) ((index + 1) % MODULO)

byte ids[SIZE];	       /* the available ring, and the driver's record of it */
bit outstanding[SIZE]; /* by id: queue->slots */
byte avail_idx, used_idx, used_ring[SIZE];
bit dead;
chan begin = [0] of { byte };

active proctype driver()
{
	byte used, count, sent, done, i, id, left, completed;
	byte order[SIZE];
	bit known[SIZE];

	for (i : 0 .. SIZE - 1) {
		ids[i] = i
	}
	begin!0;
	do
	:: done == TOTAL -> break
	:: sent < TOTAL && count < SIZE ->
		id = ids[avail_idx % SIZE];
		assert(!outstanding[id]);
		outstanding[id] = 1;
		count++;
		sent++;
		avail_idx = NEXT(avail_idx)
	:: used_idx != used -> d_step {
		id = used_ring[used % SIZE];
		assert(outstanding[id]);
		outstanding[id] = 0;
		ids[used % SIZE] = id; /* vn_split_found */
		used = NEXT(used);
		count--;
		done++
		}
	:: dead -> d_step {
		dead = 0;
#ifndef NO_REPLAY
		/* reconnect_note_completed */
		completed = (used_idx + MODULO - used) % MODULO;
		left = count - completed;
		for (i : 0 .. SIZE - 1) {
			known[i] = 0
		}
#ifndef FORGET_COMPLETED
		for (i : 0 .. SIZE - 1) {
			if
			:: i < completed -> known[used_ring[(used + i) % SIZE]] = 1
			:: else
			fi
		}
#endif
		/* reconnect_order_outstanding */
		completed = left;
		for (i : 1 .. SIZE) {
			if
			:: i <= count && left != 0 ->
				id = ids[(avail_idx + MODULO - i) % SIZE];
				if
				:: outstanding[id] && !known[id] -> known[id] = 1; left--; order[left] = id
				:: else
				fi
			:: else
			fi
		}
#ifndef ONLY_THE_RING
		for (i : 1 .. SIZE) {
			if
			:: left != 0 && outstanding[SIZE - i] && !known[SIZE - i] -> left--; order[left] = SIZE - i
			:: else
			fi
		}
#endif
		for (i : 0 .. SIZE - 1) {
			if
			:: i < completed -> ids[(avail_idx + MODULO - completed + i) % SIZE] = order[i]
			:: else
			fi
		}
#endif
		};
		begin!used_idx
	od
}

proctype back_end(byte last; bit mortal)
{
	byte id, place;
	bit taken[SIZE];

end:	do
	:: last != avail_idx ->
		id = ids[last % SIZE];
		taken[id] = 1;
		last = NEXT(last)
	:: for (id : 0 .. SIZE - 1) {
			if
			:: taken[id] -> break
			:: taken[id] -> skip /* another one first */
			:: else
			fi
		};
		if
		:: id < SIZE && taken[id] ->
			used_ring[used_idx % SIZE] = id;
			taken[id] = 0;
			if
			:: used_idx = NEXT(used_idx)
			:: mortal -> goto death
			fi
		:: else
		fi
	:: mortal -> goto death
	od;
death:
	dead = 1
}

active proctype connections()
{
	byte at;

	begin?at;
	run back_end(at, 1);
end:	do
	:: begin?at -> run back_end(at, 0)
	od
}
