/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/replay/replay_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/replay/settings.h"
#include "tools/shared/common.h"

enum { KEY_REPLAY = 0x900,
       KEY_LOOP,
       KEY_LOOP_GAP,
       KEY_MAP,
       KEY_MAP_PORT,
       KEY_MAX_GAP,
       KEY_OVERSIZE,
       KEY_REPLAY_DST_MAC,
       KEY_REPLAY_SRC_MAC,
       KEY_SPEED,
       KEY_TEMPLATE,
       KEY_TRUNCATED };

static const struct argp_option replay_option_list[] = {
	{ NULL, 0, NULL, 0, "Frames of a capture:", 29 },
	{ "replay", KEY_REPLAY, "FILE", 0,
	  "Send the frames of a pcap or pcapng file, at their times, or at --rate", 29 },
	{ "replay-speed", KEY_SPEED, "SPEED", 0, "So many times as fast (2x, 0.5x), or max", 29 },
	{ "loop", KEY_LOOP, "N", 0, "Send the file N times (1); 0: without end", 29 },
	{ "replay-loop-gap", KEY_LOOP_GAP, "TIME", 0,
	  "Between its last frame and its first (the mean gap between its frames)", 29 },
	{ "replay-max-gap", KEY_MAX_GAP, "TIME", 0, "Longer gaps are cut to TIME (10)", 29 },
	{ "replay-oversize", KEY_OVERSIZE, "RULE", 0, "Frames over the MTU: drop (default), cut", 29 },
	{ "replay-truncated", KEY_TRUNCATED, "RULE", 0,
	  "Frames that were captured in part: pad with zeros (default), send what is there, drop", 29 },
	{ "replay-src-mac", KEY_REPLAY_SRC_MAC, "MAC", 0, "A new source for all", 29 },
	{ "replay-dst-mac", KEY_REPLAY_DST_MAC, "MAC", 0, "A new destination for all but groups", 29 },
	{ "replay-map", KEY_MAP, "NET=NET", 0,
	  "Addresses of the first network are moved to the second (10.0.0.0/8=192.168.0.0/16), checksums "
	  "follow; may be repeated",
	  29 },
	{ "replay-map-port", KEY_MAP_PORT, "PORT=PORT", 0, "The same for TCP and UDP ports (80=8080)", 29 },
	{ "template", KEY_TEMPLATE, "FILE[:N]", 0,
	  "Send copies of frame N (1) of a capture instead of headers that options describe", 29 },
	{ 0 },
};

/* "FILE:12" or "FILE"; a colon that no number follows belongs to the name. */
static void replay_take_template(struct replay_arguments *arguments, const char *text)
{
	const char *colon = strrchr(text, ':');
	struct parse_error unused;

	arguments->template_file = arguments->template_room;
	arguments->template_frame = 1;
	if (colon != NULL &&
	    parse_whole("", colon + 1, 1, UINT32_MAX, &arguments->template_frame, &unused) != 0)
		colon = NULL;
	snprintf(arguments->template_room, sizeof(arguments->template_room), "%.*s",
		 colon != NULL ? (int)(colon - text) : (int)strlen(text), text);
}

/* What it says in a configuration; NULL: it is none of a replay's settings. */
static const char *replay_setting_name(int key)
{
	static const struct {
		int key;
		const char *name;
	} names[] = {
		{ KEY_LOOP, "loops" },
		{ KEY_LOOP_GAP, "loop_gap" },
		{ KEY_MAP, "map" },
		{ KEY_MAP_PORT, "map_port" },
		{ KEY_MAX_GAP, "max_gap" },
		{ KEY_OVERSIZE, "oversize" },
		{ KEY_REPLAY_DST_MAC, "dst_mac" },
		{ KEY_REPLAY_SRC_MAC, "src_mac" },
		{ KEY_SPEED, "speed" },
		{ KEY_TRUNCATED, "truncated" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].key == key)
			return names[i].name;
	return NULL;
}

static const char *replay_option_name(int key)
{
	const struct argp_option *option = replay_option_list;

	while (option->key != key)
		option++;
	return option->name;
}

/* The last one counts, where there may not be several. */
static bool replay_keep(struct traffic_replay *replay, const char *name, const char *text)
{
	for (size_t i = 0; i < replay->settings && strncmp(name, "map", 3) != 0; i++)
		if (strcmp(replay->setting[i].name, name) == 0) {
			free(replay->setting[i].text);
			replay->setting[i].text = strdup(text);
			return replay->setting[i].text != NULL;
		}
	return traffic_replay_add(replay, name, text);
}

/* Checked at once, and kept as it is. */
static void replay_take_setting(struct replay_arguments *arguments, int key, const char *text)
{
	const char *name = replay_setting_name(key);
	struct parse_error error;
	char option[40];

	snprintf(option, sizeof(option), "--%s", replay_option_name(key));
	arguments->speed_given |= key == KEY_SPEED;
	arguments->settings_given = true;
	need_parsed(replay_set(&arguments->checked, name, option, text, &error), &error);
	if (!replay_keep(&arguments->replay, name, text))
		refuse_usage("out of memory");
}

static void replay_check(const struct replay_arguments *arguments)
{
	if (arguments->file == NULL && arguments->settings_given)
		refuse_usage("--replay-... and --loop: nothing is replayed: add --replay FILE");
	if (arguments->file != NULL && arguments->template_file != NULL)
		refuse_usage("--replay and --template: give one of them");
}

static error_t replay_parse(int key, char *argument, struct argp_state *state)
{
	struct replay_arguments *arguments = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		*arguments = (struct replay_arguments){ .checked = REPLAY_OPTIONS_DEFAULT };
		return 0;
	case ARGP_KEY_END:
		replay_check(arguments);
		return 0;
	case KEY_REPLAY:
		arguments->file = argument;
		return 0;
	case KEY_TEMPLATE:
		replay_take_template(arguments, argument);
		return 0;
	default:
		if (replay_setting_name(key) == NULL)
			return ARGP_ERR_UNKNOWN;
		replay_take_setting(arguments, key, argument);
		return 0;
	}
}

const struct argp replay_argp = {
	.options = replay_option_list,
	.parser = replay_parse,
};

bool replay_give(struct replay_arguments *arguments, bool at_once, struct traffic_replay *replay)
{
	*replay = arguments->replay;
	arguments->replay = (struct traffic_replay){ .file = NULL };
	replay->file = strdup(arguments->file);
	return replay->file != NULL && (!at_once || traffic_replay_add(replay, "speed", "max"));
}
