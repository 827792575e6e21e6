/* SPDX-License-Identifier: BSD-3-Clause */
/* The command `vionet test`: for each size of frames what the method wants. */
#include "tools/shared/common.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/shared/report_file.h"
#include "tools/test/device_path.h"
#include "tools/test/flows.h"
#include "tools/test/limits.h"
#include "tools/test/results.h"

/* How long the sender is tried out. */
#define COMMAND_TRY_NS 300000000ull
/* The least rate of a search, as a share of the largest. */
#define COMMAND_LEAST 0.001
/* And what a trial has to have at least, so that a loss ratio means something. */
#define COMMAND_FRAMES 10
/* A burst that takes so many times longer than the longest at the largest rate is none. */
#define COMMAND_BURST 10

struct command {
	struct test_options *options;
	struct device_path device;
	struct test_results *results;
};

static uint32_t command_bytes(const struct test_size *size)
{
	return size->size - TEST_FCS;
}

/* ---- Rates ---- */

/* In frames a second. */
static int command_rate(struct command *command, const struct test_size *size,
			const char *option, const struct rate *rate, double *load)
{
	double value = (double)rate->milli / 1000;

	*load = value;
	if (rate->kind == RATE_BPS)
		*load = value / (8.0 * (command_bytes(size) + WIRE_BYTES));
	if (rate->kind == RATE_PERCENT)
		*load = size->line * value / 100;
	if (rate->kind != RATE_PERCENT || size->line > 0)
		return CODE_OK;
	say("%s: %s does not state the speed of its link, so per cent of it mean nothing; give "
	    "10kpps or 100Mbit instead",
	    option, command->options->name[0]);
	return CODE_USAGE;
}

/* What this machine, and the path, can send at most: no trial asks for more. */
static int command_try_sender(struct command *command, const struct test_size *size, double *load)
{
	const struct trial_input input = { .duration_ns = COMMAND_TRY_NS,
					   .size = command_bytes(size) };
	struct trial_output output = { 0 };
	struct trial_path *path = &command->device.path;
	int code = path->run(path, &input, NULL, NULL, &output);

	*load = output.offered;
	if (code != CODE_OK || output.offered > 0)
		return code;
	say("%s: no frame could be sent", command->options->name[0]);
	return CODE_FAILED;
}

static int command_bounds(struct command *command, struct test_size *size)
{
	const struct test_options *options = command->options;
	double least = COMMAND_FRAMES / ((double)options->initial_ns / 1e9);
	int code = CODE_OK;

	if (options->max_rate.kind != RATE_MAX)
		code = command_rate(command, size, "--max-rate", &options->max_rate, &size->max_load);
	else
		code = command_try_sender(command, size, &size->max_load);
	if (size->line > 0 && options->max_rate.kind == RATE_MAX)
		size->max_load = fmin(size->max_load, size->line);
	if (code != CODE_OK)
		return code;
	size->min_load = fmin(fmax(size->max_load * COMMAND_LEAST, least), size->max_load);
	if (options->min_rate.kind != RATE_MAX)
		code = command_rate(command, size, "--min-rate", &options->min_rate, &size->min_load);
	if (code != CODE_OK || size->min_load <= size->max_load)
		return code;
	say("--min-rate: %.0f frames a second are above the largest rate, %.0f", size->min_load,
	    size->max_load);
	return CODE_USAGE;
}

/* ---- Methods ---- */

static double command_seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static int command_search(struct command *command, struct test_size *size)
{
	const struct mlr_input input = {
		.goal = size->goal,
		.goals = size->goals,
		.min_load = size->min_load,
		.max_load = size->max_load,
		.size = command_bytes(size),
	};

	return mlr_search(&input, &command->device.path, &command->results->log, size->result);
}

