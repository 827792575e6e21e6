/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames that come round: what changes in each of them, checksums included, is made beforehand. */
#ifndef VIONET_TOOLS_CYCLE_H
#define VIONET_TOOLS_CYCLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CYCLE_BYTES_MIN 16u

struct template;

/* Of each of `count` frames `bytes` bytes from `at` on, at least CYCLE_BYTES_MIN; frame number n is as number
 * n % count. */
struct cycle {
	uint8_t *frames; /* NULL: there is none */
	uint32_t at, bytes, count;
};

/* Make it, in at most so many bytes. Returns how many it takes; 0: the frames do not come round, or not in so few. */
size_t cycle_make(struct template *template, size_t most);
const struct cycle *cycle_of(const struct template *template);

/* Make the frame in a buffer that holds one of this template number i of the cycle, but for its signature. */
static inline void cycle_write(const struct cycle *cycle, uint8_t *frame, uint32_t i)
{
	uint32_t last = cycle->bytes - CYCLE_BYTES_MIN;
	const uint8_t *from = cycle->frames + (size_t)i * cycle->bytes;

	frame += cycle->at;
	memcpy(frame, from, CYCLE_BYTES_MIN);
	for (uint32_t at = CYCLE_BYTES_MIN; at < last; at += CYCLE_BYTES_MIN)
		memcpy(frame + at, from + at, CYCLE_BYTES_MIN);
	memcpy(frame + last, from + last, CYCLE_BYTES_MIN);
}

#endif
