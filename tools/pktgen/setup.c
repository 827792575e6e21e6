/* SPDX-License-Identifier: BSD-3-Clause */
/* The command `vionet pktgen`: from the command line through a run to what is shown. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/capture/recorder_file.h"
#include "tools/pktgen/drops.h"
#include "tools/pktgen/engine/engine.h"
#include "tools/pktgen/front/front.h"
#include "tools/pktgen/live.h"
#include "tools/pktgen/monitor/captures.h"
#include "tools/pktgen/options.h"
#include "tools/pktgen/results.h"
#include "tools/shared/own_files.h"
#include "tools/shared/report_file.h"

struct run {
	const struct pktgen_options *options;
	struct hooks *hooks; /* of the options */
	struct traffic *traffic;
	struct engine *engine;
	struct generator generator; /* of its engine, for clients */
	struct front *front;
	struct pktgen_live live;
	struct pktgen_ending ending;
	uint64_t drops_before[PKTGEN_DROPS];
	bool drops_known;
	bool began;
};

static struct engine_options setup_engine_options(const struct pktgen_options *options)
{
	return (struct engine_options){
		.device = &options->device,
		.command = "pktgen",
		.queues = options->queues,
		.queue_size = options->queue_size,
		.burst = options->burst,
		.cpus = options->cpus,
		.mode = options->mode,
		.linger_ns = options->linger_ns,
		.have_linger = options->have_linger,
		.warmup = options->warmup,
		.no_rx = options->no_rx,
		.rx_only = options->rx_only,
		.stream = options->stream,
		.seed = options->seed,
		.receive_count = options->rx_only ? options->load.load.duration.frames : 0,
		.receive_ns = options->rx_only ? options->load.load.duration.time_ns : 0,
	};
}

/* Until all is sent, or received. */
static void setup_load(struct run *run)
{
	int code = CODE_OK;

	do {
		front_poll(run->front, &run->generator, pktgen_live_next(&run->live));
		code = pktgen_live(&run->live, now_ns());
	} while (code == CODE_OK && engine_is_sending(run->engine));
	engine_poll(run->engine, 0);
	session_fail(engine_session(run->engine, 0), code);
	engine_poll(run->engine, 0);
	pktgen_live_rest(&run->live);
}

/* Frames on their way are waited for: clients look on. */
static void setup_idle(void *context)
{
	struct run *run = context;

	front_idle(run->front, &run->generator);
}

/* Who looks at the run takes what it needs before a sandbox. */
static int setup_front(struct run *run)
{
	const struct front_options *front = &run->options->front;

	generator_adopt(&run->generator, run->traffic, run->engine);
	return front->view || front->listen != NULL ? front_open(&run->front, front, &run->generator) : CODE_OK;
}

/* In each end, before anything is printed: the terminal is as it was. */
static void setup_leave_front(struct run *run)
{
	front_close(run->front);
	run->front = NULL;
	monitor_reset(&run->generator.monitor);
}

/* The first failure is what the program ends with. */
static bool setup_holds(struct run *run, int code)
{
	return session_fail(engine_session(run->engine, 0), code) == CODE_OK;
}

/* Threads, capture, the gateway. False: it failed. */
static bool setup_launch(struct run *run)
{
	bool found;

	if (!setup_holds(run, setup_front(run)) || !setup_holds(run, hooks_start(run->hooks, run->engine)) ||
	    engine_launch(run->engine) != CODE_OK ||
	    !setup_holds(run, hooks_resolve(run->hooks, run->engine, &found)))
		return false;
	return !found || engine_configure(run->engine, &run->options->traffic) == CODE_OK;
}

/* One that is stopped before its first frame has results, too: of nothing. */
static int setup_start(struct run *run)
{
	static const uint32_t none[1];

	return engine_transmit(run->engine, stop_asked() == 0 ? NULL : none, 0, ENGINE_START);
}

