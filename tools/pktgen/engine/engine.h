/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine: runs a `struct traffic` on its ports, with a thread for each queue pair of
 * each port, and counts. Command line, terminal view, HTTP interface and test methods use
 * this header alone. All calls are the control thread's.
 *
 *   engine_open -> (open what else is needed) -> engine_launch -> engine_transmit(START)
 *     -> engine_poll ... engine_poll -> engine_settle [-> START ...] -> engine_finish
 *     -> engine_metrics -> engine_close
 *
 * What goes wrong is said (say()) where it is found; the result is an exit code
 * (tools/shared/common.h), of which the first stays: later calls return it too.
 */
#ifndef VIONET_TOOLS_ENGINE_H
#define VIONET_TOOLS_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pktgen/engine/hook.h"
#include "tools/shared/common.h"

struct engine;
struct histogram;
struct session;
struct traffic;
struct traffic_duration;

/* How long nothing new may arrive before the wait for frames on their way is over, unless
 * they took longer so far; and that many times as long for all of it. */
#define ENGINE_LINGER_NS 1000000000ULL
#define ENGINE_LINGER_TIMES 10
#define ENGINE_BURST_MAX 256

struct engine_options {
	const struct device_options *device; /* of all ports; its name is not looked at */
	const char *command;		     /* "pktgen": for `vionet stats` of others */
	uint32_t queues;		     /* pairs of each port, each with a thread */
	uint32_t queue_size;		     /* 0: the library's default */
	uint32_t burst;
	uint32_t frame_max;   /* longest frame that any configuration to come sends; 0: this one's */
	bool other_sizes;     /* those to come may send all that the MTU allows */
	struct cpu_list cpus; /* in the order of ports, and of pairs within */
	int mode;	      /* enum wait_mode */
	uint64_t linger_ns;
	bool have_linger; /* it was given: means what it says */
	uint64_t warmup;  /* frames of each flow that are sent first and not counted */
	bool no_rx;	  /* what comes back is not looked at */
	bool rx_only;	  /* ports receive; flows are not looked at */
	/* 0 to 255: the highest byte of all track ids. -1: from the seed; with rx_only that of
	 * the first frame that arrives. */
	int stream;
	uint64_t seed;
	uint64_t receive_count; /* rx_only: end after so many frames; 0: no limit. One queue pair */
	uint64_t receive_ns;	/* rx_only: end after so long; 0: no limit */
	/* NULL: none. */
	const struct engine_tap *tap;
	const struct engine_responder *responder;
	const struct engine_source *source;
	size_t sources;
	/* Called each 5 ms of engine_settle; NULL allowed. */
	void (*idle)(void *context);
	void *idle_context;
};

/* Of a flow. */
enum engine_state {
	ENGINE_STOPPED,
	ENGINE_STARTED,
	ENGINE_PAUSED,
};

/* Open the devices, compile the flows. `traffic` must outlive the engine or its next
 * engine_configure. Returns an exit code; on failure *engine is NULL. */
int engine_open(struct engine **engine, const struct traffic *traffic,
		const struct engine_options *options);

/* What this process needs from now on is open: confine it (--sandbox), make the threads. */
int engine_launch(struct engine *engine);

/* Other flows on the same ports (same locations, in the same order), all stopped; allowed
 * while nothing is being sent. Returns CODE_USAGE if they cannot be: the old ones stay. */
int engine_configure(struct engine *engine, const struct traffic *traffic);

/* Stop and close everything. Returns the exit code of it all. NULL is allowed. */
int engine_close(struct engine *engine);

/*
 * OTG's flow transmit states, for `count` flows by number (`flow` NULL: all). START begins
 * flows anew, from frame 0, and clears their counters; those of all, and of ports and queues, if
 * no flow is started or paused. STOP ends, PAUSE keeps the place in the schedule, RESUME goes on
 * from there.
 */
enum engine_transmit {
	ENGINE_START,
	ENGINE_STOP,
	ENGINE_PAUSE,
	ENGINE_RESUME,
};
int engine_transmit(struct engine *engine, const uint32_t *flow, size_t count,
		    enum engine_transmit what);

