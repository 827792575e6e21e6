/* SPDX-License-Identifier: BSD-3-Clause */
/* Configurations that are read (tools/pktgen/model): each feature, and its default. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tools/pktgen/model/otg.h"
#include "tools/pktgen/packet/header_table.h"

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))
#define FLOW(text) "ports: [{name: p}, {name: q}]\nflows:\n- name: f\n  tx_rx: {port: {tx_name: p}}\n  " text "\n"
#define PACKET(text) FLOW("packet: [" text "]")

static struct traffic reads(const char *text)
{
	struct traffic traffic;
	struct traffic_error error;
	int result = otg_read_text(text, strlen(text), &traffic, &error);

	if (result != 0)
		fail_msg("%u:%u: %s", error.line, error.column, error.text);
	return traffic;
}

static void test_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		"{}",
		"null",
		"\n\n# no more\n",
		"---\n",
		"ports:\nflows:\n",
		"{\"ports\": [], \"flows\": null}",
		"devices: []\nlags: []\nevents: {}\nlldp:\nlayer1: []\noptions: {}\n",
		"\xef\xbb\xbfports: []\n",
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(texts); i++) {
		struct traffic traffic = reads(texts[i]);

		assert_int_equal(traffic.ports + traffic.flows + traffic.captures, 0);
		traffic_free(&traffic);
	}
}

static void test_defaults(void **state)
{
	struct traffic traffic = reads("ports: [{name: p}]\nflows: [{name: f, tx_rx: {port: {tx_name: p}}}]\n");
	const struct traffic_flow *flow = &traffic.flow[0];

	(void)state;
	assert_null(traffic.port[0].location);
	assert_int_equal(flow->rx_ports, 0);
	assert_int_equal(flow->headers, 1);
	assert_int_equal(flow->header[0].kind, HEADER_ETHERNET);
	assert_int_equal(flow->size.kind, TRAFFIC_SIZE_FIXED);
	assert_int_equal(flow->size.min, 60);
	assert_int_equal(flow->rate.kind, RATE_PPS);
	assert_int_equal(flow->rate.milli, 1000000);
	assert_int_equal(flow->duration.frames + flow->duration.time_ns + flow->duration.burst_frames, 0);
	assert_int_equal(flow->duration.gap_bytes, 12);
	assert_int_equal(flow->payload, TRAFFIC_PAYLOAD_NUMBERED);
	assert_false(flow->track);
	traffic_free(&traffic);
}

/* JSON as clients make it: numbers of 64 bits in quotes, surrogates, keys that YAML takes for too long. */
static void test_json(void **state)
{
	struct traffic traffic = reads(
		"{\"ports\":[{\"name\":\"p\\ud83d\\ude00\\/x\",\"location\":\"vfio-user:/tmp/a\"}],"
		"\"flows\":[{\"name\":\"f\",\"tx_rx\":{\"choice\":\"port\",\"port\":{\"tx_name\":\"p\\ud83d\\ude00/x\"}},"
		"\"rate\":{\"choice\":\"pps\",\"pps\":\"2500\"},\n\t\"size\"\t:{\"choice\":\"fixed\",\"fixed\":128}}]}");

	(void)state;
	assert_string_equal(traffic.port[0].name, "p\xf0\x9f\x98\x80/x");
	assert_string_equal(traffic.port[0].location, "vfio-user:/tmp/a");
	assert_int_equal(traffic.flow[0].rate.milli, 2500000);
	assert_int_equal(traffic.flow[0].size.min, 124);
	traffic_free(&traffic);
}

static void test_ends(void **state)
{
	struct traffic traffic = reads("flows: [{name: f, tx_rx: {port: {tx_name: b, rx_names: [a, b]}}}]\n"
				       "ports: [{name: a}, {name: b, location: \"0000:00:04.0\"}]\n");

	(void)state;
	assert_int_equal(traffic.flow[0].tx_port, 1);
	assert_int_equal(traffic.flow[0].rx_ports, 2);
	assert_int_equal(traffic.flow[0].rx_port[0], 0);
	assert_int_equal(traffic.flow[0].rx_port[1], 1);
	assert_string_equal(traffic.port[1].location, "0000:00:04.0");
	traffic_free(&traffic);
}

