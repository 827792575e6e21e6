/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the run of `vionet pktgen` on one queue pair: sends a burst, receives a
 * burst and waits when there is nothing to do. Never: parses options, prints the
 * summary, or touches what another pair's thread has.
 * Read next: frame.c for the bytes, pace.c for the schedule, track.c for the
 * counting.
 */
#include "tools/pktgen/pktgen.h"

#include <stdlib.h>
#include <string.h>

#define RX_BURST 64
/* A full queue of which nothing returns for so long is a dead one. */
#define STALL_NS 2000000000ULL
/* A switch may take longer to bring the port up that it has connected. */
#define FIRST_NS (5 * STALL_NS)
/* Frames that are due sooner than this are waited for without sleeping. */
#define NEAR_NS 200000ULL

static bool sending(const struct pktgen *gen)
{
	return !gen->options->rx_only;
}

static bool receiving(const struct pktgen *gen)
{
	return !gen->options->no_rx;
}

static void flow_add(struct pktgen_flow *flow, uint64_t frames, uint64_t bytes,
		     uint64_t now)
{
	if (flow->frames == 0)
		flow->first_ns = now;
	flow->last_ns = now;
	flow->frames += frames;
	flow->bytes += bytes;
}

/* --- Sending ------------------------------------------------------------- */

/* An empty packet that has the template in it, or NULL while the device has all
 * of them. */
static struct vionet_packet *take_spare(struct pktgen *gen)
{
	struct vionet_pool *pool = vionet_queue_pool(gen->session.tx);

	if (gen->spare_count == 0)
		gen->spare_count = vionet_packet_alloc(pool, gen->spare,
						       gen->options->burst);
	if (gen->spare_count == 0) {
		vionet_queue_reclaim(gen->session.tx);
		return NULL;
	}
	return gen->spare[--gen->spare_count];
}

/* Is there another frame to send at all? */
static bool more_to_send(const struct pktgen *gen)
{
	return gen->options->count == 0 || gen->sequence < gen->options->count;
}

/* Build the frames that are due. Time and checksums follow at the last moment. */
static void build_due(struct pktgen *gen, uint64_t now)
{
	uint64_t allowance = pace_allowance(&gen->pace, now);

	if (gen->pending_count == 0)
		gen->progress_ns = now;
	while (gen->pending_count < gen->options->burst && more_to_send(gen) &&
	       gen->pace.spent <= allowance) {
		struct vionet_packet *packet = take_spare(gen);

		if (packet == NULL)
			return;
		packet->length = mix_next(&gen->mix);
		frame_fill(&gen->builder, packet->data, packet->length,
			   gen->sequence);
		pace_spend(&gen->pace, packet->length);
		gen->pending[gen->pending_count++] = packet;
		gen->sequence++;
	}
}

/* Stamp what is pending: its sequence numbers are the last ones given out. Frames
 * that the device did not take are stamped anew, so that the time means "handed
 * to the device". Returns their bytes by position in `bytes`. */
static void stamp_pending(struct pktgen *gen, uint32_t *bytes)
{
	uint64_t sequence = gen->sequence - gen->pending_count;
	uint64_t now = now_ns();

	for (uint32_t i = 0; i < gen->pending_count; i++) {
		struct vionet_packet *packet = gen->pending[i];

		frame_stamp(&gen->builder, packet->data, packet->length,
			    sequence + i, now);
		bytes[i] = packet->length;
	}
}

/* Send what is due. Returns how many frames the device took. */
static uint32_t send_burst(struct pktgen *gen, uint64_t now)
{
	uint32_t bytes[PKTGEN_BURST_MAX];
	uint64_t sum = 0;
	uint32_t taken;

	build_due(gen, now);
	if (gen->pending_count == 0)
		return 0;
	stamp_pending(gen, bytes);
	taken = vionet_queue_transmit(gen->session.tx, gen->pending,
				      gen->pending_count);
	if (taken == 0) {
		/* Time that passed with a full queue is not made up for later. */
		pace_slip(&gen->pace, now);
		return 0;
	}
	for (uint32_t i = 0; i < taken; i++)
		sum += bytes[i];
	flow_add(&gen->tx, taken, sum, now);
	gen->pending_count -= taken;
	memmove(gen->pending, gen->pending + taken,
		gen->pending_count * sizeof(gen->pending[0]));
	gen->progress_ns = now;
	pace_slip(&gen->pace, now);
	return taken;
}

