/* SPDX-License-Identifier: BSD-3-Clause */
/* Unbind, and the undo of a failed bind, on a host of plain files whose kernel has faults
 * on request. */
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pci/host/host.h"
#include "tests/unit/bind_fixture.h"

/* --- failures after the old driver released it ------------------------------------ */

static void assert_restored(int code, const char *text)
{
	int result = bind_nic(0);

	if (result != code)
		fail_msg("%d: %s", result, vionet_error_text());
	assert_has(vionet_error_text(), text);
	assert_has(vionet_error_text(), "bound to virtio-pci again");
	assert_string_equal(fake_driver(&fake, ADDRESS), "virtio-pci");
}

static void restores_if_vfio_refuses(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake.kernel.refuses = "vfio-pci";
	assert_restored(-EIO, "vfio-pci did not take it");
	assert_override("");
	assert_string_equal(fake_log(&fake),
			    "unbind virtio-pci;probe;bind virtio-pci;");
}

static void restores_an_override(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_write(&fake, "virtio-pci\n", OVERRIDE);
	fake.kernel.refuses = "vfio-pci";
	fake.kernel.default_driver = NULL;
	assert_restored(-EIO, "vfio-pci did not take it");
	assert_override("virtio-pci");
}

static void restores_if_unbind_cannot_be_written(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_spoil(&fake, "sys/bus/pci/drivers/virtio-pci/unbind");
	assert_restored(-EIO, "virtio-pci/unbind");
	assert_override("");
}

static void restores_if_old_driver_clings(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake.kernel.clings = "virtio-pci";
	assert_restored(-EIO, "does not release");
	assert_override("");
}

static void restores_if_probe_cannot_be_written(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_spoil(&fake, "sys/bus/pci/drivers_probe");
	assert_restored(-EIO, "drivers_probe");
	assert_override("");
}

static void changes_nothing_if_override_cannot_be_written(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_spoil(&fake, OVERRIDE);
	assert_int_equal(bind_nic(0), -EIO);
	assert_has(vionet_error_text(), "nothing was changed");
	assert_string_equal(fake_driver(&fake, ADDRESS), "virtio-pci");
	assert_string_equal(fake_log(&fake), "");
}

static void unbound_stays_unbound(void **state)
{
	(void)state;
	ADD(.address = ADDRESS, .group = 7);
	fake.kernel.refuses = "vfio-pci";
	assert_int_equal(bind_nic(0), -EIO);
	assert_has(vionet_error_text(), "without driver again");
	assert_override("");
}

static void error_names_the_manual_way(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake.kernel.refuses = "vfio-pci";
	fake.kernel.refuses_too = "virtio-pci";
	assert_int_equal(bind_nic(0), -EIO);
	assert_has(vionet_error_text(), "by hand: echo virtio-pci >");
	assert_has(vionet_error_text(), "drivers/virtio-pci/bind");
}

/* --- unbinding ---------------------------------------------------------------- */

static void unbind_restores_the_driver(void **state)
{
	(void)state;
	add_nic("vfio-pci");
	fake_write(&fake, "vfio-pci\n", OVERRIDE);
	assert_int_equal(unbind_one("00:04.0", NULL), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "virtio-pci");
	assert_override("");
	assert_string_equal(fake_log(&fake), "unbind vfio-pci;probe;");
}

static void unbind_to_a_driver(void **state)
{
	(void)state;
	add_nic("vfio-pci");
	fake_add_driver(&fake, "pci-stub");
	assert_int_equal(unbind_one(ADDRESS, "pci-stub"), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "pci-stub");
	assert_override("");
}

static void unbind_of_kernel_driver(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	assert_int_equal(unbind_one(ADDRESS, NULL), 0);
	assert_untouched("virtio-pci");
}

/* No driver to restore, and another one was requested: an error. */
static void unbind_of_kernel_driver_to_another(void **state)
{
	const char *const address = ADDRESS;
	struct vionet_pci_move *moves;
	size_t count;

	(void)state;
	add_nic("virtio-pci");
	fake_add_driver(&fake, "pci-stub");
	assert_int_equal(unbind_one(ADDRESS, "pci-stub"), -EINVAL);
	assert_has(vionet_error_text(), "with its kernel driver virtio-pci");
	assert_int_equal(vionet_pci_unbind(&address, 1, "virtio-pci", 0, &moves, sizeof(*moves), &count),
			 0);
	assert_false(moves[0].moved);
	assert_string_equal(moves[0].from, "virtio-pci");
	assert_string_equal(moves[0].to, "virtio-pci");
	vionet_pci_moves_free(moves);
	assert_untouched("virtio-pci");
}

static void unbind_of_nothing_finds_a_driver(void **state)
{
	(void)state;
	ADD(.address = ADDRESS, .group = 7);
	fake_write(&fake, "vfio-pci\n", OVERRIDE);
	assert_int_equal(unbind_one(ADDRESS, NULL), 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "virtio-pci");
	assert_override("");
}

