/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A trial: frames are sent at one rate for one time, and what comes back is counted. All methods
 * of measurement call this and nothing else, so that they run on devices (trial_engine.c) and in
 * the virtual time of a simulation (tests/unit/simulated_path.c) alike.
 */
#ifndef VIONET_TOOLS_TRIAL_H
#define VIONET_TOOLS_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct histogram;

struct trial_input {
	double load; /* frames a second that each sending port is to send; 0: all it can */
	uint64_t duration_ns;
	uint64_t frames; /* not 0: a burst of so many from each port, for no longer than that */
	uint32_t size;	 /* bytes without FCS */
};

/* Sums over all directions, but for rates, which are of one. */
struct trial_output {
	uint64_t intended; /* frames that load and duration come to; of a burst: its frames */
	uint64_t sent, received, lost;
	double offered;			 /* frames a second that were sent */
	double seconds;			 /* that it took, waits included */
	bool slipped;			 /* this machine lacked the time to send: it says nothing of the path */
	const struct histogram *latency; /* ns; valid until the next trial. NULL: none */
};

/* What a running trial came to so far. True: end it. */
typedef bool trial_watch(void *context, const struct trial_output *so_far);

struct trial_path {
	/* Returns an exit code; what has gone wrong has been said. `watch` may be NULL. */
	int (*run)(struct trial_path *path, const struct trial_input *input,
		   trial_watch *watch, void *context, struct trial_output *output);
	double (*now)(struct trial_path *path); /* seconds of any steady clock */
};

/* A trial that was made. */
struct trial_result {
	struct trial_input input;
	double at_s; /* when it began, since the first one of the log */
	uint64_t intended, sent, received;
	double offered, seconds;
	double loss_ratio;     /* as the method takes it */
	unsigned int repeated; /* times that it was thrown away since the sender slipped */
	uint64_t latency_count, latency_min, latency_max, latency_p50, latency_p99, latency_p999;
	double latency_average;
};

/* All trials of a command, in their order. */
struct trial_log {
	struct trial_result *result; /* owned */
	size_t count, room;
	double start_s;
	/* After each one, for who wants to see. */
	void (*show)(void *context, const struct trial_result *result);
	void *context;
};

/* A sender that is behind by no more is taken for exact: the loss is that of what was sent. */
#define TRIAL_SHORTFALL 0.002
/* A trial in which this machine lacked time is made anew so often. */
#define TRIAL_REPEATS 3

/*
 * The share that was lost, 0 to 1. Frames that should have been sent and were not count as lost
 * (as draft-ietf-bmwg-mlrsearch-15 recommends in 4.9.1), except for TRIAL_SHORTFALL.
 */
double trial_loss_ratio(const struct trial_output *output);

/* Run it, repeat it where the sender slipped, add it to the log. Returns an exit code. */
int trial_run(struct trial_path *path, const struct trial_input *input, struct trial_log *log,
	      struct trial_result **result);

/* Room for one more result, zero-filled; NULL: no memory, and it has been said. */
struct trial_result *trial_log_add(struct trial_log *log);
void trial_log_free(struct trial_log *log);

/* Fill the result of what a trial came to. */
void trial_result_fill(struct trial_result *result, const struct trial_input *input,
		       const struct trial_output *output);

#endif
