/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The operations of split.h on one ring of descriptors that driver and device both write. Nothing
 * reads back what it wrote to the ring, or reads a device's word twice.
 *
 *   descriptor ring               event suppression
 *   [0] addr  len id flags        ours: do we want interrupts?
 *   [1] ...                       the device's: does it want notifications?
 *
 * A descriptor is available when its AVAIL bit is our wrap counter and USED is not;
 * used when both are the device's. A used descriptor lies where the first one of its
 * buffer lay. The second half of a descriptor is one word of 64 bits: flags are
 * written and read together with id and length.
 * Source: VIRTIO 1.4, "Packed Virtqueues".
 */
#ifndef VN_DRIVER_RING_PACKED_H
#define VN_DRIVER_RING_PACKED_H

#include "driver/ring/cursor.h"
#include "driver/ring/slow_path.h"
#include "driver/state/health.h"

#define PACKED_WRAP ((uint16_t)(PACKED_DESC_F_AVAIL | PACKED_DESC_F_USED))

/* Flags, and the id, where they lie in the second half of a descriptor. */
#define PACKED_FLAGS(flags) ((uint64_t)(flags) << 48)
#define PACKED_ID(id) ((uint64_t)(id) << 32)

ALWAYS_INLINE volatile le64 *packed_half(volatile struct packed_desc *desc)
{
	return (volatile le64 *)&desc->len;
}

/* ---- push ---- */

ALWAYS_INLINE void packed_push_begin(const struct vionet_queue *queue,
				     struct vn_push *c, bool receives)
{
	c->desc = queue->packed.avail;
	c->seq = queue->packed.seq_next;
	c->flags = queue->packed.avail_flags |
		   PACKED_FLAGS(receives ? DESC_F_WRITE : 0);
	c->held = queue->packed.held;
	c->held_desc = queue->packed.held_desc;
	c->limit = queue->size;
}

/* How many buffers may be pushed before the cursor has to wrap. */
ALWAYS_INLINE uint32_t packed_push_run(const struct vionet_queue *queue,
				       const struct vn_push *c, bool receives)
{
	uint32_t positions = (uint32_t)(queue->packed.end - c->desc);
	uint32_t buffers = c->limit - c->seq;

	/* Each receive buffer is one descriptor: its sequence is its position. */
	return receives || buffers < positions ? buffers : positions;
}

ALWAYS_INLINE void packed_push_wrap(const struct vionet_queue *queue,
				    struct vn_push *c)
{
	if (UNLIKELY(c->seq == c->limit))
		c->seq = 0;
	if (UNLIKELY(c->desc == queue->packed.end)) {
		c->desc = queue->packed.desc;
		c->flags ^= PACKED_FLAGS(PACKED_WRAP);
	}
}

/*
 * Put a buffer of one descriptor into the ring. The device does not come to it before
 * the first one that was pushed since the last `packed_publish`, whose flags are held
 * back until then ("The Virtqueue Descriptor Table" and "Scatter-Gather Support" and
 * "Placing Available Buffers Into The Descriptor Ring", PACKED-22, PACKED-30,
 * PACKED-35).
 */
ALWAYS_INLINE void packed_push(struct vn_push *c, bool in_order, vn_slot slot,
			       uint64_t iova, uint32_t length)
{
	uint32_t id = in_order ? c->seq : c->ids[c->seq];
	uint64_t half = c->flags | PACKED_ID(id) | length;
	volatile struct packed_desc *desc = c->desc++;

	c->seq++;
	c->slots[id] = slot;
	vn_store64(&desc->addr, iova);
	if (LIKELY(c->held != 0)) {
		vn_store64(packed_half(desc), half);
	} else {
		c->held = half;
		c->held_desc = desc;
	}
	c->pushed++;
}

ALWAYS_INLINE void packed_push_end(struct vionet_queue *queue, bool receives,
				   const struct vn_push *c)
{
	struct vn_packed *ring = &queue->packed;

	ring->avail = c->desc;
	ring->seq_next = (uint16_t)c->seq;
	ring->avail_flags = receives ? c->flags & PACKED_FLAGS(PACKED_WRAP) :
				       c->flags;
	ring->held = c->held;
	ring->held_desc = c->held_desc;
	ring->added = (uint16_t)(ring->added + c->pushed);
}

