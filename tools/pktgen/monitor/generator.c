/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/monitor/generator.h"

#include <stdlib.h>
#include <string.h>

static void generator_drop_traffic(struct generator *generator)
{
	if (generator->own_traffic) {
		traffic_free(generator->traffic);
		free(generator->traffic);
	}
	generator->traffic = NULL;
	generator->own_traffic = false;
}

static void generator_note(struct generator *generator, int code)
{
	if (generator->code == CODE_OK)
		generator->code = code;
}

static int generator_close_engine(struct generator *generator)
{
	int code = engine_close(generator->engine);

	generator->engine = NULL;
	captures_close(generator->captures);
	generator->captures = NULL;
	monitor_reset(&generator->monitor);
	return code;
}

int generator_close(struct generator *generator)
{
	generator_note(generator, generator_close_engine(generator));
	generator_drop_traffic(generator);
	return generator->code;
}

void generator_fail(struct generator *generator)
{
	generator_close(generator);
	say("the configuration is dropped: its engine has failed; set another one");
}

void generator_adopt(struct generator *generator, struct traffic *traffic,
		     struct engine *engine)
{
	generator->traffic = traffic;
	generator->engine = engine;
	generator->own_traffic = false;
}

/* Captures are opened with the ports, and begin anew with a configuration. */
static bool generator_has_ports(const struct generator *generator, const struct traffic *traffic, bool same_captures)
{
	if (generator->engine == NULL || generator->traffic->ports != traffic->ports ||
	    (!same_captures && (generator->captures != NULL || traffic->captures != 0)))
		return false;
	for (size_t i = 0; i < traffic->ports; i++)
		if (strcmp(generator->traffic->port[i].location, traffic->port[i].location) != 0)
			return false;
	return true;
}

/* A message of an attempt for which there is another way. */
static bool generator_drop_message(void *context, const char *text)
{
	(void)context;
	(void)text;
	return true;
}

/* On the ports that are open. What the devices were not opened for (longer frames) is refused. */
static bool generator_reconfigure(struct generator *generator, const struct traffic *traffic, bool same_captures)
{
	struct say_listener silent = { .take = generator_drop_message };
	int code;

	if (!generator_has_ports(generator, traffic, same_captures))
		return false;
	say_listen(&silent);
	code = engine_transmit(generator->engine, NULL, 0, ENGINE_STOP);
	if (code == CODE_OK)
		code = engine_configure(generator->engine, traffic);
	say_unlisten(&silent);
	monitor_reset(&generator->monitor);
	return code == CODE_OK;
}

static int generator_open_engine(struct generator *generator, const struct traffic *traffic)
{
	struct engine_options options = *generator->options;
	int code = CODE_OK;

	if (traffic->ports == 0)
		return CODE_OK;
	options.other_sizes = true;
	if (traffic->captures != 0)
		code = captures_open(&generator->captures, traffic, options.tap);
	if (generator->captures != NULL)
		options.tap = captures_tap(generator->captures);
	if (code == CODE_OK)
		code = engine_open(&generator->engine, traffic, &options);
	if (code == CODE_OK && generator->captures != NULL)
		code = captures_begin(generator->captures, generator->engine);
	if (code == CODE_OK)
		code = engine_launch(generator->engine);
	if (code != CODE_OK)
		generator_close_engine(generator);
	return code;
}

bool generator_may_change(const struct generator *generator, bool whole)
{
	if (generator->ending)
		say("the run is ending");
	else if (whole && generator->engine != NULL && !generator->own_traffic)
		say("the configuration is that of the command line; for others start vionet pktgen "
		    "--listen without a device");
	else
		return true;
	return false;
}

/* Devices opened anew for it. What is refused leaves what there was, its flows stopped. */
static int generator_reopen(struct generator *generator, const struct traffic *traffic)
{
	int code;

	generator_note(generator, generator_close_engine(generator));
	code = generator_open_engine(generator, traffic);
	if (code == CODE_OK || (code == CODE_USAGE && generator->traffic != NULL &&
				generator_open_engine(generator, generator->traffic) == CODE_OK))
		return code;
	generator_drop_traffic(generator);
	return code;
}

static int generator_replace(struct generator *generator, struct traffic *traffic, bool same_captures)
{
	int code = CODE_OK;

	if (!generator_may_change(generator, true))
		code = CODE_USAGE;
	else if (!generator_reconfigure(generator, traffic, same_captures))
		code = generator_reopen(generator, traffic);
	if (code != CODE_OK) {
		traffic_free(traffic);
		free(traffic);
		return code;
	}
	generator_drop_traffic(generator);
	generator->traffic = traffic;
	generator->own_traffic = true;
	return CODE_OK;
}

int generator_configure(struct generator *generator, struct traffic *traffic)
{
	return generator_replace(generator, traffic, false);
}

int generator_change(struct generator *generator, struct traffic *traffic)
{
	return generator_replace(generator, traffic, true);
}

int generator_set_rate(struct generator *generator, uint32_t flow, const struct rate *rate)
{
	int code = engine_set_rate(generator->engine, flow, rate);

	if (code == CODE_OK)
		generator->traffic->flow[flow].rate = *rate;
	return code;
}

int generator_find_flow(const struct generator *generator, const char *name)
{
	const struct traffic *traffic = generator->traffic;

	for (size_t i = 0; traffic != NULL && i < traffic->flows; i++)
		if (strcmp(traffic->flow[i].name, name) == 0)
			return (int)i;
	return -1;
}

int generator_find_port(const struct generator *generator, const char *name)
{
	const struct traffic *traffic = generator->traffic;

	for (size_t i = 0; traffic != NULL && i < traffic->ports; i++)
		if (strcmp(traffic->port[i].name, name) == 0)
			return (int)i;
	return -1;
}
