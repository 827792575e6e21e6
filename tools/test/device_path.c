/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/test/device_path.h"

#include <math.h>
#include <string.h>

#include "tools/shared/session.h"
#include "tools/test/flows.h"

/* How often a watched trial is looked at. */
#define PATH_LOOK_NS 1000000000ull
/* The engine wants to be called that often. */
#define PATH_POLL_NS 20000000ull
/* Frames of the port that only receives, so that a switch knows where it is. */
#define PATH_LEARNING 3
#define PATH_MTU_USUAL 1500

static struct device_path *path_of(struct trial_path *path)
{
	return (struct device_path *)path;
}

static uint32_t path_flows(const struct device_path *device)
{
	return (uint32_t)device->options->traffic.flows;
}

/* ---- The traffic ---- */

static int path_configure(struct device_path *device, uint32_t size)
{
	uint32_t old = device->size;
	int code;

	flows_set_size(device->options, size);
	code = engine_configure(device->engine, &device->options->traffic);
	if (code == CODE_OK)
		device->size = size;
	else
		flows_set_size(device->options, old);
	return code;
}

/* ---- Opening ---- */

static int path_look_at_ports(struct device_path *device)
{
	const struct engine_metrics *metrics = engine_metrics(device->engine);

	for (uint32_t i = 0; i < device->options->names; i++) {
		struct vionet_device_info info = { .struct_size = sizeof(info) };
		const struct session *session = engine_session(device->engine, i);
		int result = vionet_device_info(session->device, &info);

		if (result != 0) {
			say_error(result);
			return code_of_run(result);
		}
		memcpy(device->port[i].mac, info.mac, sizeof(info.mac));
		device->port[i].mtu = info.mtu;
		device->port[i].link_mbit = info.link_speed;
		device->port[i].rx_queue_size = metrics->port[i].rx_queue_size;
		device->port[i].tx_queue_size = metrics->port[i].tx_queue_size;
		if (!info.link_up)
			say("%s: the link is down", device->options->name[i]);
	}
	for (uint32_t i = 0; device->options->names == 2 && i < path_flows(device); i++)
		flows_set_destination(device->options, i, device->port[1 - i].mac);
	return CODE_OK;
}

static uint32_t path_longest(const struct test_options *options)
{
	uint32_t longest = options->mix_longest;

	for (unsigned int i = 0; i < options->sizes; i++)
		if (options->size[i] > longest)
			longest = options->size[i];
	return longest - TEST_FCS;
}

static int path_open_engine(struct device_path *device)
{
	const struct test_options *options = device->options;
	const struct engine_options engine = {
		.device = &options->device,
		.command = "test",
		.queues = options->queues,
		.queue_size = options->queue_size,
		.burst = 32,
		.frame_max = path_longest(options),
		.cpus = options->cpus,
		.mode = options->mode,
		.linger_ns = options->linger_ns,
		.have_linger = true,
		.stream = -1,
		.seed = now_ns(),
	};

	return engine_open(&device->engine, &options->traffic, &engine);
}

static int path_run(struct trial_path *path, const struct trial_input *input, trial_watch *watch,
		    void *context, struct trial_output *output);

static double path_now(struct trial_path *path)
{
	(void)path;
	return (double)now_ns() / 1e9;
}

int device_path_open(struct device_path *device, struct test_options *options)
{
	int code;

	*device = (struct device_path){
		.path = { path_run, path_now },
		.size = options->size[0] - TEST_FCS,
	};
	device->options = options;
	flows_set_size(options, device->size);
	code = path_open_engine(device);
	if (code == CODE_OK)
		code = path_look_at_ports(device);
	if (code == CODE_OK)
		code = engine_launch(device->engine);
	/* Now that the addresses are known. */
	if (code == CODE_OK)
		code = path_configure(device, device->size);
	if (code != CODE_OK)
		device_path_close(device);
	return code;
}

int device_path_close(struct device_path *device)
{
	int code = engine_close(device->engine);

	device->engine = NULL;
	return code;
}

uint32_t device_path_size_max(const struct device_path *device)
{
	uint32_t mtu = UINT32_MAX;

	for (uint32_t i = 0; i < device->options->names; i++) {
		uint32_t own = device->port[i].mtu != 0 ? device->port[i].mtu : PATH_MTU_USUAL;

		mtu = own < mtu ? own : mtu;
	}
	return mtu + 14 + 4 * flows_tags(device->options) + TEST_FCS;
}

double device_path_line(const struct device_path *device, uint32_t size)
{
	uint32_t mbit = UINT32_MAX;

	for (uint32_t i = 0; i < device->options->names; i++)
		if (device->port[i].link_mbit < mbit)
			mbit = device->port[i].link_mbit;
	return mbit * 1e6 / (8.0 * (size + WIRE_BYTES));
}

/* ---- A trial ---- */

/* Flows that send: all, or the first one. */
static uint32_t path_senders(const struct device_path *device)
{
	return device->options->one_direction ? 1 : path_flows(device);
}

static struct rate path_rate(double load)
{
	if (load == 0)
		return (struct rate){ RATE_MAX, 0 };
	return (struct rate){ RATE_PPS, (uint64_t)fmax(1, round(load * 1000)) };
}

static int path_poll(struct device_path *device, uint64_t until)
{
	uint64_t soon = now_ns() + PATH_POLL_NS;

	return engine_poll(device->engine, until < soon ? until : soon);
}

static int path_wait(struct device_path *device, uint64_t until)
{
	int code = CODE_OK;

	while (code == CODE_OK && now_ns() < until && stop_asked() == 0)
		code = path_poll(device, until);
	return code;
}

