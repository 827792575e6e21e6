/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes count down, and repeat after 256: all is a piece of one table, which makes copying and comparing cheap. */
#include "tools/pktgen/packet/payload.h"

#include <string.h>

#include "tools/shared/bytes.h"

#define PAYLOAD_8(value) \
	(value), (value)-1, (value)-2, (value)-3, (value)-4, (value)-5, (value)-6, (value)-7
#define PAYLOAD_64(value)                                                                     \
	PAYLOAD_8(value), PAYLOAD_8((value)-8), PAYLOAD_8((value)-16), PAYLOAD_8((value)-24), \
		PAYLOAD_8((value)-32), PAYLOAD_8((value)-40), PAYLOAD_8((value)-48), PAYLOAD_8((value)-56)
#define PAYLOAD_256 PAYLOAD_64(255), PAYLOAD_64(191), PAYLOAD_64(127), PAYLOAD_64(63)

static const uint8_t payload_table[2048] = { PAYLOAD_256, PAYLOAD_256, PAYLOAD_256, PAYLOAD_256,
					     PAYLOAD_256, PAYLOAD_256, PAYLOAD_256, PAYLOAD_256 };

/* Bytes of a piece between two repeats of its start. */
#define PAYLOAD_STEP 1792

/* Where in the table a piece starts whose first byte is `first`. */
static const uint8_t *payload_piece(uint64_t first)
{
	return payload_table + (uint8_t)~first;
}

void payload_number(uint8_t *at, uint32_t length, uint64_t sequence)
{
	const uint8_t *piece = payload_piece(sequence + length - 1);

	for (; length > PAYLOAD_STEP; length -= PAYLOAD_STEP, at += PAYLOAD_STEP)
		bytes_copy(at, piece, PAYLOAD_STEP);
	bytes_copy(at, piece, length);
}

void payload_sums_init(struct payload_sums *sums)
{
	sums->before[0] = 0;
	sums->before[1] = 0;
	for (uint32_t i = 2; i < PAYLOAD_SUMS; i++)
		sums->before[i] = sums->before[i - 2] + bytes_get16(payload_table + i - 2);
}

bool payload_check(const uint8_t *bytes, uint32_t length, uint32_t distance, uint64_t sequence)
{
	const uint8_t *piece = payload_piece(sequence + distance);

	for (; length > PAYLOAD_STEP; length -= PAYLOAD_STEP, bytes += PAYLOAD_STEP)
		if (memcmp(bytes, piece, PAYLOAD_STEP) != 0)
			return false;
	return memcmp(bytes, piece, length) == 0;
}
