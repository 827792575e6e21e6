/* SPDX-License-Identifier: BSD-3-Clause */
/* The queues' threads: frames that pass are copied into rings. */
#include <string.h>

#include "tools/pktgen/capture/recorder_parts.h"
#include "tools/shared/packet_bytes.h"

/* How many numbers of its track are missing in front of a frame; below 0: by how many it is late. */
static int64_t recorder_gap(struct recorder_worker *worker, uint32_t id, uint64_t sequence)
{
	uint32_t at = id * 2654435761u;
	struct recorder_track *track;
	int64_t gap;

	for (uint32_t tries = 0; tries < 8; tries++, at++) {
		track = &worker->track[at % RECORDER_TRACKS];
		if (!track->used)
			*track = (struct recorder_track){ .id = id, .used = true };
		if (track->id != id)
			continue;
		gap = (int64_t)(sequence - track->next);
		if (gap >= 0)
			track->next = sequence + 1;
		return gap;
	}
	return 0; /* too many tracks: nothing is said of this one */
}

static void recorder_take(struct recorder *recorder, struct recorder_worker *worker,
			  const struct engine_place *place, bool sent, const struct vionet_packet *packet,
			  uint64_t now_ns)
{
	uint32_t length, captured, track = 0;
	const uint8_t *frame = packet_linear(packet, worker->frame, sizeof(worker->frame), &length);
	struct frame_record *record;
	bool tracked = false;
	uint64_t sequence;
	int64_t gap = 0;

	if (recorder->options.signature != NULL)
		tracked = recorder->options.signature(frame, length, length, &track, &sequence);
	/* Also of frames that do not match: else they would seem to be lost. */
	if (tracked && !sent)
		gap = recorder_gap(worker, track, sequence);
	if (!frame_filter_match(&recorder->filter, sent, frame, length, length))
		return;
	recorder_count(&worker->matched, 1);
	captured = recorder->options.snaplen != 0 && recorder->options.snaplen < length ?
			   (uint32_t)recorder->options.snaplen :
			   length;
	record = frame_ring_room(&worker->ring, captured);
	if (record == NULL)
		return;
	record->captured = captured;
	record->length = length;
	record->port = (uint16_t)place->port;
	record->queue = (uint16_t)place->queue;
	record->time_ns = now_ns;
	record->sent = sent;
	record->tracked = tracked;
	record->track = track;
	record->gap = gap;
	memcpy(frame_record_bytes(record), frame, captured);
	frame_ring_push(&worker->ring, record);
}

static struct recorder_worker *recorder_worker_of(const struct recorder *recorder,
						  const struct engine_place *place)
{
	if (!__atomic_load_n(&recorder->running, __ATOMIC_ACQUIRE) ||
	    place->worker >= recorder->workers || place->port >= recorder->ports ||
	    !__atomic_load_n(&recorder->enabled, __ATOMIC_RELAXED))
		return NULL;
	return &recorder->worker[place->worker];
}

static void recorder_note(struct recorder_worker *worker)
{
	worker->mark[worker->offered] =
		(struct recorder_mark){ frame_ring_mark(&worker->ring), worker->matched };
}

static void recorder_see(void *context, const struct engine_place *place, bool sent,
			 struct vionet_packet *const *packets, uint32_t count, uint64_t now_ns)
{
	struct recorder *recorder = context;
	struct recorder_worker *worker = recorder_worker_of(recorder, place);

	if (worker == NULL)
		return;
	__atomic_store_n(&worker->port, place->port, __ATOMIC_RELAXED);
	worker->offered = 0;
	for (uint32_t i = 0; i < count && (!sent || i < RECORDER_BURST_MAX); i++) {
		recorder_note(worker);
		recorder_take(recorder, worker, place, sent, packets[i], now_ns);
		worker->offered += sent;
	}
	recorder_note(worker);
	if (sent)
		return;
	recorder_count(&worker->seen, count);
	frame_ring_publish(&worker->ring);
}

/* Those that were not taken are shown again. */
static void recorder_took(void *context, const struct engine_place *place, uint32_t count)
{
	const struct recorder *recorder = context;
	struct recorder_worker *worker;

	if (place->worker >= recorder->workers)
		return;
	worker = &recorder->worker[place->worker];
	if (count < worker->offered) {
		frame_ring_return(&worker->ring, &worker->mark[count].ring);
		__atomic_store_n(&worker->matched, worker->mark[count].matched, __ATOMIC_RELAXED);
		worker->offered = count;
	}
	recorder_count(&worker->seen, worker->offered);
	worker->offered = 0;
	frame_ring_publish(&worker->ring);
}

struct engine_tap recorder_tap(struct recorder *recorder)
{
	return (struct engine_tap){ .context = recorder, .see = recorder_see, .took = recorder_took };
}
