/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/answer.h"

#include <string.h>

#include <vionet/offload.h>

#include "tools/shared/bytes.h"

#define ETHERNET 14
#define VLAN_TAG 4
#define ARP_SIZE 28
#define IPV6_SIZE 40
#define TTL 64
#define SOLICITATION_SIZE 24
#define ADVERTISEMENT_SIZE 32

enum { TYPE_IPV4 = 0x0800,
       TYPE_ARP = 0x0806,
       TYPE_VLAN = 0x8100,
       TYPE_IPV6 = 0x86dd };
enum { PROTOCOL_ICMP = 1,
       PROTOCOL_UDP = 17,
       PROTOCOL_ICMP6 = 58 };
enum { PING4_REQUEST = 8,
       PING4_REPLY = 0,
       PING6_REQUEST = 128,
       PING6_REPLY = 129 };
enum { NEIGHBOUR_SOLICITATION = 135,
       NEIGHBOUR_ADVERTISEMENT = 136 };

const char *const answer_names[ANSWER_KINDS] = {
	[ANSWER_ARP] = "arp",
	[ANSWER_NEIGHBOUR] = "neighbour",
	[ANSWER_PING4] = "ping4",
	[ANSWER_PING6] = "ping6",
	[ANSWER_UDP4] = "udp4",
	[ANSWER_UDP6] = "udp6",
};

/* A request, as far as it was looked at. */
struct answer_request {
	struct answer_frame *whole;
	uint8_t *frame;
	uint8_t *network; /* behind the Ethernet header, with its VLAN tag */
	uint32_t size;	  /* bytes at `network` in the first segment */
	uint32_t total;	  /* in all segments */
};

static void answer_swap(uint8_t *a, uint8_t *b, size_t size)
{
	uint8_t kept[16];

	memcpy(kept, a, size);
	memcpy(a, b, size);
	memcpy(b, kept, size);
}

uint32_t answer_sum(const uint8_t *data, uint32_t size, uint32_t sum)
{
	return sum_fold(sum_bytes(data, size) + sum);
}

/* "Upper-Layer Checksums" of RFC 8200. */
uint32_t answer_sum6(const uint8_t *network, uint32_t size)
{
	return answer_sum(network + 8, 32, answer_sum(network + IPV6_SIZE, size, size + PROTOCOL_ICMP6));
}

/* One of the addresses. The table is the host's. */
static bool answer_is_ours(const uint8_t *table, unsigned int count, const uint8_t *address,
			   size_t size)
{
	for (unsigned int i = 0; i < count; i++)
		if (memcmp(table + i * size, address, size) == 0)
			return true;
	return false;
}

static bool answer_is_ours4(const struct answer_host *host, const uint8_t *address)
{
	return answer_is_ours(host->address4[0], host->addresses4, address, 4);
}

static bool answer_is_ours6(const struct answer_host *host, const uint8_t *address)
{
	return answer_is_ours(host->address6[0], host->addresses6, address, 16);
}

void answer_add_address(struct answer_host *host, const struct network *address)
{
	if (address->ipv6)
		memcpy(host->address6[host->addresses6++], address->address, 16);
	else
		memcpy(host->address4[host->addresses4++], address->address, 4);
}

/* Back to where it came from. */
static void answer_reverse_ethernet(const struct answer_host *host, uint8_t *frame)
{
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, host->mac, 6);
}

static bool answer_is_to_host(const struct answer_host *host, const struct answer_request *request)
{
	return memcmp(request->frame, host->mac, 6) == 0;
}

/* ---- ARP ---- */

static enum answer_kind answer_arp(const struct answer_host *host, struct answer_request *request)
{
	static const uint8_t wanted[] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	uint8_t *arp = request->network;

