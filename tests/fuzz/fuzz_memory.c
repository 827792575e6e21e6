/* SPDX-License-Identifier: BSD-3-Clause */
/* What lies under a device's memory: I/O virtual addresses, which a model of this file has too, and files of memory that are
 * made, looked at, sealed and released while calls fail; and why a node of VFIO cannot be opened. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vionet/error.h>

#include "iommu/iova.h"
#include "iommu/memory.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/refuse.h"
#include "tests/fuzz/world.h"

#define REGIONS_MAX 64
#define STEPS_MAX 200
#define RANGES_MAX 6
#define SIZE_USUAL 65536u
#define SIZE_HUGE (8u << 20)
#define LIMIT 60000000000ull

const char *const fuzz_words[] = { "\x03\x0c", "\xff\xff\xff\xff", "\x01\x10\x00", "\x40\x08", NULL };

int __real_vn_memory_alloc(size_t size, bool hugepages, struct vn_memory *memory);
int __real_vn_memory_alloc_huge(size_t size, struct vn_memory *memory);
void __real_vn_memory_free(struct vn_memory *memory);
uint64_t __real_vn_memory_size(uint64_t size, bool hugepages);
int __real_vn_memory_seal(const struct vn_memory *memory);

int __wrap_ioctl(int fd, unsigned long request, ...);

/* There is none. */
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	(void)fd, (void)request;
	errno = ENOTTY;
	return -1;
}

/* ---- addresses ---- */

static struct {
	uint64_t page;
	struct vn_iova_range range[RANGES_MAX], region[REGIONS_MAX];
	size_t ranges, regions;
} model;

/* Near the ends of the space, and of what 16 bits say. */
static uint64_t iova_some(void)
{
	uint64_t value = fuzz_take16();
	unsigned int how = fuzz_take8();

	value <<= how & 31;
	if (how & 0x20)
		value = UINT64_MAX - value;
	return how & 0x40 ? value : value & ~(model.page - 1);
}

static bool iova_model_free(uint64_t first, uint64_t last)
{
	for (size_t i = 0; i < model.regions; i++) {
		const struct vn_iova_range *region = &model.region[i];

		/* A guard page on either side. */
		if ((last >= region->first || region->first - last <= model.page) && (first <= region->last || first - region->last <= model.page))
			return false;
	}
	return true;
}

/* All of it is in ranges, which may touch; neither 0 nor the last page. */
static bool iova_model_inside(uint64_t first, uint64_t last)
{
	bool moved = true;

	if (first < model.page || last > UINT64_MAX - model.page || last < first)
		return false;
	for (; moved && first <= last;) {
		moved = false;
		for (size_t i = 0; i < model.ranges; i++)
			if (model.range[i].first <= first && model.range[i].last >= first) {
				if (model.range[i].last >= last)
					return true;
				first = model.range[i].last + 1;
				moved = true;
			}
	}
	return false;
}

static uint64_t iova_pages(uint64_t size)
{
	return (size + model.page - 1) & ~(model.page - 1);
}

static void iova_model_add(uint64_t iova, uint64_t size)
{
	uint64_t last = iova + (iova_pages(size) - 1);

	FUZZ_CHECK(size != 0 && iova % model.page == 0);
	FUZZ_CHECK(iova_model_inside(iova, last) && iova_model_free(iova, last));
	model.region[model.regions++] = (struct vn_iova_range){ iova, last };
}

static void iova_step(struct vn_iova_space *space)
{
	unsigned int what = fuzz_take8(), which;
	uint64_t iova, size;
	int result;

	if (what < 0x60 && model.regions < REGIONS_MAX) {
		size = iova_some();
		if (vn_iova_alloc(space, size, what & 1 ? iova_some() : model.page, &iova) == 0)
			iova_model_add(iova, size);
	} else if (what < 0xa0 && model.regions < REGIONS_MAX) {
		iova = iova_some();
		size = iova_some();
		result = vn_iova_take(space, iova, size);
		if (result == 0)
			iova_model_add(iova, size);
		else if (result == -ENOSPC)
			FUZZ_CHECK(!iova_model_inside(iova, iova + (iova_pages(size) - 1)) || !iova_model_free(iova, iova + (iova_pages(size) - 1)));
	} else if (what < 0xf0 && model.regions != 0) {
		which = fuzz_take8() % model.regions;
		FUZZ_CHECK(vn_iova_free(space, model.region[which].first) == 0);
		model.region[which] = model.region[--model.regions];
	} else {
		iova = iova_some();
		for (size_t i = 0; i < model.regions; i++)
			if (model.region[i].first == iova)
				return;
		FUZZ_CHECK(vn_iova_free(space, iova) == -ENOENT);
	}
}

