/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/test/device_path.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/packet/header_table.h"
#include "tools/shared/session.h"

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
	return device->options->names;
}

/* --- The traffic: a flow from each port ------------------------------------------ */

static bool path_set_field(struct traffic_header *header, const char *field, traffic_value value)
{
	int index = header_field_find((enum header_kind)header->kind, field);

	if (index < 0)
		return false;
	header->field[index].pattern = TRAFFIC_VALUE;
	header->field[index].start = value;
	return true;
}

static struct traffic_header *path_header(struct traffic_flow *flow, enum header_kind kind)
{
	return traffic_header_add(&flow->header, &flow->headers, kind, header_type(kind)->fields);
}

static traffic_value path_mac(const uint8_t mac[6])
{
	traffic_value value = 0;

	for (int i = 0; i < 6; i++)
		value = value << 8 | mac[i];
	return value;
}

/* Where the frames of port `from` are to go. */
static const uint8_t *path_destination(const struct device_path *device, uint32_t from)
{
	static const uint8_t unknown[6];
	const uint8_t *other = device->port[1 - from].mac;

	if (device->options->have_destination || device->options->names == 1 ||
	    memcmp(other, unknown, 6) == 0)
		return device->options->destination;
	return other;
}

/* Addresses of RFC 2544, C.2.6.2: 198.18/15; the discard port. */
static bool path_fill_headers(const struct device_path *device, struct traffic_flow *flow)
{
	uint32_t from = flow->tx_port;
	const uint32_t address[] = { 0xc6120001, 0xc6130001 };
	struct traffic_header *header = path_header(flow, HEADER_ETHERNET);

	if (header == NULL ||
	    !path_set_field(header, "dst", path_mac(path_destination(device, from))))
		return false;
	header = path_header(flow, HEADER_IPV4);
	if (header == NULL || !path_set_field(header, "src", address[from]) ||
	    !path_set_field(header, "dst", address[1 - from]))
		return false;
	header = path_header(flow, HEADER_UDP);
	return header != NULL && path_set_field(header, "src_port", 49152) &&
	       path_set_field(header, "dst_port", 9);
}

static bool path_fill_flow(const struct device_path *device, struct traffic_flow *flow,
			   uint32_t from)
{
	static const char *const names[] = { "forth", "back" };

	flow->name = strdup(names[from]);
	flow->tx_port = from;
	flow->rx_port = calloc(1, sizeof(*flow->rx_port));
	if (flow->name == NULL || flow->rx_port == NULL)
		return false;
	flow->rx_ports = 1;
	flow->rx_port[0] = device->options->names == 2 ? 1 - from : from;
	flow->size = (struct traffic_size){ .min = device->size, .max = device->size };
	flow->rate = (struct rate){ RATE_PPS, 1000 };
	flow->duration = (struct traffic_duration){ .frames = 1, .gap_bytes = 12 };
	flow->payload = TRAFFIC_PAYLOAD_NUMBERED;
	flow->track = flow->latency = true;
	return path_fill_headers(device, flow);
}

static bool path_fill_port(struct traffic_port *port, const char *location)
{
	port->name = strdup(location);
	port->location = strdup(location);
	return port->name != NULL && port->location != NULL;
}

static int path_make_traffic(const struct device_path *device, struct traffic *traffic)
{
	uint32_t count = path_flows(device);
	bool good;

	*traffic = (struct traffic){
		.port = calloc(count, sizeof(*traffic->port)),
		.flow = calloc(count, sizeof(*traffic->flow)),
	};
	good = traffic->port != NULL && traffic->flow != NULL;
	if (good)
		traffic->ports = traffic->flows = count;
	for (uint32_t i = 0; good && i < count; i++)
		good = path_fill_port(&traffic->port[i], device->options->name[i]) &&
		       path_fill_flow(device, &traffic->flow[i], i);
	if (good)
		return CODE_OK;
	traffic_free(traffic);
	say("no memory for the flows");
	return CODE_FAILED;
}

/* Flows with frames of that size. The old ones have to be there until the engine no longer
 * uses them. */
static int path_configure(struct device_path *device, uint32_t size)
{
	struct traffic old = device->traffic;
	int code;

	device->size = size;
	code = path_make_traffic(device, &device->traffic);
	if (code != CODE_OK) {
		device->traffic = old;
		return code;
	}
	code = engine_configure(device->engine, &device->traffic);
	if (code == CODE_OK) {
		traffic_free(&old);
		return code;
	}
	traffic_free(&device->traffic);
	device->traffic = old;
	return code;
}

/* --- Opening ---------------------------------------------------------------------- */

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
	return CODE_OK;
}

static uint32_t path_longest(const struct test_options *options)
{
	uint32_t longest = 0;

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

	return engine_open(&device->engine, &device->traffic, &engine);
}

static int path_run(struct trial_path *path, const struct trial_input *input, trial_watch *watch,
		    void *context, struct trial_output *output);

static double path_now(struct trial_path *path)
{
	(void)path;
	return (double)now_ns() / 1e9;
}

int device_path_open(struct device_path *device, const struct test_options *options)
{
	int code;

	*device = (struct device_path){
		.path = { path_run, path_now },
		.size = options->size[0] - TEST_FCS,
	};
	device->options = options;
	code = path_make_traffic(device, &device->traffic);
	if (code != CODE_OK)
		return code;
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
	traffic_free(&device->traffic);
	return code;
}

uint32_t device_path_size_max(const struct device_path *device)
{
	uint32_t mtu = UINT32_MAX;

	for (uint32_t i = 0; i < device->options->names; i++) {
		uint32_t own = device->port[i].mtu != 0 ? device->port[i].mtu : PATH_MTU_USUAL;

		mtu = own < mtu ? own : mtu;
	}
	return mtu + 14 + TEST_FCS;
}

double device_path_line(const struct device_path *device, uint32_t size)
{
	uint32_t mbit = UINT32_MAX;

	for (uint32_t i = 0; i < device->options->names; i++)
		if (device->port[i].link_mbit < mbit)
			mbit = device->port[i].link_mbit;
	return mbit * 1e6 / (8.0 * (size + WIRE_BYTES));
}

/* --- A trial ------------------------------------------------------------------------ */

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

	if (device->options->names == 1 || !device->options->one_direction)
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
