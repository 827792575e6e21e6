/* SPDX-License-Identifier: BSD-3-Clause */
/* The rate limit: what passes is known to the frame. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "softnic/net/limit.h"

#define S 1000000000ull

static void parsed(const char *text, uint64_t milli, uint64_t depth)
{
	struct limit limit;

	assert_int_equal(limit_parse(text, &limit), 0);
	assert_int_equal(limit.milli, milli);
	assert_int_equal(limit.depth, depth);
}

static void test_option(void **state)
{
	static const char *const bad[] = { "", "0", "-1", "x", "1x", "1:", "1:0", "1:x", "1:-1", "1.2345",
					   "1..2", ".5", "1e3", "0.000", "1:2:3", "9999999999999999999",
					   "2000000Mpps", "1k:1000000001", "1 k", "1kpp" };
	struct limit limit;

	(void)state;
	parsed("100000", 100000000, 256);
	parsed("100k", 100000000, 256);
	parsed("100kpps", 100000000, 256);
	parsed("1.5Mpps:64", 1500000000, 64);
	parsed("0.001pps:1", 1, 1);
	parsed("12.34", 12340, 256);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(limit_parse(bad[i], &limit), -EINVAL);
}

/* How many of `count` frames pass, one each `gap` ns. */
static uint64_t passed(struct limit *limit, uint64_t *now, uint64_t count, uint64_t gap)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < count; i++, *now += gap)
		sum += limit_take(limit, *now);
	return sum;
}

/* 3 frames a microsecond do not divide: none may be lost by rounding, nor be won. */
static void test_rate(void **state)
{
	struct limit limit;
	uint64_t now = 12345;

	(void)state;
	assert_int_equal(limit_parse("3M:10", &limit), 0);
	assert_int_equal(passed(&limit, &now, 10000000, 100), 3000000 + 10 - 1);
}

static void test_below_the_rate_all_pass(void **state)
{
	struct limit limit;
	uint64_t now = 1;

	(void)state;
	assert_int_equal(limit_parse("7:1", &limit), 0);
	assert_int_equal(passed(&limit, &now, 1000, S / 7 + 1), 1000);
}

/* A burst of as many as the bucket holds passes after a pause, however long that was. */
static void test_depth(void **state)
{
	struct limit limit;
	uint64_t now = 5;

	(void)state;
	assert_int_equal(limit_parse("1k:64", &limit), 0);
	assert_int_equal(passed(&limit, &now, 100, 0), 64);
	now += 10 * 1000000;
	assert_int_equal(passed(&limit, &now, 100, 0), 10);
	now += 3600 * S;
	assert_int_equal(passed(&limit, &now, 100, 0), 64);
	now += 100000 * 3600 * S;
	assert_int_equal(passed(&limit, &now, 100, 0), 64);
}

static void test_what_is_given_back_is_there_again(void **state)
{
	struct limit limit;
	uint64_t now = 5;

	(void)state;
	assert_int_equal(limit_parse("0.001:2", &limit), 0);
	assert_true(limit_take(&limit, now));
	limit_return(&limit);
	assert_int_equal(passed(&limit, &now, 5, 0), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_option),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_below_the_rate_all_pass),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_what_is_given_back_is_there_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
