/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The few operations (push, publish, pop, need_kick, arm) in which one ring layout differs from
 * another; layout.h chooses. Nothing reads back what it wrote to the ring, or reads a device's
 * word twice.
 *
 *   descriptor table   avail ring        used ring
 *   (we write)         (we write)        (device writes)
 *   [0] addr len       flags idx         flags idx
 *   [1] ...            ring[k] = head    ring[k] = { id, len }
 *
 * Both idx run freely modulo 65536; the entry is idx modulo the size.
 * Source: VIRTIO 1.4, "Split Virtqueues".
 */
#ifndef VN_DRIVER_RING_SPLIT_H
#define VN_DRIVER_RING_SPLIT_H

#include "driver/ring/cursor.h"
#include "driver/ring/slow_path.h"
#include "driver/state/health.h"

/* ---- push ---- */

ALWAYS_INLINE void split_push_begin(const struct vionet_queue *queue,
				    struct vn_push *c)
{
	c->at = queue->split.avail_index;
	c->seq = queue->split.desc_index;
	c->limit = queue->split.mask;
}

/*
 * Put a buffer of one descriptor into the ring, where the device does not look before
 * `split_publish`. The caller has checked that a descriptor is free. "The Virtqueue
 * Descriptor Table" and "Placing Buffers Into The Descriptor Table" and "Updating The
 * Available Ring" (SPLIT-07, SPLIT-08, SPLIT-35, SPLIT-36, SPLIT-38).
 *
 * Length and flags of a receive descriptor are always the same: they were written when
 * the ring was made.
 */
ALWAYS_INLINE void split_push(struct vionet_queue *queue, struct vn_push *c,
			      bool in_order, bool receives, vn_slot slot,
			      uint64_t iova, uint32_t length)
{
	struct vn_split *ring = &queue->split;
	uint32_t place = c->at & c->limit;
	volatile struct split_desc *desc;
	uint32_t id;

	if (in_order) {
		id = receives ? place : c->seq++ & c->limit;
		if (!receives && UNLIKELY(c->ids[place] != id))
			vn_split_rename(queue, place, id);
		c->slots[place] = slot;
	} else {
		id = c->ids[place];
		c->slots[id] = slot;
	}
	desc = &ring->desc[id];
	vn_store64(&desc->addr, iova);
	if (!receives) /* flags and next are 0 */
		vn_store64((volatile le64 *)&desc->len, length);
	c->at++;
	c->pushed++;
}

ALWAYS_INLINE void split_push_end(struct vionet_queue *queue,
				  const struct vn_push *c)
{
	queue->split.avail_index = (uint16_t)c->at;
	queue->split.desc_index = (uint16_t)c->seq;
}

/* Give everything pushed to the device ("Updating idx", SPLIT-39). */
ALWAYS_INLINE void split_publish(struct vionet_queue *queue)
{
	/* Pairs with the device's read barrier between avail idx and the entry. */
	vn_publish();
	vn_store16(&queue->split.avail->idx, queue->split.avail_index);
}

/* The same of the one buffer that was pushed with a cursor that is not saved yet. */
ALWAYS_INLINE void split_publish_single(struct vionet_queue *queue,
					const struct vn_push *c)
{
	vn_publish(); /* as above */
	vn_store16(&queue->split.avail->idx, (uint16_t)c->at);
}

/* After publishing: does the device want a notification? ("Available Buffer
 * Notification Suppression" and "Notifying The Device", SPLIT-28 to SPLIT-33, SPLIT-40) */
static inline bool split_need_kick(struct vionet_queue *queue)
{
	struct vn_split *ring = &queue->split;
	uint16_t before = ring->kick_index;

	vn_publish_then_check(); /* tests/models/split.pml */
	ring->kick_index = ring->avail_index;
	if (queue->event_idx)
		return vn_event_due(vn_load16((const volatile le16 *)
					      &ring->used->ring[queue->size]),
				    ring->avail_index, before);
	return (vn_load16(&ring->used->flags) & USED_F_NO_NOTIFY) == 0;
}

/* ---- pop ---- */

/*
 * Read used idx, at most once a burst. The device may have completed no more
 * buffers than it has; checked before any entry is read.
 */
static inline uint16_t split_completed(struct vionet_queue *queue)
{
	struct vn_split *ring = &queue->split;
	uint16_t ready = (uint16_t)(ring->used_seen - ring->used_index);
	uint16_t seen;

	if (ready != 0)
		return ready;
	seen = vn_load16(&ring->used->idx);
	ready = (uint16_t)(seen - ring->used_index);
	if (UNLIKELY(ready > queue->outstanding)) {
		vn_queue_break(queue, VN_QERR_INDEX_JUMP, ready,
			       queue->outstanding);
		return 0;
	}
	ring->used_seen = seen;
	ring->order_due = true;
	/* Pairs with the device's write barrier between the entry and used idx. */
	vn_observe();
	return ready;
}

ALWAYS_INLINE void split_pop_load(const struct vionet_queue *queue,
				  struct vn_pop *c)
{
	c->at = queue->split.used_index;
	c->seq = queue->split.free_index;
	c->limit = queue->split.mask;
}

ALWAYS_INLINE void split_pop_save(struct vionet_queue *queue,
				  const struct vn_pop *c)
{
	queue->split.used_index = (uint16_t)c->at;
	queue->split.free_index = (uint16_t)c->seq;
}

