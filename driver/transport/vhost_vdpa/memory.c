/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a vDPA device sees of our memory: messages to its IOTLB. Packets and their rings are in
 * address space 0; what only the control queue needs is in address space 1, if the device has
 * two and has put that queue into a group of its own.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/transport/vhost_vdpa/internal.h"
#include "iommu/locked.h"

#define CONTROL_SPACE 1u

int vn_vdpa_memory_open(struct vn_vdpa *t)
{
	struct vhost_vdpa_iova_range range = { 0, 0 };
	int result = VDPA_CALL(t, VHOST_VDPA_GET_IOVA_RANGE, &range);

	t->groups = t->spaces = 1;
	if (result == 0 && range.first >= range.last)
		result = vn_error(EIO, "its addresses go from %#" PRIx64 " to %#" PRIx64 ": there are none", (uint64_t)range.first,
				  (uint64_t)range.last);
	if (result == 0 && vn_vdpa_has(t, VHOST_BACKEND_F_IOTLB_ASID))
		result = VDPA_CALL(t, VHOST_VDPA_GET_GROUP_NUM, &t->groups);
	if (result == 0 && vn_vdpa_has(t, VHOST_BACKEND_F_IOTLB_ASID))
		result = VDPA_CALL(t, VHOST_VDPA_GET_AS_NUM, &t->spaces);
	if (result)
		return result;
	t->range = (struct vn_iova_range){ range.first, range.last };
	return vn_iova_space_create(&t->range, 1, (uint64_t)sysconf(_SC_PAGESIZE),
				    &t->space);
}

void vn_vdpa_memory_close(struct vn_vdpa *t)
{
	vn_iova_space_destroy(t->space);
	free(t->region);
}

/* ---- messages ---- */

/* Returns 0 or a negative errno, without text. */
static int vdpa_send(const struct vn_vdpa *t, uint32_t asid, const struct vhost_iotlb_msg *map,
		     uint8_t type)
{
	struct vhost_msg_v2 message;
	ssize_t sent;

	memset(&message, 0, sizeof(message));
	message.type = VHOST_IOTLB_MSG_V2;
	message.asid = asid;
	if (map)
		message.iotlb = *map;
	message.iotlb.type = type;
	do {
		sent = write(t->fd, &message, sizeof(message));
	} while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return sent == (ssize_t)sizeof(message) ? 0 : -EIO;
}

/*
 * Whatever it is that keeps the kernel from mapping, the errno is EFAULT. Most often it is the
 * limit of locked memory. Not every device is counted: so the kernel decides, and all that is
 * still to come is named at once.
 */
static int vdpa_map_error(const struct vn_vdpa *t, int code, const struct vhost_iotlb_msg *map)
{
	if (vn_locked_check(map->size, VN_ACCOUNT_VHOST))
		return vn_locked_check(t->wanted_bytes > map->size ? t->wanted_bytes : map->size,
				       VN_ACCOUNT_VHOST);
	return vn_error(code == EFAULT ? EIO : code,
			"the kernel cannot map %" PRIu64 " bytes at IOVA %#" PRIx64
			" (%s); dmesg may say why",
			(uint64_t)map->size, (uint64_t)map->iova, vn_errno_text(code));
}

static int vdpa_map(struct vn_vdpa *t, struct vn_vdpa_region *region, uint32_t asid)
{
	int result = vdpa_send(t, asid, &region->map, VHOST_IOTLB_UPDATE);

	if (result)
		return vdpa_map_error(t, -result, &region->map);
	region->asid = asid;
	t->wanted_bytes -= t->wanted_bytes < region->map.size ? t->wanted_bytes : region->map.size;
	return 0;
}

/*
 * A parent that is given a batch takes it at its end, and what it says then is lost. So the last
 * region comes behind it, by itself: that brings all of them once more, and an answer.
 */
static int vdpa_map_space_again(struct vn_vdpa *t, uint32_t asid)
{
	bool batch = vn_vdpa_has(t, VHOST_BACKEND_F_IOTLB_BATCH);
	struct vn_vdpa_region *last = NULL;
	int result = 0;

	if (batch)
		result = vdpa_send(t, asid, NULL, VHOST_IOTLB_BATCH_BEGIN);
	for (uint32_t i = 0; i < t->region_count && result == 0; i++) {
		struct vn_vdpa_region *region = &t->region[i];

		if (region->asid != asid)
			continue;
		result = vdpa_send(t, asid, &region->map, VHOST_IOTLB_INVALIDATE);
		if (result == 0 && last)
			result = vdpa_send(t, asid, &last->map, VHOST_IOTLB_UPDATE);
		last = region;
	}
	if (batch && vdpa_send(t, asid, NULL, VHOST_IOTLB_BATCH_END) && result == 0)
		result = -EIO;
	if (result)
		return vn_error(-result, "the IOTLB does not take the memory again after a "
					 "reset (%s)",
				vn_errno_text(-result));
	return last ? vdpa_map(t, last, asid) : 0;
}

static int vdpa_map_again(struct vn_vdpa *t)
{
	int result = vdpa_map_space_again(t, 0);

	if (result == 0 && t->spaces > 1)
		result = vdpa_map_space_again(t, CONTROL_SPACE);
	if (result == 0)
		t->maps_lost = false;
	return result;
}

/* ---- adding and removing ---- */

