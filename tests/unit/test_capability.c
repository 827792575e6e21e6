/* SPDX-License-Identifier: BSD-3-Clause */
/* The capability walk over all kinds of lists: valid, broken, hostile and random ones.
 * Each test builds the 256 bytes it needs. */
#include "tests/unit/capability_fixture.h"

#define RANDOM_LISTS 200000

static const struct vionet_pci_capability *seen_at(unsigned int position)
{
	for (unsigned int i = 0; i < found.count; i++)
		if (found.seen[i].position == position)
			return &found.seen[i];
	fail_msg("no capability seen at 0x%x", position);
	return NULL;
}

/* proves: PCI-17 PCI-18 */
/* proves: LEG-21 */
static void qemu_layout(void **state)
{
	(void)state;
	assert_int_equal(walk(), 0);
	assert_structure(&found.common, 4, 0, 0x1000);
	assert_structure(&found.isr, 4, 0x1000, 0x1000);
	assert_structure(&found.device, 4, 0x2000, 0x1000);
	assert_structure(&found.notify, 4, 0x3000, 0x1000);
	assert_int_equal(found.notify_multiplier, 4);
	assert_int_equal(found.msix_table_size, 4);
	assert_int_equal(found.count, 5);
	assert_int_equal(found.seen[0].position, ACCESS);
	assert_false(seen_at(ACCESS)->used);
	assert_true(seen_at(COMMON)->used);
	assert_int_equal(seen_at(NOTIFY)->notify_multiplier, 4);
	assert_int_equal(seen_at(COMMON)->notify_multiplier, 0);
}

static void a03_capability_bit_clear(void **state)
{
	(void)state;
	config[0x06] = 0xef;
	config[0x34] = 0x08; /* would be -EIO if it were followed */
	assert_refused(-ENOTSUP, "no capability list", "legacy");
}

static void a04_pointer_into_header(void **state)
{
	(void)state;
	config[0x34] = 0x3c;
	assert_refused(-EIO, "0x3c", "header");
	setup(state);
	config[DEVICE + 1] = 0x04;
	assert_refused(-EIO, "0x04", "header");
}

static void a04_low_bits_are_masked(void **state)
{
	(void)state;
	config[0x34] |= 3;
	config[NOTIFY + 1] |= 2;
	assert_int_equal(walk(), 0);
	assert_structure(&found.device, 4, 0x2000, 0x1000);
}

static void a04_pointer_ff(void **state)
{
	(void)state;
	config[0x34] = 0xff; /* 0xfc, where zeros end the list */
	assert_refused(-ENOTSUP, "no virtio capability", "legacy");
	config[0xfc] = 0x09; /* a capability of four bytes */
	assert_refused(-ENOTSUP, "no common capability", "");
	assert_int_equal(found.count, 1);
}

/* proves: PCI-19 */
static void empty_list_is_legacy(void **state)
{
	(void)state;
	config[0x34] = 0;
	assert_refused(-ENOTSUP, "no virtio capability", "disable-modern=off");
}

static void a05_points_to_itself(void **state)
{
	(void)state;
	config[COMMON + 1] = COMMON;
	assert_refused(-EIO, "loops", "0x40");
}

static void a06_loop_of_vendor_capabilities(void **state)
{
	(void)state;
	config[0x34] = 0x40;
	put_cap(0x40, 0x50, 9, 0, 0, 0);
	put_cap(0x50, 0x40, 9, 0, 0, 0);
	assert_refused(-EIO, "loops", "0x40");
}

static void a07_loop_of_other_capabilities(void **state)
{
	(void)state;
	config[MSIX + 1] = 0xb0;
	config[0xb0] = 0x01;
	config[0xb1] = 0xc0;
	config[0xc0] = 0x10;
	config[0xc1] = 0xb0;
	assert_refused(-EIO, "loops", "0xb0");
}

static void longest_list(void **state)
{
	(void)state;
	/* All 48 places, each four bytes: the walk reads them all. */
	memset(config + 0x40, 0, 0xc0);
	config[0x34] = 0x40;
	for (unsigned int i = 0x40; i <= 0xfc; i += 4) {
		config[i] = 0x09;
		config[i + 1] = (uint8_t)(i == 0xfc ? 0 : i + 4);
	}
	assert_int_equal(walk(), -ENOTSUP);
	assert_int_equal(found.count, 48);
}

