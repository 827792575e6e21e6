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

/* What its frames begin with, for a comparison without a loop: up to 48 bytes. */
struct receive_model {
	receive_two piece[3];
	uint32_t at[3];
};

#define RECEIVE_MODEL_MAX (3 * RECEIVE_FRONT_MIN)

static struct receive_model receive_model(const struct received *usual)
{
	uint32_t last = usual->at - RECEIVE_FRONT_MIN;
	struct receive_model model = { .at = { 0, last < RECEIVE_FRONT_MIN ? last : RECEIVE_FRONT_MIN, last } };

	for (uint32_t i = 0; i < 3; i++)
		model.piece[i] = receive_load(usual->bytes + model.at[i]);
	return model;
}

/* What differs. */
static inline receive_two receive_compare(const struct receive_model *model, const uint8_t *bytes)
{
	return (receive_load(bytes) ^ model->piece[0]) | (receive_load(bytes + model->at[1]) ^ model->piece[1]) |
	       (receive_load(bytes + model->at[2]) ^ model->piece[2]);
}

static inline bool receive_is_plain_packet(const struct vionet_packet *packet, uint32_t size)
{
	return packet->next == NULL && packet->gso_type == 0 && packet->length == size &&
	       (packet->flags & VIONET_PACKET_NEEDS_CSUM) == 0;
}

static inline bool receive_follows(const struct vionet_packet *packet, const struct received *usual,
				   const struct receive_model *model, const struct signature_row *row)
{
	const uint8_t *bytes = packet->data, *signature = bytes + usual->at;
	receive_two differs;
	uint16_t last;

	if (!receive_is_plain_packet(packet, usual->size))
		return false;
	memcpy(&last, signature + sizeof(row->first), sizeof(last));
	differs = receive_load(signature) ^ (receive_two)row->first;
	differs |= receive_compare(model, bytes);
	return ((differs[0] | differs[1]) | (uint64_t)(last ^ row->last)) == 0 &&
	       (usual->at <= RECEIVE_MODEL_MAX || receive_is_same(bytes, usual->bytes, usual->at));
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

/* Frames as the model, number after number from `sequence` on. */
static uint32_t receive_count_run(struct vionet_packet *const *packets, uint32_t count,
				  const struct received *usual, uint64_t sequence, struct counted *counted)
{
	struct vionet_packet *const *next = counted->next, *const *behind = counted->end;
	struct receive_model model = receive_model(usual);
	uint32_t run = 0, end;

	do {
		struct signature_row row;
		uint32_t left = signature_row(&row, usual->signature.track, sequence + run,
					      usual->signature.time, false);

		end = run + (left < count - run ? left : count - run);
		while (run < end && receive_follows(packets[run], usual, &model, &row)) {
			if (next != behind)
				receive_ask(*next++);
			run++;
			signature_next(&row);
		}
	} while (run == end && run < count);
	counted->next = next;
	return run;
}

uint32_t receive_run(struct worker *worker, struct vionet_packet *const *packets, uint32_t count,
		     const struct received *last, struct counted *counted)
{
	struct track_table *tracks = &worker->engine->tracks;
	uint64_t first;
	uint32_t run;

	if (counted->usual != last || counted->settled)
		return 0;
	first = last->signature.sequence + 1;
	if (!track_expects(tracks, last->index, first))
		return 0;
	run = receive_count_run(packets, count, last, first, counted);
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
