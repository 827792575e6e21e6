/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses, drivers, groups, and what vionet_pci_list and vionet_pci_lookup report of
 * functions, on a host of plain files. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <vionet/error.h>
#include <vionet/pci.h>

#include "pci/host/host.h"
#include "tests/unit/fake_sysfs.h"

static struct fake_sysfs fake;
static struct vionet_pci_function function = { .struct_size = sizeof(function) };

static int setup(void **state)
{
	(void)state;
	fake_create(&fake);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_destroy(&fake);
	return 0;
}

#define ADD(...) fake_add_function(&fake, &(struct fake_function){ __VA_ARGS__ })

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" does not have \"%s\"", text, part);
}

static void address_forms(void **state)
{
	static const char *const good[][2] = {
		{ "00:04.0", "0000:00:04.0" },
		{ "0000:00:04.0", "0000:00:04.0" },
		{ "0000:AF:1f.7", "0000:af:1f.7" },
		{ "10000:e1:00.0", "10000:e1:00.0" },
		{ "00010000:e1:00.0", "10000:e1:00.0" },
		{ "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
	};
	char address[VN_ADDRESS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(vn_pci_address_parse(good[i][0], address), 0);
		assert_string_equal(address, good[i][1]);
	}
}

static void address_nonsense(void **state)
{
	static const char *const bad[] = {
		"",	       "eth0",		  "0000:00:04",
		"0000:00:04.", "0000:00:04.8",	  "0000:00:20.0",
		"000:00:04.0", "0000:0:04.0",	  "0000:00:04.0 ",
		" 00:04.0",    "0000:00:04.00",	  "123456789:00:04.0",
		"0000:00:-4.0", "0000:00:0x.0",	  "../../../00:04.0",
		"0000:00:04.0/driver", "00:04:0", "0000:00:00:04.0",
	};
	char address[VN_ADDRESS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (vn_pci_address_parse(bad[i], address) != -EINVAL)
			fail_msg("\"%s\" was taken", bad[i]);
	assert_has(vionet_error_text(), "0000:00:04.0");
}

static void driver_of_function(void **state)
{
	char driver[64];

	(void)state;
	ADD(.address = "0000:00:04.0", .group = -1, .driver = "virtio-pci");
	ADD(.address = "0000:00:05.0", .group = -1);
	assert_int_equal(vn_sysfs_driver("0000:00:04.0", driver, 64), 0);
	assert_string_equal(driver, "virtio-pci");
	assert_int_equal(vn_sysfs_driver("0000:00:05.0", driver, 64), 0);
	assert_string_equal(driver, "");
	assert_int_equal(vn_sysfs_driver("0000:00:06.0", driver, 64), -ENODEV);
	assert_int_equal(vn_sysfs_driver("0000:00:04.0", driver, 4), -EIO);
	fake_write(&fake, "", "sys/bus/pci/devices/0000:00:05.0/driver");
	assert_int_equal(vn_sysfs_driver("0000:00:05.0", driver, 64), -EIO);
}

static void group_of_function(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 17);
	ADD(.address = "0000:00:05.0", .group = -1);
	ADD(.address = "0000:00:06.0", .group = 3,
	    .group_name = "vfio-noiommu\n");
	ADD(.address = "0000:00:07.0", .group = 4, .group_name = "other\n");
	assert_int_equal(vn_sysfs_group_quiet("0000:00:04.0"), 17);
	assert_int_equal(vn_sysfs_group_quiet("0000:00:05.0"), -ENXIO);
	assert_int_equal(vn_sysfs_group_quiet("0000:00:06.0"), -EPERM);
	assert_int_equal(vn_sysfs_group_quiet("0000:00:07.0"), 4);
	assert_int_equal(vn_sysfs_group_quiet("0000:00:08.0"), -ENXIO);
}

static int hindrances(int group, const char *except, char *text, size_t size,
		      bool *others)
{
	return vn_group_hindrances(group, &except, except != NULL, text, size, others);
}

static void hindrances_of_group(void **state)
{
	char text[256], little[24];
	bool others;

	(void)state;
	ADD(.address = "0000:00:01.0", .group = 1, .class = 0x060400,
	    .driver = "pcieport");
	ADD(.address = "0000:00:02.0", .group = 1);
	ADD(.address = "0000:00:03.0", .group = 1, .driver = "vfio-pci");
	ADD(.address = "0000:00:04.0", .group = 1, .driver = "vfio-ap");
	ADD(.address = "0000:00:05.0", .group = 1, .driver = "pci-stub");
	assert_int_equal(hindrances(1, NULL, text, sizeof(text), &others), 0);
	assert_string_equal(text, "");
	assert_false(others);
	ADD(.address = "0000:00:07.0", .group = 1, .driver = "virtio-pci");
	assert_int_equal(hindrances(1, NULL, text, sizeof(text), &others), 1);
	assert_false(others);
	ADD(.address = "0000:00:06.0", .group = 1, .driver = "ahci",
	    .device = 0x1042);
	/* A host bridge is no bridge to another bus. */
	ADD(.address = "0000:00:08.0", .group = 1, .class = 0x060000,
	    .driver = "agpgart", .device = 0x1042);
	assert_int_equal(hindrances(1, NULL, text, sizeof(text), &others), 3);
	assert_string_equal(text, "0000:00:06.0 is bound to ahci, "
				  "0000:00:07.0 is bound to virtio-pci, "
				  "0000:00:08.0 is bound to agpgart");
	assert_true(others);
	assert_int_equal(hindrances(1, NULL, little, sizeof(little), NULL), 3);
	assert_string_equal(little, "0000:00:06.0 is bound t");
	assert_int_equal(hindrances(1, "0000:00:07.0", text, sizeof(text), &others), 2);
	assert_null(strstr(text, "virtio-pci"));
	assert_true(hindrances(2, NULL, text, sizeof(text), &others) < 0);
}

static void list_is_ordered_and_complete(void **state)
{
	struct vionet_pci_function *list;
	size_t count;

	(void)state;
	ADD(.address = "10000:00:01.0", .group = -1);
	ADD(.address = "0000:af:00.1", .group = -1, .device = 0x1000);
	for (char digit = '9'; digit >= '1'; digit--) {
		char address[] = "0000:00:0x.0";

		address[9] = digit;
		ADD(.address = address, .group = -1);
	}
	ADD(.address = "0000:00:0a.0", .group = -1, .device = 0x1042);
	ADD(.address = "0000:00:0b.0", .group = -1, .vendor = 0x8086);
	assert_int_equal(vionet_pci_list(&list, sizeof(*list), &count), 0);
	assert_int_equal(count, 11);
	for (size_t i = 1; i < 9; i++)
		assert_true(strcmp(list[i - 1].address, list[i].address) < 0);
	assert_string_equal(list[9].address, "0000:af:00.1");
	assert_true(list[9].transitional);
	assert_string_equal(list[10].address, "10000:00:01.0");
	assert_false(list[10].transitional);
	vionet_pci_list_free(list);
}

/* Programs that were built with another size of the struct. */
static void functions_of_any_size(void **state)
{
	const size_t own = sizeof(struct vionet_pci_function);
	static _Alignas(16) uint8_t room[4096], full[4096];
	struct vionet_pci_function *list;
	uint32_t size;
	size_t count;

	(void)state;
	ADD(.address = "0000:00:01.0", .group = -1);
	ADD(.address = "0000:00:02.0", .group = -1);
	size = (uint32_t)own;
	memcpy(full, &size, sizeof(size));
	assert_int_equal(vionet_pci_lookup("0000:00:02.0", (void *)full), 0);
	for (size = 12; size <= own + 64; size += 4) {
		size_t common = size < own ? size : own;

		assert_int_equal(vionet_pci_list(&list, size, &count), 0);
		assert_int_equal(count, 2);
		assert_memory_equal((uint8_t *)list + size, &size, 4);
		assert_memory_equal((uint8_t *)list + size + 4, full + 4, common - 4);
		for (size_t at = own; at < size; at++)
			assert_int_equal(((uint8_t *)list)[size + at], 0);
		vionet_pci_list_free(list);
		memset(room, 0xa5, sizeof(room));
		memcpy(room, &size, sizeof(size));
		assert_int_equal(vionet_pci_lookup("0000:00:02.0", (void *)room), 0);
		assert_memory_equal(room, &size, 4);
		assert_memory_equal(room + 4, full + 4, common - 4);
		for (size_t at = own; at < size; at++)
			assert_int_equal(room[at], 0);
		assert_int_equal(room[size], 0xa5);
	}
	memset(room, 0, 4);
	assert_int_equal(vionet_pci_lookup("0000:00:02.0", (void *)room), -EINVAL);
	assert_non_null(strstr(vionet_error_text(), "sizeof(struct vionet_pci_function)"));
	assert_int_equal(vionet_pci_list(&list, 0, &count), -EINVAL);
	assert_null(list);
	assert_int_equal(vionet_pci_list(&list, sizeof(list), &count), -EINVAL);
	assert_non_null(strstr(vionet_error_text(), "sizeof(struct vionet_pci_function)"));
}

static void list_of_nothing(void **state)
{
	struct vionet_pci_function *list;
	size_t count = 5;

	(void)state;
	assert_int_equal(vionet_pci_list(&list, sizeof(*list), &count), 0);
	assert_null(list);
	assert_int_equal(count, 0);
	vionet_pci_list_free(NULL);
}

/* libpci's own reaction would be to end the process. */
static void list_without_sysfs(void **state)
{
	struct vionet_pci_function *list;
	size_t count;

	(void)state;
	vn_sysfs_set_root("/nowhere");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vionet_pci_list(&list, sizeof(*list), &count), -EIO);
		assert_null(list);
		assert_has(vionet_error_text(), "/nowhere/bus/pci");
	}
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), -ENODEV);
}

