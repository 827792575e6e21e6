/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transmit burst and taking back what was sent, once for every ring layout.
 *
 * Source: "Network Device / Packet Transmission".
 */
#ifndef VN_DRIVER_TRANSMIT_H
#define VN_DRIVER_TRANSMIT_H

#include <string.h>

#include "driver/net/pool.h"
#include "driver/queue/burst.h"
#include "driver/queue/slow_path.h"
#include "driver/ring/layout.h"

/* Packets that are taken back when some are wanted: enough to do it rarely, not so many
 * that a call takes long, or follows the device to the line that it is writing. */
#define RECLAIM_BATCH 64u

/* As ring_pop, of a buffer whose written length does not count. */
ALWAYS_INLINE vn_slot tx_pop(struct vionet_queue *queue, enum vn_layout layout,
			     struct vn_pop *c, uint32_t *index)
{
	uint32_t written;

	if (layout == VN_SPLIT_IN_ORDER)
		return split_pop_sent(queue, c, index);
	return ring_pop(queue, layout, false, c, &written, index);
}

/* ring_pop_begin, for up to `wanted`. */
ALWAYS_INLINE void tx_pop_begin(struct vionet_queue *queue,
				enum vn_layout layout, uint32_t wanted,
				struct vn_pop *c)
{
	uint32_t most = ring_pop_begin(queue, layout, c);

	/* Not for everything there is: not all of it may fit. */
	if (wanted > RECLAIM_BATCH)
		wanted = RECLAIM_BATCH;
	if (layout == VN_SPLIT)
		split_pop_ahead(queue, c, most < wanted ? most : wanted);
	if (layout == VN_PACKED && packed_completed(queue))
		packed_pop_ahead(queue, c, wanted);
	if (layout == VN_SPLIT_IN_ORDER && !split_order_kept(queue, c))
		c->most = 0;
}

/*
 * Take completed packets back, about as many as `wanted`; returns how many. What the
 * device says it wrote to them is ignored: some report wrong lengths, and nothing of it
 * matters. The description of a common packet is not touched.
 */
ALWAYS_INLINE uint32_t tx_reclaim_burst(struct vionet_queue *queue,
					enum vn_layout layout, uint32_t wanted)
{
	struct vionet_pool *pool = queue->pool;
	uint32_t available = pool->available, completed = 0;
	struct vn_pop c;

	if (UNLIKELY(queue->error))
		return 0;
	tx_pop_begin(queue, layout, wanted, &c);
	while (c.popped < c.most && completed + c.popped < wanted) {
		uint32_t left = wanted - completed - c.popped;
		uint32_t end = c.popped +
			       ring_pop_run(queue, layout, false, &c,
					    c.most - c.popped < left ? c.most - c.popped : left);
		vn_slot slot = 0;
		uint32_t index = 0;

		while (c.popped < end) {
			struct vionet_packet *packet;

			slot = tx_pop(queue, layout, &c, &index);
			if (slot == 0) {
				c.most = c.popped; /* that was all */
				break;
			}
			c.popped++;
			packet = vn_slot_packet(slot);
			vn_packet_unpoison(packet);
			if (LIKELY((slot & VN_SLOT_TAGS) == 0)) {
				pool->free[available++] = packet;
				continue;
			}
			if (UNLIKELY((slot & VN_SLOT_COMPLEX) != 0))
				break;
			packet->pool->free[packet->pool->available++] = packet;
		}
		ring_pop_wrap(queue, layout, &c);
		if (LIKELY((slot & VN_SLOT_COMPLEX) == 0))
			continue;
		completed += c.popped;
		ring_pop_end(queue, layout, &c);
		pool->available = available;
		vn_reclaim_uncommon(queue, slot, index);
		available = pool->available;
		ring_pop_reload(queue, layout, &c);
	}
	completed += c.popped;
	if (completed == 0)
		return 0;
	pool->available = available;
	ring_pop_end(queue, layout, &c);
	vn_count(&queue->counters.completed, completed);
	vn_count_in_flight(queue);
	return completed;
}

/* flags, gso_type and state of a packet without offloads, as one word. */
ALWAYS_INLINE uint32_t tx_plain_word(const struct vionet_packet *packet)
{
	uint32_t word;

	_Static_assert(offsetof(struct vionet_packet, state) ==
			       offsetof(struct vionet_packet, flags) + 2,
		       "one word");
	memcpy(&word, (const uint8_t *)packet + offsetof(struct vionet_packet, flags), sizeof(word));
	return word;
}

