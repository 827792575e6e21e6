/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An IOMMU behind a container of VFIO (group.c): what it accepts, and mapping.
 *
 * Source: Documentation/driver-api/vfio.rst and linux/vfio.h.
 */
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "iommu/call.h"
#include "iommu/domain.h"
#include "iommu/group.h"
#include "iommu/ops.h"

/*
 * What it can do
 */

/*
 * Kernels before 5.4 do not say which addresses they accept. Every IOMMU reaches
 * 4 GiB; what is left out there are the MSI windows of arm64 and of x86, where a
 * mapping would swallow interrupts.
 */
static void type1_assume_ranges(struct vn_iommu_limits *limits)
{
	limits->range_count = 2;
	limits->range[0] = (struct vn_iova_range){ 0, 0x07ffffff };
	limits->range[1] = (struct vn_iova_range){ 0x08100000, 0xfedfffff };
}

static void type1_read_ranges(const struct vfio_iommu_type1_info *info, size_t size,
			      size_t first, struct vn_iommu_limits *limits)
{
	struct vfio_iommu_type1_info_cap_iova_range head;
	struct vfio_iova_range range;
	size_t at = vn_vfio_capability(info, size, first,
				       VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
				       sizeof(head));
	const char *next = (const char *)info + at + sizeof(head);

	if (at == 0) {
		type1_assume_ranges(limits);
		return;
	}
	memcpy(&head, (const char *)info + at, sizeof(head));
	size -= at + sizeof(head);
	/* Ranges past our maximum are addresses that we do without. */
	for (uint32_t i = 0; i < head.nr_iovas && i < VN_IOVA_RANGES_MAX &&
			     size >= sizeof(range); i++) {
		memcpy(&range, next, sizeof(range));
		limits->range[limits->range_count++] =
			(struct vn_iova_range){ range.start, range.end };
		next += sizeof(range);
		size -= sizeof(range);
	}
}

/* How many more mappings the kernel allows; UINT32_MAX if it does not say. */
static uint32_t type1_read_left(const struct vfio_iommu_type1_info *info, size_t size,
				size_t first)
{
	struct vfio_iommu_type1_info_dma_avail left;
	size_t at = vn_vfio_capability(info, size, first,
				       VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
				       sizeof(left));

	if (at == 0)
		return UINT32_MAX;
	memcpy(&left, (const char *)info + at, sizeof(left));
	/* iommufd, which has no limit, says 2^32 - 1. */
	return left.avail < INT32_MAX ? left.avail : UINT32_MAX;
}

static int type1_limits(const struct vn_domain *domain, struct vn_iommu_limits *limits)
{
	const struct vfio_iommu_type1_info question = { 0 };
	struct vfio_iommu_type1_info *info;
	void *answer;
	size_t size, first;
	int result = vn_vfio_info(domain->fd, VFIO_IOMMU_GET_INFO, &question,
				  sizeof(question), &answer, &size);

	if (result != 0)
		return result;
	info = answer;
	first = (info->flags & VFIO_IOMMU_INFO_CAPS) ? info->cap_offset : 0;
	memset(limits, 0, sizeof(*limits));
	if (info->flags & VFIO_IOMMU_INFO_PGSIZES)
		limits->page_sizes = info->iova_pgsizes;
	else
		limits->page_sizes = (uint64_t)sysconf(_SC_PAGESIZE);
	limits->page_size = limits->page_sizes & -limits->page_sizes;
	type1_read_ranges(info, size, first, limits);
	limits->mappings_left = type1_read_left(info, size, first);
	free(answer);
	return 0;
}

uint64_t vn_type1_page_sizes(int fd)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	if (vn_vfio_call(fd, VFIO_IOMMU_GET_INFO, &info) < 0 ||
	    (info.flags & VFIO_IOMMU_INFO_PGSIZES) == 0)
		return 0;
	return info.iova_pgsizes;
}

/*
 * Opening
 */

static int type1_open(struct vn_domain *domain)
{
	static const struct vn_group_way way = {
		.iommu = VFIO_TYPE1v2_IOMMU,
		.name = "type1v2 IOMMU",
		.remedy = "load it: modprobe vfio_iommu_type1",
		.prefix = "",
	};
	int result = vn_group_open(domain, &way);

	/* The ranges shrink when a group joins: read them afterwards. */
	if (result == 0)
		result = vn_domain_learn(domain);
	if (result == 0)
		domain->accounting = vn_locked_accounting(domain->fd);
	return result;
}

/*
 * Mapping
 */

static int type1_map(struct vn_domain *domain, const struct vn_memory *memory,
		     enum vn_access access, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = (uintptr_t)memory->address,
		.iova = iova,
		.size = memory->size,
	};

	if ((access & VN_DEVICE_WRITES) != 0)
		map.flags |= VFIO_DMA_MAP_FLAG_WRITE;
	return vn_vfio_call(domain->fd, VFIO_IOMMU_MAP_DMA, &map);
}

/* The flags are 0 on purpose: they are others than those of mapping. */
static int type1_unmap(const struct vn_domain *domain, const struct vn_memory *memory,
		       uint64_t iova, uint64_t *done)
{
	struct vfio_iommu_type1_dma_unmap request = {
		.argsz = sizeof(request), .iova = iova, .size = memory->size
	};
	int result = vn_vfio_call(domain->fd, VFIO_IOMMU_UNMAP_DMA, &request);

	*done = request.size;
	return result;
}

const struct vn_iommu_ops vn_type1_ops = {
	.kind = VN_IOMMU_TYPE1,
	.name = "type1v2",
	.open = type1_open,
	.leave = vn_group_leave,
	.device = vn_group_device,
	.limits = type1_limits,
	.map = type1_map,
	.unmap = type1_unmap,
};