/* As when it is unplugged between the scan and the look. */
static void function_that_vanishes(void **state)
{
	struct vionet_pci_function *list;
	size_t count;

	(void)state;
	ADD(.address = "0000:00:04.0", .group = -1);
	ADD(.address = "0000:00:05.0", .group = -1);
	fake_spoil(&fake, "sys/bus/pci/devices/0000:00:04.0/vendor");
	assert_int_equal(vionet_pci_list(&list, sizeof(*list), &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].address, "0000:00:05.0");
	vionet_pci_list_free(list);
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), -EIO);
}

static void lookup_reports_all(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "virtio-pci",
	    .interface = "ens4");
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_string_equal(function.address, "0000:00:04.0");
	assert_int_equal(function.vendor_id, 0x1af4);
	assert_int_equal(function.device_id, 0x1041);
	assert_int_equal(function.subsystem_vendor_id, 0x1af4);
	assert_int_equal(function.subsystem_device_id, 0x1100);
	assert_int_equal(function.revision, 1);
	assert_int_equal(function.numa_node, 1);
	assert_int_equal(function.iommu_group, 7);
	assert_true(function.modern);
	assert_string_equal(function.driver, "virtio-pci");
	assert_string_equal(function.interface, "ens4");
	assert_false(function.drivable);
	assert_has(function.reason, "bound to virtio-pci");
	assert_int_equal(function.remedy, VIONET_REMEDY_BIND);
	assert_string_equal(function.vendor_name, "Red Hat, Inc.");
	assert_string_equal(function.device_name, "Virtio 1.0 network device");
	vn_host.pci_ids = NULL;
	assert_int_equal(vionet_pci_lookup("0000:00:04.0", &function), 0);
	if (access("/usr/share/misc/pci.ids", R_OK) == 0)
		assert_has(function.vendor_name, "Red Hat");
}

