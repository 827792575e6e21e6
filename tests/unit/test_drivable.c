/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a function cannot be driven, on a host of plain files: list, bind and open give the
 * same reason. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vionet/device.h>

#include "iommu/node.h"
#include "pci/host/host.h"
#include "tests/unit/bind_fixture.h"

static struct vionet_pci_function function = { .struct_size = sizeof(function) };

/* ---- the same reason everywhere ---- */

/* The reason that list, open and (with `of_bind`) bind give. */
static void assert_reason(bool of_bind, int code, const char *part)
{
	const char *const address = "0000:00:04.0";
	struct vionet_device *device = (void *)1;
	char expected[600];
	int result;

	assert_int_equal(vionet_pci_lookup(address, &function), 0);
	assert_false(function.drivable);
	assert_has(function.reason, part);
	snprintf(expected, sizeof(expected), "%s: %s", address, function.reason);
	assert_int_equal(vionet_device_open(address, NULL, &device), code);
	assert_null(device);
	assert_string_equal(vionet_error_text(), expected);
	if (!of_bind)
		return;
	result = vionet_pci_bind(&address, 1, VIONET_PCI_BIND_FORCE, NULL, 0, NULL);
	assert_int_equal(result, code);
	assert_string_equal(vionet_error_text(), expected);
}

/* Of the list, and of the opening that has just failed. */
static void assert_remedy(enum vionet_remedy remedy)
{
	const char *address;

	assert_int_equal(function.remedy, remedy);
	assert_int_equal(vionet_error_remedy(&address), remedy);
	assert_string_equal(address, function.address);
}

static void same_reason_legacy(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "virtio-pci",
	    .device = 0x1000, .legacy = true);
	assert_reason(true, -ENOTSUP, "legacy only");
}

static void same_reason_no_iommu(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = -1, .driver = "virtio-pci");
	assert_reason(true, -ENXIO, "intel_iommu=on");
	ADD(.address = "0000:00:05.0", .group = 0, .driver = "virtio-pci");
	assert_reason(true, -ENXIO, "does not sit behind the IOMMU");
}

/* Bound by another process: the kernel made a no-IOMMU group. */
static void same_reason_no_iommu_mode(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 3, .group_name = "vfio-noiommu\n",
	    .driver = "virtio-pci");
	assert_reason(true, -ENXIO, "no-IOMMU mode, which isolates nothing");
	fake_bind(&fake, "0000:00:04.0", "vfio-pci");
	assert_reason(false, -ENXIO, "no-IOMMU mode, which isolates nothing");
}

/* A function that has no character device needs its group, also where iommufd is. */
static void same_reason_only_devices(void **state)
{
	char path[FAKE_PATH + 8];

	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "vfio-pci");
	fake_write(&fake, "", "dev/vfio/devices/vfio0");
	fake_write(&fake, "", "dev/iommu");
	snprintf(path, sizeof(path), "%s/vfio", fake.vfio);
	unlink(path);
	assert_reason(false, -ENOTSUP, "vfio/vfio is not: open it by iommufd");
	/* A container with only one of the two nodes. */
	fake_write(&fake, "", "dev/vfio/vfio");
	snprintf(path, sizeof(path), "%s/7", fake.vfio);
	unlink(path);
	assert_reason(false, -ENOTSUP, "vfio/7 is not: open it by iommufd");
}

static void same_reason_driver_and_group(void **state)
{
	static const char *const vfs[] = { "0000:00:04.7" };

	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "virtio-pci");
	assert_reason(false, -ENXIO, "bound to virtio-pci");
	assert_remedy(VIONET_REMEDY_BIND);
	fake_add_vfs(&fake, "0000:00:04.0", vfs, 1);
	assert_reason(false, -ENXIO, "its 1 virtual function would be removed");
	assert_has(function.reason, "remove it first (echo 0 > ");
	assert_has(function.reason, "0000:00:04.0/sriov_numvfs)");
	assert_remedy(VIONET_REMEDY_BIND);
	fake_add_vfs(&fake, "0000:00:04.0", vfs, 0);
	ADD(.address = "0000:00:04.1", .group = 7, .driver = "virtio-pci");
	assert_reason(false, -ENXIO, "as others of its group are (0000:00:04.1");
	assert_remedy(VIONET_REMEDY_BIND_GROUP);
	fake_bind(&fake, "0000:00:04.0", "vfio-pci");
	assert_reason(false, -EBUSY, "group 7 is not viable: 0000:00:04.1 is bound");
	assert_remedy(VIONET_REMEDY_BIND_GROUP);
}

