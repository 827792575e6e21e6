/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checking the driver's feature set (NETF), its transmitted frames and its receive buffers
 * (NET). Commands are checked where they are done (CVQ).
 */
#include "softnic/net/internal.h"

#define TUNNEL_BITS (GSO_TUNNEL_IPV4 | GSO_TUNNEL_IPV6)
#define TCP_CWR 0x80u
#define CHECKS_LOOK 2048u

/* Of frames that carry no request, every so many-th has its checksums looked at,
 * after the first of them all: checking is not to slow the device down. */
#define SAMPLES_FIRST 64u
#define SAMPLES_EVERY 64u

/* ---- features ---- */

struct need {
	const char *id;
	enum feature feature;
	bool all; /* of the list; else one of it is enough */
	enum feature list[4];
	unsigned int count;
};

#define ONE(id, bit, ...) { id, bit, false, { __VA_ARGS__ }, \
	sizeof((enum feature[]){ __VA_ARGS__ }) / sizeof(enum feature) }
#define ALL(id, bit, ...) { id, bit, true, { __VA_ARGS__ }, \
	sizeof((enum feature[]){ __VA_ARGS__ }) / sizeof(enum feature) }

/* "Feature bit requirements", and what follows from where commands travel. */
static const struct need needs[] = {
	ALL("NETF-01", FT_GUEST_TSO4, FT_GUEST_CSUM),
	ALL("NETF-02", FT_GUEST_TSO6, FT_GUEST_CSUM),
	ONE("NETF-03", FT_GUEST_ECN, FT_GUEST_TSO4, FT_GUEST_TSO6),
	ALL("NETF-04", FT_GUEST_UFO, FT_GUEST_CSUM),
	ALL("NETF-05", FT_GUEST_USO4, FT_GUEST_CSUM),
	ALL("NETF-06", FT_GUEST_USO6, FT_GUEST_CSUM),
	ALL("NETF-07", FT_GUEST_UDP_TUNNEL_GSO, FT_GUEST_TSO4, FT_GUEST_TSO6,
	    FT_GUEST_USO4, FT_GUEST_USO6),
	ALL("NETF-08", FT_GUEST_UDP_TUNNEL_GSO_CSUM, FT_GUEST_UDP_TUNNEL_GSO),
	ALL("NETF-09", FT_HOST_TSO4, FT_CSUM),
	ALL("NETF-10", FT_HOST_TSO6, FT_CSUM),
	ONE("NETF-11", FT_HOST_ECN, FT_HOST_TSO4, FT_HOST_TSO6),
	ALL("NETF-12", FT_HOST_UFO, FT_CSUM),
	ALL("NETF-13", FT_HOST_USO, FT_CSUM),
	ALL("NETF-14", FT_HOST_UDP_TUNNEL_GSO, FT_HOST_TSO4, FT_HOST_TSO6,
	    FT_HOST_USO),
	ALL("NETF-15", FT_HOST_UDP_TUNNEL_GSO_CSUM, FT_HOST_UDP_TUNNEL_GSO),
	ALL("NETF-16", FT_CTRL_RX, FT_CTRL_VQ),
	ALL("NETF-17", FT_CTRL_VLAN, FT_CTRL_VQ),
	ALL("NETF-18", FT_GUEST_ANNOUNCE, FT_CTRL_VQ),
	ALL("NETF-19", FT_MQ, FT_CTRL_VQ),
	ALL("NETF-20", FT_CTRL_MAC_ADDR, FT_CTRL_VQ),
	ALL("NETF-21", FT_NOTF_COAL, FT_CTRL_VQ),
	ONE("NETF-22", FT_RSC_EXT, FT_HOST_TSO4, FT_HOST_TSO6),
	ALL("NETF-23", FT_RSS, FT_CTRL_VQ),
	ALL("NETF-24", FT_VQ_NOTF_COAL, FT_CTRL_VQ),
	ALL("NETF-25", FT_HASH_TUNNEL, FT_CTRL_VQ),
	ONE("NETF-25", FT_HASH_TUNNEL, FT_RSS, FT_HASH_REPORT),
	ALL("NETF-26", FT_RSS_CONTEXT, FT_CTRL_VQ, FT_RSS),
	ALL("NETF-27", FT_CTRL_GUEST_OFFLOADS, FT_CTRL_VQ),
	ALL("NETF-27", FT_DEVICE_STATS, FT_CTRL_VQ),
	ALL("NETF-31", FT_HASH_REPORT, FT_CTRL_VQ),
	ALL("NETF-32", FT_CTRL_RX_EXTRA, FT_CTRL_VQ),
};

