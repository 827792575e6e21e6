/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/test/soak.h"

#include "tools/pktgen/histogram.h"
#include "tools/shared/common.h"

/* Between two looks, at least: device_path.c. */
#define SOAK_LOOK_NS 1000000000u

static void soak_note(struct soak *soak, enum soak_violation violation, double seconds, double value)
{
	if (soak->violation != SOAK_KEPT)
		return;
	soak->violation = violation;
	soak->violation_s = seconds;
	soak->value = value;
}

/* What is known to be lost is lost, however much is still on its way. */
static void soak_check_loss(struct soak *soak, const struct trial_output *so_far, bool ended)
{
	double ratio = ended ? trial_loss_ratio(so_far) : so_far->sent > 0 ? (double)so_far->lost / (double)so_far->sent
									   : 0;

	if (soak->limits.loss_ratio >= 0 && ratio > soak->limits.loss_ratio)
		soak_note(soak, SOAK_LOSS, so_far->seconds, ratio);
}

static void soak_check_latency(struct soak *soak, const struct trial_output *so_far)
{
	const struct soak_limits *limits = &soak->limits;
	uint64_t latency;

	if (limits->per_mille == 0 || so_far->latency == NULL)
		return;
	latency = histogram_percentile(so_far->latency, limits->per_mille);
	if (latency > limits->latency_ns)
		soak_note(soak, SOAK_LATENCY, so_far->seconds, (double)latency);
}

/* Where nothing comes any more there is no hole between frames: what was sent before the last look
 * and has not come by now is lost too, unless frames take that long. */
static void soak_count_silence(struct soak *soak, struct trial_output *so_far)
{
	bool slow = so_far->latency != NULL && so_far->latency->max > SOAK_LOOK_NS;

	if (!slow && soak->sent_before > so_far->received + so_far->lost)
		so_far->lost = soak->sent_before - so_far->received;
	soak->sent_before = so_far->sent;
}

static bool soak_look(void *context, const struct trial_output *so_far)
{
	struct soak *soak = context;
	struct trial_output now = *so_far;

	soak_count_silence(soak, &now);
	soak_check_loss(soak, &now, false);
	soak_check_latency(soak, &now);
	if (soak->show != NULL && soak->show(soak->context, &now))
		return true;
	return soak->violation != SOAK_KEPT;
}

static void soak_check_rate(struct soak *soak, const struct trial_output *output)
{
	double rate = output->sent > 0 ? output->offered * (double)output->received / (double)output->sent : 0;

	if (soak->limits.rate > 0 && rate < soak->limits.rate)
		soak_note(soak, SOAK_RATE, output->seconds, rate);
}

int soak_run(struct soak *soak, struct trial_path *path, const struct trial_input *input,
	     struct trial_log *log)
{
	struct trial_output output = { 0 };
	struct trial_result *result = trial_log_add(log);
	int code;

	if (result == NULL)
		return CODE_FAILED;
	code = path->run(path, input, soak_look, soak, &output);
	/* A device that fails has carried what it did until then; what this machine had no time to send is no loss. */
	if (code != CODE_OK || output.slipped)
		output.intended = output.sent;
	trial_result_fill(result, input, &output);
	if (code != CODE_OK)
		return code;
	soak_check_loss(soak, &output, true);
	soak_check_latency(soak, &output);
	soak_check_rate(soak, &output);
	return soak->violation != SOAK_KEPT ? CODE_LIMIT : CODE_OK;
}
