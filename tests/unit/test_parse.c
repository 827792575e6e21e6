/* SPDX-License-Identifier: BSD-3-Clause */
/* What is found in received frames (tools/pktgen/packet/parse.c), whole, cut and damaged. */
#include "tests/unit/flow_builder.h"

#include "tools/pktgen/packet/parse.h"

static int end(void **state)
{
	(void)state;
	flow_end();
	return 0;
}

static struct packet_view parse(const uint8_t *frame, uint32_t length)
{
	struct packet_view view;

	packet_parse(frame, length, length, &view);
	assert_true(packet_sums_right(frame, length, false));
	return view;
}

static const uint8_t *one_frame(uint32_t *length)
{
	return flow_frame(flow_compile(), 5, length);
}

static void tags_and_labels(void **state)
{
	struct packet_view view;
	uint32_t length;
	const uint8_t *frame;

	(void)state;
	flow_begin(150);
	flow_headers(HEADER_ETHERNET, HEADER_VLAN, HEADER_VLAN, HEADER_VLAN, HEADER_MPLS, HEADER_MPLS, HEADER_IPV6,
		     HEADER_UDP, -1);
	flow_value(0, "ether_type", 0x88a8);
	flow_value(1, "id", 100);
	flow_value(1, "priority", 3);
	frame = one_frame(&length);
	view = parse(frame, length);
	assert_int_equal(view.vlans, 3);
	assert_int_equal(view.vlan_type, 0x88a8);
	assert_int_equal(view.vlan_tci, 0x6064);
	assert_int_equal(view.labels, 2);
	assert_int_equal(view.tunnels, 0);
	assert_int_equal(view.ether_type, 0x8847);
	assert_int_equal(view.version, 6);
	assert_int_equal(view.protocol, 17);
	assert_int_equal(view.l3, 34);
	assert_int_equal(view.l4, 74);
	assert_int_equal(view.payload, 82);
	assert_int_equal(view.end, 150);
}

static void extension_headers(void **state)
{
	struct packet_view view;
	uint32_t length;
	const uint8_t *frame;

	(void)state;
	flow_begin(200);
	flow_headers(HEADER_ETHERNET, HEADER_IPV6, HEADER_CUSTOM, HEADER_IPV6_EXTENSION_HEADER, HEADER_TCP, -1);
	flow_value(1, "next_header", 0);
	flow_bytes(2, "\x2b\0\x01\x04\0\0\0\0", 8); /* hop by hop, then routing */
	part_field(flow_part(3, HEADER_SEGMENT), "segment")->pattern = TRAFFIC_VALUE;
	part_field(flow_part(3, HEADER_SEGMENT), "segment")->pattern = TRAFFIC_VALUE;
	flow_of()->header[3].part[0].field[0].start = 0x1234;
	frame = one_frame(&length);
	view = parse(frame, length);
	assert_int_equal(view.l3, 14);
	assert_int_equal(view.l4, 54 + 8 + 8 + 32);
	assert_int_equal(view.protocol, 6);
	assert_int_equal(view.payload, view.l4 + 20);
	assert_false(view.fragment);
}

static void frames_in_tunnels(void **state)
{
	static const int tunnels[][4] = {
		{ HEADER_UDP, HEADER_VXLAN, HEADER_ETHERNET, -1 },
		{ HEADER_GRE, -1 },
		{ HEADER_GRE, HEADER_ETHERNET, HEADER_VLAN, -1 },
		{ HEADER_UDP, HEADER_GTPV1, -1 },
		{ HEADER_MPLS, -1 },
		{ -1 },
	};
	struct packet_view view;
	struct signature found;
	uint32_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(tunnels) / sizeof(tunnels[0]); i++)
		for (int version = 0; version < 2; version++) {
			const uint8_t *frame;

			flow_begin(200);
			flow_headers(HEADER_ETHERNET, version ? HEADER_IPV6 : HEADER_IPV4, -1);
			for (size_t j = 0; tunnels[i][j] >= 0; j++)
				flow_headers(tunnels[i][j], -1);
			flow_headers(version ? HEADER_IPV4 : HEADER_IPV6, HEADER_UDP, -1);
			frame = one_frame(&length);
			view = parse(frame, length);
			assert_int_equal(view.tunnels, tunnels[i][0] == HEADER_MPLS ? 0 : 1);
			assert_int_equal(view.vlans, i == 2);
			assert_int_equal(view.vlan_type, 0);
			assert_int_equal(view.version, version ? 4 : 6);
			assert_int_equal(view.payload, view.l4 + 8);
			assert_int_equal(view.end, 200);
			assert_int_equal(packet_signature(frame, length, length, &found), 200 - SIGNATURE_SIZE);
			assert_int_equal(found.track, 7);
			assert_int_equal(found.sequence, 5);
			assert_int_equal(found.time, 1005);
		}
}

