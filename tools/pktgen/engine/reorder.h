/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far the frames of a track come from their place: extent and n-reordering of RFC 4737 ("Reordering
 * Extent", "n-Reordering"), reorder density of RFC 5236 ("Reorder Density"). Bounded in memory and time.
 * Where all frames come in order nothing of it is called or touched.
 */
#ifndef VIONET_TOOLS_ENGINE_REORDER_H
#define VIONET_TOOLS_ENGINE_REORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/engine/engine.h"

#define REORDER_FAR ENGINE_REORDER_FAR /* the displacement threshold of RFC 5236 */
#define REORDER_KINDS ENGINE_REORDER_EXTENTS

/* Zero-filled is fresh. Arrivals are counted from 1, without duplicates. */
struct reorder {
	/* The last jumps over numbers, and the last frames that filled a hole. */
	struct {
		uint64_t first, end, at;
	} jump[REORDER_KINDS];
	struct {
		uint64_t sequence, at;
	} late[REORDER_KINDS];
	uint64_t jumps, lates;
	/* Arrivals that have no receive index yet, a ring; and early ones whose own index is to come. */
	uint64_t window[2 * REORDER_FAR];
	uint64_t buffer[REORDER_FAR + 1];
	uint64_t index, next; /* the next receive index; one past the highest number */
	uint8_t head, count, buffered;
	bool busy;  /* something is not in its place, or not known to be: else index is next */
	bool mixed; /* the window is not in order */
	struct engine_reordering found;
};

/* Arrival `at` is the highest number so far, and `gap` numbers before it have not come. */
void reorder_newest(struct reorder *reorder, uint64_t sequence, uint64_t gap, uint64_t at);

/* It fills a hole. */
void reorder_late(struct reorder *reorder, uint64_t sequence, uint64_t at);

/* Add what was found to `sum`, as if nothing more came; of `arrivals` in all. */
void reorder_sum(const struct reorder *reorder, uint64_t arrivals, struct engine_reordering *sum);

#endif
