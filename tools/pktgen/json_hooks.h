/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TOOLS_PKTGEN_JSON_HOOKS_H
#define VIONET_TOOLS_PKTGEN_JSON_HOOKS_H

#include "tools/pktgen/hooks.h"

struct json_t;

/* What each did; null where it was not asked for. The caller releases it. */
struct json_t *hooks_json_replays(const struct hooks *hooks);
struct json_t *hooks_json_capture(const struct hooks *hooks);
struct json_t *hooks_json_responder(const struct hooks *hooks);

#endif
