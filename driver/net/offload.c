/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: "Packet Transmission", "Processing of Incoming Packets". */
#include <string.h>

#include "base/order.h"
#include "driver/state/feature.h"
#include "driver/net/offload.h"
#include "driver/net/pool.h"
#include "driver/state/queue.h"
#include "driver/spec/net.h"

#define ETHERNET 14u
#define VLAN_TAG 4u
#define UDP_HEADER 8u
#define TCP_HEADER 20u
#define IPV4_HEADER 20u
#define IPV6_HEADER 40u

#define KIND(kind) ((uint16_t)(1u << (kind)))
#define KINDS_KNOWN (KIND(NET_GSO_TCPV4) | KIND(NET_GSO_UDP) | \
		     KIND(NET_GSO_TCPV6) | KIND(NET_GSO_UDP_L4))
#define KINDS_TCP (KIND(NET_GSO_TCPV4) | KIND(NET_GSO_TCPV6))

/* ---- what was negotiated ---- */

static const struct permission {
	uint8_t feature;
	bool transmits;
	struct vn_offloads gives;
} permissions[] = {
	{ NET_F_CSUM, true, { .flags = NET_HDR_NEEDS_CSUM } },
	{ NET_F_HOST_TSO4, true, { .kinds = KIND(NET_GSO_TCPV4) } },
	{ NET_F_HOST_TSO6, true, { .kinds = KIND(NET_GSO_TCPV6) } },
	{ NET_F_HOST_ECN, true, { .bits = NET_GSO_ECN } },
	{ NET_F_HOST_UFO, true, { .kinds = KIND(NET_GSO_UDP) } },
	{ NET_F_HOST_USO, true, { .kinds = KIND(NET_GSO_UDP_L4) } },
	{ NET_F_HOST_UDP_TUNNEL_GSO, true, { .bits = NET_GSO_TUNNEL } },
	{ NET_F_HOST_UDP_TUNNEL_GSO_CSUM, true,
	  { .flags = NET_HDR_UDP_TUNNEL_CSUM } },
	{ NET_F_GUEST_CSUM, false,
	  { .flags = NET_HDR_NEEDS_CSUM | NET_HDR_DATA_VALID } },
	{ NET_F_GUEST_TSO4, false, { .kinds = KIND(NET_GSO_TCPV4) } },
	{ NET_F_GUEST_TSO6, false, { .kinds = KIND(NET_GSO_TCPV6) } },
	{ NET_F_GUEST_ECN, false, { .bits = NET_GSO_ECN } },
	{ NET_F_GUEST_UFO, false, { .kinds = KIND(NET_GSO_UDP) } },
	{ NET_F_GUEST_USO4, false, { .kinds = KIND(NET_GSO_UDP_L4) } },
	{ NET_F_GUEST_USO6, false, { .kinds = KIND(NET_GSO_UDP_L4) } },
	{ NET_F_RSC_EXT, false, { .flags = NET_HDR_RSC_INFO } },
	{ NET_F_GUEST_UDP_TUNNEL_GSO, false, { .bits = NET_GSO_TUNNEL } },
	{ NET_F_GUEST_UDP_TUNNEL_GSO_CSUM, false,
	  { .flags = NET_HDR_UDP_TUNNEL_CSUM } },
	{ NET_F_HASH_REPORT, false, { .hash = true } },
};

struct vn_offloads vn_offloads_of(const struct vionet_features *accepted,
				  bool transmits)
{
	struct vn_offloads all = { 0 };

	for (size_t i = 0; i < sizeof(permissions) / sizeof(permissions[0]); i++) {
		const struct permission *p = &permissions[i];

		if (p->transmits != transmits ||
		    !vionet_feature_test(accepted, p->feature))
			continue;
		all.flags |= p->gives.flags;
		all.bits |= p->gives.bits;
		all.kinds |= p->gives.kinds;
		all.hash |= p->gives.hash;
	}
	return all;
}

bool vn_offloads_are_large(const struct vionet_features *accepted)
{
	return vn_offloads_of(accepted, false).kinds != 0;
}

/* ---- receive ---- */

