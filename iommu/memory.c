/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: making and releasing memory behind a memfd.
 * Never: leaves a page to be found missing later: what cannot be had fails
 * here, not as a SIGBUS on the datapath.
 * Read next: iommu/iova.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/error.h"
#include "iommu/memory.h"

#define HUGEPAGE ((size_t)2 << 20)

/* Linux 6.3; before, it is refused as unknown. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static const struct vn_memory none = { .fd = -1 };

/* A machine may insist on (vm.memfd_noexec=2) what older kernels refuse. */
static int memfd(unsigned int flags)
{
	int fd = memfd_create("vionet", flags | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("vionet", flags);
	return fd;
}

/*
 * Give the file its size and its pages. Allocating them now turns a shortage
 * (huge pages, a control group's limit) into an error that can be returned.
 */
static int fill(int fd, size_t size)
{
	int result;

	if (ftruncate(fd, (off_t)size) != 0)
		return -errno;
	do {
		result = fallocate(fd, 0, 0, (off_t)size);
	} while (result != 0 && errno == EINTR);
	if (result != 0)
		return -errno;
	/*
	 * The descriptor may be sent to another process: it must not be able to
	 * pull the memory from under us. Kernels before 4.16 cannot seal huge
	 * pages; nothing is lost there but this second wall.
	 */
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
	return 0;
}

static int map(int fd, size_t size, void **address)
{
	void *place = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_POPULATE, fd, 0);
	int error;

	if (place == MAP_FAILED)
		return -errno;
	/* A child that inherits it could write where the device reads. */
	if (madvise(place, size, MADV_DONTFORK) != 0) {
		error = errno;
		munmap(place, size);
		return -error;
	}
	*address = place;
	return 0;
}

/* `size` is already a multiple of `page_size`. Sets no error text. */
static int make(size_t size, size_t page_size, unsigned int flags,
		struct vn_memory *memory)
{
	struct vn_memory made = { .size = size, .page_size = page_size };
	int result;

	made.fd = memfd(MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	if (made.fd < 0)
		return -errno;
	result = fill(made.fd, size);
	if (result == 0)
		result = map(made.fd, size, &made.address);
	if (result != 0) {
		close(made.fd);
		return result;
	}
	*memory = made;
	return 0;
}

static size_t round_up(size_t size, size_t page_size)
{
	return (size + page_size - 1) & ~(page_size - 1);
}

/* All of a huge page is pinned, and counted, however little of it is used. */
static bool worth_hugepages(size_t size)
{
	return size >= HUGEPAGE && round_up(size, HUGEPAGE) - size <= size / 8;
}

uint64_t vn_memory_size(uint64_t size, bool hugepages)
{
	if (size > INT64_MAX - HUGEPAGE)
		return size;
	return round_up(size, hugepages && worth_hugepages(size) ?
				      HUGEPAGE : (size_t)sysconf(_SC_PAGESIZE));
}

int vn_memory_alloc(size_t size, bool hugepages, struct vn_memory *memory)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int result;

	*memory = none;
	/* Rounding up must not pass the largest file offset. */
	if (size == 0 || size > (size_t)INT64_MAX - HUGEPAGE)
		return vn_error(EINVAL, "device memory: %zu bytes cannot be "
				"allocated", size);
	if (hugepages && worth_hugepages(size) &&
	    make(round_up(size, HUGEPAGE), HUGEPAGE,
		 MFD_HUGETLB | MFD_HUGE_2MB, memory) == 0)
		return 0;
	result = make(round_up(size, page), page, 0, memory);
	if (result == 0)
		return 0;
	vn_error_errno(-result, "device memory: %zu bytes cannot be allocated",
		       size);
	return -ENOMEM;
}

void vn_memory_free(struct vn_memory *memory)
{
	/* Without a descriptor it is the application's own: not ours to unmap. */
	if (memory->address != NULL && memory->fd >= 0) {
		munmap(memory->address, memory->size);
		close(memory->fd);
	}
	*memory = none;
}
