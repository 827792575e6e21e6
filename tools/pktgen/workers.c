/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several queue pairs, each with a thread that runs what pktgen.c has for one. The main
 * thread watches the device, shows the sum and ends it; of a run whose thread is there it
 * reads `published` only.
 */
#include "tools/pktgen/pktgen.h"
#include "tools/shared/cpus.h"
#include "tools/shared/rest.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_NS 5000000ULL
#define GO_NS 50000ULL
#define NUDGE_NS 500000000ULL

struct workers {
	struct pktgen *gen; /* the sum */
	struct pktgen_shared shared;
	struct pktgen_published *published;
	pthread_t *thread;
	uint32_t running;  /* threads that were made */
	uint64_t nudge_ns; /* when next */
	struct pktgen_workers *kept;
};

static int workers_load(const int *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

static void workers_store(int *to, int value)
{
	__atomic_store_n(to, value, __ATOMIC_RELEASE);
}

/* ---- a pair's thread ---- */

static void worker_run(struct pktgen *gen)
{
	pktgen_start_clock(gen, gen->shared->rate, gen->shared->start_ns);
	pktgen_load(gen);
	pktgen_publish(gen, now_ns());
	workers_store(&gen->published->state, PKTGEN_LOADED);
	if (!gen->options->rx_only)
		pktgen_drain(gen);
	pktgen_publish(gen, now_ns());
	workers_store(&gen->published->state, PKTGEN_DRAINED);
	/* Frames of other pairs may still arrive here. */
	while (!workers_load(&gen->shared->end) && pktgen_receive_or_wait(gen, UINT64_MAX))
		;
}

static void *worker_main(void *argument)
{
	struct pktgen *gen = argument;

	if (!gen->options->rx_only)
		pktgen_prepare(gen);
	__atomic_store_n(&gen->published->code, gen->session.code, __ATOMIC_RELAXED);
	workers_store(&gen->published->state, PKTGEN_READY);
	while (workers_load(&gen->shared->go) == 0)
		sleep_ns(GO_NS);
	if (workers_load(&gen->shared->go) > 0) {
		rest_join();
		worker_run(gen);
		rest_leave();
	}
	workers_store(&gen->published->state, PKTGEN_ENDED);
	return NULL;
}

/* ---- making them ---- */

/* Every pair sends its own stream, from a port of its own, so that a device that steers
 * by hash spreads them; and its share of rate and count. */
static void worker_make(struct workers *workers, uint32_t index)
{
	struct pktgen *sum = workers->gen;
	struct pktgen *worker = &workers->kept->run[index];
	struct frame_fields fields = sum->fields;
	uint32_t pairs = sum->options->queues;
	uint64_t seed = sum->options->seed + index;

	worker->share = (struct pace_share){ .parts = pairs, .index = index };
	worker->options = sum->options;
	worker->shared = &workers->shared;
	worker->published = &workers->published[index];
	worker->session = session_follow(&sum->session, index);
	worker->stream = sum->stream;
	if (sum->stream != PKTGEN_ANY_STREAM)
		worker->stream = (int)((uint32_t)(sum->stream + (int)index) & 0xff);
	fields.stream = (uint8_t)worker->stream;
	fields.source_port = (uint16_t)(fields.source_port + index);
	frame_builder_init(&worker->builder, &fields);
	worker->mix = sum->mix;
	worker->mix.state = mix_random(&seed);
}

static int workers_make(struct workers *workers, const struct rate *rate)
{
	uint32_t pairs = workers->gen->options->queues;
	struct pktgen_workers *kept = workers->kept;

	kept->run = calloc(pairs, sizeof(*kept->run));
	kept->report = calloc(pairs, sizeof(*kept->report));
	workers->published = calloc(pairs, sizeof(*workers->published));
	workers->thread = calloc(pairs, sizeof(*workers->thread));
	if (kept->run == NULL || kept->report == NULL || workers->published == NULL ||
	    workers->thread == NULL) {
		say("no memory for %u queue pairs", pairs);
		return session_fail(&workers->gen->session, CODE_PERMISSION);
	}
	workers->shared.rate = rate;
	workers->shared.first_stream = workers->gen->stream;
	workers->shared.streams = (int)pairs;
	if (workers->gen->stream == PKTGEN_ANY_STREAM) {
		workers->shared.first_stream = 0;
		workers->shared.streams = PKTGEN_STREAMS;
	}
	for (uint32_t i = 0; i < pairs; i++)
		worker_make(workers, i);
	return CODE_OK;
}

static int workers_start_thread(struct workers *workers, uint32_t index)
{
	char name[24]; /* 15 characters are what the kernel takes */
	int error = cpus_create_thread(&workers->gen->options->cpus, index, &workers->thread[index],
				       worker_main, &workers->kept->run[index]);

	if (error != 0) {
		say("a thread for queue pair %u: %s", index, strerror(error));
		return session_fail(&workers->gen->session, CODE_PERMISSION);
	}
	snprintf(name, sizeof(name), "pktgen-%u", index);
	pthread_setname_np(workers->thread[index], name);
	workers->running++;
	return CODE_OK;
}

/* Signals are for the main thread: its sleep has to end. Only workers_nudge() sends one. */
static void workers_start(struct workers *workers)
{
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (uint32_t i = 0; i < workers->gen->options->queues; i++)
		if (workers_start_thread(workers, i) != CODE_OK)
			break;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- the sum, while they run ---- */

static bool workers_all_are(const struct workers *workers, enum pktgen_state state)
{
	for (uint32_t i = 0; i < workers->running; i++)
		if (workers_load(&workers->published[i].state) < (int)state)
			return false;
	return true;
}

/* What is missing of a stream; `sent` frames were sent, or else up to the last seen. */
static uint64_t workers_stream_lost(const struct workers *workers, unsigned int stream,
				    const uint64_t *sent)
{
	static struct tracker sum; /* the main thread's: too large for a stack */

	memset(&sum, 0, offsetof(struct tracker, seen));
	for (uint32_t i = 0; i < workers->running; i++)
		pktgen_stream_join(&workers->published[i], stream, &sum);
	return tracker_lost(&sum, sent != NULL ? *sent : sum.next);
}

static void workers_look(struct workers *workers)
{
	struct pktgen_live *live = &workers->gen->live;

	for (uint32_t i = 0; i < workers->running; i++)
		if (__atomic_load_n(&workers->published[i].version,
				    __ATOMIC_ACQUIRE) != 0)
			live->now[i] = pktgen_sample_load(&workers->published[i]);
	live->lost = 0;
	for (int i = 0; i < workers->shared.streams; i++)
		live->lost += workers_stream_lost(
			workers, (uint8_t)(workers->shared.first_stream + i), NULL);
}

/* Has one failed? Then the others end too. */
static bool workers_any_failed(struct workers *workers)
{
	for (uint32_t i = 0; i < workers->running; i++)
		session_fail(&workers->gen->session,
			     __atomic_load_n(&workers->published[i].code,
					     __ATOMIC_RELAXED));
	return workers->gen->session.code != CODE_OK;
}

static bool worker_stands_still(struct pktgen_published *published)
{
	uint64_t version = __atomic_load_n(&published->version, __ATOMIC_ACQUIRE);
	bool still = version == published->version_before;

	published->version_before = version;
	return still && workers_load(&published->state) < PKTGEN_ENDED;
}

/* A kick waits while the counter of its eventfd is full, which the other side can see to: a
 * signal ends it, and the thread sees what time it is. */
static void workers_nudge(struct workers *workers)
{
	uint64_t now = now_ns();

	if (now < workers->nudge_ns)
		return;
	workers->nudge_ns = now + NUDGE_NS;
	for (uint32_t i = 0; i < workers->running; i++)
		if (worker_stands_still(&workers->published[i]))
			pthread_kill(workers->thread[i], SIGALRM);
}

/* Watch until all have reached `state`, or it is over. */
static void workers_watch(struct workers *workers, enum pktgen_state state)
{
	struct pktgen *gen = workers->gen;

	while (!workers_all_are(workers, state)) {
		uint64_t now = now_ns();

		if (session_check(&gen->session, now) != CODE_OK ||
		    workers_any_failed(workers))
			workers_store(&workers->shared.halt, 1);
		if (gen->start_ns != 0) {
			workers_look(workers);
			session_fail(&gen->session, pktgen_live(gen, now));
		}
		workers_nudge(workers);
		sleep_ns(TICK_NS);
	}
}

/* How many different frames came back, of all pairs. */
static uint64_t workers_unique(const struct workers *workers, uint64_t *sent,
			       uint64_t *latency_ns)
{
	const struct pktgen_published *from = workers->published;
	uint64_t unique = 0;

	*sent = *latency_ns = 0;
	for (uint32_t i = 0; i < workers->running; i++, from++) {
		struct pktgen_sample sample = pktgen_sample_load(from);

		*sent += sample.tx_frames;
		if (sample.latency_max_ns > *latency_ns)
			*latency_ns = sample.latency_max_ns;
		for (int stream = 0; stream < workers->shared.streams; stream++)
			unique += pktgen_stream_unique(
				from, (uint8_t)(workers->shared.first_stream + stream));
	}
	return unique;
}

/* All have sent everything: give what is on its way some time. True if some came until
 * the end of it. */
static bool workers_linger(struct workers *workers)
{
	enum pktgen_waiting waiting = PKTGEN_WAIT;
	const struct pktgen_options *options = workers->gen->options;
	uint64_t unique = 0, sent, latency;
	struct pktgen_wait wait = { 0 };

	if (options->no_rx || options->rx_only)
		return false;
	while (waiting == PKTGEN_WAIT && stop_asked() <= 1 &&
	       !workers_any_failed(workers)) {
		unique = workers_unique(workers, &sent, &latency);
		if (unique >= sent)
			break;
		session_check(&workers->gen->session, now_ns());
		workers_nudge(workers);
		sleep_ns(TICK_NS);
		waiting = pktgen_wait_on(&wait, options, unique, latency, now_ns());
	}
	return waiting == PKTGEN_OUT_OF_TIME && unique > 0;
}

/* ---- the sum, at the end ---- */

static void workers_join_flow(struct pktgen_flow *sum, const struct pktgen_flow *flow)
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

static void workers_join_tracker(struct tracker *sum, const struct tracker *tracker)
{
	sum->unique += tracker->unique;
	sum->duplicates += tracker->duplicates;
	sum->reordered += tracker->reordered;
	sum->out_of_window += tracker->out_of_window;
}

/* What arrived of other streams counts with what arrived of its own. */
static void worker_join_others(struct pktgen *worker)
{
	for (unsigned int i = 0; i < PKTGEN_STREAMS; i++)
		if (worker->other[i] != NULL)
			workers_join_tracker(&worker->tracker, worker->other[i]);
}

static void workers_join_stats(struct vionet_queue_stats *sum,
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

static void workers_join_vlans(struct pktgen *sum, const struct pktgen *worker)
{
	for (int i = 0; i < PKTGEN_VLANS; i++) {
		if (worker->vlans[i] == 0)
			continue;
		sum->vlans[i] += worker->vlans[i];
		sum->vlan_type[i] = worker->vlan_type[i];
		sum->vlan_tci[i] = worker->vlan_tci[i];
	}
}

static void workers_join(struct workers *workers, uint32_t index,
			 struct pktgen_report *report)
{
	struct pktgen *gen = workers->gen;
	struct pktgen *worker = &workers->kept->run[index];
	struct pktgen_report *own = &workers->kept->report[index];

	pktgen_take_report(worker, own);
	own->lost = 0;
	if (!gen->options->no_rx && !gen->options->rx_only)
		own->lost = workers_stream_lost(workers, (unsigned int)worker->stream,
						&worker->tx.frames);
	worker_join_others(worker);
	workers_join_flow(&gen->tx, &worker->tx);
	workers_join_flow(&gen->rx, &worker->rx);
	workers_join_flow(&gen->own, &worker->own);
	workers_join_vlans(gen, worker);
	workers_join_flow(&gen->not_ours, &worker->not_ours);
	gen->damaged += worker->damaged;
	pace_join(&gen->pace, &worker->pace);
	workers_join_tracker(&gen->tracker, &worker->tracker);
	histogram_join(&gen->latency, &worker->latency);
	workers_join_stats(&report->tx, &own->tx);
	workers_join_stats(&report->rx, &own->rx);
	report->lost += own->lost;
	session_fail(&gen->session, worker->session.code);
}

static void workers_join_all(struct workers *workers, struct pktgen_report *report)
{
	struct pktgen *gen = workers->gen;

	gen->tracker = (struct tracker){ 0 };
	for (uint32_t i = 0; i < workers->running; i++)
		if (workers->kept->run[i].loaded_ns > gen->loaded_ns)
			gen->loaded_ns = workers->kept->run[i].loaded_ns;
	report->load_ns = gen->loaded_ns - gen->start_ns;
	report->wait_ns = now_ns() - gen->loaded_ns;
	report->interrupted = stop_asked() > 0;
	report->hurried = stop_asked() > 1;
	for (uint32_t i = 0; i < workers->running; i++)
		pktgen_publish(&workers->kept->run[i], now_ns());
	for (uint32_t i = 0; i < workers->running; i++)
		workers_join(workers, i, report);
	/* A stream of another sender belongs to no pair. */
	if (gen->options->rx_only)
		for (unsigned int i = 0; i < PKTGEN_STREAMS; i++)
			report->lost += workers_stream_lost(workers, i, NULL);
}

/* ---- the run ---- */

static void workers_run(struct workers *workers, const struct rate *rate,
			struct pktgen_report *report)
{
	struct pktgen *gen = workers->gen;

	workers_start(workers);
	workers_watch(workers, PKTGEN_READY);
	if (workers_any_failed(workers) || stop_asked() > 0) {
		workers_store(&workers->shared.go, -1);
	} else {
		workers->shared.start_ns = now_ns();
		pktgen_start_clock(gen, rate, workers->shared.start_ns);
		pktgen_live_start(gen, gen->options->queues, gen->start_ns);
		workers_store(&workers->shared.go, 1);
		workers_watch(workers, PKTGEN_LOADED);
		workers_look(workers);
		pktgen_live_rest(gen, now_ns());
		workers_watch(workers, PKTGEN_DRAINED);
		report->cut_short = workers_linger(workers);
	}
	workers_store(&workers->shared.end, 1);
	for (; !workers_all_are(workers, PKTGEN_ENDED); sleep_ns(TICK_NS))
		workers_nudge(workers);
	for (uint32_t i = 0; i < workers->running; i++)
		pthread_join(workers->thread[i], NULL);
}

void pktgen_run_workers(struct pktgen *gen, const struct rate *rate,
			struct pktgen_report *report, struct pktgen_workers *kept)
{
	struct workers workers = { .gen = gen, .kept = kept };

	if (workers_make(&workers, rate) == CODE_OK) {
		workers_run(&workers, rate, report);
		if (gen->session.code == CODE_OK)
			session_check_now(&gen->session);
		pktgen_live_end(gen);
		if (gen->start_ns != 0) {
			workers_join_all(&workers, report);
			workers_look(&workers);
			gen->live.lost = report->lost;
			pktgen_live_rest(gen, now_ns());
		}
	}
	/* What is kept must not point here. */
	for (uint32_t i = 0; kept->run != NULL && i < gen->options->queues; i++) {
		kept->run[i].shared = NULL;
		kept->run[i].published = NULL;
	}
	free(workers.published);
	free(workers.thread);
}

void pktgen_free_workers(struct pktgen *gen, struct pktgen_workers *kept)
{
	for (uint32_t i = 0; kept->run != NULL && i < gen->options->queues; i++)
		for (unsigned int stream = 0; stream < PKTGEN_STREAMS; stream++)
			free(kept->run[i].other[stream]);
	free(kept->run);
	free(kept->report);
	*kept = (struct pktgen_workers){ 0 };
}
