/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/packet/parse.h"

#include <string.h>

#define PARSE_LAYERS_MAX 64 /* headers, tags and labels; more than a frame of ours has */
#define UDP_PORT_VXLAN 4789
#define UDP_PORT_GTP 2152

enum parse_next {
	NEXT_NONE,
	NEXT_ETHERNET,
	NEXT_TYPE, /* by EtherType */
	NEXT_MPLS,
	NEXT_IPV4,
	NEXT_IPV6,
	NEXT_PROTOCOL, /* by IP protocol */
};

struct parse {
	const uint8_t *frame;
	uint32_t available;
	uint32_t at; /* of the next header */
	enum parse_next next;
	uint32_t type; /* EtherType or protocol */
	struct packet_view *view;
	bool check, partial, wrong; /* packet_sums_right */
};

static bool parse_has(const struct parse *parse, uint32_t bytes)
{
	return parse->available >= bytes && parse->at <= parse->available - bytes;
}

/* 802.1Q, 802.1ad, and what was in use for the outer tag before that. */
static bool parse_is_vlan(uint32_t type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200 || type == 0x9300;
}

static void parse_ethernet(struct parse *parse)
{
	parse->next = NEXT_NONE;
	if (!parse_has(parse, 14))
		return;
	parse->type = bytes_get16(parse->frame + parse->at + 12);
	parse->at += 14;
	parse->next = NEXT_TYPE;
}

static void parse_vlan(struct parse *parse)
{
	struct packet_view *view = parse->view;

	parse->next = NEXT_NONE;
	if (!parse_has(parse, 4))
		return;
	if (view->vlans++ == 0 && view->tunnels == 0) {
		view->vlan_type = (uint16_t)parse->type;
		view->vlan_tci = (uint16_t)bytes_get16(parse->frame + parse->at);
	}
	parse->type = bytes_get16(parse->frame + parse->at + 2);
	parse->at += 4;
	parse->next = NEXT_TYPE;
}

static void parse_type(struct parse *parse)
{
	uint32_t type = parse->type;

	parse->next = NEXT_NONE;
	if (parse_is_vlan(type)) {
		parse_vlan(parse);
		return;
	}
	parse->view->ether_type = (uint16_t)type;
	if (type == 0x0800)
		parse->next = NEXT_IPV4;
	else if (type == 0x86dd)
		parse->next = NEXT_IPV6;
	else if (type == 0x8847 || type == 0x8848)
		parse->next = NEXT_MPLS;
	else if (type == 0x6558)
		parse->next = NEXT_ETHERNET;
}

/* The label does not say what follows the last one; its first four bits do, mostly. */
static void parse_mpls(struct parse *parse)
{
	bool bottom;

	parse->next = NEXT_NONE;
	if (!parse_has(parse, 5))
		return;
	bottom = parse->frame[parse->at + 2] & 1;
	parse->at += 4;
	parse->view->labels++;
	if (!bottom)
		parse->next = NEXT_MPLS;
	else if (parse->frame[parse->at] >> 4 == 4)
		parse->next = NEXT_IPV4;
	else if (parse->frame[parse->at] >> 4 == 6)
		parse->next = NEXT_IPV6;
	else
		parse->next = NEXT_ETHERNET;
}

/* A new IP layer: an IP header in another one is a tunnel too. */
static void parse_ip(struct parse *parse, uint8_t version, uint32_t header, uint32_t length)
{
	struct packet_view *view = parse->view;

	view->l3 = parse->at;
	view->version = version;
	view->fragment = false;
	view->payload = 0;
	if (length < view->end - parse->at)
		view->end = parse->at + length;
	parse->at += header;
	view->l4 = parse->at;
	parse->next = NEXT_PROTOCOL;
}

static void parse_ip4(struct parse *parse)
{
	const uint8_t *ip = parse->frame + parse->at;
	uint32_t header, length;

	parse->next = NEXT_NONE;
	if (!parse_has(parse, 20) || ip[0] >> 4 != 4)
		return;
	header = (ip[0] & 15U) * 4;
	length = bytes_get16(ip + 2);
	if (header < 20 || !parse_has(parse, header) || length < header || parse->at + header > parse->view->end)
		return;
	if (parse->check && sum_fold(sum_bytes(ip, header)) != 0xffff)
		parse->wrong = true;
	parse->type = ip[9];
	parse_ip(parse, 4, header, length);
	parse->view->fragment = (bytes_get16(ip + 6) & 0x3fff) != 0;
}