static void same_reason_no_answer(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "virtio-pci",
	    .silent = true);
	assert_reason(true, -ENODEV, "does not answer (all-ones): without power");
	assert_has(function.reason, "0000:00:04.0/power/control");
	fake_write(&fake, "D3cold\n", "sys/bus/pci/devices/0000:00:04.0/power_state");
	assert_reason(true, -ENODEV, "without power (D3cold); wake it: echo on > ");
}

/* Of a virtual function only the ids read as ones. */
static void virtual_functions_answer(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "vfio-pci",
	    .virtual = true);
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_string_equal(function.reason, "");
	assert_true(function.drivable);
	assert_true(function.modern);
}

/* Behind a port whose link is down. */
static void no_answer_of_a_port(void **state)
{
	char from[FAKE_PATH + 64], to[FAKE_PATH + 64];

	(void)state;
	ADD(.address = "0000:01:00.0", .group = 7, .driver = "vfio-pci",
	    .silent = true);
	ADD(.address = "0000:00:03.0", .group = 8, .class = 0x060400,
	    .vendor = 0x1b36, .device = 0x000c, .driver = "pcieport");
	fake_write(&fake, "D0\n", "sys/bus/pci/devices/0000:01:00.0/power_state");
	fake_write(&fake, "0\n",
		   "sys/bus/pci/devices/0000:00:03.0/current_link_width");
	snprintf(from, sizeof(from), "%s/bus/pci/devices/0000:01:00.0", fake.sys);
	snprintf(to, sizeof(to), "%s/bus/pci/devices/0000:00:03.0/0000:01:00.0",
		 fake.sys);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(symlink("0000:00:03.0/0000:01:00.0", from), 0);
	assert_int_equal(vionet_pci_lookup("0000:01:00.0", &function), 0);
	assert_has(function.reason, "the link of its port 0000:00:03.0 is down");
	assert_has(function.reason, "0000:01:00.0/remove");
}

/* The error names the kind of the device first. */
static void kinds_of_functions(void **state)
{
	static const struct {
		uint16_t device, subsystem;
		const char *text;
	} kind[] = {
		{ 0x1042, 0x1100, "a virtio block device (1af4:1042)" },
		{ 0x1002, 5, "a virtio memory balloon device (1af4:1002)" },
		{ 0x1009, 9, "a virtio 9P device (1af4:1009)" },
		{ 0x1049, 0x1100, "a virtio 9P device (1af4:1049)" },
		{ 0x107f, 0x1100, "a virtio other device (1af4:107f)" },
		{ 0x2000, 1, "it is 1af4:2000 (" },
	};
	const char *const address = "0000:00:04.0";
	struct vionet_device *device;
	char text[VIONET_ERROR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		ADD(.address = "0000:00:04.0", .group = -1, .driver = "virtio-pci",
		    .device = kind[i].device, .subsystem = kind[i].subsystem);
		assert_int_equal(vionet_device_open(address, NULL, &device), -ENOTSUP);
		snprintf(text, sizeof(text), "%s", vionet_error_text());
		assert_has(text, kind[i].text);
		assert_has(text, "not a virtio-net function");
		assert_int_equal(vionet_pci_lookup(address, &function), -ENOTSUP);
		assert_string_equal(vionet_error_text(), text);
		assert_int_equal(vionet_pci_bind(&address, 1, 0, NULL, 0, NULL), -ENOTSUP);
		assert_string_equal(vionet_error_text(), text);
		assert_int_equal(vionet_pci_unbind(&address, 1, NULL, 0, NULL, 0, NULL),
				 -ENOTSUP);
		assert_string_equal(vionet_error_text(), text);
	}
}

static void variant_drivers_are_drivable(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "hisi_acc");
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_false(function.drivable);
	fake_add_vfio_dev(&fake, "0000:00:04.0", "vfio0");
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_true(function.drivable);
	assert_string_equal(function.reason, "");
}

/* Owner and mode allow this user, but the kernel refuses. */
static void denied_by_a_security_module(void **state)
{
	char path[FAKE_PATH + 8], reason[512];

	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "vfio-pci");
	assert_int_equal(vn_node_group_reason(fake.vfio, 7, false, EACCES, reason,
					      sizeof(reason)),
			 -EACCES);
	assert_has(reason, "SELinux");
	assert_int_equal(vn_node_container_reason(fake.vfio, EACCES, reason,
						  sizeof(reason)), -EACCES);
	assert_has(reason, "SELinux");
	snprintf(path, sizeof(path), "%s/7", fake.vfio);
	assert_int_equal(chmod(path, 0400), 0);
	if (geteuid() == 0)
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(vn_node_group_reason(fake.vfio, 7, false, EACCES, reason,
					      sizeof(reason)),
			 -EACCES);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_null(strstr(reason, "SELinux"));
	assert_has(reason, "mode 0400");
	assert_int_equal(vn_node_group_reason(fake.vfio, 7, false, EPERM, reason,
					      sizeof(reason)),
			 -EACCES);
	assert_has(reason, "docker run --device");
}

