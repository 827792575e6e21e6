/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames that are like the one before them, but for the number in their signature. */
#include "tools/pktgen/engine/receive.h"

#include <string.h>

typedef uint64_t receive_two __attribute__((vector_size(16)));

static inline receive_two receive_load(const uint8_t *at)
{
	receive_two value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* Of at least RECEIVE_FRONT_MIN bytes; the last step overlaps. */
static inline bool receive_is_same(const uint8_t *a, const uint8_t *b, uint32_t length)
{
	uint32_t last = length - RECEIVE_FRONT_MIN;
	receive_two differs = receive_load(a + last) ^ receive_load(b + last);

	for (uint32_t at = 0; at < last; at += RECEIVE_FRONT_MIN)
		differs |= receive_load(a + at) ^ receive_load(b + at);
	return (differs[0] | differs[1]) == 0;
}

bool receive_is_like(const struct received *usual, const uint8_t *bytes, uint32_t size)
{
	return size == usual->size && receive_is_same(bytes, usual->bytes, usual->at);
}

static inline bool receive_follows(const struct vionet_packet *packet, const struct received *usual,
				   const struct signature_next *next)
{
	return packet->next == NULL && packet->gso_type == 0 && packet->length == usual->size &&
	       (packet->flags & VIONET_PACKET_NEEDS_CSUM) == 0 &&
	       signature_is_next(next, packet->data + usual->at) &&
	       receive_is_same(packet->data, usual->bytes, usual->at);
}

/* The first as any other; those behind it took just as long. */
static void receive_run_time(struct counted *counted, uint64_t latency, uint32_t run)
{
	struct flow_rx *rx = counted->rx;
	uint64_t jitter;

	receive_count_time(counted, latency);
	jitter = rx->jitter;
	for (uint32_t i = 1; i < run && jitter >= 8; i++)
		jitter -= (jitter + 8) / 16;
	count_set(&rx->jitter, jitter);
	counted->latencies += run - 1;
}

uint32_t receive_run(struct worker *worker, struct vionet_packet *const *packets, uint32_t count,
		     const struct received *last, struct counted *counted)
{
	struct track_table *tracks = &worker->engine->tracks;
	struct signature_next next;
	uint32_t run = 0;
	uint64_t first;

	if (counted->usual != last || counted->settled)
		return 0;
	first = last->signature.sequence + 1;
	if (!track_expects(tracks, last->index, first))
		return 0;
	signature_begin(&next, last->bytes + last->at);
	while (run < count && receive_follows(packets[run], last, &next)) {
		run++;
		signature_step(&next);
	}
	if (run == 0 || !track_add_run(tracks, last->index, first, run, last->latency))
		return 0;
	counted->frames += run;
	counted->bytes += (uint64_t)run * last->size;
	counted->untagged += run;
	counted->rx_frames += run;
	counted->rx_bytes += (uint64_t)run * last->size;
	counted->unique += run;
	if (worker->engine->flow[last->flow].latency)
		receive_run_time(counted, last->latency, run);
	return run;
}
