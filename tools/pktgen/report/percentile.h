/* SPDX-License-Identifier: BSD-3-Clause */
/* The percentiles that HdrHistogram shows: five steps to each halving of what is left. */
#ifndef VIONET_TOOLS_PERCENTILE_H
#define VIONET_TOOLS_PERCENTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/histogram.h"

struct percentile {
	/* The line that was made last. */
	uint64_t value, count; /* so many values are not above it */
	double share;	       /* the percentile, 0 to 1 */
	/* For the next one. */
	const struct histogram *histogram;
	unsigned int bucket;
	double next; /* share that it has to reach */
	bool ended;
};

void percentile_start(struct percentile *percentile, const struct histogram *histogram);
/* False: that was all. */
bool percentile_next(struct percentile *percentile);

/* Standard deviation, by the middle of each bucket. */
double percentile_deviation(const struct histogram *histogram);

#endif
