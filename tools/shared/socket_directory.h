/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: where control sockets lie: a directory that only its owner can write, for each
 * user; and the socket's and its lock's name in it. Never: connects.
 *
 * Root has /run/vionet. Others have vionet below $XDG_RUNTIME_DIR or /run/user/UID, and
 * /tmp/vionet-UID where neither is there (a container, a service's user). Each directory is
 * opened first, without following a link, and believed only if what was opened belongs to
 * that user and nobody else can write to it: files are named relative to it, so what is
 * put at the path later does not matter.
 */
#ifndef VIONET_TOOLS_PLACE_H
#define VIONET_TOOLS_PLACE_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/un.h>

#define PLACES 3
#define PLACE_NAME_MAX 32

/* One device's socket in one directory. */
struct place {
	int directory; /* -1: none */
	char socket[PLACE_NAME_MAX];
	char lock[PLACE_NAME_MAX];
};

/*
 * Open directory `number` (0 to PLACES - 1, in the order in which they are tried) of the user
 * `owner`, make it if `make`, for the device of this name.
 *
 * Returns 0 with a place that the caller closes; -ENOENT if there is none of this number;
 * -EPERM if it is not its owner's alone; -errno.
 */
int place_open(struct place *place, unsigned int number, uid_t owner, bool make,
	       const char *device);
void place_close(struct place *place);

/* The address of the socket, through the directory that is open. */
void place_address(const struct place *place, struct sockaddr_un *address);

/* Who the device belongs to: the owner of its node or socket; root if that is not to be
 * seen. */
uid_t place_owner_of(const char *device);

#endif