/* The MAC address of the port's gateway: destination of flows that leave theirs unset, from the
 * next engine_configure on. */
void engine_set_gateway(struct engine *engine, uint32_t port, const uint8_t mac[6]);

/* At any time: of a flow that is being sent the schedule goes on at the new rate. Returns
 * CODE_USAGE (per cent of a link that states no speed). */
int engine_set_rate(struct engine *engine, uint32_t flow, const struct rate *rate);
/* Of a stopped flow. */
int engine_set_duration(struct engine *engine, uint32_t flow,
			const struct traffic_duration *duration);

/*
 * Look after devices and threads until `until_ns` (CLOCK_MONOTONIC; one in the past: once),
 * the end of all sending, a stop signal or a failure. To be called at least every 20 ms
 * while it is open, by loops with waits of their own too.
 */
int engine_poll(struct engine *engine, uint64_t until_ns);

/* Is a flow started (or paused) and not at its end? With rx_only: is more to be received? */
bool engine_is_sending(const struct engine *engine);

/* All has been sent: wait for frames on their way, as --linger says. What comes later is
 * counted as late. *cut_short (NULL allowed): frames still came when the wait ended. */
int engine_settle(struct engine *engine, bool *cut_short);

/* End the threads; the devices stay open. What engine_metrics says from now on is final. */
int engine_finish(struct engine *engine);

/* ---- metrics: plain numbers, a snapshot ---- */

/* Nanoseconds. */
struct engine_latency {
	uint64_t count; /* 0: the rest is 0 too */
	uint64_t min, max, p50, p90, p99, p999;
	double average;
};

/* Who could not follow the requested rate. */
enum engine_follow {
	ENGINE_FOLLOWED,
	ENGINE_DEVICE_SLOW,
	ENGINE_CPU_SLOW,
};

/* Frames in one direction, with times by CLOCK_MONOTONIC of the first and the last. */
struct engine_count {
	uint64_t frames, bytes; /* without FCS */
	uint64_t first_ns, last_ns;
};

/* What the numbers of received frames show. */
struct engine_order {
	uint64_t unique;     /* different frames */
	uint64_t lost;	     /* while it is being sent: holes so far; then all that is missing */
	uint64_t lost_begin; /* of them in front of the first that arrived, of each track, */
	uint64_t lost_end;   /* behind the last one; the rest lies between */
	uint64_t duplicates, reordered, out_of_window;
	uint64_t damaged; /* payload or checksum not as they were sent */
	uint64_t late;	  /* came after engine_settle */
};

/* Of frames behind one with a higher number: by how much; the last: so much or more. */
#define ENGINE_DENSITY 16
#define ENGINE_REORDER_FAR 8
#define ENGINE_REORDER_EXTENTS 16

/* Frames by how far they came from their place. */
struct engine_reordering {
	/* RFC 4737, of late frames: how many came since the first with a higher number, from 1 on; how many
	 * just before it all had higher ones. The last of each: so many or more. */
	uint64_t extent[ENGINE_REORDER_EXTENTS], degree[ENGINE_REORDER_EXTENTS];
	/* RFC 5236, of all: receive index minus number, from -ENGINE_REORDER_FAR on (early) to as much (late);
	 * and what was further away. */
	uint64_t density[2 * ENGINE_REORDER_FAR + 1], beyond;
};

struct engine_flow_metrics {
	const char *name;
	enum engine_state state;
	bool sending;	  /* started, and not at its end */
	struct rate rate; /* wanted, per cent resolved */
	uint64_t streams, tracks;
	uint32_t first_track; /* id */
	struct engine_count tx, rx;
	uint64_t unnumbered;		       /* of tx: too short for a signature, or not to be tracked */
	double tx_pps, tx_bps, rx_pps, rx_bps; /* since the snapshot before; on the wire */
	struct engine_order order;
	uint64_t displaced[ENGINE_DENSITY];
	enum engine_follow follow;
	bool changed;	  /* another rate, or a pause, while it was sent: none that it had from first to last */
	bool bursts;	  /* `reached` is that within them */
	double reached;	  /* of the rate, in its unit; 0: not known */
	double slipped_s; /* of the schedule, skipped */
	uint64_t full;	  /* times that the queue was full for it */
	double jitter;	  /* RFC 3550, ns */
	/* Latency; gaps between received frames; gaps between sent frames. */
	struct engine_latency latency, arrival, departure;
};

