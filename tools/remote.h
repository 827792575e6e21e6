/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the requests that one vionet process sends to the one that has the device
 * (holder.h), and their answers. Never: opens a device.
 */
#ifndef VIONET_TOOLS_REMOTE_H
#define VIONET_TOOLS_REMOTE_H

#include <jansson.h>

#include "setting.h"

/* For holder_serve: `context` is the struct session that has the device. */
json_t *remote_answer(void *context, const json_t *request);

/* The statistics of a device that another process has; NULL if none has it, or it does
 * not answer: that is said. Both objects have `holder`: "vionet pktgen, process 42". */
json_t *remote_statistics(const char *device);

/* Have the process that has the device tell it `count` settings. Returns an object with
 * `results` (as apply_settings) and `failed`, or with `error`; NULL as above. */
json_t *remote_set(const char *device, char *const *settings, unsigned int count);

/* After a failure to open: if another vionet process has it, say so. */
void remote_hint(const char *device, const char *command);

#endif
