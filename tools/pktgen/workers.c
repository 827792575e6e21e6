/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: several queue pairs, each with a thread that runs what pktgen.c has for one; the
 * main thread watches the device, shows the sum and ends it. Never: moves a frame in the
 * main thread, or touches a pair's run while its thread is there, but for `published`.
 * Read next: pktgen.c.
 */
#include "tools/pktgen/pktgen.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_NS 5000000ULL
#define NAP_NS 50000ULL
#define NUDGE_NS 500000000ULL

struct crew {
	struct pktgen *gen; /* the sum */
	struct pktgen_shared shared;
	struct pktgen_options *options; /* one each */
	struct pktgen_published *published;
	pthread_t *thread;
	uint32_t running; /* threads that were made */
	uint64_t nudge_ns; /* when next */
	struct pktgen_lanes *lanes;
};

static int load_int(const int *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

static void store_int(int *to, int value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

static uint64_t load(const uint64_t *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

/* A signal ends it early, once. */
static void nap(uint64_t duration)
{
	const struct timespec time = { .tv_nsec = (long)duration };

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* ---- a pair's thread ---- */

static void run_pair(struct pktgen *gen)
{
	struct rate rate = gen->options->rate;

	pktgen_start_clock(gen, &rate, gen->shared->start_ns);
	pktgen_load(gen);
	pktgen_publish(gen, now_ns());
	store_int(&gen->published->state, PKTGEN_LOADED);
	if (!gen->options->rx_only)
		pktgen_drain(gen);
	pktgen_publish(gen, now_ns());
	store_int(&gen->published->state, PKTGEN_DRAINED);
	/* Frames of other pairs may still arrive here. */
	while (!load_int(&gen->shared->end) && pktgen_settle(gen, UINT64_MAX))
		;
}

static void *lane_main(void *argument)
{
	struct pktgen *gen = argument;

	if (!gen->options->rx_only)
		pktgen_prepare(gen);
	__atomic_store_n(&gen->published->code, gen->session.code, __ATOMIC_RELAXED);
	store_int(&gen->published->state, PKTGEN_READY);
	while (load_int(&gen->shared->go) == 0)
		nap(NAP_NS);
	if (load_int(&gen->shared->go) > 0)
		run_pair(gen);
	store_int(&gen->published->state, PKTGEN_ENDED);
	return NULL;
}

/* ---- making them ---- */

/* Every pair sends its own stream, from a port of its own, so that a device that steers
 * by hash spreads them; and its share of rate and count. */
static void make_lane(struct crew *crew, const struct rate *rate, uint32_t index)
{
	struct pktgen *sum = crew->gen;
	struct pktgen *lane = &crew->lanes->lane[index];
	struct pktgen_options *options = &crew->options[index];
	struct frame_fields fields = sum->fields;
	uint32_t pairs = sum->options->queues;
	uint64_t seed = sum->options->seed + index;

	*options = *sum->options;
	options->interval_ns = 0;
	options->rate = *rate;
	lane->share = (struct pace_share){ .parts = pairs, .index = index };
	options->count = pace_part(options->count, &lane->share);
	lane->options = options;
	lane->shared = &crew->shared;
	lane->published = &crew->published[index];
	lane->session = session_follow(&sum->session, index);
	lane->stream = sum->stream;
	if (sum->stream != PKTGEN_ANY_STREAM)
		lane->stream = (int)((uint32_t)(sum->stream + (int)index) & 0xff);
	fields.stream = (uint8_t)lane->stream;
	fields.source_port = (uint16_t)(fields.source_port + index);
	frame_builder_init(&lane->builder, &fields);
	lane->mix = sum->mix;
	lane->mix.state = mix_random(&seed);
}

static int make_crew(struct crew *crew, const struct rate *rate)
{
	uint32_t pairs = crew->gen->options->queues;
	struct pktgen_lanes *lanes = crew->lanes;

	lanes->lane = calloc(pairs, sizeof(*lanes->lane));
	lanes->report = calloc(pairs, sizeof(*lanes->report));
	crew->options = calloc(pairs, sizeof(*crew->options));
	crew->published = calloc(pairs, sizeof(*crew->published));
	crew->thread = calloc(pairs, sizeof(*crew->thread));
	if (lanes->lane == NULL || lanes->report == NULL || crew->options == NULL ||
	    crew->published == NULL || crew->thread == NULL) {
		say("no memory for %u queue pairs", pairs);
		return session_fail(&crew->gen->session, CODE_PERMISSION);
	}
	crew->shared.first_stream = crew->gen->stream;
	crew->shared.streams = (int)pairs;
	if (crew->gen->stream == PKTGEN_ANY_STREAM) {
		crew->shared.first_stream = 0;
		crew->shared.streams = PKTGEN_STREAMS;
	}
	for (uint32_t i = 0; i < pairs; i++)
		make_lane(crew, rate, i);
	return CODE_OK;
}

static int start_thread(struct crew *crew, uint32_t index)
{
	const struct cpu_list *cpus = &crew->gen->options->cpus;
	char name[24]; /* 15 characters are what the kernel takes */
	cpu_set_t set, ours;
	int error = 0;

	/* The thread inherits it: attributes have none in musl. */
	if (cpus->count != 0) {
		CPU_ZERO(&set);
		CPU_SET(cpus->cpu[index % cpus->count], &set);
		pthread_getaffinity_np(pthread_self(), sizeof(ours), &ours);
		error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	}
	if (error == 0)
		error = pthread_create(&crew->thread[index], NULL, lane_main,
				       &crew->lanes->lane[index]);
	if (cpus->count != 0)
		pthread_setaffinity_np(pthread_self(), sizeof(ours), &ours);
	if (error != 0) {
		say("a thread for queue pair %u: %s", index, strerror(error));
		return session_fail(&crew->gen->session, CODE_PERMISSION);
	}
	snprintf(name, sizeof(name), "pktgen-%u", index);
	pthread_setname_np(crew->thread[index], name);
	crew->running++;
	return CODE_OK;
}

/* Signals are for the main thread: its sleep has to end. But for the one of nudge(). */
static void start_threads(struct crew *crew)
{
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (uint32_t i = 0; i < crew->gen->options->queues; i++)
		if (start_thread(crew, i) != CODE_OK)
			break;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- the sum, while they run ---- */

static bool all_are(const struct crew *crew, enum pktgen_state state)
{
	for (uint32_t i = 0; i < crew->running; i++)
		if (load_int(&crew->published[i].state) < (int)state)
			return false;
	return true;
}

/* Put a stream's part that one pair saw to that of the others. */
static void join_stream(const struct pktgen_published *published, unsigned int stream,
			struct track *sum)
{
	uint64_t first = load(&published->stream[stream].first);
	uint64_t next = load(&published->stream[stream].next);

	if (!__atomic_load_n(&published->stream[stream].started, __ATOMIC_RELAXED))
		return;
	if (!sum->started || (int64_t)(first - sum->first) < 0)
		sum->first = first;
	if (!sum->started || (int64_t)(next - sum->next) > 0)
		sum->next = next;
	sum->started = 1;
	sum->unique += load(&published->stream[stream].unique);
}

/* What is missing of a stream; `sent` frames were sent, or else up to the last seen. */
static uint64_t stream_lost(const struct crew *crew, unsigned int stream,
			    const uint64_t *sent)
{
	static struct track sum; /* the main thread's: too large for a stack */

	memset(&sum, 0, offsetof(struct track, seen));
	for (uint32_t i = 0; i < crew->running; i++)
		join_stream(&crew->published[i], stream, &sum);
	return track_lost(&sum, sent != NULL ? *sent : sum.next);
}

/* A pair's last sample, of one moment. */
static struct pktgen_sample load_sample(const struct pktgen_published *from)
{
	struct pktgen_sample sample;
	uint64_t version;

	do {
		const struct pktgen_sample *at;

		version = load(&from->version);
		at = &from->sample[version % 2];
		sample = (struct pktgen_sample){
			.at_ns = load(&at->at_ns),
			.tx_frames = load(&at->tx_frames),
			.tx_bytes = load(&at->tx_bytes),
			.rx_frames = load(&at->rx_frames),
			.rx_bytes = load(&at->rx_bytes),
			.own_frames = load(&at->own_frames),
			.latency_max_ns = load(&at->latency_max_ns),
		};
	} while (load(&from->version) != version);
	return sample;
}

static void look_at_lanes(struct crew *crew)
{
	struct pktgen_live *live = &crew->gen->live;

	for (uint32_t i = 0; i < crew->running; i++)
		if (load(&crew->published[i].version) != 0)
			live->now[i] = load_sample(&crew->published[i]);
	live->lost = 0;
	for (int i = 0; i < crew->shared.streams; i++)
		live->lost += stream_lost(
			crew, (uint8_t)(crew->shared.first_stream + i), NULL);
}

/* Has one failed? Then the others end too. */
static bool any_failed(struct crew *crew)
{
	for (uint32_t i = 0; i < crew->running; i++)
		session_fail(&crew->gen->session,
			     __atomic_load_n(&crew->published[i].code,
					     __ATOMIC_RELAXED));
	return crew->gen->session.code != CODE_OK;
}

static bool stands_still(struct pktgen_published *published)
{
	uint64_t version = load(&published->version);
	bool still = version == published->version_before;

	published->version_before = version;
	return still && load_int(&published->state) < PKTGEN_ENDED;
}

/* A kick waits while the counter of its eventfd is full, which the other side can see to: a
 * signal ends it, and the thread sees what time it is. */
static void nudge(struct crew *crew)
{
	uint64_t now = now_ns();

	if (now < crew->nudge_ns)
		return;
	crew->nudge_ns = now + NUDGE_NS;
	for (uint32_t i = 0; i < crew->running; i++)
		if (stands_still(&crew->published[i]))
			pthread_kill(crew->thread[i], SIGALRM);
}

/* Watch until all have reached `state`, or it is over. */
static void watch(struct crew *crew, enum pktgen_state state)
{
	struct pktgen *gen = crew->gen;

	while (!all_are(crew, state)) {
		uint64_t now = now_ns();

		if (session_check(&gen->session, now) != CODE_OK || any_failed(crew))
			store_int(&crew->shared.halt, 1);
		if (gen->start_ns != 0) {
			look_at_lanes(crew);
			session_fail(&gen->session, pktgen_live(gen, now));
		}
		nudge(crew);
		nap(TICK_NS);
	}
}

/* How many different frames came back, of all pairs. */
static uint64_t unique_frames(const struct crew *crew, uint64_t *sent,
			      uint64_t *latency_ns)
{
	const struct pktgen_published *from = crew->published;
	uint64_t unique = 0;

	*sent = *latency_ns = 0;
	for (uint32_t i = 0; i < crew->running; i++, from++) {
		struct pktgen_sample sample = load_sample(from);

		*sent += sample.tx_frames;
		if (sample.latency_max_ns > *latency_ns)
			*latency_ns = sample.latency_max_ns;
		for (int stream = 0; stream < crew->shared.streams; stream++)
			unique += load(&from->stream[(uint8_t)(
				crew->shared.first_stream + stream)].unique);
	}
	return unique;
}

/* All have sent everything: give what is on its way some time. True if some came until
 * the end of it. */
static bool linger(struct crew *crew)
{
	enum pktgen_waiting waiting = PKTGEN_WAIT;
	const struct pktgen_options *options = crew->gen->options;
	uint64_t unique = 0, sent, latency;
	struct pktgen_wait wait = { 0 };

	if (options->no_rx || options->rx_only)
		return false;
	while (waiting == PKTGEN_WAIT && stop_asked() <= 1 && !any_failed(crew)) {
		unique = unique_frames(crew, &sent, &latency);
		if (unique >= sent)
			break;
		session_check(&crew->gen->session, now_ns());
		nudge(crew);
		nap(TICK_NS);
		waiting = pktgen_wait_on(&wait, options, unique, latency, now_ns());
	}
	return waiting == PKTGEN_OUT_OF_TIME && unique > 0;
}

/* ---- the sum, at the end ---- */

static void join_flow(struct pktgen_flow *sum, const struct pktgen_flow *flow)
{
	if (flow->frames == 0)
		return;
	if (sum->frames == 0 || flow->first_ns < sum->first_ns)
		sum->first_ns = flow->first_ns;
	if (flow->last_ns > sum->last_ns)
		sum->last_ns = flow->last_ns;
	sum->frames += flow->frames;
	sum->bytes += flow->bytes;
}

static void join_track(struct track *sum, const struct track *track)
{
	sum->unique += track->unique;
	sum->duplicates += track->duplicates;
	sum->reordered += track->reordered;
	sum->stale += track->stale;
}

/* What arrived of other streams counts with what arrived of its own. */
static void join_others(struct pktgen *lane)
{
	for (unsigned int i = 0; i < PKTGEN_STREAMS; i++)
		if (lane->other[i] != NULL)
			join_track(&lane->track, lane->other[i]);
}

static void join_stats(struct vionet_queue_stats *sum,
		       const struct vionet_queue_stats *stats)
{
	sum->completed += stats->completed;
	sum->kicks += stats->kicks;
	sum->interrupts += stats->interrupts;
	sum->full += stats->full;
	sum->invalid += stats->invalid;
	sum->dropped_short += stats->dropped_short;
	sum->dropped_long += stats->dropped_long;
	sum->dropped_chain += stats->dropped_chain;
	sum->dropped_metadata += stats->dropped_metadata;
	sum->ignored_metadata += stats->ignored_metadata;
	sum->starved += stats->starved;
	sum->lost_interrupts += stats->lost_interrupts;
	sum->rescues += stats->rescues;
	sum->in_flight += stats->in_flight;
}

static void join_vlans(struct pktgen *sum, const struct pktgen *lane)
{
	for (int i = 0; i < PKTGEN_VLANS; i++) {
		if (lane->vlans[i] == 0)
			continue;
		sum->vlans[i] += lane->vlans[i];
		sum->vlan_type[i] = lane->vlan_type[i];
		sum->vlan_tci[i] = lane->vlan_tci[i];
	}
}

static void join_lane(struct crew *crew, uint32_t index, struct pktgen_report *report)
{
	struct pktgen *gen = crew->gen;
	struct pktgen *lane = &crew->lanes->lane[index];
	struct pktgen_report *own = &crew->lanes->report[index];

	pktgen_take_report(lane, own);
	own->lost = 0;
	if (!gen->options->no_rx && !gen->options->rx_only)
		own->lost = stream_lost(crew, (unsigned int)lane->stream,
					&lane->tx.frames);
	join_others(lane);
	join_flow(&gen->tx, &lane->tx);
	join_flow(&gen->rx, &lane->rx);
	join_flow(&gen->own, &lane->own);
	join_vlans(gen, lane);
	join_flow(&gen->foreign, &lane->foreign);
	gen->damaged += lane->damaged;
	gen->pace.slipped_ns += lane->pace.slipped_ns;
	join_track(&gen->track, &lane->track);
	histogram_join(&gen->latency, &lane->latency);
	join_stats(&report->tx, &own->tx);
	join_stats(&report->rx, &own->rx);
	report->lost += own->lost;
	session_fail(&gen->session, lane->session.code);
}

static void join_all(struct crew *crew, struct pktgen_report *report)
{
	struct pktgen *gen = crew->gen;

	gen->track = (struct track){ 0 };
	for (uint32_t i = 0; i < crew->running; i++)
		if (crew->lanes->lane[i].loaded_ns > gen->loaded_ns)
			gen->loaded_ns = crew->lanes->lane[i].loaded_ns;
	report->load_ns = gen->loaded_ns - gen->start_ns;
	report->wait_ns = now_ns() - gen->loaded_ns;
	report->interrupted = stop_asked() > 0;
	report->hurried = stop_asked() > 1;
	for (uint32_t i = 0; i < crew->running; i++)
		pktgen_publish(&crew->lanes->lane[i], now_ns());
	for (uint32_t i = 0; i < crew->running; i++)
		join_lane(crew, i, report);
	/* A second that one of n gave up is a second for one frame in n. */
	gen->pace.slipped_ns /= gen->options->queues;
	/* A stream that somebody else sends belongs to no pair. */
	if (gen->options->rx_only)
		for (unsigned int i = 0; i < PKTGEN_STREAMS; i++)
			report->lost += stream_lost(crew, i, NULL);
}

/* ---- the run ---- */

static void run_crew(struct crew *crew, const struct rate *rate,
		     struct pktgen_report *report)
{
	struct pktgen *gen = crew->gen;

	start_threads(crew);
	watch(crew, PKTGEN_READY);
	if (any_failed(crew) || stop_asked() > 0) {
		store_int(&crew->shared.go, -1);
	} else {
		crew->shared.start_ns = now_ns();
		pktgen_start_clock(gen, rate, crew->shared.start_ns);
		pktgen_live_start(gen, gen->options->queues, gen->start_ns);
		store_int(&crew->shared.go, 1);
		watch(crew, PKTGEN_LOADED);
		look_at_lanes(crew);
		pktgen_live_rest(gen, now_ns());
		watch(crew, PKTGEN_DRAINED);
		report->cut_short = linger(crew);
	}
	store_int(&crew->shared.end, 1);
	for (; !all_are(crew, PKTGEN_ENDED); nap(TICK_NS))
		nudge(crew);
	for (uint32_t i = 0; i < crew->running; i++)
		pthread_join(crew->thread[i], NULL);
}

void pktgen_run_lanes(struct pktgen *gen, const struct rate *rate,
		      struct pktgen_report *report, struct pktgen_lanes *lanes)
{
	struct crew crew = { .gen = gen, .lanes = lanes };

	if (make_crew(&crew, rate) == CODE_OK) {
		run_crew(&crew, rate, report);
		if (gen->session.code == CODE_OK)
			session_check_now(&gen->session);
		pktgen_live_end(gen);
		if (gen->start_ns != 0) {
			join_all(&crew, report);
			look_at_lanes(&crew);
			gen->live.lost = report->lost;
			pktgen_live_rest(gen, now_ns());
		}
	}
	/* What lives on with the lanes must not point here. */
	for (uint32_t i = 0; lanes->lane != NULL && i < gen->options->queues; i++) {
		lanes->lane[i].options = gen->options;
		lanes->lane[i].shared = NULL;
		lanes->lane[i].published = NULL;
	}
	free(crew.options);
	free(crew.published);
	free(crew.thread);
}

void pktgen_free_lanes(struct pktgen *gen, struct pktgen_lanes *lanes)
{
	for (uint32_t i = 0; lanes->lane != NULL && i < gen->options->queues; i++)
		for (unsigned int stream = 0; stream < PKTGEN_STREAMS; stream++)
			free(lanes->lane[i].other[stream]);
	free(lanes->lane);
	free(lanes->report);
	*lanes = (struct pktgen_lanes){ 0 };
}
