/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: moving one function between its kernel driver and vfio-pci, through
 * driver_override, so that no other function is touched.
 * Never: lets the old driver go before everything that can be refused has been
 * refused; leaves a function without a driver that had one, unless the kernel
 * itself will not take it back (the text says how to go on by hand then).
 * Read next: pci/function.h.
 *
 * Source: Documentation/ABI/testing/sysfs-bus-pci (driver_override, unbind,
 * drivers_probe) and Documentation/driver-api/vfio.rst (groups).
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "pci/host.h"
#include "pci/sysfs.h"

#define VFIO_PCI "vfio-pci"
#define DRIVER_MAX 64

/* A move under way: what to return to, and why it failed. */
struct move {
	const char *address;
	const char *from;	       /* driver before, "" none */
	const char *to;		       /* driver after; NULL: any but VFIO's */
	char override[DRIVER_MAX];     /* driver_override before, "" none */
	char cause[VN_PATH_MAX + 128]; /* of the failure */
};

/* --- waiting ----------------------------------------------------------- */

static unsigned long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (unsigned long)now.tv_sec * 1000 +
	       (unsigned long)now.tv_nsec / 1000000;
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

static bool is_vfio(const char *driver)
{
	return strncmp(driver, "vfio", 4) == 0;
}

/* Is the function with driver `wanted` ("": none; NULL: any but VFIO's)? */
static bool is_with(const char *address, const char *wanted)
{
	char path[VN_PATH_MAX], driver[DRIVER_MAX];

	vn_sysfs_path(path, "bus/pci/devices/%s/driver", address);
	vn_sysfs_link(path, driver, sizeof(driver));
	if (wanted == NULL)
		return driver[0] != '\0' && !is_vfio(driver);
	return strcmp(driver, wanted) == 0;
}

static bool wait_for(const char *address, const char *wanted)
{
	unsigned long start = now_ms();

	while (!is_with(address, wanted)) {
		if (now_ms() - start >= vn_host.settle_ms)
			return false;
		nap();
	}
	return true;
}

/* --- the driver's module ------------------------------------------------ */

static bool driver_present(const char *driver)
{
	char path[VN_PATH_MAX];

	vn_sysfs_path(path, "bus/pci/drivers/%s", driver);
	return access(path, F_OK) == 0;
}

/* Its exit does not matter (a program that reaps all children may have taken
 * it): whether the driver is there afterwards does. */
static void wait_modprobe(pid_t pid)
{
	unsigned long start = now_ms();

	while (waitpid(pid, NULL, WNOHANG) == 0) {
		if (now_ms() - start >= vn_host.modprobe_ms) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return;
		}
		nap();
	}
}

static void run_modprobe(const char *program, const char *module)
{
	char name[] = "modprobe", end[] = "--", argument[DRIVER_MAX];
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const arguments[] = { name, end, argument, NULL };
	char *const environment[] = { path, NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;

	snprintf(argument, sizeof(argument), "%s", module);
	if (posix_spawn_file_actions_init(&actions) != 0)
		return;
	/* It must not write over the program's own output. */
	if (posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR,
					     0) == 0 &&
	    posix_spawn_file_actions_adddup2(&actions, 0, 1) == 0 &&
	    posix_spawn_file_actions_adddup2(&actions, 0, 2) == 0 &&
	    posix_spawn(&pid, program, &actions, NULL, arguments,
			environment) == 0)
		wait_modprobe(pid);
	posix_spawn_file_actions_destroy(&actions);
}

/* See to it that `driver` is there: first the kernel's own helper, then where
 * distributions put it. */
