/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/test/options.h"

#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/report/limit.h"
#include "tools/shared/cpus.h"
#include "tools/test/flows.h"

/* A row's bits: which methods an option is for. */
#define OF(method) (1u << TEST_##method)
#define OF_ALL 0xffu
#define OF_SEARCH (OF(THROUGHPUT) | OF(LATENCY) | OF(BACK_TO_BACK) | OF(NDR))

#define S 1000000000ull

enum {
	KEY_SIZES = 0x100,
	KEY_RATE,
	KEY_DIRECTION,
	KEY_CONFIG,
	KEY_PORT,
	KEY_TRIAL,
	KEY_INITIAL,
	KEY_SUM,
	KEY_EXCEED,
	KEY_WIDTH,
	KEY_LOSS_RATIOS,
	KEY_MAX_RATE,
	KEY_MIN_RATE,
	KEY_REPEAT,
	KEY_STEP,
	KEY_LONGEST,
	KEY_PAUSE,
	KEY_LINGER,
	KEY_MIN_THROUGHPUT,
	KEY_MAX_LOSS,
	KEY_MAX_LATENCY,
	KEY_MIN_FRAMES,
	KEY_QUEUES,
	KEY_QUEUE_SIZE,
	KEY_CPUS,
	KEY_MODE,
	KEY_JSON,
	KEY_CSV,
	KEY_HTML,
	KEY_HDR,
	KEY_JUNIT,
};

static const struct argp_option test_option_list[] = {
	{ NULL, 0, NULL, 0, "What to send:", 1 },
	{ "sizes", KEY_SIZES, "LIST", 0,
	  "Frames with FCS: 64,512; imix (7 of 64, 4 of 594, 1 of 1518 bytes); or standard (64, 128, "
	  "256, 512, 1024, 1280, 1518, as far as the MTU goes; the default, but for ndr and soak: 64)",
	  1 },
	{ "rate", KEY_RATE, "RATE", 0,
	  "Load of each direction: 10kpps, 100Mbit, 50%. latency: instead of the throughput; loss: "
	  "the first one; soak: needed",
	  1 },
	{ "direction", KEY_DIRECTION, "WORD", 0,
	  "Two devices: both (default), or one: from the first to the second", 1 },
	{ "config", KEY_CONFIG, "FILE", 0,
	  "The flow of each direction, as a configuration of the Open Traffic Generator (YAML or "
	  "JSON); sizes, rates and times are those of the trials",
	  1 },
	{ "port", KEY_PORT, "NAME=DEVICE", 0,
	  "The device of this port of the configuration; DEVICEs are its ports in order", 1 },

	{ NULL, 0, NULL, 0, "How to measure:", 4 },
	{ "trial", KEY_TRIAL, "TIME", 0,
	  "Length of a trial that counts: throughput, loss 60, latency 120, ndr 1; soak: of all "
	  "(1h)",
	  4 },
	{ "initial", KEY_INITIAL, "TIME", 0, "Length of the first trials of a search (1)", 4 },
	{ "sum", KEY_SUM, "TIME", 0, "ndr: how long a rate is tried in all (5)", 4 },
	{ "exceed", KEY_EXCEED, "RATIO", 0,
	  "ndr: share of that time that may have more loss (50%)", 4 },
	{ "width", KEY_WIDTH, "RATIO", 0, "How exact a rate is searched (0.5%)", 4 },
	{ "loss-ratios", KEY_LOSS_RATIOS, "LIST", 0,
	  "ndr: the loss that each goal allows, rising (0,0.5%: NDR and PDR)", 4 },
	{ "max-rate", KEY_MAX_RATE, "RATE", 0,
	  "No trial above (default: the link's, or what can be sent)", 4 },
	{ "min-rate", KEY_MIN_RATE, "RATE", 0, "Nor below (a thousandth of that)", 4 },
	{ "repeat", KEY_REPEAT, "N", 0, "latency: trials (20); back-to-back: searches (50)", 4 },
	{ "step", KEY_STEP, "RATIO", 0, "loss: from one rate to the next (10%)", 4 },
	{ "longest", KEY_LONGEST, "TIME", 0, "back-to-back: longest burst (2)", 4 },
	{ "pause", KEY_PAUSE, "TIME", 0, "Between two trials (100ms)", 4 },
	{ "linger", KEY_LINGER, "TIME", 0,
	  "A trial ends when no frame has come for TIME (200ms)", 4 },

	{ NULL, 0, NULL, 0, "Limits (exit status 6 if one is not kept):", 5 },
	{ "min-throughput", KEY_MIN_THROUGHPUT, "RATE", 0,
	  "throughput, ndr: the least for each size and goal; soak: what has to come back", 5 },
	{ "max-loss", KEY_MAX_LOSS, "RATIO", 0, "soak: the most (0); latency, loss: in any trial", 5 },
	{ "max-latency", KEY_MAX_LATENCY, "[PERCENT:]TIME", 0,
	  "latency, soak: the most for 99% (or PERCENT) of all frames: 99.9%:100us", 5 },
	{ "min-frames", KEY_MIN_FRAMES, "N", 0, "back-to-back: the shortest average", 5 },

	{ NULL, 0, NULL, 0, "Output:", 6 },
	{ "json", KEY_JSON, NULL, 0, "One JSON object on stdout at the end", 6 },
	{ "csv", KEY_CSV, "FILE", 0, "Write a line for each trial", 6 },
	{ "html", KEY_HTML, "FILE", 0, "Write a page with all results, which needs no other", 6 },
	{ "hdr", KEY_HDR, "FILE", 0,
	  "latency, soak: write the latency as percentiles of HdrHistogram", 6 },
	{ "junit", KEY_JUNIT, "FILE", 0, "Write JUnit's XML: a test for each size and goal", 6 },

	{ NULL, 0, NULL, 0, "Other:", 7 },
	{ "queues", KEY_QUEUES, "N", 0, "Queue pairs of each device, a thread each (1)", 7 },
	{ "queue-size", KEY_QUEUE_SIZE, "N", 0, "Entries of each queue (256; a power of two)", 7 },
	{ "cpus", KEY_CPUS, "LIST", 0, "Pin the threads to these CPUs (0,2-5)", 7 },
	{ "mode", KEY_MODE, "MODE", 0, "poll, interrupt or spin (default), as of pktgen", 7 },
	{ 0 },
};

