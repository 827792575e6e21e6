/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/test/rfc2544.h"

#include <math.h>

#include "tools/shared/common.h"

/* A burst's length is found to a frame, or to that share of it. */
#define B2B_RESOLUTION 0.002
#define B2B_FIRST 16

struct mlr_goal rfc2544_throughput(double seconds, double initial_s, double width)
{
	return (struct mlr_goal){
		.name = "throughput",
		.final_s = seconds,
		.sum_s = seconds,
		.width = width,
		.initial_s = initial_s,
	};
}

int rfc2544_frame_loss(struct trial_path *path, const struct trial_input *first, double step,
		       struct trial_log *log)
{
	unsigned int clean = 0;
	int code = CODE_OK;

	for (unsigned int i = 0; clean < 2 && code == CODE_OK; i++) {
		struct trial_input input = *first;
		struct trial_result *result;

		input.load *= 1 - step * i;
		if (input.load < first->load * step / 2)
			break;
		code = trial_run(path, &input, log, &result);
		if (code == CODE_OK)
			clean = result->loss_ratio > 0 ? 0 : clean + 1;
	}
	return code;
}

/* ---- Back-to-back frames ---- */

struct b2b {
	struct trial_path *path;
	const struct back_to_back_input *input;
	struct trial_log *log;
	uint64_t guess;		/* where the next search begins */
	double frames, seconds; /* of bursts that came through, for their rate */
};

static int b2b_burst(struct b2b *b2b, uint64_t frames, bool *clean)
{
	const struct trial_input input = { .duration_ns = b2b->input->limit_ns,
					   .frames = frames,
					   .size = b2b->input->size };
	struct trial_result *result;
	int code = trial_run(b2b->path, &input, b2b->log, &result);

	if (code != CODE_OK)
		return code;
	*clean = result->loss_ratio == 0;
	if (result->offered > 0 && frames > 1) {
		b2b->frames += (double)frames;
		b2b->seconds += (double)frames / result->offered;
	}
	return CODE_OK;
}

/* From the guess outwards until one length came through and a longer one did not. */
static int b2b_bracket(struct b2b *b2b, uint64_t *lower, uint64_t *upper)
{
	uint64_t frames = b2b->guess, far = 1 + frames / 64;
	int code = CODE_OK;

	*lower = 0;
	*upper = b2b->input->frames_max + 1;
	while (code == CODE_OK && frames > *lower && frames < *upper) {
		bool clean = false;

		code = b2b_burst(b2b, frames, &clean);
		if (clean)
			*lower = frames;
		else
			*upper = frames;
		if (*lower > 0 && *upper <= b2b->input->frames_max)
			break;
		frames = clean ? frames + far : frames > far ? frames - far
							     : frames / 2;
		if (frames > b2b->input->frames_max)
			frames = b2b->input->frames_max;
		far *= 4;
	}
	return code;
}

static int b2b_search(struct b2b *b2b, uint64_t *longest)
{
	uint64_t lower, upper;
	int code = b2b_bracket(b2b, &lower, &upper);

	while (code == CODE_OK && upper - lower > 1 &&
	       (double)(upper - lower) > B2B_RESOLUTION * (double)upper) {
		uint64_t middle = lower + (upper - lower) / 2;
		bool clean = false;

		code = b2b_burst(b2b, middle, &clean);
		if (clean)
			lower = middle;
		else
			upper = middle;
	}
	*longest = lower;
	b2b->guess = lower > 0 ? lower : 1;
	return code;
}

/* RFC 9004, 5.4: while a burst comes in, its frames go out at the throughput. */
static void b2b_buffer(const struct b2b *b2b, struct back_to_back_result *result)
{
	double throughput = b2b->input->throughput;

	if (b2b->seconds == 0)
		return;
	result->rate = b2b->frames / b2b->seconds;
	result->implied_s = result->frames / result->rate;
	if (throughput > 0)
		result->corrected_s = result->implied_s *
				      fmax(0, 1 - throughput / result->rate);
}

int rfc2544_back_to_back(struct trial_path *path, const struct back_to_back_input *input,
			 struct trial_log *log, struct back_to_back_result *result)
{
	struct b2b b2b = { path, input, log, B2B_FIRST, 0, 0 };
	double sum = 0, squares = 0;
	int code = CODE_OK;

	*result = (struct back_to_back_result){ 0 };
	if (b2b.guess > input->frames_max)
		b2b.guess = input->frames_max;
	for (unsigned int i = 0; i < input->repeats && !result->endless; i++) {
		uint64_t frames = 0;

		code = b2b_search(&b2b, &frames);
		if (code != CODE_OK)
			break;
		sum += (double)frames;
		squares += (double)frames * (double)frames;
		if (i == 0 || frames < result->min)
			result->min = frames;
		if (frames > result->max)
			result->max = frames;
		result->repeats++;
		result->endless = frames == input->frames_max;
	}
	if (result->repeats > 0) {
		result->frames = sum / result->repeats;
		result->deviation = sqrt(fmax(0, squares / result->repeats -
							 result->frames * result->frames));
		b2b_buffer(&b2b, result);
	}
	return code;
}
