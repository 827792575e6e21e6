/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Helpers for the application: the transport header of a packet and its checksum. Headers are
 * looked for in the first segment only.
 *
 * Source: "Packet Transmission"; RFC 791, 768, 9293, 8200, 1071.
 */
#include <errno.h>

#include <vionet/offload.h>

#include "base/error.h"
#include "driver/spec/net.h"

enum { ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };
enum { ETHERTYPE_VLAN = 0x8100, ETHERTYPE_QINQ = 0x88a8 };
enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17 };
enum { EXTENSION_HOP = 0, EXTENSION_ROUTING = 43, EXTENSION_OPTIONS = 60 };

#define EXTENSIONS_MAX 8u

/* Where the transport header of a packet is. */
struct transport {
	uint8_t version, protocol;
	uint32_t network, at;
	uint32_t length; /* of header and data */
};

static uint16_t csum_be16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* Sum of big-endian words; `odd`: the first byte is the low one of its word. */
static uint64_t csum_sum_bytes(const uint8_t *data, uint32_t length, bool odd)
{
	uint64_t sum = 0;
	uint32_t i = 0;

	if (odd && length != 0)
		sum += data[i++];
	for (; i + 1 < length; i += 2)
		sum += csum_be16(data + i);
	if (i < length)
		sum += (uint64_t)data[i] << 8;
	return sum;
}

static uint16_t csum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t csum_frame_length(const struct vionet_packet *packet)
{
	uint32_t length = 0;

	for (; packet; packet = packet->next)
		length += packet->length;
	return length;
}

/* Behind MAC addresses and tags: the ethertype, and where the packet begins. 0: it
 * does not. */
static uint16_t csum_find_network(const struct vionet_packet *packet, uint32_t *at)
{
	*at = 12;
	while (*at + 2 <= packet->length) {
		uint16_t type = csum_be16(packet->data + *at);

		*at += 2;
		if (type != ETHERTYPE_VLAN && type != ETHERTYPE_QINQ)
			return type;
		*at += 2;
	}
	return 0;
}

static bool csum_find_in_ipv4(const struct vionet_packet *packet, struct transport *t)
{
	const uint8_t *ip = packet->data + t->network;
	uint32_t header, total;

	if (t->network + 20 > packet->length || ip[0] >> 4 != 4)
		return false;
	header = (ip[0] & 15u) * 4;
	total = csum_be16(ip + 2);
	if (header < 20 || header > total || (csum_be16(ip + 6) & 0x3fff) != 0)
		return false;
	t->version = 4;
	t->protocol = ip[9];
	t->at = t->network + header;
	t->length = total - header;
	return true;
}

/* With a routing header the destination is another than the one that the checksum is
 * about, so it is not stepped over. */
static bool csum_find_in_ipv6(const struct vionet_packet *packet, struct transport *t)
{
	const uint8_t *ip = packet->data + t->network;
	uint32_t at = t->network + 40, end;
	uint8_t next;

	if (at > packet->length || ip[0] >> 4 != 6)
		return false;
	next = ip[6];
	end = at + csum_be16(ip + 4);
	for (unsigned int i = 0; i < EXTENSIONS_MAX &&
	     (next == EXTENSION_HOP || next == EXTENSION_OPTIONS); i++) {
		if (at + 8 > packet->length)
			return false;
		next = packet->data[at];
		at += (packet->data[at + 1] + 1u) * 8;
	}
	if (at > end)
		return false;
	t->version = 6;
	t->protocol = next;
	t->at = at;
	t->length = end - at;
	return true;
}

static bool csum_find_transport(const struct vionet_packet *packet,
				struct transport *t)
{
	uint16_t type = csum_find_network(packet, &t->network);
	uint32_t least, frame = csum_frame_length(packet);

