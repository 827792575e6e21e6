/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The structures that are shared with the device, byte by byte: offsets and numbers as
 * the specification lists them, written down here a second time and not computed.
 */
#include "tests/unit/test.h"

#include "driver/spec/net.h"
#include "driver/spec/pci.h"
#include "driver/spec/virtio.h"

#define AT(type, member, offset) _Static_assert(offsetof(type, member) == (offset), #member)

AT(struct split_desc, addr, 0);
AT(struct split_desc, len, 8);
AT(struct split_desc, flags, 12);
AT(struct split_desc, next, 14);
AT(struct split_avail, flags, 0);
AT(struct split_avail, idx, 2);
AT(struct split_avail, ring, 4);
AT(struct split_used_elem, id, 0);
AT(struct split_used_elem, len, 4);
AT(struct split_used, flags, 0);
AT(struct split_used, idx, 2);
AT(struct split_used, ring, 4);
AT(struct packed_desc, addr, 0);
AT(struct packed_desc, len, 8);
AT(struct packed_desc, id, 12);
AT(struct packed_desc, flags, 14);
AT(struct packed_event, desc, 0);
AT(struct packed_event, flags, 2);
AT(struct net_hdr, flags, 0);
AT(struct net_hdr, gso_type, 1);
AT(struct net_hdr, hdr_len, 2);
AT(struct net_hdr, gso_size, 4);
AT(struct net_hdr, csum_start, 6);
AT(struct net_hdr, csum_offset, 8);
AT(struct net_hdr, num_buffers, 10);

/* proves: GEN-46 */
static void structures_are_as_on_the_wire(void **state)
{
	/* Two in a row, and what is written shows up where it belongs. */
	struct split_desc split[2] = { [1] = {
		vn_to_le64(0x0807060504030201), vn_to_le32(0x0c0b0a09),
		vn_to_le16(0x0e0d), vn_to_le16(0x100f),
	} };
	struct packed_desc packed;
	struct net_hdr header = {
		1, 2, vn_to_le16(0x0403), vn_to_le16(0x0605), vn_to_le16(0x0807),
		vn_to_le16(0x0a09), vn_to_le16(0x0c0b),
	};

	(void)state;
	vn_store64(&packed.addr, 0x0807060504030201);
	vn_store32(&packed.len, 0x0c0b0a09);
	vn_store16(&packed.id, 0x0e0d);
	vn_store16(&packed.flags, 0x100f);
	assert_int_equal(sizeof(split), 32);
	assert_int_equal(sizeof(packed), 16);
	assert_int_equal(sizeof(struct packed_event), 4);
	assert_int_equal(sizeof(struct split_used_elem), 8);
	assert_int_equal(sizeof(header), 12);
	for (unsigned int i = 0; i < 16; i++) {
		assert_int_equal(((uint8_t *)&split[1])[i], i + 1);
		assert_int_equal(((uint8_t *)&packed)[i], i + 1);
		if (i < 12)
			assert_int_equal(((uint8_t *)&header)[i], i + 1);
	}
}

/* The words that are read and written as one: the second half of a descriptor, and what
 * a used ring's entry says. */
static void pieces_of_a_word_are_where_they_lie(void **state)
{
	static const uint8_t bytes[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	le64 word;

	(void)state;
	memcpy(&word, bytes, sizeof(word));
	assert_int_equal(vn_load64(&word), 0x0807060504030201);
	assert_int_equal(vn_load64_flagged(&word), 0x0807060504030201);
	assert_int_equal(vn_load32((le32 *)&word), 0x04030201);
	assert_int_equal(vn_load16((le16 *)&word), 0x0201);
	assert_int_equal(vn_from_le64(word), 0x0807060504030201);
	assert_int_equal(vn_from_le32(vn_to_le32(0x04030201)), 0x04030201);
	assert_int_equal(vn_from_le16(vn_to_le16(0x0201)), 0x0201);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(structures_are_as_on_the_wire),
		cmocka_unit_test(pieces_of_a_word_are_where_they_lie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
