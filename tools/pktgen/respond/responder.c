/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/respond/responder.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/offload.h>
#include <vionet/packet.h>

#include "tools/shared/bytes.h"
#include "tools/shared/packet_bytes.h"

#define ETHERNET_SIZE 14u
#define ARP_END (ETHERNET_SIZE + 28u)
#define IPV6_END (ETHERNET_SIZE + 40u)
#define NEIGHBOUR_END (IPV6_END + 32u) /* with one option */
#define FRAME_LEAST 60u

enum { NEXT_ICMP = 1,
       NEXT_UDP = 17,
       NEXT_ICMP6 = 58,
       SOLICITATION = 135,
       ADVERTISEMENT = 136 };

/* The gateway's MAC in one word, so that no thread sees half of it. */
#define MAC_FOUND (1ull << 48)
#define MAC_SILENT (1ull << 49)

struct responder {
	struct responder_options options;
	struct answer_host host;
	uint32_t port;
	const struct network *source;	 /* our address that the gateway is asked from */
	uint64_t gateway;		 /* __atomic */
	uint64_t answered[ANSWER_KINDS]; /* __atomic */
	/* Of queue 0's thread. */
	uint64_t ask_ns;
	unsigned int asked;
};

/* ---- the frame that came ---- */

/* The device left the checksum open: bytes from `start` on are to be summed. */
static bool responder_complete(const struct vionet_packet *packet, uint8_t *frame, uint32_t size)
{
	uint32_t start = packet->csum_start, at = start + packet->csum_offset;
	unsigned int sum;

	if ((packet->flags & VIONET_PACKET_NEEDS_CSUM) == 0)
		return true;
	if (start >= size || at + 2 > size)
		return false;
	sum = answer_sum(frame + start, size - start, 0) ^ 0xffff;
	/* Of UDP 0 means none, and all others have the two zeros for the same. */
	bytes_put16(frame + at, sum == 0 ? 0xffff : sum);
	return true;
}

/* What is behind the Ethernet header and a tag. */
static unsigned int responder_type(const struct vionet_packet *packet, uint32_t *at)
{
	unsigned int type;

	*at = ETHERNET_SIZE;
	if (packet->length < ETHERNET_SIZE + 4 + 20)
		return 0;
	type = bytes_get16(packet->data + 12);
	if (type != 0x8100)
		return type;
	*at += 4;
	return bytes_get16(packet->data + 16);
}

/* Most frames are none to be answered: that is seen without a copy. */
static bool responder_may_answer(const struct vionet_packet *packet)
{
	uint32_t at;

	switch (responder_type(packet, &at)) {
	case 0x0806:
		return true;
	case 0x0800:
		return packet->data[at + 9] == NEXT_ICMP;
	case 0x86dd:
		return packet->data[at + 6] == NEXT_ICMP6;
	default:
		return false;
	}
}

/* ---- the gateway ---- */

static bool responder_asks(const struct responder *responder)
{
	return responder->options.have_gateway &&
	       (__atomic_load_n(&responder->gateway, __ATOMIC_RELAXED) & MAC_FOUND) == 0;
}

static void responder_learn(struct responder *responder, const uint8_t *mac)
{
	uint64_t word = MAC_FOUND;

	if ((mac[0] & 1) != 0)
		return;
	for (int i = 0; i < 6; i++)
		word |= (uint64_t)mac[i] << (8 * i);
	__atomic_store_n(&responder->gateway, word, __ATOMIC_RELEASE);
}

/* An ARP packet of the gateway's says its address, be it an answer or a question. */
static void responder_learn_arp(struct responder *responder, const uint8_t *frame, uint32_t size)
{
	static const uint8_t usual[] = { 0, 1, 8, 0, 6, 4, 0 };
	const uint8_t *arp = frame + ETHERNET_SIZE;

	if (size >= ARP_END && memcmp(arp, usual, sizeof(usual)) == 0 &&
	    memcmp(arp + 14, responder->options.gateway.address, 4) == 0)
		responder_learn(responder, arp + 8);
}

/* RFC 4861, "Validation of Neighbor Advertisements". Without the option it is the sender's
 * address that counts: we asked by multicast, so it should be there. */
