/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: tests of the generator's pure parts: frames (tools/frame.c), sequence
 * tracking (tools/track.c), the histogram, the schedule and sizes (tools/pace.c)
 * and the decoder of `vionet dump` (tools/decode.c). Never: needs a device.
 *
 * What is checked here is computed a second time, byte by byte and slowly, from
 * the documented layout; nothing is taken from the code under test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/decode.h"
#include "tools/frame.h"
#include "tools/histogram.h"
#include "tools/pace.h"
#include "tools/track.h"

static struct frame_builder builder;
static uint8_t frame[FRAME_SIZE_MAX];

static const struct frame_fields plain = {
	.source_mac = { 2, 0, 0, 0, 0, 1 },
	.destination_mac = { 2, 0, 0, 0, 0, 2 },
	.source_ip = 0xc6120001,
	.destination_ip = 0xc61300fe,
	.source_port = 49152,
	.destination_port = 9,
	.vlan = FRAME_NO_VLAN,
	.ttl = 64,
	.stream = 0xa5,
	.pattern = true,
};

/* --- Independent checks -------------------------------------------------- */

/* RFC 1071 as its text says it: add 16-bit words, the carry at each step. */
static uint16_t add_words(uint16_t sum, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i += 2) {
		uint32_t word = (uint32_t)bytes[i] * 256;

		if (i + 1 < count)
			word += bytes[i + 1];
		word += sum;
		sum = (uint16_t)(word % 65536 + word / 65536);
	}
	return sum;
}

static uint64_t number_at(const uint8_t *bytes, size_t count)
{
	uint64_t number = 0;

	while (count-- > 0)
		number = number * 256 + *bytes++;
	return number;
}

static void check_ip(const uint8_t *ip, uint32_t length)
{
	assert_int_equal(ip[0], 0x45);
	assert_int_equal(number_at(ip + 2, 2), length);
	assert_int_equal(number_at(ip + 6, 2), 0x4000);
	assert_int_equal(ip[8], 64);
	assert_int_equal(ip[9], 17);
	assert_int_equal(number_at(ip + 12, 4), 0xc6120001);
	assert_int_equal(number_at(ip + 16, 4), 0xc61300fe);
	/* A right header sums up to all ones. */
	assert_int_equal(add_words(0, ip, 20), 0xffff);
}

static void check_udp(const uint8_t *ip, uint32_t length)
{
	const uint8_t *udp = ip + 20;
	uint8_t pseudo[4] = { 0, 17, (uint8_t)(length >> 8), (uint8_t)length };
	uint16_t sum = add_words(0, ip + 12, 8);

	assert_int_equal(number_at(udp, 2), 49152);
	assert_int_equal(number_at(udp + 2, 2), 9);
	assert_int_equal(number_at(udp + 4, 2), length);
	assert_int_not_equal(number_at(udp + 6, 2), 0);
	sum = add_words(sum, pseudo, 4);
	assert_int_equal(add_words(sum, udp, length), 0xffff);
}

static void check_tag(const uint8_t *tag, uint64_t sequence, uint64_t now,
		      uint32_t payload)
{
	assert_int_equal(tag[0], 0x56);
	assert_int_equal(tag[1], 0xa5);
	assert_true(number_at(tag + 2, 8) == sequence);
	assert_true(number_at(tag + 10, 8) == now);
	for (uint32_t i = 0; i < payload; i++)
		if (tag[18 + i] != (uint8_t)(sequence + i))
			fail_msg("payload byte %u is wrong", i);
}

/* Build a frame of `size` into a dirty buffer and check every byte of it. */
static void check_frame(uint32_t ip, uint32_t size, uint64_t sequence, uint64_t now)
{
	struct frame_tag tag;

	frame_prepare(&builder, frame);
	frame_fill(&builder, frame, size, sequence);
	frame_stamp(&builder, frame, size, sequence, now);
	assert_int_equal(number_at(frame, 6), 0x020000000002);
	assert_int_equal(number_at(frame + 6, 6), 0x020000000001);
	assert_int_equal(number_at(frame + ip - 2, 2), 0x0800);
	check_ip(frame + ip, size - ip);
	check_udp(frame + ip, size - ip - 20);
	check_tag(frame + ip + 28, sequence, now, size - ip - 46);

	assert_true(frame_recognise(frame, size, size, &tag));
	assert_int_equal(tag.stream, 0xa5);
	assert_true(tag.sequence == sequence);
	assert_true(tag.sent_ns == now);
	assert_int_equal(tag.payload, ip + 46);
	assert_int_equal(tag.end, size);
	assert_true(frame_check(&builder, frame + tag.payload, 0, size - tag.payload,
				sequence));
}

