/* SPDX-License-Identifier: BSD-3-Clause */
/* What `vionet test` shows: a line for each trial while it runs, tables at the end. */
#include "tools/test/results.h"

#include <string.h>

#include "tools/pktgen/format.h"
#include "tools/test/device_path.h"
#include "tools/test/flows.h"

double test_wire_bps(double frames, uint32_t size)
{
	return frames * 8.0 * (size - TEST_FCS + WIRE_BYTES);
}

const char *test_irregular_word(enum mlr_irregular irregular)
{
	static const char *const words[] = {
		[MLR_REGULAR] = "regular",
		[MLR_ABOVE_MAX] = "above max rate",
		[MLR_BELOW_MIN] = "below min rate",
		[MLR_WIDE] = "too wide",
	};

	return words[irregular];
}

/* What was asked for and is less than the RFC wants. */
static size_t text_deviations_of_method(const struct test_options *options, const char **list)
{
	const uint64_t second = 1000000000;
	const struct {
		enum test_method method;
		bool less;
		const char *text;
	} rows[] = {
		{ TEST_THROUGHPUT, options->trial_ns < 60 * second,
		  "trials are shorter than 60 s (RFC 2544, 24)" },
		{ TEST_LOSS, options->trial_ns < 60 * second,
		  "trials are shorter than 60 s (RFC 2544, 24)" },
		{ TEST_LOSS, options->step > 0.1, "steps are larger than 10 % (RFC 2544, 26.3)" },
		{ TEST_LATENCY, options->trial_ns < 120 * second,
		  "trials are shorter than 120 s (RFC 2544, 26.2)" },
		{ TEST_LATENCY, options->repeats < 20, "fewer than 20 trials (RFC 2544, 26.2)" },
		{ TEST_BACK_TO_BACK, options->longest_ns < 2 * second,
		  "the longest burst is shorter than 2 s (RFC 2544, 26.4)" },
		{ TEST_BACK_TO_BACK, options->repeats < 50,
		  "fewer than 50 searches (RFC 2544, 26.4)" },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].method == options->method && rows[i].less)
			list[n++] = rows[i].text;
	return n;
}

const char *const *test_deviations(const struct test_results *results)
{
	static char text[2][160];
	static const char *list[6];
	const struct test_options *options = results->options;
	size_t n = 0;

	snprintf(text[n], sizeof(text[n]),
		 "residual frames are waited for until none has come for %g s (RFC 2544, 23: 2 s)",
		 (double)options->linger_ns / 1e9);
	list[n] = text[n];
	n++;
	if (options->method != TEST_SOAK) {
		snprintf(text[n], sizeof(text[n]), "%g s between trials (RFC 2544, 23: 5 s)",
			 (double)options->pause_ns / 1e9);
		list[n] = text[n];
		n++;
	}
	if (options->method == TEST_LATENCY)
		list[n++] = "every frame is timed, not one in each trial (RFC 2544, 26.2)";
	n += text_deviations_of_method(options, &list[n]);
	list[n] = NULL;
	return list;
}

/* ---- While it runs ---- */

void test_print_trial(void *context, const struct trial_result *result)
{
	const struct test_results *results = context;
	const struct trial_input *input = &result->input;
	char rate[32], what[64], size[16];

	if (results->options->json)
		return;
	flows_name_size(results->options, input->size + TEST_FCS, size);
	if (input->frames != 0)
		snprintf(what, sizeof(what), "burst of %ju", (uintmax_t)input->frames);
	else
		snprintf(what, sizeof(what), "%s for %.3g s",
			 format_scaled(input->load, "pps", rate), (double)input->duration_ns / 1e9);
	output_begin();
	fprintf(stderr, "%8.1f s  %11s  %-26s loss %.4f %%%s\n", result->at_s, size, what, 100 * result->loss_ratio,
		result->repeated != 0 ? "  repeated" : "");
	output_end();
}

/* ---- At the end ---- */

/* The first word of the name: "64", "imix". */
static const char *text_size(const struct test_size *size)
{
	static char text[16];

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(size->name, " "), size->name);
	return text;
}

static void text_rate(const struct test_size *size, double pps, const char *note)
{
	char rate[32], bits[32];

	printf(" %11s %13s", format_scaled(pps, "pps", rate),
	       format_scaled(test_wire_bps(pps, size->size), "bit/s", bits));
	if (size->line > 0)
		printf(" %6.2f %%", 100 * pps / size->line);
	if (note[0] != '\0')
		printf("  %s", note);
}

static void text_goal(const struct test_size *size, size_t i)
{
	const struct mlr_result *result = &size->result[i];
	char lower[32], upper[32], note[96] = "";

	switch (result->irregular) {
	case MLR_REGULAR:
		snprintf(note, sizeof(note), "%s to %s",
			 format_scaled(result->lower, "pps", lower),
			 format_scaled(result->upper, "pps", upper));
		break;
	case MLR_ABOVE_MAX:
		snprintf(note, sizeof(note), "or more: the most tried");
		break;
	case MLR_BELOW_MIN:
		snprintf(note, sizeof(note), "loses even at %s",
			 format_scaled(result->upper, "pps", upper));
		break;
	case MLR_WIDE:
		snprintf(note, sizeof(note), "trials disagree");
		break;
	}
	printf("%5s  %-10s", text_size(size), size->goal[i].name);
	text_rate(size, result->throughput, note);
	printf("\n");
}