static void iova_session(void)
{
	struct vn_iova_space *space;
	unsigned int how = fuzz_take8();

	model.page = 1ull << (how & 0x80 ? fuzz_take8() & 63 : 12);
	model.ranges = (how & 7) % (RANGES_MAX + 1);
	model.regions = 0;
	for (size_t i = 0; i < model.ranges; i++) {
		model.range[i].first = iova_some();
		model.range[i].last = how & 0x40 ? iova_some() : model.range[i].first + fuzz_take32();
	}
	if (how & 0x20)
		fuzz_refuse_some();
	if (vn_iova_space_create(model.range, model.ranges, how & 0x10 ? 3 : model.page, &space)) {
		FUZZ_CHECK(!space && vionet_error_text()[0] != '\0');
		return;
	}
	for (unsigned int i = 0; i < STEPS_MAX && fuzz_more(); i++)
		iova_step(space);
	vn_iova_space_destroy(space);
}

/* ---- memory ---- */

static void memory_check(const struct vn_memory *memory, size_t size)
{
	const uint8_t *bytes = memory->address;

	FUZZ_CHECK(memory->size >= size && memory->size % memory->page_size == 0 && memory->fd >= 0);
	FUZZ_CHECK(memory->size <= __real_vn_memory_size(size, true) || memory->page_size == VN_HUGEPAGE);
	FUZZ_CHECK(bytes[0] == 0 && bytes[memory->size - 1] == 0);
}

/* Is it the mapping that it is said to be? */
static void memory_look(const struct vn_memory *memory)
{
	uint64_t offset = fuzz_take8() & 1 ? 4096 : 0, length = 0;
	size_t page = 0, size = fuzz_take8() & 1 ? memory->size : fuzz_take16();
	int fd = fuzz_take8() & 3 ? memory->fd : STDIN_FILENO;
	bool writable;

	(void)vn_memory_check_mapping((uint8_t *)memory->address + (fuzz_take8() & 1 ? 4096 : 0), size, fd, offset, &writable);
	if (vn_memory_file(fd, &length, &page) == 0)
		FUZZ_CHECK(fd != memory->fd || (length == memory->size && page != 0));
	(void)__real_vn_memory_seal(memory);
}

static void memory_session(void)
{
	struct vn_memory memory = { .fd = -1 };
	unsigned int how = fuzz_take8();
	/* Never so much that the kernel would begin to look for it. */
	size_t size = how & 0x40 ? fuzz_take64() | 1ull << 63 : fuzz_take32() % (how & 0x20 ? SIZE_HUGE : SIZE_USUAL);
	int result;

	if (how & 2)
		fuzz_refuse_some();
	result = how & 0x10 ? __real_vn_memory_alloc_huge(size, &memory) : __real_vn_memory_alloc(size, (how & 1) != 0, &memory);
	if (result) {
		FUZZ_CHECK(memory.fd == -1 && !memory.address && vionet_error_text()[0] != '\0');
		FUZZ_CHECK(fuzz_descriptors() == 0);
		return;
	}
	memory_check(&memory, size);
	if (how & 4)
		fuzz_refuse_some();
	if (how & 8)
		memory_look(&memory);
	fuzz_refuse_none();
	__real_vn_memory_free(&memory);
	FUZZ_CHECK(memory.fd == -1 && !memory.address);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	fuzz_world_begin(bytes, size);
	fuzz_refuse_none();
	fuzz_call_begin(LIMIT);
	if (fuzz_take8() & 1)
		memory_session();
	else
		iova_session();
	fuzz_call_end();
	fuzz_refuse_none();
	FUZZ_CHECK(fuzz_descriptors() == 0);
	return 0;
}
