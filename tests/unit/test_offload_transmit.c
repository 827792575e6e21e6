/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Headers of transmitted packets, on every layout of the ring: what is asked of the
 * device, what is refused; and the helpers that prepare packets.
 */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "tests/unit/line.h"

/* IPv4 or IPv6, TCP or UDP, with payload, in a packet of the transmit pool, or in
 * several segments of `piece` bytes. Checksums are 0. */
struct shape {
	bool six, udp, tag, cwr;
	uint32_t payload, piece;
};

static uint32_t build(uint8_t *at, const struct shape *s)
{
	uint32_t head = s->udp ? 8 : 20, n = 14;
	uint32_t length = head + s->payload;

	memset(at, 0, 100);
	memcpy(at, "\x52\x54\0\xaa\xbb\xcc\x52\x54\0\1\2\3", 12);
	if (s->tag) {
		memcpy(at + 12, "\x81\0\0\7", 4);
		n = 18;
	}
	memcpy(at + n - 2, s->six ? "\x86\xdd" : "\x08\0", 2);
	if (s->six) {
		at[n] = 0x60;
		at[n + 4] = (uint8_t)(length >> 8);
		at[n + 5] = (uint8_t)length;
		at[n + 6] = s->udp ? 17 : 6;
		at[n + 8] = at[n + 24] = 0xfd;
		at[n + 23] = 1;
		at[n + 39] = 2;
		n += 40;
	} else {
		at[n] = 0x45;
		at[n + 2] = (uint8_t)((length + 20) >> 8);
		at[n + 3] = (uint8_t)(length + 20);
		at[n + 9] = s->udp ? 17 : 6;
		memcpy(at + n + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
		n += 20;
	}
	at[n] = at[n + 2] = 0x12;
	if (s->udp) {
		at[n + 4] = (uint8_t)(length >> 8);
		at[n + 5] = (uint8_t)length;
	} else {
		at[n + 12] = 0x50;
		at[n + 13] = s->cwr ? 0x90 : 0x10;
	}
	n += head;
	for (uint32_t i = 0; i < s->payload; i++)
		at[n + i] = (uint8_t)(i * 7 + (i >> 8));
	return n + s->payload;
}

static struct vionet_packet *make(struct line *line, const struct shape *s)
{
	static uint8_t frame[70000];
	struct vionet_packet *first = NULL, **link = &first, *p;
	uint32_t length = build(frame, s), piece = s->piece ? s->piece : length;

	for (uint32_t done = 0; done < length; done += p->length) {
		assert_int_equal(vionet_packet_alloc(vionet_queue_pool(line->tx), &p, 1),
				 1);
		p->length = length - done < piece ? length - done : piece;
		memcpy(p->data, frame + done, p->length);
		*link = p;
		link = &p->next;
	}
	return first;
}

static void expect_sent(struct line *line, struct vionet_packet *p)
{
	unsigned int before = line->sent_count;
	uint64_t invalid = line_counters(line->tx).invalid;

	assert_int_equal(vionet_queue_transmit(line->tx, &p, 1), 1);
	assert_int_equal(line_counters(line->tx).invalid, invalid);
	assert_int_equal(line->sent_count, before + 1);
	assert_int_equal(line_get16(line->sent + 10), 0); /* num_buffers */
}

static void expect_refused(struct line *line, struct vionet_packet *p)
{
	unsigned int before = line->sent_count;
	uint64_t invalid = line_counters(line->tx).invalid;
	uint32_t left;

	(void)vionet_queue_reclaim(line->tx);
	left = vionet_pool_available(p->pool);
	assert_int_equal(vionet_queue_transmit(line->tx, &p, 1), 1);
	assert_int_equal(line_counters(line->tx).invalid, invalid + 1);
	assert_int_equal(line->sent_count, before);
	assert_true(vionet_pool_available(vionet_queue_pool(line->tx)) > left);
}

static void expect_header(const struct line *line, const struct header *want)
{
	const uint8_t *at = line->sent;

	assert_int_equal(at[0], want->flags);
	assert_int_equal(at[1], want->gso_type);
	assert_int_equal(line_get16(at + 2), want->hdr_len);
	assert_int_equal(line_get16(at + 4), want->gso_size);
	assert_int_equal(line_get16(at + 6), want->start);
	assert_int_equal(line_get16(at + 8), want->offset);
}

/* proves: NET-13 NET-39 NET-42 NET-47 */
static void transmit_checksum(void **state)
{
	const int features[] = { EVERY_HOST, -1 };
	struct line *line = raise_line(features, false);
	struct shape s = { .payload = 100 };
	struct vionet_packet *p;

	(void)state;
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int start;

		s = (struct shape){ .six = i & 1, .udp = i & 2, .tag = i & 4,
				    .payload = 100, .piece = i & 8 ? 90 : 0 };
		start = 14 + (s.tag ? 4 : 0) + (s.six ? 40 : 20);
		p = make(line, &s);
		assert_int_equal(vionet_packet_checksum_partial(p), 0);
		expect_sent(line, p);
		expect_header(line, H(.flags = 1, .start = start,
				      .offset = s.udp ? 6 : 16,
				      .hdr_len = start + (s.udp ? 8 : 20)));
	}
	/* What another protocol has for a checksum is the device's too. */
	p = make(line, &(struct shape){ .payload = 100 });
	p->flags = 1;
	p->csum_start = 60;
	p->csum_offset = 2;
	expect_sent(line, p);
	expect_header(line, H(.flags = 1, .start = 60, .offset = 2, .hdr_len = 64));
	drop_line(line);
}

