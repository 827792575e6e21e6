/* SPDX-License-Identifier: BSD-3-Clause */
/* A path for trials, in virtual time: what it can do is known, so what is found can be held
 * against it. */
#ifndef VIONET_TESTS_SIMULATED_PATH_H
#define VIONET_TESTS_SIMULATED_PATH_H

#include "tools/pktgen/histogram.h"
#include "tools/test/trial.h"

struct simulated_path {
	struct trial_path path; /* first: cast back */
	double now;
	double rate;	/* frames a second that come through; 0: all */
	double depth;	/* frames that may come too early */
	double loss;	/* share that is lost at any load */
	double bursts;	/* bursts of loss a second, */
	double burst;	/* of so many frames each */
	double stuck;	/* hysteresis: after a trial with loss the rate is less by this share, */
	double stuck_s; /* for so long */
	double stuck_until;
	double line;  /* the most that the sender can do; 0: all */
	double slips; /* share of trials in which the sender lacks time */
	double latency_ns;
	double pause; /* seconds between trials */
	uint64_t random;
	unsigned int trials, fail_at; /* the trial of this number (from 1) fails */
	bool breaks;		      /* a trial fails at its end */
	double least_duration, largest_load;
	struct histogram latency;
};

/* What the methods under test write down, and forgetting it: set-up and tear-down of a test. */
extern struct trial_log trials;
int clear_trials(void **state);

void simulated_path_init(struct simulated_path *simulated, uint64_t seed);

#endif
