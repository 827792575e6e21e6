/* SPDX-License-Identifier: BSD-3-Clause */
/* What keys do. */
#include <curses.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/view/parts.h"

#define CONTROL(letter) ((letter)&0x1f)

/* ---- the order of flows ---- */

/* Of a comparison, which has no context: the control thread's. */
static struct {
	const struct engine_metrics *metrics;
	const struct monitor *monitor;
	enum view_sort by;
	bool reverse;
} sorting;

const char *view_sort_name(enum view_sort sort)
{
	static const char *const names[] = { "number", "name", "TX", "RX", "lost", "p99" };

	return names[sort];
}

static double sort_value(uint32_t number)
{
	const struct engine_flow_metrics *flow = &sorting.metrics->flow[number];
	const struct monitor_series *series =
		number < sorting.monitor->flows ? &sorting.monitor->flow[number] : NULL;

	switch (sorting.by) {
	case SORT_TX:
		return series != NULL ? series->rates.tx_pps : 0;
	case SORT_RX:
		return series != NULL ? series->rates.rx_pps : 0;
	case SORT_LOST:
		return (double)flow->order.lost;
	case SORT_LATENCY:
		return (double)flow->latency.p99;
	default:
		return -(double)number;
	}
}

/* The highest first; equal ones by their numbers. */
static int sort_compare(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
	double of_a = sort_value(a), of_b = sort_value(b);
	int order = of_a > of_b ? -1 : of_a < of_b ? 1
						   : 0;

	if (sorting.by == SORT_NAME)
		order = strcmp(sorting.metrics->flow[a].name, sorting.metrics->flow[b].name);
	if (sorting.reverse)
		order = -order;
	return order != 0 ? order : a < b ? -1
					  : a > b;
}

void view_sort_flows(struct view *view, const struct engine_metrics *metrics)
{
	if (view->flows != metrics->flows) {
		free(view->order);
		view->order = calloc(metrics->flows + 1, sizeof(*view->order));
		view->flows = view->order != NULL ? metrics->flows : 0;
	}
	for (size_t i = 0; i < view->flows; i++)
		view->order[i] = (uint32_t)i;
	if (view->selected >= view->flows)
		view->selected = 0;
	sorting.metrics = metrics;
	sorting.monitor = &view->generator->monitor;
	sorting.by = view->sort;
	sorting.reverse = view->reverse;
	if (view->flows > 1)
		qsort(view->order, view->flows, sizeof(*view->order), sort_compare);
}

/* ---- moving ---- */

/* In the order of now: what is typed quickly is drawn once. */
static void keys_select(struct view *view, long by)
{
	struct engine *engine = view->generator->engine;
	const struct engine_metrics *metrics = engine != NULL ? engine_metrics(engine) : NULL;
	long at = 0, last;

	if (metrics == NULL)
		return;
	view_sort_flows(view, metrics);
	last = (long)view->flows - 1;
	while (at < last && view->order[at] != view->selected)
		at++;
	at += by;
	if (last >= 0)
		view->selected = view->order[at < 0 ? 0 : at > last ? last
								    : at];
}

static void keys_move(struct view *view, long by)
{
	size_t *first = &view->first[view->tab];

	if (view->tab == TAB_PORTS || view->tab == TAB_QUEUES)
		*first = by < 0 && *first < (size_t)-by ? 0 : *first + (size_t)by;
	else if (view->tab == TAB_MESSAGES) /* counted from the end */
		*first = by > 0 && *first < (size_t)by ? 0 : *first - (size_t)by;
	else
		keys_select(view, by);
}

static void keys_show(struct view *view, enum view_tab tab)
{
	view->tab = tab;
	view->stale = true;
}

/* ---- acting on flows ---- */

static void keys_transmit(struct view *view, enum engine_transmit what, const char *did)
{
	struct engine *engine = view->generator->engine;

	if (engine_transmit(engine, view->all ? NULL : &view->selected, view->all ? 0 : 1, what) == 0)
		snprintf(view->note, sizeof(view->note), "%s", did);
	else
		snprintf(view->note, sizeof(view->note), "refused: see the messages");
}

/* Of all flows the first that is being sent decides. */
static const struct engine_flow_metrics *keys_flow(const struct view *view,
						   const struct engine_metrics *metrics)
{
	const struct engine_flow_metrics *flow = &metrics->flow[view->selected];

	for (size_t i = 0; view->all && i < metrics->flows; i++)
		if (metrics->flow[i].sending)
			return &metrics->flow[i];
	return flow;
}

static void keys_pause(struct view *view, const struct engine_metrics *metrics)
{
	const struct engine_flow_metrics *flow = keys_flow(view, metrics);

	if (flow->state == ENGINE_PAUSED)
		keys_transmit(view, ENGINE_RESUME, "resumed");
	else if (flow->state == ENGINE_STARTED)
		keys_transmit(view, ENGINE_PAUSE, "paused");
	else
		snprintf(view->note, sizeof(view->note), "it is stopped: s starts it");
}

