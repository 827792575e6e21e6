/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The move of one function between drivers, through driver_override, so that no other
 * function is touched; the driver's module; the wait for the node. Never leaves a
 * function without a driver that had one, unless the kernel itself will not take it back
 * (the text says how to go on by hand then).
 *
 * Source: Documentation/ABI/testing/sysfs-bus-pci (driver_override, unbind,
 * drivers_probe).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "pci/host/move.h"

/* ---- waiting ---- */

/* Waits count how often they looked: who gets no processor has not waited. */
#define MOVE_STEP_MS 2

static void move_back_off(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = MOVE_STEP_MS * 1000000 }, NULL);
}

/* Is the function with driver `wanted` ("": none; NULL: any but VFIO's)? */
static bool move_is_with(const struct vn_move *move, const char *wanted)
{
	char path[VN_PATH_MAX], driver[VN_DRIVER_MAX];
	int result;

	vn_sysfs_path(path, "bus/%s/devices/%s/driver", move->bus, move->address);
	result = vn_sysfs_link(path, driver, sizeof(driver));
	if (result < 0 && result != -ENOENT)
		return false; /* what cannot be seen is no yes */
	if (wanted != NULL)
		return strcmp(driver, wanted) == 0;
	vn_sysfs_path(path, "bus/%s/devices/%s", move->bus, move->address);
	return driver[0] != '\0' && !vn_is_vfio(path, driver);
}

static bool move_wait_for(const struct vn_move *move, const char *wanted)
{
	for (unsigned int ms = 0; ms < vn_host.wait_ms; ms += MOVE_STEP_MS) {
		if (move_is_with(move, wanted))
			return true;
		move_back_off();
	}
	return move_is_with(move, wanted);
}

/* ---- one at a time ---- */

/* Only who may move a function can open this: no other user keeps us waiting. */
int vn_move_lock(const char *bus, int *lock)
{
	const unsigned int limit_ms = vn_host.modprobe_ms + vn_host.wait_ms;
	char path[VN_PATH_MAX];

	vn_sysfs_path(path, "bus/%s/drivers_probe", bus);
	*lock = open(path, O_WRONLY | O_CLOEXEC);
	if (*lock < 0)
		return 0;
	for (unsigned int ms = 0; flock(*lock, LOCK_EX | LOCK_NB) != 0; ms += MOVE_STEP_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return 0;
		if (ms >= limit_ms) {
			vn_move_unlock(lock);
			return vn_error(EBUSY,
					"another process binds or unbinds functions and does not "
					"end; end it, or try again: fuser -v %s",
					path);
		}
		move_back_off();
	}
	return 0;
}

void vn_move_unlock(int *lock)
{
	if (*lock >= 0)
		close(*lock);
	*lock = -1;
}

void vn_move_hold_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

void vn_move_let_signals(const sigset_t *before)
{
	pthread_sigmask(SIG_SETMASK, before, NULL);
}

/* ---- the driver's module ---- */

static bool move_driver_present(const char *bus, const char *driver)
{
	char path[VN_PATH_MAX];

	vn_sysfs_path(path, "bus/%s/drivers/%s", bus, driver);
	return access(path, F_OK) == 0;
}

/* Its exit does not matter (a program that reaps all children may have taken
 * it): what it has done does. */
static void move_wait_program(pid_t pid, unsigned int limit_ms)
{
	for (unsigned int ms = 0; waitpid(pid, NULL, WNOHANG) == 0; ms += MOVE_STEP_MS) {
		if (ms >= limit_ms) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return;
		}
		move_back_off();
	}
}

static void move_run_program(const char *program, char *const arguments[],
			     unsigned int limit_ms)
{
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const environment[] = { path, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return;
	/* It must not write over the program's own output. */
	if (posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR,
					     0) == 0 &&
	    posix_spawn_file_actions_adddup2(&actions, 0, 1) == 0 &&
	    posix_spawn_file_actions_adddup2(&actions, 0, 2) == 0 &&
	    posix_spawn(&pid, program, &actions, NULL, arguments,
			environment) == 0)
		move_wait_program(pid, limit_ms);
	posix_spawn_file_actions_destroy(&actions);
}

static void move_run_modprobe(const char *program, const char *module)
{
	char name[] = "modprobe", end[] = "--", argument[VN_DRIVER_MAX];
	char *const arguments[] = { name, end, argument, NULL };

	snprintf(argument, sizeof(argument), "%s", module);
	move_run_program(program, arguments, vn_host.modprobe_ms);
}