static void lookup_refuses(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = -1, .device = 0x1042);
	assert_int_equal(vionet_pci_lookup("4.0", &function), -EINVAL);
	assert_int_equal(vionet_pci_lookup("00:05.0", &function), -ENODEV);
	assert_has(vionet_error_text(), "0000:00:05.0");
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), -ENOTSUP);
	assert_has(vionet_error_text(), "1af4:1042");
}

static void class_and_subsystem_do_not_count(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "vfio-pci",
	    .class = 0xffffff);
	fake_write(&fake, "0xdead\n",
		   "sys/bus/pci/devices/0000:00:04.0/subsystem_vendor");
	fake_write(&fake, "0xff\n", "sys/bus/pci/devices/0000:00:04.0/revision");
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_true(function.drivable);
	assert_string_equal(function.reason, "");
}

/* Linux allows all but white space, '/' and ':' in the name of an interface, and a user
 * with a network namespace may choose it. */
static void names_do_not_command_a_terminal(void **state)
{
	struct vionet_pci_function *list;
	size_t count;

	(void)state;
	ADD(.address = "0000:00:04.0", .group = 1, .driver = "virtio-pci",
	    .interface = "e\033[2Jx");
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_string_equal(function.interface, "e?[2Jx");
	assert_int_equal(vionet_pci_list(&list, sizeof(*list), &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(list[0].interface, "e?[2Jx");
	vionet_pci_list_free(list);
}

static void interface_of_other_driver(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "other",
	    .interface = "eth9", .plain_net = true);
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_string_equal(function.interface, "eth9");
}

static void reason_legacy(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "vfio-pci",
	    .device = 0x1000, .legacy = true);
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_false(function.modern);
	assert_false(function.drivable);
	assert_has(function.reason, "legacy only");
}

static void reason_hidden_configuration(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "vfio-pci",
	    .hidden = true);
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_false(function.modern);
	assert_true(function.drivable);
	assert_has(function.reason, "this user cannot read");
}

static void reason_no_group(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = -1, .driver = "virtio-pci");
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_false(function.drivable);
	assert_int_equal(function.iommu_group, -1);
	assert_has(function.reason, "intel_iommu=on");
}

static void reason_unbound(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7);
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_string_equal(function.reason, "without driver");
	assert_int_equal(function.remedy, VIONET_REMEDY_BIND_OR_UNBIND);
}

