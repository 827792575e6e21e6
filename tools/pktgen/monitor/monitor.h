/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a run did in the last minute: a sample of its counters each second, for all that show
 * rates beside each other (the terminal view, the HTTP interface). Rates of the engine's own
 * snapshots are of the time since the one before, whose ever that was.
 */
#ifndef VIONET_TOOLS_MONITOR_H
#define VIONET_TOOLS_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pktgen/engine/engine.h"

#define MONITOR_STEP_NS 1000000000ULL
#define MONITOR_SAMPLES 60

/* A second: frames and bits on the wire. */
struct monitor_rates {
	double tx_pps, rx_pps, tx_bps, rx_bps;
};

/* One flow, port or queue. */
struct monitor_series {
	struct engine_count tx, rx; /* at the last sample */
	uint64_t lost;		    /* flows: so far, at the last sample */
	struct monitor_rates rates; /* of the last second */
	uint32_t samples;	    /* how many of these there are */
	float tx_pps[MONITOR_SAMPLES], rx_pps[MONITOR_SAMPLES];
	float lost_pps[MONITOR_SAMPLES];
	float latency_ns[MONITOR_SAMPLES]; /* flows: the 99th percentile since the start */
};

struct monitor {
	uint64_t at_ns; /* when the last sample was due; 0: there is none */
	uint64_t taken_ns;
	uint32_t next; /* place of the next sample in each series */
	size_t flows, ports, queues;
	struct monitor_series *flow, *port, *queue;
};

/* Another configuration, or none: forget. Zero-filled is a monitor. */
void monitor_reset(struct monitor *monitor);

/* When the next sample is due. */
uint64_t monitor_due(const struct monitor *monitor);

/* Take one if it is due. True if it was: `*metrics` is what it was taken of. */
bool monitor_take(struct monitor *monitor, struct engine *engine, uint64_t now,
		  const struct engine_metrics **metrics);

/* Sample `age` (0: the last one) of an array of a series. */
float monitor_sample(const struct monitor *monitor, const struct monitor_series *series,
		     const float samples[MONITOR_SAMPLES], uint32_t age);

/* The frame on the wire is longer: preamble, FCS and gap. */
double monitor_wire_bits(double frames, double bytes);

#endif
