/* SPDX-License-Identifier: BSD-3-Clause */
/* A capture beside a run: what is in the file, rings of files, a full disk, frames that do not fit, and several
 * threads. The files are read by the reader for replay, and by libpcap. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <vionet/packet.h>

#include "tests/unit/recorder_fixture.h"
#include "tools/pktgen/capture/frame_ring.h"
#include "tools/shared/common.h"

/* ---- the file ---- */

static void test_file(void **state)
{
	struct recorder_options options = { .path = path_of("x.pcapng"), .snaplen = 100 };
	struct recorder *recorder = start_recorder(&options, 2);
	struct savefile_frame frame;
	struct savefile *file;
	char text[256];

	(void)state;
	see_frame(recorder, 0, true, 60, 0, 1);
	see_frame(recorder, 0, false, 1000, 0, 2);
	assert_int_equal(recorder_stop(recorder), CODE_OK);
	recorder_describe(recorder, text, sizeof(text));
	assert_non_null(strstr(text, "2 of 2 frames in /tmp/vionet-recorder-"));
	assert_null(strstr(text, ","));
	recorder_close(recorder);
	file = open_file(path_of("x.pcapng"));
	frame = expect_number(file, 1);
	assert_int_equal(frame.captured, 60);
	frame = expect_number(file, 2);
	assert_int_equal(frame.captured, 100);
	assert_int_equal(frame.length, 1000);
	assert_int_equal(savefile_interfaces(file), 2);
	savefile_close(file);
	expect_libpcap(path_of("x.pcapng"), 2);
	assert_int_equal(count_text(path_of("x.pcapng"), "vfio-user:/b"), 1);
}

/* As many ports as a configuration may have. */
static void test_last_of_many_ports(void **state)
{
	struct recorder_options options = { .path = path_of("x") };
	static struct pcapng_interface many[64];
	const struct engine_place place = { .port = 63 };
	uint8_t frame[60] = { 0 };
	struct vionet_packet packet = { .data = frame, .length = 60, .segments = 1 }, *packets = &packet;
	struct recorder *recorder;
	struct engine_tap tap;
	struct savefile *file;

	(void)state;
	assert_int_equal(recorder_open(&recorder, &options), CODE_OK);
	assert_int_equal(recorder_start(recorder, many, 64, 1, NULL, 0), CODE_OK);
	tap = recorder_tap(recorder);
	tap.see(tap.context, &place, false, &packets, 1, 1000);
	recorder_close(recorder);
	file = open_file(path_of("x"));
	assert_int_equal(expect_number(file, 0).interface, 63);
	savefile_close(file);
}

/* Only frames around which something is missing have a comment. */
static void test_comments(void **state)
{
	struct recorder_options options = { .path = path_of("x.pcapng"), .signature = test_signature };
	struct recorder *recorder = start_recorder(&options, 1);

	(void)state;
	see_frame(recorder, 0, true, 60, 105, 7);
	see_frame(recorder, 0, false, 60, 105, 0);
	see_frame(recorder, 0, false, 60, 105, 4);
	see_frame(recorder, 0, false, 60, 200, 0);
	see_frame(recorder, 0, false, 60, 105, 3);
	see_frame(recorder, 0, false, 60, 105, 5);
	see_frame(recorder, 0, false, 60, 300, 1);
	recorder_close(recorder);
	expect_libpcap(path_of("x.pcapng"), 7);
	assert_int_equal(count_text(path_of("x.pcapng"), "flow "), 2);
	assert_int_equal(count_text(path_of("x.pcapng"), "flow web, track 5, 3 missing before"), 1);
	assert_int_equal(count_text(path_of("x.pcapng"), "flow web, track 5, late or again: 2 numbers back"), 1);
	assert_int_equal(count_text(path_of("x.pcapng"), "track id 300, 1 missing before"), 1);
}

