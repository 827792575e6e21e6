/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Chains and indirect tables, ids that come back out of order, batches of buffers used in
 * order, and rings without packets. None of it runs for a packet of one segment on a device
 * that works in order.
 */
#include <errno.h>

#include "base/error.h"
#include "driver/ring/layout.h"
#include "driver/ring/slow_path.h"
#include "driver/state/health.h"

/* ---- ids that were not expected ---- */

static bool ring_outstanding(struct vionet_queue *queue, uint32_t id)
{
	if (id >= queue->size)
		vn_queue_break(queue, VN_QERR_ID_RANGE, id, queue->size);
	else if (queue->slots[id] == 0)
		vn_queue_break(queue, VN_QERR_ID_NOT_IN_FLIGHT, id, queue->size);
	else
		return true;
	return false;
}

void vn_split_rename(struct vionet_queue *queue, uint32_t place, uint32_t id)
{
	queue->ids[place] = (uint16_t)id;
	vn_store16(&queue->split.avail->ring[place], (uint16_t)id);
}

bool vn_split_found(struct vionet_queue *queue, uint32_t id, uint32_t place)
{
	if (!ring_outstanding(queue, id))
		return false;
	vn_split_rename(queue, place, id);
	return true;
}

bool vn_packed_found(struct vionet_queue *queue, uint32_t id, uint32_t place)
{
	if (!ring_outstanding(queue, id))
		return false;
	queue->ids[place] = (uint16_t)id;
	return true;
}

static uint32_t ring_out_of_order(struct vionet_queue *queue, uint32_t id)
{
	if (id >= queue->size)
		vn_queue_break(queue, VN_QERR_ID_RANGE, id, queue->size);
	else
		vn_queue_break(queue, VN_QERR_ORDER, id, queue->size);
	return 0;
}

/* "In-order use of descriptors" (SPLIT-25). Each buffer is passed once, so this costs a
 * step a buffer. */
uint32_t vn_split_batch(struct vionet_queue *queue, uint32_t id, uint32_t at,
			uint32_t left)
{
	for (uint32_t i = 0; i < left; i++)
		if (queue->ids[(at + i) & queue->split.mask] == id)
			return i + 1;
	return ring_out_of_order(queue, id);
}

/* "In-order use of descriptors" (PACKED-15): an id is its buffer's sequence. */
uint32_t vn_packed_batch(struct vionet_queue *queue, uint32_t id, uint32_t seq,
			 uint32_t left)
{
	uint32_t batch = id >= seq ? id - seq + 1 : id + queue->size - seq + 1;

	if (id >= queue->size || batch > left || queue->slots[id] == 0)
		return ring_out_of_order(queue, id);
	return batch;
}

/* ---- buffers of several elements ---- */

static unsigned int ring_access_flag(uint32_t element, uint32_t readable)
{
	return element < readable ? 0 : DESC_F_WRITE;
}

/* An indirect table of a split ring is linked ("Indirect Descriptors", SPLIT-10,
 * SPLIT-13, SPLIT-14). */
static void ring_fill_split(struct split_desc *entry, const struct vn_element *elements,
			    uint32_t readable, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		bool more = i + 1 < count;

		entry[i] = (struct split_desc){
			.addr = vn_to_le64(elements[i].iova),
			.len = vn_to_le32(elements[i].length),
			.flags = vn_to_le16((uint16_t)(ring_access_flag(i, readable) |
						       (more ? DESC_F_NEXT : 0))),
			.next = vn_to_le16((uint16_t)(more ? i + 1 : 0)),
		};
	}
}

/* A packed ring's is not ("Indirect Flag: Scatter-Gather Support" and "Indirect
 * Descriptors", PACKED-14, PACKED-32). */
static void ring_fill_packed(struct packed_desc *entry,
			     const struct vn_element *elements, uint32_t readable,
			     uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		entry[i] = (struct packed_desc){
			.addr = vn_to_le64(elements[i].iova),
			.len = vn_to_le32(elements[i].length),
			.flags = vn_to_le16((uint16_t)ring_access_flag(i, readable)),
		};
}

/* Where a table is for the device. What lies there is written as one type of entry only:
 * the compiler may assume that another one is elsewhere. */
