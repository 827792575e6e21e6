/* SPDX-License-Identifier: BSD-3-Clause */
/* All of one flow; messages; help. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/pktgen/format.h"
#include "tools/pktgen/view/parts.h"

#define LABEL_WIDTH 10

const char *view_state_name(const struct engine_flow_metrics *flow, enum view_style *style)
{
	*style = STYLE_DIM;
	if (flow->state == ENGINE_PAUSED) {
		*style = STYLE_NOTE;
		return "paused";
	}
	if (flow->state != ENGINE_STARTED)
		return "stopped";
	if (!flow->sending)
		return "done";
	*style = STYLE_GOOD;
	return "sending";
}

const char *view_format_rate(const struct rate *rate, char text[32])
{
	double value = (double)rate->milli / 1000;

	switch (rate->kind) {
	case RATE_PPS:
		return format_scaled(value, "pps", text);
	case RATE_BPS:
		return format_scaled(value, "bit/s", text);
	case RATE_PERCENT:
		snprintf(text, 32, "%.3g %%", value);
		return text;
	default:
		return "max";
	}
}

/* One line less of the area. */
static bool detail_next(struct view_area *area)
{
	area->y++;
	return --area->rows > 0;
}

static const char *detail_following(const struct engine_flow_metrics *flow)
{
	return flow->follow == ENGINE_DEVICE_SLOW ? ", the device does not follow" :
	       flow->follow == ENGINE_CPU_SLOW	  ? ", the CPU does not follow" :
						    "";
}

static void detail_draw_head(const struct engine_flow_metrics *flow, struct view_area area)
{
	enum view_style style;
	const char *state = view_state_name(flow, &style);
	char rate[32], text[160];
	int used;

	view_fill(area.y, area.x, area.columns, STYLE_BAR);
	used = view_put(area.y, area.x, area.columns, STYLE_BAR, "%s", flow->name);
	snprintf(text, sizeof(text), "  %s, wanted %s%s", state, view_format_rate(&flow->rate, rate),
		 detail_following(flow));
	view_put(area.y, area.x + used, area.columns - used, STYLE_BAR, "%s", text);
}

static double detail_percent(uint64_t part, uint64_t whole)
{
	return whole != 0 ? 100.0 * (double)part / (double)whole : 0;
}

static void detail_draw_counts(const struct engine_flow_metrics *flow, struct view_area area)
{
	const struct engine_order *order = &flow->order;
	uint64_t middle = order->lost - order->lost_begin - order->lost_end;
	char text[256];

	snprintf(text, sizeof(text),
		 "sent %" PRIu64 "  received %" PRIu64 "  lost %" PRIu64
		 " (%.3g %%: begin %" PRIu64 ", middle %" PRIu64 ", end %" PRIu64 ")  late %" PRIu64,
		 flow->tx.frames, flow->rx.frames, order->lost,
		 detail_percent(order->lost, flow->tx.frames), order->lost_begin, middle,
		 order->lost_end, order->late);
	view_put(area.y, area.x, area.columns, order->lost != 0 ? STYLE_BAD : STYLE_PLAIN, "%s",
		 text);
}

static void detail_draw_order(const struct engine_flow_metrics *flow, struct view_area area)
{
	const struct engine_order *order = &flow->order;
	bool bad = order->reordered + order->duplicates + order->damaged != 0;

	view_put(area.y, area.x, area.columns, bad ? STYLE_BAD : STYLE_PLAIN,
		 "reordered %" PRIu64 "  duplicates %" PRIu64 "  damaged %" PRIu64
		 "  out of window %" PRIu64 "  queue full %" PRIu64 "  skipped %.3g s",
		 order->reordered, order->duplicates, order->damaged, order->out_of_window,
		 flow->full, flow->slipped_s);
}

/* "latency    min  p50 ..." */
static void detail_draw_times_head(struct view_area area)
{
	static const char *const titles[] = { "min", "p50", "p90", "p99", "p99.9", "max", "avg" };
	int x = area.x + LABEL_WIDTH;

	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++, x += 11)
		if (x + 10 <= area.x + area.columns)
			view_put_right(area.y, x, 10, STYLE_DIM, titles[i]);
}

static void detail_draw_times(const char *label, const struct engine_latency *of,
			      struct view_area area)
{
	const double ns[] = { (double)of->min, (double)of->p50, (double)of->p90, (double)of->p99,
			      (double)of->p999, (double)of->max, of->average };
	int x = area.x + LABEL_WIDTH;
	char text[32];

	view_put(area.y, area.x, area.columns, STYLE_DIM, "%s", label);
	for (size_t i = 0; i < sizeof(ns) / sizeof(ns[0]); i++, x += 11)
		if (x + 10 <= area.x + area.columns)
			view_put_right(area.y, x, 10, STYLE_PLAIN,
				       of->count != 0 ? format_time(ns[i], text) : "-");
}

