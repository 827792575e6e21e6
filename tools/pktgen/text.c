/* SPDX-License-Identifier: BSD-3-Clause */
/* What `vionet pktgen` shows at the end. */
#include <stdio.h>

#include "tools/pktgen/format.h"
#include "tools/pktgen/options.h"
#include "tools/pktgen/results.h"
#include "tools/shared/common.h"

static void text_rates(const char *label, const struct pktgen_flow_result *flow)
{
	char rate[32], bits[32];

	if (flow->frames == 0)
		return;
	if (flow->pps > 0)
		printf("    %s%s, %s on the wire\n", label,
		       format_scaled(flow->pps, "pps", rate),
		       format_scaled(flow->wire_bps, "bit/s", bits));
	else
		printf("    %stoo short for a rate\n", label);
}

/* How evenly the frames of one flow left one queue; of others the JSON object has it. */
static void text_gaps(const struct pktgen_results *results)
{
	const struct engine_latency *gaps = &results->flow[0].departure;
	char middle[32], high[32], highest[32];

	if (results->flows == 1 && results->pair == NULL && gaps->count != 0)
		printf("    gaps p50 %s, p99 %s, p99.9 %s\n", format_time((double)gaps->p50, middle),
		       format_time((double)gaps->p99, high),
		       format_time((double)gaps->p999, highest));
}

static void text_verdict(const struct pktgen_verdict *rate)
{
	char wanted[32], reached[32];

	printf("    requested %s%s", format_scaled(rate->wanted, rate->unit, wanted),
	       rate->bursts ? " in bursts" : "");
	if (rate->changed)
		printf(" at last: changed, or paused, on the way");
	else if (rate->reached > 0)
		printf(", achieved %s (%+.3f %%)", format_scaled(rate->reached, rate->unit, reached),
		       100 * (rate->reached / rate->wanted - 1));
	putchar('\n');
}

static void text_tx(const struct pktgen_results *results)
{
	const struct pktgen_tx_result *tx = &results->total.tx;
	const struct pktgen_verdict *rate = &tx->rate;

	printf("TX  sent %ju frame%s, %ju bytes; completed %ju, refused %ju\n",
	       (uintmax_t)tx->sent.frames, plural(tx->sent.frames),
	       (uintmax_t)tx->sent.bytes, (uintmax_t)tx->completed,
	       (uintmax_t)tx->refused);
	text_rates("", &tx->sent);
	if (tx->unnumbered > 0)
		printf("    %ju without a number, being too short for one or not to be tracked: "
		       "not known when they come back\n",
		       (uintmax_t)tx->unnumbered);
	if (!rate->requested)
		return;
	text_verdict(rate);
	text_gaps(results);
	if (!rate->followed)
		printf("    %s\n    (full %ju time%s, %.3f s skipped)\n", rate->why,
		       (uintmax_t)tx->full, plural(tx->full), tx->slipped_s);
}

/* Frames that came with other VLAN tags than they were sent with: a switch on the way
 * adds or removes them. */
static void text_vlans(const struct pktgen_results *results)
{
	int sent = results->options->rx_only ? 0 : (int)results->sent_vlans;

	for (int i = 0; i < PKTGEN_VLANS; i++) {
		const struct pktgen_vlan_result *vlan = &results->total.rx.vlan[i];

		if (vlan->frames == 0 || i == sent)
			continue;
		if (i == 0)
			printf("    %ju came without their VLAN tag\n",
			       (uintmax_t)vlan->frames);
		else
			printf("    %ju came with %d%s VLAN tag%s in front, the outermost "
			       "0x%04x id %u\n",
			       (uintmax_t)vlan->frames, i,
			       i == PKTGEN_VLANS - 1 ? " or more" : "",
			       i == 1 ? "" : "s", vlan->type, vlan->tci & 0xfffU);
	}
}

static uint64_t text_last_of(const uint64_t counts[ENGINE_REORDER_EXTENTS])
{
	uint64_t last = ENGINE_REORDER_EXTENTS;

	while (last > 0 && counts[last - 1] == 0)
		last--;
	return last;
}

/* How far the late ones of all flows came behind, where that is known of each. */
static void text_reordering(const struct pktgen_results *results)
{
	struct engine_reordering all = { 0 };
	uint64_t most, three = 0;

	for (size_t i = 0; i < results->flows; i++) {
		if (!results->reordering[i].known)
			return;
		for (int j = 0; j < ENGINE_REORDER_EXTENTS; j++) {
			all.extent[j] += results->reordering[i].found.extent[j];
			three += j >= 2 ? results->reordering[i].found.degree[j] : 0;
		}
	}
	most = text_last_of(all.extent);
	if (most > 0)
		printf("    reordered by at most %ju frame%s%s; behind 3 later ones in a row: %ju\n",
		       (uintmax_t)most, plural(most), most == ENGINE_REORDER_EXTENTS ? " or more" : "",
		       (uintmax_t)three);
}