static uint64_t ring_fill_table(struct vionet_queue *queue, uint16_t table,
				const struct vn_element *elements, uint32_t readable,
				uint32_t count)
{
	const struct vn_tables *tables = &queue->tables;
	size_t offset = (size_t)table * tables->entries * sizeof(struct split_desc);
	void *place = (uint8_t *)tables->memory->memory.address + offset;

	if (vn_layout_is_packed(queue->layout))
		ring_fill_packed(place, elements, readable, count);
	else
		ring_fill_split(place, elements, readable, count);
	return tables->memory->iova + offset;
}

static void ring_split_write(struct vn_split *ring, uint16_t id,
			     const struct vn_element *element, unsigned int flags,
			     uint16_t next)
{
	volatile struct split_desc *desc = &ring->desc[id];

	vn_store64(&desc->addr, element->iova);
	vn_store32(&desc->len, element->length);
	vn_store16(&desc->flags, (uint16_t)flags);
	vn_store16(&desc->next, next);
}

/* A free descriptor for the next element of a chain. In order, the one that follows
 * ("The Virtqueue Descriptor Table", SPLIT-07, SPLIT-08); else the last one that came
 * back, for those at the beginning have their place in the available ring. */
static uint16_t ring_split_next_id(struct vionet_queue *queue)
{
	struct vn_split *ring = &queue->split;

	if (queue->layout == VN_SPLIT_IN_ORDER)
		return ring->desc_index++ & ring->mask;
	return queue->ids[--ring->free_index & ring->mask];
}

/* Returns the index of the buffer's slot. */
static uint32_t ring_split_chain(struct vionet_queue *queue,
				 const struct vn_element *elements, uint32_t readable,
				 uint32_t count, unsigned int flags)
{
	struct vn_split *ring = &queue->split;
	bool in_order = queue->layout == VN_SPLIT_IN_ORDER;
	uint16_t place = ring->avail_index++ & ring->mask;
	uint16_t head = in_order ? ring_split_next_id(queue) : queue->ids[place];
	uint16_t id = head;

	if (queue->ids[place] != head)
		vn_split_rename(queue, place, head);
	for (uint32_t i = 0; i < count; i++) {
		uint16_t next = i + 1 < count ? ring_split_next_id(queue) : 0;

		ring_split_write(ring, id, &elements[i], flags |
				 ring_access_flag(i, readable) |
				 (i + 1 < count ? DESC_F_NEXT : 0), next);
		queue->chained[id] = next;
		id = next;
	}
	return in_order ? place : head;
}

/* The flags of the first descriptor are written last: within the chain, and within what
 * is published together ("Next Flag: Descriptor Chaining" and "Scatter-Gather Support",
 * PACKED-10, PACKED-30). Returns as ring_split_chain. */
static uint32_t ring_packed_chain(struct vionet_queue *queue,
				  const struct vn_element *elements, uint32_t readable,
				  uint32_t count, unsigned int flags)
{
	struct vn_packed *ring = &queue->packed;
	bool in_order = queue->layout == VN_PACKED_IN_ORDER;
	uint32_t id = in_order ? ring->seq_next : queue->ids[ring->seq_next];
	volatile struct packed_desc *first = ring->avail;
	uint64_t first_half = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t half = PACKED_FLAGS(flags | ring_access_flag(i, readable) |
					     (i + 1 < count ? DESC_F_NEXT : 0)) |
				ring->avail_flags | PACKED_ID(id) |
				elements[i].length;

		vn_store64(&ring->avail->addr, elements[i].iova);
		if (i == 0)
			first_half = half;
		else
			vn_store64(packed_half(ring->avail), half);
		if (++ring->avail == ring->end) {
			ring->avail = ring->desc;
			ring->avail_flags ^= PACKED_FLAGS(PACKED_WRAP);
		}
	}
	if (ring->held != 0) {
		vn_publish();
		vn_store64(packed_half(first), first_half);
	} else {
		ring->held = first_half;
		ring->held_desc = first;
	}
	if (++ring->seq_next == queue->size)
		ring->seq_next = 0;
	ring->added = (uint16_t)(ring->added + count);
	return id;
}

/* In one descriptor, if there is a table to hold the elements. */
static uint16_t ring_take_table(struct vionet_queue *queue, uint32_t count)
{
	struct vn_tables *tables = &queue->tables;

	if (count < 2 || tables->available == 0 || count > tables->entries)
		return VN_NO_TABLE;
	return tables->free[--tables->available];
}

