/* SPDX-License-Identifier: BSD-3-Clause */
/* Random configurations, each a seed's own: all that `struct traffic` can say, whether or not frames can be made of it. */
#ifndef VIONET_TESTS_RANDOM_TRAFFIC_H
#define VIONET_TESTS_RANDOM_TRAFFIC_H

#include "tools/pktgen/model/traffic.h"

/* The caller frees it by traffic_free. */
void random_traffic(struct traffic *traffic, unsigned int seed);

/* Are they the same? `difference`: what is not. */
bool random_traffic_equal(const struct traffic *a, const struct traffic *b, char difference[200]);

#endif
