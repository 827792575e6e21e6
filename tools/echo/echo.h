/* SPDX-License-Identifier: BSD-3-Clause */
/* What came of a run of `vionet echo`. */
#ifndef VIONET_TOOLS_ECHO_H
#define VIONET_TOOLS_ECHO_H

#include <stdint.h>

#include "tools/shared/answer.h"

/* Of one thread while it runs, which alone writes them, or the sum. */
struct echo_counts {
	uint64_t received; /* frames */
	uint64_t answered[ANSWER_KINDS];
};

struct echo_results {
	const char *device;
	double duration_s;
	struct echo_counts counts;
	uint64_t answered; /* of all kinds */
	uint64_t sent;	   /* of the answers, those that the device completed */
	uint64_t invalid;  /* that the driver refused to send */
	uint64_t dropped;  /* received, by the driver */
	int code;
};

/* Returns an exit code; what has gone wrong has been said. */
int echo_print_json(const struct echo_results *results);

#endif