/* Options of GRE and GTP that the generator does not have. */
static void optional_parts_of_tunnels(void **state)
{
	static uint8_t frame[200] = { [12] = 8, [14] = 0x45, [17] = 186, [23] = 47 };
	struct packet_view view;

	(void)state;
	frame[34] = 0xb0; /* checksum, key, sequence number */
	frame[36] = 8;
	frame[34 + 16] = 0x45;
	frame[34 + 16 + 3] = 28;
	frame[34 + 16 + 9] = 17;
	packet_parse(frame, 200, 200, &view);
	assert_int_equal(view.l3, 50);
	assert_int_equal(view.end, 78);
	assert_int_equal(view.tunnels, 1);
	memset(frame + 34, 0, 166);
	frame[23] = 17;
	frame[36] = 2152 >> 8;
	frame[37] = 2152 & 255;
	memcpy(frame + 42, "\x34\xff\0\x70\0\0\0\1\0\0\0\x85\x02\0\0\0\0\0\0\x85\x01\0\0\0\x45", 25);
	frame[42 + 24 + 3] = 20;
	packet_parse(frame, 200, 200, &view);
	assert_int_equal(view.l3, 66);
	assert_int_equal(view.tunnels, 1);
	assert_int_equal(view.end, 86);
	frame[42 + 20] = 0; /* an extension of no bytes */
	packet_parse(frame, 200, 200, &view);
	assert_int_equal(view.l3, 14);
}

static void fragments_have_no_ports(void **state)
{
	struct packet_view view;
	uint32_t length;
	const uint8_t *frame;

	(void)state;
	for (int first = 0; first < 2; first++) {
		flow_begin(100);
		flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, -1);
		flow_value(1, first ? "more_fragments" : "fragment_offset", 1);
		frame = one_frame(&length);
		view = parse(frame, length);
		assert_true(view.fragment);
		assert_int_equal(view.l4, 34);
		assert_int_equal(view.payload, 0);
	}
}

/* Padding of a short frame, zeros or not, a trailer, and tags in front. */
static void signatures_in_padded_frames(void **state)
{
	static uint8_t copy[200];
	struct signature found;
	uint32_t length;

	(void)state;
	for (uint32_t size = 60; size < 80; size++) {
		struct template *template;

		flow_begin(size);
		flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, -1);
		template = flow_compile();
		for (uint32_t n = 0; n < 300; n++) {
			const uint8_t *frame = flow_frame(template, n << 8, &length);

			memcpy(copy, frame, length);
			memset(copy + length, n % 3 ? 0 : (int)n, sizeof(copy) - length);
			for (uint32_t behind = 0; behind < 20; behind++) {
				assert_int_equal(packet_signature(copy, length + behind, length + behind, &found),
						 size - SIGNATURE_SIZE);
				assert_int_equal(found.sequence, n << 8);
			}
			copy[size - 1] ^= 1;
			assert_int_equal(packet_signature(copy, length, length, &found), -1);
		}
	}
}

