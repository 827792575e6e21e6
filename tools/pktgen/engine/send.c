/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending: which flow's frames go into the next burst, and handing it over. Flows with a rate
 * wait in a heap for the time of their next frame; those at the highest rate fill a burst
 * each, one after the other.
 */
#include "tools/pktgen/engine/state.h"

#include <string.h>

/* ---- the heap: four children each, the soonest on top ---- */

static void send_heap_put(struct worker *worker, uint32_t at, const struct heap_entry *entry)
{
	worker->heap[at] = *entry;
	worker->tx[entry->flow].at = at;
}

static void send_heap_down(struct worker *worker, uint32_t at, struct heap_entry entry)
{
	for (;;) {
		uint32_t first = 4 * at + 1, best = at;
		uint64_t due = entry.due_ns;

		for (uint32_t i = first; i < first + 4 && i < worker->heap_count; i++)
			if (worker->heap[i].due_ns < due) {
				best = i;
				due = worker->heap[i].due_ns;
			}
		if (best == at)
			break;
		send_heap_put(worker, at, &worker->heap[best]);
		at = best;
	}
	send_heap_put(worker, at, &entry);
}

static void send_heap_up(struct worker *worker, uint32_t at, struct heap_entry entry)
{
	while (at > 0 && worker->heap[(at - 1) / 4].due_ns > entry.due_ns) {
		send_heap_put(worker, at, &worker->heap[(at - 1) / 4]);
		at = (at - 1) / 4;
	}
	send_heap_put(worker, at, &entry);
}

static void send_heap_remove(struct worker *worker, uint32_t at)
{
	struct heap_entry last = worker->heap[--worker->heap_count];

	if (at == worker->heap_count)
		return;
	if (at > 0 && worker->heap[(at - 1) / 4].due_ns > last.due_ns)
		send_heap_up(worker, at, last);
	else
		send_heap_down(worker, at, last);
}

void send_unplace(struct worker *worker, uint32_t flow)
{
	struct flow_tx *tx = &worker->tx[flow];

	if (tx->place == FLOW_TIMED) {
		send_heap_remove(worker, tx->at);
	} else if (tx->place == FLOW_MAX) {
		worker->max[tx->at] = worker->max[--worker->max_count];
		worker->tx[worker->max[tx->at]].at = tx->at;
	}
	tx->place = FLOW_IDLE;
}

static bool send_source_has_more(struct flow_tx *tx)
{
	if (!tx->next_known)
		tx->next_known = tx->source->next(tx->source->context, &tx->next);
	return tx->next_known;
}

/* A source says itself when its next frame is due; with a rate, the schedule does. */
static uint64_t send_source_due(struct flow_tx *tx)
{
	uint64_t due = schedule_due(&tx->schedule);

	if (!send_source_has_more(tx) || due == SCHEDULE_NEVER)
		return SCHEDULE_NEVER;
	return tx->schedule.paced ? due : tx->source_base + tx->next.due_ns;
}

static uint64_t send_flow_due(struct flow_tx *tx)
{
	uint64_t due;

	if (tx->source == NULL || tx->schedule.paced)
		return schedule_wake(&tx->schedule);
	due = send_source_due(tx);
	return due < tx->schedule.end_ns ? due : tx->schedule.end_ns;
}

static bool send_has_pending(const struct worker *worker, const struct flow_tx *tx)
{
	for (uint32_t i = 0; i < worker->pending_count; i++)
		if (worker->pending[i].flow == tx)
			return true;
	return false;
}

/* All of it was built, and taken too. */
static void send_finish(struct worker *worker, struct flow_tx *tx)
{
	if (!tx->over || send_has_pending(worker, tx))
		return;
	count_set(&tx->done_ns, now_ns());
	count_set(&tx->done, 1);
}

