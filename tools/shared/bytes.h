/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers in network byte order, and one's complement sums (RFC 1071) as plain integers: any number with the same
 * rest modulo 65535, 0 only for all zeros. */
#ifndef VIONET_TOOLS_BYTES_H
#define VIONET_TOOLS_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define BYTES_SWAP(bits, value) (value)
#else
#define BYTES_SWAP(bits, value) __builtin_bswap##bits(value)
#endif

static inline uint32_t bytes_get16(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return (uint16_t)BYTES_SWAP(16, value);
}

static inline uint32_t bytes_get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return BYTES_SWAP(32, value);
}

static inline uint64_t bytes_get64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return BYTES_SWAP(64, value);
}

static inline void bytes_put16(uint8_t *at, uint32_t value)
{
	uint16_t bytes = (uint16_t)BYTES_SWAP(16, (uint16_t)value);

	memcpy(at, &bytes, sizeof(bytes));
}

static inline void bytes_put32(uint8_t *at, uint32_t value)
{
	value = BYTES_SWAP(32, value);
	memcpy(at, &value, sizeof(value));
}

static inline void bytes_put64(uint8_t *at, uint64_t value)
{
	value = BYTES_SWAP(64, value);
	memcpy(at, &value, sizeof(value));
}

/* As memcpy, where it is often hundreds of bytes: for a memcpy of unknown length gcc writes "rep
 * movs" in line, which begins slowly; of memmove it makes a call, and the C library chooses by
 * processor and length. */
static inline void bytes_copy(void *to, const void *from, size_t length)
{
	memmove(to, from, length);
}

/* Sum of the words of a number, in 33 bits. */
static inline uint64_t sum_halve(uint64_t value)
{
	return (value >> 32) + (uint32_t)value;
}

/* In 16 bits. Added to itself with its halves exchanged, a number has the sum of both in its upper half, the carry
 * around the end included. */
static inline uint32_t sum_fold(uint64_t sum)
{
	uint32_t half = (uint32_t)((sum + (sum << 32 | sum >> 32)) >> 32);

	return (half + (half << 16 | half >> 16)) >> 16;
}

/* Sums of bytes as they lie in memory: in the other order a sum is the same number with its bytes exchanged (RFC 1071,
 * 2 (B)). The carry goes around the end. */
static inline uint64_t sum_add64(uint64_t sum, const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	sum += word;
	return sum + (sum < word);
}

static inline uint64_t sum_add32(uint64_t sum, const uint8_t *bytes)
{
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	sum += word;
	return sum + (sum < word);
}

/* From an even place on; an odd last byte is the high half of a word. */
static inline uint64_t sum_add(uint64_t sum, const uint8_t *bytes, uint32_t length)
{
	uint8_t rest[4] = { 0 };

	for (; length >= 8; length -= 8, bytes += 8)
		sum = sum_add64(sum, bytes);
	if (length >= 4) {
		sum = sum_add32(sum, bytes);
		bytes += 4;
	}
	if ((length & 3) == 0)
		return sum;
	if (length & 2)
		memcpy(rest, bytes, 2);
	if (length & 1)
		rest[length & 2] = bytes[length & 2];
	return sum_add32(sum, rest);
}

/* Its value, in 16 bits. */
static inline uint32_t sum_of(uint64_t sum)
{
	return (uint16_t)BYTES_SWAP(16, (uint16_t)sum_fold(sum));
}

static inline uint64_t sum_bytes(const uint8_t *bytes, uint32_t length)
{
	return sum_of(sum_add(0, bytes, length));
}

#endif
