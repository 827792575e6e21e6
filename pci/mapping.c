/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Mapping parts of BARs in whole pages, and finding them again. Never maps what lies in
 * no area that may be mapped.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "pci/mapping.h"

struct vn_mapping {
	unsigned int region;
	uint64_t offset;
	uint64_t size;
	char *address;
};

static bool mapping_can_be_mapped(const struct vn_region *region, uint64_t offset,
				  uint64_t size)
{
	for (unsigned int i = 0; i < region->sparse_count; i++) {
		const struct vn_sparse *area = &region->sparse[i];

		if (vn_region_within(offset, size, area->offset,
				     area->offset + area->size))
			return true;
	}
	return false;
}

/* A mapping that exists and covers these whole pages, or NULL. */
static struct vn_mapping *mapping_find(const struct vn_mappings *mappings,
				       const struct vn_mapping *wanted)
{
	for (size_t i = 0; i < mappings->count; i++) {
		struct vn_mapping *mapping = &mappings->mapping[i];

		if (mapping->region == wanted->region &&
		    vn_region_within(wanted->offset, wanted->size, mapping->offset,
				     mapping->offset + mapping->size))
			return mapping;
	}
	return NULL;
}

static int mapping_map_pages(struct vn_mappings *mappings,
			     const struct vn_function *function, int fd, uint64_t start,
			     struct vn_mapping *wanted)
{
	const struct vn_region *region = &function->region[wanted->region];
	int protection = (region->readable ? PROT_READ : 0) |
			 (region->writable ? PROT_WRITE : 0);
	struct vn_mapping *grown;
	void *address;

	grown = reallocarray(mappings->mapping, mappings->count + 1,
			     sizeof(*grown));
	if (grown == NULL)
		return vn_error(ENOMEM, "%s: out of memory", function->name);
	mappings->mapping = grown;
	address = mmap(NULL, wanted->size, protection, MAP_SHARED, fd,
		       (off_t)(start + wanted->offset));
	if (address == MAP_FAILED)
		return vn_error_errno(errno, "%s: %s: map %" PRIu64 " bytes at %#"
				      PRIx64, function->name,
				      vn_region_name(wanted->region),
				      wanted->size, wanted->offset);
	/* A forked child has no business with the registers. */
	(void)madvise(address, wanted->size, MADV_DONTFORK);
	wanted->address = address;
	grown[mappings->count++] = *wanted;
	return 0;
}

int vn_mapping_make(struct vn_mappings *mappings, const struct vn_function *function,
		    unsigned int region, int fd, uint64_t start, uint64_t offset,
		    uint64_t size, volatile void **address)
{
	uint64_t mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	struct vn_mapping wanted = { .region = region, .offset = offset & ~mask };
	struct vn_mapping *mapping;
	int result = 0;

	*address = NULL;
	if (region > VN_REGION_BAR5 || size == 0 ||
	    !mapping_can_be_mapped(&function->region[region], offset, size))
		return vn_error(ENOTSUP, "%s: %s: %" PRIu64 " bytes at %#" PRIx64
				" cannot be mapped", function->name,
				vn_region_name(region), size, offset);
	wanted.size = ((offset + size + mask) & ~mask) - wanted.offset;
	mapping = mapping_find(mappings, &wanted);
	if (mapping == NULL) {
		result = mapping_map_pages(mappings, function, fd, start, &wanted);
		mapping = &wanted;
	}
	if (result == 0)
		*address = mapping->address + (offset - mapping->offset);
	return result;
}

void vn_mapping_release(struct vn_mappings *mappings)
{
	for (size_t i = 0; i < mappings->count; i++)
		munmap(mappings->mapping[i].address, mappings->mapping[i].size);
	free(mappings->mapping);
	*mappings = (struct vn_mappings){ .count = 0 };
}