/* Bursts of common packets, offloaded, refused and chained ones: each is as it should
 * be, in order. */
static void transmit_mixed_bursts(void **state)
{
	const int features[] = { EVERY_HOST, -1 };
	struct line *line = raise_line(features, false);
	unsigned int sent = 0;

	(void)state;
	line->rig->model->hold = true;
	for (unsigned int round = 0; round < 600; round++) {
		struct vionet_packet *p[8];
		unsigned int good = 0, seed = round;

		for (unsigned int i = 0; i < 8; i++) {
			unsigned int what = (unsigned int)rand_r(&seed) % 5;

			p[i] = make(line, &(struct shape){
				.payload = 200, .piece = what == 4 ? 120 : 0 });
			if (what == 1 || what == 4)
				assert_int_equal(
					vionet_packet_checksum_partial(p[i]), 0);
			if (what == 2)
				p[i]->flags = 0x40;
			good += what != 2;
		}
		for (unsigned int done = 0; done < 8;) {
			done += vionet_queue_transmit(line->tx, p + done, 8 - done);
			model_transmit(line->rig->model);
		}
		sent += good;
		assert_int_equal(line->sent_count, sent);
	}
	assert_int_equal(line_counters(line->tx).packets, sent);
	drop_line(line);
}

/* proves: NET-14 NET-19 NET-21 NET-23 NET-25 NET-29 NET-34 NET-43 NET-53 */
static void not_negotiated(void **state)
{
	const int none[] = { -1 }, csum[] = { CSUM, -1 };
	static const uint8_t kinds[] = { 1, 3, 4, 5, 0x21, 0x44, 0x81, 0x80, 0x20, 2,
					 0xff };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct line *line = raise_line(i ? csum : none, false);
		struct vionet_packet *p;

		for (size_t k = 0; k < sizeof(kinds); k++) {
			p = make(line, &(struct shape){ .payload = 1000,
							.udp = kinds[k] == 5 });
			assert_int_equal(vionet_packet_checksum_partial(p), 0);
			p->gso_type = kinds[k];
			p->gso_size = 500;
			expect_refused(line, p);
		}
		for (unsigned int flag = 4; flag < 256; flag *= 2) {
			p = make(line, &(struct shape){ .payload = 60 });
			p->flags = (uint8_t)flag;
			expect_refused(line, p);
		}
		p = make(line, &(struct shape){ .payload = 60 });
		assert_int_equal(vionet_packet_checksum_partial(p), 0);
		if (i)
			expect_sent(line, p);
		else
			expect_refused(line, p);
		/* A received packet can be sent on. */
		p = make(line, &(struct shape){ .payload = 60 });
		p->flags = 2;
		p->hash_report = 3;
		expect_sent(line, p);
		expect_header(line, H(0));
		drop_line(line);
	}
}

