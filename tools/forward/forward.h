/* SPDX-License-Identifier: BSD-3-Clause */
/* What came of a run of `vionet forward`. */
#ifndef VIONET_TOOLS_FORWARD_H
#define VIONET_TOOLS_FORWARD_H

#include <stdint.h>

#include <vionet/queue.h>

#include "tools/forward/ports.h"

struct forward_port_results {
	const char *device;
	struct port_counts counts;
	struct vionet_queue_stats rx, tx;
};

struct forward_results {
	double duration_s;
	bool straight, shared;
	uint32_t stations;	  /* known at the end */
	uint64_t moved, replaced; /* see struct stations */
	unsigned int count;
	struct forward_port_results port[PORTS_MAX];
	int code;
};

/* What the driver dropped of what it received. */
uint64_t forward_dropped(const struct vionet_queue_stats *rx);

/* Return an exit code; what has gone wrong has been said. */
int forward_print_json(const struct forward_results *results);
int forward_print_text(const struct forward_results *results);

#endif
