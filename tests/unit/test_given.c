/* SPDX-License-Identifier: BSD-3-Clause */
/* A function opened by descriptors that the caller has opened: what is done to them, and undone. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vionet/device.h>

#include "iommu/given.h"
#include "pci/function.h"
#include "tests/unit/bind_fixture.h"
#include "tests/unit/descriptors.h"
#include "tests/unit/fake_vfio.h"

#define NONE                   \
	{                      \
		-1, -1, -1, -1 \
	}

/* The host has nothing: neither sysfs nor nodes. */
static int raise_nothing(void **state)
{
	setup(state);
	fake_stop(&fake);
	kernel = (struct fake_vfio){ .vectors = 64, .alignment = 4096, .range_count = 1, .range = { { 0, 0xfedfffff } } };
	return 0;
}

/* Files whose calls the fake answers; the device's is a device's registers. */
static struct vn_iommu_fds open_fds(const char *names)
{
	struct vn_iommu_fds fds = NONE;

	for (const char *name = names; *name != '\0'; name++) {
		int fd = memfd_create("node", MFD_CLOEXEC);

		assert_true(fd >= 0);
		*(*name == 'd' ? &fds.device : *name == 'i' ? &fds.iommufd
				       : *name == 'g'	    ? &fds.group
							    : &fds.container) = fd;
	}
	if (fds.device >= 0)
		fake_vfio_registers(fds.device);
	return fds;
}

static void close_fds(const struct vn_iommu_fds *fds)
{
	const int all[] = { fds->device, fds->iommufd, fds->group, fds->container };

	/* They are still the caller's. */
	for (size_t i = 0; i < 4; i++)
		if (all[i] >= 0)
			assert_int_equal(close(all[i]), 0);
}

/* Open, map, close. */
static void use(const struct vn_iommu_fds *fds, const char *iommu)
{
	int before = open_descriptors();
	struct vn_function *function;
	struct vn_memory memory;
	uint64_t iova;

	if (vn_function_open_given("00:04.0", fds, NULL, &function) != 0)
		fail_msg("%s", vionet_error_text());
	assert_string_equal(function->name, "0000:00:04.0");
	assert_string_equal(function->iommu, iommu);
	assert_int_equal(function->iommu_group, -1);
	assert_int_equal(vn_memory_alloc(8192, false, &memory), 0);
	assert_int_equal(function->ops->memory_add(function, &memory, VN_DEVICE_READS, &iova), 0);
	assert_int_equal(kernel.maps, 1);
	assert_int_equal(function->ops->close(function), 0);
	assert_int_equal(kernel.maps, 0);
	vn_memory_free(&memory);
	assert_int_equal(open_descriptors(), before);
}

static void a_device_and_an_iommufd(void **state)
{
	struct vn_iommu_fds fds = open_fds("di");

	(void)state;
	use(&fds, "iommufd");
	assert_int_equal(kernel.attached, 1);
	assert_int_equal(kernel.detached, 1);
	assert_int_equal(kernel.destroyed, 1);
	close_fds(&fds);
}

static void a_group_and_a_container(void **state)
{
	struct vn_iommu_fds fds = open_fds("gc");

	(void)state;
	use(&fds, "type1v2");
	use(&fds, "type1v2");
	assert_int_equal(kernel.containers, 2);
	assert_int_equal(kernel.left, 2);
	close_fds(&fds);
}

/* Its group is not ours to take out of the container. */
static void a_device_and_a_container(void **state)
{
	struct vn_iommu_fds fds = open_fds("dc");

	(void)state;
	use(&fds, "type1v2");
	assert_int_equal(kernel.containers, 0);
	assert_int_equal(kernel.left, 0);
	close_fds(&fds);
}

