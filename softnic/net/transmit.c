/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames from transmit queues to the peer. */
#include <errno.h>

#include "softnic/net/internal.h"

/* In one run of a queue: a packet of 64 KiB may be 65,000 of them. */
#define PIECES_MAX 4096u

/* Take `size` bytes off the front of a buffer's readable elements, in place. The
 * buffer holds as many. Returns the first element that is left. */
static struct element *transmit_strip(struct element *element, void *to, uint32_t size)
{
	uint8_t *out = to;
	uint32_t part;

	while (size) {
		part = element->length < size ? element->length : size;
		memcpy(out, element->address, part);
		out += part;
		size -= part;
		element->address += part;
		element->length -= part;
		if (element->length == 0)
			element++;
	}
	return element;
}

/* The frame of a buffer; false: it is none. */
static bool transmit_open_frame(struct net *net, struct queue *queue,
				struct buffer *buffer, struct frame *frame)
{
	uint8_t header[HEADER_MAX];
	uint32_t size = net->header_size;

	if (buffer->writable)
		violation(net->device, "NET-01", "transmit queue %u: buffer %u has "
			  "device-writable elements", queue->index, buffer->id);
	if (buffer->readable_bytes < size) {
		violation(net->device, "NET-12", "transmit queue %u: buffer %u has "
			  "%llu bytes, less than the header of %u", queue->index,
			  buffer->id, (unsigned long long)buffer->readable_bytes,
			  size);
		return false;
	}
	if (buffer->readable_bytes < size + ETH_MIN ||
	    buffer->readable_bytes > size + FRAME_MAX)
		return false;
	frame->length = (uint32_t)buffer->readable_bytes - size;
	frame->pair = queue->index / 2;
	if (buffer->element->length > size) { /* header and frame in one piece */
		header_read(buffer->element->address, size, &frame->header);
		buffer->element->address += size;
		buffer->element->length -= size;
		frame->part = buffer->element;
		frame->parts = buffer->readable;
		return true;
	}
	frame->part = transmit_strip(buffer->element, header, size);
	frame->parts = (unsigned int)(buffer->readable -
				      (frame->part - buffer->element));
	header_read(header, size, &frame->header);
	return true;
}

static void transmit_count_sent(struct counters *count, uint32_t length)
{
	count->packets++;
	count->bytes += length;
}

/* ---- offloads ---- */

/* Cut and complete for a peer that takes finished frames only. If the peer refuses
 * one, those before it are not sent again. */
static int transmit_send_segments(struct net *net, struct net_queue *state,
				  const struct frame *frame)
{
	struct segments *segments = net->segments;
	int count = segments_begin(segments, frame), result;
	struct frame piece;

	if (count < 0) {
		state->count.malformed++;
		state->count.drops++;
		return 0;
	}
	for (; state->segment < (unsigned int)count; state->segment++) {
		segments_make(segments, state->segment, &piece);
		result = net->peer->ops->send(net->peer, &piece);
		if (result == -EAGAIN)
			return result;
		transmit_count_sent(&state->count, piece.length);
		net->pieces++;
		if (count > 1) {
			state->count.segments++;
			state->count.segment_bytes += piece.length;
		}
	}
	return 0;
}

static void transmit_count_offloads(struct counters *count, const struct frame *frame)
{
	if (frame->header.flags & HF_NEEDS_CSUM)
		count->csum_needs++;
	else
		count->csum_none++;
	if ((frame->header.gso_type & ~GSO_ECN) != GSO_NONE) {
		count->gso_packets++;
		count->gso_bytes += frame->length;
	}
}

/* ---- mirrors ---- */

static void transmit_swap_bytes(uint8_t *a, uint8_t *b, size_t size)
{
	uint8_t keep[16];

	memcpy(keep, a, size);
	memcpy(a, b, size);
	memcpy(b, keep, size);
}

/* Back to the sender: Ethernet and IP addresses and ports change places, so that no
 * checksum changes. Done in a copy: the driver's memory is only read. */
