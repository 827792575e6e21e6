/* SPDX-License-Identifier: BSD-3-Clause */
/* New addresses for frames of a capture; their checksums stay right. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pktgen/replay/rewrite.h"

static uint16_t sum(const uint8_t *bytes, uint32_t size, uint32_t more)
{
	for (uint32_t i = 0; i < size; i++)
		more += i % 2 == 0 ? (uint32_t)bytes[i] << 8 : bytes[i];
	while (more >> 16 != 0)
		more = (more & 0xffff) + (more >> 16);
	return (uint16_t)more;
}

static void put_be16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static uint8_t bytes[256];

/* An Ethernet frame of IPv4 or IPv6, whose checksums are right. Returns where the transport begins. */
static uint32_t make_frame(const char *source, const char *destination, unsigned int protocol, uint32_t checksum,
			   uint32_t size)
{
	bool ipv6 = strchr(source, ':') != NULL;
	uint8_t *ip = bytes + 14, *data = ip + (ipv6 ? 40 : 20);

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "\x02\0\0\0\0\1\x02\0\0\0\0\2", 12);
	put_be16(bytes + 12, ipv6 ? 0x86dd : 0x0800);
	for (uint32_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 7);
	put_be16(data + checksum, 0);
	if (ipv6) {
		ip[0] = 0x60;
		put_be16(ip + 4, size);
		ip[6] = (uint8_t)protocol;
		inet_pton(AF_INET6, source, ip + 8);
		inet_pton(AF_INET6, destination, ip + 24);
	} else {
		ip[0] = 0x45;
		put_be16(ip + 2, 20 + size);
		ip[9] = (uint8_t)protocol;
		inet_pton(AF_INET, source, ip + 12);
		inet_pton(AF_INET, destination, ip + 16);
		put_be16(ip + 10, sum(ip, 20, 0) ^ 0xffff);
	}
	put_be16(data + checksum,
		 sum(data, size, sum(ip + (ipv6 ? 8 : 12), ipv6 ? 32 : 8, protocol + size)) ^ 0xffff);
	return (uint32_t)(data - bytes);
}

/* Addresses as text, and all sums are right still. */
static void expect_frame(const char *source, const char *destination, unsigned int protocol, uint32_t size)
{
	bool ipv6 = strchr(source, ':') != NULL;
	uint8_t *ip = bytes + 14, *data = ip + (ipv6 ? 40 : 20);
	char text[64];

	inet_ntop(ipv6 ? AF_INET6 : AF_INET, ip + (ipv6 ? 8 : 12), text, sizeof(text));
	assert_string_equal(text, source);
	inet_ntop(ipv6 ? AF_INET6 : AF_INET, ip + (ipv6 ? 24 : 16), text, sizeof(text));
	assert_string_equal(text, destination);
	if (!ipv6)
		assert_int_equal(sum(ip, 20, 0), 0xffff);
	assert_int_equal(sum(data, size, sum(ip + (ipv6 ? 8 : 12), ipv6 ? 32 : 8, protocol + size)), 0xffff);
}

static struct rewrite make_maps(void)
{
	static const char *const maps[] = { "10.0.0.0/8=192.168.0.0/16", "172.16.5.4=1.2.3.4",
					    "10.0.0.0/7=9.9.9.9", "2001:db8:1::/48=fd00:7::/20",
					    "fe80::1=fe80::2" };
	struct rewrite rewrite = { 0 };
	struct parse_error why;

	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		assert_int_equal(rewrite_add_map(&rewrite, "--replay-map", maps[i], &why), 0);
	assert_int_equal(rewrite_add_port(&rewrite, "--replay-map-port", "7=65535", &why), 0);
	return rewrite;
}

