/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/replay/rewrite.h"

#include <string.h>

#include "tools/shared/bytes.h"

#define TAGS_MAX 8
#define HEADERS_MAX 16

enum { TYPE_IPV4 = 0x0800,
       TYPE_ARP = 0x0806,
       TYPE_IPV6 = 0x86dd };
enum { PROTOCOL_TCP = 6,
       PROTOCOL_UDP = 17,
       PROTOCOL_DCCP = 33,
       PROTOCOL_ICMP6 = 58,
       PROTOCOL_UDPLITE = 136 };
enum { HEADER_HOPS = 0,
       HEADER_ROUTING = 43,
       HEADER_FRAGMENT = 44,
       HEADER_AUTHENTICATION = 51,
       HEADER_DESTINATION = 60 };

/* ---- checksums ---- */

/* RFC 1624, equation 3: the sum of what was taken out, inverted, and of what was put in. */
static void rewrite_note(uint32_t *delta, uint32_t old, uint32_t new)
{
	*delta += (old ^ 0xffff) + new;
	*delta = (*delta & 0xffff) + (*delta >> 16);
}

static void rewrite_store(uint8_t *at, const uint8_t *bytes, unsigned int count, uint32_t *delta)
{
	for (unsigned int i = 0; i < count; i += 2) {
		rewrite_note(delta, bytes_get16(at + i), bytes_get16(bytes + i));
		memcpy(at + i, bytes + i, 2);
	}
}

static void rewrite_sum(uint8_t *checksum, uint32_t delta)
{
	uint32_t sum = (bytes_get16(checksum) ^ 0xffff) + delta;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	bytes_put16(checksum, sum ^ 0xffff);
}

/* ---- addresses ---- */

static void rewrite_prefix(const struct network *to, uint8_t *address)
{
	unsigned int whole = to->bits / 8u, rest = to->bits % 8u;
	unsigned int keep = 0xffu >> rest;

	memcpy(address, to->address, whole);
	if (rest != 0)
		address[whole] = (uint8_t)((to->address[whole] & ~keep) | (address[whole] & keep));
}

static void rewrite_address(const struct rewrite *rewrite, bool ipv6, uint8_t *address,
			    uint32_t *delta)
{
	for (uint32_t i = 0; i < rewrite->maps; i++) {
		const struct rewrite_map *map = &rewrite->map[i];
		unsigned int size = network_bytes(&map->to);
		uint8_t made[16];

		if (!network_holds(&map->from, ipv6, address))
			continue;
		memcpy(made, address, size);
		rewrite_prefix(&map->to, made);
		rewrite_store(address, made, size, delta);
		return;
	}
}

/* ---- behind IP ---- */

static void rewrite_ports(const struct rewrite *rewrite, uint8_t *ports, uint32_t *delta)
{
	for (unsigned int at = 0; at < 4; at += 2)
		for (uint32_t i = 0; i < rewrite->ports; i++) {
			uint8_t made[2];

			if (bytes_get16(ports + at) != rewrite->port[i].from)
				continue;
			bytes_put16(made, rewrite->port[i].to);
			rewrite_store(ports + at, made, 2, delta);
			break;
		}
}

/* What neighbour discovery asks for or tells. */
static void rewrite_target(const struct rewrite *rewrite, uint8_t *icmp, uint32_t size, uint32_t *delta)
{
	if (size < 24 || (icmp[0] != 135 && icmp[0] != 136))
		return;
	rewrite_address(rewrite, true, icmp + 8, delta);
}

static uint32_t rewrite_checksum_at(unsigned int protocol)
{
	switch (protocol) {
	case PROTOCOL_TCP:
		return 16;
	case PROTOCOL_UDP:
	case PROTOCOL_UDPLITE:
	case PROTOCOL_DCCP:
		return 6;
	case PROTOCOL_ICMP6:
		return 2;
	default:
		return 0;
	}
}

/* `delta` is that of the addresses, which the checksum covers. */
static void rewrite_transport(const struct rewrite *rewrite, unsigned int protocol, uint8_t *data,
			      uint32_t size, uint32_t delta)
{
	uint32_t at = rewrite_checksum_at(protocol);
	bool udp = protocol == PROTOCOL_UDP;

	if ((protocol == PROTOCOL_TCP || udp) && size >= 4)
		rewrite_ports(rewrite, data, &delta);
	if (at == 0 || size < at + 2)
		return;
	if (protocol == PROTOCOL_ICMP6)
		rewrite_target(rewrite, data, size, &delta);
	if (delta == 0 || (udp && bytes_get16(data + at) == 0)) /* none was made */
		return;
	rewrite_sum(data + at, delta);
	if (udp && bytes_get16(data + at) == 0)
		bytes_put16(data + at, 0xffff);
}

static void rewrite_ipv4(const struct rewrite *rewrite, uint8_t *ip, uint32_t size)
{
	uint32_t header, delta = 0;

	if (size < 20 || ip[0] >> 4 != 4)
		return;
	header = (ip[0] & 0xfu) * 4u;
	rewrite_address(rewrite, false, ip + 12, &delta);
	rewrite_address(rewrite, false, ip + 16, &delta);
	if (delta != 0)
		rewrite_sum(ip + 10, delta);
	if (header >= 20 && header < size && (bytes_get16(ip + 6) & 0x1fff) == 0)
		rewrite_transport(rewrite, ip[9], ip + header, size - header, delta);
}

