/* SPDX-License-Identifier: BSD-3-Clause */
/* No path is used again that was looked at. */
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

static bool directory_has_path(const char *device)
{
	return strncmp(device, "vfio-user:", 10) == 0 ||
	       strncmp(device, "vhost-user:", 11) == 0 ||
	       strncmp(device, "vhost-vdpa:", 11) == 0;
}

/* The path of a device behind a socket, or of its node, without links. A socket that is still to be made has
 * a directory already. */
static void directory_socket_path(const char *device, char path[PATH_MAX])
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
 * socket or node by relative and absolute path. */
static void directory_canonical(const char *device, char name[PATH_MAX + 16])
{
	const char *colon = strchr(device, ':');
	char path[PATH_MAX];

	if (directory_has_path(device)) {
		directory_socket_path(device, path);
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
static void directory_name_files(struct socket_directory *directory, const char *device)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	char name[PATH_MAX + 16];

	directory_canonical(device, name);
	for (const char *at = name; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3ULL;
	snprintf(directory->socket, sizeof(directory->socket), "%016" PRIx64 ".socket", hash);
	snprintf(directory->lock, sizeof(directory->lock), "%016" PRIx64 ".lock", hash);
}

/* ---- directories ---- */

/* Where one may lie, and what it is called there. */
struct candidate {
	char parent[PATH_MAX];
	char name[32];
};

static int directory_candidate(unsigned int number, uid_t owner, struct candidate *c)
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

/* Does the directory belong to this user, or to root, and can no other user put another
 * in its directory, or of what is in it? */
static bool directory_is_safe(int fd, uid_t owner, bool parent)
{
	struct stat status;

	if (fstat(fd, &status) != 0 || !S_ISDIR(status.st_mode) ||
	    (status.st_uid != owner && !(parent && status.st_uid == 0)))
		return false;
	return (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 ||
	       (parent && (status.st_mode & S_ISVTX) != 0);
}

static int directory_open(int at, const char *path, uid_t owner, bool parent)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	if (directory_is_safe(fd, owner, parent))
		return fd;
	close(fd);
	return -EPERM;
}

/* Root's may be looked into: then it can be said that root's process has a device. */
static int directory_make(int parent, const char *name, uid_t owner)
{
	int fd;

	if (mkdirat(parent, name, S_IRWXU) != 0 && errno != EEXIST)
		return -errno;
	fd = directory_open(parent, name, owner, false);
	if (fd >= 0 && owner == 0)
		(void)fchmod(fd, S_IRWXU | S_IRGRP | S_IXGRP | S_IROTH | S_IXOTH);
	return fd;
}

int socket_directory_open(struct socket_directory *directory, unsigned int number,
			  uid_t owner, bool make, const char *device)
{
	struct candidate c;
	int parent, result = directory_candidate(number, owner, &c);

	directory->fd = -1;
	if (result != 0)
		return result;
	parent = directory_open(AT_FDCWD, c.parent, owner, true);
	if (parent < 0)
		return parent;
	result = make ? directory_make(parent, c.name, owner) :
			directory_open(parent, c.name, owner, false);
	close(parent);
	if (result < 0)
		return result;
	directory->fd = result;
	directory_name_files(directory, device);
	return 0;
}

int socket_directory_of_path(struct socket_directory *directory, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	char folder[PATH_MAX] = ".";
	int fd;

	directory->fd = -1;
	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EINVAL;
	if (strlen(name) + sizeof(".lock") > SOCKET_NAME_MAX || strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (slash != NULL)
		snprintf(folder, sizeof(folder), "%.*s", (int)(name - path), path);
	fd = openat(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!directory_is_safe(fd, geteuid(), true)) {
		close(fd);
		return -EPERM;
	}
	directory->fd = fd;
	strcpy(directory->socket, name);
	snprintf(directory->lock, sizeof(directory->lock), "%s.lock", name);
	return 0;
}

void socket_directory_close(struct socket_directory *directory)
{
	if (directory->fd >= 0)
		close(directory->fd);
	directory->fd = -1;
}

void socket_directory_address(const struct socket_directory *directory,
			      struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s",
		 directory->fd, directory->socket);
}

/* ---- whose device ---- */

uid_t socket_directory_device_owner(const char *device)
{
	struct vionet_pci_function function = { .struct_size = sizeof(function) };
	char path[PATH_MAX];
	struct stat status;

	if (directory_has_path(device))
		directory_socket_path(device, path);
	else if (vionet_pci_lookup(strncmp(device, "pci:", 4) == 0 ? device + 4 : device,
				   &function) == 0 &&
		 function.node[0] != '\0')
		snprintf(path, sizeof(path), "%s", function.node);
	else
		return 0;
	if (lstat(path, &status) != 0 ||
	    (!S_ISSOCK(status.st_mode) && !S_ISCHR(status.st_mode)))
		return 0;
	return status.st_uid;
}

bool socket_peer_is(int fd, uid_t owner)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
	       (peer.uid == owner || peer.uid == 0);
}