/* `seconds`: of a trial that counts. */
static int command_throughput(struct command *command, struct test_size *size, double seconds)
{
	const struct test_options *options = command->options;
	double initial = fmin(command_seconds(options->initial_ns), seconds);

	size->goals = 1;
	size->goal[0] = rfc2544_throughput(seconds, initial, options->width);
	return command_search(command, size);
}

/* Of a goal by its number: all sizes have the same ones. */
static const char *command_goal_name(size_t number, double loss_ratio)
{
	static char names[MLR_GOALS_MAX][24];

	if (loss_ratio == 0)
		return "NDR";
	if (loss_ratio == 0.005)
		return "PDR";
	snprintf(names[number], sizeof(names[number]), "loss %g%%", 100 * loss_ratio);
	return names[number];
}

static int command_ndr(struct command *command, struct test_size *size)
{
	const struct test_options *options = command->options;

	size->goals = options->loss_ratios;
	for (size_t i = 0; i < size->goals; i++)
		size->goal[i] = (struct mlr_goal){
			.name = command_goal_name(i, options->loss_ratio[i]),
			.final_s = command_seconds(options->trial_ns),
			.sum_s = command_seconds(options->sum_ns),
			.loss_ratio = options->loss_ratio[i],
			.exceed_ratio = options->exceed_ratio,
			.width = options->width,
			.initial_s = command_seconds(options->initial_ns),
		};
	return command_search(command, size);
}

static int command_loss(struct command *command, const struct test_size *size)
{
	struct trial_input input = {
		.load = size->max_load,
		.duration_ns = command->options->trial_ns,
		.size = command_bytes(size),
	};
	int code = CODE_OK;

	if (command->options->rate.kind != RATE_MAX)
		code = command_rate(command, size, "--rate", &command->options->rate, &input.load);
	if (code != CODE_OK)
		return code;
	return rfc2544_frame_loss(&command->device.path, &input, command->options->step,
				  &command->results->log);
}

static int command_back_to_back(struct command *command, struct test_size *size)
{
	struct back_to_back_input input = {
		.size = command_bytes(size),
		.frames_max = (uint64_t)fmax(1, size->max_load *
							command_seconds(command->options->longest_ns)),
		.limit_ns = COMMAND_BURST * command->options->longest_ns,
		.repeats = command->options->repeats,
	};
	int code = command_throughput(command, size, command_seconds(command->options->trial_ns));

	if (code != CODE_OK)
		return code;
	input.throughput = size->result[0].throughput;
	size->have_burst = true;
	return rfc2544_back_to_back(&command->device.path, &input, &command->results->log,
				    &size->burst);
}

static int command_latency_load(struct command *command, struct test_size *size, double *load)
{
	int code;

	if (command->options->rate.kind != RATE_MAX)
		return command_rate(command, size, "--rate", &command->options->rate, load);
	code = command_throughput(command, size, fmin(60, command_seconds(command->options->trial_ns)));
	*load = size->result[0].throughput;
	if (code == CODE_OK && *load == 0) {
		say("%s: there is no throughput to measure the latency at; give --rate",
		    size->name);
		return CODE_LIMIT;
	}
	return code;
}

static int command_latency(struct command *command, struct test_size *size)
{
	struct trial_input input = { .duration_ns = command->options->trial_ns,
				     .size = command_bytes(size) };
	struct trial_result *result;
	int code;

	size->latency = calloc(1, sizeof(*size->latency));
	if (size->latency == NULL) {
		say("no memory for a histogram");
		return CODE_FAILED;
	}
	code = command_latency_load(command, size, &input.load);
	size->latency->load = input.load;
	for (unsigned int i = 0; i < command->options->repeats && code == CODE_OK; i++) {
		code = trial_run(&command->device.path, &input, &command->results->log, &result);
		if (code != CODE_OK)
			break;
		histogram_join(&size->latency->all, &command->device.latency);
		size->latency->trials++;
	}
	return code;
}

