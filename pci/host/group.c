/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU groups: who is in one, who keeps it from being viable, who has it open; and what
 * a driver of VFIO is. Never changes anything.
 *
 * Source: Documentation/ABI/testing/sysfs-kernel-iommu_groups,
 * Documentation/driver-api/vfio.rst, vfio-pci-device-specific-driver-acceptance.rst.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "pci/host/host.h"

/* A character device has a number; before Linux 6.6, or without them, the folder has none. */
void vn_sysfs_vfio_node(const char *address, char node[VN_NODE_MAX])
{
	char path[VN_PATH_MAX];
	struct dirent **names;
	int count;

	node[0] = '\0';
	vn_sysfs_path(path, "bus/pci/devices/%s/vfio-dev", address);
	count = vn_sysfs_names(path, &names);
	if (count <= 0)
		return;
	vn_sysfs_path(path, "bus/pci/devices/%s/vfio-dev/%s/dev", address, names[0]->d_name);
	if (access(path, F_OK) == 0 && strlen(names[0]->d_name) < VN_NODE_MAX)
		strcpy(node, names[0]->d_name);
	vn_sysfs_names_free(names, count);
}

/*
 * VFIO has registered the device (a folder of its class, since 6.1), or the driver's
 * module is built on vfio-pci's core (since 5.15). Kernels before that have no variant
 * drivers, and where drivers are not modules their names are all there is.
 */
bool vn_is_vfio(const char *device, const char *driver)
{
	char path[VN_PATH_MAX + 16], module[64];

	if (driver[0] == '\0')
		return false;
	snprintf(path, sizeof(path), "%s/vfio-dev", device);
	if (access(path, F_OK) == 0)
		return true;
	snprintf(path, sizeof(path), "%s/driver/module", device);
	if (vn_sysfs_link(path, module, sizeof(module)) == 0) {
		vn_sysfs_path(path, "module/vfio_pci_core/holders/%s", module);
		if (access(path, F_OK) == 0)
			return true;
	}
	return strstr(driver, "vfio") != NULL;
}

static unsigned long group_member_number(const char *member, const char *name)
{
	char path[VN_PATH_MAX + 16];
	unsigned long number;

	snprintf(path, sizeof(path), "%s/%s", member, name);
	return vn_sysfs_number(path, &number) == 0 ? number : 0;
}

/* Bridges to other buses are part of many groups; the kernel does not mind
 * them, whatever their driver. */
static bool group_is_bridge(const char *member)
{
	unsigned long code = group_member_number(member, "class") >> 8;

	return code == 0x0604 || code == 0x0607 || code == 0x0609;
}

static void group_describe_member(int group, const char *name, struct vn_member *member)
{
	char path[VN_PATH_MAX], link[VN_PATH_MAX + 8];

	snprintf(member->address, sizeof(member->address), "%.63s", name);
	vn_sysfs_path(path, "kernel/iommu_groups/%d/devices/%s", group, name);
	snprintf(link, sizeof(link), "%s/driver", path);
	vn_sysfs_link(link, member->driver, sizeof(member->driver));
	member->virtio_net = vn_is_virtio_net(group_member_number(path, "vendor"),
					      group_member_number(path, "device"));
	member->vfio = vn_is_vfio(path, member->driver);
	member->hinders = member->driver[0] != '\0' && !member->vfio &&
			  strcmp(member->driver, "pci-stub") != 0 &&
			  !group_is_bridge(path);
}

int vn_group_members(int group, struct vn_member **members)
{
	char path[VN_PATH_MAX];
	struct dirent **names;
	int count;

	*members = NULL;
	vn_sysfs_path(path, "kernel/iommu_groups/%d/devices", group);
	/* In order, so that the text is the same each time. */
	count = vn_sysfs_names(path, &names);
	if (count < 0) {
		vn_error_errno(-count, "IOMMU group %d: %s cannot be read", group,
			       path);
		return -EIO;
	}
	*members = calloc((size_t)count + 1, sizeof(**members));
	for (int i = 0; i < count && *members != NULL; i++)
		group_describe_member(group, names[i]->d_name, &(*members)[i]);
	vn_sysfs_names_free(names, count);
	return *members == NULL ? vn_error(ENOMEM, "IOMMU group %d: no memory", group) :
				  count;
}

