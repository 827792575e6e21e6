/* SPDX-License-Identifier: BSD-3-Clause */
/* vDPA devices between vhost_vdpa and virtio_vdpa, with the same guard and the same move as PCI
 * functions. Never takes one in use, or leaves one without a driver that had one. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vionet/vdpa.h>

#include "base/abi.h"
#include "base/error.h"
#include "pci/host/host.h"
#include "pci/host/move.h"

#define VHOST "vhost_vdpa"
#define VIRTIO "virtio_vdpa"

static const char node_kind[] = "vhost-vdpa:";

/* ---- which one ---- */

/* The node is named after a folder in its device's. */
static int vdpa_of_node(const char *node, struct vionet_vdpa_move *move)
{
	const char *base = strrchr(node, '/');
	char path[VN_PATH_MAX];
	struct dirent **names;
	int count;

	vn_sysfs_path(path, "bus/vdpa/devices");
	count = vn_sysfs_names(path, &names);
	for (int i = 0; i < count && move->name[0] == '\0'; i++) {
		vn_sysfs_path(path, "bus/vdpa/devices/%.255s/%.255s", names[i]->d_name,
			      base != NULL ? base + 1 : node);
		if (base != NULL && base[1] != '\0' && access(path, F_OK) == 0)
			snprintf(move->name, sizeof(move->name), "%.63s", names[i]->d_name);
	}
	vn_sysfs_names_free(names, count);
	if (move->name[0] != '\0')
		return 0;
	return vn_error(ENODEV, "%s: no vDPA device has this node", node);
}

static int vdpa_find(const char *device, struct vionet_vdpa_move *move)
{
	char path[VN_PATH_MAX];
	int result;

	if (strncmp(device, node_kind, sizeof(node_kind) - 1) == 0) {
		result = vdpa_of_node(device + sizeof(node_kind) - 1, move);
		if (result != 0)
			return result;
	} else {
		if (device[0] == '\0' || strchr(device, '/') != NULL ||
		    strlen(device) >= sizeof(move->name))
			return vn_error(EINVAL, "'%.80s' is no name of a vDPA device", device);
		snprintf(move->name, sizeof(move->name), "%s", device);
	}
	vn_sysfs_path(path, "bus/vdpa/devices/%s", move->name);
	if (access(path, F_OK) != 0)
		return vn_error(ENODEV, "%s: there is no such vDPA device; vdpa dev show lists "
					"them",
				move->name);
	vn_sysfs_path(path, "bus/vdpa/devices/%s/driver", move->name);
	(void)vn_sysfs_link(path, move->from, sizeof(move->from));
	return 0;
}

/* ---- may it move? ---- */

static int vdpa_check_use(const struct vionet_vdpa_move *move, bool force)
{
	char why[256], remedy[128];
	int result = force ? 0 : vn_vdpa_in_use(move->name, why, sizeof(why), remedy, sizeof(remedy));

	if (result == 0)
		return 0;
	if (result < 0)
		return vn_error(EIO, "%s: whether it is in use cannot be found out: %s: %s",
				move->name, why, vn_errno_text(-result));
	result = vn_error(EBUSY, "%s: %s%s%s", move->name, why, remedy[0] ? "; " : "", remedy);
	return strcmp(move->from, VHOST) == 0 ? result : vn_error_remedy(result, VIONET_REMEDY_BIND_FORCE, NULL);
}

static int vdpa_check_kernel(const struct vionet_vdpa_move *move, const char *driver)
{
	char path[VN_PATH_MAX];

	vn_sysfs_path(path, "bus/vdpa/devices/%s/driver_override", move->name);
	if (access(path, F_OK) != 0)
		return vn_error(ENOTSUP, "%s: this kernel cannot choose the driver of one vDPA "
					 "device (Linux 5.17 can)",
				move->name);
	if (access(path, W_OK) != 0)
		return vn_error(errno == EACCES || errno == EROFS ? EACCES : EIO,
				"%s: %s cannot be written to (%s)", move->name, path,
				vn_errno_text(errno));
	if (!vn_driver_load_on("vdpa", driver))
		return vn_error(ENOENT, "%s: the kernel has no driver %s, and it could not be "
					"loaded: modprobe %s",
				move->name, driver, driver);
	return 0;
}

