/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * No IOMMU: a device gets physical addresses and reaches all memory. VFIO gives a group that has one
 * function, interrupts and registers, and maps nothing; what pins memory and knows where it lies is
 * iommufd's, since Linux 7.3 (iommufd.c). Memory is huge pages: they are not
 * swapped, and the kernel does not compact them; where one lies is in /proc/self/pagemap.
 *
 * Source: Documentation/admin-guide/mm/pagemap.rst, drivers/vfio/Kconfig.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/vfio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "iommu/domain.h"
#include "iommu/group.h"
#include "iommu/noiommu.h"
#include "iommu/ops.h"

/* An entry of pagemap: a page that is there, and its number. */
#define PAGE_PRESENT (1ull << 63)
#define PAGE_NUMBER ((1ull << 55) - 1)

const char *vn_noiommu_pagemap = "/proc/self/pagemap";

static int noiommu_limits(const struct vn_domain *domain, struct vn_iommu_limits *limits)
{
	(void)domain;
	memset(limits, 0, sizeof(*limits));
	limits->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	limits->page_sizes = VN_HUGEPAGE;
	limits->mappings_left = UINT32_MAX;
	limits->contiguous = VN_HUGEPAGE;
	return 0;
}

static int noiommu_open(struct vn_domain *domain)
{
	static const struct vn_group_way way = {
		.iommu = VFIO_NOIOMMU_IOMMU,
		.name = "no-IOMMU mode",
		.remedy = "use a kernel with CONFIG_VFIO_NOIOMMU",
		.prefix = "noiommu-",
	};
	int result = vn_group_open(domain, &way);

	domain->accounting = VN_ACCOUNT_NONE;
	return result == 0 ? noiommu_limits(domain, &domain->limits) : result;
}

/* The physical address of a page that is there. */
static int noiommu_read(int fd, uintptr_t address, uint64_t *physical)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), entry = 0;
	ssize_t done = pread(fd, &entry, sizeof(entry),
			     (off_t)(address / page * sizeof(entry)));

	if (done != (ssize_t)sizeof(entry))
		return vn_error(EIO, "%s: read: %s", vn_noiommu_pagemap,
				done < 0 ? vn_errno_text(errno) : "cut short");
	if ((entry & PAGE_PRESENT) == 0)
		return vn_error(EFAULT, "the memory at %#" PRIxPTR " is in no page", address);
	if ((entry & PAGE_NUMBER) == 0)
		return vn_error(EACCES, "%s shows no physical addresses to this process: no-IOMMU "
					"mode is for root (CAP_SYS_ADMIN)",
				vn_noiommu_pagemap);
	*physical = (entry & PAGE_NUMBER) * page;
	return 0;
}

int vn_noiommu_apart(const struct vn_memory *memory, uint64_t first, uint64_t next)
{
	return vn_error(ENOMEM,
			"%zu bytes of device memory do not lie one behind the "
			"other in physical memory (%#" PRIx64 ", then %#" PRIx64
			"), as they must without an IOMMU; use fewer or smaller "
			"buffers: up to %zu KiB are always together",
			memory->size, first, next, memory->page_size / 1024);
}

/* Huge page after huge page. */
static int noiommu_read_all(int fd, const struct vn_memory *memory, uint64_t *first)
{
	uintptr_t start = (uintptr_t)memory->address;
	int result = noiommu_read(fd, start, first);

	for (size_t at = memory->page_size; at < memory->size && result == 0;
	     at += memory->page_size) {
		uint64_t physical = 0;

		result = noiommu_read(fd, start + at, &physical);
		if (result == 0 && physical != *first + at)
			return vn_noiommu_apart(memory, *first, physical);
	}
	return result;
}

static int noiommu_place(const struct vn_domain *domain, const struct vn_memory *memory,
			 uint64_t *iova)
{
	int fd, result;

	if (memory->fd < 0 || memory->page_size < VN_HUGEPAGE ||
	    ((uintptr_t)memory->address & (memory->page_size - 1)) != 0)
		return vn_error(EINVAL, "%s: the memory at %p is not made of huge pages, and without an "
					"IOMMU no other stays where it is; make it with memfd_create and "
					"MFD_HUGETLB, and register it with its file",
				domain->label, memory->address);
	fd = open(vn_noiommu_pagemap, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return vn_error(errno == EPERM ? EACCES : EIO, "%s: %s: open: %s", domain->label,
				vn_noiommu_pagemap, vn_errno_text(errno));
	result = noiommu_read_all(fd, memory, iova);
	close(fd);
	return result;
}

/* There is nothing that could be told. */
static int noiommu_map(struct vn_domain *domain, const struct vn_memory *memory,
		       enum vn_access access, uint64_t iova)
{
	(void)domain, (void)memory, (void)access, (void)iova;
	return 0;
}

static int noiommu_unmap(const struct vn_domain *domain, const struct vn_memory *memory,
			 uint64_t iova, uint64_t *done)
{
	(void)domain, (void)iova;
	*done = memory->size;
	return 0;
}

const struct vn_iommu_ops vn_noiommu_ops = {
	.kind = VN_IOMMU_NONE,
	.name = "no-IOMMU mode",
	.open = noiommu_open,
	.leave = vn_group_leave,
	.device = vn_group_device,
	.limits = noiommu_limits,
	.map = noiommu_map,
	.unmap = noiommu_unmap,
	.place = noiommu_place,
};
