/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what `vionet pktgen` shows at the end. Never: changes what it reports on, or
 * calls the device.
 * Read next: pktgen_json.c, the same as JSON.
 */
#include "tools/pktgen/pktgen.h"

#include <string.h>

/* Below this share of what was asked, the rate was not reached. */
#define REACHED 0.99

double pktgen_wire_bits(uint64_t frames, uint64_t bytes)
{
	return 8.0 * ((double)bytes + (double)FRAME_WIRE_OVERHEAD * (double)frames);
}

/* Frames a second between the first and the last: of n frames n - 1 gaps. */
double pktgen_frame_rate(const struct pktgen_flow *flow)
{
	if (flow->frames < 2 || flow->last_ns == flow->first_ns)
		return 0;
	return (double)(flow->frames - 1) * 1e9 /
	       (double)(flow->last_ns - flow->first_ns);
}

double pktgen_bit_rate(const struct pktgen_flow *flow)
{
	if (flow->frames == 0)
		return 0;
	return pktgen_frame_rate(flow) * pktgen_wire_bits(flow->frames, flow->bytes) /
	       (double)flow->frames;
}

const char *pktgen_scaled(double value, const char *unit, char text[32])
{
	static const char prefixes[] = " kMGT";
	size_t step = 0;
	int digits;

	while (value >= 999.95 && step < 4) {
		value /= 1000;
		step++;
	}
	digits = value >= 99.995 ? 1 : value >= 9.9995 ? 2 : 3;
	snprintf(text, 32, "%.*f %.*s%s", digits, value, step > 0 ? 1 : 0,
		 prefixes + step, unit);
	return text;
}

uint64_t pktgen_driver_drops(const struct vionet_queue_stats *stats)
{
	return stats->dropped_short + stats->dropped_long + stats->dropped_chain +
	       stats->dropped_metadata;
}

const char *pktgen_time(double ns, char text[32])
{
	const char *unit = "us";
	double value = ns / 1e3;

	if (value >= 9999.95) {
		value /= 1e3;
		unit = "ms";
	}
	if (value >= 9999.95) {
		value /= 1e3;
		unit = "s";
	}
	snprintf(text, 32, "%.1f %s", value, unit);
	return text;
}

/* --- Summary ------------------------------------------------------------- */

struct pktgen_verdict pktgen_judge(const struct pktgen *gen,
				 const struct pktgen_report *report)
{
	const struct rate *rate = &gen->pace.rate;
	bool bits = rate->kind == RATE_BPS;
	struct pktgen_verdict verdict = {
		.asked = rate->kind != RATE_MAX,
		.unit = bits ? "bit/s" : "pps",
		.wanted = (double)rate->milli / 1000 / gen->pace.parts,
		.reached = bits ? pktgen_bit_rate(&gen->tx) : pktgen_frame_rate(&gen->tx),
		.followed = true,
	};

	/* Two frames make one gap: too few to speak of a rate. */
	if (!verdict.asked || gen->tx.frames < 3 ||
	    verdict.reached >= REACHED * verdict.wanted)
		return verdict;
	verdict.followed = false;
	verdict.why = report->tx.full > 0 ?
			      "the device could not follow: its queue was full" :
			      "not reached, though the queue was never full: this "
			      "machine had too little time";
	return verdict;
}

static void print_rates(const char *label, const struct pktgen_flow *flow)
{
	char rate[32], bits[32];

	if (flow->frames == 0)
		return;
	if (pktgen_frame_rate(flow) > 0)
		printf("    %s%s, %s on the wire\n", label,
		       pktgen_scaled(pktgen_frame_rate(flow), "pps", rate),
		       pktgen_scaled(pktgen_bit_rate(flow), "bit/s", bits));
	else
		printf("    %stoo short for a rate\n", label);
}

