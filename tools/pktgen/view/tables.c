/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of ports, queues and flows. Of a narrow one the columns of the highest rank are left out first; what is
 * left of a wide one is a sparkline. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/format.h"
#include "tools/pktgen/view/parts.h"

#define SPARK_MIN 8
#define SPARK_MAX MONITOR_SAMPLES
#define CELL_MAX 160

/* A line of a list, whatever it is of. */
struct line {
	const struct engine_metrics *metrics;
	const struct engine_port_metrics *port;
	const struct engine_queue_metrics *queue;
	const struct engine_flow_metrics *flow;
	const struct monitor_rates *rates;
};

typedef enum view_style cell_writer(const struct line *line, char text[CELL_MAX]);

struct column {
	const char *title;
	int width, rank;
	bool left;
	cell_writer *write;
};

/* ---- cells ---- */

static enum view_style cell_count(char text[CELL_MAX], uint64_t count, bool bad)
{
	char scaled[32];

	/* Exact as long as it fits. */
	if (count < 100000000)
		snprintf(text, CELL_MAX, "%" PRIu64, count);
	else
		snprintf(text, CELL_MAX, "%s", format_scaled((double)count, "", scaled));
	return bad && count != 0 ? STYLE_BAD : STYLE_PLAIN;
}

static enum view_style cell_scaled(char text[CELL_MAX], double value)
{
	char scaled[32];

	snprintf(text, CELL_MAX, "%s", format_scaled(value, "", scaled));
	return STYLE_PLAIN;
}

static enum view_style cell_time(char text[CELL_MAX], const struct engine_latency *of, uint64_t ns)
{
	char scaled[32];

	snprintf(text, CELL_MAX, "%s", of->count != 0 ? format_time((double)ns, scaled) : "-");
	return STYLE_PLAIN;
}

#define RATE_CELL(name)                                                                  \
	static enum view_style cell_##name(const struct line *line, char text[CELL_MAX]) \
	{                                                                                \
		return cell_scaled(text, line->rates->name);                             \
	}
RATE_CELL(tx_pps)
RATE_CELL(rx_pps)
RATE_CELL(tx_bps)
RATE_CELL(rx_bps)

/* Counters of a member of a line, bad if they are not 0, or neither. */
#define COUNT_CELL(name, of, member, bad)                                                \
	static enum view_style cell_##name(const struct line *line, char text[CELL_MAX]) \
	{                                                                                \
		return cell_count(text, line->of->member, bad);                          \
	}
COUNT_CELL(port_tx, port, tx.frames, false)
COUNT_CELL(port_rx, port, rx.frames, false)
COUNT_CELL(port_dropped, port, dropped, true)
COUNT_CELL(port_full, port, full, false)
COUNT_CELL(queue_number, queue, queue, false)
COUNT_CELL(queue_tx, queue, tx.frames, false)
COUNT_CELL(queue_rx, queue, rx.frames, false)
COUNT_CELL(queue_other, queue, other.frames, false)
COUNT_CELL(flow_tx, flow, tx.frames, false)
COUNT_CELL(flow_lost, flow, order.lost, true)
COUNT_CELL(flow_reordered, flow, order.reordered, true)
COUNT_CELL(flow_duplicates, flow, order.duplicates, true)
COUNT_CELL(flow_damaged, flow, order.damaged, true)

#define TIME_CELL(name)                                                                  \
	static enum view_style cell_##name(const struct line *line, char text[CELL_MAX]) \
	{                                                                                \
		return cell_time(text, &line->flow->latency, line->flow->latency.name);  \
	}
TIME_CELL(p50)
TIME_CELL(p99)
TIME_CELL(max)

static enum view_style cell_port_name(const struct line *line, char text[CELL_MAX])
{
	snprintf(text, CELL_MAX, "%s", line->port->name);
	return STYLE_PLAIN;
}

static enum view_style cell_location(const struct line *line, char text[CELL_MAX])
{
	snprintf(text, CELL_MAX, "%s", line->port->location);
	return STYLE_DIM;
}

static enum view_style cell_link(const struct line *line, char text[CELL_MAX])
{
	const struct engine_port_metrics *port = line->port;

	if (!port->link_up)
		snprintf(text, CELL_MAX, "down");
	else if (port->link_mbit == 0)
		snprintf(text, CELL_MAX, "up");
	else if (port->link_mbit < 1000)
		snprintf(text, CELL_MAX, "%uM", port->link_mbit);
	else
		snprintf(text, CELL_MAX, "%.4gG", port->link_mbit / 1e3);
	return port->link_up ? STYLE_GOOD : STYLE_BAD;
}

static enum view_style cell_queue_port(const struct line *line, char text[CELL_MAX])
{
	snprintf(text, CELL_MAX, "%s", line->metrics->port[line->queue->port].name);
	return STYLE_PLAIN;
}