static bool is_vhost_user(const char *name)
{
	return strncmp(name, "vhost-user:", 11) == 0;
}

/* What is likely, by what kind of device it is. */
static const char *stall_advice(const char *name)
{
	if (is_vhost_user(name))
		return "does its back end forward? A switch brings a port up a while "
		       "after it was connected";
	if (strncmp(name, "vfio-user:", 10) == 0)
		return "does its server take frames?";
	return "is its back end connected? A vhost-user back end made with DPDK, behind an "
	       "emulated IOMMU, needs --writable-rings";
}

/* How long a queue may stay full. */
static uint64_t stall_ns(const struct pktgen *gen)
{
	struct vionet_queue_stats stats = { 0 };

	vionet_queue_stats(gen->session.tx, &stats);
	return is_vhost_user(gen->session.name) && stats.completed == 0 ? FIRST_NS :
									  STALL_NS;
}

static int check_stall(struct pktgen *gen, uint64_t now)
{
	uint64_t limit;

	if (gen->pending_count == 0 || now < gen->progress_ns + STALL_NS)
		return CODE_OK;
	limit = stall_ns(gen);
	if (now < gen->progress_ns + limit)
		return CODE_OK;
	say("%s: the transmit queue is full and the device has completed nothing for "
	    "%ju s; %s", gen->session.name, (uintmax_t)(limit / 1000000000),
	    stall_advice(gen->session.name));
	return session_fail(&gen->session, CODE_FAILED);
}

/* --- Receiving ----------------------------------------------------------- */

/* The track of a stream that another pair of ours sends: the device chooses on which
 * queue its frames arrive. */
static struct track *other_track(struct pktgen *gen, unsigned int stream)
{
	const struct pktgen_shared *shared = gen->shared;

	if ((uint8_t)(stream - (unsigned int)shared->first_stream) >= shared->streams)
		return NULL;
	if (gen->other[stream] == NULL) {
		gen->other[stream] = calloc(1, sizeof(struct track));
		if (gen->other[stream] != NULL && sending(gen))
			track_start(gen->other[stream], 0);
	}
	return gen->other[stream];
}

/*
 * Is it a frame of a stream that is watched, and which? Of our own sending the numbers
 * and times that are possible are known; this keeps out frames of an earlier run.
 */
static struct track *find_track(struct pktgen *gen, const struct frame_tag *tag,
				uint64_t now)
{
	if (sending(gen) && (tag->sent_ns < gen->start_ns || tag->sent_ns > now))
		return NULL;
	if (gen->stream == PKTGEN_ANY_STREAM && gen->shared == NULL)
		gen->stream = tag->stream;
	if (tag->stream == gen->stream)
		return !sending(gen) || tag->sequence < gen->sequence ? &gen->track :
									NULL;
	return gen->shared != NULL ? other_track(gen, tag->stream) : NULL;
}

/* Does the payload carry the pattern, in all segments? */
static bool is_intact(const struct pktgen *gen, const struct vionet_packet *packet,
		      const struct frame_tag *tag)
{
	uint32_t at = 0; /* of the segment in the frame */

	for (; packet != NULL && at < tag->end; packet = packet->next) {
		uint32_t end = at + packet->length;
		uint32_t from = at > tag->payload ? at : tag->payload;
		uint32_t to = end < tag->end ? end : tag->end;

		if (from < to &&
		    !frame_check(&gen->builder, packet->data + (from - at),
				 from - tag->payload, to - from, tag->sequence))
			return false;
		at = end;
	}
	return true;
}

