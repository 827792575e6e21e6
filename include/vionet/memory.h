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
 * Make memory of the application visible to the device.
 *
 * `address`, `size`: both multiples of the IOMMU's smallest page
 *   (vionet_device_info: `page_size`, usually 4096), not zero. The memory is
 *   pinned: it counts against RLIMIT_MEMLOCK.
 * `access`: one of vionet_access; VIONET_DEVICE_WRITES needs memory that the
 *   process may write to.
 *
 * A device behind a vfio-user server gets no descriptor of such memory. The server asks
 * for it by messages, which are answered during a kick that is itself a message, and in
 * vionet_device_events: correct, but slow; pools are shared instead.
 *
 * The memory stays the application's; it must not be unmapped, and should be
 * MAP_SHARED or marked MADV_DONTFORK if the process forks. Returns 0, and
 * `*memory` is released by vionet_memory_unregister; -EINVAL (alignment),
 * -ENOMEM (locked-memory limit: the text gives need, limit and how to raise
 * it), -ENOSPC (no room in the IOVA ranges, or the kernel's limit of mappings),
 * -EFAULT (memory that cannot be pinned for this access). Control thread. Source: VFIO_IOMMU_MAP_DMA in linux/vfio.h.
 */
int vionet_memory_register(struct vionet_device *device, void *address,
			   size_t size, enum vionet_access access,
			   struct vionet_memory **memory);

/*
 * Withdraw registered memory from the device.
 *
 * Allowed while the device runs. Returns 0; -EBUSY while a pool uses it, while
 * packets attached to it are not back, or after a reset that the device did not
 * acknowledge; -EIO if the kernel does not unmap it (nothing changes in all these
 * cases; vionet_device_close lets go of it). NULL is allowed. Control thread.
 */
int vionet_memory_unregister(struct vionet_memory *memory);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
