/* SPDX-License-Identifier: BSD-3-Clause */
/* Headers of transmitted packets with segmentation offload, on every layout of the ring:
 * segments, fragments, tunnels; what the header requests, what is refused, the longest
 * packet. */
#include "tests/unit/test.h"

#include "tests/unit/frame_builder.h"

/* proves: NET-18 NET-20 NET-24 NET-44 NET-45 NET-46 NET-08 NET-12 */
static void transmit_segments(void **state)
{
	const int features[] = { EVERY_HOST, GUEST_HDRLEN, -1 };
	struct offload_env *env = offload_env_start(features, false);

	(void)state;
	assert_true(vionet_feature_test(&env->control->device->accepted, GUEST_HDRLEN));
	for (unsigned int i = 0; i < 16; i++) {
		struct frame_spec s = { .six = i & 1, .udp = i & 2, .tag = i & 4,
				   .payload = i & 8 ? 9000 : 1200,
				   .piece = i & 8 ? 1900 : 0 };
		unsigned int head = s.udp ? 8 : 20;
		unsigned int start = 14 + (s.tag ? 4 : 0) + (s.six ? 40 : 20);
		struct vionet_packet *p = frame_packet(env, &s);

		assert_int_equal(vionet_packet_checksum_partial(p), 0);
		assert_int_equal(vionet_packet_segment(p, 1000), 0);
		p->hdr_len = 3; /* not looked at */
		expect_sent(env, p);
		expect_header(env, H(.flags = 1, .gso_size = 1000, .start = start,
				     .gso_type = s.udp ? 5 : s.six ? 4 : 1,
				     .offset = s.udp ? 6 : 16,
				     .hdr_len = start + head));
		assert_int_equal(env->sent_length, 12 + start + head + s.payload);
	}
	offload_env_stop(env);
}

/* proves: NET-44 NET-45 */
static void segments_that_make_no_sense(void **state)
{
	const int features[] = { EVERY_HOST, -1 };
	struct offload_env *env = offload_env_start(features, false);
	const struct frame_spec s = { .payload = 1200 };

	(void)state;
	for (unsigned int i = 0; i < 12; i++) {
		struct vionet_packet *p = frame_packet(env, &s);

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
		case 7: p->length = 54; break;	      /* nothing to segment */
		case 8: p->gso_size = 1461; break;    /* longer than the MTU */
		case 9: p->csum_start = 65535; break;
		case 10: p->gso_type = 0x85; p->csum_offset = 6; break;
		case 11: p->flags |= 8; break;
		}
		expect_refused(env, p);
	}
	for (unsigned int piece = 20; piece < 54; piece++) {
		/* Its headers are in two pieces. */
		struct vionet_packet *p = frame_packet(env, &(struct frame_spec){
			.payload = 200, .piece = piece });

		p->flags = 1;
		p->csum_start = 34;
		p->csum_offset = 16;
		p->gso_type = 1;
		p->gso_size = 100;
		expect_refused(env, p);
	}
	offload_env_stop(env);
}

/* proves: NET-22 */
static void transmit_fragments(void **state)
{
	const int features[] = { EVERY_HOST, -1 };
	struct offload_env *env = offload_env_start(features, false);
	struct vionet_packet *p = frame_packet(env, &(struct frame_spec){ .udp = true,
							      .payload = 1900 });

	(void)state;
	assert_int_equal(vionet_packet_checksum_partial(p), 0);
	p->gso_type = 3;
	p->gso_size = 1480;
	expect_sent(env, p);
	expect_header(env, H(.flags = 1, .gso_type = 3, .gso_size = 1480,
			     .start = 34, .offset = 6, .hdr_len = 42));
	offload_env_stop(env);
}

/* proves: NET-26 NET-27 */
static void congestion(void **state)
{
	const int with[] = { EVERY_HOST, -1 }, without[] = { CSUM, HOST_TSO4, -1 };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct offload_env *env = offload_env_start(i ? with : without, false);
		struct vionet_packet *p = frame_packet(env, &(struct frame_spec){
			.payload = 1200, .cwr = true });

		assert_int_equal(vionet_packet_checksum_partial(p), 0);
		assert_int_equal(vionet_packet_segment(p, 1000), 0);
		if (i) {
			expect_sent(env, p);
			assert_int_equal(env->sent[1], 0x81);
		} else {
			expect_refused(env, p);
		}
		offload_env_stop(env);
	}
}