static bool load_driver(const char *driver)
{
	char path[VN_PATH_MAX], helper[256];

	if (driver_present(driver))
		return true;
	snprintf(path, sizeof(path), "%s/sys/kernel/modprobe", vn_host.proc);
	if (vn_sysfs_read(path, helper, sizeof(helper)) == 0 &&
	    helper[0] == '/')
		run_modprobe(helper, driver);
	for (size_t i = 0; i < 3 && vn_host.modprobe[i] != NULL; i++)
		if (!driver_present(driver))
			run_modprobe(vn_host.modprobe[i], driver);
	return driver_present(driver);
}

/* A name that is safe in a path and as an argument. */
static bool is_driver_name(const char *name)
{
	size_t length = strlen(name);

	if (length == 0 || length >= DRIVER_MAX || name[0] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)name[i]) &&
		    strchr("_-+", name[i]) == NULL)
			return false;
	return true;
}

static int check_driver(const char *address, const char *driver)
{
	if (!is_driver_name(driver))
		return vn_error(EINVAL, "%s: \"%.64s\" is no driver name",
				address, driver);
	if (load_driver(driver))
		return 0;
	return vn_error(ENOENT,
			"%s: the kernel has no PCI driver %s and modprobe could not load it; try `modprobe %s` by hand as root (in a container: on the host) and see why it fails",
			address, driver, driver);
}

/* --- may we? ------------------------------------------------------------ */

static int check_group(const char *address)
{
	char path[VN_PATH_MAX];
	int group = vn_sysfs_group(address);

	if (group != -ENXIO)
		return group;
	vn_sysfs_path(path, "kernel/iommu_groups/0");
	if (access(path, F_OK) == 0)
		return vn_error(ENXIO,
				"%s: it is in no IOMMU group, though other functions are: it does not sit behind the IOMMU; use another slot (in QEMU: a bus without bypass_iommu)",
				address);
	return vn_error(ENXIO,
			"%s: it is in no IOMMU group: there is no IOMMU, or it is off; switch it on in the firmware (VT-d, AMD-Vi, SMMU) and on the kernel's command line (Intel: intel_iommu=on); in QEMU use `-machine q35,kernel-irqchip=split -device intel-iommu,intremap=on` and iommu_platform=on for the NIC",
			address);
}

static int check_writable(const char *address, const char *path)
{
	/* Effective ids: those that open() will be judged by. */
	if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0)
		return 0;
	if (errno == EROFS)
		return vn_error(EACCES,
				"%s: %s is mounted read-only (in a container: do it on the host)",
				address, vn_sysfs_root());
	if (errno == EACCES || errno == EPERM)
		return vn_error(EACCES,
				"%s: this user may not write to %s; run it as root",
				address, path);
	vn_error_errno(errno, "%s: %s cannot be written to", address, path);
	return -EIO;
}

/* Everything that a move from driver `from` writes to. */
static int check_permission(const char *address, const char *from)
{
	char path[VN_PATH_MAX];
	int result;

	vn_sysfs_path(path, "bus/pci/devices/%s/driver_override", address);
	result = check_writable(address, path);
	if (result == 0) {
		vn_sysfs_path(path, "bus/pci/drivers_probe");
		result = check_writable(address, path);
	}
	if (result == 0 && from[0] != '\0') {
		vn_sysfs_path(path, "bus/pci/drivers/%s/unbind", from);
		result = check_writable(address, path);
	}
	return result;
}

static int check_others(const char *address, int group)
{
	char others[512];
	int count = vn_sysfs_group_others(group, address, others,
					  sizeof(others));

	if (count <= 0)
		return count;
	return vn_error(EBUSY,
			"%s: IOMMU group %d can only be used as a whole, and %s; bind that to vfio-pci too, or unbind it, or move the function to another slot",
			address, group, others);
}

static int check_interface(const struct vionet_pci_function *function)
{
	const char *interface = function->interface;
	char why[128];

	if (!vn_interface_in_use(interface, why, sizeof(why)))
		return 0;
	return vn_error(EBUSY,
			"%s: its network interface %s is up and %s: whoever uses it would be cut off; take it down (ip link set %s down) or force it (vionet bind --force %s)",
			function->address, interface, why, interface,
			function->address);
}

