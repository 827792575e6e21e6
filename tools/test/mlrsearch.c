/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/test/mlrsearch.h"

#include <math.h>

#include "tools/shared/common.h"

/* From one step to the next, while a bound is looked for outside of what is known. */
#define MLR_EXPANSION 3.0
/* Short trials become longer by that, and widths narrower by the same. */
#define MLR_STAGE_FACTOR 4.0
/* Two loads that differ by less are one: no more trials are made between them. */
#define MLR_SAME 1e-9

struct mlr {
	const struct mlr_input *input;
	struct trial_path *path;
	struct trial_log *log;
	size_t first; /* result of the log */
};

/* The tightest bounds for a goal so far; 0: none. */
struct mlr_bounds {
	double lower, upper;
};

/* ---- Load classification (appendix A) ---- */

enum mlr_class mlr_classify_sums(const struct mlr_goal *goal, const struct mlr_sums *sums)
{
	double coefficient = goal->exceed_ratio / (1 - goal->exceed_ratio);
	double excess = fmax(0, sums->short_high - sums->short_low * coefficient);
	double high = sums->full_high + excess;
	double whole = fmax(sums->full_low + high, goal->sum_s);
	double tolerated = whole * goal->exceed_ratio;
	double pessimistic = whole - sums->full_low;

	/* Sums of many durations are not exact: a nanosecond is no more time. */
	if (pessimistic <= tolerated + 1e-9)
		return MLR_LOWER;
	return high > tolerated + 1e-9 ? MLR_UPPER : MLR_UNDECIDED;
}

static bool mlr_is_full(const struct mlr_goal *goal, const struct trial_result *trial)
{
	return (double)trial->input.duration_ns >= goal->final_s * 1e9 - 0.5;
}

/* Trial Effective Duration is Trial Duration. */
static double mlr_seconds(const struct trial_result *trial)
{
	return (double)trial->input.duration_ns / 1e9;
}

enum mlr_class mlr_classify(const struct mlr_goal *goal, const struct trial_log *log, size_t first,
			    double load)
{
	struct mlr_sums sums = { 0 };

	for (size_t i = first; i < log->count; i++) {
		const struct trial_result *trial = &log->result[i];
		bool high = trial->loss_ratio > goal->loss_ratio;
		double *sum;

		if (trial->input.load != load)
			continue;
		if (mlr_is_full(goal, trial))
			sum = high ? &sums.full_high : &sums.full_low;
		else
			sum = high ? &sums.short_high : &sums.short_low;
		*sum += mlr_seconds(trial);
	}
	return mlr_classify_sums(goal, &sums);
}

/* ---- Conditional throughput (appendix B) ---- */

/* Of the full-length trials at `load` that were not taken yet, one with the least loss. */
static const struct trial_result *mlr_next_best(const struct mlr_goal *goal,
						const struct trial_log *log, size_t first,
						double load, const struct trial_result *last)
{
	const struct trial_result *best = NULL;

	for (size_t i = first; i < log->count; i++) {
		const struct trial_result *trial = &log->result[i];

		if (trial->input.load != load || !mlr_is_full(goal, trial))
			continue;
		if (last != NULL && (trial->loss_ratio < last->loss_ratio ||
				     (trial->loss_ratio == last->loss_ratio && trial <= last)))
			continue;
		if (best == NULL || trial->loss_ratio < best->loss_ratio)
			best = trial;
	}
	return best;
}

static double mlr_full_sum(const struct mlr_goal *goal, const struct trial_log *log, size_t first,
			   double load)
{
	double sum = 0;

	for (size_t i = first; i < log->count; i++)
		if (log->result[i].input.load == load && mlr_is_full(goal, &log->result[i]))
			sum += mlr_seconds(&log->result[i]);
	return sum;
}

double mlr_conditional_throughput(const struct mlr_goal *goal, const struct trial_log *log,
				  size_t first, double load)
{
	double whole = fmax(goal->sum_s, mlr_full_sum(goal, log, first, load));
	double remaining = whole * (1 - goal->exceed_ratio), loss = 1;
	const struct trial_result *trial = mlr_next_best(goal, log, first, load, NULL);

	for (; trial != NULL && remaining > 1e-9;
	     trial = mlr_next_best(goal, log, first, load, trial)) {
		loss = trial->loss_ratio;
		remaining -= mlr_seconds(trial);
	}
	if (remaining > 1e-9)
		loss = 1;
	return load * (1 - loss);
}

