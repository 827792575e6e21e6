/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that is mapped, whichever way the kernel does it: pieces that are none, addresses that are used up, and calls that
 * the kernel refuses. */
#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <unistd.h>

#include "iommu/container.h"
#include "pci/function.h"
#include "pci/host/host.h"
#include "tests/unit/bind_fixture.h"
#include "tests/unit/fake_vfio.h"

#define MIB (1ull << 20)

/* One function that can be opened either way. */
static int raise_function(void **state)
{
	setup(state);
	fake_stop(&fake);
	kernel = (struct fake_vfio){ .vectors = 64, .alignment = 4096, .range_count = 1, .range = { { 0, 0x7fffffffff } } };
	ADD(.address = ADDRESS, .group = 7, .driver = "vfio-pci");
	fake_vfio_device(&fake, ADDRESS, "vfio0");
	return 0;
}

static struct vn_function *open_by(enum vn_iommu_kind kind)
{
	struct vn_function *function;

	if (vn_function_open_vfio(ADDRESS, kind, NULL, &function) != 0)
		fail_msg("%s", vionet_error_text());
	return function;
}

static int add(struct vn_function *function, const struct vn_memory *memory, uint64_t *iova)
{
	return function->ops->memory_add(function, memory, VN_DEVICE_READS, iova);
}

static void expect_refused(struct vn_function *function, const struct vn_memory *memory, int code, const char *text)
{
	unsigned int maps = kernel.maps;
	uint64_t iova = 1;

	assert_int_equal(add(function, memory, &iova), code);
	assert_int_equal(iova, 0);
	assert_has(vionet_error_text(), text);
	assert_int_equal(kernel.maps, maps);
}

static void whole_pages_only(void **state)
{
	static const enum vn_iommu_kind kinds[] = { VN_IOMMU_TYPE1, VN_IOMMU_IOMMUFD };
	struct vn_memory whole, memory;

	(void)state;
	assert_int_equal(vn_memory_alloc(8192, false, &whole), 0);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct vn_function *function = open_by(kinds[i]);

		memory = whole;
		memory.size = 0;
		expect_refused(function, &memory, -EINVAL, "IOMMU group 7: 0 bytes at ");
		memory.size = 4095;
		expect_refused(function, &memory, -EINVAL, "no whole pages of 4096 bytes");
		memory = whole;
		memory.address = (uint8_t *)memory.address + 1;
		expect_refused(function, &memory, -EINVAL, "no whole pages");
		assert_int_equal(function->ops->close(function), 0);
	}
	vn_memory_free(&whole);
}

/* Between 3 and 4 MiB is room for three times 256 KiB with their gaps, and none for a large page. */
static void addresses_are_used_up(void **state)
{
	struct vn_function *function;
	struct vn_memory memory;
	uint64_t iova, first = 0;

	(void)state;
	kernel.range[0] = (struct vn_iommufd_range){ 3 * MIB, 4 * MIB - 1 };
	function = open_by(VN_IOMMU_IOMMUFD);
	assert_int_equal(vn_memory_alloc(MIB / 4, false, &memory), 0);
	memory.page_size = 2 * MIB;
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(add(function, &memory, &iova), 0);
		assert_true(iova >= 3 * MIB && iova + MIB / 4 <= 4 * MIB);
		first = i == 0 ? iova : first;
	}
	expect_refused(function, &memory, -ENOSPC, "IOMMU group 7: ");
	assert_int_equal(function->ops->memory_remove(function, first), 0);
	assert_int_equal(add(function, &memory, &iova), 0);
	assert_int_equal(iova, first);
	assert_int_equal(function->ops->close(function), 0);
	vn_memory_free(&memory);
}

static void what_is_not_mapped_is_not_unmapped(void **state)
{
	struct vn_function *function = open_by(VN_IOMMU_TYPE1);
	struct vn_memory memory;
	uint64_t iova;

	(void)state;
	assert_int_equal(vn_memory_alloc(8192, false, &memory), 0);
	assert_int_equal(add(function, &memory, &iova), 0);
	assert_int_equal(function->ops->memory_remove(function, iova + 4096), -ENOENT);
	kernel.refused = VFIO_IOMMU_UNMAP_DMA;
	kernel.code = EIO;
	assert_int_equal(function->ops->memory_remove(function, iova), -EIO);
	assert_has(vionet_error_text(), "the address stays out of use");
	/* It may still be mapped: nobody gets the address, and it is not unmapped twice. */
	kernel.refused = 0;
	assert_int_equal(function->ops->memory_remove(function, iova), -ENOENT);
	expect_refused(function, &(struct vn_memory){ .address = memory.address, .size = 0 }, -EINVAL, "no whole pages");
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t other;

		assert_int_equal(add(function, &memory, &other), 0);
		assert_true(other != iova);
	}
	assert_int_equal(function->ops->close(function), 0);
	assert_int_equal(kernel.maps, 0);
	vn_memory_free(&memory);
}

/* What it said at the beginning still holds for later questions. */
static void limits_that_cannot_be_read_again(void **state)
{
	struct vn_function *function = open_by(VN_IOMMU_IOMMUFD);
	struct vn_iommu_limits limits = { .range_count = 9 };

	(void)state;
	kernel.refused = VN_IOMMUFD_IOAS_IOVA_RANGES;
	kernel.code = EIO;
	assert_int_equal(function->ops->iommu_limits(function, &limits), 0);
	assert_int_equal(limits.range_count, 1);
	assert_int_equal(limits.range[0].last, 0x7fffffffff);
	assert_int_equal(limits.page_size, 4096);
	kernel.refused = 0;
	assert_int_equal(function->ops->close(function), 0);
}

/* Nobody tries again for two seconds what is not there. */
static void a_group_without_a_node(void **state)
{
	struct vn_container *container = (void *)1;

	(void)state;
	assert_int_equal(vn_container_open(vn_host.vfio, 8, ADDRESS, VN_IOMMU_TYPE1, &container), -ENOTSUP);
	assert_null(container);
	assert_has(vionet_error_text(), "/vfio/8 is not: open it by iommufd");
}

#define WITH_ONE(name) cmocka_unit_test_setup_teardown(name, raise_function, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ONE(whole_pages_only),
		WITH_ONE(addresses_are_used_up),
		WITH_ONE(what_is_not_mapped_is_not_unmapped),
		WITH_ONE(limits_that_cannot_be_read_again),
		WITH_ONE(a_group_without_a_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
