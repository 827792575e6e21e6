/* SPDX-License-Identifier: BSD-3-Clause */
/* The capability walk over structures in every place that a valid list can name: BARs,
 * offsets, lengths, alignment, overlaps, MSI-X. */
#include "tests/unit/capability_fixture.h"

static void a14_no_such_bar(void **state)
{
	(void)state;
	config[NOTIFY + 4] = 2;
	assert_refused(-ENOTSUP, "notify structure: capability at 0x70",
		       "no BAR 2");
}

static void a14_bar_that_cannot_be_mapped(void **state)
{
	(void)state;
	/* No sparse area: fine, it is reached by reads and writes. */
	region[4].sparse_count = 0;
	assert_int_equal(walk(), 0);
}

static void a15_outside_the_bar(void **state)
{
	(void)state;
	put32(NOTIFY + 12, 0x1001);
	assert_refused(-ENOTSUP, "capability at 0x70", "0x4001");
	setup(state);
	put32(COMMON + 8, 0x4000);
	assert_refused(-ENOTSUP, "capability at 0x40", "BAR 4");
	setup(state);
	put32(NOTIFY + 12, 0x1000); /* to the last byte */
	assert_int_equal(walk(), 0);
}

static void a15_sum_wraps_32_bits(void **state)
{
	(void)state;
	put32(COMMON + 8, 0xfffff000);
	put32(COMMON + 12, 0x1040); /* 0x40 in 32 bits */
	assert_refused(-ENOTSUP, "capability at 0x40", "0x100000040");
	/* In a BAR above 4 GiB it is fine. */
	region[4].size = (uint64_t)8 << 30;
	assert_int_equal(walk(), 0);
	assert_structure(&found.common, 4, 0xfffff000, 0x1040);
}

/* proves: PCI-14 */
static void a16_structure_too_short(void **state)
{
	(void)state;
	put32(COMMON + 12, 55);
	assert_refused(-ENOTSUP, "common structure", "55 bytes, not 56");
	put32(COMMON + 12, 56);
	assert_int_equal(walk(), 0);
	put32(NOTIFY + 12, 1);
	assert_refused(-ENOTSUP, "notify structure", "1 bytes, not 2");
	put32(NOTIFY + 12, 2);
	assert_int_equal(walk(), 0);
}

static void a17_alignment(void **state)
{
	(void)state;
	put32(COMMON + 8, 2);
	assert_refused(-ENOTSUP, "capability at 0x40", "multiple of 4");
	setup(state);
	put32(NOTIFY + 8, 0x2fff);
	assert_refused(-ENOTSUP, "capability at 0x70", "multiple of 2");
	setup(state);
	put32(NOTIFY + 8, 0x2ffe);
	put32(ISR + 8, 0x1fff);
	assert_int_equal(walk(), 0);
	put32(DEVICE + 8, 0x2002);
	assert_int_equal(walk(), 0);
	assert_int_equal(found.device.size, 0);
}

static void a18_length_0(void **state)
{
	(void)state;
	put32(COMMON + 12, 0);
	assert_refused(-ENOTSUP, "common structure", "0 bytes");
	setup(state);
	put32(NOTIFY + 12, 0);
	assert_refused(-ENOTSUP, "notify structure", "0 bytes");
	setup(state);
	put32(ISR + 12, 0);
	assert_refused(-ENOTSUP, "ISR structure", "0 bytes");
	setup(state);
	put32(DEVICE + 12, 0);
	assert_int_equal(walk(), 0);
	assert_int_equal(found.device.size, 0);
}

/* proves: PCI-13 */
static void a19_length_ffffffff(void **state)
{
	(void)state;
	put32(COMMON + 12, 0xffffffff);
	assert_refused(-ENOTSUP, "capability at 0x40", "0xffffffff");
	region[4].size = (uint64_t)1 << 32;
	assert_int_equal(walk(), 0);
	assert_structure(&found.common, 4, 0, 0xffffffff);
}

static void a20_structures_may_overlap(void **state)
{
	(void)state;
	put32(ISR + 8, 0);
	put32(DEVICE + 8, 0);
	put32(NOTIFY + 8, 0);
	assert_int_equal(walk(), 0);
	assert_structure(&found.notify, 4, 0, 0x1000);
	assert_structure(&found.device, 4, 0, 0x1000);
}

