/* SPDX-License-Identifier: BSD-3-Clause */
/* Behind which port a MAC address was seen last: a table of fixed size. */
#ifndef VIONET_TOOLS_STATIONS_H
#define VIONET_TOOLS_STATIONS_H

#include <stdint.h>

struct station;

struct stations {
	struct station *table; /* sets of a few stations each */
	uint32_t sets;	       /* a power of two */
	uint32_t seed;	       /* so that nobody chooses addresses of one set */
	uint64_t aging_ns;     /* 0: they stay */
	uint64_t moved;	       /* to another port */
	uint64_t replaced;     /* by others, before their time, for want of room */
};

/* Room for `count` stations (a power of two from 4 on). Returns 0 or -ENOMEM. */
int stations_create(struct stations *stations, uint32_t count, uint64_t aging_ns);
void stations_release(struct stations *stations);

/* A frame from `mac` came in at `port`. Group addresses are left out. */
void stations_learn(struct stations *stations, const uint8_t *mac, unsigned int port, uint64_t now);

/* Its port, or -1: not known, or not seen for long. */
int stations_find(const struct stations *stations, const uint8_t *mac, uint64_t now);

/* What was behind a port may now be elsewhere. */
void stations_forget(struct stations *stations, unsigned int port);

/* How many are known now. */
uint32_t stations_count(const struct stations *stations, uint64_t now);

#endif
