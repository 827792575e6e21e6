/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the bursts of the packed ring with IN_ORDER.
 * Never: has code of its own; see driver/queue/burst_table.h.
 * Read next: driver/transport/transport.h.
 */
#include "driver/queue/burst_table.h"

VN_BURSTS_DEFINE(vn_bursts_packed_in_order, VN_PACKED_IN_ORDER);
