/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the window of sequence numbers (track.h). Never: allocates. A frame
 * costs a few instructions, a gap at most one pass over 8 KiB.
 */
#include "tools/pktgen/sequence_tracker.h"

#include <string.h>

static uint64_t *word_of(struct track *track, uint64_t sequence)
{
	return &track->seen[sequence % TRACK_WINDOW / 64];
}

/* Mark one number; returns what it was before. */
static int mark(struct track *track, uint64_t sequence)
{
	uint64_t *word = word_of(track, sequence);
	uint64_t bit = 1ULL << (sequence % 64);
	int before = (*word & bit) != 0;

	*word |= bit;
	return before;
}

/* The window moves on to `sequence`: forget what stood in the places between. */
static void forget(struct track *track, uint64_t sequence)
{
	uint64_t gap = sequence - track->next + 1;

	if (gap >= TRACK_WINDOW) {
		memset(track->seen, 0, sizeof(track->seen));
		return;
	}
	for (uint64_t at = track->next; at != sequence + 1; at++)
		*word_of(track, at) &= ~(1ULL << (at % 64));
}

static void add_newest(struct track *track, uint64_t sequence)
{
	forget(track, sequence);
	mark(track, sequence);
	track->next = sequence + 1;
	track->unique++;
}

static void add_late(struct track *track, uint64_t sequence)
{
	if (track->next - sequence > TRACK_WINDOW) {
		track->stale++;
		return;
	}
	if (mark(track, sequence)) {
		track->duplicates++;
		return;
	}
	track->unique++;
	track->reordered++;
	/* The stream began earlier than its first arrival let us think. */
	if ((int64_t)(sequence - track->first) < 0)
		track->first = sequence;
}

void track_start(struct track *track, uint64_t first)
{
	track->started = 1;
	track->first = first;
	track->next = first;
}

void track_add(struct track *track, uint64_t sequence)
{
	if (!track->started)
		track_start(track, sequence);
	/* The sign of the difference orders numbers across the wrap. */
	if ((int64_t)(sequence - track->next) >= 0)
		add_newest(track, sequence);
	else
		add_late(track, sequence);
}

uint64_t track_lost(const struct track *track, uint64_t next)
{
	uint64_t expected = next - track->first;

	return expected > track->unique ? expected - track->unique : 0;
}
