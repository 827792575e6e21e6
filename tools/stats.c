/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: `vionet stats`: what the driver and the device have counted, of the process that
 * has the device or of a look on of its own. Never: sends a frame.
 * Read next: gather.c.
 */
#include <string.h>

#include "tools/shared/envelope.h"
#include "tools/shared/stats_collector.h"
#include "tools/shared/control_client.h"
#include "tools/shared/session.h"

enum { KEY_JSON = 0x100, KEY_INTERVAL, KEY_ALL };

struct stats_options {
	struct device_options device;
	uint64_t interval_ns;
	uint64_t count; /* 0: until Ctrl-C */
	bool json;
	bool all;
};

static error_t parse_stats_option(int key, char *argument, struct argp_state *state)
{
	struct stats_options *options = state->input;
	struct parse_error error;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->device;
		state->child_inputs[1] = &options->device;
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case KEY_ALL:
		options->all = true;
		return 0;
	case KEY_INTERVAL:
		need_parsed(parse_duration("--interval", argument, 0,
					   &options->interval_ns, &error), &error);
		return 0;
	case 'c':
		need_parsed(parse_count("--count", argument, 0, INT64_MAX,
					&options->count, &error), &error);
		return 0;
	case ARGP_KEY_ARG:
		if (options->device.name != NULL)
			refuse_usage("stats: one device, not also '%.40s'", argument);
		options->device.name = argument;
		return 0;
	case ARGP_KEY_END:
		if (options->device.name == NULL)
			refuse_usage("stats: no device named; 'vionet list' shows them");
		if (options->json && options->all)
			refuse_usage("--all has no effect with --json: it has all "
				     "counters anyway; leave it out");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp stats_argp = {
	.options = (const struct argp_option[]){
		{ "interval", KEY_INTERVAL, "TIME", 0, "Between reports (1)", 1 },
		{ "count", 'c', "N", 0, "End after N reports (1); 0: until Ctrl-C", 1 },
		{ "all", KEY_ALL, NULL, 0, "Counters that are 0 too", 1 },
		{ "json", KEY_JSON, NULL, 0, "One JSON object a report", 1 },
		{ 0 },
	},
	.parser = parse_stats_option,
	.args_doc = "DEVICE",
	.doc = "Show what the driver and the device have counted, queue by queue. If a "
	       "vionet command has the device, these are the counters of its run. If "
	       "nobody has it, it is started for one interval a report: frames that "
	       "arrive are counted and thrown away.",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 },
						 { &setting_argp, 0, NULL, 0 },
						 { 0 } },
};

/* ---- showing ---- */

/* A counter of the driver's under the name that the device's has, or NULL. */
static const json_t *own_value(const json_t *own, const char *role, const char *key)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_%s", role[0] == 'r' ? "rx" : "tx", key);
	return json_object_get(own, name);
}

/* "12345" and, if there was a report before, "+100/s"; "-" if there is no such counter.
 * A state, such as the size of a queue, has no rate. */
static void format_value(const json_t *value, const json_t *before, double seconds,
			 bool state, char text[48])
{
	char rate[32] = "";

	if (!json_is_integer(value)) {
		snprintf(text, 48, "%12s", "-");
		return;
	}
	if (json_is_integer(before) && seconds > 0 && !state)
		snprintf(rate, sizeof(rate), " %+.0f/s",
			 (double)(json_integer_value(value) -
				  json_integer_value(before)) / seconds);
	snprintf(text, 48, "%12" JSON_INTEGER_FORMAT "%s", json_integer_value(value),
		 rate);
}

/* One report, and the one before or NULL. */
struct report {
	const struct stats_options *options;
	const json_t *now;
	const json_t *before;
	double seconds;
};

static void print_row(const struct report *report, const char *name,
		      const json_t *driver, const json_t *driver_before,
		      const json_t *own, const json_t *own_before)
{
	char left[48], right[48];
	bool state;

	if (!report->options->all && json_integer_value(driver) == 0 &&
	    json_integer_value(own) == 0 && !json_is_string(driver))
		return;
	if (json_is_string(driver)) {
		printf("  %-24s %s\n", name, json_string_value(driver));
		return;
	}
	state = strcmp(name, "size") == 0 || strcmp(name, "in_flight") == 0;
	format_value(driver, driver_before, report->seconds, state, left);
	format_value(own, own_before, report->seconds, state, right);
	printf("  %-24s %-24s %s\n", name, left, right);
}