/* In this order: the interface after what cannot be forced, the module last,
 * since loading it leaves a trace. */
static int check_bind(const struct vionet_pci_function *function, bool hidden,
		      unsigned int flags)
{
	int result;

	if (!function->modern && !hidden)
		return vn_error(ENOTSUP,
				"%s: legacy only: it has no virtio capabilities, so it could not be driven; in QEMU use disable-modern=off",
				function->address);
	result = check_group(function->address);
	if (result >= 0)
		result = check_others(function->address, result);
	if (result == 0)
		result = check_permission(function->address, function->driver);
	if (result == 0 && (flags & VIONET_PCI_BIND_FORCE) == 0)
		result = check_interface(function);
	if (result == 0)
		result = check_driver(function->address, VFIO_PCI);
	return result;
}

/* Refuse while the group is open: the kernel would make us wait in unbind until
 * it is closed. */
static int check_free(const char *address, int group)
{
	char node[VN_PATH_MAX], holder[128];
	int fd;

	snprintf(node, sizeof(node), "%s/%d", vn_host.vfio, group);
	if (vn_group_holder(group, holder, sizeof(holder)))
		return vn_error(EBUSY,
				"%s: %s has it open (%s); end it first",
				address, holder, node);
	/* A group is opened by one at a time, and opening it does nothing to
	 * the function: this finds holders that /proc does not show. */
	fd = open(node, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == EBUSY)
		return vn_error(EBUSY,
				"%s: a process that cannot be seen from here has it open (%s); end it first",
				address, node);
	if (fd >= 0)
		close(fd);
	return 0;
}

/* --- the move ----------------------------------------------------------- */

/* Write a step's attribute; on failure keep why. */
static int __attribute__((format(printf, 3, 4)))
put(struct move *move, const char *text, const char *format, ...)
{
	char name[VN_PATH_MAX / 2], path[VN_PATH_MAX];
	va_list arguments;
	int result;

	va_start(arguments, format);
	vsnprintf(name, sizeof(name), format, arguments);
	va_end(arguments);
	vn_sysfs_path(path, "bus/pci/%s", name);
	result = vn_sysfs_write(path, text);
	if (result < 0)
		snprintf(move->cause, sizeof(move->cause),
			 "%s cannot be written to (%s)", path,
			 strerrordesc_np(-result));
	return result;
}

/* An empty line clears it. */
static int put_override(struct move *move, const char *driver)
{
	return put(move, driver[0] == '\0' ? "\n" : driver,
		   "devices/%s/driver_override", move->address);
}

static void get_override(struct move *move)
{
	char path[VN_PATH_MAX];

	vn_sysfs_path(path, "bus/pci/devices/%s/driver_override",
		      move->address);
	vn_sysfs_read(path, move->override, sizeof(move->override));
	if (strcmp(move->override, "(null)") == 0)
		move->override[0] = '\0';
}

static int release_old(struct move *move)
{
	int result;

	if (move->from[0] == '\0')
		return 0;
	result = put(move, move->address, "drivers/%s/unbind", move->from);
	if (result < 0)
		return result;
	if (wait_for(move->address, ""))
		return 0;
	snprintf(move->cause, sizeof(move->cause), "%s does not let go of it",
		 move->from);
	return -EIO;
}

