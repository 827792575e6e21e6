/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of a run, for the files that make it: pktgen.c moves frames on one queue pair,
 * workers.c runs several, setup.c is the command. What is shown at the end is in results.h.
 */
#ifndef VIONET_TOOLS_PKTGEN_H
#define VIONET_TOOLS_PKTGEN_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/packet.h>

#include "tools/pktgen/frame.h"
#include "tools/pktgen/histogram.h"
#include "tools/pktgen/options.h"
#include "tools/pktgen/pace.h"
#include "tools/pktgen/results.h"
#include "tools/pktgen/sample.h"
#include "tools/pktgen/sequence_tracker.h"
#include "tools/shared/session.h"

/* Frames of one direction. */
struct pktgen_flow {
	uint64_t frames;
	uint64_t bytes; /* of frames, without FCS */
	uint64_t first_ns;
	uint64_t last_ns;
};

/* Live lines, and what they showed. */
struct pktgen_live {
	uint64_t due_ns; /* when the last line was due, and when it came */
	uint64_t at_ns;
	int length;			       /* of the last one on a terminal */
	uint32_t pairs;
	struct pktgen_sample *now, *before;    /* of each pair */
	uint64_t lost, lost_before;
	uint64_t dropped_before;
	bool ended; /* what has not come by now is lost */
	struct pktgen_interval *interval;
	size_t count, room;
};

/* What the threads of several pairs have in common. All by __atomic calls. */
struct pktgen_shared {
	int go;	  /* 1 begin, -1 do not */
	int halt; /* end the load */
	int end;  /* end receiving too */
	uint64_t start_ns;
	const struct rate *rate; /* of all pairs together */
	int first_stream; /* stream ids that are ours: from here, this many */
	int streams;
};

/* One queue pair's run. */
struct pktgen {
	const struct pktgen_options *options;
	struct pktgen_shared *shared; /* NULL: the only pair, in the main thread */
	struct pktgen_published *published;
	uint64_t publish_ns; /* when next */
	/* Streams of other pairs of ours that arrive here; NULL: none did. */
	struct tracker *other[PKTGEN_STREAMS];
	struct session session;
	struct frame_fields fields; /* of which the builder is made */
	struct frame_builder builder;
	struct pace pace;
	struct pace_share share; /* of rate and count that this pair has */
	uint64_t count;	  /* frames that this pair is to send or receive; 0: no limit */
	struct mix mix;
	uint64_t start_ns;
	uint64_t loaded_ns;   /* when the load ended; 0: it has not */
	uint64_t busy_ns;     /* when something moved last */
	uint64_t progress_ns; /* when the device last took a frame, or was expected
			       * for the first time */
	int stream;
	uint64_t sequence; /* of the next frame to be built */
	struct pktgen_flow tx;
	struct pktgen_flow rx;	    /* all that arrived */
	struct pktgen_flow own;	    /* of them: our own frames */
	struct pktgen_flow not_ours; /* and all others */
	uint64_t damaged;	    /* our own, payload not as it was sent */
	/* Our own by the number of VLAN tags that they came with (the last: or more),
	 * and the outermost tag of the last one of each. */
	uint64_t vlans[PKTGEN_VLANS];
	uint16_t vlan_type[PKTGEN_VLANS], vlan_tci[PKTGEN_VLANS];
	struct tracker tracker;
	struct histogram latency;
	/* Packets that are built and not yet taken, and empty ones. */
	struct vionet_packet *pending[PKTGEN_BURST_MAX];
	uint32_t pending_count;
	struct vionet_packet *spare[PKTGEN_BURST_MAX];
	uint32_t spare_count;
	struct pktgen_live live;
};

/* The wait for frames on their way, at the end. */
struct pktgen_wait {
	uint64_t seen;	   /* different frames of ours so far */
	uint64_t moved_ns; /* when one came last */
	uint64_t start_ns;
};

/* How it ended, taken before the device is closed. */
struct pktgen_report {
	uint64_t load_ns; /* from the start to the end of sending, or of receiving only */
	uint64_t wait_ns; /* from then on */
	bool interrupted;
	bool hurried;	/* stopped twice: nothing was waited for */
	bool cut_short; /* frames were still arriving when the wait ended */
	struct vionet_queue_stats tx;
	struct vionet_queue_stats rx;
	uint64_t lost;
	bool drops_known;
	uint64_t drop[PKTGEN_DROPS];
};

/* A pair's run, from its clock on; in the thread of the pair. `prepare` fills the
 * buffers of its pool. Return exit codes. */
int pktgen_prepare(struct pktgen *gen);
void pktgen_start_clock(struct pktgen *gen, const struct rate *rate, uint64_t now);
int pktgen_load(struct pktgen *gen);
/* Wait until the device has completed what it was given. */
void pktgen_drain(struct pktgen *gen);
/* Frames on their way get some time, unless all are back. True if some came until the
 * end of it. */
bool pktgen_linger(struct pktgen *gen);
/* Is there more to wait for at `now`, with `unique` frames seen that took up to
 * `latency_ns`? `wait` is zero-filled at first. */
enum pktgen_waiting { PKTGEN_WAIT, PKTGEN_QUIET, PKTGEN_OUT_OF_TIME };
enum pktgen_waiting pktgen_wait_on(struct pktgen_wait *wait,
				   const struct pktgen_options *options,
				   uint64_t unique, uint64_t latency_ns, uint64_t now);
/* Receive once, or sleep a little; false when `until` has come or all is over. */
bool pktgen_receive_or_wait(struct pktgen *gen, uint64_t until);

/* What outlives the threads of several pairs; `gen` is their sum and the control side. */
struct pktgen_workers {
	struct pktgen *run; /* gen->options->queues; NULL: one pair, and no thread */
	struct pktgen_report *report;
};

/* Make them, run them until the end. `*workers` is to be freed in any case. */
void pktgen_run_workers(struct pktgen *gen, const struct rate *rate,
			struct pktgen_report *report, struct pktgen_workers *workers);
void pktgen_free_workers(struct pktgen *gen, struct pktgen_workers *workers);

/* Counters of the driver, of a pair. */
void pktgen_take_report(struct pktgen *gen, struct pktgen_report *report);

/* The clock begins for `pairs` pairs. */
void pktgen_live_start(struct pktgen *gen, uint32_t pairs, uint64_t now);

/* Write a live line if one is due, of the samples in gen->live.now (of the only pair
 * they are taken here). Returns an exit code. */
int pktgen_live(struct pktgen *gen, uint64_t now);

/* Note what has moved since the last line, without a line of its own. */
void pktgen_live_rest(struct pktgen *gen, uint64_t now);

/* End the live lines: what follows begins on a fresh line. */
void pktgen_live_end(struct pktgen *gen);
void pktgen_live_free(struct pktgen *gen);

/* Make results of a run that has ended. The caller frees results->pair; the rest is as long
 * there as `gen`. Returns an exit code. */
int pktgen_take_results(const struct pktgen *gen, const struct pktgen_report *report,
			const struct pktgen_workers *workers, int code,
			struct pktgen_results *results);

/* Bits on the wire. */
double pktgen_wire_bits(uint64_t frames, uint64_t bytes);
/* Frames that the driver dropped because the device reported them wrongly. */
uint64_t pktgen_driver_drops(const struct vionet_queue_stats *stats);

/* Read the device's own counters of drops, all pairs together. False if it keeps none. */
bool pktgen_read_drops(const struct session *session, uint64_t drop[PKTGEN_DROPS]);
#endif
