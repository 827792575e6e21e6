/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/replay/replay_options.h"

#include <stdio.h>
#include <string.h>

#include "tools/shared/common.h"

#define REPLAY_SPEED_MAX 1000000u

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

/* "2x", "2", "0.5x", "max". */
static int replay_parse_speed(const char *text, uint64_t *milli, struct parse_error *error)
{
	const char *wanted = "a factor from 0.001x to 1000000x, or max, is wanted, such as 2x or 0.5x";
	uint64_t whole = 0, place = 1000;
	const char *at = text;

	*milli = 0;
	if (strcmp(text, "max") == 0)
		return 0;
	for (; *at >= '0' && *at <= '9' && whole <= REPLAY_SPEED_MAX; at++)
		whole = whole * 10 + (uint64_t)(*at - '0');
	*milli = whole * 1000;
	if (at != text && *at == '.')
		for (at++; *at >= '0' && *at <= '9' && place > 1; at++) {
			place /= 10;
			*milli += place * (uint64_t)(*at - '0');
		}
	if (at != text && *at == 'x')
		at++;
	if (at == text || *at != '\0' || at[-1] == '.' || *milli == 0 ||
	    *milli > REPLAY_SPEED_MAX * REPLAY_SPEED_ONE)
		return parse_refuse(error, "--replay-speed", text, "%s", wanted);
	return 0;
}

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

static int replay_parse_rewrite(int key, char *argument, struct rewrite *rewrite, struct parse_error *error)
{
	switch (key) {
	case KEY_REPLAY_SRC_MAC:
		rewrite->source_mac = true;
		return parse_mac("--replay-src-mac", argument, rewrite->source, error);
	case KEY_REPLAY_DST_MAC:
		rewrite->destination_mac = true;
		return parse_mac("--replay-dst-mac", argument, rewrite->destination, error);
	case KEY_MAP:
		return rewrite_add_map(rewrite, "--replay-map", argument, error);
	default:
		return rewrite_add_port(rewrite, "--replay-map-port", argument, error);
	}
}

static int replay_parse_rule(int key, char *argument, struct replay_options *options, struct parse_error *error)
{
	static const char *const oversize[] = { "drop", "cut", NULL };
	static const char *const truncated[] = { "pad", "send", "drop", NULL };

	if (key == KEY_OVERSIZE)
		return parse_word("--replay-oversize", argument, oversize, &options->oversize, error);
	return parse_word("--replay-truncated", argument, truncated, &options->truncated, error);
}

static int replay_parse_time(int key, char *argument, struct replay_arguments *arguments,
			     struct parse_error *error)
{
	struct replay_options *options = &arguments->replay;

	switch (key) {
	case KEY_LOOP:
		return parse_count("--loop", argument, 0, INT64_MAX, &options->loops, error);
	case KEY_LOOP_GAP:
		options->have_loop_gap = true;
		return parse_duration("--replay-loop-gap", argument, 1, &options->loop_gap_ns, error);
	case KEY_MAX_GAP:
		return parse_duration("--replay-max-gap", argument, 1, &options->max_gap_ns, error);
	default:
		arguments->speed_given = true;
		return replay_parse_speed(argument, &options->speed_milli, error);
	}
}

static void replay_check(const struct replay_arguments *arguments, bool any)
{
	if (arguments->replay.path == NULL && any)
		refuse_usage("--replay-... and --loop: nothing is replayed: add --replay FILE");
	if (arguments->replay.path != NULL && arguments->template_file != NULL)
		refuse_usage("--replay and --template: give one of them");
}

static error_t replay_parse(int key, char *argument, struct argp_state *state)
{
	struct replay_arguments *arguments = state->input;
	struct parse_error error;
	int bad = 0;

	switch (key) {
	case ARGP_KEY_INIT:
		*arguments = (struct replay_arguments){ .replay = REPLAY_OPTIONS_DEFAULT };
		return 0;
	case ARGP_KEY_END:
		replay_check(arguments, state->hook != NULL);
		return 0;
	case KEY_REPLAY:
		arguments->replay.path = argument;
		return 0;
	case KEY_TEMPLATE:
		replay_take_template(arguments, argument);
		return 0;
	case KEY_LOOP:
	case KEY_LOOP_GAP:
	case KEY_MAX_GAP:
	case KEY_SPEED:
		bad = replay_parse_time(key, argument, arguments, &error);
		break;
	case KEY_OVERSIZE:
	case KEY_TRUNCATED:
		bad = replay_parse_rule(key, argument, &arguments->replay, &error);
		break;
	case KEY_MAP:
	case KEY_MAP_PORT:
	case KEY_REPLAY_DST_MAC:
	case KEY_REPLAY_SRC_MAC:
		bad = replay_parse_rewrite(key, argument, &arguments->replay.rewrite, &error);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	state->hook = arguments;
	need_parsed(bad, &error);
	return 0;
}

const struct argp replay_argp = {
	.options = replay_option_list,
	.parser = replay_parse,
};

bool replay_use_rate(struct replay_arguments *arguments)
{
	if (arguments->speed_given)
		return false;
	arguments->replay.speed_milli = 0;
	return true;
}
