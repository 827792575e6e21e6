/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: `vionet pktgen --json`. Never: shows less than the text does.
 */
#include "tools/pktgen/pktgen.h"

#include "tools/shared/envelope.h"

static json_t *json_number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_tx(const struct pktgen *gen, const struct pktgen_report *report)
{
	struct pktgen_verdict verdict = pktgen_judge(gen, report);

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:o, s:b, s:f, s:o, s:o, s:o}",
		"sent", json_number(gen->tx.frames),
		"completed", json_number(report->tx.completed),
		"refused", json_number(report->tx.invalid),
		"in_flight", json_number(report->tx.in_flight),
		"bytes", json_number(gen->tx.bytes),
		"pps", pktgen_frame_rate(&gen->tx),
		"wire_bps", pktgen_bit_rate(&gen->tx),
		"asked", verdict.asked ? json_pack("{s:f, s:s}", "value", verdict.wanted,
						   "unit", verdict.unit) :
					 json_null(),
		"followed", (int)verdict.followed,
		"slipped_s", (double)gen->pace.slipped_ns / 1e9,
		"queue_full", json_number(report->tx.full),
		"kicks", json_number(report->tx.kicks),
		"rescues", json_number(report->tx.rescues));
}

/* Frames of one kind, under names that begin with `prefix`. */
static void add_flow(json_t *object, const char *prefix, const struct pktgen_flow *flow)
{
	char key[32];

	snprintf(key, sizeof(key), "%sbytes", prefix);
	json_object_set_new(object, key, json_number(flow->bytes));
	snprintf(key, sizeof(key), "%spps", prefix);
	json_object_set_new(object, key, json_real(pktgen_frame_rate(flow)));
	snprintf(key, sizeof(key), "%swire_bps", prefix);
	json_object_set_new(object, key, json_real(pktgen_bit_rate(flow)));
}

/* Our own by the VLAN tags that they came with. */
static json_t *json_vlans(const struct pktgen *gen)
{
	json_t *array = json_array();

	for (int i = 0; i < PKTGEN_VLANS; i++)
		if (gen->vlans[i] != 0)
			json_array_append_new(
				array,
				json_pack("{s:i, s:o, s:o, s:o}", "tags", i,
					  "frames", json_number(gen->vlans[i]),
					  "outer_type", i == 0 ? json_null() :
						json_sprintf("0x%04x",
							     gen->vlan_type[i]),
					  "outer_id", i == 0 ? json_null() :
						json_integer(gen->vlan_tci[i] & 0xfff)));
	return array;
}

static json_t *json_rx(const struct pktgen *gen, const struct pktgen_report *report)
{
	json_t *object = json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"received", json_number(gen->rx.frames),
		"own", json_number(gen->own.frames),
		"foreign", json_number(gen->foreign.frames),
		"lost", json_number(report->lost),
		"duplicates", json_number(gen->track.duplicates),
		"reordered", json_number(gen->track.reordered),
		"damaged", json_number(gen->damaged),
		"stale", json_number(gen->track.stale),
		"dropped", json_number(pktgen_driver_drops(&report->rx)),
		"starved", json_number(report->rx.starved),
		"interrupts", json_number(report->rx.interrupts),
		"rescues", json_number(report->rx.rescues),
		"vlan_tags", json_vlans(gen));

	add_flow(object, "", &gen->rx);
	add_flow(object, "own_", &gen->own);
	add_flow(object, "foreign_", &gen->foreign);
	return object;
}

static json_t *json_latency(const struct histogram *latency)
{
	if (latency->count == 0)
		return json_null();
	return json_pack("{s:o, s:f, s:o, s:o, s:o, s:o, s:o}",
			 "min", json_number(latency->min),
			 "avg", histogram_average(latency),
			 "p50", json_number(histogram_percentile(latency, 500)),
			 "p90", json_number(histogram_percentile(latency, 900)),
			 "p99", json_number(histogram_percentile(latency, 990)),
			 "p999", json_number(histogram_percentile(latency, 999)),
			 "max", json_number(latency->max));
}

/* What the device counted itself; null if it does not. */
static json_t *json_drops(const struct pktgen_report *report)
{
	json_t *object;

	if (!report->drops_known)
		return json_null();
	object = json_object();
	for (int i = 0; i < PKTGEN_DROPS; i++)
		json_object_set_new(object, pktgen_drop_name((enum pktgen_drop)i),
				    json_number(report->drop[i]));
	return object;
}

/* An object for each live line, and for what came after the last one. */
static json_t *json_series(const struct pktgen *gen)
{
	json_t *array = json_array();

	for (size_t i = 0; i < gen->live.count; i++) {
		const struct pktgen_interval *at = &gen->live.interval[i];

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
static json_t *json_idle(const struct pktgen *gen, const struct pktgen_lanes *lanes)
{
	json_t *array = json_array();

	for (uint32_t i = 0; lanes->lane != NULL && gen->rx.frames > 0 &&
			     i < gen->options->queues; i++)
		if (lanes->lane[i].rx.frames == 0)
			json_array_append_new(array, json_integer(i));
	return array;
}

/* Each pair alone; null where there is one. */
static json_t *json_pairs(const struct pktgen *gen, const struct pktgen_lanes *lanes)
{
	const struct pktgen_options *options = gen->options;
	json_t *array;

	if (lanes->lane == NULL)
		return json_null();
	array = json_array();
	for (uint32_t i = 0; i < options->queues; i++) {
		const struct pktgen *lane = &lanes->lane[i];
		const struct pktgen_report *report = &lanes->report[i];

		json_array_append_new(
			array,
			json_pack("{s:i, s:o, s:o, s:o, s:o}", "pair", (int)i,
				  "stream", lane->stream == PKTGEN_ANY_STREAM ?
						    json_null() :
						    json_integer(lane->stream),
				  "tx", options->rx_only ? json_null() :
							   json_tx(lane, report),
				  "rx", options->no_rx ? json_null() :
							 json_rx(lane, report),
				  "latency_ns", json_latency(&lane->latency)));
	}
	return array;
}

static json_t *json_run(const struct pktgen *gen, const struct pktgen_report *report,
			const struct pktgen_lanes *lanes, int code)
{
	return json_pack(
		"{s:s, s:o, s:o, s:f, s:f, s:b, s:b, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i}",
		"device", clean(gen->session.name),
		"host", envelope_host(),
		"options", pktgen_json_options(gen, report),
		"duration_s", (double)report->load_ns / 1e9,
		"wait_s", (double)report->wait_ns / 1e9,
		"interrupted", (int)report->interrupted,
		"cut_short", (int)report->cut_short,
		"seed", json_sprintf("%ju", (uintmax_t)gen->options->seed),
		"stream", gen->stream == PKTGEN_ANY_STREAM ? json_null() :
							     json_integer(gen->stream),
		"rx_queue_size", (int)gen->session.queue_size[0],
		"tx_queue_size", (int)gen->session.queue_size[1],
		"tx", gen->options->rx_only ? json_null() : json_tx(gen, report),
		"rx", gen->options->no_rx ? json_null() : json_rx(gen, report),
		"latency_ns", json_latency(&gen->latency),
		"device_drops", json_drops(report),
		"pairs", json_pairs(gen, lanes),
		"idle_rx_queues", json_idle(gen, lanes),
		"series", json_series(gen),
		"exit_code", code);
}

int pktgen_print_json(const struct pktgen *gen, const struct pktgen_report *report,
		      const struct pktgen_lanes *lanes, int code)
{
	return envelope_print("pktgen", json_run(gen, report, lanes, code));
}