/* Whatever a last user left in one byte of the header: what is sent is all zero, whether
 * one packet is or several are. proves: NET-12 NET-13 NET-43 */
static void each_byte_of_the_header_is_cleared(void **state)
{
	const int basic[] = { -1 }, hash[] = { HASH_REPORT, -1 };
	const int tunnel[] = { EVERY_HOST, HOST_TUNNEL, -1 };
	const struct {
		const int *features;
		uint32_t size;
	} kinds[] = { { basic, 12 }, { hash, 20 }, { tunnel, 24 } };

	(void)state;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct line *line = raise_line(kinds[k].features, false);
		uint32_t size = line->rig->device->header_size;

		assert_int_equal(size, kinds[k].size);
		for (uint32_t i = 0; i < 2 * size; i++) {
			static const uint8_t none[32];
			struct vionet_packet *p[2];
			uint32_t count = 1 + i % 2;

			for (uint32_t j = 0; j < count; j++) {
				p[j] = make(line, &(struct shape){ .payload = 60 });
				memset(p[j]->data - size, 0, size);
				p[j]->data[(int)(i / 2) - (int)size] = 1;
			}
			assert_int_equal(vionet_queue_transmit(line->tx, p, count),
					 count);
			assert_memory_equal(line->sent, none, size);
			assert_int_equal(line->sent[size], 0x52);
		}
		drop_line(line);
	}
}

/* proves: NET-18 NET-20 NET-24 NET-44 NET-45 NET-46 NET-08 NET-12 */
static void transmit_segments(void **state)
{
	const int features[] = { EVERY_HOST, GUEST_HDRLEN, -1 };
	struct line *line = raise_line(features, false);

	(void)state;
	assert_true(vionet_feature_test(&line->rig->device->accepted, GUEST_HDRLEN));
	for (unsigned int i = 0; i < 16; i++) {
		struct shape s = { .six = i & 1, .udp = i & 2, .tag = i & 4,
				   .payload = i & 8 ? 9000 : 1200,
				   .piece = i & 8 ? 1900 : 0 };
		unsigned int head = s.udp ? 8 : 20;
		unsigned int start = 14 + (s.tag ? 4 : 0) + (s.six ? 40 : 20);
		struct vionet_packet *p = make(line, &s);

		assert_int_equal(vionet_packet_checksum_partial(p), 0);
		assert_int_equal(vionet_packet_segment(p, 1000), 0);
		p->hdr_len = 3; /* not looked at */
		expect_sent(line, p);
		expect_header(line, H(.flags = 1, .gso_size = 1000, .start = start,
				      .gso_type = s.udp ? 5 : s.six ? 4 : 1,
				      .offset = s.udp ? 6 : 16,
				      .hdr_len = start + head));
		assert_int_equal(line->sent_length, 12 + start + head + s.payload);
	}
	drop_line(line);
}

/* proves: NET-44 NET-45 */
static void segments_that_make_no_sense(void **state)
{
	const int features[] = { EVERY_HOST, -1 };
	struct line *line = raise_line(features, false);
	const struct shape s = { .payload = 1200 };

	(void)state;
	for (unsigned int i = 0; i < 12; i++) {
		struct vionet_packet *p = make(line, &s);

		assert_int_equal(vionet_packet_checksum_partial(p), 0);
		assert_int_equal(vionet_packet_segment(p, 1000), 0);
		switch (i) {
		case 0: p->flags = 0; break;
		case 1: p->gso_size = 0; break;
		case 2: p->csum_offset = 6; break;    /* that is UDP's */
		case 3: p->gso_type = 5; break;	      /* this is TCP */
		case 4: p->gso_type = 2; break;
		case 5: p->data[46] = 0x40; break;    /* no TCP header */
		case 6: p->data[46] = 0xf0; p->length = 80; break;
		case 7: p->length = 54; break;	      /* nothing to cut */
		case 8: p->gso_size = 1461; break;    /* longer than the MTU */
		case 9: p->csum_start = 65535; break;
		case 10: p->gso_type = 0x85; p->csum_offset = 6; break;
		case 11: p->flags |= 8; break;
		}
		expect_refused(line, p);
	}
	for (unsigned int piece = 20; piece < 54; piece++) {
		/* Its headers are in two pieces. */
		struct vionet_packet *p = make(line, &(struct shape){
			.payload = 200, .piece = piece });

		p->flags = 1;
		p->csum_start = 34;
		p->csum_offset = 16;
		p->gso_type = 1;
		p->gso_size = 100;
		expect_refused(line, p);
	}
	drop_line(line);
}

