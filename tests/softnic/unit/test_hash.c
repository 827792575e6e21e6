/* SPDX-License-Identifier: BSD-3-Clause */
/* Hashes of the software device against the published vectors, and a parser that stays
 * within the frame. */
#include "frames.h"

/* ---- the hash ---- */

static const uint8_t key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* "Verifying the RSS Hash Calculation" (Microsoft), the published vectors. */
static void test_hash_ipv4(void **state)
{
	static const struct {
		uint8_t source[4], destination[4];
		unsigned int source_port, destination_port;
		uint32_t ip, tcp;
	} rows[] = {
		{ { 66, 9, 149, 187 }, { 161, 142, 100, 80 }, 2794, 1766,
		  0x323e8fc2, 0x51ccc178 },
		{ { 199, 92, 111, 2 }, { 65, 69, 140, 83 }, 14230, 4739,
		  0xd718262a, 0xc626b0ea },
		{ { 24, 19, 198, 95 }, { 12, 22, 207, 184 }, 12898, 38024,
		  0xd2d0a5de, 0x5c2b394a },
		{ { 38, 27, 205, 30 }, { 209, 142, 163, 6 }, 48228, 2217,
		  0x82989176, 0xafc7327f },
		{ { 153, 39, 163, 191 }, { 202, 188, 127, 2 }, 44251, 1303,
		  0x5d1809c5, 0x10e828a2 },
	};
	struct net net = { 0 };
	struct frame frame;
	struct hash hash;
	size_t i;

	(void)state;
	memcpy(net.rss.key, key, 40);
	net.rss.key_length = 40;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ethernet(memory, 0x0800);
		ipv4(memory + ETH, 6, TCP);
		tcp(memory + ETH + IP4, 0x10);
		memcpy(memory + ETH + 12, rows[i].source, 4);
		memcpy(memory + ETH + 16, rows[i].destination, 4);
		store16(memory + ETH + IP4, rows[i].source_port);
		store16(memory + ETH + IP4 + 2, rows[i].destination_port);
		frame = frame_of(ETH + IP4 + TCP, (struct net_header){ 0 });
		net.rss.types = 1;
		steer_hash(&net, &frame, &hash);
		assert_int_equal(hash.value, rows[i].ip);
		assert_int_equal(hash.report, 1);
		net.rss.types = 7;
		steer_hash(&net, &frame, &hash);
		assert_int_equal(hash.value, rows[i].tcp);
		assert_int_equal(hash.report, 2);
		net.rss.types = 4; /* UDPv4 alone: no hash of TCP */
		steer_hash(&net, &frame, &hash);
		assert_int_equal(hash.report, 0);
	}
}

