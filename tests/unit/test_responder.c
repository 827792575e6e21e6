/* SPDX-License-Identifier: BSD-3-Clause */
/* A host behind the generator: what it answers, and how it finds its gateway. The frames are made here; real
 * kernels ask in tests/tools. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <vionet/offload.h>
#include <vionet/packet.h>

#include "tools/pktgen/respond/responder.h"

#define MS 1000000ull

static const uint8_t our_mac[6] = { 2, 0, 0, 0, 0, 1 }, router_mac[6] = { 2, 0, 0, 0, 0, 0xfe };
static const struct engine_place place = { .port = 1 };

static struct responder_options options;
static struct responder *responder;
static uint8_t frame[1600], reply[1600];

static struct network network(const char *text)
{
	struct network made;

	assert_true(network_read(text, strlen(text), &made));
	return made;
}

static int begin(void **state)
{
	(void)state;
	options = (struct responder_options){ .respond = true, .addresses = 3 };
	options.address[0] = network("10.0.0.2/24");
	options.address[1] = network("2001:db8::2/64");
	options.address[2] = network("fe80::2/64");
	return 0;
}

static void open_responder(void)
{
	responder = responder_open(&options, 1);
	assert_non_null(responder);
	responder_set_mac(responder, our_mac);
}

static int end(void **state)
{
	(void)state;
	responder_close(responder);
	responder = NULL;
	return 0;
}

static uint32_t answer_in(uint32_t size, uint32_t room)
{
	struct vionet_packet packet = { .data = frame, .length = size, .total_length = size, .segments = 1 };
	struct engine_responder hook = responder_hook(responder);

	memset(reply, 0xee, sizeof(reply));
	return hook.answer(hook.context, &place, &packet, reply, room);
}

static uint32_t answer(uint32_t size)
{
	return answer_in(size, sizeof(reply));
}

/* ---- frames ---- */

static void put16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static void put_ethernet(const uint8_t *to, const uint8_t *from, uint32_t type)
{
	memset(frame, 0, sizeof(frame));
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	put16(frame + 12, type);
}

static uint32_t make_arp(unsigned int operation, const char *sender, const char *target)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	put_ethernet(operation == 1 ? all : our_mac, router_mac, 0x0806);
	memcpy(frame + 14, (const uint8_t[]){ 0, 1, 8, 0, 6, 4, 0, (uint8_t)operation }, 8);
	memcpy(frame + 22, router_mac, 6);
	inet_pton(AF_INET, sender, frame + 28);
	inet_pton(AF_INET, target, frame + 38);
	return 60;
}

static uint32_t make_ping4(uint32_t size)
{
	uint8_t *ip = frame + 14, *icmp = ip + 20;

	put_ethernet(our_mac, router_mac, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, 20 + size);
	ip[8] = 7;
	ip[9] = 1;
	inet_pton(AF_INET, "10.0.0.9", ip + 12);
	inet_pton(AF_INET, "10.0.0.2", ip + 16);
	put16(ip + 10, answer_sum(ip, 20, 0) ^ 0xffff);
	icmp[0] = 8;
	for (uint32_t i = 8; i < size; i++)
		icmp[i] = (uint8_t)(i * 3);
	put16(icmp + 2, answer_sum(icmp, size, 0) ^ 0xffff);
	return 34 + size;
}

static uint32_t make_icmp6(const char *source, const char *destination, unsigned int type, const char *target,
			   uint32_t size)
{
	uint8_t *ip = frame + 14, *icmp = ip + 40;

	put_ethernet(our_mac, router_mac, 0x86dd);
	ip[0] = 0x60;
	put16(ip + 4, size);
	ip[6] = 58;
	ip[7] = 255;
	inet_pton(AF_INET6, source, ip + 8);
	inet_pton(AF_INET6, destination, ip + 24);
	icmp[0] = (uint8_t)type;
	if (target != NULL)
		inet_pton(AF_INET6, target, icmp + 8);
	if (type == 136 && size >= 32) {
		icmp[24] = 2;
		icmp[25] = 1;
		memcpy(icmp + 26, router_mac, 6);
	}
	put16(icmp + 2, answer_sum6(ip, size) ^ 0xffff);
	return 54 + size;
}

