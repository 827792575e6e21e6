/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/load_options.h"

#include <string.h>

enum {
	KEY_LOAD_DURATION = 0x200,
	KEY_LOAD_SIZE,
	KEY_LOAD_PAD,
	KEY_LOAD_RATE,
	KEY_LOAD_ARRIVAL,
	KEY_LOAD_BURSTS,
	KEY_LOAD_BURST_FRAMES,
	KEY_LOAD_BURST_GAP,
	KEY_LOAD_BIDIRECTIONAL,
	KEY_LOAD_OFFLOAD,
	KEY_LOAD_SEED,
	KEY_LOAD_FLOWS, /* from here on they are flow_argp's */
	KEY_LOAD_PAYLOAD,
	KEY_LOAD_SRC_MAC,
	KEY_LOAD_DST_MAC,
	KEY_LOAD_VLAN,
	KEY_LOAD_PCP,
	KEY_LOAD_MPLS,
	KEY_LOAD_IPV6,
	KEY_LOAD_SRC_IP,
	KEY_LOAD_DST_IP,
	KEY_LOAD_TTL,
	KEY_LOAD_DSCP,
	KEY_LOAD_UDP,
	KEY_LOAD_TCP,
	KEY_LOAD_ICMP,
	KEY_LOAD_SRC_PORT,
	KEY_LOAD_DST_PORT,
	KEY_LOAD_VXLAN,
	KEY_LOAD_GRE,
	KEY_LOAD_GTP,
	KEY_LOAD_OUTER_SRC_MAC,
	KEY_LOAD_OUTER_DST_MAC,
	KEY_LOAD_OUTER_SRC_IP,
	KEY_LOAD_OUTER_DST_IP,
	KEY_LOAD_COUNT, /* of -c */
};

static const struct argp_option load_option_list[] = {
	{ NULL, 0, NULL, 0, "What to send:", 1 },
	{ "count", 'c', "N", 0, "End after N frames (10k, 1M)", 1 },
	{ "duration", KEY_LOAD_DURATION, "TIME", 0, "End after TIME (10, 500ms, 2min)", 1 },
	{ "size", KEY_LOAD_SIZE, "BYTES", 0,
	  "Frame without FCS: 60 (default; more with more headers), 60-1514 (random), "
	  "64-1518:128 (in steps), 60:7,590:4 (size:weight), or imix (60:7,590:4,1514:1)",
	  1 },
	{ "pad", KEY_LOAD_PAD, "WORD", 0,
	  "on (default) or off: frames below 60 bytes go out as short as they are", 1 },
	{ "rate", KEY_LOAD_RATE, "RATE", 0,
	  "Frames a second (10k, 1.5Mpps), bits a second on the wire (100Mbit: each "
	  "frame counts 24 bytes more for preamble, gap and FCS), per cent of the link "
	  "(50%), or max (default)",
	  1 },
	{ "arrival", KEY_LOAD_ARRIVAL, "WORD", 0,
	  "constant (default) or poisson: random gaps of the rate's mean", 1 },
	{ "burst-frames", KEY_LOAD_BURST_FRAMES, "N", 0, "Send bursts of N frames, each at --rate", 1 },
	{ "burst-gap", KEY_LOAD_BURST_GAP, "TIME", 0, "Between bursts (0)", 1 },
	{ "bursts", KEY_LOAD_BURSTS, "N", 0, "End after N bursts", 1 },
	{ "bidirectional", KEY_LOAD_BIDIRECTIONAL, NULL, 0, "Of two devices, both send", 1 },
	{ "offload", KEY_LOAD_OFFLOAD, "WHAT", 0,
	  "Let the device do it: checksum, segment:SIZE (bytes of payload), or both", 1 },
	{ "seed", KEY_LOAD_SEED, "N", 0, "Makes sizes, gaps and the stream id repeatable", 1 },
	{ 0 },
};