	if (request->size < ARP_SIZE || memcmp(arp, wanted, sizeof(wanted)) != 0 ||
	    !answer_is_ours4(host, arp + 24))
		return ANSWER_NONE;
	bytes_put16(arp + 6, 2);
	answer_swap(arp + 8, arp + 18, 10); /* the sender becomes the target */
	memcpy(arp + 8, host->mac, 6);
	answer_reverse_ethernet(host, request->frame);
	return ANSWER_ARP;
}

/* ---- ping and UDP, over either ---- */

/* Only the type changes of what was summed: RFC 1624, equation 3. Where nothing but zeros is left the sum has to
 * be all ones; both mean the same elsewhere. */
static void answer_ping(uint8_t *icmp, uint8_t type)
{
	uint32_t sum = (bytes_get16(icmp + 2) ^ 0xffff) + (bytes_get16(icmp) ^ 0xffff);

	icmp[0] = type;
	sum += bytes_get16(icmp);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	bytes_put16(icmp + 2, sum == 0xffff ? sum : sum ^ 0xffff);
}

static bool answer_is_udp(const struct answer_host *host, const uint8_t *udp, uint32_t size)
{
	if (size < 8 || host->udp_port == 0 || bytes_get16(udp + 2) != host->udp_port ||
	    bytes_get16(udp + 4) < 8)
		return false;
	/* A service that answers a service would do so for ever. */
	return bytes_get16(udp) != host->udp_port && bytes_get16(udp) != 0;
}

/* Of `size` bytes from `at` in the first segment on. Behind an odd number of bytes the halves of words are
 * exchanged, and so are those of their sum. */
static uint32_t answer_sum_segments(const struct vionet_packet *packet, uint32_t at, uint32_t size, uint32_t sum)
{
	bool odd = false;

	for (; packet != NULL && size > 0; packet = packet->next, at = 0) {
		uint32_t part = packet->length - at < size ? packet->length - at : size;
		uint32_t of_part = answer_sum(packet->data + at, part, 0);

		sum += odd ? (of_part & 0xff) << 8 | of_part >> 8 : of_part;
		odd = odd != (part % 2 != 0);
		size -= part;
	}
	return sum_fold(sum);
}

/* The checksum behind the IP header, which announces `size` bytes. Of UDP 0 means none, over IPv4 alone. */
static bool answer_is_intact(const struct answer_request *request, uint32_t header, uint32_t size)
{
	const struct vionet_packet single = { .data = request->frame, .length = request->whole->size };
	const struct vionet_packet *packet = request->whole->packet != NULL ? request->whole->packet : &single;
	const uint8_t *ip = request->network, *data = ip + header;
	bool ipv6 = ip[0] >> 4 == 6;
	unsigned int protocol = ipv6 ? ip[6] : ip[9];
	uint32_t sum = 0;

	if (protocol == PROTOCOL_UDP) {
		if (bytes_get16(data + 6) == 0)
			return !ipv6;
		if (bytes_get16(data + 4) > size)
			return false;
		size = bytes_get16(data + 4);
	}
	if ((packet->flags & VIONET_PACKET_DATA_VALID) != 0)
		return true;
	if (protocol != PROTOCOL_ICMP)
		sum = ipv6 ? answer_sum(ip + 8, 32, size + protocol) : answer_sum(ip + 12, 8, size + protocol);
	return answer_sum_segments(packet, (uint32_t)(data - request->frame), size, sum) == 0xffff;
}

/* What is behind the IP header of a request becomes that of the answer. */
static void answer_echo(uint8_t *data, enum answer_kind kind)
{
	if (kind == ANSWER_PING4 || kind == ANSWER_PING6)
		answer_ping(data, kind == ANSWER_PING4 ? PING4_REPLY : PING6_REPLY);
	else
		answer_swap(data, data + 2, 2);
}

/* The checksum of what is echoed stays, but the device may have left it to us. */
static bool answer_complete(struct vionet_packet *packet)
{
	return packet == NULL || (packet->gso_type == VIONET_GSO_NONE &&
				  vionet_packet_checksum_complete(packet) == 0);
}

