/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/pktgen.h"

#include <stdlib.h>

/* Below this share of what was requested, the rate was not reached. */
#define REACHED 0.99

double pktgen_wire_bits(uint64_t frames, uint64_t bytes)
{
	return 8.0 * ((double)bytes + (double)FRAME_WIRE_OVERHEAD * (double)frames);
}

uint64_t pktgen_driver_drops(const struct vionet_queue_stats *stats)
{
	return stats->dropped_short + stats->dropped_long + stats->dropped_chain +
	       stats->dropped_metadata;
}

/* Frames a second between the first and the last: of n frames n - 1 gaps. */
static double result_pps(const struct pktgen_flow *flow)
{
	if (flow->frames < 2 || flow->last_ns == flow->first_ns)
		return 0;
	return (double)(flow->frames - 1) * 1e9 /
	       (double)(flow->last_ns - flow->first_ns);
}

static struct pktgen_flow_result result_of_flow(const struct pktgen_flow *flow)
{
	struct pktgen_flow_result result = {
		.frames = flow->frames, .bytes = flow->bytes, .pps = result_pps(flow),
	};

	if (flow->frames != 0)
		result.wire_bps = result.pps *
				  pktgen_wire_bits(flow->frames, flow->bytes) /
				  (double)flow->frames;
	return result;
}

static struct pktgen_verdict result_of_rate(const struct pktgen *gen,
					    const struct pktgen_report *report,
					    const struct pktgen_flow_result *sent)
{
	bool bits = gen->pace.rate.kind == RATE_BPS;
	struct pktgen_verdict verdict = {
		.requested = gen->pace.rate.kind != RATE_MAX,
		.unit = bits ? "bit/s" : "pps",
		.wanted = pace_wanted(&gen->pace),
		.reached = bits ? sent->wire_bps : sent->pps,
		.followed = true,
	};

	/* Two frames make one gap: too few to speak of a rate. */
	if (!verdict.requested || sent->frames < 3 ||
	    verdict.reached >= REACHED * verdict.wanted)
		return verdict;
	verdict.followed = false;
	verdict.why = report->tx.full > 0 ?
			      "the device could not follow: its queue was full" :
			      "not reached, though the queue was never full: this "
			      "machine had too little time";
	return verdict;
}

static struct pktgen_tx_result result_of_tx(const struct pktgen *gen,
					    const struct pktgen_report *report)
{
	struct pktgen_tx_result result = {
		.sent = result_of_flow(&gen->tx),
		.completed = report->tx.completed,
		.refused = report->tx.invalid,
		.in_flight = report->tx.in_flight,
		.slipped_s = (double)gen->pace.slipped_ns / 1e9,
		.full = report->tx.full,
		.kicks = report->tx.kicks,
		.rescues = report->tx.rescues,
	};

	result.rate = result_of_rate(gen, report, &result.sent);
	return result;
}

static struct pktgen_rx_result result_of_rx(const struct pktgen *gen,
					    const struct pktgen_report *report)
{
	struct pktgen_rx_result result = {
		.all = result_of_flow(&gen->rx),
		.own = result_of_flow(&gen->own),
		.not_ours = result_of_flow(&gen->not_ours),
		.lost = report->lost,
		.duplicates = gen->tracker.duplicates,
		.reordered = gen->tracker.reordered,
		.out_of_window = gen->tracker.out_of_window,
		.damaged = gen->damaged,
		.dropped = pktgen_driver_drops(&report->rx),
		.starved = report->rx.starved,
		.interrupts = report->rx.interrupts,
		.rescues = report->rx.rescues,
	};

	for (int i = 0; i < PKTGEN_VLANS; i++)
		result.vlan[i] = (struct pktgen_vlan_result){
			gen->vlans[i], gen->vlan_type[i], gen->vlan_tci[i],
		};
	return result;
}

static struct pktgen_latency_result result_of_latency(const struct histogram *latency)
{
	return (struct pktgen_latency_result){
		.count = latency->count,
		.min = latency->min,
		.max = latency->max,
		.p50 = histogram_percentile(latency, 500),
		.p90 = histogram_percentile(latency, 900),
		.p99 = histogram_percentile(latency, 990),
		.p999 = histogram_percentile(latency, 999),
		.average = histogram_average(latency),
	};
}

static struct pktgen_pair_result result_of_pair(const struct pktgen *gen,
						const struct pktgen_report *report)
{
	return (struct pktgen_pair_result){
		.stream = gen->stream,
		.tx = result_of_tx(gen, report),
		.rx = result_of_rx(gen, report),
		.latency = result_of_latency(&gen->latency),
	};
}

int pktgen_take_results(const struct pktgen *gen, const struct pktgen_report *report,
			const struct pktgen_workers *workers, int code,
			struct pktgen_results *results)
{
	uint32_t pairs = workers->run != NULL ? gen->options->queues : 0;

	*results = (struct pktgen_results){
		.device = gen->session.name,
		.options = gen->options,
		.fields = gen->fields,
		.rx_size = gen->session.queue_size[0],
		.tx_size = gen->session.queue_size[1],
		.load_s = (double)report->load_ns / 1e9,
		.wait_s = (double)report->wait_ns / 1e9,
		.interrupted = report->interrupted,
		.hurried = report->hurried,
		.cut_short = report->cut_short,
		.total = result_of_pair(gen, report),
		.drops_known = report->drops_known,
		.interval = gen->live.interval,
		.intervals = gen->live.count,
		.code = code,
	};
	for (int i = 0; i < PKTGEN_DROPS; i++)
		results->drop[i] = report->drop[i];
	if (pairs == 0)
		return CODE_OK;
	results->pair = calloc(pairs, sizeof(*results->pair));
	if (results->pair == NULL) {
		say("no memory for the results of %u queue pairs", pairs);
		return CODE_FAILED;
	}
	for (uint32_t i = 0; i < pairs; i++)
		results->pair[i] = result_of_pair(&workers->run[i], &workers->report[i]);
	return CODE_OK;
}

bool pktgen_is_idle(const struct pktgen_results *results, uint32_t pair)
{
	return results->total.rx.all.frames > 0 && results->pair != NULL &&
	       results->pair[pair].rx.all.frames == 0;
}
