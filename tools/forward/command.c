/* SPDX-License-Identifier: BSD-3-Clause */
/* `vionet forward`: a bridge of functions. */
#include "tools/shared/common.h"

#include <poll.h>
#include <string.h>
#include <time.h>

#include "tools/forward/bridge.h"
#include "tools/forward/forward.h"

#define SPIN_NS 50000ULL
/* While a device takes nothing, or has no interrupt: how long to sleep between looks. */
#define BACKOFF_NS 100000ULL
#define STATIONS_DEFAULT 4096
#define AGING_DEFAULT_NS 300000000000ULL

enum { KEY_STRAIGHT = 0x100,
       KEY_STATIONS,
       KEY_AGING,
       KEY_DURATION,
       KEY_INTERVAL,
       KEY_MODE,
       KEY_QUEUE_SIZE,
       KEY_JSON };

struct forward_options {
	struct device_options device; /* of all; its name is the first's */
	const char *name[PORTS_MAX];
	unsigned int count;
	bool straight, json;
	uint32_t stations; /* 0: not said */
	uint64_t aging_ns;
	bool have_aging;
	uint64_t duration_ns; /* 0: no limit */
	uint64_t interval_ns; /* 0: no lines */
	uint32_t queue_size;
	int mode; /* enum wait_mode */
};

struct forward_run {
	const struct forward_options *options;
	struct ports ports;
	struct bridge bridge;
	uint64_t start_ns, busy_ns, shown_ns;
	uint64_t shown[PORTS_MAX]; /* frames sent, of the line before */
};

static const struct argp_option forward_option_list[] = {
	{ "straight", KEY_STRAIGHT, NULL, 0,
	  "Two devices: all that one receives the other sends, whatever its addresses", 1 },
	{ "stations", KEY_STATIONS, "N", 0,
	  "Know up to N MAC addresses (4096; a power of two)", 1 },
	{ "aging", KEY_AGING, "TIME", 0,
	  "Forget an address that has not been seen for TIME (5min); 0: never", 1 },
	{ "duration", KEY_DURATION, "TIME", 0, "End after TIME (10, 500ms, 2min)", 2 },
	{ "interval", KEY_INTERVAL, "TIME", 0, "Print a line each TIME (0: none)", 2 },
	{ "json", KEY_JSON, NULL, 0, "One JSON object on stdout at the end", 2 },
	{ "mode", KEY_MODE, "MODE", 0,
	  "poll: never sleep; interrupt: sleep until a frame comes; spin (default): poll 50 us, "
	  "then sleep",
	  2 },
	{ "queue-size", KEY_QUEUE_SIZE, "N", 0, "Entries of each queue (256; a power of two)", 2 },
	{ 0 },
};

/* ---- options ---- */

static void forward_add_device(struct forward_options *options, const char *name)
{
	for (unsigned int i = 0; i < options->count; i++)
		if (strcmp(options->name[i], name) == 0)
			refuse_usage("'%.200s' is named twice", name);
	if (options->count == PORTS_MAX)
		refuse_usage("forward: %d devices at most", PORTS_MAX);
	if (options->count == 0)
		options->device.name = name;
	options->name[options->count++] = name;
}

/* Each device has one queue pair, its own address, and the offloads that the others can send. */
static void forward_check_settings(const struct settings *settings)
{
	if (settings->have[SETTING_QUEUES] && settings->queues != 1)
		refuse_usage("--set queues=%u: forward uses one queue pair of each device",
			     settings->queues);
	if (settings->have[SETTING_MAC])
		refuse_usage("--set mac: all devices would have one address; while it runs: "
			     "vionet set DEVICE mac=...");
	if (settings->have[SETTING_OFFLOADS])
		refuse_usage("--set offloads: forward takes those that the other devices can send; "
			     "leave features out with --avoid");
}

static void forward_check_options(const struct forward_options *options)
{
	forward_check_settings(&options->device.settings);
	/* It has counts where the next device expects the place of a checksum. */
	if (vionet_feature_test(&options->device.open.want, (unsigned int)vionet_feature_bit("RSC_EXT")))
		refuse_usage("--want RSC_EXT: no device takes such frames; leave it out");
	if (options->count < 2)
		refuse_usage("forward: %s; 'vionet list' shows them",
			     options->count == 0 ? "no device named" : "a second device is wanted");
	if (options->device.fds_count > options->count)
		refuse_usage("--fds is given %u times for %u devices", options->device.fds_count,
			     options->count);
	if (options->straight && options->count != 2)
		refuse_usage("--straight is for two devices, not %u", options->count);
	if (options->straight && (options->stations != 0 || options->have_aging))
		refuse_usage("--%s has no effect with --straight: no address is looked at; leave "
			     "one of them out",
			     options->stations != 0 ? "stations" : "aging");
}

