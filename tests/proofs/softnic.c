/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The software device's walk over descriptors that a hostile driver writes: one buffer taken, from
 * any state, and given back. What a descriptor names is translated elsewhere (softnic/ring/buffer.c).
 */
#include "any.h"

#include "softnic/ring/internal.h"

#define SIZE 8u

static volatile struct split_descriptor table[SIZE];
static volatile uint16_t available[SIZE + 3];
static volatile uint16_t used_area[4 * SIZE + 3];
static volatile struct packed_descriptor descriptors[SIZE];
static volatile struct packed_event driver_event, device_event;
static uint8_t memory[64];
static struct ring ring;
static struct queue queue;
static struct few few[SIZE];
static uint16_t free_records[SIZE];
static struct taken taken[2 * SIZE];
static struct slot slot[SIZE];

void violation(struct device *device, const char *id, const char *format, ...)
{
}

int ring_broken(struct ring *broken)
{
	return -1;
}

int buffer_add(struct ring *to, struct buffer *buffer, const struct fetched *descriptor)
{
	return -(int)any(0, 1);
}

int buffer_add_table(struct ring *to, struct buffer *buffer, const struct fetched *descriptor, unsigned int before)
{
	return -(int)any(0, 1);
}

static void any_ring(void)
{
	ring.queue = &queue;
	ring.requirement = &split_requirements;
	ring.size = SIZE;
	ring.in_order = any_bool();
	ring.event_idx = any_bool();
	ring.resumed = any_bool();
	ring.next = (uint16_t)any(0, PACKED ? SIZE - 1 : UINT16_MAX);
	ring.used = (uint16_t)any(0, PACKED ? SIZE - 1 : UINT16_MAX);
	ring.seen = (uint16_t)any(0, UINT16_MAX);
	ring.published = (uint16_t)any(0, UINT16_MAX);
	ring.notified = (uint16_t)any(0, UINT16_MAX);
	ring.expected = (uint16_t)any(0, UINT16_MAX);
	ring.outstanding = any(0, SIZE);
	ring.unseen = any(0, SIZE);
	ring.next_wrap = any_bool();
	ring.used_wrap = any_bool();
	ring.available = (const uint16_t *)available;
	ring.used_area = (uint16_t *)used_area;
	ring.driver_event = (const struct packed_event *)&driver_event;
	ring.device_event = (struct packed_event *)&device_event;
	if (PACKED)
		ring.descriptors = (struct packed_descriptor *)descriptors;
	else
		ring.table = (const struct split_descriptor *)table;
	ring.window[0] = (struct mapping){ .iova = any(0, UINT32_MAX), .size = sizeof(memory), .address = memory, .directions = any(0, 3) };
	ring.few = few;
	ring.free = free_records;
	ring.taken = taken;
	ring.taken_mask = 2 * SIZE - 1;
	ring.takes = any(0, UINT32_MAX);
	ring.slot = slot;
	for (uint32_t i = 0; i < SIZE; i++) {
		free_records[i] = (uint16_t)any(0, SIZE - 1);
		slot[i].owner = (uint16_t)any(0, SIZE);
		slot[i].next = (uint16_t)any(0, SIZE - 1);
	}
}

int main(void)
{
	static struct buffer buffer;
	struct waiting used = { 0 };

	any_ring();
	/* A descriptor that is the driver's has no record: so there is a free one. */
	ring.free_count = any(1, SIZE);
	if (any_bool()) {
		if ((PACKED ? packed_take : split_take)(&ring, &buffer) == 1) {
			//@ assert buffer.record < SIZE;
			//@ assert !PACKED ==> buffer.id < SIZE;
		}
	} else if (!PACKED) {
		buffer.id = (uint16_t)any(0, SIZE - 1);
		buffer.slots = (uint16_t)any(1, SIZE);
		split_release(&ring, &buffer);
	} else {
		used.slots = (uint16_t)any(1, SIZE);
		packed_give(&ring, &used);
		packed_publish(&ring);
	}
	//@ assert \forall integer i; 0 <= i < SIZE ==> slot[i].next < SIZE;
	//@ assert !PACKED || ring.next < SIZE && ring.used < SIZE;
	Frama_C_show_each_end();
	return 0;
}
