/* SPDX-License-Identifier: BSD-3-Clause */
/* No-IOMMU mode: when it is taken, which addresses a device gets, and memory that will not do. The
 * kernel's pagemap is a file of the test's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vionet/device.h>

#include "iommu/noiommu.h"
#include "pci/function.h"
#include "pci/host/host.h"
#include "tests/unit/bind_fixture.h"
#include "tests/unit/fake_vfio.h"

#define MIB ((size_t)1 << 20)
#define PRESENT (1ull << 63)

static char pagemap[FAKE_PATH + 32];
static char switch_file[] = "sys/module/vfio/parameters/enable_unsafe_noiommu_mode";

/* A function in a group that the kernel has made up. */
static int raise_unsafe(void **state)
{
	setup(state);
	fake_stop(&fake);
	kernel = (struct fake_vfio){ .vectors = 64 };
	ADD(.address = ADDRESS, .group = 3, .group_name = "vfio-noiommu\n", .driver = "vfio-pci");
	fake_write(&fake, "", "dev/vfio/noiommu-3");
	fake_write(&fake, "Y\n", "%s", switch_file);
	fake_write(&fake, "", "pagemap");
	snprintf(pagemap, sizeof(pagemap), "%s/pagemap", fake.root);
	vn_noiommu_pagemap = pagemap;
	return 0;
}

/* Four MiB that say they are two huge pages. */
static struct vn_memory make_memory(void)
{
	int fd = memfd_create("memory", MFD_CLOEXEC);
	uint8_t *room = mmap(NULL, 6 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *place = (uint8_t *)(((uintptr_t)room + 2 * MIB - 1) & ~(2 * MIB - 1));

	assert_true(fd >= 0 && room != MAP_FAILED);
	assert_int_equal(ftruncate(fd, 4 * MIB), 0);
	assert_true(mmap(place, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == place);
	return (struct vn_memory){ .address = place, .size = 4 * MIB, .page_size = 2 * MIB, .fd = fd };
}

/* The entry of the page `offset` bytes behind the memory's begin. */
static void put_entry(const struct vn_memory *memory, size_t offset, uint64_t entry)
{
	off_t place = (off_t)(((uintptr_t)memory->address + offset) / 4096 * 8);
	int fd = open(pagemap, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, &entry, sizeof(entry), place), sizeof(entry));
	close(fd);
}

static void put_physical(const struct vn_memory *memory, uint64_t first, uint64_t second)
{
	put_entry(memory, 0, PRESENT | first / 4096);
	put_entry(memory, 2 * MIB, PRESENT | second / 4096);
}

static struct vn_function *open_unsafe(void)
{
	struct vn_function *function;

