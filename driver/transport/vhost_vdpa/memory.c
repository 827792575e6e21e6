/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a vDPA device sees of our memory, through its IOTLB. Packets and their rings are in
 * address space 0; what only the control queue needs is in address space 1, if the device has
 * two and has put that queue into a group of its own.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/transport/vhost_vdpa/internal.h"

#define CONTROL_SPACE 1u

int vn_vdpa_memory_open(struct vn_vdpa *t)
{
	struct vhost_vdpa_iova_range range = { 0, 0 };
	int result = VDPA_CALL(t, VHOST_VDPA_GET_IOVA_RANGE, &range);

	t->iotlb.fd = t->fd;
	t->iotlb.batch = vn_vdpa_has(t, VHOST_BACKEND_F_IOTLB_BATCH);
	t->groups = t->spaces = 1;
	if (result == 0 && range.first >= range.last)
		result = vn_error(
			EIO, "its addresses go from %#" PRIx64 " to %#" PRIx64 ": there are none",
			(uint64_t)range.first, (uint64_t)range.last);
	if (result == 0 && vn_vdpa_has(t, VHOST_BACKEND_F_IOTLB_ASID))
		result = VDPA_CALL(t, VHOST_VDPA_GET_GROUP_NUM, &t->groups);
	if (result == 0 && vn_vdpa_has(t, VHOST_BACKEND_F_IOTLB_ASID))
		result = VDPA_CALL(t, VHOST_VDPA_GET_AS_NUM, &t->spaces);
	if (result)
		return result;
	return vn_regions_open(&t->regions, (struct vn_iova_range){ range.first, range.last },
			       (uint64_t)sysconf(_SC_PAGESIZE));
}

static int vdpa_map_again(struct vn_vdpa *t)
{
	int result = vn_iotlb_map_again(&t->iotlb, &t->regions, 0);

	if (result == 0 && t->spaces > 1)
		result = vn_iotlb_map_again(&t->iotlb, &t->regions, CONTROL_SPACE);
	t->maps_lost = result != 0;
	return result;
}

/* ---- adding and removing ---- */

/* The control queue's waits: only when that queue is set up is it known where it belongs. */
static bool vdpa_waits(const struct vn_vdpa *t, const struct vn_dma_region *region)
{
	return region->control && t->groups > 1 && t->spaces > CONTROL_SPACE;
}

int vn_vdpa_memory_add(struct vn_transport *transport, const struct vn_memory *memory,
		       enum vn_access access, uint64_t *iova)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	struct vn_dma_region *region;
	int result = vn_regions_add(&t->regions, memory, access, &region);

	*iova = 0;
	if (result)
		return result;
	if (!vdpa_waits(t, region))
		result = vn_iotlb_map(&t->iotlb, region, 0);
	if (result)
		vn_regions_remove(&t->regions, region);
	else
		*iova = region->iova;
	return result;
}

int vn_vdpa_memory_remove(struct vn_transport *transport, uint64_t iova)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	struct vn_dma_region *region = vn_regions_find(&t->regions, iova);
	int result = region ? vn_iotlb_unmap(&t->iotlb, region) : -ENOENT;

	if (result == 0)
		vn_regions_remove(&t->regions, region);
	return result;
}

/* Is it counted at all? Only the kernel knows: the number is for the text, if it refuses. */
int vn_vdpa_memory_check(struct vn_transport *transport, uint64_t bytes)
{
	vn_vdpa(transport)->iotlb.wanted_bytes = bytes;
	return 0;
}

/* ---- address spaces ---- */

/* -1: it is in none that can be named. */
static int64_t vdpa_group(const struct vn_vdpa *t, unsigned int index)
{
	struct vhost_vring_state state = { .index = index };

	if (vn_vdpa_try(t, VHOST_VDPA_GET_VRING_GROUP, &state) || state.num >= t->groups)
		return -1;
	return state.num;
}

/* After each reset: then all groups are in address space 0 again. A group with packets in it stays
 * there. */
static uint32_t vdpa_choose_space(const struct vn_vdpa *t, unsigned int index)
{
	int64_t group = vdpa_group(t, index);
	struct vhost_vring_state state = { .index = (unsigned int)group,
					   .num = CONTROL_SPACE };

	for (unsigned int i = 0; i < index; i++)
		if (vdpa_group(t, i) == group)
			return 0;
	if (group < 0 || vn_vdpa_try(t, VHOST_VDPA_SET_GROUP_ASID, &state))
		return 0;
	return CONTROL_SPACE;
}

static int vdpa_map_control(struct vn_vdpa *t, unsigned int index)
{
	uint32_t asid = vdpa_choose_space(t, index);
	int result = 0;

	for (uint32_t i = 0; i < t->regions.count && result == 0; i++) {
		struct vn_dma_region *region = &t->regions.region[i];

		if (!region->control || region->seen == asid + 1)
			continue;
		result = vn_iotlb_unmap(&t->iotlb, region);
		if (result == 0)
			result = vn_iotlb_map(&t->iotlb, region, asid);
	}
	return result;
}

int vn_vdpa_memory_for_queue(struct vn_vdpa *t, unsigned int index, uint64_t iova)
{
	const struct vn_dma_region *region = vn_regions_at(&t->regions, iova);
	int result = t->maps_lost ? vdpa_map_again(t) : 0;

	if (result == 0 && region && vdpa_waits(t, region))
		result = vdpa_map_control(t, index);
	return result;
}
