/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding the regions of a VFIO device, and which parts of them may be mapped. Never
 * offers a page that holds any of the MSI-X table, which is the kernel's to write,
 * unless the kernel says that it may be mapped.
 *
 * Source: VFIO_DEVICE_GET_REGION_INFO in linux/vfio.h.
 */
#ifndef VN_PCI_VFIO_REGION_H
#define VN_PCI_VFIO_REGION_H

#include <stdint.h>

#include "pci/function.h"

/* Bytes of a BAR that hold the MSI-X table. end 0: there is none. */
struct vn_msix_table {
	unsigned int bar;
	uint64_t first, end;
};

/*
 * Fill `region` (all zero before) and the place of each in the descriptor, both
 * VN_REGION_COUNT long, and find the MSI-X table through configuration space.
 *
 * Returns 0; -EIO, -ENODEV, -ENOMEM. The text does not name the function.
 */
int vn_vfio_regions(int fd, struct vn_region *region, uint64_t *start,
		    struct vn_msix_table *table);

#endif
