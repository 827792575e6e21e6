/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the sequence numbers of a stream show: loss, duplicates, order.
 *
 * A window of the last TRACKER_WINDOW numbers is remembered, one bit each. What is
 * older cannot be told apart (a duplicate, or very late) and is counted as
 * `out_of_window`. Numbers are compared modulo 2^64.
 */
#ifndef VIONET_TOOLS_SEQUENCE_TRACKER_H
#define VIONET_TOOLS_SEQUENCE_TRACKER_H

#include <stdint.h>

#define TRACKER_WINDOW 65536

/* Zero-filled is fresh. */
struct tracker {
	int started;
	uint64_t first;		/* lowest number that belongs to the stream */
	uint64_t next;		/* one past the highest that was seen */
	uint64_t unique;	/* different frames seen */
	uint64_t duplicates;	/* seen before */
	uint64_t reordered;	/* behind one with a higher number */
	uint64_t out_of_window; /* too old to say */
	uint64_t seen[TRACKER_WINDOW / 64];
};

/* Begin at `first`, so that a loss at the very start is seen too. Without it the
 * stream begins with the first frame that arrives. */
void tracker_start(struct tracker *tracker, uint64_t first);

/* A frame arrived. */
void tracker_add(struct tracker *tracker, uint64_t sequence);

/* The same for number `next` of a tracker that has begun. */
static inline void tracker_add_next(struct tracker *tracker)
{
	uint64_t sequence = tracker->next++;

	tracker->seen[sequence % TRACKER_WINDOW / 64] |= 1ULL << (sequence % 64);
	tracker->unique++;
}

/* And for `count` numbers from there on: a word of bits at a time. */
static inline void tracker_add_run(struct tracker *tracker, uint32_t count)
{
	tracker->unique += count;
	while (count > 0) {
		uint32_t bit = tracker->next % 64, some = count < 64 - bit ? count : 64 - bit;

		tracker->seen[tracker->next % TRACKER_WINDOW / 64] |= UINT64_MAX >> (64 - some) << bit;
		tracker->next += some;
		count -= some;
	}
}

/* Frames missing below `next`, the number after the last one sent (its highest
 * known one where the sender is not us: tracker->next). */
uint64_t tracker_lost(const struct tracker *tracker, uint64_t next);

#endif
