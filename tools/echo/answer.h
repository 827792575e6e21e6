/* SPDX-License-Identifier: BSD-3-Clause */
/* What a host answers by itself: ARP, neighbour discovery, ping, and UDP's echo service. */
#ifndef VIONET_TOOLS_ANSWER_H
#define VIONET_TOOLS_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/packet.h>

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

/* Turn a received request into its answer, in its buffer. ANSWER_NONE: it is as it was. */
enum answer_kind answer_packet(const struct answer_host *host, struct vionet_packet *packet);

#endif