/* ---- What is known ---- */

static struct mlr_bounds mlr_bounds_of(const struct mlr *mlr, const struct mlr_goal *goal)
{
	struct mlr_bounds bounds = { 0 };

	for (int pass = 0; pass < 2; pass++)
		for (size_t i = mlr->first; i < mlr->log->count; i++) {
			double load = mlr->log->result[i].input.load;
			enum mlr_class class = mlr_classify(goal, mlr->log, mlr->first, load);

			if (pass == 0 && class == MLR_UPPER &&
			    (bounds.upper == 0 || load < bounds.upper))
				bounds.upper = load;
			/* A lower bound above an upper one is a fluke (5.3.3). */
			if (pass == 1 && class == MLR_LOWER && load > bounds.lower &&
			    (bounds.upper == 0 || load < bounds.upper))
				bounds.lower = load;
		}
	return bounds;
}

static bool mlr_is_narrow(const struct mlr_bounds *bounds, double width)
{
	return bounds->lower > 0 && bounds->upper > 0 &&
	       bounds->upper - bounds->lower <= width * bounds->upper * (1 + MLR_SAME);
}

/* ---- Trials ---- */

static double mlr_clamp(const struct mlr *mlr, double load)
{
	return fmin(fmax(load, mlr->input->min_load), mlr->input->max_load);
}

static int mlr_measure(struct mlr *mlr, double load, double seconds, double *loss)
{
	const struct trial_input input = {
		.load = load,
		.duration_ns = (uint64_t)llround(seconds * 1e9),
		.size = mlr->input->size,
	};
	struct trial_result *result;
	int code = trial_run(mlr->path, &input, mlr->log, &result);

	if (code == CODE_OK && loss != NULL)
		*loss = result->loss_ratio;
	return code;
}

/* Trials at one load until it is classified. `*class` is what it came to. */
static int mlr_decide(struct mlr *mlr, const struct mlr_goal *goal, double load,
		      enum mlr_class *class)
{
	int code = CODE_OK;

	for (;;) {
		*class = mlr_classify(goal, mlr->log, mlr->first, load);
		if (*class != MLR_UNDECIDED || code != CODE_OK)
			return code;
		code = mlr_measure(mlr, load, goal->final_s, NULL);
	}
}

/* ---- Choice of loads ---- */

/* Where the next load is, outside of the one bound that is known; the further, the more often
 * that was in vain. */
static double mlr_outside(const struct mlr_bounds *bounds, double width, unsigned int steps)
{
	double far = fmin(width * pow(MLR_EXPANSION, steps), 0.5);

	return bounds->lower > 0 ? bounds->lower / (1 - far) : bounds->upper * (1 - far);
}

/* Between two bounds: in the middle of the ratio; nearer to the lower one at first, since it
 * began where frames came through; or just so far from the upper one that the width is met if
 * this is a lower bound. */
static double mlr_between(const struct mlr_bounds *bounds, double width, unsigned int steps)
{
	double middle = sqrt(bounds->lower * bounds->upper);
	double near = bounds->upper * (1 - width);

	if (near <= bounds->lower || near >= middle)
		near = middle;
	return fmin(near, mlr_outside(bounds, width, steps));
}

/* The next load for the goal; 0: no more is to be found out. */
static double mlr_choose(const struct mlr *mlr, const struct mlr_goal *goal,
			 const struct mlr_bounds *bounds, unsigned int steps, double guess)
{
	const struct mlr_input *input = mlr->input;

	if (mlr_is_narrow(bounds, goal->width))
		return 0;
	if (bounds->lower == 0 && (bounds->upper == 0 || guess < bounds->upper))
		return guess;
	if (bounds->lower > 0 && bounds->upper > 0)
		return mlr_between(bounds, goal->width, steps);
	if (bounds->lower > 0 ? bounds->lower >= input->max_load : bounds->upper <= input->min_load)
		return 0;
	return mlr_clamp(mlr, mlr_outside(bounds, goal->width, steps));
}

/* Narrow the bounds for one goal. `*bounds` is where to begin: its loads are looked at first,
 * the lower one in front, since what is found there bounds all above. */
static int mlr_narrow(struct mlr *mlr, const struct mlr_goal *goal, double guess,
		      struct mlr_bounds *bounds)
{
	const double hint[] = { bounds->lower, bounds->upper };
	unsigned int steps = 0;
	enum mlr_class class;
	int code = CODE_OK;

