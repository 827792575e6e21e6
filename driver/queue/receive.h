/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The receive burst and the refill, once for every ring layout, with or without mergeable
 * buffers.
 *
 * Source: "Network Device / Setting Up Receive Buffers, Processing of Incoming
 * Packets".
 */
#ifndef VN_DRIVER_RECEIVE_H
#define VN_DRIVER_RECEIVE_H

#include "driver/net/offload.h"
#include "driver/net/pool.h"
#include "driver/queue/burst.h"
#include "driver/queue/rescue.h"
#include "driver/queue/slow_path.h"
#include "driver/ring/layout.h"
#include "driver/spec/net.h"

/* A num_buffers that no header holds: every buffer is looked at closely. */
#define ALWAYS_UNCOMMON 0x10000u

/*
 * Replace what was received, a batch at a time. The header lands right in front of
 * where `data` of a fresh packet points. Descriptions are not touched: what of them
 * has to be set is set when the packet is received.
 */
ALWAYS_INLINE void rx_refill_burst(struct vionet_queue *queue,
				   enum vn_layout layout)
{
	struct vionet_pool *pool = queue->pool;
	uint32_t available = pool->available, count = queue->free_count;
	uint32_t posted = queue->posted, units = pool->stride_lines;
	uint64_t shift = queue->refill_shift;
	struct vionet_packet **top;
	struct vn_push c;

	if (UNLIKELY(available < count)) {
		vn_count(&queue->counters.starved, 1);
		count = available;
		if (count == 0)
			return;
	}
	top = pool->free + available;
	ring_push_begin(queue, layout, true, &c);
	do {
		uint32_t end = c.pushed + ring_push_run(queue, layout, true, &c,
							count - c.pushed);

		do {
			struct vionet_packet *packet = *--top;

			vn_packet_poison(packet);
			ring_push(queue, layout, true, &c, (vn_slot)packet,
				  (uint64_t)(uintptr_t)packet * units + shift,
				  posted);
		} while (c.pushed < end);
		ring_push_wrap(queue, layout, &c);
	} while (c.pushed < count);
	pool->available = available - count;
	ring_push_end(queue, layout, true, &c);
	ring_publish(queue, layout);
}

/* The description of a packet of one buffer, as if fresh. */
ALWAYS_INLINE void rx_describe(struct vionet_packet *packet, uint32_t length)
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
ALWAYS_INLINE bool rx_take_metadata(struct vionet_queue *queue,
				    struct vionet_packet *packet,
				    uint32_t header_size)
{
	const uint8_t *header = packet->buffer + VIONET_HEADROOM - header_size;
	uint32_t kind = vn_load16((const volatile le16 *)header);

	if (UNLIKELY((kind & ~(uint32_t)NET_HDR_DATA_VALID) != 0 ||
		     queue->offloads.hash))
		return vn_receive_header(queue, packet, kind);
	packet->flags = (uint8_t)kind & queue->offloads.flags;
	return true;
}

ALWAYS_INLINE uint32_t rx_num_buffers(const struct vionet_packet *packet,
				      uint32_t header_size)
{
	const uint8_t *header = packet->buffer + VIONET_HEADROOM - header_size;

	return vn_load16(&((const volatile struct net_hdr *)header)->num_buffers);
}

/* rx_refill_burst of the layout, as a function of its own: the receive burst has the
 * registers for itself. */
typedef void rx_refill_fn(struct vionet_queue *queue);

/* What does not change in a burst, but for `usual`: the num_buffers of the common
 * buffer, or none where the next belongs to a packet that has begun. */
struct rx_limits {
	uint32_t header_size, shortest, span, usual;
};

ALWAYS_INLINE struct rx_limits rx_limits_of(const struct vionet_queue *queue,
					    uint32_t header_size)
{
	uint32_t shortest = header_size + VIONET_FRAME_MIN;

	return (struct rx_limits){
		.header_size = header_size,
		.shortest = shortest,
		.span = queue->posted - shortest,
		.usual = queue->partial.left ? ALWAYS_UNCOMMON : 1,
	};
}

/*
 * A packet that is complete with this buffer, or NULL. The common buffer is a whole
 * packet: a header, a frame of 14 bytes at least, and no more than was posted. One
 * comparison decides, the rest is in driver/queue/slow_path.c.
 */
ALWAYS_INLINE struct vionet_packet *
rx_take_buffer(struct vionet_queue *queue, bool mergeable, bool offloads,
	       struct rx_limits *r, struct vionet_packet *packet, uint32_t written)
{
	uint32_t buffers = 1;

