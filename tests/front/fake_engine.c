/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An engine without devices: what its flows would send by now, and get back, is computed of their rates and the
 * time. One frame in 64 of a flow whose name begins with "lossy" is lost. For tests of what uses the engine.
 */
#include "fake_engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vionet/packet.h>

#include "tools/pktgen/engine/engine.h"
#include "tools/pktgen/histogram.h"
#include "tools/pktgen/model/traffic.h"

#define MAX_PPS 1000000.0
#define QUEUES 2u

struct fake_engine_faults fake_engine_faults;

struct fake_flow {
	enum engine_state state;
	struct rate rate;
	uint64_t since_ns; /* when this rate or state began */
	double before;	   /* frames until then */
};

struct engine {
	const struct traffic *traffic;
	const struct engine_tap *tap;
	struct fake_flow *flow;
	uint64_t start_ns;
	struct engine_metrics metrics;
	struct histogram histogram;
};

static int fake_flows(struct engine *engine, const struct traffic *traffic)
{
	engine->traffic = traffic;
	free(engine->flow);
	engine->flow = calloc(traffic->flows + 1, sizeof(*engine->flow));
	for (size_t i = 0; i < traffic->flows; i++)
		engine->flow[i].rate = traffic->flow[i].rate;
	engine->start_ns = 0;
	return CODE_OK;
}

int engine_open(struct engine **engine, const struct traffic *traffic,
		const struct engine_options *options)
{
	*engine = NULL;
	if (fake_engine_faults.open != 0) {
		say("%s: it cannot be opened, as was asked for", traffic->port[0].location);
		return fake_engine_faults.open;
	}
	*engine = calloc(1, sizeof(**engine));
	(*engine)->tap = options->tap;
	return fake_flows(*engine, traffic);
}

int engine_launch(struct engine *engine)
{
	(void)engine;
	return CODE_OK;
}

int engine_configure(struct engine *engine, const struct traffic *traffic)
{
	if (fake_engine_faults.configure == 0)
		return fake_flows(engine, traffic);
	say("it cannot be configured, as was asked for");
	return fake_engine_faults.configure;
}

static void fake_free_metrics(struct engine *engine)
{
	free(engine->metrics.flow);
	free(engine->metrics.port);
	free(engine->metrics.queue);
}

int engine_close(struct engine *engine)
{
	if (engine == NULL)
		return CODE_OK;
	fake_free_metrics(engine);
	free(engine->flow);
	free(engine);
	return CODE_OK;
}

static double fake_pps(const struct rate *rate)
{
	if (rate->kind == RATE_PPS)
		return (double)rate->milli / 1000;
	return rate->kind == RATE_BPS ? (double)rate->milli / 1000 / 672 : MAX_PPS;
}

static uint64_t fake_sent(const struct engine *engine, size_t number)
{
	const struct fake_flow *flow = &engine->flow[number];
	uint64_t limit = engine->traffic->flow[number].duration.frames, sent;
	double frames = flow->before;

	if (flow->state == ENGINE_STARTED)
		frames += fake_pps(&flow->rate) * (double)(now_ns() - flow->since_ns) / 1e9;
	sent = (uint64_t)frames;
	return limit != 0 && sent > limit ? limit : sent;
}

static bool fake_sends(const struct engine *engine, size_t number)
{
	uint64_t limit = engine->traffic->flow[number].duration.frames;

	return engine->flow[number].state == ENGINE_STARTED &&
	       (limit == 0 || fake_sent(engine, number) < limit);
}

bool engine_is_sending(const struct engine *engine)
{
	for (size_t i = 0; i < engine->traffic->flows; i++)
		if (fake_sends(engine, i) || engine->flow[i].state == ENGINE_PAUSED)
			return true;
	return false;
}

static void fake_note(struct engine *engine, size_t number)
{
	engine->flow[number].before = (double)fake_sent(engine, number);
	engine->flow[number].since_ns = now_ns();
}

static void fake_transmit(struct engine *engine, size_t number, enum engine_transmit what)
{
	static const enum engine_state states[] = {
		[ENGINE_START] = ENGINE_STARTED,
		[ENGINE_STOP] = ENGINE_STOPPED,
		[ENGINE_PAUSE] = ENGINE_PAUSED,
		[ENGINE_RESUME] = ENGINE_STARTED,
	};

	if (what == ENGINE_PAUSE && engine->flow[number].state != ENGINE_STARTED)
		return;
	fake_note(engine, number);
	if (what == ENGINE_START)
		engine->flow[number].before = 0;
	engine->flow[number].state = states[what];
}

int engine_transmit(struct engine *engine, const uint32_t *flow, size_t count,
		    enum engine_transmit what)
{
	if (what == ENGINE_START && !engine_is_sending(engine)) {
		engine->start_ns = now_ns();
		for (size_t i = 0; i < engine->traffic->flows; i++)
			engine->flow[i].before = 0;
	}
	for (size_t i = 0; flow == NULL && i < engine->traffic->flows; i++)
		fake_transmit(engine, i, what);
	for (size_t i = 0; flow != NULL && i < count; i++)
		fake_transmit(engine, flow[i], what);
	return CODE_OK;
}

int engine_set_rate(struct engine *engine, uint32_t flow, const struct rate *rate)
{
	if (rate->kind == RATE_PERCENT) {
		say("the link states no speed");
		return CODE_USAGE;
	}
	fake_note(engine, flow);
	engine->flow[flow].rate = *rate;
	return CODE_OK;
}

int engine_set_duration(struct engine *engine, uint32_t flow,
			const struct traffic_duration *duration)
{
	(void)engine;
	(void)flow;
	(void)duration;
	return CODE_OK;
}

