/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/view/view.h"

#include <curses.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/pktgen/view/parts.h"
#include "tools/pktgen/view/terminal.h"
#include "tools/shared/common.h"

#define STEP_NS 500000000ULL
/* What is shown of keys that are typed faster than this is shown together. */
#define KEYS_MAX 64
#define ROWS_MIN 4
#define COLUMNS_MIN 20
#define DETAIL_MAX 12 /* lines of all that there is of a flow */

/* ---- messages ---- */

static bool view_take_message(void *context, const char *text)
{
	struct view *view = context;
	char **place;

	pthread_mutex_lock(&view->lock);
	place = &view->message[view->messages % VIEW_MESSAGES];
	free(*place);
	*place = strdup(text);
	view->messages++;
	__atomic_store_n(&view->news, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&view->lock);
	return view->later;
}

/* They were not seen by those who read the terminal afterwards. */
static void view_print_messages(const struct view *view)
{
	uint64_t first = view->messages > VIEW_MESSAGES ? view->messages - VIEW_MESSAGES : 0;

	if (first != 0)
		say("%" PRIu64 " messages before these are left out", first);
	for (uint64_t i = first; i < view->messages; i++)
		if (view->message[i % VIEW_MESSAGES] != NULL)
			say("%s", view->message[i % VIEW_MESSAGES]);
}

/* ---- the life of it ---- */

int view_open(struct view **result, struct generator *generator)
{
	struct view *view = calloc(1, sizeof(*view));
	int error = view != NULL ? terminal_open() : -ENOMEM;

	*result = NULL;
	if (error != 0) {
		say("--view: the terminal: %s", strerror(-error));
		free(view);
		return CODE_FAILED;
	}
	view->generator = generator;
	view->open_ns = now_ns();
	view->stale = true;
	pthread_mutex_init(&view->lock, NULL);
	view->later = isatty(STDERR_FILENO) == 1;
	view->listener = (struct say_listener){ .take = view_take_message, .context = view };
	view_draw_init();
	say_listen(&view->listener);
	*result = view;
	return CODE_OK;
}

void view_close(struct view *view)
{
	if (view == NULL)
		return;
	say_unlisten(&view->listener);
	terminal_close();
	if (view->later)
		view_print_messages(view);
	for (size_t i = 0; i < VIEW_MESSAGES; i++)
		free(view->message[i]);
	pthread_mutex_destroy(&view->lock);
	free(view->order);
	free(view);
}

int view_fd(const struct view *view)
{
	(void)view;
	return terminal_is_lost() ? -1 : terminal_fd();
}

short view_events(const struct view *view)
{
	(void)view;
	return terminal_flush() ? POLLIN : POLLIN | POLLOUT;
}

uint64_t view_due(const struct view *view)
{
	return view->due_ns;
}

/* ---- the screen ---- */

static const char *view_state(const struct view *view, const struct engine_metrics *metrics)
{
	bool paused = false;

	if (stop_asked() > 0)
		return "ending";
	if (metrics == NULL)
		return "no configuration";
	if (!engine_is_sending(view->generator->engine))
		return "not sending";
	for (size_t i = 0; i < metrics->flows; i++) {
		if (metrics->flow[i].sending)
			return "sending";
		paused |= metrics->flow[i].state == ENGINE_PAUSED;
	}
	return paused ? "paused" : "receiving";
}

static void view_draw_bar(const struct view *view, const struct engine_metrics *metrics)
{
	uint64_t now = now_ns(), from = metrics != NULL && metrics->start_ns != 0 ? metrics->start_ns : view->open_ns;
	uint64_t seconds = (now - from) / 1000000000;
	char text[96];

	view_fill(0, 0, view->columns, STYLE_BAR);
	view_put(0, 0, view->columns, STYLE_BAR, "vionet pktgen  %s", view_state(view, metrics));
	snprintf(text, sizeof(text), "%s  by %s%s  %02u:%02u:%02u", view->all ? "all flows" : "one flow",
		 view_sort_name(view->sort), view->reverse ? " (reversed)" : "",
		 (unsigned int)(seconds / 3600), (unsigned int)(seconds / 60 % 60),
		 (unsigned int)(seconds % 60));
	if (view->columns >= 60)
		view_put_right(0, 30, view->columns - 30, STYLE_BAR, text);
}

static void view_draw_foot(const struct view *view)
{
	int y = view->rows - 1;

	view_fill(y, 0, view->columns, STYLE_BAR);
	if (view->note[0] != '\0')
		view_put(y, 0, view->columns, STYLE_BAR, "%s", view->note);
	else
		view_put(y, 0, view->columns, STYLE_BAR, "%s",
			 view->columns >= 72 ? "q end  space pause  s start/stop  +- rate  a all  "
					       "o sort  Tab pane  ? help" :
					       "q end  ? help");
}