/* What was sent without being counted; of files that is said already. */
static void setup_say_warmup(const struct run *run)
{
	const struct engine_metrics *metrics = engine_metrics(run->engine);
	uint64_t counted = 0, completed = 0;

	for (size_t i = 0; i < metrics->flows; i++)
		counted += metrics->flow[i].tx.frames;
	for (size_t i = 0; i < metrics->ports; i++)
		completed += metrics->port[i].completed;
	if (run->options->warmup != 0 && counted == 0 && completed != 0 && run->hooks->replay_count == 0)
		say("--warmup %ju, and %ju frame%s sent: none is counted; give fewer, or send longer",
		    (uintmax_t)run->options->warmup, (uintmax_t)completed, completed == 1 ? " was" : "s were");
}

static void setup_run(struct run *run)
{
	if (!setup_launch(run))
		return;
	run->drops_known = pktgen_read_drops(engine_session(run->engine, 0),
					     run->drops_before);
	if (setup_start(run) != CODE_OK)
		return;
	run->began = true;
	pktgen_live_start(&run->live, run->options, run->engine, now_ns());
	run->live.quiet = front_has_view(run->front);
	setup_load(run);
	engine_transmit(run->engine, NULL, 0, ENGINE_STOP);
	engine_settle(run->engine, &run->ending.cut_short);
	run->ending.end_ns = now_ns();
	run->ending.interrupted = stop_asked() > 0;
	run->ending.hurried = stop_asked() > 1;
	run->ending.code = engine_finish(run->engine);
	setup_holds(run, hooks_finish(run->hooks, engine_metrics(run->engine), run->options->warmup));
	setup_say_warmup(run);
	pktgen_live_end(&run->live);
	pktgen_live_rest(&run->live);
}

/* What the device counts is of all its time: only what it adds is of the run. */
static void setup_end_drops(struct run *run, struct pktgen_results *results)
{
	/* A device that needs a reset gets no more commands. */
	if (run->drops_known && run->ending.code != CODE_GONE)
		run->drops_known = pktgen_read_drops(engine_session(run->engine, 0),
						     results->drop);
	results->drops_known = run->drops_known;
	for (int i = 0; i < PKTGEN_DROPS; i++)
		results->drop[i] = !run->drops_known || results->drop[i] <= run->drops_before[i] ?
					   0 :
					   results->drop[i] - run->drops_before[i];
}

static int setup_print(struct run *run, struct pktgen_results *results, int code)
{
	int printed = CODE_OK, written;

	results->code = code;
	results->interval = run->live.interval;
	results->intervals = run->live.count;
	output_begin();
	if (run->options->json)
		printed = pktgen_print_json(results);
	else
		pktgen_print_text(results);
	if (printed == CODE_OK)
		printed = finish_output(stdout, "standard output");
	output_end();
	/* Also where standard output is full: they may be elsewhere. */
	written = pktgen_write_files(results);
	if (code != CODE_OK)
		return code;
	return printed != CODE_OK ? printed : written;
}

/* It outlives the engine. */
static const struct histogram *setup_latency(const struct run *run)
{
	static struct histogram latency;

	latency = *engine_flow_histogram(run->engine, ENGINE_ALL_FLOWS, ENGINE_LATENCY);
	return &latency;
}

static int setup_end(struct run *run)
{
	struct pktgen_results results;
	int taken = CODE_OK, limits = CODE_OK, written = CODE_OK, code;

	if (!run->began)
		return engine_close(run->engine); /* it has no results */
	taken = pktgen_take_results(run->options, engine_metrics(run->engine),
				    setup_latency(run), &run->ending, &results);
	if (taken == CODE_OK)
		setup_end_drops(run, &results);
	for (uint32_t i = 0; taken == CODE_OK && i < results.flows; i++)
		results.reordering[i].known =
			engine_flow_reordering(run->engine, i, &results.reordering[i].found) == 0;
	if (taken == CODE_OK)
		limits = pktgen_check_limits(&results, run->engine);
	if (taken == CODE_OK && run->options->csv_streams != NULL)
		written = pktgen_write_streams(&results, run->engine);
	code = engine_close(run->engine);
	if (code == CODE_OK)
		code = written != CODE_OK ? written : limits;
	if (taken == CODE_OK)
		code = setup_print(run, &results, code);
	else if (code == CODE_OK)
		code = taken;
	free(results.pair);
	free(results.flow);
	free(results.reordering);
	free(results.limit);
	pktgen_live_free(&run->live);
	return code;
}

