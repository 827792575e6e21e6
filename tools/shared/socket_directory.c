/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what place.h says. Never: uses a path again that was looked at.
 * Read next: holder.c, which listens and connects there.
 */
#include "tools/shared/socket_directory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vionet/pci.h>

/* ---- names ---- */

static bool is_socket(const char *device)
{
	return strncmp(device, "vfio-user:", 10) == 0 ||
	       strncmp(device, "vhost-user:", 11) == 0;
}

/* The path of a device behind a socket, without links. A socket that is still to be made has
 * a directory already. */
static void socket_path(const char *device, char path[PATH_MAX])
{
	const char *text = strchr(device, ':') + 1;
	char given[PATH_MAX], folder[PATH_MAX], *base;

	snprintf(given, sizeof(given), "%.*s", (int)strcspn(text, ","), text);
	if (realpath(given, path) != NULL)
		return;
	base = strrchr(given, '/');
	snprintf(folder, sizeof(folder), "%.*s/",
		 base != NULL ? (int)(base - given) : 1, base != NULL ? given : ".");
	if (realpath(folder, path) == NULL ||
	    strlen(path) + strlen(given) + 2 > PATH_MAX) {
		memcpy(path, given, sizeof(given));
		return;
	}
	strcat(path, "/");
	strcat(path, base != NULL ? base + 1 : given);
}

/* One spelling for a device that has several: "00:04.0" and "pci:0000:00:04.0", or a
 * socket by relative and absolute path. */
static void canonical(const char *device, char name[PATH_MAX + 16])
{
	const char *colon = strchr(device, ':');
	char path[PATH_MAX];

	if (is_socket(device)) {
		socket_path(device, path);
		snprintf(name, PATH_MAX + 16, "%.*s:%s", (int)(colon - device), device,
			 path);
		return;
	}
	if (strncmp(device, "pci:", 4) == 0)
		device += 4;
	colon = strchr(device, ':');
	snprintf(name, PATH_MAX + 16, "pci:%s%.64s",
		 colon != NULL && strchr(colon + 1, ':') == NULL ? "0000:" : "",
		 device);
	for (; *name != '\0'; name++)
		*name = (char)tolower((unsigned char)*name);
}

/* The name may be longer than a file's: its FNV-1a hash stands for it. */
static void name_files(struct place *place, const char *device)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	char name[PATH_MAX + 16];

	canonical(device, name);
	for (const char *at = name; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3ULL;
	snprintf(place->socket, sizeof(place->socket), "%016" PRIx64 ".socket", hash);
	snprintf(place->lock, sizeof(place->lock), "%016" PRIx64 ".lock", hash);
}

/* ---- directories ---- */

/* Where one may lie, and what it is called there. */
struct candidate {
	char parent[PATH_MAX];
	char name[32];
};

static int candidate(unsigned int number, uid_t owner, struct candidate *c)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	*c = (struct candidate){ .name = "vionet" };
	switch (number) {
	case 0:
		if (owner == 0)
			strcpy(c->parent, "/run");
		else if (owner == geteuid() && runtime != NULL && runtime[0] == '/')
			snprintf(c->parent, sizeof(c->parent), "%s", runtime);
		return c->parent[0] != '\0' ? 0 : -ENOENT;
	case 1:
		snprintf(c->parent, sizeof(c->parent), "/run/user/%u", owner);
		return 0;
	case 2:
		strcpy(c->parent, "/tmp");
		snprintf(c->name, sizeof(c->name), "vionet-%u", owner);
		return 0;
	default:
		return -ENOENT;
	}
}

/* Does the directory belong to this user, or to root, and can nobody else put another in
 * its place, or of what is in it? */
static bool safe(int fd, uid_t owner, bool parent)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISDIR(status.st_mode) ||
	    (status.st_uid != owner && !(parent && status.st_uid == 0)))
		return false;
	return (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
	       (parent && (status.st_mode & S_ISVTX) != 0);
}

static int open_directory(int at, const char *path, uid_t owner, bool parent)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	if (safe(fd, owner, parent))
		return fd;
	close(fd);
	return -EPERM;
}

/* Root's may be looked into: then it can be told that root's process has a device. */
static int make_directory(int parent, const char *name, uid_t owner)
{
	int fd;

	if (mkdirat(parent, name, S_IRWXU) != 0 && errno != EEXIST)
		return -errno;
	fd = open_directory(parent, name, owner, false);
	if (fd >= 0 && owner == 0)
		(void)fchmod(fd, S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH);
	return fd;
}

int place_open(struct place *place, unsigned int number, uid_t owner, bool make,
	       const char *device)
{
	struct candidate c;
	int parent, result = candidate(number, owner, &c);

	place->directory = -1;
	if (result != 0)
		return result;
	parent = open_directory(AT_FDCWD, c.parent, owner, true);
	if (parent < 0)
		return parent;
	result = make ? make_directory(parent, c.name, owner) :
			open_directory(parent, c.name, owner, false);
	close(parent);
	if (result < 0)
		return result;
	place->directory = result;
	name_files(place, device);
	return 0;
}

void place_close(struct place *place)
{
	if (place->directory >= 0)
		close(place->directory);
	place->directory = -1;
}

void place_address(const struct place *place, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s",
		 place->directory, place->socket);
}

/* ---- whose device ---- */

uid_t place_owner_of(const char *device)
{
	struct vionet_pci_function function;
	char path[PATH_MAX];
	struct stat status;

	if (is_socket(device))
		socket_path(device, path);
	else if (vionet_pci_lookup(strncmp(device, "pci:", 4) == 0 ? device + 4 : device,
				   &function) == 0 && function.iommu_group >= 0)
		snprintf(path, sizeof(path), "/dev/vfio/%d", function.iommu_group);
	else
		return 0;
	if (lstat(path, &status) != 0 ||
	    (!S_ISSOCK(status.st_mode) && !S_ISCHR(status.st_mode)))
		return 0;
	return status.st_uid;
}
