/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what the parts of `vionet pktgen` share: its options, its state while it
 * runs and the report at the end.
 *
 *   pktgen_options.c   the command line
 *   pktgen_setup.c     the command: what depends on the device, the start
 *   pktgen.c           the loop of one queue pair: send, receive, wait
 *   pktgen_lanes.c     several pairs, a thread each
 *   pktgen_report.c    live lines and the summary
 *   pktgen_json.c      the JSON object
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

/* Frames of one direction. */
struct pktgen_flow {
	uint64_t frames;
	uint64_t bytes; /* of frames, without FCS */
	uint64_t first_ns;
	uint64_t last_ns;
};

/* What the threads of several pairs have in common. All by __atomic calls. */
struct pktgen_shared {
	int go;	  /* 1 begin, -1 do not */
	int halt; /* end the load */
	int end;  /* end receiving too */
	uint64_t start_ns;
	int first_stream; /* stream ids that are ours: from here, this many */
	int streams;
};

#define PKTGEN_STREAMS 256

/* How far a thread is. */
enum pktgen_state { PKTGEN_PREPARING, PKTGEN_READY, PKTGEN_DRAINED };

/* What a thread lets the main one see while it runs; by relaxed __atomic calls, every
 * PKTGEN_PUBLISH_NS. */
struct pktgen_published {
	int state; /* enum pktgen_state */
	int code;
	uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
	struct {
		uint64_t first, next, unique;
		int started;
	} stream[PKTGEN_STREAMS];
};

#define PKTGEN_PUBLISH_NS 10000000ULL

/* One queue pair's run. */
struct pktgen {
	const struct pktgen_options *options;
	struct pktgen_shared *shared; /* NULL: the only pair, in the main thread */
	struct pktgen_published *published;
	uint64_t publish_ns; /* when next */
	/* Streams of other pairs of ours that arrive here; NULL: none did. */
	struct track *other[PKTGEN_STREAMS];
	struct session session;
	struct frame_fields fields; /* of which the builder is made */
	struct frame_builder builder;
	struct pace pace;
	struct pace_share share; /* of rate and count that this pair has */
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
	uint64_t live_lost; /* of several pairs, instead of what `track` knows */
};

/* All that the summary tells, taken before the device is closed. */
struct pktgen_report {
	uint64_t run_ns;
	bool interrupted;
	struct vionet_queue_stats tx;
	struct vionet_queue_stats rx;
	uint64_t lost;
};

/* A pair's run, from its clock on; in the thread of the pair. `prepare` fills the
 * buffers of its pool. Return exit codes. */
int pktgen_prepare(struct pktgen *gen);
void pktgen_start_clock(struct pktgen *gen, const struct rate *rate, uint64_t now);
int pktgen_load(struct pktgen *gen);
/* Wait until the device has completed what it was given. */
void pktgen_drain(struct pktgen *gen);
/* Frames on their way get some time, unless all are back. */
void pktgen_linger(struct pktgen *gen);
/* Receive once, or sleep a little; false when `until` has come or all is over. */
bool pktgen_settle(struct pktgen *gen, uint64_t until);
void pktgen_publish(struct pktgen *gen, uint64_t now);

/* Several pairs: `gen` is their sum and the control side, `lane` one each. */
struct pktgen_lanes {
	struct pktgen *lane; /* gen->options->queues */
	struct pktgen_report *report;
};

/* Make them, run them until the end. `*lanes` is to be freed in any case. */
void pktgen_run_lanes(struct pktgen *gen, const struct rate *rate,
		      struct pktgen_report *report, struct pktgen_lanes *lanes);
void pktgen_free_lanes(struct pktgen *gen, struct pktgen_lanes *lanes);

/* Counters of the driver, of a pair. */
void pktgen_take_report(struct pktgen *gen, struct pktgen_report *report);

/* Fill `options` from the command line; leaves the program where it is bad. */
void pktgen_parse(int argc, char **argv, struct pktgen_options *options);

/* Write a live line if one is due. Returns an exit code. */
int pktgen_live(struct pktgen *gen, uint64_t now);

/* End the live lines: what follows begins on a fresh line. */
void pktgen_live_end(struct pktgen *gen);

/* Print the summary, or one JSON object. Returns an exit code. */
int pktgen_print(const struct pktgen *gen, const struct pktgen_report *report,
		 const struct pktgen_lanes *lanes, int code);
int pktgen_print_json(const struct pktgen *gen, const struct pktgen_report *report,
		      const struct pktgen_lanes *lanes, int code);

/* The rate that was asked for, in its own unit, and what came of it. */
struct pktgen_verdict {
	bool asked; /* not --rate max */
	const char *unit;
	double wanted;
	double reached;
	bool followed;
	const char *why; /* NULL if it followed */
};

struct pktgen_verdict pktgen_judge(const struct pktgen *gen,
				   const struct pktgen_report *report);

/* Frames a second between the first and the last, and bits on the wire. */
double pktgen_frame_rate(const struct pktgen_flow *flow);
double pktgen_bit_rate(const struct pktgen_flow *flow);
uint64_t pktgen_driver_drops(const struct vionet_queue_stats *stats);

#endif
