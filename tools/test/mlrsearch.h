/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Multiple Loss Ratio search (draft-ietf-bmwg-mlrsearch-15): the highest loads that meet several
 * goals, in one search. Terms are the draft's. This is its Controller; the Measurer is a
 * struct trial_path, the Manager is the command.
 */
#ifndef VIONET_TOOLS_MLRSEARCH_H
#define VIONET_TOOLS_MLRSEARCH_H

#include "tools/test/trial.h"

#define MLR_GOALS_MAX 8

struct mlr_goal { /* Search Goal */
	const char *name;
	double final_s;	     /* Goal Final Trial Duration */
	double sum_s;	     /* Goal Duration Sum */
	double loss_ratio;   /* Goal Loss Ratio */
	double exceed_ratio; /* Goal Exceed Ratio */
	double width;	     /* Goal Width: of the upper bound, (upper - lower) / upper */
	double initial_s;    /* Goal Initial Trial Duration */
};

struct mlr_input { /* Controller Input */
	const struct mlr_goal *goal;
	size_t goals;
	double min_load, max_load; /* frames a second and direction */
	uint32_t size;
};

/* Why there is no Regular Goal Result. */
enum mlr_irregular {
	MLR_REGULAR,
	MLR_ABOVE_MAX, /* the largest load is a lower bound: there may be more */
	MLR_BELOW_MIN, /* the smallest load is an upper bound */
	MLR_WIDE,      /* the bounds are further apart than the goal's width */
};

struct mlr_result { /* Goal Result; loads are 0 where there is none */
	enum mlr_irregular irregular;
	double lower, upper; /* Relevant Lower and Upper Bound */
	double throughput;   /* Conditional Throughput */
};

enum mlr_class { MLR_UNDECIDED,
		 MLR_LOWER,
		 MLR_UPPER };

/* Sums of Trial Effective Durations at one load, as the draft's appendix A names them. */
struct mlr_sums {
	double full_low, full_high, short_low, short_high;
};

enum mlr_class mlr_classify_sums(const struct mlr_goal *goal, const struct mlr_sums *sums);

/* A load by all trials in results first, first + 1, ... of the log that were made at it. */
enum mlr_class mlr_classify(const struct mlr_goal *goal, const struct trial_log *log, size_t first,
			    double load);
double mlr_conditional_throughput(const struct mlr_goal *goal, const struct trial_log *log,
				  size_t first, double load);

/*
 * Search; trials are added to `log`. `result` has one for each goal. The order of goals is the
 * order of work: the one with the lowest loss ratio belongs in front. Returns an exit code.
 */
int mlr_search(const struct mlr_input *input, struct trial_path *path, struct trial_log *log,
	       struct mlr_result *result);

#endif