/* Keep a sample, of all the time alike. */
static bool command_sample(void *context, const struct trial_output *so_far)
{
	struct test_results *results = context;

	if (++results->sample_skipped <= results->sample_every)
		return false;
	results->sample_skipped = 0;
	if (results->samples == TEST_SAMPLES_MAX) {
		for (size_t i = 0; i < TEST_SAMPLES_MAX / 2; i++)
			results->sample[i] = results->sample[2 * i + 1];
		results->samples /= 2;
		results->sample_every = 2 * results->sample_every + 1;
	}
	results->sample[results->samples++] = (struct test_sample){
		so_far->seconds,
		so_far->sent,
		so_far->received,
		so_far->lost,
	};
	return false;
}

static int command_soak(struct command *command, struct test_size *size)
{
	const struct test_options *options = command->options;
	struct trial_input input = { .duration_ns = options->trial_ns, .size = command_bytes(size) };
	struct soak *soak = &command->results->soak;
	int code;

	soak->limits = (struct soak_limits){
		.loss_ratio = options->max_loss,
		.per_mille = options->latency_per_mille,
		.latency_ns = options->max_latency_ns,
		.rate = size->least,
	};
	size->latency = calloc(1, sizeof(*size->latency));
	if (size->latency == NULL) {
		say("no memory for a histogram");
		return CODE_FAILED;
	}
	code = command_rate(command, size, "--rate", &options->rate, &input.load);
	if (code != CODE_OK)
		return code;
	size->latency->load = input.load;
	soak->show = command_sample;
	soak->context = command->results;
	code = soak_run(soak, &command->device.path, &input, &command->results->log);
	size->latency->trials = 1;
	histogram_join(&size->latency->all, &command->device.latency);
	return code;
}

/* ---- All sizes ---- */

static int command_measure(struct command *command, struct test_size *size)
{
	const struct test_options *options = command->options;
	enum test_method method = options->method;
	bool given = (method == TEST_LATENCY || method == TEST_LOSS) &&
		     options->rate.kind != RATE_MAX;
	bool searches = method != TEST_SOAK && !given;
	int code = CODE_OK;

	size->line = device_path_line(&command->device, command_bytes(size));
	if (options->min_throughput.kind != RATE_MAX)
		code = command_rate(command, size, "--min-throughput", &options->min_throughput,
				    &size->least);
	if (code == CODE_OK && searches)
		code = command_bounds(command, size);
	if (code != CODE_OK)
		return code;
	switch (method) {
	case TEST_THROUGHPUT:
		return command_throughput(command, size,
					  command_seconds(options->trial_ns));
	case TEST_NDR:
		return command_ndr(command, size);
	case TEST_LOSS:
		return command_loss(command, size);
	case TEST_BACK_TO_BACK:
		return command_back_to_back(command, size);
	case TEST_LATENCY:
		return command_latency(command, size);
	default:
		return command_soak(command, size);
	}
}

static int command_one_size(struct command *command, uint32_t bytes)
{
	struct test_results *results = command->results;
	struct test_size *size = &results->size[results->sizes++];
	double began = command->device.path.now(&command->device.path);
	int code;

	size->size = bytes;
	flows_name_size(command->options, bytes, size->name);
	size->first_trial = results->log.count;
	code = command_measure(command, size);
	size->trials = results->log.count - size->first_trial;
	size->seconds = command->device.path.now(&command->device.path) - began;
	return code;
}

/* Sizes that were asked for have to fit; of the standard ones those that do are taken. */
static int command_all_sizes(struct command *command)
{
	const struct test_options *options = command->options;
	uint32_t most = device_path_size_max(&command->device);
	int code = CODE_OK;

	for (unsigned int i = 0; i < options->sizes && code == CODE_OK; i++) {
		uint32_t longest = options->size[i] == options->mix_size ? options->mix_longest : options->size[i];

		if (longest <= most) {
			code = command_one_size(command, options->size[i]);
		} else if (!options->standard_sizes) {
			say("--sizes: %u bytes, but the MTU allows %u with FCS", longest, most);
			code = CODE_USAGE;
		}
	}
	return code;
}

