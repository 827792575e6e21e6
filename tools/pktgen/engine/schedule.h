/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which frame of a flow a worker sends next, and when it is due. No clock: times are given,
 * so that a test can let a year pass.
 *
 * Frames of a flow are numbered from 0. Number n belongs to track n % tracks; a worker has a
 * block of tracks, so that the workers of a port share a flow without a word between them.
 * The times count from the start: what is due is a sum of whole steps of 2^-64 ns, so no
 * rounding adds up. Each worker waits as long for its next frame as all of them together
 * need for theirs: their sum is the rate, and no rate is too small for any number of them.
 * After a stall a worker catches up for at most SCHEDULE_CATCH_UP_NS; the rest is skipped and
 * counted.
 */
#ifndef VIONET_TOOLS_ENGINE_SCHEDULE_H
#define VIONET_TOOLS_ENGINE_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/shared/parse.h"

#define SCHEDULE_CATCH_UP_NS 10000000ULL
#define SCHEDULE_NEVER UINT64_MAX

/* Nanoseconds and 2^-64 ns. */
__extension__ typedef unsigned __int128 schedule_time;

/* What is wanted of the flow. */
struct schedule_plan {
	struct rate rate; /* no per cent */
	bool poisson;	  /* gaps are exponential, of the same mean */
	uint64_t seed;
	uint64_t delay_ns; /* before the first frame */
	uint64_t time_ns;  /* from then on; 0: no limit */
	uint64_t frames;   /* 0: no limit */
	/* More than 0: bursts of so many, gap_ns from the last of one to the first of the next. */
	uint64_t burst_frames, gap_ns;
	uint32_t overhead; /* bytes that a frame costs on the wire beyond itself */
	double size;	   /* of a frame, on average */
};

/* Which part of it is this worker's. */
struct schedule_share {
	uint32_t workers, index;
	uint32_t tracks; /* at least `workers` */
};

struct schedule {
	/* The next frame: number = sequence * tracks + track. */
	uint64_t number, sequence;
	uint32_t track;
	uint32_t tracks, first, end; /* the block: from first to before end */
	uint64_t limit;		     /* number of the first frame that is not sent */
	bool paced;		     /* not at the highest rate */
	bool bits;		     /* a step is of a bit, not of a frame */
	bool poisson;
	uint32_t overhead;
	uint64_t end_ns; /* frames that are due by then are not sent */
	schedule_time due, last;
	schedule_time step;   /* of this worker */
	schedule_time common; /* of all together */
	uint64_t burst_frames, burst_end, gap_ns;
	uint64_t random; /* of Poisson's gaps */
	uint64_t slipped_ns;
	uint64_t paused_ns; /* since when; 0: it is not */
};

/* The least common multiple that makes a flow of `streams` streams one of tracks for so many
 * workers: see above. */
uint64_t schedule_tracks(uint64_t streams, uint32_t workers);

void schedule_start(struct schedule *schedule, const struct schedule_plan *plan,
		    const struct schedule_share *share, uint64_t now_ns);

/* Another rate from the last frame on; what was due by then is not made up for. */
void schedule_set_rate(struct schedule *schedule, const struct rate *rate, uint64_t now_ns);

/* Turn per cent of a link's speed (Mbit/s) into bits a second; other kinds stay. */
void schedule_resolve(struct rate *rate, uint32_t link_mbit);

void schedule_pause(struct schedule *schedule, uint64_t now_ns);
void schedule_resume(struct schedule *schedule, uint64_t now_ns);

/* When the next frame is due, SCHEDULE_NEVER: there is none. */
static inline uint64_t schedule_due(const struct schedule *schedule)
{
	uint64_t due = (uint64_t)(schedule->due >> 64);

	if (schedule->number >= schedule->limit || due >= schedule->end_ns)
		return SCHEDULE_NEVER;
	return due;
}

/* Is a frame due at `now_ns`? At the highest rate the end is that of the clock. */
static inline bool schedule_is_due(const struct schedule *schedule, uint64_t now_ns)
{
	uint64_t due = schedule_due(schedule);

	return due <= now_ns && (schedule->paced || now_ns < schedule->end_ns);
}

/* When to look again: a flow that has a time lasts until its end, whatever is due before. */
static inline uint64_t schedule_wake(const struct schedule *schedule)
{
	uint64_t due = (uint64_t)(schedule->due >> 64);

	if (schedule->number >= schedule->limit)
		return SCHEDULE_NEVER;
	return due < schedule->end_ns ? due : schedule->end_ns;
}

/* Nothing more will be due, and its time is over. */
static inline bool schedule_is_over(const struct schedule *schedule, uint64_t now_ns)
{
	if (schedule->number >= schedule->limit)
		return true;
	return now_ns >= schedule->end_ns &&
	       (!schedule->paced || schedule_due(schedule) == SCHEDULE_NEVER);
}

/* The next frame has `size` bytes (no FCS) and was made at `now_ns`: go on to the one behind. */
void schedule_advance(struct schedule *schedule, uint32_t size, uint64_t now_ns);

/* The same for flows at the highest rate without bursts. */
static inline void schedule_advance_fast(struct schedule *schedule)
{
	schedule->number++;
	if (++schedule->track == schedule->end) {
		schedule->track = schedule->first;
		schedule->sequence++;
		schedule->number += schedule->tracks - (schedule->end - schedule->first);
	}
}

/* The same for as many frames as have numbers that are `step` apart: `most` at most. Returns how many. */
static inline uint32_t schedule_run(struct schedule *schedule, uint32_t most, uint32_t *step)
{
	uint32_t block = schedule->end - schedule->first;
	uint64_t left, passed; /* tracks of the block, those of the first round included */

	*step = block == 1 ? schedule->tracks : 1;
	if (schedule->number >= schedule->limit)
		return 0;
	left = (schedule->limit - schedule->number - 1) / *step + 1;
	if (block != 1 && block != schedule->tracks && most > schedule->end - schedule->track)
		most = schedule->end - schedule->track;
	if (most > left)
		most = (uint32_t)left;
	passed = (uint64_t)schedule->track - schedule->first + most;
	schedule->number += most;
	if (passed >= block) {
		schedule->number += passed / block * (schedule->tracks - block);
		schedule->sequence += passed / block;
		passed %= block;
	}
	schedule->track = schedule->first + (uint32_t)passed;
	return most;
}

/* Back to a frame that was not sent after all: the next one again. */
void schedule_rewind(struct schedule *schedule, uint32_t track, uint64_t sequence);

/* Skip what could not be followed. */
void schedule_slip(struct schedule *schedule, uint64_t now_ns);

/* A number in [0, 2^64) that `seed` and `n` decide. */
uint64_t schedule_random(uint64_t seed, uint64_t n);

#endif
