/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/options.h"

#include <stdlib.h>

#include "tools/pktgen/report/limit.h"
#include "tools/shared/cpus.h"

enum {
	KEY_BURST = 0x100,
	KEY_WARMUP,
	KEY_STREAM,
	KEY_CONFIG,
	KEY_PORT,
	KEY_PRINT_CONFIG,
	KEY_RX_ONLY,
	KEY_NO_RX,
	KEY_MODE,
	KEY_LINGER,
	KEY_QUEUE_SIZE,
	KEY_QUEUES,
	KEY_CPUS,
	KEY_INTERVAL,
	KEY_JSON,
	KEY_CSV,
	KEY_CSV_FLOWS,
	KEY_CSV_STREAMS,
	KEY_HTML,
	KEY_HDR,
	KEY_JUNIT,
	KEY_MAX_LOSS,
	KEY_MAX_LATENCY,
};

static const struct argp_option pktgen_option_list[] = {
	{ NULL, 0, NULL, 0, "Of a file:", 4 },
	{ "config", KEY_CONFIG, "FILE", 0,
	  "What to send, as a configuration of the Open Traffic Generator (YAML or JSON; -: "
	  "standard input)",
	  4 },
	{ "port", KEY_PORT, "NAME=DEVICE", 0,
	  "The device of this port of the configuration; DEVICEs are its ports in order", 4 },
	{ "print-config", KEY_PRINT_CONFIG, "FORMAT", OPTION_ARG_OPTIONAL,
	  "Print the configuration that all this stands for (yaml, json), and end", 4 },

	{ NULL, 0, NULL, 0, "Receiving:", 5 },
	{ "rx-only", KEY_RX_ONLY, NULL, 0, "Send nothing; --count then counts what "
					   "arrives, or what arrives of --stream",
	  5 },
	{ "no-rx", KEY_NO_RX, NULL, 0, "Do not look at what comes back", 5 },
	{ "stream", KEY_STREAM, "ID", 0,
	  "Stream id, 0 to 255. Default: from the seed; with --rx-only the first that "
	  "arrives",
	  5 },
	{ "warmup", KEY_WARMUP, "N", 0, "Of each flow, do not count the first N frames", 5 },
	{ "mode", KEY_MODE, "MODE", 0,
	  "poll: never sleep; interrupt: sleep until there is something to do; spin "
	  "(default): poll 50 us, then sleep",
	  5 },
	{ "linger", KEY_LINGER, "TIME", 0,
	  "At the end, wait for frames on their way until none has come for TIME (1, or "
	  "twice what they took so far)",
	  5 },

	{ NULL, 0, NULL, 0, "Other:", 6 },
	{ "burst", KEY_BURST, "N", 0, "Hand over up to N frames at once (32)", 6 },
	{ "queue-size", KEY_QUEUE_SIZE, "N", 0,
	  "Entries of each queue (256; a power of two)", 6 },
	{ "queues", KEY_QUEUES, "N", 0,
	  "Use N queue pairs (1), each with a thread and, where nothing else varies, a source port "
	  "of its own; rate and count are for all together",
	  6 },
	{ "cpus", KEY_CPUS, "LIST", 0, "Pin the threads to these CPUs (0,2-5)", 6 },
	{ "interval", KEY_INTERVAL, "TIME", 0, "Between live lines (1); 0: none", 6 },
	{ "json", KEY_JSON, NULL, 0, "One JSON object on stdout at the end", 6 },
	{ "csv", KEY_CSV, "FILE", 0, "Write what moved in each interval to FILE", 6 },
	{ "csv-flows", KEY_CSV_FLOWS, "FILE", 0, "Write a line for each flow to FILE", 6 },
	{ "csv-streams", KEY_CSV_STREAMS, "FILE", 0, "Write a line for each stream of each flow to FILE", 6 },
	{ "html", KEY_HTML, "FILE", 0, "Write a page of results to FILE", 6 },
	{ "hdr", KEY_HDR, "FILE", 0, "Write percentiles of the latency to FILE (HdrHistogram)", 6 },
	{ "junit", KEY_JUNIT, "FILE", 0, "Write JUnit's XML to FILE: a test for each flow and limit", 6 },

	{ NULL, 0, NULL, 0, "Limits of each flow (exit status 6 if one is not kept):", 7 },
	{ "max-loss", KEY_MAX_LOSS, "RATIO", 0, "The most that may be lost: 0, 0.5%", 7 },
	{ "max-latency", KEY_MAX_LATENCY, "[PERCENT:]TIME", 0,
	  "The most for 99% (or PERCENT) of what comes back: 99.9%:100us", 7 },
	{ 0 },
};

