/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TOOLS_PKTGEN_REPLAY_OPTIONS_H
#define VIONET_TOOLS_PKTGEN_REPLAY_OPTIONS_H

#include <argp.h>

#include "tools/pktgen/model/traffic.h"
#include "tools/pktgen/replay/replay.h"

struct replay_arguments {
	const char *file;	      /* NULL: nothing is replayed */
	struct traffic_replay replay; /* how, as texts; owned until replay_give */
	const char *template_file;    /* NULL: none */
	uint64_t template_frame;      /* from 1 */
	bool speed_given;
	/* Of the parser. */
	bool settings_given;
	struct replay_options checked;
	char template_room[4096];
};

/* --replay and what belongs to it, --template. Its input is a struct replay_arguments, which it
 * fills with what is so without options. */
extern const struct argp replay_argp;

/* To the flow that sends them. `at_once`: as fast as they are taken. False: no memory. */
bool replay_give(struct replay_arguments *arguments, bool at_once, struct traffic_replay *replay);

#endif
