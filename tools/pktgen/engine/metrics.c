/* SPDX-License-Identifier: BSD-3-Clause */
/* Snapshots: what all workers have counted, put together. */
#include "tools/pktgen/engine/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/stats.h>

/* Below this share of what was requested, the rate was not reached. */
#define REACHED 0.99
#define RATE_NS 1000000000ULL

/* What the snapshot before had. */
struct metrics_before {
	uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
};

int metrics_make(struct engine *engine)
{
	struct engine_metrics *metrics = &engine->metrics;
	uint32_t all = engine->flow_count + engine->ports + engine->workers;

	metrics->flow = calloc(engine->flow_count + 1, sizeof(*metrics->flow));
	metrics->port = calloc(engine->ports, sizeof(*metrics->port));
	metrics->queue = calloc(engine->workers, sizeof(*metrics->queue));
	engine->before = calloc(all, sizeof(*engine->before));
	if (metrics->flow == NULL || metrics->port == NULL || metrics->queue == NULL ||
	    engine->before == NULL)
		return -ENOMEM;
	return 0;
}

void metrics_free(struct engine *engine)
{
	free(engine->metrics.flow);
	free(engine->metrics.port);
	free(engine->metrics.queue);
	free(engine->before);
	metrics_forget(engine);
}

void metrics_forget(struct engine *engine)
{
	engine->metrics = (struct engine_metrics){ 0 };
	engine->before = NULL;
}

void metrics_restart(struct engine *engine)
{
	uint32_t all = engine->flow_count + engine->ports + engine->workers;

	memset(engine->before, 0, all * sizeof(*engine->before));
	engine->before_ns = now_ns();
}

void metrics_restart_flow(struct engine *engine, uint32_t flow)
{
	engine->before[flow] = (struct metrics_before){ 0 };
}

static struct engine_count metrics_load(const struct engine_count *count)
{
	return (struct engine_count){
		.frames = count_load(&count->frames),
		.bytes = count_load(&count->bytes),
		.first_ns = count_load(&count->first_ns),
		.last_ns = count_load(&count->last_ns),
	};
}

static void metrics_join(struct engine_count *sum, const struct engine_count *count)
{
	struct engine_count part = metrics_load(count);

	if (part.frames == 0)
		return;
	if (sum->frames == 0 || part.first_ns < sum->first_ns)
		sum->first_ns = part.first_ns;
	if (part.last_ns > sum->last_ns)
		sum->last_ns = part.last_ns;
	sum->frames += part.frames;
	sum->bytes += part.bytes;
}

static double metrics_wire_bits(uint64_t frames, uint64_t bytes)
{
	return 8.0 * ((double)bytes + 24.0 * (double)frames);
}

/* Rates since the snapshot before; the counters may have been cleared meanwhile. */
static void metrics_rates(const struct engine *engine, struct metrics_before *before,
			  const struct engine_count *tx, const struct engine_count *rx,
			  double rate[4])
{
	double seconds = (double)(engine->metrics.at_ns - engine->before_ns) / 1e9;
	uint64_t tx_frames = tx->frames - before->tx_frames;
	uint64_t rx_frames = rx->frames - before->rx_frames;

	memset(rate, 0, 4 * sizeof(rate[0]));
	if (seconds > 0 && tx->frames >= before->tx_frames &&
	    rx->frames >= before->rx_frames) {
		rate[0] = (double)tx_frames / seconds;
		rate[1] = metrics_wire_bits(tx_frames, tx->bytes - before->tx_bytes) / seconds;
		rate[2] = (double)rx_frames / seconds;
		rate[3] = metrics_wire_bits(rx_frames, rx->bytes - before->rx_bytes) / seconds;
	}
	*before = (struct metrics_before){ tx->frames, tx->bytes, rx->frames, rx->bytes };
}

/* ---- flows ---- */

static struct engine_latency metrics_latency(const struct histogram *histogram)
{
	static const unsigned int per_mille[] = { 500, 900, 990, 999 };
	uint64_t value[4];

