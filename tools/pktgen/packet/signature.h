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

/* The check of 16 bytes behind it: what is left of a multiple of 65535 that is larger than the sum. */
static inline uint32_t signature_check(uint64_t front, uint64_t back)
{
	return sum_fold(SIGNATURE_SUM + UINT64_C(0xffff0000ffff) - sum_halve(front) - sum_halve(back));
}

static inline uint64_t signature_first_half(uint32_t track, uint64_t sequence)
{
	return (uint64_t)track << 32 | (sequence >> 16 & UINT32_MAX);
}

static inline uint64_t signature_second_half(uint64_t sequence, uint64_t now_ns)
{
	return sequence << 48 | (now_ns & SIGNATURE_48_BITS);
}

static inline void signature_write(uint8_t *at, uint32_t track, uint64_t sequence, uint64_t now_ns)
{
	uint64_t front = signature_first_half(track, sequence);
	uint64_t back = signature_second_half(sequence, now_ns);

	bytes_put16(at, signature_check(front, back));
	bytes_put64(at + 2, front);
	bytes_put64(at + 10, back);
}

typedef uint8_t signature_bytes __attribute__((vector_size(16)));
typedef uint64_t signature_words __attribute__((vector_size(16)));

/* Signatures of one time that follow each other: each differs from the one before it in the last byte of what is
 * counted, and of the check. */
struct signature_row {
	signature_bytes first, step; /* of the next one all but its last two bytes, and what is added to them */
	uint16_t last;
};

/* Numbers from `sequence` on, of one track; with `tracks` tracks from `track` on, of one number. Returns how many there
 * are until another byte changes too. */
static inline uint32_t signature_row(struct signature_row *row, uint32_t track, uint64_t sequence, uint64_t now_ns,
				     bool tracks)
{
	static const signature_bytes step[] = { { 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 }, { 0, 0xff, 0, 0, 0, 1 } };
	uint64_t front = signature_first_half(track, sequence), back = signature_second_half(sequence, now_ns);
	uint32_t check = signature_check(front, back), left = 256 - (uint8_t)(tracks ? track : sequence);
	signature_words first = { BYTES_SWAP(64, (uint64_t)check << 48 | front >> 16),
				  BYTES_SWAP(64, front << 48 | back >> 16) };

	row->first = (signature_bytes)first;
	row->step = step[tracks];
	row->last = (uint16_t)BYTES_SWAP(16, (uint16_t)back);
	/* The check goes down by 1, and is never 0: one's complement. */
	check = check < 256 ? check : (uint8_t)check + 1U;
	return check < left ? check : left;
}

static inline void signature_next(struct signature_row *row)
{
	row->first += row->step;
}

static inline void signature_put(const struct signature_row *row, uint8_t *at)
{
	memcpy(at, &row->first, sizeof(row->first));
	memcpy(at + sizeof(row->first), &row->last, sizeof(row->last));
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

#endif
