/* SPDX-License-Identifier: BSD-3-Clause */
/* The live lines of `vionet pktgen`, and their intervals. */
#include "tools/pktgen/pktgen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/pktgen/format.h"

/* Where it is not a terminal, nothing is cut. */
#define LINE_MAX_COLUMNS 200
#define PARTS_MAX 10

/* The main thread's. */
static struct pktgen_sample samples[VIONET_QUEUE_PAIRS_MAX];
static struct pktgen_sample samples_before[VIONET_QUEUE_PAIRS_MAX];

/* A part of the line; of a narrow one those of the highest rank are left out first. */
struct part {
	int rank;
	char text[64];
};

/* By the driver, on all queues of the session. */
static uint64_t live_dropped(const struct session *session)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < session->pairs; i++) {
		struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

		vionet_queue_stats(session->receive[i], &stats);
		sum += pktgen_driver_drops(&stats);
	}
	return sum;
}

void pktgen_live_start(struct pktgen *gen, uint32_t pairs, uint64_t now)
{
	gen->live.now = samples;
	gen->live.before = samples_before;
	gen->live.pairs = pairs;
	gen->live.due_ns = gen->live.at_ns = now;
	for (uint32_t i = 0; i < pairs; i++)
		samples[i].at_ns = samples_before[i].at_ns = now;
}

/* ---- intervals ---- */

/* Both directions of a pair over the time between its own two samples. */
static void live_add_pair(struct pktgen_interval *interval, const struct pktgen_sample *now,
			  const struct pktgen_sample *before)
{
	uint64_t tx = now->tx_frames - before->tx_frames;
	uint64_t rx = now->rx_frames - before->rx_frames;
	uint64_t own = now->own_frames - before->own_frames;
	double seconds = (double)(now->at_ns - before->at_ns) / 1e9;

	interval->tx_frames += tx;
	interval->rx_frames += rx;
	interval->own_frames += own;
	if (now->at_ns <= before->at_ns)
		return;
	interval->tx_pps += (double)tx / seconds;
	interval->rx_pps += (double)rx / seconds;
	interval->own_pps += (double)own / seconds;
	interval->tx_bps += pktgen_wire_bits(tx, now->tx_bytes - before->tx_bytes) /
			    seconds;
	interval->rx_bps += pktgen_wire_bits(rx, now->rx_bytes - before->rx_bytes) /
			    seconds;
}

/* What came late makes up for what was missed before: then nothing new was lost. */
static uint64_t live_more_than(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* What has moved since the last one. */
static struct pktgen_interval live_next(struct pktgen *gen, uint64_t now)
{
	struct pktgen_live *live = &gen->live;
	uint64_t dropped = live_dropped(&gen->session);
	struct pktgen_interval interval = {
		.at_s = (double)(now - gen->start_ns) / 1e9,
		.seconds = (double)(now - live->at_ns) / 1e9,
	};

	if (live->pairs == 1) {
		live->now[0] = pktgen_sample_of(gen, now);
		live->lost = tracker_lost(&gen->tracker,
					  live->ended && !gen->options->rx_only ?
						  gen->tx.frames : gen->tracker.next);
	}
	for (uint32_t i = 0; i < live->pairs; i++)
		live_add_pair(&interval, &live->now[i], &live->before[i]);
	interval.lost = live_more_than(live->lost, live->lost_before);
	interval.dropped = dropped - live->dropped_before;
	memcpy(live->before, live->now, live->pairs * sizeof(*live->now));
	live->lost_before = live->lost;
	live->dropped_before = dropped;
	live->at_ns = now;
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

void pktgen_live_rest(struct pktgen *gen, uint64_t now)
{
	struct pktgen_interval interval = live_next(gen, now);

	if (interval.tx_frames != 0 || interval.rx_frames != 0 || interval.lost != 0 ||
	    interval.dropped != 0)
		live_keep(&gen->live, &interval);
}

/* ---- lines ---- */

static FILE *live_stream(const struct pktgen *gen)
{
	return gen->options->json ? stderr : stdout;
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
static int live_make_parts(const struct pktgen *gen, const struct pktgen_interval *interval,
			   struct part *parts)
{
	const struct pktgen_options *options = gen->options;
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
static void live_format(const struct pktgen *gen, const struct pktgen_interval *interval,
			int columns, char line[LINE_MAX_COLUMNS + 1])
{
	struct part parts[PARTS_MAX];
	int count = live_make_parts(gen, interval, parts);
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

static void live_print(struct pktgen *gen, const struct pktgen_interval *interval)
{
	FILE *stream = live_stream(gen);
	char line[LINE_MAX_COLUMNS + 1];
	int columns = live_columns(stream);
	int blanks;

	live_format(gen, interval, columns, line);
	if (!live_on_terminal(stream)) {
		fprintf(stream, "%s\n", line);
		return;
	}
	/* Blanks cover what a longer line before has left; then the cursor is put behind the
	 * line, where the terminal echoes what is typed. */
	blanks = gen->live.length < columns ? gen->live.length : columns;
	if (blanks > (int)strlen(line))
		fprintf(stream, "\r%-*s", blanks, line);
	fprintf(stream, "\r%s", line);
	gen->live.length = (int)strlen(line);
	say_set_live(true);
}

int pktgen_live(struct pktgen *gen, uint64_t now)
{
	uint64_t step = gen->options->interval_ns;
	struct pktgen_interval interval;
	int code;

	if (step == 0 || now < gen->live.due_ns + step)
		return CODE_OK;
	interval = live_next(gen, now);
	live_keep(&gen->live, &interval);
	output_begin();
	live_print(gen, &interval);
	code = finish_output(live_stream(gen), gen->options->json ? "standard error" :
								    "standard output");
	output_end();
	/* After a stall the next line is one interval away, not at once. */
	gen->live.due_ns += step * ((now - gen->live.due_ns) / step);
	return code;
}

void pktgen_live_end(struct pktgen *gen)
{
	output_begin();
	if (say_is_live())
		fputc('\n', live_stream(gen));
	output_end();
	say_set_live(false);
}

void pktgen_live_free(struct pktgen *gen)
{
	free(gen->live.interval);
	gen->live.interval = NULL;
	gen->live.count = gen->live.room = 0;
}
