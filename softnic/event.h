/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Signalling and taking eventfds that the driver has too. Never waits: O_NONBLOCK belongs
 * to the open file, so it is the driver's to take away.
 */
#ifndef SOFTNIC_EVENT_H
#define SOFTNIC_EVENT_H

#include <stdbool.h>

/* Is the descriptor one of a kernel object without a path of this kind ("anon_inode:[...]")? */
bool fd_is(int fd, const char *kind);

/* Is it an eventfd? A write to anything else could do anything, or wait. */
bool event_is(int fd);

/* A counter that is full has been signalled already. */
void event_signal(int fd);

/* Has it (-1: none) been signalled since it was last taken? */
bool event_take(int fd);

#endif
