/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods of `vionet test` that do not search, and back-to-back frames, on paths whose answer is known, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/simulated_path.h"
#include "tools/shared/common.h"
#include "tools/test/rfc2544.h"
#include "tools/test/soak.h"

/* ---- Frame loss rate, back-to-back frames ---- */

static void test_frame_loss(void **state)
{
	const struct trial_input input = { .load = 100000, .duration_ns = 1000000000, .size = 60 };
	struct simulated_path simulated;

	(void)state;
	simulated_path_init(&simulated, 1);
	simulated.rate = 75000;
	assert_int_equal(rfc2544_frame_loss(&simulated.path, &input, 0.1, &trials), CODE_OK);
	assert_int_equal(trials.count, 5); /* 100, 90, 80, and 70, 60 without loss */
	assert_float_equal(trials.result[0].loss_ratio, 0.25, 1e-9);
	assert_float_equal(trials.result[2].loss_ratio, 0.0625, 1e-9);
	assert_float_equal(trials.result[3].loss_ratio, 0, 0);
	assert_float_equal(trials.result[4].input.load, 60000, 1e-6);
	trial_log_free(&trials);
	simulated.rate = 1;
	assert_int_equal(rfc2544_frame_loss(&simulated.path, &input, 0.1, &trials), CODE_OK);
	assert_int_equal(trials.count, 10);
}

/* A bucket of 500 frames that empties at 100000 a second, and bursts at a million: 555 frames
 * come through, and the correction of RFC 9004 takes out what went away meanwhile. */
static void test_back_to_back(void **state)
{
	const struct back_to_back_input input = { .size = 60, .frames_max = 2000000, .repeats = 50, .throughput = 100000 };
	struct back_to_back_result result;
	struct simulated_path simulated;

	(void)state;
	simulated_path_init(&simulated, 1);
	simulated.rate = 100000;
	simulated.depth = 500;
	simulated.line = 1000000;
	assert_int_equal(rfc2544_back_to_back(&simulated.path, &input, &trials, &result), CODE_OK);
	assert_int_equal(result.repeats, 50);
	assert_false(result.endless);
	assert_float_equal(result.frames, 555, 1.5);
	assert_true(result.min <= result.frames && result.frames <= result.max);
	assert_float_equal(result.rate, 1000000, 1);
	assert_float_equal(result.implied_s, 555e-6, 2e-6);
	assert_float_equal(result.corrected_s, 500e-6, 2e-6);
}

static void test_back_to_back_without_end(void **state)
{
	const struct back_to_back_input input = { .size = 60, .frames_max = 100000, .repeats = 50 };
	struct back_to_back_result result;
	struct simulated_path simulated;

	(void)state;
	simulated_path_init(&simulated, 1);
	assert_int_equal(rfc2544_back_to_back(&simulated.path, &input, &trials, &result), CODE_OK);
	assert_true(result.endless);
	assert_int_equal(result.repeats, 1);
	assert_int_equal(result.min, 100000);
	assert_true(result.corrected_s == 0);
}

/* A device that loses nothing, and takes a frame when it likes: no burst holds the search. */
static void test_back_to_back_of_a_slow_device(void **state)
{
	const struct back_to_back_input input = { .size = 60, .frames_max = 20000000, .limit_ns = 20000000000, .repeats = 1 };
	struct back_to_back_result result;
	struct simulated_path simulated;

	(void)state;
	simulated_path_init(&simulated, 1);
	simulated.line = 1000;
	assert_int_equal(rfc2544_back_to_back(&simulated.path, &input, &trials, &result), CODE_OK);
	assert_int_equal(result.repeats, 1);
	assert_false(result.endless);
	assert_true(simulated.now < 20.1 * trials.count);
}

/* Not even one frame. */
static void test_back_to_back_of_nothing(void **state)
{
	const struct back_to_back_input input = { .size = 60, .frames_max = 100000, .repeats = 3 };
	struct back_to_back_result result;
	struct simulated_path simulated;

	(void)state;
	simulated_path_init(&simulated, 1);
	simulated.rate = 1e-9;
	assert_int_equal(rfc2544_back_to_back(&simulated.path, &input, &trials, &result), CODE_OK);
	assert_int_equal(result.max, 0);
	assert_int_equal(result.repeats, 3);
}

/* ---- Soak ---- */

static int soak(struct simulated_path *simulated, struct soak *soak, double seconds)
{
	const struct trial_input input = { .load = 1000, .duration_ns = (uint64_t)(seconds * 1e9), .size = 60 };

	return soak_run(soak, &simulated->path, &input, &trials);
}

static void test_soak(void **state)
{
	struct simulated_path simulated;
	struct soak kept = { .limits = { .loss_ratio = 0, .per_mille = 990, .latency_ns = 6000, .rate = 999 } };
	struct soak slipped = { .limits = { .loss_ratio = 0 } };
	struct soak lossy = { .limits = { .loss_ratio = 0.25 } };
	struct soak slow = { .limits = { .loss_ratio = -1, .per_mille = 990, .latency_ns = 4000 } };
	struct soak less = { .limits = { .loss_ratio = -1, .rate = 600 } };

	(void)state;
	simulated_path_init(&simulated, 1);
	assert_int_equal(soak(&simulated, &kept, 100), CODE_OK);
	assert_int_equal(kept.violation, SOAK_KEPT);
	simulated.slips = 1;
	assert_int_equal(soak(&simulated, &slipped, 100), CODE_OK);
	assert_true(trials.result[trials.count - 1].sent < 96000);
	simulated.slips = 0;
	assert_int_equal(soak(&simulated, &slow, 100), CODE_LIMIT);
	assert_int_equal(slow.violation, SOAK_LATENCY);
	assert_true(slow.violation_s == 1);
	simulated.rate = 500;
	assert_int_equal(soak(&simulated, &lossy, 100), CODE_LIMIT);
	assert_int_equal(lossy.violation, SOAK_LOSS);
	assert_float_equal(lossy.value, 0.5, 1e-6);
	assert_int_equal(soak(&simulated, &less, 3), CODE_LIMIT);
	assert_int_equal(less.violation, SOAK_RATE);
	assert_float_equal(less.value, 500, 1);
	simulated.fail_at = simulated.trials + 1;
	assert_int_equal(soak(&simulated, &less, 3), CODE_FAILED);
	simulated.breaks = true;
	assert_int_equal(soak(&simulated, &less, 3), CODE_FAILED);
	assert_int_equal(trials.result[trials.count - 1].sent, 3000);
	assert_float_equal(trials.result[trials.count - 1].loss_ratio, 0.5, 1e-6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, clear_trials, clear_trials)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_frame_loss),
		TEST(test_back_to_back),
		TEST(test_back_to_back_without_end),
		TEST(test_back_to_back_of_a_slow_device),
		TEST(test_back_to_back_of_nothing),
		TEST(test_soak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
