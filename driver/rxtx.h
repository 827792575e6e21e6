/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the bursts: receive, refill, transmit, reclaim, once for every ring
 * layout. The layout is a constant argument of always-inline bodies; a file such
 * as rxtx_split.c instantiates them, so no burst tests it.
 * Never: waits, allocates, calls the system (but for a kick where nothing is
 * mapped), fails, or believes a number of the device.
 * Read next: driver/rxtx_split.c, then driver/transport.h.
 *
 * Source: "Network Device / Packet Transmission, Processing of Incoming Packets".
 */
#ifndef VN_DRIVER_RXTX_H
#define VN_DRIVER_RXTX_H

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "driver/pool.h"
#include "driver/ring_split.h"
#include "driver/spec_net.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NEVER_INLINE static __attribute__((noinline))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* Packets taken from a pool in one go. */
#define REFILL_CHUNK 32u

/* Segments of a packet that are transmitted as one buffer. */
#define SEGMENTS_MAX 64u

#define VLAN_TAG 4u

enum vn_layout { VN_LAYOUT_SPLIT };

/* ---- the five operations, by layout ---- */

ALWAYS_INLINE void ring_push(struct vionet_queue *queue, enum vn_layout layout,
			     const struct vn_element *elements, uint16_t count,
			     bool device_writes, struct vionet_packet *packet)
{
	(void)layout;
	split_push(queue, elements, count, device_writes, packet);
}

ALWAYS_INLINE void ring_publish(struct vionet_queue *queue,
				enum vn_layout layout)
{
	(void)layout;
	split_publish(queue);
}

ALWAYS_INLINE uint16_t ring_completed(struct vionet_queue *queue,
				      enum vn_layout layout)
{
	(void)layout;
	return split_completed(queue);
}

ALWAYS_INLINE struct vionet_packet *ring_pop(struct vionet_queue *queue,
					     enum vn_layout layout,
					     uint32_t *written,
					     uint32_t *posted)
{
	(void)layout;
	return split_pop(queue, written, posted);
}

ALWAYS_INLINE bool ring_need_kick(struct vionet_queue *queue,
				  enum vn_layout layout)
{
	(void)layout;
	return split_need_kick(queue);
}

/* ---- kick ---- */

/* Where nothing can be mapped. An eventfd whose counter is full is signalled enough;
 * a device that has gone is found out by the control thread. */
NEVER_INLINE void kick_unmapped(struct vionet_queue *queue)
{
	const uint64_t one = 1;

	if (queue->doorbell.fd >= 0)
		(void)!write(queue->doorbell.fd, &one, sizeof(one));
	else
		(void)queue->transport->ops->kick(queue->transport,
						  &queue->doorbell);
}

ALWAYS_INLINE void kick(struct vionet_queue *queue)
{
	vn_before_doorbell();
	if (LIKELY(queue->doorbell.address != NULL))
		*queue->doorbell.address = queue->doorbell.value;
	else
		kick_unmapped(queue);
	vn_count(&queue->counters.kicks, 1);
}

/* ---- receive ---- */

/* Post one packet: the header lands right in front of where `data` points. */
ALWAYS_INLINE void post(struct vionet_queue *queue, enum vn_layout layout,
			struct vionet_packet *packet)
{
	struct vn_element element = {
		.iova = (uint64_t)(uintptr_t)packet->data +
			packet->iova_offset - queue->header_size,
		.length = packet->pool->buffer_size + queue->header_size,
	};

	vn_packet_set_owner(packet, VN_PACKET_DEVICE);
	vn_packet_poison(packet);
	ring_push(queue, layout, &element, 1, true, packet);
}

/* Replace what was received, a batch at a time. */
ALWAYS_INLINE void refill(struct vionet_queue *queue, enum vn_layout layout)
{
	struct vionet_packet *fresh[REFILL_CHUNK];
	uint32_t posted = 0;

	if (queue->free_count < queue->refill_batch)
		return;
	while (queue->free_count != 0) {
		uint32_t want = queue->free_count < REFILL_CHUNK ?
					queue->free_count : REFILL_CHUNK;
		uint32_t got = vionet_packet_alloc(queue->pool, fresh, want);

		for (uint32_t i = 0; i < got; i++)
			post(queue, layout, fresh[i]);
		posted += got;
		if (got < want) {
			vn_count(&queue->counters.starved, 1);
			break;
		}
	}
	if (posted == 0)
		return;
	ring_publish(queue, layout);
	if (ring_need_kick(queue, layout))
		kick(queue);
}

