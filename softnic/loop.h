/* SPDX-License-Identifier: BSD-3-Clause */
/* The one loop of the device. */
#ifndef SOFTNIC_LOOP_H
#define SOFTNIC_LOOP_H

#include "softnic/device.h"

struct command_server;

/* From here on SIGTERM, SIGINT and SIGHUP are for the loop: a descriptor, or -errno. Once one
 * came, no system call waits longer than a tenth of a second. */
int loop_signals(void);

/* Until a signal, or with --once until the driver has gone. 0 or -errno. */
int loop_run(struct device *device, struct command_server *commands, int signals);

#endif
