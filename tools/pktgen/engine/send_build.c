/* SPDX-License-Identifier: BSD-3-Clause */
/* Building frames: those that are due, or a burst of one flow. */
#include "tools/pktgen/engine/send_parts.h"

#include <string.h>

#include "tools/pktgen/packet/cycle.h"

/* Fresh packets. What each begins with is always at the same place of its buffer: it is not written again. */
static uint32_t send_alloc(const struct worker *worker, struct vionet_packet **packets,
			   uint32_t count)
{
	uintptr_t colours = worker->port->colours;

	count = vionet_packet_alloc(vionet_queue_pool(worker->session.tx), packets, count);
	for (uint32_t i = 0; i < count; i++)
		/* Descriptions are 64 bytes each: eight in a row are alike. The prefetcher of a
		 * back end that reads frames follows equal steps. */
		packets[i]->data += (uintptr_t)packets[i] >> 2 & colours;
	return count;
}

struct vionet_packet *send_take_packet(struct worker *worker)
{
	if (worker->spare_count == 0)
		worker->spare_count = send_alloc(worker, worker->spare,
						 worker->engine->options.burst);
	if (worker->spare_count == 0) {
		vionet_queue_reclaim(worker->session.tx);
		return NULL;
	}
	return worker->spare[--worker->spare_count];
}

uint32_t send_take_packets(struct worker *worker, uint32_t count)
{
	if (worker->spare_count == 0) {
		count = send_alloc(worker, worker->packet, count);
	} else {
		count = count < worker->spare_count ? count : worker->spare_count;
		worker->spare_count -= count;
		memcpy(worker->packet, worker->spare + worker->spare_count,
		       count * sizeof(worker->packet[0]));
	}
	if (count == 0)
		vionet_queue_reclaim(worker->session.tx);
	return count;
}

/* `size`: without padding. */
static void send_put(struct worker *worker, struct flow_tx *tx, struct vionet_packet *packet,
		     uint32_t size, uint32_t segments)
{
	/* Each segment has the headers. */
	uint32_t more = segments > 1 ? (segments - 1) * tx->headers : 0;

	worker->packet[worker->pending_count] = packet;
	worker->pending[worker->pending_count++] = (struct pending){
		.flow = tx,
		.signature = packet->data + size - SIGNATURE_SIZE,
		.sequence = tx->schedule.sequence,
		.track = tx->first_track + tx->schedule.track,
		.segments = segments,
		.size = size,
		.wire = packet->length + more,
	};
}

/* Write the next frame, but not what its template has in the buffer already. Returns its size. */
static uint32_t send_write(struct flow_tx *tx, struct vionet_packet *packet)
{
	uint64_t number = tx->schedule.number;
	uint32_t size = template_size(tx->template, number);

	packet->length = template_build(tx->template, packet->data, size, number,
					tx->schedule.sequence, engine_set_mark(packet, tx->mark));
	return size;
}

/* What is left to the device. */
static void send_request(const struct template_offload *offload, struct vionet_packet *packet)
{
	packet->flags = offload->flags;
	packet->gso_type = offload->gso_type;
	packet->gso_size = offload->gso_size;
	packet->hdr_len = offload->hdr_len;
	packet->csum_start = offload->csum_start;
	packet->csum_offset = offload->csum_offset;
	packet->outer_th_offset = offload->outer_th_offset;
	packet->inner_nh_offset = offload->inner_nh_offset;
}

/* A frame for the device to finish, or to cut: then the segments are frames of their own on the
 * wire, each with a number. */
static void send_build_offload(struct worker *worker, struct flow_tx *tx,
			       struct vionet_packet *packet, uint64_t now_ns)
{
	uint32_t size = send_write(tx, packet);
	uint32_t segments = template_signatures(tx->template, size);

	send_request(tx->offload, packet);
	if (segments < 2)
		packet->gso_type = VIONET_GSO_NONE;
	send_put(worker, tx, packet, size, segments);
	for (uint32_t i = 1; i < segments; i++)
		schedule_advance(&tx->schedule, tx->headers + tx->offload->gso_size, now_ns);
	schedule_advance(&tx->schedule,
			 segments > 1 ? size - (segments - 1) * tx->offload->gso_size : size,
			 now_ns);
}

