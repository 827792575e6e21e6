/* SPDX-License-Identifier: BSD-3-Clause */
/* The limit of locked memory that what a device reaches counts against. */
#ifndef VN_IOMMU_LOCKED_H
#define VN_IOMMU_LOCKED_H

#include <stdint.h>
#include <stdio.h>

/* Whose memory the kernel counts what a container pins against. */
enum vn_accounting {
	VN_ACCOUNT_PROCESS, /* VFIO's own container: the process, in VmLck */
	VN_ACCOUNT_IOMMUFD, /* iommufd in its place: the process, in VmLck and VmPin,
			     * or all processes of the user; of these only our own
			     * VmPin can be seen */
	VN_ACCOUNT_NONE,    /* nothing is locked */
	VN_ACCOUNT_VHOST,   /* vhost: the process, in VmPin; also one that may lock any amount */
};

/* Which of them holds for container `fd`. */
enum vn_accounting vn_locked_accounting(int fd);

/* What the kernel's accounting of pinned memory depends on, in bytes. */
struct vn_locked {
	uint64_t in_use;
	uint64_t limit;	     /* UINT64_MAX: none for this process */
	uint64_t limit_hard; /* to which it may be raised without root */
};

/* Take lines of /proc/PID/status: what is in use; no limit if it may lock any
 * amount (CAP_IPC_LOCK). */
void vn_locked_read_status(FILE *status, enum vn_accounting accounting,
			   struct vn_locked *locked);

/*
 * May this process lock `need` more bytes? Returns 0, also where that cannot be
 * seen (no /proc); -ENOMEM: the text gives need, in use, limit, and the command
 * that raises it.
 */
int vn_locked_check(uint64_t need, enum vn_accounting accounting);

#endif