	if (type == ETHERTYPE_IPV4 ? !csum_find_in_ipv4(packet, t) :
				     type != ETHERTYPE_IPV6 ||
					     !csum_find_in_ipv6(packet, t))
		return false;
	if (t->protocol != PROTOCOL_TCP && t->protocol != PROTOCOL_UDP)
		return false;
	least = t->protocol == PROTOCOL_TCP ? 20 : 8;
	/* The device sums to the end of the frame: nothing may lie behind. */
	return t->length >= least && t->at + least <= packet->length &&
	       t->at + t->length == frame;
}

int vionet_packet_checksum_partial(struct vionet_packet *packet)
{
	struct transport t;
	uint32_t place;
	uint64_t sum;
	uint16_t folded;

	if (!csum_find_transport(packet, &t))
		return vn_error_none(EINVAL);
	if (t.protocol == PROTOCOL_UDP &&
	    csum_be16(packet->data + t.at + 4) != t.length)
		return vn_error_none(EINVAL);
	place = t.protocol == PROTOCOL_TCP ? 16 : 6;
	sum = t.version == 4 ? csum_sum_bytes(packet->data + t.network + 12, 8, false) :
			       csum_sum_bytes(packet->data + t.network + 8, 32, false);
	folded = csum_fold(sum + t.protocol + t.length);
	packet->data[t.at + place] = (uint8_t)(folded >> 8);
	packet->data[t.at + place + 1] = (uint8_t)folded;
	packet->flags = VIONET_PACKET_NEEDS_CSUM;
	packet->gso_type = VIONET_GSO_NONE;
	packet->gso_size = 0;
	packet->csum_start = (uint16_t)t.at;
	packet->csum_offset = (uint16_t)place;
	return 0;
}

int vionet_packet_segment(struct vionet_packet *packet, uint16_t gso_size)
{
	struct transport t;

	if (gso_size == 0 || (packet->flags & VIONET_PACKET_NEEDS_CSUM) == 0 ||
	    !csum_find_transport(packet, &t) || packet->csum_start != t.at)
		return vn_error_none(EINVAL);
	if (t.protocol == PROTOCOL_UDP)
		packet->gso_type = VIONET_GSO_UDP_L4;
	else
		packet->gso_type = t.version == 4 ? VIONET_GSO_TCPV4 :
						    VIONET_GSO_TCPV6;
	packet->gso_size = gso_size;
	return 0;
}

/* The byte at `offset` of a packet, NULL if there is none. */
static uint8_t *csum_byte_at(struct vionet_packet *packet, uint32_t offset)
{
	for (; packet; packet = packet->next) {
		if (offset < packet->length)
			return packet->data + offset;
		offset -= packet->length;
	}
	return NULL;
}

/* From `from` to the end. */
static uint16_t csum_sum_packet(const struct vionet_packet *packet, uint32_t from)
{
	uint64_t sum = 0;
	bool odd = false;

	for (; packet; packet = packet->next) {
		uint32_t skip = from < packet->length ? from : packet->length;

		sum += csum_sum_bytes(packet->data + skip, packet->length - skip, odd);
		odd ^= (packet->length - skip) % 2 != 0;
		from -= skip;
	}
	return csum_fold(sum);
}

int vionet_packet_checksum_complete(struct vionet_packet *packet)
{
	uint32_t place = (uint32_t)packet->csum_start + packet->csum_offset;
	uint8_t *high, *low;
	uint16_t sum;

	if ((packet->flags & VIONET_PACKET_NEEDS_CSUM) == 0)
		return 0;
	high = csum_byte_at(packet, place);
	low = csum_byte_at(packet, place + 1);
	if ((packet->flags & VIONET_PACKET_RSC_INFO) || !high || !low)
		return vn_error_none(EINVAL);
	sum = (uint16_t)~csum_sum_packet(packet, packet->csum_start);
	if (sum == 0)
		sum = 0xffff; /* the same number; 0 means "none" in UDP */
	*high = (uint8_t)(sum >> 8);
	*low = (uint8_t)sum;
	packet->flags &= (uint8_t)~VIONET_PACKET_NEEDS_CSUM;
	return 0;
}
