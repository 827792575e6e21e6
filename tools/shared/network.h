/* SPDX-License-Identifier: BSD-3-Clause */
/* IP networks as they are typed: "10.0.0.0/8", "2001:db8::/32". */
#ifndef VIONET_TOOLS_NETWORK_H
#define VIONET_TOOLS_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct network {
	bool ipv6;
	uint8_t bits;	     /* of the prefix */
	uint8_t address[16]; /* of IPv4 the first 4 */
};

/* Read `length` characters; without "/LEN" it is one address. False: they are no network. */
bool network_read(const char *text, size_t length, struct network *network);
bool network_holds(const struct network *network, bool ipv6, const uint8_t *address);
/* Of the address: 4 or 16. */
unsigned int network_bytes(const struct network *network);
/* Unicast, neither unspecified nor loopback: that a host may have. */
bool network_is_host(const struct network *network);

#endif
