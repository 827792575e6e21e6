/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the bursts of the packed ring.
 * Never: has code of its own; see driver/queue/burst_table.h.
 * Read next: driver/queue/burst_packed_in_order.c.
 */
#include "driver/queue/burst_table.h"

VN_BURSTS_DEFINE(vn_bursts_packed, VN_PACKED);
