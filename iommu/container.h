/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The address space that a device sees: a VFIO container with one group and its type1v2 IOMMU, or
 * one of an iommufd, and every mapping in it. The functions of a group that this process has open share it.
 * Each sees and undoes its own mappings only, but its device can reach those of the others: that
 * is what a group is.
 *
 * The caller passes the group's number: sysfs is pci/'s.
 *
 * Source: Documentation/driver-api/vfio.rst, Documentation/userspace-api/iommufd.rst.
 */
#ifndef VN_IOMMU_CONTAINER_H
#define VN_IOMMU_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/iova.h"
#include "iommu/memory.h"
#include "iommu/node.h"

struct vn_container;

/*
 * Open the address space of IOMMU group `group` for its device `name`. By groups: check the
 * API version and TYPE1v2, check viability, attach, set the IOMMU, then read ranges, page
 * sizes and limits (in this order: they are only known, and only final, afterwards). By
 * iommufd: make an address space; the rest is vn_container_device's. Where this process has
 * the group open for another device of it, what it has is used.
 *
 * `kind`: not VN_IOMMU_ANY; without an IOMMU addresses are found, not chosen. A function that has
 * no group, as without an IOMMU it may, has a number of its own below -1. `directory`: "/dev/vfio"
 * unless a test says otherwise. A group that is busy is tried again for up to 2 s: the kernel may
 * still be resetting the function after another process ended.
 *
 * Returns 0; -ENXIO (no such node: nothing of the group is bound to VFIO),
 * -EACCES, -EBUSY (another process has it, or this one by
 * another kind), -EALREADY (this one has `name` open), -ENOTCONN (not viable; the caller
 * names the culprits), -EPERM (no interrupt remapping; text says what to do),
 * -ENOTSUP, -ENOMEM, -EIO. The text is set in every case. Any thread: what is shared is
 * locked, here and below.
 */
int vn_container_open(const char *directory, int group, const char *name,
		      enum vn_iommu_kind kind, struct vn_container **container);

/*
 * The same with descriptors that the caller has opened; nothing is opened by its name. Given are
 * `device` and `iommufd`, `group` and `container`, or `device` and `container`. What is done to them is
 * undone by vn_container_close, but that a character device stays bound to its iommufd.
 *
 * Returns 0; -EINVAL: one of them is not what it is to be, a group or device is in use so already; and
 * as vn_container_open.
 */
int vn_container_open_given(const struct vn_iommu_fds *fds, const char *name,
			    struct vn_container **container);

/*
 * Get the descriptor of the device; `token` is its VF token, or NULL. Nothing can be mapped before.
 * By iommufd: its character device `node` ("vfio3") is opened, bound to the iommufd and attached to
 * the address space; busy is as for vn_container_open. The caller closes it, before
 * vn_container_close. Returns 0; -ENODEV, -EBUSY, -EACCES, -ENXIO, -EPERM (no interrupt remapping,
 * or another owner of the group), -ENOTSUP, -ENOMEM, -EIO.
 */
int vn_container_device(struct vn_container *container, const char *node, const char *token,
			int *fd);

/*
 * Map memory for the device at an address that the allocator chooses, aligned to
 * the memory's page size so that large pages stay large.
 *
 * Before the call, the locked memory that is needed is compared with
 * RLIMIT_MEMLOCK (unless the process has CAP_IPC_LOCK).
 *
 * Returns 0 and the address in `*iova`; -EINVAL (address or size is no multiple
 * of the page size), -ENOMEM (limit: as vn_container_check), -ENOSPC (addresses or mappings used up), -EFAULT
 * (memory that cannot be pinned for this access).
 */
int vn_container_map(struct vn_container *container,
		     const struct vn_memory *memory, enum vn_access access,
		     uint64_t *iova);

/*
 * May `bytes` more be mapped, by the limit of locked memory? Asked once for all that
 * is needed, so that the limit has to be raised once. Returns 0; -ENOMEM: the text
 * gives need, in use, limit, and the command that raises it.
 */
int vn_container_check(const struct vn_container *container, uint64_t bytes);

/*
 * Undo one vn_container_map. The caller knows that the device is quiesced. Returns
 * 0; -ENOENT if nothing was mapped there; -EIO if the kernel unmapped another
 * amount than was mapped (the address is not used again then).
 */
int vn_container_unmap(struct vn_container *container, uint64_t iova);

/* Fill `limits` with what holds now. */
void vn_container_limits(const struct vn_container *container,
		       struct vn_iommu_limits *limits);

/* Unmap what was mapped here, and close what no other function uses. NULL is allowed. The device
 * descriptor must be closed. */
void vn_container_close(struct vn_container *container);

#endif
