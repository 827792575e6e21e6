/* SPDX-License-Identifier: BSD-3-Clause */
/* What the options of `vionet pktgen` say to send (tools/pktgen/model/load.c) can be sent: flows of it compile, and numbers
 * fit into their frames unless a size says otherwise. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pktgen/model/load.h"
#include "tools/pktgen/packet/signature.h"
#include "tools/pktgen/packet/template.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const struct template_place place = { .mac = { 2, 0, 0, 0, 0, 1 } };

static void load_free(struct load_options *load)
{
	free(load->src_ip.field.values);
	free(load->dst_port.values);
	free(load->size.weight);
}

/* All kinds of headers in front of each other. */
static void load_kind(struct load_options *load, unsigned int kind)
{
	static const char *const tags[] = { NULL, "5", "100.200", "8021ad:7.8021q:3-9.4" };
	struct parse_error error;

	*load = load_defaults;
	load->transport = (enum load_transport)(kind % 3);
	load->tunnel = (enum load_tunnel)(kind / 3 % 4);
	load->family = kind / 12 % 2 == 0 ? LOAD_ANY_FAMILY : LOAD_IPV6;
	if (tags[kind / 24 % 4] != NULL)
		assert_int_equal(load_parse_vlan("--vlan", tags[kind / 24 % 4], load, &error), 0);
	if (kind / 96 % 2 != 0)
		assert_int_equal(load_parse_mpls("--mpls", "16.17", load, &error), 0);
	if (kind / 192 % 2 != 0)
		assert_int_equal(load_parse_ip("--outer-src-ip", "2001:db8::1", &load->outer_src_ip, &error), 0);
}

#define KINDS 384u

static void compiles(const struct load_options *load, unsigned int kind, bool signatures)
{
	struct traffic traffic;
	struct parse_error reason;
	struct traffic_error error;
	struct template *template;

	if (load_to_traffic(load, &traffic, &reason) != 0)
		fail_msg("kind %u: %s", kind, reason.text);
	for (size_t i = 0; i < traffic.flows; i++) {
		if (template_compile(&traffic.flow[i], &place, &template, &error) != 0)
			fail_msg("kind %u: %s", kind, error.text);
		for (uint64_t n = 0; n < 20 && signatures; n++)
			if (template_signatures(template, template_size(template, n)) != 1)
				fail_msg("kind %u: a frame of %u bytes has no room for a number", kind,
					 template_size(template, n));
		template_free(template);
	}
	traffic_free(&traffic);
}

static void test_headers(void **state)
{
	(void)state;
	for (unsigned int kind = 0; kind < KINDS; kind++) {
		struct load_options load;

		load_kind(&load, kind);
		compiles(&load, kind, true);
		load_free(&load);
	}
}

static void test_both_ways(void **state)
{
	struct parse_error error;

	(void)state;
	for (unsigned int kind = 0; kind < KINDS; kind += 7) {
		struct load_options load;

		load_kind(&load, kind);
		load.device[0] = "vfio-user:/a";
		load.device[1] = "vfio-user:/b";
		load.devices = 2;
		load.bidirectional = true;
		assert_int_equal(load_parse_number("--dst-port", "80,443", 65535, &load.dst_port, &error), 0);
		compiles(&load, kind, true);
		load_free(&load);
	}
}

/* A flow for each of many, and sizes of all kinds. */
static void test_flows_and_sizes(void **state)
{
	static const uint64_t flows[] = { 1, 2, 256, 16384, 16385, 10000000 };
	static const char *const sizes[] = { "imix", "200-1514", "200-1518:128", "300:7,1514:1" };
	struct parse_error error;

	(void)state;
	for (unsigned int kind = 0; kind < KINDS; kind += 5) {
		struct load_options load;
		struct traffic traffic;

		load_kind(&load, kind);
		load.flows = flows[kind % LENGTH(flows)];
		load.have_size = true;
		load.imix = kind % LENGTH(sizes) == 0;
		assert_int_equal(load_parse_size("--size", sizes[kind % LENGTH(sizes)], &load.size, &error), 0);
		compiles(&load, kind, true);
		assert_int_equal(load_to_traffic(&load, &traffic, &error), 0);
		assert_int_equal(traffic_flow_streams(&traffic.flow[0]), load.flows);
		traffic_free(&traffic);
		load_free(&load);
	}
}

/* Frames below 60 bytes go out with headers alone. */
static void test_short_frames(void **state)
{
	struct load_options load = load_defaults;
	struct parse_error error;

	(void)state;
	assert_int_equal(load_parse_size("--size", "42", &load.size, &error), 0);
	load.have_size = true;
	load.size.no_pad = true;
	compiles(&load, 0, false);
}

/* What no option takes, and a refusal that names it on one line. */
static void test_junk(void **state)
{
	static const char *const junk[] = {
		"",
		" ",
		"-1",
		"+1",
		" 1",
		"1 ",
		"1\n",
		"1e3",
		"nan",
		"1..",
		"--",
		"abc",
		"1x",
		"\x01",
		"\xc3\xa4",
		"%s%n",
		"1-",
		"-",
		"1,",
		",1",
		"1:",
		":",
		"1-2-3",
		"1-2:",
		"1-2:0",
		"2-1",
		"1/",
		"/24",
		"::/",
		"1.2.3.4/",
		"1.2.3.4-",
		"+",
		"::1-",
		"18446744073709551616",
		"340282366920938463463374607431768211456",
		"02:00:00:00:00:01+",
		"02:00:00:00:00:01+x",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(junk); i++) {
		struct load_options load = load_defaults;
		struct parse_error error;

		assert_int_equal(load_parse_number("--n", junk[i], UINT32_MAX, &load.ttl, &error), -EINVAL);
		assert_int_equal(load_parse_mac("--n", junk[i], &load.src_mac, &error), -EINVAL);
		assert_int_equal(load_parse_ip("--n", junk[i], &load.src_ip, &error), -EINVAL);
		assert_int_equal(load_parse_vlan("--n", junk[i], &load, &error), -EINVAL);
		assert_int_equal(load_parse_mpls("--n", junk[i], &load, &error), -EINVAL);
		assert_int_equal(load_parse_size("--n", junk[i], &load.size, &error), -EINVAL);
		assert_int_equal(load_parse_offload("--n", junk[i], &load.offload, &error), -EINVAL);
		assert_int_equal(strncmp(error.text, "--n '", 5), 0);
		for (const char *at = error.text; *at != '\0'; at++)
			assert_in_range((unsigned char)*at, ' ', '~');
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_flows_and_sizes),
		cmocka_unit_test(test_short_frames),
		cmocka_unit_test(test_junk),
	};

	return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