struct engine_queue_metrics {
	uint32_t port, queue;
	struct engine_count tx, rx, own, other; /* own: with a signature of ours */
	double tx_pps, tx_bps, rx_pps, rx_bps;
	/* Once the threads have ended: lost of what this queue sent; the rest of what it received. */
	struct engine_order order;
	struct engine_latency latency;
	uint64_t completed, refused, in_flight, full, kicks, tx_rescues;
	uint64_t dropped, starved, interrupts, rx_rescues;
};

#define ENGINE_VLANS 8

/* Our own frames that came with so many VLAN tags, and the outermost tag of the last. */
struct engine_vlan_metrics {
	uint64_t frames;
	uint16_t type, tci;
};

struct engine_port_metrics {
	const char *name, *location;
	bool link_up;
	uint32_t link_mbit; /* 0: not stated */
	uint8_t mac[6];
	uint32_t queues, rx_queue_size, tx_queue_size;
	struct engine_count tx, rx, own, other;
	double tx_pps, tx_bps, rx_pps, rx_bps;
	uint64_t completed, refused, in_flight, full, kicks, tx_rescues;
	uint64_t dropped, starved, interrupts, rx_rescues; /* by the driver */
	uint64_t damaged;				   /* wrong checksums of frames that no flow can be named for */
	struct engine_vlan_metrics vlan[ENGINE_VLANS];	   /* the last: so many tags or more */
	uint64_t tunnelled;				   /* our own that came in a tunnel more than sent */
	uint64_t readdressed;				   /* our own that came with other MAC addresses */
	/* Others that are of a flow, which is expected at another port. */
	uint64_t misdelivered;
};

struct engine_metrics {
	uint64_t at_ns, start_ns; /* start: of the first flow since the counters were cleared */
	uint64_t loaded_ns;	  /* when the last flow ended; 0: not yet */
	int stream;		  /* highest byte of the track ids; -1: not known yet */
	size_t flows, ports, queues;
	struct engine_flow_metrics *flow;
	struct engine_port_metrics *port;
	struct engine_queue_metrics *queue; /* of port 0, then of port 1, ... */
};

/* The memory is the engine's, valid until the next call. Rates are of the time since the
 * snapshot before (since the start in the first). */
const struct engine_metrics *engine_metrics(struct engine *engine);

/* Of all workers together, of a flow or of all; valid until the next call for the same flow and
 * kind. NULL: no such flow. */
#define ENGINE_ALL_FLOWS UINT32_MAX
enum engine_histogram {
	ENGINE_LATENCY,
	ENGINE_ARRIVAL,
	ENGINE_DEPARTURE,
};
const struct histogram *engine_flow_histogram(struct engine *engine, uint32_t flow,
					      enum engine_histogram which);

/* One stream of a flow (0 .. streams - 1). Latency of a stream is cut at 4.29 s. */
struct engine_stream_metrics {
	uint64_t tx_frames, rx_frames;
	struct engine_order order;
	uint64_t latency_min, latency_max;
	double latency_average;
};

/* Returns 0, -ENOENT. */
int engine_stream_metrics(struct engine *engine, uint32_t flow, uint64_t stream,
			  struct engine_stream_metrics *metrics);

/* Returns 0; -ENOENT: no such flow, or more streams in all than it is known of (TRACK_WIDE_MAX). */
int engine_flow_reordering(struct engine *engine, uint32_t flow, struct engine_reordering *reordering);

/* The port's device, for what only the command does with it (its counters of drops). NULL:
 * no such port. */
struct session *engine_session(struct engine *engine, uint32_t port);
/* The longest frame that a port sends, without its Ethernet header and tags. */
uint32_t engine_mtu(const struct engine *engine, uint32_t port);

#endif
