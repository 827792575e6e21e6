/* SPDX-License-Identifier: BSD-3-Clause */
/* Unbind, and the undo of a failed bind, on a host of plain files whose kernel has faults
 * on request. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pci/host/host.h"
#include "pci/host/move.h"
#include "tests/unit/bind_fixture.h"

static _Thread_local const char *refused; /* ends a path that is not opened: not by the thread of the fake kernel */
static _Thread_local int refused_with;

/* Not openat: the thread sanitizer takes what goes through files for an order only if it saw them opened. */
#ifdef __GLIBC__
#define open_really open64
#else
#define open_really(...) openat(AT_FDCWD, __VA_ARGS__)
#endif

int open(const char *path, int flags, ...)
{
	va_list arguments;
	unsigned int mode;

	va_start(arguments, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(arguments, unsigned int) : 0;
	va_end(arguments);
	if (refused == NULL || strlen(path) < strlen(refused) || strcmp(path + strlen(path) - strlen(refused), refused) != 0)
		return open_really(path, flags, mode);
	errno = refused_with;
	return -1;
}

/* ---- failures after the old driver released it ---- */

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

static void an_unbound_one_that_cannot_be_put_back(void **state)
{
	(void)state;
	ADD(.address = ADDRESS, .group = 7);
	fake.kernel.refuses = "vfio-pci";
	fake.kernel.locks = OVERRIDE;
	assert_int_equal(bind_nic(0), -EIO);
	assert_has(vionet_error_text(), "clear driver_override by hand: echo > ");
	assert_null(strstr(vionet_error_text(), "/bind"));
}

/* Another driver has taken it since it was looked at: it is not taken from that. */
static void one_that_was_moved_meanwhile(void **state)
{
	struct vn_move move = { .bus = "pci", .address = ADDRESS, .from = "e1000e", .to = "vfio-pci" };

	(void)state;
	add_nic("virtio-pci");
	assert_int_equal(vn_move_run(&move), -EIO);
	assert_has(vionet_error_text(), "its driver has changed meanwhile, it was e1000e; nothing was changed");
	move.from = "";
	assert_int_equal(vn_move_run(&move), -EIO);
	assert_has(vionet_error_text(), "it was none");
	assert_untouched("virtio-pci");
	move.address = "0000:00:09.0";
	move.from = "virtio-pci";
	assert_int_equal(vn_move_run(&move), -ENODEV);
}

/* In a child, whose mounts are its own: sysfs of a container. */
static void refused_where_sysfs_is_read_only(void **state)
{
	pid_t child;
	int status;

	(void)state;
	add_nic("virtio-pci");
	/* The other thread is not in an allocation then, whose locks the child would inherit. */
	pthread_mutex_lock(&fake.lock);
	child = fork();
	pthread_mutex_unlock(&fake.lock);
	if (child == 0) {
		if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) != 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
		    mount(fake.sys, fake.sys, NULL, MS_BIND, NULL) != 0 ||
		    mount(NULL, fake.sys, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) != 0)
			_exit(77);
		_exit(bind_nic(0) == -EACCES && strstr(vionet_error_text(), "is mounted read-only") != NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
	assert_untouched("virtio-pci");
}

/* ---- unbinding ---- */

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

/* What a bind that was killed after its first step has left. */
static void unbind_clears_what_a_bind_left(void **state)
{
	const char *const address = ADDRESS;
	struct vionet_pci_move *moves;
	size_t count;

	(void)state;
	add_nic("virtio-pci");
	fake_write(&fake, "vfio-pci\n", OVERRIDE);
	assert_int_equal(vionet_pci_unbind(&address, 1, NULL, 0, &moves, sizeof(*moves), &count), 0);
	assert_false(moves[0].moved);
	assert_true(moves[0].cleared);
	vionet_pci_moves_free(moves);
	assert_string_equal(fake_driver(&fake, ADDRESS), "virtio-pci");
	assert_string_equal(fake_log(&fake), "");
	assert_override("");
	/* What names its own driver is nobody's rest. */
	fake_write(&fake, "virtio-pci\n", OVERRIDE);
	assert_int_equal(unbind_one(ADDRESS, NULL), 0);
	assert_override("virtio-pci");
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

/* By a process that /proc does not show: the kernel alone knows. And what cannot be asked may be held. */
static void unbind_refuses_while_held_unseen(void **state)
{
	static const struct {
		int code;
		const char *text;
	} rows[] = {
		{ EBUSY, "a process that cannot be seen from here has it open" },
		{ EMFILE, "whether it is in use: " },
	};
	int result;

	(void)state;
	add_nic("vfio-pci");
	for (size_t i = 0; i < 2; i++) {
		refused = "/vfio/7";
		refused_with = rows[i].code;
		result = unbind_one(ADDRESS, NULL);
		refused = NULL;
		assert_int_equal(result, -rows[i].code);
		assert_has(vionet_error_text(), rows[i].text);
		assert_untouched("vfio-pci");
	}
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
		TEST(an_unbound_one_that_cannot_be_put_back),
		TEST(one_that_was_moved_meanwhile),
		TEST(refused_where_sysfs_is_read_only),
		TEST(unbind_restores_the_driver),
		TEST(unbind_to_a_driver),
		TEST(unbind_of_kernel_driver),
		TEST(unbind_of_kernel_driver_to_another),
		TEST(unbind_of_nothing_finds_a_driver),
		TEST(unbind_clears_what_a_bind_left),
		TEST(unbind_refuses_bad_drivers),
		TEST(unbind_refuses_while_held),
		TEST(unbind_refuses_while_held_by_device),
		TEST(unbind_refuses_while_held_unseen),
		TEST(unbind_to_vfio_is_refused),
		TEST(unbind_is_undone_if_no_driver_probes),
		TEST(unbind_goes_back_without_override),
		TEST(there_and_back_often),
	};

	return cmocka_run_group_tests_name("unbind", tests, NULL, NULL);
}
