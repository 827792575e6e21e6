/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of a frame while it is received. For receive.c and receive_check.c. */
#ifndef VIONET_TOOLS_RECEIVE_H
#define VIONET_TOOLS_RECEIVE_H

#include "tools/pktgen/engine/state.h"

/* Of a frame, or of a segment in it. */
struct received {
	const uint8_t *bytes;
	uint32_t size;
	bool ours;
	uint32_t at;	      /* of the signature */
	uint32_t flow, index; /* of the track */
	uint64_t latency;
	struct signature signature;
};

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

/* Tags in front are noted. Is all of it as it was sent? `partial`: its transport checksum is not complete yet. May write to
 * worker->scratch. */
bool receive_is_intact(struct worker *worker, const struct received *received, bool partial);

#endif