/* With how many VLAN tags did it come? A switch may have added some, or taken one. */
static void note_vlans(struct pktgen *gen, const struct frame_tag *tag)
{
	uint32_t at = tag->vlans < PKTGEN_VLANS ? tag->vlans : PKTGEN_VLANS - 1;

	gen->vlans[at]++;
	gen->vlan_type[at] = tag->vlan_type;
	gen->vlan_tci[at] = tag->vlan_tci;
}

static void take_packet(struct pktgen *gen, const struct vionet_packet *packet,
			uint64_t now)
{
	uint32_t total = packet->next == NULL ? packet->length : packet->total_length;
	struct track *track = NULL;
	struct frame_tag tag;

	flow_add(&gen->rx, 1, total, now);
	if (frame_recognise(packet->data, packet->length, total, &tag))
		track = find_track(gen, &tag, now);
	if (track == NULL) {
		flow_add(&gen->foreign, 1, total, now);
		return;
	}
	flow_add(&gen->own, 1, total, now);
	note_vlans(gen, &tag);
	track_add(track, tag.sequence);
	if (!is_intact(gen, packet, &tag))
		gen->damaged++;
	/* Another machine's clock says nothing here. */
	if (sending(gen))
		histogram_add(&gen->latency, now - tag.sent_ns);
}

static uint32_t receive_burst(struct pktgen *gen)
{
	struct vionet_packet *packets[RX_BURST];
	uint32_t count;
	uint64_t now;

	if (!receiving(gen))
		return 0;
	count = vionet_queue_receive(gen->session.rx, packets, RX_BURST);
	if (count == 0)
		return 0;
	now = now_ns();
	for (uint32_t i = 0; i < count; i++)
		take_packet(gen, packets[i], now);
	vionet_packet_free(packets, count);
	return count;
}

/* --- The run ------------------------------------------------------------- */

static uint64_t end_ns(const struct pktgen *gen)
{
	uint64_t duration = gen->options->duration_ns;

	return duration != 0 ? gen->start_ns + duration : UINT64_MAX;
}

/* With several pairs: has the main thread called it off? */
static bool halted(const struct pktgen *gen)
{
	return gen->shared != NULL &&
	       __atomic_load_n(&gen->shared->halt, __ATOMIC_RELAXED);
}

static void publish_track(struct pktgen *gen, unsigned int stream,
			  const struct track *track)
{
	struct pktgen_published *to = gen->published;

	if (!track->started)
		return;
	__atomic_store_n(&to->stream[stream].first, track->first, __ATOMIC_RELAXED);
	__atomic_store_n(&to->stream[stream].next, track->next, __ATOMIC_RELAXED);
	__atomic_store_n(&to->stream[stream].unique, track->unique, __ATOMIC_RELAXED);
	__atomic_store_n(&to->stream[stream].started, 1, __ATOMIC_RELAXED);
}

struct pktgen_sample pktgen_sample_of(const struct pktgen *gen, uint64_t now)
{
	return (struct pktgen_sample){
		.at_ns = now,
		.tx_frames = gen->tx.frames,
		.tx_bytes = gen->tx.bytes,
		.rx_frames = gen->rx.frames,
		.rx_bytes = gen->rx.bytes,
		.own_frames = gen->own.frames,
		.latency_max_ns = gen->latency.max,
	};
}