static void print_tx(const struct pktgen *gen, const struct pktgen_report *report)
{
	struct pktgen_verdict verdict = pktgen_judge(gen, report);
	char wanted[32], reached[32];

	printf("TX  sent %ju frame%s, %ju bytes; completed %ju, refused %ju\n",
	       (uintmax_t)gen->tx.frames, plural(gen->tx.frames),
	       (uintmax_t)gen->tx.bytes, (uintmax_t)report->tx.completed,
	       (uintmax_t)report->tx.invalid);
	print_rates("", &gen->tx);
	if (!verdict.asked)
		return;
	printf("    asked %s, achieved %s\n",
	       pktgen_scaled(verdict.wanted, verdict.unit, wanted),
	       pktgen_scaled(verdict.reached, verdict.unit, reached));
	if (!verdict.followed)
		printf("    %s\n    (full %ju time%s, %.3f s given up)\n", verdict.why,
		       (uintmax_t)report->tx.full, plural(report->tx.full),
		       (double)gen->pace.slipped_ns / 1e9);
}

/* Frames that came with other VLAN tags than they were sent with: a switch on the way
 * adds or removes them. */
static void print_vlans(const struct pktgen *gen)
{
	int sent = !gen->options->rx_only && gen->options->fields.vlan != FRAME_NO_VLAN;

	for (int i = 0; i < PKTGEN_VLANS; i++) {
		if (gen->vlans[i] == 0 || i == sent)
			continue;
		if (i == 0)
			printf("    %ju came without their VLAN tag\n",
			       (uintmax_t)gen->vlans[i]);
		else
			printf("    %ju came with %d%s VLAN tag%s in front, the outermost "
			       "0x%04x id %u\n",
			       (uintmax_t)gen->vlans[i], i,
			       i == PKTGEN_VLANS - 1 ? " or more" : "",
			       i == 1 ? "" : "s", gen->vlan_type[i],
			       gen->vlan_tci[i] & 0xfffU);
	}
}

/* Nobody sends them back: to call that loss would be wrong. */
static void print_nothing(const struct pktgen *gen, const struct pktgen_report *report)
{
	char text[32];

	if (!gen->options->rx_only)
		printf("    nothing of it came back within %s\n",
		       pktgen_time((double)report->wait_ns, text));
}

static void print_own(const struct pktgen *gen, const struct pktgen_report *report)
{
	char text[32];

	if (gen->own.frames == 0) {
		print_nothing(gen, report);
		return;
	}
	printf("    lost %ju, duplicates %ju, reordered %ju, damaged %ju, stale %ju\n",
	       (uintmax_t)report->lost, (uintmax_t)gen->track.duplicates,
	       (uintmax_t)gen->track.reordered, (uintmax_t)gen->damaged,
	       (uintmax_t)gen->track.stale);
	if (report->cut_short)
		printf("    frames still came after %s: not all of the lost are; see "
		       "--linger\n", pktgen_time((double)report->wait_ns, text));
	else if (report->hurried && report->lost > 0)
		printf("    stopped twice: frames on their way count as lost\n");
	print_vlans(gen);
}

/* Who had to throw away what. */
static void print_drops(const struct pktgen_report *report)
{
	uint64_t driver = pktgen_driver_drops(&report->rx);

	if (driver != 0)
		printf("    the driver dropped %ju that the device reported wrongly\n",
		       (uintmax_t)driver);
	if (report->rx.starved != 0)
		printf("    %ju receive buffers could not be replaced at once\n",
		       (uintmax_t)report->rx.starved);
	for (int i = 0; i < PKTGEN_DROPS; i++)
		if (report->drop[i] != 0)
			printf("    the device dropped %ju %s\n",
			       (uintmax_t)report->drop[i],
			       pktgen_drop_reason((enum pktgen_drop)i));
}

static void print_rx(const struct pktgen *gen)
{
	printf("RX  received %ju frame%s, %ju bytes: ours %ju, not ours %ju\n",
	       (uintmax_t)gen->rx.frames, plural(gen->rx.frames),
	       (uintmax_t)gen->rx.bytes, (uintmax_t)gen->own.frames,
	       (uintmax_t)gen->foreign.frames);
	print_rates("", &gen->rx);
	if (gen->foreign.frames == 0 || gen->own.frames == 0)
		return;
	print_rates("ours ", &gen->own);
	print_rates("not ours ", &gen->foreign);
}

