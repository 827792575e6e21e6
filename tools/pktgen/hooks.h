/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Replay, capture and answers of a run: their options, and their life around the engine's. Calls in the order
 * in which they are here; each says what is wrong and returns an exit code. Control thread.
 */
#ifndef VIONET_TOOLS_PKTGEN_HOOKS_H
#define VIONET_TOOLS_PKTGEN_HOOKS_H

#include <argp.h>

#include "tools/pktgen/capture/recorder_options.h"
#include "tools/pktgen/replay/replay_options.h"
#include "tools/pktgen/respond/responder_options.h"

struct engine;
struct engine_metrics;
struct engine_options;

/* A flow that sends a capture. */
struct hooks_replay {
	uint32_t flow;
	const struct traffic_flow *of;
	struct replay *replay;
};

struct hooks {
	/* Options. */
	struct replay_arguments replay;
	struct recorder_options capture;
	struct responder_options respond;
	/* What is made of them; NULL: not asked for. */
	struct hooks_replay *replays; /* of the flows that have one */
	size_t replay_count;
	struct engine_source *source; /* of each */
	struct recorder *recorder;
	struct responder *responder;
	struct engine_tap tap;
	struct engine_responder answers;
	bool started;
};

/* All their options. Its input is a struct hooks, zero-filled. */
extern const struct argp hooks_argp;

/* The frame of --template; *bytes NULL: there is no such option. The caller frees. */
int hooks_template(const struct hooks *hooks, uint8_t **bytes, uint32_t *size);

/* Open files, before any device is: those that flows replay too. */
int hooks_open(struct hooks *hooks, const struct traffic *traffic);
void hooks_fill(struct hooks *hooks, struct engine_options *options);
/* Between engine_open and engine_launch. */
int hooks_start(struct hooks *hooks, struct engine *engine);
/* After engine_launch: find the gateway. *found: it was, and engine_configure is to be called. */
int hooks_resolve(struct hooks *hooks, struct engine *engine, bool *found);
/* Now and then. */
int hooks_check(struct hooks *hooks);
/* When the engine's threads have ended; `warmup`: frames of each flow that it did not count. */
int hooks_finish(struct hooks *hooks, const struct engine_metrics *metrics, uint64_t warmup);
/* Lines of the summary, to standard output. */
void hooks_print_text(const struct hooks *hooks);
void hooks_close(struct hooks *hooks);

#endif