static const struct {
	uint8_t source[16], destination[16];
	unsigned int source_port, destination_port;
	uint32_t ip, tcp;
} rows6[] = {
	{ { 0x3f, 0xfe, 0x25, 1, 2, 0, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7 },
	  { 0x3f, 0xfe, 0x25, 1, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1 },
	  2794, 1766, 0x2cc18cd5, 0x40207d3d },
	{ { 0x3f, 0xfe, 5, 1, 0, 8, 0, 0, 2, 0x60, 0x97, 0xff, 0xfe, 0x40,
	    0xef, 0xab },
	  { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
	  14230, 4739, 0x0f0c461c, 0xdde51bbf },
	{ { 0x3f, 0xfe, 0x19, 0, 0x45, 0x45, 0, 3, 2, 0, 0xf8, 0xff, 0xfe,
	    0x21, 0x67, 0xcf },
	  { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0xf8, 0xff, 0xfe, 0x21, 0x67,
	    0xcf },
	  44251, 38024, 0x4b61e985, 0x02d1feef },
};

static void test_hash_ipv6(void **state)
{
	struct net net = { 0 };
	struct frame frame;
	struct hash hash;
	size_t i;

	(void)state;
	memcpy(net.rss.key, key, 40);
	net.rss.key_length = 40;
	for (i = 0; i < sizeof(rows6) / sizeof(rows6[0]); i++) {
		ethernet(memory, 0x86dd);
		ipv6(memory + ETH, 6, TCP);
		tcp(memory + ETH + IP6, 0x10);
		memcpy(memory + ETH + 8, rows6[i].source, 16);
		memcpy(memory + ETH + 24, rows6[i].destination, 16);
		store16(memory + ETH + IP6, rows6[i].source_port);
		store16(memory + ETH + IP6 + 2, rows6[i].destination_port);
		frame = frame_of(ETH + IP6 + TCP, (struct net_header){ 0 });
		net.rss.types = 1 << 3;
		steer_hash(&net, &frame, &hash);
		assert_int_equal(hash.value, rows6[i].ip);
		assert_int_equal(hash.report, 4);
		net.rss.types = 1 << 4 | 1 << 3;
		steer_hash(&net, &frame, &hash);
		assert_int_equal(hash.value, rows6[i].tcp);
		assert_int_equal(hash.report, 5);
	}
}

/* The same inner packet in VXLAN has the hash of the inner one, if that is wanted. */
static void test_hash_tunnel(void **state)
{
	struct net net = { .tunnels = 1 << 4 };
	uint8_t *inner = memory + ETH + IP4 + UDP + 8 + ETH;
	struct frame frame;
	struct hash hash;

	(void)state;
	memcpy(net.rss.key, key, 40);
	net.rss.key_length = 40;
	net.rss.types = 7;
	ethernet(memory, 0x0800);
	ipv4(memory + ETH, 17, UDP + 8 + ETH + IP4 + TCP);
	udp(memory + ETH + IP4, 4789, 8 + ETH + IP4 + TCP);
	memcpy(memory + ETH + IP4 + UDP, "\x08\x00\x00\x00\x00\x00\x01\x00", 8);
	ethernet(inner - ETH, 0x0800);
	ipv4(inner, 6, TCP);
	tcp(inner + IP4, 0x10);
	memcpy(inner + 12, "\x42\x09\x95\xbb\xa1\x8e\x64\x50", 8);
	store16(inner + IP4, 2794);
	store16(inner + IP4 + 2, 1766);
	frame = frame_of((unsigned int)(inner - memory) + IP4 + TCP,
			 (struct net_header){ 0 });
	steer_hash(&net, &frame, &hash);
	assert_int_equal(hash.value, 0x51ccc178);
	net.tunnels = 0;
	steer_hash(&net, &frame, &hash);
	assert_int_equal(hash.report, 3);
	assert_int_not_equal(hash.value, 0x51ccc178);
}

/* ---- the parser ---- */

/* Every cut of a frame, and every byte of its headers flipped: the parser stays within it
 * (the sanitizers check) and reports no offset behind the end. */
static void test_parser_bounds(void **state)
{
	uint8_t *copy;
	unsigned int length, i;
	struct packet packet;

	(void)state;
	ethernet(memory, 0x86dd);
	ipv6(memory + ETH, 60, 24 + TCP);
	memset(memory + ETH + IP6, 0, 24);
	memory[ETH + IP6] = 6;
	memory[ETH + IP6 + 1] = 2;
	memcpy(memory + ETH + IP6 + 2, "\x01\x00\xc9\x10", 4);
	tcp(memory + ETH + IP6 + 24, 0x10);
	packet_parse(memory, ETH + IP6 + 24 + TCP, &packet);
	assert_true(packet.extended);
	assert_int_equal(packet.home, ETH + IP6 + 6);
	assert_int_equal(packet.transport, ETH + IP6 + 24);
	for (length = 0; length <= ETH + IP6 + 24 + TCP; length++) {
		for (i = 12; i < length || i == 12; i++) {
			copy = test_malloc(length + 1);
			memcpy(copy + 1, memory, length);
			if (i < length)
				copy[1 + i] ^= 0xff;
			packet_parse(copy + 1, length, &packet);
			assert_true(packet.payload <= length);
			assert_true(packet.transport <= length);
			if (packet.home)
				assert_true(packet.home + 16 <= length);
			test_free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash_ipv4),
		cmocka_unit_test(test_hash_ipv6),
		cmocka_unit_test(test_hash_tunnel),
		cmocka_unit_test(test_parser_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
