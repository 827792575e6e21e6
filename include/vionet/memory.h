/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory registration: making the application's own memory visible to the
 * device, so that frames are sent from it and received into it without a copy.
 *
 * The device sees only what is registered (or belongs to a pool), at an address
 * that the library chooses, and only in the directions named: the IOMMU stops
 * everything else.
 */
#ifndef VIONET_MEMORY_H
#define VIONET_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <vionet/platform.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vionet_device;
struct vionet_memory;

/* What the device may do with memory. Directions are named from its side. */
enum vionet_access {
	VIONET_DEVICE_READS = 1,  /* transmit only */
	VIONET_DEVICE_WRITES = 2, /* receive; reading is allowed too, since not
				   * every IOMMU has write-only mappings */
};

/*
 * Make memory of the application visible to the device, by its address: for devices of
 * the kernel's VFIO, which pins it. A device behind a socket (vfio-user, vhost-user) is
 * another process, to which an address says nothing: use vionet_memory_register_fd.
 *
 * `address`, `size`: both multiples of the IOMMU's smallest page
 *   (vionet_device_info: `page_size`, usually 4096), not zero. The memory is
 *   pinned: it counts against RLIMIT_MEMLOCK.
 * `access`: one of vionet_access; VIONET_DEVICE_WRITES needs memory that the
 *   process may write to.
 *
 * The memory stays the application's; it must not be unmapped, and should be
 * MAP_SHARED or marked MADV_DONTFORK if the process forks. Returns 0, and
 * `*memory` is released by vionet_memory_unregister; -EINVAL (alignment),
 * -ENOMEM (locked-memory limit: the text gives need, limit and how to raise
 * it), -ENOSPC (no room in the IOVA ranges, or the kernel's limit of mappings),
 * -EFAULT (memory that cannot be pinned for this access); -ENOTSUP (the device is
 * behind a socket). Control thread. Source: VFIO_IOMMU_MAP_DMA in linux/vfio.h.
 */
int vionet_memory_register(struct vionet_device *device, void *address,
			   size_t size, enum vionet_access access,
			   struct vionet_memory **memory);

/*
 * Make part of a file of memory visible to the device, whatever carries it: mapped for
 * the kernel's VFIO, passed to a vfio-user server or vhost-user back end as a descriptor.
 *
 * `fd`: a memfd, or a file on tmpfs or hugetlbfs. The library keeps a descriptor of its
 *   own; the application may close this one.
 * `offset`, `size`: multiples of the IOMMU's page and of the file's (2 MiB or 1 GiB on
 *   hugetlbfs), inside the file; `size` not zero.
 * `address`: where the application has mapped this part, MAP_SHARED, which must stay so;
 *   or NULL: the library maps it (writable, unless the file is for reading only) until
 *   it is unregistered. vionet_memory_address returns where.
 * `access`: one of vionet_access; VIONET_DEVICE_WRITES needs a file that is open for
 *   writing.
 *
 * For a device behind a socket the file is sealed against shrinking (F_SEAL_SHRINK), or
 * refused if that cannot be: the other process could cut it, a SIGBUS for this one. So it
 * has to be made with MFD_ALLOW_SEALING. It is not sealed against writing. What the device
 * only reads is passed to a server as a descriptor for reading, which keeps no process of
 * the same user from opening it for writing. The other process sees all of the file: keep
 * nothing else in it.
 *
 * Returns 0, and `*memory` is released by vionet_memory_unregister; -EINVAL (no file of
 * memory; alignment; outside the file; not mapped there), -EBADF, -EACCES (no access
 * for writing), -EPERM (it cannot be sealed), -ENOTSUP (",read-only" of vhost-user, which
 * is a seal against writing); else as vionet_memory_register. Control thread. Source:
 * VFIO_USER_DMA_MAP of vfio-user; "Memory region description" of vhost-user.
 */
int vionet_memory_register_fd(struct vionet_device *device, int fd, uint64_t offset,
			      void *address, size_t size, enum vionet_access access,
			      struct vionet_memory **memory);

/* Where registered memory begins in this process. Any thread. */
void *vionet_memory_address(const struct vionet_memory *memory);

/*
 * Withdraw registered memory from the device.
 *
 * Allowed while the device runs. Returns 0; -EBUSY while a pool uses it, while
 * packets attached to it are not back, or after a reset that the device did not
 * acknowledge; -EIO if the kernel does not unmap it (nothing changes in all these
 * cases; vionet_device_close releases it). NULL is allowed. Control thread.
 */
int vionet_memory_unregister(struct vionet_memory *memory);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
