/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what `vionet pktgen` shows: live lines, the summary.
 * Never: changes what it reports on, or calls the device.
 */
#include "pktgen.h"

#include <string.h>
#include <unistd.h>

#define LINE_MAX_COLUMNS 79
/* Below this share of what was asked, the rate was not reached. */
#define REACHED 0.99

/* A frame's bits on the wire. */
static double wire_bits(const struct pktgen_flow *flow)
{
	return 8.0 * ((double)flow->bytes +
		      (double)FRAME_WIRE_OVERHEAD * (double)flow->frames);
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
	return pktgen_frame_rate(flow) * wire_bits(flow) / (double)flow->frames;
}

/* "1.234 Mpps": four digits that count. */
static const char *scaled(double value, const char *unit, char text[32])
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

/* --- Live lines ---------------------------------------------------------- */

static FILE *live_stream(const struct pktgen *gen)
{
	return gen->options->json ? stderr : stdout;
}

static bool on_terminal(FILE *stream)
{
	return isatty(fileno(stream)) == 1;
}

/* What a flow has gained since the last line, as if it were one of its own. */
static struct pktgen_flow gained(const struct pktgen_flow *now,
				 const struct pktgen_flow *before)
{
	return (struct pktgen_flow){ .frames = now->frames - before->frames,
				     .bytes = now->bytes - before->bytes };
}

/* By the driver, on all queues of the session. */
static uint64_t dropped_so_far(const struct session *session)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < session->pairs; i++) {
		struct vionet_queue_stats stats = { 0 };

		vionet_queue_stats(session->receive[i], &stats);
		sum += pktgen_driver_drops(&stats);
	}
	return sum;
}

static void format_live(const struct pktgen *gen, uint64_t now, char *line,
			size_t size)
{
	struct pktgen_flow tx = gained(&gen->tx, &gen->live_tx);
	struct pktgen_flow rx = gained(&gen->rx, &gen->live_rx);
	double seconds = (double)(now - gen->live_at_ns) / 1e9;
	char tx_rate[32], tx_bits[32], rx_rate[32];

	snprintf(line, size,
		 "%5.*fs  TX %10s %12s  RX %10s  lost %ju  dropped %ju",
		 gen->options->interval_ns % 1000000000 == 0 ? 0 : 1,
		 (double)(now - gen->start_ns) / 1e9,
		 scaled((double)tx.frames / seconds, "pps", tx_rate),
		 scaled(wire_bits(&tx) / seconds, "bit/s", tx_bits),
		 scaled((double)rx.frames / seconds, "pps", rx_rate),
		 (uintmax_t)(gen->live_lost +
			     track_lost(&gen->track, gen->track.next)),
		 (uintmax_t)dropped_so_far(&gen->session));
}

int pktgen_live(struct pktgen *gen, uint64_t now)
{
	uint64_t interval = gen->options->interval_ns;
	FILE *stream = live_stream(gen);
	char line[LINE_MAX_COLUMNS + 1];

	if (interval == 0 || now < gen->live_ns + interval)
		return CODE_OK;
	format_live(gen, now, line, sizeof(line));
	if (on_terminal(stream)) {
		/* Blanks cover what a longer line before has left. */
		fprintf(stream, "\r%-*s", gen->live_length, line);
		gen->live_length = (int)strlen(line);
		say_set_live(true);
	} else {
		fprintf(stream, "%s\n", line);
	}
	/* After a stall the next line is one interval away, not at once. */
	gen->live_ns += interval * ((now - gen->live_ns) / interval);
	gen->live_at_ns = now;
	gen->live_tx = gen->tx;
	gen->live_rx = gen->rx;
	return finish_output(stream, "live lines");
}

