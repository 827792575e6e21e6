/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequence numbers, histogram, schedule and sizes of a stream of frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pktgen/histogram.h"
#include "tools/pktgen/pace.h"
#include "tools/pktgen/sequence_tracker.h"

/* --- Sequence numbers ------------------------------------------------------ */

static struct tracker tracker;

static void add_range(uint64_t from, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		tracker_add(&tracker, from + i);
}

static void expect(uint64_t unique, uint64_t duplicates, uint64_t reordered,
		   uint64_t late)
{
	assert_true(tracker.unique == unique);
	assert_true(tracker.duplicates == duplicates);
	assert_true(tracker.reordered == reordered);
	assert_true(tracker.out_of_window == late);
}

static void test_in_order(void **state)
{
	(void)state;
	memset(&tracker, 0, sizeof(tracker));
	tracker_start(&tracker, 0);
	assert_int_equal(tracker_lost(&tracker, 10), 10);
	add_range(0, 200000);
	expect(200000, 0, 0, 0);
	assert_int_equal(tracker_lost(&tracker, 200000), 0);
	assert_int_equal(tracker_lost(&tracker, 200007), 7);
}

static void test_loss(void **state)
{
	(void)state;
	memset(&tracker, 0, sizeof(tracker));
	tracker_start(&tracker, 0);
	add_range(3, 7);	 /* 0 to 2 are missing */
	add_range(15, 5);	 /* 10 to 14 */
	add_range(1000000, 10);	 /* far beyond the window */
	expect(22, 0, 0, 0);
	assert_int_equal(tracker_lost(&tracker, tracker.next), 1000010 - 22);
}

static void test_duplicates(void **state)
{
	(void)state;
	memset(&tracker, 0, sizeof(tracker));
	tracker_start(&tracker, 0);
	add_range(0, 100);
	add_range(50, 50);
	tracker_add(&tracker, 99);
	expect(100, 51, 0, 0);
	assert_int_equal(tracker_lost(&tracker, 100), 0);
}

