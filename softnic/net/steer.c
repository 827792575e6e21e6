/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash of a frame, and which receive queue it goes to: automatic steering by what was
 * sent, or receive-side scaling by Toeplitz hash and table.
 */
#include "softnic/net/internal.h"

/* Bits of `hash_types`; the report of type bit n is n + 1. */
enum { HT_IPV4, HT_TCPV4, HT_UDPV4, HT_IPV6, HT_TCPV6, HT_UDPV6, HT_IP_EX, HT_TCP_EX,
       HT_UDP_EX, HT_NONE };

/* Bits of `enabled_tunnel_types`. */
enum { TT_GRE_2784, TT_GRE_2890, TT_GRE_7676, TT_GRE_UDP, TT_VXLAN, TT_VXLAN_GPE,
       TT_GENEVE, TT_IPIP, TT_NVGRE, TT_NONE };

#define PORT_VXLAN 4789u
#define PORT_VXLAN_GPE 4790u
#define PORT_GENEVE 6081u
#define PORT_GRE_UDP 4754u

#define GRE_CHECKSUM 0x8000u
#define GRE_KEY 0x2000u
#define GRE_SEQUENCE 0x1000u
#define TYPE_ETHERNET 0x6558u
#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu

#define STEER_LOOK 512u /* bytes from a frame's beginning that hold its headers */

uint32_t toeplitz(const uint8_t *key, size_t key_length, const uint8_t *data,
		  size_t length)
{
	uint64_t window = 0;
	uint32_t hash = 0;
	size_t i;
	int bit;

	/* The key's 32 bits that stand over the current bit of the data are the
	 * upper half of `window`; bits behind the key's end are 0. */
	for (i = 0; i < 4; i++)
		window = window << 8 | (i < key_length ? key[i] : 0);
	for (i = 0; i < length; i++) {
		window = window << 8 | (i + 4 < key_length ? key[i + 4] : 0);
		for (bit = 7; bit >= 0; bit--) {
			if (data[i] >> bit & 1)
				hash ^= (uint32_t)(window >> (bit + 1));
		}
	}
	return hash;
}

/* ---- tunnels ---- */

/* What a GRE header at `at` carries: *inner is where, the result a tunnel type. */
static unsigned int steer_gre_kind(const uint8_t *frame, uint32_t length, uint32_t at,
				   uint32_t *inner, unsigned int version)
{
	uint16_t flags, type;

	if (at + 4 > length)
		return TT_NONE;
	flags = net_be16(frame + at);
	type = net_be16(frame + at + 2);
	*inner = at + 4 + (flags & GRE_CHECKSUM ? 4 : 0) +
		 (flags & GRE_KEY ? 4 : 0) + (flags & GRE_SEQUENCE ? 4 : 0);
	if (flags & 7) /* another version */
		return TT_NONE;
	if (type == TYPE_ETHERNET) {
		*inner += ETH_HEADER;
		return flags == GRE_KEY ? TT_NVGRE : TT_NONE;
	}
	if (type != TYPE_IPV4 && type != TYPE_IPV6)
		return TT_NONE;
	if (flags & (GRE_KEY | GRE_SEQUENCE))
		return TT_GRE_2890;
	return version == 6 ? TT_GRE_7676 : TT_GRE_2784;
}

static unsigned int steer_udp_kind(const uint8_t *frame, uint32_t length,
				   const struct packet *outer, uint32_t *inner)
{
	uint32_t at = outer->payload;

	if (at + 8 > length)
		return TT_NONE;
	switch (net_be16(frame + outer->transport + 2)) {
	case PORT_VXLAN:
		*inner = at + 8 + ETH_HEADER;
		return TT_VXLAN;
	case PORT_VXLAN_GPE:
		/* Next protocol: 1 IPv4, 2 IPv6, 3 Ethernet. */
		*inner = at + 8 + (frame[at + 3] == 3 ? ETH_HEADER : 0);
		return TT_VXLAN_GPE;
	case PORT_GENEVE:
		*inner = at + 8 + (frame[at] & 0x3fu) * 4;
		if (net_be16(frame + at + 2) == TYPE_ETHERNET)
			*inner += ETH_HEADER;
		return TT_GENEVE;
	case PORT_GRE_UDP:
		return steer_gre_kind(frame, length, at, inner, outer->version) ==
				       TT_NONE
			       ? TT_NONE
			       : TT_GRE_UDP;
	default:
		return TT_NONE;
	}
}

/* The packet inside, if the driver wants the hash of that ("Inner Header Hash"). */
static void steer_enter_tunnel(const struct net *net, const uint8_t *frame,
			       uint32_t length, struct packet *packet)
{
	unsigned int type = TT_NONE;
	uint32_t inner = 0;
	struct packet found;

	if (packet->protocol == PROTO_UDP && packet->payload) {
		type = steer_udp_kind(frame, length, packet, &inner);
	} else if (packet->transport && packet->protocol == PROTO_GRE) {
		type = steer_gre_kind(frame, length, packet->transport, &inner,
				      packet->version);
	} else if (packet->transport && (packet->protocol == PROTO_IPIP ||
					 packet->protocol == PROTO_IP6IP)) {
		type = TT_IPIP;
		inner = packet->transport;
	}
	if (type == TT_NONE || !(net->tunnels >> type & 1))
		return;
	packet_parse_ip(frame, length, inner, &found);
	if (found.version)
		*packet = found;
}

/* ---- the hash ---- */

