/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: commands as lines of text, while the device runs. */
#ifndef SOFTNIC_COMMAND_H
#define SOFTNIC_COMMAND_H

#include <poll.h>

#include "softnic/device.h"

#define COMMAND_CLIENTS 4u

struct command_server;

/* NULL path: no socket, *commands is NULL. 0 or -errno, printed. */
int command_open(struct device *device, struct command_server **commands);
void command_close(struct command_server *commands);

/* Descriptors to wait for (at most COMMAND_CLIENTS + 1), and serving what came. */
unsigned int command_fds(struct command_server *commands, struct pollfd *fds);
void command_serve(struct command_server *commands);
/* "quit" was said. */
bool command_quit(const struct command_server *commands);

#endif
