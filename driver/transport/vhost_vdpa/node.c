/* SPDX-License-Identifier: BSD-3-Clause */
/* The node of a vDPA device: opening it, and its ioctls. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/transport/vhost_vdpa/internal.h"
#include "iommu/node.h"

#define ID_NET 1u
#define OTHER_NODE "it is not a device of vhost-vdpa; those are named /dev/vhost-vdpa-0 and so on"

/* ---- ioctls ---- */

int vn_vdpa_try(const struct vn_vdpa *t, unsigned long request, void *argument)
{
	int result;

	do {
		result = ioctl(t->fd, request, argument);
	} while (result < 0 && errno == EINTR);
	return result < 0 ? -errno : 0;
}

int vn_vdpa_call(const struct vn_vdpa *t, unsigned long request, const char *name,
		 void *argument)
{
	int result = vn_vdpa_try(t, request, argument);

	if (result == -ENOTTY || result == -EOPNOTSUPP)
		return vn_error(ENOTSUP, "this kernel, or the device's own driver in it, does "
					 "not have %s; Linux 5.18 or newer is needed",
				name);
	return result ? vn_error_errno(-result, "%s", name) : 0;
}

/* ---- opening ---- */

static int node_error(const char *path, int code)
{
	char reason[VIONET_ERROR_TEXT_MAX];
	int result = vn_node_vdpa_reason(path, code, reason, sizeof(reason));

	return vn_error(-result, "%s", reason);
}

/* Is it such a node? To open another one may do something (a watchdog starts). */
static int node_check(const char *path)
{
	char link[64], target[512];
	const char *name;
	struct stat node;
	ssize_t length;

	if (stat(path, &node) != 0)
		return node_error(path, errno);
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(node.st_rdev),
		 minor(node.st_rdev));
	length = S_ISCHR(node.st_mode) ? readlink(link, target, sizeof(target) - 1) : 0;
	if (length < 0)
		return 0; /* no sysfs here: the kernel will say */
	target[length] = '\0';
	name = strrchr(target, '/');
	if (name && strncmp(name, "/vhost-vdpa-", 12) == 0)
		return 0;
	return vn_error(ENOTSUP, OTHER_NODE);
}

static int node_check_kind(const struct vn_vdpa *t)
{
	uint32_t id = 0;
	int result = vn_vdpa_try(t, VHOST_VDPA_GET_DEVICE_ID, &id);

	if (result == -ENOTTY)
		return vn_error(ENOTSUP, OTHER_NODE);
	if (result)
		return vn_error_errno(-result, "VHOST_VDPA_GET_DEVICE_ID");
	if (id != ID_NET)
		return vn_error(ENOTSUP, "it is %s (virtio device id %u), and not a network "
					 "device",
				id == 2 ? "a block device" : "another kind of device",
				id);
	return VDPA_CALL(t, VHOST_SET_OWNER, NULL);
}

int vn_vdpa_node_open(struct vn_vdpa *t, const char *path)
{
	int result = node_check(path);

	if (result)
		return result;
	t->fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return t->fd < 0 ? node_error(path, errno) : node_check_kind(t);
}