static void check_need(struct net *net, const struct need *need)
{
	bool own = device_drivers_own(net->device, &net->device->accepted);
	unsigned int i, there = 0;

	if (!net_has(net, need->feature))
		return;
	for (i = 0; i < need->count; i++)
		there += net_has(net, need->list[i]) ||
			 (need->list[i] == FT_CTRL_VQ && !own);
	if (there < (need->all ? need->count : 1))
		violation(net->device, need->id, "feature bit %u was accepted without "
			  "%s that it needs (bit %u%s)", need->feature,
			  need->all ? "all" : "any", need->list[0],
			  need->count > 1 ? " ..." : "");
}

static void check_taken(struct net *net, enum feature feature, const char *id)
{
	if (features_have(&net->device->offered, feature) && !net_has(net, feature))
		violation(net->device, id, "feature bit %u is offered and was not "
			  "accepted", feature);
}

void check_features(struct net *net)
{
	size_t i;

	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		check_need(net, &needs[i]);
	if (!device_drivers_own(net->device, &net->device->accepted))
		return;
	check_taken(net, FT_MAC, "NETF-28");
	check_taken(net, FT_MTU, "NETF-29");
	check_taken(net, FT_STANDBY, "NETF-30");
}

/* ---- receive buffers ---- */

static bool check_takes_large(const struct net *net)
{
	return net_has(net, FT_GUEST_TSO4) || net_has(net, FT_GUEST_TSO6) ||
	       net_has(net, FT_GUEST_UFO) || net_has(net, FT_GUEST_USO4) ||
	       net_has(net, FT_GUEST_USO6);
}

static void check_single(struct net *net, struct queue *queue,
			 const struct buffer *buffer)
{
	uint32_t large = net->header_size + FRAME_MAX;
	uint32_t small = net->header_size + 1514;
	uint64_t size = buffer->writable_bytes;

	if (check_takes_large(net) && size < large)
		violation(net->device, "NET-57", "receive queue %u: buffer %u has "
			  "%llu bytes of %u", queue->index, buffer->id,
			  (unsigned long long)size, large);
	else if (size < small)
		violation(net->device, "NET-58", "receive queue %u: buffer %u has "
			  "%llu bytes of %u", queue->index, buffer->id,
			  (unsigned long long)size, small);
	if (net_has(net, FT_MTU) && size < net->header_size + net->frame_limit)
		violation(net->device, "NET-07", "receive queue %u: buffer %u has "
			  "%llu bytes, a packet of the MTU needs %u", queue->index,
			  buffer->id, (unsigned long long)size,
			  net->header_size + net->frame_limit);
}

void check_receive_buffer(struct net *net, struct queue *queue,
			  const struct buffer *buffer)
{
	if (__builtin_expect(buffer->readable != 0, 0))
		violation(net->device, "NET-01", "receive queue %u: buffer %u has "
			  "device-readable elements", queue->index, buffer->id);
	if (!net->mergeable)
		check_single(net, queue, buffer);
	else if (buffer->writable_bytes < net->header_size)
		violation(net->device, "NET-59", "receive queue %u: buffer %u has "
			  "%llu bytes, less than the header of %u", queue->index,
			  buffer->id, (unsigned long long)buffer->writable_bytes,
			  net->header_size);
}

/* ---- the transmit header ---- */

/* What one header field says, with what it is about. */
struct look {
	struct net *net;
	const struct net_header *header;
	unsigned int kind;    /* gso_type without its bits */
	unsigned int queue;
	uint8_t data[CHECKS_LOOK]; /* the frame's beginning */
	uint32_t size;	      /* of that */
	uint32_t length;      /* of the frame */
	struct packet outer, inner;
};

