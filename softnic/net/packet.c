/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding the headers in a frame, and the Internet checksum. Never trusts a length that a
 * header states, nor reads past the bytes it was given.
 */
#include <endian.h>

#include "softnic/net/internal.h"

#define TYPE_IPV4 0x0800u
#define TYPE_IPV6 0x86ddu
#define TYPE_VLAN 0x8100u
#define TYPE_SERVICE_VLAN 0x88a8u

/* IPv6 extension headers (RFC 8200), and the options that carry addresses. */
enum {
	EXT_HOP = 0,
	EXT_ROUTING = 43,
	EXT_FRAGMENT = 44,
	EXT_AUTH = 51,
	EXT_DESTINATION = 60,
};

#define OPTION_PAD1 0u
#define OPTION_HOME_ADDRESS 0xc9u /* RFC 6275 6.3 */
#define ROUTING_TYPE_2 2u	  /* RFC 6275 6.4 */
#define EXTENSIONS_MAX 8	  /* no real packet has more */

/* ---- the checksum ---- */

uint64_t sum_add(uint64_t sum, const uint8_t *data, size_t length)
{
	uint32_t word;

	/* Big-endian words of 32 bits: carries gather in the upper half. */
	for (; length >= 4; length -= 4, data += 4) {
		memcpy(&word, data, sizeof(word));
		sum += be32toh(word);
	}
	if (length >= 2)
		sum += net_be16(data);
	if (length & 1)
		sum += (uint64_t)data[length - 1] << 8;
	return sum;
}

uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint64_t sum_pseudo(const uint8_t *frame, const struct packet *packet,
		    uint32_t length)
{
	const uint8_t *ip = frame + packet->network;
	uint64_t sum = (uint64_t)packet->protocol + length;

	if (packet->version == 4)
		return sum_add(sum, ip + 12, 8);
	sum = sum_add(sum, packet->home ? frame + packet->home : ip + 8, 16);
	/* The final destination is what a routing header names as long as it has
	 * segments left (RFC 8200 8.1). */
	if (packet->route && frame[packet->route - 5])
		return sum_add(sum, frame + packet->route, 16);
	return sum_add(sum, ip + 24, 16);
}

/* Where the IP packet says that it ends; never behind the frame. */
static uint32_t packet_end(const uint8_t *frame, uint32_t length,
			   const struct packet *packet)
{
	const uint8_t *ip = frame + packet->network;
	uint32_t end = packet->network;

	end += packet->version == 4 ? net_be16(ip + 2) : 40u + net_be16(ip + 4);
	return end < length ? end : length;
}

int packet_checksum(const uint8_t *frame, uint32_t length,
		    const struct packet *packet)
{
	uint32_t end, size;

	if (!packet->payload)
		return -1;
	end = packet_end(frame, length, packet);
	if (end < packet->payload)
		return 0;
	size = end - packet->transport;
	if (packet->protocol == PROTO_UDP && packet->version == 4 &&
	    net_be16(frame + packet->transport + 6) == 0)
		return -1; /* the sender made none */
	return sum_fold(sum_add(sum_pseudo(frame, packet, size),
				frame + packet->transport, size)) == 0xffff;
}

/* ---- headers ---- */

/* A frame may lie in the driver's memory, and change: what was checked is what is used. */
static uint8_t packet_parse_once(const uint8_t *byte)
{
	return __atomic_load_n(byte, __ATOMIC_RELAXED);
}

static void packet_find_transport(const uint8_t *frame, uint32_t length,
				  struct packet *packet)
{
	uint32_t at = packet->transport, size;

	if (packet->fragment || at >= length) {
		packet->transport = 0;
		return;
	}
	if (packet->protocol == PROTO_UDP && length - at >= 8) {
		packet->payload = at + 8;
	} else if (packet->protocol == PROTO_TCP && length - at >= 20) {
		size = (packet_parse_once(frame + at + 12) >> 4) * 4u;
		if (size >= 20 && size <= length - at)
			packet->payload = at + size;
	}
}

static void packet_parse_ipv4(const uint8_t *frame, uint32_t length,
			      struct packet *packet)
{
	const uint8_t *ip = frame + packet->network;
	uint32_t size;

	if (length - packet->network < 20)
		return;
	size = (packet_parse_once(ip) & 15) * 4u;
	if (size < 20 || size > length - packet->network)
		return;
	packet->version = 4;
	packet->protocol = ip[9];
	packet->fragment = (net_be16(ip + 6) & 0x3fff) != 0;
	packet->transport = packet->network + size;
	packet_find_transport(frame, length, packet);
}

