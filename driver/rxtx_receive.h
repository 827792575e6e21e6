/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the receive burst and the refill, once for every ring layout, with or
 * without mergeable buffers.
 * Never: see driver/rxtx.h.
 * Read next: driver/rxtx_transmit.h.
 *
 * Source: "Network Device / Setting Up Receive Buffers, Processing of Incoming
 * Packets".
 */
#ifndef VN_DRIVER_RXTX_RECEIVE_H
#define VN_DRIVER_RXTX_RECEIVE_H

#include "driver/pool.h"
#include "driver/rxtx.h"
#include "driver/rxtx_slow.h"
#include "driver/spec_net.h"

/* A num_buffers that no header holds: every buffer is looked at closely. */
#define ALWAYS_UNCOMMON 0x10000u

/*
 * Replace what was received, a batch at a time. The header lands right in front of
 * where `data` of a fresh packet points. Descriptions are not touched: what of them
 * has to be set is set when the packet is received.
 */
ALWAYS_INLINE void refill(struct vionet_queue *queue, enum vn_layout layout,
			  bool offloads)
{
	struct vionet_pool *pool = queue->pool;
	uint64_t iova = pool->iova + VIONET_HEADROOM -
			header_size_of(queue, offloads);
	uint32_t available = pool->available, count = queue->free_count;
	uint32_t posted = queue->posted, units = pool->stride_lines;
	uintptr_t first = (uintptr_t)pool->packets;
	struct vn_push c;

	if (count < queue->refill_batch)
		return;
	if (UNLIKELY(available < count)) {
		vn_count(&queue->counters.starved, 1);
		count = available;
		if (count == 0)
			return;
	}
	push_begin(queue, layout, true, &c);
	do {
		struct vionet_packet *packet = pool->free[--available];

		vn_packet_poison(packet);
		/* 64 bytes of description, `units` times 64 of buffer. */
		ring_push(queue, layout, true, &c, (vn_slot)packet,
			  iova + ((uintptr_t)packet - first) * units, posted);
	} while (c.pushed < count);
	pool->available = available;
	push_end(queue, layout, &c);
	publish(queue, layout);
}

/* The description of a packet of one buffer, as if fresh. */
ALWAYS_INLINE void describe(struct vionet_packet *packet, uint32_t length)
{
	vn_packet_reset(packet);
	packet->state = VN_PACKET_APPLICATION;
	packet->length = length;
	packet->total_length = length;
}

/*
 * What the header says of a packet in one buffer. Nothing, or that its checksum was
 * found right, is taken here; the rest in offload.c. Returns false if the packet made
 * no sense: it is gone then.
 */
ALWAYS_INLINE bool take_metadata(struct vionet_queue *queue,
				 struct vionet_packet *packet,
				 uint32_t header_size)
{
	const uint8_t *header = packet->buffer + VIONET_HEADROOM - header_size;
	uint32_t kind = vn_load16((const volatile uint16_t *)header);

	if (UNLIKELY((kind & ~(uint32_t)NET_HDR_DATA_VALID) != 0 ||
		     queue->offloads.hash))
		return vn_receive_header(queue, packet, kind);
	packet->flags = (uint8_t)kind & queue->offloads.flags;
	return true;
}

ALWAYS_INLINE uint32_t num_buffers(const struct vionet_packet *packet,
				   uint32_t header_size)
{
	const uint8_t *header = packet->buffer + VIONET_HEADROOM - header_size;

	return vn_load16(&((const volatile struct net_hdr *)header)->num_buffers);
}

/*
 * The common buffer is a whole packet: a header, a frame of 14 bytes at least, and no
 * more than was posted. One comparison tells, the rest is in rxtx_slow.c.
 */
ALWAYS_INLINE uint32_t receive_burst(struct vionet_queue *queue,
				     enum vn_layout layout, bool mergeable,
				     bool offloads,
				     struct vionet_packet **packets,
				     uint32_t max)
{
	uint32_t received = 0, header_size = header_size_of(queue, offloads);
	uint32_t shortest = header_size + VIONET_FRAME_MIN;
	uint32_t span = queue->posted - shortest;
	uint32_t usual = queue->partial.left ? ALWAYS_UNCOMMON : 1;
	uint64_t bytes = 0;
	struct vn_pop c;

	if (UNLIKELY(queue->breach))
		return 0;
	/* Not more buffers in a call than the ring holds: a device that completes
	 * rubbish as fast as we drop it does not keep us here. */
	pop_begin(queue, layout, &c);
	while (received < max && c.popped < c.most) {
		struct vionet_packet *packet;
		uint32_t written, index, buffers = 1;
		vn_slot slot = ring_pop(queue, layout, true, &c, &written, &index);

		if (slot == 0)
			break;
		c.popped++;
		packet = (struct vionet_packet *)slot;
		vn_packet_unpoison(packet);
		if (mergeable)
			buffers = num_buffers(packet, header_size);
		if (UNLIKELY(written - shortest > span || buffers != usual)) {
			packet = vn_receive_uncommon(queue, packet, written,
						     buffers);
			usual = queue->partial.left ? ALWAYS_UNCOMMON : 1;
			if (!packet)
				continue;
		} else {
			describe(packet, written - header_size);
			if (offloads &&
			    !take_metadata(queue, packet, header_size))
				continue;
		}
		bytes += packet->total_length;
		packets[received++] = packet;
	}
	if (c.popped != 0) {
		pop_end(queue, layout, &c);
		vn_count(&queue->counters.completed, c.popped);
		vn_count(&queue->counters.packets, received);
		vn_count(&queue->counters.bytes, bytes);
	}
	if (LIKELY(!queue->breach))
		refill(queue, layout, offloads);
	vn_count_in_flight(queue);
	return received;
}

#endif
