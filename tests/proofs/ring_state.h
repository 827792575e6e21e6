/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue in any state that the operations of a ring leave behind: what demand_state demands
 * after a step is all that any_state gives before one. LAYOUT, SIZE; TABLES_OUT: some
 * indirect tables are with the device; SLOT: what a buffer in flight is.
 */
#ifndef VN_PROOF_RING_STATE_H
#define VN_PROOF_RING_STATE_H

#include "any.h"

#include "driver/ring/layout.h"
#include "driver/ring/slow_path.h"

#ifndef SLOT
#define SLOT ((vn_slot)&packet)
#endif

/* Indirect tables, and entries of each. */
#define TABLES 2
#define ENTRIES 2

static struct split_desc descs[SIZE];
static volatile struct packed_desc ring_descs[SIZE];
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
static struct split_desc tables[TABLES * ENTRIES];
static uint16_t free_tables[TABLES];
static struct vionet_memory table_memory;
static le32 doorbell;

static int kick_by_message(struct vn_transport *transport, const struct vn_doorbell *bell)
{
	return -(int)any(0, 1);
}

static void any_doorbell(void)
{
	static const struct vn_transport_ops ops = { .kick = kick_by_message };
	static struct vn_transport transport = { .ops = &ops };

	queue.transport = &transport;
	queue.doorbell.address = any_bool() ? &doorbell : NULL;
	queue.doorbell.width = any_bool() ? 4 : 2;
	queue.doorbell.fd = any_bool() ? 3 : -1;
}

/* Where a buffer that comes back had a table, one is not in the stack of free ones. */
static void any_tables(void)
{
	for (uint32_t i = 0; i < TABLES; i++)
		free_tables[i] = (uint16_t)any(0, TABLES - 1);
	for (uint32_t i = 0; i < SIZE; i++) {
		extents[i].descriptors = (uint16_t)any(1, SIZE);
		extents[i].table = TABLES_OUT && any_bool() ? (uint16_t)any(0, TABLES - 1) : VN_NO_TABLE;
		chained[i] = (uint16_t)any(0, SIZE - 1);
	}
	table_memory.memory.address = tables;
	queue.tables.memory = &table_memory;
	queue.tables.free = free_tables;
	queue.tables.entries = ENTRIES;
	queue.tables.available = (uint16_t)any(0, TABLES_OUT ? TABLES - 1 : TABLES);
}

static void any_record(void)
{
	for (uint32_t i = 0; i < SIZE; i++) {
		slots[i] = any_bool() ? SLOT : 0;
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
	ring->kick_index = (uint16_t)any(0, UINT16_MAX);
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
	ring->seq_next = (uint16_t)any(0, SIZE - 1);
	ring->seq_used = (uint16_t)any(0, SIZE - 1);
	ring->added = (uint16_t)any(0, UINT16_MAX);
}

static void demand_state(void)
{
	//@ assert \forall integer i; 0 <= i < SIZE ==> ids[i] < SIZE && chained[i] < SIZE;
	//@ assert queue.tables.available <= TABLES;
	if (!vn_layout_is_packed(LAYOUT))
		return;
	//@ assert \subset(queue.packed.avail, &ring_descs[0 .. SIZE - 1]);
	//@ assert \subset(queue.packed.used, &ring_descs[0 .. SIZE - 1]);
	//@ assert queue.packed.seq_next < SIZE && queue.packed.seq_used < SIZE;
}

static void any_state(void)
{
	any_record();
	any_tables();
	any_doorbell();
	if (vn_layout_is_packed(LAYOUT))
		any_packed();
	else
		any_split();
	demand_state();
}

#endif