static void print_latency(const struct histogram *latency)
{
	static const struct {
		const char *name;
		unsigned int per_mille;
	} points[] = { { "p50", 500 }, { "p90", 900 }, { "p99", 990 }, { "p99.9", 999 } };
	char low[32], middle[32], high[32];

	if (latency->count == 0)
		return;
	printf("    latency min %s, avg %s, max %s\n           ",
	       pktgen_time((double)latency->min, low),
	       pktgen_time(histogram_average(latency), middle),
	       pktgen_time((double)latency->max, high));
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		printf("%s %s %s", i > 0 ? "," : "", points[i].name,
		       pktgen_time((double)histogram_percentile(
					   latency, points[i].per_mille), low));
	putchar('\n');
}

/* Which pairs received nothing, though others did: "1, 3". Returns how many. */
static uint32_t idle_pairs(const struct pktgen *gen, const struct pktgen_lanes *lanes,
			   char *text, size_t size)
{
	uint32_t count = 0;
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; gen->rx.frames > 0 && i < gen->options->queues; i++) {
		if (lanes->lane[i].rx.frames != 0)
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
static void print_idle(const struct pktgen *gen, const struct pktgen_lanes *lanes)
{
	uint32_t queues = gen->options->queues;
	char list[64];
	uint32_t idle;

	if (gen->options->no_rx)
		return;
	idle = idle_pairs(gen, lanes, list, sizeof(list));
	if (idle == 0)
		return;
	printf("%u of %u receive queues got nothing (%s)", idle, queues, list);
	if (gen->options->rx_only)
		printf(": the device steers all that arrives to the others\n");
	else
		printf(": there are %u flows, one a pair, and the device steers them so\n",
		       queues);
}

/* A line for each pair. */
static void print_lanes(const struct pktgen *gen, const struct pktgen_lanes *lanes)
{
	char tx[32], rx[32];

	if (lanes->lane == NULL)
		return;
	printf("PAIR %12s %10s %12s %10s %12s %10s\n", "SENT", "", "RECEIVED", "",
	       "NOT OURS", "LOST");
	for (uint32_t i = 0; i < gen->options->queues; i++) {
		const struct pktgen *lane = &lanes->lane[i];

		printf("%4u %12ju %10s %12ju %10s %12ju %10ju\n", i,
		       (uintmax_t)lane->tx.frames,
		       pktgen_scaled(pktgen_frame_rate(&lane->tx), "pps", tx),
		       (uintmax_t)lane->rx.frames,
		       pktgen_scaled(pktgen_frame_rate(&lane->rx), "pps", rx),
		       (uintmax_t)lane->foreign.frames,
		       (uintmax_t)lanes->report[i].lost);
	}
	print_idle(gen, lanes);
}

static void print_head(const struct pktgen *gen, const struct pktgen_report *report)
{
	const char *separator = "    ";

	printf("%s: %.3f s%s\n", clean(gen->session.name), (double)report->load_ns / 1e9,
	       report->interrupted ? ", stopped" : "");
	if (!gen->options->rx_only) {
		printf("%sseed %ju", separator, (uintmax_t)gen->options->seed);
		separator = ", ";
	}
	if (gen->stream != PKTGEN_ANY_STREAM) {
		printf("%sstream %d", separator, gen->stream);
		separator = ", ";
	}
	if (!gen->options->rx_only && report->wait_ns >= 1000000)
		printf("; then %.3f s for frames on their way",
		       (double)report->wait_ns / 1e9);
	if (separator[0] == ',')
		putchar('\n');
}

static void print_summary(const struct pktgen *gen, const struct pktgen_report *report,
			  const struct pktgen_lanes *lanes)
{
	print_head(gen, report);
	if (!gen->options->rx_only)
		print_tx(gen, report);
	if (!gen->options->no_rx) {
		print_rx(gen);
		print_own(gen, report);
	}
	print_drops(report);
	print_latency(&gen->latency);
	print_lanes(gen, lanes);
}

int pktgen_print(const struct pktgen *gen, const struct pktgen_report *report,
		 const struct pktgen_lanes *lanes, int code)
{
	int printed = CODE_OK;

	output_begin();
	if (gen->options->json)
		printed = pktgen_print_json(gen, report, lanes, code);
	else
		print_summary(gen, report, lanes);
	if (printed == CODE_OK)
		printed = finish_output(stdout, "standard output");
	output_end();
	return code != CODE_OK ? code : printed;
}
