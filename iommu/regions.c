/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/error.h"
#include "iommu/regions.h"

int vn_regions_open(struct vn_regions *r, struct vn_iova_range range, uint64_t page_size)
{
	r->range = range;
	r->page_size = page_size;
	return vn_iova_space_create(&range, 1, page_size, &r->space);
}

void vn_regions_close(struct vn_regions *r)
{
	vn_iova_space_destroy(r->space);
	free(r->region);
}

static int regions_make_room(struct vn_regions *r)
{
	uint32_t room = 2 * r->room + 16;
	struct vn_dma_region *grown;

	if (r->count < r->room)
		return 0;
	grown = reallocarray(r->region, room, sizeof(*grown));
	if (!grown)
		return vn_error(ENOMEM, "no memory");
	r->region = grown;
	r->room = room;
	return 0;
}

int vn_regions_add(struct vn_regions *r, const struct vn_memory *memory, enum vn_access access,
		   struct vn_dma_region **region)
{
	uint64_t iova = 0;
	int result = regions_make_room(r);

	if (result == 0)
		result = vn_iova_alloc(r->space, memory->size, memory->page_size, &iova);
	if (result)
		return result;
	*region = &r->region[r->count++];
	**region = (struct vn_dma_region){
		.iova = iova,
		.size = memory->size,
		.address = memory->address,
		.fd = memory->fd,
		.offset = memory->offset,
		.access = access,
		.control = memory->control,
	};
	r->bytes += memory->size;
	return 0;
}

struct vn_dma_region *vn_regions_at(const struct vn_regions *r, uint64_t iova)
{
	for (uint32_t i = 0; i < r->count; i++)
		if (iova - r->region[i].iova < r->region[i].size)
			return &r->region[i];
	return NULL;
}

struct vn_dma_region *vn_regions_find(const struct vn_regions *r, uint64_t iova)
{
	struct vn_dma_region *region = vn_regions_at(r, iova);

	if (region && region->iova == iova)
		return region;
	(void)vn_error(ENOENT, "there is no memory at %#" PRIx64, iova);
	return NULL;
}

struct vn_dma_region vn_regions_take(struct vn_regions *r, struct vn_dma_region *region)
{
	struct vn_dma_region taken = *region;

	*region = r->region[--r->count];
	return taken;
}

void vn_regions_put_back(struct vn_regions *r, const struct vn_dma_region *taken)
{
	r->region[r->count++] = *taken;
}

void vn_regions_release(struct vn_regions *r, const struct vn_dma_region *taken)
{
	r->bytes -= taken->size;
	(void)vn_iova_free(r->space, taken->iova);
}

void vn_regions_remove(struct vn_regions *r, struct vn_dma_region *region)
{
	const struct vn_dma_region taken = vn_regions_take(r, region);

	vn_regions_release(r, &taken);
}

void vn_regions_limits(const struct vn_regions *r, struct vn_iommu_limits *limits)
{
	*limits = (struct vn_iommu_limits){
		.page_sizes = r->page_size,
		.page_size = r->page_size,
		.mappings = r->count,
		.mappings_left = UINT32_MAX,
		.mapped_bytes = r->bytes,
		.range_count = 1,
		.range = { r->range },
	};
}
