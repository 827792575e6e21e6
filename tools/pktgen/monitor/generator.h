/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A generator that outlives its configurations: what the front ends (terminal view, HTTP) work on. Control
 * thread only.
 */
#ifndef VIONET_TOOLS_GENERATOR_H
#define VIONET_TOOLS_GENERATOR_H

#include "tools/pktgen/engine/engine.h"
#include "tools/pktgen/model/traffic.h"
#include "tools/pktgen/monitor/captures.h"
#include "tools/pktgen/monitor/monitor.h"

struct generator {
	const struct engine_options *options;
	struct traffic *traffic; /* NULL: no configuration yet */
	bool ending;		 /* nothing is to be changed any more */
	bool own_traffic;	 /* made here, and freed here */
	struct engine *engine;	 /* NULL: none, or it has no ports */
	struct captures *captures; /* NULL: the configuration has none */
	struct monitor monitor;
	int code; /* the first failure of an engine */
};

/* May flows be started, changed, replaced? Says what is wrong. Of a run that the command line has begun only
 * rates and transmit states may be changed (`whole` false). */
bool generator_may_change(const struct generator *generator, bool whole);

/* Another configuration, all flows stopped: the ports stay open if they are the same. `traffic` was
 * allocated, and is the generator's now, or freed if it is refused; then there may be none
 * left. Returns an exit code. */
int generator_configure(struct generator *generator, struct traffic *traffic);

/* The same for other flows only: captures go on, where the ports stay open. */
int generator_change(struct generator *generator, struct traffic *traffic);

/* Take over what the command line made; the caller keeps `traffic`. */
void generator_adopt(struct generator *generator, struct traffic *traffic,
		     struct engine *engine);

/* Its engine has failed: it is closed, the configuration is over. Says so. */
void generator_fail(struct generator *generator);

/* The rate of a flow, whatever it is doing: in the engine and in the configuration. Returns an exit code. */
int generator_set_rate(struct generator *generator, uint32_t flow, const struct rate *rate);

/* Close the engine, forget the configuration. Returns the exit code of it all. */
int generator_close(struct generator *generator);

/* Number of a flow or port by name; -1. */
int generator_find_flow(const struct generator *generator, const char *name);
int generator_find_port(const struct generator *generator, const char *name);

#endif
