/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sockets with a path: connecting to one, taking a path to listen at. Never waits, nor takes a
 * path from a process that listens there.
 */
#ifndef SOFTNIC_LISTEN_H
#define SOFTNIC_LISTEN_H

#include <sys/types.h>

/* A socket that we listen at, and the file that is ours as long as it is the same one. */
struct listener {
	int fd; /* -1: none */
	int spare; /* closed to accept a connection that is then refused; -1: none */
	dev_t device;
	ino_t inode;
};

/*
 * Listen at `path` for this user only, with `backlog` connections waiting; `type` is
 * SOCK_STREAM or SOCK_SEQPACKET. A socket that was left there is replaced. Who waits for
 * the file may connect as soon as it is there.
 *
 * 0; -EADDRINUSE (a process listens there), -EEXIST (another kind of file),
 * -ENAMETOOLONG, -errno.
 */
int listen_open(struct listener *listener, const char *path, int type, int backlog);

/* Close, and remove the file if it is still ours. */
void listen_close(struct listener *listener, const char *path);

/*
 * The next connection, that never blocks; `whose` is named if there are no descriptors for
 * it: then it is turned away, for it would be announced again and again.
 *
 * A descriptor; -EAGAIN (there is none), -EMFILE, -ENFILE (it was turned away), -errno.
 */
int listen_accept(struct listener *listener, const char *whose);

/* Connect. A descriptor; -ENOENT, -ECONNREFUSED (no listener), -EAGAIN (a process
 * listens and takes no connection now), -errno. */
int connect_path(const char *path, int type);

#endif
