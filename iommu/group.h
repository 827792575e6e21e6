/* SPDX-License-Identifier: BSD-3-Clause */
/* A container of VFIO with a group in it: what type1 and no-IOMMU mode have in common. */
#ifndef VN_IOMMU_GROUP_H
#define VN_IOMMU_GROUP_H

struct vn_domain;
struct vn_iommu_device;

/* What differs. */
struct vn_group_way {
	unsigned int iommu; /* of VFIO_SET_IOMMU */
	const char *name;
	const char *remedy; /* where the kernel does not offer it */
	const char *prefix; /* of the group's node: "", "noiommu-" */
};

/* The operations of the table (ops.h); opening does not learn what the IOMMU accepts. */
int vn_group_open(struct vn_domain *domain, const struct vn_group_way *way);
int vn_group_device(struct vn_domain *domain, const struct vn_iommu_device *device, int *fd);
void vn_group_leave(struct vn_domain *domain);

#endif