static void text_own(const struct pktgen_results *results)
{
	const struct pktgen_rx_result *rx = &results->total.rx;
	char text[32];

	if (rx->misdelivered > 0)
		printf("    %ju of the others are of a flow that is expected at another port\n",
		       (uintmax_t)rx->misdelivered);
	if (rx->own.frames == 0) {
		/* Perhaps no peer sends them back: to call that loss would be wrong. */
		if (!results->options->rx_only && rx->misdelivered == 0 &&
		    results->total.tx.unnumbered < results->total.tx.sent.frames)
			printf("    nothing of it came back within %s\n",
			       format_time(results->wait_s * 1e9, text));
		return;
	}
	printf("    lost %ju, duplicates %ju, reordered %ju, damaged %ju, out of window %ju\n",
	       (uintmax_t)rx->lost, (uintmax_t)rx->duplicates, (uintmax_t)rx->reordered,
	       (uintmax_t)rx->damaged, (uintmax_t)rx->out_of_window);
	text_reordering(results);
	if (results->cut_short)
		printf("    frames still came after %s: not all of the lost are; see "
		       "--linger\n", format_time(results->wait_s * 1e9, text));
	else if (results->hurried && rx->lost > 0)
		printf("    stopped twice: frames on their way count as lost\n");
	if (rx->lost > 0 && (rx->lost_begin > 0 || rx->lost_end > 0))
		printf("    of the lost %ju at the beginning, %ju at the end\n",
		       (uintmax_t)rx->lost_begin, (uintmax_t)rx->lost_end);
	if (rx->late > 0)
		printf("    %ju came after the wait\n", (uintmax_t)rx->late);
	text_vlans(results);
	if (rx->tunnelled > 0)
		printf("    %ju came in another tunnel than they were sent in\n",
		       (uintmax_t)rx->tunnelled);
	/* Where there is a router, all do. */
	if (rx->readdressed > 0 && rx->readdressed < rx->own.frames)
		printf("    %ju came with other MAC addresses than the rest\n", (uintmax_t)rx->readdressed);
}

static void text_drops(const struct pktgen_results *results)
{
	const struct pktgen_rx_result *rx = &results->total.rx;

	if (rx->dropped != 0)
		printf("    the driver dropped %ju that the device reported wrongly\n",
		       (uintmax_t)rx->dropped);
	if (rx->damaged_other != 0)
		printf("    %ju have a wrong checksum, and whose they are cannot be told\n",
		       (uintmax_t)rx->damaged_other);
	if (rx->starved != 0)
		printf("    %ju receive buffers could not be replaced at once\n",
		       (uintmax_t)rx->starved);
	for (int i = 0; i < PKTGEN_DROPS; i++)
		if (results->drop[i] != 0)
			printf("    the device dropped %ju %s\n",
			       (uintmax_t)results->drop[i],
			       pktgen_drop_reason((enum pktgen_drop)i));
}

static void text_rx(const struct pktgen_rx_result *rx)
{
	printf("RX  received %ju frame%s, %ju bytes: ours %ju, not ours %ju\n",
	       (uintmax_t)rx->all.frames, plural(rx->all.frames),
	       (uintmax_t)rx->all.bytes, (uintmax_t)rx->own.frames,
	       (uintmax_t)rx->not_ours.frames);
	text_rates("", &rx->all);
	if (rx->not_ours.frames == 0 || rx->own.frames == 0)
		return;
	text_rates("ours ", &rx->own);
	text_rates("not ours ", &rx->not_ours);
}

static void text_latency(const struct pktgen_latency_result *latency)
{
	const struct {
		const char *name;
		uint64_t ns;
	} points[] = { { "p50", latency->p50 }, { "p90", latency->p90 },
		       { "p99", latency->p99 }, { "p99.9", latency->p999 } };
	char low[32], middle[32], high[32];

	if (latency->count == 0)
		return;
	printf("    latency min %s, avg %s, max %s\n           ",
	       format_time((double)latency->min, low),
	       format_time(latency->average, middle),
	       format_time((double)latency->max, high));
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		printf("%s %s %s", i > 0 ? "," : "", points[i].name,
		       format_time((double)points[i].ns, low));
	putchar('\n');
}

/* Which pairs received nothing, though others did: "1, 3". Returns how many. */
static uint32_t text_idle_list(const struct pktgen_results *results, char *text,
			       size_t size)
{
	uint32_t count = 0;
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < results->pairs; i++) {
		if (!pktgen_is_idle(results, i))
			continue;
		if (used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%u",
						 count > 0 ? ", " : "", i);
		count++;
	}
	return count;
}