/* The first buffer of a packet that does not consist of one. Even if the first is
 * bad, the others belong to it and begin with no header. */
NEVER_INLINE void start_chain(struct vionet_queue *queue,
			      struct vionet_packet *packet, uint32_t buffers,
			      bool good)
{
	if (buffers > queue->size) {
		vn_packet_free(packet);
		vn_queue_break(queue, VN_BREACH_BUFFERS, buffers, queue->size);
		return;
	}
	if (buffers == 0 || !good) {
		vn_count(buffers == 0 ? &queue->counters.dropped_chain :
					&queue->counters.dropped_long, 1);
		vn_packet_free(packet);
		packet = NULL;
	}
	queue->partial.head = packet;
	queue->partial.tail = packet;
	queue->partial.left = buffers == 0 ? 0 : buffers - 1;
	queue->partial.drop = packet == NULL;
}

/* A further buffer. It has no header, so its data begin where the header would.
 * Returns the packet once it is complete. */
NEVER_INLINE struct vionet_packet *
continue_chain(struct vionet_queue *queue, struct vionet_packet *packet,
	       uint32_t written, uint32_t posted)
{
	struct vionet_packet *head = queue->partial.head;

	queue->partial.left--;
	if (!queue->partial.drop &&
	    (written == 0 || written > posted ||
	     head->total_length + written > VIONET_FRAME_MAX)) {
		vn_count(&queue->counters.dropped_long, 1);
		vn_packet_free(head);
		queue->partial.drop = true;
	}
	if (queue->partial.drop) {
		vn_packet_free(packet);
		return NULL;
	}
	packet->data -= queue->header_size;
	packet->length = written;
	head->total_length += written;
	head->segments++;
	queue->partial.tail->next = packet;
	queue->partial.tail = packet;
	if (queue->partial.left != 0)
		return NULL;
	if (head->total_length >= VIONET_FRAME_MIN)
		return head;
	vn_count(&queue->counters.dropped_short, 1);
	vn_packet_free(head);
	return NULL;
}

NEVER_INLINE void drop_received(struct vionet_packet *packet, uint64_t *counter)
{
	vn_count(counter, 1);
	vn_packet_free(packet);
}

/*
 * A buffer that begins a packet: check its length against what was posted, take
 * the header apart. Returns the packet if it is complete; NULL if it was dropped
 * or more is to come.
 */
ALWAYS_INLINE struct vionet_packet *begin_packet(struct vionet_queue *queue,
						 struct vionet_packet *packet,
						 uint32_t written,
						 uint32_t posted)
{
	uint32_t header_size = queue->header_size;
	const volatile struct net_hdr *header =
		(const volatile struct net_hdr *)(packet->data - header_size);

	packet->length = written - header_size;
	packet->total_length = packet->length;
	if (queue->mergeable && LIKELY(written >= header_size)) {
		uint16_t buffers = vn_load16(&header->num_buffers);

		if (UNLIKELY(buffers != 1)) {
			start_chain(queue, packet, buffers,
				    written > header_size && written <= posted);
			return NULL;
		}
	}
	if (UNLIKELY(written < header_size + VIONET_FRAME_MIN)) {
		drop_received(packet, &queue->counters.dropped_short);
		return NULL;
	}
	if (UNLIKELY(written > posted)) {
		drop_received(packet, &queue->counters.dropped_long);
		return NULL;
	}
	return packet;
}

ALWAYS_INLINE uint32_t receive_burst(struct vionet_queue *queue,
				     enum vn_layout layout,
				     struct vionet_packet **packets,
				     uint32_t max)
{
	uint32_t received = 0, completed = 0;
	uint64_t bytes = 0;

	/* Not more buffers in a call than the ring holds: a device that completes
	 * rubbish as fast as we drop it does not keep us here. */
	while (received < max && completed < queue->size) {
		struct vionet_packet *packet;
		uint32_t written, posted;

		if (UNLIKELY(queue->breach) || ring_completed(queue, layout) == 0)
			break;
		packet = ring_pop(queue, layout, &written, &posted);
		if (UNLIKELY(!packet))
			break;
		completed++;
		vn_packet_unpoison(packet);
		packet->state = VN_PACKET_APPLICATION;
		if (UNLIKELY(queue->partial.left != 0))
			packet = continue_chain(queue, packet, written, posted);
		else
			packet = begin_packet(queue, packet, written, posted);
		if (!packet)
			continue;
		bytes += packet->total_length;
		packets[received++] = packet;
	}
	if (completed != 0) {
		vn_count(&queue->counters.completed, completed);
		vn_count(&queue->counters.packets, received);
		vn_count(&queue->counters.bytes, bytes);
	}
	if (LIKELY(!queue->breach))
		refill(queue, layout);
	vn_count_in_flight(queue);
	return received;
}

