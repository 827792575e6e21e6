/* SPDX-License-Identifier: BSD-3-Clause */
/* What options say about a replay, and x-vionet.replay of a configuration: one set of words for both. */
#ifndef VIONET_TOOLS_PKTGEN_REPLAY_SETTINGS_H
#define VIONET_TOOLS_PKTGEN_REPLAY_SETTINGS_H

#include "tools/pktgen/model/traffic.h"
#include "tools/pktgen/replay/replay.h"

/* The setting `name` of a configuration ("loop_gap"). `option` is what an error calls it. */
int replay_set(struct replay_options *options, const char *name, const char *option, const char *text,
	       struct parse_error *error);

/* All of them, which are right already. `paced`: a rate was given, and times do not count. */
void replay_options_of(const struct traffic_replay *replay, bool paced, struct replay_options *options);

#endif