/* What has been measured is shown, whatever happened then. */
static int command_show(const struct test_results *results)
{
	const struct test_options *options = results->options;
	int code = CODE_OK;

	if (!options->json)
		test_print_text(results);
	if (options->json || options->csv != NULL || options->html != NULL || options->hdr != NULL)
		code = test_write_json(results);
	if (options->junit != NULL) {
		int written = test_write_junit(results, options->junit);

		code = code == CODE_OK ? written : code;
	}
	if (!options->json && code == CODE_OK)
		code = finish_output(stdout, "standard output");
	return code;
}

/* How long it takes at least; what is found may need more. */
static double command_estimate(const struct test_options *options)
{
	double trial = command_seconds(options->trial_ns), search = trial + 20;
	double repeats = options->repeats;

	switch (options->method) {
	case TEST_THROUGHPUT:
		return options->sizes * search;
	case TEST_LATENCY:
		return options->sizes *
		       (repeats * trial + (options->rate.kind == RATE_MAX ? 80 : 0));
	case TEST_LOSS:
		return options->sizes * trial * 2;
	case TEST_BACK_TO_BACK:
		return options->sizes * (search + 2 * repeats);
	default:
		return 0;
	}
}

static void command_say_estimate(const struct test_options *options)
{
	double minutes = command_estimate(options) / 60;

	if (minutes >= 5 && !options->json)
		say("this takes %.0f minutes at least, as the RFC wants it; --sizes 64 --trial 5%s "
		    "is quicker",
		    minutes,
		    options->method == TEST_LATENCY || options->method == TEST_BACK_TO_BACK ? " --repeat 3" : "");
}

/* Before hours of measuring. */
static int command_check_files(const struct test_options *options)
{
	const struct report_name files[] = {
		{ "--csv", options->csv },
		{ "--html", options->html },
		{ "--hdr", options->hdr },
		{ "--junit", options->junit },
	};

	return report_files_check(files, sizeof(files) / sizeof(files[0]));
}

static int command_begin(struct command *command)
{
	struct test_results *results = command->results;
	int code = command_check_files(command->options), closed, shown;

	if (code == CODE_OK)
		code = device_path_open(&command->device, command->options);
	if (code != CODE_OK)
		return code;
	command_say_estimate(command->options);
	results->seconds = command->device.path.now(&command->device.path);
	code = command_all_sizes(command);
	results->seconds = command->device.path.now(&command->device.path) - results->seconds;
	closed = device_path_close(&command->device);
	if (code == CODE_OK)
		code = closed;
	if (code == CODE_OK || code == CODE_LIMIT) {
		test_check_limits(results);
		test_say_unmet(results);
	}
	for (size_t i = 0; i < results->limits && code == CODE_OK; i++)
		if (!results->limit[i].kept)
			code = CODE_LIMIT;
	results->code = code;
	/* A measurement that never began has no results. */
	if (results->log.count == 0)
		return code;
	shown = command_show(results);
	return code != CODE_OK ? code : shown;
}

int command_test(int argc, char **argv)
{
	static struct test_options options;
	static struct test_results results;
	static struct command command;
	int code;

	test_parse(argc, argv, &options);
	stop_install();
	results = (struct test_results){ .options = &options, .device = &command.device };
	results.log.show = test_print_trial;
	results.log.context = &results;
	results.size = calloc(options.sizes, sizeof(*results.size));
	command = (struct command){ .options = &options, .results = &results };
	if (results.size == NULL) {
		say("no memory for the results");
		return CODE_FAILED;
	}
	code = command_begin(&command);
	for (size_t i = 0; i < results.sizes; i++)
		free(results.size[i].latency);
	free(results.size);
	trial_log_free(&results.log);
	traffic_free(&options.traffic);
	return code;
}
