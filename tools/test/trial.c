/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/test/trial.h"

#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/histogram.h"
#include "tools/shared/common.h"

double trial_loss_ratio(const struct trial_output *output)
{
	uint64_t expected = output->sent;

	if ((double)output->sent < (1 - TRIAL_SHORTFALL) * (double)output->intended)
		expected = output->intended;
	if (expected == 0)
		return 1;
	if (output->received >= expected)
		return 0;
	return (double)(expected - output->received) / (double)expected;
}

struct trial_result *trial_log_add(struct trial_log *log)
{
	if (log->count == log->room) {
		size_t room = log->room != 0 ? 2 * log->room : 64;
		struct trial_result *more = realloc(log->result, room * sizeof(*more));

		if (more == NULL) {
			say("no memory for the results of %zu trials", room);
			return NULL;
		}
		log->result = more;
		log->room = room;
	}
	memset(&log->result[log->count], 0, sizeof(*log->result));
	return &log->result[log->count++];
}

void trial_log_free(struct trial_log *log)
{
	free(log->result);
	log->result = NULL;
	log->count = log->room = 0;
}

void trial_result_fill(struct trial_result *result, const struct trial_input *input,
		       const struct trial_output *output)
{
	const struct histogram *latency = output->latency;

	result->input = *input;
	result->intended = output->intended;
	result->sent = output->sent;
	result->received = output->received;
	result->offered = output->offered;
	result->seconds = output->seconds;
	result->loss_ratio = trial_loss_ratio(output);
	if (latency == NULL || latency->count == 0)
		return;
	result->latency_count = latency->count;
	result->latency_min = latency->min;
	result->latency_max = latency->max;
	result->latency_average = histogram_average(latency);
	result->latency_p50 = histogram_percentile(latency, 500);
	result->latency_p99 = histogram_percentile(latency, 990);
	result->latency_p999 = histogram_percentile(latency, 999);
}

int trial_run(struct trial_path *path, const struct trial_input *input, struct trial_log *log,
	      struct trial_result **result)
{
	struct trial_output output;
	double began = path->now(path);
	unsigned int repeated = 0;
	int code;

	if (log->count == 0)
		log->start_s = began;
	for (;; repeated++) {
		output = (struct trial_output){ 0 };
		code = path->run(path, input, NULL, NULL, &output);
		if (code != CODE_OK)
			return code;
		if (!output.slipped || repeated == TRIAL_REPEATS)
			break;
		began = path->now(path);
	}
	*result = trial_log_add(log);
	if (*result == NULL)
		return CODE_FAILED;
	trial_result_fill(*result, input, &output);
	(*result)->at_s = began - log->start_s;
	(*result)->repeated = repeated;
	if (log->show != NULL)
		log->show(log->context, *result);
	return CODE_OK;
}