static uint64_t count_of(enum answer_kind kind)
{
	uint64_t answered[ANSWER_KINDS];

	responder_counts(responder, answered);
	return answered[kind];
}

/* ---- answers ---- */

static void test_arp(void **state)
{
	(void)state;
	open_responder();
	assert_int_equal(answer(make_arp(1, "10.0.0.9", "10.0.0.2")), 60);
	assert_memory_equal(reply, router_mac, 6);
	assert_memory_equal(reply + 6, our_mac, 6);
	assert_memory_equal(reply + 20, "\0\2\2\0\0\0\0\1\x0a\0\0\2\2\0\0\0\0\xfe\x0a\0\0\x09", 22);
	assert_int_equal(answer(make_arp(1, "10.0.0.9", "10.0.0.3")), 0);
	assert_int_equal(answer(make_arp(2, "10.0.0.9", "10.0.0.2")), 0);
	assert_int_equal(count_of(ANSWER_ARP), 1);
}

static void test_ping(void **state)
{
	(void)state;
	open_responder();
	for (uint32_t size = 8; size <= 1480; size++) {
		assert_int_equal(answer(make_ping4(size)), 34 + size);
		assert_int_equal(reply[34], 0);
		assert_int_equal(answer_sum(reply + 34, size, 0), 0xffff);
		assert_int_equal(answer_sum(reply + 14, 20, 0), 0xffff);
		assert_memory_equal(reply + 38, frame + 38, size - 4);
		assert_memory_equal(reply + 26, "\x0a\0\0\2\x0a\0\0\x09", 8);
	}
	for (uint32_t size = 8; size <= 1460; size += 11) {
		assert_int_equal(answer(make_icmp6("2001:db8::9", "2001:db8::2", 128, NULL, size)), 54 + size);
		assert_int_equal(reply[54], 129);
		assert_int_equal(answer_sum6(reply + 14, size), 0xffff);
	}
	assert_int_equal(count_of(ANSWER_PING4), 1473);
	assert_int_equal(count_of(ANSWER_PING6), 133);
	/* Damaged, anywhere. */
	for (uint32_t at = 34; at < 134; at++) {
		uint32_t size = make_ping4(100);

		frame[at] ^= 1;
		assert_int_equal(answer(size), 0);
		size = make_icmp6("2001:db8::9", "2001:db8::2", 128, NULL, 80);
		frame[at] ^= 1;
		assert_int_equal(answer(size), 0);
	}
}

/* In as many pieces as may be, with a checksum that the device left open; and where there is no room. */
static void test_pieces(void **state)
{
	uint32_t size = make_ping4(1000);

	(void)state;
	open_responder();
	for (uint32_t first = 64; first < 900; first += 100) {
		struct vionet_packet second = { .data = frame + first, .length = size - first };
		struct vionet_packet packet = { .data = frame, .next = &second, .length = first, .total_length = size, .segments = 2, .flags = VIONET_PACKET_NEEDS_CSUM, .csum_start = 34, .csum_offset = 2 };
		struct engine_responder hook = responder_hook(responder);

		put16(frame + 36, 0);
		assert_int_equal(hook.answer(hook.context, &place, &packet, reply, sizeof(reply)), size);
		assert_int_equal(answer_sum(reply + 34, 1000, 0), 0xffff);
		assert_int_equal(hook.answer(hook.context, &place, &packet, reply, size - 1), 0);
		packet.csum_start = 1200;
		assert_int_equal(hook.answer(hook.context, &place, &packet, reply, sizeof(reply)), 0);
		packet.csum_start = 34;
		packet.gso_type = VIONET_GSO_TCPV4;
		assert_int_equal(hook.answer(hook.context, &place, &packet, reply, sizeof(reply)), 0);
	}
}