static void a08_capability_too_short(void **state)
{
	(void)state;
	config[COMMON + 2] = 15;
	assert_refused(-ENOTSUP, "common structure: capability at 0x40",
		       "length is 15, not 16");
	setup(state);
	config[NOTIFY + 2] = 19;
	assert_refused(-ENOTSUP, "notify structure: capability at 0x70",
		       "length is 19, not 20");
	setup(state);
	config[DEVICE + 2] = 15;
	assert_int_equal(walk(), 0);
	assert_int_equal(found.device.size, 0);
}

/* proves: PCI-10 */
static void a09_capability_too_long(void **state)
{
	(void)state;
	config[COMMON + 2] = 0xff;
	config[NOTIFY + 2] = 0xff;
	assert_int_equal(walk(), 0);
	assert_int_equal(found.notify_multiplier, 4);
	/* Past the end with its known part inside: 0xf0 + 16 = 256. */
	config[ISR + 1] = 0xf0;
	put_cap(0xf0, 0, VN_CFG_COMMON, 4, 0, 64);
	config[0xf2] = 0xff;
	assert_int_equal(walk(), 0);
	assert_structure(&found.common, 4, 0, 64);
}

static void known_part_past_the_end(void **state)
{
	(void)state;
	config[ISR + 1] = 0xf4;
	put_cap(0xf4, 0, 0, 4, 0, 0); /* zeros, then only 12 bytes of it */
	config[0xf7] = VN_CFG_COMMON;
	assert_refused(-ENOTSUP, "capability at 0xf4", "past the end");
	setup(state);
	config[ACCESS + 1] = 0xf0; /* a notify capability has 20 */
	put_cap(0xf0, DEVICE, 0, 4, 0x3000, 0x1000);
	config[0xf2] = 20;
	config[0xf3] = VN_CFG_NOTIFY;
	assert_refused(-ENOTSUP, "capability at 0xf0", "past the end");
}

/* proves: PCI-08 PCI-11 */
static void a10_reserved_type_and_bar(void **state)
{
	(void)state;
	/* In front of the valid ones, which must still be found. */
	config[0x34] = 0xb0;
	put_cap(0xb0, 0xc0, 6, 4, 0, 0x1000);
	put_cap(0xc0, 0xd0, 255, 4, 0, 0x1000);
	put_cap(0xd0, MSIX, VN_CFG_COMMON, 6, 0, 0x1000);
	assert_int_equal(walk(), 0);
	assert_true(seen_at(COMMON)->used);
	assert_false(seen_at(0xd0)->used);
	assert_int_equal(found.count, 8);
	for (unsigned int bar = 6; bar < 256; bar++) {
		setup(state);
		config[COMMON + 4] = (uint8_t)bar;
		/* Region numbers above 5 (ROM, configuration space, VGA)
		 * exist and must not be taken for BARs. */
		region[VN_REGION_ROM].size = 0x10000;
		region[VN_REGION_CONFIG].size = 0x10000;
		region[VN_REGION_VGA].size = 0x10000;
		assert_refused(-ENOTSUP, "reserved", "0x40");
	}
}

static void a11_other_capability_that_looks_alike(void **state)
{
	(void)state;
	config[COMMON] = 0x0a;
	assert_refused(-ENOTSUP, "no common capability", "");
}

/* proves: PCI-09 */
static void a12_first_usable_wins(void **state)
{
	(void)state;
	region[0] = (struct vn_region){ .size = 0x1000, .io = true };
	config[0x34] = 0xb0;
	put_cap(0xb0, MSIX, VN_CFG_COMMON, 0, 0, 0x1000);
	assert_int_equal(walk(), 0);
	assert_structure(&found.common, 4, 0, 0x1000);
	assert_false(seen_at(0xb0)->used);
	/* Of two usable ones, the first of the list. */
	region[0].io = false;
	assert_int_equal(walk(), 0);
	assert_structure(&found.common, 0, 0, 0x1000);
	assert_false(seen_at(COMMON)->used);
}

