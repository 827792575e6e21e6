/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TOOLS_PKTGEN_REPLAY_OPTIONS_H
#define VIONET_TOOLS_PKTGEN_REPLAY_OPTIONS_H

#include <argp.h>

#include "tools/pktgen/replay/replay.h"

struct replay_arguments {
	struct replay_options replay; /* path NULL: nothing is replayed */
	const char *template_file;    /* NULL: none */
	uint64_t template_frame;      /* from 1 */
	/* Of the parser. */
	bool speed_given;
	char template_room[4096];
};

/* --replay and what belongs to it, --template. Its input is a struct replay_arguments, which it
 * fills with what is so without options. */
extern const struct argp replay_argp;

/* With --rate frames are not sent at their times. False, where --replay-speed says otherwise. */
bool replay_use_rate(struct replay_arguments *arguments);

#endif
