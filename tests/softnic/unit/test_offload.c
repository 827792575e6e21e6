/* SPDX-License-Identifier: BSD-3-Clause */
/* Offloads of the software device: checksums and segmentation against plain loops. */
#include "frames.h"

static struct segments segments; /* too large for a stack */

/* One TCP segment of IPv4 is valid by itself, and is number `index` of the packet. */
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

/* Requests that do not fit the frame are refused. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tso4),
		cmocka_unit_test(test_tso6),
		cmocka_unit_test(test_uso),
		cmocka_unit_test(test_ufo),
		cmocka_unit_test(test_tunnel),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