/* Give everything pushed to the device ("Updating flags", PACKED-36). */
ALWAYS_INLINE void packed_publish(struct vionet_queue *queue)
{
	struct vn_packed *ring = &queue->packed;

	/* Pairs with the device's read barrier between the flags of a descriptor
	 * and its other fields and followers. */
	vn_publish();
	vn_store64(packed_half(ring->held_desc), ring->held);
	ring->held = 0;
}

/* The same of the one buffer that was pushed with a cursor that is not saved yet. */
ALWAYS_INLINE void packed_publish_single(struct vn_push *c)
{
	vn_publish(); /* as above */
	vn_store64(packed_half(c->held_desc), c->held);
	c->held = 0;
}

/*
 * After publishing: does the device want a notification? What it may not say (the
 * reserved value, an event without EVENT_IDX or outside the ring) counts as yes.
 * "Driver and Device Event Suppression" and "Sending Available Buffer Notifications"
 * (PACKED-16, PACKED-37).
 */
static inline bool packed_need_kick(struct vionet_queue *queue)
{
	struct vn_packed *ring = &queue->packed;
	uint32_t event, flags, off;
	uint16_t added, now;
	bool wrap;

	vn_publish_then_check(); /* tests/models/packed.pml */
	added = ring->added;
	ring->added = 0;
	event = vn_load32(ring->device_event);
	flags = event >> 16 & RING_EVENT_FLAGS_MASK;
	off = event & 0x7fff;
	if (flags == RING_EVENT_FLAGS_DISABLE)
		return false;
	now = (uint16_t)(ring->avail - ring->desc);
	wrap = (ring->avail_flags & PACKED_FLAGS(PACKED_DESC_F_AVAIL)) != 0;
	if (flags != RING_EVENT_FLAGS_DESC || !queue->event_idx ||
	    off >= queue->size)
		return true;
	if (((event & 0x8000) != 0) != wrap)
		off -= queue->size;
	return vn_event_due((uint16_t)off, now, (uint16_t)(now - added));
}

/* ---- pop ---- */

ALWAYS_INLINE void packed_pop_load(const struct vionet_queue *queue,
				   struct vn_pop *c)
{
	c->desc = queue->packed.used;
	c->seq = queue->packed.seq_used;
	c->limit = queue->size;
	c->flags = queue->packed.used_flags;
}

ALWAYS_INLINE void packed_pop_save(struct vionet_queue *queue,
				   const struct vn_pop *c)
{
	queue->packed.used = c->desc;
	queue->packed.seq_used = (uint16_t)c->seq;
	queue->packed.used_flags = c->flags;
}

/* As packed_push_run, packed_push_wrap. */
ALWAYS_INLINE uint32_t packed_pop_run(const struct vionet_queue *queue,
				      const struct vn_pop *c, bool receives)
{
	uint32_t positions = (uint32_t)(queue->packed.end - c->desc);
	uint32_t buffers = c->limit - c->seq;

	return receives || buffers < positions ? buffers : positions;
}

ALWAYS_INLINE void packed_pop_wrap(const struct vionet_queue *queue,
				   struct vn_pop *c)
{
	if (UNLIKELY(c->seq == c->limit))
		c->seq = 0;
	if (UNLIKELY(c->desc == queue->packed.end)) {
		c->desc = queue->packed.desc;
		c->flags ^= PACKED_FLAGS(PACKED_WRAP);
	}
}

/* As split_pop_ahead, four to a line, where the first is used; how many others are is
 * not known before they are read. */
ALWAYS_INLINE void packed_pop_ahead(const struct vionet_queue *queue,
				    const struct vn_pop *c, uint32_t count)
{
	uint32_t size = queue->size;
	uint32_t at = (uint32_t)(c->desc - queue->packed.desc);
	uint32_t step = 4 - at % 4;

	for (uint32_t i = step; i < count; i += 4) {
		at += step;
		step = 4;
		if (UNLIKELY(at >= size))
			at = 0;
		__builtin_prefetch((const void *)&queue->packed.desc[at]);
	}
}

