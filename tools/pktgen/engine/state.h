/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine's own state, for its files. What a worker counts only its thread writes, by
 * count_add; the control thread reads it at any time, by count_load. All else of a worker
 * the control thread changes while the workers rest (tools/shared/rest.h).
 */
#ifndef VIONET_TOOLS_ENGINE_STATE_H
#define VIONET_TOOLS_ENGINE_STATE_H

#include <pthread.h>
#include <string.h>

#include <vionet/offload.h>
#include <vionet/packet.h>

#include "tools/pktgen/engine/engine.h"
#include "tools/pktgen/engine/schedule.h"
#include "tools/pktgen/engine/track.h"
#include "tools/pktgen/histogram.h"
#include "tools/pktgen/model/traffic.h"
#include "tools/pktgen/packet/parse.h"
#include "tools/pktgen/packet/payload.h"
#include "tools/pktgen/packet/signature.h"
#include "tools/pktgen/packet/template.h"
#include "tools/shared/session.h"

#define ENGINE_RX_BURST 64
/* 24 bits of a track id are the track's, the highest 8 the run's. */
#define ENGINE_TRACKS_MAX (1U << 24)
#define ENGINE_ANY_STREAM (-1)

static inline void count_add(uint64_t *counter, uint64_t more)
{
	__atomic_store_n(counter, *counter + more, __ATOMIC_RELAXED);
}

static inline void count_set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

