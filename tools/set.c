/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: `vionet set`: settings told to a device, by the process that has it, or by this
 * one. Never: says that something was set without the device's agreement.
 * Read next: apply.c.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/shared/apply_settings.h"
#include "tools/shared/envelope.h"
#include "tools/shared/control_client.h"
#include "tools/shared/session.h"

#define TEXTS_MAX 64

enum { KEY_JSON = 0x100, KEY_HOLD };

struct set_options {
	struct device_options device;
	char *text[TEXTS_MAX]; /* as typed, for another process */
	unsigned int count;
	bool json;
	bool hold;
};

static void add_setting(struct set_options *options, char *text)
{
	struct parse_error error;

	if (options->count == TEXTS_MAX)
		refuse_usage("set: %d settings at most", TEXTS_MAX);
	need_parsed(settings_add(&options->device.settings, text, &error), &error);
	options->text[options->count++] = text;
}

static error_t parse_set_option(int key, char *argument, struct argp_state *state)
{
	struct set_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->device;
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case KEY_HOLD:
		options->hold = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->device.name == NULL)
			options->device.name = argument;
		else
			add_setting(options, argument);
		return 0;
	case ARGP_KEY_END:
		if (options->device.name == NULL)
			refuse_usage("set: no device named; 'vionet list' shows them");
		if (options->count != 0)
			return 0;
		say("set: nothing to set; keys and values:");
		fputs(settings_help, stderr);
		exit(CODE_USAGE);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static char *add_keys(int key, const char *text, void *input)
{
	char *whole = NULL;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC || text == NULL ||
	    asprintf(&whole, "%s\n\nKeys and values:\n%s", text, settings_help) < 0)
		return (char *)(uintptr_t)text;
	return whole;
}

static const struct argp set_argp = {
	.options = (const struct argp_option[]){
		{ "hold", KEY_HOLD, NULL, 0,
		  "Keep the device running with these settings until Ctrl-C; frames "
		  "that arrive are thrown away", 1 },
		{ "json", KEY_JSON, NULL, 0, "One JSON object", 1 },
		{ 0 },
	},
	.parser = parse_set_option,
	.args_doc = "DEVICE KEY=VALUE...",
	.doc = "Tell a device how to work. If a vionet command has the device, it is "
	       "told through that one, and keeps it as long as that runs. If nobody has "
	       "it, it is started, told, and reset again: to see whether it agrees.\v"
	       "A device forgets all settings with a reset. To run with them use --hold, "
	       "or --set with pktgen, dump and stats.",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 }, { 0 } },
	.help_filter = add_keys,
};

/* ---- showing ---- */

static const char *text_of(const json_t *item, const char *key)
{
	const char *text = json_string_value(json_object_get(item, key));

	return text != NULL ? text : "-";
}

static void print_results(const json_t *results, const char *device)
{
	const json_t *item;
	size_t i;

	printf("  %-16s %-20s %-20s %s\n", "SETTING", "ASKED", "BEFORE", "AFTER");
	json_array_foreach(results, i, item) {
		const char *error = json_string_value(json_object_get(item, "error"));
		const char *after = json_string_value(json_object_get(item, "after"));

		printf("  %-16s %-20s %-20s ", text_of(item, "key"),
		       text_of(item, "asked"), text_of(item, "before"));
		if (error != NULL)
			printf("not set:\n      %s\n", text_without(error, device));
		else if (after != NULL)
			printf("%s%s\n", after,
			       json_is_true(json_object_get(item, "from_device")) ?
				       " (read back)" : "");
		else
			printf("agreed\n");
	}
}

/* Is one of the results so? */
static bool any_is(const json_t *object, const char *key)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(object, "results"), i, item)
		if (json_is_true(json_object_get(item, key)))
			return true;
	return false;
}

/* Did the device agree to something? An MTU is not told to it. */
static bool was_told(const json_t *object)
{
	const json_t *item;
	size_t i;

	json_array_foreach(json_object_get(object, "results"), i, item)
		if (json_is_true(json_object_get(item, "agreed")) &&
		    strcmp(text_of(item, "key"), "mtu") != 0)
			return true;
	return false;
}

