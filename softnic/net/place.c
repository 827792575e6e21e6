/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame as the driver takes it goes into receive buffers, behind its virtio header. */
#include <errno.h>

#include "softnic/net/internal.h"

#define TUNNEL_BITS (GSO_TUNNEL_IPV4 | GSO_TUNNEL_IPV6)

#define MERGE_MAX 256u /* buffers of one frame */
#define PLACE_LOOK 2048u /* frames in pieces are looked at whole up to here */

/* ---- the header ---- */

/* A finished frame: vouch for its checksum if it is right ("Processing of Incoming
 * Packets": DATA_VALID). */
static void place_validate(struct net *net, const struct frame *frame,
			   struct counters *count, struct net_header *header)
{
	uint8_t copy[PLACE_LOOK];
	const uint8_t *data = frame->part[0].address;
	struct packet packet;
	int right = -1;

	if (!net_guest_takes(net, GO_CSUM))
		return;
	if (frame->parts > 1) {
		if (frame->length > PLACE_LOOK)
			return;
		frame_copy(frame, 0, copy, PLACE_LOOK);
		data = copy;
	}
	packet_parse(data, frame->length, &packet);
	if (packet.version)
		right = packet_checksum(data, frame->length, &packet);
	if (right == 1) {
		header->flags = HF_DATA_VALID;
		count->csum_valid++;
	} else if (right == 0) {
		count->csum_bad++;
	} else {
		count->csum_none++;
	}
}

static void place_large_header(const struct net *net, const struct frame *frame,
			       struct counters *count, struct net_header *header)
{
	unsigned int kind = header->gso_type & ~(GSO_ECN | TUNNEL_BITS);
	uint32_t payload;

	header->hdr_len = (uint16_t)offload_headers(frame);
	count->gso_packets++;
	count->gso_bytes += frame->length;
	if (header->flags & HF_RSC_INFO) { /* coalesce.c made it */
		count->coalesced++;
		count->coalesced_bytes += frame->length;
	}
	if (!net_has(net, FT_RSC_EXT)) {
		header->flags &= (uint8_t)~HF_RSC_INFO;
		return;
	}
	/* The counts are of TCP segments; UDP keeps csum_start and csum_offset. */
	if (kind == GSO_UDP || kind == GSO_UDP_L4 ||
	    (header->flags & HF_RSC_INFO))
		return;
	payload = frame->length - header->hdr_len;
	header->flags |= HF_RSC_INFO;
	header->csum_start = (uint16_t)((payload + header->gso_size - 1) /
					header->gso_size);
	header->csum_offset = 0;
}

static void place_make_header(struct net *net, const struct frame *frame,
			      struct net_queue *state, const struct hash *hash,
			      struct net_header *header)
{
	*header = frame->header;
	header->hash_value = hash->value;
	header->hash_report = hash->report;
	header->flags &= HF_NEEDS_CSUM | HF_RSC_INFO | HF_UDP_TUNNEL_CSUM;
	if (header->flags & HF_NEEDS_CSUM)
		state->count.csum_needs++;
	if ((header->gso_type & ~GSO_ECN) != GSO_NONE) {
		place_large_header(net, frame, &state->count, header);
		return;
	}
	header->gso_type = GSO_NONE;
	header->gso_size = 0;
	header->outer_th_offset = 0;
	header->inner_nh_offset = 0;
	if (header->flags & HF_NEEDS_CSUM)
		return;
	header->hdr_len = 0;
	header->csum_start = 0;
	header->csum_offset = 0;
	place_validate(net, frame, &state->count, header);
}

/* ---- buffers ---- */

/* Where the next byte of a frame goes. */
struct cursor {
	const struct element *element;
	uint32_t offset;
};

static void place_put(struct cursor *to, const uint8_t *data, uint32_t size)
{
	uint32_t part;

	while (size) {
		part = to->element->length - to->offset;
		if (part > size)
			part = size;
		memcpy(to->element->address + to->offset, data, part);
		to->offset += part;
		data += part;
		size -= part;
		if (to->offset == to->element->length) {
			to->element++;
			to->offset = 0;
		}
	}
}

/* The next piece of a frame whose first `at->offset` bytes are done. */
struct source {
	const struct element *part;
	uint32_t offset;
};

static void place_copy(struct cursor *to, struct source *from, uint32_t size)
{
	uint32_t part;

	while (size) {
		part = from->part->length - from->offset;
		if (part > size)
			part = size;
		place_put(to, from->part->address + from->offset, part);
		from->offset += part;
		size -= part;
		if (from->offset == from->part->length) {
			from->part++;
			from->offset = 0;
		}
	}
}

static struct cursor place_begin(const struct buffer *buffer)
{
	return (struct cursor){ .element = buffer->element + buffer->readable };
}

/* Buffers for `total` bytes. Returns how many; 0: there are not enough, and nothing
 * is taken; -EINVAL: they could never be enough. */
static int place_take_buffers(struct net *net, struct queue *queue, uint32_t total,
			      struct buffer *buffer)
{
	uint32_t limit = net->mergeable ? MERGE_MAX : 1;
	uint64_t room = 0;
	uint32_t count;

