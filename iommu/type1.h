/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VFIO's calls as the rest needs them: interrupted ones are repeated, answers may grow, chains of
 * capabilities are walked; what a type1 IOMMU says of itself; and the limit of locked memory that
 * it counts against. No state is kept.
 *
 * Source: linux/vfio.h.
 */
#ifndef VN_IOMMU_TYPE1_H
#define VN_IOMMU_TYPE1_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "iommu/iova.h"

/*
 * ioctl() that is tried again when a signal interrupts it. Returns its result or
 * a negative errno. Sets no error text: only the caller knows what it was for.
 */
int vn_vfio_call(int fd, unsigned long request, void *argument);

/*
 * Make a *_GET_INFO call whose answer is as long as the kernel says.
 *
 * `question`, `size`: the structure as it is to be sent; its first word, argsz,
 *   is filled in here.
 * `answer`, `answer_size`: at least `size` bytes, the caller's to free.
 *
 * Returns 0; -EIO if it still grows after four tries, or is huge; -ENOMEM;
 * else the kernel's own error. Sets no error text.
 */
int vn_vfio_info(int fd, unsigned long request, const void *question,
		 size_t size, void **answer, size_t *answer_size);

/*
 * Find capability `id` in the chain that starts at byte `first` of an answer.
 * Returns its offset, where at least `need` bytes follow (not necessarily
 * aligned: copy them), or 0. At most 64 steps; a chain that leaves the answer
 * ends there. Pure.
 */
size_t vn_vfio_capability(const void *answer, size_t size, size_t first,
			  uint16_t id, size_t need);

/*
 * Read page sizes, ranges and the number of mappings left from container `fd`;
 * the rest of `limits` is zero. Returns 0 or as vn_vfio_info, without text.
 */
int vn_type1_limits(int fd, struct vn_iommu_limits *limits);

/* Whose memory the kernel counts what a container pins against. */
enum vn_accounting {
	VN_ACCOUNT_PROCESS, /* VFIO's own container: the process, in VmLck */
	VN_ACCOUNT_IOMMUFD, /* iommufd in its place: the process, in VmLck and VmPin,
			     * or all processes of the user; of these only our own
			     * VmPin can be seen */
};

/* Which of them holds for container `fd`. */
enum vn_accounting vn_type1_accounting(int fd);

/* What the kernel's accounting of pinned memory depends on, in bytes. */
struct vn_locked {
	uint64_t in_use;
	uint64_t limit;	     /* UINT64_MAX: none for this process */
	uint64_t limit_hard; /* to which it may be raised without root */
};

/* Take lines of /proc/PID/status: what is in use; no limit if it may lock any
 * amount (CAP_IPC_LOCK). */
void vn_type1_read_status(FILE *status, enum vn_accounting accounting,
			  struct vn_locked *locked);

/*
 * May this process lock `need` more bytes? Returns 0, also where that cannot be
 * seen (no /proc); -ENOMEM: the text gives need, in use, limit, and the command
 * that raises it.
 */
int vn_type1_check_locked(uint64_t need, enum vn_accounting accounting);

#endif