/* A device that steers by hash gives a flow to one queue: so few of them need not
 * reach all queues. */
static void text_idle(const struct pktgen_results *results)
{
	const struct replay_arguments *replay = &results->options->hooks.replay;
	uint32_t queues = results->pairs;
	char list[64];
	uint32_t idle;

	if (results->options->no_rx)
		return;
	idle = text_idle_list(results, list, sizeof(list));
	if (idle == 0)
		return;
	printf("%u of %u receive queues got nothing (%s)", idle, queues, list);
	if (results->options->rx_only || results->options->traffic.ports > 1 || replay->file != NULL ||
	    replay->template_file != NULL || results->options->config.file != NULL || results->flow[0].streams > 1)
		printf(": the device steers all that arrives to the others\n");
	else
		printf(": there are %u flows, one a pair, and the device steers them so\n",
		       queues);
}

/* A line for each pair. */
static void text_pairs(const struct pktgen_results *results)
{
	bool ports = results->options->traffic.ports > 1;
	char tx[32], rx[32], name[32];

	if (results->pair == NULL)
		return;
	printf("%-*s %12s %10s %12s %10s %12s %10s\n", ports ? 12 : 4, ports ? "PORT/PAIR" : "PAIR",
	       "SENT", "", "RECEIVED", "", "NOT OURS", "LOST");
	for (uint32_t i = 0; i < results->pairs; i++) {
		const struct pktgen_pair_result *pair = &results->pair[i];

		if (ports)
			snprintf(name, sizeof(name), "%-9.9s/%2u", clean(pair->port), pair->queue);
		else
			snprintf(name, sizeof(name), "%4u", i);
		printf("%s %12ju %10s %12ju %10s %12ju %10ju\n", name,
		       (uintmax_t)pair->tx.sent.frames,
		       format_scaled(pair->tx.sent.pps, "pps", tx),
		       (uintmax_t)pair->rx.all.frames,
		       format_scaled(pair->rx.all.pps, "pps", rx),
		       (uintmax_t)pair->rx.not_ours.frames, (uintmax_t)pair->rx.lost);
	}
	text_idle(results);
}

static double text_flow_pps(const struct engine_count *count)
{
	return count->frames < 2 || count->last_ns == count->first_ns ?
		       0 :
		       (double)(count->frames - 1) * 1e9 /
			       (double)(count->last_ns - count->first_ns);
}

/* A line for each flow, where there are several. */
static void text_flows(const struct pktgen_results *results)
{
	char tx[32], high[32];

	if (results->flows < 2)
		return;
	printf("%-16s %12s %10s %12s %10s %9s %9s\n", "FLOW", "SENT", "", "RECEIVED", "LOST",
	       "REORDER", "P99");
	for (size_t i = 0; i < results->flows; i++) {
		const struct engine_flow_metrics *flow = &results->flow[i];

		printf("%-16.16s %12ju %10s %12ju %10ju %9ju %9s\n", clean(flow->name),
		       (uintmax_t)flow->tx.frames,
		       format_scaled(text_flow_pps(&flow->tx), "pps", tx),
		       (uintmax_t)flow->rx.frames, (uintmax_t)flow->order.lost,
		       (uintmax_t)flow->order.reordered,
		       flow->latency.count != 0 ? format_time((double)flow->latency.p99, high) : "");
	}
}

static void text_head(const struct pktgen_results *results)
{
	const struct pktgen_options *options = results->options;
	const char *separator = "    ";

	printf("%s: %.3f s%s\n", clean(results->device), results->load_s,
	       results->interrupted ? ", stopped" : "");
	if (!options->rx_only) {
		printf("%sseed %ju", separator, (uintmax_t)options->seed);
		separator = ", ";
	}
	if (results->total.stream != PKTGEN_ANY_STREAM) {
		printf("%sstream %d", separator, results->total.stream);
		separator = ", ";
	}
	if (!options->rx_only && results->wait_s >= 0.001)
		printf("; then %.3f s for frames on their way", results->wait_s);
	if (separator[0] == ',')
		putchar('\n');
}

void pktgen_print_text(const struct pktgen_results *results)
{
	text_head(results);
	if (!results->options->rx_only)
		text_tx(results);
	if (!results->options->no_rx) {
		text_rx(&results->total.rx);
		text_own(results);
	}
	text_drops(results);
	text_latency(&results->total.latency);
	text_flows(results);
	text_pairs(results);
	hooks_print_text(&results->options->hooks);
	limits_print(results->limit, results->limits);
}
