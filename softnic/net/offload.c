/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Doing in software what a frame's virtio header requests: completing its checksum,
 * cutting TCP and UDP (inside UDP tunnels too), fragmenting UDP. Never trusts hdr_len, or
 * an offset that is not where the headers say it is.
 *
 * A large packet's checksums are calculated anew for each segment, from the bytes alone;
 * what the driver stored there is checks.c's concern.
 */
#include <errno.h>

#include "softnic/net/internal.h"

#define TUNNEL_BITS (GSO_TUNNEL_IPV4 | GSO_TUNNEL_IPV6)

#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u

#define IPV4_MORE 0x2000u
#define IPV6_MORE 1u
#define IPV6_FRAGMENT 44u

#define OFFLOAD_LOOK 512u /* bytes from a frame's beginning that hold its headers */

static unsigned int offload_kind_of(const struct net_header *header)
{
	return header->gso_type & ~(TUNNEL_BITS | GSO_ECN);
}

static unsigned int offload_kind(const struct segments *s)
{
	return offload_kind_of(&s->header);
}

/* ---- looking ---- */

static bool offload_find_packets(const struct net_header *header, const uint8_t *data,
				 uint32_t length, struct packet *outer,
				 struct packet *inner)
{
	packet_parse(data, length, outer);
	*inner = *outer;
	if (!(header->gso_type & TUNNEL_BITS))
		return inner->payload != 0;
	if (!outer->payload || outer->protocol != PROTO_UDP ||
	    header->outer_th_offset != outer->transport ||
	    header->inner_nh_offset < outer->payload)
		return false;
	packet_parse_ip(data, length, header->inner_nh_offset, inner);
	return inner->payload != 0;
}

static bool offload_fits_kind(const struct net_header *header,
			      const struct packet *inner)
{
	switch (offload_kind_of(header)) {
	case GSO_TCPV4:
		return inner->version == 4 && inner->protocol == PROTO_TCP;
	case GSO_TCPV6:
		return inner->version == 6 && inner->protocol == PROTO_TCP;
	case GSO_UDP:
		return inner->protocol == PROTO_UDP &&
		       !(header->gso_type & TUNNEL_BITS);
	case GSO_UDP_L4:
		return inner->protocol == PROTO_UDP;
	default:
		return false;
	}
}

uint32_t offload_headers(const struct frame *frame)
{
	const struct net_header *header = &frame->header;
	uint32_t field = (uint32_t)header->csum_start + header->csum_offset;
	struct packet outer, inner;
	uint8_t head[OFFLOAD_LOOK];
	uint32_t size;

	if ((header->flags & HF_NEEDS_CSUM) && !(header->flags & HF_RSC_INFO) &&
	    field + 2 > frame->length)
		return 0;
	if (offload_kind_of(header) == GSO_NONE)
		return ETH_HEADER;
	size = frame_copy(frame, 0, head, OFFLOAD_LOOK);
	if (header->gso_size == 0 || !(header->flags & HF_NEEDS_CSUM) ||
	    !offload_find_packets(header, head, size, &outer, &inner) ||
	    !offload_fits_kind(header, &inner))
		return 0;
	return inner.payload;
}

/* ---- checksums ---- */

/* An Internet checksum that is not there reads 0, so a sum of 0 is sent as all
 * ones (RFC 768); the two are equal in ones' complement. */
static void offload_store_sum(uint8_t *to, uint64_t sum)
{
	uint16_t value = (uint16_t)~sum_fold(sum);

	net_put_be16(to, value ? value : 0xffffu);
}

static void offload_sum_transport(uint8_t *frame, uint32_t length,
				  const struct packet *packet)
{
	uint8_t *field = frame + packet->transport +
			 (packet->protocol == PROTO_TCP ? 16 : 6);
	uint32_t size = length - packet->transport;

	net_put_be16(field, 0);
	offload_store_sum(field, sum_add(sum_pseudo(frame, packet, size),
					 frame + packet->transport, size));
}

static void offload_sum_ipv4(uint8_t *frame, const struct packet *packet)
{
	uint8_t *ip = frame + packet->network;

	net_put_be16(ip + 10, 0);
	net_put_be16(ip + 10, (uint16_t)~sum_fold(sum_add(0, ip,
							  (ip[0] & 15) * 4u)));
}

static int offload_complete_sum(struct segments *s)
{
	uint32_t start = s->header.csum_start;
	uint32_t field = start + s->header.csum_offset;

	s->count = 1;
	if (!(s->header.flags & HF_NEEDS_CSUM))
		return 1;
	if (start >= s->length || field + 2 > s->length)
		return -EINVAL;
	offload_store_sum(s->whole + field,
			  sum_add(0, s->whole + start, s->length - start));
	return 1;
}

/* ---- cutting ---- */