/* --- Frames --------------------------------------------------------------- */

static void test_every_size(void **state)
{
	(void)state;
	frame_builder_init(&builder, &plain);
	memset(frame, 0xee, sizeof(frame));
	for (uint32_t size = 60; size <= 1514; size++)
		check_frame(14, size, size * 0x9e3779b97f4a7c15ULL, size * 977ULL);
}

static void test_large_sizes(void **state)
{
	(void)state;
	frame_builder_init(&builder, &plain);
	for (uint32_t size = 1515; size < FRAME_SIZE_MAX; size += 997)
		check_frame(14, size, UINT64_MAX - size, UINT64_MAX);
	check_frame(14, FRAME_SIZE_MAX, 255, 1);
	check_frame(14, FRAME_SIZE_MAX - 1, 254, 1);
}

static void test_every_phase(void **state)
{
	(void)state;
	frame_builder_init(&builder, &plain);
	for (uint64_t sequence = 0; sequence < 600; sequence++) {
		check_frame(14, 61, sequence, 0);
		check_frame(14, 317, sequence, UINT64_MAX);
	}
	check_frame(14, 100, UINT64_MAX, 0);
}

static void test_vlan(void **state)
{
	struct frame_fields fields = plain;

	(void)state;
	fields.vlan = 4094;
	frame_builder_init(&builder, &fields);
	for (uint32_t size = 64; size <= 1518; size++) {
		check_frame(18, size, size, size);
		assert_int_equal(number_at(frame + 12, 4), 0x81000ffe);
	}
}

/* A sum of 0 must be sent as 0xffff. Some time makes it so: search for it. */
static void test_checksum_zero(void **state)
{
	int found = 0;

	(void)state;
	frame_builder_init(&builder, &plain);
	frame_prepare(&builder, frame);
	for (uint64_t now = 0; now < 65536; now++) {
		frame_stamp(&builder, frame, 60, 7, now);
		assert_int_not_equal(number_at(frame + 40, 2), 0);
		found += number_at(frame + 40, 2) == 0xffff;
	}
	assert_true(found > 0);
}

static void test_zero_payload(void **state)
{
	struct frame_fields fields = plain;

	(void)state;
	fields.pattern = false;
	frame_builder_init(&builder, &fields);
	memset(frame, 0xee, sizeof(frame));
	frame_prepare(&builder, frame);
	frame_fill(&builder, frame, 333, 77);
	frame_stamp(&builder, frame, 333, 77, 5);
	check_udp(frame + 14, 299);
	for (uint32_t i = 60; i < 333; i++)
		assert_int_equal(frame[i], 0);
	assert_true(frame_check(&builder, frame + 60, 0, 273, 77));
}

/* A second stamp on the same buffer leaves nothing of the first. */
static void test_restamp(void **state)
{
	(void)state;
	frame_builder_init(&builder, &plain);
	check_frame(14, 1514, UINT64_MAX, UINT64_MAX);
	frame_stamp(&builder, frame, 1514, UINT64_MAX, 3);
	check_udp(frame + 14, 1480);
	check_tag(frame + 42, UINT64_MAX, 3, 1454);
}

static void test_damage(void **state)
{
	(void)state;
	frame_builder_init(&builder, &plain);
	check_frame(14, 200, 9, 9);
	assert_true(frame_check(&builder, frame + 60 + 50, 50, 90, 9));
	assert_false(frame_check(&builder, frame + 60, 0, 140, 10));
	for (uint32_t i = 60; i < 200; i++) {
		frame[i] ^= 1;
		assert_false(frame_check(&builder, frame + 60, 0, 140, 9));
		frame[i] ^= 1;
	}
}

