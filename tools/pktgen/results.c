/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/packet/header_table.h"

/* Preamble 8, gap 12 and FCS 4: what a frame costs on the wire beyond itself. */
#define WIRE_OVERHEAD 24.0

double pktgen_wire_bits(uint64_t frames, uint64_t bytes)
{
	return 8.0 * ((double)bytes + WIRE_OVERHEAD * (double)frames);
}

/* Frames a second between the first and the last: of n frames n - 1 gaps. */
static double result_pps(const struct engine_count *count)
{
	if (count->frames < 2 || count->last_ns == count->first_ns)
		return 0;
	return (double)(count->frames - 1) * 1e9 /
	       (double)(count->last_ns - count->first_ns);
}

static struct pktgen_flow_result result_of_count(const struct engine_count *count)
{
	struct pktgen_flow_result result = {
		.frames = count->frames,
		.bytes = count->bytes,
		.pps = result_pps(count),
	};

	if (count->frames != 0)
		result.wire_bps = result.pps *
				  pktgen_wire_bits(count->frames, count->bytes) /
				  (double)count->frames;
	return result;
}

static void result_join(struct engine_count *sum, const struct engine_count *count)
{
	if (count->frames == 0)
		return;
	if (sum->frames == 0 || count->first_ns < sum->first_ns)
		sum->first_ns = count->first_ns;
	if (count->last_ns > sum->last_ns)
		sum->last_ns = count->last_ns;
	sum->frames += count->frames;
	sum->bytes += count->bytes;
}

/* Of the one flow; several have rates of their own. */
static struct pktgen_verdict result_of_rate(const struct engine_metrics *metrics,
					    uint32_t parts)
{
	static const char *const why[] = {
		[ENGINE_FOLLOWED] = NULL,
		[ENGINE_DEVICE_SLOW] = "the device could not follow: its queue was full",
		[ENGINE_CPU_SLOW] = "not reached, though the queue was never full: this "
				    "machine had too little time",
	};
	const struct engine_flow_metrics *flow = &metrics->flow[0];
	bool bits = flow->rate.kind == RATE_BPS;

	if (metrics->flows != 1 || flow->rate.kind == RATE_MAX)
		return (struct pktgen_verdict){ .unit = "pps", .followed = true };
	return (struct pktgen_verdict){
		.requested = true,
		.unit = bits ? "bit/s" : "pps",
		.wanted = (double)flow->rate.milli / 1000 / parts,
		.reached = parts == 1 ? flow->reached : 0,
		.changed = flow->changed,
		.bursts = flow->bursts,
		.followed = flow->follow == ENGINE_FOLLOWED,
		.why = why[flow->follow],
	};
}

static struct pktgen_latency_result result_of_latency(const struct engine_latency *latency)
{
	return (struct pktgen_latency_result){
		.count = latency->count,
		.min = latency->min,
		.max = latency->max,
		.p50 = latency->p50,
		.p90 = latency->p90,
		.p99 = latency->p99,
		.p999 = latency->p999,
		.average = latency->average,
		.jitter = NAN,
	};
}

static void result_of_histogram(const struct histogram *histogram,
				struct pktgen_latency_result *result)
{
	*result = (struct pktgen_latency_result){
		.count = histogram->count,
		.min = histogram->min,
		.max = histogram->max,
		.p50 = histogram_percentile(histogram, 500),
		.p90 = histogram_percentile(histogram, 900),
		.p99 = histogram_percentile(histogram, 990),
		.p999 = histogram_percentile(histogram, 999),
		.average = histogram_average(histogram),
	};
}

static void result_join_port(struct pktgen_pair_result *total,
			     const struct engine_port_metrics *port)
{
	total->tx.completed += port->completed;
	total->tx.refused += port->refused;
	total->tx.in_flight += port->in_flight;
	total->tx.full += port->full;
	total->tx.kicks += port->kicks;
	total->tx.rescues += port->tx_rescues;
	total->rx.dropped += port->dropped;
	total->rx.starved += port->starved;
	total->rx.interrupts += port->interrupts;
	total->rx.rescues += port->rx_rescues;
	total->rx.damaged_other += port->damaged;
	total->rx.tunnelled += port->tunnelled;
	total->rx.readdressed += port->readdressed;
	total->rx.misdelivered += port->misdelivered;
	for (int i = 0; i < PKTGEN_VLANS; i++) {
		if (port->vlan[i].frames == 0)
			continue;
		total->rx.vlan[i].frames += port->vlan[i].frames;
		total->rx.vlan[i].type = port->vlan[i].type;
		total->rx.vlan[i].tci = port->vlan[i].tci;
	}
}

static void result_join_flow(struct pktgen_pair_result *total,
			     const struct engine_flow_metrics *flow)
{
	const struct engine_order *order = &flow->order;

	total->rx.lost += order->lost;
	total->rx.lost_begin += order->lost_begin;
	total->rx.lost_end += order->lost_end;
	total->rx.late += order->late;
	total->rx.duplicates += order->duplicates;
	total->rx.reordered += order->reordered;
	total->rx.out_of_window += order->out_of_window;
	total->rx.damaged += order->damaged;
	total->tx.slipped_s += flow->slipped_s;
	total->tx.unnumbered += flow->unnumbered;
}

static void result_of_total(const struct engine_metrics *metrics,
			    struct pktgen_pair_result *total)
{
	struct engine_count tx = { 0 }, rx = { 0 }, own = { 0 }, other = { 0 };

