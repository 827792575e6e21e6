/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When the next frame is due, and how large it is; the only place that divides a rate or
 * changes its unit. Times are nanoseconds of any steady clock.
 *
 * The schedule counts from its start: frame n is due when everything before it
 * has been paid for, so no rounding adds up. After a stall it catches up for at
 * most PACE_CATCH_UP_NS; the rest is skipped and counted as `slipped_ns`.
 *
 * Several workers share one rate without dividing it: each pays for the frames of all
 * of them with each of its own, and begins where its first one lies among theirs. So
 * their sum is the rate, to the frame, and no rate is too small for them.
 */
#ifndef VIONET_TOOLS_PACE_H
#define VIONET_TOOLS_PACE_H

#include <stdint.h>

#include "tools/shared/parse.h"

#define PACE_CATCH_UP_NS 10000000ULL

/* Which part of the frames is a worker's: one of `parts`, every one in its turn.
 * Zero-filled: all of them. */
struct pace_share {
	uint32_t parts;
	uint32_t index;
	uint32_t size; /* bytes of a frame, on average: how far apart the first ones are */
};

/* A schedule. */
struct pace {
	struct rate rate;    /* of all workers */
	uint32_t parts;	     /* workers, at least 1 */
	uint64_t start_ns;
	uint64_t spent;	     /* frames, or bits on the wire, of all workers */
	uint64_t slipped_ns; /* time that was skipped */
	uint64_t joined_ns;  /* by all workers together: pace_join */
};

/* Turn per cent of a link's speed (Mbit/s) into bits a second; other kinds stay. */
void pace_resolve(struct rate *rate, uint32_t link_mbit);

/* RATE_PERCENT must have been turned into RATE_BPS. */
void pace_start(struct pace *pace, const struct rate *rate,
		const struct pace_share *share, uint64_t now_ns);

/* A worker's part of a whole number: they add up to it. */
uint64_t pace_part(uint64_t whole, const struct pace_share *share);

/* A frame of `size` bytes (no FCS) was sent. */
void pace_spend(struct pace *pace, uint32_t size);

/* What may have been spent by `now_ns`: another frame is due as long as `spent` is
 * not above it. One division for a whole burst. */
uint64_t pace_allowance(const struct pace *pace, uint64_t now_ns);

/* When the next frame is due; 0: at once. */
uint64_t pace_due(const struct pace *pace);

/* Skip what the device could not follow. */
void pace_slip(struct pace *pace, uint64_t now_ns);

/* What is wanted of this worker a second: frames, or bits on the wire; 0: no limit. */
double pace_wanted(const struct pace *pace);

/* Add the time that a worker skipped to that of all: a second that one of n skipped is
 * a second for one frame in n. */
void pace_join(struct pace *all, const struct pace *worker);

/* Sizes of frames, the same for the same seed. */
struct mix {
	struct size_range range;
	uint32_t extra; /* bytes added to every imix size: a VLAN tag */
	uint64_t state;
};

void mix_start(struct mix *mix, const struct size_range *range, uint32_t extra,
	       uint64_t seed);

/* The size of the next frame. */
uint32_t mix_next(struct mix *mix);

/* The largest size that can come. */
uint32_t mix_max(const struct size_range *range, uint32_t extra);

/* The size of a frame on average, rounded. */
uint32_t mix_mean(const struct size_range *range, uint32_t extra);

/* One step of a small generator of well mixed numbers. */
uint64_t mix_random(uint64_t *state);

#endif