#define REPORT(look, id, format, ...)                                      \
	violation((look)->net->device, id, "transmit queue %u: " format,      \
		  (look)->queue, ##__VA_ARGS__)

static void check_header_flags(const struct look *look)
{
	const struct net_header *header = look->header;

	if (header->num_buffers)
		REPORT(look, "NET-13", "num_buffers is %u", header->num_buffers);
	if (header->flags && !net_has(look->net, FT_CSUM))
		REPORT(look, "NET-14", "flags 0x%x without CSUM", header->flags);
	if (header->flags & (HF_DATA_VALID | HF_RSC_INFO))
		REPORT(look, "NET-53", "flags 0x%x", header->flags);
}

static bool check_may_segment(const struct net *net)
{
	return net_has(net, FT_HOST_TSO4) || net_has(net, FT_HOST_TSO6) ||
	       net_has(net, FT_HOST_USO) || net_has(net, FT_HOST_UFO);
}

/* Is the gso_type one that was negotiated? */
static bool check_kind(const struct look *look)
{
	static const struct {
		unsigned int kind;
		enum feature feature;
		const char *id;
	} kinds[] = {
		{ GSO_TCPV4, FT_HOST_TSO4, "NET-19" },
		{ GSO_TCPV6, FT_HOST_TSO6, "NET-21" },
		{ GSO_UDP, FT_HOST_UFO, "NET-23" },
		{ GSO_UDP_L4, FT_HOST_USO, "NET-25" },
	};
	size_t i;

	if (look->kind == GSO_NONE)
		return true;
	if (!check_may_segment(look->net))
		REPORT(look, "NET-43", "gso_type 0x%x, and no segmentation is "
		       "negotiated", look->header->gso_type);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].kind != look->kind)
			continue;
		if (net_has(look->net, kinds[i].feature))
			return true;
		REPORT(look, kinds[i].id, "gso_type 0x%x without feature bit %u",
		       look->header->gso_type, kinds[i].feature);
		return false;
	}
	return false;
}

static void check_large(const struct look *look)
{
	const struct net_header *header = look->header;
	const struct packet *packet = &look->inner;

	if (!(header->flags & HF_NEEDS_CSUM))
		REPORT(look, "NET-44", "gso_type 0x%x without NEEDS_CSUM",
		       header->gso_type);
	if (header->gso_size == 0)
		REPORT(look, "NET-45", "gso_type 0x%x with gso_size 0",
		       header->gso_type);
	if (!packet->payload)
		return;
	if (net_has(look->net, FT_GUEST_HDRLEN)) {
		if (header->hdr_len != packet->payload)
			REPORT(look, "NET-46", "hdr_len is %u, the headers have "
			       "%u bytes", header->hdr_len, packet->payload);
	} else if (header->hdr_len < packet->payload) {
		REPORT(look, "NET-47", "hdr_len is %u, the headers have %u bytes",
		       header->hdr_len, packet->payload);
	}
}

static void check_congestion(const struct look *look)
{
	bool ecn = look->header->gso_type & GSO_ECN;
	bool cwr = look->inner.payload && look->inner.protocol == PROTO_TCP &&
		   (look->data[look->inner.transport + 13] & TCP_CWR);

	if (look->kind != GSO_TCPV4 && look->kind != GSO_TCPV6)
		return;
	if ((ecn || cwr) && !net_has(look->net, FT_HOST_ECN))
		REPORT(look, "NET-26", "TCP to be segmented with ECN set, without "
		       "HOST_ECN");
	else if (cwr && !ecn)
		REPORT(look, "NET-27", "TCP to be segmented with ECN set, without "
		       "the ECN bit in gso_type");
}

/* Tunnel bits that contradict each other or what was negotiated. False: the device
 * must not accept the packet. */
