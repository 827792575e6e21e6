/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making one large TCP packet of small ones that follow each other ("Processing of
 * Incoming Packets", RSC_EXT). Never changes a byte of the stream, or joins what a
 * receiver would treat differently: other headers, other flags than ACK and PSH, wrong
 * checksums.
 *
 * One packet is held at a time, and no longer than one poll iteration of the device.
 */
#include <errno.h>

#include "softnic/net/internal.h"

#define TCP_ACK 0x10u
#define TCP_PSH 0x08u
#define ECN_CE 3u

/* Is this TCP data that may be joined at all? `data` is the frame in one piece. */
static bool coalesce_eligible(const struct net *net, const uint8_t *data, uint32_t length,
			      const struct packet *packet)
{
	const uint8_t *ip = data + packet->network;
	const uint8_t *tcp = data + packet->transport;
	uint32_t end = packet->network;

	if (!packet->payload || packet->protocol != PROTO_TCP ||
	    packet->extended || (tcp[13] & ~TCP_PSH) != TCP_ACK)
		return false;
	if (packet->version == 4) {
		if (!net_guest_takes(net, GO_TSO4) || ip[0] != 0x45 ||
		    (ip[1] & 3) == ECN_CE ||
		    sum_fold(sum_add(0, ip, 20)) != 0xffff)
			return false;
		end += net_be16(ip + 2);
	} else {
		if (!net_guest_takes(net, GO_TSO6) ||
		    (net_be16(ip) >> 4 & 3) == ECN_CE)
			return false;
		end += 40u + net_be16(ip + 4);
	}
	/* Padding behind the packet would end up inside the stream. */
	return end == length && length > packet->payload &&
	       packet_checksum(data, length, packet) == 1;
}

/* Everything of the headers but lengths, identification, sums and numbers. */
static bool coalesce_same_flow(const struct coalesce *held, const uint8_t *data,
			       const struct packet *packet)
{
	const uint8_t *a = held->data + packet->network, *b = data + packet->network;
	const uint8_t *t = held->data + packet->transport;
	const uint8_t *u = data + packet->transport;

	if (held->packet.version != packet->version ||
	    held->packet.network != packet->network ||
	    held->packet.payload != packet->payload ||
	    memcmp(held->data, data, packet->network) != 0)
		return false;
	if (packet->version == 4) {
		if (a[1] != b[1] || memcmp(a + 6, b + 6, 4) != 0 ||
		    memcmp(a + 12, b + 12, 8) != 0)
			return false;
	} else if (memcmp(a, b, 4) != 0 || memcmp(a + 6, b + 6, 34) != 0) {
		return false;
	}
	/* Ports, acknowledgement, data offset; window; options. */
	return memcmp(t, u, 4) == 0 && memcmp(t + 8, u + 8, 5) == 0 &&
	       memcmp(t + 14, u + 14, 2) == 0 &&
	       memcmp(t + 20, u + 20, packet->payload - packet->transport - 20) == 0;
}

static bool coalesce_fits(const struct coalesce *held, const uint8_t *data,
			  uint32_t length, const struct packet *packet)
{
	uint32_t payload = length - packet->payload;

	return !held->closed && payload <= held->step &&
	       net_be32(data + packet->transport + 4) == held->next_sequence &&
	       held->length + payload - held->packet.network <= 65535u &&
	       coalesce_same_flow(held, data, packet);
}

static void coalesce_append(struct coalesce *held, const uint8_t *data, uint32_t length,
			    const struct packet *packet)
{
	uint32_t payload = length - packet->payload;
	uint8_t flags = data[packet->transport + 13];

	memcpy(held->data + held->length, data + packet->payload, payload);
	held->data[held->packet.transport + 13] |= flags;
	held->length += payload;
	held->next_sequence += payload;
	held->count++;
	held->closed = payload < held->step || (flags & TCP_PSH);
}

static void coalesce_hold(struct coalesce *held, const uint8_t *data, uint32_t length,
			  const struct packet *packet, unsigned int pair)
{
	uint32_t payload = length - packet->payload;

	memcpy(held->data, data, length);
	held->length = length;
	held->packet = *packet;
	held->step = (uint16_t)payload;
	held->next_sequence = net_be32(data + packet->transport + 4) + payload;
	held->count = 1;
	held->pair = pair;
	held->closed = data[packet->transport + 13] & TCP_PSH;
}

bool coalesce_add(struct net *net, const struct frame *frame)
{
	struct coalesce *held = net->coalesce;
	const uint8_t *data = frame->part[0].address;
	struct packet packet;

	if (frame->parts != 1 || !net_header_plain(&frame->header))
		return false;
	packet_parse(data, frame->length, &packet);
	if (!coalesce_eligible(net, data, frame->length, &packet))
		return false;
	if (held->length && coalesce_fits(held, data, frame->length, &packet)) {
		coalesce_append(held, data, frame->length, &packet);
		return true;
	}
	if (coalesce_flush(net) == -EAGAIN)
		return false;
	coalesce_hold(held, data, frame->length, &packet, frame->pair);
	return true;
}

/* Lengths and sums of the joined packet; the TCP one is left to the driver, which
 * takes large packets only so. */
static void coalesce_finish(struct coalesce *held)
{
	const struct packet *packet = &held->packet;
	uint8_t *ip = held->data + packet->network;
	uint32_t size = held->length - packet->transport;

	if (packet->version == 4) {
		net_put_be16(ip + 2, held->length - packet->network);
		net_put_be16(ip + 10, 0);
		net_put_be16(ip + 10, (uint16_t)~sum_fold(sum_add(0, ip, 20)));
	} else {
		net_put_be16(ip + 4, size);
	}
	net_put_be16(held->data + packet->transport + 16,
		     sum_fold(sum_pseudo(held->data, packet, size)));
}

/* 0: nothing was held, 1: passed on or lost, -EAGAIN: no buffers, still held. */
int coalesce_flush(struct net *net)
{
	struct coalesce *held = net->coalesce;
	struct element part = { held->data, held->length };
	struct frame frame = { .part = &part, .parts = 1,
			       .length = held->length, .pair = held->pair };

	if (held->length == 0)
		return 0;
	if (held->count > 1) {
		coalesce_finish(held);
		frame.header = (struct net_header){
			.flags = HF_NEEDS_CSUM | HF_RSC_INFO,
			.gso_type = held->packet.version == 4 ? GSO_TCPV4 :
								GSO_TCPV6,
			.gso_size = held->step,
			.csum_start = held->count,
			.csum_offset = held->duplicates,
		};
	}
	if (receive_place(net, &frame) == -EAGAIN)
		return -EAGAIN;
	held->length = 0;
	return 1;
}
