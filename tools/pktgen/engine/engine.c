/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine as its users see it: the control thread's side. */
#include "tools/pktgen/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/engine/state.h"

#define TICK_NS 5000000ULL
/* The device finishes what it was given. */
#define DRAIN_NS 2000000000ULL

/* ---- opening ---- */

static int engine_make(struct engine *engine)
{
	engine->port = calloc(engine->ports, sizeof(*engine->port));
	engine->worker = NULL;
	if (posix_memalign((void **)&engine->worker, 64,
			   engine->workers * sizeof(*engine->worker)) != 0)
		engine->worker = NULL;
	if (engine->port == NULL || engine->worker == NULL) {
		say("no memory for %u queue pairs", engine->workers);
		return engine_fail(engine, CODE_PERMISSION);
	}
	memset(engine->worker, 0, engine->workers * sizeof(*engine->worker));
	return CODE_OK;
}

static int engine_make_workers(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->workers; i++) {
		struct worker *worker = &engine->worker[i];

		worker->engine = engine;
		worker->place = (struct engine_place){
			.port = i / engine->options.queues,
			.queue = i % engine->options.queues,
			.worker = i,
		};
		worker->port = &engine->port[worker->place.port];
		worker->session = session_follow(&worker->port->session, worker->place.queue);
		worker->scratch = malloc(VIONET_FRAME_MAX);
		if (worker->scratch == NULL) {
			say("no memory for %u queue pairs", engine->workers);
			return engine_fail(engine, CODE_PERMISSION);
		}
	}
	return CODE_OK;
}

int engine_open(struct engine **result, const struct traffic *traffic,
		const struct engine_options *options)
{
	struct engine *engine = calloc(1, sizeof(*engine));

	*result = NULL;
	if (engine == NULL) {
		say("no memory");
		return CODE_PERMISSION;
	}
	engine->traffic = traffic;
	engine->options = *options;
	engine->ports = (uint32_t)traffic->ports;
	engine->workers = engine->ports * options->queues;
	engine->stream = options->stream;
	if (!options->rx_only && engine->stream == ENGINE_ANY_STREAM)
		engine->stream = (int)(schedule_random(options->seed, 1) & 0xff);
	if (engine_make(engine) != CODE_OK || ports_begin(engine) != CODE_OK ||
	    engine_make_workers(engine) != CODE_OK ||
	    engine_fail(engine, load_flows(engine, traffic)) != CODE_OK)
		return engine_close(engine);
	*result = engine;
	return CODE_OK;
}

/* ---- running ---- */

/* A sandbox that one device needs a socket in is one for all. */
static int engine_confine(struct engine *engine)
{
	struct port *port = &engine->port[0];

	if (engine->confined)
		return CODE_OK;
	engine->confined = true;
	for (uint32_t i = 0; i < engine->ports; i++)
		if (strchr(engine->port[i].device.name, '/') != NULL)
			port = &engine->port[i];
	return engine_fail(engine, session_confine(&port->session));
}

int engine_launch(struct engine *engine)
{
	if (engine_confine(engine) != CODE_OK)
		return engine->code;
	engine->start_ns = now_ns();
	return threads_start(engine);
}

int engine_finish(struct engine *engine)
{
	threads_end(engine);
	/* Anything that went wrong at the very end is still found. */
	for (uint32_t i = 0; i < engine->ports && engine->code == CODE_OK; i++)
		engine_fail(engine, session_check_now(&engine->port[i].session));
	return engine->code;
}

int engine_close(struct engine *engine)
{
	int code;

	if (engine == NULL)
		return CODE_OK;
	if (engine->threads > 0)
		engine_finish(engine);
	code = ports_end(engine);
	load_free(engine);
	for (uint32_t i = 0; engine->worker != NULL && i < engine->workers; i++)
		free(engine->worker[i].scratch);
	free(engine->worker);
	free(engine->port);
	free(engine);
	return code;
}

/* ---- while the workers rest ---- */

static bool engine_flow_sends(const struct engine *engine, uint32_t flow)
{
	const struct flow *of = &engine->flow[flow];

	if (of->state != ENGINE_STARTED)
		return of->state == ENGINE_PAUSED;
	for (uint32_t i = 0; i < engine->workers; i++)
		if (engine->worker[i].place.port == of->port &&
		    count_load(&engine->worker[i].tx[flow].done) == 0)
			return true;
	return false;
}

