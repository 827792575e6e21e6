/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory that is mapped for a vfio-user server: where, and what it may do there;
 * and its accesses to it by message. Never hands out a descriptor through which the
 * server could do more than that.
 *
 * Source: "VFIO_USER_DMA_MAP" to "VFIO_USER_DMA_WRITE" of the vfio-user specification.
 */
#ifndef VN_PCI_VFIO_USER_MEMORY_H
#define VN_PCI_VFIO_USER_MEMORY_H

#include "iommu/iova.h"
#include "iommu/memory.h"
#include "pci/vfio_user/version.h"

struct vn_vfu_window;

struct vn_vfu_memory {
	struct vn_vfu_socket *socket;
	struct vn_iova_space *space;
	uint64_t page_sizes;
	uint64_t page_size;
	uint32_t most;
	struct vn_vfu_window *window; /* changes in a turn of the socket */
	size_t count, room;
	uint64_t bytes;
};

/* Returns 0, -ENOMEM. */
int vn_vfu_memory_init(struct vn_vfu_memory *memory, struct vn_vfu_socket *socket,
		       const struct vn_vfu_limits *limits);

/*
 * The operations memory_add, memory_remove and iommu_limits.
 *
 * Memory is shared by its descriptor, sealed against shrinking; what the device only
 * reads is sealed against writing too, and sent through a descriptor that cannot write.
 * -ENOTSUP: there is no descriptor; -EPERM: it cannot be sealed.
 */
int vn_vfu_memory_add(struct vn_vfu_memory *memory, const struct vn_memory *added,
		      enum vn_access access, uint64_t *iova);
/* As add, at an address that is given. -ENOSPC: it is taken. */
int vn_vfu_memory_add_at(struct vn_vfu_memory *memory, const struct vn_memory *added,
			 enum vn_access access, uint64_t iova);
int vn_vfu_memory_remove(struct vn_vfu_memory *memory, uint64_t iova);
void vn_vfu_memory_limits(const struct vn_vfu_memory *memory,
			  struct vn_iommu_limits *limits);

/* The socket's `serve`; the context is the memory. */
int vn_vfu_memory_serve(void *memory, uint16_t command, const void *payload,
			size_t size, struct vn_vfu_reply *reply);

/* Forget all of it; the connection is closed. */
void vn_vfu_memory_release(struct vn_vfu_memory *memory);

#endif
