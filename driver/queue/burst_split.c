/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the bursts of the split ring.
 * Never: has code of its own; see driver/queue/burst_table.h.
 * Read next: driver/ring/packed.h.
 */
#include "driver/queue/burst_table.h"

VN_BURSTS_DEFINE(vn_bursts_split, VN_SPLIT);