/* The home address option among destination options of `size` bytes at `at`. */
static uint32_t packet_home_address(const uint8_t *frame, uint32_t at, uint32_t size)
{
	uint32_t end = at + size;

	for (at += 2; at < end;) {
		uint8_t option = packet_parse_once(frame + at), length;

		if (option == OPTION_PAD1) {
			at++;
			continue;
		}
		if (end - at < 2)
			return 0;
		length = packet_parse_once(frame + at + 1);
		if (length > end - at - 2)
			return 0;
		if (option == OPTION_HOME_ADDRESS && length == 16)
			return at + 2;
		at += 2u + length;
	}
	return 0;
}

/* Size of the extension header at `at`; 0: it is none, or not whole. */
static uint32_t packet_extension_size(const uint8_t *frame, uint32_t length,
				      uint32_t at, uint8_t kind)
{
	uint32_t size;

	if (kind != EXT_HOP && kind != EXT_ROUTING && kind != EXT_FRAGMENT &&
	    kind != EXT_AUTH && kind != EXT_DESTINATION)
		return 0;
	if (at > length || length - at < 8)
		return 0;
	if (kind == EXT_FRAGMENT)
		return 8;
	size = packet_parse_once(frame + at + 1);
	size = kind == EXT_AUTH ? (size + 2) * 4 : (size + 1) * 8;
	return size <= length - at ? size : 0;
}

static void packet_note_extension(const uint8_t *frame, uint32_t at, uint32_t size,
				  uint8_t kind, struct packet *packet)
{
	packet->extended = true;
	if (kind == EXT_DESTINATION && !packet->home)
		packet->home = packet_home_address(frame, at, size);
	else if (kind == EXT_ROUTING && frame[at + 2] == ROUTING_TYPE_2 &&
		 size >= 24)
		packet->route = at + 8;
	else if (kind == EXT_FRAGMENT && (net_be16(frame + at + 2) & 0xfff9))
		packet->fragment = true;
}

static void packet_parse_ipv6(const uint8_t *frame, uint32_t length,
			      struct packet *packet)
{
	const uint8_t *ip = frame + packet->network;
	uint32_t at = packet->network + 40, size;
	uint8_t kind;
	int i;

	if (length - packet->network < 40)
		return;
	packet->version = 6;
	packet->next_at = packet->network + 6;
	kind = packet_parse_once(ip + 6);
	for (i = 0; i < EXTENSIONS_MAX && !packet->fragment; i++) {
		size = packet_extension_size(frame, length, at, kind);
		if (size == 0)
			break;
		packet_note_extension(frame, at, size, kind, packet);
		kind = packet_parse_once(frame + at);
		packet->next_at = at;
		at += size;
	}
	packet->protocol = kind;
	packet->transport = at;
	packet_find_transport(frame, length, packet);
}

void packet_parse_ip(const uint8_t *frame, uint32_t length, uint32_t offset,
		     struct packet *packet)
{
	*packet = (struct packet){ .network = offset };
	if (offset >= length)
		return;
	if (frame[offset] >> 4 == 4)
		packet_parse_ipv4(frame, length, packet);
	else if (frame[offset] >> 4 == 6)
		packet_parse_ipv6(frame, length, packet);
}

void packet_parse(const uint8_t *frame, uint32_t length, struct packet *packet)
{
	uint32_t at = ETH_HEADER;
	uint16_t type = 0;

	*packet = (struct packet){ 0 };
	if (length >= ETH_HEADER)
		type = net_be16(frame + 12);
	while ((type == TYPE_VLAN || type == TYPE_SERVICE_VLAN) &&
	       at + VLAN_TAG <= length && at <= ETH_HEADER + VLAN_TAG) {
		type = net_be16(frame + at + 2);
		at += VLAN_TAG;
	}
	if (type == TYPE_IPV4 || type == TYPE_IPV6)
		packet_parse_ip(frame, length, at, packet);
	if (packet->version != (type == TYPE_IPV4 ? 4 : 6))
		*packet = (struct packet){ 0 };
}

/* ---- pieces ---- */

uint32_t frame_copy(const struct frame *frame, uint32_t offset, void *to,
		    uint32_t size)
{
	uint8_t *out = to;
	uint32_t done = 0, part;
	unsigned int i;

	for (i = 0; i < frame->parts && done < size; i++) {
		const struct element *element = &frame->part[i];

		if (offset >= element->length) {
			offset -= element->length;
			continue;
		}
		part = element->length - offset;
		if (part > size - done)
			part = size - done;
		memcpy(out + done, element->address + offset, part);
		done += part;
		offset = 0;
	}
	return done;
}
