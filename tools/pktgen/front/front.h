/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who looks at a run and controls it while it runs: the terminal view and the HTTP interface, in one
 * loop with the engine. Each may have been left out of the build: then asking for it ends the program with a
 * sentence.
 */
#ifndef VIONET_TOOLS_FRONT_H
#define VIONET_TOOLS_FRONT_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "tools/pktgen/monitor/generator.h"

struct front_options {
	bool view;	    /* --view, and there is a terminal for it */
	const char *listen; /* --listen; NULL: not given */
	uint64_t phase_ns;  /* that a client may take for each part of a request; 0: API_PHASE_NS */
};

/* A child parser of those two options; its input is a struct front_options. */
extern const struct argp front_argp;

struct front;

/*
 * Open what was asked for. To be called with the generator filled (its options; traffic and engine if the
 * command line has made some) and before --sandbox. Without a terminal there is no view, and
 * front_has_view says so: plain lines are for that. Returns an exit code.
 */
int front_open(struct front **front, const struct front_options *options,
	       struct generator *generator);

/* Close it, the terminal as it was; then messages and the summary can be printed. NULL is allowed. */
void front_close(struct front *front);

/* With NULL: false. */
bool front_has_view(const struct front *front);

/*
 * In place of engine_poll: look after the engine, if there is one, and after all clients until `until_ns`, the
 * end of all sending, a stop signal or a failure. Returns an exit code. `front` NULL: engine_poll.
 */
int front_poll(struct front *front, struct generator *generator, uint64_t until_ns);

/* While the engine waits by itself (engine_options.idle): look after the clients, who may only look. */
void front_idle(struct front *front, struct generator *generator);

/* Without flows on the command line: serve until a stop signal, whatever clients make of the engine. Returns an
 * exit code. */
int front_serve(struct front *front, struct generator *generator);

#endif
