/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the view share. */
#ifndef VIONET_TOOLS_VIEW_PARTS_H
#define VIONET_TOOLS_VIEW_PARTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/pktgen/monitor/generator.h"

#define VIEW_MESSAGES 200

/* What is shown: all that fits, or one thing on all of the screen. */
enum view_tab { TAB_ALL,
		TAB_PORTS,
		TAB_QUEUES,
		TAB_FLOWS,
		TAB_FLOW,
		TAB_MESSAGES,
		TAB_HELP,
		TABS };

enum view_sort { SORT_NUMBER,
		 SORT_NAME,
		 SORT_TX,
		 SORT_RX,
		 SORT_LOST,
		 SORT_LATENCY,
		 SORTS };

enum view_style { STYLE_PLAIN,
		  STYLE_TITLE,
		  STYLE_BAR,
		  STYLE_SELECTED,
		  STYLE_GOOD,
		  STYLE_NOTE,
		  STYLE_BAD,
		  STYLE_DIM,
		  STYLES };

struct view {
	struct generator *generator;
	struct say_listener listener;
	pthread_mutex_t lock;	      /* of messages: any thread says some */
	char *message[VIEW_MESSAGES]; /* a ring */
	uint64_t messages;	      /* that came so far */
	bool later;		      /* print them after the end: they are not in a file already */
	uint64_t open_ns, due_ns;
	int rows, columns;
	bool stale; /* to be drawn */
	int news;   /* atomic: a message came */
	bool lost_said;
	enum view_tab tab;
	enum view_sort sort;
	bool reverse;
	bool all;	    /* keys act on all flows */
	uint32_t selected;  /* number of a flow */
	size_t first[TABS]; /* line that is uppermost */
	size_t page;	    /* lines of the list that keys move in */
	uint32_t *order;    /* numbers of flows as they are shown */
	size_t flows;
	char note[96]; /* what the last key did */
};

/* A part of the screen. */
struct view_area {
	int y, x, rows, columns;
};

/* ---- primitives: nothing is written outside of `columns` ---- */

void view_draw_init(void);

/* Columns that were used. */
int view_put(int y, int x, int columns, enum view_style style, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* On the right end of them. */
void view_put_right(int y, int x, int columns, enum view_style style, const char *text);
void view_fill(int y, int x, int columns, enum view_style style);
/* A minute, the newest on the right; `columns` of it. */
void view_spark(int y, int x, int columns, const struct monitor *monitor,
		const struct monitor_series *series, const float samples[MONITOR_SAMPLES]);

/* ---- parts of the screen ---- */

void view_draw_ports(struct view *view, const struct engine_metrics *metrics, struct view_area area);
void view_draw_queues(struct view *view, const struct engine_metrics *metrics, struct view_area area);
void view_draw_flows(struct view *view, const struct engine_metrics *metrics, struct view_area area);
void view_draw_flow(const struct view *view, const struct engine_metrics *metrics,
		    struct view_area area);
void view_draw_messages(struct view *view, struct view_area area);
void view_draw_help(struct view_area area);
const char *view_state_name(const struct engine_flow_metrics *flow, enum view_style *style);
const char *view_sort_name(enum view_sort sort);
/* "1.000 Mpps" as it is wanted. */
const char *view_format_rate(const struct rate *rate, char text[32]);

/* The flows as they are to be shown; keeps the selection in sight. */
void view_sort_flows(struct view *view, const struct engine_metrics *metrics);

void view_draw(struct view *view);
void view_key(struct view *view, int key);

#endif
