/* SPDX-License-Identifier: BSD-3-Clause */
/* Moving frames between the ports, by their addresses or straight. One thread. */
#ifndef VIONET_TOOLS_BRIDGE_H
#define VIONET_TOOLS_BRIDGE_H

#include "tools/forward/ports.h"
#include "tools/forward/stations.h"

struct bridge {
	struct ports *ports;
	bool straight; /* two ports: what comes in at one goes out at the other */
	struct stations stations;
};

/* Receive a burst at each port, send what waits at each. Returns how many frames moved. */
uint32_t bridge_move(struct bridge *bridge, uint64_t now);

/* Does something wait for room in a transmit queue? */
bool bridge_is_waiting(const struct bridge *bridge);

/* Give back what waits. */
void bridge_release(struct bridge *bridge);

#endif