static void parse_ip6(struct parse *parse)
{
	const uint8_t *ip = parse->frame + parse->at;

	parse->next = NEXT_NONE;
	if (!parse_has(parse, 40) || ip[0] >> 4 != 6 || parse->at + 40 > parse->view->end)
		return;
	parse->type = ip[6];
	parse_ip(parse, 6, 40, 40 + bytes_get16(ip + 4));
}

/* Steps over one extension header of IPv6; false where it is none, or not wholly there. */
static bool parse_extension(struct parse *parse)
{
	const uint8_t *header = parse->frame + parse->at;
	uint32_t size;

	if (parse->view->version != 6 || !parse_has(parse, 8))
		return false;
	switch (parse->type) {
	case 0:
	case 43:
	case 60:
	case 135:
		size = 8 + header[1] * 8U;
		break;
	case 51:
		size = 8 + header[1] * 4U;
		break;
	case 44:
		size = 8;
		if ((bytes_get16(header + 2) & ~6U) != 0)
			parse->view->fragment = true;
		break;
	default:
		return false;
	}
	if (!parse_has(parse, size))
		return false;
	parse->type = header[0];
	parse->at += size;
	parse->view->l4 = parse->at;
	return true;
}

/* Where the packet goes at last: with a routing header that has segments left, its last segment. */
static const uint8_t *parse_destination(const struct parse *parse)
{
	const struct packet_view *view = parse->view;
	const uint8_t *ip = parse->frame + view->l3;
	const uint8_t *found = ip + 24;
	uint32_t type = ip[6];

	for (uint32_t at = view->l3 + 40; at + 8 <= view->l4;) {
		const uint8_t *header = parse->frame + at;

		if (type == 43 && header[2] == 4 && header[3] > 0 && at + 24 <= view->l4)
			found = header + 8;
		at += type == 44 ? 8 : type == 51 ? 8 + header[1] * 4U
						  : 8 + header[1] * 8U;
		type = header[0];
	}
	return found;
}

/* The transport's sum over the whole packet, with the pseudo header. */
static void parse_check(struct parse *parse, uint32_t protocol)
{
	const struct packet_view *view = parse->view;
	const uint8_t *ip = parse->frame + view->l3;
	uint32_t length = view->end - view->l4;
	uint64_t sum;

	if (!parse->check || parse->partial || view->fragment || view->end > parse->available || view->end < view->l4)
		return;
	sum = sum_bytes(parse->frame + view->l4, length);
	if (protocol != 1) {
		sum += (uint64_t)length + protocol;
		if (view->version == 4)
			sum += sum_bytes(ip + 12, 8);
		else
			sum += sum_bytes(ip + 8, 16) + sum_bytes(parse_destination(parse), 16);
	}
	if (sum_fold(sum) != 0xffff)
		parse->wrong = true;
}

/* Behind GTP's header and its extensions comes IP of either version. */
static void parse_gtp(struct parse *parse)
{
	const uint8_t *gtp = parse->frame + parse->at;
	uint32_t type = 0;
	uint32_t size;

	if (!parse_has(parse, 12) || gtp[0] >> 4 != 3 || gtp[1] != 255)
		return;
	parse->at += 8;
	if (gtp[0] & 7) {
		type = gtp[0] & 4 ? gtp[11] : 0;
		parse->at += 4;
	}
	while (type != 0) {
		if (!parse_has(parse, 4))
			return;
		size = parse->frame[parse->at] * 4U;
		if (size == 0 || !parse_has(parse, size))
			return;
		parse->at += size;
		type = parse->frame[parse->at - 1];
	}
	if (!parse_has(parse, 1))
		return;
	parse->view->tunnels++;
	parse->next = parse->frame[parse->at] >> 4 == 6 ? NEXT_IPV6 : NEXT_IPV4;
}

static void parse_udp(struct parse *parse)
{
	const uint8_t *udp = parse->frame + parse->at;
	uint32_t port;

	if (!parse_has(parse, 8))
		return;
	if (bytes_get16(udp + 6) != 0 || parse->view->version == 6)
		parse_check(parse, 17);
	port = bytes_get16(udp + 2);
	parse->at += 8;
	parse->view->payload = parse->at;
	if (port == UDP_PORT_VXLAN && parse_has(parse, 8) && (parse->frame[parse->at] & 8)) {
		parse->at += 8;
		parse->view->tunnels++;
		parse->next = NEXT_ETHERNET;
	} else if (port == UDP_PORT_GTP) {
		parse_gtp(parse);
	}
}

