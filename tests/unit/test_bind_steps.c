/* SPDX-License-Identifier: BSD-3-Clause */
/* Bind and unbind where a step fails, a driver cannot be read, or somebody else does something meanwhile, on a host of
 * plain files: the function keeps or gets back its driver, or the text has the commands that do it. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pci/host/host.h"
#include "pci/host/move.h"
#include "tests/unit/bind_fixture.h"

#define OTHER "0000:00:05.0"
#define DEVICE "sys/bus/pci/devices/" ADDRESS

static int quick_setup(void **state)
{
	setup(state);
	vn_host.wait_ms = 40; /* 20 looks; its kernel looks each millisecond */
	return 0;
}

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int shell(const char *format, ...)
{
	char line[VIONET_ERROR_TEXT_MAX * 2];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	return system(line);
}

/* A link that cannot be read. */
static void hide_driver(void)
{
	assert_int_equal(shell("touch %s/file && mv -fT %s/file %s/" DEVICE "/driver", fake.root, fake.root, fake.root), 0);
}

static void assert_result(int result, int expected, const char *text)
{
	if (result != expected)
		fail_msg("%d: %s", result, vionet_error_text());
	assert_has(vionet_error_text(), ADDRESS);
	assert_has(vionet_error_text(), text);
}

/* Its text's commands are typed, one after the other; the kernel goes along now. */
static void type_what_it_says(const char *driver)
{
	char text[VIONET_ERROR_TEXT_MAX];

	assert_has(vionet_error_text(), "by hand: echo ");
	strcpy(text, vionet_error_text());
	fake_stop(&fake);
	fake.kernel = (struct fake_kernel){ .default_driver = "virtio-pci" };
	for (char *part = text, *end; part != NULL; part = end) {
		const char *command;

		end = strstr(part, "; ");
		if (end != NULL) {
			*end = '\0';
			end += 2;
		}
		command = strstr(part, "echo ");
		if (command == NULL)
			continue;
		assert_int_equal(shell("%s", command), 0);
		fake_serve(&fake);
	}
	assert_string_equal(fake_driver(&fake, ADDRESS), driver);
	assert_override("");
}

/* ---- what cannot be read ---- */

static void a_driver_that_cannot_be_read(void **state)
{
	struct vionet_pci_function *functions;
	size_t count;

	(void)state;
	add_nic("virtio-pci");
	hide_driver();
	assert_result(bind_nic(0), -EIO, "its driver cannot be read");
	assert_result(bind_nic(VIONET_PCI_BIND_FORCE), -EIO, "its driver cannot be read");
	assert_result(unbind_one(ADDRESS, NULL), -EIO, "its driver cannot be read");
	/* It does not vanish from the list. */
	assert_int_equal(vionet_pci_list(&functions, sizeof(*functions), &count), 0);
	assert_int_equal(count, 1);
	assert_string_equal(functions[0].address, ADDRESS);
	assert_false(functions[0].drivable);
	assert_int_equal(strncmp(functions[0].reason, "its driver cannot be read from ", 31), 0);
	vionet_pci_list_free(functions);
	assert_untouched("");
}

/* Unbound or not: what the kernel says after unbind was written cannot be read. */
static void hide_after_unbind(const char *event)
{
	if (strncmp(event, "unbind", 6) == 0)
		hide_driver();
}

static void a_release_that_cannot_be_seen(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake.kernel.before = hide_after_unbind;
	assert_result(bind_nic(0), -EIO, "virtio-pci does not release it");
	assert_has(vionet_error_text(), "bound to virtio-pci again");
	assert_string_equal(fake_driver(&fake, ADDRESS), "virtio-pci");
	assert_override("");
}

/* ---- meanwhile: after it was looked at, before it is moved ---- */

static void (*meanwhile)(void);

static int ask_meanwhile(const struct nlmsghdr *request, vn_netlink_see *see, void *context)
{
	if (meanwhile != NULL)
		meanwhile();
	meanwhile = NULL;
	(void)request;
	(void)see;
	(void)context;
	return 0;
}

static void do_meanwhile(void (*what)(void))
{
	meanwhile = what;
	vn_host.netlink = ask_meanwhile;
}

