/* SPDX-License-Identifier: BSD-3-Clause */
#include "driver/net/packet.h"

/* Bytes before `data` that the virtio header may need, in its longest form. */
#define HEADER_ROOM 32u

void vn_pool_set_addresses(struct vionet_pool *pool)
{
	const struct vionet_memory *m = pool->memory;

	pool->iova_offset = m->iova - (uint64_t)(uintptr_t)m->memory.address;
	for (uint32_t i = 0; i < pool->count; i++)
		pool->packets[i].buffer = pool->base + (size_t)i * pool->stride;
}

void vn_packet_detach(struct vionet_packet *packet)
{
	struct vn_attachment *a = vn_packet_attachment(packet);

	packet->state &= (uint16_t)~VN_PACKET_ATTACHED;
	__atomic_sub_fetch(&a->memory->users, 1, __ATOMIC_RELEASE);
	if (a->release)
		a->release(a->frame, a->context);
}

uint32_t vionet_packet_alloc(struct vionet_pool *pool,
			     struct vionet_packet **packets, uint32_t count)
{
	if (count > pool->available)
		count = pool->available;
	for (uint32_t i = 0; i < count; i++) {
		struct vionet_packet *packet = pool->free[--pool->available];

		vn_packet_reset(packet);
		packet->state = VN_PACKET_APPLICATION;
		packets[i] = packet;
	}
	return count;
}

/* Packets of one pool that are one segment each, the application's, and have no
 * external frame, from the front: the pool's stack stays in registers. Returns how many
 * there were. */
static uint32_t packet_free_fast(struct vionet_packet *const *packets, uint32_t count)
{
	const struct vionet_packet *first = packets[0];
	struct vionet_pool *pool = first->pool;
	struct vionet_packet **top = pool->free + pool->available;
	size_t i;

	for (i = 0; i != count; i++) {
		struct vionet_packet *packet = packets[i];

		if (packet->pool != pool || packet->next ||
		    packet->state != VN_PACKET_APPLICATION)
			break;
		packet->state = VN_PACKET_FREE;
		top[i] = packet;
	}
	pool->available += (uint32_t)i;
	return (uint32_t)i;
}

/* Any other packet. What is not the application's is left alone, segment by segment: it
 * was freed before, or the device has it. */
static void packet_free_slow(struct vionet_packet *packet)
{
	while (packet) {
		struct vionet_packet *next = packet->next;
		bool own = (packet->state & VN_PACKET_OWNER) ==
			   VN_PACKET_APPLICATION;

		assert(own);
		if (!own)
			return;
		vn_segment_free(packet);
		packet = next;
	}
}

void vionet_packet_free(struct vionet_packet *const *packets, uint32_t count)
{
	while (count != 0) {
		uint32_t done = packet_free_fast(packets, count);

		if (done == 0) {
			packet_free_slow(packets[0]);
			done = 1;
		}
		packets += done;
		count -= done;
	}
}

uint64_t *vionet_packet_user(struct vionet_packet *packet)
{
	const struct vionet_pool *pool = packet->pool;

	return &pool->user[packet - pool->packets];
}

uint32_t vionet_packet_tailroom(const struct vionet_packet *packet)
{
	size_t room = (size_t)VIONET_HEADROOM + packet->pool->buffer_size;
	size_t offset = (size_t)(packet->data - packet->buffer);

	/* A frame may be longer than room was requested for: buffers end on lines. */
	if ((packet->state & VN_PACKET_ATTACHED) || offset > room ||
	    packet->length > room - offset)
		return 0;
	return (uint32_t)(room - offset) - packet->length;
}

uint32_t vionet_packet_headroom(const struct vionet_packet *packet)
{
	ptrdiff_t room = packet->data - packet->buffer;

	if ((packet->state & VN_PACKET_ATTACHED) || room < (ptrdiff_t)HEADER_ROOM)
		return 0;
	return (uint32_t)room - HEADER_ROOM;
}