/* The first `rows` lines of an area; it begins behind them. */
static struct view_area view_cut(struct view_area *area, int rows)
{
	struct view_area part = *area;

	part.rows = rows < area->rows ? rows : area->rows;
	area->y += part.rows;
	area->rows -= part.rows;
	return part;
}

static int view_least(size_t count, int most)
{
	return count < (size_t)most ? (int)count : most;
}

/* Everything, as much of each as the screen's height allows. */
static void view_draw_all(struct view *view, const struct engine_metrics *metrics,
			  struct view_area area)
{
	int height = area.rows;
	int detail = height >= 20 ? 7 : height >= 14 ? 4
						     : 0;
	int messages = height >= 40 ? 7 : height >= 16 ? 4
				  : height >= 12       ? 3
						       : 0;
	int queues = height >= 34 ? 1 + view_least(metrics->queues, height / 6) : 0;
	int ports = 1 + view_least(metrics->ports, height >= 20 ? height / 5 : height >= 10 ? 2
											    : 1);
	int room;

	view_draw_ports(view, metrics, view_cut(&area, ports));
	if (queues != 0)
		view_draw_queues(view, metrics, view_cut(&area, queues));
	/* What the flows leave is for one of them. */
	room = area.rows - messages - 1 - view_least(metrics->flows, area.rows);
	if (detail != 0 && room > detail)
		detail = room < DETAIL_MAX ? room : DETAIL_MAX;
	view_draw_flows(view, metrics, view_cut(&area, area.rows - detail - messages));
	if (detail != 0)
		view_draw_flow(view, metrics, view_cut(&area, detail));
	if (messages != 0)
		view_draw_messages(view, area);
}

static void view_draw_body(struct view *view, const struct engine_metrics *metrics,
			   struct view_area area)
{
	if (view->tab == TAB_HELP) {
		view_draw_help(area);
	} else if (view->tab == TAB_MESSAGES || metrics == NULL) {
		view->page = (size_t)area.rows;
		view_draw_messages(view, area);
	} else if (view->tab == TAB_PORTS) {
		view->page = (size_t)area.rows;
		view_draw_ports(view, metrics, area);
	} else if (view->tab == TAB_QUEUES) {
		view->page = (size_t)area.rows;
		view_draw_queues(view, metrics, area);
	} else if (view->tab == TAB_FLOWS) {
		view_draw_flows(view, metrics, area);
	} else if (view->tab == TAB_FLOW) {
		view_draw_flow(view, metrics, area);
	} else {
		view_draw_all(view, metrics, area);
	}
}

void view_draw(struct view *view)
{
	struct engine *engine = view->generator->engine;
	const struct engine_metrics *metrics = engine != NULL ? engine_metrics(engine) : NULL;
	struct view_area area = { .y = 1, .rows = view->rows - 2, .columns = view->columns };

	erase();
	if (view->rows < ROWS_MIN || view->columns < COLUMNS_MIN) {
		view_put(0, 0, view->columns, STYLE_PLAIN, "too small");
	} else {
		if (metrics != NULL)
			view_sort_flows(view, metrics);
		view_draw_bar(view, metrics);
		view_draw_body(view, metrics, area);
		view_draw_foot(view);
	}
	wnoutrefresh(stdscr);
	terminal_update();
}

/* ---- serving ---- */

static void view_read_keys(struct view *view)
{
	int key;

	for (int i = 0; i < KEYS_MAX && (key = getch()) != ERR; i++)
		if (key != KEY_RESIZE)
			view_key(view, key);
}

/* Nobody reads it any more, or types: the run ends as if it had been interrupted. */
static void view_check_lost(struct view *view)
{
	struct pollfd look = { .fd = terminal_fd(), .events = POLLIN };

	if (view->lost_said)
		return;
	if (!terminal_is_lost() && (poll(&look, 1, 0) <= 0 || (look.revents & (POLLHUP | POLLERR)) == 0))
		return;
	view->lost_said = true;
	say("the terminal is gone");
	/* The kernel sends a signal to those whose controlling terminal it was: then this is not another. */
	if (stop_asked() == 0)
		raise(SIGHUP);
}

void view_serve(struct view *view)
{
	uint64_t now = now_ns();
	bool whole = terminal_flush();

	view_check_lost(view);
	if (view->lost_said)
		return;
	view_read_keys(view);
	if (terminal_changed(&view->rows, &view->columns) ||
	    __atomic_exchange_n(&view->news, 0, __ATOMIC_RELAXED))
		view->stale = true;
	if (!whole || (!view->stale && now < view->due_ns))
		return;
	view->stale = false;
	view->due_ns = now + STEP_NS;
	view_draw(view);
}