static void calls_that_are_refused(void **state)
{
	static const struct {
		const char *fds;
		unsigned long request;
		int code, result;
		const char *text;
		unsigned int undone;
	} rows[] = {
		{ "di", VN_IOMMUFD_IOAS_ALLOC, ENOTTY, -EINVAL, "is not an iommufd: it is a file", 0 },
		{ "di", VN_IOMMUFD_IOAS_ALLOC, ENOMEM, -ENOMEM, "make an address space", 0 },
		{ "di", VN_IOMMUFD_IOAS_ALLOC, EIO, -EIO, "make an address space", 0 },
		{ "di", VN_VFIO_BIND_IOMMUFD, ENOTTY, -EINVAL, "is not a character device of VFIO: it is a file", 1 },
		{ "di", VN_VFIO_BIND_IOMMUFD, EINVAL, -EBUSY, "is bound to an iommufd already", 1 },
		{ "di", VN_VFIO_BIND_IOMMUFD, EPERM, -EPERM, "iommufd/parameters/allow_unsafe", 1 },
		{ "di", VN_VFIO_ATTACH_IOMMUFD_PT, EINVAL, -EIO, "attach it to an address space", 1 },
		{ "gc", VFIO_GET_API_VERSION, ENOTTY, -EINVAL, "is not a container of VFIO: it is a file", 0 },
		{ "gc", VFIO_GET_API_VERSION, ENOMEM, -ENOMEM, "VFIO_GET_API_VERSION", 0 },
		{ "gc", VFIO_GROUP_GET_STATUS, ENOTTY, -EINVAL, "is not a group of VFIO: it is a file", 0 },
		{ "gc", VFIO_GROUP_GET_STATUS, EIO, -EIO, "not a VFIO group", 0 },
		{ "gc", VFIO_GROUP_SET_CONTAINER, EINVAL, -EIO, "attach to a container", 0 },
		{ "gc", VFIO_SET_IOMMU, EPERM, -EPERM, "allow_unsafe_interrupts", 1 },
		{ "gc", VFIO_GROUP_GET_DEVICE_FD, ENODEV, -ENODEV, "the group given has no such device", 1 },
		{ "dc", VFIO_GET_API_VERSION, ENOTTY, -EINVAL, "is not a container of VFIO: it is a file", 0 },
		{ "dc", VFIO_DEVICE_GET_INFO, EINVAL, -EINVAL, "is not a device that a group of VFIO gave", 0 },
		{ "dc", VFIO_DEVICE_GET_INFO, ENODEV, -ENODEV, "the function is gone", 0 },
		{ "dc", VFIO_DEVICE_GET_INFO, EIO, -EIO, "find out what it is", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vn_iommu_fds fds = open_fds(rows[i].fds);
		int before = open_descriptors();
		struct vn_function *function;

		kernel.left = kernel.destroyed = kernel.detached = 0;
		kernel.refused = rows[i].request;
		kernel.code = rows[i].code;
		if (vn_function_open_given("0000:00:04.0", &fds, NULL, &function) != rows[i].result)
			fail_msg("row %zu: %s", i, vionet_error_text());
		assert_null(function);
		assert_has(vionet_error_text(), "0000:00:04.0: ");
		assert_has(vionet_error_text(), rows[i].text);
		assert_int_equal(kernel.left + kernel.destroyed, rows[i].undone);
		assert_int_equal(kernel.detached, 0);
		assert_int_equal(open_descriptors(), before);
		close_fds(&fds);
	}
}

static void groups_and_containers_that_are_not_ready(void **state)
{
	struct vn_iommu_fds group = open_fds("gc"), device = open_fds("dc");
	struct vn_function *function;

	(void)state;
	kernel.in_container = true;
	assert_int_equal(vn_function_open_given("0000:00:04.0", &group, NULL, &function), -EBUSY);
	assert_has(vionet_error_text(), "is in a container already");
	assert_int_equal(kernel.left, 0);
	kernel.without_iommu = true;
	assert_int_equal(vn_function_open_given("0000:00:04.0", &device, NULL, &function), -EINVAL);
	assert_has(vionet_error_text(), "is a container without an IOMMU");
	close_fds(&group);
	close_fds(&device);
}

static void descriptors_that_are_none(void **state)
{
	struct vn_iommu_fds fds = open_fds("di");
	struct vn_function *function;

	(void)state;
	close(fds.device);
	assert_int_equal(vn_function_open_given("0000:00:04.0", &fds, NULL, &function), -EINVAL);
	assert_has(vionet_error_text(), "which is to be a device of VFIO, is not open");
	assert_int_equal(vn_function_open_given("eth0", &fds, NULL, &function), -EINVAL);
	close(fds.iommufd);
}

/* What belongs together, and for which kind of device. */
static void what_the_call_refuses(void **state)
{
	static const struct {
		const char *name;
		struct vionet_device_fds fds;
		uint32_t iommu;
		const char *text;
	} rows[] = {
		{ "00:04.0", { .given = VIONET_FD_DEVICE, .device = 0 }, 0, "device and iommufd are wanted" },
		{ "00:04.0", { .given = 15 }, 0, "are wanted" },
		{ "00:04.0", { .given = VIONET_FD_GROUP | VIONET_FD_IOMMUFD }, 0, "are wanted" },
		{ "00:04.0", { .given = 1 << 4 | 3, .iommufd = 1 }, 0, "are wanted" },
		{ "00:04.0", { .given = 3, .device = 1, .iommufd = 1 }, 0, "1 is given for the device and for the iommufd" },
		{ "00:04.0", { .given = 3, .device = 1, .iommufd = -2 }, 0, "-2 for the iommufd is none" },
		{ "00:04.0", { .given = 3, .device = 1, .iommufd = 2 }, VIONET_IOMMU_TYPE1, "leave the kind of IOMMU out" },
		{ "vfio-user:/s", { .given = 3, .device = 1, .iommufd = 2 }, 0, "descriptors are for PCI functions" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vionet_open_options options = { .struct_size = sizeof(options), .iommu = rows[i].iommu };
		struct vionet_device_fds fds = rows[i].fds;
		struct vionet_device *device;

		fds.struct_size = sizeof(fds);
		assert_int_equal(vionet_device_open_fds(rows[i].name, &fds, &options, &device), -EINVAL);
		assert_null(device);
		assert_has(vionet_error_text(), rows[i].name);
		assert_has(vionet_error_text(), rows[i].text);
	}
}

static void what_a_descriptor_is_instead(void **state)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	char text[80];

	(void)state;
	assert_int_equal(vn_given_refused(fd, "a group of VFIO"), -EINVAL);
	snprintf(text, sizeof(text), "descriptor %d is not a group of VFIO: it is character device 1:3", fd);
	assert_string_equal(vionet_error_text(), text);
	close(fd);
	assert_int_equal(vn_given_refused(fd, "a group of VFIO"), -EINVAL);
	snprintf(text, sizeof(text), "descriptor %d is not a group of VFIO", fd);
	assert_string_equal(vionet_error_text(), text);
}

#define BOTH(test) cmocka_unit_test_setup_teardown(test, raise_nothing, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(a_device_and_an_iommufd),
		BOTH(a_group_and_a_container),
		BOTH(a_device_and_a_container),
		BOTH(calls_that_are_refused),
		BOTH(groups_and_containers_that_are_not_ready),
		BOTH(descriptors_that_are_none),
		BOTH(what_a_descriptor_is_instead),
		BOTH(what_the_call_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