/* ---- transmit ---- */

/* Take completed packets back. What the device says it wrote to them is ignored:
 * some report nonsense, and nothing of it matters. */
ALWAYS_INLINE uint32_t reclaim_burst(struct vionet_queue *queue,
				     enum vn_layout layout)
{
	uint32_t completed = 0, written, posted;

	while (completed < queue->size && LIKELY(!queue->breach) &&
	       ring_completed(queue, layout) != 0) {
		struct vionet_packet *packet =
			ring_pop(queue, layout, &written, &posted);

		if (UNLIKELY(!packet))
			break;
		vn_packet_unpoison(packet);
		vn_packet_free(packet);
		completed++;
	}
	if (completed != 0) {
		vn_count(&queue->counters.completed, completed);
		vn_count_in_flight(queue);
	}
	return completed;
}

/* May a frame of this length go out? A VLAN tag does not count (NET-08). */
ALWAYS_INLINE bool length_allowed(const struct vionet_queue *queue,
				  const struct vionet_packet *packet,
				  uint32_t length)
{
	if (UNLIKELY(length < VIONET_FRAME_MIN))
		return false;
	if (LIKELY(length <= queue->max_frame))
		return true;
	return length <= queue->max_frame + VLAN_TAG && packet->length >= 14 &&
	       packet->data[12] == 0x81 && packet->data[13] == 0x00;
}

/* Write the header in front of `at`. Nothing is offloaded, so it is all zero
 * (NET-13, NET-14, NET-43); its size follows the features (NET-12). */
ALWAYS_INLINE void write_header(const struct vionet_queue *queue, uint8_t *at)
{
	uint8_t *header = at - queue->header_size;

	memset(header, 0, sizeof(struct net_hdr)); /* a constant: two stores */
	if (UNLIKELY(queue->header_size != sizeof(struct net_hdr)))
		memset(header + sizeof(struct net_hdr), 0,
		       queue->header_size - sizeof(struct net_hdr));
}

/* One segment as the device sees it; a foreign frame by its own memory. */
ALWAYS_INLINE struct vn_element segment_element(const struct vionet_packet *s)
{
	uint64_t offset = s->iova_offset;

	if (UNLIKELY(s->state & VN_PACKET_ATTACHED)) {
		const struct vionet_memory *m =
			s->pool->attachments[s->index].memory;

		offset = m->iova - (uint64_t)(uintptr_t)m->memory.address;
	}
	return (struct vn_element){
		.iova = (uint64_t)(uintptr_t)s->data + offset,
		.length = s->length,
	};
}

/*
 * Elements of a packet in several segments, or with a foreign frame. The header
 * goes in front of the first segment; a foreign frame has it in a descriptor of
 * its own, from the packet's own buffer. Returns their number, 0 if there are too
 * many or it may not be sent; `*total`: bytes of the frame.
 */
NEVER_INLINE uint16_t gather(const struct vionet_queue *queue,
			     const struct vionet_packet *packet,
			     struct vn_element elements[SEGMENTS_MAX],
			     uint64_t *total)
{
	bool foreign = (packet->state & VN_PACKET_ATTACHED) != 0;
	uint8_t *own = vn_packet_buffer(packet) + VIONET_HEADROOM;
	uint16_t count = 0;

	*total = 0;
	/* Offloads that were not negotiated (NET-14, NET-43). */
	if (packet->flags != 0 || packet->gso_type != 0)
		return 0;
	if (!foreign && !vn_packet_inside(packet, queue->header_size))
		return 0;
	write_header(queue, foreign ? own : packet->data);
	if (foreign)
		elements[count++] = (struct vn_element){
			.iova = (uint64_t)(uintptr_t)own + packet->iova_offset -
				queue->header_size,
			.length = queue->header_size,
		};
	for (const struct vionet_packet *s = packet; s; s = s->next) {
		if (count == SEGMENTS_MAX || count == queue->size ||
		    s->length == 0 || s->pool->device != queue->device ||
		    (!(s->state & VN_PACKET_ATTACHED) && !vn_packet_inside(s, 0)))
			return 0;
		elements[count++] = segment_element(s);
		*total += s->length;
	}
	if (!foreign) {
		elements[0].iova -= queue->header_size;
		elements[0].length += queue->header_size;
	}
	if (*total > VIONET_FRAME_MAX ||
	    !length_allowed(queue, packet, (uint32_t)*total))
		return 0;
	return count;
}

