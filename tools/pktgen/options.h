/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of `vionet pktgen`. */
#ifndef VIONET_TOOLS_OPTIONS_H
#define VIONET_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/config_options.h"
#include "tools/pktgen/engine/engine.h"
#include "tools/pktgen/front/front.h"
#include "tools/pktgen/hooks.h"
#include "tools/pktgen/load_options.h"
#include "tools/shared/common.h"

#define PKTGEN_ANY_STREAM (-1)
struct pktgen_options {
	struct device_options device;
	struct load_arguments load;
	struct config_arguments config;
	struct front_options front;
	struct traffic traffic;	      /* what these two stand for: all that is sent, and where */
	uint64_t warmup;	      /* frames of each flow that are sent first and not counted */
	/* Files of results, or NULL. */
	const char *csv, *csv_flows, *csv_streams, *html, *hdr, *junit;
	double max_loss;		/* negative: no limit */
	unsigned int latency_per_mille; /* of max_latency_ns; 0: no limit */
	uint64_t max_latency_ns;
	uint64_t interval_ns; /* 0: no live lines */
	uint64_t linger_ns;
	uint64_t given; /* which options were, a bit each: options.c's */
	bool have_linger;
	uint64_t seed;
	bool have_seed;
	uint32_t burst;
	uint32_t queue_size; /* 0: the library's default */
	uint32_t queues;     /* pairs, each with a thread if there are more than 1 */
	struct cpu_list cpus;
	int stream; /* or PKTGEN_ANY_STREAM: not given */
	int mode;   /* enum wait_mode */
	bool rx_only;
	bool no_rx;
	bool json;
	struct hooks hooks; /* replay, capture, answers */
	uint8_t *frame;	    /* of --template, or NULL; freed by exit */
};

/* Fill `options` from the command line; leaves the program where it is bad. */
void pktgen_parse(int argc, char **argv, struct pktgen_options *options);

#endif