void vn_header_take(const struct vionet_queue *queue,
		    struct vionet_packet *packet, uint32_t kind)
{
	const volatile struct net_hdr_long *header =
		(const volatile void *)(packet->buffer + VIONET_HEADROOM -
					queue->header_size);

	packet->flags = (uint8_t)kind;
	packet->gso_type = (uint8_t)(kind >> 8);
	if (kind != 0) {
		packet->hdr_len = vn_load16(&header->basic.hdr_len);
		packet->gso_size = vn_load16(&header->basic.gso_size);
		packet->csum_start = vn_load16(&header->basic.csum_start);
		packet->csum_offset = vn_load16(&header->basic.csum_offset);
	}
	if (queue->offloads.hash) {
		packet->hash_value = vn_load32(&header->hash_value);
		packet->hash_report = vn_load16(&header->hash_report);
	}
	if (queue->header_size >= NET_HDR_SIZE_TUNNEL &&
	    (packet->gso_type & NET_GSO_TUNNEL) != 0) {
		packet->outer_th_offset = vn_load16(&header->outer_th_offset);
		packet->inner_nh_offset = vn_load16(&header->inner_nh_offset);
	}
}

static void offload_clear_segments(struct vionet_packet *packet)
{
	packet->gso_type = NET_GSO_NONE;
	packet->gso_size = 0;
	packet->outer_th_offset = 0;
	packet->inner_nh_offset = 0;
}

/* Headers in the order in which they are said to lie; their contents are the
 * application's to read. */
static bool offload_tunnel_is_sound(const struct vionet_packet *packet)
{
	uint32_t inner = packet->inner_nh_offset;

	/* "Processing of Incoming Packets" (NET-71) */
	return (packet->flags & NET_HDR_NEEDS_CSUM) != 0 &&
	       (packet->gso_type & NET_GSO_KIND) != NET_GSO_UDP &&
	       packet->outer_th_offset >= ETHERNET + IPV4_HEADER &&
	       inner >= packet->outer_th_offset + UDP_HEADER &&
	       packet->csum_start >= inner + IPV4_HEADER;
}

/* Where nothing of the kind was agreed on, the header says nothing. */
static bool offload_check_segments(struct vionet_queue *queue,
				   struct vionet_packet *packet, uint8_t device_flags)
{
	const struct vn_offloads *allowed = &queue->offloads;
	uint32_t kind = KIND(packet->gso_type & NET_GSO_KIND);
	uint8_t tunnel = packet->gso_type & NET_GSO_TUNNEL;

	if (allowed->kinds == 0 || ((kind & KINDS_KNOWN) != 0 &&
				    ((kind & allowed->kinds) == 0 ||
				     (tunnel & ~allowed->bits) != 0))) {
		vn_count(&queue->counters.ignored_metadata, 1);
		offload_clear_segments(packet);
		return true;
	}
	if ((kind & KINDS_KNOWN) == 0 || packet->gso_size <= 1 ||
	    packet->gso_size == UINT16_MAX || tunnel == NET_GSO_TUNNEL)
		return false;
	if ((kind & KINDS_TCP) == 0)
		packet->gso_type &= (uint8_t)~NET_GSO_ECN;
	packet->gso_type &= NET_GSO_KIND | allowed->bits;
	if (tunnel == 0)
		return true;
	return (device_flags & NET_HDR_DATA_VALID) == 0 &&
	       offload_tunnel_is_sound(packet);
}

/* Flags that remain are agreed on; do they mean something? */
static bool offload_check_flags(struct vionet_packet *packet)
{
	uint32_t place = packet->csum_start + packet->csum_offset;
	uint32_t kind = KIND(packet->gso_type & NET_GSO_KIND);
	bool tunnel = (packet->gso_type & NET_GSO_TUNNEL) != 0;

	if ((packet->flags & NET_HDR_UDP_TUNNEL_CSUM) != 0 && !tunnel) {
		if (packet->flags & NET_HDR_NEEDS_CSUM)
			return false; /* "Processing of Incoming Packets" (NET-72) */
		if ((packet->flags & NET_HDR_DATA_VALID) == 0)
			packet->flags &= (uint8_t)~NET_HDR_UDP_TUNNEL_CSUM;
	}
	if (packet->flags & NET_HDR_RSC_INFO)
		return (kind & KINDS_TCP) != 0 && !tunnel;
	if (packet->flags & NET_HDR_NEEDS_CSUM)
		return packet->csum_start >= ETHERNET &&
		       place + 2 <= packet->total_length;
	packet->csum_start = 0;
	packet->csum_offset = 0;
	return true;
}