/* The keys of long options lie in a row. */
static void options_note_given(struct pktgen_options *options, int key)
{
	if (key >= KEY_BURST)
		options->given |= 1ULL << (key - KEY_BURST);
}

static bool options_was_given(const struct pktgen_options *options, int key)
{
	return options->given >> (key - KEY_BURST) & 1;
}

/* What to run. Returns ARGP_ERR_UNKNOWN for keys of other groups. */
static error_t options_parse_run(int key, char *argument, struct pktgen_options *options)
{
	switch (key) {
	case KEY_BURST:
		options->burst = (uint32_t)need_whole("--burst", argument, 1,
						      ENGINE_BURST_MAX);
		break;
	case KEY_WARMUP:
		options->warmup = need_count("--warmup", argument, 1, INT64_MAX);
		break;
	case KEY_STREAM:
		options->stream = (int)need_whole("--stream", argument, 0, 255);
		break;
	case KEY_CONFIG:
		options->config.file = argument;
		break;
	case KEY_PORT:
		config_add_port(&options->config, argument);
		break;
	case KEY_PRINT_CONFIG:
		config_set_format(&options->config, argument);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Where results go, and what they are held against. */
static error_t options_parse_results(int key, char *argument, struct pktgen_options *options)
{
	switch (key) {
	case KEY_JSON:
		options->json = true;
		break;
	case KEY_CSV:
		options->csv = argument;
		break;
	case KEY_CSV_FLOWS:
		options->csv_flows = argument;
		break;
	case KEY_CSV_STREAMS:
		options->csv_streams = argument;
		break;
	case KEY_HTML:
		options->html = argument;
		break;
	case KEY_HDR:
		options->hdr = argument;
		break;
	case KEY_JUNIT:
		options->junit = argument;
		break;
	case KEY_MAX_LOSS:
		options->max_loss = limit_need_ratio("--max-loss", argument, 0, 1);
		break;
	case KEY_MAX_LATENCY:
		limit_need_latency("--max-latency", argument, &options->latency_per_mille,
				   &options->max_latency_ns);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
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
		options->queues = (uint32_t)need_whole("--queues", argument, 1,
						       VIONET_QUEUE_PAIRS_MAX);
		break;
	case KEY_CPUS:
		bad = parse_cpus("--cpus", argument, &options->cpus, &error);
		break;
	case KEY_INTERVAL:
		bad = parse_duration("--interval", argument, 1, &options->interval_ns,
				     &error);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

/* Options that change nothing beside another one. */
static void options_refuse_idle(const struct pktgen_options *options)
{
	const struct load_options *load = &options->load.load;
	const char *of_sending = load_first_given(&options->load, false);

	if (options->rx_only && options->no_rx)
		refuse_usage("--rx-only and --no-rx together leave nothing to do");
	if (options_was_given(options, KEY_LINGER))
		of_sending = "linger";
	if (options_was_given(options, KEY_BURST))
		of_sending = "burst";
	if (options_was_given(options, KEY_WARMUP))
		of_sending = "warmup";
	if (options->rx_only && of_sending != NULL)
		refuse_usage("--%s has no effect with --rx-only: nothing is "
			     "sent; leave one of them out",
			     of_sending);
	if (options->no_rx && options_was_given(options, KEY_LINGER))
		refuse_usage("--linger has no effect with --no-rx: nothing is waited "
			     "for; leave one of them out");
	if (options->no_rx && (options->max_loss >= 0 || options->latency_per_mille != 0))
		refuse_usage("--%s has no effect with --no-rx: nothing is known of what comes back; leave "
			     "one of them out",
			     options->max_loss >= 0 ? "max-loss" : "max-latency");
	if (options->rx_only && options->latency_per_mille != 0)
		refuse_usage("--max-latency has no effect with --rx-only: the latency is not "
			     "measured; leave one of them out");
	if ((options->rx_only || options->no_rx) && options->hdr != NULL)
		refuse_usage("--hdr has no effect with --%s: the latency is not measured; leave one of them out",
			     options->rx_only ? "rx-only" : "no-rx");
	if (load_seed_was_given(&options->load) && options_was_given(options, KEY_STREAM) &&
	    !load_has_chance(load))
		refuse_usage("--seed has no effect with --stream and one --size: nothing "
			     "is left to chance; leave one of them out");
}

/* A number of frames that the queues cannot share. */
static void options_refuse_counts(const struct pktgen_options *options)
{
	uint64_t count = options->load.load.duration.frames;

	if (count == 0 || options->config.file != NULL)
		return;
	if (options->queues > 1 && options->rx_only)
		refuse_usage("--rx-only with --count needs a single queue; with "
			     "--queues give --duration");
	if (count < options->queues)
		refuse_usage("--count: fewer frames than queue pairs");
}

/* What is sent comes from a capture, or goes to a gateway. */
static void options_take_hooks(struct pktgen_options *options)
{
	const char *of_frames = load_first_of_frames(&options->load);
	struct load_options *load = &options->load.load;
	bool replay = options->hooks.replay.file != NULL;
	bool template = options->hooks.replay.template_file != NULL;

	if ((replay || template) && options->rx_only)
		refuse_usage("--%s has no effect with --rx-only: nothing is sent; leave one of them out",
			     replay ? "replay" : "template");
	if ((replay || template) && options->config.file != NULL)
		refuse_usage("--%s and --config: give one of them", replay ? "replay" : "template");
	if (replay && of_frames != NULL)
		refuse_usage("--%s has no effect with --replay: the file has the frames; leave one of them out",
			     of_frames);
	of_frames = load_first_of_headers(&options->load);
	if (template && of_frames != NULL)
		refuse_usage("--%s has no effect with --template: the file has the headers; leave one of them out",
			     of_frames);
	if (replay && options->hooks.replay.speed_given && load_rate_was_given(&options->load))
		refuse_usage("--replay-speed and --rate: give one of them");
	if (hooks_template(&options->hooks, &options->frame, &load->frame_size) != CODE_OK)
		exit(CODE_USAGE);
	load->frame = options->frame;
	load->replay = replay;
	if (!options->hooks.respond.have_gateway || load_destination_mac_was_given(&options->load))
		return;
	if (load->bidirectional)
		refuse_usage("--gateway and --bidirectional: the gateway is sought at the first "
			     "device only, and what the second "
			     "one sends would go nowhere; add --dst-mac, or send one way");
	load->dst_mac.pattern = TRAFFIC_UNSET;
}

/* Clients bring what is sent and where. */
static bool options_serves(const struct pktgen_options *options)
{
	return options->front.listen != NULL && options->config.file == NULL &&
	       options->config.devices == 0 && !options->config.print;
}

/* Of a run that the command line describes. */
static void options_refuse_of_runs(const struct pktgen_options *options)
{
	const struct hooks *hooks = &options->hooks;
	const char *option = options->rx_only ? "rx-only" : load_first_given(&options->load, true);

	if (hooks->replay.file != NULL)
		option = "replay";
	else if (hooks->replay.template_file != NULL)
		option = "template";
	else if (hooks->capture.path != NULL)
		option = "capture";
	else if (hooks->respond.respond)
		option = "respond";
	else if (hooks->respond.have_gateway)
		option = "gateway";
	if (option != NULL)
		refuse_usage("--%s has no effect with --listen and no device: clients say what is sent; "
			     "leave one of them out, or name a device",
			     option);
}

/* The flow that options describe is that of the capture. */
static void options_give_replay(struct pktgen_options *options)
{
	bool at_once = load_rate_was_given(&options->load) && options->load.load.rate.kind == RATE_MAX;

	if (options->hooks.replay.file != NULL &&
	    !replay_give(&options->hooks.replay, at_once, &options->traffic.flow[0].replay))
		refuse_usage("out of memory");
}

/* The configuration, and where it begins to be random. */
static void options_make_traffic(struct pktgen_options *options)
{
	struct load_options *load = &options->load.load;

	load->queues = options->queues;
	load->rx_only = options->rx_only;
	load->no_rx = options->no_rx;
	options_take_hooks(options);
	options->have_seed = load_seed_was_given(&options->load);
	options->seed = options->have_seed ? load->seed : now_ns();
	if (!options->have_seed && !options->config.print && load_has_chance(load))
		load->seed = options->seed;
	if (options_serves(options)) {
		options_refuse_of_runs(options);
		return;
	}
	config_make(&options->config, &options->load, &options->traffic);
	options_give_replay(options);
	if (options->rx_only)
		traffic_drop_flows(&options->traffic);
	if (options->traffic.flows == 0 && !options->rx_only && !options->config.print &&
	    options->front.listen == NULL)
		refuse_usage("--config %.80s: it has no flows, and nothing would be sent; add some, or let "
			     "clients: --listen",
			     options->config.file != NULL ? options->config.file : "");
	if (options->traffic.ports > 0)
		options->device.name = options->traffic.port[0].location;
}

/* What only the whole command line shows. */
static void options_check_together(struct pktgen_options *options)
{
	options->queues = choose_queues(&options->device, options->queues);
	options_refuse_idle(options);
	options->have_linger = options_was_given(options, KEY_LINGER);
	cpus_check(&options->cpus, options->queues);
	options_refuse_counts(options);
	if (options->device.sandbox && options->front.listen != NULL)
		refuse_usage("--listen: clients have devices opened, which --sandbox forbids; leave one "
			     "of them out");
	if (options->device.sandbox && options->front.view)
		refuse_usage("--view: it sets the terminal's modes, which --sandbox forbids; leave one "
			     "of them out");
	options_make_traffic(options);
}

static error_t options_parse(int key, char *argument, struct argp_state *state)
{
	struct pktgen_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->device;
		state->child_inputs[1] = &options->device;
		state->child_inputs[2] = &options->device;
		state->child_inputs[3] = &options->load;
		state->child_inputs[4] = &options->hooks;
		state->child_inputs[5] = &options->front;
		return 0;
	case ARGP_KEY_ARG:
		config_add_devices(&options->config, argument);
		return 0;
	case ARGP_KEY_END:
		options_check_together(options);
		return 0;
	default:
		if (options_parse_run(key, argument, options) != 0 &&
		    options_parse_results(key, argument, options) != 0 &&
		    options_parse_rest(key, argument, options) != 0)
			return ARGP_ERR_UNKNOWN;
		options_note_given(options, key);
		return 0;
	}
}

static const struct argp pktgen_argp = {
	.options = pktgen_option_list,
	.parser = options_parse,
	.args_doc = "DEVICE[,DEVICE2]",
	.doc = "Send frames with sequence numbers and times, count what comes "
	       "back and measure how long it took.\vWithout --count and --duration it "
	       "runs until Ctrl-C. The layout of the frames is in vionet-pktgen(1).",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 },
						 { &setting_argp, 0, NULL, 0 },
						 { &sandbox_argp, 0, NULL, 0 },
						 { &load_argp, 0, NULL, 0 },
						 { &hooks_argp, 0, NULL, 0 },
						 { &front_argp, 0, NULL, 0 },
						 { 0 } },
};

void pktgen_parse(int argc, char **argv, struct pktgen_options *options)
{
	*options = (struct pktgen_options){
		.interval_ns = 1000000000,
		.linger_ns = ENGINE_LINGER_NS,
		.burst = 32,
		.load = { .load = load_defaults },
		.config = { .command = "pktgen" },
		.stream = PKTGEN_ANY_STREAM,
		.mode = WAIT_SPIN,
		.max_loss = -1,
	};
	parse_arguments(&pktgen_argp, "pktgen", argc, argv, options);
	if (options->config.print)
		exit(config_print(&options->config, &options->traffic));
}
