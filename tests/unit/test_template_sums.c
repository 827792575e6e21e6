/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums of compiled flows, in any nesting, against RFC 1071 computed over the finished frame; and what is left
 * to the device. */
#include "tests/unit/flow_builder.h"

#include <vionet/offload.h>

#include "tools/pktgen/packet/payload.h"
#include "tools/pktgen/packet/signature.h"

static int end(void **state)
{
	(void)state;
	flow_end();
	return 0;
}

/* Where a checksum's range begins, and the IP header in front of it that gives the pseudo header (0: none). */
struct range {
	uint32_t from, ip;
	uint8_t protocol;
	bool wrong; /* it is to be */
};

/* IPv4 headers' ranges end with the header. */
static bool range_is_right(const uint8_t *frame, uint32_t size, const struct range *range)
{
	if (range->ip)
		return transport_sum(frame + range->ip, frame + range->from, size - range->from, range->protocol) ==
		       0xffff;
	if (range->protocol == 4)
		return ones_sum(0, frame + range->from, (frame[range->from] & 15) * 4) == 0xffff;
	return ones_sum(0, frame + range->from, size - range->from) == 0xffff;
}

static void assert_sums(const struct range *ranges, size_t count)
{
	struct template *template = flow_compile();
	uint32_t length;

	for (uint64_t n = 0; n < 600; n++) {
		uint64_t number = n < 300 ? n : n * n * n * 1234567;
		const uint8_t *frame = flow_frame(template, number, &length);

		for (size_t i = 0; i < count; i++)
			if (range_is_right(frame, template_size(template, number), &ranges[i]) == ranges[i].wrong)
				fail_msg("checksum of the header at %u in frame %d is %s", ranges[i].from,
					 (int)number, ranges[i].wrong ? "right" : "wrong");
	}
}

/* The same with all kinds of sizes and payload; with odd sizes, and frames too short for a signature. */
static void assert_sums_of_sizes(const struct range *ranges, size_t count, uint32_t headers)
{
	struct traffic_flow *flow = flow_of();

	for (uint32_t size = headers < 60 ? 60 : headers; size < headers + 300; size += 23) {
		for (int kind = TRAFFIC_SIZE_FIXED; kind <= TRAFFIC_SIZE_RANDOM; kind++) {
			flow->size = (struct traffic_size){ .kind = kind, .min = size, .max = size + 33, .step = 1 };
			flow->payload = size % 2 ? TRAFFIC_PAYLOAD_NUMBERED : TRAFFIC_PAYLOAD_INCREMENT_WORD;
			flow->track = size % 5 != 0;
			assert_sums(ranges, count);
		}
	}
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void flat_packets(void **state)
{
	static const struct range v4[] = { { 14, 0, 4, false }, { 34, 14, 17, false } };
	static const struct range v6[] = { { 54, 14, 6, false } };
	static const struct range icmp[] = { { 18, 0, 4, false }, { 38, 0, 0, false } };

	(void)state;
	flow_begin(60);
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, -1);
	flow_steps(1, "src", TRAFFIC_INCREMENT, 0x0a000000, 0x10001, 60000);
	flow_steps(1, "dst", TRAFFIC_DECREMENT, 0xffffffff, 77777, 50000);
	flow_steps(1, "fragment_offset", TRAFFIC_INCREMENT, 0, 3, 7);
	flow_steps(2, "src_port", TRAFFIC_INCREMENT, 0, 1, 65536);
	assert_sums_of_sizes(v4, COUNT(v4), 42);

	flow_begin(90);
	flow_headers(HEADER_ETHERNET, HEADER_IPV6, HEADER_TCP, -1);
	*flow_field(1, "src") = (struct traffic_field){ .pattern = TRAFFIC_RANDOM, .max = ~(traffic_value)0 };
	flow_steps(1, "dst", TRAFFIC_INCREMENT, 3, ~(traffic_value)0 / 50000, 49999);
	flow_steps(2, "ctl_syn", TRAFFIC_INCREMENT, 0, 1, 2);
	flow_steps(2, "seq_num", TRAFFIC_INCREMENT, 0, 0x10001, 65535);
	assert_sums_of_sizes(v6, COUNT(v6), 74);

	flow_begin(90);
	flow_headers(HEADER_ETHERNET, HEADER_VLAN, HEADER_IPV4, HEADER_ICMP, -1);
	flow_steps(3, "echo.sequence_number", TRAFFIC_INCREMENT, 0, 1, 65536);
	assert_sums_of_sizes(icmp, COUNT(icmp), 46);
}