static bool check_tunnel_bits(const struct look *look)
{
	const struct net_header *header = look->header;
	unsigned int bits = header->gso_type & TUNNEL_BITS;
	bool outer_sum = header->flags & HF_UDP_TUNNEL_CSUM;
	bool good = true;

	if (bits && !net_has(look->net, FT_HOST_UDP_TUNNEL_GSO)) {
		REPORT(look, "NET-29", "gso_type 0x%x without "
		       "HOST_UDP_TUNNEL_GSO", header->gso_type);
		good = false;
	}
	if (outer_sum && !net_has(look->net, FT_HOST_UDP_TUNNEL_GSO_CSUM)) {
		REPORT(look, "NET-34", "UDP_TUNNEL_CSUM without its feature");
		if (bits)
			REPORT(look, "NET-35", "a tunnel with outer checksum "
			       "offload without its feature");
		good = false;
	}
	if (outer_sum && !bits) {
		REPORT(look, "NET-38", "UDP_TUNNEL_CSUM without a tunnel bit");
		good = false;
	}
	if (bits == TUNNEL_BITS) {
		REPORT(look, "NET-37", "both tunnel bits in gso_type");
		good = false;
	}
	if (bits && look->kind == GSO_UDP) {
		REPORT(look, "NET-36", "a tunnel bit with gso_type UDP");
		good = false;
	}
	if (bits && (header->flags & HF_DATA_VALID)) {
		REPORT(look, "NET-54", "a tunnel bit with DATA_VALID");
		good = false;
	}
	return good && !(bits && (look->kind == GSO_NONE ||
				  !(header->flags & HF_NEEDS_CSUM)));
}

/* A stored sum that is to be the pseudo header's; 0 and 0xffff are one number. */
static bool check_pseudo_sum(const uint8_t *field, const uint8_t *data,
			     const struct packet *packet, uint32_t size)
{
	uint16_t want = sum_fold(sum_pseudo(data, packet, size));
	uint16_t is = net_be16(field);

	return is == want || (is % 0xffff == 0 && want % 0xffff == 0);
}

static void check_tunnel(const struct look *look)
{
	const struct net_header *header = look->header;
	const struct packet *outer = &look->outer;
	const uint8_t *udp = look->data + outer->transport;

	if (!outer->payload || outer->protocol != PROTO_UDP ||
	    header->outer_th_offset != outer->transport ||
	    header->inner_nh_offset < outer->payload || !look->inner.version ||
	    header->csum_start != look->inner.transport) {
		REPORT(look, "NET-48", "outer_th_offset %u, inner_nh_offset %u, "
		       "csum_start %u do not meet the headers",
		       header->outer_th_offset, header->inner_nh_offset,
		       header->csum_start);
		return;
	}
	if (look->inner.version == 4 && !(header->gso_type & GSO_TUNNEL_IPV4))
		REPORT(look, "NET-30", "IPv4 inside without TUNNEL_IPV4");
	if (look->inner.version == 6 && !(header->gso_type & GSO_TUNNEL_IPV6))
		REPORT(look, "NET-31", "IPv6 inside without TUNNEL_IPV6");
	/* One checksum cannot be right for several segments. */
	if (!(header->flags & HF_UDP_TUNNEL_CSUM) && net_be16(udp + 6) &&
	    look->inner.payload &&
	    look->length - look->inner.payload > header->gso_size)
		REPORT(look, "NET-52", "the outer UDP checksum 0x%04x is neither 0 "
				       "nor right for every segment",
		       net_be16(udp + 6));
	if ((header->flags & HF_UDP_TUNNEL_CSUM) &&
	    !check_pseudo_sum(udp + 6, look->data, outer,
			      look->length - outer->transport))
		REPORT(look, "NET-50", "the outer UDP checksum is not the pseudo "
		       "header's");
}

/* ---- partial checksums ---- */

static void check_ipv4(const struct look *look, const struct packet *packet)
{
	const uint8_t *ip;

	/* Where nothing was recognised `network` may be anything. */
	if (packet->version != 4)
		return;
	ip = look->data + packet->network;
	if (sum_fold(sum_add(0, ip, (ip[0] & 15) * 4u)) != 0xffff)
		REPORT(look, "NET-40", "NEEDS_CSUM, and the IPv4 header's checksum "
		       "is wrong");
}