static struct traffic_flow *reads_flow(struct traffic *traffic, const char *text)
{
	*traffic = reads(text);
	assert_int_equal(traffic->flows, 1);
	return &traffic->flow[0];
}

static void test_rates(void **state)
{
	static const struct {
		const char *text;
		enum rate_kind kind;
		uint64_t milli;
	} rates[] = {
		{ FLOW("rate: {}"), RATE_PPS, 1000000 },
		{ FLOW("rate: {choice: pps}"), RATE_PPS, 1000000 },
		{ FLOW("rate: {pps: 1}"), RATE_PPS, 1000 },
		{ FLOW("rate: {choice: bps}"), RATE_BPS, 1000000000000 },
		{ FLOW("rate: {bps: 672}"), RATE_BPS, 672000 },
		{ FLOW("rate: {kbps: 3}"), RATE_BPS, 3000000 },
		{ FLOW("rate: {mbps: 100}"), RATE_BPS, 100000000000 },
		{ FLOW("rate: {gbps: 0x10}"), RATE_BPS, 16000000000000 },
		{ FLOW("rate: {choice: percentage}"), RATE_PERCENT, 100000 },
		{ FLOW("rate: {percentage: 33.3333333}"), RATE_PERCENT, 33333 },
		{ FLOW("rate: {percentage: 5e-1}"), RATE_PERCENT, 500 },
		{ FLOW("rate: {pps: 5}\n  x-vionet: {rate: max}"), RATE_MAX, 0 },
		{ FLOW("x-vionet: {rate: 0.25pps}\n  rate: {pps: 1}"), RATE_PPS, 250 },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rates); i++) {
		struct traffic traffic;
		const struct traffic_flow *flow = reads_flow(&traffic, rates[i].text);

		assert_int_equal(flow->rate.kind, rates[i].kind);
		assert_int_equal(flow->rate.milli, rates[i].milli);
		traffic_free(&traffic);
	}
}

static void test_sizes(void **state)
{
	struct traffic traffic;
	const struct traffic_size *size = &reads_flow(&traffic, FLOW("size: {increment: {start: 100, step: 7}}"))->size;

	(void)state;
	assert_int_equal(size->kind, TRAFFIC_SIZE_INCREMENT);
	assert_int_equal(size->min, 96);
	assert_int_equal(size->max, 1514);
	assert_int_equal(size->step, 7);
	traffic_free(&traffic);
	size = &reads_flow(&traffic, FLOW("size: {choice: random}"))->size;
	assert_int_equal(size->kind, TRAFFIC_SIZE_RANDOM);
	assert_int_equal(size->min, 60);
	assert_int_equal(size->max, 1514);
	traffic_free(&traffic);
	size = &reads_flow(&traffic, FLOW("size: {choice: weight_pairs}"))->size;
	assert_int_equal(size->weight_count, 3);
	assert_int_equal(size->weight[1].size, 566);
	assert_true(size->weight[1].weight == 4);
	traffic_free(&traffic);
	size = &reads_flow(&traffic, FLOW("size: {weight_pairs: {predefined: ipv6_imix}}\n  x-vionet: {pad: false}"))->size;
	assert_int_equal(size->weight_count, 4);
	assert_int_equal(size->weight[0].size, 56);
	assert_true(size->weight[0].weight == 58.67);
	assert_true(size->no_pad);
	traffic_free(&traffic);
}

static void test_durations(void **state)
{
	struct traffic traffic;
	const struct traffic_duration *duration =
		&reads_flow(&traffic, FLOW("duration: {fixed_packets: {packets: 5, gap: 20, delay: {microseconds: 1.5}}}"))
			 ->duration;

	(void)state;
	assert_int_equal(duration->frames, 5);
	assert_int_equal(duration->gap_bytes, 20);
	assert_int_equal(duration->delay_ns, 1500);
	traffic_free(&traffic);
	duration = &reads_flow(&traffic, FLOW("duration: {fixed_seconds: {seconds: 0.25, delay: {bytes: 64}}}"))->duration;
	assert_int_equal(duration->time_ns, 250000000);
	assert_int_equal(duration->delay_bytes, 64);
	traffic_free(&traffic);
	duration = &reads_flow(&traffic, FLOW("duration: {choice: burst}"))->duration;
	assert_int_equal(duration->bursts, 0);
	assert_int_equal(duration->burst_frames, 1);
	assert_int_equal(duration->gap_ns + duration->burst_gap_bytes, 0);
	traffic_free(&traffic);
	duration = &reads_flow(&traffic, FLOW("duration: {burst: {bursts: 3, packets: 7, inter_burst_gap: {choice: nanoseconds}}}\n"
					      "  x-vionet: {packets: 12, seconds: 2}"))
			    ->duration;
	assert_int_equal(duration->bursts, 3);
	assert_int_equal(duration->burst_frames, 7);
	assert_int_equal(duration->gap_ns, 96);
	assert_int_equal(duration->frames, 12);
	assert_int_equal(duration->time_ns, 2000000000);
	traffic_free(&traffic);
}