/* An odd number of bytes in front of the inner packet: the same field is in different halves of words. */
static void tunnels(void **state)
{
	static const struct range vxlan[] = {
		{ 14, 0, 4, false },
		{ 34, 14, 17, false },
		{ 64, 0, 4, false },
		{ 84, 64, 6, false },
	};
	static const struct range odd[] = {
		{ 54, 0, 0, false },
		{ 65, 0, 4, false },
		{ 85, 65, 17, false },
	};
	static const struct range mpls[] = { { 22, 0, 4, false }, { 50, 0, 4, true }, { 70, 50, 17, false } };

	(void)state;
	flow_begin(120);
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, HEADER_VXLAN, HEADER_ETHERNET, HEADER_IPV4, HEADER_TCP,
		     -1);
	flow_steps(3, "vni", TRAFFIC_INCREMENT, 0, 77, 60000);
	flow_steps(1, "src", TRAFFIC_INCREMENT, 0, 0x10203, 60000);
	flow_steps(5, "dst", TRAFFIC_INCREMENT, 0, 0x10203, 60000);
	flow_steps(4, "src", TRAFFIC_DECREMENT, 0xffffffffffff, 0x1020304, 60000);
	assert_sums_of_sizes(vxlan, COUNT(vxlan), 104);

	flow_begin(120);
	flow_headers(HEADER_ETHERNET, HEADER_IPV6, HEADER_GRE, HEADER_CUSTOM, HEADER_IPV4, HEADER_UDP, -1);
	flow_value(2, "checksum_present", 1);
	flow_bytes(3, "\x12\x34\x56", 3);
	flow_steps(4, "src", TRAFFIC_INCREMENT, 0, 0x10203, 60000);
	flow_steps(5, "dst_port", TRAFFIC_INCREMENT, 0, 1, 60000);
	assert_sums_of_sizes(odd, COUNT(odd), 93);

	flow_begin(120);
	flow_headers(HEADER_ETHERNET, HEADER_MPLS, HEADER_MPLS, HEADER_IPV4, HEADER_GTPV1, HEADER_IPV4, HEADER_UDP, -1);
	flow_steps(5, "header_checksum", TRAFFIC_BAD, 0, 0, 0);
	flow_steps(4, "teid", TRAFFIC_INCREMENT, 0, 0x10203, 60000);
	flow_steps(6, "src_port", TRAFFIC_INCREMENT, 0, 1, 60000);
	assert_sums_of_sizes(mpls, COUNT(mpls), 78);
}

static void wrong_ones_where_asked_for(void **state)
{
	static const struct range all[] = { { 14, 0, 4, true }, { 34, 14, 17, true } };
	static const struct range outer[] = { { 14, 0, 4, false }, { 34, 14, 17, true }, { 64, 0, 4, false }, { 84, 64, 17, false } };
	uint32_t length;

	(void)state;
	for (int changes = 0; changes < 2; changes++) {
		flow_begin(60);
		flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, -1);
		flow_steps(1, "header_checksum", TRAFFIC_BAD, 0, 0, 0);
		flow_steps(2, "checksum", TRAFFIC_BAD, 0, 0, 0);
		if (changes)
			flow_steps(1, "src", TRAFFIC_INCREMENT, 0, 1, 1 << 20);
		assert_sums(all, COUNT(all));
	}
	flow_begin(130);
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, HEADER_VXLAN, HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP,
		     -1);
	flow_steps(2, "checksum", TRAFFIC_BAD, 0, 0, 0);
	flow_steps(6, "src_port", TRAFFIC_INCREMENT, 0, 1, 60000);
	assert_sums(outer, COUNT(outer));
	/* A given one is what it is. */
	flow_value(2, "checksum", 0);
	flow_value(6, "checksum", 0x1234);
	assert_int_equal(bits_at(flow_frame(flow_compile(), 5, &length), 40 * 8, 16), 0);
	assert_int_equal(bits_at(flow_frame(flow_compile(), 5, &length), 90 * 8, 16), 0x1234);
}