/* The driver's counters with the device's beside them, then what only the device has. */
static void print_queue(const struct report *report, const json_t *queue,
			const json_t *earlier)
{
	json_t *driver = json_object_get(queue, "driver");
	json_t *own = json_object_get(queue, "own");
	const json_t *driver_then = json_object_get(earlier, "driver");
	const json_t *own_then = json_object_get(earlier, "own");
	const char *role = json_string_value(json_object_get(queue, "role"));
	const char *key;
	const json_t *value;

	role = role != NULL ? role : "?";
	printf("%s\n", role);
	json_object_foreach(driver, key, value)
		print_row(report, key, value, json_object_get(driver_then, key),
			  own_value(own, role, key), own_value(own_then, role, key));
	json_object_foreach(own, key, value)
		if (strlen(key) <= 3 || json_object_get(driver, key + 3) == NULL)
			print_row(report, key, NULL, NULL, value,
				  json_object_get(own_then, key));
}

static void print_report(const struct report *report)
{
	const json_t *queues = json_object_get(report->now, "queues");
	const json_t *then = json_object_get(report->before, "queues");
	const char *holder = json_string_value(json_object_get(report->now, "holder"));
	const char *note = json_string_value(json_object_get(report->now, "note"));
	const json_t *queue;
	size_t i;

	printf("%s%s%s\n", clean(report->options->device.name),
	       holder != NULL ? ", in use by " : "", holder != NULL ? holder : "");
	printf("  %-24s %12s %11s %12s\n", "", "DRIVER", "", "DEVICE");
	json_array_foreach(queues, i, queue)
		print_queue(report, queue, json_array_get(then, i));
	if (note != NULL)
		printf("The device tells nothing: %s\n",
		       text_without(note, report->options->device.name));
}

static int show(const struct stats_options *options, json_t *now,
		const json_t *before)
{
	struct report report = { options, now, before, 0 };

	if (before != NULL)
		report.seconds =
			(double)(json_integer_value(json_object_get(now, "time_ns")) -
				 json_integer_value(json_object_get(before,
								    "time_ns"))) /
			1e9;
	if (options->json) {
		int code = envelope_print("stats", json_incref(now));

		if (code != CODE_OK)
			return code;
	} else {
		print_report(&report);
	}
	return finish_output(stdout, "standard output");
}

/* ---- doing ---- */

/* Look on until the time has come. */
static void look_on(struct session *session, uint64_t until)
{
	uint64_t now;

	while (now = now_ns(), now < until && stop_asked() == 0 &&
	       session_check(session, now) == CODE_OK)
		if (session_discard(session) == 0)
			session_idle(session, WAIT_INTERRUPT, 1, now, until);
}

static bool more(const struct stats_options *options, uint64_t shown)
{
	return stop_asked() == 0 && (options->count == 0 || shown < options->count);
}

static int stats_here(const struct stats_options *options)
{
	const struct vionet_start_options start = { .flags = VIONET_START_NO_TX_POOL };
	json_t *before = NULL, *now;
	struct session session;
	uint64_t shown = 0;

	if (session_open(&session, &options->device, "stats") != CODE_OK)
		return session.code;
	if (session_start(&session, &start) == CODE_OK)
		session_apply(&session);
	while (session.code == CODE_OK && more(options, shown)) {
		look_on(&session, now_ns() + options->interval_ns);
		now = gather_statistics(session.device);
		output_begin();
		session_fail(&session, show(options, now, before));
		output_end();
		json_decref(before);
		before = now;
		shown++;
	}
	json_decref(before);
	return session_close(&session);
}

/* `now` is the first report already. */
static int stats_remote(const struct stats_options *options, json_t *now)
{
	json_t *before = NULL;
	uint64_t shown = 0;
	int code = CODE_OK;

	stop_in_order();
	while (now != NULL && code == CODE_OK) {
		output_begin();
		code = show(options, now, before);
		output_end();
		json_decref(before);
		before = now;
		now = NULL;
		if (!more(options, ++shown))
			break;
		sleep_until(now_ns() + options->interval_ns);
		if (stop_asked() > 0)
			break;
		code = remote_statistics(options->device.name, &now);
		if (code == CODE_OK && now == NULL) {
			say("%s: the process that had it has ended",
			    options->device.name);
			code = CODE_GONE;
		}
	}
	json_decref(before);
	return code;
}

int command_stats(int argc, char **argv)
{
	static struct stats_options options = { .interval_ns = 1000000000, .count = 1 };
	json_t *object;
	int code;

	parse_arguments(&stats_argp, "stats", argc, argv, &options);
	stop_install();
	code = remote_statistics(options.device.name, &object);
	if (code != CODE_OK)
		return code;
	if (object == NULL)
		return stats_here(&options);
	if (settings_any(&options.device.settings) ||
	    device_options_any(&options.device)) {
		say("%s: another process has it: --set and options of opening have no "
		    "effect; leave them out, 'vionet set' tells it", options.device.name);
		json_decref(object);
		return CODE_USAGE;
	}
	return stats_remote(&options, object);
}
