/* SPDX-License-Identifier: BSD-3-Clause */
/* No-IOMMU mode by a character device and an iommufd: when that is taken, addresses that the kernel
 * finds, and a function of that kind where one behind an IOMMU is meant. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "pci/function.h"
#include "pci/host/host.h"
#include "tests/unit/bind_fixture.h"
#include "tests/unit/fake_vfio.h"

#define MIB ((size_t)1 << 20)
#define NODE "noiommu-vfio0"

static void add_unsafe(int group)
{
	setup(NULL);
	fake_stop(&fake);
	/* Room for one mapping of 4 MiB. */
	kernel = (struct fake_vfio){
		.vectors = 64,
		.alignment = 4096,
		.range_count = 1,
		.range = { { 0, 10 * MIB - 1 } },
		.unsafe = true,
		.physical = { 0x140000000, 0x180000000 },
		.together = 64 * MIB,
	};
	ADD(.address = ADDRESS, .group = group, .group_name = "vfio-noiommu\n", .driver = "vfio-pci");
	fake_write(&fake, "Y\n", "sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	fake_vfio_device(&fake, ADDRESS, NODE);
}

static int raise_both(void **state)
{
	(void)state;
	add_unsafe(3);
	fake_write(&fake, "", "dev/vfio/noiommu-3");
	return 0;
}

/* A kernel without CONFIG_VFIO_GROUP. */
static int raise_device_only(void **state)
{
	char path[FAKE_PATH + 64];

	(void)state;
	add_unsafe(-1);
	snprintf(path, sizeof(path), "%s/vfio", fake.vfio);
	return unlink(path);
}

static struct vn_function *open_unsafe(const char *iommu)
{
	struct vn_function *function;

	if (vn_function_open_vfio(ADDRESS, VN_IOMMU_NONE, NULL, &function) != 0)
		fail_msg("%s", vionet_error_text());
	assert_string_equal(function->iommu, iommu);
	assert_int_equal(function->iommu_group, -1);
	return function;
}

static void close_function(struct vn_function *function)
{
	assert_int_equal(function->ops->close(function), 0);
}

static void remove_node(const char *name)
{
	char path[FAKE_PATH + 64];

	snprintf(path, sizeof(path), "%s/dev/%s", fake.root, name);
	assert_int_equal(unlink(path), 0);
}

static void expect_open(enum vn_iommu_kind kind, int code, const char *text)
{
	struct vn_function *function;

	assert_int_equal(vn_function_open_vfio(ADDRESS, kind, NULL, &function), code);
	assert_null(function);
	assert_has(vionet_error_text(), text);
}

static void expect_refused(struct vn_function *function, const struct vn_memory *memory, int code,
			   const char *text)
{
	uint64_t iova;

	assert_int_equal(function->ops->memory_add(function, memory, VN_DEVICE_READS, &iova), code);
	assert_has(vionet_error_text(), text);
	assert_int_equal(kernel.maps, 0);
}

/* Mapped under one number, which the device never gets, and used at another. */
static void addresses_are_physical(void **state)
{
	struct vn_function *function = open_unsafe("no-IOMMU cdev");
	struct vn_iommu_limits limits;
	struct vn_memory memory;
	uint64_t iova;

	(void)state;
	assert_int_equal(vn_memory_alloc(4 * MIB, false, &memory), 0);
	assert_int_equal(function->ops->memory_add(function, &memory, VN_DEVICE_READS, &iova), 0);
	assert_int_equal(iova, 0x140000000);
	assert_int_equal(kernel.maps, 1);
	assert_int_not_equal(kernel.iova[0], iova);
	assert_int_equal(function->ops->iommu_limits(function, &limits), 0);
	assert_int_equal(limits.contiguous, 2 * MIB);
	assert_int_equal(limits.page_sizes, 2 * MIB);
	assert_int_equal(limits.range_count, 0);
	assert_int_equal(limits.mappings, 1);
	assert_int_equal(function->ops->memory_remove(function, kernel.iova[0]), -ENOENT);
	assert_int_equal(function->ops->memory_remove(function, iova), 0);
	assert_int_equal(kernel.maps, 0);
	assert_int_equal(function->ops->memory_add(function, &memory, VN_DEVICE_READS, &iova), 0);
	close_function(function);
	assert_int_equal(kernel.maps, 0);
	assert_int_equal(kernel.containers, 0);
	vn_memory_free(&memory);
}