/* UDP's 0 is no checksum: 0xffff is sent. All others are 0 then. */
static void a_sum_of_zero(void **state)
{
	uint32_t zeros = 0;
	uint32_t length;

	(void)state;
	for (int kind = HEADER_UDP; kind <= HEADER_TCP; kind++) {
		struct template *template;
		uint32_t at = kind == HEADER_UDP ? 60 : 70;

		flow_begin(90);
		flow_headers(HEADER_ETHERNET, HEADER_IPV6, kind, -1);
		flow_of()->payload = TRAFFIC_PAYLOAD_ZERO;
		flow_steps(2, "src_port", TRAFFIC_INCREMENT, 0, 1, 65536);
		template = flow_compile();
		for (uint64_t n = 0; n < 65536; n++) {
			const uint8_t *frame = flow_frame(template, n, &length);
			uint32_t found = bits_at(frame, at * 8, 16);

			assert_int_equal(transport_sum(frame + 14, frame + 54, length - 54,
						       kind == HEADER_UDP ? 17 : 6),
					 0xffff);
			if (kind == HEADER_UDP)
				assert_int_not_equal(found, 0);
			else
				assert_int_not_equal(found, 0xffff);
			zeros += found == 0xffff || found == 0;
		}
	}
	assert_in_range(zeros, 2, 4);
}

/* ---- left to the device ---- */

/* What a device does with NEEDS_CSUM: see VIRTIO 1.4, "Packet Transmission". */
static void device_completes(uint8_t *frame, uint32_t length, uint32_t start, uint32_t offset)
{
	uint16_t sum = ones_sum(0, frame + start, length - start) ^ 0xffff;

	frame[start + offset] = sum >> 8;
	frame[start + offset + 1] = (uint8_t)sum;
}

static void the_device_completes_a_checksum(void **state)
{
	static const struct range flat[] = { { 14, 0, 4, false }, { 34, 14, 6, false } };
	static const struct range inner[] = { { 14, 0, 4, false }, { 34, 14, 17, false }, { 64, 0, 4, false }, { 84, 64, 17, false } };
	static uint8_t copy[FRAME_ROOM];

	(void)state;
	for (int tunnel = 0; tunnel < 4; tunnel++) {
		const struct range *ranges = tunnel & 1 ? inner : flat;
		const struct template_offload *offload;
		struct template *template;

		flow_begin(141);
		flow_of()->offload.checksum = true;
		if (tunnel & 1)
			flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, HEADER_VXLAN, HEADER_ETHERNET,
				     HEADER_IPV4, HEADER_UDP, -1);
		else
			flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_TCP, -1);
		if (tunnel & 2) {
			flow_steps(tunnel & 1 ? 5 : 1, "src", TRAFFIC_INCREMENT, 0, 0x10203, 60000);
			flow_steps(tunnel & 1 ? 6 : 2, "src_port", TRAFFIC_INCREMENT, 0, 1, 60000);
			flow_of()->size = (struct traffic_size){ .kind = TRAFFIC_SIZE_RANDOM, .min = 130, .max = 200 };
		}
		template = flow_compile();
		offload = template_offload(template);
		assert_int_equal(offload->flags, VIONET_PACKET_NEEDS_CSUM);
		assert_int_equal(offload->gso_type, VIONET_GSO_NONE);
		assert_int_equal(offload->csum_start, tunnel & 1 ? 84 : 34);
		assert_int_equal(offload->csum_offset, tunnel & 1 ? 6 : 16);
		assert_int_equal(offload->hdr_len, tunnel & 1 ? 92 : 54);
		for (uint64_t n = 0; n < 500; n++) {
			uint32_t length;
			const uint8_t *frame = flow_frame(template, n, &length);

			memcpy(copy, frame, length);
			device_completes(copy, length, offload->csum_start, offload->csum_offset);
			for (size_t i = 0; i < (tunnel & 1 ? COUNT(inner) : COUNT(flat)); i++)
				assert_true(range_is_right(copy, length, &ranges[i]));
		}
	}
}

