/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of the generator (tools/pktgen/frame.c) and the decoder of `vionet dump`
 * (tools/dump/decode.c). What is checked here is computed a second time, byte by byte and
 * slowly, from the documented layout; it shares nothing with the code under test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/dump/decode.h"
#include "tools/pktgen/frame.h"
#include "tools/pktgen/pace.h"

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

/* A second stamp on the same buffer overwrites the first one completely. */
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

/* Change one byte at `at`: the frame is no longer recognised. */
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

/* Put tags in front of the frame, from the outermost on. Returns its new length. */
static uint32_t put_tags(const uint16_t *types, uint32_t count, uint32_t size)
{
	memmove(frame + 12 + 4 * count, frame + 12, size - 12);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *tag = frame + 12 + 4 * i;

		tag[0] = (uint8_t)(types[i] >> 8);
		tag[1] = (uint8_t)types[i];
		tag[2] = 0x60; /* priority 3 */
		tag[3] = (uint8_t)(i + 100);
	}
	return size + 4 * count;
}

/* A frame to which switches added VLAN tags is still recognised. */
static void test_tags_in_front(void **state)
{
	static const uint16_t types[] = { 0x88a8, 0x8100, 0x9100, 0x9200, 0x9300,
					  0x8100, 0x88a8, 0x8100, 0x8100, 0x9100 };
	char line[DECODE_LINE_MAX];
	struct frame_tag tag;

	(void)state;
	frame_builder_init(&builder, &plain);
	for (uint32_t count = 0; count <= 10; count++) {
		uint32_t size;

		check_frame(14, 100, 7, 2);
		size = put_tags(types, count, 100);
		assert_true(frame_recognise(frame, size, size, &tag));
		assert_int_equal(tag.vlans, count);
		assert_int_equal(tag.sequence, 7);
		assert_int_equal(tag.payload, 60 + 4 * count);
		assert_int_equal(tag.end, size);
		assert_int_equal(tag.vlan_type, count > 0 ? 0x88a8 : 0);
		assert_int_equal(tag.vlan_tci, count > 0 ? 0x6064 : 0);
		for (uint32_t cut = 0; cut < 60 + 4 * count; cut++)
			assert_false(frame_recognise(frame, cut, size, &tag));
	}
	check_frame(14, 100, 7, 2);
	put_tags(types, 2, 100);
	decode_line(frame, 108, 108, line, sizeof(line));
	assert_non_null(strstr(line, " vlan 100 vlan 101 IPv4 198.18.0.1.49152 > "));
	check_frame(14, 100, 7, 2);
	put_tags(types, 4, 100);
	decode_line(frame, 116, 116, line, sizeof(line));
	assert_non_null(strstr(line, " vlan 102 vlan 103 IPv4 "));
}

/* No read past the end of a received frame: each length in a buffer of its own, for the
 * sanitizer. */
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
	/* Output into a buffer that is too short is cut. */
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
		cmocka_unit_test(test_tags_in_front),
		cmocka_unit_test(test_random_bytes),
		cmocka_unit_test(test_decode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