static void transmit_reverse(struct frame *frame, struct element *part, uint8_t *copy)
{
	struct packet packet;
	uint8_t *ip;

	frame->length = frame_copy(frame, 0, copy, frame->length);
	transmit_swap_bytes(copy, copy + 6, 6);
	packet_parse(copy, frame->length, &packet);
	ip = copy + packet.network;
	if (packet.version == 4)
		transmit_swap_bytes(ip + 12, ip + 16, 4);
	else if (packet.version == 6)
		transmit_swap_bytes(ip + 8, ip + 24, 16);
	if (packet.payload)
		transmit_swap_bytes(copy + packet.transport,
				    copy + packet.transport + 2, 2);
	*part = (struct element){ copy, frame->length };
	frame->part = part;
	frame->parts = 1;
}

static int transmit_reflect(struct net *net, struct net_queue *state,
			    const struct frame *frame)
{
	static uint8_t copy[PIECE_ROOM];
	struct frame turned = *frame;
	struct element part;
	int result;

	steer_learn(net, frame, frame->pair);
	if (net->peer->swap)
		transmit_reverse(&turned, &part, copy);
	result = receive_frame(net, &turned, &state->segment);
	if (result == 0)
		transmit_count_sent(&state->count, frame->length);
	return result;
}

/* ---- the way out ---- */

static int transmit_pass_on(struct net *net, struct net_queue *state,
			    const struct frame *frame)
{
	struct peer *peer = net->peer;
	bool plain = net_header_plain(&frame->header);
	int result;

	if (peer->mirror)
		return transmit_reflect(net, state, frame);
	steer_learn(net, frame, frame->pair);
	if (!plain && !peer->raw)
		return transmit_send_segments(net, state, frame);
	result = peer->ops->send(peer, frame);
	if (result == -EAGAIN)
		return result;
	transmit_count_sent(&state->count, frame->length);
	if (!plain && (frame->header.gso_type & ~GSO_ECN) != GSO_NONE) {
		state->count.whole++;
		state->count.whole_bytes += frame->length;
	}
	return 0;
}

/* As pass_on, through the bottleneck that there may be. */
static int transmit_pass_limit(struct net *net, struct net_queue *state, const struct frame *frame)
{
	int result;

	if (net->sent.milli != 0 && !limit_take(&net->sent, clock_now())) {
		state->count.limited++;
		state->count.limited_bytes += frame->length;
		state->count.drops++;
		return 0;
	}
	result = transmit_pass_on(net, state, frame);
	if (result == -EAGAIN && net->sent.milli != 0)
		limit_return(&net->sent);
	return result;
}

/* One frame: 0 it is gone (sent or lost), -EAGAIN it has to wait. */
static int transmit_frame(struct net *net, struct queue *queue, struct buffer *buffer)
{
	struct net_queue *state = net_queue_of(net, queue);
	struct frame frame;
	int result;

	if (!transmit_open_frame(net, queue, buffer, &frame)) {
		state->count.malformed++;
		state->count.drops++;
		return 0;
	}
	if (!check_header(net, &frame)) {
		state->count.malformed++;
		state->count.drops++;
		return 0;
	}
	if (!net->link_up) {
		state->count.drops++;
		return 0;
	}
	result = transmit_pass_limit(net, state, &frame);
	if (result == -EAGAIN)
		return result;
	state->segment = 0;
	transmit_count_offloads(&state->count, &frame);
	return 0;
}

/* Frames on a queue that is not in use: the command that enables it may be waiting
 * in the control queue, and was then made available before the frame. Another command
 * there may run this very queue, so the buffer goes back meanwhile. False: it is gone. */
static bool transmit_check_use(struct net *net, struct queue *queue, struct buffer *buffer)
{
	unsigned int pair = queue->index / 2;

	ring_untake(queue, 1);
	/* Its notification may be on the way yet. */
	if (device_control_index(net->device) < QUEUES_MAX)
		ring_wake(&net->device->queue[device_control_index(net->device)]);
	net->run_commands(net);
	if (ring_take(queue, buffer) <= 0)
		return false;
	if (pair < net->tx_pairs)
		return true;
	if (!net->queues_set)
		violation(net->device, "CVQ-19", "a frame on transmit queue %u "
			  "before any command enabled it", queue->index);
	else
		violation(net->device, "CVQ-20", "a frame on transmit queue %u, "
			  "and only %u transmit queues are enabled", queue->index,
			  net->tx_pairs);
	return true;
}

