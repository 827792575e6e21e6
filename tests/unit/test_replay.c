/* SPDX-License-Identifier: BSD-3-Clause */
/* Which frames of a capture are sent, and when. Time is virtual: it is what replay_next says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <vionet/packet.h>

#include "tests/unit/savefile_builder.h"
#include "tools/pktgen/replay/replay.h"

#define S 1000000000ull
#define YEAR (31557600 * S)

static struct built built;
static struct savefile_error error;
static struct replay_options options;
static struct replay *replay;
static uint8_t sent[70000];

static int begin(void **state)
{
	(void)state;
	options = (struct replay_options)REPLAY_OPTIONS_DEFAULT;
	built_clear(&built, false);
	built_pcap(&built, 0xa1b23c4d, 1);
	return 0;
}

static void open_replay(void)
{
	int fd = built_fd(&built, built.size);
	char path[64];

	built_path(fd, path);
	options.path = path;
	if (replay_open(&replay, &options, &error) != 0)
		fail_msg("%s", error.text);
	close(fd);
}

static void expect_next(uint64_t due, uint32_t size)
{
	struct engine_source_frame frame;

	assert_true(replay_next(replay, &frame));
	if (frame.due_ns != due)
		fail_msg("due at %ju and not %ju", (uintmax_t)frame.due_ns, (uintmax_t)due);
	assert_int_equal(frame.length, size);
	memcpy(sent, frame.bytes, size);
}

static const struct replay_counts *expect_end(void)
{
	struct engine_source_frame frame;

	assert_false(replay_next(replay, &frame));
	assert_false(replay_next(replay, &frame));
	assert_null(replay_failure(replay));
	return replay_counts(replay);
}

/* At least so many more. */
static void take(unsigned int count)
{
	struct engine_source_frame frame;

	while (count-- > 0)
		assert_true(replay_next(replay, &frame));
}

static int finish(void **state)
{
	(void)state;
	replay_close(replay);
	replay = NULL;
	return 0;
}

/* ---- time ---- */

static void put_times(void)
{
	built_record(&built, 100, 5, 60, 60);
	built_record(&built, 100, 6, 61, 61);
	built_record(&built, 103, 6, 62, 62);
}

static void test_original_times(void **state)
{
	(void)state;
	put_times();
	open_replay();
	assert_int_equal(replay_info(replay)->frames, 3);
	assert_int_equal(replay_info(replay)->bytes, 183);
	assert_int_equal(replay_info(replay)->longest, 62);
	assert_true(replay_info(replay)->duration_ns == 3 * S + 1);
	expect_next(0, 60);
	for (uint32_t i = 0; i < 60; i++)
		assert_int_equal(sent[i], i + 60);
	expect_next(1, 61);
	expect_next(3 * S + 1, 62);
	assert_int_equal(expect_end()->frames, 3);
	/* And anew. */
	replay_rewind(replay);
	expect_next(0, 60);
	assert_int_equal(replay_counts(replay)->frames, 1);
}

static void test_speed(void **state)
{
	static const struct {
		uint64_t milli, due[3];
	} speeds[] = { { 2000, { 0, 0, 1500000000 } }, { 500, { 0, 2, 6 * S + 2 } }, { 0, { 0, 0, 0 } } };

	(void)state;
	put_times();
	for (int i = 0; i < 3; i++) {
		options.speed_milli = speeds[i].milli;
		open_replay();
		for (uint32_t frame = 0; frame < 3; frame++)
			expect_next(speeds[i].due[frame], 60 + frame);
		expect_end();
		finish(state);
	}
}

/* The gap between loops is the mean one of the file, or what is asked for. */
static void test_loops(void **state)
{
	uint64_t gap = (3 * S + 1) / 2;

	(void)state;
	put_times();
	options.loops = 3;
	for (int given = 0; given < 2; given++) {
		open_replay();
		for (uint64_t loop = 0; loop < 3; loop++) {
			expect_next(loop * (3 * S + 1 + gap), 60);
			expect_next(loop * (3 * S + 1 + gap) + 1, 61);
			expect_next(loop * (3 * S + 1 + gap) + 3 * S + 1, 62);
		}
		assert_int_equal(expect_end()->loops, 3);
		finish(state);
		options.have_loop_gap = true;
		options.loop_gap_ns = gap = 7;
	}
	options.loops = 0;
	open_replay();
	take(30000);
	assert_int_equal(replay_counts(replay)->loops, 10000);
	/* What was given and not sent is of no loop. */
	take(1);
	assert_int_equal(replay_counts(replay)->loops, 10001);
	replay_settle(replay, 30000);
	assert_int_equal(replay_counts(replay)->frames, 30000);
	assert_int_equal(replay_counts(replay)->loops, 10000);
}