int segments_begin(struct segments *s, const struct frame *frame)
{
	uint32_t payload;

	s->header = frame->header;
	s->pair = frame->pair;
	s->count = 0;
	if (frame->length > FRAME_MAX)
		return -EINVAL;
	s->length = frame_copy(frame, 0, s->whole, FRAME_MAX);
	if (offload_kind(s) == GSO_NONE)
		return offload_complete_sum(s);
	if (s->header.gso_size == 0 ||
	    !offload_find_packets(&s->header, s->whole, s->length, &s->outer, &s->inner) ||
	    !offload_fits_kind(&s->header, &s->inner))
		return -EINVAL;
	s->headers = s->inner.payload;
	s->step = s->header.gso_size;
	if (offload_kind(s) == GSO_UDP) {
		/* What is cut is the IP packet; its UDP header lies in the first
		 * fragment, with the checksum of the whole. */
		offload_sum_transport(s->whole, s->length, &s->inner);
		s->headers = s->inner.transport;
		s->step &= ~7u;
		s->identification++;
		if (s->step == 0)
			return -EINVAL;
	}
	payload = s->length - s->headers;
	s->count = payload ? (payload + s->step - 1) / s->step : 1;
	return (int)s->count;
}

/* Lengths and identification of an IP header whose packet ends at `length`. */
static void offload_fix_ip(uint8_t *frame, uint32_t length, const struct packet *packet,
			   unsigned int index)
{
	uint8_t *ip = frame + packet->network;

	if (packet->version == 6) {
		net_put_be16(ip + 4, length - packet->network - 40);
		return;
	}
	net_put_be16(ip + 2, length - packet->network);
	net_put_be16(ip + 4, net_be16(ip + 4) + index);
	offload_sum_ipv4(frame, packet);
}

static void offload_fix_tcp(struct segments *s, unsigned int index)
{
	uint8_t *tcp = s->piece + s->inner.transport;

	net_put_be32(tcp + 4, net_be32(tcp + 4) + index * s->step);
	if (index)
		tcp[13] &= (uint8_t)~TCP_CWR; /* RFC 3168: once is enough */
	if (index + 1 < s->count)
		tcp[13] &= (uint8_t)~(TCP_FIN | TCP_PSH);
}

static void offload_fix_outer(struct segments *s, uint32_t length, unsigned int index)
{
	uint8_t *udp = s->piece + s->outer.transport;
	bool summed = net_be16(udp + 6) != 0 ||
		      (s->header.flags & HF_UDP_TUNNEL_CSUM);

	net_put_be16(udp + 4, length - s->outer.transport);
	offload_fix_ip(s->piece, length, &s->outer, index);
	if (summed)
		offload_sum_transport(s->piece, length, &s->outer);
}

static void offload_fix_segment(struct segments *s, uint32_t length, unsigned int index)
{
	if (s->inner.protocol == PROTO_TCP)
		offload_fix_tcp(s, index);
	else
		net_put_be16(s->piece + s->inner.transport + 4,
			     length - s->inner.transport);
	offload_fix_ip(s->piece, length, &s->inner, index);
	offload_sum_transport(s->piece, length, &s->inner);
	if (s->header.gso_type & TUNNEL_BITS)
		offload_fix_outer(s, length, index);
}

/* The IP header of a fragment; IPv6 gets a header of its own for that. */
static void offload_fix_fragment(struct segments *s, uint32_t length, unsigned int index)
{
	uint32_t offset = index * s->step;
	bool more = index + 1 < s->count;
	uint8_t *ip = s->piece + s->inner.network, *extra;

	if (s->inner.version == 4) {
		net_put_be16(ip + 6, offset / 8 | (more ? IPV4_MORE : 0));
		offload_fix_ip(s->piece, length, &s->inner, 0);
		return;
	}
	extra = s->piece + s->headers;
	extra[0] = s->inner.protocol;
	extra[1] = 0;
	net_put_be16(extra + 2, offset | (more ? IPV6_MORE : 0));
	net_put_be32(extra + 4, s->identification);
	s->piece[s->inner.next_at] = IPV6_FRAGMENT;
	offload_fix_ip(s->piece, length, &s->inner, 0);
}

void segments_make(struct segments *s, unsigned int index, struct frame *frame)
{
	uint32_t from = s->headers + index * s->step, size, head = s->headers;
	bool fragments = offload_kind(s) == GSO_UDP;

	if (offload_kind(s) == GSO_NONE) {
		s->part = (struct element){ s->whole, s->length };
	} else {
		size = s->length - from;
		if (size > s->step)
			size = s->step;
		memcpy(s->piece, s->whole, head);
		if (fragments && s->inner.version == 6)
			head += 8;
		memcpy(s->piece + head, s->whole + from, size);
		if (fragments)
			offload_fix_fragment(s, head + size, index);
		else
			offload_fix_segment(s, head + size, index);
		s->part = (struct element){ s->piece, head + size };
	}
	*frame = (struct frame){ .part = &s->part, .parts = 1,
				 .length = s->part.length, .pair = s->pair };
}
