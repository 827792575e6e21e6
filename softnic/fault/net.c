/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is done wrong on purpose to received frames; faults of transmission and of the
 * control queue are where their work is (transmit.c, control.c).
 *
 * These hit every second frame beginning with the first, so that a test sees that the
 * others arrive; with FAULT_RX_EVERY_FRAME_BAD they hit all.
 */
#include "softnic/net/internal.h"

_Static_assert(FAULT_COUNT - FAULT_NET_BEGIN <= 64, "net->faults has a bit for each");

void faults_begin(struct net *net)
{
	enum fault which;

	net->faults = 0;
	net->fault_changes = fault_changes();
	if (net->device->options->faults == NULL)
		return;
	for (which = FAULT_NET_BEGIN; which < FAULT_COUNT; which++)
		if (device_has_fault(net->device, which))
			net->faults |= net_fault_bit(which);
}

static bool fault_hits(const struct net *net, enum fault fault)
{
	return net_fault(net, fault) &&
	       (net->frames % 2 == 0 || net_fault(net, FAULT_RX_EVERY_FRAME_BAD));
}

static void fault_spoil_offloads(const struct net *net, struct net_header *header)
{
	if (fault_hits(net, FAULT_RX_GSO_UNKNOWN))
		header->gso_type = 0x7f & ~(GSO_TUNNEL_IPV4 | GSO_TUNNEL_IPV6);
	if (fault_hits(net, FAULT_RX_GSO_NOT_NEGOTIATED) || fault_hits(net, FAULT_RX_GSO_SIZE_ZERO)) {
		header->flags |= HF_NEEDS_CSUM;
		header->gso_type = GSO_TCPV4;
		header->gso_size = fault_hits(net, FAULT_RX_GSO_SIZE_ZERO) ? 0 : 1460;
		header->csum_start = 34;
		header->csum_offset = 16;
	}
	if (fault_hits(net, FAULT_RX_CSUM_OUTSIDE) || fault_hits(net, FAULT_RX_CSUM_NOT_NEGOTIATED) ||
	    fault_hits(net, FAULT_RX_FLAGS_UNKNOWN))
		header->flags |= HF_NEEDS_CSUM;
	if (fault_hits(net, FAULT_RX_CSUM_OUTSIDE))
		header->csum_start = header->csum_offset = 0xffff;
	if (fault_hits(net, FAULT_RX_HDR_LEN_HUGE))
		header->hdr_len = 0xffff;
	if (fault_hits(net, FAULT_RX_FLAGS_UNKNOWN))
		header->flags |= HF_DATA_VALID | 0xc0;
	if (fault_hits(net, FAULT_RX_RSC_NOT_NEGOTIATED))
		header->flags |= HF_RSC_INFO;
	if (fault_hits(net, FAULT_RX_GSO_BOTH_TUNNELS))
		header->gso_type |= GSO_TUNNEL_IPV4 | GSO_TUNNEL_IPV6;
}

void fault_header(struct net *net, struct net_header *header)
{
	if (fault_hits(net, FAULT_RX_NUM_BUFFERS_0))
		header->num_buffers = 0;
	if (fault_hits(net, FAULT_RX_NUM_BUFFERS_1))
		header->num_buffers = 1;
	if (fault_hits(net, FAULT_RX_NUM_BUFFERS_65535))
		header->num_buffers = 0xffff;
	if (fault_hits(net, FAULT_RX_NUM_BUFFERS_EXTRA))
		header->num_buffers++;
	if (fault_hits(net, FAULT_RX_NUM_BUFFERS_7))
		header->num_buffers = 7;
	if (fault_hits(net, FAULT_RX_HASH_UNKNOWN)) {
		header->hash_report = 255;
		header->hash_value = (uint32_t)net->frames * 2654435761u;
	}
	fault_spoil_offloads(net, header);
}

/* The frame as it lies in its first element. */
void fault_frame(struct net *net, const struct element *element)
{
	uint8_t *frame = element->address + net->header_size;

	if (element->length < net->header_size + 18)
		return;
	if (fault_hits(net, FAULT_RX_VLAN_CONTRADICTS)) {
		net_put_be16(frame + 12, 0x8100);
		net_put_be16(frame + 14, 0xffff);
		net_put_be16(frame + 16, 0x8100);
	}
}

/* Used length of a frame's first buffer. */
uint32_t fault_length(struct net *net, uint32_t length, uint32_t room)
{
	if (fault_hits(net, FAULT_RX_LENGTH_ZERO))
		return 0;
	if (fault_hits(net, FAULT_RX_LENGTH_BELOW_HEADER))
		return net->header_size - 1;
	if (fault_hits(net, FAULT_RX_LENGTH_HEADER_ONLY))
		return net->header_size;
	if (fault_hits(net, FAULT_RX_LENGTH_ABOVE_BUFFER))
		return room + 1;
	return length;
}

/* A num_buffers that changes once the driver can see it. */
void fault_late(struct net *net, struct queue *queue,
		const struct buffer *buffer)
{
	const struct element *element = buffer->element + buffer->readable;

	if (!fault_hits(net, FAULT_RX_NUM_BUFFERS_CHANGES) || element->length < HEADER_BASIC)
		return;
	ring_publish(queue);
	net_put_le16(element->address + 10, 0xffff);
	ring_notify(queue);
}

/* The queue that a frame goes to: the last one that is set up. */
struct queue *fault_queue(struct net *net, struct queue *queue)
{
	unsigned int i = 2 * net->device->options->queue_pairs;

	if (!fault_hits(net, FAULT_RX_QUEUE_LAST))
		return queue;
	while (i >= 2) {
		i -= 2;
		if (net->queue[i].started)
			return &net->device->queue[i];
	}
	return queue;
}

/* Buffers that are taken and never used, before the first that is. In order nothing could be
 * used after them. */
void fault_keep(struct net *net, struct queue *queue)
{
	struct net_queue *state = net_queue_of(net, queue);
	struct buffer kept;

	if (!net_fault(net, FAULT_RX_BUFFERS_KEPT) || net_has(net, FT_IN_ORDER))
		return;
	while (state->faulty < fault_value(net->device, FAULT_RX_BUFFERS_KEPT, 1) &&
	       ring_take(queue, &kept) > 0)
		state->faulty++;
}

/* Frames that claim more bytes than a frame can have, all of them really used. */
uint32_t fault_room(const struct net *net, const struct frame *frame)
{
	if (fault_hits(net, FAULT_RX_FRAME_TOO_LONG) && net->mergeable)
		return FRAME_MAX + 4096u;
	return frame->length;
}
