/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The terminal of the view. What curses writes goes into memory first, and to the terminal as fast as it
 * takes it: one that stands still holds nothing.
 */
#ifndef VIONET_TOOLS_TERMINAL_H
#define VIONET_TOOLS_TERMINAL_H

#include <stdbool.h>

/* That there is: of standard output, or else of standard error; -1: neither. */
int terminal_find(void);

/* Returns 0 or -errno; nothing is changed then. */
int terminal_open(void);

/* As it was before. */
void terminal_close(void);

/* Another size, or it was stopped and goes on: true once. */
bool terminal_changed(int *rows, int *columns);

/* Bring what was drawn to the terminal, as much as it takes. False: it is not all gone yet. */
bool terminal_flush(void);

/* Draw what is new; only after all before is gone. */
void terminal_update(void);

bool terminal_is_lost(void);
int terminal_fd(void);
bool terminal_has_color(void);
bool terminal_has_unicode(void);

#endif
