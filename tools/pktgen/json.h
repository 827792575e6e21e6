/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TOOLS_PKTGEN_JSON_H
#define VIONET_TOOLS_PKTGEN_JSON_H

#include "tools/pktgen/options.h"
#include "tools/pktgen/results.h"

struct json_t;

/* The options in effect, defaults included, and what the device made of them; the caller
 * releases it. */
struct json_t *pktgen_json_options(const struct pktgen_results *results);

/* An object for each flow; the caller releases it. */
struct json_t *pktgen_json_flows(const struct pktgen_results *results);

#endif