/* Has its end come? */
static bool send_end_if_over(struct worker *worker, uint32_t flow, uint64_t now_ns)
{
	struct flow_tx *tx = &worker->tx[flow];

	if (!schedule_is_over(&tx->schedule, now_ns) &&
	    (tx->source == NULL || send_source_has_more(tx)))
		return false;
	send_unplace(worker, flow);
	tx->over = true;
	worker->ending = true;
	send_finish(worker, tx);
	return true;
}

void send_place(struct worker *worker, uint32_t flow, uint64_t now_ns)
{
	struct flow_tx *tx = &worker->tx[flow];
	struct heap_entry entry = { .flow = flow };

	send_unplace(worker, flow);
	if (send_end_if_over(worker, flow, now_ns))
		return;
	if (tx->schedule.paced || tx->schedule.burst_frames != 0 || tx->source != NULL ||
	    schedule_due(&tx->schedule) > now_ns) {
		entry.due_ns = send_flow_due(tx);
		tx->place = FLOW_TIMED;
		send_heap_up(worker, worker->heap_count++, entry);
		return;
	}
	tx->place = FLOW_MAX;
	tx->at = worker->max_count;
	worker->max[worker->max_count++] = flow;
}

uint64_t send_next(const struct worker *worker)
{
	if (worker->max_count > 0)
		return 0;
	return worker->heap_count > 0 ? worker->heap[0].due_ns : SCHEDULE_NEVER;
}

/* ---- building ---- */

struct vionet_packet *send_take_packet(struct worker *worker)
{
	struct vionet_pool *pool = vionet_queue_pool(worker->session.tx);

	if (worker->spare_count == 0)
		worker->spare_count = vionet_packet_alloc(pool, worker->spare,
							  worker->engine->options.burst);
	if (worker->spare_count == 0) {
		vionet_queue_reclaim(worker->session.tx);
		return NULL;
	}
	return worker->spare[--worker->spare_count];
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
	uint64_t *user = vionet_packet_user(packet);
	uint64_t number = tx->schedule.number;
	uint32_t size = template_size(tx->template, number);