static void test_maps(void **state)
{
	static const struct {
		unsigned int protocol, checksum;
	} transports[] = { { 6, 16 }, { 17, 6 }, { 136, 6 }, { 33, 6 } };
	struct rewrite rewrite = make_maps();

	(void)state;
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		unsigned int protocol = transports[i].protocol, at = transports[i].checksum;

		make_frame("10.1.2.3", "172.16.5.4", protocol, at, 41);
		rewrite_frame(&rewrite, bytes, 14 + 20 + 41);
		expect_frame("192.168.2.3", "1.2.3.4", protocol, 41);
		make_frame("11.1.2.3", "172.16.5.5", protocol, at, 40);
		rewrite_frame(&rewrite, bytes, 14 + 20 + 40);
		expect_frame("9.9.9.9", "172.16.5.5", protocol, 40);
		make_frame("2001:db8:1:5::9", "2001:db8:2::1", protocol, at, 40);
		rewrite_frame(&rewrite, bytes, 14 + 40 + 40);
		expect_frame("fd00:db8:1:5::9", "2001:db8:2::1", protocol, 40);
	}
}

static void test_ports_and_udp_without_checksum(void **state)
{
	struct rewrite rewrite = make_maps();
	uint32_t at;

	(void)state;
	at = make_frame("10.1.2.3", "172.16.5.4", 17, 6, 40);
	put_be16(bytes + at, 9);
	put_be16(bytes + at + 2, 7);
	put_be16(bytes + at + 6, 0);
	rewrite_frame(&rewrite, bytes, 14 + 20 + 40);
	assert_int_equal(bytes[at + 6] | bytes[at + 7], 0);
	assert_memory_equal(bytes + at, "\0\x09\xff\xff", 4);
	assert_int_equal(sum(bytes + 14, 20, 0), 0xffff);
	/* A UDP sum that becomes 0 is sent as all ones. */
	at = make_frame("10.0.0.1", "5.5.5.5", 17, 6, 8);
	memset(bytes + at, 0, 8);
	put_be16(bytes + at, sum(bytes + 26, 8, 17 + 8 + 0xffff) ^ 0xffff);
	put_be16(bytes + at + 6, 0xffff);
	rewrite = (struct rewrite){ 0 };
	rewrite.maps = 1;
	rewrite.map[0].from = rewrite.map[0].to =
		(struct network){ .bits = 32, .address = { 10, 0, 0, 1 } };
	rewrite_frame(&rewrite, bytes, 14 + 28);
	assert_memory_equal(bytes + at + 6, "\xff\xff", 2);
}

static void test_neighbour_discovery_and_arp(void **state)
{
	struct rewrite rewrite = make_maps();
	uint32_t at;

	(void)state;
	at = make_frame("fe80::1", "ff02::1:ff00:2", 58, 2, 24);
	bytes[at] = 135;
	inet_pton(AF_INET6, "2001:db8:1::5", bytes + at + 8);
	put_be16(bytes + at + 2, 0);
	put_be16(bytes + at + 2, sum(bytes + at, 24, sum(bytes + 22, 32, 58 + 24)) ^ 0xffff);
	rewrite_frame(&rewrite, bytes, at + 24);
	expect_frame("fe80::2", "ff02::1:ff00:2", 58, 24);
	assert_memory_equal(bytes + at + 8, "\xfd\x00\x0d\xb8\0\1", 6);
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\2\x81\0\0\5\x08\6\0\1\x08\0\6\4\0\1"
		      "\2\0\0\0\0\2\x0a\1\1\1\0\0\0\0\0\0\x0a\1\1\2",
	       46);
	rewrite.source_mac = rewrite.destination_mac = true;
	memcpy(rewrite.source, "\2\0\0\0\0\x77", 6);
	memcpy(rewrite.destination, "\2\0\0\0\0\x88", 6);
	rewrite_frame(&rewrite, bytes, 46);
	assert_memory_equal(bytes, "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\x77\x81\0\0\5\x08\6\0\1\x08\0\6\4\0\1"
				   "\2\0\0\0\0\x77\xc0\xa8\1\1\0\0\0\0\0\0\xc0\xa8\1\2",
			    46);
	bytes[0] = 2;
	rewrite_frame(&rewrite, bytes, 46);
	assert_memory_equal(bytes, rewrite.destination, 6);
}