	if (histogram->count == 0)
		return (struct engine_latency){ 0 };
	histogram_percentiles(histogram, per_mille, 4, value);
	return (struct engine_latency){
		.count = histogram->count,
		.min = histogram->min,
		.max = histogram->max,
		.p50 = value[0],
		.p90 = value[1],
		.p99 = value[2],
		.p999 = value[3],
		.average = histogram_average(histogram),
	};
}

static void metrics_join_order(struct engine_flow_metrics *metrics, const struct flow_rx *rx,
			       uint64_t *begin, uint64_t *middle)
{
	struct engine_order *order = &metrics->order;

	order->unique += count_load(&rx->unique);
	order->duplicates += count_load(&rx->duplicates);
	order->reordered += count_load(&rx->reordered);
	order->out_of_window += count_load(&rx->out_of_window);
	order->damaged += count_load(&rx->damaged);
	order->late += count_load(&rx->late);
	*begin += count_load(&rx->begin);
	*middle += count_load(&rx->middle);
	for (int i = 0; i < ENGINE_DENSITY; i++)
		metrics->displaced[i] += count_load(&rx->displaced[i]);
}

/* Nothing of it is sent, nor on its way: clients do not wait for the end of the run. */
static bool metrics_is_over(const struct engine *engine, const struct engine_flow_metrics *metrics)
{
	uint64_t moved = metrics->rx.last_ns > metrics->tx.last_ns ? metrics->rx.last_ns : metrics->tx.last_ns;

	return metrics->tx.frames != 0 && !metrics->sending && metrics->state != ENGINE_PAUSED &&
	       engine->metrics.at_ns > moved + engine->options.linger_ns;
}

/* Holes are known at once, what is missing behind the last one only at the end. */
static void metrics_lost(const struct engine *engine, struct engine_flow_metrics *metrics,
			 uint64_t numbered, uint64_t begin, uint64_t middle)
{
	struct engine_order *order = &metrics->order;
	uint64_t holes = begin + middle;

	/* Of one moment the parts are not: a hole may be filled before it is seen. */
	if ((int64_t)begin < 0 || (int64_t)middle < 0)
		begin = holes = 0;
	order->lost_begin = begin;
	order->lost = holes;
	if (engine->options.rx_only || engine->options.no_rx ||
	    (!engine->settled && !metrics_is_over(engine, metrics)))
		return;
	order->lost = numbered > order->unique ? numbered - order->unique : 0;
	order->lost_end = order->lost > holes ? order->lost - holes : 0;
}

/* Of n frames n - 1 gaps, but for those between bursts. */
static double metrics_reached(const struct engine *engine, const struct flow *flow,
			      const struct engine_flow_metrics *metrics)
{
	const struct engine_count *tx = &metrics->tx;
	uint64_t burst = flow->plan.burst_frames, before = engine->options.warmup, between = 0;
	double steps, ns;

	if (flow->changed || tx->frames < 2)
		return 0;
	if (burst != 0)
		between = (before + tx->frames - 1) / burst - before / burst;
	steps = (double)(tx->frames - 1 - between);
	ns = (double)(tx->last_ns - tx->first_ns) - (double)between * (double)flow->plan.gap_ns;
	if (ns <= 0)
		return 0;
	if (metrics->rate.kind == RATE_BPS)
		steps *= metrics_wire_bits(tx->frames, tx->bytes) / (double)tx->frames;
	return steps * 1e9 / ns;
}

static enum engine_follow metrics_follow(const struct engine_flow_metrics *metrics)
{
	const struct engine_count *tx = &metrics->tx;
	uint64_t ns = tx->last_ns - tx->first_ns;

	/* Two frames make one gap: too few to speak of a rate. */
	if (metrics->rate.kind == RATE_MAX || tx->frames < 3 || (metrics->reached == 0 && !metrics->changed))
		return ENGINE_FOLLOWED;
	/* In a short time a late start or end is more than an error; what was skipped is one. */
	if (metrics->slipped_s == 0 && (ns < RATE_NS || metrics->changed))
		return ENGINE_FOLLOWED;
	if (metrics->changed ? metrics->slipped_s * 1e9 <= (1 - REACHED) * (double)ns
			     : metrics->reached >= REACHED * (double)metrics->rate.milli / 1000)
		return ENGINE_FOLLOWED;
	return metrics->full > 0 ? ENGINE_DEVICE_SLOW : ENGINE_CPU_SLOW;
}