/* proves: NET-22 */
static void transmit_fragments(void **state)
{
	const int features[] = { EVERY_HOST, -1 };
	struct line *line = raise_line(features, false);
	struct vionet_packet *p = make(line, &(struct shape){ .udp = true,
							      .payload = 1900 });

	(void)state;
	assert_int_equal(vionet_packet_checksum_partial(p), 0);
	p->gso_type = 3;
	p->gso_size = 1480;
	expect_sent(line, p);
	expect_header(line, H(.flags = 1, .gso_type = 3, .gso_size = 1480,
			      .start = 34, .offset = 6, .hdr_len = 42));
	drop_line(line);
}

/* proves: NET-26 NET-27 */
static void congestion(void **state)
{
	const int with[] = { EVERY_HOST, -1 }, without[] = { CSUM, HOST_TSO4, -1 };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct line *line = raise_line(i ? with : without, false);
		struct vionet_packet *p = make(line, &(struct shape){
			.payload = 1200, .cwr = true });

		assert_int_equal(vionet_packet_checksum_partial(p), 0);
		assert_int_equal(vionet_packet_segment(p, 1000), 0);
		if (i) {
			expect_sent(line, p);
			assert_int_equal(line->sent[1], 0x81);
		} else {
			expect_refused(line, p);
		}
		drop_line(line);
	}
}

/* proves: NET-08 */
static void lengths(void **state)
{
	const int features[] = { EVERY_HOST, -1 };
	struct vionet_packet *p;
	struct line *line;

	(void)state;
	rig_tx_buffer = 65600;
	line = raise_line(features, false);
	rig_tx_buffer = 0;
	for (unsigned int over = 0; over < 2; over++) {
		for (unsigned int tag = 0; tag < 2; tag++) {
			p = make(line, &(struct shape){
				.payload = 1460 + over, .tag = tag });
			assert_int_equal(vionet_packet_checksum_partial(p), 0);
			if (over)
				expect_refused(line, p);
			else
				expect_sent(line, p);
		}
		p = make(line, &(struct shape){ .six = true,
						.payload = 65515 + over });
		p->flags = 1;
		p->csum_start = 54;
		p->csum_offset = 16;
		p->gso_type = 4;
		p->gso_size = 1440;
		if (over)
			expect_refused(line, p);
		else
			expect_sent(line, p);
	}
	drop_line(line);
}

/* A tunnel: Ethernet, IPv4, UDP, VXLAN, and a packet of this shape. */
static struct vionet_packet *make_tunnel(struct line *line, const struct shape *s,
					 bool outer_sum)
{
	struct vionet_packet *p;
	unsigned int start = 64 + (s->six ? 40 : 20);
	uint32_t inner;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(line->tx), &p, 1), 1);
	build(p->data, &(struct shape){ .udp = true });
	memset(p->data + 42, 0, 8);
	inner = build(p->data + 50, s);
	p->length = 50 + inner;
	p->flags = outer_sum ? 9 : 1;
	p->gso_type = (uint8_t)((s->six ? 0x40 : 0x20) |
				(s->udp ? 5 : s->six ? 4 : 1));
	p->gso_size = 500;
	p->outer_th_offset = 34;
	p->inner_nh_offset = 64;
	p->csum_start = (uint16_t)start;
	p->csum_offset = s->udp ? 6 : 16;
	return p;
}