/* The length of an extension header; 0: what follows is something else. */
static uint32_t rewrite_extension(const uint8_t *header, unsigned int type)
{
	switch (type) {
	case HEADER_HOPS:
	case HEADER_ROUTING:
	case HEADER_DESTINATION:
		return (header[1] + 1u) * 8u;
	case HEADER_FRAGMENT:
		return 8;
	case HEADER_AUTHENTICATION:
		return (header[1] + 2u) * 4u;
	default:
		return 0;
	}
}

static void rewrite_ipv6(const struct rewrite *rewrite, uint8_t *ip, uint32_t size)
{
	uint32_t at = 40, delta = 0;
	unsigned int type;

	if (size < at || ip[0] >> 4 != 6)
		return;
	rewrite_address(rewrite, true, ip + 8, &delta);
	rewrite_address(rewrite, true, ip + 24, &delta);
	type = ip[6];
	for (int i = 0; i < HEADERS_MAX && at + 8 <= size; i++) {
		uint32_t length = rewrite_extension(ip + at, type);

		if (length == 0) {
			rewrite_transport(rewrite, type, ip + at, size - at, delta);
			return;
		}
		if (type == HEADER_FRAGMENT && (bytes_get16(ip + at + 2) & 0xfff8) != 0)
			return;
		type = ip[at];
		at += length;
	}
}

static void rewrite_arp(const struct rewrite *rewrite, const uint8_t *old_source, uint8_t *arp, uint32_t size)
{
	static const uint8_t usual[] = { 0, 1, 8, 0, 6, 4 };
	uint32_t unused = 0;

	if (size < 28 || memcmp(arp, usual, sizeof(usual)) != 0)
		return;
	if (rewrite->source_mac && memcmp(arp + 8, old_source, 6) == 0)
		memcpy(arp + 8, rewrite->source, 6);
	rewrite_address(rewrite, false, arp + 14, &unused);
	rewrite_address(rewrite, false, arp + 24, &unused);
}

/* ---- the frame ---- */

static bool rewrite_is_tag(uint32_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100;
}

void rewrite_frame(const struct rewrite *rewrite, uint8_t *frame, uint32_t size)
{
	uint8_t old_source[6];
	uint32_t at = 12;

	if (size < 14)
		return;
	memcpy(old_source, frame + 6, 6);
	if (rewrite->destination_mac && (frame[0] & 1) == 0)
		memcpy(frame, rewrite->destination, 6);
	if (rewrite->source_mac)
		memcpy(frame + 6, rewrite->source, 6);
	for (int i = 0; i < TAGS_MAX && size >= at + 6 && rewrite_is_tag(bytes_get16(frame + at)); i++)
		at += 4;
	switch (bytes_get16(frame + at)) {
	case TYPE_IPV4:
		rewrite_ipv4(rewrite, frame + at + 2, size - at - 2);
		break;
	case TYPE_IPV6:
		rewrite_ipv6(rewrite, frame + at + 2, size - at - 2);
		break;
	case TYPE_ARP:
		rewrite_arp(rewrite, old_source, frame + at + 2, size - at - 2);
		break;
	default:
		break;
	}
}

/* ---- options ---- */

int rewrite_add_map(struct rewrite *rewrite, const char *option, const char *text,
		    struct parse_error *error)
{
	const char *equals = strchr(text, '=');
	struct rewrite_map map;

	if (rewrite->maps == REWRITE_MAPS_MAX)
		return parse_refuse(error, option, text, "%d maps at most", REWRITE_MAPS_MAX);
	if (equals == NULL || !network_read(text, (size_t)(equals - text), &map.from) ||
	    !network_read(equals + 1, strlen(equals + 1), &map.to) ||
	    map.from.ipv6 != map.to.ipv6)
		return parse_refuse(error, option, text,
				    "two networks of one kind are wanted, such as "
				    "10.0.0.0/8=192.168.0.0/16 or 2001:db8:1::/48=2001:db8:2::/48");
	rewrite->map[rewrite->maps++] = map;
	return 0;
}

int rewrite_add_port(struct rewrite *rewrite, const char *option, const char *text,
		     struct parse_error *error)
{
	const char *equals = strchr(text, '=');
	struct parse_error unused;
	uint64_t from = 0, to = 0;
	char first[8] = "";

	if (rewrite->ports == REWRITE_MAPS_MAX)
		return parse_refuse(error, option, text, "%d ports at most", REWRITE_MAPS_MAX);
	if (equals != NULL && (size_t)(equals - text) < sizeof(first))
		memcpy(first, text, (size_t)(equals - text));
	if (equals == NULL || parse_whole(option, first, 0, 65535, &from, &unused) != 0 ||
	    parse_whole(option, equals + 1, 0, 65535, &to, &unused) != 0)
		return parse_refuse(error, option, text, "two ports are wanted, such as 80=8080");
	rewrite->port[rewrite->ports++] = (struct rewrite_port){ (uint16_t)from, (uint16_t)to };
	return 0;
}