static void metrics_join_parts(const struct engine *engine, uint32_t index,
			       struct engine_flow_metrics *metrics, uint64_t *numbered,
			       uint64_t holes[2])
{
	struct flow *flow = &engine->flow[index];
	uint64_t slipped = 0, seen = 0, jitter = 0;

	for (int i = ENGINE_LATENCY; i <= ENGINE_DEPARTURE; i++)
		histogram_clear(&flow->shown[i]);
	for (uint32_t i = 0; i < engine->workers; i++) {
		const struct flow_tx *tx = &engine->worker[i].tx[index];
		const struct flow_rx *rx = &engine->worker[i].rx[index];
		uint64_t received = count_load(&rx->received.frames);

		metrics_join(&metrics->tx, &tx->sent);
		metrics_join(&metrics->rx, &rx->received);
		metrics_join_order(metrics, rx, &holes[0], &holes[1]);
		*numbered += count_load(&tx->numbered);
		metrics->full += count_load(&tx->full);
		slipped += count_load(&tx->slipped_ns);
		jitter += received * count_load(&rx->jitter);
		seen += received;
		histogram_join(&flow->shown[ENGINE_LATENCY], rx->latency);
		histogram_join(&flow->shown[ENGINE_ARRIVAL], rx->arrival);
		histogram_join(&flow->shown[ENGINE_DEPARTURE], tx->departure);
		metrics->sending |= count_load(&tx->done) == 0 && flow->port == engine->worker[i].place.port;
	}
	/* A second that one of n skipped is a second for one frame in n. */
	metrics->slipped_s = (double)slipped / 1e9 / engine->options.queues;
	metrics->jitter = seen != 0 ? (double)jitter / (double)seen / 16 : 0;
}

static void metrics_take_flow(struct engine *engine, uint32_t index)
{
	const struct flow *flow = &engine->flow[index];
	struct engine_flow_metrics *metrics = &engine->metrics.flow[index];
	uint64_t numbered = 0, holes[2] = { 0 };
	double rate[4];

	*metrics = (struct engine_flow_metrics){
		.name = flow->wanted != NULL ? flow->wanted->name : "received",
		.state = (enum engine_state)flow->state,
		.rate = flow->rate,
		.streams = flow->streams,
		.tracks = flow->tracks,
		.first_track = (uint32_t)engine->metrics.stream << 24 | flow->first_track,
	};
	metrics_join_parts(engine, index, metrics, &numbered, holes);
	metrics->sending &= flow->state == ENGINE_STARTED;
	metrics->unnumbered = metrics->tx.frames > numbered ? metrics->tx.frames - numbered : 0;
	metrics_lost(engine, metrics, numbered, holes[0], holes[1]);
	metrics->changed = flow->changed;
	metrics->bursts = flow->plan.burst_frames != 0;
	metrics->reached = metrics_reached(engine, flow, metrics);
	metrics->follow = metrics_follow(metrics);
	metrics->latency = metrics_latency(&flow->shown[ENGINE_LATENCY]);
	metrics->arrival = metrics_latency(&flow->shown[ENGINE_ARRIVAL]);
	metrics->departure = metrics_latency(&flow->shown[ENGINE_DEPARTURE]);
	metrics_rates(engine, &engine->before[index], &metrics->tx, &metrics->rx, rate);
	metrics->tx_pps = rate[0];
	metrics->tx_bps = rate[1];
	metrics->rx_pps = rate[2];
	metrics->rx_bps = rate[3];
}

/* ---- ports and queues ---- */