/* ---- the move ---- */

static bool vdpa_node_is_there(struct vionet_vdpa_move *move)
{
	char path[VN_PATH_MAX];
	struct dirent **names;
	int count;
	bool found = false;

	vn_sysfs_path(path, "bus/vdpa/devices/%s", move->name);
	count = vn_sysfs_names(path, &names);
	for (int i = 0; i < count && !found; i++) {
		found = strncmp(names[i]->d_name, "vhost-vdpa-", 11) == 0;
		if (found)
			snprintf(move->node, sizeof(move->node), "/dev/%.50s", names[i]->d_name);
	}
	vn_sysfs_names_free(names, count);
	snprintf(path, sizeof(path), "%.512s/..%.60s", vn_host.vfio, move->node + 4);
	return found && access(path, F_OK) == 0;
}

static void vdpa_wait_for_node(struct vionet_vdpa_move *move)
{
	for (unsigned int ms = 0; !vdpa_node_is_there(move) && ms < vn_host.wait_ms; ms += 2)
		nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
}

static void vdpa_note_interface(struct vionet_vdpa_move *move)
{
	struct vn_interfaces interfaces;

	vn_sysfs_vdpa_interfaces(move->name, &interfaces);
	if (interfaces.count != 0)
		snprintf(move->interface, sizeof(move->interface), "%s", interfaces.name[0]);
}

static int vdpa_move(struct vionet_vdpa_move *move, const char *driver, bool force)
{
	struct vn_move run = { .bus = "vdpa", .address = move->name, .from = move->from, .to = driver };
	sigset_t signals;
	int result;

	snprintf(move->to, sizeof(move->to), "%s", driver);
	if (strcmp(move->from, driver) == 0)
		return 0;
	result = vdpa_check_use(move, force);
	if (result == 0)
		result = vdpa_check_kernel(move, driver);
	if (result != 0)
		return result;
	vn_move_hold_signals(&signals);
	result = vn_move_run(&run);
	/* With the kernel's own any driver may have it again. */
	if (result == 0 && strcmp(driver, VIRTIO) == 0)
		result = vn_move_clear_override(run.bus, run.address);
	vn_move_let_signals(&signals);
	move->moved = result == 0;
	return result;
}

static int vdpa_run(const char *device, const char *driver, bool force,
		    struct vionet_vdpa_move *report)
{
	struct vionet_vdpa_move move = { .struct_size = sizeof(move) };
	int result = report ? vn_struct_check(report, "vionet_vdpa_move") : 0;
	int lock = -1;

	if (result == 0)
		result = vn_move_lock("vdpa", &lock);
	if (result == 0)
		result = vdpa_find(device, &move);
	if (result == 0)
		result = vdpa_move(&move, driver, force);
	vn_move_unlock(&lock);
	if (result != 0)
		return result;
	if (strcmp(driver, VHOST) == 0)
		vdpa_wait_for_node(&move);
	else
		vdpa_note_interface(&move);
	if (report)
		vn_struct_out(report, &move, sizeof(move));
	return 0;
}

int vionet_vdpa_bind(const char *device, unsigned int flags, struct vionet_vdpa_move *move)
{
	if ((flags & ~(unsigned int)VIONET_PCI_BIND_FORCE) != 0)
		return vn_error(EINVAL, "%s: unknown flags 0x%x", device, flags);
	return vdpa_run(device, VHOST, flags != 0, move);
}

int vionet_vdpa_unbind(const char *device, struct vionet_vdpa_move *move)
{
	return vdpa_run(device, VIRTIO, false, move);
}
