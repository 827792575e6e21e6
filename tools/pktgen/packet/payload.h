/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbered payload: the byte at distance d in front of the signature (0: the last one) is (sequence + d) & 0xff. */
#ifndef VIONET_TOOLS_PAYLOAD_H
#define VIONET_TOOLS_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

/* Write `length` bytes, the last one directly in front of the signature. */
void payload_number(uint8_t *at, uint32_t length, uint64_t sequence);

#define PAYLOAD_SUMS (2 * 256 + 2)

/* before[i]: the words at i - 2, i - 4, ... of a row that counts down from 255; any piece's sum is a difference. */
struct payload_sums {
	uint32_t before[PAYLOAD_SUMS];
};

void payload_sums_init(struct payload_sums *sums);

/* The one's complement sum (bytes.h) of what payload_number writes, the first byte at an even place. */
static inline uint64_t payload_sum(const struct payload_sums *sums, uint32_t length, uint64_t sequence)
{
	uint32_t first = (uint8_t)(sequence + length - 1);
	const uint32_t *before = sums->before + (255 - first);
	uint32_t rest = length % 256;
	uint64_t sum = (uint64_t)(length / 256) * (before[256] - before[0]);

	sum += before[rest & ~1U] - before[0];
	/* An odd last byte is the high half of a word. */
	if (rest & 1)
		sum += (uint64_t)(uint8_t)(first - (rest - 1)) << 8;
	return sum;
}

/* Are these `length` bytes right, the first of them at `distance`? `distance` is at least length - 1. */
bool payload_check(const uint8_t *bytes, uint32_t length, uint32_t distance, uint64_t sequence);

#endif