static void test_filter(void **state)
{
	struct recorder_options options = { .path = path_of("x.pcapng"), .filter = "greater 100", .signature = test_signature };
	struct recorder_counts counts;
	struct recorder *recorder = start_recorder(&options, 1);

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		see_frame(recorder, 0, false, 60 + i, 105, i);
	assert_int_equal(recorder_stop(recorder), CODE_OK);
	recorder_counts(recorder, &counts);
	assert_int_equal(counts.seen, 100);
	assert_int_equal(counts.matched, 60);
	assert_int_equal(counts.written, 60);
	recorder_close(recorder);
	expect_libpcap(path_of("x.pcapng"), 60);
	/* What did not match is not missing. */
	assert_int_equal(count_text(path_of("x.pcapng"), "missing"), 0);
	assert_int_equal(count_text(path_of("x.pcapng"), "greater 100"), 2); /* of each interface */
	options.filter = "no such word";
	assert_int_equal(recorder_open(&recorder, &options), CODE_USAGE);
	assert_non_null(strstr(said, "--capture-filter 'no such word': "));
	assert_null(recorder);
}

/* What the device did not take is not in the file, nor counted, until it is offered again. */
static void test_frames_that_are_not_taken(void **state)
{
	struct recorder_options options = { .path = path_of("x.pcapng"), .filter = "greater 62" };
	struct recorder *recorder = start_recorder(&options, 1);
	struct engine_tap tap = recorder_tap(recorder);
	static uint8_t frame[4][SIZE_MAX_TEST];
	struct vionet_packet packet[4], *packets[4];
	const struct engine_place place = { 0 };
	struct recorder_counts counts;
	struct savefile *file;

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		make_frame(frame[i], 61 + i, 0, i);
		packet[i] = (struct vionet_packet){ .data = frame[i], .length = 61 + i, .segments = 1 };
		packets[i] = &packet[i];
	}
	tap.see(tap.context, &place, true, packets, 4, 1000);
	tap.took(tap.context, &place, 0);
	tap.see(tap.context, &place, true, packets, 4, 1000);
	tap.took(tap.context, &place, 3);
	tap.see(tap.context, &place, true, packets + 3, 1, 1000);
	tap.took(tap.context, &place, 1);
	assert_int_equal(recorder_stop(recorder), CODE_OK);
	recorder_counts(recorder, &counts);
	assert_int_equal(counts.seen, 4);
	assert_int_equal(counts.matched, 3);
	assert_int_equal(counts.written, 3);
	recorder_close(recorder);
	file = open_file(path_of("x.pcapng"));
	for (uint64_t i = 1; i < 4; i++)
		expect_number(file, i);
	savefile_close(file);
	expect_libpcap(path_of("x.pcapng"), 3);
}

/* ---- several files ---- */

static void test_ring_of_files(void **state)
{
	struct recorder_options options = { .path = path_of("x.y.pcapng"), .files = 3, .size = 16384 };
	struct recorder *recorder = start_recorder(&options, 1);
	uint64_t first = UINT64_MAX, last = 0, frames = 0;
	struct recorder_counts counts;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		see_frame(recorder, 0, true, 500, 0, i);
	assert_int_equal(recorder_stop(recorder), CODE_OK);
	recorder_counts(recorder, &counts);
	assert_int_equal(counts.written, 1000);
	assert_true(counts.files > 30);
	recorder_close(recorder);
	for (int i = 0; i < 3; i++) {
		struct savefile_error error;
		struct savefile_frame frame;
		struct savefile *file;
		struct stat status;
		char name[32];
		uint64_t number;

		snprintf(name, sizeof(name), "x.y-%d.pcapng", i);
		assert_int_equal(stat(path_of(name), &status), 0);
		assert_true(status.st_size <= 16384);
		file = open_file(path_of(name));
		while (savefile_next(file, &frame, &error) == 1) {
			memcpy(&number, frame.data + 24, 8);
			first = number < first ? number : first;
			last = number > last ? number : last;
			frames++;
		}
		savefile_close(file);
	}
	/* The newest ones, without a hole. */
	assert_int_equal(last, 999);
	assert_int_equal(frames, last - first + 1);
	assert_true(frames > 50);
}

