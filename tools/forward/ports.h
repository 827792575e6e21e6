/* SPDX-License-Identifier: BSD-3-Clause */
/* The devices of `vionet forward`: opened with offloads that go together, and with one pool. */
#ifndef VIONET_TOOLS_PORTS_H
#define VIONET_TOOLS_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/shared/session.h"

#define PORTS_MAX SESSIONS_MAX
/* Frames that wait for room in the transmit queue of a port. */
#define PORT_WAITING_MAX 512u

/* What a device does for frames that it sends, as bits. */
enum port_offload {
	PORT_CHECKSUM = 1 << 0,
	PORT_TCP4 = 1 << 1,
	PORT_TCP6 = 1 << 2,
	PORT_TCP_ECN = 1 << 3,
	PORT_UDP = 1 << 4,
};

struct port_counts {
	uint64_t received;
	uint64_t sent;	   /* handed to this port's device */
	uint64_t flooded;  /* received, and sent to all others */
	uint64_t filtered; /* received, and not sent: its station is on this side; link-local */
	uint64_t full;	   /* not sent here: its queue had no room for 100 ms */
	uint64_t unable;   /* not sent here: segments that this device does not make */
	uint64_t starved;  /* not sent here: no buffer for a copy */
	uint64_t copied;   /* sent here as a copy */
	uint64_t summed;   /* received, and its checksum was completed here */
};

struct port {
	struct device_options options;
	struct session session;
	struct vionet_pool *pool; /* that a copy for this port is made in */
	unsigned int sends;	  /* port_offload bits */
	uint16_t segments_max;
	struct port_counts counts;
	struct vionet_packet *waiting[PORT_WAITING_MAX];
	uint32_t waiting_count;
	uint64_t moved_ns; /* when its device last took something, or had nothing to take */
};

struct ports {
	unsigned int count;
	bool shared; /* all see one pool: what one received another sends */
	struct port port[PORTS_MAX];
};

/* Open and start all, whose options are set. `queue_size`: 0, the default; `flags`:
 * vionet_start_flags. Returns an exit code; what is open is closed by ports_close in any case. */
int ports_open(struct ports *ports, uint32_t queue_size);
int ports_start(struct ports *ports, uint32_t queue_size, unsigned int flags);

/* Returns the exit code of all: the first failure's. */
int ports_close(struct ports *ports);

#endif