/* One segment, the application's, no offload, of a proper length, and inside its
 * buffer with room for the header in front. */
ALWAYS_INLINE bool tx_is_common(const struct vionet_packet *packet,
				const struct vn_source *source, uint32_t header_size)
{
	static const struct vionet_packet plain = { .state = VN_PACKET_APPLICATION };
	uint64_t offset = (uint64_t)(packet->data - packet->buffer);
	uint32_t length = packet->length;

	return !packet->next && tx_plain_word(packet) == tx_plain_word(&plain) &&
	       length - VIONET_FRAME_MIN <= source->span &&
	       offset - header_size <= source->room - length;
}

/*
 * Write the header in front of a frame. Nothing is offloaded, so it is all zero
 * ("Packet Transmission", NET-13, NET-14, NET-43); its size follows the features
 * ("Packet Transmission", NET-12): 12, 20 or 24 bytes.
 *
 * Mostly it still is, from the last time, and its line is shared with the device, which
 * has read it: then it is left alone, for a store would have to get the line back.
 */
ALWAYS_INLINE void tx_write_header(uint8_t *at, uint32_t header_size)
{
	uint8_t *header = at - header_size;
	uint64_t word[4] = { 0 };

	_Static_assert(sizeof(struct net_hdr) == 12 && NET_HDR_SIZE_TUNNEL <= 28,
		       "pieces that overlap");
	memcpy(&word[0], header, 8);
	memcpy(&word[1], header + 4, 8);
	if (header_size != sizeof(struct net_hdr))
		memcpy(&word[2], at - 16, 16);
	if (LIKELY((word[0] | word[1] | word[2] | word[3]) == 0))
		return;
	memset(header, 0, sizeof(struct net_hdr)); /* no call: of a fixed size */
	if (header_size != sizeof(struct net_hdr))
		memset(at - 16, 0, 16);
}

/* May this packet be pushed by the loop for common packets, or for `offloaded` ones?
 * `source` becomes that of its pool. */
ALWAYS_INLINE bool tx_sendable(const struct vionet_queue *queue,
			       const struct vionet_packet *packet, bool offloaded,
			       uint32_t header_size, struct vn_source *source)
{
	if (UNLIKELY(packet->pool != source->pool) &&
	    !vn_source_choose(queue, packet->pool, source))
		return false;
	if (UNLIKELY(tx_is_common(packet, source, header_size) == offloaded))
		return false;
	return !offloaded || vn_transmit_one(queue, packet);
}

ALWAYS_INLINE void tx_push_packet(struct vionet_queue *queue, enum vn_layout layout,
				  struct vn_push *c, struct vionet_packet *packet,
				  const struct vn_source *source,
				  uint32_t header_size)
{
	packet->state = VN_PACKET_DEVICE;
	vn_packet_poison(packet);
	ring_push(queue, layout, false, c, (vn_slot)packet | source->tag,
		  (uint64_t)(uintptr_t)packet->data + source->shift,
		  packet->length + header_size);
}

/* The common packets from `packets` on, as many as there is room for; or, `offloaded`,
 * those that are not, but in one buffer too. Stops at the first other one; returns how
 * many were pushed. Two loops: what is common pays for nothing else. */
ALWAYS_INLINE uint32_t tx_push_common(struct vionet_queue *queue,
				      enum vn_layout layout, bool offloads,
				      bool offloaded,
				      struct vionet_packet *const *packets,
				      uint32_t count, uint64_t *bytes)
{
	uint32_t header_size = burst_header_size(queue, offloads);
	uint32_t room = queue->free_count;
	struct vn_source source = queue->source;
	uint64_t total = 0;
	struct vn_push c;

	if (count > room)
		count = room;
	ring_push_begin(queue, layout, false, &c);
	while (c.pushed < count) {
		uint32_t end = c.pushed + ring_push_run(queue, layout, false, &c,
							count - c.pushed);

		while (c.pushed < end) {
			struct vionet_packet *packet = packets[c.pushed];

			if (!tx_sendable(queue, packet, offloaded, header_size,
					 &source)) {
				count = c.pushed; /* no further */
				break;
			}
			if (!offloaded)
				tx_write_header(packet->data, header_size);
			total += packet->length;
			tx_push_packet(queue, layout, &c, packet, &source,
				       header_size);
		}
		ring_push_wrap(queue, layout, &c);
	}
	ring_push_end(queue, layout, false, &c);
	*bytes += total;
	return c.pushed;
}