static int forward_parse_value(int key, const char *argument, struct forward_options *options,
			       struct parse_error *error)
{
	switch (key) {
	case KEY_STATIONS:
		return parse_power_of_two("--stations", argument, 4, 1 << 20, &options->stations,
					  error);
	case KEY_AGING:
		options->have_aging = true;
		return parse_duration("--aging", argument, 1, &options->aging_ns, error);
	case KEY_DURATION:
		return parse_duration("--duration", argument, 0, &options->duration_ns, error);
	case KEY_INTERVAL:
		return parse_duration("--interval", argument, 1, &options->interval_ns, error);
	case KEY_MODE:
		return parse_word("--mode", argument, wait_mode_words, &options->mode, error);
	default:
		return parse_power_of_two("--queue-size", argument, 4, 32768,
					  &options->queue_size, error);
	}
}

static error_t forward_parse_option(int key, char *argument, struct argp_state *state)
{
	struct forward_options *options = state->input;
	struct parse_error error;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->device;
		state->child_inputs[1] = &options->device;
		return 0;
	case KEY_STRAIGHT:
		options->straight = true;
		return 0;
	case KEY_JSON:
		options->json = true;
		return 0;
	case KEY_STATIONS:
	case KEY_AGING:
	case KEY_DURATION:
	case KEY_INTERVAL:
	case KEY_MODE:
	case KEY_QUEUE_SIZE:
		need_parsed(forward_parse_value(key, argument, options, &error), &error);
		return 0;
	case ARGP_KEY_ARG:
		forward_add_device(options, argument);
		return 0;
	case ARGP_KEY_END:
		forward_check_options(options);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp forward_argp = {
	.options = forward_option_list,
	.parser = forward_parse_option,
	.args_doc = "DEVICE DEVICE...",
	.doc = "Forward frames between devices as a switch does: to the device behind which their "
	       "address was seen, or to all others. Offloads are taken from a device as far as the "
	       "others can send such packets.\vIt ends with SIGINT or SIGTERM.",
	.children = (const struct argp_child[]){ { &device_argp, 0, NULL, 0 },
						 { &setting_argp, 0, NULL, 0 },
						 { 0 } },
};

/* ---- the run ---- */

/* Who was behind a port whose link changed may be elsewhere now. */
static void forward_note_link(struct forward_run *run, unsigned int index)
{
	struct session *session = &run->ports.port[index].session;

	if ((session->noted & VIONET_EVENT_LINK) && !run->options->straight)
		stations_forget(&run->bridge.stations, index);
	session->noted = 0;
}

static bool forward_is_well(struct forward_run *run, uint64_t now)
{
	for (unsigned int i = 0; i < run->ports.count; i++) {
		if (session_check(&run->ports.port[i].session, now) != CODE_OK)
			return false;
		forward_note_link(run, i);
	}
	return true;
}

static void forward_show(struct forward_run *run, uint64_t now)
{
	double seconds = (double)(now - run->shown_ns) / 1e9;

	output_begin();
	fprintf(stderr, "%.1f s: sent", (double)(now - run->start_ns) / 1e9);
	for (unsigned int i = 0; i < run->ports.count; i++) {
		uint64_t sent = run->ports.port[i].counts.sent;

		fprintf(stderr, "%s %ju (%.0f/s)", i > 0 ? "," : "", (uintmax_t)sent,
			(double)(sent - run->shown[i]) / seconds);
		run->shown[i] = sent;
	}
	fprintf(stderr, "\n");
	output_end();
	run->shown_ns = now;
}

/* Armed: how many; 0: one has work, or broke; -1: one has no interrupt. */
static int forward_arm(const struct forward_run *run, struct pollfd *waits)
{
	for (unsigned int i = 0; i < run->ports.count; i++) {
		int fd = vionet_queue_fd(run->ports.port[i].session.rx);

		if (fd < 0)
			return -1;
		waits[i] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	for (unsigned int i = 0; i < run->ports.count; i++)
		if (vionet_queue_arm(run->ports.port[i].session.rx) != 0)
			return 0;
	return (int)run->ports.count;
}

static void forward_sleep(struct forward_run *run)
{
	struct pollfd waits[2 * PORTS_MAX];
	int armed = forward_arm(run, waits);
	unsigned int count = run->ports.count;
	bool brief = armed < 0 || bridge_is_waiting(&run->bridge);
	struct timespec time = { .tv_nsec = brief ? (long)BACKOFF_NS : (long)SESSION_CHECK_NS };

	for (unsigned int i = 0; i < count; i++) {
		struct vionet_device *device = run->ports.port[i].session.device;

		waits[count + i] = (struct pollfd){ .fd = vionet_device_event_fd(device),
						    .events = POLLIN };
	}
	if (armed != 0)
		ppoll(armed > 0 ? waits : waits + count, armed > 0 ? 2 * count : count, &time, NULL);
	for (unsigned int i = 0; i < count; i++) {
		struct session *session = &run->ports.port[i].session;

		if (armed >= 0)
			vionet_queue_disarm(session->rx);
		if (armed != 0 && waits[count + i].revents != 0)
			session->next_check = 0;
	}
}

static bool forward_is_finished(const struct forward_run *run, uint64_t now)
{
	uint64_t duration = run->options->duration_ns;

	return stop_asked() > 0 || (duration != 0 && now - run->start_ns >= duration);
}

static void forward_run_all(struct forward_run *run)
{
	uint64_t spin = run->options->mode == WAIT_SPIN ? SPIN_NS : 0, now;

	run->start_ns = run->busy_ns = run->shown_ns = now_ns();
	while (now = now_ns(), !forward_is_finished(run, now) && forward_is_well(run, now)) {
		if (bridge_move(&run->bridge, now) > 0)
			run->busy_ns = now;
		else if (run->options->mode != WAIT_POLL && now - run->busy_ns >= spin)
			forward_sleep(run);
		if (run->options->interval_ns != 0 &&
		    now - run->shown_ns >= run->options->interval_ns)
			forward_show(run, now);
	}
}

static void forward_say_ready(const struct forward_run *run)
{
	output_begin();
	fprintf(stderr, "forwarding between");
	for (unsigned int i = 0; i < run->ports.count; i++)
		fprintf(stderr, "%s %s", i > 0 ? "," : "", clean(run->ports.port[i].session.name));
	fprintf(stderr, "%s\n", run->ports.shared ? ", without a copy" : ", with copies");
	output_end();
}

static void forward_take_results(struct forward_run *run, struct forward_results *results)
{
	uint64_t now = now_ns();

	results->duration_s = (double)(now - run->start_ns) / 1e9;
	results->straight = run->options->straight;
	results->shared = run->ports.shared;
	results->count = run->ports.count;
	if (!results->straight)
		results->stations = stations_count(&run->bridge.stations, now);
	results->moved = run->bridge.stations.moved;
	results->replaced = run->bridge.stations.replaced;
	for (unsigned int i = 0; i < results->count; i++) {
		struct forward_port_results *port = &results->port[i];

		port->device = run->ports.port[i].session.name;
		VIONET_INIT(&port->rx);
		VIONET_INIT(&port->tx);
		vionet_queue_stats(run->ports.port[i].session.rx, &port->rx);
		vionet_queue_stats(run->ports.port[i].session.tx, &port->tx);
	}
}

/* The counts are complete when nothing waits any more. */
static void forward_take_counts(const struct forward_run *run, struct forward_results *results)
{
	for (unsigned int i = 0; i < results->count; i++)
		results->port[i].counts = run->ports.port[i].counts;
}

static int forward_start(struct forward_run *run)
{
	const struct forward_options *options = run->options;
	uint32_t stations = options->stations != 0 ? options->stations : STATIONS_DEFAULT;
	int code;

	run->bridge.ports = &run->ports;
	run->bridge.straight = options->straight;
	if (!options->straight &&
	    stations_create(&run->bridge.stations, stations, options->aging_ns) != 0) {
		say("no memory for %u stations", stations);
		return CODE_PERMISSION;
	}
	run->ports.count = options->count;
	for (unsigned int i = 0; i < options->count; i++) {
		run->ports.port[i].options = options->device;
		run->ports.port[i].options.name = options->name[i];
		run->ports.port[i].options.fds_use = i;
	}
	code = ports_open(&run->ports, options->queue_size);
	if (code == CODE_OK)
		code = ports_start(&run->ports, options->queue_size,
				   options->mode == WAIT_POLL ? VIONET_START_NO_INTERRUPTS : 0);
	return code;
}

static int forward_print(struct forward_results *results, bool json)
{
	int printed;

	output_begin();
	printed = json ? forward_print_json(results) : forward_print_text(results);
	if (printed == CODE_OK)
		printed = finish_output(stdout, "standard output");
	output_end();
	return results->code != CODE_OK ? results->code : printed;
}

int command_forward(int argc, char **argv)
{
	struct forward_options options = { .device.fds_max = PORTS_MAX,
					   .mode = WAIT_SPIN,
					   .aging_ns = AGING_DEFAULT_NS };
	static struct forward_run run;
	static struct forward_results results;
	int closed;

	parse_arguments(&forward_argp, "forward", argc, argv, &options);
	stop_install();
	run.options = &options;
	results.code = forward_start(&run);
	if (results.code == CODE_OK) {
		forward_say_ready(&run);
		forward_run_all(&run);
		forward_take_results(&run, &results);
	}
	bridge_release(&run.bridge);
	closed = ports_close(&run.ports);
	if (results.code == CODE_OK)
		results.code = closed;
	/* A run that never began has no results. */
	if (run.start_ns == 0)
		return results.code;
	forward_take_counts(&run, &results);
	return forward_print(&results, options.json);
}
