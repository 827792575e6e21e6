/* SPDX-License-Identifier: BSD-3-Clause */
/* What fields are that nobody gave: made of the headers around them. */
#include "tools/pktgen/packet/compile.h"

static uint64_t rule_ether_type(int kind, uint64_t preset)
{
	switch (kind) {
	case HEADER_IPV4:
		return 0x0800;
	case HEADER_ARP:
		return 0x0806;
	case HEADER_ETHERNET: /* in GRE; RFC 7637 */
		return 0x6558;
	case HEADER_VLAN:
		return 0x8100;
	case HEADER_IPV6:
		return 0x86dd;
	case HEADER_PPP:
		return 0x880b;
	case HEADER_MPLS:
		return 0x8847;
	default:
		return preset;
	}
}

static uint64_t rule_ppp_type(int kind, uint64_t preset)
{
	switch (kind) {
	case HEADER_IPV4:
		return 0x0021;
	case HEADER_IPV6:
		return 0x0057;
	case HEADER_MPLS:
		return 0x0281;
	default:
		return preset;
	}
}

static uint64_t rule_protocol(int kind, uint64_t preset)
{
	switch (kind) {
	case HEADER_ICMP:
		return 1;
	case HEADER_IPV4:
		return 4;
	case HEADER_TCP:
		return 6;
	case HEADER_UDP:
		return 17;
	case HEADER_IPV6:
		return 41;
	case HEADER_IPV6_EXTENSION_HEADER:
		return 43;
	case HEADER_GRE:
		return 47;
	case HEADER_ICMPV6:
		return 58;
	case HEADER_MPLS:
		return 137;
	case HEADER_ETHERNET:
		return 143;
	default:
		return preset;
	}
}

static uint64_t rule_mac(const uint8_t *mac)
{
	return (uint64_t)bytes_get32(mac) << 16 | bytes_get16(mac + 4);
}

static uint64_t rule_tunnel_port(int kind)
{
	return kind == HEADER_VXLAN ? 4789 : kind == HEADER_GTPV1 ? 2152
								  : 0;
}

/* Segments in front of other parts. */
static uint64_t rule_last_segment(const struct traffic_header *header)
{
	uint64_t segments = 0;

	for (size_t i = 0; i < header->parts; i++)
		segments += header->part[i].kind == HEADER_SEGMENT;
	return segments ? segments - 1 : 0;
}

/* The header of the packet that an item is, or is a part of. */
static int rule_header(const struct compile *compile, int item)
{
	while (compile->item[item].parent >= 0)
		item = compile->item[item].parent;
	return item;
}

/* The header of the packet behind it; -1. */
static int rule_next(const struct compile *compile, int item)
{
	for (uint32_t i = (uint32_t)rule_header(compile, item) + 1; i < compile->items; i++)
		if (compile->item[i].parent < 0)
			return (int)i;
	return -1;
}

uint64_t compile_rule(const struct compile *compile, int item, const struct field_type *field)
{
	const struct layout_item *of = &compile->item[item];
	int next = rule_next(compile, item);
	int kind = next < 0 ? -1 : (int)compile->item[next].header->kind;
	uint32_t size = of->end - of->at;

	switch (field->computed) {
	case RULE_SOURCE:
		return rule_mac(compile->place->mac);
	case RULE_GATEWAY:
		return rule_mac(compile->place->gateway_mac);
	case RULE_ETHER_TYPE:
		return rule_ether_type(kind, field->preset);
	case RULE_PPP_TYPE:
		return rule_ppp_type(kind, field->preset);
	case RULE_PROTOCOL:
		return rule_protocol(kind, field->preset);
	case RULE_BOTTOM:
		return kind != HEADER_MPLS;
	case RULE_TUNNEL_PORT:
		return rule_tunnel_port(kind);
	case RULE_MESSAGE: /* G-PDU: 3GPP TS 29.281 */
		return kind == HEADER_IPV4 || kind == HEADER_IPV6 ? 255 : field->preset;
	case RULE_EXTENSIONS:
		return of->header->parts > 0;
	case RULE_WORDS:
		return size / 4;
	case RULE_MORE_UNITS:
		return size / 8 - 1;
	case RULE_BYTES:
		return size;
	case RULE_LAST_PART:
		return rule_last_segment(of->header);
	case RULE_ALIGN:
		return -(of->at + of->type->size - compile->item[of->parent].at) & 7;
	default:
		return field->preset;
	}
}
