/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/engine/engine.h"
#include "tools/pktgen/packet/parse.h"
#include "tools/pktgen/replay/settings.h"
#include "tools/shared/own_files.h"
#include "tools/shared/session.h"

#define HOOKS_POLL_NS 5000000u
#define HOOKS_TEXT 1024
#define HOOKS_PLACE 256

/* ---- options ---- */

static error_t hooks_parse(int key, char *argument, struct argp_state *state)
{
	struct hooks *hooks = state->input;

	(void)argument;
	if (key != ARGP_KEY_INIT)
		return ARGP_ERR_UNKNOWN;
	state->child_inputs[0] = &hooks->replay;
	state->child_inputs[1] = &hooks->respond;
	state->child_inputs[2] = &hooks->capture;
	return 0;
}

const struct argp hooks_argp = {
	.parser = hooks_parse,
	.children = (const struct argp_child[]){ { &replay_argp, 0, NULL, 0 },
						 { &responder_argp, 0, NULL, 0 },
						 { &recorder_argp, 0, NULL, 0 },
						 { 0 } },
};

/* ---- before a device is open ---- */

/* A file that is no capture is a wrong argument. */
static int hooks_code(int result)
{
	return result == -EACCES || result == -EPERM || result == -ENOMEM ? CODE_PERMISSION : CODE_USAGE;
}

int hooks_template(const struct hooks *hooks, uint8_t **bytes, uint32_t *size)
{
	const struct replay_arguments *arguments = &hooks->replay;
	struct savefile_error error;
	int result;

	*bytes = NULL;
	if (arguments->template_file == NULL)
		return CODE_OK;
	own_file_reads(arguments->template_file);
	result = replay_read_frame(arguments->template_file, arguments->template_frame, bytes, size, &error);
	if (result == 0)
		return CODE_OK;
	say("%s", error.text);
	return hooks_code(result);
}

static void hooks_say_replay(const struct replay_info *info)
{
	output_begin();
	fprintf(stderr, "replaying %s: %s, %ju interface%s, %ju frame%s, %ju bytes, %.9g s\n", clean(info->name),
		info->format, (uintmax_t)info->interfaces, plural(info->interfaces), (uintmax_t)info->frames,
		plural(info->frames), (uintmax_t)info->bytes, (double)info->duration_ns / 1e9);
	output_end();
}

/* Of a file of configuration it is said where it stands there. */
static int hooks_refuse_replay(const struct traffic *traffic, const struct traffic_flow *flow,
			       const struct savefile_error *error, int result)
{
	char place[HOOKS_PLACE];

	traffic_describe_place(traffic, flow, TRAFFIC_PART_REPLAY, place, sizeof(place));
	if (flow->place[TRAFFIC_PART_REPLAY].line == 0)
		say("%s", error->text);
	else
		say("%s: %s", place, error->text);
	return hooks_code(result);
}

static int hooks_open_replay(struct hooks *hooks, const struct traffic *traffic, uint32_t index)
{
	const struct traffic_flow *flow = &traffic->flow[index];
	struct hooks_replay *replay = &hooks->replays[hooks->replay_count];
	struct replay_options options;
	struct savefile_error error;
	int result;

	replay_options_of(&flow->replay, flow->rate.kind != RATE_MAX, &options);
	result = replay_open(&replay->replay, &options, &error);
	if (result != 0)
		return hooks_refuse_replay(traffic, flow, &error, result);
	replay->flow = index;
	replay->of = flow;
	hooks->source[hooks->replay_count++] = replay_source(replay->replay, index);
	hooks_say_replay(replay_info(replay->replay));
	return CODE_OK;
}

static int hooks_open_replays(struct hooks *hooks, const struct traffic *traffic)
{
	int code = CODE_OK;
	size_t count = 0;

	for (size_t i = 0; i < traffic->flows; i++)
		count += traffic->flow[i].replay.file != NULL;
	if (count == 0)
		return CODE_OK;
	hooks->replays = calloc(count, sizeof(*hooks->replays));
	hooks->source = calloc(count, sizeof(*hooks->source));
	if (hooks->replays == NULL || hooks->source == NULL) {
		say("%zu captures: no memory", count);
		return CODE_PERMISSION;
	}
	for (uint32_t i = 0; i < traffic->flows && code == CODE_OK; i++)
		if (traffic->flow[i].replay.file != NULL)
			code = hooks_open_replay(hooks, traffic, i);
	return code;
}

