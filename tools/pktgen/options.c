/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/options.h"

#include <string.h>

#include "tools/shared/cpus.h"

enum {
	KEY_DURATION = 0x100,
	KEY_SIZE,
	KEY_RATE,
	KEY_BURST,
	KEY_SRC_MAC,
	KEY_DST_MAC,
	KEY_SRC_IP,
	KEY_DST_IP,
	KEY_SRC_PORT,
	KEY_DST_PORT,
	KEY_VLAN,
	KEY_TTL,
	KEY_STREAM,
	KEY_SEED,
	KEY_PAYLOAD,
	KEY_RX_ONLY,
	KEY_NO_RX,
	KEY_MODE,
	KEY_LINGER,
	KEY_QUEUE_SIZE,
	KEY_QUEUES,
	KEY_CPUS,
	KEY_INTERVAL,
	KEY_JSON,
};

static const struct argp_option pktgen_option_list[] = {
	{ NULL, 0, NULL, 0, "What to send:", 1 },
	{ "count", 'c', "N", 0, "End after N frames (10k, 1M)", 1 },
	{ "duration", KEY_DURATION, "TIME", 0, "End after TIME (10, 500ms, 2min)", 1 },
	{ "size", KEY_SIZE, "BYTES", 0,
	  "Frame without FCS: 60 (default; with a VLAN tag 64), a random size 60-1514, "
	  "or imix (7 x 60, 4 x 590, 1 x 1514)",
	  1 },
	{ "rate", KEY_RATE, "RATE", 0,
	  "Frames a second (10k, 1.5Mpps), bits a second on the wire (100Mbit: each "
	  "frame counts 24 bytes more for preamble, gap and FCS), per cent of the link "
	  "(50%), or max (default)",
	  1 },
	{ "burst", KEY_BURST, "N", 0, "Hand over up to N frames at once (32)", 1 },
	{ "payload", KEY_PAYLOAD, "KIND", 0,
	  "pattern (default; checked when it comes back) or zero", 1 },
	{ "seed", KEY_SEED, "N", 0, "Makes sizes and the stream id repeatable", 1 },

	{ NULL, 0, NULL, 0, "Headers:", 2 },
	{ "src-mac", KEY_SRC_MAC, "MAC", 0, "Default: the device's", 2 },
	{ "dst-mac", KEY_DST_MAC, "MAC", 0, "Default: 02:76:69:6f:00:01", 2 },
	{ "src-ip", KEY_SRC_IP, "IP", 0, "Default: 198.18.0.1", 2 },
	{ "dst-ip", KEY_DST_IP, "IP", 0, "Default: 198.19.0.1", 2 },
	{ "src-port", KEY_SRC_PORT, "PORT", 0, "Default: 49152", 2 },
	{ "dst-port", KEY_DST_PORT, "PORT", 0, "Default: 9 (discard)", 2 },
	{ "vlan", KEY_VLAN, "ID", 0, "Add a VLAN tag", 2 },
	{ "ttl", KEY_TTL, "N", 0, "Default: 64", 2 },
	{ "stream", KEY_STREAM, "ID", 0,
	  "Stream id, 0 to 255. Default: from the seed; with --rx-only the first that "
	  "arrives",
	  2 },

	{ NULL, 0, NULL, 0, "Receiving:", 3 },
	{ "rx-only", KEY_RX_ONLY, NULL, 0, "Send nothing; --count then counts what "
	  "arrives, or what arrives of --stream", 3 },
	{ "no-rx", KEY_NO_RX, NULL, 0, "Do not look at what comes back", 3 },
	{ "mode", KEY_MODE, "MODE", 0,
	  "poll: never sleep; interrupt: sleep until there is something to do; spin "
	  "(default): poll 50 us, then sleep",
	  3 },
	{ "linger", KEY_LINGER, "TIME", 0,
	  "At the end, wait for frames on their way until none has come for TIME (1, or "
	  "twice what they took so far)", 3 },

	{ NULL, 0, NULL, 0, "Other:", 4 },
	{ "queue-size", KEY_QUEUE_SIZE, "N", 0,
	  "Entries of each queue (256; a power of two)", 4 },
	{ "queues", KEY_QUEUES, "N", 0,
	  "Use N queue pairs (1), each with a thread, a stream and a source port of its "
	  "own; rate and count are for all together", 4 },
	{ "cpus", KEY_CPUS, "LIST", 0, "Pin the threads to these CPUs (0,2-5)", 4 },
	{ "interval", KEY_INTERVAL, "TIME", 0, "Between live lines (1); 0: none", 4 },
	{ "json", KEY_JSON, NULL, 0, "One JSON object on stdout at the end", 4 },
	{ 0 },
};

/* The keys of long options lie in a row. */
static void options_note_given(struct pktgen_options *options, int key)
{
	if (key >= KEY_DURATION)
		options->given |= 1ULL << (key - KEY_DURATION);
}

