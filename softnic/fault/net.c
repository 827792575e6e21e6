/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is done wrong on purpose to received frames, by row of the catalogue of faults;
 * rows G and H are where their work is (transmit.c, control.c).
 *
 * Rows F hit every second frame beginning with the first, so that a test sees that the
 * others arrive; with F25 (every frame is bad) they hit all.
 */
#include "softnic/net/internal.h"

static const char *const row_name[] = {
#define FAULT(row, text) #row,
#include "softnic/fault/net.def"
#undef FAULT
};

_Static_assert(NET_FAULTS <= 64, "net->faults has a bit for each row");

void faults_begin(struct net *net)
{
	unsigned int row;

	net->faults = 0;
	net->fault_changes = fault_changes();
	if (net->device->options->faults == NULL)
		return;
	for (row = 0; row < NET_FAULTS; row++)
		if (fault(net->device, row_name[row]))
			net->faults |= 1ull << row;
}

static bool hit(const struct net *net, enum net_fault row)
{
	return net_fault(net, row) &&
	       (net->frames % 2 == 0 || net_fault(net, F25));
}

static void spoil_offloads(const struct net *net, struct net_header *header)
{
	if (hit(net, F14))
		header->gso_type = 0x7f & ~(GSO_TUNNEL_IPV4 | GSO_TUNNEL_IPV6);
	if (hit(net, F15) || hit(net, F16)) {
		header->flags |= HF_NEEDS_CSUM;
		header->gso_type = GSO_TCPV4;
		header->gso_size = hit(net, F16) ? 0 : 1460;
		header->csum_start = 34;
		header->csum_offset = 16;
	}
	if (hit(net, F17) || hit(net, F18) || hit(net, F20))
		header->flags |= HF_NEEDS_CSUM;
	if (hit(net, F17))
		header->csum_start = header->csum_offset = 0xffff;
	if (hit(net, F19))
		header->hdr_len = 0xffff;
	if (hit(net, F20))
		header->flags |= HF_DATA_VALID | 0xc0;
	if (hit(net, F21))
		header->flags |= HF_RSC_INFO;
	if (hit(net, F22))
		header->gso_type |= GSO_TUNNEL_IPV4 | GSO_TUNNEL_IPV6;
}

void fault_header(struct net *net, struct net_header *header)
{
	if (hit(net, F06))
		header->num_buffers = 0;
	if (hit(net, F07))
		header->num_buffers = 1;
	if (hit(net, F08))
		header->num_buffers = 0xffff;
	if (hit(net, F09))
		header->num_buffers++;
	if (hit(net, F11))
		header->num_buffers = 7;
	if (hit(net, F23)) {
		header->hash_report = 255;
		header->hash_value = (uint32_t)net->frames * 2654435761u;
	}
	spoil_offloads(net, header);
}

/* The frame as it lies in its first element. */
void fault_frame(struct net *net, const struct element *element)
{
	uint8_t *frame = element->address + net->header_size;

	if (element->length < net->header_size + 18)
		return;
	if (hit(net, F24)) {
		put_be16(frame + 12, 0x8100);
		put_be16(frame + 14, 0xffff);
		put_be16(frame + 16, 0x8100);
	}
}

/* Used length of a frame's first buffer. */
uint32_t fault_length(struct net *net, uint32_t length, uint32_t room)
{
	if (hit(net, F01))
		return 0;
	if (hit(net, F02))
		return net->header_size - 1;
	if (hit(net, F03))
		return net->header_size;
	if (hit(net, F04))
		return room + 1;
	return length;
}

/* A num_buffers that changes once the driver can see it. */
void fault_late(struct net *net, struct queue *queue,
		const struct buffer *buffer)
{
	const struct element *element = buffer->element + buffer->readable;

	if (!hit(net, F10) || element->length < HEADER_BASIC)
		return;
	ring_publish(queue);
	put_le16(element->address + 10, 0xffff);
	ring_notify(queue);
}

/* The queue that a frame goes to: the last one that is set up. */
struct queue *fault_queue(struct net *net, struct queue *queue)
{
	unsigned int i = 2 * net->device->options->queue_pairs;

	if (!hit(net, F26))
		return queue;
	while (i >= 2) {
		i -= 2;
		if (net->queue[i].started)
			return &net->device->queue[i];
	}
	return queue;
}

/* Frames that claim more bytes than a frame can have, all of them really used. */
uint32_t fault_room(const struct net *net, const struct frame *frame)
{
	return hit(net, F12) && net->mergeable ? FRAME_MAX + 4096u :
						 frame->length;
}
