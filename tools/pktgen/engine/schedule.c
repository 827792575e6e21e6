/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/engine/schedule.h"

#include <math.h>

/* 10^9 for nanoseconds times 10^3 for thousandths. */
#define SCALE 1000000000000ULL
/* A bit may take an hour. */
#define STEP_MAX (1ULL << 42)

static uint64_t schedule_gcd(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

uint64_t schedule_tracks(uint64_t streams, uint32_t workers)
{
	return streams >= workers ? streams : streams / schedule_gcd(streams, workers) * workers;
}

/* splitmix64 (Steele, Lea, Flood 2014) with its n-th state. */
uint64_t schedule_random(uint64_t seed, uint64_t n)
{
	uint64_t z = seed + (n + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* `parts` times SCALE / milli, rounded up to 2^-64: what is due at a whole nanosecond is never
 * taken for due before it. */
static schedule_time schedule_step(uint64_t parts, uint64_t milli)
{
	schedule_time whole = (schedule_time)parts * SCALE;
	schedule_time rest = whole % milli;
	uint64_t fraction = 0;

	whole /= milli;
	if (whole >= STEP_MAX)
		return (schedule_time)STEP_MAX << 64;
	for (int i = 0; i < 64; i++) {
		rest <<= 1;
		fraction <<= 1;
		if (rest >= milli) {
			rest -= milli;
			fraction |= 1;
		}
	}
	return (whole << 64) + fraction + (rest != 0);
}

/* The step of one who has `own` of `all` tracks. */
static schedule_time schedule_part(schedule_time common, uint64_t all, uint64_t own)
{
	schedule_time whole = common / own;
	schedule_time rest = common % own;

	return whole * all + (rest * all + own - 1) / own;
}

static void schedule_set_step(struct schedule *schedule, const struct rate *rate)
{
	schedule->paced = rate->kind != RATE_MAX;
	schedule->bits = rate->kind == RATE_BPS;
	schedule->step = schedule->common = 0;
	if (!schedule->paced)
		return;
	schedule->common = schedule_step(1, rate->milli);
	schedule->step = schedule_part(schedule->common, schedule->tracks,
				       schedule->end - schedule->first);
}

/* What a frame costs, in units of the step. */
static uint64_t schedule_cost(const struct schedule *schedule, double size)
{
	return schedule->bits ? (uint64_t)(8 * (size + schedule->overhead)) : 1;
}

/* An exponential gap of mean `mean`. */
static schedule_time schedule_exponential(struct schedule *schedule, schedule_time mean)
{
	uint64_t random = schedule_random(schedule->random, schedule->number);
	/* In (0, 1]. */
	double part = ((double)(random >> 11) + 1) * 0x1p-53;
	double factor = -log(part);
	uint64_t fixed = (uint64_t)(factor * 0x1p32);

	return (mean >> 32) * fixed;
}

static schedule_time schedule_gap(struct schedule *schedule, schedule_time step,
				  uint64_t cost)
{
	step *= cost;
	return schedule->poisson ? schedule_exponential(schedule, step) : step;
}

static void schedule_set_block(struct schedule *schedule, const struct schedule_share *share)
{
	uint64_t tracks = share->tracks;

	schedule->tracks = share->tracks;
	schedule->first = (uint32_t)(tracks * share->index / share->workers);
	schedule->end = (uint32_t)(tracks * (share->index + 1) / share->workers);
	schedule->track = schedule->first;
	schedule->number = schedule->first;
}

void schedule_start(struct schedule *schedule, const struct schedule_plan *plan,
		    const struct schedule_share *share, uint64_t now_ns)
{
	uint64_t start = now_ns + plan->delay_ns;
	uint64_t cost;

	*schedule = (struct schedule){
		.limit = plan->frames != 0 ? plan->frames : UINT64_MAX,
		.poisson = plan->poisson,
		.overhead = plan->overhead,
		.end_ns = plan->time_ns != 0 ? start + plan->time_ns : UINT64_MAX,
		.burst_frames = plan->burst_frames,
		.gap_ns = plan->gap_ns,
		.random = schedule_random(plan->seed, share->index),
	};
	schedule_set_block(schedule, share);
	schedule_set_step(schedule, &plan->rate);
	cost = schedule_cost(schedule, plan->size);
	schedule->burst_end = UINT64_MAX;
	schedule->due = schedule->last = (schedule_time)start << 64;
	/* Poisson's first frame is as far from the start as any from the one before. */
	if (schedule->poisson)
		schedule->due += schedule_gap(schedule, schedule->step, cost);
	else
		schedule->due += share->index * (schedule->common * cost);
	if (schedule->burst_frames == 0)
		return;
	/* Tracks far behind begin in a later burst. */
	schedule->burst_end = (schedule->number / schedule->burst_frames + 1) *
			      schedule->burst_frames;
	schedule->due += (schedule_time)(schedule->number / schedule->burst_frames *
					 schedule->gap_ns)
			 << 64;
}

void schedule_set_rate(struct schedule *schedule, const struct rate *rate, uint64_t now_ns)
{
	/* A pause is no time, and what has not begun yet begins when it was to. */
	schedule_time now = (schedule_time)(schedule->paused_ns != 0 ? schedule->paused_ns : now_ns) << 64;
	uint64_t share = 1024;

	if (now < schedule->last)
		now = schedule->last;
	/* The part of the gap that has passed counts as that part of the new one. */
	if (schedule->paced && schedule->due > now)
		share = (uint64_t)((now - schedule->last) / ((schedule->due - schedule->last) / 1024 + 1));
	schedule_set_step(schedule, rate);
	if (!schedule->paced) {
		schedule->due = schedule->due < now ? schedule->due : now;
		return;
	}
	if (share >= 1024) { /* it was due already */
		schedule->due = now;
		return;
	}
	schedule->due = now + schedule->step / 1024 * (1024 - share) *
				      schedule_cost(schedule, 60);
}

void schedule_resolve(struct rate *rate, uint32_t link_mbit)
{
	if (rate->kind != RATE_PERCENT)
		return;
	rate->kind = RATE_BPS;
	/* Mbit/s times thousandths of a per cent: 10^6 / 100. */
	rate->milli *= (uint64_t)link_mbit * 10000;
}

void schedule_pause(struct schedule *schedule, uint64_t now_ns)
{
	if (schedule->paused_ns == 0)
		schedule->paused_ns = now_ns;
}

/* The time of the pause never was. */
void schedule_resume(struct schedule *schedule, uint64_t now_ns)
{
	uint64_t pause = now_ns - schedule->paused_ns;

	if (schedule->paused_ns == 0)
		return;
	schedule->due += (schedule_time)pause << 64;
	schedule->last += (schedule_time)pause << 64;
	if (schedule->end_ns != UINT64_MAX)
		schedule->end_ns += pause;
	schedule->paused_ns = 0;
}

/* The gap behind a burst takes the place of that between two frames. */
static void schedule_cross_burst(struct schedule *schedule, uint64_t cost, uint64_t now_ns)
{
	uint64_t crossed = 1 + (schedule->number - schedule->burst_end) /
				       schedule->burst_frames;

	schedule->burst_end += crossed * schedule->burst_frames;
	if (!schedule->paced)
		schedule->due = (schedule_time)now_ns << 64;
	schedule->due += (schedule_time)(crossed * schedule->gap_ns) << 64;
	schedule->due -= schedule->poisson ? 0 : crossed * (schedule->common * cost);
}

void schedule_advance(struct schedule *schedule, uint32_t size, uint64_t now_ns)
{
	uint64_t cost = schedule_cost(schedule, size);

	schedule->last = schedule->due;
	schedule_advance_fast(schedule);
	if (schedule->paced)
		schedule->due += schedule_gap(schedule, schedule->step, cost);
	if (schedule->number >= schedule->burst_end)
		schedule_cross_burst(schedule, cost, now_ns);
}

void schedule_rewind(struct schedule *schedule, uint32_t track, uint64_t sequence)
{
	schedule->track = track;
	schedule->sequence = sequence;
	schedule->number = sequence * schedule->tracks + track;
	if (schedule->burst_frames != 0)
		schedule->burst_end = (schedule->number / schedule->burst_frames + 1) *
				      schedule->burst_frames;
}

void schedule_slip(struct schedule *schedule, uint64_t now_ns)
{
	uint64_t due = (uint64_t)(schedule->due >> 64);
	uint64_t behind;

	if (now_ns >= schedule->end_ns)
		now_ns = schedule->end_ns - 1;
	if (!schedule->paced || now_ns < due || now_ns - due <= SCHEDULE_CATCH_UP_NS)
		return;
	behind = now_ns - due - SCHEDULE_CATCH_UP_NS;
	schedule->due += (schedule_time)behind << 64;
	schedule->slipped_ns += behind;
}
