/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/test/limits.h"

#include <string.h>

#include "tools/pktgen/format.h"
#include "tools/shared/common.h"
#include "tools/test/flows.h"

static struct report_limit *limit_add(struct test_results *results, uint32_t size, const char *name,
				      bool kept)
{
	struct report_limit *limit = &results->limit[results->limits];

	if (results->limits == TEST_LIMITS_MAX)
		return limit - 1;
	results->limits++;
	limit->size = size;
	limit->kept = kept;
	snprintf(limit->name, sizeof(limit->name), "%s", name);
	flows_name_size(results->options, size, limit->subject);
	return limit;
}

static void limit_rates(struct report_limit *limit, double wanted, double measured)
{
	char text[32];

	snprintf(limit->wanted, sizeof(limit->wanted), "at least %s",
		 format_scaled(wanted, "pps", text));
	snprintf(limit->measured, sizeof(limit->measured), "%s",
		 format_scaled(measured, "pps", text));
}

static void limit_goals(struct test_results *results, const struct test_size *size)
{
	bool given = size->least > 0;

	for (size_t i = 0; i < size->goals; i++) {
		const struct mlr_result *result = &size->result[i];
		double wanted = given ? size->least : size->min_load;
		bool kept = result->irregular != MLR_BELOW_MIN &&
			    (!given || result->throughput >= wanted);

		if (given || !kept)
			limit_rates(limit_add(results, size->size, size->goal[i].name, kept), wanted,
				    result->throughput);
	}
}

static void limit_latency(struct test_results *results, const struct test_size *size)
{
	const struct test_options *options = results->options;

	if (options->latency_per_mille == 0 || size->latency == NULL)
		return;
	limit_of_latency(limit_add(results, size->size, "", true), options->latency_per_mille, options->max_latency_ns,
			 histogram_percentile(&size->latency->all, options->latency_per_mille));
}

/* The largest of all trials, but those of a search. */
static void limit_loss(struct test_results *results, const struct test_size *size)
{
	const struct trial_log *log = &results->log;
	size_t end = size->first_trial + size->trials, first = size->first_trial;
	double wanted = results->options->max_loss, most = 0;

	if (wanted < 0 || size->trials == 0)
		return;
	if (size->latency != NULL)
		first = end - size->latency->trials;
	for (size_t i = first; i < end; i++)
		if (log->result[i].loss_ratio > most)
			most = log->result[i].loss_ratio;
	/* It may have been seen while the trial ran, and have come right since. */
	if (results->soak.violation == SOAK_LOSS && results->soak.value > most)
		most = results->soak.value;
	limit_of_ratio(limit_add(results, size->size, "loss", true), wanted, most);
}

static void limit_burst(struct test_results *results, const struct test_size *size)
{
	uint64_t least = results->options->min_frames;
	struct report_limit *limit;

	if (least == 0 || !size->have_burst)
		return;
	limit = limit_add(results, size->size, "back-to-back",
			  size->burst.frames >= (double)least);
	snprintf(limit->wanted, sizeof(limit->wanted), "at least %ju frames", (uintmax_t)least);
	snprintf(limit->measured, sizeof(limit->measured), "%.1f frames", size->burst.frames);
}

static void limit_soak_rate(struct test_results *results, const struct test_size *size)
{
	const struct soak *soak = &results->soak;
	const struct trial_result *trial = &results->log.result[size->first_trial];
	double rate = 0;

	if (soak->limits.rate == 0 || size->trials == 0)
		return;
	if (trial->sent > 0)
		rate = trial->offered * (double)trial->received / (double)trial->sent;
	limit_rates(limit_add(results, size->size, "rate", rate >= soak->limits.rate),
		    soak->limits.rate, rate);
}

/* ---- goals that no rate met ---- */

static struct trial_result limit_sum_at(const struct test_results *results, const struct test_size *size, double load)
{
	const struct trial_result *trial = &results->log.result[size->first_trial];
	struct trial_result sum = { 0 };

	for (size_t i = 0; i < size->trials; i++) {
		if (trial[i].input.load != load)
			continue;
		sum.intended += trial[i].intended;
		sum.sent += trial[i].sent;
		sum.received += trial[i].received;
	}
	return sum;
}

static void limit_say_unmet(const struct test_results *results, const struct test_size *size, size_t goal)
{
	const struct test_options *options = results->options;
	double lowest = size->result[goal].upper;
	struct trial_result sum = limit_sum_at(results, size, lowest);
	const char *name = size->goal[goal].name, *second = options->names == 2 ? options->name[1] : NULL;
	char rate[32], devices[256];

	format_scaled(lowest, "pps", rate);
	snprintf(devices, sizeof(devices), "%s%s%s", clean(options->name[0]), second != NULL ? "," : "",
		 second != NULL ? second : "");
	if (sum.received == 0)
		say("%s, %s: no frame came back at %s; 'vionet pktgen %s --rate %.0f' shows "
		    "whether any does",
		    size->name, name, rate, devices, lowest);
	else if ((double)sum.sent < (1 - TRIAL_SHORTFALL) * (double)sum.intended)
		say("%s, %s: only %ju of %ju frames could be sent at %s, the lowest rate; give a "
		    "lower --min-rate, end other work "
		    "here, or give the threads processors of their own (--cpus)",
		    size->name, name, (uintmax_t)sum.sent, (uintmax_t)sum.intended, rate);
	else
		say("%s, %s: %ju of %ju frames were lost at %s, the lowest rate; give a lower "
		    "--min-rate, or allow that: "
		    "'vionet test ndr --loss-ratios 1%%'",
		    size->name, name, (uintmax_t)(sum.sent - sum.received), (uintmax_t)sum.sent,
		    rate);
}

void test_say_unmet(const struct test_results *results)
{
	for (size_t i = 0; i < results->sizes; i++)
		for (size_t goal = 0; goal < results->size[i].goals; goal++)
			if (results->size[i].result[goal].irregular == MLR_BELOW_MIN &&
			    results->size[i].result[goal].upper > 0)
				limit_say_unmet(results, &results->size[i], goal);
}

void test_check_limits(struct test_results *results)
{
	for (size_t i = 0; i < results->sizes; i++) {
		const struct test_size *size = &results->size[i];

		limit_goals(results, size);
		limit_burst(results, size);
		limit_loss(results, size);
		limit_latency(results, size);
		limit_soak_rate(results, size);
	}
}