bool vn_header_check(struct vionet_queue *queue, struct vionet_packet *packet)
{
	uint8_t flags = packet->flags;

	packet->flags &= queue->offloads.flags;
	/* What says "incomplete" is more careful than what says "right". */
	if (packet->flags & NET_HDR_NEEDS_CSUM)
		packet->flags &= (uint8_t)~NET_HDR_DATA_VALID;
	if (packet->hash_report > NET_HASH_REPORT_MAX)
		packet->hash_report = 0;
	if (packet->hash_report == 0)
		packet->hash_value = 0;
	if (packet->gso_type == NET_GSO_NONE)
		packet->gso_size = 0;
	else if (!offload_check_segments(queue, packet, flags))
		return false;
	if (packet->hdr_len > packet->total_length || queue->offloads.kinds == 0)
		packet->hdr_len = 0;
	return offload_check_flags(packet);
}

bool vn_receive_header(struct vionet_queue *queue, struct vionet_packet *packet,
		       uint32_t kind)
{
	vn_header_take(queue, packet, kind);
	if (vn_header_check(queue, packet))
		return true;
	vn_count(&queue->counters.dropped_metadata, 1);
	vn_packet_free(packet);
	return false;
}

/* ---- transmit ---- */

/* Length of all headers, the transport's included; 0 if they do not end inside the
 * first segment, or the checksum is not where such a header has it. */
static uint32_t offload_headers_length(const struct vionet_packet *packet, bool tcp)
{
	uint32_t start = packet->csum_start, length = UDP_HEADER;

	if (packet->csum_offset != (tcp ? 16 : 6) ||
	    start + (tcp ? TCP_HEADER : UDP_HEADER) > packet->length)
		return 0;
	if (tcp)
		length = (uint32_t)(packet->data[start + 12] >> 4) * 4;
	if (length < (tcp ? TCP_HEADER : UDP_HEADER) ||
	    start + length > packet->length)
		return 0;
	return start + length;
}

/* A VLAN tag does not count ("Device configuration layout", NET-08). */
static bool offload_is_tagged(const struct vionet_packet *packet)
{
	return packet->length >= ETHERNET && packet->data[12] == 0x81 &&
	       packet->data[13] == 0x00;
}

static uint32_t offload_longest_frame(const struct vionet_queue *queue,
				      const struct vionet_packet *packet)
{
	return queue->max_frame + (offload_is_tagged(packet) ? VLAN_TAG : 0);
}

/* "Packet Transmission" (NET-30 to NET-37, NET-48 to NET-52) */
static bool offload_tx_tunnel_valid(const struct vionet_packet *packet, uint32_t payload)
{
	uint32_t outer = packet->outer_th_offset, inner = packet->inner_nh_offset;
	bool six = (packet->gso_type & NET_GSO_TUNNEL_IPV6) != 0;
	uint8_t kind = packet->gso_type & NET_GSO_KIND;
	const uint8_t *data = packet->data;

	if ((packet->gso_type & NET_GSO_TUNNEL) == NET_GSO_TUNNEL ||
	    kind == NET_GSO_UDP ||
	    packet->csum_start < inner + (six ? IPV6_HEADER : IPV4_HEADER) ||
	    inner < outer + UDP_HEADER || outer < ETHERNET + IPV4_HEADER)
		return false;
	/* All of it ends before csum_start, thus in the first segment. */
	if (data[inner] >> 4 != (six ? 6 : 4) ||
	    (kind == NET_GSO_TCPV4 && six) || (kind == NET_GSO_TCPV6 && !six))
		return false;
	if (packet->flags & NET_HDR_UDP_TUNNEL_CSUM)
		return true;
	/* One sum is not right for several segments. */
	return payload <= packet->gso_size ||
	       (data[outer + 6] == 0 && data[outer + 7] == 0);
}

