/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/monitor/monitor.h"

#include <stdlib.h>
#include <string.h>

#define WIRE_BYTES 24.0 /* preamble, FCS, the gap to the next frame */

double monitor_wire_bits(double frames, double bytes)
{
	return 8.0 * (bytes + WIRE_BYTES * frames);
}

void monitor_reset(struct monitor *monitor)
{
	free(monitor->flow);
	free(monitor->port);
	free(monitor->queue);
	*monitor = (struct monitor){ 0 };
}

uint64_t monitor_due(const struct monitor *monitor)
{
	return monitor->at_ns == 0 ? 0 : monitor->at_ns + MONITOR_STEP_NS;
}

float monitor_sample(const struct monitor *monitor, const struct monitor_series *series,
		     const float samples[MONITOR_SAMPLES], uint32_t age)
{
	uint32_t place = (monitor->next + MONITOR_SAMPLES - 1 - age) % MONITOR_SAMPLES;

	return age < series->samples ? samples[place] : 0;
}

/* As many as there are now. */
static bool monitor_fit(struct monitor *monitor, const struct engine_metrics *metrics)
{
	if (monitor->at_ns != 0 && monitor->flows == metrics->flows &&
	    monitor->ports == metrics->ports && monitor->queues == metrics->queues)
		return true;
	monitor_reset(monitor);
	monitor->flow = calloc(metrics->flows + 1, sizeof(*monitor->flow));
	monitor->port = calloc(metrics->ports + 1, sizeof(*monitor->port));
	monitor->queue = calloc(metrics->queues + 1, sizeof(*monitor->queue));
	if (monitor->flow == NULL || monitor->port == NULL || monitor->queue == NULL) {
		monitor_reset(monitor);
		return false;
	}
	monitor->flows = metrics->flows;
	monitor->ports = metrics->ports;
	monitor->queues = metrics->queues;
	return true;
}

/* Counters begin again where flows are started anew. */
static double monitor_rate(uint64_t now, uint64_t before, double seconds)
{
	return (double)(now >= before ? now - before : now) / seconds;
}

static void monitor_add(struct monitor *monitor, struct monitor_series *series,
			const struct engine_count *tx, const struct engine_count *rx,
			double seconds)
{
	struct monitor_rates *rates = &series->rates;

	rates->tx_pps = monitor_rate(tx->frames, series->tx.frames, seconds);
	rates->rx_pps = monitor_rate(rx->frames, series->rx.frames, seconds);
	rates->tx_bps = monitor_wire_bits(rates->tx_pps,
					  monitor_rate(tx->bytes, series->tx.bytes, seconds));
	rates->rx_bps = monitor_wire_bits(rates->rx_pps,
					  monitor_rate(rx->bytes, series->rx.bytes, seconds));
	series->tx_pps[monitor->next] = (float)rates->tx_pps;
	series->rx_pps[monitor->next] = (float)rates->rx_pps;
	if (series->samples < MONITOR_SAMPLES)
		series->samples++;
	series->tx = *tx;
	series->rx = *rx;
}

static void monitor_add_flow(struct monitor *monitor, struct monitor_series *series,
			     const struct engine_flow_metrics *flow, double seconds)
{
	uint64_t lost = flow->order.lost;

	/* What came late makes up for what was missed before. */
	series->lost_pps[monitor->next] =
		(float)(lost > series->lost ? (double)(lost - series->lost) / seconds : 0);
	series->latency_ns[monitor->next] = (float)flow->latency.p99;
	series->lost = lost;
	monitor_add(monitor, series, &flow->tx, &flow->rx, seconds);
}

static void monitor_add_all(struct monitor *monitor, const struct engine_metrics *metrics,
			    double seconds)
{
	for (size_t i = 0; i < metrics->flows; i++)
		monitor_add_flow(monitor, &monitor->flow[i], &metrics->flow[i], seconds);
	for (size_t i = 0; i < metrics->ports; i++)
		monitor_add(monitor, &monitor->port[i], &metrics->port[i].tx, &metrics->port[i].rx,
			    seconds);
	for (size_t i = 0; i < metrics->queues; i++)
		monitor_add(monitor, &monitor->queue[i], &metrics->queue[i].tx,
			    &metrics->queue[i].rx, seconds);
}

/* The first one has no second before it: its counters are where rates begin. */
static void monitor_begin(struct monitor *monitor, const struct engine_metrics *metrics)
{
	for (size_t i = 0; i < metrics->flows; i++) {
		monitor->flow[i].tx = metrics->flow[i].tx;
		monitor->flow[i].rx = metrics->flow[i].rx;
		monitor->flow[i].lost = metrics->flow[i].order.lost;
	}
	for (size_t i = 0; i < metrics->ports; i++) {
		monitor->port[i].tx = metrics->port[i].tx;
		monitor->port[i].rx = metrics->port[i].rx;
	}
	for (size_t i = 0; i < metrics->queues; i++) {
		monitor->queue[i].tx = metrics->queue[i].tx;
		monitor->queue[i].rx = metrics->queue[i].rx;
	}
}

bool monitor_take(struct monitor *monitor, struct engine *engine, uint64_t now,
		  const struct engine_metrics **metrics)
{
	double seconds = (double)(now - monitor->taken_ns) / 1e9;

	if (now < monitor_due(monitor))
		return false;
	*metrics = engine_metrics(engine);
	if (*metrics == NULL || !monitor_fit(monitor, *metrics))
		return false;
	if (monitor->at_ns == 0) {
		monitor_begin(monitor, *metrics);
		monitor->at_ns = monitor->taken_ns = now;
		return true;
	}
	monitor_add_all(monitor, *metrics, seconds);
	monitor->next = (monitor->next + 1) % MONITOR_SAMPLES;
	/* After a stall the next one is a whole second away. */
	monitor->at_ns += MONITOR_STEP_NS;
	if (now - monitor->at_ns >= MONITOR_STEP_NS)
		monitor->at_ns = now;
	monitor->taken_ns = now;
	return true;
}
