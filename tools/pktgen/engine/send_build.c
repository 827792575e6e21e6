/* SPDX-License-Identifier: BSD-3-Clause */
/* Building frames: those that are due, or a burst of one flow. */
#include "tools/pktgen/engine/send_parts.h"

#include <string.h>

#include "tools/pktgen/packet/cycle.h"

/*
 * A frame begins in each buffer always at the same place, so what it begins with is not written
 * again. Descriptions are 64 bytes each: eight in a row are alike. The prefetcher of a back end
 * that reads frames follows equal steps.
 */
static inline uint8_t *send_begin(struct vionet_packet *packet, uintptr_t colours)
{
	return packet->data += (uintptr_t)packet >> 2 & colours;
}

static uint32_t send_alloc(const struct worker *worker, struct vionet_packet **packets,
			   uint32_t count)
{
	count = vionet_packet_alloc(vionet_queue_pool(worker->session.tx), packets, count);
	if (count == 0)
		vionet_queue_reclaim(worker->session.tx);
	return count;
}

struct vionet_packet *send_take_packet(struct worker *worker)
{
	struct vionet_packet *packet;

	if (worker->spare_count == 0)
		worker->spare_count = send_alloc(worker, worker->spare,
						 worker->engine->options.burst);
	if (worker->spare_count == 0)
		return NULL;
	packet = worker->spare[--worker->spare_count];
	send_begin(packet, worker->port->colours);
	return packet;
}

uint32_t send_take_packets(struct worker *worker, uint32_t count)
{
	if (worker->spare_count == 0)
		return send_alloc(worker, worker->packet, count);
	count = count < worker->spare_count ? count : worker->spare_count;
	worker->spare_count -= count;
	memcpy(worker->packet, worker->spare + worker->spare_count,
	       count * sizeof(worker->packet[0]));
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
	bytes_copy(packet->data, tx->next.bytes, tx->next.length);
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
				vionet_packet_free(&packet, 1);
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
	uintptr_t colours = worker->port->colours;
	uint64_t mark = tx->mark;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t *frame = send_begin(packet[i], colours);

		packet[i]->length = padded;
		if (engine_set_mark(packet[i], mark))
			template_build(tx->template, frame, tx->size, 0, 0, true);
	}
	tx->schedule.number += (uint64_t)count * tx->schedule.tracks;
	tx->schedule.sequence += count;
	return count;
}

/* The place of the next frame; the rest of a schedule does not change in a burst. */
static inline void send_move_on(struct schedule *schedule, const struct schedule *to)
{
	schedule->number = to->number;
	schedule->sequence = to->sequence;
	schedule->track = to->track;
}

static uint32_t send_build_fixed(struct worker *worker, struct flow_tx *tx, uint32_t count)
{
	const struct template *template = tx->template;
	struct schedule schedule = tx->schedule; /* stays in registers */
	uint32_t size = tx->size, padded = tx->padded, i = 0;
	uintptr_t colours = worker->port->colours;
	uint64_t mark = tx->mark;

	for (; i < count && schedule.number < schedule.limit; i++) {
		struct vionet_packet *packet = worker->packet[i];

		send_begin(packet, colours);
		packet->length = padded;
		template_build(template, packet->data, size, schedule.number, schedule.sequence,
			       engine_set_mark(packet, mark));
		schedule_advance_fast(&schedule);
	}
	send_move_on(&tx->schedule, &schedule);
	return i;
}

/* Frames from `number` on, `step` apart, which come round. */
static void send_write_cycle(const struct worker *worker, const struct flow_tx *tx, struct vionet_packet *const *packet,
			     uint32_t count, uint64_t number, uint32_t step)
{
	const struct cycle cycle = *cycle_of(tx->template);
	uintptr_t colours = worker->port->colours;
	uint32_t at = (uint32_t)(number % cycle.count), padded = tx->padded;
	uint32_t ahead = step % cycle.count;
	uint64_t mark = tx->mark;

	for (uint32_t i = 0; i < count; i++) {
		send_begin(packet[i], colours);
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
		send_write_cycle(worker, tx, worker->packet + built, run, number, step);
		built += run;
	}
	return built;
}

/* ---- sizes that come round ---- */

#define SIZED_MAX 255 /* see send_group */

/* The next frames of a burst, grouped by size: one loop for each, so that no jump depends on a random number. */
struct sized {
	uint8_t which[SIZED_MAX];    /* of the sizes */
	uint8_t sequence[SIZED_MAX]; /* its last byte */
	uint8_t order[SIZED_MAX];
	uint8_t end[CYCLE_SIZES_MAX]; /* in `order`, of each size */
};

