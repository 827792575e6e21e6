/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What sysfs says of PCI functions: drivers, groups, network interfaces. Decides nothing,
 * opens no device.
 *
 * Source: Documentation/ABI/testing/sysfs-bus-pci and sysfs-kernel-iommu_groups.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "pci/host/host.h"
#include "pci/host/sysfs.h"

static char root[VN_ROOT_MAX] = "/sys";

const char *vn_sysfs_root(void)
{
	return root;
}

void vn_sysfs_set_root(const char *path)
{
	snprintf(root, sizeof(root), "%s", path);
}

void vn_sysfs_path(char path[VN_PATH_MAX], const char *format, ...)
{
	va_list arguments;
	int used = snprintf(path, VN_PATH_MAX, "%s/", root);

	va_start(arguments, format);
	vsnprintf(path + used, VN_PATH_MAX - (size_t)used, format, arguments);
	va_end(arguments);
}

int vn_sysfs_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;
	int code;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	do
		length = read(fd, text, size - 1);
	while (length < 0 && errno == EINTR);
	code = errno;
	close(fd);
	if (length < 0)
		return -code;
	text[length] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int vn_sysfs_write(const char *path, const char *text)
{
	/* O_TRUNC as a shell's ">" does it: attributes do not care. */
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	ssize_t length;
	int code;

	if (fd < 0)
		return -errno;
	do
		length = write(fd, text, strlen(text));
	while (length < 0 && errno == EINTR);
	code = errno;
	close(fd);
	if (length < 0)
		return -code;
	return length == (ssize_t)strlen(text) ? 0 : -EIO;
}