static bool options_was_given(const struct pktgen_options *options, int key)
{
	return options->given >> (key - KEY_DURATION) & 1;
}

static const char *options_option_name(int key)
{
	const struct argp_option *option = pktgen_option_list;

	while (option->key != key)
		option++;
	return option->name;
}

/* Options that take a whole number: the caller says where it goes. */
static uint64_t options_number(const char *option, const char *text, uint64_t min,
			       uint64_t max)
{
	struct parse_error error;
	uint64_t value = 0;

	need_parsed(parse_whole(option, text, min, max, &value, &error), &error);
	return value;
}

/* What to send. Returns ARGP_ERR_UNKNOWN for keys of other groups. */
static error_t options_parse_load(int key, const char *argument,
				  struct pktgen_options *options)
{
	static const char *const payloads[] = { "pattern", "zero", NULL };
	struct parse_error error;
	int choice = 0;
	int bad = 0;

	switch (key) {
	case 'c':
		bad = parse_count("--count", argument, 1, INT64_MAX, &options->count,
				  &error);
		break;
	case KEY_DURATION:
		bad = parse_duration("--duration", argument, 0, &options->duration_ns,
				     &error);
		break;
	case KEY_SIZE:
		bad = parse_size("--size", argument, FRAME_SIZE_MIN, FRAME_SIZE_MAX,
				 &options->size, &error);
		break;
	case KEY_RATE:
		bad = parse_rate("--rate", argument, &options->rate, &error);
		break;
	case KEY_BURST:
		options->burst = (uint32_t)options_number("--burst", argument, 1,
							  PKTGEN_BURST_MAX);
		break;
	case KEY_PAYLOAD:
		bad = parse_word("--payload", argument, payloads, &choice, &error);
		options->fields.pattern = choice == 0;
		break;
	case KEY_SEED:
		options->seed = options_number("--seed", argument, 0, UINT64_MAX);
		options->have_seed = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

/* Headers. */
static error_t options_parse_header(int key, const char *argument,
				    struct pktgen_options *options)
{
	struct frame_fields *fields = &options->fields;
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case KEY_SRC_MAC:
		bad = parse_mac("--src-mac", argument, fields->source_mac, &error);
		options->have_source_mac = true;
		break;
	case KEY_DST_MAC:
		bad = parse_mac("--dst-mac", argument, fields->destination_mac,
				&error);
		break;
	case KEY_SRC_IP:
		bad = parse_ipv4("--src-ip", argument, &fields->source_ip, &error);
		break;
	case KEY_DST_IP:
		bad = parse_ipv4("--dst-ip", argument, &fields->destination_ip,
				 &error);
		break;
	case KEY_SRC_PORT:
		fields->source_port =
			(uint16_t)options_number("--src-port", argument, 0, 65535);
		break;
	case KEY_DST_PORT:
		fields->destination_port =
			(uint16_t)options_number("--dst-port", argument, 0, 65535);
		break;
	case KEY_VLAN:
		fields->vlan = (int)options_number("--vlan", argument, 0, 4094);
		break;
	case KEY_TTL:
		fields->ttl = (uint8_t)options_number("--ttl", argument, 1, 255);
		break;
	case KEY_STREAM:
		options->stream = (int)options_number("--stream", argument, 0, 255);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

/* Receiving and other. */
static error_t options_parse_rest(int key, const char *argument,
				  struct pktgen_options *options)
{
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case KEY_RX_ONLY:
		options->rx_only = true;
		break;
	case KEY_NO_RX:
		options->no_rx = true;
		break;
	case KEY_MODE:
		bad = parse_word("--mode", argument, wait_mode_words, &options->mode, &error);
		break;
	case KEY_LINGER:
		bad = parse_duration("--linger", argument, 1, &options->linger_ns,
				     &error);
		break;
	case KEY_QUEUE_SIZE:
		bad = parse_power_of_two("--queue-size", argument, 4, 32768,
					 &options->queue_size, &error);
		break;
	case KEY_QUEUES:
		options->queues = (uint32_t)options_number("--queues", argument, 1,
							   VIONET_QUEUE_PAIRS_MAX);
		break;
	case KEY_CPUS:
		bad = parse_cpus("--cpus", argument, &options->cpus, &error);
		break;
	case KEY_INTERVAL:
		bad = parse_duration("--interval", argument, 1, &options->interval_ns,
				     &error);
		break;
	case KEY_JSON:
		options->json = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

/* --queues and --set queues=N are the same. */
static void options_choose_queues(struct pktgen_options *options)
{
	struct settings *settings = &options->device.settings;

	if (options->queues == 0)
		options->queues = settings->have[SETTING_QUEUES] ? settings->queues : 1;
	else if (settings->have[SETTING_QUEUES] && settings->queues != options->queues)
		refuse_usage("--queues %u and --set queues=%u: give one of them",
			     options->queues, settings->queues);
	if (options->queues > 1 && options->count != 0 && options->rx_only)
		refuse_usage("--rx-only with --count needs a single queue; with "
			     "--queues give --duration");
	if (options->count != 0 && options->count < options->queues)
		refuse_usage("--count: fewer frames than queue pairs");
}

/* Options that change nothing beside another one. */
static void options_refuse_idle(const struct pktgen_options *options)
{
	static const int of_sending[] = {
		KEY_SIZE,    KEY_RATE,	 KEY_BURST,   KEY_SEED,	    KEY_SRC_MAC,
		KEY_DST_MAC, KEY_SRC_IP, KEY_DST_IP,  KEY_SRC_PORT, KEY_DST_PORT,
		KEY_VLAN,    KEY_TTL,	 KEY_LINGER,
	};

	if (options->rx_only && options->no_rx)
		refuse_usage("--rx-only and --no-rx together leave nothing to do");
	for (size_t i = 0; options->rx_only && i < sizeof(of_sending) / sizeof(int); i++)
		if (options_was_given(options, of_sending[i]))
			refuse_usage("--%s has no effect with --rx-only: nothing is "
				     "sent; leave one of them out",
				     options_option_name(of_sending[i]));
	if (options->no_rx && options_was_given(options, KEY_LINGER))
		refuse_usage("--linger has no effect with --no-rx: nothing is waited "
			     "for; leave one of them out");
	if (options_was_given(options, KEY_SEED) &&
	    options_was_given(options, KEY_STREAM) && !options->size.imix &&
	    options->size.min == options->size.max)
		refuse_usage("--seed has no effect with --stream and one --size: nothing "
			     "is left to chance; leave one of them out");
}

/* What only the whole command line shows. */
static void options_check_together(struct pktgen_options *options)
{
	uint32_t shortest = options->fields.vlan != FRAME_NO_VLAN ?
				    FRAME_SIZE_MIN_VLAN :
				    FRAME_SIZE_MIN;

	if (options->device.name == NULL)
		refuse_usage("pktgen: no device named; 'vionet list' shows them");
	options_choose_queues(options);
	options_refuse_idle(options);
	options->have_linger = options_was_given(options, KEY_LINGER);
	cpus_check(&options->cpus, options->queues);
	if (options->size.max == 0 && !options->size.imix) /* not given */
		options->size.min = options->size.max = shortest;
	if (!options->size.imix && options->size.min < shortest)
		refuse_usage("--size: with --vlan a frame has at least %d bytes",
			     FRAME_SIZE_MIN_VLAN);
}

static error_t options_parse(int key, char *argument, struct argp_state *state)
{
	struct pktgen_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->device;
		state->child_inputs[1] = &options->device;
		state->child_inputs[2] = &options->device;
		return 0;
	case ARGP_KEY_ARG:
		if (options->device.name != NULL)
			refuse_usage("pktgen: one device, not also '%.40s'", argument);
		options->device.name = argument;
		return 0;
	case ARGP_KEY_END:
		options_check_together(options);
		return 0;
	default:
		if (options_parse_load(key, argument, options) != 0 &&
		    options_parse_header(key, argument, options) != 0 &&
		    options_parse_rest(key, argument, options) != 0)
			return ARGP_ERR_UNKNOWN;
		options_note_given(options, key);
		return 0;
	}
}

static const struct argp pktgen_argp = {
	.options = pktgen_option_list,
	.parser = options_parse,
	.args_doc = "DEVICE",
	.doc = "Send IPv4/UDP frames with sequence numbers and times, count what comes "
	       "back and measure how long it took.\vWithout --count and --duration it "
	       "runs until Ctrl-C. The layout of the frames is in vionet-pktgen(1).",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 },
						 { &setting_argp, 0, NULL, 0 },
						 { &sandbox_argp, 0, NULL, 0 },
						 { 0 } },
};

void pktgen_parse(int argc, char **argv, struct pktgen_options *options)
{
	*options = (struct pktgen_options){
		.interval_ns = 1000000000,
		.linger_ns = PKTGEN_LINGER_NS,
		.rate = { .kind = RATE_MAX },
		.burst = 32,
		.fields = {
			.destination_mac = { 0x02, 0x76, 0x69, 0x6f, 0x00, 0x01 },
			.source_ip = 0xc6120001,
			.destination_ip = 0xc6130001,
			.source_port = 49152,
			.destination_port = 9,
			.vlan = FRAME_NO_VLAN,
			.ttl = 64,
			.pattern = true,
		},
		.stream = PKTGEN_ANY_STREAM,
		.mode = WAIT_SPIN,
	};
	parse_arguments(&pktgen_argp, "pktgen", argc, argv, options);
	if (!options->have_seed)
		options->seed = now_ns();
}