	total->stream = metrics->stream;
	for (size_t i = 0; i < metrics->ports; i++) {
		result_join(&tx, &metrics->port[i].tx);
		result_join(&rx, &metrics->port[i].rx);
		result_join(&own, &metrics->port[i].own);
		result_join(&other, &metrics->port[i].other);
		result_join_port(total, &metrics->port[i]);
	}
	for (size_t i = 0; i < metrics->flows; i++)
		result_join_flow(total, &metrics->flow[i]);
	total->tx.sent = result_of_count(&tx);
	total->rx.all = result_of_count(&rx);
	total->rx.own = result_of_count(&own);
	total->rx.not_ours = result_of_count(&other);
	total->tx.rate = result_of_rate(metrics, 1);
}

static void result_of_queue(const struct engine_metrics *metrics,
			    const struct engine_queue_metrics *queue, uint32_t pairs,
			    struct pktgen_pair_result *pair)
{
	*pair = (struct pktgen_pair_result){
		.port = metrics->port[queue->port].name,
		.queue = queue->queue,
		.stream = metrics->stream,
		.tx.sent = result_of_count(&queue->tx),
		.rx.all = result_of_count(&queue->rx),
		.rx.own = result_of_count(&queue->own),
		.rx.not_ours = result_of_count(&queue->other),
		.rx.lost = queue->order.lost,
		.rx.duplicates = queue->order.duplicates,
		.rx.reordered = queue->order.reordered,
		.rx.out_of_window = queue->order.out_of_window,
		.rx.damaged = queue->order.damaged,
		.rx.late = queue->order.late,
		.latency = result_of_latency(&queue->latency),
	};
	pair->tx.rate = result_of_rate(metrics, pairs);
	pair->tx.completed = queue->completed;
	pair->tx.refused = queue->refused;
	pair->tx.in_flight = queue->in_flight;
	pair->tx.full = queue->full;
	pair->tx.kicks = queue->kicks;
	pair->tx.rescues = queue->tx_rescues;
	pair->rx.dropped = queue->dropped;
	pair->rx.starved = queue->starved;
	pair->rx.interrupts = queue->interrupts;
	pair->rx.rescues = queue->rx_rescues;
}

static void result_name(const struct engine_metrics *metrics, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < metrics->ports && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? "," : "",
					 metrics->port[i].location);
}

static int result_make_lists(const struct engine_metrics *metrics,
			     struct pktgen_results *results)
{
	results->flows = metrics->flows;
	results->flow = calloc(metrics->flows + 1, sizeof(*results->flow));
	results->reordering = calloc(metrics->flows + 1, sizeof(*results->reordering));
	if (metrics->queues > 1) {
		results->pairs = (uint32_t)metrics->queues;
		results->pair = calloc(results->pairs, sizeof(*results->pair));
	}
	if (results->flow == NULL || results->reordering == NULL ||
	    (results->pairs != 0 && results->pair == NULL)) {
		say("no memory for the results of %zu queue pairs", metrics->queues);
		return CODE_FAILED;
	}
	memcpy(results->flow, metrics->flow, metrics->flows * sizeof(*results->flow));
	for (uint32_t i = 0; i < results->pairs; i++)
		result_of_queue(metrics, &metrics->queue[i], results->options->queues,
				&results->pair[i]);
	return CODE_OK;
}

/* Tags that the first flow is sent with. */
static uint32_t result_vlans(const struct traffic *traffic)
{
	const struct traffic_flow *flow = traffic->flow;
	uint32_t count = 0;

	for (size_t i = 1; traffic->flows > 0 && i < flow->headers; i++)
		if (flow->header[i].kind == HEADER_VLAN)
			count++;
		else
			break;
	return count;
}

int pktgen_take_results(const struct pktgen_options *options,
			const struct engine_metrics *metrics,
			const struct histogram *latency,
			const struct pktgen_ending *ending, struct pktgen_results *results)
{
	*results = (struct pktgen_results){
		.options = options,
		.rx_size = metrics->port[0].rx_queue_size,
		.tx_size = metrics->port[0].tx_queue_size,
		.load_s = (double)(metrics->loaded_ns - metrics->start_ns) / 1e9,
		.wait_s = (double)(ending->end_ns - metrics->loaded_ns) / 1e9,
		.interrupted = ending->interrupted,
		.hurried = ending->hurried,
		.cut_short = ending->cut_short,
		.sent_vlans = result_vlans(&options->traffic),
		.code = ending->code,
	};
	result_name(metrics, results->device, sizeof(results->device));
	memcpy(results->source_mac, metrics->port[0].mac, sizeof(results->source_mac));
	results->latency = latency;
	result_of_total(metrics, &results->total);
	result_of_histogram(latency, &results->total.latency);
	results->total.latency.jitter = metrics->flows == 1 ? metrics->flow[0].jitter : NAN;
	return result_make_lists(metrics, results);
}

bool pktgen_is_idle(const struct pktgen_results *results, uint32_t pair)
{
	uint64_t received = 0;

	if (results->pair == NULL)
		return false;
	/* By the port's other pairs: a port may have nothing to receive at all. */
	for (uint32_t i = 0; i < results->pairs; i++)
		if (results->pair[i].port == results->pair[pair].port)
			received += results->pair[i].rx.all.frames;
	return received > 0 && results->pair[pair].rx.all.frames == 0;
}
