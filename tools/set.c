/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet set`: settings of a device, by the process that has it, or by this one. */
#include <stdlib.h>
#include <string.h>

#include "tools/shared/apply_settings.h"
#include "tools/shared/control_client.h"
#include "tools/shared/json_results.h"
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

static void set_add_setting(struct set_options *options, char *text)
{
	struct parse_error error;

	if (options->count == TEXTS_MAX)
		refuse_usage("set: %d settings at most", TEXTS_MAX);
	need_parsed(settings_add(&options->device.settings, text, &error), &error);
	options->text[options->count++] = text;
}

static error_t set_parse_option(int key, char *argument, struct argp_state *state)
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
			set_add_setting(options, argument);
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

static char *set_add_keys(int key, const char *text, void *input)
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
	.parser = set_parse_option,
	.args_doc = "DEVICE KEY=VALUE...",
	.doc = "Configure a device. If a vionet command has the device, that one sends the "
	       "settings, and they last as long as it runs. If no process has it, it is "
	       "started, configured, and reset again: to see whether it agrees.\v"
	       "A device forgets all settings with a reset. To run with them use --hold, "
	       "or --set with pktgen, dump and stats.",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 }, { 0 } },
	.help_filter = set_add_keys,
};

/* ---- showing ---- */

/* What came of it. */
struct set_report {
	const struct set_options *options;
	const struct setting_results *results;
	const char *in_use_by; /* "": this process has the device */
	bool held;	       /* it works so now, and stays so for a while */
};

static const char *set_or_dash(const char *text)
{
	return text[0] != '\0' ? text : "-";
}

static void set_print_results(const struct setting_results *results, const char *device)
{
	printf("  %-16s %-20s %-20s %s\n", "SETTING", "ASKED", "BEFORE", "AFTER");
	for (size_t i = 0; i < results->count; i++) {
		const struct setting_result *result = &results->list[i];

		printf("  %-16s %-20s %-20s ", set_or_dash(result->key),
		       set_or_dash(result->requested), set_or_dash(result->before));
		if (result->error[0] != '\0')
			printf("not set:\n      %s\n", text_without(result->error, device));
		else if (result->after[0] != '\0')
			printf("%s%s\n", result->after,
			       result->from_device ? " (read back)" : "");
		else
			printf("agreed\n");
	}
}

/* Does one of them need a feature that was not accepted? */
static bool set_any_at_start(const struct setting_results *results)
{
	for (size_t i = 0; i < results->count; i++)
		if (results->list[i].at_start)
			return true;
	return false;
}

/* Did the device agree to something? An MTU is not sent to it. */
static bool set_any_told(const struct setting_results *results)
{
	for (size_t i = 0; i < results->count; i++)
		if (results->list[i].agreed && strcmp(results->list[i].key, "mtu") != 0)
			return true;
	return false;
}

static void set_print_text(const struct set_report *report)
{
	const char *device = report->options->device.name;
	bool other = report->in_use_by[0] != '\0';

	printf("%s%s%s\n", clean(device), other ? ", in use by " : "", report->in_use_by);
	set_print_results(report->results, device);
	if (other && set_any_at_start(report->results))
		puts("What needs a feature that was not accepted has to be "
		     "requested when that command\nbegins: with its --set, or "
		     "--want FEATURE.");
	if (!other && !report->held && set_any_told(report->results))
		puts("The device has been reset since and has forgotten it: "
		     "--hold keeps it so, --set with\npktgen, dump or stats "
		     "runs with it.");
}

/* Print it. Returns an exit code. */
static int set_print(const struct set_report *report)
{
	const struct set_options *options = report->options;
	bool other = report->in_use_by[0] != '\0';
	int code = CODE_OK;

	if (options->json)
		code = json_print_settings(report->results,
					   other ? NULL : clean(options->device.name),
					   options->hold, report->in_use_by);
	else
		set_print_text(report);
	if (code != CODE_OK)
		return code;
	if (finish_output(stdout, "standard output") != CODE_OK)
		return CODE_FAILED;
	return report->results->failed != 0 ? CODE_FAILED : CODE_OK;
}

/* ---- doing ---- */

/* The process that has the device did it. */
static int set_show_reply(const struct set_options *options,
			  const struct control_reply *reply)
{
	const char *process = reply->in_use_by[0] != '\0' ? reply->in_use_by :
							    "an unknown process";

	if (reply->error[0] != '\0') {
		say("%s: %s says: %s", options->device.name, process, reply->error);
		return CODE_USAGE;
	}
	return set_print(&(struct set_report){ options, &reply->results, process, true });
}

static void set_hold(struct session *session)
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
	const struct vionet_start_options start = { .struct_size = sizeof(start),
						    .flags = VIONET_START_NO_TX_POOL };
	struct setting_results results = { 0 };
	struct set_report report = { options, &results, "", options->hold };
	struct session session;
	bool applied = false;
	int code;

	if (session_open(&session, &options->device, "set") != CODE_OK)
		return session.code;
	if (session_start(&session, &start) == CODE_OK) {
		applied = apply_settings(session.device, &options->device.settings,
					 &results) == 0;
		if (!applied) {
			say("%s: no memory for what came of the settings", session.name);
			session_fail(&session, CODE_FAILED);
		}
		if (applied && options->hold) {
			output_begin();
			session_fail(&session, set_print(&report));
			fprintf(stderr, "holding %s until Ctrl-C\n", clean(session.name));
			output_end();
			set_hold(&session);
		}
	}
	code = session_close(&session);
	if (applied && !options->hold) {
		int shown = set_print(&report);

		code = code != CODE_OK ? code : shown;
	}
	setting_results_release(&results);
	return code;
}

/* What says how to open or keep a device is of no effect where another process has it:
 * that is found out before anything is set. Returns an exit code. */
static int set_refuse_idle(const struct set_options *options)
{
	struct control_reply reply = { 0 };
	bool found = false;
	int code = CODE_OK;

	if (options->hold || device_options_any(&options->device))
		code = control_ask_stats(options->device.name, &reply, &found);
	control_release_reply(&reply);
	if (!found)
		return code;
	say("%s: another process has it: %s no effect; leave %s out",
	    options->device.name, options->hold ? "--hold has" : "options of opening have",
	    options->hold ? "it" : "them");
	return CODE_USAGE;
}

int command_set(int argc, char **argv)
{
	struct set_options options = { 0 };
	struct control_reply reply;
	bool found;
	int code;

	parse_arguments(&set_argp, "set", argc, argv, &options);
	stop_install();
	code = set_refuse_idle(&options);
	if (code != CODE_OK)
		return code;
	code = control_ask_set(options.device.name, options.text, options.count, &reply,
			       &found);
	if (code == CODE_OK)
		code = found ? set_show_reply(&options, &reply) : set_here(&options);
	control_release_reply(&reply);
	return code;
}