static void test_measuring(void **state)
{
	struct traffic traffic;
	const struct traffic_flow *flow =
		reads_flow(&traffic, FLOW("metrics: {enable: true, loss: false, timestamps: true, latency: {enable: true}, "
					  "rx_tx_ratio: {value: 1}}\n  payload: {fixed: {pattern: \"0aFf\", repeat: false}}"));

	(void)state;
	assert_true(flow->track && flow->latency);
	assert_int_equal(flow->payload, TRAFFIC_PAYLOAD_FIXED);
	assert_memory_equal(flow->payload_bytes, "\x0a\xff", 2);
	assert_true(flow->payload_once);
	traffic_free(&traffic);
	flow = reads_flow(&traffic, FLOW("payload: {choice: fixed}"));
	assert_int_equal(flow->payload, TRAFFIC_PAYLOAD_ZERO);
	traffic_free(&traffic);
	flow = reads_flow(&traffic, FLOW("payload: {choice: decrement_word}\n  x-vionet: {arrival: poisson, offload: "
					 "{checksum: true, segment_size: 1400}, seed: 9}"));
	assert_int_equal(flow->payload, TRAFFIC_PAYLOAD_DECREMENT_WORD);
	assert_int_equal(flow->arrival, TRAFFIC_POISSON);
	assert_true(flow->offload.checksum);
	assert_int_equal(flow->offload.segment_size, 1400);
	assert_int_equal(flow->seed, 9);
	traffic_free(&traffic);
}

static const struct traffic_field *field_of(const struct traffic_flow *flow, size_t header, const char *path)
{
	int index = header_field_find(flow->header[header].kind, path);

	assert_in_range(index, 0, 100);
	return &flow->header[header].field[index];
}

static void test_patterns(void **state)
{
	struct traffic traffic;
	const struct traffic_flow *flow = reads_flow(&traffic, PACKET(
								       "{ethernet: {dst: {value: 02-00-00-00-00-01}, ether_type: {choice: auto, auto: 65535}}}, "
								       "{vlan: {id: {values: [1, 4095]}, priority: {}}}, "
								       "{ipv4: {src: {increment: {start: 10.0.0.1, step: 0.0.1.0, count: 9}, metric_tags: [{name: host, length: 32}]}, "
								       "dst: {random: {min: 10.1.0.0, max: 10.1.0.9, seed: 4}}, time_to_live: {choice: value}, "
								       "priority: {dscp: {phb: {decrement: {start: 46, count: 3}}}}, header_checksum: {generated: bad}}}, "
								       "{udp: {checksum: {custom: 7}, src_port: {choice: increment}}}"));

	(void)state;
	assert_true(field_of(flow, 0, "dst")->start == 0x020000000001);
	assert_int_equal(field_of(flow, 0, "ether_type")->pattern, TRAFFIC_AUTO);
	assert_int_equal(field_of(flow, 1, "id")->value_count, 2);
	assert_true(field_of(flow, 1, "id")->values[1] == 4095);
	assert_int_equal(field_of(flow, 1, "priority")->pattern, TRAFFIC_UNSET);
	assert_true(field_of(flow, 2, "src")->start == 0x0a000001);
	assert_true(field_of(flow, 2, "src")->step == 256);
	assert_int_equal(field_of(flow, 2, "src")->count, 9);
	assert_string_equal(field_of(flow, 2, "src")->tag, "host");
	assert_true(field_of(flow, 2, "dst")->max == 0x0a010009);
	assert_int_equal(field_of(flow, 2, "dst")->count, 1);
	assert_true(field_of(flow, 2, "time_to_live")->start == 64);
	assert_int_equal(field_of(flow, 2, "priority.dscp.phb")->pattern, TRAFFIC_DECREMENT);
	assert_int_equal(field_of(flow, 2, "header_checksum")->pattern, TRAFFIC_BAD);
	assert_int_equal(field_of(flow, 3, "checksum")->pattern, TRAFFIC_VALUE);
	assert_true(field_of(flow, 3, "src_port")->step == 1);
	assert_int_equal(traffic_flow_streams(flow), 9);
	traffic_free(&traffic);
}