static void groups_that_are_open_already(void **state)
{
	char reason[512];

	(void)state;
	for (int interrupted = 0; interrupted < 2; interrupted++) {
		assert_int_equal(vn_node_group_reason(fake.vfio, 7, false, interrupted ? EINTR : EBUSY, reason, sizeof(reason)), -EBUSY);
		assert_has(reason, "IOMMU group 7 is open already, most likely in another process");
	}
}

static void groups_and_their_members(void **state)
{
	struct vn_member *members;
	char path[FAKE_PATH + 64];

	(void)state;
	assert_int_equal(vn_group_members(9, &members), -EIO);
	assert_null(members);
	assert_has(vionet_error_text(), "IOMMU group 9: ");
	assert_has(vionet_error_text(), "/kernel/iommu_groups/9/devices cannot be read");
	/* It has just been emptied. */
	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/9", fake.sys);
	assert_int_equal(mkdir(path, 0755), 0);
	strcat(path, "/devices");
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(vn_group_members(9, &members), 0);
	free(members);
	/* The folder of VFIO's class goes with the driver. */
	ADD(.address = "0000:00:04.0", .group = 7);
	fake_add_vfio_dev(&fake, "0000:00:04.0", "vfio0");
	snprintf(path, sizeof(path), "%s/bus/pci/devices/0000:00:04.0", fake.sys);
	assert_false(vn_is_vfio(path, ""));
	assert_true(vn_is_vfio(path, "hisi_acc"));
}

/* It is unplugged while it is looked at. */
static void attributes_that_are_missing(void **state)
{
	char path[FAKE_PATH + 64];

	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "vfio-pci");
	snprintf(path, sizeof(path), "%s/bus/pci/devices/0000:00:04.0/class", fake.sys);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), -EIO);
	assert_has(vionet_error_text(), "0000:00:04.0: it cannot be looked at: ");
}

/* Its allocator ends the process when there is no memory. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* All that this process may have, in pieces that get smaller. False: it may have more than any limit: in an emulator of
 * programs. */
static bool take_all_memory(void)
{
	const struct rlimit none = { 0, 0 };
	size_t taken = 0;

	if (setrlimit(RLIMIT_AS, &none) != 0)
		return false;
	for (size_t size = 1 << 20; size >= 64; size /= 2)
		for (void *volatile piece; (piece = malloc(size)) != NULL; taken += size)
			if (taken > 256 << 20) /* arenas of other threads are mapped already */
				return false;
	return true;
}

/* libpci ends the process then: it is not called. */
static void no_memory_for_libpci(void **state)
{
	struct vionet_pci_function *list;
	size_t count;
	pid_t child;
	int status;

	(void)state;
	if (SANITIZED)
		skip();
	child = fork();
	if (child == 0) {
		if (!take_all_memory())
			_exit(77);
		_exit(vionet_pci_list(&list, sizeof(*list), &count) == -ENOMEM && count == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* In a sandbox: configuration space is readable through VFIO, not in sysfs. That is not
 * the device's fault, and open need not fail. */
static void configuration_that_cannot_be_read(void **state)
{
	struct vionet_device *device;

	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "vfio-pci");
	fake_spoil(&fake, "sys/bus/pci/devices/0000:00:04.0/config");
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_true(function.drivable);
	assert_false(function.modern);
	assert_has(function.reason, "this user cannot read its capabilities");
	assert_true(vionet_device_open("0000:00:04.0", NULL, &device) < 0);
	assert_null(strstr(vionet_error_text(), "all-ones"));
	assert_has(vionet_error_text(), "/dev/vfio/"); /* it got as far as the node */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(same_reason_legacy),
		TEST(same_reason_no_iommu),
		TEST(same_reason_no_iommu_mode),
		TEST(same_reason_only_devices),
		TEST(same_reason_driver_and_group),
		TEST(same_reason_no_answer),
		TEST(virtual_functions_answer),
		TEST(no_answer_of_a_port),
		TEST(kinds_of_functions),
		TEST(variant_drivers_are_drivable),
		TEST(denied_by_a_security_module),
		TEST(groups_that_are_open_already),
		TEST(groups_and_their_members),
		TEST(attributes_that_are_missing),
		TEST(no_memory_for_libpci),
		TEST(configuration_that_cannot_be_read),
	};

	return cmocka_run_group_tests_name("drivable", tests, NULL, NULL);
}
