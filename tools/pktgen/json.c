/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet pktgen --json`: nothing less than the text has. */
#include "tools/pktgen/json.h"
#include "tools/pktgen/json_hooks.h"

#include <jansson.h>
#include <math.h>

#include "tools/pktgen/report/report.h"
#include "tools/shared/envelope.h"

static json_t *json_number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_rate(const struct pktgen_verdict *rate)
{
	if (!rate->requested)
		return json_null();
	return json_pack("{s:f, s:s}", "value", rate->wanted, "unit", rate->unit);
}

static json_t *json_tx(const struct pktgen_tx_result *tx)
{
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:o, s:o, s:b, s:f, s:o, s:o, s:o}",
		"sent", json_number(tx->sent.frames),
		"completed", json_number(tx->completed),
		"refused", json_number(tx->refused),
		"in_flight", json_number(tx->in_flight),
		"bytes", json_number(tx->sent.bytes),
		"pps", tx->sent.pps,
		"wire_bps", tx->sent.wire_bps,
		"requested", json_rate(&tx->rate),
		"achieved", tx->rate.reached > 0 ? json_real(tx->rate.reached) : json_null(),
		"followed", (int)tx->rate.followed,
		"slipped_s", tx->slipped_s,
		"queue_full", json_number(tx->full),
		"kicks", json_number(tx->kicks),
		"rescues", json_number(tx->rescues));
}

/* Frames of one kind, under names that begin with `prefix`. */
static void json_add_flow(json_t *object, const char *prefix,
			  const struct pktgen_flow_result *flow)
{
	char key[32];

	snprintf(key, sizeof(key), "%sbytes", prefix);
	json_object_set_new(object, key, json_number(flow->bytes));
	snprintf(key, sizeof(key), "%spps", prefix);
	json_object_set_new(object, key, json_real(flow->pps));
	snprintf(key, sizeof(key), "%swire_bps", prefix);
	json_object_set_new(object, key, json_real(flow->wire_bps));
}

/* Our own by the VLAN tags that they came with. */
static json_t *json_vlans(const struct pktgen_vlan_result *vlan)
{
	json_t *array = json_array();

	for (int i = 0; i < PKTGEN_VLANS; i++)
		if (vlan[i].frames != 0)
			json_array_append_new(
				array,
				json_pack("{s:i, s:o, s:o, s:o}", "tags", i,
					  "frames", json_number(vlan[i].frames),
					  "outer_type", i == 0 ? json_null() :
						json_sprintf("0x%04x", vlan[i].type),
					  "outer_id", i == 0 ? json_null() :
						json_integer(vlan[i].tci & 0xfff)));
	return array;
}

static json_t *json_rx(const struct pktgen_rx_result *rx)
{
	json_t *object = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"received", json_number(rx->all.frames),
		"own", json_number(rx->own.frames),
		"not_ours", json_number(rx->not_ours.frames),
		"lost", json_number(rx->lost),
		"lost_begin", json_number(rx->lost_begin),
		"lost_end", json_number(rx->lost_end),
		"late", json_number(rx->late),
		"duplicates", json_number(rx->duplicates),
		"reordered", json_number(rx->reordered),
		"damaged", json_number(rx->damaged),
		"damaged_not_ours", json_number(rx->damaged_other),
		"other_tunnels", json_number(rx->tunnelled),
		"other_macs", json_number(rx->readdressed),
		"other_port", json_number(rx->misdelivered),
		"out_of_window", json_number(rx->out_of_window),
		"dropped", json_number(rx->dropped),
		"starved", json_number(rx->starved),
		"interrupts", json_number(rx->interrupts),
		"rescues", json_number(rx->rescues),
		"vlan_tags", json_vlans(rx->vlan));

	json_add_flow(object, "", &rx->all);
	json_add_flow(object, "own_", &rx->own);
	json_add_flow(object, "not_ours_", &rx->not_ours);
	return object;
}

static json_t *json_latency(const struct pktgen_latency_result *latency)
{
	if (latency->count == 0)
		return json_null();
	return json_pack("{s:o, s:f, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "min", json_number(latency->min),
			 "avg", latency->average,
			 "p50", json_number(latency->p50),
			 "p90", json_number(latency->p90),
			 "p99", json_number(latency->p99),
			 "p999", json_number(latency->p999),
			 "max", json_number(latency->max),
			 "jitter", isnan(latency->jitter) ? json_null() : json_real(latency->jitter));
}

/* What the device counted itself; null if it does not. */
static json_t *json_drops(const struct pktgen_results *results)
{
	json_t *object;

	if (!results->drops_known)
		return json_null();
	object = json_object();
	for (int i = 0; i < PKTGEN_DROPS; i++)
		json_object_set_new(object, pktgen_drop_name((enum pktgen_drop)i),
				    json_number(results->drop[i]));
	return object;
}

/* An object for each live line, and for what came after the last one. */
static json_t *json_series(const struct pktgen_results *results)
{
	json_t *array = json_array();

	for (size_t i = 0; i < results->intervals; i++) {
		const struct pktgen_interval *at = &results->interval[i];

		json_array_append_new(
			array,
			json_pack("{s:f, s:f, s:o, s:f, s:f, s:o, s:f, s:f, s:o, s:f, s:o, s:o}",
				  "at_s", at->at_s,
				  "seconds", at->seconds,
				  "tx_frames", json_number(at->tx_frames),
				  "tx_pps", at->tx_pps,
				  "tx_wire_bps", at->tx_bps,
				  "rx_frames", json_number(at->rx_frames),
				  "rx_pps", at->rx_pps,
				  "rx_wire_bps", at->rx_bps,
				  "own_frames", json_number(at->own_frames),
				  "own_pps", at->own_pps,
				  "lost", json_number(at->lost),
				  "dropped", json_number(at->dropped)));
	}
	return array;
}

/* Numbers of the receive queues that got nothing, though others did. */
static json_t *json_idle(const struct pktgen_results *results)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < results->pairs; i++)
		if (pktgen_is_idle(results, i))
			json_array_append_new(array, json_integer(i));
	return array;
}

static json_t *json_stream(int stream)
{
	return stream == PKTGEN_ANY_STREAM ? json_null() : json_integer(stream);
}

/* Each pair alone; null where there is one. */
static json_t *json_pairs(const struct pktgen_results *results)
{
	const struct pktgen_options *options = results->options;
	json_t *array;

	if (results->pair == NULL)
		return json_null();
	array = json_array();
	for (uint32_t i = 0; i < results->pairs; i++) {
		const struct pktgen_pair_result *pair = &results->pair[i];

		json_array_append_new(
			array,
			json_pack("{s:i, s:o, s:o, s:o, s:o}", "pair", (int)i,
				  "stream", json_stream(pair->stream),
				  "tx", options->rx_only ? json_null() :
							   json_tx(&pair->tx),
				  "rx", options->no_rx ? json_null() :
							 json_rx(&pair->rx),
				  "latency_ns", json_latency(&pair->latency)));
	}
	return array;
}

static json_t *json_limits(const struct pktgen_results *results)
{
	json_t *array = json_array();

	for (size_t i = 0; i < results->limits; i++) {
		const struct report_limit *limit = &results->limit[i];

		json_array_append_new(array, json_pack("{s:s, s:s, s:s, s:s, s:b}", "flow", limit->subject, "name",
						       limit->name, "wanted", limit->wanted, "measured",
						       limit->measured, "kept", (int)limit->kept));
	}
	return array;
}

static json_t *json_results(const struct pktgen_results *results)
{
	const struct pktgen_options *options = results->options;
	const struct pktgen_pair_result *total = &results->total;

	return json_pack(
		"{s:s, s:o, s:o, s:f, s:f, s:b, s:b, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i}",
		"device", clean(results->device), "host", envelope_host(), "options",
		pktgen_json_options(results), "duration_s", results->load_s, "wait_s",
		results->wait_s, "interrupted", (int)results->interrupted, "cut_short",
		(int)results->cut_short, "seed", json_sprintf("%ju", (uintmax_t)options->seed),
		"stream", json_stream(total->stream), "rx_queue_size", (int)results->rx_size,
		"tx_queue_size", (int)results->tx_size, "tx",
		options->rx_only ? json_null() : json_tx(&total->tx), "rx",
		options->no_rx ? json_null() : json_rx(&total->rx), "latency_ns",
		json_latency(&total->latency), "device_drops", json_drops(results), "flows",
		pktgen_json_flows(results), "queue_pairs", json_pairs(results), "idle_rx_queues",
		json_idle(results), "series", json_series(results), "replays",
		hooks_json_replays(&options->hooks), "capture", hooks_json_capture(&options->hooks),
		"responder", hooks_json_responder(&options->hooks), "limits", json_limits(results),
		"exit_code", results->code);
}

int pktgen_print_json(const struct pktgen_results *results)
{
	return envelope_print("pktgen", json_results(results));
}

static int json_page(const struct pktgen_results *results)
{
	json_t *page = envelope_make("pktgen", json_results(results));
	json_t *latency = json_object_get(page, "latency_ns");
	int code;

	if (json_is_object(latency))
		json_object_set_new(latency, "percentiles",
				    json_percentiles(results->latency));
	code = report_html(page, results->options->html);
	json_decref(page);
	return code;
}

static int json_table(json_t *rows, const char *file)
{
	int code = report_csv(rows, file);

	json_decref(rows);
	return code;
}

/* Each is written, whatever became of the others. */
int pktgen_write_files(const struct pktgen_results *results)
{
	const struct pktgen_options *options = results->options;
	const int codes[] = {
		options->csv != NULL ? json_table(json_series(results), options->csv) : CODE_OK,
		options->csv_flows != NULL ? json_table(pktgen_json_flows(results), options->csv_flows) : CODE_OK,
		options->html != NULL ? json_page(results) : CODE_OK,
		options->hdr != NULL ? report_hdr(results->latency, options->hdr) : CODE_OK,
		options->junit != NULL ? pktgen_write_junit(results) : CODE_OK,
	};

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i] != CODE_OK)
			return codes[i];
	return CODE_OK;
}
