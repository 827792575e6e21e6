/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets and the pools that they come from, and the inline part of taking and giving back.
 * No pointer or length lies where the device could change it: descriptions are in private
 * memory, buffers in the device's.
 */
#ifndef VN_DRIVER_PACKET_H
#define VN_DRIVER_PACKET_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vionet/packet.h>

#include "driver/state/device.h"

#if defined(__SANITIZE_ADDRESS__)
#define VN_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define VN_POISON 1
#endif
#endif
#ifdef VN_POISON
#include <sanitizer/asan_interface.h>
#endif

/* Values of vionet_packet.state. */
enum vn_packet_state {
	VN_PACKET_FREE = 0,
	VN_PACKET_APPLICATION = 1,
	VN_PACKET_DEVICE = 2,
	VN_PACKET_OWNER = 3,	/* mask of the above */
	VN_PACKET_ATTACHED = 4, /* its frame lies in registered memory */
};

/* The arguments of vionet_packet_attach; kept beside the packets, for few use it. */
struct vn_attachment {
	struct vionet_memory *memory;
	void *frame;
	vionet_release_fn *release;
	void *context;
};

struct vn_share;

struct vionet_pool {
	struct vionet_packet **free; /* stack: the last one freed is warm */
	uint32_t available;
	uint32_t count;
	uint8_t *base;	      /* first buffer */
	uint64_t iova_offset; /* address for the device minus ours */
	uint32_t stride;
	uint32_t stride_lines; /* in units of 64 bytes, a description's size */
	uint32_t buffer_size;
	struct vionet_packet *packets;
	struct vn_attachment *attachments; /* made when first needed */
	uint64_t *user; /* the application's word of each packet */
	struct vionet_device *device;
	struct vionet_memory *memory;
	bool own_memory;
	bool own; /* made by the device's start; released by its stop */
	bool abandoned; /* that could not be done: the device may still use it */
	unsigned int queues; /* that take packets from it */
	enum vn_access access;
	struct vionet_pool *next; /* in the device's list */
	struct vn_share *shares;  /* other devices that see it */
};

_Static_assert(sizeof(struct vionet_packet) == 64, "one line of the cache");

static inline struct vn_attachment *
vn_packet_attachment(const struct vionet_packet *packet)
{
	return &packet->pool->attachments[packet - packet->pool->packets];
}

/* In sanitizer builds no code here may touch a buffer that the device has. */
static inline void vn_packet_poison(const struct vionet_packet *packet)
{
#ifdef VN_POISON
	ASAN_POISON_MEMORY_REGION(packet->buffer, packet->pool->stride);
#else
	(void)packet;
#endif
}

static inline void vn_packet_unpoison(const struct vionet_packet *packet)
{
#ifdef VN_POISON
	ASAN_UNPOISON_MEMORY_REGION(packet->buffer,
				    packet->pool->stride);
#else
	(void)packet;
#endif
}

static inline void vn_packet_set_owner(struct vionet_packet *packet,
				       enum vn_packet_state owner)
{
	packet->state = (uint16_t)((packet->state & VN_PACKET_ATTACHED) |
				   (unsigned int)owner);
}

/* As fresh from the pool; the state is set by the caller. All fields but those that
 * never change are written, so that this is a few wide stores. */
static inline void vn_packet_reset(struct vionet_packet *packet)
{
	packet->data = packet->buffer + VIONET_HEADROOM;
	packet->next = NULL;
	packet->length = 0;
	packet->total_length = 0;
	packet->segments = 1;
	packet->hdr_len = 0;
	packet->gso_size = 0;
	packet->csum_start = 0;
	packet->csum_offset = 0;
	packet->hash_report = 0;
	packet->hash_value = 0;
	packet->flags = 0;
	packet->gso_type = 0;
	packet->outer_th_offset = 0;
	packet->inner_nh_offset = 0;
}

/* Is all of a segment inside its buffer, with room for the header in front? Not
 * asked of external frames, which vionet_packet_attach has checked. */
static inline bool vn_packet_inside(const struct vionet_packet *packet,
				    uint32_t header_size)
{
	size_t offset = (size_t)(packet->data - packet->buffer);
	size_t stride = packet->pool->stride;

	return offset >= header_size && offset <= stride &&
	       packet->length <= stride - offset;
}

/* Undo an attachment and call the application. */
void vn_packet_detach(struct vionet_packet *packet);

/* One segment back to its pool. */
static inline void vn_segment_free(struct vionet_packet *packet)
{
	struct vionet_pool *pool = packet->pool;

	assert((packet->state & VN_PACKET_OWNER) != VN_PACKET_FREE);
	if (__builtin_expect((packet->state & VN_PACKET_ATTACHED) != 0, 0))
		vn_packet_detach(packet);
	packet->state = VN_PACKET_FREE;
	pool->free[pool->available++] = packet;
}

/* All segments of a packet back to their pools. */
static inline void vn_packet_free(struct vionet_packet *packet)
{
	while (packet) {
		struct vionet_packet *next = packet->next;

		vn_segment_free(packet);
		packet = next;
	}
}

/* Addresses of the pool's buffers, and of its packets' in it, after its memory changed. */
void vn_pool_set_addresses(struct vionet_pool *pool);

#endif