static bool engine_any_sends(const struct engine *engine)
{
	for (uint32_t i = 0; i < engine->flow_count; i++)
		if (engine_flow_sends(engine, i))
			return true;
	return false;
}

int engine_configure(struct engine *engine, const struct traffic *traffic)
{
	int code = CODE_USAGE;

	if (engine_any_sends(engine) || traffic->ports != engine->ports) {
		say("the flows cannot be changed %s",
		    traffic->ports != engine->ports ? "for other ports" : "while some are sent");
		return CODE_USAGE;
	}
	if (threads_rest(engine)) {
		for (uint32_t i = 0; i < engine->workers; i++)
			send_release(&engine->worker[i]);
		code = load_flows(engine, traffic);
		__atomic_store_n(&engine->settled, 0, __ATOMIC_RELAXED);
		if (code == CODE_OK) {
			load_clear(engine);
			for (uint32_t i = 0; i < engine->ports; i++)
				engine->port[i].wanted = &traffic->port[i];
		}
	}
	threads_go_on(engine);
	return code;
}

static void engine_begin_part(struct engine *engine, struct worker *worker, uint32_t index,
			      uint64_t now)
{
	const struct flow *flow = &engine->flow[index];
	struct flow_tx *tx = &worker->tx[index];
	struct schedule_share share = {
		.workers = engine->options.queues,
		.index = worker->place.queue,
		.tracks = flow->tracks,
	};

	if (worker->place.port != flow->port || engine->options.rx_only)
		return;
	send_unplace(worker, index);
	send_forget(worker, tx);
	tx->over = false;
	tx->departed_ns = 0;
	count_set(&tx->done, 0);
	if (tx->source != NULL) {
		/* One thread has it. */
		share = (struct schedule_share){ .workers = 1, .tracks = 1 };
		if (worker->place.queue != 0) {
			count_set(&tx->done, 1);
			return;
		}
		tx->source->rewind(tx->source->context);
		tx->next_known = false;
		tx->source_base = now + flow->plan.delay_ns;
	}
	schedule_start(&tx->schedule, &flow->plan, &share, now);
	send_place(worker, index, now);
}

static void engine_stop_part(struct worker *worker, uint32_t index)
{
	send_unplace(worker, index);
	send_forget(worker, &worker->tx[index]);
	count_set(&worker->tx[index].done, 1);
}

static void engine_pause_part(struct worker *worker, uint32_t index, uint64_t now)
{
	struct flow_tx *tx = &worker->tx[index];

	if (tx->done)
		return;
	send_unplace(worker, index);
	schedule_pause(&tx->schedule, now);
}

static void engine_resume_part(struct worker *worker, uint32_t index, uint64_t now)
{
	struct flow_tx *tx = &worker->tx[index];

	if (tx->done || tx->schedule.paused_ns == 0)
		return;
	tx->source_base += now - tx->schedule.paused_ns;
	schedule_resume(&tx->schedule, now);
	tx->departed_ns = 0;
	if (!tx->over)
		send_place(worker, index, now);
}

static void engine_change_part(struct engine *engine, struct worker *worker, uint32_t index,
			       enum engine_transmit what, uint64_t now)
{
	switch (what) {
	case ENGINE_START:
		engine_begin_part(engine, worker, index, now);
		break;
	case ENGINE_STOP:
		engine_stop_part(worker, index);
		break;
	case ENGINE_PAUSE:
		engine_pause_part(worker, index, now);
		break;
	case ENGINE_RESUME:
		engine_resume_part(worker, index, now);
		break;
	}
}

static void engine_change_flow(struct engine *engine, uint32_t index,
			       enum engine_transmit what, uint64_t now)
{
	struct flow *flow = &engine->flow[index];
	int state = flow->state;

	/* One that is at its end stays there. */
	if (what == ENGINE_PAUSE &&
	    (state != ENGINE_STARTED || !(engine->options.rx_only || engine_flow_sends(engine, index))))
		return;
	if (what == ENGINE_RESUME && state != ENGINE_PAUSED)
		return;
	if (what != ENGINE_STOP)
		flow->changed = what != ENGINE_START;
	for (uint32_t i = 0; i < engine->workers; i++)
		engine_change_part(engine, &engine->worker[i], index, what, now);
	flow->state = what == ENGINE_STOP ? ENGINE_STOPPED : what == ENGINE_PAUSE ? ENGINE_PAUSED
										  : ENGINE_STARTED;
}

