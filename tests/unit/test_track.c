/* SPDX-License-Identifier: BSD-3-Clause */
/* What tracks say of the numbers that came, against a slow model; both kinds of record. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pktgen/engine/engine.h"
#include "tools/pktgen/engine/schedule.h"
#include "tools/pktgen/engine/track.h"

#define NUMBERS 100000

static uint8_t seen[NUMBERS];

struct sums {
	uint64_t unique, late, duplicates, old;
	int64_t begin, middle;
};

static struct track_table table;

static void add(struct sums *sums, uint32_t index, uint64_t sequence, uint64_t start)
{
	struct track_step step;

	track_add(&table, index, sequence, start, 1000 + sequence, &step);
	sums->unique += step.kind == TRACK_NEWEST || step.kind == TRACK_LATE;
	sums->late += step.kind == TRACK_LATE;
	sums->duplicates += step.kind == TRACK_DUPLICATE;
	sums->old += step.kind == TRACK_OLD;
	sums->begin += step.begin;
	sums->middle += step.middle;
}

/* Holes by looking at all numbers. */
static void check_holes(const struct sums *sums, uint64_t start)
{
	int64_t begin = 0, middle = 0;
	uint64_t lowest = start, highest = NUMBERS;

	while (lowest < NUMBERS && !seen[lowest])
		lowest++;
	while (highest > 0 && !seen[highest - 1])
		highest--;
	begin = (int64_t)(lowest - start);
	for (uint64_t i = lowest; i < highest; i++)
		middle += !seen[i];
	assert_int_equal(sums->begin, begin);
	assert_int_equal(sums->middle, middle);
}

/* Numbers ahead and back by at most `span`, some lost. */
static void check_random(uint32_t index, uint64_t start, uint64_t span, uint64_t seed)
{
	struct sums sums = { 0 };
	uint64_t next = start, unique = 0, late = 0, duplicates = 0, draw = 0;
	struct track_state state;

	memset(seen, 0, sizeof(seen));
	while (next + 4 < NUMBERS / 2) {
		uint64_t random = schedule_random(seed, draw++);
		uint64_t back = random % span, sequence = next + (random >> 32) % 4;

		if (random >> 60 < 5 && back < next - start && next > start)
			sequence = next - 1 - back;
		if (seen[sequence])
			duplicates++;
		else if (sequence < next)
			late++;
		unique += seen[sequence] == 0;
		seen[sequence] = 1;
		if (sequence >= next)
			next = sequence + 1;
		add(&sums, index, sequence, start);
	}
	assert_int_equal(sums.unique, unique);
	assert_int_equal(sums.late, late);
	assert_int_equal(sums.duplicates, duplicates);
	assert_int_equal(sums.old, 0);
	check_holes(&sums, start);
	track_state(&table, index, &state);
	assert_int_equal(state.next, next);
	assert_int_equal(state.unique, unique);
	assert_int_equal(state.reordered, late);
	assert_int_equal(state.latency_max, 1000 + next - 1);
}

static void test_model(void **state)
{
	(void)state;
	assert_int_equal(track_table_make(&table, 20, 10, false), 0);
	check_random(0, 0, 3000, 1);  /* a large window */
	check_random(9, 17, 3000, 2); /* after a warm-up */
	check_random(10, 0, 63, 3);   /* a record */
	check_random(19, 17, 63, 4);
	track_table_free(&table);
}

/* In front of the first number that came: a loss at the beginning, until it is filled. */
static void check_begin(uint32_t index)
{
	struct sums sums = { 0 };

	add(&sums, index, 5, 0);
	assert_int_equal(sums.begin, 5);
	add(&sums, index, 3, 0);
	assert_int_equal(sums.begin, 3);
	assert_int_equal(sums.middle, 1);
	add(&sums, index, 4, 0);
	add(&sums, index, 0, 0);
	assert_int_equal(sums.begin, 0);
	assert_int_equal(sums.middle, 2);
}

