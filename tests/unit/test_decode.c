/* SPDX-License-Identifier: BSD-3-Clause */
/* The decoder of `vionet dump` (tools/dump/decode.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/dump/decode.h"

/* 02:00:00:00:00:01 to ...:02, IPv4 198.18.0.1.49152 to 198.19.0.254.9, UDP. */
static const uint8_t udp[60] = {
	2,
	0,
	0,
	0,
	0,
	2,
	2,
	0,
	0,
	0,
	0,
	1,
	8,
	0,
	0x45,
	0,
	0,
	46,
	0,
	0,
	0x40,
	0,
	64,
	17,
	0,
	0,
	198,
	18,
	0,
	1,
	198,
	19,
	0,
	254,
	0xc0,
	0,
	0,
	9,
	0,
	26,
	0,
	0,
};

static uint8_t frame[128];

/* The frame with tags in front, from the outermost on. Returns its length. */
static uint32_t put_tags(const uint16_t *types, uint32_t count)
{
	memcpy(frame, udp, 12);
	memcpy(frame + 12 + 4 * count, udp + 12, sizeof(udp) - 12);
	for (uint32_t i = 0; i < count; i++) {
		uint8_t *tag = frame + 12 + 4 * i;

		tag[0] = (uint8_t)(types[i] >> 8);
		tag[1] = (uint8_t)types[i];
		tag[2] = 0x60; /* priority 3 */
		tag[3] = (uint8_t)(i + 100);
	}
	return sizeof(udp) + 4 * count;
}

static void test_tags(void **state)
{
	static const uint16_t types[] = { 0x88a8, 0x8100, 0x9100, 0x9200 };
	char line[DECODE_LINE_MAX];
	uint32_t size;

	(void)state;
	size = put_tags(types, 2);
	decode_line(frame, size, size, line, sizeof(line));
	assert_non_null(strstr(line, " vlan 100 vlan 101 IPv4 198.18.0.1.49152 > "));
	size = put_tags(types, 4);
	decode_line(frame, size, size, line, sizeof(line));
	assert_non_null(strstr(line, " vlan 102 vlan 103 IPv4 "));
}

static void test_lines(void **state)
{
	static const uint8_t arp[42] = {
		0xff,
		0xff,
		0xff,
		0xff,
		0xff,
		0xff,
		2,
		0,
		0,
		0,
		0,
		1,
		8,
		6,
		0,
		1,
		8,
		0,
		6,
		4,
		0,
		1,
		2,
		0,
		0,
		0,
		0,
		1,
		10,
		0,
		0,
		1,
		0,
		0,
		0,
		0,
		0,
		0,
		10,
		0,
		0,
		2,
	};
	char line[DECODE_LINE_MAX];

	(void)state;
	decode_line(udp, 60, 60, line, sizeof(line));
	assert_string_equal(line, "02:00:00:00:00:01 > 02:00:00:00:00:02 IPv4 "
				  "198.18.0.1.49152 > 198.19.0.254.9 UDP 18, length 60");
	decode_line(udp, 30, 60, line, sizeof(line));
	assert_string_equal(line, "02:00:00:00:00:01 > 02:00:00:00:00:02 IPv4  (cut), "
				  "length 60");
	decode_line(arp, 42, 42, line, sizeof(line));
	assert_string_equal(line, "02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP who has "
				  "10.0.0.2 tell 10.0.0.1, length 42");
	/* Output into a buffer that is too short is cut. */
	decode_line(udp, 60, 60, line, 20);
	assert_int_equal(strlen(line), 19);
}

/* One step of a small generator of numbers (splitmix64). */
static uint64_t draw(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	return z ^ (z >> 31);
}

/* No read past the end of a frame: each length in a buffer of its own, for the sanitizer. */
static void test_random_bytes(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint32_t size = (uint32_t)(draw(&random) % (sizeof(udp) + 1));
		uint8_t *copy = malloc(size > 0 ? size : 1);
		char line[DECODE_LINE_MAX];

		assert_non_null(copy);
		memcpy(copy, udp, size);
		for (int i = 0; i < 4 && size > 0; i++)
			copy[draw(&random) % size] = (uint8_t)draw(&random);
		decode_line(copy, size, size, line, sizeof(line));
		assert_true(strlen(line) < sizeof(line) - 1);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
