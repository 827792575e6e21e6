/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which I/O virtual addresses are taken, of the ranges that the IOMMU accepts. No system call.
 *
 * Never given out: 0, the last page of the address space or of a range that ends there, and the
 * guard page between two regions. A device that runs past the end of one region faults instead of
 * reaching the next.
 */
#ifndef VN_IOMMU_IOVA_H
#define VN_IOMMU_IOVA_H

#include <stddef.h>
#include <stdint.h>

/* Inclusive, so that a range may end at 2^64 - 1. */
struct vn_iova_range {
	uint64_t first;
	uint64_t last;
};

#define VN_IOVA_RANGES_MAX 64

/* What an IOMMU accepts, and how much of it is in use. */
struct vn_iommu_limits {
	uint64_t page_sizes;	/* bitmap: bit n means pages of 2^n bytes */
	uint64_t page_size;	/* the smallest of them */
	uint32_t mappings;	/* now */
	uint32_t mappings_left; /* UINT32_MAX: unknown */
	uint64_t mapped_bytes;
	uint64_t contiguous; /* not 0: there is no IOMMU, addresses are physical ones, memory is
			      * huge pages of this many bytes, and what is longer may not be had */
	unsigned int range_count;
	struct vn_iova_range range[VN_IOVA_RANGES_MAX];
};

struct vn_iova_space;

/*
 * Make an allocator over `count` ranges in any order, overlapping or not.
 *
 * `page_size`: the IOMMU's smallest page, a power of two; every address and size
 * is a multiple of it, and it is the width of a guard gap.
 *
 * Returns 0; -EINVAL (no usable range, bad page size), -ENOMEM.
 */
int vn_iova_space_create(const struct vn_iova_range *ranges, size_t count,
			 uint64_t page_size, struct vn_iova_space **space);

/* Release the allocator. NULL is allowed. */
void vn_iova_space_destroy(struct vn_iova_space *space);

/*
 * Take `size` bytes (rounded up to pages) at a multiple of `alignment` (a power
 * of two, at least the page size is used), lowest address that fits.
 *
 * Returns 0; -EINVAL (size 0, bad alignment), -ENOSPC (no gap is large enough),
 * -ENOMEM.
 */
int vn_iova_alloc(struct vn_iova_space *space, uint64_t size,
		  uint64_t alignment, uint64_t *iova);

/*
 * Take `size` bytes (rounded up to pages) at `iova` itself.
 *
 * Returns 0; -EINVAL (size 0, `iova` is no multiple of pages), -ENOSPC (outside the ranges, or too close to what
 * is taken), -ENOMEM.
 */
int vn_iova_take(struct vn_iova_space *space, uint64_t iova, uint64_t size);

/*
 * Give back exactly what vn_iova_alloc or vn_iova_take gave. Returns 0; -ENOENT if no region
 * starts at `iova`.
 */
int vn_iova_free(struct vn_iova_space *space, uint64_t iova);

#endif