/* Two zeros behind, and the signature's last eight words have the sum that it has: so have these with the zeros. */
static void a_signature_that_seems_to_be_later(void **state)
{
	static uint8_t copy[64];
	struct signature found;
	const uint8_t *frame;
	uint32_t length;

	(void)state;
	flow_begin(60);
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, -1);
	frame = one_frame(&length);
	memcpy(copy, frame, length);
	signature_write(copy + 60 - SIGNATURE_SIZE, 7, 5, SIGNATURE_SUM - 12);
	assert_true(signature_read(copy + 62 - SIGNATURE_SIZE, &found));
	assert_int_equal(packet_signature(copy, 62, 62, &found), 60 - SIGNATURE_SIZE);
	assert_int_equal(found.track, 7);
}

static void wrong_checksums_are_seen(void **state)
{
	static uint8_t copy[FRAME_ROOM];
	uint32_t length;
	const uint8_t *frame;

	(void)state;
	flow_begin(160);
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, HEADER_VXLAN, HEADER_ETHERNET, HEADER_IPV6, HEADER_TCP,
		     -1);
	frame = one_frame(&length);
	memcpy(copy, frame, length);
	assert_true(packet_sums_right(copy, length, false));
	/* Any bit of both packets but those that make it another kind of frame. */
	for (uint32_t bit = 26 * 8; bit < length * 8; bit += 3) {
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(packet_sums_right(copy, length, false));
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	copy[40] = 0;
	copy[41] = 0;
	assert_true(packet_sums_right(copy, length, false));
	copy[length - 1] ^= 1;
	assert_false(packet_sums_right(copy, length, false));
	assert_true(packet_sums_right(copy, length, true));
	copy[20] ^= 1; /* the IPv4 header's always counts */
	assert_false(packet_sums_right(copy, length, true));
}

/* Each prefix, in memory that ends there, and with each byte damaged: nothing is read behind it, and all
 * places lie in the frame. */
static void pieces_of_frames(void **state)
{
	static const int stacks[][9] = {
		{ HEADER_ETHERNET, HEADER_VLAN, HEADER_IPV4, HEADER_UDP, HEADER_VXLAN, HEADER_ETHERNET, HEADER_IPV6,
		  HEADER_TCP, -1 },
		{ HEADER_ETHERNET, HEADER_IPV6, HEADER_IPV6_EXTENSION_HEADER, HEADER_UDP, HEADER_GTPV1, HEADER_IPV4,
		  HEADER_ICMP, -1 },
		{ HEADER_ETHERNET, HEADER_MPLS, HEADER_ETHERNET, HEADER_IPV4, HEADER_GRE, HEADER_IPV6, HEADER_ICMPV6,
		  -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
		uint32_t length;
		const uint8_t *frame;

		flow_begin(190);
		for (size_t j = 0; stacks[i][j] >= 0; j++)
			flow_headers(stacks[i][j], -1);
		frame = one_frame(&length);
		for (uint32_t cut = 0; cut <= length; cut++)
			for (uint32_t damage = 0; damage < 200; damage++) {
				uint8_t *piece = malloc(cut ? cut : 1);
				struct packet_view view;
				struct signature found;

				memcpy(piece, frame, cut);
				if (damage > 0 && cut > 0)
					piece[damage % cut] ^= (uint8_t)(damage * 37);
				packet_parse(piece, cut, length, &view);
				assert_true(view.l3 <= cut && view.l4 <= cut && view.end <= length);
				packet_parse(piece, cut, cut, &view);
				assert_true(view.end <= cut);
				packet_signature(piece, cut, length, &found);
				packet_sums_right(piece, cut, false);
				free(piece);
			}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(tags_and_labels, end),
		cmocka_unit_test_teardown(extension_headers, end),
		cmocka_unit_test_teardown(frames_in_tunnels, end),
		cmocka_unit_test_teardown(optional_parts_of_tunnels, end),
		cmocka_unit_test_teardown(fragments_have_no_ports, end),
		cmocka_unit_test_teardown(signatures_in_padded_frames, end),
		cmocka_unit_test_teardown(a_signature_that_seems_to_be_later, end),
		cmocka_unit_test_teardown(wrong_checksums_are_seen, end),
		cmocka_unit_test_teardown(pieces_of_frames, end),
	};

	return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