/* One that is too long for a buffer is left out. */
static bool send_build_source(struct worker *worker, struct flow_tx *tx,
			      struct vionet_packet *packet, uint64_t now_ns)
{
	tx->next_known = false;
	if (tx->next.length > vionet_packet_tailroom(packet))
		return false;
	memcpy(packet->data, tx->next.bytes, tx->next.length);
	packet->length = tx->next.length;
	engine_set_mark(packet, 0);
	send_put(worker, tx, packet, packet->length, 0);
	schedule_advance(&tx->schedule, packet->length, now_ns);
	return true;
}

static bool send_flow_is_due(struct flow_tx *tx, uint64_t now_ns)
{
	if (tx->source != NULL && send_source_due(tx) == SCHEDULE_NEVER)
		return false;
	if (tx->source != NULL && !tx->schedule.paced)
		return send_source_due(tx) <= now_ns && now_ns < tx->schedule.end_ns;
	return schedule_is_due(&tx->schedule, now_ns);
}

/* Build the flow's frames that are due. False: no packet is free. */
static bool send_build(struct worker *worker, struct flow_tx *tx, uint64_t now_ns)
{
	struct schedule *schedule = &tx->schedule;
	bool plain = tx->source == NULL && tx->offload == NULL;
	bool fast = !schedule->paced && schedule->burst_frames == 0;

	while (worker->pending_count < worker->engine->options.burst &&
	       send_flow_is_due(tx, now_ns)) {
		struct vionet_packet *packet = send_take_packet(worker);
		uint32_t size;

		if (packet == NULL)
			return false;
		if (!plain) {
			if (tx->source == NULL)
				send_build_offload(worker, tx, packet, now_ns);
			else if (!send_build_source(worker, tx, packet, now_ns))
				worker->spare[worker->spare_count++] = packet;
			continue;
		}
		size = send_write(tx, packet);
		send_put(worker, tx, packet, size, template_signatures(tx->template, size));
		if (fast)
			schedule_advance_fast(schedule);
		else
			schedule_advance(schedule, size, now_ns);
	}
	return true;
}

void send_collect(struct worker *worker, uint64_t now_ns)
{
	uint32_t burst = worker->engine->options.burst;

	if (worker->pending_count == 0) {
		worker->progress_ns = now_ns;
		worker->full_count = 0;
	}
	while (worker->pending_count < burst && worker->heap_count > 0 &&
	       worker->heap[0].due_ns <= now_ns) {
		uint32_t flow = worker->heap[0].flow;

		if (!send_build(worker, &worker->tx[flow], now_ns))
			return;
		send_again(worker, flow, now_ns);
	}
	for (uint32_t i = worker->max_count; i > 0 && worker->pending_count < burst; i--) {
		uint32_t flow;

		if (worker->max_next >= worker->max_count)
			worker->max_next = 0;
		flow = worker->max[worker->max_next];
		if (!send_build(worker, &worker->tx[flow], now_ns))
			return;
		if (!send_end_if_over(worker, flow, now_ns))
			worker->max_next++;
	}
}

/* ---- one flow alone ---- */

struct flow_tx *send_direct_flow(struct worker *worker, uint64_t now_ns)
{
	struct flow_tx *tx;

	if (worker->max_count == 0 || worker->pending_count != 0 ||
	    (worker->heap_count != 0 && worker->heap[0].due_ns <= now_ns))
		return NULL;
	if (worker->max_next >= worker->max_count)
		worker->max_next = 0;
	tx = &worker->tx[worker->max[worker->max_next]];
	if (!tx->direct || tx->schedule.number < tx->warmup || now_ns >= tx->schedule.end_ns)
		return NULL;
	return tx;
}

static bool send_is_constant(const struct flow_tx *tx, uint32_t count)
{
	const struct schedule *schedule = &tx->schedule;

	return tx->constant && schedule->end - schedule->first == 1 &&
	       schedule->limit - schedule->number > (uint64_t)count * schedule->tracks;
}

/* The next frames are alike, of one track: each buffer has the frame already, but the first time. */
static uint32_t send_build_constant(struct worker *worker, struct flow_tx *tx, uint32_t count)
{
	struct vionet_packet *const *packet = worker->packet;
	uint32_t padded = tx->padded;
	uint64_t mark = tx->mark;

	for (uint32_t i = 0; i < count; i++) {
		packet[i]->length = padded;
		if (engine_set_mark(packet[i], mark))
			template_build(tx->template, packet[i]->data, tx->size, 0, 0, true);
	}
	tx->schedule.number += (uint64_t)count * tx->schedule.tracks;
	tx->schedule.sequence += count;
	return count;
}

