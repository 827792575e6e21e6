/* SPDX-License-Identifier: BSD-3-Clause */
/* Which frames the workers of a flow send, and when: in virtual time, against sums that are
 * made here by division. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

#include <cmocka.h>

#include "tools/pktgen/engine/schedule.h"

#define SECOND 1000000000ULL

static const struct schedule_share alone = { 1, 0, 1 };

static struct schedule_plan plan_of(struct rate rate)
{
	return (struct schedule_plan){ .rate = rate, .overhead = 24, .size = 60 };
}

/* Frames of one worker that are due in `seconds`; their due times never fall. */
static uint64_t run_share(const struct rate *rate, const struct schedule_share *share,
			  uint32_t size, uint64_t seconds)
{
	const uint64_t start = 123456789;
	struct schedule_plan plan = plan_of(*rate);
	struct schedule schedule;
	uint64_t frames = 0, last = 0;

	plan.size = size;
	plan.time_ns = seconds * SECOND;
	schedule_start(&schedule, &plan, share, start);
	while (schedule_due(&schedule) != SCHEDULE_NEVER) {
		uint64_t due = schedule_due(&schedule);

		assert_true(due >= last && due >= start);
		assert_false(schedule_is_due(&schedule, due - 1));
		assert_true(schedule_is_due(&schedule, due));
		last = due;
		schedule_advance(&schedule, size, due);
		frames++;
	}
	return frames;
}

static uint64_t run_alone(const struct rate *rate, uint32_t size, uint64_t seconds)
{
	return run_share(rate, &alone, size, seconds);
}

/* Frame n is due at n over the rate: so many are due before a time, to the frame. */
static void test_rates(void **state)
{
	const struct rate third = { RATE_PPS, 333333 }; /* 333.333 a second */
	const struct rate three = { RATE_PPS, 3000 };
	const struct rate fast = { RATE_PPS, 1000000000 };
	const struct rate odd = { RATE_PPS, 1234567891 };
	const struct rate bits = { RATE_BPS, 100000000000 }; /* 100 Mbit/s */

	(void)state;
	assert_int_equal(run_alone(&third, 60, 30), 10000);
	assert_int_equal(run_alone(&third, 60, 300000), 99999900);
	assert_int_equal(run_alone(&three, 60, 7), 21);
	assert_int_equal(run_alone(&fast, 60, 2), 2000000);
	assert_int_equal(run_alone(&odd, 60, 10), 12345679);
	/* 84 bytes on the wire: 148809.52 frames a second. */
	assert_int_equal(run_alone(&bits, 60, 10), 1488096);
	assert_int_equal(run_alone(&bits, 1514, 10), 81275);
}

/* After a stall of a second only 10 ms are made up for. */
static void test_stall(void **state)
{
	struct schedule_plan plan = plan_of((struct rate){ RATE_PPS, 1000000000 });
	struct schedule schedule;
	uint64_t frames = 0;

	(void)state;
	schedule_start(&schedule, &plan, &alone, 0);
	schedule_slip(&schedule, 10000000);
	assert_int_equal(schedule.slipped_ns, 0);
	schedule_slip(&schedule, SECOND);
	assert_int_equal(schedule.slipped_ns, 990000000);
	for (; schedule_is_due(&schedule, SECOND); frames++)
		schedule_advance(&schedule, 60, SECOND);
	assert_int_equal(frames, 10001);
}

static void test_percent(void **state)
{
	struct rate rate = { RATE_PERCENT, 2500 }; /* 2.5 per cent */

	(void)state;
	schedule_resolve(&rate, 10000);
	assert_int_equal(rate.kind, RATE_BPS);
	assert_int_equal(rate.milli, 250000000000); /* 250 Mbit/s */
	schedule_resolve(&rate, 1);
	assert_int_equal(rate.milli, 250000000000);
}

/* However many workers share a rate, together they send as many frames as one would, and none
 * sends two before each of the others has sent one. */
static void check_shares(const struct rate *rate, uint32_t size, uint64_t seconds)
{
	static const uint32_t workers[] = { 2, 3, 16 };
	uint64_t whole = run_alone(rate, size, seconds);

	for (size_t n = 0; n < sizeof(workers) / sizeof(workers[0]); n++) {
		struct schedule_share share = { workers[n], 0, workers[n] };
		uint64_t sum = 0;

		for (; share.index < workers[n]; share.index++) {
			uint64_t frames = run_share(rate, &share, size, seconds);

			assert_int_equal(frames, whole / workers[n] +
							 (share.index < whole % workers[n]));
			sum += frames;
		}
		assert_int_equal(sum, whole);
	}
}

static void test_shares(void **state)
{
	const struct rate least = { RATE_PPS, 1 }; /* one in 1000 s */
	const struct rate seven = { RATE_PPS, 7000 };
	const struct rate fast = { RATE_PPS, 100000000 };
	const struct rate bits = { RATE_BPS, 10000000000 };
	const struct rate slow_bits = { RATE_BPS, 1 };

	(void)state;
	check_shares(&least, 60, 1);
	check_shares(&seven, 60, 3);
	check_shares(&fast, 60, 1);
	check_shares(&bits, 60, 1);
	check_shares(&bits, 1514, 1);
	check_shares(&slow_bits, 60, 1);
}

