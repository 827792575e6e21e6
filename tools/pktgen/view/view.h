/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `--view`: the run on a full screen, with keys. No thread: all is done in view_serve, in the control
 * thread, which never waits for the terminal.
 */
#ifndef VIONET_TOOLS_VIEW_H
#define VIONET_TOOLS_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/monitor/generator.h"

struct view;

/* Can the terminal show it? False: there is none, plain lines are for that. A terminal that cannot move its
 * cursor ends the program with a sentence. */
bool view_is_possible(void);

/* Take the terminal. From now on messages are shown in the view. Returns an exit code. */
int view_open(struct view **view, struct generator *generator);

/* Give the terminal back as it was, print the messages that came. NULL is allowed. */
void view_close(struct view *view);

/* To be polled for these events, and when to serve at the latest. */
int view_fd(const struct view *view);
short view_events(const struct view *view);
uint64_t view_due(const struct view *view);

/* Read keys, act on them, draw. A terminal that is lost is as a signal to stop. */
void view_serve(struct view *view);

#endif