/* Change one byte at `at`: the frame is no longer one of ours. */
static void check_foreign(uint32_t at, uint8_t value)
{
	uint8_t kept = frame[at];
	struct frame_tag tag;

	frame[at] = value;
	assert_false(frame_recognise(frame, 100, 100, &tag));
	frame[at] = kept;
	assert_true(frame_recognise(frame, 100, 100, &tag));
}

static void test_foreign(void **state)
{
	struct frame_tag tag;

	(void)state;
	frame_builder_init(&builder, &plain);
	check_frame(14, 100, 1, 2);
	for (uint32_t size = 0; size < 60; size++)
		assert_false(frame_recognise(frame, size, 100, &tag));
	assert_true(frame_recognise(frame, 60, 100, &tag));
	assert_false(frame_recognise(frame, 99, 99, &tag));
	assert_true(frame_recognise(frame, 100, 104, &tag)); /* padding behind */
	assert_int_equal(tag.end, 100);
	check_foreign(12, 0x86);  /* EtherType */
	check_foreign(14, 0x46);  /* IPv4 options */
	check_foreign(17, 85);	  /* IPv4 length */
	check_foreign(20, 0x20);  /* more fragments */
	check_foreign(21, 1);	  /* fragment offset */
	check_foreign(23, 6);	  /* TCP */
	check_foreign(39, 65);	  /* UDP length */
	check_foreign(42, 0x57);  /* magic */
}

/* Nothing that arrives may be read past its end: each length in a buffer of its
 * own, for the sanitizer to watch. */
static void test_random_bytes(void **state)
{
	uint64_t random = 1;

	(void)state;
	frame_builder_init(&builder, &plain);
	check_frame(14, 128, 1, 2);
	for (int round = 0; round < 20000; round++) {
		uint32_t size = (uint32_t)(mix_random(&random) % 129);
		uint8_t *copy = malloc(size + 1);
		char line[DECODE_LINE_MAX];
		struct frame_tag tag;

		assert_non_null(copy);
		copy = realloc(copy, size > 0 ? size : 1);
		memcpy(copy, frame, size);
		for (int i = 0; i < 4 && size > 0; i++)
			copy[mix_random(&random) % size] = (uint8_t)mix_random(&random);
		if (frame_recognise(copy, size, size, &tag))
			assert_true(tag.end <= size && tag.payload <= tag.end);
		decode_line(copy, size, size, line, sizeof(line));
		assert_true(strlen(line) < sizeof(line) - 1);
		free(copy);
	}
}

/* --- Sequence numbers ------------------------------------------------------ */

static struct track track;

static void add_range(uint64_t from, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		track_add(&track, from + i);
}

static void expect(uint64_t unique, uint64_t duplicates, uint64_t reordered,
		   uint64_t stale)
{
	assert_true(track.unique == unique);
	assert_true(track.duplicates == duplicates);
	assert_true(track.reordered == reordered);
	assert_true(track.stale == stale);
}

static void test_in_order(void **state)
{
	(void)state;
	memset(&track, 0, sizeof(track));
	track_start(&track, 0);
	assert_int_equal(track_lost(&track, 10), 10);
	add_range(0, 200000);
	expect(200000, 0, 0, 0);
	assert_int_equal(track_lost(&track, 200000), 0);
	assert_int_equal(track_lost(&track, 200007), 7);
}

static void test_loss(void **state)
{
	(void)state;
	memset(&track, 0, sizeof(track));
	track_start(&track, 0);
	add_range(3, 7);	 /* 0 to 2 are missing */
	add_range(15, 5);	 /* 10 to 14 */
	add_range(1000000, 10);	 /* far beyond the window */
	expect(22, 0, 0, 0);
	assert_int_equal(track_lost(&track, track.next), 1000010 - 22);
}

static void test_duplicates(void **state)
{
	(void)state;
	memset(&track, 0, sizeof(track));
	track_start(&track, 0);
	add_range(0, 100);
	add_range(50, 50);
	track_add(&track, 99);
	expect(100, 51, 0, 0);
	assert_int_equal(track_lost(&track, 100), 0);
}

