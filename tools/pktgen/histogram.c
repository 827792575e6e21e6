/* SPDX-License-Identifier: BSD-3-Clause */
/* No value takes longer than another. */
#include "tools/pktgen/histogram.h"

#include <string.h>

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

static void histogram_store(uint64_t *to, uint64_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELAXED);
}

static uint64_t histogram_load(const uint64_t *from)
{
	return __atomic_load_n(from, __ATOMIC_RELAXED);
}

static void histogram_sum(struct histogram *histogram, double more)
{
	more += histogram->sum;
	__atomic_store(&histogram->sum, &more, __ATOMIC_RELAXED);
}

void histogram_add_many(struct histogram *histogram, uint64_t value, uint64_t count)
{
	uint64_t *bucket = &histogram->bucket[histogram_bucket_of(value)];

	if (count == 0)
		return;
	if (histogram->count == 0 || value < histogram->min)
		histogram_store(&histogram->min, value);
	if (value > histogram->max)
		histogram_store(&histogram->max, value);
	histogram_store(&histogram->count, histogram->count + count);
	histogram_sum(histogram, (double)value * (double)count);
	histogram_store(bucket, *bucket + count);
}

void histogram_add(struct histogram *histogram, uint64_t value)
{
	histogram_add_many(histogram, value, 1);
}

void histogram_clear(struct histogram *histogram)
{
	unsigned int first = histogram_bucket_of(histogram->min);
	unsigned int last = histogram_bucket_of(histogram->max);

	if (histogram->count != 0)
		memset(&histogram->bucket[first], 0, (last - first + 1) * sizeof(histogram->bucket[0]));
	histogram->count = histogram->min = histogram->max = 0;
	histogram->sum = 0;
}

/* `count` is what the buckets say: they may have been written since it was. Most lie between few powers of two: only
 * those buckets are looked at. */
void histogram_join(struct histogram *histogram, const struct histogram *other)
{
	uint64_t min = histogram_load(&other->min), max = histogram_load(&other->max);
	unsigned int last = histogram_bucket_of(max);
	uint64_t count = 0;
	double sum;

	if (histogram_load(&other->count) == 0)
		return;
	for (unsigned int i = histogram_bucket_of(min); i <= last; i++) {
		uint64_t values = histogram_load(&other->bucket[i]);

		histogram->bucket[i] += values;
		count += values;
	}
	if (histogram->count == 0 || min < histogram->min)
		histogram->min = min;
	if (max > histogram->max)
		histogram->max = max;
	histogram->count += count;
	__atomic_load(&other->sum, &sum, __ATOMIC_RELAXED);
	histogram->sum += sum;
}

double histogram_average(const struct histogram *histogram)
{
	if (histogram->count == 0)
		return 0;
	return histogram->sum / (double)histogram->count;
}

static uint64_t histogram_rank(const struct histogram *histogram, unsigned int per_mille)
{
	uint64_t whole = histogram->count / 1000 * per_mille;
	uint64_t rest = histogram->count % 1000 * per_mille;

	return whole + (rest + 999) / 1000;
}

/* The largest value of a bucket that is in use. */
static uint64_t histogram_value(const struct histogram *histogram, unsigned int bucket)
{
	uint64_t top = histogram_bucket_top(bucket);

	return top < histogram->max ? top : histogram->max;
}

void histogram_percentiles(const struct histogram *histogram, const unsigned int *per_mille,
			   size_t count, uint64_t *value)
{
	unsigned int bucket = histogram_bucket_of(histogram->min);
	uint64_t seen = histogram->count != 0 ? histogram->bucket[bucket] : 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t rank = histogram_rank(histogram, per_mille[i]);

		while (seen < rank && bucket + 1 < HISTOGRAM_BUCKETS)
			seen += histogram->bucket[++bucket];
		if (histogram->count == 0)
			value[i] = 0;
		else if (rank == 0)
			value[i] = histogram->min;
		else
			value[i] = histogram_value(histogram, bucket);
	}
}

uint64_t histogram_percentile(const struct histogram *histogram,
			      unsigned int per_mille)
{
	uint64_t value;

	histogram_percentiles(histogram, &per_mille, 1, &value);
	return value;
}
