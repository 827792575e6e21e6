/* SPDX-License-Identifier: BSD-3-Clause */
/* The options that say what to send. */
#ifndef VIONET_TOOLS_LOAD_OPTIONS_H
#define VIONET_TOOLS_LOAD_OPTIONS_H

#include "tools/pktgen/model/load.h"
#include "tools/shared/common.h"

struct load_arguments {
	struct load_options load; /* load_defaults at first */
	uint64_t given;		  /* which options were, a bit each: load_options.c's */
};

/* Child parsers whose input is a struct load_arguments: all of it, or only what describes frames. */
extern const struct argp load_argp;
extern const struct argp flow_argp;

/* Leaves the program where options contradict each other, or change nothing. */
void load_check(const struct load_arguments *arguments);

/* The first that was given of those that only sending has use for; NULL: none. Without count and
 * duration, or with them. */
const char *load_first_given(const struct load_arguments *arguments, bool limits);

bool load_seed_was_given(const struct load_arguments *arguments);
bool load_rate_was_given(const struct load_arguments *arguments);
bool load_source_mac_was_given(const struct load_arguments *arguments);
bool load_destination_mac_was_given(const struct load_arguments *arguments);
/* An address of the outermost Ethernet header. */
bool load_link_was_given(const struct load_arguments *arguments, bool source);
/* The first that was given of those that describe frames, or how they are counted; NULL: none. */
const char *load_first_of_frames(const struct load_arguments *arguments);
/* The same of those that describe headers. */
const char *load_first_of_headers(const struct load_arguments *arguments);

/* Does anything depend on the seed? */
bool load_has_chance(const struct load_options *load);

#endif