/* Options that not every method has. */
static const struct {
	int key;
	unsigned int methods;
} test_option_use[] = {
	{ KEY_RATE, OF(LATENCY) | OF(LOSS) | OF(SOAK) },
	{ KEY_INITIAL, OF_SEARCH },
	{ KEY_SUM, OF(NDR) },
	{ KEY_EXCEED, OF(NDR) },
	{ KEY_WIDTH, OF_SEARCH },
	{ KEY_LOSS_RATIOS, OF(NDR) },
	{ KEY_MAX_RATE, OF_SEARCH | OF(LOSS) },
	{ KEY_MIN_RATE, OF_SEARCH },
	{ KEY_REPEAT, OF(LATENCY) | OF(BACK_TO_BACK) },
	{ KEY_STEP, OF(LOSS) },
	{ KEY_LONGEST, OF(BACK_TO_BACK) },
	{ KEY_PAUSE, OF_ALL & ~OF(SOAK) },
	{ KEY_MIN_THROUGHPUT, OF(THROUGHPUT) | OF(NDR) | OF(SOAK) },
	{ KEY_MAX_LOSS, OF(SOAK) | OF(LATENCY) | OF(LOSS) },
	{ KEY_MAX_LATENCY, OF(SOAK) | OF(LATENCY) },
	{ KEY_MIN_FRAMES, OF(BACK_TO_BACK) },
	{ KEY_HDR, OF(SOAK) | OF(LATENCY) },
};

const char *const test_method_words[] = {
	[TEST_THROUGHPUT] = "throughput",
	[TEST_LATENCY] = "latency",
	[TEST_LOSS] = "loss",
	[TEST_BACK_TO_BACK] = "back-to-back",
	[TEST_NDR] = "ndr",
	[TEST_SOAK] = "soak",
	NULL,
};

