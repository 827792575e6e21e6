/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for a device, always behind a file descriptor, so that one region can be mapped by VFIO
 * or sent over a socket. Where the device sees it is container.h's. */
#ifndef VN_IOMMU_MEMORY_H
#define VN_IOMMU_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the device may do with a region; named from the device's side. */
enum vn_access {
	VN_DEVICE_READS = 1,  /* read-only for the device */
	VN_DEVICE_WRITES = 2, /* read-write: write-only does not exist on
			       * every IOMMU */
};

/* One region. Zero-filled means none (but fd must be -1 then). */
struct vn_memory {
	void *address;
	size_t size;	  /* multiple of page_size */
	size_t page_size; /* of the pages behind it: 4096, 2 MiB, ... */
	int fd;		  /* memfd, close-on-exec; -1: only the address is known */
	uint64_t offset;  /* of `address` in the file */
	bool keep_writable; /* others write to the file: a transport that passes it on must
			     * not seal it against that */
	bool control;	    /* only the control queue needs it: kept apart from packets where
			     * the device has several address spaces */
};

/*
 * Look at a file of memory (memfd, tmpfs, hugetlbfs): its length, and the size of its
 * pages. Returns 0; -EINVAL: it is none; -EBADF.
 */
int vn_memory_file(int fd, uint64_t *length, size_t *page_size);

/* No process may shorten it any more, which would be a SIGBUS for us. Asked before it is
 * passed to another process. Returns 0; -EPERM: it cannot be sealed; -EINVAL: it was
 * shortened before. */
int vn_memory_seal(const struct vn_memory *memory);

/*
 * Is `size` bytes at `address` a shared mapping of file `fd` from `offset` on? *writable:
 * we may write there. Returns 0, also where that cannot be seen (no /proc); -EINVAL.
 */
int vn_memory_check_mapping(const void *address, size_t size, int fd,
			    uint64_t offset, bool *writable);

/*
 * Allocate at least `size` bytes, zeroed, MAP_SHARED, not inherited by fork().
 *
 * `hugepages`: take 2 MiB pages if `size` fills at least one, no more than an
 * eighth of them is left over, and the system has free ones; otherwise ordinary
 * pages.
 *
 * Returns 0; -EINVAL (size 0 or too large), -ENOMEM. On failure `*memory` is
 * left empty. Any thread.
 */
int vn_memory_alloc(size_t size, bool hugepages, struct vn_memory *memory);

#define VN_HUGEPAGE ((size_t)2 << 20)

/* The same of pages of VN_HUGEPAGE bytes and no others. -ENOMEM: the text says how many are
 * wanted. */
int vn_memory_alloc_huge(size_t size, struct vn_memory *memory);

/* Bytes that vn_memory_alloc takes for `size`, at most: whole pages. 0 for 0. */
uint64_t vn_memory_size(uint64_t size, bool hugepages);

/* Unmap and close; `*memory` is empty afterwards. An empty one is allowed. */
void vn_memory_free(struct vn_memory *memory);

#endif
