/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: binding on a host of plain files: what goes through, and what is refused
 * before anything is touched.
 * Never: touches the machine's own functions or runs its modprobe.
 * Read next: pci/bind.c, tests/unit/test_unbind.c.
 */
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pci/host.h"
#include "tests/unit/bind_bed.h"

static void assert_refused(int code, const char *text)
{
	int result = bind(0);

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
	assert_int_equal(bind(0), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
	assert_string_equal(previous, "virtio-pci");
	assert_override("vfio-pci");
	assert_string_equal(fake_log(&fake), "unbind virtio-pci;probe;");
}

static void bind_of_unbound_function(void **state)
{
	(void)state;
	ADD(.address = ADDRESS, .group = 7);
	assert_int_equal(bind(0), 0);
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
	assert_int_equal(bind(0), 0);
	assert_string_equal(fake_driver(&fake, "0000:00:05.0"), "virtio-pci");
	assert_string_equal(fake_driver(&fake, "0000:00:06.0"), "");
}

static void bind_again_is_no_error(void **state)
{
	(void)state;
	add_nic("vfio-pci");
	assert_int_equal(bind(0), 0);
	assert_string_equal(previous, "vfio-pci");
	assert_untouched("vfio-pci");
}

static void bind_without_previous(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	assert_int_equal(vionet_pci_bind("00:04.0", 0, NULL, 0), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
}

static void refuses_nonsense(void **state)
{
	(void)state;
	assert_int_equal(vionet_pci_bind("eth0", 0, NULL, 0), -EINVAL);
	assert_int_equal(bind(0), -ENODEV);
	assert_string_equal(previous, "");
	assert_int_equal(vionet_pci_unbind("eth0", NULL), -EINVAL);
	assert_int_equal(vionet_pci_unbind(ADDRESS, NULL), -ENODEV);
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
	assert_int_equal(bind(0), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
}

static void does_not_wait_for_ever_for_modprobe(void **state)
{
	char path[FAKE_PATH + 16];

	(void)state;
	add_nic("virtio-pci");
	remove_vfio();
	put_modprobe("helper", "#!/bin/sh\nexec sleep 60\n");
	snprintf(path, sizeof(path), "%s/helper\n", fake.root);
	fake_write(&fake, path, "proc/sys/kernel/modprobe");
	vn_host.modprobe_ms = 50;
	alarm(10);
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
	assert_int_equal(bind(VIONET_PCI_BIND_FORCE), -EBUSY);
	assert_untouched("virtio-pci");
}

static void accepts_harmless_others(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	ADD(.address = "0000:00:04.1", .group = 7);
	ADD(.address = "0000:00:04.2", .group = 7, .driver = "vfio-pci");
	assert_int_equal(bind(0), 0);
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
	fake_stop(&fake); /* it would act as somebody else too */
	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < 3; j++) {
			snprintf(path, sizeof(path), "%s/%s", fake.root,
				 file[j]);
			assert_int_equal(chmod(path, j == i ? 0444 : 0666), 0);
			if (j < 2)
				continue;
			if (getuid() == 0) /* root may do everything */
				assert_int_equal(seteuid(65534), 0);
			assert_int_equal(bind(0), -EACCES);
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
	assert_int_equal(bind(0), -EIO);
	assert_has(vionet_error_text(), "driver_override");
	assert_string_equal(fake_driver(&fake, ADDRESS), "virtio-pci");
	assert_string_equal(fake_log(&fake), "");
}

/* --- the interface ---------------------------------------------------------- */

static void refuses_interface_with_address(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, "192.0.2.1");
	assert_refused(-EBUSY, "ens4 is up and has address 192.0.2.1");
	assert_has(vionet_error_text(), "--force");
	fake_interface("ens4", true, "2001:db8::7");
	assert_refused(-EBUSY, "2001:db8::7");
}

static void force_takes_it(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, "192.0.2.1");
	assert_int_equal(bind(VIONET_PCI_BIND_FORCE), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
}

/* Bind with these addresses and routes is refused, or goes through. */
static void assert_in_use(bool in_use, const char *routes4, const char *routes6)
{
	fake_write(&fake, routes4, "proc/net/route");
	fake_write(&fake, routes6, "proc/net/ipv6_route");
	if (in_use) {
		assert_refused(-EBUSY, "has routes");
		fake_start(&fake);
		return;
	}
	if (bind(0) != 0)
		fail_msg("%s", vionet_error_text());
	fake_bind(&fake, ADDRESS, "virtio-pci");
	fake_write(&fake, "(null)\n", OVERRIDE);
	fake_clear_log(&fake);
}

#define HEAD4 "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"
#define TAIL4 "\t0\t0\t0\t00000000\t0\t0\t0\n"
#define MIDDLE6 " 40 00000000000000000000000000000000 00 " \
		"00000000000000000000000000000000 00000100 00000001 00000000 "

static void interface_not_in_use(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	assert_in_use(false, "", "");
	fake_interface("ens4", false, "192.0.2.1"); /* down */
	assert_in_use(false, HEAD4 "ens4\t00000000\t0102A8C0\t0003" TAIL4, "");
	fake_interface("ens5", true, "192.0.2.1"); /* another */
	assert_in_use(false, "", "");
	fake_interface("ens4", true, "fe80::1");
	assert_in_use(false, "", "");
}

static void routes_of_version_4(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, NULL);
	assert_in_use(true, HEAD4 "ens4\t00000000\t0102A8C0\t0003" TAIL4, "");
	assert_in_use(true, HEAD4 "ens4\t0002000A\t00000000\t0001" TAIL4, "");
	/* another's; rejected; 169.254/16; 224/4 */
	assert_in_use(false, HEAD4 "ens40\t00000000\t0102A8C0\t0003" TAIL4, "");
	assert_in_use(false, HEAD4 "ens4\t0002000A\t00000000\t0200" TAIL4, "");
	assert_in_use(false, HEAD4 "ens4\t0000FEA9\t00000000\t0001" TAIL4, "");
	assert_in_use(false, HEAD4 "ens4\t000000E0\t00000000\t0001" TAIL4, "");
	assert_in_use(false, "garbage\n\n\xff\xff ens4", "");
}

static void routes_of_version_6(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, NULL);
	assert_in_use(true, "", "20010db8000000000000000000000000" MIDDLE6
				"00000001     ens4\n");
	assert_in_use(true, "", "00000000000000000000000000000000" MIDDLE6
				"00000003     ens4\n");
	/* another's; link-local; multicast; local; router advertisement */
	assert_in_use(false, "", "20010db8000000000000000000000000" MIDDLE6
				 "00000001      eth\n");
	assert_in_use(false, "", "fe800000000000000000000000000000" MIDDLE6
				 "00000001     ens4\n");
	assert_in_use(false, "", "ff000000000000000000000000000000" MIDDLE6
				 "00000001     ens4\n");
	assert_in_use(false, "", "20010db8000000000000000000000001" MIDDLE6
				 "80200001     ens4\n");
	assert_in_use(false, "", "00000000000000000000000000000000" MIDDLE6
				 "00450003     ens4\n");
}

static void refuses_member_of_a_bridge(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_interface("ens4", true, NULL);
	fake_write(&fake, "", "sys/class/net/ens4/upper_br0");
	assert_refused(-EBUSY, "carries br0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bind_moves_it),
		TEST(bind_of_unbound_function),
		TEST(bind_touches_no_other_function),
		TEST(bind_again_is_no_error),
		TEST(bind_without_previous),
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
		TEST(refuses_interface_with_address),
		TEST(force_takes_it),
		TEST(interface_not_in_use),
		TEST(routes_of_version_4),
		TEST(routes_of_version_6),
		TEST(refuses_member_of_a_bridge),
	};

	return cmocka_run_group_tests_name("bind", tests, NULL, NULL);
}
