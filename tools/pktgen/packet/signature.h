/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A tracked frame ends with a signature of 18 bytes, in network byte order:
 *   offset 0   2 bytes  check: the one's complement sum of all nine words is SIGNATURE_SUM
 *          2   4 bytes  track id
 *          6   6 bytes  sequence number in the track, from 0
 *         12   6 bytes  time of sending, ns of the sender's CLOCK_MONOTONIC, lowest 48 bits
 * Its sum is the same in each frame: checksums around it are made without it, and it is written last. At the end it is
 * found whatever a switch has put in front (tags, tunnels).
 */
#ifndef VIONET_TOOLS_SIGNATURE_H
#define VIONET_TOOLS_SIGNATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/shared/bytes.h"

#define SIGNATURE_SIZE 18
#define SIGNATURE_SUM 0x564e
#define SIGNATURE_48_BITS ((UINT64_C(1) << 48) - 1)

struct signature {
	uint32_t track;
	uint64_t sequence; /* 48 bits */
	uint64_t time;	   /* 48 bits */
};

static inline void signature_write(uint8_t *at, uint32_t track, uint64_t sequence, uint64_t now_ns)
{
	uint64_t front = (uint64_t)track << 32 | (sequence >> 16 & UINT32_MAX);
	uint64_t back = sequence << 48 | (now_ns & SIGNATURE_48_BITS);

	/* What is left of a multiple of 65535 that is larger than the sum. */
	bytes_put16(at, sum_fold(SIGNATURE_SUM + UINT64_C(0xffff0000ffff) - sum_halve(front) - sum_halve(back)));
	bytes_put64(at + 2, front);
	bytes_put64(at + 10, back);
}

/* Signatures of one time. Either of one track, and numbers that follow each other and have the same highest 32 bits, or
 * of one number, and tracks that follow each other. */
struct signature_row {
	uint64_t front, back; /* in network byte order; of back without the number */
	uint32_t check, number, track;
};

static inline struct signature_row signature_row(uint32_t track, uint64_t sequence, uint64_t now_ns)
{
	struct signature_row row = { .number = (uint32_t)(sequence & 0xffff), .track = track };
	uint8_t first[SIGNATURE_SIZE];

	signature_write(first, track, sequence, now_ns);
	row.check = bytes_get16(first);
	memcpy(&row.front, first + 2, sizeof(row.front));
	bytes_put16(first + 10, 0);
	memcpy(&row.back, first + 10, sizeof(row.back));
	return row;
}

static inline void signature_put(struct signature_row *row, uint8_t *at)
{
	bytes_put16(at, row->check);
	memcpy(at + 2, &row->front, sizeof(row->front));
	memcpy(at + 10, &row->back, sizeof(row->back));
	bytes_put16(at + 10, row->number);
	row->check = row->check != 1 ? row->check - 1 : 0xffff; /* one's complement */
}

static inline void signature_next_number(struct signature_row *row, uint8_t *at)
{
	signature_put(row, at);
	row->number++;
}

static inline void signature_next_track(struct signature_row *row, uint8_t *at)
{
	signature_put(row, at);
	bytes_put32(at + 2, row->track);
	row->track++;
}

/* Is there one in these 18 bytes? */
static inline bool signature_read(const uint8_t *at, struct signature *found)
{
	uint64_t front = bytes_get64(at + 2);
	uint64_t back = bytes_get64(at + 10);

	if (sum_fold(bytes_get16(at) + sum_halve(front) + sum_halve(back)) != SIGNATURE_SUM)
		return false;
	found->track = (uint32_t)(front >> 32);
	found->sequence = (front & UINT32_MAX) << 16 | back >> 48;
	found->time = back & SIGNATURE_48_BITS;
	return true;
}

/* What follows a signature in its track, of the same time. Where the lowest 16 bits of the number overflow nothing does: the
 * check is never that of number 0. */
struct signature_next {
	uint64_t front, back;
	uint32_t check;
};

static inline void signature_step(struct signature_next *next)
{
	next->back += UINT64_C(1) << 48;
	next->check = next->check != 1 ? next->check - 1 : 0xffff; /* one's complement */
}

/* Behind the one of these 18 bytes. */
static inline void signature_begin(struct signature_next *next, const uint8_t *at)
{
	next->check = bytes_get16(at);
	next->front = bytes_get64(at + 2);
	next->back = bytes_get64(at + 10);
	signature_step(next);
}

static inline bool signature_is_next(const struct signature_next *next, const uint8_t *at)
{
	return bytes_get16(at) == next->check && bytes_get64(at + 2) == next->front &&
	       bytes_get64(at + 10) == next->back;
}

#endif
