/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what the parts of `vionet pktgen` share: its options, its state while it
 * runs and the report at the end.
 *
 *   pktgen_options.c   the command line
 *   pktgen.c           the loop: send, receive, wait
 *   pktgen_report.c    live lines and the summary
 */
#ifndef VIONET_TOOLS_PKTGEN_H
#define VIONET_TOOLS_PKTGEN_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/packet.h>

#include "common.h"
#include "frame.h"
#include "histogram.h"
#include "pace.h"
#include "session.h"
#include "track.h"

#define PKTGEN_BURST_MAX 256
#define PKTGEN_ANY_STREAM (-1)

struct pktgen_options {
	struct device_options device;
	uint64_t count;	      /* 0: no limit */
	uint64_t duration_ns; /* 0: no limit */
	uint64_t interval_ns; /* 0: no live lines */
	uint64_t linger_ns;
	uint64_t seed;
	bool have_seed;
	struct size_range size;
	struct rate rate;
	uint32_t burst;
	uint32_t queue_size; /* 0: the library's default */
	struct frame_fields fields;
	bool have_source_mac;
	int stream; /* or PKTGEN_ANY_STREAM: not given */
	int mode;   /* enum wait_mode */
	bool rx_only;
	bool no_rx;
	bool json;
};

/* Frames of one direction. */
struct pktgen_flow {
	uint64_t frames;
	uint64_t bytes; /* of frames, without FCS */
	uint64_t first_ns;
	uint64_t last_ns;
};

struct pktgen {
	const struct pktgen_options *options;
	struct session session;
	struct frame_builder builder;
	struct pace pace;
	struct mix mix;
	uint64_t start_ns;
	uint64_t busy_ns;     /* when something moved last */
	uint64_t progress_ns; /* when the device last took a frame, or was asked
			       * for the first time */
	int stream;
	uint64_t sequence; /* of the next frame to be built */
	struct pktgen_flow tx;
	struct pktgen_flow rx;	    /* our own frames */
	struct pktgen_flow foreign; /* all others */
	uint64_t damaged;	    /* our own, payload not as it was sent */
	struct track track;
	struct histogram latency;
	/* Packets that are built and not yet taken, and empty ones. */
	struct vionet_packet *pending[PKTGEN_BURST_MAX];
	uint32_t pending_count;
	struct vionet_packet *spare[PKTGEN_BURST_MAX];
	uint32_t spare_count;
	/* Live lines. */
	uint64_t live_ns; /* when the last one was due, and when it came */
	uint64_t live_at_ns;
	int live_length; /* of the last one on a terminal */
	struct pktgen_flow live_tx, live_rx;
};

/* All that the summary tells, taken before the device is closed. */
struct pktgen_report {
	uint64_t run_ns;
	bool interrupted;
	struct vionet_queue_stats tx;
	struct vionet_queue_stats rx;
	uint64_t lost;
};

/* Fill `options` from the command line; leaves the program where it is bad. */
void pktgen_parse(int argc, char **argv, struct pktgen_options *options);

/* Write a live line if one is due. Returns an exit code. */
int pktgen_live(struct pktgen *gen, uint64_t now);

/* End the live lines: what follows begins on a fresh line. */
void pktgen_live_end(struct pktgen *gen);

/* Print the summary, or one JSON object. Returns an exit code. */
int pktgen_print(const struct pktgen *gen, const struct pktgen_report *report,
		 int code);

#endif
