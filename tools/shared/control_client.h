/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the requests that one vionet process sends to the one that has the device
 * (holder.h), and their answers. Never: opens a device.
 */
#ifndef VIONET_TOOLS_REMOTE_H
#define VIONET_TOOLS_REMOTE_H

#include <jansson.h>

#include "tools/shared/settings.h"

/* For holder_serve: `context` is the struct session that has the device. */
json_t *remote_answer(void *context, const json_t *request);

/*
 * The statistics of a device that another process has. `*reply` is an object that the caller
 * releases, with `holder`: "vionet pktgen, process 42"; NULL if no process of this user, or
 * that may speak for the device, has it. Returns an exit code: CODE_OK, or why the process
 * that has it does not answer, which is said.
 */
int remote_statistics(const char *device, json_t **reply);

/* Have the process that has the device tell it `count` settings. The object has
 * `results` (as apply_settings) and `failed`, or `error`; the rest as above. */
int remote_set(const char *device, char *const *settings, unsigned int count,
	       json_t **reply);

/* After a failure to open: if another vionet process has it, say so. */
void remote_hint(const char *device, const char *command);

#endif
