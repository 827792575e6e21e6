/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a run of `vionet pktgen` came to, as plain numbers: the text and the JSON object are
 * made of this and of nothing else.
 */
#ifndef VIONET_TOOLS_RESULTS_H
#define VIONET_TOOLS_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pktgen/engine/engine.h"
#include "tools/pktgen/histogram.h"
#include "tools/pktgen/options.h"
#include "tools/pktgen/report/limit.h"

#define PKTGEN_VLANS 8

/* Counters of the device's own for frames that it dropped. */
enum pktgen_drop {
	PKTGEN_DROP_RX_BUFFERS, /* for want of receive buffers */
	PKTGEN_DROP_RX,		/* for other reasons */
	PKTGEN_DROP_RX_RATE,
	PKTGEN_DROP_TX_MALFORMED,
	PKTGEN_DROP_TX,
	PKTGEN_DROP_TX_RATE,
	PKTGEN_DROPS,
};

/* The device's own name of the counter, and its meaning ("for want of ..."). */
const char *pktgen_drop_name(enum pktgen_drop drop);
const char *pktgen_drop_reason(enum pktgen_drop drop);

/* Frames of one direction and kind. */
struct pktgen_flow_result {
	uint64_t frames;
	uint64_t bytes;  /* without FCS */
	double pps;      /* between the first and the last; 0: too few to say */
	double wire_bps; /* the same in bits on the wire */
};

/* The rate that was requested, in its own unit, and what was measured. */
struct pktgen_verdict {
	bool requested; /* not --rate max */
	const char *unit;
	double wanted;
	double reached; /* 0: not known; in bursts that within them */
	bool changed;	/* while it was sent: `wanted` is the last */
	bool bursts;
	bool followed;
	const char *why; /* NULL if it followed */
};

struct pktgen_tx_result {
	struct pktgen_flow_result sent;
	uint64_t completed, refused, in_flight;
	struct pktgen_verdict rate;
	double slipped_s; /* of the schedule, skipped */
	uint64_t unnumbered; /* frames without a signature */
	uint64_t full, kicks, rescues;
};

/* Our own frames that came with so many VLAN tags, and the outermost tag of the last. */
struct pktgen_vlan_result {
	uint64_t frames;
	uint16_t type, tci;
};

struct pktgen_rx_result {
	struct pktgen_flow_result all, own, not_ours;
	uint64_t lost, duplicates, reordered, out_of_window;
	uint64_t lost_begin, lost_end, late;
	uint64_t damaged;	/* our own, payload, a checksum or a type not as it was sent */
	uint64_t damaged_other; /* a checksum is wrong, and whose frame it is cannot be told */
	uint64_t tunnelled;	/* our own, in other tunnels than they were sent in */
	uint64_t readdressed;	/* our own, with other MAC addresses than they were sent with */
	uint64_t misdelivered;	/* not our own, of flows that are expected at another port */
	uint64_t dropped; /* by the driver: the device reported them wrongly */
	uint64_t starved, interrupts, rescues;
	struct pktgen_vlan_result vlan[PKTGEN_VLANS]; /* the last: so many or more */
};

/* Nanoseconds. */
struct pktgen_latency_result {
	uint64_t count; /* 0: not measured */
	uint64_t min, max, p50, p90, p99, p999;
	double average;
	double jitter; /* RFC 3550, of a single flow; else NAN */
};

/* One queue pair, or all together. */
struct pktgen_pair_result {
	const char *port; /* its name, and the pair's number there */
	uint32_t queue;
	int stream; /* or PKTGEN_ANY_STREAM */
	struct pktgen_tx_result tx;
	struct pktgen_rx_result rx;
	struct pktgen_latency_result latency;
};

/* The time from one live line to the next. */
struct pktgen_interval {
	double at_s;	/* its end, since the start */
	double seconds; /* its length */
	uint64_t tx_frames, rx_frames, own_frames;
	uint64_t lost, dropped;
	double tx_pps, tx_bps, rx_pps, rx_bps, own_pps; /* on the wire */
};

/* How far a flow's frames came from their place, if that is known. */
struct pktgen_reordering {
	bool known;
	struct engine_reordering found;
};

struct pktgen_results {
	char device[256]; /* all of them */
	const struct pktgen_options *options;
	uint8_t source_mac[6];		/* the first port's */
	uint32_t sent_vlans;		/* tags that the first flow has */
	uint32_t rx_size, tx_size;	/* entries of the first pair's queues */
	double load_s; /* from the start to the end of sending, or of receiving only */
	double wait_s; /* from then on */
	bool interrupted;
	bool hurried;	/* stopped twice: nothing was waited for */
	bool cut_short; /* frames were still arriving when the wait ended */
	struct pktgen_pair_result total;
	struct pktgen_pair_result *pair; /* of each port's queues; NULL: one only */
	uint32_t pairs;
	struct engine_flow_metrics *flow; /* of several or one */
	struct pktgen_reordering *reordering; /* as many */
	size_t flows;
	struct report_limit *limit; /* NULL: not checked */
	size_t limits;
	bool drops_known;
	uint64_t drop[PKTGEN_DROPS];
	const struct histogram *latency; /* of all flows */
	const struct pktgen_interval *interval;
	size_t intervals;
	int code; /* exit code of the run */
};

/* Bits on the wire. */
double pktgen_wire_bits(uint64_t frames, uint64_t bytes);

/* What ended, for pktgen_take_results. */
struct pktgen_ending {
	uint64_t end_ns; /* of the wait */
	bool interrupted, hurried, cut_short;
	int code;
};

/* Put together what the engine counted. results->pair and ->flow are the caller's to free.
 * Returns an exit code. */
int pktgen_take_results(const struct pktgen_options *options,
			const struct engine_metrics *metrics,
			const struct histogram *latency,
			const struct pktgen_ending *ending, struct pktgen_results *results);

/* Did the pair receive nothing, though others did? */
bool pktgen_is_idle(const struct pktgen_results *results, uint32_t pair);

/* Fill results->limit, which is the caller's to free. Returns CODE_OK, CODE_LIMIT: one is not kept; CODE_FAILED. */
int pktgen_check_limits(struct pktgen_results *results, struct engine *engine);

/* --csv-streams, while the engine is there. Returns an exit code. */
int pktgen_write_streams(const struct pktgen_results *results, struct engine *engine);

/* The printers. */
void pktgen_print_text(const struct pktgen_results *results);
/* Return exit codes; what has gone wrong has been said. */
int pktgen_print_json(const struct pktgen_results *results);
int pktgen_write_junit(const struct pktgen_results *results);
/* All files that were asked for, but --csv-streams. */
int pktgen_write_files(const struct pktgen_results *results);

#endif