/* The entries of the next `count` buffers come from the other core, eight to a line:
 * prefetch all lines at once, the first one excepted, which is read next. */
ALWAYS_INLINE void split_pop_ahead(const struct vionet_queue *queue,
				   const struct vn_pop *c, uint32_t count)
{
	const struct vn_split *ring = &queue->split;

	for (uint32_t i = 8 - c->at % 8; i < count; i += 8)
		__builtin_prefetch((const void *)
				   &ring->used->ring[(c->at + i) & c->limit]);
}

/* The slot of the buffer at `index`, which is free afterwards. */
ALWAYS_INLINE vn_slot split_take(struct vionet_queue *queue, struct vn_pop *c,
				 uint32_t index)
{
	vn_slot slot = c->slots[index];

	if (UNLIKELY(slot == 0)) {
		vn_queue_break(queue, VN_QERR_ID_NOT_IN_FLIGHT, index, queue->size);
		return 0;
	}
	c->slots[index] = 0;
	c->at++;
	return slot;
}

/*
 * Take the next used entry, of which the caller knows that there is one: the slot of
 * its buffer, and what the device says it wrote. The buffer's first descriptor is
 * free afterwards. Returns 0, and the queue is broken, if the device names a buffer
 * that it does not have. All 32 bits of the id count.
 *
 * An entry is read once, as a whole. The id that is expected is in range; any other is
 * looked at closely.
 */
ALWAYS_INLINE vn_slot split_pop(struct vionet_queue *queue, struct vn_pop *c,
				bool in_order, bool receives, uint32_t *written,
				uint32_t *index)
{
	struct vn_split *ring = &queue->split;
	uint32_t place = c->at & c->limit;
	vn_slot slot;

	if (!in_order || LIKELY(c->batch_left == 0)) {
		uint64_t entry = vn_load64(
			(const volatile le64 *)&ring->used->ring[place]);
		uint32_t id = (uint32_t)entry;
		uint32_t back = receives || in_order ? place : c->seq & c->limit;
		/* In order, receive buffers are always the same. */
		uint32_t expected = receives && in_order ? place : c->ids[back];

		*written = (uint32_t)(entry >> 32);
		*index = in_order ? place : id;
		if (UNLIKELY(id != expected)) {
			if (!in_order && !vn_split_found(queue, id, back))
				return 0;
			if (in_order) {
				c->batch_left = vn_split_batch(
					queue, id, c->at, c->most - c->popped);
				c->batch_written = *written;
				if (c->batch_left == 0)
					return 0;
			}
		}
	}
	if (in_order && UNLIKELY(c->batch_left != 0)) {
		/* Without an entry of its own: wholly used. */
		*written = --c->batch_left == 0 ? c->batch_written :
						  queue->posted;
		*index = place;
	}
	slot = split_take(queue, c, *index);
	if (!receives && !in_order && LIKELY(slot != 0))
		c->seq++;
	return slot;
}

/*
 * The same of a buffer of which only the return counts, of a device that
 * keeps to the order: used idx alone says which. The entries stay in the cache of
 * the processor that writes them.
 */
ALWAYS_INLINE vn_slot split_pop_sent(struct vionet_queue *queue, struct vn_pop *c,
				     uint32_t *index)
{
	*index = c->at & c->limit;
	return split_take(queue, c, *index);
}

/* Does the device keep to the order? One look for each look at used idx, at the first
 * entry since: that one was written, later ones may have been left out ("In-order use
 * of descriptors", SPLIT-25). The queue is broken if it does not. */
ALWAYS_INLINE bool split_order_kept(struct vionet_queue *queue,
				    const struct vn_pop *c)
{
	uint32_t place = c->at & c->limit;
	uint32_t id;

	if (!queue->split.order_due || c->most == 0)
		return true;
	queue->split.order_due = false;
	id = vn_load32(&queue->split.used->ring[place].id);
	return LIKELY(id == c->ids[place]) ||
	       vn_split_batch(queue, id, c->at, c->most) != 0;
}

/* ---- interrupts ---- */

/* Interrupts off: only a hint ("Used Buffer Notification Suppression", SPLIT-18). With
 * EVENT_IDX there is nothing to write: an event index is passed once, and then again
 * after 65536 buffers ("Used Buffer Notification Suppression", SPLIT-19). */
static inline void split_disarm(struct vionet_queue *queue)
{
	if (!queue->event_idx && queue->armed)
		vn_store16(&queue->split.avail->flags, AVAIL_F_NO_INTERRUPT);
	queue->armed = false;
}

/* Interrupts on, then look once more: a buffer used in between would otherwise be
 * missed ("Used Buffer Notification Suppression" and "Receiving Used Buffers From The
 * Device", SPLIT-20, SPLIT-42). Returns whether work is there, interrupts off again. */
static inline bool split_arm(struct vionet_queue *queue)
{
	struct vn_split *ring = &queue->split;

	if (queue->event_idx)
		vn_store16(&ring->avail->ring[queue->size], ring->used_index);
	else if (!queue->armed)
		vn_store16(&ring->avail->flags, 0);
	queue->armed = true;
	vn_publish_then_check(); /* tests/models/split.pml */
	if (split_completed(queue) == 0)
		return false;
	split_disarm(queue);
	return true;
}

#endif