/* Each of a ring. */
static int setup_check_capture(const struct recorder_options *capture)
{
	uint32_t files = capture->files > 1 ? (uint32_t)capture->files : 1;
	int code = CODE_OK;
	char name[PATH_MAX];

	for (uint32_t i = 0; capture->path != NULL && i < files && code == CODE_OK; i++) {
		recorder_file_name(name, sizeof(name), capture->path, files, i);
		code = own_file_writes("--capture", name);
	}
	return code;
}

static int setup_check_files(const struct pktgen_options *options)
{
	const struct report_name files[] = {
		{ "--csv", options->csv },
		{ "--csv-flows", options->csv_flows },
		{ "--csv-streams", options->csv_streams },
		{ "--html", options->html },
		{ "--hdr", options->hdr },
		{ "--junit", options->junit },
	};
	int code;

	for (size_t i = 0; i < options->traffic.flows; i++)
		if (options->traffic.flow[i].replay.file != NULL)
			own_file_reads(options->traffic.flow[i].replay.file);
	code = setup_check_capture(&options->hooks.capture);
	return code != CODE_OK ? code : report_files_check(files, sizeof(files) / sizeof(files[0]));
}

/* Ports without flows are a client's to begin with, as those that it sets. */
static int setup_first_configuration(struct run *run)
{
	struct traffic *traffic = malloc(sizeof(*traffic));

	if (traffic == NULL) {
		say("no memory");
		return CODE_PERMISSION;
	}
	*traffic = *run->traffic;
	*run->traffic = (struct traffic){ 0 };
	return generator_configure(&run->generator, traffic);
}

/* Nothing to send: until it is stopped. */
static int setup_serve(struct run *run)
{
	int code = front_open(&run->front, &run->options->front, &run->generator), closed;

	if (code == CODE_OK && run->traffic->ports > 0)
		code = setup_first_configuration(run);
	if (code == CODE_OK)
		code = front_serve(run->front, &run->generator);
	front_close(run->front);
	closed = generator_close(&run->generator);
	return code != CODE_OK ? code : closed;
}

/* Captures of a file see what its ports receive: clients start and fetch them. */
static int setup_open_captures(struct run *run, struct engine_options *options)
{
	int code;

	if (run->traffic->captures == 0)
		return CODE_OK;
	if (run->options->front.listen == NULL) {
		say("%.80s: captures are started by clients, of which there are none without --listen; for a file: "
		    "--capture",
		    run->options->config.file);
		return CODE_OK;
	}
	code = captures_open(&run->generator.captures, run->traffic, options->tap);
	if (code == CODE_OK)
		options->tap = captures_tap(run->generator.captures);
	return code;
}

static int setup_open(struct run *run, struct engine_options *options)
{
	int code = setup_open_captures(run, options);

	if (code == CODE_OK)
		code = engine_open(&run->engine, run->traffic, options);
	if (code != CODE_OK || run->generator.captures == NULL)
		return code;
	code = captures_begin(run->generator.captures, run->engine);
	if (code == CODE_OK)
		return code;
	engine_close(run->engine);
	return code;
}

int command_pktgen(int argc, char **argv)
{
	static struct pktgen_options options;
	struct run run = { .options = &options, .hooks = &options.hooks, .traffic = &options.traffic };
	struct engine_options engine_options;
	int code;

	pktgen_parse(argc, argv, &options);
	stop_install();
	engine_options = setup_engine_options(&options);
	engine_options.idle = setup_idle;
	engine_options.idle_context = &run;
	run.generator.options = &engine_options;
	code = setup_check_files(&options);
	if (code == CODE_OK && options.traffic.flows == 0 && !options.rx_only)
		return setup_serve(&run);
	if (code == CODE_OK)
		code = hooks_open(&options.hooks, &options.traffic);
	hooks_fill(&options.hooks, &engine_options);
	if (code == CODE_OK)
		code = setup_open(&run, &engine_options);
	if (code == CODE_OK) {
		setup_run(&run);
		setup_leave_front(&run);
		code = setup_end(&run);
	}
	captures_close(run.generator.captures);
	traffic_free(&options.traffic);
	hooks_close(&options.hooks);
	return code;
}
