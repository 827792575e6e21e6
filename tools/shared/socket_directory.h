/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where control sockets lie: a directory that only its owner can write, for each user; and
 * the socket's and its lock's name in it.
 *
 * Root has /run/vionet. Others have vionet below $XDG_RUNTIME_DIR or /run/user/UID, and
 * /tmp/vionet-UID where neither is there (a container, a service's user). Each directory is
 * opened first, without following a link, and believed only if what was opened belongs to
 * that user and no other can write to it: files are named relative to it, so what is
 * put at the path later does not matter.
 */
#ifndef VIONET_TOOLS_SOCKET_DIRECTORY_H
#define VIONET_TOOLS_SOCKET_DIRECTORY_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#define SOCKET_DIRECTORIES 3
#define SOCKET_NAME_MAX 72

/* One device's socket in one directory. */
struct socket_directory {
	int fd; /* -1: none */
	char socket[SOCKET_NAME_MAX];
	char lock[SOCKET_NAME_MAX];
};

/*
 * Open directory `number` (0 to SOCKET_DIRECTORIES - 1, in the order in which they are tried) of the user
 * `owner`, make it if `make`, for the device of this name.
 *
 * Returns 0 with a directory that the caller closes; -ENOENT if there is none of this number;
 * -EPERM if it is not its owner's alone; -errno.
 */
int socket_directory_open(struct socket_directory *directory, unsigned int number,
			  uid_t owner, bool make, const char *device);
void socket_directory_close(struct socket_directory *directory);

/* The same for a socket at a path that the user has chosen; its directory is this user's or root's, and others
 * can write to it only where they cannot remove what is not theirs (/tmp). -ENAMETOOLONG, -EINVAL: no name
 * at the end; else as above. */
int socket_directory_of_path(struct socket_directory *directory, const char *path);

/* The address of the socket, through the directory that is open. */
void socket_directory_address(const struct socket_directory *directory,
			      struct sockaddr_un *address);

/* The user that the device belongs to: the owner of its node or socket; root if that is not to be
 * seen. */
uid_t socket_directory_device_owner(const char *device);

/* Is the other end's process this user's, or root's? */
bool socket_peer_is(int fd, uid_t owner);

/*
 * The lock says whether the process that made the socket lives: it goes with the process.
 * Returns its descriptor, which the caller closes; -EBUSY: another process has it; -errno.
 */
int socket_lock_take(const struct socket_directory *directory);

/* The process that has the lock; 0: none, or it cannot be seen. */
int socket_lock_process(const struct socket_directory *directory);

#endif