bool vn_ring_push(struct vionet_queue *queue, const struct vn_element *elements,
		  uint32_t readable, uint32_t writable, vn_slot slot)
{
	uint32_t count = readable + writable, index;
	unsigned int flags = 0;
	struct vn_element whole;
	uint16_t table;

	if (queue->free_count == 0)
		return false;
	table = ring_take_table(queue, count);
	if (table != VN_NO_TABLE) {
		whole.iova = ring_fill_table(queue, table, elements, readable, count);
		whole.length = count * (uint32_t)sizeof(struct split_desc);
		elements = &whole;
		readable = count = 1;
		flags = DESC_F_INDIRECT;
	}
	if (queue->free_count < count)
		return false;
	index = vn_layout_is_packed(queue->layout) ?
			ring_packed_chain(queue, elements, readable, count, flags) :
			ring_split_chain(queue, elements, readable, count, flags);
	queue->slots[index] = slot | VN_SLOT_COMPLEX;
	queue->extents[index] = (struct vn_extent){
		.descriptors = (uint16_t)count, .table = table,
	};
	queue->free_count = (uint16_t)(queue->free_count - count);
	queue->outstanding++;
	return true;
}

void vn_ring_release(struct vionet_queue *queue, uint32_t index)
{
	const struct vn_extent *extent = &queue->extents[index];
	uint32_t more = extent->descriptors - 1u;

	if (extent->table != VN_NO_TABLE)
		queue->tables.free[queue->tables.available++] = extent->table;
	queue->free_count = (uint16_t)(queue->free_count + more);
	if (vn_layout_is_packed(queue->layout)) {
		struct vn_packed *ring = &queue->packed;

		if (more >= (uint32_t)(ring->end - ring->used)) {
			ring->used_flags ^= PACKED_FLAGS(PACKED_WRAP);
			ring->used -= queue->size - more;
		} else {
			ring->used += more;
		}
	} else if (queue->layout == VN_SPLIT) {
		for (uint32_t id = index; more != 0; more--) {
			id = queue->chained[id];
			vn_split_rename(queue, queue->split.free_index++ &
					queue->split.mask, id);
		}
	}
}

/* ---- queues without packets ---- */

int vn_queue_submit(struct vionet_queue *queue,
		    const struct vn_element *elements, uint16_t readable,
		    uint16_t writable, vn_slot slot)
{
	bool packed = vn_layout_is_packed(queue->layout);

	if (queue->error)
		return vionet_queue_check(queue);
	if (!vn_ring_push(queue, elements, readable, writable, slot))
		return vn_error(ENOSPC, "queue %u: %u descriptors are wanted, %u are "
				"free", queue->index, readable + writable,
				queue->free_count);
	if (packed)
		packed_publish(queue);
	else
		split_publish(queue);
	if (packed ? packed_need_kick(queue) : split_need_kick(queue))
		ring_kick(queue, packed);
	vn_count_in_flight(queue);
	return 0;
}

ALWAYS_INLINE vn_slot ring_collect(struct vionet_queue *queue,
				   enum vn_layout layout, uint32_t *written)
{
	struct vn_pop c;
	uint32_t index;
	vn_slot slot = 0;

	if (ring_pop_begin(queue, layout, &c) != 0)
		slot = ring_pop(queue, layout, false, &c, written, &index);
	c.popped = slot != 0;
	ring_pop_wrap(queue, layout, &c);
	ring_pop_end(queue, layout, &c);
	if (slot != 0)
		vn_ring_release(queue, index);
	return slot & ~(vn_slot)VN_SLOT_TAGS;
}

vn_slot vn_queue_collect(struct vionet_queue *queue, uint32_t *written)
{
	vn_slot slot = 0;

	*written = 0;
	if (queue->error)
		return 0;
	switch ((enum vn_layout)queue->layout) {
	case VN_SPLIT:
		slot = ring_collect(queue, VN_SPLIT, written);
		break;
	case VN_SPLIT_IN_ORDER:
		slot = ring_collect(queue, VN_SPLIT_IN_ORDER, written);
		break;
	case VN_PACKED:
		slot = ring_collect(queue, VN_PACKED, written);
		break;
	case VN_PACKED_IN_ORDER:
		slot = ring_collect(queue, VN_PACKED_IN_ORDER, written);
		break;
	}
	if (slot != 0)
		vn_count(&queue->counters.completed, 1);
	vn_count_in_flight(queue);
	return slot;
}