static void text_goals(const struct test_results *results)
{
	printf(" size  %-10s %11s %13s\n", "", "rate", "on the wire");
	for (size_t i = 0; i < results->sizes; i++)
		for (size_t goal = 0; goal < results->size[i].goals; goal++)
			text_goal(&results->size[i], goal);
}

static void text_loss(const struct test_results *results)
{
	printf(" size %11s %13s%s  loss\n", "offered", "on the wire", results->size[0].line > 0 ? "         " : "");
	for (size_t i = 0; i < results->sizes; i++)
		for (size_t j = 0; j < results->size[i].trials; j++) {
			const struct trial_result *trial =
				&results->log.result[results->size[i].first_trial + j];
			char loss[32];

			snprintf(loss, sizeof(loss), "%.4f %%", 100 * trial->loss_ratio);
			printf("%5s", text_size(&results->size[i]));
			text_rate(&results->size[i], trial->input.load, loss);
			printf("\n");
		}
}

static void text_burst(const struct test_results *results)
{
	printf(" size  frames (min to max, deviation)          at rate  buffer, corrected\n");
	for (size_t i = 0; i < results->sizes; i++) {
		const struct back_to_back_result *burst = &results->size[i].burst;
		char rate[32], implied[32], corrected[32], spread[64];

		if (burst->repeats == 0)
			continue;
		snprintf(spread, sizeof(spread), "(%ju to %ju, %.1f)%s", (uintmax_t)burst->min,
			 (uintmax_t)burst->max, burst->deviation,
			 burst->endless ? " or more" : "");
		printf("%5s  %.1f %-28s %12s  %s, %s\n", text_size(&results->size[i]), burst->frames,
		       spread, format_scaled(burst->rate, "pps", rate),
		       format_time(burst->implied_s * 1e9, implied),
		       format_time(burst->corrected_s * 1e9, corrected));
	}
}

static void text_latencies(const struct test_results *results)
{
	static const unsigned int per_mille[] = { 500, 990, 999 };

	printf(" size         rate       min       avg       p50       p99     p99.9       max\n");
	for (size_t i = 0; i < results->sizes; i++) {
		const struct test_latency *latency = results->size[i].latency;
		char text[32];

		if (latency == NULL || latency->all.count == 0)
			continue;
		printf("%5s  %11s", text_size(&results->size[i]),
		       format_scaled(latency->load, "pps", text));
		printf(" %9s", format_time((double)latency->all.min, text));
		printf(" %9s", format_time(histogram_average(&latency->all), text));
		for (size_t j = 0; j < sizeof(per_mille) / sizeof(per_mille[0]); j++)
			printf(" %9s", format_time((double)histogram_percentile(&latency->all,
										per_mille[j]),
						   text));
		printf(" %9s\n", format_time((double)latency->all.max, text));
	}
}

static void text_soak(const struct test_results *results)
{
	const struct trial_result *trial = &results->log.result[0];
	const struct soak *soak = &results->soak;

	uint64_t lost = trial->sent > trial->received ? trial->sent - trial->received : 0;
	uint64_t unsent = trial->intended > trial->sent ? trial->intended - trial->sent : 0;

	/* As the ratio has them. */
	if ((double)unsent <= TRIAL_SHORTFALL * (double)trial->intended)
		printf("sent %ju, received %ju, lost %ju (%g %%) in %.1f s\n",
		       (uintmax_t)trial->sent, (uintmax_t)trial->received, (uintmax_t)lost,
		       100 * trial->loss_ratio, trial->seconds);
	else
		printf("sent %ju of %ju, received %ju: lost %ju, not sent %ju (%g %% together) in "
		       "%.1f s\n",
		       (uintmax_t)trial->sent, (uintmax_t)trial->intended,
		       (uintmax_t)trial->received, (uintmax_t)lost, (uintmax_t)unsent,
		       100 * trial->loss_ratio, trial->seconds);
	if (trial->offered > 0 && trial->offered < (1 - TRIAL_SHORTFALL) * trial->input.load)
		printf("sent %.1f %% of the rate: this machine or the path could not follow\n",
		       100 * trial->offered / trial->input.load);
	if (soak->violation != SOAK_KEPT)
		printf("ended after %.1f s: a limit was not kept\n", soak->violation_s);
}

static void text_repeated(const struct test_results *results)
{
	size_t repeated = 0;

	for (size_t i = 0; i < results->log.count; i++)
		repeated += results->log.result[i].repeated != 0;
	if (repeated > 0)
		printf("%zu trial%s repeated: this machine lacked the time to send the load\n", repeated,
		       repeated == 1 ? " was" : "s were");
}

void test_print_text(const struct test_results *results)
{
	const struct test_options *options = results->options;

	printf("%s, %s%s%s%s, %.1f s, %zu trial%s\n", test_method_words[options->method],
	       clean(options->name[0]), options->names == 2 ? (options->one_direction ? " to " : " and ") : "",
	       options->names == 2 ? clean(options->name[1]) : "",
	       options->names == 2 && !options->one_direction ? " (rates of each direction)" : "",
	       results->seconds, results->log.count, plural(results->log.count));
	if (options->method == TEST_THROUGHPUT || options->method == TEST_NDR)
		text_goals(results);
	if (options->method == TEST_LOSS)
		text_loss(results);
	if (options->method == TEST_BACK_TO_BACK)
		text_burst(results);
	if (options->method == TEST_LATENCY || options->method == TEST_SOAK)
		text_latencies(results);
	if (options->method == TEST_SOAK)
		text_soak(results);
	text_repeated(results);
	limits_print(results->limit, results->limits);
}
