/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known of each track: which numbers came, and how long they took.
 *
 * Few tracks have a window of TRACKER_WINDOW numbers each, many a record of 48 bytes with a
 * window of 64. Frames of a track may arrive on several queues: where more than one thread
 * receives, a record is locked while it is written. So order and duplicates are right across
 * queues, and nothing has to be put together at the end.
 */
#ifndef VIONET_TOOLS_ENGINE_TRACK_H
#define VIONET_TOOLS_ENGINE_TRACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Up to so many have a large window. */
#define TRACK_WIDE_MAX 1024

struct engine_reordering;
struct track;
struct track_wide;

struct track_table {
	uint32_t count; /* of all */
	uint32_t wide_count;
	bool shared; /* several threads */
	struct track *compact;
	struct track_wide *wide;
	size_t compact_bytes, wide_bytes;
};

/* What a frame changes for its flow. */
enum track_kind {
	TRACK_NEWEST,
	TRACK_LATE, /* fills a hole */
	TRACK_DUPLICATE,
	TRACK_OLD, /* too old to say */
};

struct track_step {
	enum track_kind kind;
	/* Holes in front of the first number that came, and between others: how many more. */
	int64_t begin, middle;
	uint64_t behind; /* TRACK_LATE: of how many numbers that came or were passed over */
};

/* What came of one. Latency is cut at 2^32 - 1 ns. */
struct track_state {
	bool started;
	uint64_t first, next, unique; /* lowest that came; one past the highest */
	uint64_t duplicates, reordered;
	uint64_t latency_min, latency_max, latency_sum;
};

/* Memory for `count` tracks, of which the first `wide_count` have a large window; it is used
 * where tracks are. Returns 0, -ENOMEM. */
int track_table_make(struct track_table *table, uint32_t count, uint32_t wide_count,
		     bool shared);
void track_table_free(struct track_table *table);
/* Forget all, or `count` from `first` on; no thread uses them. */
void track_table_clear(struct track_table *table);
void track_table_clear_part(struct track_table *table, uint32_t first, uint32_t count);

void track_prefetch(const struct track_table *table, uint32_t index);

/* A frame arrived. `start`: number of the first one that counts; SCHEDULE_NEVER: that of the
 * first one that arrives. */
void track_add(struct track_table *table, uint32_t index, uint64_t sequence, uint64_t start,
	       uint64_t latency_ns, struct track_step *step);

/* Is this the number that comes next, of a track with a large window of which nothing is known to be out of place? */
bool track_expects(const struct track_table *table, uint32_t index, uint64_t sequence);
/* `count` frames arrived, numbers from `sequence` on, which was expected: all new and the newest. False: it is not any
 * more, and nothing was added. */
bool track_add_run(struct track_table *table, uint32_t index, uint64_t sequence, uint32_t count,
		   uint64_t latency_ns);

void track_state(const struct track_table *table, uint32_t index, struct track_state *state);

/* Add how far its frames came from their place to `sum`. False: it has no large window, and that is not known. */
bool track_reordering(const struct track_table *table, uint32_t index, struct engine_reordering *sum);

#endif