static enum view_style cell_flow_name(const struct line *line, char text[CELL_MAX])
{
	snprintf(text, CELL_MAX, "%s", line->flow->name);
	return STYLE_PLAIN;
}

static enum view_style cell_state(const struct line *line, char text[CELL_MAX])
{
	enum view_style style;

	snprintf(text, CELL_MAX, "%s", view_state_name(line->flow, &style));
	return style;
}

static enum view_style cell_wanted(const struct line *line, char text[CELL_MAX])
{
	char rate[32];

	snprintf(text, CELL_MAX, "%s", view_format_rate(&line->flow->rate, rate));
	return STYLE_PLAIN;
}

static const struct column port_columns[] = {
	{ "PORT", 12, 0, true, cell_port_name },
	{ "LOCATION", 24, 7, true, cell_location },
	{ "LINK", 6, 2, false, cell_link },
	{ "TX pps", 8, 1, false, cell_tx_pps },
	{ "TX bit/s", 8, 3, false, cell_tx_bps },
	{ "RX pps", 8, 1, false, cell_rx_pps },
	{ "RX bit/s", 8, 3, false, cell_rx_bps },
	{ "SENT", 9, 5, false, cell_port_tx },
	{ "RECEIVED", 9, 5, false, cell_port_rx },
	{ "DROPPED", 8, 4, false, cell_port_dropped },
	{ "FULL", 8, 6, false, cell_port_full },
	{ 0 },
};

static const struct column queue_columns[] = {
	{ "PORT", 12, 2, true, cell_queue_port },
	{ "QUEUE", 5, 0, false, cell_queue_number },
	{ "TX pps", 8, 1, false, cell_tx_pps },
	{ "TX bit/s", 8, 4, false, cell_tx_bps },
	{ "RX pps", 8, 1, false, cell_rx_pps },
	{ "RX bit/s", 8, 4, false, cell_rx_bps },
	{ "SENT", 9, 3, false, cell_queue_tx },
	{ "RECEIVED", 9, 3, false, cell_queue_rx },
	{ "NOT OURS", 9, 5, false, cell_queue_other },
	{ 0 },
};

static const struct column flow_columns[] = {
	{ "FLOW", 14, 0, true, cell_flow_name },
	{ "STATE", 7, 1, true, cell_state },
	{ "WANTED", 11, 6, false, cell_wanted },
	{ "TX pps", 7, 1, false, cell_tx_pps },
	{ "TX bit/s", 8, 7, false, cell_tx_bps },
	{ "RX pps", 7, 1, false, cell_rx_pps },
	{ "RX bit/s", 8, 7, false, cell_rx_bps },
	{ "SENT", 9, 8, false, cell_flow_tx },
	{ "LOST", 7, 2, false, cell_flow_lost },
	{ "REORD", 6, 5, false, cell_flow_reordered },
	{ "DUPL", 5, 5, false, cell_flow_duplicates },
	{ "DAMAGED", 7, 4, false, cell_flow_damaged },
	{ "p50", 9, 4, false, cell_p50 },
	{ "p99", 9, 3, false, cell_p99 },
	{ "MAX", 9, 6, false, cell_max },
	{ 0 },
};

/* ---- fitting ---- */

static int table_width(const struct column *column, int rank)
{
	int width = 0;

	for (; column->title != NULL; column++)
		if (column->rank <= rank)
			width += column->width + 1;
	return width;
}

/* The highest rank that has room, with a small sparkline if there is room for that too. */
static int table_rank(const struct column *column, int columns)
{
	int rank = 9;

	while (rank > 0 && table_width(column, rank) + (rank > 2 ? SPARK_MIN : 0) > columns)
		rank--;
	return rank;
}

static void table_draw_head(const struct column *column, int rank, struct view_area area)
{
	int x = area.x, end = area.x + area.columns;
	int spark;

	view_fill(area.y, area.x, area.columns, STYLE_BAR);
	for (; column->title != NULL; column++) {
		if (column->rank > rank)
			continue;
		if (column->left)
			view_put(area.y, x, end - x < column->width ? end - x : column->width, STYLE_BAR,
				 "%s", column->title);
		else
			view_put_right(area.y, x, column->width, STYLE_BAR, column->title);
		x += column->width + 1;
	}
	spark = end - x < SPARK_MAX ? end - x : SPARK_MAX;
	if (spark >= SPARK_MIN)
		view_put(area.y, x, spark, STYLE_BAR, spark >= 24 ? "TX pps, last minute" : "TX");
}

