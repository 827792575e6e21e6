/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TOOLS_SEGMENTS_H
#define VIONET_TOOLS_SEGMENTS_H

#include "tools/info/info.h"
#include "tools/shared/session.h"

/*
 * Find out how many segments a packet may have that this device takes, with frames of
 * up to that many: to its own address, of an ethertype for experiments. Ends with a
 * device that runs. Fills in `found`. Returns an exit code; what went wrong has been
 * said.
 */
int segments_probe(struct session *session, struct info_segments *found);

#endif