/* A seed of 0 is one that nobody knows before. */
static void test_random_seed(void **state)
{
	struct traffic traffic[2];
	const char *text = PACKET("{udp: {src_port: {random: {seed: 0, count: 0}}}}");

	(void)state;
	traffic[0] = reads(text);
	traffic[1] = reads(text);
	assert_int_not_equal(field_of(traffic[0].flow, 0, "src_port")->seed, 0);
	assert_int_not_equal(field_of(traffic[0].flow, 0, "src_port")->seed, field_of(traffic[1].flow, 0, "src_port")->seed);
	traffic_free(&traffic[0]);
	traffic_free(&traffic[1]);
}

/* Parts come in the order of the wire, whatever the order of the keys. */
static void test_parts(void **state)
{
	struct traffic traffic;
	const struct traffic_flow *flow = reads_flow(&traffic, PACKET(
								       "{ipv4: {options: [{}, {custom: {type: {option_number: {value: 7}}}}, {choice: timestamp, timestamp: {format: "
								       "{timestamps: [{timestamp: {value: 5}}, {}]}}}, {choice: end_of_options}]}}, "
								       "{ipv6_extension_header: {routing: {segment_routing: {pad_tlv: {}, tag: {value: 9}, segment_list: "
								       "[{segment: {value: \"2001:db8::1\"}}, {}]}}}}, "
								       "{gtpv1: {extension_headers: [{contents: {value: 0xffffffffffff}}]}}, {custom: {bytes: \"0X01 02:0a\"}}"));
	const struct traffic_header *options = flow->header[0].part, *segments = flow->header[1].part;

	(void)state;
	assert_int_equal(flow->header[0].parts, 4);
	assert_int_equal(options[0].kind, HEADER_IPV4_ROUTER_ALERT);
	assert_int_equal(options[1].kind, HEADER_IPV4_OPTION);
	assert_int_equal(options[1].byte_count, 2);
	assert_int_equal(options[2].kind, HEADER_IPV4_TIMESTAMP);
	assert_int_equal(options[2].parts, 2);
	assert_int_equal(options[3].kind, HEADER_IPV4_END_OF_OPTIONS);
	assert_int_equal(flow->header[1].parts, 3);
	assert_int_equal(segments[0].kind, HEADER_SEGMENT);
	assert_true(segments[0].field[0].start == ((traffic_value)0x20010db800000000 << 64 | 1));
	assert_int_equal(segments[2].kind, HEADER_PAD_TLV);
	assert_true(flow->header[2].part[0].field[1].start == 0xffffffffffff);
	assert_memory_equal(flow->header[3].bytes, "\x01\x02\x0a", 3);
	traffic_free(&traffic);
}

static void test_captures(void **state)
{
	struct traffic traffic = reads("ports: [{name: p}, {name: q}]\noptions: {port_options: {location_preemption: true}}\n"
				       "captures:\n- {name: c, port_names: [q, p], packet_size: null}\n"
				       "- {name: d, port_names: [p], overwrite: false, format: pcapng, packet_size: 96, "
				       "x-vionet: {filter: udp port 9}}\n");

	(void)state;
	assert_int_equal(traffic.captures, 2);
	assert_true(traffic.location_preemption);
	assert_int_equal(traffic.capture[0].port[0], 1);
	assert_true(traffic.capture[0].overwrite);
	assert_false(traffic.capture[0].pcapng);
	assert_int_equal(traffic.capture[0].packet_size, 0);
	assert_false(traffic.capture[1].overwrite);
	assert_true(traffic.capture[1].pcapng);
	assert_int_equal(traffic.capture[1].packet_size, 96);
	assert_string_equal(traffic.capture[1].filter, "udp port 9");
	traffic_free(&traffic);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_measuring),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_random_seed),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_captures),
	};

	return cmocka_run_group_tests_name("otg", tests, NULL, NULL);
}