static void a20_overlap_with_msix(void **state)
{
	(void)state;
	put_msix(MSIX, ACCESS, 4, 0x3ffc0 | 4, 0x800 | 1);
	region[4].size = 0x40000;
	put32(NOTIFY + 8, 0x3f000);
	assert_refused(-ENOTSUP, "capability at 0x70", "MSI-X table");
	put32(NOTIFY + 12, 0xfc0); /* ends where the table begins */
	assert_int_equal(walk(), 0);
	put_msix(MSIX, ACCESS, 4, 1, 0x1008 | 4);
	assert_refused(-ENOTSUP, "capability at 0x50", "MSI-X PBA");
	put_msix(MSIX, ACCESS, 4, 1, 0xff8 | 4);
	assert_refused(-ENOTSUP, "capability at 0x40", "MSI-X PBA");
	put32(COMMON + 12, 0xff8);
	assert_int_equal(walk(), 0);
}

static void a20_overlap_known_before_the_check(void **state)
{
	(void)state;
	/* The MSI-X capability comes last, after what it collides with. */
	config[0x34] = ACCESS;
	config[COMMON + 1] = MSIX;
	put_msix(MSIX, 0, 4, 4, 0x800 | 1);
	assert_refused(-ENOTSUP, "capability at 0x40", "MSI-X table");
}

static void a22_io_bar(void **state)
{
	(void)state;
	region[4].io = true;
	assert_refused(-ENOTSUP, "I/O space", "BAR 4");
}

/* proves: PCI-42 */
static void a23_msix_sizes(void **state)
{
	(void)state;
	put_msix(MSIX, ACCESS, 1, 1, 0x800 | 1);
	assert_int_equal(walk(), 0);
	assert_int_equal(found.msix_table_size, 1);
	put_msix(MSIX, ACCESS, 2048, 1, 0x800 | 1);
	region[1].size = 0x10000;
	assert_int_equal(walk(), 0);
	assert_int_equal(found.msix_table_size, 2048);
	region[1].size = 0x1008; /* room for 256 and a half */
	assert_int_equal(walk(), 0);
	assert_int_equal(found.msix_table_size, 256);
	put_msix(MSIX, ACCESS, 4, 0x1010 | 1, 1);
	assert_int_equal(walk(), 0);
	assert_int_equal(found.msix_table_size, 0);
}

static void a23_msix_in_a_missing_bar(void **state)
{
	(void)state;
	for (unsigned int bar = 0; bar < 8; bar++) {
		put_msix(MSIX, ACCESS, 4, 0x8000 | bar, 0x9000 | bar);
		region[VN_REGION_ROM].size = 0x10000;
		region[VN_REGION_CONFIG].size = 0x10000;
		assert_int_equal(walk(), 0);
		assert_int_equal(found.msix_table_size, 0);
	}
	put_msix(MSIX, ACCESS, 4, 1, 0x800 | 1);
	region[1].io = true;
	assert_int_equal(walk(), 0);
	assert_int_equal(found.msix_table_size, 0);
}

static void msix_absent_or_cut(void **state)
{
	(void)state;
	config[0x34] = ACCESS;
	assert_int_equal(walk(), 0);
	assert_int_equal(found.msix_table_size, 0);
	config[0x34] = 0xf8; /* 8 bytes to the end, it needs 12 */
	config[0xf8] = 0x11;
	config[0xf9] = ACCESS;
	config[0xfa] = 3;
	assert_int_equal(walk(), 0);
	assert_int_equal(found.msix_table_size, 0);
}

static void first_msix_counts(void **state)
{
	(void)state;
	config[0x34] = 0xb0;
	put_msix(0xb0, MSIX, 7, 1, 0x800 | 1);
	assert_int_equal(walk(), 0);
	assert_int_equal(found.msix_table_size, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a14_no_such_bar),
		TEST(a14_bar_that_cannot_be_mapped),
		TEST(a15_outside_the_bar),
		TEST(a15_sum_wraps_32_bits),
		TEST(a16_structure_too_short),
		TEST(a17_alignment),
		TEST(a18_length_0),
		TEST(a19_length_ffffffff),
		TEST(a20_structures_may_overlap),
		TEST(a20_overlap_with_msix),
		TEST(a20_overlap_known_before_the_check),
		TEST(a22_io_bar),
		TEST(a23_msix_sizes),
		TEST(a23_msix_in_a_missing_bar),
		TEST(msix_absent_or_cut),
		TEST(first_msix_counts),
	};

	return cmocka_run_group_tests_name("capability structures", tests, NULL,
					   NULL);
}