/* A queue's share, and the port's sum. */
static void metrics_add_stats(struct engine_port_metrics *port,
			      const struct engine_queue_metrics *queue)
{
	port->completed += queue->completed;
	port->refused += queue->refused;
	port->in_flight += queue->in_flight;
	port->full += queue->full;
	port->kicks += queue->kicks;
	port->tx_rescues += queue->tx_rescues;
	port->dropped += queue->dropped;
	port->starved += queue->starved;
	port->interrupts += queue->interrupts;
	port->rx_rescues += queue->rx_rescues;
}

static void metrics_read_stats(struct engine_queue_metrics *queue, const struct worker *worker)
{
	struct vionet_queue_stats tx = { .struct_size = sizeof(tx) };
	struct vionet_queue_stats rx = { .struct_size = sizeof(rx) };

	vionet_queue_stats(worker->session.tx, &tx);
	vionet_queue_stats(worker->session.rx, &rx);
	queue->completed = tx.completed;
	queue->refused = tx.invalid;
	queue->in_flight = tx.in_flight;
	queue->full = tx.full;
	queue->kicks = tx.kicks;
	queue->tx_rescues = tx.rescues;
	queue->dropped = rx.dropped_short + rx.dropped_long + rx.dropped_chain +
			 rx.dropped_metadata;
	queue->starved = rx.starved;
	queue->interrupts = rx.interrupts;
	queue->rx_rescues = rx.rescues;
}

static void metrics_join_worker(struct engine_port_metrics *port, const struct worker *worker)
{
	metrics_join(&port->tx, &worker->sent);
	metrics_join(&port->rx, &worker->received);
	metrics_join(&port->own, &worker->own);
	metrics_join(&port->other, &worker->other);
	port->damaged += count_load(&worker->damaged);
	port->tunnelled += count_load(&worker->tunnelled);
	port->readdressed += count_load(&worker->readdressed);
	port->misdelivered += count_load(&worker->misdelivered);
	for (int i = 0; i < ENGINE_VLANS; i++) {
		uint64_t frames = count_load(&worker->vlans[i]);
		uint64_t tag = count_load(&worker->vlan_tag[i]);

		if (frames == 0)
			continue;
		port->vlan[i].frames += frames;
		port->vlan[i].type = (uint16_t)(tag >> 16);
		port->vlan[i].tci = (uint16_t)tag;
	}
}

static void metrics_take_port(struct engine *engine, uint32_t index)
{
	const struct port *port = &engine->port[index];
	struct engine_port_metrics *metrics = &engine->metrics.port[index];
	struct vionet_link link = { .struct_size = sizeof(link) };
	double rate[4];

	*metrics = (struct engine_port_metrics){
		.name = port->wanted->name,
		.location = port->session.name,
		.link_up = port->info.link_up,
		.link_mbit = port->info.link_speed,
		.queues = engine->options.queues,
		.rx_queue_size = port->session.queue_size[0],
		.tx_queue_size = port->session.queue_size[1],
	};
	if (vionet_device_link(port->session.device, &link) == 0)
		metrics->link_up = link.up;
	memcpy(metrics->mac, port->info.mac, sizeof(metrics->mac));
	for (uint32_t i = 0; i < engine->workers; i++)
		if (engine->worker[i].place.port == index) {
			metrics_join_worker(metrics, &engine->worker[i]);
			metrics_add_stats(metrics, &engine->metrics.queue[i]);
		}
	metrics_rates(engine, &engine->before[engine->flow_count + index], &metrics->tx,
		      &metrics->rx, rate);
	metrics->tx_pps = rate[0];
	metrics->tx_bps = rate[1];
	metrics->rx_pps = rate[2];
	metrics->rx_bps = rate[3];
}

/* What is missing of what a worker sent of a flow: its tracks tell, once nothing moves. */
static uint64_t metrics_worker_lost(const struct engine *engine, const struct worker *worker,
				    uint32_t index)
{
	const struct flow_tx *tx = &worker->tx[index];
	uint64_t unique = 0;

	for (uint32_t i = tx->schedule.first; i < tx->schedule.end; i++) {
		struct track_state state;

		track_state(&engine->tracks, engine->flow[index].first_track + i, &state);
		unique += state.unique;
	}
	return tx->numbered > unique ? tx->numbered - unique : 0;
}

