/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TOOLS_CONTROL_REQUESTS_H
#define VIONET_TOOLS_CONTROL_REQUESTS_H

#include <stdbool.h>

#include <vionet/device.h>

/* What requests are about. */
struct control_target {
	struct vionet_device *device; /* started, or being closed */
	const char *command;	      /* that has it: "pktgen" */
	bool moved;		      /* it has another name now */
};

/* Serve a request, a line, and reply. Its content is not trusted: settings are read as
 * those of a command line are. For control_server_serve: `context` is a struct
 * control_target. Control thread. */
char *control_handle(void *context, const char *line);

#endif
