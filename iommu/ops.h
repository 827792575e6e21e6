/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's interfaces to an IOMMU, behind one table: groups with type1 (type1.c), character
 * devices with iommufd (iommufd.c), and none at all: groups (noiommu.c) or character devices
 * (iommufd.c).
 */
#ifndef VN_IOMMU_OPS_H
#define VN_IOMMU_OPS_H

#include <stdint.h>

#include "iommu/iova.h"
#include "iommu/memory.h"
#include "iommu/node.h"

struct vn_domain;

struct vn_iommu_ops {
	enum vn_iommu_kind kind;
	const char *name; /* for people */

	/* Open what an address space is made of, but for what was given. What is open already is
	 * closed by the caller if this fails. Errors as vn_container_open. */
	int (*open)(struct vn_domain *domain);

	/* Undo what open and device did to descriptors that were given. */
	void (*leave)(struct vn_domain *domain);

	/* Get the descriptor of a device, and make the address space that of the device. Errors as
	 * vn_container_device. */
	int (*device)(struct vn_domain *domain, const struct vn_iommu_device *device, int *fd);

	/* These return what the kernel says, a negative errno, and set no text. Unmapping
	 * says how many bytes it did. */
	int (*limits)(const struct vn_domain *domain, struct vn_iommu_limits *limits);
	int (*map)(struct vn_domain *domain, const struct vn_memory *memory,
		   enum vn_access access, uint64_t iova);
	int (*unmap)(const struct vn_domain *domain, const struct vn_memory *memory,
		     uint64_t iova, uint64_t *done);

	/* Where the device sees the memory, if that is not ours to choose; NULL: an allocator
	 * chooses. With a text. Asked again later, the answer has to be the same. */
	int (*place)(const struct vn_domain *domain, const struct vn_memory *memory,
		     uint64_t *iova);

	/* What the device uses for memory that is mapped at `place`, if that is another address; NULL:
	 * that one. With a text. */
	int (*seen)(const struct vn_domain *domain, const struct vn_memory *memory,
		    uint64_t place, uint64_t *iova);
};

/* What `fd` answers to VFIO_IOMMU_GET_INFO: a bitmap of page sizes; 0: nothing. */
uint64_t vn_type1_page_sizes(int fd);

extern const struct vn_iommu_ops vn_type1_ops, vn_iommufd_ops, vn_noiommu_ops,
	vn_noiommu_iommufd_ops;

#endif