/* One frame has no gap: a thousand a second. */
static void test_loop_of_one(void **state)
{
	(void)state;
	built_record(&built, 100, 5, 60, 60);
	options.loops = 2;
	open_replay();
	expect_next(0, 60);
	expect_next(1000000, 60);
	expect_end();
}

static void test_gaps_of_years(void **state)
{
	const struct replay_counts *counts;
	char text[512];

	(void)state;
	built_clear(&built, false);
	built_section(&built);
	built_interface(&built, 1, 0, 9, 0, -1);
	built_interface(&built, 1, 0, 0, 0, -1); /* seconds */
	built_enhanced(&built, 0, 1, 60, 60);
	built_enhanced(&built, 1, 40 * (YEAR / S), 61, 61);
	built_enhanced(&built, 1, 40 * (YEAR / S) + 10, 62, 62);
	built_enhanced(&built, 1, UINT64_MAX, 63, 63);
	open_replay();
	expect_next(0, 60);
	expect_next(10 * S, 61);
	expect_next(20 * S, 62);
	expect_next(30 * S, 63);
	counts = expect_end();
	assert_int_equal(counts->capped, 2);
	assert_true(counts->skipped_ns > 40 * YEAR);
	replay_describe(replay, text, sizeof(text));
	assert_non_null(strstr(text, "2 gaps capped at 10 s ("));
}

/* Out of order a little: together with the frame before, and no drift. A clock that was set back goes
 * on. */
static void test_times_that_go_back(void **state)
{
	(void)state;
	built_record(&built, 100, 10, 60, 60);
	built_record(&built, 100, 8, 61, 61);
	built_record(&built, 100, 12, 62, 62);
	built_record(&built, 20, 0, 63, 63);
	built_record(&built, 21, 0, 64, 64);
	open_replay();
	expect_next(0, 60);
	expect_next(0, 61);
	expect_next(2, 62);
	expect_next(2, 63);
	expect_next(S + 2, 64);
	assert_int_equal(expect_end()->backward, 2);
}

static void test_frames_without_a_time(void **state)
{
	(void)state;
	built_clear(&built, true);
	built_section(&built);
	built_interface(&built, 1, 0, 9, 0, -1);
	built_simple(&built, 60, 60);
	built_enhanced(&built, 0, 7, 61, 61);
	built_simple(&built, 60, 60);
	built_enhanced(&built, 0, 9, 62, 62);
	open_replay();
	expect_next(0, 60);
	expect_next(0, 61);
	expect_next(0, 60);
	expect_next(2, 62);
	assert_int_equal(expect_end()->untimed, 2);
}

/* ---- rules ---- */

static void put_odd_frames(void)
{
	built_record(&built, 1, 0, 60, 60);
	built_record(&built, 2, 0, 0, 0);
	built_record(&built, 3, 0, 13, 13);
	built_record(&built, 4, 0, 14, 14);
	built_record(&built, 5, 0, 1514, 1514);
	built_record(&built, 6, 0, 1515, 1515);
	built_record(&built, 7, 0, 64, 1000);
	built_record(&built, 8, 0, 64, 9000);
	built_record(&built, 9, 0, 0, 60);
	built_record(&built, 10, 0, 60, 60);
}

static void test_rules(void **state)
{
	const struct replay_counts *counts;
	char text[512];

	(void)state;
	put_odd_frames();
	open_replay();
	expect_next(0, 60);
	expect_next(3 * S, 14);
	expect_next(4 * S, 1514);
	expect_next(6 * S, 1000);
	assert_int_equal(sent[63], 127);
	for (uint32_t i = 64; i < 1000; i++)
		assert_int_equal(sent[i], 0);
	expect_next(9 * S, 60);
	counts = expect_end();
	assert_int_equal(counts->oversize_dropped, 2);
	assert_int_equal(counts->truncated_padded, 1);
	assert_int_equal(counts->empty, 2);
	assert_int_equal(counts->runts, 1);
	assert_int_equal(counts->frames, 5);
	replay_describe(replay, text, sizeof(text));
	assert_string_equal(text, "2 longer than the MTU dropped, 1 captured in part padded with zeros, "
				  "2 of zero length dropped, 1 shorter than 14 bytes dropped");
	finish(state);
	options.oversize = REPLAY_OVERSIZE_CUT;
	options.truncated = REPLAY_TRUNCATED_SEND;
	open_replay();
	expect_next(0, 60);
	expect_next(3 * S, 14);
	expect_next(4 * S, 1514);
	expect_next(5 * S, 1514);
	expect_next(6 * S, 64);
	expect_next(7 * S, 64);
	expect_next(9 * S, 60);
	counts = expect_end();
	assert_int_equal(counts->oversize_cut, 1);
	assert_int_equal(counts->truncated_sent, 2);
	finish(state);
	options.truncated = REPLAY_TRUNCATED_DROP;
	open_replay();
	take(5);
	assert_int_equal(expect_end()->truncated_dropped, 2);
	finish(state);
	options.truncated = REPLAY_TRUNCATED_PAD;
	open_replay();
	replay_set_mtu(replay, 9000);
	take(7);
	assert_int_equal(expect_end()->truncated_padded, 2);
}