/* ---- IPv4 ---- */

static bool answer_is_whole4(const struct answer_request *request, uint32_t header)
{
	const uint8_t *ip = request->network;
	uint32_t length = bytes_get16(ip + 2);

	return header >= 20 && request->size >= header + 8 && length >= header + 8 &&
	       length <= request->total && (bytes_get16(ip + 6) & 0x3fff) == 0 &&
	       answer_sum(ip, header, 0) == 0xffff;
}

static void answer_reverse_ipv4(const struct answer_host *host, struct answer_request *request,
				uint32_t header)
{
	uint8_t *ip = request->network;

	answer_swap(ip + 12, ip + 16, 4);
	ip[8] = TTL;
	bytes_put16(ip + 10, 0);
	bytes_put16(ip + 10, answer_sum(ip, header, 0) ^ 0xffff);
	answer_reverse_ethernet(host, request->frame);
}

static enum answer_kind answer_ipv4(const struct answer_host *host, struct answer_request *request)
{
	enum answer_kind kind = ANSWER_NONE;
	uint8_t *ip = request->network;
	uint32_t header, length;

	if (request->size < 20 || ip[0] >> 4 != 4 || !answer_is_to_host(host, request))
		return ANSWER_NONE;
	header = (ip[0] & 0xfu) * 4u;
	if (!answer_is_whole4(request, header) || !answer_is_ours4(host, ip + 16) ||
	    !answer_complete(request->whole->packet))
		return ANSWER_NONE;
	length = bytes_get16(ip + 2) - header;
	if (ip[9] == PROTOCOL_ICMP && ip[header] == PING4_REQUEST)
		kind = ANSWER_PING4;
	else if (ip[9] == PROTOCOL_UDP && answer_is_udp(host, ip + header, request->size - header))
		kind = ANSWER_UDP4;
	if (kind == ANSWER_NONE || !answer_is_intact(request, header, length))
		return ANSWER_NONE;
	answer_echo(ip + header, kind);
	answer_reverse_ipv4(host, request, header);
	return kind;
}

/* ---- IPv6 ---- */

/* RFC 4861, "Validation of Neighbor Solicitations". */
static bool answer_is_solicitation(const struct answer_host *host,
				   const struct answer_request *request)
{
	const uint8_t *ip = request->network, *icmp = ip + IPV6_SIZE;
	uint32_t length = bytes_get16(ip + 4);

	return length >= SOLICITATION_SIZE && request->size >= IPV6_SIZE + length && ip[7] == 255 &&
	       icmp[1] == 0 && answer_is_ours6(host, icmp + 8) &&
	       answer_sum6(ip, length) == 0xffff;
}

/* Who asks before it has an address is answered by a message to all. */
static bool answer_is_probe(const uint8_t *address)
{
	static const uint8_t unspecified[16];

	return memcmp(address, unspecified, sizeof(unspecified)) == 0;
}

static enum answer_kind answer_neighbour(const struct answer_host *host,
					 struct answer_request *request)
{
	static const uint8_t all_nodes[16] = { 0xff, 2, [15] = 1 };
	uint8_t *ip = request->network, *icmp = ip + IPV6_SIZE;
	uint32_t header = (uint32_t)(ip - request->frame);
	bool probe = answer_is_probe(ip + 8);
	struct answer_frame *whole = request->whole;

