/* SPDX-License-Identifier: BSD-3-Clause */
/* Each flow, all its numbers. */
#include "tools/pktgen/json.h"

#include <jansson.h>

#include "tools/pktgen/results.h"

static json_t *flows_number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *flows_latency(const struct engine_latency *latency)
{
	if (latency->count == 0)
		return json_null();
	return json_pack("{s:o, s:o, s:f, s:o, s:o, s:o, s:o, s:o}",
			 "count", flows_number(latency->count),
			 "min", flows_number(latency->min),
			 "avg", latency->average,
			 "p50", flows_number(latency->p50),
			 "p90", flows_number(latency->p90),
			 "p99", flows_number(latency->p99),
			 "p999", flows_number(latency->p999),
			 "max", flows_number(latency->max));
}

static json_t *flows_count(const struct engine_count *count)
{
	double seconds = (double)(count->last_ns - count->first_ns) / 1e9;
	double pps = count->frames > 1 && seconds > 0 ? (double)(count->frames - 1) / seconds : 0;
	double bits = count->frames != 0 ? pktgen_wire_bits(count->frames, count->bytes) /
						   (double)count->frames
					 : 0;

	return json_pack("{s:o, s:o, s:f, s:f}", "frames", flows_number(count->frames),
			 "bytes", flows_number(count->bytes), "pps", pps,
			 "wire_bps", pps * bits);
}

static json_t *flows_order(const struct engine_order *order)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "unique", flows_number(order->unique),
			 "lost", flows_number(order->lost),
			 "lost_begin", flows_number(order->lost_begin),
			 "lost_end", flows_number(order->lost_end),
			 "duplicates", flows_number(order->duplicates),
			 "reordered", flows_number(order->reordered),
			 "out_of_window", flows_number(order->out_of_window),
			 "damaged", flows_number(order->damaged),
			 "late", flows_number(order->late));
}

static json_t *flows_numbers(const uint64_t *number, int count)
{
	json_t *array = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(array, flows_number(number[i]));
	return array;
}

static json_t *flows_reordering(const struct engine_flow_metrics *flow,
				const struct pktgen_reordering *reordering)
{
	const struct engine_reordering *found = &reordering->found;
	const struct engine_order *order = &flow->order;

	if (!reordering->known)
		return json_null();
	return json_pack("{s:f, s:o, s:o, s:o, s:o}",
			 "ratio", order->unique > 0 ? (double)order->reordered / (double)order->unique : 0,
			 "extent", flows_numbers(found->extent, ENGINE_REORDER_EXTENTS),
			 "n_reordering", flows_numbers(found->degree, ENGINE_REORDER_EXTENTS),
			 "density", flows_numbers(found->density, 2 * ENGINE_REORDER_FAR + 1),
			 "beyond", flows_number(found->beyond));
}

static json_t *flows_rate(const struct rate *rate)
{
	if (rate->kind == RATE_MAX)
		return json_null();
	return json_pack("{s:f, s:s}", "value", (double)rate->milli / 1000, "unit",
			 rate->kind == RATE_BPS ? "bit/s" : "pps");
}

static json_t *flows_one(const struct pktgen_results *results, size_t index)
{
	static const char *const follows[] = { NULL, "device", "cpu" };
	const struct engine_flow_metrics *flow = &results->flow[index];
	bool sends = !results->options->rx_only, receives = !results->options->no_rx;
	json_t *object = json_pack("{s:s, s:o, s:o, s:o}", "name", clean(flow->name),
				   "streams", flows_number(flow->streams), "requested",
				   sends ? flows_rate(&flow->rate) : json_null(), "tx",
				   sends ? flows_count(&flow->tx) : json_null());

	json_object_set_new(object, "limited_by",
			    flow->follow != ENGINE_FOLLOWED ? json_string(follows[flow->follow]) : json_null());
	json_object_set_new(object, "unnumbered", flows_number(flow->unnumbered));
	json_object_set_new(object, "slipped_s", json_real(flow->slipped_s));
	json_object_set_new(object, "queue_full", flows_number(flow->full));
	json_object_set_new(object, "departure_ns",
			    sends ? flows_latency(&flow->departure) : json_null());
	json_object_set_new(object, "rx", receives ? flows_count(&flow->rx) : json_null());
	json_object_set_new(object, "order",
			    receives ? flows_order(&flow->order) : json_null());
	json_object_set_new(object, "displaced",
			    receives ? flows_numbers(flow->displaced, ENGINE_DENSITY) : json_null());
	json_object_set_new(object, "reordering",
			    receives ? flows_reordering(flow, &results->reordering[index]) : json_null());
	json_object_set_new(object, "latency_ns", flows_latency(&flow->latency));
	json_object_set_new(object, "jitter_ns", flow->latency.count > 1 ? json_real(flow->jitter) : json_null());
	json_object_set_new(object, "arrival_ns", flows_latency(&flow->arrival));
	return object;
}

struct json_t *pktgen_json_flows(const struct pktgen_results *results)
{
	json_t *array = json_array();

	for (size_t i = 0; i < results->flows; i++)
		json_array_append_new(array, flows_one(results, i));
	return array;
}
