/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/shared/vdpa_list.h"

/* The root, two names and what stands between them. */
#define PATH_ROOM 1024

/* Name that the link at `path` ends with, else "". */
static void vdpa_link(const char *path, char name[VDPA_NAME_MAX])
{
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	const char *base;

	name[0] = '\0';
	if (length <= 0)
		return;
	target[length] = '\0';
	base = strrchr(target, '/');
	snprintf(name, VDPA_NAME_MAX, "%.255s", base ? base + 1 : target);
}

/* The first entry of a folder that begins with `prefix`, else "". */
static void vdpa_entry(const char *path, const char *prefix, char name[VDPA_NAME_MAX])
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	name[0] = '\0';
	while (folder && (entry = readdir(folder)))
		if (entry->d_name[0] != '.' &&
		    strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
			snprintf(name, VDPA_NAME_MAX, "%.255s", entry->d_name);
			break;
		}
	if (folder)
		closedir(folder);
}

/* The device lies in its parent's folder; one without lies in /sys/devices. */
static void vdpa_parent(const char *path, char name[VDPA_NAME_MAX])
{
	char whole[PATH_MAX], *end, *base;

	name[0] = '\0';
	if (!realpath(path, whole))
		return;
	end = strrchr(whole, '/');
	*end = '\0';
	base = strrchr(whole, '/');
	if (base && strcmp(base, "/devices") != 0)
		snprintf(name, VDPA_NAME_MAX, "%.255s", base + 1);
}

static void vdpa_describe(const char *bus, const char *name, struct vdpa_device *device)
{
	char path[PATH_ROOM], below[VDPA_NAME_MAX];

	snprintf(device->name, sizeof(device->name), "%.255s", name);
	snprintf(path, sizeof(path), "%.500s/%.255s", bus, name);
	vdpa_parent(path, device->parent);
	vdpa_entry(path, "vhost-vdpa-", device->node);
	vdpa_entry(path, "virtio", below);
	snprintf(path, sizeof(path), "%.400s/%.255s/%.255s/net", bus, name, below);
	vdpa_entry(path, "", device->interface);
	snprintf(path, sizeof(path), "%.500s/%.255s/driver", bus, name);
	vdpa_link(path, device->driver);
}

size_t vdpa_list_read(const char *sysfs, struct vdpa_device *devices, size_t room)
{
	struct dirent **names;
	char bus[PATH_ROOM];
	size_t found = 0;
	int count;

	snprintf(bus, sizeof(bus), "%.400s/bus/vdpa/devices", sysfs);
	count = scandir(bus, &names, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (names[i]->d_name[0] != '.' && found++ < room)
			vdpa_describe(bus, names[i]->d_name, &devices[found - 1]);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return found;
}

const char *vdpa_list_remedy(const struct vdpa_device *device, char *text, size_t size)
{
	text[0] = '\0';
	if (device->node[0] != '\0')
		return text;
	if (device->driver[0] == '\0')
		snprintf(text, size,
			 "it has no driver; run: vionet bind %s, or for its kernel driver: vionet "
			 "unbind %s",
			 device->name, device->name);
	else if (device->interface[0] != '\0')
		snprintf(text, size, "it is the kernel's, as %.60s; when that is not in use: "
				     "vionet bind %s",
			 device->interface, device->name);
	else
		snprintf(text, size, "it has no node; run: vionet bind %s", device->name);
	return text;
}
