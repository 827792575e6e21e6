/* SPDX-License-Identifier: BSD-3-Clause */
/* The device's own counters of frames that it dropped. */
#ifndef VIONET_TOOLS_PKTGEN_DROPS_H
#define VIONET_TOOLS_PKTGEN_DROPS_H

#include "tools/pktgen/results.h"
#include "tools/shared/session.h"

/* Read them, all pairs together. False if it keeps none. */
bool pktgen_read_drops(const struct session *session, uint64_t drop[PKTGEN_DROPS]);

#endif