/* What frames are, however many and fast. */
static const struct argp_option flow_option_list[] = {
	{ "flows", KEY_LOAD_FLOWS, "N", 0,
	  "N flows, each counted by itself: of source ports, or source addresses where there "
	  "are not so many ports",
	  1 },
	{ "payload", KEY_LOAD_PAYLOAD, "KIND", 0,
	  "pattern (default; checked when it comes back) or zero", 1 },

	{ NULL, 0, NULL, 0,
	  "Headers (N: a number, a range A-B or A-B:STEP, or a list A,B,C; one value a frame):", 2 },
	{ "src-mac", KEY_LOAD_SRC_MAC, "MAC", 0, "Default: the device's; MAC+16: so many", 2 },
	{ "dst-mac", KEY_LOAD_DST_MAC, "MAC", 0,
	  "Default: 02:76:69:6f:00:01; of test with two devices: the other one's", 2 },
	{ "vlan", KEY_LOAD_VLAN, "N[.N...]", 0,
	  "VLAN tags, outermost first, the first of several 802.1ad; 8021q:N or 8021ad:N says the kind", 2 },
	{ "pcp", KEY_LOAD_PCP, "N", 0, "Priority in the tags (0)", 2 },
	{ "mpls", KEY_LOAD_MPLS, "N[.N...]", 0, "MPLS labels, outermost first", 2 },
	{ "ipv6", KEY_LOAD_IPV6, NULL, 0, "IPv6, as with an IPv6 address", 2 },
	{ "src-ip", KEY_LOAD_SRC_IP, "IP", 0,
	  "Default: 198.18.0.1, 2001:2::1; 10.0.0.0/24, 10.0.0.1-10.0.0.9 or a list", 2 },
	{ "dst-ip", KEY_LOAD_DST_IP, "IP", 0, "Default: 198.19.0.1, 2001:2:0:8000::1", 2 },
	{ "ttl", KEY_LOAD_TTL, "N", 0, "Default: 64", 2 },
	{ "dscp", KEY_LOAD_DSCP, "N", 0, "Differentiated services (0)", 2 },
	{ "udp", KEY_LOAD_UDP, NULL, 0, "UDP (default)", 2 },
	{ "tcp", KEY_LOAD_TCP, NULL, 0, "TCP, with the flag ACK", 2 },
	{ "icmp", KEY_LOAD_ICMP, NULL, 0, "Echo requests of ICMP, or ICMPv6", 2 },
	{ "src-port", KEY_LOAD_SRC_PORT, "N", 0, "Default: 49152", 2 },
	{ "dst-port", KEY_LOAD_DST_PORT, "N", 0, "Default: 9 (discard)", 2 },

	{ NULL, 0, NULL, 0, "In a tunnel:", 3 },
	{ "vxlan", KEY_LOAD_VXLAN, "N", 0, "VXLAN with this network identifier", 3 },
	{ "gre", KEY_LOAD_GRE, NULL, 0, "GRE", 3 },
	{ "gtp", KEY_LOAD_GTP, "N", 0, "GTP-U with this tunnel endpoint identifier", 3 },
	{ "outer-src-mac", KEY_LOAD_OUTER_SRC_MAC, "MAC", 0, "Of --vxlan. Default: the device's", 3 },
	{ "outer-dst-mac", KEY_LOAD_OUTER_DST_MAC, "MAC", 0, "Default: 02:76:69:6f:00:01", 3 },
	{ "outer-src-ip", KEY_LOAD_OUTER_SRC_IP, "IP", 0, "Default: 198.18.128.1, 2001:2::8001", 3 },
	{ "outer-dst-ip", KEY_LOAD_OUTER_DST_IP, "IP", 0,
	  "Default: 198.19.128.1, 2001:2:0:8000::8001", 3 },
	{ 0 },
};

/* The keys of long options lie in a row. */
static void load_note_given(struct load_arguments *arguments, int key)
{
	arguments->given |= 1ULL << ((key == 'c' ? KEY_LOAD_COUNT : key) - KEY_LOAD_DURATION);
}

static bool load_was_given(const struct load_arguments *arguments, int key)
{
	return arguments->given >> (key - KEY_LOAD_DURATION) & 1;
}

/* ---- values ---- */