/* A frame of each flow that is being sent passes; its first bytes name the port where it arrives. */
static void fake_pass(const struct engine *engine)
{
	uint8_t bytes[60] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct vionet_packet packet = { .data = bytes, .length = sizeof(bytes) };
	struct vionet_packet *packets[] = { &packet };

	for (size_t i = 0; engine->tap != NULL && i < engine->traffic->flows; i++) {
		const struct traffic_flow *flow = &engine->traffic->flow[i];
		const struct engine_place from = { .port = flow->tx_port, .worker = QUEUES * flow->tx_port };
		const struct engine_place to = { .port = flow->rx_port[0], .worker = QUEUES * flow->rx_port[0] };

		if (!fake_sends(engine, i))
			continue;
		bytes[12] = 0x88;
		bytes[13] = 0xb5;
		bytes[14] = (uint8_t)to.port;
		engine->tap->see(engine->tap->context, &from, true, packets, 1, now_ns());
		engine->tap->took(engine->tap->context, &from, 1);
		engine->tap->see(engine->tap->context, &to, false, packets, 1, now_ns());
	}
}

int engine_poll(struct engine *engine, uint64_t until_ns)
{
	if (fake_engine_faults.poll != 0) {
		say("the device is gone, as was asked for");
		return fake_engine_faults.poll;
	}
	fake_pass(engine);
	while (until_ns != 0 && now_ns() < until_ns && engine_is_sending(engine) && stop_asked() == 0)
		sleep_ns(1000000);
	return CODE_OK;
}

int engine_settle(struct engine *engine, bool *cut_short)
{
	(void)engine;
	if (cut_short != NULL)
		*cut_short = false;
	return CODE_OK;
}

static void fake_flow_metrics(const struct engine *engine, size_t number,
			      struct engine_flow_metrics *flow)
{
	const struct traffic_flow *from = &engine->traffic->flow[number];
	uint64_t sent = fake_sent(engine, number);
	uint64_t lost = strncmp(from->name, "lossy", 5) == 0 ? sent / 64 : 0;

	flow->name = from->name;
	flow->state = engine->flow[number].state;
	flow->sending = fake_sends(engine, number);
	flow->rate = engine->flow[number].rate;
	flow->streams = traffic_flow_streams(from);
	flow->tx = (struct engine_count){ sent, 60 * sent, 1, 2 };
	flow->rx = (struct engine_count){ sent - lost, 60 * (sent - lost), 1, 2 };
	flow->order.lost = lost;
	flow->order.unique = sent - lost;
	flow->jitter = 700;
	if (sent == 0)
		return;
	flow->latency = (struct engine_latency){ sent - lost, 5000, 99000, 7000, 9000, 20000, 50000, 8000 };
	flow->arrival = flow->departure = flow->latency;
}

static void fake_port_metrics(const struct engine *engine, size_t number,
			      struct engine_port_metrics *port)
{
	port->name = engine->traffic->port[number].name;
	port->location = engine->traffic->port[number].location;
	port->link_up = true;
	port->link_mbit = 10000;
	port->queues = QUEUES;
	for (size_t i = 0; i < engine->traffic->flows; i++) {
		uint64_t sent = fake_sent(engine, i);

		if (engine->traffic->flow[i].tx_port != number)
			continue;
		port->tx.frames += sent;
		port->tx.bytes += 60 * sent;
	}
	port->rx = port->own = port->tx;
	port->completed = port->tx.frames;
}

const struct engine_metrics *engine_metrics(struct engine *engine)
{
	const struct traffic *traffic = engine->traffic;
	struct engine_metrics *metrics = &engine->metrics;

	fake_free_metrics(engine);
	*metrics = (struct engine_metrics){
		.at_ns = now_ns(),
		.start_ns = engine->start_ns,
		.stream = 0,
		.flows = traffic->flows,
		.ports = traffic->ports,
		.queues = QUEUES * traffic->ports,
		.flow = calloc(traffic->flows + 1, sizeof(*metrics->flow)),
		.port = calloc(traffic->ports + 1, sizeof(*metrics->port)),
		.queue = calloc(QUEUES * traffic->ports + 1, sizeof(*metrics->queue)),
	};
	for (size_t i = 0; i < metrics->flows; i++)
		fake_flow_metrics(engine, i, &metrics->flow[i]);
	for (size_t i = 0; i < metrics->ports; i++)
		fake_port_metrics(engine, i, &metrics->port[i]);
	for (size_t i = 0; i < metrics->queues; i++) {
		metrics->queue[i].port = (uint32_t)(i / QUEUES);
		metrics->queue[i].queue = (uint32_t)(i % QUEUES);
		metrics->queue[i].tx.frames = metrics->port[i / QUEUES].tx.frames / QUEUES;
		metrics->queue[i].rx.frames = metrics->port[i / QUEUES].rx.frames / QUEUES;
	}
	return metrics;
}

const struct histogram *engine_flow_histogram(struct engine *engine, uint32_t flow,
					      enum engine_histogram which)
{
	(void)flow;
	(void)which;
	return &engine->histogram;
}

int engine_stream_metrics(struct engine *engine, uint32_t flow, uint64_t stream,
			  struct engine_stream_metrics *metrics)
{
	uint64_t streams = traffic_flow_streams(&engine->traffic->flow[flow]);
	uint64_t sent = fake_sent(engine, flow);

	if (stream >= streams)
		return -ENOENT;
	*metrics = (struct engine_stream_metrics){ .tx_frames = sent / streams + (stream < sent % streams) };
	metrics->rx_frames = metrics->tx_frames;
	metrics->latency_min = 5000;
	metrics->latency_max = 99000;
	metrics->latency_average = 8000;
	return 0;
}

struct session *engine_session(struct engine *engine, uint32_t port)
{
	(void)engine;
	(void)port;
	return NULL;
}
