/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host answers by itself: ARP, neighbour discovery, ping, and UDP's echo service. */
#ifndef VIONET_TOOLS_ANSWER_H
#define VIONET_TOOLS_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/packet.h>

#include "tools/shared/network.h"

#define ANSWER_ADDRESSES_MAX 32

/* Requests, by kind. */
enum answer_kind {
	ANSWER_ARP,
	ANSWER_NEIGHBOUR, /* solicitation, IPv6 */
	ANSWER_PING4,
	ANSWER_PING6,
	ANSWER_UDP4,
	ANSWER_UDP6,
	ANSWER_KINDS,
	ANSWER_NONE = ANSWER_KINDS, /* no request, not for us, or damaged */
};

extern const char *const answer_names[ANSWER_KINDS]; /* "arp" */

/* Who answers. */
struct answer_host {
	uint8_t mac[6];
	uint16_t udp_port; /* 0: none */
	unsigned int addresses4, addresses6;
	uint8_t address4[ANSWER_ADDRESSES_MAX][4];
	uint8_t address6[ANSWER_ADDRESSES_MAX][16];
};

/* There is room for it. */
void answer_add_address(struct answer_host *host, const struct network *address);

/* A received frame, as far as it is in one piece. Its checksums are complete, or `packet` says how they
 * are to be completed. */
struct answer_frame {
	uint8_t *bytes;
	uint32_t size;		      /* that are at `bytes`; then the answer's */
	uint32_t total;		      /* of all pieces; then the answer's */
	uint32_t room;		      /* at `bytes` */
	struct vionet_packet *packet; /* whose checksum the device left open; or NULL */
};

/* Turn a received request into its answer, in its place. ANSWER_NONE: it is as it was. */
enum answer_kind answer_frame(const struct answer_host *host, struct answer_frame *frame);
/* The same in a packet's buffer. */
enum answer_kind answer_packet(const struct answer_host *host, struct vionet_packet *packet);

/* Internet checksums (RFC 1071): the folded sum, not inverted, of bytes on top of another. */
uint32_t answer_sum(const uint8_t *data, uint32_t size, uint32_t sum);
/* Of ICMPv6 behind an IPv6 header, with its pseudo header. */
uint32_t answer_sum6(const uint8_t *network, uint32_t size);

#endif