/* All flows together, at the end. */
static void metrics_take_worker(const struct engine *engine, const struct worker *worker,
				struct engine_queue_metrics *metrics)
{
	static struct histogram latency; /* the control thread's: too large for a stack */

	histogram_clear(&latency);
	for (uint32_t i = 0; i < engine->flow_count; i++) {
		struct engine_flow_metrics flow = { 0 };
		uint64_t holes[2] = { 0 };

		metrics_join_order(&flow, &worker->rx[i], &holes[0], &holes[1]);
		metrics->order.unique += flow.order.unique;
		metrics->order.duplicates += flow.order.duplicates;
		metrics->order.reordered += flow.order.reordered;
		metrics->order.out_of_window += flow.order.out_of_window;
		metrics->order.damaged += flow.order.damaged;
		metrics->order.late += flow.order.late;
		if (!engine->options.rx_only)
			metrics->order.lost += metrics_worker_lost(engine, worker, i);
		histogram_join(&latency, worker->rx[i].latency);
	}
	metrics->latency = metrics_latency(&latency);
}

static void metrics_take_queue(struct engine *engine, uint32_t index)
{
	const struct worker *worker = &engine->worker[index];
	struct engine_queue_metrics *metrics = &engine->metrics.queue[index];
	double rate[4];

	*metrics = (struct engine_queue_metrics){
		.port = worker->place.port,
		.queue = worker->place.queue,
		.tx = metrics_load(&worker->sent),
		.rx = metrics_load(&worker->received),
		.own = metrics_load(&worker->own),
		.other = metrics_load(&worker->other),
	};
	metrics_read_stats(metrics, worker);
	if (engine->threads == 0 && !engine->options.no_rx)
		metrics_take_worker(engine, worker, metrics);
	metrics_rates(engine, &engine->before[engine->flow_count + engine->ports + index],
		      &metrics->tx, &metrics->rx, rate);
	metrics->tx_pps = rate[0];
	metrics->tx_bps = rate[1];
	metrics->rx_pps = rate[2];
	metrics->rx_bps = rate[3];
}

const struct engine_metrics *engine_metrics(struct engine *engine)
{
	struct engine_metrics *metrics = &engine->metrics;

	metrics->at_ns = now_ns();
	metrics->start_ns = engine->start_ns;
	metrics->loaded_ns = engine->loaded_ns;
	metrics->stream = __atomic_load_n(&engine->stream, __ATOMIC_RELAXED);
	metrics->flows = engine->flow_count;
	metrics->ports = engine->ports;
	metrics->queues = engine->workers;
	for (uint32_t i = 0; i < engine->flow_count; i++)
		metrics_take_flow(engine, i);
	for (uint32_t i = 0; i < engine->workers; i++)
		metrics_take_queue(engine, i);
	for (uint32_t i = 0; i < engine->ports; i++)
		metrics_take_port(engine, i);
	engine->before_ns = metrics->at_ns;
	return metrics;
}

uint64_t metrics_unique(const struct engine *engine, uint64_t *sent, uint64_t *latency_max)
{
	uint64_t unique = 0;

	*sent = *latency_max = 0;
	for (uint32_t i = 0; i < engine->flow_count; i++) {
		const struct traffic_flow *wanted = engine->flow[i].wanted;
		bool looked_for = wanted != NULL && wanted->track && wanted->rx_ports > 0;

		for (uint32_t j = 0; j < engine->workers; j++) {
			const struct flow_rx *rx = &engine->worker[j].rx[i];
			uint64_t latency = count_load(&rx->latency_max);

			unique += looked_for ? count_load(&rx->unique) : 0;
			*sent += looked_for ? count_load(&engine->worker[j].tx[i].numbered) : 0;
			if (latency > *latency_max)
				*latency_max = latency;
		}
	}
	return unique;
}

