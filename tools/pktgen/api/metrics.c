/* SPDX-License-Identifier: BSD-3-Clause */
/* /monitor/metrics: of ports and flows. Bytes are with FCS, as sizes of the model are. */
#include "tools/pktgen/api/parts.h"

#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/api/tagged.h"
#include "tools/shared/common.h"

#define FCS_BYTES 4

static void metrics_put_count(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void metrics_put_rate(json_t *object, const char *key, double value)
{
	json_object_set_new(object, key, json_real(value));
}

/* By the bits of wanted columns: each column is one bit, in the order of its list of words. */
static bool metrics_wants(uint32_t bits, int column)
{
	return (bits >> column & 1) != 0;
}

static uint64_t metrics_bytes(const struct engine_count *count)
{
	return count->bytes + FCS_BYTES * count->frames;
}

/* The wire has preamble and gap besides: 20 bytes a frame. */
static double metrics_layer_2(double pps, double wire_bps)
{
	return wire_bps - 8 * 20 * pps;
}

/* ---- ports ---- */

enum { PORT_TRANSMIT,
       PORT_LOCATION,
       PORT_LINK,
       PORT_CAPTURE,
       PORT_FRAMES_TX,
       PORT_FRAMES_RX,
       PORT_BYTES_TX,
       PORT_BYTES_RX,
       PORT_FRAMES_TX_RATE,
       PORT_FRAMES_RX_RATE,
       PORT_BYTES_TX_RATE,
       PORT_BYTES_RX_RATE,
       PORT_LAST_CHANGE,
       PORT_SPEED };

static const char *const port_columns[] = {
	"transmit",
	"location",
	"link",
	"capture",
	"frames_tx",
	"frames_rx",
	"bytes_tx",
	"bytes_rx",
	"frames_tx_rate",
	"frames_rx_rate",
	"bytes_tx_rate",
	"bytes_rx_rate",
	"last_change",
	"speed",
	NULL,
};

static bool metrics_port_sends(const struct generator *generator,
			       const struct engine_metrics *metrics, uint32_t port)
{
	for (size_t i = 0; i < metrics->flows; i++)
		if (metrics->flow[i].sending && generator->traffic->flow[i].tx_port == port)
			return true;
	return false;
}

static void metrics_put_port_rates(json_t *object, uint32_t bits, const struct monitor_rates *rates)
{
	if (metrics_wants(bits, PORT_FRAMES_TX_RATE))
		metrics_put_rate(object, "frames_tx_rate", rates->tx_pps);
	if (metrics_wants(bits, PORT_FRAMES_RX_RATE))
		metrics_put_rate(object, "frames_rx_rate", rates->rx_pps);
	if (metrics_wants(bits, PORT_BYTES_TX_RATE))
		metrics_put_rate(object, "bytes_tx_rate",
				 metrics_layer_2(rates->tx_pps, rates->tx_bps) / 8);
	if (metrics_wants(bits, PORT_BYTES_RX_RATE))
		metrics_put_rate(object, "bytes_rx_rate",
				 metrics_layer_2(rates->rx_pps, rates->rx_bps) / 8);
}

static void metrics_put_port_counts(json_t *object, uint32_t bits,
				    const struct engine_port_metrics *port)
{
	if (metrics_wants(bits, PORT_FRAMES_TX))
		metrics_put_count(object, "frames_tx", port->tx.frames);
	if (metrics_wants(bits, PORT_FRAMES_RX))
		metrics_put_count(object, "frames_rx", port->rx.frames);
	if (metrics_wants(bits, PORT_BYTES_TX))
		metrics_put_count(object, "bytes_tx", metrics_bytes(&port->tx));
	if (metrics_wants(bits, PORT_BYTES_RX))
		metrics_put_count(object, "bytes_rx", metrics_bytes(&port->rx));
	if (metrics_wants(bits, PORT_SPEED) && port->link_mbit != 0)
		metrics_put_count(object, "speed", (uint64_t)port->link_mbit * 1000 / 8);
}

static void metrics_put_port_states(json_t *object, uint32_t bits,
				    const struct generator *generator,
				    const struct engine_metrics *metrics, uint32_t number)
{
	const struct engine_port_metrics *port = &metrics->port[number];

	if (metrics_wants(bits, PORT_LOCATION))
		json_object_set_new(object, "location", json_string(clean(port->location)));
	if (metrics_wants(bits, PORT_LINK))
		json_object_set_new(object, "link", json_string(port->link_up ? "up" : "down"));
	if (metrics_wants(bits, PORT_CAPTURE))
		json_object_set_new(object, "capture",
				    json_string(captures_is_enabled(generator->captures, number) ?
							"started" :
							"stopped"));
	if (metrics_wants(bits, PORT_TRANSMIT))
		json_object_set_new(object, "transmit",
				    json_string(metrics_port_sends(generator, metrics, number) ?
							"started" :
							"stopped"));
}

static json_t *metrics_of_port(const struct generator *generator,
			       const struct engine_metrics *metrics, uint32_t number, uint32_t bits)
{
	static const struct monitor_rates nothing;
	const struct monitor *monitor = &generator->monitor;
	json_t *object = json_object();

	json_object_set_new(object, "name", json_string(metrics->port[number].name));
	metrics_put_port_states(object, bits, generator, metrics, number);
	metrics_put_port_counts(object, bits, &metrics->port[number]);
	metrics_put_port_rates(object, bits,
			       number < monitor->ports ? &monitor->port[number].rates : &nothing);
	return object;
}

static void metrics_answer_ports(const struct api_request *request, struct api_reply *reply,
				 json_t *object)
{
	const struct generator *generator = request->generator;
	const struct engine_metrics *metrics;
	uint32_t *port, bits;
	json_t *list;
	size_t count;

	if (!api_only(reply, object, "port.", "port_names column_names") ||
	    !api_columns(reply, object, "port.", "column_names", port_columns, &bits) ||
	    !api_numbers(request, reply, object, "port.", "port_names", generator_find_port,
			 generator->traffic->ports, &port, &count))
		return;
	metrics = engine_metrics(generator->engine);
	list = json_array();
	for (size_t i = 0; metrics != NULL && i < count; i++)
		json_array_append_new(list, metrics_of_port(generator, metrics, port[i], bits));
	free(port);
	api_answer(reply, json_pack("{s:s, s:o}", "choice", "port_metrics", "port_metrics", list));
}

/* ---- flows ---- */

enum { FLOW_TRANSMIT,
       FLOW_FRAMES_TX,
       FLOW_FRAMES_RX,
       FLOW_BYTES_TX,
       FLOW_BYTES_RX,
       FLOW_FRAMES_TX_RATE,
       FLOW_FRAMES_RX_RATE,
       FLOW_TX_L1,
       FLOW_RX_L1,
       FLOW_TX_BYTES,
       FLOW_RX_BYTES,
       FLOW_TX_BPS,
       FLOW_RX_BPS,
       FLOW_TX_KBPS,
       FLOW_RX_KBPS,
       FLOW_TX_MBPS,
       FLOW_RX_MBPS };

static const char *const flow_columns[] = {
	"transmit",
	"frames_tx",
	"frames_rx",
	"bytes_tx",
	"bytes_rx",
	"frames_tx_rate",
	"frames_rx_rate",
	"tx_l1_rate_bps",
	"rx_l1_rate_bps",
	"tx_rate_bytes",
	"rx_rate_bytes",
	"tx_rate_bps",
	"rx_rate_bps",
	"tx_rate_kbps",
	"rx_rate_kbps",
	"tx_rate_mbps",
	"rx_rate_mbps",
	NULL,
};

/* A flow that is at its end is stopped, who ever ended it. */
static const char *metrics_transmit(const struct engine_flow_metrics *flow)
{
	if (flow->state == ENGINE_PAUSED)
		return "paused";
	return flow->state == ENGINE_STARTED && flow->sending ? "started" : "stopped";
}

static void metrics_put_flow_counts(json_t *object, uint32_t bits,
				    const struct engine_flow_metrics *flow)
{
	if (metrics_wants(bits, FLOW_TRANSMIT))
		json_object_set_new(object, "transmit", json_string(metrics_transmit(flow)));
	if (metrics_wants(bits, FLOW_FRAMES_TX))
		metrics_put_count(object, "frames_tx", flow->tx.frames);
	if (metrics_wants(bits, FLOW_FRAMES_RX))
		metrics_put_count(object, "frames_rx", flow->rx.frames);
	if (metrics_wants(bits, FLOW_BYTES_TX))
		metrics_put_count(object, "bytes_tx", metrics_bytes(&flow->tx));
	if (metrics_wants(bits, FLOW_BYTES_RX))
		metrics_put_count(object, "bytes_rx", metrics_bytes(&flow->rx));
}

static void metrics_put_flow_rates(json_t *object, uint32_t bits, const struct monitor_rates *rates)
{
	double tx = metrics_layer_2(rates->tx_pps, rates->tx_bps);
	double rx = metrics_layer_2(rates->rx_pps, rates->rx_bps);
	const double value[] = {
		[FLOW_FRAMES_TX_RATE] = rates->tx_pps,
		[FLOW_FRAMES_RX_RATE] = rates->rx_pps,
		[FLOW_TX_L1] = rates->tx_bps,
		[FLOW_RX_L1] = rates->rx_bps,
		[FLOW_TX_BYTES] = tx / 8,
		[FLOW_RX_BYTES] = rx / 8,
		[FLOW_TX_BPS] = tx,
		[FLOW_RX_BPS] = rx,
		[FLOW_TX_KBPS] = tx / 1e3,
		[FLOW_RX_KBPS] = rx / 1e3,
		[FLOW_TX_MBPS] = tx / 1e6,
		[FLOW_RX_MBPS] = rx / 1e6,
	};

	for (int i = FLOW_FRAMES_TX_RATE; i <= FLOW_RX_MBPS; i++)
		if (metrics_wants(bits, i))
			metrics_put_rate(object, flow_columns[i], value[i]);
}

/* What the model has no column for is always there. */
static void metrics_put_flow_receiver(json_t *object, const struct engine_flow_metrics *flow)
{
	if (flow->tx.frames != 0)
		metrics_put_rate(object, "loss",
				 100.0 * (double)flow->order.lost / (double)flow->tx.frames);
	if (flow->rx.frames != 0)
		json_object_set_new(object, "timestamps",
				    json_pack("{s:I, s:I}", "first_timestamp_ns",
					      (json_int_t)flow->rx.first_ns, "last_timestamp_ns",
					      (json_int_t)flow->rx.last_ns));
	if (flow->latency.count != 0)
		json_object_set_new(object, "latency",
				    json_pack("{s:I, s:I, s:f}", "minimum_ns",
					      (json_int_t)flow->latency.min, "maximum_ns",
					      (json_int_t)flow->latency.max, "average_ns",
					      flow->latency.average));
}

static json_t *metrics_of_flow(const struct generator *generator,
			       const struct engine_metrics *metrics, uint32_t number, uint32_t bits)
{
	static const struct monitor_rates nothing;
	const struct monitor *monitor = &generator->monitor;
	const struct traffic *traffic = generator->traffic;
	const struct traffic_flow *flow = &traffic->flow[number];
	json_t *object = json_object();

	json_object_set_new(object, "name", json_string(metrics->flow[number].name));
	json_object_set_new(object, "port_tx", json_string(traffic->port[flow->tx_port].name));
	if (flow->rx_ports == 1)
		json_object_set_new(object, "port_rx",
				    json_string(traffic->port[flow->rx_port[0]].name));
	metrics_put_flow_counts(object, bits, &metrics->flow[number]);
	metrics_put_flow_rates(object, bits,
			       number < monitor->flows ? &monitor->flow[number].rates : &nothing);
	if (flow->rx_ports != 0)
		metrics_put_flow_receiver(object, &metrics->flow[number]);
	return object;
}

static void metrics_answer_flows(const struct api_request *request, struct api_reply *reply,
				 json_t *object)
{
	const struct generator *generator = request->generator;
	const struct engine_metrics *metrics;
	struct tagged_filter filter;
	json_t *list, *flow_object;
	uint32_t *flow, bits;
	size_t count;

	if (!api_only(reply, object, "flow.", "flow_names metric_names tagged_metrics") ||
	    !api_columns(reply, object, "flow.", "metric_names", flow_columns, &bits) ||
	    !tagged_read(reply, object, &filter) ||
	    !api_numbers(request, reply, object, "flow.", "flow_names", generator_find_flow,
			 generator->traffic->flows, &flow, &count))
		return;
	metrics = engine_metrics(generator->engine);
	list = json_array();
	for (size_t i = 0; metrics != NULL && i < count && reply->errors == NULL; i++) {
		flow_object = metrics_of_flow(generator, metrics, flow[i], bits);
		json_array_append_new(list, flow_object);
		tagged_add(generator, reply, flow[i], &filter, flow_object);
	}
	free(flow);
	if (reply->errors != NULL)
		json_decref(list);
	else
		api_answer(reply, json_pack("{s:s, s:o}", "choice", "flow_metrics", "flow_metrics",
					    list));
}

void api_get_metrics(const struct api_request *request, struct api_reply *reply)
{
	static const char *const kinds[] = { "port", "flow", NULL };
	json_t *object, *empty = NULL;
	int chosen;

	if (!json_is_object(request->json)) {
		api_refuse(reply, 400, "an object is expected");
		return;
	}
	if (!api_only(reply, request->json, "", "choice port flow"))
		return;
	chosen = api_word(reply, request->json, "", "choice", kinds, 0);
	if (chosen < 0 || !api_needs_engine(request, reply))
		return;
	object = api_member(reply, request->json, "", kinds[chosen], JSON_OBJECT);
	if (object == NULL)
		object = empty = json_object();
	if (reply->errors == NULL && chosen == 0)
		metrics_answer_ports(request, reply, object);
	else if (reply->errors == NULL)
		metrics_answer_flows(request, reply, object);
	json_decref(empty);
}