/* A ring that is hardly used: what was not reached is a valid file too. */
static void test_files_that_are_not_reached(void **state)
{
	struct recorder_options options = { .path = path_of("x"), .files = 2, .size = 16384 };
	struct recorder *recorder = start_recorder(&options, 1);

	(void)state;
	see_frame(recorder, 0, true, 500, 0, 1);
	recorder_close(recorder);
	expect_libpcap(path_of("x-0"), 1);
	expect_libpcap(path_of("x-1"), 0);
}

static void test_size_without_a_ring(void **state)
{
	struct recorder_options options = { .path = path_of("x"), .size = 16384 };
	struct recorder *recorder = start_recorder(&options, 1);
	struct recorder_counts counts;
	struct stat status;
	char text[256];

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		see_frame(recorder, 0, true, 500, 0, i);
	assert_int_equal(recorder_stop(recorder), CODE_OK);
	recorder_counts(recorder, &counts);
	assert_true(counts.full && counts.written > 20 && counts.written < 40);
	recorder_describe(recorder, text, sizeof(text));
	assert_non_null(strstr(text, "; the file was full before the end"));
	recorder_close(recorder);
	assert_int_equal(stat(path_of("x"), &status), 0);
	assert_true(status.st_size <= 16384);
	expect_libpcap(path_of("x"), (unsigned int)counts.written);
}

/* ---- what goes wrong ---- */

static void test_full_disk(void **state)
{
	struct recorder_options options = { .path = "/dev/full" };
	struct recorder *recorder;

	(void)state;
	assert_int_equal(recorder_open(&recorder, &options), CODE_OK);
	assert_int_equal(recorder_start(recorder, recorder_ports, 2, 1, NULL, 0), CODE_FAILED);
	assert_non_null(strstr(said, "--capture /dev/full: No space left on device; the capture ended there"));
	assert_int_equal(recorder_stop(recorder), CODE_FAILED);
	assert_int_equal(says, 1);
	recorder_close(recorder);
}

/* A limit of file sizes cuts a block: what is whole before it stays, and is said once. */
static void test_disk_that_becomes_full(void **state)
{
	struct recorder_options options = { .path = path_of("x") };
	struct recorder *recorder = start_recorder(&options, 1);
	struct recorder_counts counts;
	struct rlimit before, small;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 20001;
	setrlimit(RLIMIT_FSIZE, &small);
	for (uint32_t i = 0; i < 200; i++)
		see_frame(recorder, 0, true, 500, 0, i);
	assert_int_equal(recorder_stop(recorder), CODE_FAILED);
	assert_int_equal(recorder_check(recorder), CODE_FAILED);
	assert_int_equal(says, 1);
	assert_non_null(strstr(said, "File too large; the capture ended there"));
	recorder_counts(recorder, &counts);
	assert_true(counts.failed);
	recorder_close(recorder);
	setrlimit(RLIMIT_FSIZE, &before);
	{
		struct savefile *file = open_file(path_of("x"));
		struct savefile_error error;
		struct savefile_frame frame;
		unsigned int frames = 0;
		int result;

		while ((result = savefile_next(file, &frame, &error)) == 1)
			frames++;
		assert_int_equal(result, 0);
		assert_true(frames > 30 && frames < 36);
		savefile_close(file);
	}
}

/* The reader of a pipe that takes nothing holds up nobody for long. */
static void test_pipe_that_is_not_read(void **state)
{
	struct recorder_options options = { .path = path_of("fifo") };
	struct recorder *recorder;
	int reader;

	(void)state;
	assert_int_equal(mkfifo(options.path, 0600), 0);
	assert_int_equal(recorder_open(&recorder, &options), CODE_FAILED);
	assert_non_null(strstr(said, "no process reads this FIFO; start the reader first"));
	reader = open(options.path, O_RDONLY | O_NONBLOCK);
	recorder = start_recorder(&options, 1);
	for (uint32_t i = 0; i < 300; i++)
		see_frame(recorder, 0, true, 1000, 0, i);
	assert_int_equal(recorder_stop(recorder), CODE_FAILED);
	recorder_close(recorder);
	close(reader);
}