/* Counting sort, with a byte of a number for each size: in memory each count would wait for the one before it. */
static void send_group(struct sized *sized, uint32_t count)
{
	uint64_t at = 0;

	_Static_assert(CYCLE_SIZES_MAX == sizeof(at), "a byte for each");
	for (uint32_t i = 0; i < count; i++)
		at += UINT64_C(1) << 8 * sized->which[i];
	/* Each byte is the sum of those below it. */
	at = at * UINT64_C(0x0101010101010101) << 8;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t shift = 8U * sized->which[i];

		sized->order[(uint8_t)(at >> shift)] = (uint8_t)i;
		at += UINT64_C(1) << shift;
	}
	for (uint32_t i = 0; i < CYCLE_SIZES_MAX; i++)
		sized->end[i] = (uint8_t)(at >> 8 * i);
}

static uint32_t send_choose_sizes(struct flow_tx *tx, struct sized *sized, uint32_t count)
{
	struct schedule *schedule = &tx->schedule;
	bool one = schedule->end - schedule->first == 1; /* track */
	uint32_t n = 0, run;

	count = count < SIZED_MAX ? count : SIZED_MAX;
	/* Of several tracks: up to the last one, all of which have the same number. */
	for (; n < count; n += run) {
		uint64_t number = schedule->number, sequence = schedule->sequence;
		uint32_t most = count - n, step;

		if (!one && most > schedule->end - schedule->track)
			most = schedule->end - schedule->track;
		run = schedule_run(schedule, most, &step);
		if (run == 0)
			break;
		cycle_choose(tx->template, number, step, run, sized->which + n);
		for (uint32_t i = 0; i < run; i++)
			sized->sequence[n + i] = (uint8_t)(sequence + (one ? i : 0));
	}
	send_group(sized, n);
	return n;
}

/* Those of one of the sizes. */
static void send_write_sized(const struct worker *worker, const struct flow_tx *tx, struct built *built,
			     const struct sized *sized, uint32_t which)
{
	const struct template *template = tx->template;
	const struct cycle cycle = *cycle_of(template);
	const struct cycle_size size = cycle.size[which];
	uint32_t signatures = template_signatures(template, size.size), at = size.size - SIGNATURE_SIZE;
	uint32_t end = sized->end[which];
	uint64_t mark = tx->mark;

	for (uint32_t i = which != 0 ? sized->end[which - 1] : 0; i < end; i++) {
		uint32_t of = sized->order[i], sequence = sized->sequence[of];
		struct vionet_packet *packet = worker->packet[of];
		uint8_t *frame = packet->data;

		packet->length = size.padded;
		built->signature[of] = signatures != 0 ? frame + at : NULL;
		if (engine_set_mark(packet, mark)) {
			template_build(template, frame, size.size, 0, sequence, true);
			continue;
		}
		cycle_write(&cycle, frame, size.first + (sequence & cycle.mask));
		if (size.payload != 0 || size.padded != size.size)
			cycle_fill(&cycle, frame, &size, sequence);
	}
}

/* What is written first of each frame comes while their sizes are chosen. */
static void send_begin_all(struct worker *worker, uint32_t count)
{
	uintptr_t colours = worker->port->colours;

	for (uint32_t i = 0; i < count; i++) {
		uint8_t *frame = send_begin(worker->packet[i], colours);

		__builtin_prefetch(frame - VIONET_HEADROOM);
		__builtin_prefetch(frame, 1);
	}
}

static void send_build_sizes(struct worker *worker, struct flow_tx *tx, struct built *built,
			     uint32_t count)
{
	const struct cycle *cycle = cycle_of(tx->template);
	struct sized sized;
	uint32_t from = 0;

	send_begin_all(worker, count);
	built->count = send_choose_sizes(tx, &sized, count);
	built->bytes = built->numbered = 0;
	for (uint32_t i = 0; i < cycle->sizes; i++) {
		uint32_t frames = sized.end[i] - from;

		send_write_sized(worker, tx, built, &sized, i);
		built->bytes += frames * cycle->size[i].padded;
		built->numbered += frames * template_signatures(tx->template, cycle->size[i].size);
		from = sized.end[i];
	}
}

static uint32_t send_build_alike(struct worker *worker, struct flow_tx *tx, uint32_t count)
{
	if (send_is_constant(tx, count))
		return send_build_constant(worker, tx, count);
	if (cycle_of(tx->template)->count != 0)
		return send_build_cycle(worker, tx, count);
	return send_build_fixed(worker, tx, count);
}

static void send_build_each(struct worker *worker, struct flow_tx *tx, struct built *built,
			    uint32_t count)
{
	uint32_t i = 0, bytes = 0, numbered = 0;

	for (; i < count && tx->schedule.number < tx->schedule.limit; i++) {
		struct vionet_packet *packet = worker->packet[i];
		uint32_t size, signatures;

		send_begin(packet, worker->port->colours);
		size = send_write(tx, packet);
		signatures = template_signatures(tx->template, size);
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
	if (cycle_of(tx->template)->sizes != 0) {
		send_build_sizes(worker, tx, built, count);
	} else if (tx->size == 0) {
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