static void unbind_refuses_bad_drivers(void **state)
{
	static const char *const bad[] = { "", "..", "a/b", "-r", "x y" };

	(void)state;
	add_nic("vfio-pci");
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(unbind_one(ADDRESS, bad[i]), -EINVAL);
	assert_int_equal(unbind_one(ADDRESS, "nosuch"), -ENOENT);
	assert_untouched("vfio-pci");
}

/* A process that has the node open until it is killed. */
static pid_t start_holder(const char *name)
{
	char node[FAKE_PATH + 32], byte;
	int ready[2];
	pid_t child;

	snprintf(node, sizeof(node), "%s/%s", fake.vfio, name);
	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (open(node, O_RDWR) < 0 || write(ready[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void assert_held(const char *node)
{
	struct vionet_pci_function function = { .struct_size = sizeof(function) };
	char expected[64];
	pid_t holder;
	int result, looked;

	vn_host.proc = "/proc";
	holder = start_holder(node);
	snprintf(expected, sizeof(expected), "process %d (%.15s", holder,
		 program_invocation_short_name);
	result = unbind_one(ADDRESS, NULL);
	looked = vionet_pci_lookup(ADDRESS, &function);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	assert_int_equal(result, -EBUSY);
	assert_has(vionet_error_text(), expected);
	assert_int_equal(looked, 0);
	assert_false(function.drivable);
	assert_has(function.reason, expected);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
	assert_string_equal(fake_log(&fake), "");
	assert_int_equal(unbind_one(ADDRESS, NULL), 0);
}

static void unbind_refuses_while_held(void **state)
{
	(void)state;
	add_nic("vfio-pci");
	assert_held("7");
}

/* Open through its own node, or that of another function of the group. */
static void unbind_refuses_while_held_by_device(void **state)
{
	(void)state;
	add_nic("vfio-pci");
	ADD(.address = "0000:00:04.1", .group = 7, .driver = "vfio-pci");
	fake_add_vfio_dev(&fake, ADDRESS, "vfio0");
	fake_add_vfio_dev(&fake, "0000:00:04.1", "vfio1");
	fake_write(&fake, "", "dev/vfio/devices/vfio0");
	fake_write(&fake, "", "dev/vfio/devices/vfio1");
	assert_held("devices/vfio0");
	fake_bind(&fake, ADDRESS, "vfio-pci");
	fake_clear_log(&fake);
	assert_held("devices/vfio1");
}

/* The driver to restore is not the bound one. */
static void unbind_to_vfio_is_refused(void **state)
{
	(void)state;
	add_nic("vfio-pci");
	assert_int_equal(unbind_one(ADDRESS, "vfio-pci"), -EINVAL);
	assert_has(vionet_error_text(), "it is with vfio-pci already");
	assert_untouched("vfio-pci");
}

static void unbind_is_undone_if_no_driver_probes(void **state)
{
	(void)state;
	add_nic("vfio-pci");
	fake_write(&fake, "vfio-pci\n", OVERRIDE);
	fake.kernel.refuses = "virtio-pci";
	assert_int_equal(unbind_one(ADDRESS, NULL), -EIO);
	assert_has(vionet_error_text(), "no driver took it");
	assert_has(vionet_error_text(), "bound to vfio-pci again");
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
	assert_override("vfio-pci");
}

static void unbind_goes_back_without_override(void **state)
{
	(void)state;
	/* As after binding through new_id: no override, and only an override
	 * makes vfio-pci match again. */
	add_nic("vfio-pci");
	fake.kernel.default_driver = NULL;
	assert_int_equal(unbind_one(ADDRESS, NULL), -EIO);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
	assert_override("");
}

static void there_and_back_often(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	for (int i = 0; i < 20; i++) {
		assert_int_equal(bind_nic(0), 0);
		assert_int_equal(unbind_one(ADDRESS, NULL), 0);
		fake_clear_log(&fake);
	}
	assert_string_equal(fake_driver(&fake, ADDRESS), "virtio-pci");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(restores_if_vfio_refuses),
		TEST(restores_an_override),
		TEST(restores_if_unbind_cannot_be_written),
		TEST(restores_if_old_driver_clings),
		TEST(restores_if_probe_cannot_be_written),
		TEST(changes_nothing_if_override_cannot_be_written),
		TEST(unbound_stays_unbound),
		TEST(error_names_the_manual_way),
		TEST(unbind_restores_the_driver),
		TEST(unbind_to_a_driver),
		TEST(unbind_of_kernel_driver),
		TEST(unbind_of_kernel_driver_to_another),
		TEST(unbind_of_nothing_finds_a_driver),
		TEST(unbind_refuses_bad_drivers),
		TEST(unbind_refuses_while_held),
		TEST(unbind_refuses_while_held_by_device),
		TEST(unbind_to_vfio_is_refused),
		TEST(unbind_is_undone_if_no_driver_probes),
		TEST(unbind_goes_back_without_override),
		TEST(there_and_back_often),
	};

	return cmocka_run_group_tests_name("unbind", tests, NULL, NULL);
}