void pktgen_live_end(struct pktgen *gen)
{
	if (say_is_live())
		fputc('\n', live_stream(gen));
	say_set_live(false);
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

static void print_rates(const struct pktgen_flow *flow)
{
	char rate[32], bits[32];

	if (flow->frames == 0)
		return;
	if (pktgen_frame_rate(flow) > 0)
		printf("    %s, %s on the wire\n",
		       scaled(pktgen_frame_rate(flow), "pps", rate),
		       scaled(pktgen_bit_rate(flow), "bit/s", bits));
	else
		printf("    too short for a rate\n");
}

static void print_tx(const struct pktgen *gen, const struct pktgen_report *report)
{
	struct pktgen_verdict verdict = pktgen_judge(gen, report);
	char wanted[32], reached[32];

	printf("TX  sent %ju, completed %ju, refused %ju frames; %ju bytes\n",
	       (uintmax_t)gen->tx.frames, (uintmax_t)report->tx.completed,
	       (uintmax_t)report->tx.invalid, (uintmax_t)gen->tx.bytes);
	print_rates(&gen->tx);
	if (!verdict.asked)
		return;
	printf("    asked %s, achieved %s\n",
	       scaled(verdict.wanted, verdict.unit, wanted),
	       scaled(verdict.reached, verdict.unit, reached));
	if (!verdict.followed)
		printf("    %s (full %ju times, %.3f s given up)\n", verdict.why,
		       (uintmax_t)report->tx.full,
		       (double)gen->pace.slipped_ns / 1e9);
}

static void print_rx(const struct pktgen *gen, const struct pktgen_report *report)
{
	printf("RX  own %ju, foreign %ju frames; dropped by the driver %ju, no buffer "
	       "%ju\n",
	       (uintmax_t)gen->rx.frames, (uintmax_t)gen->foreign.frames,
	       (uintmax_t)pktgen_driver_drops(&report->rx), (uintmax_t)report->rx.starved);
	/* Nobody sends them back: to call that loss would be wrong. */
	if (gen->rx.frames == 0) {
		if (!gen->options->rx_only)
			printf("    nothing of it came back\n");
		return;
	}
	print_rates(&gen->rx);
	printf("    lost %ju, duplicates %ju, reordered %ju, damaged %ju, stale %ju\n",
	       (uintmax_t)report->lost, (uintmax_t)gen->track.duplicates,
	       (uintmax_t)gen->track.reordered, (uintmax_t)gen->damaged,
	       (uintmax_t)gen->track.stale);
}

static void print_latency(const struct histogram *latency)
{
	if (latency->count == 0)
		return;
	printf("    latency us: min %.1f, avg %.1f, p50 %.1f, p99 %.1f, max %.1f\n",
	       (double)latency->min / 1e3, histogram_average(latency) / 1e3,
	       (double)histogram_percentile(latency, 500) / 1e3,
	       (double)histogram_percentile(latency, 990) / 1e3,
	       (double)latency->max / 1e3);
}

/* A line for each pair. */
static void print_lanes(const struct pktgen *gen, const struct pktgen_lanes *lanes)
{
	char tx[32], rx[32];

	if (lanes->lane == NULL)
		return;
	printf("PAIR %12s %12s %12s %12s %12s %10s\n", "SENT", "", "OWN RECEIVED", "",
	       "FOREIGN", "LOST");
	for (uint32_t i = 0; i < gen->options->queues; i++) {
		const struct pktgen *lane = &lanes->lane[i];

		printf("%4u %12ju %12s %12ju %12s %12ju %10ju\n", i,
		       (uintmax_t)lane->tx.frames,
		       scaled(pktgen_frame_rate(&lane->tx), "pps", tx),
		       (uintmax_t)lane->rx.frames,
		       scaled(pktgen_frame_rate(&lane->rx), "pps", rx),
		       (uintmax_t)lane->foreign.frames,
		       (uintmax_t)lanes->report[i].lost);
	}
}

static void print_summary(const struct pktgen *gen, const struct pktgen_report *report,
			  const struct pktgen_lanes *lanes)
{
	printf("%s: %.3f s%s, seed %ju", clean(gen->session.name),
	       (double)report->run_ns / 1e9, report->interrupted ? ", stopped" : "",
	       (uintmax_t)gen->options->seed);
	if (gen->stream != PKTGEN_ANY_STREAM)
		printf(", stream %d", gen->stream);
	putchar('\n');
	if (!gen->options->rx_only)
		print_tx(gen, report);
	if (!gen->options->no_rx) {
		print_rx(gen, report);
		print_latency(&gen->latency);
	}
	print_lanes(gen, lanes);
}

int pktgen_print(const struct pktgen *gen, const struct pktgen_report *report,
		 const struct pktgen_lanes *lanes, int code)
{
	int printed = CODE_OK;

	if (gen->options->json)
		printed = pktgen_print_json(gen, report, lanes, code);
	else
		print_summary(gen, report, lanes);
	if (printed == CODE_OK)
		printed = finish_output(stdout, "standard output");
	return code != CODE_OK ? code : printed;
}