static void detail_draw_spark(const char *label, double now, const char *unit, bool is_time,
			      const struct monitor *monitor, const struct monitor_series *series,
			      const float samples[MONITOR_SAMPLES], struct view_area area)
{
	int room = area.columns - LABEL_WIDTH - 14;
	char text[32];

	view_put(area.y, area.x, area.columns, STYLE_DIM, "%s", label);
	if (room < 8)
		room = 0;
	if (room > MONITOR_SAMPLES)
		room = MONITOR_SAMPLES;
	view_spark(area.y, area.x + LABEL_WIDTH, room, monitor, series, samples);
	view_put_right(area.y, area.x + LABEL_WIDTH + room, 14, STYLE_PLAIN,
		       is_time ? format_time(now, text) : format_scaled(now, unit, text));
}

static void detail_draw_sparks(const struct view *view, const struct engine_flow_metrics *flow,
			       struct view_area area)
{
	const struct monitor *monitor = &view->generator->monitor;
	const struct monitor_series *series;

	if (view->selected >= monitor->flows)
		return;
	series = &monitor->flow[view->selected];
	detail_draw_spark("TX", series->rates.tx_pps, "pps", false, monitor, series, series->tx_pps,
			  area);
	if (detail_next(&area))
		detail_draw_spark("RX", series->rates.rx_pps, "pps", false, monitor, series,
				  series->rx_pps, area);
	if (area.rows > 0 && detail_next(&area))
		detail_draw_spark("lost", monitor_sample(monitor, series, series->lost_pps, 0), "pps",
				  false, monitor, series, series->lost_pps, area);
	if (area.rows > 0 && detail_next(&area))
		detail_draw_spark("p99", (double)flow->latency.p99, "", true, monitor, series,
				  series->latency_ns, area);
}

void view_draw_flow(const struct view *view, const struct engine_metrics *metrics,
		    struct view_area area)
{
	const struct engine_flow_metrics *flow;

	if (view->selected >= metrics->flows || area.rows <= 0)
		return;
	flow = &metrics->flow[view->selected];
	detail_draw_head(flow, area);
	if (!detail_next(&area))
		return;
	detail_draw_counts(flow, area);
	if (!detail_next(&area))
		return;
	detail_draw_order(flow, area);
	if (!detail_next(&area))
		return;
	if (area.rows >= 2) {
		detail_draw_times_head(area);
		detail_next(&area);
	}
	detail_draw_times("latency", &flow->latency, area);
	if (!detail_next(&area))
		return;
	detail_draw_times("gaps RX", &flow->arrival, area);
	if (!detail_next(&area))
		return;
	detail_draw_times("gaps TX", &flow->departure, area);
	if (!detail_next(&area))
		return;
	view_put(area.y, area.x, area.columns, STYLE_PLAIN, "jitter %.1f us  streams %" PRIu64,
		 flow->jitter / 1e3, flow->streams);
	if (detail_next(&area))
		detail_draw_sparks(view, flow, area);
}

void view_draw_messages(struct view *view, struct view_area area)
{
	size_t rows = area.rows > 1 ? (size_t)area.rows - 1 : 0, kept;
	size_t *above = &view->first[TAB_MESSAGES]; /* lines below the last one that is shown */
	uint64_t last;

	view_fill(area.y, area.x, area.columns, STYLE_BAR);
	pthread_mutex_lock(&view->lock);
	view_put(area.y, area.x, area.columns, STYLE_BAR, "MESSAGES (%" PRIu64 ")", view->messages);
	kept = view->messages < VIEW_MESSAGES ? (size_t)view->messages : VIEW_MESSAGES;
	if (*above + rows > kept)
		*above = kept > rows ? kept - rows : 0;
	last = view->messages - *above;
	for (size_t i = 0; i < rows && i < last && i < kept; i++) {
		uint64_t number = last - (rows < last ? rows : last) + i;

		if (view->messages - number <= kept)
			view_put(area.y + 1 + (int)i, area.x, area.columns, STYLE_PLAIN, "%s",
				 view->message[number % VIEW_MESSAGES]);
	}
	pthread_mutex_unlock(&view->lock);
}

void view_draw_help(struct view_area area)
{
	static const char *const lines[] = {
		"Up Down PgUp PgDn Home End   select a flow, or scroll",
		"a       keys act on all flows, or on the selected one",
		"+ -     rate 10 % up, down      > <   twice, half",
		"space   pause, resume           s     stop, start anew",
		"o O     sort by another column, the other way round",
		"Tab 1-6 all, ports, queues, flows, one flow, messages",
		"^L      draw anew               ?     this",
		"q       end in order; once more: at once",
	};

	view_fill(area.y, area.x, area.columns, STYLE_BAR);
	view_put(area.y, area.x, area.columns, STYLE_BAR, "KEYS");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]) && (int)i + 1 < area.rows; i++)
		view_put(area.y + 1 + (int)i, area.x, area.columns, STYLE_PLAIN, "%s", lines[i]);
}