/* Each worker sends, whatever the rate and however long it takes. */
static void test_small_rates(void **state)
{
	struct schedule_plan plan = plan_of((struct rate){ RATE_PPS, 1 });
	const struct schedule_share last = { 128, 127, 128 };
	struct schedule schedule;

	(void)state;
	schedule_start(&schedule, &plan, &last, 0);
	assert_int_equal(schedule_due(&schedule), 127 * 1000 * SECOND);
	schedule_advance(&schedule, 60, 0);
	assert_int_equal(schedule_due(&schedule), 255 * 1000 * SECOND);
}

/* The workers' frames are all frames, each once, and a track is one worker's. */
static void check_numbers(uint64_t streams, uint32_t workers, uint64_t limit)
{
	uint64_t tracks = schedule_tracks(streams, workers);
	uint8_t *seen = calloc(limit, 1);
	struct schedule_plan plan = plan_of((struct rate){ RATE_MAX, 0 });

	assert_non_null(seen);
	assert_true(tracks >= workers && tracks % streams == 0);
	plan.frames = limit;
	for (uint32_t i = 0; i < workers; i++) {
		struct schedule_share share = { workers, i, (uint32_t)tracks };
		struct schedule schedule;

		schedule_start(&schedule, &plan, &share, 0);
		for (; schedule_is_due(&schedule, 0); schedule_advance(&schedule, 60, 0)) {
			assert_true(schedule.number < limit);
			assert_int_equal(schedule.number / tracks, schedule.sequence);
			assert_int_equal(schedule.number % tracks, schedule.track);
			assert_true(schedule.track >= schedule.first &&
				    schedule.track < schedule.end);
			assert_int_equal(seen[schedule.number]++, 0);
		}
		assert_true(schedule_is_over(&schedule, 0));
	}
	for (uint64_t i = 0; i < limit; i++)
		assert_int_equal(seen[i], 1);
	free(seen);
}

static void test_numbers(void **state)
{
	(void)state;
	check_numbers(1, 1, 100);
	check_numbers(1, 4, 1003);
	check_numbers(6, 4, 1003);
	check_numbers(10, 4, 5);
	check_numbers(10, 3, 997);
	check_numbers(1000, 7, 3500);
}

/* Unequal blocks: each stream gets its part of the rate all the same. */
static void test_even_streams(void **state)
{
	struct schedule_plan plan = plan_of((struct rate){ RATE_PPS, 1000000 });

	(void)state;
	plan.time_ns = 100 * SECOND;
	for (uint32_t i = 0; i < 3; i++) {
		const struct schedule_share share = { 3, i, 10 };
		struct schedule schedule;
		uint64_t frames = 0;

		schedule_start(&schedule, &plan, &share, 0);
		for (; schedule_due(&schedule) != SCHEDULE_NEVER; frames++)
			schedule_advance(&schedule, 60, 0);
		assert_in_range(frames, 10000 * (schedule.end - schedule.first) - 1,
				10000 * (schedule.end - schedule.first) + 1);
	}
}

/* 100 bursts of 10 at 1 kpps with gaps of 50 ms; and at the highest rate. */
static void test_bursts(void **state)
{
	struct schedule_plan plan = plan_of((struct rate){ RATE_PPS, 1000000 });
	struct schedule schedule;

	(void)state;
	plan.burst_frames = 10;
	plan.gap_ns = 50000000;
	plan.delay_ns = 7;
	plan.frames = 1000;
	schedule_start(&schedule, &plan, &alone, 0);
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(schedule_due(&schedule),
				 7 + i / 10 * (9000000 + 50000000) + i % 10 * 1000000);
		schedule_advance(&schedule, 60, 0);
	}
	assert_int_equal(schedule_due(&schedule), SCHEDULE_NEVER);
	plan.rate.kind = RATE_MAX;
	schedule_start(&schedule, &plan, &alone, 0);
	for (uint64_t i = 0; i < 30; i++) {
		assert_int_equal(schedule_due(&schedule), 7 + i / 10 * 50000000);
		schedule_advance(&schedule, 60, schedule_due(&schedule));
	}
}

/* Gaps of a Poisson process: mean and deviation are the same, and a third of them (1 - 1/e) is
 * longer than the mean. Twice the same seed: the same gaps. */
