/* SPDX-License-Identifier: BSD-3-Clause */
/* How a command ends: by stop signals, also while a call of the library holds the
 * process, and with its last output complete. With the clock of the commands. */
#ifndef VIONET_TOOLS_STOP_H
#define VIONET_TOOLS_STOP_H

#include <stdint.h>

/*
 * From now on SIGINT, SIGTERM and SIGHUP end the process at once, after `undo` (or NULL) of
 * the last stop_undo, a function that a signal handler may call; and writing to a closed pipe
 * or a full quota is an error instead of a death.
 */
void stop_install(void);
void stop_undo(void (*undo)(void));

/* From now on those signals only count: the command looks at stop_asked and ends in order.
 * A call that waits still a second after one, of the main thread, ends with EINTR (SIGALRM). */
void stop_in_order(void);

/* The main thread has a device, and moves: to be said more often than once a second. No
 * system call of it waits much longer: SIGALRM ends it with EINTR, which is never sent while
 * all goes well. Other threads are sent it by the main one. stop_closed: it has none now. */
void stop_moving(void);
void stop_closed(void);

/* Around all that is written while there is a device: slow readers and file systems are
 * waited for, until the user signals to stop; then as long as something moves each
 * second. */
void output_begin(void);
void output_end(void);

/* How often the user signalled to stop, a tenth of a second apart or more: 1 end in order, 2 end
 * without lingering. */
int stop_asked(void);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t now_ns(void);

/* Sleep until that time of now_ns(), or until a stop signal. */
void sleep_until(uint64_t until);

/* Sleep so long, or until a signal. */
void sleep_ns(uint64_t duration);

#endif
