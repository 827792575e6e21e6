/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receiving: which flow a frame is of, and what its number, time and bytes show. A burst is
 * gone through three times, so that memory is there when it is looked at: ends of frames,
 * then tracks.
 */
#include "tools/pktgen/engine/receive.h"

#include <string.h>

#define RECEIVE_AHEAD 16 /* frames that are looked at before the first of them is counted */
#define RECEIVE_BURSTS 16

/* ---- whose frame? ---- */

static bool receive_is_of(const struct flow *flow, uint32_t index)
{
	return index - flow->first_track < flow->tracks;
}

static uint32_t receive_search(const struct engine *engine, uint32_t index)
{
	uint32_t low = 0, high = engine->flow_count;

	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (engine->flow[middle].first_track <= index)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static uint32_t receive_flow(struct worker *worker, uint32_t index)
{
	const struct engine *engine = worker->engine;

	if (receive_is_of(&engine->flow[worker->rx_flow], index))
		return worker->rx_flow;
	worker->rx_flow = engine->flow_of_track != NULL ? engine->flow_of_track[index] : receive_search(engine, index);
	return worker->rx_flow;
}

/* With --rx-only the first frame decides which sender is listened to. */
static bool receive_is_stream(struct engine *engine, uint32_t track)
{
	int stream = __atomic_load_n(&engine->stream, __ATOMIC_RELAXED);
	int any = ENGINE_ANY_STREAM;

	if (stream != ENGINE_ANY_STREAM)
		return (int)(track >> 24) == stream;
	return __atomic_compare_exchange_n(&engine->stream, &any, (int)(track >> 24), false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
	       any == (int)(track >> 24);
}

/*
 * A signature may stand in any frame. Ours are of a track that there is, and were sent after
 * its flow's start, which keeps out frames of an earlier run, and come in where it is expected:
 * what a loop at the sender sends back, or a switch floods, has not arrived.
 */
static inline bool receive_is_ours(struct worker *worker, struct received *received, uint64_t now_ns)
{
	struct engine *engine = worker->engine;
	uint32_t index = received->signature.track & (ENGINE_TRACKS_MAX - 1);
	/* The lowest 48 bits of the time say all, within three days. */
	uint64_t ago = (now_ns - received->signature.time) & 0xffffffffffffULL;

	if (index >= engine->tracks.count ||
	    !receive_is_stream(engine, received->signature.track))
		return false;
	received->index = index;
	received->flow = 0;
	if (!engine->options.rx_only) {
		const struct flow *flow;

		received->flow = receive_flow(worker, index);
		flow = &engine->flow[received->flow];
		if (!receive_is_of(flow, index) || ago > now_ns - flow->start_ns)
			return false;
		if (__builtin_expect((flow->rx_ports >> worker->place.port & 1) == 0, 0)) {
			count_add(&worker->misdelivered, 1);
			return false;
		}
	}
	received->latency = ago < 0x800000000000ULL ? ago : 0;
	return true;
}

/* ---- counting ---- */

static void receive_count_step(struct flow_rx *rx, const struct track_step *step)
{
	uint64_t at = step->behind < ENGINE_DENSITY ? step->behind : ENGINE_DENSITY - 1;

	if (step->begin != 0)
		count_add(&rx->begin, (uint64_t)step->begin);
	if (step->middle != 0)
		count_add(&rx->middle, (uint64_t)step->middle);
	switch (step->kind) {
	case TRACK_NEWEST:
		count_add(&rx->unique, 1);
		break;
	case TRACK_LATE:
		count_add(&rx->unique, 1);
		count_add(&rx->reordered, 1);
		count_add(&rx->displaced[at], 1);
		break;
	case TRACK_DUPLICATE:
		count_add(&rx->duplicates, 1);
		break;
	case TRACK_OLD:
		count_add(&rx->out_of_window, 1);
		break;
	}
}

static void receive_flush_flow(struct counted *counted)
{
	struct flow_rx *rx = counted->rx;
	uint64_t frames = counted->rx_frames;

	if (frames == 0)
		return;
	/* They came together, some time after the last one. */
	if (rx->received.frames != 0)
		histogram_add(rx->arrival, counted->now_ns - rx->received.last_ns);
	histogram_add_many(rx->arrival, 0, frames - 1);
	count_frames(&rx->received, frames, counted->rx_bytes, counted->now_ns);
	count_add(&rx->unique, counted->unique);
	receive_flush_latency(counted);
	counted->rx_frames = counted->rx_bytes = counted->unique = 0;
}

static void receive_flush(struct worker *worker, struct counted *counted)
{
	receive_flush_flow(counted);
	if (counted->frames != 0)
		count_frames(&worker->own, counted->frames, counted->bytes, counted->now_ns);
	if (counted->untagged != 0)
		count_add(&worker->vlans[0], counted->untagged);
}

/* The number of the track's first frame that counts. */
static uint64_t receive_start(const struct engine *engine, const struct received *received)
{
	const struct flow *flow = &engine->flow[received->flow];

	if (engine->options.rx_only)
		return SCHEDULE_NEVER;
	return engine_first_counted(engine, flow, received->index - flow->first_track);
}

static inline void receive_count(struct worker *worker, const struct received *received,
				 uint64_t start, struct counted *counted)
{
	struct engine *engine = worker->engine;
	struct flow_rx *rx = &worker->rx[received->flow];
	struct track_step step;

	if (__builtin_expect(counted->settled, 0)) {
		count_add(&rx->late, 1);
		return;
	}
	if (rx != counted->rx) {
		receive_flush_flow(counted);
		counted->rx = rx;
	}
	track_add(&engine->tracks, received->index, received->signature.sequence, start,
		  received->latency, &step);
	counted->rx_frames++;
	counted->rx_bytes += received->size;
	if (__builtin_expect(step.kind == TRACK_NEWEST && (step.begin | step.middle) == 0, 1))
		counted->unique++;
	else
		receive_count_step(rx, &step);
	/* Two clocks cannot be compared. */
	if (engine->flow[received->flow].latency &&
	    (step.kind == TRACK_NEWEST || step.kind == TRACK_LATE))
		receive_count_time(counted, received->latency);
}

/* ---- as it was sent? ---- */

/*
 * Nearly all frames are Ethernet, IPv4 without options, UDP or TCP, and nothing behind: one look
 * and one sum say what packet_parse and packet_sums_right would. False: it is not one of these.
 */
static bool receive_is_plain(const struct received *received, bool *right)
{
	const uint8_t *ip = received->bytes + 14;
	uint32_t size = received->size, port;
	uint64_t addresses;
	bool udp;

	if (size < 60 || bytes_get16(ip - 2) != 0x0800 || ip[0] != 0x45 ||
	    bytes_get16(ip + 2) != size - 14 || (bytes_get16(ip + 6) & 0x3fff) != 0)
		return false;
	udp = ip[9] == 17;
	port = bytes_get16(ip + 22);
	/* VXLAN and GTP-U have more inside. */
	if ((!udp && ip[9] != 6) || (udp && (port == 4789 || port == 2152)))
		return false;
	addresses = sum_add64(0, ip + 12);
	*right = sum_fold(sum_add32(sum_add64(addresses, ip), ip + 8)) == 0xffff &&
		 ((udp && bytes_get16(ip + 26) == 0) ||
		  sum_fold(sum_of(sum_add(addresses, ip + 20, size - 34)) + ip[9] + (size - 34)) == 0xffff);
	return true;
}

/* A router gives other addresses: that is no damage. Returns whether it did. */
static bool receive_note_mac(struct worker *worker, const struct flow *flow, const uint8_t *frame)
{
	bool other = flow->check_mac && memcmp(frame, flow->mac, sizeof(flow->mac)) != 0;

	if (other)
		count_add(&worker->readdressed, 1);
	return other;
}

/* Tags in front, and whether it is as it was sent. The signature's sum is always the same: all else is as in a frame
 * that was right, and so are the sums. */
static void receive_look(struct worker *worker, struct received *received, bool partial,
			 struct counted *counted)
{
	const struct engine *engine = worker->engine;
	const struct flow *flow = &engine->flow[received->flow];
	struct packet_view view = { 0 };
	bool right, other;

	if (!partial && counted->usual != NULL && counted->usual->flow == received->flow &&
	    receive_is_like(counted->usual, received->bytes, received->size)) {
		counted->untagged++;
		received->usual = true;
		return;
	}
	other = receive_note_mac(worker, flow, received->bytes);
	if (!partial && !flow->cut && flow->tunnels == 0 && receive_is_plain(received, &right)) {
		counted->untagged++;
		right |= !flow->check_sums && !engine->options.rx_only;
		right = right && (!flow->check_payload ||
				  receive_payload_is_right(flow, received, &view));
		received->usual = right && !other && received->at >= RECEIVE_FRONT_MIN &&
				  (!flow->check_payload || flow->payload_size == 0);
	} else {
		right = receive_is_intact(worker, received, partial);
	}
	if (!right)
		count_add(&worker->rx[received->flow].damaged, 1);
}

/* False: it is of the warm-up. */
static inline bool receive_own(struct worker *worker, struct received *received, bool partial,
			       struct counted *counted)
{
	uint64_t start = receive_start(worker->engine, received);

	if (received->signature.sequence < start && start != SCHEDULE_NEVER)
		return false;
	counted->frames++;
	counted->bytes += received->size;
	receive_look(worker, received, partial, counted);
	receive_count(worker, received, start, counted);
	return true;
}

static void receive_answer(struct worker *worker, struct vionet_packet *packet)
{
	const struct engine_responder *responder = worker->engine->options.responder;
	struct vionet_packet *reply;

	if (responder == NULL || responder->answer == NULL)
		return;
	reply = send_take_packet(worker);
	if (reply == NULL)
		return;
	engine_set_mark(reply, 0);
	reply->length = responder->answer(responder->context, &worker->place, packet,
					  reply->data, vionet_packet_tailroom(reply));
	send_one(worker, reply);
}

/* A frame without a signature of ours: one that was damaged, or somebody else's. */
static void receive_other(struct worker *worker, const struct received *received,
			  struct vionet_packet *packet, uint64_t now_ns)
{
	count_frames(&worker->other, 1, received->size, now_ns);
	if (!packet_sums_right(received->bytes, received->size,
			       (packet->flags & VIONET_PACKET_NEEDS_CSUM) != 0))
		count_add(&worker->damaged, 1);
	receive_answer(worker, packet);
}

/* ---- frames that stand for several ---- */

/* What a packet comes to: frames as they were on the wire, but for those of the warm-up. */
struct arrived {
	uint64_t frames, bytes;
	const uint8_t *packet;
};

static void receive_add(struct arrived *arrived, uint32_t size)
{
	arrived->frames++;
	arrived->bytes += size;
}

/* The payload of one of them, `headers` bytes in front of it. False: it is not ours. */
static bool receive_segment(struct worker *worker, const uint8_t *bytes, uint32_t size,
			    uint32_t headers, struct arrived *arrived, struct counted *counted)
{
	struct received received = { .bytes = bytes, .size = size };
	uint64_t start;

	if (size < SIGNATURE_SIZE ||
	    !signature_read(bytes + size - SIGNATURE_SIZE, &received.signature) ||
	    !receive_is_ours(worker, &received, counted->now_ns))
		return false;
	received.at = size - SIGNATURE_SIZE;
	start = receive_start(worker->engine, &received);
	if (received.signature.sequence < start && start != SCHEDULE_NEVER)
		return true;
	if (worker->engine->flow[received.flow].check_payload &&
	    !payload_check(bytes, received.at, received.at - 1, received.signature.sequence))
		count_add(&worker->rx[received.flow].damaged, 1);
	receive_note_mac(worker, &worker->engine->flow[received.flow], arrived->packet);
	received.size += headers;
	receive_add(arrived, received.size);
	counted->frames++;
	counted->bytes += received.size;
	receive_count(worker, &received, start, counted);
	return true;
}

static struct arrived receive_merged(struct worker *worker, struct vionet_packet *packet,
				     const uint8_t *bytes, uint32_t size,
				     struct counted *counted)
{
	struct received received = { .bytes = bytes, .size = size };
	uint64_t now_ns = counted->now_ns;
	struct arrived arrived = { .packet = bytes }, others = { 0 };
	struct packet_view view;
	bool found = false;

	packet_parse(bytes, size, size, &view);
	for (uint32_t at = view.payload; at != 0 && at < size && packet->gso_size != 0;
	     at += packet->gso_size) {
		uint32_t length = size - at < packet->gso_size ? size - at : packet->gso_size;

		if (receive_segment(worker, bytes + at, length, view.payload, &arrived, counted))
			found = true;
		else
			receive_add(&others, view.payload + length);
	}
	if (!found) {
		receive_other(worker, &received, packet, now_ns);
		return (struct arrived){ .frames = 1, .bytes = size };
	}
	if (others.frames > 0)
		count_frames(&worker->other, others.frames, others.bytes, now_ns);
	return (struct arrived){ .frames = arrived.frames + others.frames,
				 .bytes = arrived.bytes + others.bytes };
}

/* ---- a burst ---- */

/* A chain of buffers in one piece; nothing that is common. */
static const uint8_t *receive_gather(struct worker *worker, const struct vionet_packet *packet)
{
	uint32_t at = 0;

	for (; packet != NULL && at + packet->length <= VIONET_FRAME_MAX; packet = packet->next) {
		memcpy(worker->scratch + at, packet->data, packet->length);
		at += packet->length;
	}
	return worker->scratch;
}

/* At the end of nearly all; elsewhere only where padding follows. */
static inline bool receive_signature(struct received *received)
{
	int at;

	if (received->size >= SIGNATURE_SIZE &&
	    signature_read(received->bytes + received->size - SIGNATURE_SIZE,
			   &received->signature)) {
		received->at = received->size - SIGNATURE_SIZE;
		return true;
	}
	at = packet_signature(received->bytes, received->size, received->size,
			      &received->signature);
	received->at = (uint32_t)at;
	return at >= 0;
}

static void receive_find(struct worker *worker, const struct vionet_packet *packet,
			 struct received *received, uint64_t now_ns)
{
	received->bytes = packet->data;
	received->size = packet->length;
	received->usual = false;
	received->ours = receive_signature(received) &&
			 receive_is_ours(worker, received, now_ns);
	if (received->ours)
		track_prefetch(&worker->engine->tracks, received->index);
}

/* Of one buffer or several, of one frame or several. */
static struct arrived receive_chain(struct worker *worker, struct vionet_packet *packet,
				    struct counted *counted)
{
	struct received received = {
		.bytes = packet->next != NULL ? receive_gather(worker, packet) : packet->data,
		.size = packet->total_length,
	};
	bool partial = (packet->flags & VIONET_PACKET_NEEDS_CSUM) != 0;

	if (packet->gso_type != 0)
		return receive_merged(worker, packet, received.bytes, received.size, counted);
	if (!receive_signature(&received) || !receive_is_ours(worker, &received, counted->now_ns))
		receive_other(worker, &received, packet, counted->now_ns);
	else if (!receive_own(worker, &received, partial, counted))
		return (struct arrived){ 0 };
	return (struct arrived){ .frames = 1, .bytes = received.size };
}

/* In one buffer, and one frame? */
static inline bool receive_is_single(const struct vionet_packet *packet)
{
	return packet->next == NULL && packet->gso_type == 0;
}

/* One frame, which receive_find has seen if it is a single one. */
static void receive_one(struct worker *worker, struct vionet_packet *packet, struct received *received,
			struct arrived *all, struct counted *counted)
{
	bool partial = (packet->flags & VIONET_PACKET_NEEDS_CSUM) != 0;

	if (!receive_is_single(packet)) {
		struct arrived arrived = receive_chain(worker, packet, counted);

		all->frames += arrived.frames;
		all->bytes += arrived.bytes;
		received->usual = false;
		return;
	}
	if (!received->ours)
		receive_other(worker, received, packet, counted->now_ns);
	else if (!receive_own(worker, received, partial, counted))
		return;
	if (received->usual)
		counted->usual = received;
	receive_add(all, packet->length);
}

/* Frames of few tracks mostly follow each other, and are counted as a run behind one that was looked at. Of others some
 * are looked at before they are counted. */
static void receive_each(struct worker *worker, struct vionet_packet **packets, uint32_t count,
			 uint64_t now_ns, struct vionet_packet *const *next, uint32_t next_count)
{
	struct received received[ENGINE_RX_BURST];
	struct arrived all = { 0 };
	struct counted counted = {
		.now_ns = now_ns,
		.settled = __atomic_load_n(&worker->engine->settled, __ATOMIC_RELAXED),
		.next = next,
		.end = next + next_count,
	};
	uint32_t i = 0;

	while (i < count) {
		uint32_t end = worker->in_runs ? i + 1 : i + RECEIVE_AHEAD, run;

		end = end < count ? end : count;
		for (uint32_t k = i; k < end; k++)
			if (receive_is_single(packets[k]))
				receive_find(worker, packets[k], &received[k], now_ns);
		for (; i < end; i++) {
			if (counted.next != counted.end)
				receive_ask(*counted.next++);
			receive_one(worker, packets[i], &received[i], &all, &counted);
		}
		if (i == count)
			break;
		run = receive_run(worker, packets + i, count - i, &received[i - 1], &counted);
		worker->in_runs = run != 0;
		all.frames += run;
		all.bytes += (uint64_t)run * received[i - 1].size;
		i += run;
	}
	while (counted.next != counted.end)
		receive_ask(*counted.next++);
	receive_flush(worker, &counted);
	if (all.frames > 0)
		count_frames(&worker->received, all.frames, all.bytes, now_ns);
}

bool receive_is_enough(const struct worker *worker)
{
	const struct engine_options *options = &worker->engine->options;

	if (options->receive_count == 0 || !options->rx_only)
		return false;
	/* All that arrives, or a stream that was named. */
	return (options->stream == ENGINE_ANY_STREAM ?
			count_load(&worker->received.frames) :
			count_load(&worker->rx[0].unique)) >= options->receive_count;
}

static uint32_t receive_take(struct worker *worker, struct vionet_packet **packets, uint64_t *now)
{
	uint32_t count = vionet_queue_receive(worker->session.rx, packets, ENGINE_RX_BURST);

	if (count != 0)
		*now = now_ns();
	return count;
}

/* How many bursts at most: several where nothing is to be sent meanwhile. */
static uint32_t receive_bursts(const struct worker *worker)
{
	return send_next(worker) != SCHEDULE_NEVER || worker->engine->options.receive_count != 0 ? 1 : RECEIVE_BURSTS;
}

/* The lines of a burst come while the one before it is looked at. */
uint32_t receive_burst(struct worker *worker)
{
	const struct engine_tap *tap = worker->engine->options.tap;
	struct vionet_packet *packets[2][ENGINE_RX_BURST];
	uint32_t bursts, count, all = 0;
	uint64_t now, next_now = 0;

	if ((worker->engine->options.no_rx && worker->engine->options.responder == NULL) ||
	    receive_is_enough(worker))
		return 0;
	count = receive_take(worker, packets[0], &now);
	if (count == 0)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		receive_ask(packets[0][i]);
	bursts = receive_bursts(worker);
	for (uint32_t i = 1; count != 0; i++) {
		struct vionet_packet **burst = packets[(i - 1) % 2], **behind = packets[i % 2];
		uint32_t next = i < bursts ? receive_take(worker, behind, &next_now) : 0;

		if (tap != NULL && tap->see != NULL)
			tap->see(tap->context, &worker->place, false, burst, count, now);
		receive_each(worker, burst, count, now, behind, next);
		vionet_packet_free(burst, count);
		worker->stamped_ns = now;
		all += count;
		count = next;
		now = next_now;
	}
	return all;
}