	if (vn_function_open_vfio(ADDRESS, VN_IOMMU_NONE, NULL, &function) != 0)
		fail_msg("%s", vionet_error_text());
	return function;
}

static void expect_refused(struct vn_function *function, const struct vn_memory *memory, int code,
			   const char *text)
{
	uint64_t iova;

	assert_int_equal(function->ops->memory_add(function, memory, VN_DEVICE_READS, &iova), code);
	assert_has(vionet_error_text(), text);
}

static void addresses_are_physical(void **state)
{
	struct vn_function *function = open_unsafe();
	struct vn_memory memory = make_memory();
	struct vn_iommu_limits limits;
	uint64_t iova;

	(void)state;
	assert_string_equal(function->iommu, "no-IOMMU");
	assert_int_equal(function->iommu_group, -1);
	assert_int_equal(function->ops->iommu_limits(function, &limits), 0);
	assert_int_equal(limits.contiguous, 2 * MIB);
	put_physical(&memory, 0x140000000, 0x140200000);
	assert_int_equal(function->ops->memory_add(function, &memory, VN_DEVICE_READS, &iova), 0);
	assert_int_equal(iova, 0x140000000);
	assert_int_equal(kernel.maps, 0);
	assert_int_equal(function->ops->memory_check(function, 1ull << 50), 0);
	assert_int_equal(function->ops->memory_remove(function, iova), 0);
	assert_int_equal(function->ops->close(function), 0);
	vn_memory_free(&memory);
}

static void memory_that_will_not_do(void **state)
{
	struct vn_function *function = open_unsafe();
	struct vn_memory memory = make_memory(), other;

	(void)state;
	put_physical(&memory, 0x140000000, 0x140400000);
	expect_refused(function, &memory, -ENOMEM, "do not lie one behind the other");
	put_physical(&memory, 0x140000000, 0x13fe00000);
	expect_refused(function, &memory, -ENOMEM, "(0x140000000, then 0x13fe00000)");
	put_entry(&memory, 0, PRESENT);
	expect_refused(function, &memory, -EACCES, "no-IOMMU mode is for root (CAP_SYS_ADMIN)");
	put_entry(&memory, 0, 0x140000);
	expect_refused(function, &memory, -EFAULT, "is in no page");
	other = memory;
	other.page_size = 4096;
	expect_refused(function, &other, -EINVAL, "is not made of huge pages");
	other = memory;
	other.fd = -1;
	expect_refused(function, &other, -EINVAL, "register it with its file");
	assert_int_equal(truncate(pagemap, 0), 0);
	expect_refused(function, &memory, -EIO, "cut short");
	unlink(pagemap);
	expect_refused(function, &memory, -EIO, "pagemap: open: No such file");
	assert_int_equal(function->ops->close(function), 0);
	vn_memory_free(&memory);
}

/* What the device has is looked up again, each time that more is given to it. */
static void memory_that_moved(void **state)
{
	struct vn_function *function = open_unsafe();
	struct vn_memory first = make_memory(), second = make_memory();
	uint64_t iova;

	(void)state;
	put_physical(&first, 0x140000000, 0x140200000);
	put_physical(&second, 0x150000000, 0x150200000);
	assert_int_equal(function->ops->memory_add(function, &first, VN_DEVICE_READS, &iova), 0);
	put_physical(&first, 0x160000000, 0x160200000);
	expect_refused(function, &second, -EIO, "moved from 0x140000000 to 0x160000000");
	put_physical(&first, 0x140000000, 0x140200000);
	assert_int_equal(function->ops->memory_add(function, &second, VN_DEVICE_READS, &iova), 0);
	assert_int_equal(function->ops->close(function), 0);
	vn_memory_free(&first);
	vn_memory_free(&second);
}

static void expect_open(enum vn_iommu_kind kind, int code, const char *text)
{
	struct vn_function *function;

	assert_int_equal(vn_function_open_vfio(ADDRESS, kind, NULL, &function), code);
	assert_null(function);
	assert_has(vionet_error_text(), text);
}

static void never_by_itself(void **state)
{
	const char *address;

	(void)state;
	expect_open(VN_IOMMU_ANY, -ENXIO, "it is in no-IOMMU mode, which isolates nothing");
	assert_int_equal(vionet_error_remedy(&address), VIONET_REMEDY_NO_IOMMU);
	expect_open(VN_IOMMU_TYPE1, -ENXIO, "it is in no-IOMMU mode");
	expect_open(VN_IOMMU_IOMMUFD, -ENXIO, "it is in no-IOMMU mode");
}

static void what_is_in_the_way(void **state)
{
	char path[FAKE_PATH + 80];

	(void)state;
	kernel.no_unsafe_mode = true;
	expect_open(VN_IOMMU_NONE, -ENOTSUP, "the kernel offers no no-IOMMU mode; use a kernel with CONFIG_VFIO_NOIOMMU");
	kernel.no_unsafe_mode = false;
	kernel.refused = VFIO_SET_IOMMU;
	kernel.code = EPERM;
	expect_open(VN_IOMMU_NONE, -EACCES, "no-IOMMU mode is for root (CAP_SYS_RAWIO)");
	kernel.refused = 0;
	fake_write(&fake, "N\n", "%s", switch_file);
	expect_open(VN_IOMMU_NONE, -ENOTSUP, "no-IOMMU mode is off in the kernel; switch it on");
	snprintf(path, sizeof(path), "%s/%s", fake.root, switch_file);
	assert_int_equal(unlink(path), 0);
	expect_open(VN_IOMMU_NONE, -ENOTSUP, "the kernel has no no-IOMMU mode");
}

static void one_behind_an_iommu(void **state)
{
	struct vn_function *function;

	(void)state;
	ADD(.address = "0000:00:05.0", .group = 7, .driver = "vfio-pci");
	assert_int_equal(vn_function_open_vfio("0000:00:05.0", VN_IOMMU_NONE, NULL, &function), -ENOTSUP);
	assert_has(vionet_error_text(), "it is behind an IOMMU (group 7)");
}

#define BOTH(test) cmocka_unit_test_setup_teardown(test, raise_unsafe, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(addresses_are_physical),
		BOTH(memory_that_will_not_do),
		BOTH(memory_that_moved),
		BOTH(never_by_itself),
		BOTH(what_is_in_the_way),
		BOTH(one_behind_an_iommu),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