	vn_packet_unpoison(packet);
	if (mergeable)
		buffers = rx_num_buffers(packet, r->header_size);
	if (UNLIKELY(written - r->shortest > r->span ||
		     (mergeable && buffers != r->usual))) {
		packet = vn_receive_uncommon(queue, packet, written, buffers);
		r->usual = queue->partial.left ? ALWAYS_UNCOMMON : 1;
		return packet;
	}
	rx_describe(packet, written - r->header_size);
	if (offloads && !rx_take_metadata(queue, packet, r->header_size))
		return NULL;
	return packet;
}

ALWAYS_INLINE uint32_t rx_burst(struct vionet_queue *queue,
				enum vn_layout layout, bool mergeable,
				bool offloads, rx_refill_fn *refill,
				struct vionet_packet **packets,
				uint32_t max)
{
	struct rx_limits r = rx_limits_of(queue, burst_header_size(queue, offloads));
	uint32_t received = 0;
	uint64_t bytes = 0;
	struct vn_pop c;

	if (UNLIKELY(queue->error))
		return 0;
	/* Not more buffers in a call than the ring holds: a device that completes
	 * rubbish as fast as we drop it does not keep us here. */
	ring_pop_begin(queue, layout, &c);
	if (!vn_layout_is_packed(layout))
		split_pop_ahead(queue, &c, c.most < max ? c.most : max);
	while (received < max && c.popped < c.most) {
		uint32_t left = c.most - c.popped;
		uint32_t end = c.popped +
			       ring_pop_run(queue, layout, true, &c,
					    max - received < left ? max - received : left);

		while (c.popped < end) {
			struct vionet_packet *packet;
			uint32_t written, index;
			vn_slot slot = ring_pop(queue, layout, true, &c,
						&written, &index);

			if (slot == 0) {
				c.most = c.popped; /* that was all */
				break;
			}
			c.popped++;
			packet = rx_take_buffer(queue, mergeable, offloads, &r,
						(struct vionet_packet *)slot,
						written);
			if (!packet)
				continue;
			bytes += packet->total_length;
			packets[received++] = packet;
		}
		ring_pop_wrap(queue, layout, &c);
	}
	if (c.popped != 0) {
		ring_pop_end(queue, layout, &c);
		vn_count(&queue->counters.completed, c.popped);
		vn_count(&queue->counters.packets, received);
		vn_count(&queue->counters.bytes, bytes);
	} else {
		vn_queue_idle(queue);
	}
	if (LIKELY(!queue->error) &&
	    queue->free_count >= queue->refill_batch)
		refill(queue);
	vn_count_in_flight(queue);
	return received;
}

/* A burst of one packet, without loops. If the first buffer is not one, `many` goes on. */
ALWAYS_INLINE uint32_t rx_single(struct vionet_queue *queue,
				 enum vn_layout layout, bool mergeable,
				 bool offloads, rx_refill_fn *refill,
				 vn_receive_fn *many,
				 struct vionet_packet **packets)
{
	uint32_t written, index, header_size = burst_header_size(queue, offloads);
	struct vionet_packet *packet;
	struct rx_limits r;
	struct vn_pop c;
	vn_slot slot;

	if (UNLIKELY(queue->error))
		return 0;
	if (ring_pop_begin(queue, layout, &c) == 0)
		return many(queue, packets, 1);
	slot = ring_pop(queue, layout, true, &c, &written, &index);
	if (slot == 0)
		return many(queue, packets, 1);
	c.popped = 1;
	ring_pop_wrap(queue, layout, &c);
	ring_pop_end(queue, layout, &c);
	r = rx_limits_of(queue, header_size);
	packet = rx_take_buffer(queue, mergeable, offloads, &r,
				(struct vionet_packet *)slot, written);
	vn_count(&queue->counters.completed, 1);
	if (UNLIKELY(!packet)) {
		vn_count_in_flight(queue); /* an error ends the next one at once */
		return many(queue, packets, 1);
	}
	packets[0] = packet;
	vn_count(&queue->counters.packets, 1);
	vn_count(&queue->counters.bytes, packet->total_length);
	if (LIKELY(!queue->error) &&
	    queue->free_count >= queue->refill_batch)
		refill(queue);
	vn_count_in_flight(queue);
	return 1;
}

/* Who sleeps with buffers in the pool and none in the ring sleeps for ever. */
ALWAYS_INLINE int burst_arm(struct vionet_queue *queue, enum vn_layout layout,
			    rx_refill_fn *refill)
{
	if (!queue->transmits && !queue->error &&
	    queue->free_count >= queue->refill_batch)
		refill(queue);
	return ring_arm(queue, layout) ? 1 : 0;
}

#endif