int vn_sysfs_link(const char *path, char *name, size_t size)
{
	char target[VN_PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	const char *base;

	name[0] = '\0';
	if (length < 0)
		return -errno;
	target[length] = '\0';
	base = strrchr(target, '/');
	base = base == NULL ? target : base + 1;
	if (strlen(base) >= size)
		return -ENAMETOOLONG;
	memcpy(name, base, strlen(base) + 1);
	return 0;
}

/* Is there such a function? Its path goes to `path`. */
static int sysfs_find(const char *address, char path[VN_PATH_MAX])
{
	vn_sysfs_path(path, "bus/pci/devices/%s", address);
	if (access(path, F_OK) != 0)
		return vn_error(ENODEV,
				"%s: there is no such PCI function (%s is not there)",
				address, path);
	return 0;
}

int vn_sysfs_driver(const char *address, char *driver, size_t size)
{
	char path[VN_PATH_MAX];
	int result = sysfs_find(address, path);

	driver[0] = '\0';
	if (result < 0)
		return result;
	vn_sysfs_path(path, "bus/pci/devices/%s/driver", address);
	result = vn_sysfs_link(path, driver, size);
	if (result == 0 || result == -ENOENT)
		return 0;
	vn_error_errno(-result, "%s: its driver cannot be read from %s",
		       address, path);
	return -EIO;
}

void vn_sysfs_override(const char *bus, const char *device, char *driver, size_t size)
{
	char path[VN_PATH_MAX];

	vn_sysfs_path(path, "bus/%s/devices/%s/driver_override", bus, device);
	(void)vn_sysfs_read(path, driver, size);
	if (strcmp(driver, "(null)") == 0)
		driver[0] = '\0';
}

/* The group that vfio-pci makes up in no-IOMMU mode protects nothing. */
static bool sysfs_group_is_real(const char *address)
{
	char path[VN_PATH_MAX], name[64];

	vn_sysfs_path(path, "bus/pci/devices/%s/iommu_group/name", address);
	return vn_sysfs_read(path, name, sizeof(name)) < 0 ||
	       strcmp(name, "vfio-noiommu") != 0;
}

int vn_sysfs_group_quiet(const char *address)
{
	char path[VN_PATH_MAX], name[32];
	char *end;
	long group;

	vn_sysfs_path(path, "bus/pci/devices/%s/iommu_group", address);
	if (vn_sysfs_link(path, name, sizeof(name)) < 0)
		return -ENXIO;
	group = strtol(name, &end, 10);
	if (end == name || *end != '\0' || group < 0 || group > 0x7fffffff)
		return -EIO;
	return sysfs_group_is_real(address) ? (int)group : -EPERM;
}

int vn_sysfs_unsafe_group(const char *address)
{
	char path[VN_PATH_MAX], name[32];

	vn_sysfs_path(path, "bus/pci/devices/%s/iommu_group", address);
	if (vn_sysfs_group_quiet(address) != -EPERM || vn_sysfs_link(path, name, sizeof(name)) < 0)
		return -1;
	return (int)strtol(name, NULL, 10);
}

int vn_sysfs_unsafe_mode(void)
{
	char path[VN_PATH_MAX], value[8];

	vn_sysfs_path(path, "module/vfio/parameters/enable_unsafe_noiommu_mode");
	if (vn_sysfs_read(path, value, sizeof(value)) < 0)
		return -ENOENT;
	return value[0] == 'Y' || value[0] == '1';
}

static int sysfs_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int vn_sysfs_names(const char *path, struct dirent ***names)
{
	int count = scandir(path, names, sysfs_visible, alphasort);

	return count < 0 ? -errno : count;
}

void vn_sysfs_names_free(struct dirent **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	if (count >= 0)
		free(names);
}

int vn_sysfs_number(const char *path, unsigned long *number)
{
	char text[32], *end;
	int result = vn_sysfs_read(path, text, sizeof(text));

	if (result != 0)
		return result;
	*number = strtoul(text, &end, 0);
	return end == text ? -EIO : 0;
}

int vn_sysfs_vfs(const char *address)
{
	char path[VN_PATH_MAX];
	unsigned long number;
	int result;

	vn_sysfs_path(path, "bus/pci/devices/%s/sriov_numvfs", address);
	result = vn_sysfs_number(path, &number);
	return result == 0 ? (int)number : result == -ENOENT ? 0 : result;
}

/* ---- network interfaces ---- */

static void sysfs_each_interface(const char *folder, struct vn_interfaces *found)
{
	char path[VN_PATH_MAX + 8];
	struct dirent **names;
	int count;

	snprintf(path, sizeof(path), "%s/net", folder);
	count = vn_sysfs_names(path, &names);
	/* The folder is there while it has an interface, in whatever network
	 * namespace; only those of ours are shown in it. */
	if (count == 0)
		found->hidden = true;
	if (count < 0 && count != -ENOENT)
		found->failure = count;
	for (int i = 0; i < count; i++)
		if (found->count < VN_INTERFACES_MAX)
			snprintf(found->name[found->count++], VN_INTERFACE_MAX,
				 "%.63s", names[i]->d_name);
	vn_sysfs_names_free(names, count);
}

/* virtio-pci puts a virtio device between the function and the interface, vDPA one
 * more; other drivers do not. */
static void sysfs_descend(const char *folder, unsigned int depth,
			  struct vn_interfaces *found)
{
	char path[VN_PATH_MAX];
	struct dirent **names;
	int count = vn_sysfs_names(folder, &names);

	if (count < 0)
		found->failure = count;
	sysfs_each_interface(folder, found);
	for (int i = 0; i < count && depth < 2; i++) {
		const char *name = names[i]->d_name;

		if (strncmp(name, "virtio", 6) != 0 && strncmp(name, "vdpa", 4) != 0)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", folder, name) <
		    (int)sizeof(path))
			sysfs_descend(path, depth + 1, found);
	}
	vn_sysfs_names_free(names, count);
}

void vn_sysfs_interfaces(const char *address, struct vn_interfaces *found)
{
	char path[VN_PATH_MAX];

	*found = (struct vn_interfaces){ .count = 0 };
	vn_sysfs_path(path, "bus/pci/devices/%s", address);
	sysfs_descend(path, 0, found);
}

void vn_sysfs_vdpa_interfaces(const char *name, struct vn_interfaces *found)
{
	char path[VN_PATH_MAX];

	*found = (struct vn_interfaces){ .count = 0 };
	vn_sysfs_path(path, "bus/vdpa/devices/%s", name);
	sysfs_descend(path, 1, found);
}
