/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of `vionet pktgen`. */
#ifndef VIONET_TOOLS_OPTIONS_H
#define VIONET_TOOLS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/config_options.h"
#include "tools/pktgen/frame.h"
#include "tools/pktgen/load_options.h"
#include "tools/shared/common.h"

#define PKTGEN_ANY_STREAM (-1)
#define PKTGEN_BURST_MAX 256
/* How long nothing new may arrive before the wait for frames on their way is over,
 * unless they took longer so far; and that many times as long for all of it. */
#define PKTGEN_LINGER_NS 1000000000ULL
#define PKTGEN_LINGER_TIMES 10

struct pktgen_options {
	struct device_options device;
	struct load_arguments load;
	struct config_arguments config;
	struct traffic traffic;	      /* what these two stand for: all that is sent, and where */
	uint64_t warmup;	      /* frames of each flow that are sent first and not counted */
	const char *csv, *html, *hdr; /* files of results, or NULL */
	/* As the generator of one template has them. */
	uint64_t count;	      /* 0: no limit */
	uint64_t duration_ns; /* 0: no limit */
	uint64_t interval_ns; /* 0: no live lines */
	uint64_t linger_ns;
	uint64_t given; /* which options were, a bit each: options.c's */
	bool have_linger;
	uint64_t seed;
	bool have_seed;
	struct size_range size;
	struct rate rate;
	uint32_t burst;
	uint32_t queue_size; /* 0: the library's default */
	uint32_t queues;     /* pairs, each with a thread if there are more than 1 */
	struct cpu_list cpus;
	struct frame_fields fields;
	bool have_source_mac;
	int stream; /* or PKTGEN_ANY_STREAM: not given */
	int mode;   /* enum wait_mode */
	bool rx_only;
	bool no_rx;
	bool json;
};

/* Fill `options` from the command line; leaves the program where it is bad. */
void pktgen_parse(int argc, char **argv, struct pktgen_options *options);

/* What the generator of one template needs of `traffic`; leaves the program where it cannot do it. */
void legacy_fill(struct pktgen_options *options);

#endif