static int take_new(struct move *move)
{
	/* An error here is that of the driver's probe; the link tells. */
	int result = put(move, move->address, "drivers_probe");

	if (wait_for(move->address, move->to))
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
static bool give_back(struct move *move)
{
	struct move undo = *move; /* keeps the first cause */

	if (move->from[0] != '\0' && !is_with(move->address, move->from)) {
		if (!is_with(move->address, ""))
			put(&undo, move->address, "devices/%s/driver/unbind",
			    move->address);
		put_override(&undo, move->from);
		put(&undo, move->address, "drivers/%s/bind", move->from);
	}
	if (!wait_for(move->address, move->from))
		return false;
	return put_override(&undo, move->override) == 0;
}

/* Of the errors that sysfs may give, those that the header promises. */
static int public_code(int result)
{
	return result == -EACCES || result == -EPERM ? EACCES : EIO;
}

/* The result of a failed step, after the attempt to undo it. */
static int fail(struct move *move, int result)
{
	int code = public_code(result);
	const char *root = vn_sysfs_root();
	char path[VN_PATH_MAX];

	vn_sysfs_path(path, "bus/pci/devices/%s", move->address);
	if (access(path, F_OK) != 0)
		return vn_error(ENODEV, "%s: it was unplugged meanwhile",
				move->address);
	if (give_back(move))
		return vn_error(code, "%s: %s; it is %s%s again, as before",
				move->address, move->cause,
				move->from[0] ? "bound to " : "without driver",
				move->from);
	if (move->from[0] == '\0')
		return vn_error(code,
				"%s: %s; clear driver_override by hand: echo > %s/bus/pci/devices/%s/driver_override",
				move->address, move->cause, root,
				move->address);
	return vn_error(code,
			"%s: %s, and it could not be put back as it was, with %s; by hand: echo %s > %s/bus/pci/devices/%s/driver_override; echo %s > %s/bus/pci/drivers/%s/bind; echo > %s/bus/pci/devices/%s/driver_override",
			move->address, move->cause, move->from, move->from,
			root, move->address, move->address, root, move->from,
			root, move->address);
}

static int run(struct move *move)
{
	int result;

	get_override(move);
	result = put_override(move, move->to == NULL ? "" : move->to);
	if (result < 0)
		return vn_error(public_code(result),
				"%s: %s; nothing was changed", move->address,
				move->cause);
	result = release_old(move);
	if (result == 0)
		result = take_new(move);
	return result == 0 ? 0 : fail(move, result);
}

int vionet_pci_bind(const char *address, unsigned int flags, char *previous,
		    size_t previous_size)
{
	struct vionet_pci_function function;
	struct move move = { .to = VFIO_PCI };
	bool hidden;
	int result;

	if (previous != NULL && previous_size != 0)
		previous[0] = '\0';
	result = vn_pci_look(address, &function, &hidden);
	if (result < 0)
		return result;
	if (previous != NULL && previous_size != 0)
		snprintf(previous, previous_size, "%s", function.driver);
	if (strcmp(function.driver, VFIO_PCI) == 0)
		return 0;
	result = check_bind(&function, hidden, flags);
	if (result < 0)
		return result;
	move.address = function.address;
	move.from = function.driver;
	return run(&move);
}

static int check_unbind(const struct vionet_pci_function *function,
			const char *driver)
{
	int group = vn_sysfs_group_quiet(function->address);
	int result = 0;

	if (is_vfio(function->driver) && group >= 0)
		result = check_free(function->address, group);
	if (result == 0)
		result = check_permission(function->address, function->driver);
	if (result == 0 && driver != NULL)
		result = check_driver(function->address, driver);
	return result;
}

int vionet_pci_unbind(const char *address, const char *driver)
{
	struct vionet_pci_function function;
	struct move move = { .to = driver };
	bool hidden;
	int result = vn_pci_look(address, &function, &hidden);

	if (result < 0)
		return result;
	if (function.driver[0] != '\0' && !is_vfio(function.driver))
		return 0;
	result = check_unbind(&function, driver);
	if (result < 0)
		return result;
	/* Nothing loads it at a probe; without it, any other may do. */
	if (driver == NULL)
		load_driver("virtio-pci");
	move.address = function.address;
	move.from = function.driver;
	result = run(&move);
	/* A driver asked for by name was named in driver_override. */
	return result == 0 && driver != NULL ? put_override(&move, "") : result;
}