/* What is to be cut. Fills hdr_len in, and the bit that TCP's CWR wants ("Packet
 * Transmission", NET-26, -27, NET-44 to NET-46). */
static bool offload_tx_segments_valid(const struct vionet_queue *queue,
				      const struct vionet_packet *packet, uint64_t total,
				      struct net_hdr *header)
{
	const struct vn_offloads *allowed = &queue->offloads;
	uint8_t kind = packet->gso_type & NET_GSO_KIND, bits = 0;
	bool tcp = (KIND(kind) & KINDS_TCP) != 0;
	uint32_t headers = offload_headers_length(packet, tcp), repeated = headers;

	if ((KIND(kind) & allowed->kinds) == 0 || packet->gso_size == 0 ||
	    (packet->flags & NET_HDR_NEEDS_CSUM) == 0 || headers == 0 ||
	    headers >= total || headers > UINT16_MAX || total > VIONET_FRAME_MAX)
		return false;
	if (tcp && (packet->data[packet->csum_start + 13] & 0x80))
		bits = NET_GSO_ECN;
	bits |= packet->gso_type & (uint8_t)~NET_GSO_KIND;
	if ((bits & ~allowed->bits) != 0 || ((bits & NET_GSO_ECN) && !tcp))
		return false;
	if (kind == NET_GSO_UDP)
		repeated = packet->csum_start; /* fragments repeat the IP header */
	if (repeated + packet->gso_size > offload_longest_frame(queue, packet))
		return false;
	if ((bits & NET_GSO_TUNNEL) &&
	    !offload_tx_tunnel_valid(packet, (uint32_t)total - headers))
		return false;
	header->gso_type = kind | bits;
	header->gso_size = vn_to_le16(packet->gso_size);
	header->hdr_len = vn_to_le16((uint16_t)headers);
	return true;
}

/* "Packet Transmission" (NET-42, NET-47) */
static bool offload_tx_checksum_valid(const struct vionet_packet *packet, uint64_t total,
				      struct net_hdr *header)
{
	uint32_t place = packet->csum_start + packet->csum_offset;
	uint32_t headers = offload_headers_length(packet, packet->csum_offset == 16);

	if (headers == 0)
		headers = place + 2;
	if (packet->csum_start < ETHERNET || place + 2 > total ||
	    headers > UINT16_MAX)
		return false;
	header->hdr_len = vn_to_le16((uint16_t)headers);
	header->csum_start = vn_to_le16(packet->csum_start);
	header->csum_offset = vn_to_le16(packet->csum_offset);
	return true;
}

bool vn_transmit_header(const struct vionet_queue *queue,
			const struct vionet_packet *packet, uint64_t total,
			uint8_t *end)
{
	uint8_t flags = packet->flags & (uint8_t)~NET_HDR_DATA_VALID;
	struct net_hdr_long header = { .basic.flags = flags };

	if (total < VIONET_FRAME_MIN || (flags & ~queue->offloads.flags) != 0)
		return false;
	if ((flags & NET_HDR_NEEDS_CSUM) &&
	    !offload_tx_checksum_valid(packet, total, &header.basic))
		return false;
	if (packet->gso_type == NET_GSO_NONE) {
		if (total > offload_longest_frame(queue, packet) ||
		    (flags & NET_HDR_UDP_TUNNEL_CSUM))
			return false;
	} else if (!offload_tx_segments_valid(queue, packet, total, &header.basic)) {
		return false;
	}
	if (header.basic.gso_type & NET_GSO_TUNNEL) {
		header.outer_th_offset = vn_to_le16(packet->outer_th_offset);
		header.inner_nh_offset = vn_to_le16(packet->inner_nh_offset);
	} else if (flags & NET_HDR_UDP_TUNNEL_CSUM) {
		return false; /* "Packet Transmission" (NET-38) */
	}
	memcpy(end - queue->header_size, &header, queue->header_size);
	return true;
}