static void metrics_join_histograms(const struct engine *engine, uint32_t flow,
				    enum engine_histogram which, struct histogram *sum)
{
	for (uint32_t i = 0; i < engine->workers; i++) {
		const struct worker *worker = &engine->worker[i];

		histogram_join(sum, which == ENGINE_LATENCY ? worker->rx[flow].latency :
				    which == ENGINE_ARRIVAL ? worker->rx[flow].arrival :
							      worker->tx[flow].departure);
	}
}

const struct histogram *engine_flow_histogram(struct engine *engine, uint32_t flow,
					      enum engine_histogram which)
{
	struct histogram *shown;

	if (which > ENGINE_DEPARTURE || (flow >= engine->flow_count && flow != ENGINE_ALL_FLOWS))
		return NULL;
	shown = flow == ENGINE_ALL_FLOWS ? &engine->shown : &engine->flow[flow].shown[which];
	histogram_clear(shown);
	for (uint32_t i = 0; i < engine->flow_count; i++)
		if (i == flow || flow == ENGINE_ALL_FLOWS)
			metrics_join_histograms(engine, i, which, shown);
	return shown;
}

/* ---- streams ---- */

/* Frames of the track that were given out. While it is being sent, as of a moment ago. */
static uint64_t metrics_track_sent(const struct engine *engine, uint32_t index, uint32_t track)
{
	for (uint32_t i = 0; i < engine->workers; i++) {
		const struct worker *worker = &engine->worker[i];
		const struct schedule *schedule = &worker->tx[index].schedule;

		if (worker->place.port == engine->flow[index].port &&
		    track >= schedule->first && track < schedule->end)
			return schedule->sequence + (track < schedule->track);
	}
	return 0;
}

/* Numbers of the track that count: from `start` to before `end`. */
static void metrics_join_track(struct engine_stream_metrics *sum, uint64_t start, uint64_t end,
			       const struct track_state *state)
{
	sum->tx_frames += end > start ? end - start : 0;
	if (state->unique == 0)
		return;
	if (sum->order.unique == 0 || state->latency_min < sum->latency_min)
		sum->latency_min = state->latency_min;
	if (state->latency_max > sum->latency_max)
		sum->latency_max = state->latency_max;
	/* The sum of latencies until the last track is in. */
	sum->latency_average += (double)state->latency_sum;
	sum->rx_frames += state->unique + state->duplicates;
	sum->order.unique += state->unique;
	sum->order.duplicates += state->duplicates;
	sum->order.reordered += state->reordered;
	sum->order.lost_begin += state->first - start;
	sum->order.lost_end += end > state->next ? end - state->next : 0;
}

int engine_stream_metrics(struct engine *engine, uint32_t flow, uint64_t stream,
			  struct engine_stream_metrics *metrics)
{
	const struct flow *of;

	*metrics = (struct engine_stream_metrics){ 0 };
	if (flow >= engine->flow_count || stream >= engine->flow[flow].streams)
		return -ENOENT;
	of = &engine->flow[flow];
	for (uint64_t at = stream; at < of->tracks; at += of->streams) {
		uint32_t track = (uint32_t)at;
		struct track_state state;

		track_state(&engine->tracks, of->first_track + track, &state);
		metrics_join_track(metrics, engine_first_counted(engine, of, track),
				   metrics_track_sent(engine, flow, track), &state);
	}
	if (metrics->order.unique > 0)
		metrics->latency_average /= (double)metrics->order.unique;
	if (metrics->tx_frames > metrics->order.unique)
		metrics->order.lost = metrics->tx_frames - metrics->order.unique;
	return 0;
}

int engine_flow_reordering(struct engine *engine, uint32_t flow, struct engine_reordering *reordering)
{
	*reordering = (struct engine_reordering){ 0 };
	if (flow >= engine->flow_count || engine->options.rx_only)
		return -ENOENT;
	for (uint32_t i = 0; i < engine->flow[flow].tracks; i++)
		if (!track_reordering(&engine->tracks, engine->flow[flow].first_track + i, reordering))
			return -ENOENT;
	return 0;
}