static void another_driver(void)
{
	fake_bind(&fake, ADDRESS, "pci-stub");
}

static void a_driver_for_the_other(void)
{
	fake_bind(&fake, OTHER, "virtio-pci");
}

static void unplug(void)
{
	assert_int_equal(shell("mv %s/" DEVICE " %s/unplugged", fake.root, fake.root), 0);
}

static void another_driver_meanwhile(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake_add_driver(&fake, "pci-stub");
	do_meanwhile(another_driver);
	assert_result(bind_nic(0), -EIO, "its driver has changed meanwhile, it was virtio-pci; nothing was changed");
	assert_untouched("pci-stub");
}

/* All or none: the first one has moved, and moves back. */
static void a_driver_meanwhile_where_there_was_none(void **state)
{
	static const char *const names[] = { ADDRESS, OTHER };

	(void)state;
	add_nic("virtio-pci");
	ADD(.address = OTHER, .group = 8);
	do_meanwhile(a_driver_for_the_other);
	assert_int_equal(vionet_pci_bind(names, 2, 0, NULL, 0, NULL), -EIO);
	assert_has(vionet_error_text(), OTHER ": its driver has changed meanwhile, it was none");
	assert_string_equal(fake_driver(&fake, ADDRESS), "virtio-pci");
	assert_string_equal(fake_driver(&fake, OTHER), "virtio-pci");
	assert_override("");
}

static void unplugged_meanwhile(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	do_meanwhile(unplug);
	assert_result(bind_nic(0), -ENODEV, "it was unplugged meanwhile");
	assert_string_equal(fake_log(&fake), "");
}

static void unplug_before_unbind(const char *event)
{
	if (strncmp(event, "unbind", 6) == 0)
		unplug();
}

static void unplugged_while_it_moves(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake.kernel.before = unplug_before_unbind;
	assert_result(bind_nic(0), -ENODEV, "it was unplugged meanwhile");
}

/* ---- two at once ---- */

static pthread_t second;
static int second_result;

static void *bind_second(void *unused)
{
	second_result = bind_one(ADDRESS, 0);
	return unused;
}

/* While the first one waits for the kernel; what the second one writes in that time is seen. */
static void start_second(const char *event)
{
	fake.kernel.before = NULL;
	assert_string_equal(event, "unbind virtio-pci;");
	assert_int_equal(pthread_create(&second, NULL, bind_second, NULL), 0);
	for (int i = 0; i < 300 && fake_read(&fake, "sys/bus/pci/drivers/virtio-pci/unbind")[0] == '\0'; i++)
		usleep(1000);
}

