/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory that is not there fails here, not as a SIGBUS on the datapath. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "iommu/memory.h"

/* Linux 6.3; before, it is refused as unknown. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static const struct vn_memory none = { .fd = -1 };

/* A machine may insist on (vm.memfd_noexec=2) what older kernels refuse. */
static int mem_memfd(unsigned int flags)
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
static int mem_fill(int fd, size_t size)
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

static int mem_map(int fd, size_t size, void **address)
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
static int mem_make(size_t size, size_t page_size, unsigned int flags,
		    struct vn_memory *memory)
{
	struct vn_memory made = { .size = size, .page_size = page_size };
	int result;

	made.fd = mem_memfd(MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);
	if (made.fd < 0)
		return -errno;
	result = mem_fill(made.fd, size);
	if (result == 0)
		result = mem_map(made.fd, size, &made.address);
	if (result != 0) {
		close(made.fd);
		return result;
	}
	*memory = made;
	return 0;
}

static size_t mem_round_up(size_t size, size_t page_size)
{
	return (size + page_size - 1) & ~(page_size - 1);
}

/* All of a huge page is pinned, and counted, however little of it is used. */
static bool mem_worth_hugepages(size_t size)
{
	return size >= VN_HUGEPAGE && mem_round_up(size, VN_HUGEPAGE) - size <= size / 8;
}

uint64_t vn_memory_size(uint64_t size, bool hugepages)
{
	if (size > INT64_MAX - VN_HUGEPAGE)
		return size;
	return mem_round_up(size, hugepages && mem_worth_hugepages(size) ? VN_HUGEPAGE : (size_t)sysconf(_SC_PAGESIZE));
}

/* Whatever else is missing is memory. */
static bool mem_is_descriptors(int result)
{
	return result == -EMFILE || result == -ENFILE;
}

int vn_memory_alloc(size_t size, bool hugepages, struct vn_memory *memory)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int result;

	*memory = none;
	/* Rounding up must not pass the largest file offset. */
	if (size == 0 || size > (size_t)INT64_MAX - VN_HUGEPAGE)
		return vn_error(EINVAL, "device memory: %zu bytes cannot be "
				"allocated", size);
	if (hugepages && mem_worth_hugepages(size) &&
	    mem_make(mem_round_up(size, VN_HUGEPAGE), VN_HUGEPAGE,
		     MFD_HUGETLB | MFD_HUGE_2MB, memory) == 0)
		return 0;
	result = mem_make(mem_round_up(size, page), page, 0, memory);
	if (result == 0)
		return 0;
	vn_error_errno(-result, "device memory: %zu bytes cannot be allocated",
		       size);
	return mem_is_descriptors(result) ? result : -ENOMEM;
}

/* That sysctl is for huge pages of the kernel's own choice: with small pages of another size they
 * are not those of 2 MiB. */
static const char *mem_reserve_command(void)
{
	return sysconf(_SC_PAGESIZE) == 4096 ?
		       "sysctl vm.nr_hugepages=16" :
		       "echo 16 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
}

