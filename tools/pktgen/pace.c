/* SPDX-License-Identifier: BSD-3-Clause */
/* Products of rates and times need up to 128 bits. */
#include "tools/pktgen/pace.h"

#include "tools/pktgen/frame.h"

__extension__ typedef unsigned __int128 wide;

/* 10^9 for nanoseconds times 10^3 for thousandths. */
#define SCALE ((wide)1000000000000ULL)

/* What a frame costs, in the unit of the rate. */
static uint64_t pace_cost(const struct pace *pace, uint32_t size)
{
	return pace->rate.kind == RATE_BPS ? 8ULL * (size + FRAME_WIRE_OVERHEAD) : 1;
}

void pace_resolve(struct rate *rate, uint32_t link_mbit)
{
	if (rate->kind != RATE_PERCENT)
		return;
	rate->kind = RATE_BPS;
	/* Mbit/s times thousandths of a per cent: 10^6 / 100. */
	rate->milli *= (uint64_t)link_mbit * 10000;
}

void pace_start(struct pace *pace, const struct rate *rate,
		const struct pace_share *share, uint64_t now_ns)
{
	*pace = (struct pace){
		.rate = *rate,
		.parts = share->parts != 0 ? share->parts : 1,
		.start_ns = now_ns,
	};
	pace->spent = share->index * pace_cost(pace, share->size);
}

uint64_t pace_part(uint64_t whole, const struct pace_share *share)
{
	uint32_t parts = share->parts != 0 ? share->parts : 1;

	return whole / parts + (share->index < whole % parts);
}

void pace_spend(struct pace *pace, uint32_t size)
{
	pace->spent += pace->parts * pace_cost(pace, size);
}

uint64_t pace_allowance(const struct pace *pace, uint64_t now_ns)
{
	wide sum;

	if (pace->rate.kind == RATE_MAX)
		return UINT64_MAX;
	sum = (wide)(now_ns - pace->start_ns) * pace->rate.milli / SCALE;
	return sum < UINT64_MAX ? (uint64_t)sum : UINT64_MAX - 1;
}

uint64_t pace_due(const struct pace *pace)
{
	wide time;

	if (pace->rate.kind == RATE_MAX)
		return 0;
	/* Rounded up, so that pace_allowance agrees at that very nanosecond. */
	time = (pace->spent * SCALE + pace->rate.milli - 1) / pace->rate.milli;
	return pace->start_ns + (uint64_t)time;
}

void pace_slip(struct pace *pace, uint64_t now_ns)
{
	uint64_t due = pace_due(pace);

	if (pace->rate.kind == RATE_MAX || now_ns < due ||
	    now_ns - due <= PACE_CATCH_UP_NS)
		return;
	due = now_ns - due - PACE_CATCH_UP_NS;
	pace->start_ns += due;
	pace->slipped_ns += due;
}

double pace_wanted(const struct pace *pace)
{
	if (pace->rate.kind == RATE_MAX)
		return 0;
	return (double)pace->rate.milli / 1000 / pace->parts;
}

void pace_join(struct pace *all, const struct pace *worker)
{
	all->joined_ns += worker->slipped_ns;
	all->slipped_ns = all->joined_ns / worker->parts;
}

/* splitmix64 (Steele, Lea, Flood 2014): any seed is a good one. */
uint64_t mix_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

void mix_start(struct mix *mix, const struct size_range *range, uint32_t extra,
	       uint64_t seed)
{
	*mix = (struct mix){ *range, extra, seed };
}

/* The simple IMIX: 7 short, 4 middle and 1 full frame of IPv4 packets of 40,
 * 576 and 1500 bytes, in random order. */
static uint32_t pace_mix_imix(uint64_t random)
{
	uint64_t slot = random % 12;

	if (slot < 7)
		return 60;
	return slot < 11 ? 590 : 1514;
}

uint32_t mix_next(struct mix *mix)
{
	uint32_t span = mix->range.max - mix->range.min;
	uint64_t random;

	if (!mix->range.imix && span == 0)
		return mix->range.min;
	random = mix_random(&mix->state) >> 32;
	if (mix->range.imix)
		return pace_mix_imix(random) + mix->extra;
	return mix->range.min + (uint32_t)(random * (span + 1ULL) >> 32);
}

uint32_t mix_mean(const struct size_range *range, uint32_t extra)
{
	if (range->imix)
		return (7 * 60 + 4 * 590 + 1514 + 6) / 12 + extra;
	return range->min + (range->max - range->min) / 2;
}

uint32_t mix_max(const struct size_range *range, uint32_t extra)
{
	return range->imix ? 1514 + extra : range->max;
}
