/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/report/percentile.h"

#include <math.h>

#define PERCENTILE_STEPS 5

void percentile_start(struct percentile *percentile, const struct histogram *histogram)
{
	*percentile = (struct percentile){ .histogram = histogram,
					   .ended = histogram->count == 0 };
	percentile->count = histogram->bucket[0];
}

static uint64_t percentile_value(const struct histogram *histogram, unsigned int bucket)
{
	uint64_t top = histogram_bucket_top(bucket);

	return top < histogram->max ? top : histogram->max;
}

/* How far it is to the next line: a fifth of the way to the last halving. */
static double percentile_step(double share)
{
	double halvings = floor(log2(1 / (1 - share))) + 1;

	return 1 / (PERCENTILE_STEPS * exp2(halvings));
}

/* One division for both comparisons: they have to agree. */
static double percentile_reached(const struct percentile *percentile)
{
	return (double)percentile->count / (double)percentile->histogram->count;
}

bool percentile_next(struct percentile *percentile)
{
	const struct histogram *histogram = percentile->histogram;

	if (percentile->ended)
		return false;
	while (percentile->bucket < HISTOGRAM_BUCKETS - 1 &&
	       (percentile->count == 0 || percentile_reached(percentile) < percentile->next))
		percentile->count += histogram->bucket[++percentile->bucket];
	percentile->value = percentile_value(histogram, percentile->bucket);
	percentile->share = percentile->next;
	if (percentile->count == histogram->count) {
		percentile->share = 1;
		percentile->ended = true;
		return true;
	}
	while (percentile->next <= percentile_reached(percentile))
		percentile->next += percentile_step(percentile->next);
	return true;
}

double percentile_deviation(const struct histogram *histogram)
{
	double average = histogram_average(histogram), squares = 0;

	if (histogram->count == 0)
		return 0;
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		double low = i == 0 ? 0 : (double)histogram_bucket_top(i - 1) + 1;
		double middle = (low + (double)histogram_bucket_top(i)) / 2;

		squares += (double)histogram->bucket[i] * (middle - average) * (middle - average);
	}
	return sqrt(squares / (double)histogram->count);
}
