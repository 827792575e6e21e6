/* SPDX-License-Identifier: BSD-3-Clause */
/* Rings as the kernel describes them: they start with DRIVER_OK, and stop with a reset. */
#include <errno.h>
#include <inttypes.h>
#include <sys/ioctl.h>

#include "softnic/net/net.h"
#include "softnic/ring/ring.h"
#include "softnic/text.h"
#include "softnic/vduse/internal.h"

static bool vring_packed(const struct device *device)
{
	return features_have(&device->accepted, FT_RING_PACKED);
}

static int vring_info(const struct queue *queue, struct vduse_vq_info *info)
{
	*info = (struct vduse_vq_info){ .index = queue->index };
	return ioctl(queue->device->server->fd, VDUSE_VQ_GET_INFO, info) < 0 ? -errno : 0;
}

static struct ring_position vring_begin(const struct device *device,
					const struct vduse_vq_info *info)
{
	if (!vring_packed(device))
		return (struct ring_position){ .next = info->split.avail_index };
	return (struct ring_position){ .next = info->packed.last_avail_idx,
				       .used = info->packed.last_used_idx,
				       .next_wrap = info->packed.last_avail_counter,
				       .used_wrap = info->packed.last_used_counter };
}

/* Nobody has used it. */
static bool vring_is_new(const struct device *device, const struct ring_position *at)
{
	return at->next == 0 && at->used == 0 && at->next_wrap == at->used_wrap &&
	       at->next_wrap == vring_packed(device);
}

static void vring_start(struct queue *queue, const struct vduse_vq_info *info)
{
	struct device *device = queue->device;
	struct ring_position from = vring_begin(device, info);

	queue->size = info->num <= RING_SIZE_MAX ? (uint16_t)info->num : 0;
	queue->vector = (uint16_t)queue->index;
	queue->descriptor_area = info->desc_addr;
	queue->driver_area = info->driver_addr;
	queue->device_area = info->device_addr;
	queue->enabled = true;
	queue->broken = false;
	trace(device, "RING %u runs, size %u, from %u", queue->index, queue->size, from.next);
	if ((vring_is_new(device, &from) ? ring_start(queue) : ring_resume(queue, &from)) == 0) {
		net_queue_started(queue);
		return;
	}
	complain("queue %u of %u cannot begin at %u", queue->index, queue->size, from.next);
	needs_reset(device);
}

void vduse_rings_start(struct device *device)
{
	for (unsigned int i = 0; i < device->queue_count; i++) {
		struct vduse_vq_info info;

		if (vring_info(&device->queue[i], &info) == 0 && info.ready)
			vring_start(&device->queue[i], &info);
	}
}

int vduse_ring_state(struct queue *queue, struct vduse_vq_state *state)
{
	struct ring_position at;
	struct vduse_vq_info info;
	int result;

	state->index = queue->index;
	if (queue->enabled && queue->ring != NULL && !queue->broken) {
		ring_position(queue, &at);
	} else {
		result = vring_info(queue, &info);
		if (result < 0)
			return result;
		at = vring_begin(queue->device, &info);
	}
	if (!vring_packed(queue->device)) {
		state->split.avail_index = at.next;
		return 0;
	}
	state->packed.last_avail_idx = at.next;
	state->packed.last_avail_counter = at.next_wrap;
	state->packed.last_used_idx = at.used;
	state->packed.last_used_counter = at.used_wrap;
	return 0;
}
