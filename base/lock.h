/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One process at a time drives the device behind a socket. Most servers take a second
 * connection for the first one's successor, so it is too late to ask the server.
 *
 * The lock does not wait for the process that has it, opens nothing that another user may have
 * put in its place, and ends with its process.
 */
#ifndef VN_BASE_LOCK_H
#define VN_BASE_LOCK_H

#include <limits.h>

struct vn_lock {
	int folder;		  /* -1: there is no lock */
	int fd;			  /* the file that is locked; empty */
	char name[NAME_MAX + 1];  /* in the folder */
};

#define VN_LOCK_NONE ((struct vn_lock){ .folder = -1, .fd = -1 })

/*
 * Take the lock of the socket `path`, whether it exists yet or not, and however it is
 * spelled: relative, through links, through another mount of its folder.
 *
 * The lock is a file beside the socket, which all who may connect to the socket can
 * open; one that is another user's, who may not, does not count. Where no file can be
 * made it is one in a folder of the user's own, which keeps other users' processes
 * out of the question, and where there is no such folder there is none.
 *
 * A socket with several names (hard links) is refused: their folders have no place in
 * common, and a socket itself cannot be locked.
 *
 * Returns 0; -EBUSY: another process has it, or this one; or nobody can tell.
 */
int vn_lock_take(const char *path, struct vn_lock *lock);

/* Give it back, also from copies that children have. Works for none. */
void vn_lock_release(struct vn_lock *lock);

#endif
