/* SPDX-License-Identifier: BSD-3-Clause */
/* UNIX sockets by their path: connecting, listening, and what each failure means to the
 * caller, for all transports that have one. Nothing here blocks. A socket file is taken for a
 * left-over only after a connection to it was refused. */
#ifndef VN_BASE_SOCKET_H
#define VN_BASE_SOCKET_H

#include <stdint.h>

/* Who is at the other end, for texts. */
struct vn_socket_peer {
	const char *name;   /* "server" */
	const char *remedy; /* behind "start the server": another way, or "" */
};

/*
 * Connect to the process that listens at `path`. Until `end` (vn_now) it is tried again where
 * no process does, and for 2 s where it does not accept.
 *
 * Returns 0 and a socket that does not block; -ENODEV (there is none), -ENXIO (no
 * process listens), -EACCES, -EBUSY (it is not accepted), -EINVAL (no path for a
 * socket, or something else is there), -EMFILE, -ENFILE, -ENOMEM, -EIO.
 */
int vn_socket_connect(const char *path, const struct vn_socket_peer *peer,
		      uint64_t end, int *fd);

/*
 * Listen at `path`. A socket that a dead process left there is replaced; anything else
 * is not. A client that sees the socket gets through: it has another name in that folder
 * until it listens, unless the folder's path is so long that there is no room for one.
 *
 * Returns 0; -ENODEV (no such folder), -EACCES, -EBUSY (a process listens there), -EINVAL,
 * -EMFILE, -ENFILE, -ENOMEM, -EIO.
 */
int vn_socket_listen(const char *path, int *fd);

#endif