static void test_reorder(void **state)
{
	static const uint64_t order[] = { 0, 2, 1, 5, 4, 3, 6, 6, 9, 7 };

	(void)state;
	memset(&tracker, 0, sizeof(tracker));
	tracker_start(&tracker, 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		tracker_add(&tracker, order[i]);
	expect(9, 1, 4, 0);
	assert_int_equal(tracker_lost(&tracker, 10), 1);
}

/* A number just inside the window is known, one outside is too old. */
static void test_window(void **state)
{
	(void)state;
	memset(&tracker, 0, sizeof(tracker));
	tracker_start(&tracker, 0);
	add_range(0, 10);
	tracker_add(&tracker, TRACKER_WINDOW + 9);
	tracker_add(&tracker, 10); /* the oldest one that the window holds */
	expect(12, 0, 1, 0);
	tracker_add(&tracker, 9);
	tracker_add(&tracker, 0);
	expect(12, 0, 1, 2);
	tracker_add(&tracker, 10);
	expect(12, 1, 1, 2);
	/* The place of 11 was never marked, though 11 - window would share it. */
	tracker_add(&tracker, 11);
	expect(13, 1, 2, 2);
}

static void test_wrap(void **state)
{
	(void)state;
	memset(&tracker, 0, sizeof(tracker));
	tracker_start(&tracker, UINT64_MAX - 9);
	add_range(UINT64_MAX - 9, 5);
	add_range(UINT64_MAX - 3, 14); /* across the wrap, one missing */
	tracker_add(&tracker, UINT64_MAX);
	tracker_add(&tracker, UINT64_MAX - 4);
	expect(20, 1, 1, 0);
	assert_int_equal(tracker_lost(&tracker, 10), 0);
	assert_true(tracker.next == 10);
}

/* With a remote sender the stream begins with the first frame that arrives; an earlier
 * number that follows moves the beginning. */
static void test_unknown_start(void **state)
{
	(void)state;
	memset(&tracker, 0, sizeof(tracker));
	tracker_add(&tracker, 5000);
	tracker_add(&tracker, 5002);
	tracker_add(&tracker, 4998);
	expect(3, 0, 1, 0);
	assert_int_equal(tracker_lost(&tracker, tracker.next), 2);
}

/* Against a slow model: random steps, all counts the same. */
static void test_model(void **state)
{
	static uint8_t seen[400000];
	uint64_t random = 42, next = 0, unique = 0, duplicates = 0, late = 0;

	(void)state;
	memset(&tracker, 0, sizeof(tracker));
	tracker_start(&tracker, 0);
	for (int i = 0; i < 100000; i++) {
		uint64_t back = mix_random(&random) % 3000;
		uint64_t sequence = next + mix_random(&random) % 4;

		if (mix_random(&random) % 3 == 0 && back < next)
			sequence = next - back;
		if (seen[sequence])
			duplicates++;
		else if (sequence < next)
			late++;
		unique += seen[sequence] == 0;
		seen[sequence] = 1;
		if (sequence >= next)
			next = sequence + 1;
		tracker_add(&tracker, sequence);
	}
	expect(unique, duplicates, late, 0);
	assert_int_equal(tracker_lost(&tracker, next), next - unique);
}

/* --- Histogram ------------------------------------------------------------- */

static struct histogram histogram;

static void test_histogram_exact(void **state)
{
	(void)state;
	memset(&histogram, 0, sizeof(histogram));
	assert_int_equal(histogram_percentile(&histogram, 500), 0);
	for (uint64_t i = 1; i <= 60; i++)
		histogram_add(&histogram, i);
	assert_int_equal(histogram.min, 1);
	assert_int_equal(histogram.max, 60);
	assert_true(histogram_average(&histogram) == 30.5);
	assert_int_equal(histogram_percentile(&histogram, 500), 30);
	assert_int_equal(histogram_percentile(&histogram, 1000), 60);
	assert_int_equal(histogram_percentile(&histogram, 0), 1);
	assert_int_equal(histogram_percentile(&histogram, 1), 1);
}

/* One value of any size: never too low, at most 1/32 too high. */
static void test_histogram_error(void **state)
{
	(void)state;
	for (int shift = 0; shift < 64; shift++)
		for (uint64_t i = 0; i < 70; i++) {
			uint64_t value = (1ULL << shift) + i * ((1ULL << shift) / 70);
			uint64_t got;

			memset(&histogram, 0, sizeof(histogram));
			histogram_add(&histogram, value);
			/* A larger one, so that the maximum does not hide errors. */
			histogram_add(&histogram, UINT64_MAX);
			got = histogram_percentile(&histogram, 500);
			assert_true(got >= value);
			assert_true(got - value <= value / 32);
		}
}

static void test_histogram_order(void **state)
{
	(void)state;
	memset(&histogram, 0, sizeof(histogram));
	for (uint64_t i = 0; i < 99000; i++)
		histogram_add(&histogram, 10000);
	for (uint64_t i = 0; i < 1000; i++)
		histogram_add(&histogram, 5000000);
	assert_in_range(histogram_percentile(&histogram, 500), 10000, 10313);
	assert_in_range(histogram_percentile(&histogram, 990), 10000, 10313);
	assert_int_equal(histogram_percentile(&histogram, 991), 5000000);
	assert_int_equal(histogram_percentile(&histogram, 999), 5000000);
}

/* --- Schedule and sizes ----------------------------------------------------- */

static const struct pace_share all = { 0 };

/* Frames sent by one worker's schedule in `seconds`, asked every 7.001 us. */
static uint64_t run_share(const struct rate *rate, const struct pace_share *share,
			  uint32_t size, uint64_t seconds)
{
	const uint64_t start = 123456789;
	struct pace pace;
	uint64_t frames = 0;

	pace_start(&pace, rate, share, start);
	for (uint64_t now = start; now < start + seconds * 1000000000; now += 7001) {
		uint64_t allowance = pace_allowance(&pace, now);

		while (pace.spent <= allowance) {
			assert_true(pace_due(&pace) <= now);
			pace_spend(&pace, size);
			frames++;
		}
		assert_true(pace_due(&pace) > now);
		pace_slip(&pace, now);
	}
	assert_int_equal(pace.slipped_ns, 0);
	return frames;
}

static uint64_t run_pace(const struct rate *rate, uint32_t size, uint64_t seconds)
{
	return run_share(rate, &all, size, seconds);
}

static void test_pace(void **state)
{
	const struct rate third = { RATE_PPS, 333333 };	/* 333.333 a second */
	const struct rate fast = { RATE_PPS, 1000000000 };
	const struct rate bits = { RATE_BPS, 100000000000 }; /* 100 Mbit/s */

	(void)state;
	assert_in_range(run_pace(&third, 60, 30), 9999, 10001);
	assert_in_range(run_pace(&fast, 60, 2), 1999990, 2000001);
	/* 84 bytes on the wire: 148809.52 frames a second. */
	assert_in_range(run_pace(&bits, 60, 10), 1488080, 1488096);
	assert_in_range(run_pace(&bits, 1514, 10), 81270, 81275);
}

/* After a stall of a second only 10 ms are made up for. */
static void test_pace_stall(void **state)
{
	const struct rate rate = { RATE_PPS, 1000000000 };
	struct pace pace;

	(void)state;
	pace_start(&pace, &rate, &all, 0);
	pace_slip(&pace, 1000000000);
	assert_int_equal(pace.slipped_ns, 990000000);
	assert_in_range(pace_allowance(&pace, 1000000000), 9999, 10001);
}

/* The rate of one worker, and the frames that all of them skipped. */
static void test_pace_parts(void **state)
{
	struct rate rate = { RATE_PERCENT, 2500 };	/* 2.5 per cent */
	const struct pace_share share = { 4, 1, 60 };
	const struct rate max = { RATE_MAX, 0 };
	struct pace sum, worker;

	(void)state;
	pace_resolve(&rate, 10000);
	assert_int_equal(rate.kind, RATE_BPS);
	assert_int_equal(rate.milli, 250000000000); /* 250 Mbit/s */
	pace_resolve(&rate, 1);
	assert_int_equal(rate.milli, 250000000000);
	pace_start(&sum, &rate, &all, 0);
	pace_start(&worker, &rate, &share, 0);
	assert_true(pace_wanted(&sum) == 250e6);
	assert_true(pace_wanted(&worker) == 62.5e6);
	worker.slipped_ns = 3;
	for (int i = 0; i < 4; i++)
		pace_join(&sum, &worker);
	assert_int_equal(sum.slipped_ns, 3);
	pace_start(&sum, &max, &all, 0);
	assert_true(pace_wanted(&sum) == 0);
}

/* However many workers share a rate, together they send as many frames as one would, and
 * none sends two before each of the others has sent one. */
static void check_shares(const struct rate *rate, uint32_t size, uint64_t seconds)
{
	static const uint32_t parts[] = { 2, 3, 16 };
	uint64_t whole = run_pace(rate, size, seconds);

	for (size_t n = 0; n < sizeof(parts) / sizeof(parts[0]); n++) {
		struct pace_share share = { parts[n], 0, size };
		uint64_t sum = 0;

		for (; share.index < parts[n]; share.index++) {
			uint64_t frames = run_share(rate, &share, size, seconds);

			assert_int_equal(frames, pace_part(whole, &share));
			sum += frames;
		}
		assert_int_equal(sum, whole);
	}
}

static void test_pace_shares(void **state)
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
static void test_pace_small(void **state)
{
	const struct rate least = { RATE_PPS, 1 };
	const struct pace_share last = { 128, 127, 60 };
	struct pace pace;

	(void)state;
	pace_start(&pace, &least, &last, 0);
	assert_int_equal(pace_due(&pace), 127 * 1000000000000ULL);
	assert_true(pace_allowance(&pace, 127 * 1000000000000ULL - 1) < pace.spent);
	assert_int_equal(pace_allowance(&pace, 127 * 1000000000000ULL), pace.spent);
	pace_spend(&pace, 60);
	assert_int_equal(pace_due(&pace), 255 * 1000000000000ULL);
}

static void test_mix(void **state)
{
	const struct size_range span = { 0, 60, 1514 }, one = { 0, 99, 99 };
	const struct size_range imix = { 1, 0, 0 };
	uint32_t counts[1600] = { 0 };
	struct mix a, b;

	(void)state;
	mix_start(&a, &one, 0, 1);
	assert_int_equal(mix_next(&a), 99);
	mix_start(&a, &span, 0, 1);
	mix_start(&b, &span, 0, 1);
	for (int i = 0; i < 200000; i++) {
		uint32_t size = mix_next(&a);

		assert_in_range(size, 60, 1514);
		assert_int_equal(mix_next(&b), size);
		counts[size]++;
	}
	for (uint32_t size = 60; size <= 1514; size++)
		assert_in_range(counts[size], 70, 220); /* 137 is the mean */
	memset(counts, 0, sizeof(counts));
	mix_start(&a, &imix, 4, 9);
	for (int i = 0; i < 120000; i++)
		counts[mix_next(&a)]++;
	assert_in_range(counts[64], 69000, 71000);
	assert_in_range(counts[594], 39000, 41000);
	assert_in_range(counts[1518], 9500, 10500);
	assert_int_equal(mix_max(&imix, 4), 1518);
	assert_int_equal(mix_mean(&imix, 4), 358 + 4);
	assert_int_equal(mix_mean(&span, 0), 787);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_reorder),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_wrap),
		cmocka_unit_test(test_unknown_start),
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_histogram_exact),
		cmocka_unit_test(test_histogram_error),
		cmocka_unit_test(test_histogram_order),
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_pace_stall),
		cmocka_unit_test(test_pace_parts),
		cmocka_unit_test(test_pace_shares),
		cmocka_unit_test(test_pace_small),
		cmocka_unit_test(test_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
