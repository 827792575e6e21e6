/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The regions of a function behind a vfio-user server: what they are, access to them by
 * message, the files behind them and the eventfds that stand for them. Never maps a file
 * that the server could shorten, or anything that is not memory.
 *
 * Source: "VFIO_USER_DEVICE_GET_REGION_INFO", "..._GET_REGION_IO_FDS",
 * "VFIO_USER_REGION_READ" and "..._WRITE" of the vfio-user specification.
 */
#ifndef VN_PCI_VFIO_USER_REGION_H
#define VN_PCI_VFIO_USER_REGION_H

#include "pci/function.h"
#include "pci/vfio_user/version.h"

struct vn_vfu_doorbell;

/* What stands behind one region, beside struct vn_region. */
struct vn_vfu_region {
	int fd; /* for mapping; -1: none */
	uint64_t start; /* of the region in the file */
	bool requested; /* for eventfds */
	struct vn_vfu_doorbell *doorbell;
	size_t doorbell_count;
};

/*
 * Fill both, VN_REGION_COUNT long; the server says that it has `count`. What was filled
 * has to be released whatever the result.
 *
 * Returns 0, -ENOMEM, or as vn_vfu_call.
 */
int vn_vfu_regions(struct vn_vfu_socket *socket, const struct vn_vfu_limits *limits,
		   uint32_t count, struct vn_region *region,
		   struct vn_vfu_region *behind);
void vn_vfu_regions_release(struct vn_vfu_region *behind);

/* Access, in pieces where it is longer than the server takes. */
int vn_vfu_region_read(struct vn_vfu_socket *socket, const struct vn_vfu_limits *limits,
		       unsigned int region, uint64_t offset, void *data, size_t size);
int vn_vfu_region_write(struct vn_vfu_socket *socket,
			const struct vn_vfu_limits *limits, unsigned int region,
			uint64_t offset, const void *data, size_t size);

/*
 * The operation `eventfd`. Only an eventfd that does not block will do: with one that
 * does, a server could hold us in a kick.
 */
int vn_vfu_region_eventfd(struct vn_vfu_socket *socket, struct vn_vfu_region *behind,
			  const struct vn_region *region, unsigned int index,
			  uint64_t offset, unsigned int size, uint64_t value, int *fd);

#endif
