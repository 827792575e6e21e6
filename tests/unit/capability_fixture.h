/* SPDX-License-Identifier: BSD-3-Clause */
/* Fixture of the tests of the capability walk: a configuration space and its BARs. */
#ifndef VIONET_TESTS_CAPABILITY_FIXTURE_H
#define VIONET_TESTS_CAPABILITY_FIXTURE_H

#include "tests/unit/test.h"

#include <stdbool.h>

#include <vionet/error.h>

#include "pci/capability.h"

static uint8_t config[VN_PCI_CONFIG_SIZE];
static struct vn_region region[VN_REGION_COUNT];
static struct vn_capabilities found;

/* Bytes past the end are left out. */
static inline void put32(unsigned int position, uint32_t value)
{
	for (unsigned int i = 0; i < 4; i++)
		if (position + i < sizeof(config))
			config[position + i] = (uint8_t)(value >> 8 * i);
}

/* One virtio capability at `position`, followed by the one at `next`. */
static inline void put_cap(unsigned int position, unsigned int next,
			   unsigned int type, unsigned int bar, uint32_t offset,
			   uint32_t length)
{
	config[position] = 0x09;
	config[position + 1] = (uint8_t)next;
	config[position + 2] = type == VN_CFG_NOTIFY ? 20 : 16;
	config[position + 3] = (uint8_t)type;
	config[position + 4] = (uint8_t)bar;
	put32(position + 8, offset);
	put32(position + 12, length);
	if (type == VN_CFG_NOTIFY)
		put32(position + 16, 4);
}

/* Where QEMU's virtio-net-pci has its capabilities, by role. */
enum { MSIX = 0x98, COMMON = 0x40, ISR = 0x50, DEVICE = 0x60, NOTIFY = 0x70,
       ACCESS = 0x84 };

static inline void put_msix(unsigned int position, unsigned int next,
			    unsigned int entries, uint32_t table, uint32_t pba)
{
	config[position] = 0x11;
	config[position + 1] = (uint8_t)next;
	config[position + 2] = (uint8_t)(entries - 1);
	config[position + 3] = (uint8_t)((entries - 1) >> 8 | 0x80);
	put32(position + 4, table);
	put32(position + 8, pba);
}

/* The layout of QEMU's virtio-net-pci: MSI-X in BAR 1, all else in BAR 4. */
static inline int setup(void **state)
{
	(void)state;
	memset(config, 0, sizeof(config));
	memset(region, 0, sizeof(region));
	region[1] = (struct vn_region){ .size = 0x1000 };
	region[4] = (struct vn_region){ .size = 0x4000 };
	config[0x06] = 0x10;
	config[0x34] = MSIX;
	put_msix(MSIX, ACCESS, 4, 1, 0x800 | 1);
	put_cap(ACCESS, NOTIFY, VN_CFG_PCI, 0, 0, 0);
	put_cap(NOTIFY, DEVICE, VN_CFG_NOTIFY, 4, 0x3000, 0x1000);
	put_cap(DEVICE, ISR, VN_CFG_DEVICE, 4, 0x2000, 0x1000);
	put_cap(ISR, COMMON, VN_CFG_ISR, 4, 0x1000, 0x1000);
	put_cap(COMMON, 0, VN_CFG_COMMON, 4, 0, 0x1000);
	return 0;
}

static inline int walk(void)
{
	return vn_capabilities_walk(config, region, &found);
}

/* The walk fails with `code`, and the text contains both parts. */
static inline void assert_refused(int code, const char *one, const char *two)
{
	int result = walk();
	const char *text = vionet_error_text();

	if (result != code || strstr(text, one) == NULL ||
	    strstr(text, two) == NULL)
		fail_msg("result %d, text \"%s\"", result, text);
}

static inline void assert_structure(const struct vn_structure *structure,
				    unsigned int bar, uint64_t offset,
				    uint64_t size)
{
	assert_int_equal(structure->bar, bar);
	assert_int_equal(structure->offset, offset);
	assert_int_equal(structure->size, size);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

#endif
