/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that are not common: in several buffers or segments, with external frames, wrong. */
#include "driver/queue/receive.h"
#include "driver/queue/rescue.h"
#include "driver/queue/transmit.h"
#include "driver/ring/slow_path.h"
#include "driver/state/health.h"

/* ---- receive ---- */

static void rx_drop(struct vionet_packet *packet, uint64_t *counter)
{
	vn_count(counter, 1);
	vn_packet_free(packet);
}

/* flags and gso_type; read once. */
static uint32_t rx_header_kind(const struct vionet_queue *queue,
			       const struct vionet_packet *packet)
{
	const uint8_t *header = packet->buffer + VIONET_HEADROOM -
				queue->header_size;

	return vn_load16((const volatile le16 *)header);
}

/* The first buffer of a packet that does not consist of one. Even if the first is
 * bad, the others belong to it and begin with no header. */
static void rx_start_chain(struct vionet_queue *queue, struct vionet_packet *packet,
			   uint32_t buffers, uint32_t written)
{
	bool empty = written == queue->header_size;
	bool good = !empty && written <= queue->posted;

	if (buffers > queue->size) {
		vn_packet_free(packet);
		vn_queue_break(queue, VN_QERR_BUFFERS, buffers, queue->size);
		/* Nothing of what follows in this burst is known to be a header. */
		queue->partial.left = UINT32_MAX;
		queue->partial.drop = true;
		return;
	}
	if (buffers == 0 || !good) {
		rx_drop(packet, buffers == 0 ? &queue->counters.dropped_chain : empty ? &queue->counters.dropped_short
										      : &queue->counters.dropped_long);
		packet = NULL;
	}
	if (packet && queue->metadata)
		vn_header_take(queue, packet, rx_header_kind(queue, packet));
	queue->partial.head = packet;
	queue->partial.tail = packet;
	queue->partial.left = buffers == 0 ? 0 : buffers - 1;
	queue->partial.drop = packet == NULL;
}

/* A further buffer. It has no header, so its data begin where the header would.
 * Returns the packet once it is complete. */
