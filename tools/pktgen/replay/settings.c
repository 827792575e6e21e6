/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/replay/settings.h"

#include <string.h>

#define REPLAY_SPEED_MAX 1000000u

/* "2x", "2", "0.5x", "max". */
static int setting_speed(struct replay_options *options, const char *option, const char *text,
			 struct parse_error *error)
{
	const char *wanted = "a factor from 0.001x to 1000000x, or max, is wanted, such as 2x or 0.5x";
	uint64_t whole = 0, place = 1000, *milli = &options->speed_milli;
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
		return parse_refuse(error, option, text, "%s", wanted);
	return 0;
}

static int setting_loops(struct replay_options *options, const char *option, const char *text,
			 struct parse_error *error)
{
	return parse_count(option, text, 0, INT64_MAX, &options->loops, error);
}

static int setting_loop_gap(struct replay_options *options, const char *option, const char *text,
			    struct parse_error *error)
{
	options->have_loop_gap = true;
	return parse_duration(option, text, 1, &options->loop_gap_ns, error);
}

static int setting_max_gap(struct replay_options *options, const char *option, const char *text,
			   struct parse_error *error)
{
	return parse_duration(option, text, 1, &options->max_gap_ns, error);
}

static int setting_oversize(struct replay_options *options, const char *option, const char *text,
			    struct parse_error *error)
{
	static const char *const words[] = { "drop", "cut", NULL };

	return parse_word(option, text, words, &options->oversize, error);
}

static int setting_truncated(struct replay_options *options, const char *option, const char *text,
			     struct parse_error *error)
{
	static const char *const words[] = { "pad", "send", "drop", NULL };

	return parse_word(option, text, words, &options->truncated, error);
}

static int setting_src_mac(struct replay_options *options, const char *option, const char *text,
			   struct parse_error *error)
{
	options->rewrite.source_mac = true;
	return parse_mac(option, text, options->rewrite.source, error);
}

static int setting_dst_mac(struct replay_options *options, const char *option, const char *text,
			   struct parse_error *error)
{
	options->rewrite.destination_mac = true;
	return parse_mac(option, text, options->rewrite.destination, error);
}

static int setting_map(struct replay_options *options, const char *option, const char *text,
		       struct parse_error *error)
{
	return rewrite_add_map(&options->rewrite, option, text, error);
}

static int setting_map_port(struct replay_options *options, const char *option, const char *text,
			    struct parse_error *error)
{
	return rewrite_add_port(&options->rewrite, option, text, error);
}

int replay_set(struct replay_options *options, const char *name, const char *option, const char *text,
	       struct parse_error *error)
{
	static const struct {
		const char *name;
		int (*set)(struct replay_options *options, const char *option, const char *text,
			   struct parse_error *error);
	} settings[] = {
		{ "speed", setting_speed },
		{ "loops", setting_loops },
		{ "loop_gap", setting_loop_gap },
		{ "max_gap", setting_max_gap },
		{ "oversize", setting_oversize },
		{ "truncated", setting_truncated },
		{ "src_mac", setting_src_mac },
		{ "dst_mac", setting_dst_mac },
		{ "map", setting_map },
		{ "map_port", setting_map_port },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (strcmp(settings[i].name, name) == 0)
			return settings[i].set(options, option, text, error);
	return parse_refuse(error, option, text, "unknown");
}

void replay_options_of(const struct traffic_replay *replay, bool paced, struct replay_options *options)
{
	struct parse_error error;

	*options = (struct replay_options)REPLAY_OPTIONS_DEFAULT;
	options->path = replay->file;
	for (size_t i = 0; i < replay->settings; i++)
		(void)replay_set(options, replay->setting[i].name, "", replay->setting[i].text, &error);
	if (paced)
		options->speed_milli = 0;
}
