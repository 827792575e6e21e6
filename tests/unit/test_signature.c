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

/* A row is what its signatures are one by one, until another byte changes. Returns how long it was. */
static uint32_t check_row(uint32_t track, uint64_t sequence, uint64_t now, bool tracks)
{
	struct signature_row row;
	uint32_t length = signature_row(&row, track, sequence, now, tracks);

	assert_in_range(length, 1, 256 - (tracks ? track & 0xff : sequence & 0xff));
	for (uint32_t i = 0; i < length; i++) {
		uint8_t one[SIGNATURE_SIZE], next[SIGNATURE_SIZE];

		signature_write(one, track + (tracks ? i : 0), sequence + (tracks ? 0 : i), now);
		signature_put(&row, next);
		signature_next(&row);
		assert_memory_equal(next, one, sizeof(one));
	}
	return length;
}

/* Rows behind rows, past the places where a byte overflows and where the check begins anew; few of them are short. */
static void rows_of_signatures(void **state)
{
	uint64_t now = template_hash(5, 0);
	uint32_t rows[2] = { 0 };

	(void)state;
	for (uint32_t tracks = 0; tracks < 2; tracks++)
		for (uint32_t i = 0; i < 0x20000; rows[tracks]++)
			i += check_row(tracks ? 0xffff0000 + i : 7, (tracks ? 9 : 0xfffffff0000) + i * !tracks, now, tracks);
	assert_in_range(rows[0], 0x200, 2 * 0x200 + 3 * 4);
	assert_in_range(rows[1], 0x200, 2 * 0x200 + 3 * 4);
	for (uint32_t i = 0; i < 20000; i++)
		check_row((uint32_t)template_hash(6, i), template_hash(4, i), template_hash(7, i), i % 2 != 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures_are_read_back),
		cmocka_unit_test(rows_of_signatures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