	for (count = 0; count < limit && room < total; count++) {
		if (ring_take(queue, &buffer[count]) <= 0)
			break;
		check_receive_buffer(net, queue, &buffer[count]);
		room += buffer[count].writable_bytes;
	}
	if (room >= total && buffer[0].writable_bytes >= net->header_size)
		return (int)count;
	ring_untake(queue, count);
	return count == limit || room >= total ? -EINVAL : 0;
}

/* Fill `count` buffers with header and frame. What is `used` of each is the result. */
static void place_fill(struct net *net, const struct frame *frame,
		       const struct net_header *header, const struct buffer *buffer,
		       uint32_t count, uint32_t *used)
{
	uint8_t bytes[HEADER_MAX];
	uint32_t left = frame->length, size = net->header_size, part, i;
	struct source from = { .part = frame->part };
	struct cursor to = place_begin(&buffer[0]);

	header_write(bytes, size, header);
	place_put(&to, bytes, size);
	for (i = 0; i < count; i++) {
		if (i)
			to = place_begin(&buffer[i]);
		part = (uint32_t)buffer[i].writable_bytes - (i ? 0 : size);
		if (net_fault(net, FAULT_RX_BUFFER_NOT_FULL) && i + 1 < count)
			part = left / (count - i);
		if (part > left)
			part = left;
		if (!net_fault(net, FAULT_RX_BYTES_UNWRITTEN))
			place_copy(&to, &from, part);
		left -= part;
		used[i] = part + (i ? 0 : size);
		if (net_fault(net, FAULT_RX_FRAME_TOO_LONG))
			used[i] = (uint32_t)buffer[i].writable_bytes;
	}
}

/* Nearly every frame is one piece that goes into one. */
static bool place_fill_piece(struct net *net, const struct frame *frame,
			     const struct net_header *header,
			     const struct buffer *buffer)
{
	const struct element *to = buffer->element + buffer->readable;
	uint32_t size = net->header_size;

	if (frame->parts != 1 || to->length < size + frame->length)
		return false;
	header_write(to->address, size, header);
	memcpy(to->address + size, frame->part->address, frame->length);
	return true;
}

/* ---- placing ---- */

static int place_no_buffers(struct net *net, struct queue *queue,
			    struct net_queue *state, int result)
{
	if (result == 0 &&
	    (net->device->options->lossless || net->peer->keeps) &&
	    state->started && !queue->broken)
		return -EAGAIN;
	if (queue->taken == 0 && !queue->filled && state->started && net_has(net, FT_MQ))
		violation(net->device, "NET-61", "receive queue %u is in use and "
			  "never had a buffer", queue->index);
	state->count.drops++;
	if (result == 0)
		state->count.overruns++;
	return -EINVAL;
}

static void place_give_buffers(struct net *net, struct queue *queue,
			       const struct frame *frame, struct net_header *header,
			       struct buffer *buffer, uint32_t count)
{
	uint32_t used[MERGE_MAX], i;

	header->num_buffers = (uint16_t)count;
	if (__builtin_expect(net->faults == 0, 1) && count == 1 &&
	    place_fill_piece(net, frame, header, buffer)) {
		ring_give(queue, buffer, net->header_size + frame->length);
		return;
	}
	if (__builtin_expect(net->faults != 0, 0))
		fault_header(net, header);
	place_fill(net, frame, header, buffer, count, used);
	if (__builtin_expect(net->faults != 0, 0)) {
		used[0] = fault_length(net, used[0],
				       (uint32_t)buffer[0].writable_bytes);
		fault_frame(net, buffer[0].element + buffer[0].readable);
	}
	for (i = 0; i < count; i++)
		ring_give(queue, &buffer[i], used[i]);
	if (__builtin_expect(net->faults != 0, 0))
		fault_late(net, queue, buffer);
}

int receive_place(struct net *net, const struct frame *frame)
{
	struct buffer buffer[MERGE_MAX];
	struct net_header header;
	struct hash hash = { 0 };
	struct queue *queue;
	struct net_queue *state;
	uint32_t total = net->header_size + frame->length;
	int count = 0;

	if (net->hashing)
		steer_hash(net, frame, &hash);
	queue = net_receive_queue(net, steer_choose(net, frame, &hash));
	if (net->faults)
		queue = fault_queue(net, queue);
	if (net->faults)
		total = net->header_size + fault_room(net, frame);
	state = net_queue_of(net, queue);
	if (net->faults && state->started && !queue->broken)
		fault_keep(net, queue);
	if (state->started && !queue->broken)
		count = place_take_buffers(net, queue, total, buffer);
	if (count <= 0)
		return place_no_buffers(net, queue, state, count);
	place_make_header(net, frame, state, &hash, &header);
	place_give_buffers(net, queue, frame, &header, buffer, (uint32_t)count);
	state->count.packets++;
	state->count.bytes += frame->length;
	state->fresh++;
	net->dirty |= 1ull << queue->index;
	net->frames++;
	return 0;
}
