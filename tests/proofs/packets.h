/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of a pool and of another one, in any state that the bursts leave behind. They lie at a fixed address, in
 * which tags can be set and cleared: Eva calculates with numbers, and not with bits of a pointer.
 *
 * A pool's stack has room above and below for any number of packets: that none is in it twice, so that it never
 * overflows, is a sum, which Eva does not know.
 */
#ifndef VN_PROOF_PACKETS_H
#define VN_PROOF_PACKETS_H

#include <string.h>

#include "any.h"

/* The first two are a device's, the others an application's. */
#define PACKETS 4
#define PACKETS_AT 0x100000ul /* tests/proofs/table.py has it, too */
#define PACKET(number) ((struct vionet_packet *)(PACKETS_AT + 64ul * (number)))
#define ANY_PACKET PACKET(any(0, 1))
#define SLOT ((vn_slot)ANY_PACKET | (RECEIVES ? 0 : any(0, VN_SLOT_TAGS)))

#include "ring_state.h"

#include "driver/net/packet.h"
#include "driver/net/pool.h"
#include "driver/queue/burst.h"

#define HEADER_SIZE (OFFLOADS ? 24u : 12u)
#define FRAME_ROOM 64u
#define STRIDE (VIONET_HEADROOM + FRAME_ROOM)
#define STACK (1ul << 32)

static volatile uint8_t buffer[STRIDE];
static struct vionet_packet *stack[3 * STACK];
static struct vn_attachment attachments[PACKETS];
static struct vionet_memory memory;
static struct vionet_pool pool, other;
static struct vionet_device device;
static uint64_t released;

static void packet_released(void *frame, void *context)
{
	released++;
}

static void any_stack(void)
{
	stack[0] = ANY_PACKET;
	//@ loop unroll 40;
	for (uint64_t have = 1; have < 2 * STACK; have *= 2)
		memcpy(stack + have, stack, have * sizeof(stack[0]));
	memcpy(stack + 2 * STACK, stack, STACK * sizeof(stack[0]));
}

static void any_pool(struct vionet_pool *p)
{
	p->free = stack + STACK;
	p->available = any(0, UINT32_MAX);
	p->count = any(0, UINT32_MAX);
	p->stride = STRIDE;
	p->stride_lines = STRIDE / 64;
	p->buffer_size = FRAME_ROOM;
	p->packets = PACKET(0);
	p->attachments = attachments;
	p->device = any_bool() ? &device : NULL;
}

/* Where its data begin is for the caller. */
static void any_packet(uint32_t number)
{
	attachments[number] = (struct vn_attachment){
		.memory = &memory,
		.release = any_bool() ? packet_released : NULL,
	};
	*PACKET(number) = (struct vionet_packet){
		.data = (uint8_t *)buffer + VIONET_HEADROOM,
		.next = any_bool() ? ANY_PACKET : NULL,
		.length = any(0, UINT32_MAX),
		.total_length = any(0, UINT32_MAX),
		.segments = (uint16_t)any(0, UINT16_MAX),
		.hdr_len = (uint16_t)any(0, UINT16_MAX),
		.gso_size = (uint16_t)any(0, UINT16_MAX),
		.csum_start = (uint16_t)any(0, UINT16_MAX),
		.csum_offset = (uint16_t)any(0, UINT16_MAX),
		.flags = (uint8_t)any(0, UINT8_MAX),
		.gso_type = (uint8_t)any(0, UINT8_MAX),
		.state = (uint16_t)any(0, UINT16_MAX),
		.outer_th_offset = (uint16_t)any(0, UINT16_MAX),
		.inner_nh_offset = (uint16_t)any(0, UINT16_MAX),
		.pool = any_bool() ? &pool : &other,
		.buffer = (uint8_t *)buffer,
	};
}

static void any_packets(void)
{
	any_stack();
	any_pool(&pool);
	any_pool(&other);
	memory.device = any_bool() ? &device : NULL;
	memory.users = any(0, UINT32_MAX);
	memory.memory.address = (void *)buffer;
	for (uint32_t i = 0; i < PACKETS; i++)
		any_packet(i);
	queue.device = &device;
	queue.pool = &pool;
	queue.transmits = !RECEIVES;
	queue.packets = true;
	queue.header_size = HEADER_SIZE;
	queue.posted = FRAME_ROOM + HEADER_SIZE;
	queue.max_frame = any(VIONET_FRAME_MIN, VIONET_FRAME_MAX);
	queue.refill_batch = (uint16_t)any(0, SIZE);
	queue.segments_max = (uint16_t)any(1, VN_SEGMENTS_MAX);
	queue.metadata = any_bool();
	queue.offloads.flags = (uint8_t)any(0, UINT8_MAX);
	queue.offloads.bits = (uint8_t)any(0, UINT8_MAX);
	queue.offloads.kinds = (uint16_t)any(0, UINT16_MAX);
	queue.offloads.hash = any_bool();
	queue.source.pool = &pool;
	queue.source.room = STRIDE - HEADER_SIZE;
	queue.source.span = any(0, STRIDE - HEADER_SIZE - VIONET_FRAME_MIN);
	queue.partial.head = ANY_PACKET;
	queue.partial.tail = ANY_PACKET;
	queue.partial.left = any(0, UINT32_MAX);
	queue.partial.drop = any_bool();
	queue.batch_written = any(0, UINT32_MAX);
}

#endif
