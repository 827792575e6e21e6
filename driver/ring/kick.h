/* SPDX-License-Identifier: BSD-3-Clause */
/* Notifying the device. On the usual path a kick is one store to a mapped doorbell. */
#ifndef VN_DRIVER_RING_KICK_H
#define VN_DRIVER_RING_KICK_H

#include "driver/ring/cursor.h"
#include "driver/ring/packed.h"

/* Notify through the eventfd, or else a write through the transport. */
void vn_kick_unmapped(struct vionet_queue *queue);

/* What a notification says besides the queue: where the driver will write next ("Driver
 * Notifications" and "The Virtqueue Descriptor Table", GEN-43 to GEN-45, PACKED-23). */
ALWAYS_INLINE uint32_t ring_position(const struct vionet_queue *queue,
				     bool packed)
{
	if (!packed)
		return queue->split.avail_index;
	return (uint32_t)(queue->packed.avail - queue->packed.desc) |
	       (queue->packed.avail_flags & PACKED_FLAGS(PACKED_DESC_F_AVAIL) ?
			0x8000u : 0);
}

ALWAYS_INLINE void ring_kick(struct vionet_queue *queue, bool packed)
{
	struct vn_doorbell *bell = &queue->doorbell;

	if (bell->width == 4)
		bell->value = (bell->value & 0xffff) |
			      ring_position(queue, packed) << 16;
	vn_before_doorbell();
	if (UNLIKELY(!bell->address))
		vn_kick_unmapped(queue);
	else if (bell->width == 4)
		vn_store32(bell->address, bell->value);
	else
		vn_store16(bell->address, (uint16_t)bell->value);
	vn_count(&queue->counters.kicks, 1);
}

/* Notify the device whether it wants it or not. */
void vn_queue_kick(struct vionet_queue *queue);

#endif