static struct vionet_packet *rx_continue_chain(struct vionet_queue *queue,
					       struct vionet_packet *packet,
					       uint32_t written)
{
	struct vionet_packet *head = queue->partial.head;

	queue->partial.left--;
	if (!queue->partial.drop &&
	    (written == 0 || written > queue->posted ||
	     head->total_length + written > VIONET_FRAME_MAX)) {
		/* None that is empty would have been announced. */
		rx_drop(head, written == 0 ? &queue->counters.dropped_chain : &queue->counters.dropped_long);
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
	if (head->total_length < VIONET_FRAME_MIN)
		rx_drop(head, &queue->counters.dropped_short);
	else if (queue->metadata && !vn_header_check(queue, head))
		rx_drop(head, &queue->counters.dropped_metadata);
	else
		return head;
	return NULL;
}

struct vionet_packet *vn_receive_uncommon(struct vionet_queue *queue,
					  struct vionet_packet *packet,
					  uint32_t written, uint32_t buffers)
{
	uint32_t header_size = queue->header_size;

	rx_describe(packet, written - header_size);
	if (queue->partial.left != 0)
		return rx_continue_chain(queue, packet, written);
	if (written >= header_size && buffers != 1) {
		rx_start_chain(queue, packet, buffers, written);
		return NULL;
	}
	if (written >= header_size + VIONET_FRAME_MIN && written <= queue->posted)
		return !queue->metadata ||
				       vn_receive_header(queue, packet,
							 rx_header_kind(queue, packet))
			       ? packet
			       : NULL;
	rx_drop(packet, written > queue->posted ? &queue->counters.dropped_long : &queue->counters.dropped_short);
	return NULL;
}

/* ---- transmit ---- */

bool vn_source_choose(const struct vionet_queue *queue,
		      const struct vionet_pool *pool, struct vn_source *source)
{
	uint64_t room = pool->stride - queue->header_size;
	uint64_t longest = room < queue->max_frame ? room : queue->max_frame;
	struct vn_reach reach;

	if (!vn_pool_reach(pool, queue->device, &reach))
		return false;
	*source = (struct vn_source){
		.pool = pool,
		.shift = reach.iova_offset - queue->header_size,
		.room = room,
		.span = (uint32_t)longest - VIONET_FRAME_MIN,
		.tag = pool == queue->pool ? 0 : VN_SLOT_OTHER_POOL,
	};
	return true;
}

bool vn_transmit_one(const struct vionet_queue *queue,
		     const struct vionet_packet *packet)
{
	return !packet->next && packet->state == VN_PACKET_APPLICATION &&
	       vn_packet_inside(packet, queue->header_size) &&
	       vn_transmit_header(queue, packet, packet->length, packet->data);
}

/* Does the device see all of a packet: its buffers, and its external frames? */
static bool tx_is_reachable(const struct vionet_queue *queue,
			    const struct vionet_packet *packet)
{
	struct vn_reach unused;

	for (; packet; packet = packet->next)
		if (!vn_pool_reach(packet->pool, queue->device, &unused) ||
		    ((packet->state & VN_PACKET_ATTACHED) &&
		     vn_packet_attachment(packet)->memory->device != queue->device))
			return false;
	return true;
}

static uint64_t tx_pool_offset(const struct vionet_queue *queue,
			       const struct vionet_packet *packet)
{
	struct vn_reach reach = { 0 };

	(void)vn_pool_reach(packet->pool, queue->device, &reach);
	return reach.iova_offset;
}

/* One segment as the device sees it; an external frame by its own memory. */
static struct vn_element tx_segment_element(const struct vionet_queue *queue,
					    const struct vionet_packet *s)
{
	uint64_t offset = tx_pool_offset(queue, s);

	if (s->state & VN_PACKET_ATTACHED) {
		const struct vionet_memory *m =
			vn_packet_attachment(s)->memory;

		offset = m->iova - (uint64_t)(uintptr_t)m->memory.address;
	}
	return (struct vn_element){
		.iova = (uint64_t)(uintptr_t)s->data + offset,
		.length = s->length,
	};
}

/*
 * Elements of a packet. The header goes in front of the first segment; an external
 * frame has it in an element of its own, from the packet's own buffer. Returns their
 * number, 0 if there are too many or it may not be sent; `*total`: bytes of the
 * frame.
 */
static uint32_t tx_gather(const struct vionet_queue *queue,
			  const struct vionet_packet *packet,
			  struct vn_element elements[VN_SEGMENTS_MAX],
			  uint64_t *total)
{
	bool external = (packet->state & VN_PACKET_ATTACHED) != 0;
	uint8_t *own = packet->buffer + VIONET_HEADROOM;
	uint32_t count = 0, header_size = queue->header_size;

	*total = 0;
	if (!external && !vn_packet_inside(packet, header_size))
		return 0;
	if (external)
		elements[count++] = (struct vn_element){
			.iova = (uint64_t)(uintptr_t)own +
				tx_pool_offset(queue, packet) - header_size,
			.length = header_size,
		};
	for (const struct vionet_packet *s = packet; s; s = s->next) {
		if (count == queue->segments_max || s->length == 0 ||
		    (s->state & VN_PACKET_OWNER) != VN_PACKET_APPLICATION ||
		    (!(s->state & VN_PACKET_ATTACHED) && !vn_packet_inside(s, 0)))
			return 0;
		elements[count++] = tx_segment_element(queue, s);
		*total += s->length;
	}
	if (!external) {
		elements[0].iova -= header_size;
		elements[0].length += header_size;
	}
	return vn_transmit_header(queue, packet, *total,
				  external ? own : packet->data)
		       ? count
		       : 0;
}

static void tx_mark_unreachable(struct vionet_queue *queue, enum vn_unreachable what)
{
	__atomic_store_n(&queue->unreachable, (uint8_t)what, __ATOMIC_RELAXED);
}

static void tx_mark_transmitted(struct vionet_packet *packet)
{
	for (; packet; packet = packet->next)
		vn_packet_set_owner(packet, VN_PACKET_DEVICE);
}

enum vn_transmit_result vn_transmit_uncommon(struct vionet_queue *queue,
					     struct vionet_packet *packet,
					     uint64_t *bytes)
{
	struct vn_element elements[VN_SEGMENTS_MAX];
	uint64_t total;
	uint32_t count;

	assert((packet->state & VN_PACKET_OWNER) == VN_PACKET_APPLICATION);
	if (!tx_is_reachable(queue, packet)) {
		tx_mark_unreachable(queue, VN_UNREACHABLE_NOW);
		return VN_UNREACHABLE;
	}
	count = tx_gather(queue, packet, elements, &total);
	if (count == 0) {
		vn_count(&queue->counters.invalid, 1);
		/* Not freed if it is not the application's to give away. */
		if ((packet->state & VN_PACKET_OWNER) == VN_PACKET_APPLICATION)
			vn_packet_free(packet);
		return VN_REFUSED;
	}
	if (!vn_ring_push(queue, elements, count, 0, (vn_slot)packet))
		return VN_FULL;
	*bytes += total;
	tx_mark_transmitted(packet);
	return VN_PUSHED;
}

void vn_reclaim_uncommon(struct vionet_queue *queue, vn_slot slot, uint32_t index)
{
	struct vionet_packet *packet = vn_slot_packet(slot);

	vn_packet_unpoison(packet);
	if (slot & VN_SLOT_COMPLEX)
		vn_ring_release(queue, index);
	vn_packet_free(packet);
}

void vn_transmit_stuck(struct vionet_queue *queue)
{
	if (queue->unreachable == VN_UNREACHABLE_NOW) {
		tx_mark_unreachable(queue, VN_UNREACHABLE_LAST);
		return;
	}
	tx_mark_unreachable(queue, VN_REACHABLE);
	vn_count(&queue->counters.full, 1);
	vn_queue_idle(queue);
}
