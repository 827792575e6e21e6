/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The terminal view and the HTTP interface on an engine that is faked, for test_view.py and test_api.py:
 *
 *   front_host [--view] [--listen ADDRESS] [--config FILE] [--say TEXT] [--fail-open CODE] [--fail-configure CODE] [--crash]
 *              [--phase MS]
 *
 * With a configuration its flows are sent until their end, and a summary is printed; without one it serves. SIGUSR1: the
 * device is gone from now on. SIGUSR2: it says the text.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "fake_engine.h"

#include "tools/pktgen/config_file.h"
#include "tools/pktgen/front/front.h"
#include "tools/shared/common.h"

#define STEP_NS 1000000000ULL

struct host {
	struct front_options front;
	const char *config, *text;
	bool crash;
};

static volatile sig_atomic_t texts;

static void host_on_signal(int number)
{
	if (number == SIGUSR1)
		fake_engine_faults.poll = CODE_GONE;
	else
		texts = texts + 1;
}

enum { KEY_CONFIG = 1,
       KEY_SAY,
       KEY_OPEN,
       KEY_CONFIGURE,
       KEY_CRASH,
       KEY_PHASE };

static const struct argp_option host_options[] = {
	{ "config", KEY_CONFIG, "FILE", 0, "", 0 },
	{ "say", KEY_SAY, "TEXT", 0, "", 0 },
	{ "fail-open", KEY_OPEN, "CODE", 0, "", 0 },
	{ "fail-configure", KEY_CONFIGURE, "CODE", 0, "", 0 },
	{ "crash", KEY_CRASH, NULL, 0, "", 0 },
	{ "phase", KEY_PHASE, "MS", 0, "", 0 },
	{ 0 },
};

static error_t host_parse(int key, char *argument, struct argp_state *state)
{
	struct host *host = state->input;

	if (key == ARGP_KEY_INIT)
		state->child_inputs[0] = &host->front;
	else if (key == KEY_CONFIG)
		host->config = argument;
	else if (key == KEY_SAY)
		host->text = argument;
	else if (key == KEY_OPEN)
		fake_engine_faults.open = atoi(argument);
	else if (key == KEY_CONFIGURE)
		fake_engine_faults.configure = atoi(argument);
	else if (key == KEY_CRASH)
		host->crash = true;
	else if (key == KEY_PHASE)
		host->front.phase_ns = 1000000 * (uint64_t)atoi(argument);
	else
		return ARGP_ERR_UNKNOWN;
	return 0;
}

static const struct argp host_argp = {
	.options = host_options,
	.parser = host_parse,
	.children = (const struct argp_child[]){ { &front_argp, 0, NULL, 0 }, { 0 } },
};

static void host_say(const struct host *host, int *said)
{
	for (; *said < texts; ++*said)
		say("%s %d", host->text != NULL ? host->text : "text", *said);
}

static int host_send(const struct host *host, struct front *front, struct generator *generator)
{
	int code = engine_transmit(generator->engine, NULL, 0, ENGINE_START), said = 0;

	stop_in_order();
	while (code == CODE_OK && stop_asked() == 0 && engine_is_sending(generator->engine)) {
		host_say(host, &said);
		if (host->crash && said > 0)
			abort();
		code = front_poll(front, generator, now_ns() + STEP_NS / 50);
	}
	return code;
}

static void host_print(const struct generator *generator)
{
	const struct engine_metrics *metrics = engine_metrics(generator->engine);

	for (size_t i = 0; i < metrics->flows; i++)
		printf("summary: %s sent %ju\n", metrics->flow[i].name,
		       (uintmax_t)metrics->flow[i].tx.frames);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct engine_options options = { 0 };
	struct generator generator = { .options = &options };
	struct traffic *traffic = calloc(1, sizeof(*traffic));
	struct traffic_error error;
	struct host host = { 0 };
	struct front *front;
	int code;

	stop_install();
	signal(SIGUSR1, host_on_signal);
	signal(SIGUSR2, host_on_signal);
	argp_parse(&host_argp, argc, argv, 0, NULL, &host);
	if (host.config != NULL && config_file_read(host.config, traffic, &error) != 0) {
		say("%s", error.text);
		return CODE_USAGE;
	}
	if (host.config == NULL)
		free(traffic);
	else if (generator_configure(&generator, traffic) != CODE_OK)
		return CODE_FAILED;
	code = front_open(&front, &host.front, &generator);
	if (code != CODE_OK)
		return code;
	if (!front_has_view(front))
		puts("plain lines");
	code = host.config != NULL ? host_send(&host, front, &generator) : front_serve(front, &generator);
	front_close(front);
	if (generator.engine != NULL)
		host_print(&generator);
	generator_close(&generator);
	return code;
}
