/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which ring operation a layout means. The layout is a constant argument of always-inline
 * functions, so no burst tests it. Nothing here waits, allocates or fails, or calls the
 * system (but for a kick where nothing is mapped), or believes a number of the device.
 */
#ifndef VN_DRIVER_RING_LAYOUT_H
#define VN_DRIVER_RING_LAYOUT_H

#include "driver/ring/kick.h"
#include "driver/ring/packed.h"
#include "driver/ring/split.h"

/* ---- handing buffers over ---- */

ALWAYS_INLINE void ring_push_begin(const struct vionet_queue *queue,
				   enum vn_layout layout, bool receives,
				   struct vn_push *c)
{
	if (vn_layout_is_packed(layout))
		packed_push_begin(queue, c, receives);
	else
		split_push_begin(queue, c);
	c->pushed = 0;
	c->slots = queue->slots;
	c->ids = queue->ids;
}

ALWAYS_INLINE void ring_push(struct vionet_queue *queue, enum vn_layout layout,
			     bool receives, struct vn_push *c, vn_slot slot,
			     uint64_t iova, uint32_t length)
{
	bool in_order = vn_layout_is_in_order(layout);

	if (vn_layout_is_packed(layout))
		packed_push(c, in_order, slot, iova, length);
	else
		split_push(queue, c, in_order, receives, slot, iova, length);
}

/* How many of `wanted` may be pushed before the cursor has to wrap. */
ALWAYS_INLINE uint32_t ring_push_run(const struct vionet_queue *queue,
				     enum vn_layout layout, bool receives,
				     const struct vn_push *c, uint32_t wanted)
{
	uint32_t run = wanted;

	if (vn_layout_is_packed(layout))
		run = packed_push_run(queue, c, receives);
	return run < wanted ? run : wanted;
}

ALWAYS_INLINE void ring_push_wrap(const struct vionet_queue *queue,
				  enum vn_layout layout, struct vn_push *c)
{
	if (vn_layout_is_packed(layout))
		packed_push_wrap(queue, c);
}

ALWAYS_INLINE void ring_push_end(struct vionet_queue *queue, enum vn_layout layout,
				 bool receives, const struct vn_push *c)
{
	if (vn_layout_is_packed(layout))
		packed_push_end(queue, receives, c);
	else
		split_push_end(queue, c);
	queue->free_count = (uint16_t)(queue->free_count - c->pushed);
	queue->outstanding = (uint16_t)(queue->outstanding + c->pushed);
}

/* ---- taking them back ---- */

/* Returns how many may be taken at most: that is what there is (split ring), or as
 * many as are there (packed ring). */
ALWAYS_INLINE uint32_t ring_pop_begin(struct vionet_queue *queue,
				      enum vn_layout layout, struct vn_pop *c)
{
	if (vn_layout_is_packed(layout)) {
		packed_pop_load(queue, c);
		c->most = queue->size;
	} else {
		c->most = split_completed(queue);
		split_pop_load(queue, c);
	}
	c->popped = 0;
	c->slots = queue->slots;
	c->ids = queue->ids;
	c->batch_left = queue->batch_left;
	c->batch_written = queue->batch_written;
	return c->most;
}

ALWAYS_INLINE vn_slot ring_pop(struct vionet_queue *queue,
			       enum vn_layout layout, bool receives,
			       struct vn_pop *c, uint32_t *written,
			       uint32_t *index)
{
	bool in_order = vn_layout_is_in_order(layout);

	if (vn_layout_is_packed(layout))
		return packed_pop(queue, c, in_order, written, index);
	return split_pop(queue, c, in_order, receives, written, index);
}

/* As ring_push_run, ring_push_wrap. */
ALWAYS_INLINE uint32_t ring_pop_run(const struct vionet_queue *queue,
				    enum vn_layout layout, bool receives,
				    const struct vn_pop *c, uint32_t wanted)
{
	uint32_t run = wanted;

	if (vn_layout_is_packed(layout))
		run = packed_pop_run(queue, c, receives);
	return run < wanted ? run : wanted;
}

ALWAYS_INLINE void ring_pop_wrap(const struct vionet_queue *queue,
				 enum vn_layout layout, struct vn_pop *c)
{
	if (vn_layout_is_packed(layout))
		packed_pop_wrap(queue, c);
}

/* Save the cursor; the buffers popped since it was loaded are accounted for. */
ALWAYS_INLINE void ring_pop_end(struct vionet_queue *queue, enum vn_layout layout,
				const struct vn_pop *c)
{
	if (vn_layout_is_packed(layout))
		packed_pop_save(queue, c);
	else
		split_pop_save(queue, c);
	if (vn_layout_is_in_order(layout)) {
		queue->batch_left = (uint16_t)c->batch_left;
		queue->batch_written = c->batch_written;
	}
	queue->free_count = (uint16_t)(queue->free_count + c->popped);
	queue->outstanding = (uint16_t)(queue->outstanding - c->popped);
}

/* A slow operation moved the ring on: load the cursor anew, with the same bounds. */
ALWAYS_INLINE void ring_pop_reload(const struct vionet_queue *queue,
				   enum vn_layout layout, struct vn_pop *c)
{
	if (vn_layout_is_packed(layout))
		packed_pop_load(queue, c);
	else
		split_pop_load(queue, c);
	c->most -= c->popped;
	c->popped = 0;
}

ALWAYS_INLINE bool ring_completed(struct vionet_queue *queue,
				  enum vn_layout layout)
{
	return vn_layout_is_packed(layout) ? packed_completed(queue) :
					     split_completed(queue) != 0;
}

/* ---- notifying ---- */

/* Tell the device of what was published, if it wants that. */
ALWAYS_INLINE void ring_notify(struct vionet_queue *queue, enum vn_layout layout)
{
	bool packed = vn_layout_is_packed(layout);

	if (packed ? packed_need_kick(queue) : split_need_kick(queue))
		ring_kick(queue, packed);
}

/* Give what was pushed to the device, and notify it if it wants that. */
ALWAYS_INLINE void ring_publish(struct vionet_queue *queue, enum vn_layout layout)
{
	if (vn_layout_is_packed(layout))
		packed_publish(queue);
	else
		split_publish(queue);
	ring_notify(queue, layout);
}

/* Push end and publish of a single buffer to transmit, the first since the last was
 * published: nothing goes through the queue that is in a register. */
ALWAYS_INLINE void ring_publish_single(struct vionet_queue *queue,
				       enum vn_layout layout, struct vn_push *c)
{
	ring_push_wrap(queue, layout, c);
	if (vn_layout_is_packed(layout))
		packed_publish_single(c);
	else
		split_publish_single(queue, c);
	ring_push_end(queue, layout, false, c);
	ring_notify(queue, layout);
}

/* ---- interrupts ---- */

/* Returns whether work is there already; then interrupts are off again. */
ALWAYS_INLINE bool ring_arm(struct vionet_queue *queue, enum vn_layout layout)
{
	return vn_layout_is_packed(layout) ? packed_arm(queue) : split_arm(queue);
}

ALWAYS_INLINE void ring_disarm(struct vionet_queue *queue, enum vn_layout layout)
{
	if (vn_layout_is_packed(layout))
		packed_disarm(queue);
	else
		split_disarm(queue);
}

#endif