static void parse_tcp(struct parse *parse)
{
	if (!parse_has(parse, 20))
		return;
	parse_check(parse, 6);
	parse->view->payload = parse->at + (parse->frame[parse->at + 12] >> 4) * 4U;
}

/* RFC 2784, with key and sequence number of RFC 2890. */
static void parse_gre(struct parse *parse)
{
	const uint8_t *gre = parse->frame + parse->at;
	struct packet_view *view = parse->view;
	uint32_t size = 4;

	if (!parse_has(parse, 4) || (gre[1] & 7) != 0)
		return;
	for (uint8_t bit = 0x80; bit >= 0x10; bit = (uint8_t)(bit >> 1))
		if (bit != 0x40 && (gre[0] & bit))
			size += 4;
	if ((gre[0] & 0x80) && parse->check && !parse->partial && view->end <= parse->available &&
	    view->end >= parse->at && sum_fold(sum_bytes(gre, view->end - parse->at)) != 0xffff)
		parse->wrong = true;
	parse->type = bytes_get16(gre + 2);
	parse->at += size;
	view->tunnels++;
	parse->next = NEXT_TYPE;
}

static void parse_protocol(struct parse *parse)
{
	struct packet_view *view = parse->view;

	while (parse_extension(parse))
		;
	view->protocol = (uint8_t)parse->type;
	parse->next = NEXT_NONE;
	if (view->fragment)
		return;
	switch (parse->type) {
	case 1:
	case 58:
		if (!parse_has(parse, 8))
			return;
		parse_check(parse, parse->type);
		view->payload = parse->at + 8;
		return;
	case 4:
	case 41:
		view->tunnels++;
		parse->next = parse->type == 4 ? NEXT_IPV4 : NEXT_IPV6;
		return;
	case 6:
		parse_tcp(parse);
		return;
	case 17:
		parse_udp(parse);
		return;
	case 47:
		parse_gre(parse);
		return;
	case 137:
		parse->next = NEXT_MPLS;
		return;
	case 143:
		view->tunnels++;
		parse->next = NEXT_ETHERNET;
		return;
	default:
		return;
	}
}

static void parse_run(struct parse *parse, uint32_t total)
{
	memset(parse->view, 0, sizeof(*parse->view));
	parse->view->end = total;
	parse->next = NEXT_ETHERNET;
	for (int i = 0; i < PARSE_LAYERS_MAX && parse->next != NEXT_NONE; i++) {
		switch (parse->next) {
		case NEXT_ETHERNET:
			parse_ethernet(parse);
			break;
		case NEXT_TYPE:
			parse_type(parse);
			break;
		case NEXT_MPLS:
			parse_mpls(parse);
			break;
		case NEXT_IPV4:
			parse_ip4(parse);
			break;
		case NEXT_IPV6:
			parse_ip6(parse);
			break;
		default:
			parse_protocol(parse);
			break;
		}
	}
}

void packet_parse(const uint8_t *frame, uint32_t available, uint32_t total, struct packet_view *view)
{
	struct parse parse = { .frame = frame, .available = available, .view = view };

	parse_run(&parse, total);
}

bool packet_sums_right(const uint8_t *frame, uint32_t total, bool partial)
{
	struct packet_view view;
	struct parse parse = { .frame = frame, .available = total, .view = &view, .check = true, .partial = partial };

	parse_run(&parse, total);
	return !parse.wrong;
}

int packet_signature(const uint8_t *frame, uint32_t available, uint32_t total, struct signature *found)
{
	struct signature inner;
	struct packet_view view;
	bool at_end = total >= SIGNATURE_SIZE && available >= total &&
		      signature_read(frame + total - SIGNATURE_SIZE, found);

	/* Zeros behind may be padding: part of the signature and zeros can have the right sum by chance. */
	if (at_end && frame[total - 1] != 0)
		return (int)(total - SIGNATURE_SIZE);
	packet_parse(frame, available, total, &view);
	if (view.end != total && view.end >= SIGNATURE_SIZE && view.end <= available &&
	    signature_read(frame + view.end - SIGNATURE_SIZE, &inner)) {
		*found = inner;
		return (int)(view.end - SIGNATURE_SIZE);
	}
	return at_end ? (int)(total - SIGNATURE_SIZE) : -1;
}