static void assert_segments(struct template *template, uint32_t headers, uint32_t payload, uint32_t segment)
{
	uint32_t length;
	const uint8_t *frame = flow_frame(template, 1000, &length);
	uint32_t count = (payload + segment - 1) / segment;
	uint32_t at = headers;

	assert_int_equal(length, headers + payload);
	assert_int_equal(template_signatures(template, length), count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t size = i + 1 < count ? segment : payload - i * segment;
		struct signature found;

		assert_int_equal(template_signature_at(template, length, i), at + size - SIGNATURE_SIZE);
		assert_true(signature_read(frame + at + size - SIGNATURE_SIZE, &found));
		assert_int_equal(found.sequence, 1000 + i);
		assert_true(payload_check(frame + at, size - SIGNATURE_SIZE, size - SIGNATURE_SIZE - 1, 1000 + i));
		at += size;
	}
}

/* The pseudo header's sum is where the checksum will be. */
static void assert_partial(const uint8_t *frame, uint32_t length, uint32_t ip, uint32_t transport, uint32_t offset,
			   uint8_t protocol)
{
	static const uint8_t nothing[1];
	uint8_t rest[4] = { (length - transport) >> 8, (uint8_t)(length - transport), 0, protocol };
	uint16_t sum = frame[ip] >> 4 == 4 ? ones_sum(0, frame + ip + 12, 8) : ones_sum(0, frame + ip + 8, 32);

	sum = ones_sum(sum, rest, 4);
	assert_int_equal(bits_at(frame, (transport + offset) * 8, 16), ones_sum(sum, nothing, 0));
}

static void the_device_cuts_segments(void **state)
{
	static const struct {
		int ip, transport;
		uint8_t gso;
		uint32_t headers;
	} flat[] = {
		{ HEADER_IPV4, HEADER_TCP, VIONET_GSO_TCPV4, 54 },
		{ HEADER_IPV6, HEADER_TCP, VIONET_GSO_TCPV6, 74 },
		{ HEADER_IPV4, HEADER_UDP, VIONET_GSO_UDP_L4, 42 },
		{ HEADER_IPV6, HEADER_UDP, VIONET_GSO_UDP_L4, 62 },
	};
	uint32_t length;

	(void)state;
	for (size_t i = 0; i < COUNT(flat); i++)
		for (uint32_t payload = 2018; payload < 40000; payload = payload * 2 + 19) {
			uint32_t last = payload % 1000;
			const struct template_offload *offload;
			struct template *template;

			flow_begin(flat[i].headers + payload);
			flow_of()->offload.segment_size = 1000;
			flow_headers(HEADER_ETHERNET, flat[i].ip, flat[i].transport, -1);
			flow_steps(2, "src_port", TRAFFIC_INCREMENT, 0, 1, 60000);
			if (last < SIGNATURE_SIZE && last > 0)
				continue;
			template = flow_compile();
			offload = template_offload(template);
			assert_int_equal(offload->gso_type, flat[i].gso);
			assert_int_equal(offload->gso_size, 1000);
			assert_int_equal(offload->flags, VIONET_PACKET_NEEDS_CSUM);
			assert_int_equal(offload->hdr_len, flat[i].headers);
			assert_segments(template, flat[i].headers, payload, 1000);
			assert_partial(flow_frame(template, 9, &length), flat[i].headers + payload, 14,
				       offload->csum_start, offload->csum_offset,
				       flat[i].transport == HEADER_TCP ? 6 : 17);
		}
}

