/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the software device's arithmetic: hash against the published vectors,
 * checksums and segmentation against plain loops of its own.
 * Never: uses a sum or a parser of the device's to say what is right.
 * Read next: ../offload.c, ../steer.c; test_offload.py for the same through a device.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "../net_parts.h"

static struct segments segments; /* too large for a stack */

/* ---- what is right ---- */

/* RFC 1071 word by word; 0xffff over bytes that hold their own right checksum. */
static unsigned int plain_sum(unsigned int sum, const uint8_t *data, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		sum += i % 2 ? data[i] : (unsigned int)data[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static unsigned int pseudo4(const uint8_t *ip, unsigned int protocol, unsigned int n)
{
	uint8_t tail[4] = { 0, (uint8_t)protocol, (uint8_t)(n >> 8), (uint8_t)n };

	return plain_sum(plain_sum(0, ip + 12, 8), tail, 4);
}

static unsigned int pseudo6(const uint8_t *ip, unsigned int protocol, unsigned int n)
{
	uint8_t tail[8] = { 0, 0, (uint8_t)(n >> 8), (uint8_t)n, 0, 0, 0,
			    (uint8_t)protocol };

	return plain_sum(plain_sum(0, ip + 8, 32), tail, 8);
}

/* ---- frames ---- */

enum { ETH = 14, IP4 = 20, IP6 = 40, TCP = 20, UDP = 8 };

static uint8_t memory[65536 + 100];
static struct element part;

static void fill(uint8_t *at, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		at[i] = (uint8_t)(i * 31 + (i >> 8) * 7);
}

static void store16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned int load16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static unsigned int load32(const uint8_t *at)
{
	return load16(at) << 16 | load16(at + 2);
}

static void ethernet(uint8_t *at, unsigned int type)
{
	memcpy(at, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02", 12);
	store16(at + 12, type);
}

static void ipv4(uint8_t *ip, unsigned int protocol, unsigned int n)
{
	memset(ip, 0, IP4);
	ip[0] = 0x45;
	store16(ip + 2, IP4 + n);
	store16(ip + 4, 0xfffe);
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = (uint8_t)protocol;
	memcpy(ip + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
	store16(ip + 10, ~plain_sum(0, ip, IP4));
}

static void ipv6(uint8_t *ip, unsigned int protocol, unsigned int n)
{
	memset(ip, 0, IP6);
	ip[0] = 0x60;
	store16(ip + 4, n);
	ip[6] = (uint8_t)protocol;
	ip[7] = 64;
	ip[8] = ip[24] = 0xfd;
	ip[23] = 1;
	ip[39] = 2;
}

static void tcp(uint8_t *at, unsigned int flags)
{
	memset(at, 0, TCP);
	store16(at, 40000);
	store16(at + 2, 80);
	memcpy(at + 4, "\xff\xff\xff\x00\x00\x00\x10\x00", 8);
	at[12] = 0x50;
	at[13] = (uint8_t)flags;
	store16(at + 14, 0x4000);
}

static void udp(uint8_t *at, unsigned int port, unsigned int n)
{
	store16(at, 40000);
	store16(at + 2, port);
	store16(at + 4, UDP + n);
	store16(at + 6, 0);
}

static struct frame frame_of(unsigned int length, struct net_header header)
{
	part = (struct element){ memory, length };
	return (struct frame){ .part = &part, .parts = 1, .length = length,
			       .header = header };
}

/* ---- the hash ---- */

static const uint8_t key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* "Verifying the RSS Hash Calculation", the table that all implementations share. */
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

/* ---- cutting ---- */

/* One TCP segment of IPv4 is right by itself, and is the index-th of the whole. */
static void check_tcp4(const struct frame *piece, unsigned int index,
		       unsigned int count, unsigned int mss, unsigned int payload)
{
	const uint8_t *data = piece->part[0].address, *ip = data + ETH;
	const uint8_t *at = ip + IP4;
	unsigned int n = index + 1 < count ? mss : payload - index * mss;

	assert_int_equal(piece->length, ETH + IP4 + TCP + n);
	assert_int_equal(load16(ip + 2), IP4 + TCP + n);
	assert_int_equal(load16(ip + 4), (0xfffe + index) & 0xffff);
	assert_int_equal(plain_sum(0, ip, IP4), 0xffff);
	assert_int_equal(plain_sum(pseudo4(ip, 6, TCP + n), at, TCP + n), 0xffff);
	assert_int_equal(load32(at + 4), 0xffffff00u + index * mss);
	assert_int_equal(at[13] & 0x09, index + 1 == count ? 0x09 : 0);
	assert_int_equal(at[13] & 0x80, index ? 0 : 0x80);
	assert_memory_equal(at + TCP, memory + ETH + IP4 + TCP + index * mss, n);
}

static void test_tso4(void **state)
{
	static const unsigned int payloads[] = { 1, 1460, 1461, 14600, 65000 };
	struct frame frame, piece;
	unsigned int p, i;
	int count;

	(void)state;
	for (p = 0; p < 5; p++) {
		ethernet(memory, 0x0800);
		ipv4(memory + ETH, 6, TCP + payloads[p]);
		tcp(memory + ETH + IP4, 0x99); /* CWR ACK PSH FIN */
		fill(memory + ETH + IP4 + TCP, payloads[p]);
		frame = frame_of(ETH + IP4 + TCP + payloads[p],
				 (struct net_header){
					 .flags = HF_NEEDS_CSUM,
					 .gso_type = GSO_TCPV4 | GSO_ECN,
					 .gso_size = 1460,
					 .csum_start = 34, .csum_offset = 16 });
		count = segments_begin(&segments, &frame);
		assert_int_equal(count, (payloads[p] + 1459) / 1460);
		for (i = 0; i < (unsigned int)count; i++) {
			segments_make(&segments, i, &piece);
			check_tcp4(&piece, i, (unsigned int)count, 1460,
				   payloads[p]);
		}
	}
}

static void test_tso6(void **state)
{
	const unsigned int payload = 5000, mss = 1440;
	struct frame frame, piece;
	unsigned int i, n;

	(void)state;
	ethernet(memory, 0x86dd);
	ipv6(memory + ETH, 6, TCP + payload);
	tcp(memory + ETH + IP6, 0x10);
	fill(memory + ETH + IP6 + TCP, payload);
	frame = frame_of(ETH + IP6 + TCP + payload,
			 (struct net_header){ .flags = HF_NEEDS_CSUM,
					      .gso_type = GSO_TCPV6,
					      .gso_size = mss });
	assert_int_equal(segments_begin(&segments, &frame), 4);
	for (i = 0; i < 4; i++) {
		const uint8_t *ip;

		segments_make(&segments, i, &piece);
		n = i < 3 ? mss : payload - 3 * mss;
		ip = piece.part[0].address + ETH;
		assert_int_equal(load16(ip + 4), TCP + n);
		assert_int_equal(plain_sum(pseudo6(ip, 6, TCP + n), ip + IP6,
					   TCP + n), 0xffff);
	}
}

static void test_uso(void **state)
{
	const unsigned int payload = 3001, mss = 1000;
	struct frame frame, piece;
	unsigned int i, n;

	(void)state;
	ethernet(memory, 0x0800);
	ipv4(memory + ETH, 17, UDP + payload);
	udp(memory + ETH + IP4, 53, payload);
	fill(memory + ETH + IP4 + UDP, payload);
	frame = frame_of(ETH + IP4 + UDP + payload,
			 (struct net_header){ .flags = HF_NEEDS_CSUM,
					      .gso_type = GSO_UDP_L4,
					      .gso_size = mss });
	assert_int_equal(segments_begin(&segments, &frame), 4);
	for (i = 0; i < 4; i++) {
		const uint8_t *ip;

		segments_make(&segments, i, &piece);
		n = i < 3 ? mss : 1;
		ip = piece.part[0].address + ETH;
		assert_int_equal(load16(ip + IP4 + 4), UDP + n);
		assert_int_equal(plain_sum(0, ip, IP4), 0xffff);
		assert_int_equal(plain_sum(pseudo4(ip, 17, UDP + n), ip + IP4,
					   UDP + n), 0xffff);
		assert_memory_equal(ip + IP4 + UDP,
				    memory + ETH + IP4 + UDP + i * mss, n);
	}
}

/* Fragments put together are the datagram, whose checksum is complete. */
static void check_fragments(bool six)
{
	const unsigned int payload = 4000, head = six ? IP6 : IP4;
	const unsigned int total = UDP + payload;
	static uint8_t whole[8192];
	struct frame frame, piece;
	unsigned int i, offset, n, seen = 0;
	int count;

	ethernet(memory, six ? 0x86dd : 0x0800);
	if (six)
		ipv6(memory + ETH, 17, total);
	else
		ipv4(memory + ETH, 17, total);
	udp(memory + ETH + head, 53, payload);
	fill(memory + ETH + head + UDP, payload);
	frame = frame_of(ETH + head + total,
			 (struct net_header){ .flags = HF_NEEDS_CSUM,
					      .gso_type = GSO_UDP,
					      .gso_size = 1449 });
	count = segments_begin(&segments, &frame);
	assert_int_equal(count, (total + 1447) / 1448);
	for (i = 0; i < (unsigned int)count; i++) {
		const uint8_t *ip, *data;

		segments_make(&segments, i, &piece);
		ip = piece.part[0].address + ETH;
		data = ip + head + (six ? 8 : 0);
		n = piece.length - (unsigned int)(data - ip) - ETH;
		if (six) {
			assert_int_equal(ip[6], 44);
			assert_int_equal(ip[IP6], 17);
			offset = load16(ip + IP6 + 2) & 0xfff8;
			assert_int_equal(load16(ip + IP6 + 2) & 7,
					 i + 1 < (unsigned int)count);
			assert_int_equal(load16(ip + 4), 8 + n);
		} else {
			offset = (load16(ip + 6) & 0x1fff) * 8;
			assert_int_equal(load16(ip + 6) >> 13,
					 i + 1 < (unsigned int)count);
			assert_int_equal(load16(ip + 4), 0xfffe);
			assert_int_equal(plain_sum(0, ip, IP4), 0xffff);
		}
		assert_int_equal(offset, seen);
		memcpy(whole + offset, data, n);
		seen += n;
	}
	assert_int_equal(seen, total);
	assert_int_equal(plain_sum(six ? pseudo6(memory + ETH, 17, total) :
					 pseudo4(memory + ETH, 17, total),
				   whole, total), 0xffff);
	assert_memory_equal(whole + UDP, memory + ETH + head + UDP, payload);
}

static void test_ufo(void **state)
{
	(void)state;
	check_fragments(false);
	check_fragments(true);
}

/* TCP in VXLAN: inner and outer lengths and sums of every segment. */
static void check_tunnel(bool outer_sum)
{
	const unsigned int payload = 2500, mss = 1000;
	const unsigned int inner = ETH + IP4 + UDP + 8 + ETH;
	const unsigned int length = inner + IP4 + TCP + payload;
	struct frame frame, piece;
	unsigned int i, n;

	ethernet(memory, 0x0800);
	ipv4(memory + ETH, 17, length - ETH - IP4);
	udp(memory + ETH + IP4, 4789, length - ETH - IP4 - UDP);
	memset(memory + ETH + IP4 + UDP, 8, 8);
	ethernet(memory + inner - ETH, 0x0800);
	ipv4(memory + inner, 6, TCP + payload);
	tcp(memory + inner + IP4, 0x10);
	fill(memory + inner + IP4 + TCP, payload);
	frame = frame_of(length, (struct net_header){
		.flags = HF_NEEDS_CSUM | (outer_sum ? HF_UDP_TUNNEL_CSUM : 0),
		.gso_type = GSO_TCPV4 | GSO_TUNNEL_IPV4, .gso_size = mss,
		.outer_th_offset = ETH + IP4,
		.inner_nh_offset = (uint16_t)inner });
	assert_int_equal(segments_begin(&segments, &frame), 3);
	for (i = 0; i < 3; i++) {
		const uint8_t *ip, *in;

		segments_make(&segments, i, &piece);
		ip = piece.part[0].address + ETH;
		in = piece.part[0].address + inner;
		n = i < 2 ? mss : 500;
		assert_int_equal(load16(ip + IP4 + 4), UDP + 8 + ETH + IP4 + TCP + n);
		assert_int_equal(plain_sum(0, ip, IP4), 0xffff);
		assert_int_equal(plain_sum(0, in, IP4), 0xffff);
		assert_int_equal(plain_sum(pseudo4(in, 6, TCP + n), in + IP4,
					   TCP + n), 0xffff);
		if (!outer_sum) {
			assert_int_equal(load16(ip + IP4 + 6), 0);
			continue;
		}
		n += UDP + 8 + ETH + IP4 + TCP;
		assert_int_equal(plain_sum(pseudo4(ip, 17, n), ip + IP4, n),
				 0xffff);
	}
}

static void test_tunnel(void **state)
{
	(void)state;
	check_tunnel(false);
	check_tunnel(true);
}

/* A partial checksum over an odd number of bytes, and a UDP one that comes to 0. */
static void test_partial(void **state)
{
	const unsigned int n = 1001;
	struct frame frame, piece;
	uint8_t *ip = memory + ETH;

	(void)state;
	ethernet(memory, 0x0800);
	ipv4(ip, 17, UDP + n);
	udp(ip + IP4, 53, n);
	fill(ip + IP4 + UDP, n);
	store16(ip + IP4 + 6, pseudo4(ip, 17, UDP + n));
	frame = frame_of(ETH + IP4 + UDP + n, (struct net_header){
		.flags = HF_NEEDS_CSUM, .csum_start = ETH + IP4,
		.csum_offset = 6 });
	assert_int_equal(segments_begin(&segments, &frame), 1);
	segments_make(&segments, 0, &piece);
	assert_int_equal(plain_sum(pseudo4(ip, 17, UDP + n),
				   piece.part[0].address + ETH + IP4, UDP + n),
			 0xffff);
	/* Two bytes that bring the sum to 0xffff, whose complement UDP cannot send. */
	memset(ip + IP4 + UDP, 0, n);
	store16(ip + IP4 + UDP,
		~plain_sum(pseudo4(ip, 17, UDP + n), ip + IP4, 6));
	assert_int_equal(segments_begin(&segments, &frame), 1);
	segments_make(&segments, 0, &piece);
	assert_int_equal(load16(piece.part[0].address + ETH + IP4 + 6), 0xffff);
}

/* Requests that do not meet the frame are refused, not followed. */
static void test_nonsense(void **state)
{
	struct net_header tso = { .flags = HF_NEEDS_CSUM, .gso_type = GSO_TCPV4,
				  .gso_size = 1000 };
	struct net_header header;
	struct frame frame;

	(void)state;
	ethernet(memory, 0x0800);
	ipv4(memory + ETH, 6, TCP + 2000);
	tcp(memory + ETH + IP4, 0x10);
	frame = frame_of(ETH + IP4 + TCP + 2000, tso);
	assert_int_equal(segments_begin(&segments, &frame), 2);
	header = tso;
	header.gso_size = 0;
	frame = frame_of(ETH + IP4 + TCP + 2000, header);
	assert_true(segments_begin(&segments, &frame) < 0);
	header = tso;
	header.gso_type = GSO_TCPV6;
	frame = frame_of(ETH + IP4 + TCP + 2000, header);
	assert_true(segments_begin(&segments, &frame) < 0);
	header = tso;
	header.gso_type = GSO_TCPV4 | GSO_TUNNEL_IPV4;
	header.outer_th_offset = header.inner_nh_offset = 60000;
	frame = frame_of(ETH + IP4 + TCP + 2000, header);
	assert_true(segments_begin(&segments, &frame) < 0);
	frame = frame_of(ETH + IP4 + 10, tso); /* no room for a TCP header */
	assert_true(segments_begin(&segments, &frame) < 0);
	frame = frame_of(60, (struct net_header){ .flags = HF_NEEDS_CSUM,
						  .csum_start = 59,
						  .csum_offset = 0 });
	assert_true(segments_begin(&segments, &frame) < 0);
	frame = frame_of(60, (struct net_header){ .flags = HF_NEEDS_CSUM,
						  .csum_start = 0xffff,
						  .csum_offset = 0xffff });
	assert_true(segments_begin(&segments, &frame) < 0);
}

/* Every cut of a frame, and every byte of its headers flipped: the parser stays
 * inside (the sanitizers see it) and says nothing that lies behind the end. */
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
		cmocka_unit_test(test_tso4),
		cmocka_unit_test(test_tso6),
		cmocka_unit_test(test_uso),
		cmocka_unit_test(test_ufo),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_parser_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
