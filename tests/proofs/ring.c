/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One step of each operation of a ring, from any state that the steps leave behind: what is
 * demanded of the state before a step is demanded after it, so that it holds after any number
 * of them. LAYOUT, SIZE.
 */
#include "any.h"

#include "driver/ring/layout.h"

static struct split_desc descs[SIZE];
static struct packed_desc ring_descs[SIZE];
static struct vionet_queue queue;
static vn_slot slots[SIZE];
static uint16_t ids[SIZE];
static struct vn_extent extents[SIZE];
static uint16_t chained[SIZE];
static uint16_t avail_ring[SIZE + 3];
static volatile uint32_t used_ring[2 * SIZE + 2];
static struct packed_event driver_event;
static volatile le32 device_event;
static uint64_t packet;

static void any_record(void)
{
	for (uint32_t i = 0; i < SIZE; i++) {
		slots[i] = any_bool() ? (vn_slot)&packet : 0;
		ids[i] = (uint16_t)any(0, SIZE - 1);
	}
	queue.slots = slots;
	queue.ids = ids;
	queue.extents = extents;
	queue.chained = chained;
	queue.size = SIZE;
	queue.layout = LAYOUT;
	queue.event_idx = any_bool();
	queue.armed = any_bool();
	queue.posted = any(0, UINT32_MAX);
	queue.outstanding = (uint16_t)any(0, SIZE);
	queue.batch_left = (uint16_t)any(0, SIZE);
	queue.free_count = (uint16_t)any(0, SIZE);
}

static void any_split(void)
{
	struct vn_split *ring = &queue.split;

	ring->desc = descs;
	ring->avail = (volatile void *)avail_ring;
	ring->used = (const volatile void *)used_ring;
	ring->mask = SIZE - 1;
	ring->avail_index = (uint16_t)any(0, UINT16_MAX);
	ring->desc_index = (uint16_t)any(0, UINT16_MAX);
	ring->used_index = (uint16_t)any(0, UINT16_MAX);
	ring->free_index = (uint16_t)any(0, UINT16_MAX);
	ring->asked_index = (uint16_t)any(0, UINT16_MAX);
	ring->used_seen = (uint16_t)any(0, UINT16_MAX);
	ring->order_due = any_bool();
}

static void any_packed(void)
{
	struct vn_packed *ring = &queue.packed;

	ring->desc = ring_descs;
	ring->end = ring_descs + SIZE;
	ring->avail = ring_descs + any(0, SIZE - 1);
	ring->used = ring_descs + any(0, SIZE - 1);
	ring->avail_flags = PACKED_FLAGS(any_bool() ? PACKED_DESC_F_AVAIL : PACKED_DESC_F_USED);
	ring->used_flags = PACKED_FLAGS(any_bool() ? PACKED_WRAP : 0);
	ring->held_desc = ring_descs + any(0, SIZE - 1);
	ring->held = any(0, UINT32_MAX);
	ring->driver_event = &driver_event;
	ring->device_event = &device_event;
	ring->order_next = (uint16_t)any(0, SIZE - 1);
	ring->order_used = (uint16_t)any(0, SIZE - 1);
	ring->added = (uint16_t)any(0, UINT16_MAX);
}

static void demand_state(void)
{
	//@ assert \forall integer i; 0 <= i < SIZE ==> ids[i] < SIZE;
	if (!vn_layout_is_packed(LAYOUT))
		return;
	//@ assert \subset(queue.packed.avail, &ring_descs[0 .. SIZE - 1]);
	//@ assert \subset(queue.packed.used, &ring_descs[0 .. SIZE - 1]);
	//@ assert queue.packed.order_next < SIZE && queue.packed.order_used < SIZE;
}

static void pop(bool receives)
{
	struct vn_pop c;
	uint32_t written, index;

	if (pop_begin(&queue, LAYOUT, &c) == 0)
		return;
	c.popped = any(0, c.most - 1);
	if (ring_pop(&queue, LAYOUT, receives, &c, &written, &index) != 0)
		c.popped++;
	pop_turn(&queue, LAYOUT, &c);
	pop_end(&queue, LAYOUT, &c);
	demand_state();
}

static void push(bool receives)
{
	struct vn_push c;

	push_begin(&queue, LAYOUT, receives, &c);
	ring_push(&queue, LAYOUT, receives, &c, (vn_slot)&packet, any(0, UINT32_MAX),
		  any(0, UINT32_MAX));
	push_turn(&queue, LAYOUT, &c);
	push_end(&queue, LAYOUT, receives, &c);
	demand_state();
}

int main(void)
{
	any_record();
	if (vn_layout_is_packed(LAYOUT))
		any_packed();
	else
		any_split();
	demand_state();
	switch (any(0, 4)) {
	case 0:
		pop(any_bool());
		break;
	case 1:
		push(any_bool());
		break;
	case 2:
		if (vn_layout_is_packed(LAYOUT))
			packed_publish(&queue);
		else
			split_publish(&queue);
		notify(&queue, LAYOUT);
		break;
	case 3:
		(void)ring_arm(&queue, LAYOUT);
		break;
	default:
		ring_disarm(&queue, LAYOUT);
	}
	Frama_C_show_each_end();
	return 0;
}