static void table_draw_line(const struct column *column, int rank, struct view_area area,
			    const struct line *line, bool selected, const struct monitor *monitor,
			    const struct monitor_series *series)
{
	int x = area.x, end = area.x + area.columns;
	char text[CELL_MAX];

	if (selected)
		view_fill(area.y, area.x, area.columns, STYLE_SELECTED);
	for (; column->title != NULL; column++) {
		enum view_style style;

		if (column->rank > rank)
			continue;
		style = column->write(line, text);
		style = selected ? STYLE_SELECTED : style;
		if (column->left)
			view_put(area.y, x, end - x < column->width ? end - x : column->width, style, "%s",
				 text);
		else
			view_put_right(area.y, x, column->width, style, text);
		x += column->width + 1;
	}
	end -= x + SPARK_MAX < end ? end - x - SPARK_MAX : 0;
	if (series != NULL && end - x >= SPARK_MIN)
		view_spark(area.y, x, end - x, monitor, series, series->tx_pps);
}

/* ---- lists ---- */

static const struct monitor_rates *table_rates(const struct monitor_series *series)
{
	static const struct monitor_rates nothing;

	return series != NULL ? &series->rates : &nothing;
}

/* Lines that are above, so that `line` is in sight. */
static size_t table_scroll(size_t first, size_t count, size_t rows)
{
	return count <= rows ? 0 : first > count - rows ? count - rows
							: first;
}

/* Says what is not to be seen, in the head of the list. */
static void table_draw_more(struct view_area area, size_t first, size_t rows, size_t count)
{
	char text[64];

	if (count <= rows)
		return;
	snprintf(text, sizeof(text), " %zu-%zu of %zu ", first + 1, first + rows, count);
	if ((int)strlen(text) < area.columns / 2)
		view_put_right(area.y, area.x, area.columns, STYLE_BAR, text);
}

void view_draw_ports(struct view *view, const struct engine_metrics *metrics, struct view_area area)
{
	const struct monitor *monitor = &view->generator->monitor;
	int rank = table_rank(port_columns, area.columns);
	size_t rows = area.rows > 1 ? (size_t)area.rows - 1 : 0;
	size_t *first = &view->first[TAB_PORTS];

	*first = table_scroll(*first, metrics->ports, rows);
	table_draw_head(port_columns, rank, area);
	table_draw_more(area, *first, rows, metrics->ports);
	for (size_t i = *first; i < metrics->ports && i < *first + rows; i++) {
		const struct monitor_series *series = i < monitor->ports ? &monitor->port[i] : NULL;
		struct line line = { .metrics = metrics, .port = &metrics->port[i], .rates = table_rates(series) };

		area.y++;
		table_draw_line(port_columns, rank, area, &line, false, monitor, series);
	}
}

void view_draw_queues(struct view *view, const struct engine_metrics *metrics, struct view_area area)
{
	const struct monitor *monitor = &view->generator->monitor;
	int rank = table_rank(queue_columns, area.columns);
	size_t rows = area.rows > 1 ? (size_t)area.rows - 1 : 0;
	size_t *first = &view->first[TAB_QUEUES];

	*first = table_scroll(*first, metrics->queues, rows);
	table_draw_head(queue_columns, rank, area);
	table_draw_more(area, *first, rows, metrics->queues);
	for (size_t i = *first; i < metrics->queues && i < *first + rows; i++) {
		const struct monitor_series *series = i < monitor->queues ? &monitor->queue[i] : NULL;
		struct line line = { .metrics = metrics, .queue = &metrics->queue[i], .rates = table_rates(series) };

		area.y++;
		table_draw_line(queue_columns, rank, area, &line, false, monitor, series);
	}
}

/* The selected one stays in sight. */
static void table_follow(struct view *view, size_t rows)
{
	size_t *first = &view->first[TAB_FLOWS], at = 0;

	while (at < view->flows && view->order[at] != view->selected)
		at++;
	if (at < *first)
		*first = at;
	else if (rows != 0 && at >= *first + rows)
		*first = at - rows + 1;
	*first = table_scroll(*first, view->flows, rows);
}

void view_draw_flows(struct view *view, const struct engine_metrics *metrics, struct view_area area)
{
	const struct monitor *monitor = &view->generator->monitor;
	int rank = table_rank(flow_columns, area.columns);
	size_t rows = area.rows > 1 ? (size_t)area.rows - 1 : 0;
	size_t first;

	view->page = rows;
	table_follow(view, rows);
	first = view->first[TAB_FLOWS];
	table_draw_head(flow_columns, rank, area);
	table_draw_more(area, first, rows, view->flows);
	for (size_t i = first; i < view->flows && i < first + rows; i++) {
		uint32_t number = view->order[i];
		const struct monitor_series *series =
			number < monitor->flows ? &monitor->flow[number] : NULL;
		struct line line = { .metrics = metrics, .flow = &metrics->flow[number], .rates = table_rates(series) };

		area.y++;
		table_draw_line(flow_columns, rank, area, &line,
				view->all || number == view->selected, monitor, series);
	}
}
