/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the bursts of the packed ring.
 * Never: has code of its own; see driver/rxtx_table.h.
 * Read next: driver/rxtx_packed_in_order.c.
 */
#include "driver/rxtx_table.h"

VN_BURSTS_DEFINE(vn_bursts_packed, VN_PACKED);