static void responder_learn_advertisement(struct responder *responder, const uint8_t *frame,
					  uint32_t size)
{
	const uint8_t *ip = frame + ETHERNET_SIZE, *icmp = frame + IPV6_END;
	uint32_t length, at;

	if (size < IPV6_END + 24 || ip[6] != NEXT_ICMP6 || ip[7] != 255 ||
	    icmp[0] != ADVERTISEMENT || icmp[1] != 0 ||
	    memcmp(icmp + 8, responder->options.gateway.address, 16) != 0)
		return;
	length = bytes_get16(ip + 4);
	if (length < 24 || length > size - IPV6_END || answer_sum6(ip, length) != 0xffff)
		return;
	for (at = 24; at + 8 <= length && icmp[at + 1] != 0; at += icmp[at + 1] * 8u)
		if (icmp[at] == 2) {
			responder_learn(responder, icmp + at + 2);
			return;
		}
	responder_learn(responder, frame + 6);
}

static void responder_look_for_gateway(struct responder *responder, const uint8_t *frame,
				       uint32_t size)
{
	unsigned int type = bytes_get16(frame + 12);

	if (!responder_asks(responder))
		return;
	if (type == 0x0806 && !responder->options.gateway.ipv6)
		responder_learn_arp(responder, frame, size);
	if (type == 0x86dd && responder->options.gateway.ipv6)
		responder_learn_advertisement(responder, frame, size);
}

static uint32_t responder_ask_arp(const struct responder *responder, uint8_t *frame)
{
	uint8_t *arp = frame + ETHERNET_SIZE;

	memset(frame, 0xff, 6);
	memcpy(frame + 6, responder->host.mac, 6);
	bytes_put16(frame + 12, 0x0806);
	memcpy(arp, (const uint8_t[]){ 0, 1, 8, 0, 6, 4, 0, 1 }, 8);
	memcpy(arp + 8, responder->host.mac, 6);
	memcpy(arp + 14, responder->source->address, 4);
	memset(arp + 18, 0, 6);
	memcpy(arp + 24, responder->options.gateway.address, 4);
	memset(frame + ARP_END, 0, FRAME_LEAST - ARP_END);
	return FRAME_LEAST;
}

static uint32_t responder_ask_neighbour(const struct responder *responder, uint8_t *frame)
{
	static const uint8_t group[13] = { 0xff, 2, [11] = 1, [12] = 0xff };
	const uint8_t *gateway = responder->options.gateway.address;
	uint8_t *ip = frame + ETHERNET_SIZE, *icmp = frame + IPV6_END;

	memset(frame, 0, NEIGHBOUR_END);
	memcpy(frame, (const uint8_t[]){ 0x33, 0x33, 0xff }, 3);
	memcpy(frame + 3, gateway + 13, 3);
	memcpy(frame + 6, responder->host.mac, 6);
	bytes_put16(frame + 12, 0x86dd);
	ip[0] = 0x60;
	bytes_put16(ip + 4, NEIGHBOUR_END - IPV6_END);
	ip[6] = NEXT_ICMP6;
	ip[7] = 255;
	memcpy(ip + 8, responder->source->address, 16);
	memcpy(ip + 24, group, sizeof(group));
	memcpy(ip + 37, gateway + 13, 3);
	icmp[0] = SOLICITATION;
	memcpy(icmp + 8, gateway, 16);
	icmp[24] = icmp[25] = 1; /* our own address, in units of 8 bytes */
	memcpy(icmp + 26, responder->host.mac, 6);
	bytes_put16(icmp + 2, answer_sum6(ip, NEIGHBOUR_END - IPV6_END) ^ 0xffff);
	return NEIGHBOUR_END;
}

/* ---- the hook ---- */

/* A gateway has to find us, whatever else is answered. */
static bool responder_wants(const struct responder *responder, enum answer_kind kind)
{
	return responder->options.respond || kind == ANSWER_ARP || kind == ANSWER_NEIGHBOUR;
}

