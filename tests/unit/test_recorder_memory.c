/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture in memory, which is started, stopped and read while the run goes on. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/recorder_fixture.h"
#include "tools/shared/common.h"

static unsigned int read_frames(struct recorder *recorder, bool pcapng)
{
	int fd = open(path_of("out"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int64_t frames = recorder_read(recorder, pcapng, fd);

	close(fd);
	assert_true(frames >= 0);
	expect_libpcap(path_of("out"), (unsigned int)frames);
	return (unsigned int)frames;
}

/* They are numbered from `first` on. */
static void expect_frames(struct recorder *recorder, uint64_t first, unsigned int count)
{
	struct savefile *file;

	assert_int_equal(read_frames(recorder, true), count);
	file = open_file(path_of("out"));
	for (unsigned int i = 0; i < count; i++)
		expect_number(file, first + i);
	savefile_close(file);
}

static void test_memory(void **state)
{
	struct recorder_options options = { .memory = 1 << 20, .signature = test_signature };
	struct recorder *recorder = start_recorder(&options, 1);
	struct savefile *file;

	(void)state;
	see_frame(recorder, 0, true, 60, 0, 1);
	recorder_enable(recorder, true);
	see_frame(recorder, 0, true, 60, 105, 2);
	see_frame(recorder, 0, false, 60, 105, 3);
	recorder_enable(recorder, false);
	see_frame(recorder, 0, true, 60, 0, 4);
	for (int pcapng = 0; pcapng < 2; pcapng++) {
		assert_int_equal(read_frames(recorder, pcapng != 0), 2);
		assert_int_equal(count_text(path_of("out"), "flow web, track 5, 3 missing before"), pcapng);
		file = open_file(path_of("out"));
		assert_string_equal(savefile_format(file), pcapng ? "pcapng" : "pcap");
		assert_int_equal(expect_number(file, 2).length, 60);
		savefile_close(file);
	}
	/* Begun anew, and while it goes on. */
	for (uint64_t number = 5; number < 7; number++) {
		recorder_enable(recorder, true);
		assert_int_equal(read_frames(recorder, false), 0);
		see_frame(recorder, 0, false, 60, 0, number);
		expect_frames(recorder, number, 1);
	}
	assert_int_equal(recorder_stop(recorder), CODE_OK);
	expect_frames(recorder, 6, 1);
	recorder_close(recorder);
}

/* A ring keeps the newest. Begun anew there is room again. */
static void test_memory_that_is_full(void **state)
{
	(void)state;
	for (uint64_t files = 1; files <= 2; files++) {
		struct recorder_options options = { .memory = 40000, .files = files };
		struct recorder *recorder = start_recorder(&options, 1);

		for (uint64_t round = 0; round < 3; round++) {
			struct recorder_counts counts;
			unsigned int frames;

			recorder_enable(recorder, true);
			for (uint32_t i = 0; i < 500; i++)
				see_frame(recorder, 0, true, 500, 0, 1000 * round + i);
			frames = read_frames(recorder, true);
			assert_true(frames > 20 && frames < 90);
			expect_frames(recorder, 1000 * round + (files == 1 ? 0 : 500 - frames), frames);
			recorder_counts(recorder, &counts);
			assert_int_equal(counts.full, files == 1);
		}
		recorder_enable(recorder, true);
		see_frame(recorder, 0, false, 60, 0, 7);
		expect_frames(recorder, 7, 1);
		recorder_close(recorder);
	}
}

/* By the name that it has in a configuration. */
static void test_filter(void **state)
{
	struct recorder_options options = { .memory = 40000, .filter = "no such word" };
	struct recorder *recorder;

	(void)state;
	assert_int_equal(recorder_open(&recorder, &options), CODE_USAGE);
	assert_non_null(strstr(said, "x-vionet.filter 'no such word': "));
	assert_null(strstr(said, "--"));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, recorder_setup, recorder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_memory),
		CASE(test_memory_that_is_full),
		CASE(test_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
