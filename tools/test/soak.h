/* SPDX-License-Identifier: BSD-3-Clause */
/* A long trial with limits, which ends at the first that is not kept. */
#ifndef VIONET_TOOLS_SOAK_H
#define VIONET_TOOLS_SOAK_H

#include "tools/test/trial.h"

struct soak_limits {
	double loss_ratio;	/* negative: none */
	unsigned int per_mille; /* 999: p99.9 of the latency; 0: no limit */
	uint64_t latency_ns;
	double rate; /* frames a second that have to come back; 0: no limit */
};

enum soak_violation { SOAK_KEPT,
		      SOAK_LOSS,
		      SOAK_LATENCY,
		      SOAK_RATE };

struct soak {
	struct soak_limits limits;
	enum soak_violation violation;
	double violation_s;   /* when it was seen */
	uint64_t sent_before; /* until the look before */
	double value;	      /* what was measured then: a ratio, nanoseconds, a rate */
	/* After each look, for who wants to see; true: end. */
	trial_watch *show;
	void *context;
};

/* Returns an exit code, CODE_LIMIT at a violation. The result is added to the log. */
int soak_run(struct soak *soak, struct trial_path *path, const struct trial_input *input,
	     struct trial_log *log);

#endif