static void a13_missing_is_named(void **state)
{
	(void)state;
	config[COMMON + 3] = 99;
	assert_refused(-ENOTSUP, "no common capability", "maker");
	setup(state);
	config[NOTIFY + 3] = 99;
	assert_refused(-ENOTSUP, "no notify capability", "maker");
	setup(state);
	config[ISR + 3] = 99;
	assert_refused(-ENOTSUP, "no ISR capability", "maker");
}

static void a13_device_may_be_missing(void **state)
{
	(void)state;
	config[DEVICE + 3] = 99;
	assert_int_equal(walk(), 0);
	assert_int_equal(found.device.size, 0);
}

/* ---- random lists ---- */

static uint64_t random_state = 0x9e3779b97f4a7c15;

static uint32_t random32(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32);
}

/* Half of the bytes are random; the rest looks like capabilities, so that the walk gets
 * far. */
static void random_config(void)
{
	for (unsigned int i = 0; i < sizeof(config); i += 4)
		put32(i, random32());
	if (random32() % 2 == 0)
		return;
	config[0x06] |= 0x10;
	config[0x34] = (uint8_t)(0x40 + random32() % 0xc0);
	for (unsigned int i = 0x40; i < 0x100; i += 16) {
		config[i] = random32() % 8 ? 0x09 : 0x11;
		config[i + 1] = (uint8_t)(random32() % 16 ? i + 16 : random32());
		config[i + 2] = (uint8_t)(random32() % 8 ? 20 : random32());
		config[i + 3] = (uint8_t)(random32() % 6);
		config[i + 4] = (uint8_t)(random32() % 7);
		put32(i + 8, random32() & 0x3ffe);
		put32(i + 12, random32() & 0x3fff);
	}
	config[0xf1] = 0;
}

static void random_regions(void)
{
	for (unsigned int i = 0; i < VN_REGION_COUNT; i++) {
		region[i].size = random32() % 4 ? 1ull << random32() % 36 : 0;
		region[i].io = random32() % 8 == 0;
	}
}

static bool inside(const struct vn_structure *structure, uint64_t least,
		   uint64_t alignment)
{
	const struct vn_region *bar = &region[structure->bar];

	return structure->bar <= VN_REGION_BAR5 && !bar->io &&
	       structure->size >= least && structure->size <= bar->size &&
	       structure->offset <= bar->size - structure->size &&
	       structure->offset % alignment == 0;
}

static void random_bytes(void **state)
{
	unsigned int good = 0;

	(void)state;
	for (unsigned int i = 0; i < RANDOM_LISTS; i++) {
		int result;

		random_config();
		random_regions();
		result = walk();
		assert_true(result == 0 || result == -EIO ||
			    result == -ENOTSUP);
		assert_true(found.count <= VIONET_PCI_CAPABILITIES_MAX);
		assert_true(found.msix_table_size <= 2048);
		if (result != 0)
			continue;
		good++;
		assert_true(inside(&found.common, 56, 4));
		assert_true(inside(&found.notify, 2, 2));
		assert_true(inside(&found.isr, 1, 1));
		assert_true(found.device.size == 0 ||
			    inside(&found.device, 1, 4));
	}
	/* Else the test would test little. */
	assert_true(good > RANDOM_LISTS / 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(qemu_layout),
		TEST(a03_capability_bit_clear),
		TEST(a04_pointer_into_header),
		TEST(a04_low_bits_are_masked),
		TEST(a04_pointer_ff),
		TEST(empty_list_is_legacy),
		TEST(a05_points_to_itself),
		TEST(a06_loop_of_vendor_capabilities),
		TEST(a07_loop_of_other_capabilities),
		TEST(longest_list),
		TEST(a08_capability_too_short),
		TEST(a09_capability_too_long),
		TEST(known_part_past_the_end),
		TEST(a10_reserved_type_and_bar),
		TEST(a11_other_capability_that_looks_alike),
		TEST(a12_first_usable_wins),
		TEST(a13_missing_is_named),
		TEST(a13_device_may_be_missing),
		TEST(random_bytes),
	};

	return cmocka_run_group_tests_name("capability", tests, NULL, NULL);
}