/* Print what came of it. Returns an exit code. */
static int show(const struct set_options *options, json_t *object, bool held)
{
	bool failed = json_integer_value(json_object_get(object, "failed")) != 0;
	const char *holder = json_string_value(json_object_get(object, "holder"));

	if (options->json) {
		int code = envelope_print("set", json_incref(object));

		if (code != CODE_OK)
			return code;
	} else {
		printf("%s%s%s\n", clean(options->device.name),
		       holder != NULL ? ", in use by " : "",
		       holder != NULL ? holder : "");
		print_results(json_object_get(object, "results"), options->device.name);
		if (holder != NULL && any_is(object, "at_start"))
			puts("What needs a feature that was not accepted has to be "
			     "asked for when that command\nbegins: with its --set, or "
			     "--want FEATURE.");
		if (holder == NULL && !held && was_told(object))
			puts("The device has been reset since and has forgotten it: "
			     "--hold keeps it so, --set with\npktgen, dump or stats "
			     "runs with it.");
	}
	if (finish_output(stdout, "standard output") != CODE_OK)
		return CODE_FAILED;
	return failed ? CODE_FAILED : CODE_OK;
}

/* ---- doing ---- */

static int set_remote(const struct set_options *options, json_t *object)
{
	const char *error = json_string_value(json_object_get(object, "error"));
	const char *holder = json_string_value(json_object_get(object, "holder"));

	if (error != NULL) {
		say("%s: %.80s says: %s", options->device.name,
		    holder != NULL ? holder : "the process that has it", error);
		return CODE_USAGE;
	}
	return show(options, object, true);
}

static void hold(struct session *session)
{
	while (stop_asked() == 0 && session_check(session, now_ns()) == CODE_OK) {
		uint64_t now = now_ns();

		if (session_discard(session) == 0)
			session_idle(session, WAIT_INTERRUPT, 1, now,
				     now + SESSION_CHECK_NS);
	}
}

static int set_here(const struct set_options *options)
{
	const struct vionet_start_options start = { .flags = VIONET_START_NO_TX_POOL };
	struct session session;
	unsigned int failed = 0;
	json_t *object = NULL;
	int code;

	if (session_open(&session, &options->device, "set") != CODE_OK)
		return session.code;
	if (session_start(&session, &start) == CODE_OK) {
		json_t *results = apply_settings(
			session.device, &options->device.settings, &failed);

		object = json_pack("{s:s, s:o, s:i, s:b}", "device", clean(session.name),
				   "results", results, "failed", (int)failed,
				   "held", (int)options->hold);
		if (options->hold) {
			output_begin();
			session_fail(&session, show(options, object, true));
			fprintf(stderr, "holding %s until Ctrl-C\n", clean(session.name));
			output_end();
			hold(&session);
		}
	}
	code = session_close(&session);
	if (object != NULL && !options->hold) {
		int shown = show(options, object, false);

		code = code != CODE_OK ? code : shown;
	}
	json_decref(object);
	return code;
}

/* What says how to open or keep a device is of no effect where another process has it:
 * that is found out before anything is set. Returns an exit code. */
static int refuse_idle(const struct set_options *options)
{
	json_t *found = NULL;
	int code = CODE_OK;

	if (options->hold || device_options_any(&options->device))
		code = remote_statistics(options->device.name, &found);
	if (found == NULL)
		return code;
	say("%s: another process has it: %s no effect; leave %s out",
	    options->device.name, options->hold ? "--hold has" : "options of opening have",
	    options->hold ? "it" : "them");
	json_decref(found);
	return CODE_USAGE;
}

int command_set(int argc, char **argv)
{
	static struct set_options options;
	json_t *object;
	int code;

	parse_arguments(&set_argp, "set", argc, argv, &options);
	stop_install();
	code = refuse_idle(&options);
	if (code != CODE_OK)
		return code;
	code = remote_set(options.device.name, options.text, options.count, &object);
	if (code != CODE_OK)
		return code;
	if (object == NULL)
		return set_here(&options);
	code = set_remote(&options, object);
	json_decref(object);
	return code;
}
