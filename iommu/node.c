/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "iommu/node.h"

#define GROUPS_MAX 256

#define say(reason, size, ...) ((void)snprintf(reason, size, __VA_ARGS__))

static bool node_is_missing(int code)
{
	return code == ENOENT || code == ENOTDIR || code == ENODEV || code == ENXIO;
}

static bool node_in_group(gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	int count = getgroups(GROUPS_MAX, groups);

	if (gid == getegid())
		return true;
	for (int i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* Do owner and mode let this user read and write? access() would count the security
 * modules in, which this is to tell apart. */
static bool node_mode_allows(const struct stat *status)
{
	mode_t both;

	if (geteuid() == 0)
		return true;
	if (status->st_uid == geteuid())
		both = S_IRUSR | S_IWUSR;
	else if (node_in_group(status->st_gid))
		both = S_IRGRP | S_IWGRP;
	else
		both = S_IROTH | S_IWOTH;
	return (status->st_mode & both) == both;
}

/* `rule`: what else lets a user in. */
static int node_denied_but(const char *path, int code, const char *rule, char *reason, size_t size)
{
	struct stat status;

	if (stat(path, &status) != 0)
		say(reason, size, "%s: permission denied; give this user access to "
		    "the directory", path);
	else if (code == EPERM)
		say(reason, size, "%s: not permitted: the container that this runs "
		    "in does not let it through (docker run --device %s)", path,
		    path);
	else if (node_mode_allows(&status))
		say(reason, size, "%s: permission denied, though owner and mode let "
		    "this user in: a security module (SELinux, AppArmor) forbids it; "
		    "see ausearch -m avc -ts recent, or dmesg", path);
	else
		say(reason, size, "this user may not open %s: it belongs to uid %u, "
				  "gid %u with mode %04o; as root: chown $USER %s%s",
		    path,
		    status.st_uid, status.st_gid, status.st_mode & 07777, path, rule);
	return -EACCES;
}

static int node_denied(const char *path, int code, char *reason, size_t size)
{
	return node_denied_but(path, code, ", or for good a udev rule: SUBSYSTEM==\"vfio\", "
					   "OWNER=\"<user>\"",
			       reason, size);
}

static int node_odd(const char *path, int code, char *reason, size_t size)
{
	say(reason, size, "%s: open: %s", path, vn_errno_text(code));
	return code == ENOMEM || code == EMFILE || code == ENFILE ? -code : -EIO;
}

static int node_for_root(const char *path, char *reason, size_t size)
{
	say(reason, size, "%s: no-IOMMU mode is for root (CAP_SYS_RAWIO)", path);
	return -EACCES;
}

bool vn_node_is_unsafe(const char *node)
{
	return strncmp(node, "noiommu-", 8) == 0;
}

/* "/dev/vfio" -> "/dev/iommu". */
void vn_node_iommufd_path(const char *directory, char path[VN_NODE_PATH_MAX])
{
	const char *slash = strrchr(directory, '/');

	snprintf(path, VN_NODE_PATH_MAX, "%.*s/iommu",
		 slash ? (int)(slash - directory) : 0, directory);
}

void vn_node_device_path(const char *directory, const char *node,
			 char path[VN_NODE_PATH_MAX])
{
	snprintf(path, VN_NODE_PATH_MAX, "%.240s/devices/%.32s", directory, node);
}

/* Only the newer interface is here: a node for each device, and iommufd. */
static bool node_only_devices(const char *directory, const char *missing, char *reason,
			      size_t size)
{
	char devices[VN_NODE_PATH_MAX], iommufd[VN_NODE_PATH_MAX];

	snprintf(devices, sizeof(devices), "%.280s/devices", directory);
	vn_node_iommufd_path(directory, iommufd);
	if (access(devices, F_OK) != 0 || access(iommufd, F_OK) != 0)
		return false;
	say(reason, size, "only %s and %s are here, and %s is not: open it by iommufd, use "
			  "a kernel with CONFIG_VFIO_GROUP and CONFIG_VFIO_CONTAINER, or in a "
			  "container pass it in (docker run --device %s)",
	    devices, iommufd,
	    missing, missing);
	return true;
}

int vn_node_container_reason(const char *directory, int code, char *reason,
			     size_t size)
{
	char path[VN_NODE_PATH_MAX];

	snprintf(path, sizeof(path), "%.280s/vfio", directory);
	if (code == EACCES || code == EPERM)
		return node_denied(path, code, reason, size);
	if (!node_is_missing(code))
		return node_odd(path, code, reason, size);
	if (node_only_devices(directory, path, reason, size))
		return -ENOTSUP;
	say(reason, size, "%s: there is no VFIO here; load it: modprobe vfio-pci (in a "
	    "container: on the host, and docker run --device %s)", path, path);
	return -ENXIO;
}

int vn_node_group_reason(const char *directory, int group, bool unsafe, int code, char *reason,
			 size_t size)
{
	char path[VN_NODE_PATH_MAX];

	snprintf(path, sizeof(path), "%.270s/%s%d", directory, unsafe ? "noiommu-" : "", group);
	if (unsafe && code == EPERM)
		return node_for_root(path, reason, size);
	if (code == EACCES || code == EPERM)
		return node_denied(path, code, reason, size);
	if (code == EBUSY || code == EINTR) {
		say(reason, size, "IOMMU group %d is open already, most likely in "
		    "another process (fuser %s names it): the functions of a group are "
		    "driven by one process at a time; end that first", group, path);
		return -EBUSY;
	}
	if (!node_is_missing(code))
		return node_odd(path, code, reason, size);
	if (node_only_devices(directory, path, reason, size))
		return -ENOTSUP;
	say(reason, size, "%s is not there: no device of IOMMU group %d is bound to "
	    "vfio-pci, or the container that this runs in does not let it through "
	    "(docker run --device %s)", path, group, path);
	return -ENXIO;
}

int vn_node_iommufd_reason(const char *directory, int code, char *reason, size_t size)
{
	char path[VN_NODE_PATH_MAX];

	vn_node_iommufd_path(directory, path);
	if (code == EACCES || code == EPERM)
		return node_denied(path, code, reason, size);
	if (!node_is_missing(code))
		return node_odd(path, code, reason, size);
	say(reason, size, "%s: there is no iommufd here; load it: modprobe iommufd, use a "
			  "kernel with CONFIG_IOMMUFD, or open it by its group (in a container: on the "
			  "host, and docker run --device %s)",
	    path, path);
	return -ENOTSUP;
}

int vn_node_device_reason(const char *directory, const char *node, int code, char *reason,
			  size_t size)
{
	char path[VN_NODE_PATH_MAX];

	vn_node_device_path(directory, node, path);
	if (vn_node_is_unsafe(node) && code == EPERM)
		return node_for_root(path, reason, size);
	if (code == EACCES || code == EPERM)
		return node_denied(path, code, reason, size);
	if (code == EBUSY) {
		say(reason, size, "%s is in use already, most likely by another process "
				  "(fuser %s names it): a function is driven by one process at a time; "
				  "end that first",
		    path, path);
		return -EBUSY;
	}
	if (!node_is_missing(code))
		return node_odd(path, code, reason, size);
	if (node[0] == '\0') {
		say(reason, size, "it has no character device of VFIO: use a kernel with "
				  "CONFIG_VFIO_DEVICE_CDEV (Linux 6.6), or open it by its group");
		return -ENOTSUP;
	}
	say(reason, size, "%s is not there: the container that this runs in does not let "
			  "it through (docker run --device %s)",
	    path, path);
	return -ENXIO;
}

/* A node of vhost-vdpa is in no subsystem. */
int vn_node_vdpa_reason(const char *path, int code, char *reason, size_t size)
{
	if (code == EACCES || code == EPERM)
		return node_denied_but(path, code, "", reason, size);
	if (node_is_missing(code)) {
		say(reason, size, "there is no such device: modprobe vhost_vdpa; vdpa dev show lists the "
				  "vDPA devices, vdpa dev add makes one");
		return -ENODEV;
	}
	if (code != EBUSY)
		return node_odd(path, code, reason, size);
	say(reason, size, "it is open already, most likely in another process (fuser %s names it): "
			  "end that first",
	    path);
	return -EBUSY;
}