/* First the kernel's own helper, then where distributions put it. */
bool vn_driver_load_on(const char *bus, const char *driver)
{
	char path[VN_PATH_MAX], helper[256];

	if (move_driver_present(bus, driver))
		return true;
	snprintf(path, sizeof(path), "%s/sys/kernel/modprobe", vn_host.proc);
	if (vn_sysfs_read(path, helper, sizeof(helper)) == 0 &&
	    helper[0] == '/')
		move_run_modprobe(helper, driver);
	for (size_t i = 0; i < 3 && vn_host.modprobe[i] != NULL; i++)
		if (!move_driver_present(bus, driver))
			move_run_modprobe(vn_host.modprobe[i], driver);
	return move_driver_present(bus, driver);
}

/* ---- the group's node ---- */

/* udev gets an event for the node when it is there, and gives it owner, mode and label
 * a little later; `settle` returns when it has nothing left to do. */
static void move_wait_for_udev(void)
{
	char name[] = "udevadm", word[] = "settle", limit[32], control[VN_PATH_MAX];
	char *const arguments[] = { name, word, limit, NULL };

	if (vn_host.udev == NULL)
		return;
	snprintf(control, sizeof(control), "%s/control", vn_host.udev);
	if (access(control, F_OK) != 0)
		return; /* it does not run here */
	snprintf(limit, sizeof(limit), "--timeout=%u", vn_host.udev_ms / 1000);
	for (size_t i = 0; i < 3 && vn_host.udevadm[i] != NULL; i++) {
		if (access(vn_host.udevadm[i], X_OK) != 0)
			continue;
		move_run_program(vn_host.udevadm[i], arguments, vn_host.udev_ms + 1000);
		return;
	}
}

/* Of its character device where it has one, of its group where there are groups. */
static bool move_has_nodes(const char *address, int group)
{
	char name[VN_NODE_MAX], node[VN_PATH_MAX];

	vn_sysfs_vfio_node(address, name);
	if (name[0] != '\0') {
		vn_node_device_path(vn_host.vfio, name, node);
		if (access(node, F_OK) == 0)
			return true;
	}
	/* In no-IOMMU mode it gets a group with its driver. */
	if (group >= 0)
		snprintf(node, sizeof(node), "%s/%d", vn_host.vfio, group);
	else
		snprintf(node, sizeof(node), "%s/noiommu-%d", vn_host.vfio,
			 vn_sysfs_unsafe_group(address));
	return name[0] == '\0' && access(node, F_OK) == 0;
}

void vn_node_wait(const char *address, int group)
{
	for (unsigned int ms = 0; !move_has_nodes(address, group) && ms < vn_host.wait_ms; ms += MOVE_STEP_MS)
		move_back_off();
	move_wait_for_udev();
}

/* ---- the move ---- */

/* Write a step's attribute; on failure keep why. */
static int __attribute__((format(printf, 3, 4)))
move_put(struct vn_move *move, const char *text, const char *format, ...)
{
	char name[VN_PATH_MAX / 2], path[VN_PATH_MAX];
	va_list arguments;
	int result;

	va_start(arguments, format);
	vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	vn_sysfs_path(path, "bus/%s/%s", move->bus, name);
	result = vn_sysfs_write(path, text);
	if (result < 0)
		snprintf(move->cause, sizeof(move->cause),
			 "%s cannot be written to (%s)", path,
			 vn_errno_text(-result));
	return result;
}

/* An empty line clears it. */
static int move_put_override(struct vn_move *move, const char *driver)
{
	return move_put(move, driver[0] == '\0' ? "\n" : driver,
			"devices/%s/driver_override", move->address);
}

static int move_release_old(struct vn_move *move)
{
	int result;

	if (move->from[0] == '\0')
		return 0;
	result = move_put(move, move->address, "drivers/%s/unbind", move->from);
	if (result < 0)
		return result;
	if (move_wait_for(move, ""))
		return 0;
	snprintf(move->cause, sizeof(move->cause), "%s does not release it",
		 move->from);
	return -EIO;
}

static int move_take_new(struct vn_move *move)
{
	/* An error here is that of the driver's probe; the driver link says it. */
	int result = move_put(move, move->address, "drivers_probe");

	if (move_wait_for(move, move->to))
		return 0;
	if (result == 0)
		snprintf(move->cause, sizeof(move->cause),
			 "%s %s it (the kernel log says why: dmesg)",
			 move->to == NULL ? "no driver" : move->to,
			 move->to == NULL ? "took" : "did not take");
	return result == 0 ? -EIO : result;
}