/* Is the descriptor used at which the next buffer will come back? "Driver and Device
 * Ring Wrap Counters" and "Polling of available and used descriptors" (PACKED-05,
 * PACKED-06) */
static inline bool packed_completed(const struct vionet_queue *queue)
{
	const struct vn_packed *ring = &queue->packed;
	uint64_t flags = PACKED_FLAGS(vn_load16(&ring->used->flags));

	return queue->batch_left != 0 ||
	       ((flags ^ ring->used_flags) & PACKED_FLAGS(PACKED_WRAP)) == 0;
}

/*
 * Take the next used descriptor, if there is one: the slot of its buffer, and what the
 * device says it wrote. Its first position is behind us afterwards. Returns 0 if there
 * is none; or if the device names a buffer that it does not have: then the queue is
 * broken. Address, NEXT and INDIRECT of a used descriptor mean nothing ("Element
 * Address and Length" and "Next Flag: Descriptor Chaining", PACKED-08, PACKED-12).
 * WRITE is not looked at, though the length should count for nothing without it ("Write
 * Flag", PACKED-07): QEMU, up to 11.1 at least, never sets it.
 */
ALWAYS_INLINE vn_slot packed_pop(struct vionet_queue *queue, struct vn_pop *c,
				 bool in_order, uint32_t *written,
				 uint32_t *index)
{
	uint32_t seq = c->seq;
	vn_slot slot;

	if (!in_order || LIKELY(c->batch_left == 0)) {
		uint64_t half = vn_load64_flagged(
			(const volatile le64 *)&c->desc->len);
		uint32_t id = (uint32_t)(half >> 32) & 0xffff;

		*written = (uint32_t)half;
		if ((half ^ c->flags) & PACKED_FLAGS(PACKED_WRAP))
			return 0;
		*index = id;
		if (!in_order && UNLIKELY(id != c->ids[seq]) &&
		    !vn_packed_found(queue, id, seq))
			return 0;
		if (in_order && UNLIKELY(id != seq)) {
			c->batch_left = vn_packed_batch(
				queue, id, seq,
				queue->outstanding - c->popped);
			c->batch_written = *written;
			if (c->batch_left == 0)
				return 0;
		}
	}
	if (in_order && UNLIKELY(c->batch_left != 0)) {
		/* Without an entry of its own: wholly used. */
		*written = --c->batch_left == 0 ? c->batch_written :
						  queue->posted;
		*index = seq;
	}
	slot = c->slots[*index];
	if (UNLIKELY(slot == 0)) {
		vn_queue_break(queue, VN_QERR_ID_NOT_IN_FLIGHT, *index, queue->size);
		return 0;
	}
	c->slots[*index] = 0;
	c->desc++;
	c->seq++;
	return slot;
}

/* ---- interrupts ---- */

static inline void packed_disarm(struct vionet_queue *queue)
{
	if (queue->armed)
		vn_store16(&queue->packed.driver_event->flags,
			   RING_EVENT_FLAGS_DISABLE);
	queue->armed = false;
}

/* As split_arm. With EVENT_IDX for the very next used descriptor ("Driver and Device
 * Event Suppression" and "Event Suppression Structure Format" and "Receiving Used
 * Buffers From The Device", PACKED-17, PACKED-18, PACKED-39). */
static inline bool packed_arm(struct vionet_queue *queue)
{
	struct vn_packed *ring = &queue->packed;
	volatile struct packed_event *event = ring->driver_event;

	if (queue->event_idx) {
		bool wrap = (ring->used_flags &
			     PACKED_FLAGS(PACKED_DESC_F_USED)) != 0;

		vn_store16(&event->desc,
			   (uint16_t)((ring->used - ring->desc) |
				      (wrap ? 0x8000 : 0)));
		/* Pairs with the device's read of the flags before the position. */
		vn_publish();
		vn_store16(&event->flags, RING_EVENT_FLAGS_DESC);
	} else if (!queue->armed) {
		vn_store16(&event->flags, RING_EVENT_FLAGS_ENABLE);
	}
	queue->armed = true;
	vn_publish_then_check(); /* tests/models/packed.pml */
	if (!packed_completed(queue))
		return false;
	packed_disarm(queue);
	return true;
}

#endif