/* SIGKILL between the steps of a bind, or of an unbind to a named driver. */
static void reason_cut_off(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .override = "vfio-pci\n");
	ADD(.address = "0000:00:05.0", .group = 8, .driver = "virtio-pci", .override = "vfio-pci\n");
	ADD(.address = "0000:00:06.0", .group = 9, .driver = "virtio-pci", .override = "virtio-pci\n");
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_string_equal(function.reason,
			    "without driver: a bind or unbind was cut off (driver_override names vfio-pci)");
	assert_int_equal(function.remedy, VIONET_REMEDY_BIND_OR_UNBIND);
	assert_int_equal(vionet_pci_lookup("00:05.0", &function), 0);
	assert_string_equal(function.reason,
			    "bound to virtio-pci: a bind or unbind was cut off (driver_override names vfio-pci)");
	assert_int_equal(function.remedy, VIONET_REMEDY_BIND_OR_UNBIND);
	/* The administrator's choice. */
	assert_int_equal(vionet_pci_lookup("00:06.0", &function), 0);
	assert_string_equal(function.reason, "bound to virtio-pci");
	assert_int_equal(function.remedy, VIONET_REMEDY_BIND);
}

static void reason_others_in_the_group(void **state)
{
	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "vfio-pci");
	ADD(.address = "0000:00:04.1", .group = 7, .driver = "e1000e");
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_false(function.drivable);
	assert_has(function.reason, "group 7 is not viable");
	assert_has(function.reason, "0000:00:04.1 is bound to e1000e");
	fake_bind(&fake, "0000:00:04.0", "virtio-pci");
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_has(function.reason, "bound to virtio-pci");
	assert_has(function.reason, "0000:00:04.1 is bound to e1000e");
	assert_null(strstr(function.reason, "0000:00:04.0 is bound"));
}

static void reason_held_by_a_process(void **state)
{
	char node[FAKE_PATH + 8], expected[64];
	int fd;

	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "vfio-pci");
	vn_host.proc = "/proc";
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_true(function.drivable);
	snprintf(node, sizeof(node), "%s/7", fake.vfio);
	fd = open(node, O_RDWR);
	snprintf(expected, sizeof(expected), "process %d (%.15s", getpid(),
		 program_invocation_short_name);
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_false(function.drivable);
	assert_has(function.reason, expected);
	close(fd);
}

static void reason_no_permission(void **state)
{
	char node[FAKE_PATH + 8];

	(void)state;
	ADD(.address = "0000:00:04.0", .group = 7, .driver = "vfio-pci");
	snprintf(node, sizeof(node), "%s/7", fake.vfio);
	chmod(node, 0400);
	if (geteuid() == 0) /* root may do everything: be another user */
		assert_int_equal(seteuid(65534), 0);
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	if (getuid() == 0)
		assert_int_equal(seteuid(0), 0);
	assert_false(function.drivable);
	assert_has(function.reason, "may not open");
	assert_has(function.reason, "chown");
	unlink(node);
	assert_int_equal(vionet_pci_lookup("00:04.0", &function), 0);
	assert_false(function.drivable);
	assert_has(function.reason, "container");
}

/* A call that succeeds leaves the text of the last failure alone. */
static void success_keeps_the_error_text(void **state)
{
	struct vionet_pci_function *list;
	size_t count;

	(void)state;
	ADD(.address = "0000:00:04.0", .group = -1, .driver = "virtio-pci");
	assert_int_equal(vionet_pci_lookup("4.0", &function), -EINVAL);
	assert_int_equal(vionet_pci_list(&list, sizeof(*list), &count), 0);
	assert_has(vionet_error_text(), "\"4.0\"");
	vionet_pci_list_free(list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(address_forms),
		TEST(address_nonsense),
		TEST(driver_of_function),
		TEST(group_of_function),
		TEST(hindrances_of_group),
		TEST(list_is_ordered_and_complete),
		TEST(functions_of_any_size),
		TEST(list_of_nothing),
		TEST(list_without_sysfs),
		TEST(function_that_vanishes),
		TEST(lookup_reports_all),
		TEST(lookup_refuses),
		TEST(class_and_subsystem_do_not_count),
		TEST(names_do_not_command_a_terminal),
		TEST(interface_of_other_driver),
		TEST(reason_legacy),
		TEST(reason_hidden_configuration),
		TEST(reason_no_group),
		TEST(reason_unbound),
		TEST(reason_cut_off),
		TEST(reason_others_in_the_group),
		TEST(reason_held_by_a_process),
		TEST(reason_no_permission),
		TEST(success_keeps_the_error_text),
	};

	return cmocka_run_group_tests_name("sysfs", tests, NULL, NULL);
}