static void check_partial(const struct look *look)
{
	const struct net_header *header = look->header;
	const struct packet *packet = &look->inner;
	uint32_t field = (uint32_t)header->csum_start + header->csum_offset;
	uint32_t size = look->length - packet->transport;
	uint16_t place = packet->protocol == PROTO_TCP ? 16 : 6;

	if (field + 2 > look->length ||
	    (packet->payload && (header->csum_start != packet->transport ||
				 header->csum_offset != place))) {
		REPORT(look, "NET-42", "csum_start %u, csum_offset %u in a frame "
		       "of %u bytes whose transport header is at %u",
		       header->csum_start, header->csum_offset, look->length,
		       packet->transport);
		return;
	}
	check_ipv4(look, packet);
	/* Where every segment gets a length of its own, some leave it out. */
	if (packet->payload && field + 2 <= look->size &&
	    !check_pseudo_sum(look->data + field, look->data, packet, size) &&
	    !(look->kind != GSO_NONE &&
	      check_pseudo_sum(look->data + field, look->data, packet, 0)))
		REPORT(look, "NET-41", "the stored checksum 0x%04x is not the "
				       "pseudo header's",
		       net_be16(look->data + field));
}

static void check_length(struct net *net, const struct frame *frame)
{
	uint8_t type[2];
	uint32_t limit = net->frame_limit;

	if (frame->length <= limit ||
	    (frame->header.gso_type & ~GSO_ECN) != GSO_NONE)
		return;
	frame_copy(frame, 12, type, sizeof(type));
	if (net_be16(type) == 0x8100)
		limit += VLAN_TAG;
	if (frame->length > limit)
		violation(net->device, "NET-08", "transmit queue %u: a frame of %u "
			  "bytes, the MTU allows %u", 2 * frame->pair + 1,
			  frame->length, limit);
}

static void check_begin_look(struct look *look, struct net *net,
			     const struct frame *frame)
{
	look->net = net;
	look->header = &frame->header;
	look->kind = frame->header.gso_type & ~(TUNNEL_BITS | GSO_ECN);
	look->queue = 2 * frame->pair + 1;
	look->length = frame->length;
	look->size = frame_copy(frame, 0, look->data, CHECKS_LOOK);
	packet_parse(look->data, look->size, &look->outer);
	look->inner = look->outer;
	if (frame->header.gso_type & TUNNEL_BITS)
		packet_parse_ip(look->data, look->size,
				frame->header.inner_nh_offset, &look->inner);
}

/* A frame that requests nothing, while nothing was negotiated, is to be complete. */
static void check_complete(struct net *net, const struct frame *frame)
{
	struct look look;

	if (net_has(net, FT_CSUM))
		return;
	if (net->sampled++ >= SAMPLES_FIRST && net->sampled % SAMPLES_EVERY)
		return;
	check_begin_look(&look, net, frame);
	if (look.size == look.length && look.outer.version &&
	    packet_checksum(look.data, look.size, &look.outer) == 0)
		REPORT(&look, "NET-15", "a frame with a wrong checksum, and CSUM "
		       "is not negotiated");
}

static void check_header_exercises(const struct look *look)
{
	struct device *device = look->net->device;

	if (look->header->flags & HF_NEEDS_CSUM)
		device_exercise(device, EX_CHECKSUM);
	if (look->kind != GSO_NONE)
		device_exercise(device, EX_SEGMENT);
	if (look->header->gso_type & TUNNEL_BITS)
		device_exercise(device, EX_TUNNEL);
}

bool check_header(struct net *net, const struct frame *frame)
{
	const struct net_header *header = &frame->header;
	struct look look;
	bool good;

	if (__builtin_expect(frame->length > net->frame_limit, 0))
		check_length(net, frame);
	if (net_header_plain(header) && header->num_buffers == 0) {
		check_complete(net, frame);
		return true;
	}
	check_begin_look(&look, net, frame);
	check_header_exercises(&look);
	check_header_flags(&look);
	good = check_kind(&look);
	good = check_tunnel_bits(&look) && good;
	if (look.kind != GSO_NONE)
		check_large(&look);
	check_congestion(&look);
	if (good && (header->gso_type & TUNNEL_BITS))
		check_tunnel(&look);
	if (header->flags & HF_NEEDS_CSUM)
		check_partial(&look);
	return good;
}