static bool arguments_given(const struct test_options *options, int key)
{
	return options->given >> (key - KEY_SIZES) & 1;
}

static const char *arguments_name(int key)
{
	const struct argp_option *option = test_option_list;

	while (option->key != key)
		option++;
	return option->name;
}

/* ---- Values ---- */

/* The next word of a list, in `word`. */
static const char *arguments_next(const char *list, char word[32])
{
	size_t length = strcspn(list, ",");

	snprintf(word, 32, "%.*s", length < 31 ? (int)length : 31, list);
	return list[length] == ',' ? list + length + 1 : NULL;
}

static void arguments_sizes(struct test_options *options, const char *text)
{
	static const uint32_t standard[] = { 64, 128, 256, 512, 1024, 1280, 1518 };
	struct parse_error error;
	char word[32];

	options->sizes = 0;
	options->standard_sizes = strcmp(text, "standard") == 0;
	if (options->standard_sizes) {
		memcpy(options->size, standard, sizeof(standard));
		options->sizes = sizeof(standard) / sizeof(standard[0]);
		return;
	}
	while (text != NULL) {
		uint64_t size;

		if (options->sizes == TEST_SIZES_MAX)
			refuse_usage("--sizes: %d sizes at most", TEST_SIZES_MAX);
		text = arguments_next(text, word);
		if (strcmp(word, "imix") == 0)
			size = TEST_IMIX;
		else
			need_parsed(parse_whole("--sizes", word, 64, 65535, &size, &error), &error);
		options->size[options->sizes++] = (uint32_t)size;
	}
}

static void arguments_loss_ratios(struct test_options *options, const char *text)
{
	char word[32];

	options->loss_ratios = 0;
	while (text != NULL) {
		size_t i = options->loss_ratios;

		if (i == MLR_GOALS_MAX)
			refuse_usage("--loss-ratios: %d goals at most", MLR_GOALS_MAX);
		text = arguments_next(text, word);
		options->loss_ratio[i] = limit_need_ratio("--loss-ratios", word, 0, 1);
		if (i > 0 && options->loss_ratio[i] <= options->loss_ratio[i - 1])
			refuse_usage("--loss-ratios: each is to be larger than the one before");
		options->loss_ratios++;
	}
}

static void arguments_rate(const char *option, const char *text, struct rate *rate)
{
	struct parse_error error;

	need_parsed(parse_rate(option, text, rate, &error), &error);
	if (rate->kind == RATE_MAX)
		refuse_usage("%s: a rate is wanted, such as 10kpps, 100Mbit or 50%%", option);
}

static uint64_t arguments_time(const char *option, const char *text, int zero)
{
	struct parse_error error;
	uint64_t time = 0;

	need_parsed(parse_duration(option, text, zero, &time, &error), &error);
	return time;
}

/* ---- Groups of options ---- */