/* proves: NET-28 NET-30 NET-31 NET-33 NET-48 NET-49 */
static void transmit_tunnels(void **state)
{
	const int features[] = { EVERY_HOST, HOST_TUNNEL, HOST_TUNNEL_CSUM, -1 };
	struct line *line = raise_line(features, false);
	static const uint8_t none[24];
	struct vionet_packet *p;

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		struct shape s = { .six = i & 1, .udp = i & 2, .payload = 1200 };
		unsigned int start = 64 + (s.six ? 40 : 20);

		p = make_tunnel(line, &s, i & 4);
		expect_sent(line, p);
		expect_header(line, H(.flags = i & 4 ? 9 : 1, .gso_size = 500,
				      .gso_type = (s.six ? 0x40 : 0x20) |
						  (s.udp ? 5 : s.six ? 4 : 1),
				      .start = start, .offset = s.udp ? 6 : 16,
				      .hdr_len = start + (s.udp ? 8 : 20)));
		assert_int_equal(line_get16(line->sent + 20), 34);
		assert_int_equal(line_get16(line->sent + 22), 64);
	}
	/* A packet without one says nothing of it, whatever its fields hold. */
	p = make(line, &(struct shape){ .payload = 100 });
	p->outer_th_offset = p->inner_nh_offset = 99;
	expect_sent(line, p);
	assert_memory_equal(line->sent, none, 24);
	drop_line(line);
}

/* proves: NET-29 NET-32 NET-34 NET-35 NET-36 NET-37 NET-38 NET-51 NET-52 NET-54 */
static void tunnels_that_make_no_sense(void **state)
{
	const int plain[] = { EVERY_HOST, HOST_TUNNEL, -1 };
	const int both[] = { EVERY_HOST, HOST_TUNNEL, HOST_TUNNEL_CSUM, -1 };
	const struct shape s = { .payload = 1200 };
	struct line *line = raise_line(both, false);

	(void)state;
	for (unsigned int i = 0; i < 13; i++) {
		struct vionet_packet *p = make_tunnel(line, &s, i == 11);

		switch (i) {
		case 0: p->gso_type |= 0x60; break;
		case 1: p->gso_type = 0x23; break;
		case 2: p->gso_type = 0x20; break;
		case 3: p->gso_type = 0x41; break;   /* there is IPv4 inside */
		case 4: p->gso_type = 0x24; break;
		case 5: p->outer_th_offset = 33; break;
		case 6: p->outer_th_offset = 57; break;
		case 7: p->inner_nh_offset = 65; break;
		case 8: p->inner_nh_offset = 41; break;
		case 9: p->data[40] = 1; break; /* one sum for several */
		case 10: p->flags = 0; break;
		case 11: p->gso_type = 1; break; /* NET-38 */
		case 12: p->flags |= 4; break;
		}
		expect_refused(line, p);
	}
	for (unsigned int i = 0; i < 3; i++) {
		/* IPv6 inside, and the header says IPv4; and the other way round. */
		struct vionet_packet *p = make_tunnel(line, &(struct shape){
			.udp = i < 2, .six = i != 1, .payload = 1200 }, false);

		p->gso_type = i == 0 ? 0x25 : i == 1 ? 0x45 : 0x41;
		if (i == 1)
			p->csum_start += 20, memset(p->data + 104, 0, 8);
		expect_refused(line, p);
	}
	drop_line(line);
	line = raise_line(plain, false);
	expect_sent(line, make_tunnel(line, &s, false));
	expect_refused(line, make_tunnel(line, &s, true));
	drop_line(line);
}

/* ---- the helpers ---- */

static unsigned int sum(const uint8_t *at, uint32_t length, unsigned int more)
{
	for (uint32_t i = 0; i < length; i++)
		more += i % 2 ? at[i] : (unsigned int)at[i] << 8;
	while (more >> 16)
		more = (more & 0xffff) + (more >> 16);
	return more;
}