static void test_poisson(void **state)
{
	struct schedule_plan plan = plan_of((struct rate){ RATE_PPS, 1000000000 });
	const uint64_t frames = 1000000;
	struct schedule schedule, again;
	double sum = 0, squares = 0;
	uint64_t longer = 0, before = 0;

	(void)state;
	plan.poisson = true;
	plan.seed = 42;
	schedule_start(&schedule, &plan, &alone, 0);
	schedule_start(&again, &plan, &alone, 0);
	for (uint64_t i = 0; i < frames; i++) {
		uint64_t due = schedule_due(&schedule);
		double gap = (double)(due - before);

		assert_int_equal(due, schedule_due(&again));
		sum += gap;
		squares += gap * gap;
		longer += gap > 1000;
		before = due;
		schedule_advance(&schedule, 60, 0);
		schedule_advance(&again, 60, 0);
	}
	sum /= (double)frames;
	assert_true(fabs(sum - 1000) < 5);
	assert_true(fabs(sqrt(squares / (double)frames - sum * sum) - 1000) < 10);
	assert_true(fabs((double)longer / (double)frames - 0.36788) < 0.003);
}

/* Another rate while it runs, at once also from a very small one; a pause is no time. */
static void test_changes(void **state)
{
	struct schedule_plan plan = plan_of((struct rate){ RATE_PPS, 1 });
	const struct rate fast = { RATE_PPS, 1000000 }, max = { RATE_MAX, 0 };
	struct schedule schedule;

	(void)state;
	plan.time_ns = 10 * SECOND;
	schedule_start(&schedule, &plan, &alone, 0);
	schedule_advance(&schedule, 60, 0);
	assert_int_equal(schedule_due(&schedule), SCHEDULE_NEVER);
	schedule_set_rate(&schedule, &fast, SECOND);
	assert_in_range(schedule_due(&schedule), SECOND, SECOND + 1000000);
	schedule_pause(&schedule, 2 * SECOND);
	schedule_resume(&schedule, 5 * SECOND);
	assert_in_range(schedule_due(&schedule), 4 * SECOND, 4 * SECOND + 1000000);
	assert_int_equal(schedule.end_ns, 13 * SECOND);
	schedule_set_rate(&schedule, &max, 5 * SECOND);
	assert_true(schedule_is_due(&schedule, 5 * SECOND));
	assert_false(schedule_is_due(&schedule, 13 * SECOND));
	schedule_set_rate(&schedule, &fast, 6 * SECOND);
	assert_in_range(schedule_due(&schedule), 6 * SECOND, 6 * SECOND + 1000000);
}

/* Another rate does not lengthen the pause that it comes in, nor end a delay. */
static void test_changes_at_rest(void **state)
{
	const struct rate slow = { RATE_PPS, 1000 }, fast = { RATE_PPS, 1000000 }, max = { RATE_MAX, 0 };
	const struct rate *rates[] = { &slow, &fast, &max };
	struct schedule_plan plan;
	struct schedule schedule;

	(void)state;
	for (size_t i = 0; i < 9; i++) {
		const struct rate *before = rates[i % 3], *then = rates[i / 3];

		plan = plan_of(*before);
		schedule_start(&schedule, &plan, &alone, SECOND);
		schedule_advance(&schedule, 60, SECOND);
		schedule_pause(&schedule, SECOND + 1000);
		schedule_set_rate(&schedule, then, 50 * SECOND);
		schedule_resume(&schedule, 100 * SECOND);
		assert_true(schedule_due(&schedule) <= 101 * SECOND);

		plan.delay_ns = 5 * SECOND;
		schedule_start(&schedule, &plan, &alone, SECOND);
		schedule_set_rate(&schedule, then, 2 * SECOND);
		assert_int_equal(schedule_due(&schedule), 6 * SECOND);
	}
}

/* Many frames at once are the same as one by one, and their numbers are `step` apart. */
static void test_runs(void **state)
{
	const struct rate most = { .kind = RATE_MAX };

	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		uint64_t random = schedule_random(9, i);
		uint32_t workers = 1 + random % 3, tracks = workers + (uint32_t)(random >> 8) % 40 * (i % 4 != 0);
		struct schedule_share share = { workers, (uint32_t)(random >> 16) % workers, tracks };
		struct schedule_plan plan = plan_of(most);
		struct schedule one, run;

		plan.frames = (random >> 24) % 500;
		schedule_start(&one, &plan, &share, 0);
		run = one;
		for (uint32_t j = 0; j < 30; j++) {
			uint32_t wanted = 1 + (uint32_t)(schedule_random(i, j) % 70);
			uint64_t number = one.number;
			uint32_t step, got = schedule_run(&run, wanted, &step);

			assert_true(got <= wanted && (got > 0) == (one.number < one.limit));
			for (uint32_t k = 0; k < got; k++) {
				assert_true(one.number < one.limit);
				assert_int_equal(one.number, number + (uint64_t)k * step);
				schedule_advance_fast(&one);
			}
			assert_true(run.number >= run.limit || run.number == one.number);
			assert_true(run.number >= run.limit || run.sequence == one.sequence);
			assert_true(run.number >= run.limit || run.track == one.track);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_stall),
		cmocka_unit_test(test_percent),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_small_rates),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_even_streams),
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_poisson),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_changes_at_rest),
		cmocka_unit_test(test_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
