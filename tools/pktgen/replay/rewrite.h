/* SPDX-License-Identifier: BSD-3-Clause */
/* New addresses for frames of a capture. Checksums change by the difference only (RFC 1624): one that was
 * wrong stays wrong. */
#ifndef VIONET_TOOLS_PKTGEN_REWRITE_H
#define VIONET_TOOLS_PKTGEN_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/shared/network.h"
#include "tools/shared/parse.h"

#define REWRITE_MAPS_MAX 64

/* Addresses in the first network get the other's prefix; the rest of their bits stays. */
struct rewrite_map {
	struct network from, to; /* of one kind */
};

struct rewrite_port {
	uint16_t from, to;
};

/* Zero-filled: frames stay as they are. */
struct rewrite {
	bool source_mac, destination_mac;
	uint8_t source[6];
	uint8_t destination[6]; /* not of frames to groups and to all */
	uint32_t maps, ports;
	struct rewrite_map map[REWRITE_MAPS_MAX]; /* the first that fits counts */
	struct rewrite_port port[REWRITE_MAPS_MAX];
};

/* "10.0.0.0/8=192.168.0.0/16", or of IPv6; and "80=8080". */
int rewrite_add_map(struct rewrite *rewrite, const char *option, const char *text,
		    struct parse_error *error);
int rewrite_add_port(struct rewrite *rewrite, const char *option, const char *text,
		     struct parse_error *error);

/* Behind any VLAN tags: IPv4, IPv6, ARP and neighbour discovery, TCP and UDP. Not within tunnels, nor in
 * packets that ICMP errors quote. `size`: bytes that are there. */
void rewrite_frame(const struct rewrite *rewrite, uint8_t *frame, uint32_t size);

#endif