static error_t arguments_parse_load(int key, const char *argument, struct test_options *options)
{
	static const char *const directions[] = { "both", "one", NULL };
	struct parse_error error;
	int choice = 0;

	switch (key) {
	case KEY_SIZES:
		arguments_sizes(options, argument);
		return 0;
	case KEY_RATE:
		arguments_rate("--rate", argument, &options->rate);
		return 0;
	case KEY_MAX_RATE:
		arguments_rate("--max-rate", argument, &options->max_rate);
		return 0;
	case KEY_MIN_RATE:
		arguments_rate("--min-rate", argument, &options->min_rate);
		return 0;
	case KEY_DIRECTION:
		need_parsed(parse_word("--direction", argument, directions, &choice, &error),
			    &error);
		options->one_direction = choice == 1;
		return 0;
	case KEY_CONFIG:
		options->config.file = argument;
		return 0;
	case KEY_PORT:
		config_add_port(&options->config, argument);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t arguments_parse_method(int key, const char *argument, struct test_options *options)
{
	switch (key) {
	case KEY_TRIAL:
		options->trial_ns = arguments_time("--trial", argument, 0);
		return 0;
	case KEY_INITIAL:
		options->initial_ns = arguments_time("--initial", argument, 0);
		return 0;
	case KEY_SUM:
		options->sum_ns = arguments_time("--sum", argument, 0);
		return 0;
	case KEY_EXCEED:
		options->exceed_ratio = limit_need_ratio("--exceed", argument, 0, 1);
		return 0;
	case KEY_WIDTH:
		options->width = limit_need_ratio("--width", argument, 0.00001, 0.5);
		return 0;
	case KEY_LOSS_RATIOS:
		arguments_loss_ratios(options, argument);
		return 0;
	case KEY_REPEAT:
		options->repeats = (unsigned int)need_count("--repeat", argument, 1, 10000);
		return 0;
	case KEY_STEP:
		options->step = limit_need_ratio("--step", argument, 0.001, 1);
		return 0;
	case KEY_LONGEST:
		options->longest_ns = arguments_time("--longest", argument, 0);
		return 0;
	case KEY_PAUSE:
		options->pause_ns = arguments_time("--pause", argument, 1);
		return 0;
	case KEY_LINGER:
		options->linger_ns = arguments_time("--linger", argument, 0);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t arguments_parse_limit(int key, const char *argument, struct test_options *options)
{
	switch (key) {
	case KEY_MIN_THROUGHPUT:
		arguments_rate("--min-throughput", argument, &options->min_throughput);
		return 0;
	case KEY_MAX_LOSS:
		options->max_loss = limit_need_ratio("--max-loss", argument, 0, 1);
		return 0;
	case KEY_MAX_LATENCY:
		limit_need_latency("--max-latency", argument, &options->latency_per_mille,
				   &options->max_latency_ns);
		return 0;
	case KEY_MIN_FRAMES:
		options->min_frames = need_count("--min-frames", argument, 1, UINT32_MAX);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t arguments_parse_rest(int key, char *argument, struct test_options *options)
{
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case KEY_QUEUES:
		options->queues =
			(uint32_t)need_count("--queues", argument, 1, VIONET_QUEUE_PAIRS_MAX);
		break;
	case KEY_QUEUE_SIZE:
		bad = parse_power_of_two("--queue-size", argument, 4, 32768, &options->queue_size,
					 &error);
		break;
	case KEY_CPUS:
		bad = parse_cpus("--cpus", argument, &options->cpus, &error);
		break;
	case KEY_MODE:
		bad = parse_word("--mode", argument, wait_mode_words, &options->mode, &error);
		break;
	case KEY_JSON:
		options->json = true;
		break;
	case KEY_CSV:
		options->csv = argument;
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
	default:
		return ARGP_ERR_UNKNOWN;
	}
	need_parsed(bad, &error);
	return 0;
}

/* ---- All together ---- */

/* METHOD, then DEVICE or DEVICE,DEVICE2. */
static void arguments_argument(struct test_options *options, char *argument, unsigned int number)
{
	struct parse_error error;
	int method = 0;

	if (number == 0) {
		if (strcmp(argument, "mlrsearch") == 0)
			argument = "ndr";
		need_parsed(parse_word("test", argument, test_method_words, &method, &error),
			    &error);
		options->method = (enum test_method)method;
		return;
	}
	config_add_devices(&options->config, argument);
}

static void arguments_refuse_idle(const struct test_options *options)
{
	for (size_t i = 0; i < sizeof(test_option_use) / sizeof(test_option_use[0]); i++)
		if (arguments_given(options, test_option_use[i].key) &&
		    (test_option_use[i].methods >> options->method & 1) == 0)
			refuse_usage("--%s has no effect with %s; leave it out",
				     arguments_name(test_option_use[i].key),
				     test_method_words[options->method]);
	if (options->method == TEST_SOAK && options->rate.kind == RATE_MAX)
		refuse_usage("soak: --rate is missing: the load that is to be carried");
	if (options->method == TEST_SOAK && options->sizes != 1)
		refuse_usage("soak: one size; --sizes has %u", options->sizes);
}

static void arguments_fill(struct test_options *options)
{
	static const uint64_t trial[] = {
		[TEST_THROUGHPUT] = 60 * S,
		[TEST_LATENCY] = 120 * S,
		[TEST_LOSS] = 60 * S,
		[TEST_BACK_TO_BACK] = 60 * S,
		[TEST_NDR] = S,
		[TEST_SOAK] = 3600 * S,
	};
	bool one = options->method == TEST_NDR || options->method == TEST_SOAK;

	if (options->sizes == 0)
		arguments_sizes(options, one ? "64" : "standard");
	if (options->trial_ns == 0)
		options->trial_ns = trial[options->method];
	if (options->repeats == 0)
		options->repeats = options->method == TEST_LATENCY ? 20 : 50;
	if (options->method == TEST_SOAK && !arguments_given(options, KEY_MAX_LOSS))
		options->max_loss = 0;
	if (options->initial_ns > options->trial_ns)
		options->initial_ns = options->trial_ns;
	if (options->sum_ns < options->trial_ns)
		options->sum_ns = options->trial_ns;
	cpus_check(&options->cpus, options->queues * options->names);
}

static void arguments_check(struct test_options *options, unsigned int arguments)
{
	if (arguments == 0)
		refuse_usage("test: what is to be measured? throughput, latency, loss, "
			     "back-to-back, ndr or soak");
	options->queues = choose_queues(&options->device, options->queues);
	flows_make(options, arguments_given(options, KEY_DIRECTION));
	if (options->device.fds_count > options->names)
		refuse_usage("--fds is given %u times for %u device%s", options->device.fds_count,
			     options->names, plural(options->names));
	arguments_fill(options);
	arguments_refuse_idle(options);
	flows_check_sizes(options, arguments_given(options, KEY_SIZES));
}

static error_t arguments_parse(int key, char *argument, struct argp_state *state)
{
	struct test_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->device;
		state->child_inputs[1] = &options->device;
		state->child_inputs[2] = &options->load;
		return 0;
	case ARGP_KEY_ARG:
		arguments_argument(options, argument, state->arg_num);
		return 0;
	case ARGP_KEY_END:
		arguments_check(options, state->arg_num);
		return 0;
	default:
		if (arguments_parse_load(key, argument, options) != 0 &&
		    arguments_parse_method(key, argument, options) != 0 &&
		    arguments_parse_limit(key, argument, options) != 0 &&
		    arguments_parse_rest(key, argument, options) != 0)
			return ARGP_ERR_UNKNOWN;
		if (key >= KEY_SIZES)
			options->given |= 1ULL << (key - KEY_SIZES);
		return 0;
	}
}

static const struct argp test_argp = {
	.options = test_option_list,
	.parser = arguments_parse,
	.args_doc = "throughput|latency|loss|back-to-back|ndr|soak DEVICE[,DEVICE2]",
	.doc = "Measure what a path can do: from a device back to itself (a loop), or between two "
	       "devices.\vthroughput, latency, loss and back-to-back are those of RFC 2544 and RFC "
	       "9004, ndr is MLRsearch. vionet-test(1) has what they do.",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 },
						 { &setting_argp, 0, NULL, 0 },
						 { &flow_argp, 0, NULL, 0 },
						 { 0 } },
};

void test_parse(int argc, char **argv, struct test_options *options)
{
	*options = (struct test_options){
		.device = { .fds_max = 2 },
		.initial_ns = S,
		.sum_ns = 5 * S,
		.pause_ns = S / 10,
		.linger_ns = S / 5,
		.longest_ns = 2 * S,
		.exceed_ratio = 0.5,
		.width = 0.005,
		.step = 0.1,
		.loss_ratio = { 0, 0.005 },
		.loss_ratios = 2,
		.max_loss = -1,
		.mode = WAIT_SPIN,
		.load = { .load = load_defaults },
		.config = { .command = "test" },
	};
	parse_arguments(&test_argp, "test", argc, argv, options);
}
