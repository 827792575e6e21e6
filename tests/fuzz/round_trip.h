/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TESTS_FUZZ_ROUND_TRIP_H
#define VIONET_TESTS_FUZZ_ROUND_TRIP_H

#include "tools/pktgen/model/traffic.h"

/* A configuration is written, read again, and written the same. */
void fuzz_round_trip(const struct traffic *traffic);

#endif