static int vdpa_make_room(struct vn_vdpa *t)
{
	uint32_t room = 2 * t->region_room + 16;
	struct vn_vdpa_region *region;

	if (t->region_count < t->region_room)
		return 0;
	region = reallocarray(t->region, room, sizeof(*region));
	if (!region)
		return vn_error(ENOMEM, "no memory");
	t->region = region;
	t->region_room = room;
	return 0;
}

/* The control queue's waits: only when that queue is set up is it known where it belongs. */
static bool vdpa_waits(const struct vn_vdpa *t, const struct vn_memory *memory)
{
	return memory->control && t->groups > 1 && t->spaces > CONTROL_SPACE;
}

int vn_vdpa_memory_add(struct vn_transport *transport, const struct vn_memory *memory,
		       enum vn_access access, uint64_t *iova)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	struct vn_vdpa_region *region;
	int result = vdpa_make_room(t);

	*iova = 0;
	if (result == 0)
		result = vn_iova_alloc(t->space, memory->size, memory->page_size, iova);
	if (result)
		return result;
	region = &t->region[t->region_count];
	*region = (struct vn_vdpa_region){
		.map = { .iova = *iova,
			 .size = memory->size,
			 .uaddr = (uintptr_t)memory->address,
			 .perm = access == VN_DEVICE_READS ? VHOST_ACCESS_RO : VHOST_ACCESS_RW },
		.asid = VN_VDPA_UNMAPPED,
		.control = vdpa_waits(t, memory),
	};
	if (!region->control)
		result = vdpa_map(t, region, 0);
	if (result) {
		(void)vn_iova_free(t->space, *iova);
		*iova = 0;
		return result;
	}
	t->region_count++;
	t->mapped_bytes += memory->size;
	return 0;
}

static int vdpa_unmap(struct vn_vdpa *t, const struct vn_vdpa_region *region)
{
	int result = 0;

	if (region->asid != VN_VDPA_UNMAPPED)
		result = vdpa_send(t, region->asid, &region->map, VHOST_IOTLB_INVALIDATE);
	if (result == 0)
		return 0;
	return vn_error(-result,
			"IOVA %#" PRIx64 " is still mapped (%s); the address stays out of use",
			(uint64_t)region->map.iova, vn_errno_text(-result));
}

int vn_vdpa_memory_remove(struct vn_transport *transport, uint64_t iova)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	struct vn_vdpa_region *region = t->region;
	int result;

	while (region < t->region + t->region_count && region->map.iova != iova)
		region++;
	if (region == t->region + t->region_count)
		return vn_error(ENOENT, "there is no memory at %#" PRIx64, iova);
	result = vdpa_unmap(t, region);
	if (result)
		return result;
	t->mapped_bytes -= region->map.size;
	*region = t->region[--t->region_count];
	(void)vn_iova_free(t->space, iova);
	return 0;
}

/* Is it counted at all? Only the kernel knows: the number is for the text, if it refuses. */
int vn_vdpa_memory_check(struct vn_transport *transport, uint64_t bytes)
{
	vn_vdpa(transport)->wanted_bytes = bytes;
	return 0;
}

void vn_vdpa_memory_limits(const struct vn_vdpa *t, struct vn_iommu_limits *limits)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	*limits = (struct vn_iommu_limits){
		.page_sizes = page,
		.page_size = page,
		.mappings = t->region_count,
		.mappings_left = UINT32_MAX,
		.mapped_bytes = t->mapped_bytes,
		.range_count = 1,
		.range = { t->range },
	};
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

/* A group of its own, and not one with packets in it? */
static bool vdpa_stands_alone(const struct vn_vdpa *t, unsigned int index, int64_t group)
{
	for (unsigned int i = 0; i < index; i++)
		if (vdpa_group(t, i) == group)
			return false;
	return group >= 0;
}

/* After each reset: then all groups are in address space 0 again. */
static uint32_t vdpa_choose_space(const struct vn_vdpa *t, unsigned int index)
{
	int64_t group = vdpa_group(t, index);
	struct vhost_vring_state state = { .index = (unsigned int)group,
					   .num = CONTROL_SPACE };

	return vdpa_stands_alone(t, index, group) &&
			       vn_vdpa_try(t, VHOST_VDPA_SET_GROUP_ASID, &state) == 0
		       ? CONTROL_SPACE
		       : 0;
}

static int vdpa_map_control(struct vn_vdpa *t, unsigned int index)
{
	uint32_t asid = vdpa_choose_space(t, index);
	int result = 0;

	for (uint32_t i = 0; i < t->region_count && result == 0; i++) {
		struct vn_vdpa_region *region = &t->region[i];

		if (!region->control || region->asid == asid)
			continue;
		result = vdpa_unmap(t, region);
		if (result == 0)
			result = vdpa_map(t, region, asid);
	}
	return result;
}

int vn_vdpa_memory_for_queue(struct vn_vdpa *t, unsigned int index, uint64_t iova)
{
	int result = t->maps_lost ? vdpa_map_again(t) : 0;

	for (uint32_t i = 0; i < t->region_count && result == 0; i++)
		if (t->region[i].control && t->region[i].map.iova <= iova &&
		    iova - t->region[i].map.iova < t->region[i].map.size)
			return vdpa_map_control(t, index);
	return result;
}
