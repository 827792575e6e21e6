/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A log-linear histogram of 64-bit values in 15 KiB. One thread adds; others may read it
 * meanwhile, and see each number as it was a moment ago.
 *
 * Values below 32 are exact; above, each power of two is split into 32 buckets,
 * so that a percentile is at most 1/32 (3.2 %) too high, never too low. Minimum,
 * maximum and average are exact.
 */
#ifndef VIONET_TOOLS_HISTOGRAM_H
#define VIONET_TOOLS_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BITS 5
#define HISTOGRAM_BUCKETS ((64 - HISTOGRAM_BITS + 1) << HISTOGRAM_BITS)

/* Zero-filled is empty. */
struct histogram {
	uint64_t count;
	uint64_t min;
	uint64_t max;
	double sum;
	uint64_t bucket[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t value);
/* The same value `count` times. */
void histogram_add_many(struct histogram *histogram, uint64_t value, uint64_t count);

/* Empty again, without a look at what was empty. */
void histogram_clear(struct histogram *histogram);

/* Add all values of another one. */
void histogram_join(struct histogram *histogram, const struct histogram *other);

/* The largest value that falls into a bucket. */
uint64_t histogram_bucket_top(unsigned int bucket);

/* The average, 0 if empty. */
double histogram_average(const struct histogram *histogram);

/* The value that `per_mille` thousandths of all values do not exceed (500: the
 * median); 0 if empty. */
uint64_t histogram_percentile(const struct histogram *histogram,
			      unsigned int per_mille);
/* The same for several, in rising order. */
void histogram_percentiles(const struct histogram *histogram, const unsigned int *per_mille,
			   size_t count, uint64_t *value);

#endif
