/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what the parts of `vionet pktgen` share: its options, its state while it
 * runs and the report at the end.
 *
 *   pktgen_options.c   the command line
 *   pktgen_setup.c     the command: what depends on the device, the start
 *   pktgen.c           the loop of one queue pair: send, receive, wait
 *   pktgen_lanes.c     several pairs, a thread each
 *   pktgen_live.c      live lines, the time series
 *   pktgen_report.c    the summary
 *   pktgen_json.c      the JSON object
 *   pktgen_drops.c     what the device says that it dropped
 */
#ifndef VIONET_TOOLS_PKTGEN_H
#define VIONET_TOOLS_PKTGEN_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <vionet/packet.h>

#include "tools/shared/common.h"
#include "tools/pktgen/frame.h"
#include "tools/pktgen/histogram.h"
#include "tools/pktgen/pace.h"
#include "tools/shared/session.h"
#include "tools/pktgen/sequence_tracker.h"

#define PKTGEN_BURST_MAX 256
#define PKTGEN_ANY_STREAM (-1)
#define PKTGEN_VLANS 8
/* How long nothing new may arrive before the wait for frames on their way is over,
 * unless they took longer so far; and that many times as long for all of it. */
#define PKTGEN_LINGER_NS 1000000000ULL
#define PKTGEN_LINGER_TIMES 10

struct pktgen_options {
	struct device_options device;
	uint64_t count;	      /* 0: no limit */
	uint64_t duration_ns; /* 0: no limit */
	uint64_t interval_ns; /* 0: no live lines */
	uint64_t linger_ns;
	uint64_t given; /* which options were, a bit each: pktgen_options.c's */
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

/* Frames of one direction. */
struct pktgen_flow {
	uint64_t frames;
	uint64_t bytes; /* of frames, without FCS */
	uint64_t first_ns;
	uint64_t last_ns;
};

/* What a pair has moved by one moment. */
struct pktgen_sample {
	uint64_t at_ns;
	uint64_t tx_frames, tx_bytes;
	uint64_t rx_frames, rx_bytes; /* all that arrived */
	uint64_t own_frames;	      /* of them ours */
	uint64_t latency_max_ns;
};

/* The time from one live line to the next. */
struct pktgen_interval {
	double at_s;	/* its end, since the start */
	double seconds; /* its length */
	uint64_t tx_frames, rx_frames, own_frames;
	uint64_t lost, dropped;
	double tx_pps, tx_bps, rx_pps, rx_bps, own_pps; /* on the wire */
};

/* Live lines, and what they told. */
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
	int first_stream; /* stream ids that are ours: from here, this many */
	int streams;
};

#define PKTGEN_STREAMS 256

/* How far a thread is. */
enum pktgen_state {
	PKTGEN_PREPARING, PKTGEN_READY, PKTGEN_LOADED, PKTGEN_DRAINED, PKTGEN_ENDED
};

/* What a thread lets the main one see while it runs; by __atomic calls, every
 * PKTGEN_PUBLISH_NS. */
struct pktgen_published {
	int state; /* enum pktgen_state */
	int code;
	/* Written in turn: the one that `version` points to is whole. */
	uint64_t version;
	uint64_t version_before; /* the main thread's: that of its last look */
	struct pktgen_sample sample[2];
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
	uint64_t loaded_ns;   /* when the load ended; 0: it has not */
	uint64_t busy_ns;     /* when something moved last */
	uint64_t progress_ns; /* when the device last took a frame, or was asked
			       * for the first time */
	int stream;
	uint64_t sequence; /* of the next frame to be built */
	struct pktgen_flow tx;
	struct pktgen_flow rx;	    /* all that arrived */
	struct pktgen_flow own;	    /* of them: our own frames */
	struct pktgen_flow foreign; /* and all others */
	uint64_t damaged;	    /* our own, payload not as it was sent */
	/* Our own by the number of VLAN tags that they came with (the last: or more),
	 * and the outermost tag of the last one of each. */
	uint64_t vlans[PKTGEN_VLANS];
	uint16_t vlan_type[PKTGEN_VLANS], vlan_tci[PKTGEN_VLANS];
	struct track track;
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

/* Counters of the device's own that tell of frames that it dropped. */
enum pktgen_drop {
	PKTGEN_DROP_RX_BUFFERS, /* for want of receive buffers */
	PKTGEN_DROP_RX,		/* for other reasons */
	PKTGEN_DROP_RX_RATE,
	PKTGEN_DROP_TX_MALFORMED,
	PKTGEN_DROP_TX,
	PKTGEN_DROP_TX_RATE,
	PKTGEN_DROPS,
};

/* All that the summary tells, taken before the device is closed. */
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
	/* Sizes of the queues in use, of the first pair. */
	uint32_t rx_size, tx_size;
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

/* Where a pair is. */
struct pktgen_sample pktgen_sample_of(const struct pktgen *gen, uint64_t now);

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

/* Print the summary, or one JSON object. Returns an exit code. */
int pktgen_print(const struct pktgen *gen, const struct pktgen_report *report,
		 const struct pktgen_lanes *lanes, int code);
int pktgen_print_json(const struct pktgen *gen, const struct pktgen_report *report,
		      const struct pktgen_lanes *lanes, int code);

/* The options in effect, defaults included, and what the device made of them. */
json_t *pktgen_json_options(const struct pktgen *gen, const struct pktgen_report *report);

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
/* Bits on the wire. */
double pktgen_wire_bits(uint64_t frames, uint64_t bytes);
/* "1.234 Mpps": four digits that count. */
const char *pktgen_scaled(double value, const char *unit, char text[32]);
/* "12.3 us", "12.3 ms" from 10,000 us on. */
const char *pktgen_time(double ns, char text[32]);
uint64_t pktgen_driver_drops(const struct vionet_queue_stats *stats);

/* Read the device's own counters of drops, all pairs together. False if it keeps none. */
bool pktgen_read_drops(const struct session *session, uint64_t drop[PKTGEN_DROPS]);
/* The device's own name of the counter, and what it tells ("for want of ..."). */
const char *pktgen_drop_name(enum pktgen_drop drop);
const char *pktgen_drop_reason(enum pktgen_drop drop);

#endif