NEVER_INLINE void
refuse_packet(struct vionet_queue *queue, struct vionet_packet *packet)
{
	vn_count(&queue->counters.invalid, 1);
	vn_packet_free(packet);
}

enum push_result { PUSHED, REFUSED, FULL };

/* The uncommon packets: several segments, foreign memory, or not to be sent. */
NEVER_INLINE enum push_result
push_uncommon(struct vionet_queue *queue, enum vn_layout layout,
	      struct vionet_packet *packet, uint64_t *bytes)
{
	struct vn_element elements[SEGMENTS_MAX];
	uint64_t total;
	uint16_t count = gather(queue, packet, elements, &total);

	if (count == 0) {
		refuse_packet(queue, packet);
		return REFUSED;
	}
	if (queue->free_count < count)
		return FULL;
	*bytes += total;
	vn_packet_set_owner(packet, VN_PACKET_DEVICE);
	ring_push(queue, layout, elements, count, false, packet);
	return PUSHED;
}

/* The common packet: one segment, the header right in front of it. */
ALWAYS_INLINE enum push_result push_packet(struct vionet_queue *queue,
					   enum vn_layout layout,
					   struct vionet_packet *packet,
					   uint64_t *bytes)
{
	struct vn_element element;

	if (UNLIKELY(packet->next || (packet->state & VN_PACKET_ATTACHED) ||
		     packet->flags || packet->gso_type ||
		     packet->pool->device != queue->device))
		return push_uncommon(queue, layout, packet, bytes);
	if (UNLIKELY(!length_allowed(queue, packet, packet->length) ||
		     !vn_packet_inside(packet, queue->header_size))) {
		refuse_packet(queue, packet);
		return REFUSED;
	}
	if (UNLIKELY(queue->free_count == 0))
		return FULL;
	assert((packet->state & VN_PACKET_OWNER) == VN_PACKET_APPLICATION);
	write_header(queue, packet->data);
	element.iova = (uint64_t)(uintptr_t)packet->data +
		       packet->iova_offset - queue->header_size;
	element.length = packet->length + queue->header_size;
	*bytes += packet->length;
	vn_packet_set_owner(packet, VN_PACKET_DEVICE);
	vn_packet_poison(packet);
	ring_push(queue, layout, &element, 1, false, packet);
	return PUSHED;
}

/* The queue stays full. */
NEVER_INLINE void
rescue(struct vionet_queue *queue)
{
	uint64_t now = vn_now();

	vn_count(&queue->counters.full, 1);
	if (queue->kicked_at == 0)
		queue->kicked_at = now;
	if (now - queue->kicked_at < VN_RESCUE_INTERVAL)
		return;
	queue->kicked_at = now;
	kick(queue);
}

/* Take completed packets back; was there any? */
ALWAYS_INLINE bool make_room(struct vionet_queue *queue, enum vn_layout layout)
{
	if (reclaim_burst(queue, layout) == 0)
		return false;
	queue->kicked_at = 0;
	return true;
}

ALWAYS_INLINE uint32_t transmit_burst(struct vionet_queue *queue,
				      enum vn_layout layout,
				      struct vionet_packet *const *packets,
				      uint32_t count)
{
	uint32_t taken = 0, pushed = 0;
	uint64_t bytes = 0;

	if (UNLIKELY(queue->breach))
		return 0;
	/* Completions are looked at only when their room is wanted. */
	if (queue->free_count < count)
		make_room(queue, layout);
	while (taken < count && LIKELY(!queue->breach)) {
		enum push_result result =
			push_packet(queue, layout, packets[taken], &bytes);

		/* A packet of several segments wants more room than the one entry
		 * that was counted on. */
		if (UNLIKELY(result == FULL)) {
			if (make_room(queue, layout))
				continue;
			break;
		}
		pushed += result == PUSHED;
		taken++;
	}
	if (pushed != 0) {
		ring_publish(queue, layout);
		if (ring_need_kick(queue, layout))
			kick(queue);
		vn_count(&queue->counters.packets, pushed);
		vn_count(&queue->counters.bytes, bytes);
		vn_count_in_flight(queue);
	}
	if (UNLIKELY(taken < count))
		rescue(queue);
	return taken;
}

#endif
