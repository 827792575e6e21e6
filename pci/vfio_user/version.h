/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Agreeing with a vfio-user server on a version and on limits. Never takes a limit on
 * trust: what makes no sense is refused, what is large is cut to what we use.
 *
 * Source: "VFIO_USER_VERSION" of the vfio-user specification.
 */
#ifndef VN_PCI_VFIO_USER_VERSION_H
#define VN_PCI_VFIO_USER_VERSION_H

#include "pci/vfio_user/socket.h"

/* What the server takes. */
struct vn_vfu_limits {
	uint32_t message_fds; /* in one message, 1 to VN_VU_FDS_MAX */
	uint32_t data_size;   /* of one access, 8 to VN_VU_DATA_MAX */
	uint32_t dma_maps;
	uint64_t page_sizes; /* bitmap; the smallest is a page of this machine */
};

/* Returns 0; -ENOTSUP (another version, or limits that are too small), -EIO, or
 * as vn_vfu_call. */
int vn_vfu_negotiate(struct vn_vfu_socket *socket, struct vn_vfu_limits *limits);

#endif
