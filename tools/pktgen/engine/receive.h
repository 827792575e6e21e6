/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of a frame while it is received. For receive.c and receive_check.c. */
#ifndef VIONET_TOOLS_RECEIVE_H
#define VIONET_TOOLS_RECEIVE_H

#include "tools/pktgen/engine/state.h"

/* Bytes in front of a usual frame's signature, at least. */
#define RECEIVE_FRONT_MIN 16

/* Of a frame, or of a segment in it. */
struct received {
	const uint8_t *bytes;
	uint32_t size;
	bool ours;
	bool usual;	      /* right, and its signature is all that sets it apart from its flow's others */
	uint32_t at;	      /* of the signature */
	uint32_t flow, index; /* of the track */
	uint64_t latency;
	struct signature signature;
};

/* What is counted of a burst, until receive_flush: in the worker's parts at once would cost more than the frames. */
struct counted {
	uint64_t now_ns;
	bool settled;
	uint64_t frames, bytes, untagged; /* our own */
	/* Of one flow, NULL: none yet. */
	struct flow_rx *rx;
	uint64_t rx_frames, rx_bytes, unique;
	uint64_t latency, latencies;  /* so many of the same */
	const struct received *usual; /* the last one, NULL: none; its packet is still ours */
	/* Packets of the burst behind this one: one is asked for with each frame that is looked at. */
	struct vionet_packet *const *next, *const *end;
};

/* The lines of a frame are with the core that wrote it: ask for the two that are looked at first.
 * Into the second cache: more of them can be on their way there. */
static inline void receive_ask(const struct vionet_packet *packet)
{
	__builtin_prefetch(packet->data, 0, 2);
	if (packet->length > 64)
		__builtin_prefetch(packet->data + packet->length - 1, 0, 2);
}

static inline uint64_t receive_number(const struct flow *flow, const struct received *received)
{
	return received->signature.sequence * flow->tracks + (received->index - flow->first_track);
}

/* What stands between headers and signature, by the frame's number. */
static inline uint32_t receive_payload_size(const struct flow *flow, const struct received *received,
					    const struct packet_view *view)
{
	if (flow->cut)
		return view->payload < received->at ? received->at - view->payload : 0;
	if (flow->payload_size != UINT32_MAX)
		return flow->payload_size;
	return template_size(flow->template, receive_number(flow, received)) -
	       template_headers(flow->template) - SIGNATURE_SIZE;
}

static inline bool receive_payload_is_right(const struct flow *flow, const struct received *received,
					    const struct packet_view *view)
{
	uint32_t size = receive_payload_size(flow, received, view);

	return size == 0 || (size <= received->at &&
			     payload_check(received->bytes + (received->at - size), size,
					   size - 1, received->signature.sequence));
}

/* ---- how long they took ---- */

static inline void receive_flush_latency(struct counted *counted)
{
	struct flow_rx *rx = counted->rx;

	if (counted->latencies == 0)
		return;
	histogram_add_many(rx->latency, counted->latency, counted->latencies);
	if (counted->latency > rx->latency_max)
		count_set(&rx->latency_max, counted->latency);
	counted->latencies = 0;
}

/* RFC 3550: the mean difference of the times that two successive frames took. */
static inline void receive_count_jitter(const struct counted *counted, struct flow_rx *rx, uint64_t latency)
{
	int64_t transit = (int64_t)latency;
	int64_t difference = transit - rx->transit;

	if (rx->received.frames + counted->rx_frames > 1) {
		if (difference < 0)
			difference = -difference;
		count_add(&rx->jitter, (uint64_t)difference - (rx->jitter + 8) / 16);
	}
	rx->transit = transit;
}

/* Of one that came in its order. */
static inline void receive_count_time(struct counted *counted, uint64_t latency)
{
	receive_count_jitter(counted, counted->rx, latency);
	if (latency != counted->latency)
		receive_flush_latency(counted);
	counted->latency = latency;
	counted->latencies++;
}

/* ---- frames like others ---- */

/* Is it like the last usual one of the burst, but for its signature? */
bool receive_is_like(const struct received *usual, const uint8_t *bytes, uint32_t size);
/* Frames that follow `last`, which was the one before them, as a sender sends them: of its track,
 * number after number, of one time, alike. Counts them; returns how many. */
uint32_t receive_run(struct worker *worker, struct vionet_packet *const *packets, uint32_t count,
		     const struct received *last, struct counted *counted);

/* Tags in front are noted. Is all of it as it was sent? `partial`: its transport checksum is not
 * complete yet. May write to worker->scratch. */
bool receive_is_intact(struct worker *worker, const struct received *received, bool partial);

#endif
