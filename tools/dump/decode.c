/* SPDX-License-Identifier: BSD-3-Clause */
/* The short decode of a frame: no length field in it is trusted. */
#include "tools/dump/decode.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "tools/shared/bytes.h"

/* What is left to decode, and the text so far. */
struct cursor {
	const uint8_t *at;
	size_t left;
	char *line;
	size_t size;
	size_t used;
};

static void decode_put(struct cursor *cursor, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void decode_put(struct cursor *cursor, const char *format, ...)
{
	size_t room = cursor->size - cursor->used;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(cursor->line + cursor->used, room, format, arguments);
	va_end(arguments);
	if (length > 0)
		cursor->used += (size_t)length < room ? (size_t)length : room - 1;
}

/* Take `count` bytes; NULL, with " (cut)" in the text, if they are not there. */
static const uint8_t *decode_take(struct cursor *cursor, size_t count)
{
	const uint8_t *bytes = cursor->at;

	if (cursor->left < count) {
		decode_put(cursor, " (cut)");
		return NULL;
	}
	cursor->at += count;
	cursor->left -= count;
	return bytes;
}

static void decode_put_mac(struct cursor *cursor, const uint8_t *mac)
{
	decode_put(cursor, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		   mac[3], mac[4], mac[5]);
}

static void decode_put_address(struct cursor *cursor, int family,
			       const uint8_t *address)
{
	char text[INET6_ADDRSTRLEN];

	decode_put(cursor, "%s", inet_ntop(family, address, text, sizeof(text)));
}

/* Addresses of a packet, with ports where its transport begins with them. */
struct endpoints {
	int family;
	const uint8_t *source;
	const uint8_t *destination;
};

static void decode_put_endpoints(struct cursor *cursor, const struct endpoints *ends,
				 const uint8_t *ports)
{
	decode_put_address(cursor, ends->family, ends->source);
	if (ports != NULL)
		decode_put(cursor, ".%u", bytes_get16(ports));
	decode_put(cursor, " > ");
	decode_put_address(cursor, ends->family, ends->destination);
	if (ports != NULL)
		decode_put(cursor, ".%u", bytes_get16(ports + 2));
}

static void decode_udp(struct cursor *cursor)
{
	const uint8_t *udp = decode_take(cursor, 8);

	if (udp == NULL)
		return;
	if (bytes_get16(udp + 4) < 8)
		decode_put(cursor, " UDP bad length %u", bytes_get16(udp + 4));
	else
		decode_put(cursor, " UDP %u", bytes_get16(udp + 4) - 8);
}

static void decode_tcp(struct cursor *cursor)
{
	const uint8_t *tcp = decode_take(cursor, 20);
	char flags[9];
	size_t count = 0;

	if (tcp == NULL)
		return;
	for (int i = 0; i < 8; i++)
		if (tcp[13] & 1 << i)
			flags[count++] = "FSRPAUEW"[i];
	flags[count] = '\0';
	decode_put(cursor, " TCP [%s] seq %u ack %u win %u", flags,
		   bytes_get32(tcp + 4), bytes_get32(tcp + 8), bytes_get16(tcp + 14));
}

static void decode_icmp(struct cursor *cursor)
{
	const uint8_t *icmp = decode_take(cursor, 8);

	if (icmp == NULL)
		return;
	if ((icmp[0] == 8 || icmp[0] == 0) && icmp[1] == 0)
		decode_put(cursor, " ICMP echo %s id %u seq %u",
			   icmp[0] == 8 ? "request" : "reply", bytes_get16(icmp + 4),
			   bytes_get16(icmp + 6));
	else
		decode_put(cursor, " ICMP type %u code %u", icmp[0], icmp[1]);
}

static void decode_icmp6(struct cursor *cursor)
{
	/* Types 128 to 137 (RFC 4443, RFC 2710, RFC 4861). */
	static const char *const names[] = {
		"echo request",		  "echo reply",
		"listener query",	  "listener report",
		"listener done",	  "router solicitation",
		"router advertisement",	  "neighbour solicitation",
		"neighbour advertisement", "redirect",
	};
	const uint8_t *icmp = decode_take(cursor, 4);
	uint8_t type;

	if (icmp == NULL)
		return;
	/* Read once: the device may write to the frame still. */
	type = *(const volatile uint8_t *)icmp;
	if (type >= 128 && type <= 137)
		decode_put(cursor, " ICMPv6 %s", names[type - 128]);
	else
		decode_put(cursor, " ICMPv6 type %u code %u", type, icmp[1]);
}

/* A transport header, or the number of its protocol. */
static void decode_transport(struct cursor *cursor, unsigned int protocol,
			     const struct endpoints *ends)
{
	static const struct {
		unsigned int protocol;
		bool ports;
		void (*decode)(struct cursor *cursor);
	} known[] = {
		{ 1, false, decode_icmp },
		{ 6, true, decode_tcp },
		{ 17, true, decode_udp },
		{ 58, false, decode_icmp6 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		bool ports = known[i].ports && cursor->left >= 4;

		if (known[i].protocol != protocol)
			continue;
		decode_put_endpoints(cursor, ends, ports ? cursor->at : NULL);
		known[i].decode(cursor);
		return;
	}
	decode_put_endpoints(cursor, ends, NULL);
	decode_put(cursor, " protocol %u", protocol);
}

/* The packet ends where its header says, if that lies inside the frame: what
 * follows is padding. */
static void decode_cut_padding(struct cursor *cursor, size_t length)
{
	if (length < cursor->left)
		cursor->left = length;
}

static void decode_ipv4(struct cursor *cursor)
{
	const uint8_t *ip;
	size_t options;

	decode_put(cursor, " IPv4 ");
	ip = decode_take(cursor, 20);
	if (ip == NULL)
		return;
	options = (ip[0] & 0xfU) * 4;
	if (ip[0] >> 4 != 4 || options < 20 || bytes_get16(ip + 2) < options) {
		decode_put(cursor, "bad header");
		return;
	}
	decode_cut_padding(cursor, bytes_get16(ip + 2) - 20U);
	if (decode_take(cursor, options - 20) == NULL)
		return;
	if (bytes_get16(ip + 6) & 0x1fff) {
		decode_put_endpoints(cursor,
				     &(struct endpoints){ AF_INET, ip + 12, ip + 16 },
				     NULL);
		decode_put(cursor, " fragment at %u",
			   (bytes_get16(ip + 6) & 0x1fff) * 8);
		return;
	}
	decode_transport(cursor, ip[9],
			 &(struct endpoints){ AF_INET, ip + 12, ip + 16 });
}

/* Step over a hop-by-hop header: multicast listener reports carry one. */
static bool decode_skip_hop_by_hop(struct cursor *cursor, unsigned int *next)
{
	const uint8_t *option;

	if (*next != 0)
		return true;
	option = decode_take(cursor, 8);
	if (option == NULL || decode_take(cursor, option[1] * 8U) == NULL)
		return false;
	*next = option[0];
	return true;
}

static void decode_ipv6(struct cursor *cursor)
{
	const uint8_t *ip;
	unsigned int next;

	decode_put(cursor, " IPv6 ");
	ip = decode_take(cursor, 40);
	if (ip == NULL)
		return;
	if (ip[0] >> 4 != 6) {
		decode_put(cursor, "bad header");
		return;
	}
	decode_cut_padding(cursor, bytes_get16(ip + 4));
	next = ip[6];
	if (decode_skip_hop_by_hop(cursor, &next))
		decode_transport(cursor, next,
				 &(struct endpoints){ AF_INET6, ip + 8, ip + 24 });
}

static void decode_arp(struct cursor *cursor)
{
	const uint8_t *arp;

	decode_put(cursor, " ARP");
	arp = decode_take(cursor, 28);
	if (arp == NULL)
		return;
	if (bytes_get16(arp) != 1 || bytes_get16(arp + 2) != 0x0800 || arp[4] != 6 ||
	    arp[5] != 4) {
		decode_put(cursor, " for other networks");
		return;
	}
	if (bytes_get16(arp + 6) == 1) {
		decode_put(cursor, " who has ");
		decode_put_address(cursor, AF_INET, arp + 24);
		decode_put(cursor, " tell ");
		decode_put_address(cursor, AF_INET, arp + 14);
	} else {
		decode_put(cursor, " operation %u: ", bytes_get16(arp + 6));
		decode_put_address(cursor, AF_INET, arp + 14);
		decode_put(cursor, " is at ");
		decode_put_mac(cursor, arp + 8);
	}
}

static void decode_ethertype(struct cursor *cursor, unsigned int type)
{
	switch (type) {
	case 0x0800:
		decode_ipv4(cursor);
		break;
	case 0x0806:
		decode_arp(cursor);
		break;
	case 0x86dd:
		decode_ipv6(cursor);
		break;
	default:
		if (type < 0x600)
			decode_put(cursor, " 802.3");
		else
			decode_put(cursor, " ethertype 0x%04x", type);
	}
}

/* Tags of 802.1Q and 802.1ad, and of what was in use before that. */
static bool decode_is_vlan(unsigned int type)
{
	return type == 0x8100 || type == 0x88a8 || type == 0x9100 || type == 0x9200 ||
	       type == 0x9300;
}

/* VLAN tags, from the outermost on; a line has room for so many. */
static const uint8_t *decode_vlans(struct cursor *cursor, const uint8_t *type)
{
	for (int i = 0; i < 8 && decode_is_vlan(bytes_get16(type)); i++) {
		const uint8_t *tag = decode_take(cursor, 4);

		if (tag == NULL)
			return NULL;
		decode_put(cursor, " vlan %u", bytes_get16(tag) & 0xfff);
		type = tag + 2;
	}
	return type;
}

void decode_line(const uint8_t *frame, size_t available, size_t total, char *line,
		 size_t size)
{
	struct cursor cursor = { frame, available, line, size, 0 };
	const uint8_t *ethernet;
	const uint8_t *type = NULL;

	line[0] = '\0';
	ethernet = decode_take(&cursor, 14);
	if (ethernet != NULL) {
		decode_put_mac(&cursor, ethernet + 6);
		decode_put(&cursor, " > ");
		decode_put_mac(&cursor, ethernet);
		type = decode_vlans(&cursor, ethernet + 12);
	}
	if (type != NULL)
		decode_ethertype(&cursor, bytes_get16(type));
	decode_put(&cursor, ", length %zu", total);
}

/* One line of a hexadecimal dump; `count` is 1 to 16. */
static void decode_hex_line(FILE *file, size_t offset, const uint8_t *bytes,
			    size_t count)
{
	fprintf(file, "\t%04zx ", offset);
	for (size_t i = 0; i < 16; i++)
		if (i < count)
			fprintf(file, "%s%02x", i % 8 == 0 ? "  " : " ", bytes[i]);
		else
			fputs(i % 8 == 0 ? "    " : "   ", file);
	fputs("  ", file);
	for (size_t i = 0; i < count; i++)
		fputc(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.', file);
	fputc('\n', file);
}

void decode_hex(FILE *file, const uint8_t *bytes, size_t count)
{
	for (size_t at = 0; at < count; at += 16)
		decode_hex_line(file, at, bytes + at,
				count - at < 16 ? count - at : 16);
}