static uint32_t responder_answer(void *context, const struct engine_place *place,
				 const struct vionet_packet *packet, uint8_t *reply, uint32_t room)
{
	struct responder *responder = context;
	struct answer_frame frame = { .bytes = reply, .room = room };
	enum answer_kind kind;

	if (place->port != responder->port || packet->gso_type != VIONET_GSO_NONE ||
	    !responder_may_answer(packet))
		return 0;
	frame.size = frame.total = packet_copy(packet, reply, room);
	if (frame.size != packet_length(packet) || !responder_complete(packet, reply, frame.size))
		return 0;
	responder_look_for_gateway(responder, reply, frame.size);
	kind = answer_frame(&responder->host, &frame);
	if (kind == ANSWER_NONE || !responder_wants(responder, kind))
		return 0;
	__atomic_fetch_add(&responder->answered[kind], 1, __ATOMIC_RELAXED);
	return frame.size;
}

static uint32_t responder_ask(void *context, const struct engine_place *place, uint64_t now_ns,
			      uint8_t *frame, uint32_t room)
{
	struct responder *responder = context;

	if (place->port != responder->port || room < NEIGHBOUR_END || !responder_asks(responder) ||
	    now_ns < responder->ask_ns || responder->asked > RESPONDER_TRIES)
		return 0;
	responder->ask_ns = now_ns + RESPONDER_RETRY_NS;
	if (responder->asked++ == RESPONDER_TRIES) {
		uint64_t asking = 0;

		__atomic_compare_exchange_n(&responder->gateway, &asking, MAC_SILENT, false,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
		return 0;
	}
	return responder->options.gateway.ipv6 ? responder_ask_neighbour(responder, frame) :
						 responder_ask_arp(responder, frame);
}

struct engine_responder responder_hook(struct responder *responder)
{
	return (struct engine_responder){
		.context = responder,
		.answer = responder_answer,
		.ask = responder_ask,
	};
}

/* ---- the control side ---- */

/* The address that shares a network with the gateway. */
static const struct network *responder_source(const struct responder_options *options)
{
	for (uint32_t i = 0; i < options->addresses; i++)
		if (network_holds(&options->address[i], options->gateway.ipv6,
				  options->gateway.address))
			return &options->address[i];
	return NULL;
}

struct responder *responder_open(const struct responder_options *options, uint32_t port)
{
	struct responder *responder = calloc(1, sizeof(*responder));

	if (responder == NULL)
		return NULL;
	responder->options = *options;
	responder->port = port;
	for (uint32_t i = 0; i < options->addresses; i++)
		answer_add_address(&responder->host, &options->address[i]);
	if (options->have_gateway)
		responder->source = responder_source(&responder->options);
	return responder;
}

void responder_close(struct responder *responder)
{
	free(responder);
}

void responder_set_mac(struct responder *responder, const uint8_t mac[6])
{
	memcpy(responder->host.mac, mac, 6);
}

enum responder_gateway responder_gateway(const struct responder *responder, uint8_t mac[6])
{
	uint64_t word = __atomic_load_n(&responder->gateway, __ATOMIC_ACQUIRE);

	if (!responder->options.have_gateway)
		return RESPONDER_NO_GATEWAY;
	if ((word & MAC_FOUND) == 0)
		return (word & MAC_SILENT) != 0 ? RESPONDER_SILENT : RESPONDER_ASKING;
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)(word >> (8 * i));
	return RESPONDER_FOUND;
}

void responder_describe_silence(const struct responder *responder, char *text, uint32_t room)
{
	const struct network *gateway = &responder->options.gateway;
	char address[INET6_ADDRSTRLEN];

	inet_ntop(gateway->ipv6 ? AF_INET6 : AF_INET, gateway->address, address, sizeof(address));
	snprintf(text, room,
		 "no answer from the gateway %s to %d %s in %.0f s; is it at this link and up? Its "
		 "MAC address can be given instead: --dst-mac",
		 address, RESPONDER_TRIES, gateway->ipv6 ? "neighbour solicitations" : "ARP requests",
		 RESPONDER_TRIES * (double)RESPONDER_RETRY_NS / 1e9);
}

void responder_counts(const struct responder *responder, uint64_t answered[ANSWER_KINDS])
{
	for (int kind = 0; kind < ANSWER_KINDS; kind++)
		answered[kind] = __atomic_load_n(&responder->answered[kind], __ATOMIC_RELAXED);
}