static void keys_start_or_stop(struct view *view, const struct engine_metrics *metrics)
{
	const struct engine_flow_metrics *flow = keys_flow(view, metrics);

	if (flow->sending || flow->state == ENGINE_PAUSED)
		keys_transmit(view, ENGINE_STOP, "stopped");
	else
		keys_transmit(view, ENGINE_START, "started");
}

/* From "as fast as possible" the way down begins at what it sends now. */
static struct rate keys_rate(const struct view *view, const struct engine_metrics *metrics,
			     uint32_t number, double factor)
{
	const struct monitor *monitor = &view->generator->monitor;
	struct rate rate = metrics->flow[number].rate;

	if (rate.kind == RATE_MAX && number < monitor->flows && monitor->flow[number].rates.tx_pps > 0) {
		rate.kind = RATE_PPS;
		rate.milli = (uint64_t)(monitor->flow[number].rates.tx_pps * 1000);
	}
	if (rate.milli < 1000000000000000)
		rate.milli = (uint64_t)((double)rate.milli * factor + 0.5);
	if (rate.milli == 0)
		rate.milli = 1;
	return rate;
}

static void keys_change_rate(struct view *view, const struct engine_metrics *metrics, double factor)
{
	char text[32];

	for (uint32_t i = 0; i < metrics->flows; i++) {
		struct rate rate = keys_rate(view, metrics, i, factor);

		if (!view->all && i != view->selected)
			continue;
		if (metrics->flow[i].rate.kind == RATE_MAX && (factor > 1 || rate.kind == RATE_MAX)) {
			snprintf(view->note, sizeof(view->note), "%s",
				 factor > 1 ? "it is as fast as it can be" : "its rate is not known yet");
			continue;
		}
		if (generator_set_rate(view->generator, i, &rate) != 0) {
			snprintf(view->note, sizeof(view->note), "refused: see the messages");
			return;
		}
		snprintf(view->note, sizeof(view->note), "rate %s%s",
			 view_format_rate(&rate, text), view->all ? " each" : "");
	}
}

/* What needs flows. False: the key is another. */
static bool keys_act(struct view *view, int key)
{
	static const struct {
		int key;
		double factor;
	} rates[] = { { '+', 1.1 }, { '=', 1.1 }, { '-', 1 / 1.1 }, { '>', 2 }, { '<', 0.5 } };
	struct engine *engine = view->generator->engine;
	const struct engine_metrics *metrics;

	if (strchr("+=-><s ", key) == NULL || key == 0 || key > 127)
		return false;
	metrics = engine != NULL ? engine_metrics(engine) : NULL;
	if (metrics == NULL || metrics->flows == 0) {
		snprintf(view->note, sizeof(view->note), "there are no flows");
		return true;
	}
	if (view->generator->ending) {
		snprintf(view->note, sizeof(view->note), "the run is ending");
		return true;
	}
	if (view->selected >= metrics->flows)
		view->selected = 0;
	if (key == ' ')
		keys_pause(view, metrics);
	if (key == 's')
		keys_start_or_stop(view, metrics);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (rates[i].key == key)
			keys_change_rate(view, metrics, rates[i].factor);
	return true;
}

/* ---- all keys ---- */

static bool keys_navigate(struct view *view, int key)
{
	long page = view->page > 1 ? (long)view->page : 1;

	switch (key) {
	case KEY_UP:
	case 'k':
		keys_move(view, -1);
		return true;
	case KEY_DOWN:
	case 'j':
		keys_move(view, 1);
		return true;
	case KEY_PPAGE:
		keys_move(view, -page);
		return true;
	case KEY_NPAGE:
		keys_move(view, page);
		return true;
	case KEY_HOME:
	case 'g':
		keys_move(view, -INT32_MAX);
		return true;
	case KEY_END:
	case 'G':
		keys_move(view, INT32_MAX);
		return true;
	default:
		return false;
	}
}

static bool keys_arrange(struct view *view, int key)
{
	if (key >= '1' && key <= '6')
		keys_show(view, (enum view_tab)(TAB_ALL + (key - '1')));
	else if (key == '\t')
		keys_show(view, view->tab >= TAB_MESSAGES ? TAB_ALL : view->tab + 1);
	else if (key == '?' || key == 'h')
		keys_show(view, view->tab == TAB_HELP ? TAB_ALL : TAB_HELP);
	else if (key == 27 || key == '\r' || key == '\n' || key == KEY_ENTER)
		keys_show(view, key == 27 || view->tab == TAB_FLOW ? TAB_ALL : TAB_FLOW);
	else if (key == 'o')
		view->sort = (view->sort + 1) % SORTS;
	else if (key == 'O')
		view->reverse = !view->reverse;
	else if (key == 'a')
		view->all = !view->all;
	else if (key == CONTROL('L'))
		clearok(curscr, TRUE);
	else
		return false;
	return true;
}

void view_key(struct view *view, int key)
{
	view->note[0] = '\0';
	view->stale = true;
	/* As Ctrl-C: the run ends in order, the second time at once. */
	if (key == 'q' || key == 'Q')
		raise(SIGINT);
	else if (!keys_navigate(view, key) && !keys_arrange(view, key) && !keys_act(view, key))
		snprintf(view->note, sizeof(view->note), "? shows the keys");
}
