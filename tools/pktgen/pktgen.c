/* SPDX-License-Identifier: BSD-3-Clause */
/* A run on one queue pair: send a burst, receive a burst, wait if nothing is to do. */
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

static bool gen_sends(const struct pktgen *gen)
{
	return !gen->options->rx_only;
}

static bool gen_receives(const struct pktgen *gen)
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
static struct vionet_packet *gen_take_spare(struct pktgen *gen)
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
static bool gen_has_more(const struct pktgen *gen)
{
	return gen->count == 0 || gen->sequence < gen->count;
}

/* Build the frames that are due. Time and checksums follow at the last moment. */
static void gen_build_due(struct pktgen *gen, uint64_t now)
{
	uint64_t allowance = pace_allowance(&gen->pace, now);

	if (gen->pending_count == 0)
		gen->progress_ns = now;
	while (gen->pending_count < gen->options->burst && gen_has_more(gen) &&
	       gen->pace.spent <= allowance) {
		struct vionet_packet *packet = gen_take_spare(gen);

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
static void gen_stamp(struct pktgen *gen, uint32_t *bytes)
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
static uint32_t gen_send(struct pktgen *gen, uint64_t now)
{
	uint32_t bytes[PKTGEN_BURST_MAX];
	uint64_t sum = 0;
	uint32_t taken;

	gen_build_due(gen, now);
	if (gen->pending_count == 0)
		return 0;
	gen_stamp(gen, bytes);
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

static bool gen_is_vhost_user(const char *name)
{
	return strncmp(name, "vhost-user:", 11) == 0;
}

/* What is likely, by what kind of device it is. */
static const char *gen_stall_remedy(const char *name)
{
	if (gen_is_vhost_user(name))
		return "does its back end forward? A switch brings a port up a while "
		       "after it was connected";
	if (strncmp(name, "vfio-user:", 10) == 0)
		return "does its server take frames?";
	return "is its back end connected? A vhost-user back end made with DPDK, behind an "
	       "emulated IOMMU, needs --writable-rings";
}

/* How long a queue may stay full. */
static uint64_t gen_stall_ns(const struct pktgen *gen)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	vionet_queue_stats(gen->session.tx, &stats);
	return gen_is_vhost_user(gen->session.name) && stats.completed == 0 ? FIRST_NS :
									  STALL_NS;
}

static int gen_check_stall(struct pktgen *gen, uint64_t now)
{
	uint64_t limit;

	if (gen->pending_count == 0 || now < gen->progress_ns + STALL_NS)
		return CODE_OK;
	limit = gen_stall_ns(gen);
	if (now < gen->progress_ns + limit)
		return CODE_OK;
	say("%s: the transmit queue is full and the device has completed nothing for "
	    "%ju s; %s", gen->session.name, (uintmax_t)(limit / 1000000000),
	    gen_stall_remedy(gen->session.name));
	return session_fail(&gen->session, CODE_FAILED);
}

/* --- Receiving ----------------------------------------------------------- */

/* The tracker of a stream that another pair of ours sends: the device chooses on which
 * queue its frames arrive. */
static struct tracker *gen_other_tracker(struct pktgen *gen, unsigned int stream)
{
	const struct pktgen_shared *shared = gen->shared;

	if ((uint8_t)(stream - (unsigned int)shared->first_stream) >= shared->streams)
		return NULL;
	if (gen->other[stream] == NULL) {
		gen->other[stream] = calloc(1, sizeof(struct tracker));
		if (gen->other[stream] != NULL && gen_sends(gen))
			tracker_start(gen->other[stream], 0);
	}
	return gen->other[stream];
}

/*
 * Is it a frame of a stream that is watched, and which? Of our own sending the numbers
 * and times that are possible are known; this keeps out frames of an earlier run.
 */
static struct tracker *gen_find_tracker(struct pktgen *gen, const struct frame_tag *tag,
					uint64_t now)
{
	if (gen_sends(gen) && (tag->sent_ns < gen->start_ns || tag->sent_ns > now))
		return NULL;
	if (gen->stream == PKTGEN_ANY_STREAM && gen->shared == NULL)
		gen->stream = tag->stream;
	if (tag->stream == gen->stream)
		return !gen_sends(gen) || tag->sequence < gen->sequence ? &gen->tracker :
									NULL;
	return gen->shared != NULL ? gen_other_tracker(gen, tag->stream) : NULL;
}

/* Does the payload carry the pattern, in all segments? */
static bool gen_is_intact(const struct pktgen *gen, const struct vionet_packet *packet,
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
static void gen_note_vlans(struct pktgen *gen, const struct frame_tag *tag)
{
	uint32_t at = tag->vlans < PKTGEN_VLANS ? tag->vlans : PKTGEN_VLANS - 1;

	gen->vlans[at]++;
	gen->vlan_type[at] = tag->vlan_type;
	gen->vlan_tci[at] = tag->vlan_tci;
}

static void gen_take_packet(struct pktgen *gen, const struct vionet_packet *packet,
			    uint64_t now)
{
	uint32_t total = packet->next == NULL ? packet->length : packet->total_length;
	struct tracker *tracker = NULL;
	struct frame_tag tag;

	flow_add(&gen->rx, 1, total, now);
	if (frame_recognise(packet->data, packet->length, total, &tag))
		tracker = gen_find_tracker(gen, &tag, now);
	if (tracker == NULL) {
		flow_add(&gen->not_ours, 1, total, now);
		return;
	}
	flow_add(&gen->own, 1, total, now);
	gen_note_vlans(gen, &tag);
	tracker_add(tracker, tag.sequence);
	if (!gen_is_intact(gen, packet, &tag))
		gen->damaged++;
	/* Another machine's clock says nothing here. */
	if (gen_sends(gen))
		histogram_add(&gen->latency, now - tag.sent_ns);
}

static uint32_t gen_receive(struct pktgen *gen)
{
	struct vionet_packet *packets[RX_BURST];
	uint32_t count;
	uint64_t now;

	if (!gen_receives(gen))
		return 0;
	count = vionet_queue_receive(gen->session.rx, packets, RX_BURST);
	if (count == 0)
		return 0;
	now = now_ns();
	for (uint32_t i = 0; i < count; i++)
		gen_take_packet(gen, packets[i], now);
	vionet_packet_free(packets, count);
	return count;
}

/* --- The run ------------------------------------------------------------- */

static uint64_t gen_end_ns(const struct pktgen *gen)
{
	uint64_t duration = gen->options->duration_ns;

	return duration != 0 ? gen->start_ns + duration : UINT64_MAX;
}

/* With several pairs: has the main thread called it off? */
static bool gen_is_halted(const struct pktgen *gen)
{
	return gen->shared != NULL &&
	       __atomic_load_n(&gen->shared->halt, __ATOMIC_RELAXED);
}

static void gen_publish_if_due(struct pktgen *gen, uint64_t now)
{
	if (gen->shared != NULL && now >= gen->publish_ns)
		pktgen_publish(gen, now);
}

static bool gen_is_finished(const struct pktgen *gen, uint64_t now)
{
	uint64_t done = gen->tx.frames;

	/* What counts: all that arrives, or a stream that was requested. */
	if (!gen_sends(gen))
		done = gen->options->stream == PKTGEN_ANY_STREAM ? gen->rx.frames :
								   gen->tracker.unique;
	return stop_asked() > 0 || now >= gen_end_ns(gen) || gen_is_halted(gen) ||
	       (gen->count != 0 && done >= gen->count);
}

/* Nothing moved: wait for the next frame to send or receive. */
static void gen_wait(struct pktgen *gen, uint64_t now)
{
	uint64_t until = gen_end_ns(gen);
	uint64_t due = UINT64_MAX;

	/* What was sent is looked after by asking for it; a full queue is anyway. */
	if (gen_sends(gen) && gen->pending_count == 0)
		vionet_queue_reclaim(gen->session.tx);
	if (gen->pending_count > 0) /* the queue is full: look again soon */
		due = now + NEAR_NS + NEAR_NS / 4;
	else if (gen_sends(gen) && gen_has_more(gen))
		due = pace_due(&gen->pace);
	if (due < now + NEAR_NS)
		return;
	/* Sleeping ends late: the last stretch is waited for awake. */
	if (due - NEAR_NS / 4 < until)
		until = due - NEAR_NS / 4;
	if (gen->shared == NULL && gen->options->interval_ns != 0 &&
	    gen->live.due_ns + gen->options->interval_ns < until)
		until = gen->live.due_ns + gen->options->interval_ns;
	session_idle(&gen->session, (enum wait_mode)gen->options->mode,
		     gen_receives(gen), gen->busy_ns, until);
}

/* The end came while this slept or received: what was due before it is sent still, so
 * that rate times duration is what was sent. */
static void gen_send_rest(struct pktgen *gen)
{
	uint64_t end = gen_end_ns(gen);

	if (!gen_sends(gen) || gen->pace.rate.kind == RATE_MAX || now_ns() < end ||
	    stop_asked() > 0 || gen_is_halted(gen) || gen->session.code != CODE_OK)
		return;
	while (gen_send(gen, end - 1) > 0)
		;
}

/* Of several pairs the main thread shows the sum. */
static int gen_show_live(struct pktgen *gen, uint64_t now)
{
	return gen->shared == NULL ? pktgen_live(gen, now) : CODE_OK;
}

int pktgen_load(struct pktgen *gen)
{
	uint64_t now;

	while (now = now_ns(), !gen_is_finished(gen, now)) {
		uint32_t moved = 0;

		if (session_check(&gen->session, now) != CODE_OK)
			break;
		if (gen_sends(gen))
			moved = gen_send(gen, now);
		moved += gen_receive(gen);
		if (moved > 0)
			gen->busy_ns = now;
		else
			gen_wait(gen, now);
		gen_publish_if_due(gen, now);
		if (gen_check_stall(gen, now) != CODE_OK ||
		    session_fail(&gen->session, gen_show_live(gen, now)) != CODE_OK)
			break;
	}
	gen_send_rest(gen);
	gen->loaded_ns = now_ns();
	return gen->session.code;
}

bool pktgen_receive_or_wait(struct pktgen *gen, uint64_t until)
{
	uint64_t now = now_ns();

	if (now >= until || stop_asked() > 1 ||
	    session_check(&gen->session, now) != CODE_OK)
		return false;
	gen_publish_if_due(gen, now);
	if (gen_receive(gen) == 0)
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
	while (vionet_queue_reclaim(gen->session.tx) > 0 &&
	       pktgen_receive_or_wait(gen, until))
		;
	if (stop_asked() <= 1 && gen->session.code == CODE_OK &&
	    vionet_queue_drain(gen->session.tx, 0) != 0) {
		say("%s: the device did not complete everything within 2 s",
		    gen->session.name);
		session_fail(&gen->session, CODE_FAILED);
	}
}

/* A path is given as long as it took so far, twice; a time that was given is meant. */
static uint64_t gen_quiet_ns(const struct pktgen_options *options, uint64_t latency_ns)
{
	if (options->have_linger || 2 * latency_ns < options->linger_ns)
		return options->linger_ns;
	return 2 * latency_ns;
}

enum pktgen_waiting pktgen_wait_on(struct pktgen_wait *wait,
				   const struct pktgen_options *options,
				   uint64_t unique, uint64_t latency_ns, uint64_t now)
{
	uint64_t quiet = gen_quiet_ns(options, latency_ns);

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

	while (gen->tracker.unique < gen->tx.frames &&
	       pktgen_receive_or_wait(gen, UINT64_MAX)) {
		waiting = pktgen_wait_on(&wait, gen->options, gen->tracker.unique,
					 gen->latency.max, now_ns());
		if (waiting != PKTGEN_WAIT)
			break;
	}
	return waiting == PKTGEN_OUT_OF_TIME && gen->tracker.unique > 0;
}

/* Write the template into every buffer once: no other code writes to them. */
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
	uint64_t next = gen_sends(gen) ? gen->tx.frames : gen->tracker.next;

	report->load_ns = gen->loaded_ns - gen->start_ns;
	report->wait_ns = now_ns() - gen->loaded_ns;
	report->interrupted = stop_asked() > 0;
	report->hurried = stop_asked() > 1;
	if (gen_receives(gen))
		report->lost = tracker_lost(&gen->tracker, next);
	VIONET_INIT(&report->tx);
	VIONET_INIT(&report->rx);
	vionet_queue_stats(gen->session.tx, &report->tx);
	vionet_queue_stats(gen->session.rx, &report->rx);
}

void pktgen_start_clock(struct pktgen *gen, const struct rate *rate, uint64_t now)
{
	gen->start_ns = now;
	gen->busy_ns = now;
	gen->count = pace_part(gen->options->count, &gen->share);
	gen->share.size = mix_mean(&gen->options->size, gen->mix.extra);
	pace_start(&gen->pace, rate, &gen->share, now);
	if (gen_sends(gen))
		tracker_start(&gen->tracker, 0);
}
