/* SPDX-License-Identifier: BSD-3-Clause */
/* What came of a run of `vionet tap`. */
#ifndef VIONET_TOOLS_TAP_RESULTS_H
#define VIONET_TOOLS_TAP_RESULTS_H

#include <stdint.h>

#include "tools/tap/relay.h"

struct tap_results {
	const char *device, *interface;
	unsigned int queues;
	double duration_s;
	struct relay_counts counts; /* of all queue pairs */
	uint64_t sent_bytes, completed, invalid;
	uint64_t received_bytes, dropped; /* by the driver */
	int code;
};

/* Returns an exit code; what has gone wrong has been said. */
int tap_print_json(const struct tap_results *results);

#endif