static void store(uint64_t *to, uint64_t value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

/* A sample is one moment: a reader beside the writer sees the one before. */
static void publish_sample(struct pktgen *gen, uint64_t now)
{
	struct pktgen_sample sample = pktgen_sample_of(gen, now);
	uint64_t version = gen->published->version + 1;
	struct pktgen_sample *to = &gen->published->sample[version % 2];

	store(&to->at_ns, sample.at_ns);
	store(&to->tx_frames, sample.tx_frames);
	store(&to->tx_bytes, sample.tx_bytes);
	store(&to->rx_frames, sample.rx_frames);
	store(&to->rx_bytes, sample.rx_bytes);
	store(&to->own_frames, sample.own_frames);
	store(&to->latency_max_ns, sample.latency_max_ns);
	store(&gen->published->version, version);
}

void pktgen_publish(struct pktgen *gen, uint64_t now)
{
	publish_sample(gen, now);
	__atomic_store_n(&gen->published->code, gen->session.code, __ATOMIC_RELAXED);
	if (gen->stream != PKTGEN_ANY_STREAM)
		publish_track(gen, (unsigned int)gen->stream, &gen->track);
	for (unsigned int i = 0; i < PKTGEN_STREAMS; i++)
		if (gen->other[i] != NULL)
			publish_track(gen, i, gen->other[i]);
	gen->publish_ns = now + PKTGEN_PUBLISH_NS;
}

static void publish_if_due(struct pktgen *gen, uint64_t now)
{
	if (gen->shared != NULL && now >= gen->publish_ns)
		pktgen_publish(gen, now);
}

static bool finished(const struct pktgen *gen, uint64_t now)
{
	uint64_t done = gen->tx.frames;

	/* What counts: all that arrives, or a stream that was asked for. */
	if (!sending(gen))
		done = gen->options->stream == PKTGEN_ANY_STREAM ? gen->rx.frames :
								   gen->track.unique;
	return stop_asked() > 0 || now >= end_ns(gen) || halted(gen) ||
	       (gen->options->count != 0 && done >= gen->options->count);
}

/* Nothing moved: wait for the next frame to send or receive. */
static void wait_idle(struct pktgen *gen, uint64_t now)
{
	uint64_t until = end_ns(gen);
	uint64_t due = UINT64_MAX;

	/* What was sent is looked after by asking for it; a full queue is anyway. */
	if (sending(gen) && gen->pending_count == 0)
		vionet_queue_reclaim(gen->session.tx);
	if (gen->pending_count > 0) /* the queue is full: look again soon */
		due = now + NEAR_NS + NEAR_NS / 4;
	else if (sending(gen) && more_to_send(gen))
		due = pace_due(&gen->pace);
	if (due < now + NEAR_NS)
		return;
	/* Sleeping ends late: the last stretch is waited for awake. */
	if (due - NEAR_NS / 4 < until)
		until = due - NEAR_NS / 4;
	if (gen->options->interval_ns != 0 &&
	    gen->live.due_ns + gen->options->interval_ns < until)
		until = gen->live.due_ns + gen->options->interval_ns;
	session_idle(&gen->session, (enum wait_mode)gen->options->mode,
		     receiving(gen), gen->busy_ns, until);
}

/* The end came while this slept or received: what was due before it is sent still, so
 * that rate times duration is what was sent. */
static void send_rest(struct pktgen *gen)
{
	uint64_t end = end_ns(gen);

	if (!sending(gen) || gen->pace.rate.kind == RATE_MAX || now_ns() < end ||
	    stop_asked() > 0 || halted(gen) || gen->session.code != CODE_OK)
		return;
	while (send_burst(gen, end - 1) > 0)
		;
}

int pktgen_load(struct pktgen *gen)
{
	uint64_t now;

	while (now = now_ns(), !finished(gen, now)) {
		uint32_t moved = 0;

		if (session_check(&gen->session, now) != CODE_OK)
			break;
		if (sending(gen))
			moved = send_burst(gen, now);
		moved += receive_burst(gen);
		if (moved > 0)
			gen->busy_ns = now;
		else
			wait_idle(gen, now);
		publish_if_due(gen, now);
		if (check_stall(gen, now) != CODE_OK ||
		    session_fail(&gen->session, pktgen_live(gen, now)) != CODE_OK)
			break;
	}
	send_rest(gen);
	gen->loaded_ns = now_ns();
	return gen->session.code;
}

bool pktgen_settle(struct pktgen *gen, uint64_t until)
{
	uint64_t now = now_ns();

	if (now >= until || stop_asked() > 1 ||
	    session_check(&gen->session, now) != CODE_OK)
		return false;
	publish_if_due(gen, now);
	if (receive_burst(gen) == 0)
		session_idle(&gen->session, WAIT_INTERRUPT, 0, now, now + NEAR_NS / 4);
	return true;
}

/*
 * The device finishes what it was given; receiving goes on meanwhile, or frames
 * that come back would find no buffer. What was built and never taken returns.
 */
void pktgen_drain(struct pktgen *gen)
{
	uint64_t until = now_ns() + STALL_NS;

	vionet_packet_free(gen->pending, gen->pending_count);
	vionet_packet_free(gen->spare, gen->spare_count);
	gen->sequence -= gen->pending_count;
	gen->pending_count = 0;
	gen->spare_count = 0;
	while (vionet_queue_reclaim(gen->session.tx) > 0 && pktgen_settle(gen, until))
		;
	if (stop_asked() <= 1 && gen->session.code == CODE_OK &&
	    vionet_queue_drain(gen->session.tx, 0) != 0) {
		say("%s: the device did not complete everything within 2 s",
		    gen->session.name);
		session_fail(&gen->session, CODE_FAILED);
	}
}

/* A path is given as long as it took so far, twice; who names a time means it. */
static uint64_t quiet_ns(const struct pktgen_options *options, uint64_t latency_ns)
{
	if (options->have_linger || 2 * latency_ns < options->linger_ns)
		return options->linger_ns;
	return 2 * latency_ns;
}

enum pktgen_waiting pktgen_wait_on(struct pktgen_wait *wait,
				   const struct pktgen_options *options,
				   uint64_t unique, uint64_t latency_ns, uint64_t now)
{
	uint64_t quiet = quiet_ns(options, latency_ns);

	if (wait->start_ns == 0)
		wait->start_ns = wait->moved_ns = now;
	if (unique != wait->seen)
		wait->moved_ns = now;
	wait->seen = unique;
	if (now - wait->start_ns >= PKTGEN_LINGER_TIMES * quiet)
		return PKTGEN_OUT_OF_TIME;
	return now - wait->moved_ns < quiet ? PKTGEN_WAIT : PKTGEN_QUIET;
}

bool pktgen_linger(struct pktgen *gen)
{
	enum pktgen_waiting waiting = PKTGEN_WAIT;
	struct pktgen_wait wait = { 0 };

	while (gen->track.unique < gen->tx.frames && pktgen_settle(gen, UINT64_MAX)) {
		waiting = pktgen_wait_on(&wait, gen->options, gen->track.unique,
					 gen->latency.max, now_ns());
		if (waiting != PKTGEN_WAIT)
			break;
	}
	return waiting == PKTGEN_OUT_OF_TIME && gen->track.unique > 0;
}

/* Write the template into every buffer once: nobody else writes to them. */
int pktgen_prepare(struct pktgen *gen)
{
	struct vionet_pool *pool = vionet_queue_pool(gen->session.tx);
	uint32_t count = vionet_pool_available(pool);
	struct vionet_packet **packets = calloc(count, sizeof(*packets));

	if (packets == NULL) {
		say("no memory for %u packets", count);
		return session_fail(&gen->session, CODE_PERMISSION);
	}
	count = vionet_packet_alloc(pool, packets, count);
	for (uint32_t i = 0; i < count; i++)
		frame_prepare(&gen->builder, packets[i]->data);
	vionet_packet_free(packets, count);
	free(packets);
	return CODE_OK;
}

void pktgen_take_report(struct pktgen *gen, struct pktgen_report *report)
{
	uint64_t next = sending(gen) ? gen->tx.frames : gen->track.next;

	report->load_ns = gen->loaded_ns - gen->start_ns;
	report->wait_ns = now_ns() - gen->loaded_ns;
	report->interrupted = stop_asked() > 0;
	report->hurried = stop_asked() > 1;
	if (receiving(gen))
		report->lost = track_lost(&gen->track, next);
	vionet_queue_stats(gen->session.tx, &report->tx);
	vionet_queue_stats(gen->session.rx, &report->rx);
}

void pktgen_start_clock(struct pktgen *gen, const struct rate *rate, uint64_t now)
{
	gen->start_ns = now;
	gen->busy_ns = now;
	gen->share.size = mix_mean(&gen->options->size, gen->mix.extra);
	pace_start(&gen->pace, rate, &gen->share, now);
	if (sending(gen))
		track_start(&gen->track, 0);
}
