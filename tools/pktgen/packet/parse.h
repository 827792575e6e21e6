/* SPDX-License-Identifier: BSD-3-Clause */
/* What lies in a received frame. Nothing is read past `available` (the first segment's bytes, at most `total`),
 * whatever the headers say. */
#ifndef VIONET_TOOLS_PACKET_PARSE_H
#define VIONET_TOOLS_PACKET_PARSE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/packet/signature.h"

struct packet_view {
	uint32_t vlans;		      /* all tags, those of inner frames too */
	uint16_t vlan_type, vlan_tci; /* the outermost tag */
	uint32_t labels;	      /* MPLS */
	uint32_t tunnels;	      /* encapsulations: VXLAN, GRE, GTP, IP in IP */
	uint16_t ether_type;	      /* of the innermost Ethernet, behind its tags */
	uint8_t version;	      /* of the innermost IP header, 0: none */
	uint8_t protocol;	      /* what it carries, behind extension headers */
	bool fragment;		      /* of a packet in several */
	/* Offsets: the innermost IP header; what follows it; what follows TCP, UDP or ICMP. 0: none. */
	uint32_t l3, l4, payload;
	uint32_t end; /* where the innermost IP packet ends, or what is around it; at most `total` */
};

void packet_parse(const uint8_t *frame, uint32_t available, uint32_t total, struct packet_view *view);

/* Offset of the frame's signature: at its end, or, where Ethernet padding or a trailer follows, at the end that the IP
 * header states. -1: none in the `available` bytes. */
int packet_signature(const uint8_t *frame, uint32_t available, uint32_t total, struct signature *found);

/* IPv4 header checksums, and those of TCP, UDP, ICMP and ICMPv6, of all layers; UDP's 0 over IPv4 is none. `partial`:
 * the innermost packet's transport checksum is left to the device. False where one is wrong. */
bool packet_sums_right(const uint8_t *frame, uint32_t total, bool partial);

#endif