static int path_prepare(struct device_path *device, const struct trial_input *input)
{
	const struct traffic_duration duration = {
		.frames = input->frames,
		.time_ns = input->duration_ns,
		.gap_bytes = 12,
	};
	const struct rate rate = path_rate(input->load);
	int code = CODE_OK;

	if (input->size != device->size)
		code = path_configure(device, input->size);
	for (uint32_t i = 0; code == CODE_OK && i < path_senders(device); i++) {
		code = engine_set_rate(device->engine, i, &rate);
		if (code == CODE_OK)
			code = engine_set_duration(device->engine, i, &duration);
	}
	return code;
}

/* Until all is sent. */
static int path_send(struct device_path *device, const uint32_t *flow, size_t count)
{
	int code = engine_transmit(device->engine, flow, count, ENGINE_START);

	while (code == CODE_OK && engine_is_sending(device->engine) && stop_asked() == 0)
		code = path_poll(device, UINT64_MAX);
	return code;
}

/* A switch has to know where the port is that never sends. */
static int path_learn(struct device_path *device)
{
	const struct traffic_duration duration = { .frames = PATH_LEARNING, .gap_bytes = 12 };
	const struct rate rate = { RATE_MAX, 0 };
	const uint32_t flow = 1;
	int code;

	if (path_flows(device) < 2 || !device->options->one_direction)
		return CODE_OK;
	code = engine_set_rate(device->engine, flow, &rate);
	if (code == CODE_OK)
		code = engine_set_duration(device->engine, flow, &duration);
	return code == CODE_OK ? path_send(device, &flow, 1) : code;
}

/* Sums of the flows that send. */
static void path_collect(struct device_path *device, struct trial_output *output)
{
	const struct engine_metrics *metrics = engine_metrics(device->engine);
	uint64_t full = 0;
	double longest = 0;

	output->sent = output->received = output->lost = 0;
	memset(&device->latency, 0, sizeof(device->latency));
	for (uint32_t i = 0; i < path_senders(device); i++) {
		const struct engine_flow_metrics *flow = &metrics->flow[i];
		const struct histogram *latency =
			engine_flow_histogram(device->engine, i, ENGINE_LATENCY);

		output->sent += flow->tx.frames;
		output->received += flow->order.unique;
		output->lost += flow->order.lost;
		full += flow->full;
		if (flow->tx.frames > 1)
			longest = fmax(longest, (double)(flow->tx.last_ns - flow->tx.first_ns) /
							(double)(flow->tx.frames - 1));
		if (latency != NULL)
			histogram_join(&device->latency, latency);
	}
	output->offered = longest > 0 ? 1e9 / longest : 0;
	output->latency = &device->latency;
	output->slipped = full == 0 &&
			  (double)output->sent < (1 - TRIAL_SHORTFALL) * (double)output->intended;
}

/* As path_send, with looks at what has come so far. */
static int path_watch(struct device_path *device, const uint32_t *flow, size_t count,
		      trial_watch *watch, void *context, struct trial_output *output)
{
	uint64_t start = now_ns(), look = start + PATH_LOOK_NS;
	int code = engine_transmit(device->engine, flow, count, ENGINE_START);

	while (code == CODE_OK && engine_is_sending(device->engine) && stop_asked() == 0) {
		code = path_poll(device, look);
		if (code != CODE_OK || now_ns() < look)
			continue;
		path_collect(device, output);
		output->seconds = (double)(now_ns() - start) / 1e9;
		if (watch(context, output)) {
			device->ended = true;
			return engine_transmit(device->engine, flow, count, ENGINE_STOP);
		}
		look += PATH_LOOK_NS;
	}
	path_collect(device, output);
	output->seconds = (double)(now_ns() - start) / 1e9;
	return code;
}

static uint64_t path_intended(const struct device_path *device, const struct trial_input *input)
{
	uint64_t frames = input->frames;
	struct rate rate = path_rate(input->load);

	if (frames == 0)
		frames = (uint64_t)((long double)rate.milli * (long double)input->duration_ns /
				    1e12L);
	return frames * path_senders(device);
}

/* The user ended it. A part of a trial says nothing, but of one that was watched. */
static int path_stopped(struct device_path *device, bool watched)
{
	device->interrupted = true;
	if (watched)
		return CODE_OK;
	say("interrupted: the measurement is not complete");
	return CODE_FAILED;
}

static int path_run(struct trial_path *path, const struct trial_input *input, trial_watch *watch,
		    void *context, struct trial_output *output)
{
	static const uint32_t flows[] = { 0, 1 };
	struct device_path *device = path_of(path);
	uint64_t start = now_ns();
	int code = CODE_OK;

	if (device->tried)
		code = path_wait(device, start + device->options->pause_ns);
	device->tried = true;
	device->ended = false;
	if (code == CODE_OK)
		code = path_prepare(device, input);
	if (code == CODE_OK)
		code = path_learn(device);
	output->intended = path_intended(device, input);
	if (code == CODE_OK)
		code = watch != NULL ? path_watch(device, flows, path_senders(device), watch, context,
						  output)
				     : path_send(device, flows, path_senders(device));
	if (code == CODE_OK)
		code = engine_settle(device->engine, NULL);
	if (code != CODE_OK)
		return code;
	path_collect(device, output);
	/* As fast as it can, or not to its end: what was sent is what was intended. */
	if ((input->load == 0 && input->frames == 0) || device->ended || stop_asked() > 0)
		output->intended = output->sent;
	output->seconds = (double)(now_ns() - start) / 1e9;
	return stop_asked() > 0 ? path_stopped(device, watch != NULL) : CODE_OK;
}
