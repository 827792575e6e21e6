/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A UNIX socket for one process at a time: its owner's alone (mode 0600), with a lock beside it that
 * goes with the process. A socket that was left is replaced; one that somebody listens at, another's
 * and what is no socket never.
 */
#ifndef VIONET_TOOLS_SOCKET_LISTEN_H
#define VIONET_TOOLS_SOCKET_LISTEN_H

#include "tools/shared/socket_directory.h"

/*
 * Returns the socket, which does not block, and the descriptor of the lock in `*lock`; the caller closes
 * both, after socket_listen_remove. -EBUSY: another process has the lock; -EADDRINUSE: somebody
 * listens there without it; -EEXIST: it is no socket, or another user's; -errno.
 */
int socket_listen(const struct socket_directory *directory, int backlog, int *lock);

/* Remove the files of one that listens. For a signal handler, too. */
void socket_listen_remove(const struct socket_directory *directory);

#endif
