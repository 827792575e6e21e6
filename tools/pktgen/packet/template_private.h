/* SPDX-License-Identifier: BSD-3-Clause */
/* What a compiled flow is made of: for template.c, which builds frames, and the compiler. */
#ifndef VIONET_TOOLS_TEMPLATE_PRIVATE_H
#define VIONET_TOOLS_TEMPLATE_PRIVATE_H

#include "tools/shared/bytes.h"
#include "tools/pktgen/packet/cycle.h"
#include "tools/pktgen/packet/payload.h"
#include "tools/pktgen/packet/signature.h"
#include "tools/pktgen/packet/template.h"

#define TEMPLATE_SUMS_MAX 32
#define TEMPLATE_FRAME_MIN 60 /* without FCS */

/* n % divisor without a division, for n below 2^63; n itself for divisor 0; not for 1. Source:
 * Granlund, Montgomery, "Division by Invariant Integers using Multiplication" (1994), theorem 4.2
 * with N = 63. */
struct template_divisor {
	uint64_t divisor;
	uint64_t magic;
	uint32_t shift;
};

/* What a field, or the result of a checksum, adds to another sum: its value times 2^shift (RFC 1071: sums know no
 * word boundaries beyond that). */
struct template_term {
	uint8_t sum;
	uint8_t shift;
};

enum template_op_kind {
	OP_STEP16, /* start + i * step, in words of their own */
	OP_STEP32,
	OP_STEP,   /* the same modulo 2^64, anywhere */
	OP_VALUES, /* values[i] */
	OP_RANDOM, /* start + hash of i, below `step` (0: 2^64) */
	OP_WIDE,   /* half of a number of 128 bits */
	OP_LENGTH, /* start + size of the frame, modulo 2^64 */
};

/* Half of a field of 128 bits whose halves are not independent. */
struct template_wide {
	bool random; /* start + hash of i, below `step` (0: 2^128); else start + i * step */
	bool upper;
	traffic_value start, step;
};

/* One value that changes, i = n % divisor: where it goes in the frame, and into which sums. */
struct template_op {
	uint8_t kind;
	uint8_t unit;	      /* bytes that are written: 1, 2, 4, 8; 0: none, for sums only */
	uint8_t shift;	      /* of the value in the unit */
	bool merge;	      /* other bits of the unit stay */
	uint32_t at;	      /* of the unit */
	uint32_t term, terms; /* none: the next op's */
	struct template_divisor divisor;
	uint64_t mask; /* of the value */
	uint64_t start, step;
	uint64_t seed;
	const uint64_t *values;
	const struct template_wide *wide;
};

/* A checksum that changes from frame to frame, innermost first: each result is a part of those around it. */
struct template_sum {
	uint32_t at;
	uint32_t base; /* sum of all that does not change */
	uint32_t term, terms;
	uint8_t payload_shift; /* 0 or 8 */
	bool payload;	       /* is in it */
	bool bad;
	bool partial;  /* of the pseudo header: the device does the rest */
	uint16_t zero; /* what is written for 0: UDP's 0 is no checksum */
};

struct template_limit { /* of weighted sizes: a random number below `below` means `size` */
	uint64_t below;
	uint32_t size;
};

struct template
{
	uint8_t *head;
	uint32_t headers;
	uint32_t ops, terms, sums;
	struct template_op *op;
	struct template_term *term;
	struct template_sum sum[TEMPLATE_SUMS_MAX];

	bool track;
	bool numbered;	   /* the payload; else it is `body` */
	bool body_changes; /* payload is written for each frame */
	bool payload_sums; /* its sum changes and is needed */
	bool varies;	   /* the size */
	uint8_t *body;
	uint32_t *body_before; /* sums of body by length, where the size varies */
	struct payload_sums numbers;
	uint64_t number_sums[256]; /* fixed size: of numbered payload and signature, by the sequence's last byte */

	uint8_t size_kind; /* enum traffic_size_kind */
	uint32_t size_min, size_max, size_step;
	struct template_divisor size_count;
	struct template_limit *limit;
	uint32_t limits;
	uint64_t size_seed;
	double size_mean;
	uint32_t padded_min;

	uint32_t segment_size; /* 0: one block */
	struct template_offload offload;

	struct cycle cycle;

	void **owned; /* arrays of the ops */
	uint32_t owned_count;
};

static inline uint64_t template_modulo(const struct template_divisor *divisor, uint64_t n)
{
	__extension__ typedef unsigned __int128 product;

	return n - ((uint64_t)((product)n * divisor->magic >> 64) >> divisor->shift) * divisor->divisor;
}

static inline uint64_t template_hash(uint64_t seed, uint64_t i)
{
	uint64_t z = seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* One of `span` numbers, 0: all of 2^64. */
static inline uint64_t template_draw(uint64_t hash, uint64_t span)
{
	__extension__ typedef unsigned __int128 product;

	return span ? (uint64_t)((product)hash * span >> 64) : hash;
}

static inline uint32_t template_checksum(const struct template_sum *sum, uint64_t value)
{
	uint32_t checksum = sum_fold(value) ^ 0xffff;

	if (sum->partial)
		return checksum ^ 0xffff;
	/* Wrong in any case, and neither 0 nor its other form. */
	if (sum->bad)
		checksum = checksum == 0x5555 ? 0xaaaa : checksum ^ 0x5555;
	return checksum ? checksum : sum->zero;
}

/* Of an op in frame number n of `size`. */
uint64_t template_value(const struct template_op *op, uint64_t n, uint32_t size);

void template_divisor_init(struct template_divisor *divisor, uint64_t value);

/* Bytes of payload of a frame of `size`, without the signature (of its only block). */
static inline uint32_t template_payload(const struct template *template, uint32_t size)
{
	uint32_t rest = size - template->headers;

	return template->track && rest >= SIGNATURE_SIZE ? rest - SIGNATURE_SIZE : rest;
}

/* Sum of payload and signature, the first byte at an even place. */
uint64_t template_payload_sum(const struct template *template, uint32_t size, uint64_t sequence);

#endif