/* All counters begin at 0, and what was sent before is nobody's. */
static void engine_clear(struct engine *engine, uint64_t now)
{
	for (uint32_t i = 0; i < engine->workers; i++)
		send_release(&engine->worker[i]);
	load_clear(engine);
	metrics_restart(engine);
	__atomic_store_n(&engine->settled, 0, __ATOMIC_RELAXED);
	engine->loaded_ns = 0;
	engine->start_ns = now;
	for (uint32_t i = 0; i < engine->flow_count; i++)
		engine->flow[i].start_ns = now;
	if (engine->options.rx_only)
		__atomic_store_n(&engine->stream, engine->options.stream, __ATOMIC_RELAXED);
}

/* Its numbers come again from 0: what came of them before counts no longer. */
static void engine_clear_flow(struct engine *engine, uint32_t index, uint64_t now)
{
	load_clear_flow(engine, index);
	metrics_restart_flow(engine, index);
	engine->flow[index].start_ns = now;
}

static void engine_change_flows(struct engine *engine, const uint32_t *flow, size_t count,
				enum engine_transmit what)
{
	bool fresh = what == ENGINE_START && !engine_any_sends(engine);
	uint64_t now = now_ns();

	if (fresh)
		engine_clear(engine, now);
	for (size_t i = 0; i < count; i++) {
		uint32_t index = flow != NULL ? flow[i] : (uint32_t)i;

		if (index >= engine->flow_count)
			continue;
		if (what == ENGINE_START && !fresh)
			engine_clear_flow(engine, index, now);
		engine_change_flow(engine, index, what, now);
	}
}

int engine_transmit(struct engine *engine, const uint32_t *flow, size_t count,
		    enum engine_transmit what)
{
	if (threads_rest(engine))
		engine_change_flows(engine, flow, flow != NULL ? count : engine->flow_count, what);
	threads_go_on(engine);
	return engine->code;
}

void engine_set_gateway(struct engine *engine, uint32_t port, const uint8_t mac[6])
{
	memcpy(engine->port[port].gateway, mac, sizeof(engine->port[port].gateway));
}

int engine_set_rate(struct engine *engine, uint32_t index, const struct rate *wanted)
{
	struct flow *flow = &engine->flow[index];
	struct rate rate;
	uint64_t now;

	if (engine->options.rx_only) {
		say("nothing is sent with --rx-only, at no rate");
		return CODE_USAGE;
	}
	if (load_rate(engine, flow, wanted, &rate) != CODE_OK)
		return CODE_USAGE;
	if (threads_rest(engine)) {
		if (rate.kind != flow->rate.kind || rate.milli != flow->rate.milli)
			flow->changed |= engine_flow_sends(engine, index);
		flow->rate = flow->plan.rate = rate;
		now = now_ns();
		for (uint32_t i = 0; i < engine->workers; i++) {
			struct worker *worker = &engine->worker[i];
			struct flow_tx *tx = &worker->tx[index];

			if (worker->place.port != flow->port || tx->schedule.tracks == 0)
				continue;
			schedule_set_rate(&tx->schedule, &rate, now);
			if (tx->place != FLOW_IDLE)
				send_place(worker, index, now);
		}
	}
	threads_go_on(engine);
	return engine->code;
}

int engine_set_duration(struct engine *engine, uint32_t index,
			const struct traffic_duration *duration)
{
	load_duration(engine, &engine->flow[index], duration);
	return CODE_OK;
}

/* ---- while they run ---- */

/* With rx_only. */
static bool engine_receives(const struct engine *engine)
{
	const struct engine_options *options = &engine->options;

	return engine->flow[0].state == ENGINE_STARTED &&
	       (options->receive_ns == 0 || now_ns() < engine->start_ns + options->receive_ns) &&
	       !receive_is_enough(&engine->worker[0]);
}

bool engine_is_sending(const struct engine *engine)
{
	if (stop_asked() > 0 || engine->code != CODE_OK)
		return false;
	return engine->options.rx_only ? engine_receives(engine) : engine_any_sends(engine);
}

