/* SPDX-License-Identifier: BSD-3-Clause */
/* Signatures at the end of frames (tools/pktgen/packet/signature.h): one by one, in rows, one after the other. */
#include "tests/unit/flow_builder.h"

#include "tools/pktgen/packet/signature.h"
#include "tools/pktgen/packet/template_private.h"

static void signatures_are_read_back(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 100000; i++) {
		uint8_t at[SIGNATURE_SIZE];
		struct signature found;
		uint64_t sequence = i < 10 ? -(uint64_t)i : template_hash(1, i);
		uint64_t now = i < 10 ? 0 : template_hash(2, i);

		signature_write(at, (uint32_t)template_hash(3, i) & -(i > 9), sequence, now);
		assert_int_equal(ones_sum(0, at, sizeof(at)), SIGNATURE_SUM);
		assert_true(signature_read(at, &found));
		assert_int_equal(found.track, (uint32_t)template_hash(3, i) & -(i > 9));
		assert_true(found.sequence == sequence << 16 >> 16);
		assert_true(found.time == now << 16 >> 16);
		at[i % SIGNATURE_SIZE] ^= (uint8_t)(1 << i % 8);
		assert_false(signature_read(at, &found));
	}
}

/* Rows of signatures are what they are one by one, past the place where the check begins anew. */
static void rows_of_signatures(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 2000; i++) {
		uint64_t sequence = template_hash(4, i) & ~UINT64_C(0xffff), now = template_hash(5, i);
		uint32_t track = (uint32_t)template_hash(6, i);
		struct signature_row row = signature_row(track, sequence, now);

		for (uint32_t j = 0; j < (i < 3 ? 0x10000 : 64); j++) {
			uint8_t one[SIGNATURE_SIZE], next[SIGNATURE_SIZE];

			signature_write(one, track, sequence + j, now);
			signature_next_number(&row, next);
			assert_memory_equal(next, one, sizeof(one));
		}
		row = signature_row(track, sequence, now);
		for (uint32_t j = 0; j < 64; j++) {
			uint8_t one[SIGNATURE_SIZE], next[SIGNATURE_SIZE];

			signature_write(one, track + j, sequence, now);
			signature_next_track(&row, next);
			assert_memory_equal(next, one, sizeof(one));
		}
	}
}

/* What follows is known by all of its bytes, and nothing follows where 16 bits of the number overflow. */
static void signatures_that_follow(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 300; i++) {
		uint64_t sequence = template_hash(4, i) & SIGNATURE_48_BITS, now = template_hash(5, i);
		uint32_t track = (uint32_t)template_hash(6, i);
		struct signature_next next;
		uint8_t one[SIGNATURE_SIZE];

		sequence |= i % 3 == 0 ? 0xffe0 : 0;
		signature_write(one, track, sequence, now);
		signature_begin(&next, one);
		for (uint32_t j = 1; j < 64; j++, signature_step(&next)) {
			signature_write(one, track, sequence + j, now);
			if ((sequence & 0xffff) + j > 0xffff) {
				assert_false(signature_is_next(&next, one));
				break;
			}
			assert_true(signature_is_next(&next, one));
			one[j % SIGNATURE_SIZE] ^= (uint8_t)(1U << j % 8);
			assert_false(signature_is_next(&next, one));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_read_back),
		cmocka_unit_test(rows_of_signatures),
		cmocka_unit_test(signatures_that_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