static void the_device_cuts_segments_in_a_tunnel(void **state)
{
	const struct template_offload *offload;
	struct template *template;
	const uint8_t *frame;
	uint32_t length;

	(void)state;
	for (int sum = 0; sum < 2; sum++) {
		flow_begin(124 + 5000);
		flow_of()->offload.segment_size = 1000;
		flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, HEADER_VXLAN, HEADER_ETHERNET, HEADER_IPV6,
			     HEADER_TCP, -1);
		flow_steps(5, "src", TRAFFIC_INCREMENT, 0, 0x10203, 60000);
		flow_steps(1, "src", TRAFFIC_INCREMENT, 0, 0x10203, 60000);
		if (!sum)
			flow_value(2, "checksum", 0);
		template = flow_compile();
		offload = template_offload(template);
		assert_int_equal(offload->flags, VIONET_PACKET_NEEDS_CSUM | (sum ? VIONET_PACKET_UDP_TUNNEL_CSUM : 0));
		assert_int_equal(offload->gso_type, VIONET_GSO_TCPV6 | VIONET_GSO_UDP_TUNNEL_IPV6);
		assert_int_equal(offload->outer_th_offset, 34);
		assert_int_equal(offload->inner_nh_offset, 64);
		assert_int_equal(offload->csum_start, 104);
		assert_int_equal(offload->hdr_len, 124);
		assert_segments(template, 124, 5000, 1000);
		frame = flow_frame(template, 77, &length);
		assert_partial(frame, length, 64, 104, 16, 6);
		if (sum)
			assert_partial(frame, length, 14, 34, 6, 17);
		else
			assert_int_equal(bits_at(frame, 40 * 8, 16), 0);
	}
}

static void work_that_a_device_cannot_do_is_refused(void **state)
{
	(void)state;
	flow_begin(90);
	flow_of()->offload.checksum = true;
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_ICMP, -1);
	assert_string_equal(flow_refused(), "offload.checksum: needs a tcp or udp header");
	flow_begin(90);
	flow_of()->offload.checksum = true;
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, -1);
	flow_steps(2, "checksum", TRAFFIC_BAD, 0, 0, 0);
	assert_string_equal(flow_refused(), "packet[2].udp.checksum: the device makes it; leave it unset");
	flow_begin(42 + 1017);
	flow_of()->offload.segment_size = 1000;
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_UDP, -1);
	assert_string_equal(flow_refused(), "offload.segment_size: a segment has 17 bytes of payload; a tracked flow "
					    "needs 18 in each");
	flow_begin(4000);
	flow_of()->offload.segment_size = 1000;
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_GRE, HEADER_IPV4, HEADER_TCP, -1);
	assert_string_equal(flow_refused(), "offload.segment_size: devices cut what is in one VXLAN tunnel, and in no "
					    "other kind; leave it out");
	flow_begin(4000);
	flow_of()->offload.segment_size = 1000;
	flow_of()->size.kind = TRAFFIC_SIZE_RANDOM;
	flow_of()->size.max = 4001;
	flow_headers(HEADER_ETHERNET, HEADER_IPV4, HEADER_TCP, -1);
	assert_string_equal(flow_refused(), "offload.segment_size: needs frames of one size");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(flat_packets, end),
		cmocka_unit_test_teardown(tunnels, end),
		cmocka_unit_test_teardown(wrong_ones_where_asked_for, end),
		cmocka_unit_test_teardown(a_sum_of_zero, end),
		cmocka_unit_test_teardown(the_device_completes_a_checksum, end),
		cmocka_unit_test_teardown(the_device_cuts_segments, end),
		cmocka_unit_test_teardown(the_device_cuts_segments_in_a_tunnel, end),
		cmocka_unit_test_teardown(work_that_a_device_cannot_do_is_refused, end),
	};

	return cmocka_run_group_tests_name("template_sums", tests, NULL, NULL);
}
