/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending. Flows with a rate wait in a heap for the time of their next frame; those at the highest
 * rate fill a burst each, one after the other (send_place.c). What is due is built into a row
 * (send_build.c), stamped, and handed over here; what the queue does not take waits there. Where
 * nothing waits, a burst of one flow is built and stamped without the row.
 */
#include "tools/pktgen/engine/send_parts.h"

#include <string.h>

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

/* The first `count`, at the last moment, so that the time means "handed to the device". Returns it. */
static uint64_t send_stamp(struct worker *worker, uint32_t count)
{
	uint64_t stamp_ns = now_ns();

	for (uint32_t i = 0; i < count; i++) {
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

	worker->full_end_ns = SCHEDULE_NEVER;
	while (i < worker->pending_count) {
		struct flow_tx *tx = worker->pending[i].flow;

		if (now_ns >= tx->schedule.end_ns) {
			send_forget(worker, tx);
			tx->schedule.limit = tx->schedule.number;
			send_finish(worker, tx);
			i = 0;
			continue;
		}
		if (tx->schedule.end_ns < worker->full_end_ns)
			worker->full_end_ns = tx->schedule.end_ns;
		count_add(&tx->full, 1);
		while (i < worker->pending_count && worker->pending[i].flow == tx)
			i++;
	}
	worker->full_count = worker->pending_count;
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

/* A queue that was full: how many it takes now, so that nothing is stamped for no purpose. */
static uint32_t send_room(const struct worker *worker)
{
	uint32_t size = worker->session.queue_size[1];
	uint32_t left;

	if (worker->full_count == 0)
		return worker->pending_count;
	left = vionet_queue_reclaim(worker->session.tx);
	if (left >= size)
		return 0;
	return size - left < worker->pending_count ? size - left : worker->pending_count;
}

/* ---- a burst of one flow at the highest rate, when nothing else waits ---- */

/* Those of a row, into frames from `i` to before `end`. */
static inline void send_stamp_row(const struct worker *worker, const struct flow_tx *tx, const struct built *built,
				  uint32_t i, uint32_t end, struct signature_row *row)
{
	uint32_t at = tx->size - SIGNATURE_SIZE;

	if (tx->size != 0) {
		for (; i < end; i++, signature_next(row))
			signature_put(row, worker->packet[i]->data + at);
		return;
	}
	for (; i < end; i++, signature_next(row))
		if (built->signature[i] != NULL)
			signature_put(row, built->signature[i]);
}

/* Numbers of one track, or of each number the block's tracks. */
static void send_stamp_built(const struct worker *worker, const struct flow_tx *tx,
			     const struct built *built, uint64_t stamp_ns)
{
	uint32_t track = built->first.track, run;
	bool tracks = built->first.end - built->first.first != 1;
	uint64_t sequence = built->first.sequence;

	for (uint32_t i = 0; i < built->count; i += run) {
		uint32_t most = built->count - i;
		struct signature_row row;

		if (tracks && most > built->first.end - track)
			most = built->first.end - track;
		run = signature_row(&row, tx->first_track + track, sequence, stamp_ns, tracks);
		run = run < most ? run : most;
		send_stamp_row(worker, tx, built, i, i + run, &row);
		if (!tracks) {
			sequence += run;
		} else if ((track += run) == built->first.end) {
			track = built->first.first;
			sequence++;
		}
	}
}

static uint64_t send_stamp_direct(const struct worker *worker, const struct flow_tx *tx,
				  const struct built *built)
{
	uint64_t stamp_ns = now_ns();

	if (tx->size == 0 || tx->signatures != 0)
		send_stamp_built(worker, tx, built, stamp_ns);
	return stamp_ns;
}

static uint32_t send_direct(struct worker *worker, struct flow_tx *tx, uint64_t now_ns)
{
	struct built built; /* 2 KiB: not cleared */
	uint32_t flow = worker->max[worker->max_next], count, taken;
	uint64_t stamped_ns;

	worker->progress_ns = now_ns;
	count = send_take_packets(worker, worker->engine->options.burst);
	if (count == 0)
		return 0;
	send_build_direct(worker, tx, &built, count);
	stamped_ns = send_stamp_direct(worker, tx, &built);
	taken = send_offer(worker, worker->packet, built.count, stamped_ns);
	if (taken < built.count)
		send_leave_pending(worker, tx, &built, taken);
	if (taken > 0) {
		worker->stamped_ns = stamped_ns;
		send_count(tx, taken, built.bytes, built.numbered, stamped_ns);
		count_frames(&worker->sent, taken, built.bytes, stamped_ns);
	}
	worker->full_count = 0;
	if (worker->pending_count > 0)
		send_note_full(worker, now_ns);
	if (!send_end_if_over(worker, flow, now_ns))
		worker->max_next++;
	return taken;
}

/* ---- all of it ---- */

uint32_t send_due(struct worker *worker, uint64_t now_ns)
{
	struct flow_tx *direct = send_direct_flow(worker, now_ns);
	uint64_t stamped_ns;
	uint32_t count, taken;

	if (direct != NULL)
		return send_direct(worker, direct, now_ns);
	send_collect(worker, now_ns);
	if (worker->pending_count == 0)
		return 0;
	count = send_room(worker);
	if (count == 0) {
		if (worker->pending_count != worker->full_count || now_ns >= worker->full_end_ns)
			send_note_full(worker, now_ns);
		return 0;
	}
	stamped_ns = send_stamp(worker, count);
	taken = send_offer(worker, worker->packet, count, stamped_ns);
	send_slip(worker, now_ns);
	if (taken > 0) {
		send_count_all(worker, taken, stamped_ns);
		worker->progress_ns = now_ns;
		send_take_off(worker, taken);
	}
	worker->full_count = 0;
	if (worker->pending_count > 0)
		send_note_full(worker, now_ns);
	return taken;
}

void send_release(struct worker *worker)
{
	vionet_packet_free(worker->packet, worker->pending_count);
	vionet_packet_free(worker->spare, worker->spare_count);
	worker->pending_count = worker->spare_count = 0;
}