/*
 * Undo what was done so far. The old driver is named in driver_override while it
 * is bound, whatever it was that let it match before; then driver_override is
 * as it was. Writes are tried even where the last one failed: nothing is worse
 * than a function without a driver.
 */
bool vn_move_undo(struct vn_move *move)
{
	struct vn_move undo = *move; /* keeps the first cause */

	if (!move_is_with(move, move->from)) {
		if (!move_is_with(move, ""))
			move_put(&undo, move->address, "devices/%s/driver/unbind",
				 move->address);
		move_wait_for(move, "");
		if (move->from[0] != '\0') {
			move_put_override(&undo, move->from);
			move_put(&undo, move->address, "drivers/%s/bind", move->from);
		}
	}
	if (!move_wait_for(move, move->from))
		return false;
	return move_put_override(&undo, move->override) == 0;
}

/* Of the errors that sysfs may give, those that the header promises. */
static int move_public_code(int result)
{
	return result == -EACCES || result == -EPERM ? EACCES : EIO;
}

static bool move_is_unplugged(const struct vn_move *move)
{
	char path[VN_PATH_MAX];

	vn_sysfs_path(path, "bus/%s/devices/%s", move->bus, move->address);
	return access(path, F_OK) != 0;
}

void vn_move_by_hand(const struct vn_move *move, char *text, size_t size)
{
	const char *root = vn_sysfs_root();
	int used = 0;

	if (move->from[0] != '\0')
		used = snprintf(text, size, "echo %s > %s/bus/%s/devices/%s/driver_override; "
					    "echo %s > %s/bus/%s/drivers/%s/bind; ",
				move->from, root, move->bus, move->address, move->address, root,
				move->bus, move->from);
	if (used >= 0 && (size_t)used < size)
		snprintf(text + used, size - (size_t)used, "echo > %s/bus/%s/devices/%s/driver_override",
			 root, move->bus, move->address);
}

/* The result of a failed step, after the attempt to undo it. */
static int move_fail(struct vn_move *move, int result)
{
	int code = move_public_code(result);
	char by_hand[VN_PATH_MAX];

	if (move_is_unplugged(move))
		return vn_error(ENODEV, "%s: it was unplugged meanwhile",
				move->address);
	if (vn_move_undo(move))
		return vn_error(code, "%s: %s; it is %s%s again, as before",
				move->address, move->cause,
				move->from[0] ? "bound to " : "without driver",
				move->from);
	vn_move_by_hand(move, by_hand, sizeof(by_hand));
	if (move->from[0] == '\0')
		return vn_error(code, "%s: %s; clear driver_override by hand: %s", move->address,
				move->cause, by_hand);
	return vn_error(code, "%s: %s, and it could not be put back as it was, with %s; by hand: %s",
			move->address, move->cause, move->from, by_hand);
}

/* Who has it was looked at before: a driver that has taken it since then may be in use, and is not
 * ours to take it from. */
static int move_check_from(const struct vn_move *move)
{
	if (move_is_with(move, move->from))
		return 0;
	if (move_is_unplugged(move))
		return vn_error(ENODEV, "%s: it was unplugged meanwhile",
				move->address);
	return vn_error(EIO, "%s: its driver has changed meanwhile, it was %s; nothing was changed: try it again",
			move->address, move->from[0] ? move->from : "none");
}

int vn_move_run(struct vn_move *move)
{
	int result = move_check_from(move);

	if (result < 0)
		return result;
	vn_sysfs_override(move->bus, move->address, move->override, sizeof(move->override));
	result = move_put_override(move, move->to == NULL ? "" : move->to);
	if (result < 0)
		return vn_error(move_public_code(result),
				"%s: %s; nothing was changed", move->address,
				move->cause);
	result = move_release_old(move);
	if (result == 0)
		result = move_take_new(move);
	return result == 0 ? 0 : move_fail(move, result);
}

int vn_move_clear_override(const char *bus, const char *address)
{
	struct vn_move move = { .bus = bus, .address = address };
	int result = move_put_override(&move, "");

	if (result == 0)
		return 0;
	return vn_error(move_public_code(result),
			"%s: it has its driver, and driver_override still names one: %s; clear it by hand: "
			"echo > %s/bus/%s/devices/%s/driver_override",
			address, move.cause, vn_sysfs_root(), bus, address);
}