/* How much and how fast. Returns ARGP_ERR_UNKNOWN for keys of other groups. */
static error_t load_parse_pace(int key, const char *argument, struct load_options *load)
{
	static const char *const arrivals[] = { "constant", "poisson", NULL };
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case 'c':
		bad = parse_count("--count", argument, 1, INT64_MAX, &load->duration.frames, &error);
		break;
	case KEY_LOAD_DURATION:
		bad = parse_duration("--duration", argument, 0, &load->duration.time_ns, &error);
		break;
	case KEY_LOAD_RATE:
		bad = parse_rate("--rate", argument, &load->rate, &error);
		break;
	case KEY_LOAD_ARRIVAL:
		load->arrival = need_word("--arrival", argument, arrivals) == 0 ? TRAFFIC_CONSTANT : TRAFFIC_POISSON;
		break;
	case KEY_LOAD_BURSTS:
		load->duration.bursts = need_count("--bursts", argument, 1, UINT32_MAX);
		break;
	case KEY_LOAD_BURST_FRAMES:
		load->duration.burst_frames = need_count("--burst-frames", argument, 1, UINT32_MAX);
		break;
	case KEY_LOAD_BURST_GAP:
		bad = parse_duration("--burst-gap", argument, 1, &load->duration.gap_ns, &error);
		break;
	case KEY_LOAD_FLOWS:
		load->flows = need_count("--flows", argument, 1, 1ULL << 31);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

/* What frames are, but for their headers. */
static error_t load_parse_frame(int key, const char *argument, struct load_options *load)
{
	static const char *const payloads[] = { "pattern", "zero", NULL };
	static const char *const pads[] = { "on", "off", NULL };
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case KEY_LOAD_SIZE:
		bad = load_parse_size("--size", argument, &load->size, &error);
		load->have_size = true;
		load->imix = strcmp(argument, "imix") == 0;
		break;
	case KEY_LOAD_PAD:
		load->size.no_pad = need_word("--pad", argument, pads) == 1;
		break;
	case KEY_LOAD_PAYLOAD:
		load->payload = need_word("--payload", argument, payloads) == 0 ?
					TRAFFIC_PAYLOAD_NUMBERED :
					TRAFFIC_PAYLOAD_ZERO;
		break;
	case KEY_LOAD_OFFLOAD:
		bad = load_parse_offload("--offload", argument, &load->offload, &error);
		break;
	case KEY_LOAD_SEED:
		bad = parse_whole("--seed", argument, 0, UINT64_MAX, &load->seed, &error);
		break;
	case KEY_LOAD_BIDIRECTIONAL:
		load->bidirectional = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

static error_t load_parse_link(int key, const char *argument, struct load_options *load)
{
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case KEY_LOAD_SRC_MAC:
		bad = load_parse_mac("--src-mac", argument, &load->src_mac, &error);
		break;
	case KEY_LOAD_DST_MAC:
		bad = load_parse_mac("--dst-mac", argument, &load->dst_mac, &error);
		break;
	case KEY_LOAD_VLAN:
		bad = load_parse_vlan("--vlan", argument, load, &error);
		break;
	case KEY_LOAD_PCP:
		bad = load_parse_number("--pcp", argument, 7, &load->pcp, &error);
		break;
	case KEY_LOAD_MPLS:
		bad = load_parse_mpls("--mpls", argument, load, &error);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

static error_t load_parse_network_header(int key, const char *argument, struct load_options *load)
{
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case KEY_LOAD_IPV6:
		load->family = LOAD_IPV6;
		break;
	case KEY_LOAD_SRC_IP:
		bad = load_parse_ip("--src-ip", argument, &load->src_ip, &error);
		break;
	case KEY_LOAD_DST_IP:
		bad = load_parse_ip("--dst-ip", argument, &load->dst_ip, &error);
		break;
	case KEY_LOAD_TTL:
		bad = load_parse_number("--ttl", argument, 255, &load->ttl, &error);
		break;
	case KEY_LOAD_DSCP:
		bad = load_parse_number("--dscp", argument, 63, &load->dscp, &error);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

static error_t load_parse_transport(int key, const char *argument, struct load_options *load)
{
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case KEY_LOAD_UDP:
		load->transport = LOAD_UDP;
		break;
	case KEY_LOAD_TCP:
		load->transport = LOAD_TCP;
		break;
	case KEY_LOAD_ICMP:
		load->transport = LOAD_ICMP;
		break;
	case KEY_LOAD_SRC_PORT:
		bad = load_parse_number("--src-port", argument, 65535, &load->src_port, &error);
		break;
	case KEY_LOAD_DST_PORT:
		bad = load_parse_number("--dst-port", argument, 65535, &load->dst_port, &error);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

static error_t load_parse_tunnel(int key, const char *argument, struct load_options *load)
{
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case KEY_LOAD_VXLAN:
		load->tunnel = LOAD_VXLAN;
		bad = load_parse_number("--vxlan", argument, 0xffffff, &load->tunnel_id, &error);
		break;
	case KEY_LOAD_GRE:
		load->tunnel = LOAD_GRE;
		break;
	case KEY_LOAD_GTP:
		load->tunnel = LOAD_GTP;
		bad = load_parse_number("--gtp", argument, UINT32_MAX, &load->tunnel_id, &error);
		break;
	case KEY_LOAD_OUTER_SRC_MAC:
		bad = load_parse_mac("--outer-src-mac", argument, &load->outer_src_mac, &error);
		break;
	case KEY_LOAD_OUTER_DST_MAC:
		bad = load_parse_mac("--outer-dst-mac", argument, &load->outer_dst_mac, &error);
		break;
	case KEY_LOAD_OUTER_SRC_IP:
		bad = load_parse_ip("--outer-src-ip", argument, &load->outer_src_ip, &error);
		break;
	case KEY_LOAD_OUTER_DST_IP:
		bad = load_parse_ip("--outer-dst-ip", argument, &load->outer_dst_ip, &error);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

static error_t load_parse(int key, char *argument, struct argp_state *state)
{
	struct load_arguments *arguments = state->input;
	struct load_options *load = &arguments->load;

	if (load_parse_pace(key, argument, load) != 0 &&
	    load_parse_frame(key, argument, load) != 0 && load_parse_link(key, argument, load) != 0 &&
	    load_parse_network_header(key, argument, load) != 0 &&
	    load_parse_transport(key, argument, load) != 0 &&
	    load_parse_tunnel(key, argument, load) != 0)
		return ARGP_ERR_UNKNOWN;
	load_note_given(arguments, key);
	return 0;
}

const struct argp flow_argp = {
	.options = flow_option_list,
	.parser = load_parse,
};

static error_t load_parse_all(int key, char *argument, struct argp_state *state)
{
	if (key != ARGP_KEY_INIT)
		return load_parse(key, argument, state);
	state->child_inputs[0] = state->input;
	return 0;
}

const struct argp load_argp = {
	.options = load_option_list,
	.parser = load_parse_all,
	.children = (const struct argp_child[]){ { &flow_argp, 0, NULL, 0 }, { 0 } },
};

/* ---- together ---- */

static const char *load_option_name(int key)
{
	const struct argp_option *option = key >= KEY_LOAD_FLOWS && key < KEY_LOAD_COUNT ? flow_option_list
											 : load_option_list;

	while (option->key != (key == KEY_LOAD_COUNT ? 'c' : key))
		option++;
	return option->name;
}

const char *load_first_given(const struct load_arguments *arguments, bool limits)
{
	for (int key = KEY_LOAD_DURATION; key <= KEY_LOAD_COUNT; key++)
		if (load_was_given(arguments, key) &&
		    (limits || (key != KEY_LOAD_DURATION && key != KEY_LOAD_COUNT)))
			return load_option_name(key);
	return NULL;
}

const char *load_first_of_frames(const struct load_arguments *arguments)
{
	for (int key = KEY_LOAD_DURATION; key <= KEY_LOAD_COUNT; key++)
		if (load_was_given(arguments, key) && key != KEY_LOAD_DURATION && key != KEY_LOAD_COUNT &&
		    key != KEY_LOAD_RATE)
			return load_option_name(key);
	return NULL;
}

const char *load_first_of_headers(const struct load_arguments *arguments)
{
	for (int key = KEY_LOAD_FLOWS; key <= KEY_LOAD_OUTER_DST_IP; key++)
		if (load_was_given(arguments, key) && key != KEY_LOAD_PAYLOAD)
			return load_option_name(key);
	return NULL;
}

bool load_seed_was_given(const struct load_arguments *arguments)
{
	return load_was_given(arguments, KEY_LOAD_SEED);
}

bool load_rate_was_given(const struct load_arguments *arguments)
{
	return load_was_given(arguments, KEY_LOAD_RATE);
}

bool load_source_mac_was_given(const struct load_arguments *arguments)
{
	return load_was_given(arguments, KEY_LOAD_SRC_MAC);
}

bool load_destination_mac_was_given(const struct load_arguments *arguments)
{
	return load_was_given(arguments, KEY_LOAD_DST_MAC);
}

bool load_link_was_given(const struct load_arguments *arguments, bool source)
{
	if (arguments->load.tunnel == LOAD_VXLAN)
		return load_was_given(arguments, source ? KEY_LOAD_OUTER_SRC_MAC : KEY_LOAD_OUTER_DST_MAC);
	return load_was_given(arguments, source ? KEY_LOAD_SRC_MAC : KEY_LOAD_DST_MAC);
}

bool load_has_chance(const struct load_options *load)
{
	return load->size.kind == TRAFFIC_SIZE_WEIGHTS || load->size.kind == TRAFFIC_SIZE_RANDOM ||
	       load->arrival == TRAFFIC_POISSON;
}

/* At most one of three. */
static void load_check_one_of(const struct load_arguments *arguments, const int keys[3])
{
	const char *first = NULL;

	for (int i = 0; i < 3; i++) {
		if (!load_was_given(arguments, keys[i]))
			continue;
		if (first != NULL)
			refuse_usage("--%s and --%s: give one of them", first,
				     load_option_name(keys[i]));
		first = load_option_name(keys[i]);
	}
}

/* The first has no effect without one of the others (0: there is none). */
static const struct load_needs {
	int key;
	int one_of[3];
	const char *without;
} load_needs[] = {
	{ KEY_LOAD_PCP, { KEY_LOAD_VLAN }, "--vlan" },
	{ KEY_LOAD_BURSTS, { KEY_LOAD_BURST_FRAMES }, "--burst-frames" },
	{ KEY_LOAD_BURST_GAP, { KEY_LOAD_BURST_FRAMES }, "--burst-frames" },
	{ KEY_LOAD_OUTER_SRC_MAC, { KEY_LOAD_VXLAN }, "--vxlan" },
	{ KEY_LOAD_OUTER_DST_MAC, { KEY_LOAD_VXLAN }, "--vxlan" },
	{ KEY_LOAD_OUTER_SRC_IP, { KEY_LOAD_VXLAN, KEY_LOAD_GRE, KEY_LOAD_GTP }, "a tunnel" },
	{ KEY_LOAD_OUTER_DST_IP, { KEY_LOAD_VXLAN, KEY_LOAD_GRE, KEY_LOAD_GTP }, "a tunnel" },
};

static void load_check_needs(const struct load_arguments *arguments)
{
	for (size_t i = 0; i < sizeof(load_needs) / sizeof(load_needs[0]); i++) {
		bool there = false;

		for (int j = 0; j < 3 && load_needs[i].one_of[j] != 0; j++)
			there |= load_was_given(arguments, load_needs[i].one_of[j]);
		if (load_was_given(arguments, load_needs[i].key) && !there)
			refuse_usage("--%s has no effect without %s; leave it out",
				     load_option_name(load_needs[i].key), load_needs[i].without);
	}
}

void load_check(const struct load_arguments *arguments)
{
	const struct load_options *load = &arguments->load;
	static const int transports[3] = { KEY_LOAD_UDP, KEY_LOAD_TCP, KEY_LOAD_ICMP };
	static const int tunnels[3] = { KEY_LOAD_VXLAN, KEY_LOAD_GRE, KEY_LOAD_GTP };

	load_check_one_of(arguments, transports);
	load_check_one_of(arguments, tunnels);
	load_check_needs(arguments);
	if (load->transport == LOAD_ICMP && (load_was_given(arguments, KEY_LOAD_SRC_PORT) ||
					     load_was_given(arguments, KEY_LOAD_DST_PORT)))
		refuse_usage("--%s has no effect with --icmp; leave one of them out",
			     load_was_given(arguments, KEY_LOAD_SRC_PORT) ? "src-port" : "dst-port");
	if (load->arrival == TRAFFIC_POISSON && load->duration.burst_frames != 0)
		refuse_usage("--arrival poisson and --burst-frames: give one of them");
	if (load->arrival == TRAFFIC_POISSON && load->rate.kind == RATE_MAX)
		refuse_usage("--arrival poisson needs a --rate: as fast as possible leaves nothing to chance");
}