	packet->length = template_build(tx->template, packet->data, size, number,
					tx->schedule.sequence, *user != tx->mark);
	*user = tx->mark;
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
	*vionet_packet_user(packet) = 0;
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

/* The same for a flow at the highest rate of which every frame has one size: a tight loop. */
static bool send_build_fast(struct worker *worker, struct flow_tx *tx, uint64_t now_ns)
{
	struct schedule *schedule = &tx->schedule;
	uint32_t burst = worker->engine->options.burst;

	if (now_ns >= schedule->end_ns)
		return true;
	while (worker->pending_count < burst && schedule->number < schedule->limit) {
		struct vionet_packet *packet = send_take_packet(worker);
		uint64_t *user;

		if (packet == NULL)
			return false;
		user = vionet_packet_user(packet);
		packet->length = template_build(tx->template, packet->data, tx->size,
						schedule->number, schedule->sequence,
						*user != tx->mark);
		*user = tx->mark;
		send_put(worker, tx, packet, tx->size, tx->signatures);
		schedule_advance_fast(schedule);
	}
	return true;
}

/* Build the flow's frames that are due. False: no packet is free. */
static bool send_build(struct worker *worker, struct flow_tx *tx, uint64_t now_ns)
{
	struct schedule *schedule = &tx->schedule;
	bool plain = tx->source == NULL && tx->offload == NULL;
	bool fast = !schedule->paced && schedule->burst_frames == 0;

	if (fast && plain && tx->size != 0 && tx->place == FLOW_MAX)
		return send_build_fast(worker, tx, now_ns);
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

/* A flow's new time in the heap; it is on top. */
static void send_again(struct worker *worker, uint32_t flow, uint64_t now_ns)
{
	struct flow_tx *tx = &worker->tx[flow];
	struct heap_entry entry = { .flow = flow };

	if (send_end_if_over(worker, flow, now_ns))
		return;
	entry.due_ns = send_flow_due(tx);
	/* What waited only for its start. */
	if (!tx->schedule.paced && tx->schedule.burst_frames == 0 && tx->source == NULL)
		send_place(worker, flow, now_ns);
	else
		send_heap_down(worker, tx->at, entry);
}

static void send_collect(struct worker *worker, uint64_t now_ns)
{
	uint32_t burst = worker->engine->options.burst;

	if (worker->pending_count == 0)
		worker->progress_ns = now_ns;
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

/* ---- handing over ---- */

/* The tap sees frames while they are ours. Returns how many the device took. */
static uint32_t send_offer(struct worker *worker, struct vionet_packet *const *packets,
			   uint32_t count, uint64_t now_ns)
{
	const struct engine_tap *tap = worker->engine->options.tap;
	uint32_t taken;

	if (tap == NULL || tap->see == NULL)
		return vionet_queue_transmit(worker->session.tx, packets, count);
	tap->see(tap->context, &worker->place, true, packets, count, now_ns);
	taken = vionet_queue_transmit(worker->session.tx, packets, count);
	tap->took(tap->context, &worker->place, taken);
	return taken;
}

void send_one(struct worker *worker, struct vionet_packet *packet)
{
	if (packet->length == 0 || send_offer(worker, &packet, 1, now_ns()) == 0)
		vionet_packet_free(&packet, 1);
	else
		count_set(&worker->in_flight, 1);
}

static void send_stamp_segments(const struct pending *pending, uint8_t *frame, uint64_t stamp_ns)
{
	const struct template *template = pending->flow->template;

	for (uint32_t i = 0; i < pending->segments; i++)
		signature_write(frame + template_signature_at(template, pending->size, i),
				pending->track, pending->sequence + i, stamp_ns);
}

/* At the last moment, so that the time means "handed to the device". Returns it. */
static uint64_t send_stamp(struct worker *worker)
{
	uint64_t stamp_ns = now_ns();

	for (uint32_t i = 0; i < worker->pending_count; i++) {
		struct pending *pending = &worker->pending[i];

		if (__builtin_expect(pending->segments == 1, 1))
			signature_write(pending->signature, pending->track, pending->sequence,
					stamp_ns);
		else if (pending->segments > 1)
			send_stamp_segments(pending, worker->packet[i]->data, stamp_ns);
	}
	return stamp_ns;
}

/* `frames` of one flow were taken, numbers from that of the first on. */
static void send_count(struct flow_tx *tx, uint64_t frames, uint64_t bytes,
		       uint64_t numbered, uint64_t now_ns)
{
	count_frames(&tx->sent, frames, bytes, now_ns);
	count_add(&tx->numbered, numbered);
	if (tx->departed_ns != 0)
		histogram_add(tx->departure, now_ns - tx->departed_ns);
	histogram_add_many(tx->departure, 0, frames - 1);
	tx->departed_ns = now_ns;
}

/* Frames of the warm-up do not count. */
static bool send_is_warmup(const struct pending *pending)
{
	const struct flow_tx *tx = pending->flow;

	return pending->sequence * tx->schedule.tracks + (pending->track - tx->first_track) <
	       tx->warmup;
}

static void send_count_all(struct worker *worker, uint32_t taken, uint64_t now_ns)
{
	uint64_t all = 0, all_bytes = 0;
	uint32_t i = 0;

	while (i < taken) {
		struct flow_tx *tx = worker->pending[i].flow;
		uint64_t frames = 0, sum = 0, numbered = 0;

		for (; i < taken && worker->pending[i].flow == tx; i++) {
			if (tx->warmup != 0 && send_is_warmup(&worker->pending[i]))
				continue;
			frames += worker->pending[i].segments > 1 ? worker->pending[i].segments : 1;
			sum += worker->pending[i].wire;
			numbered += worker->pending[i].segments;
		}
		if (frames > 0)
			send_count(tx, frames, sum, numbered, now_ns);
		all += frames;
		all_bytes += sum;
	}
	if (all > 0)
		count_frames(&worker->sent, all, all_bytes, now_ns);
}

/* The queue is full: what was due before the end is no longer waited for. */
static void send_note_full(struct worker *worker, uint64_t now_ns)
{
	uint32_t i = 0;

	while (i < worker->pending_count) {
		struct flow_tx *tx = worker->pending[i].flow;

		if (now_ns >= tx->schedule.end_ns) {
			send_forget(worker, tx);
			tx->schedule.limit = tx->schedule.number;
			send_finish(worker, tx);
			i = 0;
			continue;
		}
		if (i == 0 || worker->pending[i - 1].flow != tx)
			count_add(&tx->full, 1);
		i++;
	}
}

/* Time that passed is not made up for beyond a limit. */
static void send_slip(struct worker *worker, uint64_t now_ns)
{
	if (worker->heap_count == 0) /* no flow has a rate */
		return;
	for (uint32_t i = 0; i < worker->pending_count; i++) {
		struct flow_tx *tx = worker->pending[i].flow;

		if (!tx->schedule.paced || (i > 0 && worker->pending[i - 1].flow == tx))
			continue;
		schedule_slip(&tx->schedule, now_ns);
		count_set(&tx->slipped_ns, tx->schedule.slipped_ns);
	}
}

/* Flows of which nothing is left to build are done when the last of it was taken. */
static void send_finish_taken(struct worker *worker, struct pending *taken, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (taken[i].flow->over && !taken[i].flow->done)
			send_finish(worker, taken[i].flow);
}

/* `taken` are no longer pending. */
static void send_take_off(struct worker *worker, uint32_t taken)
{
	struct pending off[ENGINE_BURST_MAX];
	bool any = false;

	for (uint32_t i = 0; worker->ending && i < taken; i++)
		any |= worker->pending[i].flow->over;
	if (any)
		memcpy(off, worker->pending, taken * sizeof(off[0]));
	worker->pending_count -= taken;
	worker->ending &= worker->pending_count > 0;
	if (worker->pending_count > 0) {
		memmove(worker->pending, worker->pending + taken,
			worker->pending_count * sizeof(worker->pending[0]));
		memmove(worker->packet, worker->packet + taken,
			worker->pending_count * sizeof(worker->packet[0]));
	}
	if (any)
		send_finish_taken(worker, off, taken);
}

uint32_t send_due(struct worker *worker, uint64_t now_ns)
{
	uint64_t stamped_ns;
	uint32_t taken;

	send_collect(worker, now_ns);
	if (worker->pending_count == 0)
		return 0;
	stamped_ns = send_stamp(worker);
	taken = send_offer(worker, worker->packet, worker->pending_count, stamped_ns);
	send_slip(worker, now_ns);
	if (taken > 0) {
		send_count_all(worker, taken, stamped_ns);
		worker->progress_ns = now_ns;
		send_take_off(worker, taken);
	}
	if (worker->pending_count > 0)
		send_note_full(worker, now_ns);
	return taken;
}

void send_forget(struct worker *worker, const struct flow_tx *flow)
{
	struct flow_tx *tx = NULL;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < worker->pending_count; i++) {
		struct pending *pending = &worker->pending[i];

		if (pending->flow != flow) {
			worker->packet[kept] = worker->packet[i];
			worker->pending[kept++] = *pending;
			continue;
		}
		if (tx == NULL) {
			tx = pending->flow;
			schedule_rewind(&tx->schedule, pending->track - tx->first_track,
					pending->sequence);
		}
		vionet_packet_free(&worker->packet[i], 1);
	}
	worker->pending_count = kept;
}

void send_release(struct worker *worker)
{
	vionet_packet_free(worker->packet, worker->pending_count);
	vionet_packet_free(worker->spare, worker->spare_count);
	worker->pending_count = worker->spare_count = 0;
}