	if (!answer_is_solicitation(host, request) || whole->size != whole->total ||
	    whole->room < header + IPV6_SIZE + ADVERTISEMENT_SIZE)
		return ANSWER_NONE;
	answer_reverse_ethernet(host, request->frame);
	memcpy(ip + 24, probe ? all_nodes : ip + 8, 16);
	if (probe)
		memcpy(request->frame, (const uint8_t[]){ 0x33, 0x33, 0, 0, 0, 1 }, 6);
	memcpy(ip + 8, icmp + 8, 16);
	bytes_put16(ip + 4, ADVERTISEMENT_SIZE);
	icmp[0] = NEIGHBOUR_ADVERTISEMENT;
	/* Flags S and O; the target's address, in units of 8 bytes. */
	memcpy(icmp + 4, (const uint8_t[]){ probe ? 0x20 : 0x60, 0, 0, 0 }, 4);
	icmp[24] = 2;
	icmp[25] = 1;
	memcpy(icmp + 26, host->mac, 6);
	bytes_put16(icmp + 2, 0);
	bytes_put16(icmp + 2, answer_sum6(ip, ADVERTISEMENT_SIZE) ^ 0xffff);
	whole->size = whole->total = header + IPV6_SIZE + ADVERTISEMENT_SIZE;
	return ANSWER_NEIGHBOUR;
}

static void answer_reverse_ipv6(const struct answer_host *host, struct answer_request *request)
{
	uint8_t *ip = request->network;

	answer_swap(ip + 8, ip + 24, 16);
	ip[7] = TTL;
	answer_reverse_ethernet(host, request->frame);
}

static enum answer_kind answer_ipv6(const struct answer_host *host, struct answer_request *request)
{
	uint8_t *ip = request->network, *data = ip + IPV6_SIZE;
	enum answer_kind kind = ANSWER_NONE;

	if (request->size < IPV6_SIZE + 8 || ip[0] >> 4 != 6 || bytes_get16(ip + 4) < 8 ||
	    IPV6_SIZE + bytes_get16(ip + 4) > request->total)
		return ANSWER_NONE;
	if (ip[6] == PROTOCOL_ICMP6 && data[0] == NEIGHBOUR_SOLICITATION)
		return answer_neighbour(host, request);
	if (!answer_is_to_host(host, request) || !answer_is_ours6(host, ip + 24) ||
	    !answer_complete(request->whole->packet))
		return ANSWER_NONE;
	if (ip[6] == PROTOCOL_ICMP6 && data[0] == PING6_REQUEST)
		kind = ANSWER_PING6;
	else if (ip[6] == PROTOCOL_UDP && answer_is_udp(host, data, request->size - IPV6_SIZE))
		kind = ANSWER_UDP6;
	if (kind == ANSWER_NONE || !answer_is_intact(request, IPV6_SIZE, bytes_get16(ip + 4)))
		return ANSWER_NONE;
	answer_echo(data, kind);
	answer_reverse_ipv6(host, request);
	return kind;
}

/* ---- all ---- */

enum answer_kind answer_frame(const struct answer_host *host, struct answer_frame *whole)
{
	struct answer_request request = { .whole = whole, .frame = whole->bytes };
	uint32_t header = ETHERNET;
	unsigned int type;

	if (whole->size < ETHERNET + VLAN_TAG)
		return ANSWER_NONE;
	type = bytes_get16(whole->bytes + 12);
	if (type == TYPE_VLAN) {
		header += VLAN_TAG;
		type = bytes_get16(whole->bytes + 16);
	}
	request.network = whole->bytes + header;
	request.size = whole->size - header;
	request.total = whole->total - header;
	switch (type) {
	case TYPE_ARP:
		return answer_arp(host, &request);
	case TYPE_IPV4:
		return answer_ipv4(host, &request);
	case TYPE_IPV6:
		return answer_ipv6(host, &request);
	default:
		return ANSWER_NONE;
	}
}

enum answer_kind answer_packet(const struct answer_host *host, struct vionet_packet *packet)
{
	struct answer_frame frame = {
		.bytes = packet->data,
		.size = packet->length,
		.total = packet->next == NULL ? packet->length : packet->total_length,
		.room = packet->length + vionet_packet_tailroom(packet),
		.packet = packet,
	};
	enum answer_kind kind = answer_frame(host, &frame);

	packet->length = frame.size;
	return kind;
}