/* proves: NET-08 */
static void lengths(void **state)
{
	const int features[] = { EVERY_HOST, -1 };
	struct vionet_packet *p;
	struct offload_env *env;

	(void)state;
	control_env_tx_buffer = 65600;
	env = offload_env_start(features, false);
	control_env_tx_buffer = 0;
	for (unsigned int over = 0; over < 2; over++) {
		for (unsigned int tag = 0; tag < 2; tag++) {
			p = frame_packet(env, &(struct frame_spec){
				.payload = 1460 + over, .tag = tag });
			assert_int_equal(vionet_packet_checksum_partial(p), 0);
			if (over)
				expect_refused(env, p);
			else
				expect_sent(env, p);
		}
		p = frame_packet(env, &(struct frame_spec){ .six = true,
						.payload = 65515 + over });
		p->flags = 1;
		p->csum_start = 54;
		p->csum_offset = 16;
		p->gso_type = 4;
		p->gso_size = 1440;
		if (over)
			expect_refused(env, p);
		else
			expect_sent(env, p);
	}
	offload_env_stop(env);
}

/* A tunnel: Ethernet, IPv4, UDP, VXLAN, and a packet inside. */
static struct vionet_packet *frame_tunnel(struct offload_env *env, const struct frame_spec *s,
					  bool outer_sum)
{
	struct vionet_packet *p;
	unsigned int start = 64 + (s->six ? 40 : 20);
	uint32_t inner;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(env->tx), &p, 1), 1);
	frame_build(p->data, &(struct frame_spec){ .udp = true });
	memset(p->data + 42, 0, 8);
	inner = frame_build(p->data + 50, s);
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
	struct offload_env *env = offload_env_start(features, false);
	static const uint8_t none[24];
	struct vionet_packet *p;

	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		struct frame_spec s = { .six = i & 1, .udp = i & 2, .payload = 1200 };
		unsigned int start = 64 + (s.six ? 40 : 20);

		p = frame_tunnel(env, &s, i & 4);
		expect_sent(env, p);
		expect_header(env, H(.flags = i & 4 ? 9 : 1, .gso_size = 500,
				     .gso_type = (s.six ? 0x40 : 0x20) |
						  (s.udp ? 5 : s.six ? 4 : 1),
				     .start = start, .offset = s.udp ? 6 : 16,
				     .hdr_len = start + (s.udp ? 8 : 20)));
		assert_int_equal(le16_get(env->sent + 20), 34);
		assert_int_equal(le16_get(env->sent + 22), 64);
	}
	/* A packet without a tunnel has zeros there, whatever its fields hold. */
	p = frame_packet(env, &(struct frame_spec){ .payload = 100 });
	p->outer_th_offset = p->inner_nh_offset = 99;
	expect_sent(env, p);
	assert_memory_equal(env->sent, none, 24);
	offload_env_stop(env);
}

/* proves: NET-29 NET-32 NET-34 NET-35 NET-36 NET-37 NET-38 NET-51 NET-52 NET-54 */
static void tunnels_that_make_no_sense(void **state)
{
	const int plain[] = { EVERY_HOST, HOST_TUNNEL, -1 };
	const int both[] = { EVERY_HOST, HOST_TUNNEL, HOST_TUNNEL_CSUM, -1 };
	const struct frame_spec s = { .payload = 1200 };
	struct offload_env *env = offload_env_start(both, false);

	(void)state;
	for (unsigned int i = 0; i < 13; i++) {
		/* With a sum of its own, so that what lies where a sum would be does not count. */
		struct vionet_packet *p = frame_tunnel(env, &s, i == 11 || (i >= 5 && i <= 8));

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
		expect_refused(env, p);
	}
	for (unsigned int i = 0; i < 3; i++) {
		/* IPv6 inside, and the header says IPv4; and the other way round. */
		struct vionet_packet *p = frame_tunnel(env, &(struct frame_spec){
			.udp = i < 2, .six = i != 1, .payload = 1200 }, false);

		p->gso_type = i == 0 ? 0x25 : i == 1 ? 0x45 : 0x41;
		if (i == 1)
			p->csum_start += 20, memset(p->data + 104, 0, 8);
		expect_refused(env, p);
	}
	offload_env_stop(env);
	env = offload_env_start(plain, false);
	expect_sent(env, frame_tunnel(env, &s, false));
	expect_refused(env, frame_tunnel(env, &s, true));
	offload_env_stop(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transmit_segments),
		cmocka_unit_test(segments_that_make_no_sense),
		cmocka_unit_test(transmit_fragments),
		cmocka_unit_test(congestion),
		cmocka_unit_test(lengths),
		cmocka_unit_test(transmit_tunnels),
		cmocka_unit_test(tunnels_that_make_no_sense),
	};

	return run_for_each_layout(tests);
}