/* For the recorder's comments. */
static bool hooks_signature(const uint8_t *frame, uint32_t available, uint32_t total, uint32_t *track,
			    uint64_t *sequence)
{
	struct signature found;

	if (packet_signature(frame, available, total, &found) < 0)
		return false;
	*track = found.track;
	*sequence = found.sequence;
	return true;
}

static int hooks_open_all(struct hooks *hooks, const struct traffic *traffic)
{
	int code = hooks_open_replays(hooks, traffic);

	hooks->capture.signature = hooks_signature;
	if (code == CODE_OK && hooks->capture.path != NULL)
		code = recorder_open(&hooks->recorder, &hooks->capture);
	if (code != CODE_OK || !responder_is_wanted(&hooks->respond))
		return code;
	hooks->responder = responder_open(&hooks->respond, 0);
	if (hooks->responder != NULL)
		return CODE_OK;
	say("--respond: no memory");
	return CODE_PERMISSION;
}

int hooks_open(struct hooks *hooks, const struct traffic *traffic)
{
	int code = hooks_open_all(hooks, traffic);

	if (code != CODE_OK)
		hooks_close(hooks);
	return code;
}

void hooks_fill(struct hooks *hooks, struct engine_options *options)
{
	options->source = hooks->source;
	options->sources = hooks->replay_count;
	if (hooks->recorder != NULL) {
		hooks->tap = recorder_tap(hooks->recorder);
		options->tap = &hooks->tap;
	}
	if (hooks->responder != NULL) {
		hooks->answers = responder_hook(hooks->responder);
		options->responder = &hooks->answers;
	}
}

/* ---- when devices are open ---- */

static int hooks_set_port(struct hooks *hooks, struct engine *engine)
{
	struct session *session = engine_session(engine, 0);
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	int result = vionet_device_info(session->device, &info);

	if (result != 0) {
		say_error(result);
		return code_of_run(result);
	}
	responder_set_mac(hooks->responder, info.mac);
	return CODE_OK;
}

static void hooks_fill_interface(struct pcapng_interface *interface, const struct engine_port_metrics *port)
{
	*interface = (struct pcapng_interface){ .bits_per_second = port->link_mbit * 1000000ull };
	snprintf(interface->name, sizeof(interface->name), "%s", port->name);
	snprintf(interface->description, sizeof(interface->description), "%s", port->location);
	memcpy(interface->mac, port->mac, sizeof(interface->mac));
}

static int hooks_start_recorder(struct hooks *hooks, struct engine *engine)
{
	const struct engine_metrics *metrics = engine_metrics(engine);
	struct pcapng_interface interface[RECORDER_PORTS_MAX];
	struct recorder_flow flow[RECORDER_FLOWS_MAX];
	uint32_t ports = 0, flows = 0;

	for (; ports < metrics->ports && ports < RECORDER_PORTS_MAX; ports++)
		hooks_fill_interface(&interface[ports], &metrics->port[ports]);
	for (; flows < metrics->flows && flows < RECORDER_FLOWS_MAX; flows++)
		flow[flows] = (struct recorder_flow){ metrics->flow[flows].name, metrics->flow[flows].first_track,
						      (uint32_t)metrics->flow[flows].tracks };
	return recorder_start(hooks->recorder, interface, ports, (uint32_t)metrics->queues, flow, flows);
}

int hooks_start(struct hooks *hooks, struct engine *engine)
{
	int code = CODE_OK;

	for (size_t i = 0; i < hooks->replay_count; i++)
		replay_set_mtu(hooks->replays[i].replay, engine_mtu(engine, hooks->replays[i].of->tx_port));
	if (hooks->responder != NULL)
		code = hooks_set_port(hooks, engine);
	if (code == CODE_OK && hooks->recorder != NULL)
		code = hooks_start_recorder(hooks, engine);
	hooks->started = code == CODE_OK;
	return code;
}

static int hooks_gateway_is_silent(const struct hooks *hooks, struct engine *engine)
{
	char text[HOOKS_TEXT];

	responder_describe_silence(hooks->responder, text, sizeof(text));
	say("%s: %s", engine_session(engine, 0)->name, text);
	return CODE_FAILED;
}