/* In a packet's segments, of odd and even lengths: right, damaged in the last one, and found right by the device. */
static void test_segments(void **state)
{
	struct answer_host host = { .addresses4 = 1, .address4 = { { 10, 0, 0, 2 } }, .mac = { 2, 0, 0, 0, 0, 1 } };

	(void)state;
	for (uint32_t first = 42; first < 60; first++)
		for (int damaged = 0; damaged < 3; damaged++) {
			uint32_t size = make_ping4(100);
			struct vionet_packet third = { .data = frame + first + 33, .length = size - first - 33 };
			struct vionet_packet second = { .data = frame + first, .next = &third, .length = 33 };
			struct vionet_packet packet = { .data = frame, .next = &second, .length = first, .total_length = size };
			struct answer_frame whole = { frame, first, size, first, &packet };

			packet.flags = damaged == 2 ? VIONET_PACKET_DATA_VALID : 0;
			frame[size - 1] ^= damaged != 0;
			assert_int_equal(answer_frame(&host, &whole), damaged == 1 ? ANSWER_NONE : ANSWER_PING4);
		}
}

static void test_neighbours(void **state)
{
	static const uint8_t to_all[6] = { 0x33, 0x33, 0, 0, 0, 1 };

	(void)state;
	open_responder();
	assert_int_equal(answer(make_icmp6("2001:db8::9", "ff02::1:ff00:2", 135, "2001:db8::2", 24)), 86);
	assert_memory_equal(reply, router_mac, 6);
	assert_int_equal(reply[54], 136);
	assert_int_equal(reply[58], 0x60);
	assert_memory_equal(reply + 80, our_mac, 6);
	assert_int_equal(answer_sum6(reply + 14, 32), 0xffff);
	/* Somebody wants our address for himself: all hear that it is taken. */
	assert_int_equal(answer(make_icmp6("::", "ff02::1:ff00:2", 135, "fe80::2", 24)), 86);
	assert_memory_equal(reply, to_all, 6);
	assert_int_equal(reply[58], 0x20);
	assert_int_equal(answer_sum6(reply + 14, 32), 0xffff);
	assert_int_equal(answer(make_icmp6("2001:db8::9", "ff02::1:ff00:3", 135, "2001:db8::3", 24)), 0);
	/* No room for the option. */
	assert_int_equal(answer_in(make_icmp6("::", "ff02::1:ff00:2", 135, "fe80::2", 24), 85), 0);
}

static void test_what_is_none_of_ours(void **state)
{
	struct engine_place elsewhere = { .port = 0 };
	struct vionet_packet packet = { .data = frame, .segments = 1 };
	struct engine_responder hook;

	(void)state;
	options.respond = false;
	open_responder();
	hook = responder_hook(responder);
	packet.length = make_arp(1, "10.0.0.9", "10.0.0.2");
	assert_int_equal(hook.answer(hook.context, &elsewhere, &packet, reply, sizeof(reply)), 0);
	/* A gateway has to find us; the rest was not asked for. */
	assert_int_equal(hook.answer(hook.context, &place, &packet, reply, sizeof(reply)), 60);
	assert_int_equal(answer(make_ping4(100)), 0);
	responder_close(responder);
	options.respond = true;
	open_responder();
	for (uint32_t size = 0; size < 200; size++) {
		make_ping4(300);
		answer(size);
		make_icmp6("::", "ff02::1:ff00:2", 135, "fe80::2", 24);
		answer(size);
		make_arp(1, "10.0.0.9", "10.0.0.2");
		answer(size < 42 ? size : 0);
	}
	assert_int_equal(count_of(ANSWER_PING4) + count_of(ANSWER_ARP), 0);
}

/* ---- the gateway ---- */

static uint32_t ask(uint64_t now)
{
	struct engine_responder hook = responder_hook(responder);

	return hook.ask(hook.context, &place, now, reply, sizeof(reply));
}

static void test_gateway_by_arp(void **state)
{
	uint8_t mac[6] = { 0 };

	(void)state;
	options.have_gateway = true;
	options.gateway = network("10.0.0.1");
	open_responder();
	assert_int_equal(responder_gateway(responder, mac), RESPONDER_ASKING);
	assert_int_equal(ask(1000 * MS), 60);
	assert_memory_equal(reply, "\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x08\6\0\1\x08\0\6\4\0\1\2\0\0\0\0\1\x0a\0\0\2"
				   "\0\0\0\0\0\0\x0a\0\0\1",
			    42);
	assert_int_equal(ask(1010 * MS), 0);
	assert_int_equal(ask(1500 * MS), 60);
	assert_int_equal(answer(make_arp(2, "10.0.0.9", "10.0.0.2")), 0);
	assert_int_equal(responder_gateway(responder, mac), RESPONDER_ASKING);
	assert_int_equal(answer(make_arp(2, "10.0.0.1", "10.0.0.2")), 0);
	assert_int_equal(responder_gateway(responder, mac), RESPONDER_FOUND);
	assert_memory_equal(mac, router_mac, 6);
	assert_int_equal(ask(5000 * MS), 0);
}