/* A used entry on the receive queue that names a transmit buffer. */
static void transmit_give_elsewhere(struct net *net, struct queue *receive, uint16_t id)
{
	struct buffer buffer;

	if (!net_queue_of(net, receive)->started ||
	    ring_take(receive, &buffer) <= 0)
		return;
	buffer.id = id % receive->size;
	ring_give(receive, &buffer, 0);
	net->dirty |= 1ull << receive->index;
}

/* In order nothing comes back after the first that does not. */
static bool transmit_withhold(struct net *net, struct queue *queue)
{
	struct net_queue *state = net_queue_of(net, queue);
	uint64_t given;

	if (!net_fault(net, FAULT_TX_SOME_WITHHELD))
		return false;
	if (state->withheld && net_has(net, FT_IN_ORDER))
		return true;
	given = fault_value(net->device, FAULT_TX_SOME_WITHHELD, 0xaaaaaaaaaaaaaaaaull);
	state->withheld = (given >> state->faulty++ % 64 & 1) == 0;
	return state->withheld;
}

static void transmit_give_faulty(struct net *net, struct queue *queue,
				 const struct buffer *buffer)
{
	if (net_fault(net, FAULT_TX_USED_EARLY))
		return; /* long given */
	if (net_fault(net, FAULT_TX_FIRST_WITHHELD) && !net->stalled &&
	    !net_has(net, FT_IN_ORDER)) {
		net->stalled = true;
		return;
	}
	if (net_fault(net, FAULT_TX_USED_ON_RX))
		transmit_give_elsewhere(net, queue - 1, buffer->id);
	else
		ring_give(queue, buffer, net_fault(net, FAULT_TX_LENGTH_NOT_ZERO) ? 1234 : 0);
}

static bool transmit_fault_before(struct net *net, struct queue *queue,
				  const struct buffer *buffer)
{
	if (net_fault(net, FAULT_TX_CHAIN_NEEDS_RESET) && buffer->readable > 2) {
		needs_reset(net->device);
		return false;
	}
	if (net_fault(net, FAULT_TX_USED_EARLY)) {
		ring_give(queue, buffer, 0);
		ring_flush(queue);
	}
	return true;
}

bool transmit_run(struct net *net, unsigned int pair, unsigned int budget)
{
	struct queue *queue = &net->device->queue[2 * pair + 1];
	struct net_queue *state = net_queue_of(net, queue);
	uint64_t pieces = net->pieces;
	struct buffer buffer;
	unsigned int done;

	if (!state->started || queue->broken)
		return false;
	for (done = 0; done < budget && net->pieces - pieces < PIECES_MAX; done++) {
		if (ring_take(queue, &buffer) <= 0)
			break;
		if (pair >= net->tx_pairs && !transmit_check_use(net, queue, &buffer))
			break;
		if (net->faults && transmit_withhold(net, queue))
			continue;
		if (net->faults && !transmit_fault_before(net, queue, &buffer))
			return true;
		net->device->seen = state->again;
		state->again = transmit_frame(net, queue, &buffer) == -EAGAIN &&
			       !net_fault(net, FAULT_TX_USED_EARLY);
		net->device->seen = false;
		if (state->again) {
			ring_untake(queue, 1);
			net->blocked = true;
			net->refused = !net->peer->mirror;
			break;
		}
		if (!net->faults)
			ring_give(queue, &buffer, 0);
		else
			transmit_give_faulty(net, queue, &buffer);
	}
	if (net_fault(net, FAULT_TX_FULL_LINK_DOWN) && done == budget && net->link_up)
		config_link(net, false);
	if (done == 0)
		return false;
	state->fresh += done;
	net->dirty |= 1ull << queue->index;
	return true;
}
