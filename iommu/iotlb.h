/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An address space that is shown to a device by messages to the IOTLB of vhost, on the descriptor
 * of the device itself. `seen` of a region is 1 and the number of the address space that has it.
 *
 * Source: linux/vhost.h, linux/vhost_types.h.
 */
#ifndef VN_IOMMU_IOTLB_H
#define VN_IOMMU_IOTLB_H

#include "iommu/regions.h"

struct vn_iotlb {
	int fd;
	bool batch;	       /* the kernel takes many messages at once (VHOST_BACKEND_F_IOTLB_BATCH) */
	uint64_t wanted_bytes; /* that are to be mapped yet, for the text if it refuses */
};

/*
 * Show a region to the address space. Returns 0; -ENOMEM (the limit of locked memory, with all that
 * is needed), -EIO, or what the kernel says.
 */
int vn_iotlb_map(struct vn_iotlb *iotlb, struct vn_dma_region *region, uint32_t space);

/* Take it away, if it was shown. On failure it is there still. */
int vn_iotlb_unmap(const struct vn_iotlb *iotlb, struct vn_dma_region *region);

/* Show the address space all that it had, after the device has lost it. */
int vn_iotlb_map_again(struct vn_iotlb *iotlb, const struct vn_regions *regions, uint32_t space);

#endif