	for (unsigned int i = 0; i < 2 && code == CODE_OK; i++)
		if (hint[i] > 0)
			code = mlr_decide(mlr, goal, hint[i], &class);
	while (code == CODE_OK) {
		double load;

		*bounds = mlr_bounds_of(mlr, goal);
		load = mlr_choose(mlr, goal, bounds, steps, guess);
		if (load == 0)
			break;
		/* An inversion between them leaves nothing to choose from. */
		if (mlr_classify(goal, mlr->log, mlr->first, load) != MLR_UNDECIDED)
			break;
		code = mlr_decide(mlr, goal, load, &class);
		steps++;
	}
	return code;
}

/* The goal as it is while trials are short: one decides, and the width is wider. */
static struct mlr_goal mlr_stage(const struct mlr_goal *goal, double seconds)
{
	struct mlr_goal stage = *goal;

	if (seconds >= goal->final_s)
		return stage;
	stage.final_s = stage.sum_s = seconds;
	stage.width = fmin(goal->width * sqrt(goal->final_s / seconds), 0.5);
	return stage;
}

static int mlr_goal_search(struct mlr *mlr, const struct mlr_goal *goal, double guess,
			   struct mlr_bounds *bounds)
{
	double seconds = fmin(goal->initial_s, goal->final_s);
	int code;

	*bounds = (struct mlr_bounds){ 0 };
	for (;;) {
		struct mlr_goal stage = mlr_stage(goal, seconds);

		code = mlr_narrow(mlr, &stage, guess, bounds);
		if (code != CODE_OK || seconds >= goal->final_s)
			return code;
		seconds = fmin(seconds * MLR_STAGE_FACTOR, goal->final_s);
	}
}

/* ---- The search ---- */

static double mlr_first_duration(const struct mlr_input *input)
{
	double seconds = INFINITY;

	for (size_t i = 0; i < input->goals; i++)
		seconds = fmin(seconds, fmin(input->goal[i].initial_s, input->goal[i].final_s));
	return seconds;
}

/* Where to begin: what came through of the largest load. */
static int mlr_guess(struct mlr *mlr, double *guess)
{
	double loss = 0;
	int code = mlr_measure(mlr, mlr->input->max_load, mlr_first_duration(mlr->input), &loss);

	*guess = mlr_clamp(mlr, mlr->input->max_load * (1 - loss));
	return code;
}

static struct mlr_result mlr_result_of(const struct mlr *mlr, const struct mlr_goal *goal)
{
	struct mlr_bounds bounds = mlr_bounds_of(mlr, goal);
	struct mlr_result result = { .lower = bounds.lower, .upper = bounds.upper };

	if (bounds.lower > 0)
		result.throughput = mlr_conditional_throughput(goal, mlr->log, mlr->first,
							       bounds.lower);
	if (bounds.lower == 0)
		result.irregular = MLR_BELOW_MIN;
	else if (bounds.upper == 0)
		result.irregular = MLR_ABOVE_MAX;
	else if (!mlr_is_narrow(&bounds, goal->width))
		result.irregular = MLR_WIDE;
	return result;
}

/* Trials for a later goal may have undone a bound of an earlier one: then once more. */
static bool mlr_is_done(const struct mlr *mlr, const struct mlr_goal *goal)
{
	struct mlr_bounds bounds = mlr_bounds_of(mlr, goal);

	return mlr_is_narrow(&bounds, goal->width) ||
	       (bounds.upper == 0 && bounds.lower >= mlr->input->max_load) ||
	       (bounds.lower == 0 && bounds.upper > 0 && bounds.upper <= mlr->input->min_load);
}

int mlr_search(const struct mlr_input *input, struct trial_path *path, struct trial_log *log,
	       struct mlr_result *result)
{
	struct mlr mlr = { input, path, log, log->count };
	struct mlr_bounds bounds;
	double guess = 0;
	int code = mlr_guess(&mlr, &guess);

	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < input->goals && code == CODE_OK; i++)
			if (!mlr_is_done(&mlr, &input->goal[i]))
				code = mlr_goal_search(&mlr, &input->goal[i], guess, &bounds);
	for (size_t i = 0; i < input->goals; i++)
		result[i] = mlr_result_of(&mlr, &input->goal[i]);
	return code;
}