/* It asks for us before it answers: that is as good. */
static void test_gateway_that_asks(void **state)
{
	uint8_t mac[6];

	(void)state;
	options.have_gateway = true;
	options.gateway = network("10.0.0.1");
	open_responder();
	assert_int_equal(answer(make_arp(1, "10.0.0.1", "10.0.0.2")), 60);
	assert_int_equal(responder_gateway(responder, mac), RESPONDER_FOUND);
	assert_int_equal(ask(5000 * MS), 0);
}

static void test_gateway_by_neighbour_discovery(void **state)
{
	uint8_t mac[6] = { 0 };

	(void)state;
	options.have_gateway = true;
	options.gateway = network("fe80::1");
	open_responder();
	assert_int_equal(ask(0), 86);
	assert_memory_equal(reply, "\x33\x33\xff\0\0\1\2\0\0\0\0\1\x86\xdd\x60\0\0\0\0\x20\x3a\xff", 22);
	assert_memory_equal(reply + 22, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\2\xff\2\0\0\0\0\0\0\0\0\0\1\xff\0\0\1\x87", 33);
	assert_int_equal(answer_sum6(reply + 14, 32), 0xffff);
	assert_memory_equal(reply + 78, "\1\1\2\0\0\0\0\1", 8);
	/* Another's, a damaged one, one from beyond this link; then the right one, with and without its option. */
	answer(make_icmp6("fe80::9", "fe80::2", 136, "fe80::9", 32));
	make_icmp6("fe80::1", "fe80::2", 136, "fe80::1", 32);
	frame[80] ^= 1;
	answer(86);
	make_icmp6("fe80::1", "fe80::2", 136, "fe80::1", 32);
	frame[21] = 64;
	answer(86);
	assert_int_equal(responder_gateway(responder, mac), RESPONDER_ASKING);
	answer(make_icmp6("fe80::1", "fe80::2", 136, "fe80::1", 24));
	assert_int_equal(responder_gateway(responder, mac), RESPONDER_FOUND);
	assert_memory_equal(mac, router_mac, 6);
	responder_close(responder);
	open_responder();
	make_icmp6("fe80::1", "fe80::2", 136, "fe80::1", 32);
	frame[6] = 4; /* a bridge with proxy: the option counts */
	answer(86);
	memset(mac, 0, 6);
	assert_int_equal(responder_gateway(responder, mac), RESPONDER_FOUND);
	assert_memory_equal(mac, router_mac, 6);
}

static void test_gateway_that_is_silent(void **state)
{
	unsigned int asked = 0;
	char text[256];
	uint8_t mac[6];

	(void)state;
	options.have_gateway = true;
	options.gateway = network("10.0.0.1");
	open_responder();
	for (uint64_t now = 0; now < 6000 * MS; now += 10 * MS) {
		asked += ask(now) != 0;
		assert_int_equal(responder_gateway(responder, mac),
				 now < 5000 * MS ? RESPONDER_ASKING : RESPONDER_SILENT);
	}
	assert_int_equal(asked, RESPONDER_TRIES);
	responder_describe_silence(responder, text, sizeof(text));
	assert_non_null(strstr(text, "no answer from the gateway 10.0.0.1 to 10 ARP requests in 5 s"));
	/* Late is better than never. */
	answer(make_arp(2, "10.0.0.1", "10.0.0.2"));
	assert_int_equal(responder_gateway(responder, mac), RESPONDER_FOUND);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_arp),
		CASE(test_ping),
		CASE(test_pieces),
		CASE(test_segments),
		CASE(test_neighbours),
		CASE(test_what_is_none_of_ours),
		CASE(test_gateway_by_arp),
		CASE(test_gateway_that_asks),
		CASE(test_gateway_by_neighbour_discovery),
		CASE(test_gateway_that_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