static inline uint64_t count_load(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Frames that pass at `now_ns`. */
static inline void count_frames(struct engine_count *count, uint64_t frames, uint64_t bytes,
				uint64_t now_ns)
{
	if (count->frames == 0)
		count_set(&count->first_ns, now_ns);
	count_set(&count->last_ns, now_ns);
	count_add(&count->frames, frames);
	count_add(&count->bytes, bytes);
}

/* ---- a worker's part of a flow ---- */

enum flow_place {
	FLOW_IDLE,
	FLOW_TIMED, /* in the heap */
	FLOW_MAX,   /* in the row of those at the highest rate */
};

/* What it sends of it. */
struct flow_tx {
	struct schedule schedule;
	const struct template *template;
	const struct engine_source *source; /* in the place of a template */
	struct engine_source_frame next;    /* of the source */
	bool next_known;
	uint64_t mark;				/* in packets that hold its template */
	uint64_t source_base;			/* when the source began */
	const struct template_offload *offload; /* NULL: none */
	uint32_t headers;			/* bytes in front of the payload */
	bool over;				/* all of it was built */
	uint32_t size, signatures;		/* of each frame; 0: it varies */
	uint32_t padded;			/* the same with padding */
	bool constant;				/* but for one signature */
	bool direct;				/* no source, no offload: one frame, one signature */
	uint8_t place;				/* enum flow_place */
	uint32_t at;				/* where in the row */
	uint64_t warmup;
	uint32_t first_track;
	uint64_t departed_ns;
	/* Counted. */
	uint64_t done; /* 1: all of it was taken, or it is stopped */
	uint64_t done_ns;
	struct engine_count sent;
	uint64_t numbered; /* of them with a signature */
	uint64_t full, slipped_ns;
	struct histogram *departure;
};

/* What it receives of it. Sums over all workers make sense; alone, holes may be below 0. */
struct flow_rx {
	struct engine_count received;
	uint64_t unique, duplicates, reordered, out_of_window, damaged, late;
	uint64_t begin, middle; /* holes; modulo 2^64 */
	uint64_t displaced[ENGINE_DENSITY];
	int64_t transit;
	uint64_t jitter; /* of RFC 3550, ns times 16 */
	uint64_t latency_max;
	struct histogram *latency, *arrival;
};

/* A frame that is built and not yet taken; its packet stands beside it, in a row that is handed
 * over as it is. */
struct pending {
	struct flow_tx *flow;
	uint8_t *signature; /* where it goes */
	uint64_t sequence;
	uint32_t track;	   /* id */
	uint32_t segments; /* 0: no signature */
	uint32_t size;	   /* without padding */
	uint32_t wire;	   /* bytes of all segments */
};

struct heap_entry {
	uint64_t due_ns;
	uint32_t flow;
};

enum worker_state {
	WORKER_PREPARING,
	WORKER_READY,
	WORKER_ENDED,
};

struct engine;
struct port;

/* A queue pair and its thread, which may have others too. */
struct worker {
	struct engine *engine;
	struct port *port;
	struct worker *next; /* of its thread; the first one's `thread`, `state` and `code` count */
	struct engine_place place;
	struct session session;
	pthread_t thread;
	/* Sending. */
	struct flow_tx *tx; /* of engine->flow_count */
	struct heap_entry *heap;
	uint32_t heap_count;
	uint32_t *max; /* flows at the highest rate */
	uint32_t max_count, max_next;
	struct pending pending[ENGINE_BURST_MAX];
	struct vionet_packet *packet[ENGINE_BURST_MAX];
	uint32_t pending_count;
	uint32_t full_count;  /* pending when the queue did not take them all; 0: it did */
	uint64_t full_end_ns; /* then: when the first of their flows ends */
	struct vionet_packet *spare[ENGINE_BURST_MAX];
	uint32_t spare_count;
	uint64_t stamped_ns;  /* a moment ago; 0: look at the clock */
	uint64_t busy_ns;     /* when something moved last */
	uint64_t progress_ns; /* when the device last took a frame, or was expected to */
	uint64_t ask_ns;      /* responders: when next */
	bool stopped;	      /* by a signal */
	bool ending;	      /* of a flow that is over something may be pending */
	/* Receiving. */
	struct flow_rx *rx;
	uint32_t rx_flow; /* the last one that a frame was of */
	bool in_runs;	  /* frames follow each other */
	uint8_t *scratch; /* a chain of buffers in one piece */
	/* Counted. */
	struct engine_count sent, received, own, other;
	uint64_t damaged, tunnelled, readdressed, misdelivered;
	uint64_t vlans[ENGINE_VLANS], vlan_tag[ENGINE_VLANS]; /* type << 16 | TCI */
	uint64_t in_flight;				      /* of what it sent, as it last saw */
	uint64_t looks;					      /* iterations: it lives */
	int state;					      /* enum worker_state */
	int code;
	uint64_t looks_before; /* the control thread's */
} __attribute__((aligned(64)));

/* ---- the rest ---- */

struct flow {
	const struct traffic_flow *wanted;
	struct template *template;
	struct schedule_plan plan;
	struct rate rate; /* of it, per cent resolved */
	uint32_t port;
	uint64_t rx_ports;	      /* where it is expected, a bit for each */
	uint32_t first_track, tracks; /* without the stream's byte */
	uint64_t streams;
	bool latency;	 /* measured */
	bool check_sums; /* they are generated right */
	bool check_payload;
	bool check_mac;
	uint8_t mac[12];	 /* with check_mac: both addresses, of all its frames */
	bool cut;		 /* by the device: sizes are not those that were sent */
	uint32_t payload_size;	 /* between headers and signature; UINT32_MAX: it varies */
	uint32_t vlans, tunnels; /* that it is sent with */
	int state;		 /* enum engine_state */
	bool changed;		 /* another rate, or a pause, while it was sent */
	uint64_t start_ns;	 /* frames that were sent before are not of this start */
	struct histogram shown[3];
};

struct port {
	struct device_options device; /* with its name */
	struct session session;
	const struct traffic_port *wanted;
	char *location; /* the configuration that it is of may be replaced */
	struct vionet_device_info info;
	uint32_t buffer_size;
	uint32_t colours; /* mask of what is added to where frames begin */
	uint8_t gateway[6];
	bool open;
};

struct engine {
	const struct traffic *traffic;
	struct engine_options options;
	struct port *port;
	uint32_t ports;
	struct flow *flow;
	uint32_t flow_count;
	struct worker *worker;
	uint32_t workers;
	uint32_t threads; /* that were made */
	struct track_table tracks;
	uint32_t *flow_of_track; /* NULL: too many, they are looked for */
	/* The workers' parts of all flows, and their histograms. */
	void *parts;
	size_t parts_bytes;
	int stream;  /* atomic with rx_only */
	int go, end; /* atomic, for the workers */
	int settled; /* atomic: what comes now is late */
	uint64_t generation;
	uint64_t start_ns;  /* of the first flow since the counters were cleared */
	uint64_t loaded_ns; /* the end of the last flow was seen */
	uint64_t nudge_ns;
	bool confined;
	int code; /* the first failure */
	/* The last snapshot, and of each flow, port and queue what it had. */
	struct engine_metrics metrics;
	struct histogram shown; /* of all flows */
	struct metrics_before *before;
	uint64_t before_ns;
};

/* The number of a track's first frame behind the warm-up. */
static inline uint64_t engine_first_counted(const struct engine *engine, const struct flow *flow,
					    uint32_t track)
{
	uint64_t warmup = engine->options.warmup;

	return warmup > track ? (warmup - track + flow->tracks - 1) / flow->tracks : 0;
}

/* send.c: hand over what is due. Returns how many frames the device took. */
uint32_t send_due(struct worker *worker, uint64_t now_ns);
/* When is something due next? SCHEDULE_NEVER: nothing is. */
uint64_t send_next(const struct worker *worker);
/* A flow's place in the rows follows its schedule. */
void send_place(struct worker *worker, uint32_t flow, uint64_t now_ns);
void send_unplace(struct worker *worker, uint32_t flow);
/* What was built of the flow and not taken is not sent. */
void send_forget(struct worker *worker, const struct flow_tx *flow);
/* Give back all packets that are held. */
void send_release(struct worker *worker);
/* A packet beside the flows, of length 0 if it is not to be sent after all. */
void send_one(struct worker *worker, struct vionet_packet *packet);
/*
 * Note whose frame a fresh packet is going to hold, by a flow's mark (0: none of a template).
 * Returns whether it holds another one now. The mark lies in the headroom, in front of what the
 * library's header needs: in a line that is read anyway.
 */
static inline bool engine_set_mark(struct vionet_packet *packet, uint64_t mark)
{
	uint8_t *at = packet->data - VIONET_HEADROOM;
	uint64_t held;

	memcpy(&held, at, sizeof(held));
	if (__builtin_expect(held == mark, 1))
		return false;
	memcpy(at, &mark, sizeof(mark));
	return true;
}

/* A packet to be filled, or NULL while the device has all of them. */
struct vionet_packet *send_take_packet(struct worker *worker);

/* receive.c: a burst. Returns how many frames. */
uint32_t receive_burst(struct worker *worker);
/* Has as much arrived as was asked for, with rx_only? */
bool receive_is_enough(const struct worker *worker);

/* worker.c: the thread of a worker and those behind it. */
void *worker_main(void *argument);
/* Of a device that completes nothing, by its name: what is likely. */
const char *worker_remedy(const char *name);

/* threads.c: the workers' threads, which run once this returns. */
int threads_start(struct engine *engine);
void threads_end(struct engine *engine);
/* One that stands still may wait in a kick: a signal ends that. */
void threads_nudge(struct engine *engine);
/* Have them rest. False: one does not, which was said; threads_go_on is due all the same. */
bool threads_rest(struct engine *engine);
void threads_go_on(struct engine *engine);

/* load.c: flows, their tracks and the memory of the workers' parts; the workers rest or do not
 * run yet. Returns exit codes. */
int load_flows(struct engine *engine, const struct traffic *traffic);
/* Of a flow: a rate without per cent, and what its schedule has of a duration. */
int load_rate(const struct engine *engine, const struct flow *flow, const struct rate *wanted,
	      struct rate *rate);
void load_duration(const struct engine *engine, struct flow *flow,
		   const struct traffic_duration *duration);
void load_free(struct engine *engine);
void load_clear(struct engine *engine);
void load_clear_flow(struct engine *engine, uint32_t flow);

/* ports.c */
uint32_t ports_mtu(const struct port *port);
int ports_begin(struct engine *engine);
int ports_end(struct engine *engine);
/* The first failure stays. Returns it. */
int engine_fail(struct engine *engine, int code);

/* metrics.c */
int metrics_make(struct engine *engine);
void metrics_free(struct engine *engine);
/* They are others' now. */
void metrics_forget(struct engine *engine);
/* The next snapshot's rates count from now. */
void metrics_restart(struct engine *engine);
/* Those of one flow, from its new beginning. */
void metrics_restart_flow(struct engine *engine, uint32_t flow);
/* Different frames that came back of those that can be told apart, of all flows. */
uint64_t metrics_unique(const struct engine *engine, uint64_t *sent, uint64_t *latency_max);

#endif
