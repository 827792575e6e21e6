/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what `vionet pktgen` shows: live lines, the summary, the JSON object.
 * Never: changes what it reports on, or calls the device.
 */
#include "pktgen.h"

#include <jansson.h>
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
static double frame_rate(const struct pktgen_flow *flow)
{
	if (flow->frames < 2 || flow->last_ns == flow->first_ns)
		return 0;
	return (double)(flow->frames - 1) * 1e9 /
	       (double)(flow->last_ns - flow->first_ns);
}

static double bit_rate(const struct pktgen_flow *flow)
{
	if (flow->frames == 0)
		return 0;
	return frame_rate(flow) * wire_bits(flow) / (double)flow->frames;
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

static uint64_t driver_drops(const struct vionet_queue_stats *stats)
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

static void format_live(const struct pktgen *gen, uint64_t now, char *line,
			size_t size)
{
	struct pktgen_flow tx = gained(&gen->tx, &gen->live_tx);
	struct pktgen_flow rx = gained(&gen->rx, &gen->live_rx);
	double seconds = (double)(now - gen->live_at_ns) / 1e9;
	struct vionet_queue_stats stats = { 0 };
	char tx_rate[32], tx_bits[32], rx_rate[32];

	vionet_queue_stats(gen->session.rx, &stats);
	snprintf(line, size,
		 "%5.*fs  TX %10s %12s  RX %10s  lost %ju  dropped %ju",
		 gen->options->interval_ns % 1000000000 == 0 ? 0 : 1,
		 (double)(now - gen->start_ns) / 1e9,
		 scaled((double)tx.frames / seconds, "pps", tx_rate),
		 scaled(wire_bits(&tx) / seconds, "bit/s", tx_bits),
		 scaled((double)rx.frames / seconds, "pps", rx_rate),
		 (uintmax_t)track_lost(&gen->track, gen->track.next),
		 (uintmax_t)driver_drops(&stats));
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

/* The rate that was asked for, in its own unit, and what came of it. */
struct verdict {
	bool asked;	/* not --rate max */
	const char *unit;
	double wanted;
	double reached;
	bool followed;
	const char *why; /* NULL if it followed */
};

static struct verdict judge_rate(const struct pktgen *gen,
				 const struct pktgen_report *report)
{
	const struct rate *rate = &gen->pace.rate;
	bool bits = rate->kind == RATE_BPS;
	struct verdict verdict = {
		.asked = rate->kind != RATE_MAX,
		.unit = bits ? "bit/s" : "pps",
		.wanted = (double)rate->milli / 1000,
		.reached = bits ? bit_rate(&gen->tx) : frame_rate(&gen->tx),
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
	if (frame_rate(flow) > 0)
		printf("    %s, %s on the wire\n",
		       scaled(frame_rate(flow), "pps", rate),
		       scaled(bit_rate(flow), "bit/s", bits));
	else
		printf("    too short for a rate\n");
}

static void print_tx(const struct pktgen *gen, const struct pktgen_report *report)
{
	struct verdict verdict = judge_rate(gen, report);
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
	       (uintmax_t)driver_drops(&report->rx), (uintmax_t)report->rx.starved);
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

static void print_summary(const struct pktgen *gen,
			  const struct pktgen_report *report)
{
	printf("%s: %.3f s%s, seed %ju", gen->session.name,
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
}

/* --- JSON ---------------------------------------------------------------- */

static json_t *json_number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *json_tx(const struct pktgen *gen, const struct pktgen_report *report)
{
	struct verdict verdict = judge_rate(gen, report);

	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:o, s:b, s:f, s:o, s:o}",
		"sent", json_number(gen->tx.frames),
		"completed", json_number(report->tx.completed),
		"refused", json_number(report->tx.invalid),
		"in_flight", json_number(report->tx.in_flight),
		"bytes", json_number(gen->tx.bytes),
		"pps", frame_rate(&gen->tx),
		"wire_bps", bit_rate(&gen->tx),
		"asked", verdict.asked ? json_pack("{s:f, s:s}", "value", verdict.wanted,
						   "unit", verdict.unit) :
					 json_null(),
		"followed", (int)verdict.followed,
		"slipped_s", (double)gen->pace.slipped_ns / 1e9,
		"queue_full", json_number(report->tx.full),
		"kicks", json_number(report->tx.kicks));
}

static json_t *json_rx(const struct pktgen *gen, const struct pktgen_report *report)
{
	return json_pack(
		"{s:o, s:o, s:o, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"own", json_number(gen->rx.frames),
		"foreign", json_number(gen->foreign.frames),
		"bytes", json_number(gen->rx.bytes),
		"pps", frame_rate(&gen->rx),
		"wire_bps", bit_rate(&gen->rx),
		"lost", json_number(report->lost),
		"duplicates", json_number(gen->track.duplicates),
		"reordered", json_number(gen->track.reordered),
		"damaged", json_number(gen->damaged),
		"stale", json_number(gen->track.stale),
		"dropped", json_number(driver_drops(&report->rx)),
		"starved", json_number(report->rx.starved),
		"interrupts", json_number(report->rx.interrupts));
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

static int print_json(const struct pktgen *gen, const struct pktgen_report *report,
		      int code)
{
	const struct pktgen_options *options = gen->options;
	json_t *object = json_pack(
		"{s:s, s:f, s:b, s:o, s:o, s:o, s:o, s:o, s:i}",
		"device", gen->session.name,
		"duration_s", (double)report->run_ns / 1e9,
		"interrupted", (int)report->interrupted,
		"seed", json_sprintf("%ju", (uintmax_t)options->seed),
		"stream", gen->stream == PKTGEN_ANY_STREAM ? json_null() :
							     json_integer(gen->stream),
		"tx", options->rx_only ? json_null() : json_tx(gen, report),
		"rx", options->no_rx ? json_null() : json_rx(gen, report),
		"latency_ns", json_latency(&gen->latency),
		"exit_code", code);
	int bad = object == NULL ||
		  json_dumpf(object, stdout,
			     JSON_INDENT(2) | JSON_REAL_PRECISION(9)) != 0;

	json_decref(object);
	putchar('\n');
	if (bad)
		say("standard output: the JSON object could not be written");
	return bad ? CODE_FAILED : CODE_OK;
}

int pktgen_print(const struct pktgen *gen, const struct pktgen_report *report, int code)
{
	int printed = CODE_OK;

	if (gen->options->json)
		printed = print_json(gen, report, code);
	else
		print_summary(gen, report);
	if (printed == CODE_OK)
		printed = finish_output(stdout, "standard output");
	return code != CODE_OK ? code : printed;
}