int vn_memory_alloc_huge(size_t size, struct vn_memory *memory)
{
	size_t whole;
	int result;

	*memory = none;
	if (size == 0 || size > (size_t)INT64_MAX - VN_HUGEPAGE)
		return vn_error(EINVAL, "device memory: %zu bytes cannot be allocated", size);
	whole = mem_round_up(size, VN_HUGEPAGE);
	result = mem_make(whole, VN_HUGEPAGE, MFD_HUGETLB | MFD_HUGE_2MB, memory);
	if (result == 0)
		return 0;
	if (mem_is_descriptors(result))
		return vn_error_errno(-result, "device memory: %zu bytes cannot be allocated", size);
	return vn_error(ENOMEM, "device memory: no %zu huge page%s of 2 MiB can be had, and without an "
				"IOMMU nothing else will do; free some, or reserve more: %s",
			whole / VN_HUGEPAGE, whole == VN_HUGEPAGE ? "" : "s", mem_reserve_command());
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

/* ---- files of the application ---- */

int vn_memory_file(int fd, uint64_t *length, size_t *page_size)
{
	struct statfs system;
	struct stat file;

	if (fstat(fd, &file) != 0 || fstatfs(fd, &system) != 0)
		return vn_error_errno(errno, "look at descriptor %d", fd);
	if (!S_ISREG(file.st_mode) || (system.f_type != TMPFS_MAGIC &&
				       system.f_type != HUGETLBFS_MAGIC))
		return vn_error(EINVAL, "descriptor %d is no memory; make it with "
				"memfd_create, or on tmpfs or hugetlbfs", fd);
	*length = (uint64_t)file.st_size;
	*page_size = (size_t)system.f_bsize;
	return 0;
}

/* Another process that has the file may have cut it before the seal held. */
static int mem_check_length(const struct vn_memory *memory)
{
	struct stat file;

	if (fstat(memory->fd, &file) != 0)
		return vn_error_errno(errno, "look at the memory's file");
	if ((uint64_t)file.st_size >= memory->offset &&
	    (uint64_t)file.st_size - memory->offset >= memory->size)
		return 0;
	return vn_error(EINVAL, "the memory's file was cut to %" PRIu64 " bytes "
			"meanwhile", (uint64_t)file.st_size);
}

int vn_memory_seal(const struct vn_memory *memory)
{
	int seals = F_SEAL_SHRINK;

	if (fcntl(memory->fd, F_ADD_SEALS, F_SEAL_SHRINK) != 0)
		seals = fcntl(memory->fd, F_GET_SEALS);
	/* -1: a file that takes none at all. */
	if (seals >= 0 && (seals & F_SEAL_SHRINK) != 0)
		return mem_check_length(memory);
	return vn_error(EPERM, "the memory's file cannot be sealed, so the other "
			"process could cut it; make it with memfd_create and "
			"MFD_ALLOW_SEALING");
}

/* A line of /proc/self/maps. */
struct maps_line {
	uint64_t first, end, offset, inode;
	unsigned int major, minor;
	char access[5];
};

static bool mem_read_maps_line(FILE *maps, struct maps_line *line)
{
	char text[512];

	while (fgets(text, sizeof(text), maps) != NULL) {
		/* What is left of a long line fits no mapping. */
		if (sscanf(text, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64
			   " %x:%x %" SCNu64, &line->first, &line->end,
			   line->access, &line->offset, &line->major,
			   &line->minor, &line->inode) == 7)
			return true;
	}
	return false;
}

int vn_memory_check_mapping(const void *address, size_t size, int fd,
			    uint64_t offset, bool *writable)
{
	uint64_t at = (uintptr_t)address, end = at + size;
	FILE *maps = fopen("/proc/self/maps", "re");
	struct maps_line line;
	struct stat file;
	bool unknown;

	*writable = true;
	if (maps == NULL || fstat(fd, &file) != 0) {
		if (maps != NULL)
			fclose(maps);
		return 0;
	}
	while (at < end && mem_read_maps_line(maps, &line)) {
		if (line.end <= at)
			continue;
		if (line.first > at || line.inode != file.st_ino ||
		    line.major != major(file.st_dev) ||
		    line.minor != minor(file.st_dev) ||
		    line.offset + (at - line.first) !=
			    offset + (at - (uintptr_t)address) ||
		    line.access[0] != 'r' || line.access[3] != 's')
			break;
		*writable = *writable && line.access[1] == 'w';
		at = line.end;
	}
	unknown = ferror(maps) != 0;
	fclose(maps);
	return at >= end || unknown ? 0 : vn_error(EINVAL, "%zu bytes at %p are no shared mapping of descriptor "
							   "%d from offset %#" PRIx64 " on",
						   size, address, fd, offset);
}