/* A length that no frame has, as a damaged file may say. */
static void test_lengths_that_are_no_frames(void **state)
{
	(void)state;
	built_record(&built, 1, 0, 60, UINT32_MAX);
	built_record(&built, 2, 0, 60, UINT32_MAX - 1);
	open_replay();
	assert_int_equal(replay_info(replay)->longest, VIONET_FRAME_MAX);
	assert_int_equal(expect_end()->oversize_dropped, 2);
	finish(state);
	options.oversize = REPLAY_OVERSIZE_CUT;
	open_replay();
	replay_set_mtu(replay, UINT16_MAX);
	expect_next(0, UINT16_MAX + 14);
	expect_next(S, UINT16_MAX + 14);
	for (uint32_t i = 60; i < UINT16_MAX + 14; i++)
		assert_int_equal(sent[i], 0);
	assert_int_equal(expect_end()->truncated_padded, 2);
}

/* Two tags come on top of the MTU; what is tagged no more than it looks. */
static void test_tags_are_beside_the_mtu(void **state)
{
	static const uint8_t tags[] = { 0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0 };
	size_t at;

	(void)state;
	at = built.size + 16 + 12;
	built_record(&built, 1, 0, 1522, 1522);
	memcpy(built.bytes + at, tags, sizeof(tags));
	at = built.size + 16 + 12;
	built_record(&built, 1, 0, 1519, 1519);
	memcpy(built.bytes + at, tags + 4, 6);
	open_replay();
	expect_next(0, 1522);
	assert_int_equal(expect_end()->oversize_dropped, 1);
}

/* Nothing to be sent in a whole loop: it ends. */
static void test_nothing_to_send(void **state)
{
	(void)state;
	built_record(&built, 1, 0, 5, 5);
	options.loops = 0;
	open_replay();
	assert_int_equal(expect_end()->frames, 0);
}

static void test_open_errors(void **state)
{
	(void)state;
	options.path = "/nowhere/x";
	assert_int_equal(replay_open(&replay, &options, &error), -2);
	assert_null(replay);
	for (int broken = 0; broken < 2; broken++) {
		int fd;
		char path[64];

		if (broken)
			built_put64(&built, 0);
		fd = built_fd(&built, built.size);
		built_path(fd, path);
		options.path = path;
		assert_int_equal(replay_open(&replay, &options, &error), -22);
		close(fd);
		assert_non_null(strstr(error.text, broken ? "record 1 at offset 24" : "no frame is in it"));
	}
}

/* It changes after it was looked at. */
static void test_file_that_changes(void **state)
{
	int fd;
	char path[64];
	struct engine_source_frame frame;

	(void)state;
	for (uint32_t i = 0; i < 3000; i++)
		built_record(&built, i, 0, 60, 60);
	fd = built_fd(&built, built.size);
	for (int i = 0; i < 30; i++)
		assert_int_equal(write(fd, built.bytes + 24, built.size - 24), built.size - 24);
	built_path(fd, path);
	options.path = path;
	assert_int_equal(replay_open(&replay, &options, &error), 0);
	take(1);
	assert_int_equal(ftruncate(fd, 1000), 0);
	while (replay_next(replay, &frame))
		;
	assert_non_null(strstr(replay_failure(replay), "the file became shorter while it was read"));
	close(fd);
}

static void test_template(void **state)
{
	uint8_t *bytes;
	uint32_t size;
	int fd;
	char path[64];

	(void)state;
	put_odd_frames();
	fd = built_fd(&built, built.size);
	built_path(fd, path);
	assert_int_equal(replay_read_frame(path, 4, &bytes, &size, &error), 0);
	assert_int_equal(size, 14);
	assert_int_equal(bytes[0], 14);
	free(bytes);
	assert_int_equal(replay_read_frame(path, 11, &bytes, &size, &error), -22);
	assert_null(bytes);
	assert_non_null(strstr(error.text, "frame 11 is asked for, and it has 10"));
	assert_int_equal(replay_read_frame(path, 7, &bytes, &size, &error), -22);
	assert_non_null(strstr(error.text, "frame 7 has 64 of its 1000 bytes"));
	close(fd);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_original_times),
		CASE(test_speed),
		CASE(test_loops),
		CASE(test_loop_of_one),
		CASE(test_gaps_of_years),
		CASE(test_times_that_go_back),
		CASE(test_frames_without_a_time),
		CASE(test_rules),
		CASE(test_lengths_that_are_no_frames),
		CASE(test_tags_are_beside_the_mtu),
		CASE(test_nothing_to_send),
		CASE(test_open_errors),
		CASE(test_file_that_changes),
		CASE(test_template),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