/* Extension headers in front, and fragments, of which only the first has the sum. */
static void test_fragments_and_extensions(void **state)
{
	struct rewrite rewrite = make_maps();
	uint32_t at = make_frame("10.1.2.3", "172.16.5.4", 17, 6, 40);
	uint8_t before[256];

	(void)state;
	put_be16(bytes + 20, 0x0010);
	put_be16(bytes + 24, 0);
	put_be16(bytes + 24, sum(bytes + 14, 20, 0) ^ 0xffff);
	memcpy(before, bytes, sizeof(bytes));
	rewrite_frame(&rewrite, bytes, at + 40);
	assert_memory_equal(bytes + at, before + at, 40);
	assert_int_equal(sum(bytes + 14, 20, 0), 0xffff);
	at = make_frame("2001:db8:1:5::9", "2001:db8:2::1", 17, 6, 40);
	memmove(bytes + at + 24, bytes + at, 40);
	bytes[20] = 0;
	memset(bytes + at, 0, 24);
	bytes[at] = 44;
	bytes[at + 8] = 51;
	bytes[at + 16] = 17;
	/* Without them it is whole again. */
	rewrite_frame(&rewrite, bytes, at + 64);
	memmove(bytes + at, bytes + at + 24, 40);
	expect_frame("fd00:db8:1:5::9", "2001:db8:2::1", 17, 40);
}

/* Any cut of any bytes, in exactly as much memory: nothing beyond is read or written. */
static void test_frames_cut_anywhere(void **state)
{
	static const unsigned int protocols[] = { 6, 17, 58, 0, 44, 51, 60 };
	struct rewrite rewrite = make_maps();

	(void)state;
	rewrite.source_mac = rewrite.destination_mac = true;
	for (size_t i = 0; i < 14; i++) {
		make_frame(i % 2 != 0 ? "10.1.2.3" : "2001:db8:1:5::9", i % 2 != 0 ? "10.1.1.1" : "fe80::1",
			   protocols[i / 2], 6, 60);
		for (uint32_t size = 0; size < 128; size++) {
			uint8_t *exact = malloc(size + 1);

			memcpy(exact, bytes, size);
			rewrite_frame(&rewrite, exact, size);
			free(exact);
		}
	}
}

static void test_map_texts(void **state)
{
	static const char *const bad[] = { "10.0.0.0/8", "10.0.0.0/33=1.1.1.1", "10.0.0.0/8=::1", "=", "a=b",
					   "10.0.0.0/8=", "10.0.0.0/=1.1.1.1", "::/129=::1",
					   "10.0.0.0/8=1.1.1.1=2.2.2.2" };
	static const char *const bad_ports[] = { "80", "80=", "=80", "65536=1", "1=65536", "123456789=1" };
	struct rewrite rewrite = { 0 };
	struct parse_error why;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(rewrite_add_map(&rewrite, "--replay-map", bad[i], &why), -22);
		assert_non_null(strstr(why.text, "such as 10.0.0.0/8=192.168.0.0/16"));
	}
	for (size_t i = 0; i < sizeof(bad_ports) / sizeof(bad_ports[0]); i++)
		assert_int_equal(rewrite_add_port(&rewrite, "--replay-map-port", bad_ports[i], &why), -22);
	assert_int_equal(rewrite.maps + rewrite.ports, 0);
	for (int i = 0; i < REWRITE_MAPS_MAX; i++)
		assert_int_equal(rewrite_add_map(&rewrite, "--replay-map", "::/0=::1", &why), 0);
	assert_int_equal(rewrite_add_map(&rewrite, "--replay-map", "::/0=::1", &why), -22);
	assert_non_null(strstr(why.text, "64 maps at most"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_ports_and_udp_without_checksum),
		cmocka_unit_test(test_neighbour_discovery_and_arp),
		cmocka_unit_test(test_fragments_and_extensions),
		cmocka_unit_test(test_frames_cut_anywhere),
		cmocka_unit_test(test_map_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
