/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Captures of a configuration, which clients start, stop and fetch while its ports are open: frames that a port
 * receives, in memory of a fixed size (capture/recorder.h).
 */
#ifndef VIONET_TOOLS_CAPTURES_H
#define VIONET_TOOLS_CAPTURES_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/engine/engine.h"
#include "tools/pktgen/model/traffic.h"

struct captures;

/* Of this configuration, which outlives it: before its engine is opened. `next` sees all frames too, or
 * NULL. Says what is wrong with a filter. Returns an exit code. */
int captures_open(struct captures **captures, const struct traffic *traffic,
		  const struct engine_tap *next);
const struct engine_tap *captures_tap(const struct captures *captures);
/* When it is open. Returns an exit code. */
int captures_begin(struct captures *captures, struct engine *engine);
/* When it is closed. NULL is allowed. */
void captures_close(struct captures *captures);

/* Begin anew, or end. False: the configuration has no capture of this port. */
bool captures_enable(struct captures *captures, uint32_t port, bool on);
bool captures_is_enabled(const struct captures *captures, uint32_t port);

/* End it, write its file to `fd`. Returns 0; -ENOENT: none was started; -errno. */
int captures_read(struct captures *captures, uint32_t port, int fd);

#endif
