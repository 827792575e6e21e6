/* SPDX-License-Identifier: BSD-3-Clause */
/* Bind, on a host of plain files: what succeeds, and what is refused before anything
 * changes. */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pci/host/host.h"
#include "tests/unit/bind_fixture.h"

static void assert_refused(int code, const char *text)
{
	int result = bind_nic(0);

	if (result != code)
		fail_msg("%d: %s", result, vionet_error_text());
	assert_has(vionet_error_text(), text);
	assert_has(vionet_error_text(), ADDRESS);
	assert_untouched("virtio-pci");
}

static void bind_moves_it(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	assert_int_equal(bind_nic(0), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
	assert_string_equal(previous, "virtio-pci");
	assert_override("vfio-pci");
	assert_string_equal(fake_log(&fake), "unbind virtio-pci;probe;");
}

static void bind_of_unbound_function(void **state)
{
	(void)state;
	ADD(.address = ADDRESS, .group = 7);
	assert_int_equal(bind_nic(0), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
	assert_string_equal(previous, "");
	assert_string_equal(fake_log(&fake), "probe;");
}

static void bind_touches_no_other_function(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	ADD(.address = "0000:00:05.0", .group = 8, .driver = "virtio-pci");
	ADD(.address = "0000:00:06.0", .group = 9);
	assert_int_equal(bind_nic(0), 0);
	assert_string_equal(fake_driver(&fake, "0000:00:05.0"), "virtio-pci");
	assert_string_equal(fake_driver(&fake, "0000:00:06.0"), "");
}

static void bind_again_is_no_error(void **state)
{
	(void)state;
	add_nic("vfio-pci");
	assert_int_equal(bind_nic(0), 0);
	assert_string_equal(previous, "vfio-pci");
	assert_untouched("vfio-pci");
}

static void bind_without_a_response(void **state)
{
	const char *const name = "00:04.0";

	(void)state;
	add_nic("virtio-pci");
	assert_int_equal(vionet_pci_bind(&name, 1, 0, NULL, 0, NULL), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
}

static void refuses_nonsense(void **state)
{
	(void)state;
	assert_int_equal(bind_one("eth0", 0), -EINVAL);
	assert_int_equal(bind_nic(0), -ENODEV);
	assert_string_equal(previous, "");
	assert_int_equal(unbind_one("eth0", NULL), -EINVAL);
	assert_int_equal(unbind_one(ADDRESS, NULL), -ENODEV);
	assert_string_equal(fake_log(&fake), "");
}

static void refuses_what_is_no_nic(void **state)
{
	(void)state;
	ADD(.address = ADDRESS, .group = 7, .device = 0x1042,
	    .driver = "virtio-pci");
	assert_refused(-ENOTSUP, "1af4:1042");
}

static void refuses_legacy(void **state)
{
	(void)state;
	ADD(.address = ADDRESS, .group = 7, .device = 0x1000, .legacy = true,
	    .driver = "virtio-pci");
	assert_refused(-ENOTSUP, "legacy only");
}

static void refuses_without_iommu(void **state)
{
	(void)state;
	ADD(.address = ADDRESS, .group = -1, .driver = "virtio-pci");
	assert_refused(-ENXIO, "intel_iommu=on");
	assert_has(vionet_error_text(), "-device intel-iommu");
	assert_has(vionet_error_text(), "firmware");
}

static void refuses_outside_the_iommu(void **state)
{
	(void)state;
	ADD(.address = ADDRESS, .group = -1, .driver = "virtio-pci");
	ADD(.address = "0000:00:05.0", .group = 0);
	assert_refused(-ENXIO, "does not sit behind the IOMMU");
}

static void remove_vfio(void)
{
	char path[FAKE_PATH + 64];

	snprintf(path, sizeof(path), "%s/bus/pci/drivers/vfio-pci", fake.sys);
	assert_int_equal(
		rename(path, strcat(strcpy((char[FAKE_PATH]){ 0 }, fake.root),
				    "/module")), 0);
}

/* A modprobe that does what is in `script`. */
static void put_modprobe(const char *name, const char *script)
{
	char path[FAKE_PATH + 64];

	fake_write(&fake, script, "%s", name);
	snprintf(path, sizeof(path), "%s/%s", fake.root, name);
	assert_int_equal(chmod(path, 0755), 0);
}

static void refuses_without_module(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	remove_vfio();
	put_modprobe("modprobe", "#!/bin/sh\necho noise; exit 1\n");
	vn_host.modprobe[0] = "/nowhere/modprobe";
	vn_host.modprobe[1] =
		strcat(strcpy((char[FAKE_PATH]){ 0 }, fake.root), "/modprobe");
	assert_refused(-ENOENT, "modprobe vfio-pci");
}

static void loads_the_module(void **state)
{
	char script[FAKE_PATH * 3], path[FAKE_PATH + 16];

	(void)state;
	add_nic("virtio-pci");
	remove_vfio();
	snprintf(script, sizeof(script),
		 "#!/bin/sh\n[ \"$*\" = '-- vfio-pci' ] && mv %s/module %s/bus/pci/drivers/vfio-pci\n",
		 fake.root, fake.sys);
	put_modprobe("helper", script);
	snprintf(path, sizeof(path), "%s/helper\n", fake.root);
	fake_write(&fake, path, "proc/sys/kernel/modprobe");
	assert_int_equal(bind_nic(0), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
}

static void does_not_wait_for_ever_for_modprobe(void **state)
{
	char path[FAKE_PATH + 16];

	(void)state;
	add_nic("virtio-pci");
	remove_vfio();
	put_modprobe("helper", "#!/bin/sh\nexec sleep 600\n");
	snprintf(path, sizeof(path), "%s/helper\n", fake.root);
	fake_write(&fake, path, "proc/sys/kernel/modprobe");
	vn_host.modprobe_ms = 50;
	alarm(60);
	assert_refused(-ENOENT, "vfio-pci");
	alarm(0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* reaped */
}

static void refuses_others_in_the_group(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	ADD(.address = "0000:00:04.1", .group = 7, .driver = "e1000e");
	assert_refused(-EBUSY, "0000:00:04.1 is bound to e1000e");
	assert_null(strstr(vionet_error_text(), ADDRESS " is bound"));
	assert_int_equal(bind_nic(VIONET_PCI_BIND_FORCE), -EBUSY);
	assert_untouched("virtio-pci");
}

static void accepts_harmless_others(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	ADD(.address = "0000:00:04.1", .group = 7);
	ADD(.address = "0000:00:04.2", .group = 7, .driver = "vfio-pci");
	assert_int_equal(bind_nic(0), 0);
}

static void refuses_without_permission(void **state)
{
	static const char *const file[] = {
		OVERRIDE, "sys/bus/pci/drivers_probe",
		"sys/bus/pci/drivers/virtio-pci/unbind",
	};
	char path[FAKE_PATH + 128];

	(void)state;
	add_nic("virtio-pci");
	fake_stop(&fake); /* it would act as another user too */
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 3; j++) {
			snprintf(path, sizeof(path), "%s/%s", fake.root,
				 file[j]);
			assert_int_equal(chmod(path, j == i ? 0444 : 0666), 0);
			if (j < 2)
				continue;
			if (getuid() == 0) /* root may do everything */
				assert_int_equal(seteuid(65534), 0);
			assert_int_equal(bind_nic(0), -EACCES);
			if (getuid() == 0)
				assert_int_equal(seteuid(0), 0);
			assert_has(vionet_error_text(), file[i]);
			assert_untouched("virtio-pci");
		}
}

static void refuses_without_driver_override(void **state)
{
	char path[FAKE_PATH + 128];

	(void)state;
	add_nic("virtio-pci");
	snprintf(path, sizeof(path), "%s/" OVERRIDE, fake.root);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(bind_nic(0), -EIO);
	assert_has(vionet_error_text(), "driver_override");
	assert_string_equal(fake_driver(&fake, ADDRESS), "virtio-pci");
	assert_string_equal(fake_log(&fake), "");
}

/* ---- several at once ---- */

static void no_more_than_256(void **state)
{
	static char names[257][16];
	const char *addresses[257];
	struct vionet_pci_move *moves;
	size_t count;

	(void)state;
	for (unsigned int i = 0; i < 257; i++) {
		snprintf(names[i], sizeof(names[i]), "0000:%02x:%02x.%u", 1 + i / 256, i / 8 % 32, i % 8);
		addresses[i] = names[i];
		ADD(.address = names[i], .group = (int)i, .driver = "vfio-pci");
	}
	assert_int_equal(vionet_pci_bind(addresses, 257, 0, &moves, sizeof(*moves), &count), -EINVAL);
	assert_has(vionet_error_text(), "0000:02:00.0: more than 256 functions at once");
}

#define SECOND "0000:00:04.1"

static const char *const both[] = { ADDRESS, SECOND };

static void add_pair(const char *driver)
{
	add_nic(driver);
	ADD(.address = SECOND, .group = 7, .driver = driver, .interface = "ens4f1");
}

static void assert_both_with(const char *driver)
{
	assert_string_equal(fake_driver(&fake, ADDRESS), driver);
	assert_string_equal(fake_driver(&fake, SECOND), driver);
}

static void siblings_are_bound_together(void **state)
{
	struct vionet_pci_move *moves;
	size_t count;

	(void)state;
	add_pair("virtio-pci");
	assert_int_equal(bind_nic(0), -EBUSY);
	assert_remedy_code(VIONET_REMEDY_BIND_GROUP, ADDRESS);
	assert_int_equal(vionet_pci_bind(both, 2, 0, &moves, sizeof(*moves), &count), 0);
	assert_int_equal(count, 2);
	assert_string_equal(moves[1].address, SECOND);
	assert_string_equal(moves[1].from, "virtio-pci");
	assert_string_equal(moves[1].to, "vfio-pci");
	assert_true(moves[1].moved);
	vionet_pci_moves_free(moves);
	assert_both_with("vfio-pci");
	assert_int_equal(vionet_pci_unbind(both, 2, NULL, 0, NULL, 0, NULL), 0);
	assert_both_with("virtio-pci");
}

/* Programs that were built with another size of the struct. */
static void moves_of_any_size(void **state)
{
	const size_t own = sizeof(struct vionet_pci_move);
	struct vionet_pci_move *moves;
	size_t count;

	(void)state;
	add_pair("virtio-pci");
	for (size_t stride = 20; stride <= own + 32; stride += 4) {
		assert_int_equal(vionet_pci_bind(both, 2, 0, &moves, stride, &count), 0);
		assert_int_equal(count, 2);
		assert_string_equal((char *)moves, ADDRESS);
		assert_string_equal((char *)moves + stride, SECOND);
		for (size_t at = own; at < stride; at++)
			assert_int_equal(((uint8_t *)moves)[at], 0);
		vionet_pci_moves_free(moves);
	}
	assert_int_equal(vionet_pci_bind(both, 2, 0, &moves, 0, &count), -EINVAL);
	assert_has(vionet_error_text(), "sizeof(struct vionet_pci_move)");
	assert_null(moves);
	assert_int_equal(vionet_pci_unbind(both, 2, NULL, 0, &moves, sizeof(moves), &count),
			 -EINVAL);
	assert_int_equal(vionet_pci_unbind(both, 2, NULL, 0, NULL, 0, NULL), 0);
}

static void the_group_comes_along(void **state)
{
	const char *const one = ADDRESS;
	struct vionet_pci_move *moves;
	size_t count;

	(void)state;
	add_pair("virtio-pci");
	ADD(.address = "0000:00:03.0", .group = 7, .class = 0x060400,
	    .driver = "pcieport", .device = 0x1234);
	ADD(.address = "0000:00:05.0", .group = 8, .driver = "virtio-pci");
	assert_int_equal(vionet_pci_bind(&one, 1, VIONET_PCI_BIND_GROUP, &moves, sizeof(*moves), &count),
			 0);
	assert_int_equal(count, 2);
	vionet_pci_moves_free(moves);
	assert_both_with("vfio-pci");
	assert_string_equal(fake_driver(&fake, "0000:00:03.0"), "pcieport");
	assert_string_equal(fake_driver(&fake, "0000:00:05.0"), "virtio-pci");
	assert_int_equal(vionet_pci_unbind(&one, 1, NULL, VIONET_PCI_BIND_GROUP, NULL, 0,
					   NULL), 0);
	assert_both_with("virtio-pci");
}

/* A function that cannot be used keeps the others from using its group. */
static void one_that_cannot_be_driven_comes_along(void **state)
{
	const char *const one = ADDRESS, *const legacy = SECOND;

	(void)state;
	add_nic("virtio-pci");
	ADD(.address = SECOND, .group = 7, .driver = "virtio-pci", .device = 0x1000,
	    .legacy = true);
	assert_int_equal(bind_nic(0), -EBUSY);
	assert_remedy_code(VIONET_REMEDY_BIND_GROUP, ADDRESS);
	assert_int_equal(vionet_pci_bind(&legacy, 1, VIONET_PCI_BIND_GROUP, NULL, 0, NULL),
			 -ENOTSUP);
	assert_both_with("virtio-pci");
	assert_int_equal(vionet_pci_bind(&one, 1, VIONET_PCI_BIND_GROUP, NULL, 0, NULL), 0);
	assert_both_with("vfio-pci");
}

/* Force counts for all functions of the call: one alone cannot be bound. */
static void force_is_for_all_of_them(void **state)
{
	const char *const one = ADDRESS;

	(void)state;
	add_pair("virtio-pci");
	fake_interface("ens4f1", true, "192.0.2.7");
	assert_int_equal(vionet_pci_bind(&one, 1, VIONET_PCI_BIND_GROUP, NULL, 0, NULL),
			 -EBUSY);
	assert_remedy_code(VIONET_REMEDY_BIND_FORCE, SECOND);
	assert_int_equal(vionet_pci_bind(&one, 1, VIONET_PCI_BIND_GROUP |
					 VIONET_PCI_BIND_FORCE, NULL, 0, NULL), 0);
	assert_both_with("vfio-pci");
}

/* `--group` does not bind functions that are not virtio-net. */
static void what_is_no_nic_stays_a_hindrance(void **state)
{
	const char *const one = ADDRESS;

	(void)state;
	add_pair("virtio-pci");
	ADD(.address = "0000:00:04.2", .group = 7, .driver = "virtio-pci",
	    .device = 0x1042);
	assert_int_equal(vionet_pci_bind(&one, 1, VIONET_PCI_BIND_GROUP, NULL, 0, NULL),
			 -EBUSY);
	assert_has(vionet_error_text(), "0000:00:04.2 is bound to virtio-pci");
	assert_null(strstr(vionet_error_text(), SECOND));
	assert_untouched("virtio-pci");
}

static void one_that_is_refused_keeps_all(void **state)
{
	(void)state;
	add_pair("virtio-pci");
	fake_interface("ens4f1", true, "192.0.2.1");
	assert_int_equal(vionet_pci_bind(both, 2, 0, NULL, 0, NULL), -EBUSY);
	assert_has(vionet_error_text(), SECOND ": ");
	assert_untouched("virtio-pci");
}

/* The second cannot be moved: the first goes back. */
static void one_failure_undoes_all(void **state)
{
	const char *const apart[] = { ADDRESS, "0000:00:05.0" };
	struct vionet_pci_move *moves = (void *)1;
	size_t count = 9;

	(void)state;
	add_nic("virtio-pci");
	ADD(.address = "0000:00:05.0", .group = 8, .driver = "stubborn");
	fake_add_driver(&fake, "stubborn");
	fake.kernel.clings = "stubborn";
	assert_int_equal(vionet_pci_bind(apart, 2, 0, &moves, sizeof(*moves), &count), -EIO);
	assert_null(moves);
	assert_int_equal(count, 0);
	assert_has(vionet_error_text(), "0000:00:05.0: stubborn does not release");
	assert_null(strstr(vionet_error_text(), "not as before"));
	assert_string_equal(fake_driver(&fake, ADDRESS), "virtio-pci");
	assert_override("");
	/* Also a function that had no driver before. */
	fake_bind(&fake, ADDRESS, NULL);
	assert_int_equal(vionet_pci_bind(apart, 2, 0, NULL, 0, NULL), -EIO);
	assert_string_equal(fake_driver(&fake, ADDRESS), "");
}

static void named_twice_is_once(void **state)
{
	const char *const twice[] = { ADDRESS, "00:04.0" };
	struct vionet_pci_move *moves;
	size_t count;

	(void)state;
	add_nic("virtio-pci");
	assert_int_equal(vionet_pci_bind(twice, 2, 0, &moves, sizeof(*moves), &count), 0);
	assert_int_equal(count, 1);
	vionet_pci_moves_free(moves);
	assert_int_equal(vionet_pci_bind(twice, 0, 0, NULL, 0, NULL), -EINVAL);
	assert_int_equal(vionet_pci_bind(twice, 1, 8, NULL, 0, NULL), -EINVAL);
	assert_int_equal(vionet_pci_unbind(twice, 1, NULL, VIONET_PCI_BIND_FORCE, NULL, 0,
					   NULL), -EINVAL);
}

/* ---- drivers of VFIO that are not vfio-pci ---- */

/* A VFIO driver is recognised by its vfio-dev folder, by the modules that it depends on,
 * or by its name. */
static void variant_drivers_are_vfio(void **state)
{
	static const char *const driver[] = { "hisi_acc", "nvgrace_gpu",
					      "virtio_vfio_pci" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		char address[] = "0000:00:05.0";

		address[9] = (char)('5' + i);
		ADD(.address = address, .group = 7, .driver = driver[i]);
		fake_add_driver(&fake, driver[i]);
	}
	fake_add_vfio_dev(&fake, "0000:00:05.0", "vfio0");
	fake_add_core_user(&fake, "nvgrace_gpu", "nvgrace_gpu_pci");
	add_nic("virtio-pci");
	for (size_t i = 0; i < 3; i++) {
		char address[] = "0000:00:05.0";

		address[9] = (char)('5' + i);
		assert_int_equal(bind_one(address, 0), 0);
		assert_string_equal(previous, driver[i]);
		assert_string_equal(fake_driver(&fake, address), driver[i]);
	}
	assert_string_equal(fake_log(&fake), "");
	/* They do not keep another function of their group from being bound. */
	assert_int_equal(bind_nic(0), 0);
	/* And unbind has a driver to restore. */
	assert_int_equal(unbind_one("0000:00:05.0", NULL), 0);
	assert_string_equal(fake_driver(&fake, "0000:00:05.0"), "virtio-pci");
}

/* ---- what is left of the group's node ---- */

static void waits_for_udev(void **state)
{
	char script[FAKE_PATH * 3], path[FAKE_PATH + 16];

	(void)state;
	add_nic("virtio-pci");
	fake_write(&fake, "", "run/udev/control");
	snprintf(script, sizeof(script),
		 "#!/bin/sh\n[ $1 = settle ] && [ -e %s/7 ] && sleep 0.2 && echo done > %s/settled\n",
		 fake.vfio, fake.root);
	put_modprobe("udevadm", script);
	snprintf(path, sizeof(path), "%s/run/udev", fake.root);
	vn_host.udev = path;
	vn_host.udevadm[0] = "/nowhere/udevadm";
	vn_host.udevadm[1] =
		strcat(strcpy((char[FAKE_PATH]){ 0 }, fake.root), "/udevadm");
	vn_host.udev_ms = 10000;
	assert_int_equal(bind_nic(0), 0);
	assert_string_equal(fake_read(&fake, "settled"), "done\n");
}

static void character_devices_are_enough(void **state)
{
	char path[FAKE_PATH + 8];

	(void)state;
	add_nic("virtio-pci");
	snprintf(path, sizeof(path), "%s/vfio", fake.vfio);
	assert_int_equal(unlink(path), 0);
	fake_write(&fake, "", "dev/vfio/devices/vfio0");
	fake_write(&fake, "", "dev/iommu");
	assert_int_equal(bind_nic(0), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bind_moves_it),
		TEST(bind_of_unbound_function),
		TEST(bind_touches_no_other_function),
		TEST(bind_again_is_no_error),
		TEST(bind_without_a_response),
		TEST(refuses_nonsense),
		TEST(refuses_what_is_no_nic),
		TEST(refuses_legacy),
		TEST(refuses_without_iommu),
		TEST(refuses_outside_the_iommu),
		TEST(refuses_without_module),
		TEST(loads_the_module),
		TEST(does_not_wait_for_ever_for_modprobe),
		TEST(refuses_others_in_the_group),
		TEST(accepts_harmless_others),
		TEST(refuses_without_permission),
		TEST(refuses_without_driver_override),
		TEST(moves_of_any_size),
		TEST(no_more_than_256),
		TEST(siblings_are_bound_together),
		TEST(the_group_comes_along),
		TEST(one_that_cannot_be_driven_comes_along),
		TEST(force_is_for_all_of_them),
		TEST(what_is_no_nic_stays_a_hindrance),
		TEST(one_that_is_refused_keeps_all),
		TEST(one_failure_undoes_all),
		TEST(named_twice_is_once),
		TEST(variant_drivers_are_vfio),
		TEST(waits_for_udev),
		TEST(character_devices_are_enough),
	};

	return cmocka_run_group_tests_name("bind", tests, NULL, NULL);
}
