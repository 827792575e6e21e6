/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet stats`: what the driver and the device have counted, of the process that has the
 * device or of a look on of its own. */
#include <inttypes.h>
#include <string.h>

#include "tools/shared/control_client.h"
#include "tools/shared/json_results.h"
#include "tools/shared/session.h"

enum { KEY_JSON = 0x100, KEY_INTERVAL, KEY_ALL };

struct stats_options {
	struct device_options device;
	uint64_t interval_ns;
	uint64_t count; /* 0: until Ctrl-C */
	bool json;
	bool all;
};

static error_t stats_parse_option(int key, char *argument, struct argp_state *state)
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
	.parser = stats_parse_option,
	.args_doc = "DEVICE",
	.doc = "Show what the driver and the device have counted, queue by queue. If a "
	       "vionet command has the device, these are the counters of its run. If "
	       "no process has it, it is started for one interval a report: frames that "
	       "arrive are counted and thrown away.",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 },
						 { &setting_argp, 0, NULL, 0 },
						 { 0 } },
};

/* ---- showing ---- */

/* The device's counter of what the driver counts under `key`, or NULL. */
static const struct stats_counter *stats_same(const struct stats_counters *device,
					      const char *role, const char *key)
{
	char name[STATS_NAME_MAX + 4];

	snprintf(name, sizeof(name), "%s_%s", role[0] == 'r' ? "rx" : "tx", key);
	return stats_find(device, name);
}

/* Is it in the driver's counters under a name without "rx_" or "tx_"? */
static bool stats_is_shown(const struct stats_counters *driver, const char *name)
{
	return strlen(name) > 3 && stats_find(driver, name + 3) != NULL;
}

/* One report, and the one before or NULL. */
struct stats_view {
	const struct stats_options *options;
	const struct stats_report *now;
	const struct stats_report *before;
	double seconds;
};

/* "12345" and, if there was a report before, "+100/s"; "-" if there is no such counter.
 * A state, such as the size of a queue, has no rate. */
static void stats_format(const struct stats_view *view, const struct stats_counter *value,
			 const struct stats_counter *before, bool state, char text[48])
{
	char rate[32] = "";

	if (value == NULL) {
		snprintf(text, 48, "%12s", "-");
		return;
	}
	if (before != NULL && view->seconds > 0 && !state)
		snprintf(rate, sizeof(rate), " %+.0f/s",
			 (double)(int64_t)(value->value - before->value) / view->seconds);
	snprintf(text, 48, "%12" PRIu64 "%s", value->value, rate);
}

/* A counter of one side or both, and what it was before. */
struct stats_pair {
	const struct stats_counter *driver, *driver_before;
	const struct stats_counter *device, *device_before;
};

static void stats_print_row(const struct stats_view *view, const char *name,
			    const struct stats_pair *pair)
{
	bool state = strcmp(name, "size") == 0 || strcmp(name, "in_flight") == 0;
	char left[48], right[48];

	if (!view->options->all && (pair->driver == NULL || pair->driver->value == 0) &&
	    (pair->device == NULL || pair->device->value == 0))
		return;
	stats_format(view, pair->driver, pair->driver_before, state, left);
	stats_format(view, pair->device, pair->device_before, state, right);
	printf("  %-24s %-24s %s\n", name, left, right);
}

/* The driver's counters with the device's beside them, then what only the device has. */
static void stats_print_queue(const struct stats_view *view,
			      const struct stats_queue *queue,
			      const struct stats_queue *earlier)
{
	const struct stats_counters *driver_then = earlier ? &earlier->driver : NULL;
	const struct stats_counters *device_then = earlier ? &earlier->device : NULL;

	printf("%s\n", queue->role[0] != '\0' ? queue->role : "?");
	for (unsigned int i = 0; i < queue->driver.count; i++) {
		const struct stats_counter *own = &queue->driver.counter[i];

		stats_print_row(view, own->name, &(struct stats_pair){
				own, stats_find(driver_then, own->name),
				stats_same(&queue->device, queue->role, own->name),
				stats_same(device_then, queue->role, own->name) });
	}
	if (queue->broken[0] != '\0')
		printf("  %-24s %s\n", "broken", queue->broken);
	for (unsigned int i = 0; i < queue->device.count; i++) {
		const struct stats_counter *other = &queue->device.counter[i];

		if (!stats_is_shown(&queue->driver, other->name))
			stats_print_row(view, other->name, &(struct stats_pair){
					NULL, NULL, other, stats_find(device_then, other->name) });
	}
}

static void stats_print_text(const struct stats_view *view)
{
	const struct stats_report *now = view->now, *before = view->before;
	bool other = now->in_use_by[0] != '\0';

	printf("%s%s%s\n", clean(view->options->device.name),
	       other ? ", in use by " : "", now->in_use_by);
	printf("  %-24s %12s %11s %12s\n", "", "DRIVER", "", "DEVICE");
	for (unsigned int i = 0; i < now->queues; i++)
		stats_print_queue(view, &now->queue[i],
				  before != NULL && i < before->queues ?
					  &before->queue[i] : NULL);
	if (now->note[0] != '\0')
		printf("The device has no counters: %s\n",
		       text_without(now->note, view->options->device.name));
}

/* `before`: of the same device, empty at first. Takes `now` and leaves it there. */
static int stats_print(const struct stats_options *options, struct stats_report *now,
		       struct stats_report *before)
{
	struct stats_view view = { options, now, before->queue != NULL ? before : NULL, 0 };
	int code = CODE_OK;

	if (view.before != NULL)
		view.seconds = (double)(int64_t)(now->time_ns - before->time_ns) / 1e9;
	if (options->json)
		code = json_print_stats(now);
	else
		stats_print_text(&view);
	if (code == CODE_OK)
		code = finish_output(stdout, "standard output");
	stats_release(before);
	*before = *now;
	*now = (struct stats_report){ 0 };
	return code;
}

/* ---- doing ---- */

/* Look on until the time has come. */
static void stats_look_on(struct session *session, uint64_t until)
{
	uint64_t now;

	while (now = now_ns(), now < until && stop_asked() == 0 &&
	       session_check(session, now) == CODE_OK)
		if (session_discard(session) == 0)
			session_idle(session, WAIT_INTERRUPT, 1, now, until);
}

static bool stats_has_more(const struct stats_options *options, uint64_t shown)
{
	return stop_asked() == 0 && (options->count == 0 || shown < options->count);
}

static int stats_report_here(const struct stats_options *options, struct session *session,
			     struct stats_report *before)
{
	struct stats_report now;
	int code;

	if (stats_collect(session->device, &now) != 0) {
		say("%s: no memory for the statistics", session->name);
		return session_fail(session, CODE_FAILED);
	}
	output_begin();
	code = stats_print(options, &now, before);
	output_end();
	return session_fail(session, code);
}

static int stats_here(const struct stats_options *options)
{
	const struct vionet_start_options start = { .struct_size = sizeof(start),
						    .flags = VIONET_START_NO_TX_POOL };
	struct stats_report before = { 0 };
	struct session session;
	uint64_t shown = 0;

	if (session_open(&session, &options->device, "stats") != CODE_OK)
		return session.code;
	if (session_start(&session, &start) == CODE_OK)
		session_apply(&session);
	while (session.code == CODE_OK && stats_has_more(options, shown)) {
		stats_look_on(&session, now_ns() + options->interval_ns);
		stats_report_here(options, &session, &before);
		shown++;
	}
	stats_release(&before);
	return session_close(&session);
}

/* `reply` has the first report already. */
static int stats_of_other(const struct stats_options *options, struct control_reply *reply)
{
	struct stats_report before = { 0 };
	uint64_t shown = 0;
	bool found = true;
	int code = CODE_OK;

	stop_in_order();
	while (found && code == CODE_OK) {
		output_begin();
		code = stats_print(options, &reply->stats, &before);
		output_end();
		if (!stats_has_more(options, ++shown))
			break;
		sleep_until(now_ns() + options->interval_ns);
		if (stop_asked() > 0)
			break;
		if (code == CODE_OK)
			code = control_ask_stats(options->device.name, reply, &found);
		if (code == CODE_OK && !found) {
			say("%s: the process that had it has ended",
			    options->device.name);
			code = CODE_GONE;
		}
	}
	stats_release(&before);
	return code;
}

int command_stats(int argc, char **argv)
{
	struct stats_options options = { .interval_ns = 1000000000, .count = 1 };
	struct control_reply reply;
	bool found;
	int code;

	parse_arguments(&stats_argp, "stats", argc, argv, &options);
	stop_install();
	code = control_ask_stats(options.device.name, &reply, &found);
	if (code == CODE_OK && !found) {
		code = stats_here(&options);
	} else if (code == CODE_OK && (settings_any(&options.device.settings) ||
				       device_options_any(&options.device))) {
		say("%s: another process has it: --set and options of opening have no "
		    "effect; leave them out, use 'vionet set'", options.device.name);
		code = CODE_USAGE;
	} else if (code == CODE_OK) {
		code = stats_of_other(&options, &reply);
	}
	control_release_reply(&reply);
	return code;
}
