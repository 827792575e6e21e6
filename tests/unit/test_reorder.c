/* SPDX-License-Identifier: BSD-3-Clause */
/* How far frames came from their place: by the letter of the RFCs, with all arrivals at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pktgen/engine/reorder.h"
#include "tools/pktgen/engine/schedule.h"
#include "tools/pktgen/engine/track.h"

#define ARRIVALS 20000
#define FAR REORDER_FAR
#define KINDS REORDER_KINDS

static uint64_t arrival[ARRIVALS]; /* numbers, without duplicates; from 1 as in the RFCs */
static size_t arrivals;

/* ---- the definitions ---- */

static void model_rfc4737(struct engine_reordering *found)
{
	for (size_t i = 0; i < arrivals; i++) {
		size_t first = 0, degree = 0;

		while (arrival[first] < arrival[i])
			first++;
		if (first == i)
			continue;
		while (degree < i && arrival[i - 1 - degree] > arrival[i])
			degree++;
		found->extent[(i - first < KINDS ? i - first : KINDS) - 1]++;
		if (degree > 0)
			found->degree[(degree < KINDS ? degree : KINDS) - 1]++;
	}
}

static uint64_t window[FAR + 1], buffer[ARRIVALS];
static size_t windowed, buffered, taken;

static bool model_has(const uint64_t *list, size_t count, uint64_t number)
{
	for (size_t i = 0; i < count; i++)
		if (list[i] == number)
			return true;
	return false;
}

static void model_take(uint64_t index, struct engine_reordering *found)
{
	while (taken < arrivals && windowed <= FAR) {
		if (arrival[taken] >= index)
			window[windowed++] = arrival[taken];
		else
			found->beyond++;
		taken++;
	}
}

static void model_assign(uint64_t *index, struct engine_reordering *found)
{
	uint64_t number = window[0];
	int64_t displacement = (int64_t)(*index - number);

	memmove(window, window + 1, --windowed * sizeof(*window));
	if (displacement < -FAR || displacement > FAR) {
		found->beyond++;
		return;
	}
	found->density[displacement + FAR]++;
	for (size_t i = 0; i < buffered; i++)
		if (buffer[i] == *index)
			buffer[i] = 0;
	if (displacement < 0)
		buffer[buffered++] = number;
	++*index;
}

static void model_rfc5236(struct engine_reordering *found)
{
	uint64_t index = 1;

	windowed = buffered = taken = 0;
	for (model_take(index, found); windowed > 0; model_take(index, found)) {
		if (model_has(window, windowed, index) || model_has(buffer, buffered, index))
			model_assign(&index, found);
		else
			index++;
	}
}

/* ---- against the tracks ---- */

static void measure(struct engine_reordering *found)
{
	struct track_table table;
	struct track_step step;

	memset(found, 0, sizeof(*found));
	assert_int_equal(track_table_make(&table, 2, 1, false), 0);
	for (size_t i = 0; i < arrivals; i++) {
		track_add(&table, 0, arrival[i], 1, 0, &step);
		track_add(&table, 0, arrival[i], 1, 0, &step);
		assert_int_equal(step.kind, TRACK_DUPLICATE);
		track_add(&table, 1, arrival[i], 1, 0, &step);
	}
	assert_true(track_reordering(&table, 0, found));
	assert_false(track_reordering(&table, 1, found));
	track_table_free(&table);
}

static void check(void)
{
	struct engine_reordering found, expected = { 0 };
	uint64_t sum = 0;

	model_rfc4737(&expected);
	model_rfc5236(&expected);
	measure(&found);
	assert_memory_equal(&found, &expected, sizeof(found));
	for (int i = 0; i <= 2 * FAR; i++)
		sum += found.density[i];
	assert_int_equal(sum + found.beyond, arrivals);
}

/* Each number comes when it is sent, or up to `latest` numbers later; some are lost. */
static void draw(uint64_t seed, uint64_t late_of_100, uint64_t latest, uint64_t lost_of_100)
{
	static uint64_t due[ARRIVALS];
	uint64_t draws = 0;

	for (size_t i = 0; i < ARRIVALS; i++) {
		due[i] = i * 1000 + schedule_random(seed, draws++) % 1000;
		if (schedule_random(seed, draws++) % 100 < late_of_100)
			due[i] += 1000 * (1 + schedule_random(seed, draws++) % latest);
		if (schedule_random(seed, draws++) % 100 < lost_of_100)
			due[i] = UINT64_MAX;
	}
	arrivals = 0;
	for (uint64_t at = 0; at < ARRIVALS + latest + 1; at++)
		for (size_t i = at > latest + 1 ? at - latest - 1 : 0; i <= at && i < ARRIVALS; i++)
			if (due[i] / 1000 == at)
				arrival[arrivals++] = i + 1;
}

static void test_random(void **state)
{
	static const uint64_t rows[][3] = { { 0, 1, 0 }, { 0, 1, 5 }, { 0, 1, 60 }, { 1, 2, 0 }, { 5, 7, 1 }, { 30, 9, 3 }, { 10, 30, 10 }, { 100, 20, 0 }, { 50, 200, 30 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		draw(i, rows[i][0], rows[i][1], rows[i][2]);
		assert_true(arrivals > ARRIVALS / 4);
		check();
	}
}

static void take(const uint64_t *list, size_t count, struct engine_reordering *found)
{
	memcpy(arrival, list, count * sizeof(*list));
	arrivals = count;
	check();
	measure(found);
}

/* What can be told by looking. */
static void test_examples(void **state)
{
	static const uint64_t swapped[] = { 1, 3, 2, 4 };
	static const uint64_t lost[] = { 1, 2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	static const uint64_t block[] = { 1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11 };
	static const uint64_t early[] = { 4, 1, 2, 3, 5 };
	struct engine_reordering found;

	(void)state;
	take(swapped, 4, &found);
	assert_int_equal(found.extent[0], 1);
	assert_int_equal(found.degree[0], 1);
	assert_int_equal(found.density[FAR], 2);
	assert_int_equal(found.density[FAR - 1], 1);
	assert_int_equal(found.density[FAR + 1], 1);
	take(lost, 14, &found);
	assert_int_equal(found.density[FAR], 14);
	/* 4, 5, 6 are 4, 5 and 6 behind 7; in front of 4 there are 4 with higher numbers, in front of the others none. */
	take(block, 11, &found);
	assert_int_equal(found.extent[3], 1);
	assert_int_equal(found.extent[4], 1);
	assert_int_equal(found.extent[5], 1);
	assert_int_equal(found.degree[3], 1);
	assert_int_equal(found.density[FAR - 3], 4);
	assert_int_equal(found.density[FAR + 4], 3);
	take(early, 5, &found);
	assert_int_equal(found.density[FAR - 3], 1);
	assert_int_equal(found.density[FAR + 1], 3);
	assert_int_equal(found.density[FAR], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
