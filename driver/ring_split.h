/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the split ring: five small operations (push, publish, pop, need_kick,
 * arm) that are all in which a ring layout differs from another.
 * Never: reads back what it wrote to the ring, reads a device's word twice, or
 * knows what is in a buffer.
 * Read next: driver/rxtx.h, the one body of the bursts.
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

#include "base/order.h"
#include "driver/queue.h"

/* One element of a buffer. */
struct vn_element {
	uint64_t iova;
	uint32_t length;
};

static inline void split_write_desc(struct vn_split *ring, uint16_t id,
				    const struct vn_element *element,
				    unsigned int flags, uint16_t next)
{
	volatile struct split_desc *desc = &ring->desc[id];

	desc->addr = htole64(element->iova);
	desc->len = htole32(element->length);
	desc->flags = htole16((uint16_t)flags);
	desc->next = htole16(next);
}

/*
 * Put a buffer of `count` elements into free descriptors and its head into the
 * available ring, where the device does not look before `split_publish`. The
 * caller has checked that `count` descriptors are free. SPLIT-35, SPLIT-36,
 * SPLIT-38.
 */
static inline __attribute__((always_inline)) void
split_push(struct vionet_queue *queue, const struct vn_element *elements,
	   uint16_t count, bool device_writes, struct vionet_packet *packet)
{
	struct vn_split *ring = &queue->split;
	unsigned int flags = device_writes ? DESC_F_WRITE : 0;
	uint16_t head = ring->free_head, id = head;
	struct vn_slot *slot = &queue->slots[head];

	slot->packet = packet;
	slot->length = elements[0].length;
	slot->chain = count;
	for (uint16_t i = 0; i + 1 < count; i++) {
		uint16_t next = queue->slots[id].next;

		split_write_desc(ring, id, &elements[i], flags | DESC_F_NEXT,
				 next);
		id = next;
	}
	split_write_desc(ring, id, &elements[count - 1], flags, 0);
	ring->free_head = queue->slots[id].next;
	queue->free_count = (uint16_t)(queue->free_count - count);
	queue->outstanding++;
	vn_store16(&ring->avail->ring[ring->avail_index & ring->mask], head);
	ring->avail_index++;
}

/* Give everything pushed to the device (SPLIT-39). */
static inline void split_publish(struct vionet_queue *queue)
{
	/* Pairs with the device's read barrier between avail idx and the entry. */
	vn_publish();
	vn_store16(&queue->split.avail->idx, queue->split.avail_index);
}

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
	if (ready > queue->outstanding) {
		vn_queue_break(queue, VN_BREACH_INDEX_JUMP, ready,
			       queue->outstanding);
		return 0;
	}
	ring->used_seen = seen;
	/* Pairs with the device's write barrier between the entry and used idx. */
	vn_observe();
	return ready;
}

/*
 * Take the next used entry, which split_completed said is there: its packet, what
 * the device says it wrote, and what it was allowed to. The descriptors are free
 * afterwards. Returns NULL, and the queue is broken, if the device names a buffer
 * that it does not have. All 32 bits of the id count.
 */
static inline __attribute__((always_inline)) struct vionet_packet *
split_pop(struct vionet_queue *queue, uint32_t *written, uint32_t *posted)
{
	struct vn_split *ring = &queue->split;
	const volatile struct split_used_elem *entry =
		&ring->used->ring[ring->used_index & ring->mask];
	uint32_t id = vn_load32(&entry->id);
	struct vionet_packet *packet;
	struct vn_slot *slot;

	*written = vn_load32(&entry->len);
	if (__builtin_expect(id >= queue->size, 0)) {
		vn_queue_break(queue, VN_BREACH_ID_RANGE, id, queue->size);
		return NULL;
	}
	slot = &queue->slots[id];
	packet = slot->packet;
	if (__builtin_expect(!packet, 0)) {
		vn_queue_break(queue, VN_BREACH_ID_IDLE, id, queue->size);
		return NULL;
	}
	*posted = slot->length;
	slot->packet = NULL;
	ring->used_index++;

	/* The chain goes to the end of the free list as it is linked already. */
	if (queue->free_count == 0)
		ring->free_head = (uint16_t)id;
	else
		queue->slots[ring->free_tail].next = (uint16_t)id;
	for (uint16_t i = 1; i < slot->chain; i++)
		id = queue->slots[id].next;
	ring->free_tail = (uint16_t)id;
	queue->free_count = (uint16_t)(queue->free_count + slot->chain);
	queue->outstanding--;
	return packet;
}

/* After publishing: does the device want to be told? (SPLIT-29, -30, -40) */
static inline bool split_need_kick(struct vionet_queue *queue)
{
	vn_publish_then_check();
	return (vn_load16(&queue->split.used->flags) & USED_F_NO_NOTIFY) == 0;
}

/* Interrupts off: only advice (SPLIT-18). */
static inline void split_disarm(struct vionet_queue *queue)
{
	vn_store16(&queue->split.avail->flags, AVAIL_F_NO_INTERRUPT);
}

/* Interrupts on, then look once more: a buffer used in between would otherwise
 * be missed (SPLIT-42). Returns whether work is there, interrupts off again. */
static inline bool split_arm(struct vionet_queue *queue)
{
	vn_store16(&queue->split.avail->flags, 0);
	vn_publish_then_check();
	if (split_completed(queue) == 0)
		return false;
	split_disarm(queue);
	return true;
}

#endif
