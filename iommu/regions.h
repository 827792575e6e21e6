/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that a device behind vhost was shown: which, and at which addresses. How it is shown is the
 * transport's. */
#ifndef VN_IOMMU_REGIONS_H
#define VN_IOMMU_REGIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/iova.h"
#include "iommu/memory.h"

struct vn_dma_region {
	uint64_t iova, size;
	void *address;
	int fd; /* the memory's own */
	uint64_t offset;
	enum vn_access access;
	bool control;  /* of the control queue alone */
	uint32_t seen; /* the transport's: whether, or where, the device has it; 0 at first */
};

struct vn_regions {
	struct vn_iova_range range;
	uint64_t page_size;
	struct vn_iova_space *space;
	struct vn_dma_region *region;
	uint32_t count, room;
	uint64_t bytes;
};

/* Addresses come from `range`. Returns as vn_iova_space_create. */
int vn_regions_open(struct vn_regions *regions, struct vn_iova_range range, uint64_t page_size);
void vn_regions_close(struct vn_regions *regions);

/* Find room and an address for memory. `*region` is good until the next call. Returns 0; -ENOMEM,
 * -ENOSPC, -EINVAL. */
int vn_regions_add(struct vn_regions *regions, const struct vn_memory *memory,
		   enum vn_access access, struct vn_dma_region **region);

/* The one with this address in it; NULL: none. */
struct vn_dma_region *vn_regions_at(const struct vn_regions *regions, uint64_t iova);

/* The one that begins there, with a text if there is none. */
struct vn_dma_region *vn_regions_find(const struct vn_regions *regions, uint64_t iova);

/* Take it out of the table. Its address stays taken until vn_regions_release; vn_regions_put_back
 * undoes it. */
struct vn_dma_region vn_regions_take(struct vn_regions *regions, struct vn_dma_region *region);
void vn_regions_put_back(struct vn_regions *regions, const struct vn_dma_region *taken);
void vn_regions_release(struct vn_regions *regions, const struct vn_dma_region *taken);

/* Both at once. */
void vn_regions_remove(struct vn_regions *regions, struct vn_dma_region *region);

/* As `memory` in a transport's limits has it; as many as there is memory for. */
void vn_regions_limits(const struct vn_regions *regions, struct vn_iommu_limits *limits);

#endif