/* What was mapped for it is unmapped. */
static void memory_that_will_not_do(void **state)
{
	struct vn_function *function = open_unsafe("no-IOMMU cdev");
	struct vn_memory memory;
	uint64_t iova;

	(void)state;
	assert_int_equal(vn_memory_alloc(4 * MIB, false, &memory), 0);
	kernel.together = MIB;
	expect_refused(function, &memory, -ENOMEM, "(0x140000000, then 0x180000000)");
	kernel.together = 4 * MIB;
	kernel.refused = VN_IOMMUFD_IOAS_NOIOMMU_GET_PA;
	kernel.code = EPERM;
	expect_refused(function, &memory, -EACCES, "no-IOMMU mode is for root (CAP_SYS_RAWIO)");
	kernel.code = EOPNOTSUPP;
	expect_refused(function, &memory, -EIO, "find the physical address of memory");
	kernel.refused = 0;
	assert_int_equal(function->ops->memory_add(function, &memory, VN_DEVICE_READS, &iova), 0);
	assert_int_equal(iova, 0x140000000);
	close_function(function);
	vn_memory_free(&memory);
}

static void the_group_where_there_is_no_iommufd(void **state)
{
	struct vionet_pci_function seen = { .struct_size = sizeof(seen) };

	(void)state;
	assert_int_equal(vionet_pci_lookup(ADDRESS, &seen), 0);
	assert_has(seen.node, "/devices/" NODE);
	assert_false(seen.drivable);
	remove_node("iommu");
	assert_int_equal(vionet_pci_lookup(ADDRESS, &seen), 0);
	assert_has(seen.node, "/noiommu-3");
	close_function(open_unsafe("no-IOMMU"));
	assert_int_equal(kernel.containers, 1);
}

static void one_of_another_process(void **state)
{
	(void)state;
	opened_by_another("devices/" NODE);
	kernel.refused = VN_VFIO_BIND_IOMMUFD;
	kernel.code = EBUSY;
	expect_open(VN_IOMMU_NONE, -EBUSY, "group 3 is in use by another process: process 123 (cloud-hypervisor)");
	assert_int_equal(unbind_one(ADDRESS, NULL), -EBUSY);
	assert_has(vionet_error_text(), "process 123 (cloud-hypervisor) has it open");
}

static void a_device_without_a_group(void **state)
{
	struct vn_function *function = open_unsafe("no-IOMMU cdev");

	(void)state;
	expect_open(VN_IOMMU_NONE, -EBUSY, "it is open already, in this process");
	close_function(function);
	expect_open(VN_IOMMU_ANY, -ENXIO, "it is in no IOMMU group");
	opened_by_another("devices/" NODE);
	kernel.refused = VN_VFIO_BIND_IOMMUFD;
	kernel.code = EBUSY;
	expect_open(VN_IOMMU_NONE, -EBUSY, "it is in use by another process: process 123 (cloud-hypervisor)");
	kernel.refused = 0;
	remove_node("iommu");
	expect_open(VN_IOMMU_NONE, -ENXIO, "there is no VFIO here");
}

/* It takes every IOVA for a physical address, so it has to be noticed; here sysfs says nothing of it. */
static void descriptors_of_such_a_device(void **state)
{
	struct vn_iommu_fds fds = { open("/dev/null", O_RDWR | O_CLOEXEC), open("/dev/null", O_RDWR | O_CLOEXEC), -1, -1 };
	struct vn_function *function;

	(void)state;
	assert_true(fds.device >= 0 && fds.iommufd >= 0);
	assert_int_equal(vn_function_open_given(ADDRESS, &fds, NULL, &function), -ENXIO);
	assert_has(vionet_error_text(), "it is in no-IOMMU mode, which isolates nothing");
	assert_int_equal(kernel.maps, 0);
	assert_int_equal(kernel.attached, 0);
	close(fds.device);
	close(fds.iommufd);
}

#define WITH(raise, test) cmocka_unit_test_setup_teardown(test, raise, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(raise_both, addresses_are_physical),
		WITH(raise_both, memory_that_will_not_do),
		WITH(raise_both, the_group_where_there_is_no_iommufd),
		WITH(raise_both, one_of_another_process),
		WITH(raise_device_only, a_device_without_a_group),
		WITH(raise_both, descriptors_of_such_a_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