/*
 * From the first packet on that is not common, or that finds no room. A function of
 * its own, so that the loop for common ones has the registers for itself.
 */
typedef uint32_t tx_rest_fn(struct vionet_queue *queue,
			    struct vionet_packet *const *packets,
			    uint32_t count, uint32_t *pushed,
			    uint64_t *bytes);

/* tx_reclaim_burst of the layout, as a function of its own for the same reason. */
typedef uint32_t tx_reclaim_fn(struct vionet_queue *queue, uint32_t wanted);

ALWAYS_INLINE uint32_t tx_rest(struct vionet_queue *queue,
			       enum vn_layout layout, bool offloads,
			       tx_reclaim_fn *reclaim,
			       struct vionet_packet *const *packets,
			       uint32_t count, uint32_t *pushed,
			       uint64_t *bytes)
{
	uint32_t taken = 0;

	while (taken < count) {
		enum vn_transmit_result result = VN_FULL;
		uint32_t run = tx_push_common(queue, layout, offloads, true,
					      packets + taken, count - taken, bytes);

		run += tx_push_common(queue, layout, offloads, false,
				      packets + taken + run, count - taken - run,
				      bytes);
		taken += run;
		*pushed += run;
		if (taken == count || (run != 0 && queue->free_count != 0))
			continue;
		if (queue->free_count != 0)
			result = vn_transmit_uncommon(queue, packets[taken],
						      bytes);
		/* A packet of several segments wants more room than the one
		 * entry that was counted on. */
		if (UNLIKELY(result == VN_UNREACHABLE))
			break;
		if (result == VN_FULL &&
		    (reclaim(queue, RECLAIM_BATCH) == 0 || queue->error))
			break;
		*pushed += result == VN_PUSHED;
		taken += result != VN_FULL;
	}
	return taken;
}

ALWAYS_INLINE uint32_t tx_burst(struct vionet_queue *queue,
				enum vn_layout layout, bool offloads,
				tx_reclaim_fn *reclaim,
				tx_rest_fn *rest,
				struct vionet_packet *const *packets,
				uint32_t count)
{
	uint32_t taken, pushed;
	uint64_t bytes = 0;

	/* Completions are looked at only when their room is wanted. */
	if (queue->free_count < count)
		reclaim(queue, count - queue->free_count > RECLAIM_BATCH ? count - queue->free_count : RECLAIM_BATCH);
	if (UNLIKELY(queue->error))
		return 0;
	taken = pushed = tx_push_common(queue, layout, offloads, false, packets,
					count, &bytes);
	if (UNLIKELY(taken < count))
		taken += rest(queue, packets + taken, count - taken, &pushed,
			      &bytes);
	if (pushed != 0) {
		ring_publish(queue, layout);
		vn_count(&queue->counters.packets, pushed);
		vn_count(&queue->counters.bytes, bytes);
		vn_count_in_flight(queue);
	}
	if (UNLIKELY(taken < count))
		vn_transmit_stuck(queue);
	return taken;
}

/* A burst of one packet: without loops, which cost more than the packet. What is not
 * common goes to `many`. */
ALWAYS_INLINE uint32_t tx_single(struct vionet_queue *queue,
				 enum vn_layout layout, bool offloads,
				 tx_reclaim_fn *reclaim,
				 vn_transmit_fn *many,
				 struct vionet_packet *const *packets)
{
	const struct vn_source *source = &queue->source;
	uint32_t header_size = burst_header_size(queue, offloads);
	struct vionet_packet *packet = packets[0];
	struct vn_source other;
	struct vn_push c;

	if (queue->free_count == 0)
		reclaim(queue, RECLAIM_BATCH);
	if (packet->pool != source->pool) {
		if (!vn_source_choose(queue, packet->pool, &other))
			return many(queue, packets, 1);
		source = &other;
	}
	if (UNLIKELY(queue->error || queue->free_count == 0 ||
		     !tx_is_common(packet, source, header_size)))
		return many(queue, packets, 1);
	ring_push_begin(queue, layout, false, &c);
	c.held = 0; /* nothing is, between bursts */
	tx_write_header(packet->data, header_size);
	vn_count(&queue->counters.bytes, packet->length);
	vn_count(&queue->counters.packets, 1);
	tx_push_packet(queue, layout, &c, packet, source, header_size);
	ring_publish_single(queue, layout, &c);
	vn_count_in_flight(queue);
	return 1;
}

#endif