/* proves: NET-40 NET-41 */
static void sums_by_hand(void **state)
{
	const int features[] = { CSUM, -1 };
	struct line *line = raise_line(features, false);

	(void)state;
	for (unsigned int i = 0; i < 64; i++) {
		struct shape s = { .six = i & 1, .udp = i & 2,
				   .payload = i * 3, .piece = i & 4 ? 75 + i : 0 };
		unsigned int start = s.six ? 54 : 34, place = s.udp ? 6 : 16;
		unsigned int length = (s.udp ? 8 : 20) + s.payload, pseudo;
		struct vionet_packet *p = make(line, &s), *q;
		uint8_t whole[2000];
		uint32_t n = 0;

		pseudo = sum(p->data + (s.six ? 22 : 26), s.six ? 32 : 8,
			     length + (s.udp ? 17 : 6));
		assert_int_equal(vionet_packet_checksum_partial(p), 0);
		assert_int_equal(p->data[start + place] << 8 |
				 p->data[start + place + 1], pseudo);
		assert_int_equal(vionet_packet_checksum_complete(p), 0);
		assert_int_equal(p->flags, 0);
		for (q = p; q; n += q->length, q = q->next)
			memcpy(whole + n, q->data, q->length);
		assert_int_equal(sum(whole + start, length, pseudo), 0xffff);
		vionet_packet_free(&p, 1);
	}
	drop_line(line);
}

/* What is no TCP or UDP packet, or says another length than it has, is left alone. */
static void helpers_refuse(void **state)
{
	const int features[] = { CSUM, -1 };
	struct line *line = raise_line(features, false);
	struct vionet_packet *p;

	(void)state;
	for (unsigned int i = 0; i < 11; i++) {
		struct shape s = { .six = i >= 7, .udp = i == 6, .payload = 60 };
		uint8_t before[200];

		p = make(line, &s);
		switch (i) {
		case 0: p->data[12] = 0x88; break;
		case 1: p->data[14] = 0x46; p->data[17] = 23; break;
		case 2: p->data[20] = 0x20; break; /* more fragments */
		case 3: p->data[21] = 1; break;
		case 4: p->data[23] = 1; break;
		case 5: p->length--; break;
		case 6: p->data[39]++; break; /* UDP's own length */
		case 7: p->data[20] = 43; break;
		case 8: p->data[19]++; break;
		case 9: p->data[20] = 0; p->data[55] = 255; break;
		case 10: p->length = 50; break;
		}
		memcpy(before, p->data, p->length);
		assert_int_equal(vionet_packet_checksum_partial(p), -EINVAL);
		assert_memory_equal(before, p->data, p->length);
		assert_int_equal(p->flags, 0);
		assert_int_equal(vionet_packet_segment(p, 100), -EINVAL);
		vionet_packet_free(&p, 1);
	}
	p = make(line, &(struct shape){ .payload = 60 });
	for (uint32_t length = 0; length < 114; length++) {
		p->length = length;
		assert_int_equal(vionet_packet_checksum_partial(p), -EINVAL);
	}
	p->flags = 1;
	p->csum_start = 100;
	p->csum_offset = 12;
	assert_int_equal(vionet_packet_checksum_complete(p), -EINVAL);
	vionet_packet_free(&p, 1);
	drop_line(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transmit_checksum),
		cmocka_unit_test(transmit_mixed_bursts),
		cmocka_unit_test(not_negotiated),
		cmocka_unit_test(each_byte_of_the_header_is_cleared),
		cmocka_unit_test(transmit_segments),
		cmocka_unit_test(segments_that_make_no_sense),
		cmocka_unit_test(transmit_fragments),
		cmocka_unit_test(congestion),
		cmocka_unit_test(lengths),
		cmocka_unit_test(transmit_tunnels),
		cmocka_unit_test(tunnels_that_make_no_sense),
		cmocka_unit_test(sums_by_hand),
		cmocka_unit_test(helpers_refuse),
	};

	return run_for_each_layout(tests);
}