static uint32_t send_build_fixed(struct worker *worker, struct flow_tx *tx, uint32_t count)
{
	const struct template *template = tx->template;
	struct schedule schedule = tx->schedule; /* stays in registers */
	uint32_t size = tx->size, padded = tx->padded, i = 0;
	uint64_t mark = tx->mark;

	for (; i < count && schedule.number < schedule.limit; i++) {
		struct vionet_packet *packet = worker->packet[i];

		packet->length = padded;
		template_build(template, packet->data, size, schedule.number, schedule.sequence,
			       engine_set_mark(packet, mark));
		schedule_advance_fast(&schedule);
	}
	tx->schedule = schedule;
	return i;
}

/* Frames from `number` on, `step` apart, which come round. */
static void send_write_cycle(const struct flow_tx *tx, struct vionet_packet *const *packet,
			     uint32_t count, uint64_t number, uint32_t step)
{
	const struct cycle cycle = *cycle_of(tx->template);
	uint32_t at = (uint32_t)(number % cycle.count), padded = tx->padded;
	uint32_t ahead = step % cycle.count;
	uint64_t mark = tx->mark;

	for (uint32_t i = 0; i < count; i++) {
		packet[i]->length = padded;
		if (engine_set_mark(packet[i], mark))
			template_build(tx->template, packet[i]->data, tx->size, number + (uint64_t)i * step, 0, true);
		else
			cycle_write(&cycle, packet[i]->data, at);
		at += ahead;
		at -= at >= cycle.count ? cycle.count : 0;
	}
}

static uint32_t send_build_cycle(struct worker *worker, struct flow_tx *tx, uint32_t count)
{
	uint32_t built = 0;

	while (built < count) {
		uint64_t number = tx->schedule.number;
		uint32_t step, run = schedule_run(&tx->schedule, count - built, &step);

		if (run == 0)
			break;
		send_write_cycle(tx, worker->packet + built, run, number, step);
		built += run;
	}
	return built;
}

static uint32_t send_build_alike(struct worker *worker, struct flow_tx *tx, uint32_t count)
{
	if (send_is_constant(tx, count))
		return send_build_constant(worker, tx, count);
	if (cycle_of(tx->template)->frames != NULL)
		return send_build_cycle(worker, tx, count);
	return send_build_fixed(worker, tx, count);
}

static void send_build_each(struct worker *worker, struct flow_tx *tx, struct built *built,
			    uint32_t count)
{
	uint32_t i = 0, bytes = 0, numbered = 0;

	for (; i < count && tx->schedule.number < tx->schedule.limit; i++) {
		struct vionet_packet *packet = worker->packet[i];
		uint32_t size = send_write(tx, packet);
		uint32_t signatures = template_signatures(tx->template, size);

		built->signature[i] = signatures != 0 ? packet->data + size - SIGNATURE_SIZE : NULL;
		bytes += packet->length;
		numbered += signatures;
		schedule_advance_fast(&tx->schedule);
	}
	built->count = i;
	built->bytes = bytes;
	built->numbered = numbered;
}

void send_build_direct(struct worker *worker, struct flow_tx *tx, struct built *built,
		       uint32_t count)
{
	built->first = tx->schedule;
	if (tx->size == 0) {
		send_build_each(worker, tx, built, count);
	} else {
		built->count = send_build_alike(worker, tx, count);
		built->bytes = built->count * tx->padded;
		built->numbered = built->count * tx->signatures;
	}
	vionet_packet_free(worker->packet + built->count, count - built->count);
}

void send_leave_pending(struct worker *worker, struct flow_tx *tx, struct built *built,
			uint32_t taken)
{
	struct schedule next = tx->schedule;

	tx->schedule = built->first;
	for (uint32_t i = 0; i < built->count; i++) {
		struct vionet_packet *packet = worker->packet[i];

		if (i >= taken) {
			uint32_t size = tx->size != 0 ? tx->size : template_size(tx->template, tx->schedule.number);
			uint32_t signatures = template_signatures(tx->template, size);

			built->bytes -= packet->length;
			built->numbered -= signatures;
			send_put(worker, tx, packet, size, signatures);
		}
		schedule_advance_fast(&tx->schedule);
	}
	tx->schedule = next;
}