/* When the last frame of all flows was taken. */
static uint64_t engine_end_ns(const struct engine *engine)
{
	uint64_t last = 0;

	for (uint32_t i = 0; i < engine->workers; i++)
		for (uint32_t j = 0; j < engine->flow_count; j++) {
			uint64_t done = count_load(&engine->worker[i].tx[j].done_ns);

			if (done > last)
				last = done;
		}
	return last != 0 ? last : now_ns();
}

static void engine_look(struct engine *engine)
{
	uint64_t now = now_ns();

	for (uint32_t i = 0; i < engine->ports; i++)
		engine_fail(engine, session_check(&engine->port[i].session, now));
	for (uint32_t i = 0; i < engine->threads; i++)
		engine_fail(engine, __atomic_load_n(&engine->worker[i].code, __ATOMIC_RELAXED));
	threads_nudge(engine);
	if (engine->loaded_ns == 0 && !engine_is_sending(engine))
		engine->loaded_ns = engine_end_ns(engine);
}

int engine_poll(struct engine *engine, uint64_t until_ns)
{
	for (;;) {
		uint64_t now;

		engine_look(engine);
		now = now_ns();
		if (engine->code != CODE_OK || now >= until_ns || !engine_is_sending(engine))
			return engine->code;
		sleep_ns(until_ns - now < TICK_NS ? until_ns - now : TICK_NS);
	}
}

/* A turn of a wait. */
static void engine_wait(struct engine *engine)
{
	engine_look(engine);
	if (engine->options.idle != NULL)
		engine->options.idle(engine->options.idle_context);
	sleep_ns(TICK_NS);
}

static bool engine_has_completed(const struct engine *engine)
{
	for (uint32_t i = 0; i < engine->workers; i++)
		if (count_load(&engine->worker[i].in_flight) != 0)
			return false;
	return true;
}

static void engine_say_incomplete(const struct session *session)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	vionet_queue_stats(session->tx, &stats);
	say("%s: the device did not complete everything within 2 s%s%s", session->name,
	    stats.completed == 0 ? "; " : "", stats.completed == 0 ? worker_remedy(session->name) : "");
}

/* The device completes what it was given. */
static void engine_drain(struct engine *engine)
{
	uint64_t end = now_ns() + DRAIN_NS;

	while (!engine_has_completed(engine) && now_ns() < end && stop_asked() <= 1 &&
	       engine->code == CODE_OK)
		engine_wait(engine);
	for (uint32_t i = 0; i < engine->workers && engine->code == CODE_OK; i++) {
		if (count_load(&engine->worker[i].in_flight) == 0 || stop_asked() > 1)
			continue;
		engine_say_incomplete(&engine->worker[i].session);
		engine_fail(engine, CODE_FAILED);
	}
}

/* A path is given as long as it took so far, twice; a time that was given is meant. */
static uint64_t engine_quiet_ns(const struct engine_options *options, uint64_t latency_ns)
{
	if (options->have_linger || 2 * latency_ns < options->linger_ns)
		return options->linger_ns;
	return 2 * latency_ns;
}

/* True: frames still came at the end of it. */
static bool engine_linger(struct engine *engine)
{
	uint64_t start = now_ns(), moved = start, seen = 0, sent, latency;

	while (stop_asked() <= 1 && engine->code == CODE_OK) {
		uint64_t unique = metrics_unique(engine, &sent, &latency);
		uint64_t quiet = engine_quiet_ns(&engine->options, latency);
		uint64_t now = now_ns();

		if (unique >= sent)
			return false;
		if (unique != seen)
			moved = now;
		seen = unique;
		if (now - start >= ENGINE_LINGER_TIMES * quiet)
			return unique > 0;
		if (now - moved >= quiet)
			return false;
		engine_wait(engine);
	}
	return false;
}

int engine_settle(struct engine *engine, bool *cut_short)
{
	bool more = false;

	if (!engine->options.rx_only) {
		engine_drain(engine);
		if (!engine->options.no_rx)
			more = engine_linger(engine);
	}
	if (cut_short != NULL)
		*cut_short = more;
	__atomic_store_n(&engine->settled, 1, __ATOMIC_RELAXED);
	return engine->code;
}

struct session *engine_session(struct engine *engine, uint32_t port)
{
	return port < engine->ports && engine->port[port].open ? &engine->port[port].session : NULL;
}