static void test_begin(void **state)
{
	struct sums sums = { 0 };

	(void)state;
	assert_int_equal(track_table_make(&table, 4, 2, true), 0);
	check_begin(0);
	check_begin(2);
	/* Where the beginning is not known, it is the first that comes. */
	add(&sums, 1, 1000, SCHEDULE_NEVER);
	add(&sums, 3, 1000, SCHEDULE_NEVER);
	assert_int_equal(sums.begin, 0);
	assert_int_equal(sums.middle, 0);
	track_table_clear(&table);
	check_begin(0);
	check_begin(2);
	track_table_free(&table);
}

/* Tracks of one flow are forgotten, in either kind of memory, and no others. */
static void test_part(void **state)
{
	struct track_state found;

	(void)state;
	assert_int_equal(track_table_make(&table, 6, 3, true), 0);
	for (uint32_t i = 0; i < 6; i++) {
		struct sums sums = { 0 };

		add(&sums, i, 0, 0);
		add(&sums, i, 1, 0);
	}
	track_table_clear_part(&table, 2, 2);
	for (uint32_t i = 0; i < 6; i++) {
		struct sums sums = { 0 };

		track_state(&table, i, &found);
		assert_int_equal(found.unique, i == 2 || i == 3 ? 0 : 2);
		add(&sums, i, 0, 0);
		assert_int_equal(sums.duplicates, i == 2 || i == 3 ? 0 : 1);
	}
	track_table_free(&table);
}

/* A number just inside a record's window is known, one outside is too old. */
static void test_window(void **state)
{
	struct sums sums = { 0 };

	(void)state;
	assert_int_equal(track_table_make(&table, 1, 0, false), 0);
	for (uint64_t i = 0; i < 10; i++)
		add(&sums, 0, i, 0);
	add(&sums, 0, 73, 0);
	add(&sums, 0, 10, 0);
	assert_int_equal(sums.late, 1);
	add(&sums, 0, 9, 0);
	assert_int_equal(sums.old, 1);
	add(&sums, 0, 10, 0);
	assert_int_equal(sums.duplicates, 1);
	add(&sums, 0, 1000000, 0);
	assert_int_equal(sums.middle, 62 + 1000000 - 74);
	track_table_free(&table);
}

/* A run is the same as its frames one by one. */
static void test_run(void **state)
{
	uint64_t next = 5;

	(void)state;
	assert_int_equal(track_table_make(&table, 3, 2, true), 0);
	assert_false(track_expects(&table, 0, 0));
	assert_false(track_expects(&table, 2, 0)); /* a small window */
	for (uint32_t i = 0; i < 500; i++) {
		struct sums sums = { 0 };
		struct track_state states[2] = { 0 };
		struct engine_reordering reordering[2] = { 0 };
		uint32_t count = 1 + i * 7 % 63;

		add(&sums, 0, next, 5);
		add(&sums, 1, next++, 5);
		assert_true(track_expects(&table, 0, next));
		assert_false(track_expects(&table, 0, next + 1));
		assert_false(track_add_run(&table, 0, next - 1, count, 77 + i));
		assert_true(track_add_run(&table, 0, next, count, 77 + i));
		for (uint32_t j = 0; j < count; j++) {
			struct track_step step;

			track_add(&table, 1, next++, 5, 77 + i, &step);
		}
		for (uint32_t j = 0; j < 2; j++) {
			add(&sums, j, next - 1, 5); /* they are known when they come once more */
			track_state(&table, j, &states[j]);
			track_reordering(&table, j, &reordering[j]);
		}
		assert_int_equal(sums.duplicates, 2);
		assert_memory_equal(&states[0], &states[1], sizeof(states[0]));
		assert_memory_equal(&reordering[0], &reordering[1], sizeof(reordering[0]));
	}
	track_table_free(&table);
}

/* With a hole it is not known what comes next. */
static void test_run_behind_a_hole(void **state)
{
	struct sums sums = { 0 };

	(void)state;
	assert_int_equal(track_table_make(&table, 1, 1, false), 0);
	add(&sums, 0, 0, 0);
	add(&sums, 0, 2, 0);
	assert_false(track_expects(&table, 0, 3));
	assert_false(track_add_run(&table, 0, 3, 4, 1));
	add(&sums, 0, 1, 0);
	assert_int_equal(sums.late, 1);
	assert_true(track_expects(&table, 0, 3));
	track_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_begin),
		cmocka_unit_test(test_part),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_run_behind_a_hole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