static void test_reorder(void **state)
{
	static const uint64_t order[] = { 0, 2, 1, 5, 4, 3, 6, 6, 9, 7 };

	(void)state;
	memset(&track, 0, sizeof(track));
	track_start(&track, 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		track_add(&track, order[i]);
	expect(9, 1, 4, 0);
	assert_int_equal(track_lost(&track, 10), 1);
}

/* One that is just inside the window is known, one outside is stale. */
static void test_window(void **state)
{
	(void)state;
	memset(&track, 0, sizeof(track));
	track_start(&track, 0);
	add_range(0, 10);
	track_add(&track, TRACK_WINDOW + 9);
	track_add(&track, 10); /* the oldest one that the window holds */
	expect(12, 0, 1, 0);
	track_add(&track, 9);
	track_add(&track, 0);
	expect(12, 0, 1, 2);
	track_add(&track, 10);
	expect(12, 1, 1, 2);
	/* The place of 11 was never marked, though 11 - window would share it. */
	track_add(&track, 11);
	expect(13, 1, 2, 2);
}

static void test_wrap(void **state)
{
	(void)state;
	memset(&track, 0, sizeof(track));
	track_start(&track, UINT64_MAX - 9);
	add_range(UINT64_MAX - 9, 5);
	add_range(UINT64_MAX - 3, 14); /* across the wrap, one missing */
	track_add(&track, UINT64_MAX);
	track_add(&track, UINT64_MAX - 4);
	expect(20, 1, 1, 0);
	assert_int_equal(track_lost(&track, 10), 0);
	assert_true(track.next == 10);
}

/* Where the sender is another, the stream begins with what arrives first; an
 * earlier number that follows moves the beginning. */
static void test_unknown_start(void **state)
{
	(void)state;
	memset(&track, 0, sizeof(track));
	track_add(&track, 5000);
	track_add(&track, 5002);
	track_add(&track, 4998);
	expect(3, 0, 1, 0);
	assert_int_equal(track_lost(&track, track.next), 2);
}

/* Against a slow model: random steps, all counts the same. */
static void test_model(void **state)
{
	static uint8_t seen[400000];
	uint64_t random = 42, next = 0, unique = 0, duplicates = 0, late = 0;

	(void)state;
	memset(&track, 0, sizeof(track));
	track_start(&track, 0);
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
		track_add(&track, sequence);
	}
	expect(unique, duplicates, late, 0);
	assert_int_equal(track_lost(&track, next), next - unique);
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

/* Frames sent by the schedule in `seconds`, asked every 7.001 us. */
static uint64_t run_pace(const struct rate *rate, uint32_t size, uint64_t seconds)
{
	const uint64_t start = 123456789;
	struct pace pace;
	uint64_t frames = 0;

	pace_start(&pace, rate, start);
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
	pace_start(&pace, &rate, 0);
	pace_slip(&pace, 1000000000);
	assert_int_equal(pace.slipped_ns, 990000000);
	assert_in_range(pace_allowance(&pace, 1000000000), 9999, 10001);
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
}

/* --- Decoding ---------------------------------------------------------------- */

static void test_decode(void **state)
{
	static const uint8_t arp[42] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0,
		6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2,
	};
	char line[DECODE_LINE_MAX];

	(void)state;
	frame_builder_init(&builder, &plain);
	check_frame(14, 60, 1, 2);
	decode_line(frame, 60, 60, line, sizeof(line));
	assert_string_equal(line, "02:00:00:00:00:01 > 02:00:00:00:00:02 IPv4 "
				  "198.18.0.1.49152 > 198.19.0.254.9 UDP 18, length 60");
	decode_line(frame, 30, 60, line, sizeof(line));
	assert_string_equal(line, "02:00:00:00:00:01 > 02:00:00:00:00:02 IPv4  (cut), "
				  "length 60");
	decode_line(arp, 42, 42, line, sizeof(line));
	assert_string_equal(line, "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP who has "
				  "10.0.0.2 tell 10.0.0.1, length 42");
	/* A line that is too short for the text stays inside it. */
	decode_line(frame, 60, 60, line, 20);
	assert_int_equal(strlen(line), 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_large_sizes),
		cmocka_unit_test(test_every_phase),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_checksum_zero),
		cmocka_unit_test(test_zero_payload),
		cmocka_unit_test(test_restamp),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_random_bytes),
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
		cmocka_unit_test(test_mix),
		cmocka_unit_test(test_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
