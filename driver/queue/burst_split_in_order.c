/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the bursts of the split ring with IN_ORDER.
 * Never: has code of its own; see driver/queue/burst_table.h.
 * Read next: driver/queue/burst_packed.c.
 */
#include "driver/queue/burst_table.h"

VN_BURSTS_DEFINE(vn_bursts_split_in_order, VN_SPLIT_IN_ORDER);