static unsigned int steer_choose_type(uint32_t types, const struct packet *packet)
{
	bool tcp = packet->payload && packet->protocol == PROTO_TCP;
	bool udp = packet->payload && packet->protocol == PROTO_UDP;
	unsigned int base = packet->version == 4 ? HT_IPV4 : HT_IPV6;

	if (packet->version == 0)
		return HT_NONE;
	if (packet->extended) {
		if (tcp && types >> HT_TCP_EX & 1)
			return HT_TCP_EX;
		if (udp && types >> HT_UDP_EX & 1)
			return HT_UDP_EX;
		if (types >> HT_IP_EX & 1)
			return HT_IP_EX;
	}
	if (tcp && types >> (base + 1) & 1)
		return base + 1;
	if (udp && types >> (base + 2) & 1)
		return base + 2;
	return types >> base & 1 ? base : HT_NONE;
}

/* The bytes that are hashed, as many as are returned. */
static size_t steer_hash_input(const uint8_t *frame, const struct packet *packet,
			       unsigned int type, uint8_t *input)
{
	const uint8_t *ip = frame + packet->network;
	bool ex = type >= HT_IP_EX;
	size_t size = 8;

	if (packet->version == 4) {
		memcpy(input, ip + 12, 8);
	} else {
		memcpy(input, ex && packet->home ? frame + packet->home : ip + 8,
		       16);
		memcpy(input + 16,
		       ex && packet->route ? frame + packet->route : ip + 24,
		       16);
		size = 32;
	}
	if (type != HT_IPV4 && type != HT_IPV6 && type != HT_IP_EX) {
		memcpy(input + size, frame + packet->transport, 4);
		size += 4;
	}
	return size;
}

/* A frame's headers in one piece: in place if they are, else in `copy`. */
static const uint8_t *steer_look(const struct frame *frame, uint8_t *copy,
				 uint32_t *length)
{
	if (frame->parts == 1 || frame->part[0].length >= STEER_LOOK) {
		*length = frame->part[0].length;
		return frame->part[0].address;
	}
	*length = frame_copy(frame, 0, copy, STEER_LOOK);
	return copy;
}

static void steer_hash_with(const struct rss *rss, const uint8_t *data, const struct packet *packet,
			    struct hash *hash)
{
	unsigned int type = steer_choose_type(rss->types, packet);
	uint8_t input[36];

	if (type == HT_NONE)
		return;
	hash->report = (uint16_t)(type + 1);
	hash->value = toeplitz(rss->key, rss->key_length, input,
			       steer_hash_input(data, packet, type, input));
}

void steer_hash(struct net *net, const struct frame *frame, struct hash *hash)
{
	uint8_t copy[STEER_LOOK];
	const uint8_t *data;
	uint32_t length;
	struct packet packet;

	*hash = (struct hash){ 0 };
	if (net->rss.types == 0 || frame->parts == 0)
		return;
	data = steer_look(frame, copy, &length);
	packet_parse(data, length, &packet);
	if (net->tunnels)
		steer_enter_tunnel(net, data, length, &packet);
	steer_hash_with(&net->rss, data, &packet, hash);
}

/* ---- automatic steering ---- */

/* The entry of a flow, the same for both directions; FLOWS: no flow. */
static unsigned int steer_flow_entry(const struct frame *frame)
{
	uint8_t copy[STEER_LOOK];
	const uint8_t *data;
	uint32_t length, mix, size, i;
	struct packet packet;

	data = steer_look(frame, copy, &length);
	packet_parse(data, length, &packet);
	if (packet.version == 0)
		return FLOWS;
	mix = packet.protocol;
	data += packet.network + (packet.version == 4 ? 12 : 8);
	size = packet.version == 4 ? 4 : 16;
	for (i = 0; i < size; i += 4)
		mix += net_be32(data + i) ^ net_be32(data + size + i);
	if (packet.payload) {
		data += packet.transport - packet.network -
			(packet.version == 4 ? 12 : 8);
		mix += (uint32_t)(net_be16(data) ^ net_be16(data + 2));
	}
	return (mix * 2654435761u) >> 22; /* 10 bits: FLOWS */
}

void steer_learn(struct net *net, const struct frame *frame, unsigned int pair)
{
	unsigned int entry;

	if (net->rx_pairs < 2 || net->steering != STEER_AUTOMATIC)
		return;
	entry = steer_flow_entry(frame);
	if (entry < FLOWS)
		net->flow[entry] = (uint8_t)(pair + 1);
}

/* A queue in reset cannot be chosen: another one is ("Automatic receive steering");
 * with receive-side scaling the frame is lost instead. */
static unsigned int steer_any_started(struct net *net, unsigned int pair)
{
	unsigned int i, other;

	for (i = 0; i < net->rx_pairs; i++) {
		other = (pair + i) % net->rx_pairs;
		if (net->queue[2 * other].started)
			return other;
	}
	return pair;
}

unsigned int steer_choose(struct net *net, const struct frame *frame,
			  const struct hash *hash)
{
	unsigned int entry;

	if (net->steering == STEER_RSS) {
		if (hash->report == 0)
			return net->rss.unclassified;
		return net->rss.table[hash->value & net->rss.mask];
	}
	if (net->rx_pairs < 2)
		return 0;
	entry = steer_flow_entry(frame);
	if (entry < FLOWS && net->flow[entry] &&
	    net->flow[entry] <= net->rx_pairs)
		return steer_any_started(net, net->flow[entry] - 1u);
	return steer_any_started(net, entry < FLOWS ? entry % net->rx_pairs : 0);
}