static void two_at_once(void **state)
{
	const char *const address = ADDRESS;

	(void)state;
	add_nic("virtio-pci");
	vn_host.wait_ms = 2000;
	fake.kernel.before = start_second;
	assert_int_equal(vionet_pci_bind(&address, 1, 0, NULL, 0, NULL), 0);
	assert_int_equal(pthread_join(second, NULL), 0);
	assert_int_equal(second_result, 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
	assert_string_equal(fake_log(&fake), "unbind virtio-pci;probe;");
}

static void one_that_does_not_end(void **state)
{
	int lock;

	(void)state;
	add_nic("virtio-pci");
	vn_host.modprobe_ms = 10;
	assert_int_equal(vn_move_lock("pci", &lock), 0);
	assert_int_equal(bind_nic(0), -EBUSY);
	assert_has(vionet_error_text(), "another process binds or unbinds functions");
	assert_int_equal(unbind_one(ADDRESS, NULL), -EBUSY);
	assert_untouched("virtio-pci");
	fake_start(&fake);
	vn_move_unlock(&lock);
	assert_int_equal(bind_nic(0), 0);
}

/* ---- a signal while it moves ---- */

static pthread_t binder;
static _Atomic int probed, came, came_early;

static void note_signal(int number)
{
	(void)number;
	came = 1;
	came_early = !probed;
}

static void signal_at_unbind(const char *event)
{
	if (strncmp(event, "unbind", 6) == 0)
		assert_int_equal(pthread_kill(binder, SIGUSR1), 0);
	probed |= strcmp(event, "probe;") == 0;
}

/* By default it ends the process: not where the function has no driver. */
static void a_signal_comes_when_it_has_moved(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	binder = pthread_self();
	assert_true(signal(SIGUSR1, note_signal) != SIG_ERR);
	for (int back = 0; back < 2; back++) {
		probed = came = 0;
		fake.kernel.before = signal_at_unbind;
		assert_int_equal(back ? unbind_one(ADDRESS, NULL) : bind_nic(0), 0);
		assert_int_equal(came, 1);
		assert_int_equal(came_early, 0);
	}
	signal(SIGUSR1, SIG_DFL);
}

static void note_override(int number)
{
	char path[FAKE_PATH], first = '\0';
	int fd;

	(void)number;
	snprintf(path, sizeof(path), "%s/" OVERRIDE, fake.root);
	fd = open(path, O_RDONLY);
	came_early = read(fd, &first, 1) != 1 || first != '\n';
	came = 1;
	close(fd);
}

static void signal_at_probe(const char *event)
{
	if (strcmp(event, "probe;") == 0)
		assert_int_equal(pthread_kill(binder, SIGUSR1), 0);
}

/* Nor where driver_override still names the driver that it was given. */
static void a_signal_comes_when_the_override_is_cleared(void **state)
{
	(void)state;
	add_nic("vfio-pci");
	fake_add_driver(&fake, "pci-stub");
	binder = pthread_self();
	came = 0;
	assert_true(signal(SIGUSR1, note_override) != SIG_ERR);
	fake.kernel.before = signal_at_probe;
	assert_int_equal(unbind_one(ADDRESS, "pci-stub"), 0);
	assert_int_equal(came, 1);
	assert_int_equal(came_early, 0);
	signal(SIGUSR1, SIG_DFL);
}

/* ---- each step of unbind ---- */

static void vfio_nic(void)
{
	add_nic("vfio-pci");
	fake_write(&fake, "vfio-pci\n", OVERRIDE);
	fake_add_driver(&fake, "pci-stub");
}

static void assert_vfio_again(int result, const char *text)
{
	assert_result(result, -EIO, text);
	assert_has(vionet_error_text(), "bound to vfio-pci again");
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
	assert_override("vfio-pci");
}

static void unbind_whose_override_cannot_be_written(void **state)
{
	(void)state;
	vfio_nic();
	fake_spoil(&fake, OVERRIDE);
	assert_result(unbind_one(ADDRESS, NULL), -EIO, "nothing was changed");
	assert_string_equal(fake_driver(&fake, ADDRESS), "vfio-pci");
	assert_string_equal(fake_log(&fake), "");
}

static void unbind_that_cannot_be_written(void **state)
{
	(void)state;
	vfio_nic();
	fake_spoil(&fake, "sys/bus/pci/drivers/vfio-pci/unbind");
	assert_vfio_again(unbind_one(ADDRESS, NULL), "vfio-pci/unbind cannot be written to");
}

static void unbind_that_vfio_does_not_heed(void **state)
{
	(void)state;
	vfio_nic();
	fake.kernel.clings = "vfio-pci";
	assert_vfio_again(unbind_one(ADDRESS, NULL), "vfio-pci does not release it");
}

static void unbind_whose_probe_cannot_be_written(void **state)
{
	(void)state;
	vfio_nic();
	fake_spoil(&fake, "sys/bus/pci/drivers_probe");
	assert_vfio_again(unbind_one(ADDRESS, NULL), "drivers_probe cannot be written to");
}

static void unbind_to_a_driver_that_refuses(void **state)
{
	(void)state;
	vfio_nic();
	fake.kernel.refuses = "pci-stub";
	assert_vfio_again(unbind_one(ADDRESS, "pci-stub"), "pci-stub did not take it");
}

/* The driver has it then: only its name in driver_override stays. */
static void spoil_after_probe(const char *event)
{
	if (strcmp(event, "probe;") == 0) {
		fake_spoil(&fake, OVERRIDE);
		fake_bind(&fake, ADDRESS, "pci-stub");
	}
}

static void unbind_that_does_not_forget(void **state)
{
	const char *const address = ADDRESS;
	struct vionet_pci_move *moves;
	size_t count;

	(void)state;
	vfio_nic();
	fake.kernel.before = spoil_after_probe;
	assert_result(vionet_pci_unbind(&address, 1, "pci-stub", 0, &moves, sizeof(*moves), &count), -EIO,
		      "it has its driver, and driver_override still names one");
	assert_null(moves);
	assert_int_equal(count, 0);
	assert_string_equal(fake_driver(&fake, ADDRESS), "pci-stub");
	fake_stop(&fake);
	assert_int_equal(shell("rmdir %s/" OVERRIDE, fake.root), 0);
	fake_start(&fake);
	type_what_it_says("pci-stub");
}

/* ---- the old driver does not take it back ---- */

static void bind_leaves_the_commands(void **state)
{
	(void)state;
	add_nic("virtio-pci");
	fake.kernel.refuses = "vfio-pci";
	fake.kernel.refuses_too = "virtio-pci";
	assert_result(bind_nic(0), -EIO, "could not be put back as it was, with virtio-pci");
	assert_string_equal(fake_driver(&fake, ADDRESS), "");
	type_what_it_says("virtio-pci");
}

static void unbind_leaves_the_commands(void **state)
{
	(void)state;
	vfio_nic();
	fake.kernel.refuses = "virtio-pci";
	fake.kernel.refuses_too = "vfio-pci";
	assert_result(unbind_one(ADDRESS, NULL), -EIO, "could not be put back as it was, with vfio-pci");
	type_what_it_says("vfio-pci");
}

/* The second one fails, and the first one does not get its driver back. */
static void refuse_from_the_second_on(const char *event)
{
	if (strcmp(event, "unbind virtio-pci;") == 0 && strcmp(fake_driver(&fake, ADDRESS), "vfio-pci") == 0) {
		fake.kernel.refuses = "vfio-pci";
		fake.kernel.refuses_too = "virtio-pci";
	}
}

static void of_several_each_has_its_commands(void **state)
{
	static const char *const names[] = { ADDRESS, OTHER };

	(void)state;
	add_nic("virtio-pci");
	ADD(.address = OTHER, .group = 8, .driver = "virtio-pci");
	fake.kernel.before = refuse_from_the_second_on;
	assert_int_equal(vionet_pci_bind(names, 2, 0, NULL, 0, NULL), -EIO);
	assert_has(vionet_error_text(), OTHER ": vfio-pci did not take it");
	assert_has(vionet_error_text(), "echo " ADDRESS " > ");
	type_what_it_says("virtio-pci");
	assert_string_equal(fake_driver(&fake, OTHER), "virtio-pci");
}

int main(void)
{
#define STEP_TEST(name) cmocka_unit_test_setup_teardown(name, quick_setup, teardown)
	const struct CMUnitTest tests[] = {
		STEP_TEST(a_driver_that_cannot_be_read),
		STEP_TEST(a_release_that_cannot_be_seen),
		STEP_TEST(another_driver_meanwhile),
		STEP_TEST(a_driver_meanwhile_where_there_was_none),
		STEP_TEST(unplugged_meanwhile),
		STEP_TEST(unplugged_while_it_moves),
		STEP_TEST(two_at_once),
		STEP_TEST(one_that_does_not_end),
		STEP_TEST(a_signal_comes_when_it_has_moved),
		STEP_TEST(a_signal_comes_when_the_override_is_cleared),
		STEP_TEST(unbind_whose_override_cannot_be_written),
		STEP_TEST(unbind_that_cannot_be_written),
		STEP_TEST(unbind_that_vfio_does_not_heed),
		STEP_TEST(unbind_whose_probe_cannot_be_written),
		STEP_TEST(unbind_to_a_driver_that_refuses),
		STEP_TEST(unbind_that_does_not_forget),
		STEP_TEST(bind_leaves_the_commands),
		STEP_TEST(unbind_leaves_the_commands),
		STEP_TEST(of_several_each_has_its_commands),
	};

	return cmocka_run_group_tests_name("bind_steps", tests, NULL, NULL);
}
