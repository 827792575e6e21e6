/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame costs a few instructions, a gap at most one pass over 8 KiB. */
#include "tools/pktgen/sequence_tracker.h"

#include <string.h>

static uint64_t *tracker_word(struct tracker *tracker, uint64_t sequence)
{
	return &tracker->seen[sequence % TRACKER_WINDOW / 64];
}

/* Mark one number; returns what it was before. */
static int tracker_mark(struct tracker *tracker, uint64_t sequence)
{
	uint64_t *word = tracker_word(tracker, sequence);
	uint64_t bit = 1ULL << (sequence % 64);
	int before = (*word & bit) != 0;

	*word |= bit;
	return before;
}

/* The window moves on to `sequence`: forget what stood in the places between. */
static void tracker_forget(struct tracker *tracker, uint64_t sequence)
{
	uint64_t gap = sequence - tracker->next + 1;

	if (gap >= TRACKER_WINDOW) {
		memset(tracker->seen, 0, sizeof(tracker->seen));
		return;
	}
	for (uint64_t at = tracker->next; at != sequence + 1; at++)
		*tracker_word(tracker, at) &= ~(1ULL << (at % 64));
}

static void tracker_add_newest(struct tracker *tracker, uint64_t sequence)
{
	tracker_forget(tracker, sequence);
	tracker_mark(tracker, sequence);
	tracker->next = sequence + 1;
	tracker->unique++;
}

static void tracker_add_late(struct tracker *tracker, uint64_t sequence)
{
	if (tracker->next - sequence > TRACKER_WINDOW) {
		tracker->out_of_window++;
		return;
	}
	if (tracker_mark(tracker, sequence)) {
		tracker->duplicates++;
		return;
	}
	tracker->unique++;
	tracker->reordered++;
	/* The stream began earlier than its first arrival let us think. */
	if ((int64_t)(sequence - tracker->first) < 0)
		tracker->first = sequence;
}

void tracker_start(struct tracker *tracker, uint64_t first)
{
	tracker->started = 1;
	tracker->first = first;
	tracker->next = first;
}

void tracker_add(struct tracker *tracker, uint64_t sequence)
{
	if (!tracker->started)
		tracker_start(tracker, sequence);
	/* The sign of the difference orders numbers across the wrap. */
	if ((int64_t)(sequence - tracker->next) >= 0)
		tracker_add_newest(tracker, sequence);
	else
		tracker_add_late(tracker, sequence);
}

uint64_t tracker_lost(const struct tracker *tracker, uint64_t next)
{
	uint64_t expected = next - tracker->first;

	return expected > tracker->unique ? expected - tracker->unique : 0;
}