static void test_paths_that_are_none(void **state)
{
	struct recorder_options options = { .path = "/nowhere/x" };
	struct recorder *recorder;

	(void)state;
	assert_int_equal(recorder_open(&recorder, &options), CODE_FAILED);
	assert_non_null(strstr(said, "--capture /nowhere/x: No such file or directory"));
}

/* ---- threads ---- */

#define THREADS 3
#define THREAD_FRAMES 20000u

static struct recorder *shared;

static void *thread_main(void *argument)
{
	for (uint32_t i = 0; i < THREAD_FRAMES; i++)
		see_frame(shared, (uint32_t)(uintptr_t)argument, i % 2 != 0, 60 + i % 1500, 0, i);
	return NULL;
}

/* Each frame is in the file once and in order, or counted. */
static void test_threads(void **state)
{
	struct recorder_options options = { .path = path_of("x") };
	uint64_t frames = 0;
	struct savefile_error error;
	struct savefile_frame frame;
	struct recorder_counts counts;
	pthread_t thread[THREADS];
	struct savefile *file;
	int result;

	(void)state;
	shared = start_recorder(&options, THREADS);
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, thread_main, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(recorder_stop(shared), CODE_OK);
	recorder_counts(shared, &counts);
	recorder_close(shared);
	assert_int_equal(counts.seen, THREADS * THREAD_FRAMES);
	assert_int_equal(counts.written + counts.dropped, THREADS * THREAD_FRAMES);
	file = open_file(path_of("x"));
	while ((result = savefile_next(file, &frame, &error)) == 1) {
		uint8_t made[SIZE_MAX_TEST];
		uint64_t number;

		memcpy(&number, frame.data + 24, 8);
		make_frame(made, frame.length, 0, number);
		assert_int_equal(frame.length, 60 + number % 1500);
		assert_memory_equal(frame.data, made, frame.length);
		frames++;
	}
	assert_int_equal(result, 0);
	assert_int_equal(frames, counts.written);
	savefile_close(file);
}

/* Without a thread that reads, all that does not fit is counted, and the next frame says so. */
static void test_ring_that_is_full(void **state)
{
	struct frame_record *record;
	struct frame_ring ring;
	uint32_t pushed = 0, found = 0;

	(void)state;
	assert_int_equal(frame_ring_make(&ring, 4096), 0);
	for (int round = 0; round < 50; round++) {
		for (uint32_t i = 0; i < 10; i++) {
			record = frame_ring_room(&ring, 700 + i * 13);
			if (record == NULL)
				continue;
			record->captured = 700 + i * 13;
			memset(frame_record_bytes(record), (int)(pushed & 0xff), record->captured);
			frame_ring_push(&ring, record);
			frame_ring_publish(&ring);
			pushed++;
		}
		while ((record = frame_ring_peek(&ring)) != NULL && found + 2 < pushed) {
			for (uint32_t i = 0; i < record->captured; i++)
				assert_int_equal(frame_record_bytes(record)[i], found & 0xff);
			frame_ring_pop(&ring, record);
			found++;
		}
	}
	assert_true(pushed >= 100);
	assert_int_equal(frame_ring_dropped(&ring), 500 - pushed);
	frame_ring_free(&ring);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, recorder_setup, recorder_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_file),
		CASE(test_last_of_many_ports),
		CASE(test_comments),
		CASE(test_filter),
		CASE(test_frames_that_are_not_taken),
		CASE(test_ring_of_files),
		CASE(test_files_that_are_not_reached),
		CASE(test_size_without_a_ring),
		CASE(test_full_disk),
		CASE(test_disk_that_becomes_full),
		CASE(test_pipe_that_is_not_read),
		CASE(test_paths_that_are_none),
		CASE(test_threads),
		CASE(test_ring_that_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
