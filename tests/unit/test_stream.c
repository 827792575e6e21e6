/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequence numbers and histogram of a stream of frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pktgen/engine/schedule.h"
#include "tools/pktgen/histogram.h"
#include "tools/pktgen/sequence_tracker.h"

/* ---- Sequence numbers ---- */

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
	uint64_t random = 0, next = 0, unique = 0, duplicates = 0, late = 0;

	(void)state;
	memset(&tracker, 0, sizeof(tracker));
	tracker_start(&tracker, 0);
	for (int i = 0; i < 100000; i++) {
		uint64_t back = schedule_random(42, random++) % 3000;
		uint64_t sequence = next + schedule_random(42, random++) % 4;

		if (schedule_random(42, random++) % 3 == 0 && back < next)
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

/* ---- Histogram ---- */

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

static int compare_values(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Put together from parts it is what one would be; and a value many times at once. */
static void test_histogram_join(void **state)
{
	static struct histogram part[3], whole, sum;

	(void)state;
	for (uint64_t i = 0; i < 30000; i++) {
		uint64_t value = schedule_random(5, i) >> (i % 60);

		histogram_add(&part[i % 3], value);
		histogram_add(&whole, value);
	}
	histogram_add_many(&part[2], 7, 1000);
	for (int i = 0; i < 1000; i++)
		histogram_add(&whole, 7);
	for (int i = 0; i < 3; i++)
		histogram_join(&sum, &part[i]);
	assert_int_equal(sum.count, whole.count);
	assert_int_equal(sum.min, whole.min);
	assert_int_equal(sum.max, whole.max);
	assert_memory_equal(sum.bucket, whole.bucket, sizeof(sum.bucket));
	assert_true(histogram_average(&sum) / histogram_average(&whole) - 1 < 1e-12);
}

/* Percentiles are those of the sorted values, at most 1/32 higher. */
static void test_histogram_raw(void **state)
{
	static uint64_t raw[20000];
	const size_t count = sizeof(raw) / sizeof(raw[0]);

	(void)state;
	memset(&histogram, 0, sizeof(histogram));
	for (size_t i = 0; i < count; i++) {
		raw[i] = 800 + schedule_random(1, i) % 5000 + (i % 100 == 0 ? 1000000 : 0);
		histogram_add(&histogram, raw[i]);
	}
	qsort(raw, count, sizeof(raw[0]), compare_values);
	for (unsigned int per_mille = 1; per_mille <= 1000; per_mille++) {
		uint64_t want = raw[(count * per_mille + 999) / 1000 - 1];
		uint64_t got = histogram_percentile(&histogram, per_mille);

		assert_true(got >= want && got - want <= want / 32);
	}
}

/* What is cleared is empty, and what is joined there again is as in a new one. */
static void test_histogram_clear(void **state)
{
	static struct histogram part, sum, fresh;
	static const unsigned int per_mille[] = { 0, 1, 500, 900, 999, 1000 };
	uint64_t value[6];

	(void)state;
	memset(&sum, 0, sizeof(sum));
	for (unsigned int shift = 0; shift < 53; shift += 7) {
		memset(&part, 0, sizeof(part));
		for (uint64_t i = 0; i < 300; i++)
			histogram_add(&part, (7 * i + 1) << shift);
		histogram_clear(&sum);
		memset(&fresh, 0, sizeof(fresh));
		assert_memory_equal(&sum, &fresh, sizeof(sum));
		histogram_clear(&sum);
		histogram_join(&sum, &part);
		assert_memory_equal(&sum, &part, sizeof(sum));
		histogram_percentiles(&sum, per_mille, 6, value);
		for (size_t i = 0; i < 6; i++)
			assert_int_equal(value[i], histogram_percentile(&part, per_mille[i]));
		assert_int_equal(value[0], 1ULL << shift);
		assert_int_equal(value[5], part.max);
	}
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
		cmocka_unit_test(test_histogram_join),
		cmocka_unit_test(test_histogram_raw),
		cmocka_unit_test(test_histogram_clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