static bool group_is_among(const char *address, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], address) == 0)
			return true;
	return false;
}

static void group_append(char *text, size_t size, const struct vn_member *member)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, "%s%s is bound to %s",
		 used == 0 ? "" : ", ", member->address, member->driver);
}

int vn_group_hindrances(int group, const char *const *except, size_t except_count,
			char *text, size_t size, bool *others)
{
	struct vn_member *members;
	int hindrances = 0;
	int count = vn_group_members(group, &members);

	text[0] = '\0';
	if (others != NULL)
		*others = false;
	for (int i = 0; i < count; i++) {
		if (!members[i].hinders ||
		    group_is_among(members[i].address, except, except_count))
			continue;
		group_append(text, size, &members[i]);
		if (others != NULL && !members[i].virtio_net)
			*others = true;
		hindrances++;
	}
	free(members);
	return count < 0 ? count : hindrances;
}

/* ---- who has it open ---- */

/* Does process `pid` have `node` open? 1, 0, or -errno: we are short of something. */
static int group_process_holds(const char *pid, const char *node)
{
	char path[VN_PATH_MAX], target[VN_PATH_MAX];
	struct dirent *entry;
	DIR *directory;
	int holds = 0;

	snprintf(path, sizeof(path), "%s/%s/fd", vn_host.proc, pid);
	directory = opendir(path);
	/* Otherwise it is another user's, or it just ended. */
	if (directory == NULL)
		return vn_error_is_shortage(errno) ? -errno : 0;
	while (!holds && (entry = readdir(directory)) != NULL) {
		ssize_t length = readlinkat(dirfd(directory), entry->d_name,
					    target, sizeof(target) - 1);

		if (length < 0)
			continue;
		target[length] = '\0';
		holds = strcmp(target, node) == 0;
	}
	closedir(directory);
	return holds;
}

static void group_name_process(const char *pid, char *text, size_t size)
{
	char path[VN_PATH_MAX + 300], name[64];

	snprintf(path, sizeof(path), "%s/%s/comm", vn_host.proc, pid);
	vn_sysfs_read(path, name, sizeof(name));
	snprintf(text, size, "process %.20s (%s)", pid, name);
}

int vn_node_user(const char *node, char *text, size_t size)
{
	struct dirent *entry;
	int result = 0;
	DIR *directory = opendir(vn_host.proc);

	text[0] = '\0';
	if (directory == NULL)
		return -errno;
	while (result == 0 && (entry = readdir(directory)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		result = group_process_holds(entry->d_name, node);
		if (result > 0)
			group_name_process(entry->d_name, text, size);
	}
	closedir(directory);
	return result;
}

/* A folder that is not there has nothing in it; another failure is the result. */
static int group_names_or_none(const char *path, struct dirent ***names)
{
	int count = vn_sysfs_names(path, names);

	return count < 0 && !vn_error_is_shortage(-count) ? 0 : count;
}

/* A member's own node: a process that has that open has the group, too. */
static int group_member_user(int group, const char *member, char *text, size_t size)
{
	char path[VN_PATH_MAX], node[VN_PATH_MAX];
	struct dirent **names = NULL;
	int count, result;

	vn_sysfs_path(path, "kernel/iommu_groups/%d/devices/%s/vfio-dev", group, member);
	count = group_names_or_none(path, &names);
	result = count < 0 ? count : 0;
	for (int i = 0; i < count && result == 0; i++) {
		snprintf(node, sizeof(node), "%.500s/devices/%s", vn_host.vfio,
			 names[i]->d_name);
		result = vn_node_user(node, text, size);
	}
	vn_sysfs_names_free(names, count);
	return result;
}

int vn_group_user(int group, char *text, size_t size)
{
	char path[VN_PATH_MAX];
	struct dirent **names = NULL;
	int count, result;

	snprintf(path, sizeof(path), "%s/%d", vn_host.vfio, group);
	result = vn_node_user(path, text, size);
	if (result != 0)
		return result;
	vn_sysfs_path(path, "kernel/iommu_groups/%d/devices", group);
	count = group_names_or_none(path, &names);
	result = count < 0 ? count : 0;
	for (int i = 0; i < count && result == 0; i++)
		result = group_member_user(group, names[i]->d_name, text, size);
	vn_sysfs_names_free(names, count);
	return result;
}
