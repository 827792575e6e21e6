/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/live.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/pktgen/format.h"

/* Where it is not a terminal, nothing is cut. */
#define LINE_MAX_COLUMNS 200
#define PARTS_MAX 10

/* A part of the line; of a narrow one those of the highest rank are left out first. */
struct part {
	int rank;
	char text[64];
};

void pktgen_live_start(struct pktgen_live *live, const struct pktgen_options *options,
		       struct engine *engine, uint64_t now)
{
	*live = (struct pktgen_live){
		.options = options,
		.engine = engine,
		.start_ns = now,
		.due_ns = now,
		.at_ns = now,
	};
}

uint64_t pktgen_live_next(const struct pktgen_live *live)
{
	return live->options->interval_ns != 0 ? live->due_ns + live->options->interval_ns : UINT64_MAX;
}

/* ---- intervals ---- */

static struct pktgen_moment live_moment(const struct engine_metrics *metrics)
{
	struct pktgen_moment moment = { 0 };

	for (size_t i = 0; i < metrics->ports; i++) {
		const struct engine_port_metrics *port = &metrics->port[i];

		moment.tx_frames += port->tx.frames;
		moment.tx_bytes += port->tx.bytes;
		moment.rx_frames += port->rx.frames;
		moment.rx_bytes += port->rx.bytes;
		moment.own_frames += port->own.frames;
		moment.dropped += port->dropped;
	}
	for (size_t i = 0; i < metrics->flows; i++)
		moment.lost += metrics->flow[i].order.lost;
	return moment;
}

