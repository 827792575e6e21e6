/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: `vionet pktgen --json`. Never: shows less than the text does.
 */
#include "pktgen.h"

#include <jansson.h>

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

static json_t *json_rx(const struct pktgen *gen, const struct pktgen_report *report)
{
	return json_pack(
		"{s:o, s:o, s:o, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"own", json_number(gen->rx.frames),
		"foreign", json_number(gen->foreign.frames),
		"bytes", json_number(gen->rx.bytes),
		"pps", pktgen_frame_rate(&gen->rx),
		"wire_bps", pktgen_bit_rate(&gen->rx),
		"lost", json_number(report->lost),
		"duplicates", json_number(gen->track.duplicates),
		"reordered", json_number(gen->track.reordered),
		"damaged", json_number(gen->damaged),
		"stale", json_number(gen->track.stale),
		"dropped", json_number(pktgen_driver_drops(&report->rx)),
		"starved", json_number(report->rx.starved),
		"interrupts", json_number(report->rx.interrupts),
		"rescues", json_number(report->rx.rescues));
}

static json_t *json_latency(const struct histogram *latency)
{
	if (latency->count == 0)
		return json_null();
	return json_pack("{s:o, s:f, s:o, s:o, s:o, s:o}",
			 "min", json_number(latency->min),
			 "avg", histogram_average(latency),
			 "p50", json_number(histogram_percentile(latency, 500)),
			 "p99", json_number(histogram_percentile(latency, 990)),
			 "p999", json_number(histogram_percentile(latency, 999)),
			 "max", json_number(latency->max));
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

int pktgen_print_json(const struct pktgen *gen, const struct pktgen_report *report,
		      const struct pktgen_lanes *lanes, int code)
{
	const struct pktgen_options *options = gen->options;
	json_t *object = json_pack(
		"{s:s, s:f, s:b, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:i}",
		"device", clean(gen->session.name),
		"duration_s", (double)report->run_ns / 1e9,
		"interrupted", (int)report->interrupted,
		"seed", json_sprintf("%ju", (uintmax_t)options->seed),
		"stream", gen->stream == PKTGEN_ANY_STREAM ? json_null() :
							     json_integer(gen->stream),
		"rx_queue_size", (int)gen->session.queue_size[0],
		"tx_queue_size", (int)gen->session.queue_size[1],
		"tx", options->rx_only ? json_null() : json_tx(gen, report),
		"rx", options->no_rx ? json_null() : json_rx(gen, report),
		"latency_ns", json_latency(&gen->latency),
		"pairs", json_pairs(gen, lanes),
		"exit_code", code);
	int bad = object == NULL ||
		  json_dumpf(object, stdout,
			     JSON_INDENT(2) | JSON_ENSURE_ASCII |
					     JSON_REAL_PRECISION(9)) != 0;

	json_decref(object);
	putchar('\n');
	if (bad)
		say("standard output: the JSON object could not be written");
	return bad ? CODE_FAILED : CODE_OK;
}
