/* SPDX-License-Identifier: BSD-3-Clause */
/* vn_memory_alloc without a file for each region: pieces of one file that is mapped twice, so that a device writes to what
 * the sanitizer keeps the driver away from. The linker gives the driver these (--wrap). */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "driver/net/packet.h"
#include "iommu/memory.h"
#include "tests/fuzz/refuse.h"
#include "tests/fuzz/world.h"

#define GAP 64u /* between regions; where the sanitizer looks no one may touch it */

/* Rings are zero when they are new; of what is larger, a pool, only the beginning. */
#define ZERO_MAX ((size_t)4096)

/* What is longer is shared by rings and pools where regions are few, and has to be zero behind those, too. */
#define SHARED_MIN ((size_t)1 << 20)

static struct {
	uint8_t *ours, *device;
	int fd;
	size_t used;
	unsigned int regions;
	size_t page; /* 0: none */
} arena;

void fuzz_arena_pages(size_t page)
{
	arena.page = page;
}

static void arena_poison(size_t at, size_t size, bool away)
{
#ifdef VN_POISON
	if (away)
		ASAN_POISON_MEMORY_REGION(arena.ours + at, size);
	else
		ASAN_UNPOISON_MEMORY_REGION(arena.ours + at, size);
#else
	(void)at;
	(void)size;
	(void)away;
#endif
}

static uint8_t *arena_map(int fd)
{
	uint8_t *room = mmap(NULL, FUZZ_ARENA + FUZZ_HUGEPAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *place = (uint8_t *)(((uintptr_t)room + FUZZ_HUGEPAGE - 1) & ~(uintptr_t)(FUZZ_HUGEPAGE - 1));

	FUZZ_CHECK(room != MAP_FAILED && mmap(place, FUZZ_ARENA, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == place);
	return place;
}

static void arena_open(void)
{
	arena.fd = memfd_create("fuzz", MFD_CLOEXEC);
	FUZZ_CHECK(arena.fd >= 0 && ftruncate(arena.fd, (off_t)FUZZ_ARENA) == 0);
	arena.ours = arena_map(arena.fd);
	arena.device = arena_map(arena.fd);
	arena_poison(0, FUZZ_ARENA, true);
}

uint8_t *fuzz_arena_as_device(size_t offset)
{
	return arena.device + offset;
}

size_t fuzz_arena_offset(const void *address)
{
	return (size_t)((const uint8_t *)address - arena.ours);
}

unsigned int fuzz_arena_regions(void)
{
	return arena.regions;
}

int __wrap_vn_memory_alloc(size_t size, bool hugepages, struct vn_memory *memory);
int __wrap_vn_memory_alloc_huge(size_t size, struct vn_memory *memory);
void __wrap_vn_memory_free(struct vn_memory *memory);
uint64_t __wrap_vn_memory_size(uint64_t size, bool hugepages);
int __wrap_vn_memory_seal(const struct vn_memory *memory);

/* Holes are punched into the file, so it is not sealed. */
int __wrap_vn_memory_seal(const struct vn_memory *memory)
{
	(void)memory;
	return 0;
}

int __wrap_vn_memory_alloc(size_t size, bool hugepages, struct vn_memory *memory)
{
	size_t at = arena.page ? (arena.used + arena.page - 1) & ~(arena.page - 1) : arena.used, room;

	(void)hugepages;
	if (arena.page)
		size = (size + arena.page - 1) & ~(arena.page - 1);
	room = (size + GAP - 1) & ~(size_t)(GAP - 1);
	if (!arena.ours) {
		fuzz_aside_begin();
		arena_open();
		fuzz_aside_end();
	}
	*memory = (struct vn_memory){ .fd = -1 };
	if (fuzz_refused(FUZZ_MEMORY) || size == 0 || room > FUZZ_ARENA - GAP || at > FUZZ_ARENA - GAP - room)
		return -ENOMEM;
	arena_poison(at, size, false);
	fuzz_aside_begin();
	if (arena.page && size > SHARED_MIN)
		FUZZ_CHECK(madvise(arena.ours + at, size, MADV_REMOVE) == 0);
	else
		memset(arena.ours + at, 0, size < ZERO_MAX ? size : ZERO_MAX);
	fuzz_aside_end();
	*memory = (struct vn_memory){
		.address = arena.ours + at,
		.size = size,
		.page_size = arena.page ? arena.page : FUZZ_PAGE,
		.fd = arena.fd,
		.offset = at,
	};
	arena.used = at + room + GAP;
	arena.regions++;
	return 0;
}

int __wrap_vn_memory_alloc_huge(size_t size, struct vn_memory *memory)
{
	return __wrap_vn_memory_alloc(size, true, memory);
}

void __wrap_vn_memory_free(struct vn_memory *memory)
{
	if (memory->address && memory->fd == arena.fd) {
		arena_poison(memory->offset, memory->size, true);
		FUZZ_CHECK(arena.regions != 0);
		if (--arena.regions == 0)
			arena.used = 0;
	}
	*memory = (struct vn_memory){ .fd = -1 };
}

uint64_t __wrap_vn_memory_size(uint64_t size, bool hugepages)
{
	(void)hugepages;
	return size;
}