/* What came late makes up for what was missed before: then nothing new was lost. */
static uint64_t live_more_than(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void live_set_rates(struct pktgen_interval *interval, const struct pktgen_moment *now,
			   const struct pktgen_moment *before)
{
	double seconds = interval->seconds;

	if (seconds <= 0)
		return;
	interval->tx_pps = (double)interval->tx_frames / seconds;
	interval->rx_pps = (double)interval->rx_frames / seconds;
	interval->own_pps = (double)interval->own_frames / seconds;
	interval->tx_bps = pktgen_wire_bits(interval->tx_frames,
					    now->tx_bytes - before->tx_bytes) /
			   seconds;
	interval->rx_bps = pktgen_wire_bits(interval->rx_frames,
					    now->rx_bytes - before->rx_bytes) /
			   seconds;
}

/* What has moved since the last one. */
static struct pktgen_interval live_next(struct pktgen_live *live)
{
	const struct engine_metrics *metrics = engine_metrics(live->engine);
	struct pktgen_moment now = live_moment(metrics), before = live->before;
	struct pktgen_interval interval = {
		.at_s = (double)(metrics->at_ns - live->start_ns) / 1e9,
		.seconds = (double)(metrics->at_ns - live->at_ns) / 1e9,
		.tx_frames = now.tx_frames - before.tx_frames,
		.rx_frames = now.rx_frames - before.rx_frames,
		.own_frames = now.own_frames - before.own_frames,
		.lost = live_more_than(now.lost, before.lost),
		.dropped = live_more_than(now.dropped, before.dropped),
	};

	live_set_rates(&interval, &now, &before);
	live->before = now;
	live->at_ns = metrics->at_ns;
	return interval;
}

/* Keep it for the JSON object. */
static void live_keep(struct pktgen_live *live, const struct pktgen_interval *interval)
{
	size_t room = live->room != 0 ? 2 * live->room : 64;
	struct pktgen_interval *more;

	if (live->count == live->room) {
		more = realloc(live->interval, room * sizeof(*more));
		if (more == NULL)
			return; /* the run is worth more than its record */
		live->interval = more;
		live->room = room;
	}
	live->interval[live->count++] = *interval;
}

void pktgen_live_rest(struct pktgen_live *live)
{
	struct pktgen_interval interval = live_next(live);

	if (interval.tx_frames != 0 || interval.rx_frames != 0 || interval.lost != 0 ||
	    interval.dropped != 0)
		live_keep(live, &interval);
}

/* ---- lines ---- */

static FILE *live_stream(const struct pktgen_live *live)
{
	return live->options->json ? stderr : stdout;
}

static bool live_on_terminal(FILE *stream)
{
	return isatty(fileno(stream)) == 1;
}

/* The last column stays free: some terminals wrap when it is written. */
static int live_columns(FILE *stream)
{
	struct winsize size = { 0 };

	if (!live_on_terminal(stream))
		return LINE_MAX_COLUMNS;
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 79;
	return size.ws_col - 1 < LINE_MAX_COLUMNS ? size.ws_col - 1 : LINE_MAX_COLUMNS;
}

static void live_put_rate(struct part *part, int rank, const char *label, double rate,
			  const char *unit)
{
	char text[32];

	part->rank = rank;
	snprintf(part->text, sizeof(part->text), "%s %*s", label, unit[0] == 'b' ? 12 : 10,
		 format_scaled(rate, unit, text));
}

static void live_put_count(struct part *part, int rank, const char *label, uint64_t count)
{
	part->rank = rank;
	snprintf(part->text, sizeof(part->text), "  %s %ju", label, (uintmax_t)count);
}

/* All that a line has, in order. Returns how many. */
static int live_make_parts(const struct pktgen_live *live, const struct pktgen_interval *interval,
			   struct part *parts)
{
	const struct pktgen_options *options = live->options;
	bool whole = options->interval_ns % 1000000000 == 0;
	int count = 1;

	parts[0].rank = 0;
	snprintf(parts[0].text, sizeof(parts[0].text), "%5.*fs", whole ? 0 : 1,
		 interval->at_s);
	if (!options->rx_only) {
		live_put_rate(&parts[count++], 1, "  TX", interval->tx_pps, "pps");
		live_put_rate(&parts[count++], 6, "", interval->tx_bps, "bit/s");
	}
	if (options->no_rx)
		return count;
	live_put_rate(&parts[count++], 2, "  RX", interval->rx_pps, "pps");
	live_put_rate(&parts[count++], 7, "", interval->rx_bps, "bit/s");
	/* More is shown only where not all is ours. */
	if (interval->rx_frames != interval->own_frames)
		live_put_rate(&parts[count++], 3, "  ours", interval->own_pps, "pps");
	live_put_count(&parts[count++], 4, "lost", interval->lost);
	live_put_count(&parts[count++], interval->dropped != 0 ? 4 : 5, "dropped",
		       interval->dropped);
	return count;
}

static int live_length(const struct part *parts, int count, int rank)
{
	int length = 0;

	for (int i = 0; i < count; i++)
		if (parts[i].rank <= rank)
			length += (int)strlen(parts[i].text);
	return length;
}

/* As many parts as fit into `columns`; what is still too long is cut. */
static void live_format(const struct pktgen_live *live, const struct pktgen_interval *interval,
			int columns, char line[LINE_MAX_COLUMNS + 1])
{
	struct part parts[PARTS_MAX];
	int count = live_make_parts(live, interval, parts);
	int rank = PARTS_MAX;
	int used = 0;

	while (rank > 1 && live_length(parts, count, rank) > columns)
		rank--;
	line[0] = '\0';
	for (int i = 0; i < count && used < columns; i++)
		if (parts[i].rank <= rank)
			used += snprintf(line + used, (size_t)(columns - used) + 1, "%s",
					 parts[i].text);
}

static void live_print(struct pktgen_live *live, const struct pktgen_interval *interval)
{
	FILE *stream = live_stream(live);
	char line[LINE_MAX_COLUMNS + 1];
	int columns = live_columns(stream);
	int blanks;

	live_format(live, interval, columns, line);
	if (!live_on_terminal(stream)) {
		fprintf(stream, "%s\n", line);
		return;
	}
	/* Blanks cover what a longer line before has left; then the cursor is put behind the
	 * line, where the terminal echoes what is typed. */
	blanks = live->length < columns ? live->length : columns;
	if (blanks > (int)strlen(line))
		fprintf(stream, "\r%-*s", blanks, line);
	fprintf(stream, "\r%s", line);
	live->length = (int)strlen(line);
	say_set_live(true);
}

int pktgen_live(struct pktgen_live *live, uint64_t now)
{
	uint64_t step = live->options->interval_ns;
	struct pktgen_interval interval;
	int code = CODE_OK;

	if (step == 0 || now < live->due_ns + step)
		return CODE_OK;
	interval = live_next(live);
	live_keep(live, &interval);
	if (!live->quiet) {
		output_begin();
		live_print(live, &interval);
		code = finish_output(live_stream(live),
				     live->options->json ? "standard error" : "standard output");
		output_end();
	}
	/* After a stall the next line is one interval away, not at once. */
	live->due_ns += step * ((now - live->due_ns) / step);
	return code;
}

void pktgen_live_end(struct pktgen_live *live)
{
	output_begin();
	if (say_is_live())
		fputc('\n', live_stream(live));
	output_end();
	say_set_live(false);
}

void pktgen_live_free(struct pktgen_live *live)
{
	free(live->interval);
	live->interval = NULL;
	live->count = live->room = 0;
}
