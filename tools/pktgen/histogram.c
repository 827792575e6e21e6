/* SPDX-License-Identifier: BSD-3-Clause */
/* No value takes longer than another. */
#include "tools/pktgen/histogram.h"

#define SUB (1U << HISTOGRAM_BITS)

/*
 * The bucket of a value: its highest HISTOGRAM_BITS + 1 bits, and how far they
 * were shifted. Without a shift the first two rows fall together into exact
 * buckets.
 */
static unsigned int histogram_bucket_of(uint64_t value)
{
	unsigned int shift;

	if (value < SUB)
		return (unsigned int)value;
	shift = 63U - (unsigned int)__builtin_clzll(value) - HISTOGRAM_BITS;
	return shift * SUB + (unsigned int)(value >> shift);
}

uint64_t histogram_bucket_top(unsigned int bucket)
{
	unsigned int shift;
	uint64_t high;

	if (bucket < 2 * SUB)
		return bucket;
	shift = bucket / SUB - 1;
	high = bucket - shift * SUB;
	/* One more would overflow in the last bucket: subtract first. */
	return (high << shift) + ((1ULL << shift) - 1);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	if (histogram->count == 0 || value < histogram->min)
		histogram->min = value;
	if (value > histogram->max)
		histogram->max = value;
	histogram->count++;
	histogram->sum += (long double)value;
	histogram->bucket[histogram_bucket_of(value)]++;
}

void histogram_join(struct histogram *histogram, const struct histogram *other)
{
	if (other->count == 0)
		return;
	if (histogram->count == 0 || other->min < histogram->min)
		histogram->min = other->min;
	if (other->max > histogram->max)
		histogram->max = other->max;
	histogram->count += other->count;
	histogram->sum += other->sum;
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++)
		histogram->bucket[i] += other->bucket[i];
}

double histogram_average(const struct histogram *histogram)
{
	if (histogram->count == 0)
		return 0;
	return (double)(histogram->sum / (long double)histogram->count);
}

uint64_t histogram_percentile(const struct histogram *histogram,
			      unsigned int per_mille)
{
	uint64_t whole = histogram->count / 1000 * per_mille;
	uint64_t rest = histogram->count % 1000 * per_mille;
	uint64_t rank = whole + (rest + 999) / 1000;
	uint64_t seen = 0;

	if (histogram->count == 0)
		return 0;
	if (rank == 0)
		return histogram->min;
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += histogram->bucket[i];
		if (seen >= rank)
			return histogram_bucket_top(i) < histogram->max ?
				       histogram_bucket_top(i) :
				       histogram->max;
	}
	return histogram->max;
}
