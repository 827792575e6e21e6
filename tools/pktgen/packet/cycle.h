/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames that come round, by their number, or by their size and the last byte of their number in
 * the track: what changes in the headers of each of them, checksums included, is made beforehand.
 */
#ifndef VIONET_TOOLS_CYCLE_H
#define VIONET_TOOLS_CYCLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "tools/pktgen/packet/payload.h"
#include "tools/shared/bytes.h"

#define CYCLE_BYTES_MIN 16u
#define CYCLE_SIZES_MAX 8u

struct template;

struct cycle_size {
	uint32_t size, padded;
	uint32_t first;	  /* of the frames of this size the one with number 0 */
	uint32_t payload; /* bytes of it, without a signature */
};

/* Of each of `count` frames `bytes` bytes from `at` on, at least CYCLE_BYTES_MIN. */
struct cycle {
	uint8_t *frames; /* NULL: there is none */
	uint32_t at, bytes, count;
	/* 0: frame number n is as number n % count, and that is all. Else payload changes, or its length; number s in
	 * its track is as number (s & mask) of its size. */
	uint32_t sizes, mask;
	struct cycle_size *size;
	uint32_t headers;    /* in front of the payload */
	const uint8_t *body; /* NULL: the payload is numbered */
};

/* Make it, in at most so many bytes. Returns how many it takes; 0: the frames do not come round, or not in so few. */
size_t cycle_make(struct template *template, size_t most);
void cycle_free(struct template *template);
const struct cycle *cycle_of(const struct template *template);

/* With sizes: which of them frames number n, n + step, ... have. */
void cycle_choose(const struct template *template, uint64_t n, uint64_t step, uint32_t count, uint8_t *which);

/* What is behind the headers, but for a signature. `s`: the number in the track. */
static inline void cycle_fill(const struct cycle *cycle, uint8_t *frame, const struct cycle_size *size, uint64_t s)
{
	uint8_t *payload = frame + cycle->headers;

	if (cycle->body == NULL)
		payload_number(payload, size->payload, s);
	else
		bytes_copy(payload, cycle->body, size->payload);
	if (size->padded > size->size)
		memset(frame + size->size, 0, size->padded - size->size);
}

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