int hooks_resolve(struct hooks *hooks, struct engine *engine, bool *found)
{
	enum responder_gateway state = RESPONDER_NO_GATEWAY;
	int code = CODE_OK;
	uint8_t mac[6];

	*found = false;
	if (hooks->responder == NULL)
		return CODE_OK;
	while (code == CODE_OK && stop_asked() == 0) {
		state = responder_gateway(hooks->responder, mac);
		if (state != RESPONDER_ASKING)
			break;
		code = engine_poll(engine, now_ns() + HOOKS_POLL_NS);
	}
	if (state == RESPONDER_SILENT)
		return hooks_gateway_is_silent(hooks, engine);
	if (state != RESPONDER_FOUND)
		return code;
	engine_set_gateway(engine, 0, mac);
	output_begin();
	fprintf(stderr, "gateway at %02x:%02x:%02x:%02x:%02x:%02x\n", mac[0], mac[1], mac[2], mac[3], mac[4],
		mac[5]);
	output_end();
	*found = true;
	return code;
}

/* ---- while it runs, and at the end ---- */

int hooks_check(struct hooks *hooks)
{
	return hooks->recorder != NULL ? recorder_check(hooks->recorder) : CODE_OK;
}

static uint64_t hooks_sent(const struct engine_metrics *metrics)
{
	uint64_t sent = 0;

	for (size_t i = 0; i < metrics->flows; i++)
		sent += metrics->flow[i].tx.frames;
	return sent;
}

static void hooks_say_none(const struct hooks_replay *of, uint64_t warmup)
{
	uint64_t frames = replay_counts(of->replay)->frames;

	if (warmup == 0 || frames == 0)
		say("%s: no frame was sent", of->of->replay.file);
	else
		say("%s: --warmup %ju, and %ju frame%s sent: none is counted; give fewer, or send "
		    "the file more often (--loop N)",
		    of->of->replay.file, (uintmax_t)warmup, (uintmax_t)frames,
		    frames == 1 ? " was" : "s were");
}

int hooks_finish(struct hooks *hooks, const struct engine_metrics *metrics, uint64_t warmup)
{
	int code = hooks->recorder != NULL ? recorder_stop(hooks->recorder) : CODE_OK;
	uint64_t sent = hooks_sent(metrics);
	bool failed = false;

	for (size_t i = 0; i < hooks->replay_count; i++) {
		struct replay *replay = hooks->replays[i].replay;
		const char *failure = replay_failure(replay);

		replay_settle(replay, metrics->flow[hooks->replays[i].flow].tx.frames + warmup);
		if (failure != NULL)
			say("%s", failure);
		failed |= failure != NULL;
	}
	if (!failed && hooks->replay_count > 0 && hooks->started && sent == 0) {
		hooks_say_none(&hooks->replays[0], warmup);
		failed = true;
	}
	return failed ? CODE_FAILED : code;
}

static void hooks_print_replay(const struct hooks_replay *of)
{
	const struct replay_counts *counts = replay_counts(of->replay);
	char text[HOOKS_TEXT];

	replay_describe(of->replay, text, sizeof(text));
	printf("replay    %s: %ju frame%s in %ju loop%s%s%s\n", clean(of->of->replay.file), (uintmax_t)counts->frames,
	       plural(counts->frames), (uintmax_t)counts->loops, plural(counts->loops),
	       text[0] != '\0' ? "; " : "", text);
}

static void hooks_print_answers(const struct hooks *hooks)
{
	uint64_t answered[ANSWER_KINDS];

	responder_counts(hooks->responder, answered);
	printf("answered  %s %ju, %s %ju, %s %ju, %s %ju\n", answer_names[ANSWER_ARP],
	       (uintmax_t)answered[ANSWER_ARP], answer_names[ANSWER_NEIGHBOUR],
	       (uintmax_t)answered[ANSWER_NEIGHBOUR], answer_names[ANSWER_PING4],
	       (uintmax_t)answered[ANSWER_PING4], answer_names[ANSWER_PING6], (uintmax_t)answered[ANSWER_PING6]);
}

void hooks_print_text(const struct hooks *hooks)
{
	char text[HOOKS_TEXT];

	for (size_t i = 0; i < hooks->replay_count; i++)
		hooks_print_replay(&hooks->replays[i]);
	if (hooks->recorder != NULL) {
		recorder_describe(hooks->recorder, text, sizeof(text));
		printf("capture   %s\n", clean(text));
	}
	if (hooks->responder != NULL)
		hooks_print_answers(hooks);
}

void hooks_close(struct hooks *hooks)
{
	for (size_t i = 0; i < hooks->replay_count; i++)
		replay_close(hooks->replays[i].replay);
	free(hooks->replays);
	free(hooks->source);
	recorder_close(hooks->recorder);
	responder_close(hooks->responder);
	hooks->replays = NULL;
	hooks->source = NULL;
	hooks->replay_count = 0;
	hooks->recorder = NULL;
	hooks->responder = NULL;
}
