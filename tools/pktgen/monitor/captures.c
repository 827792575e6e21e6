/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/monitor/captures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/capture/recorder.h"
#include "tools/shared/common.h"

/* Of each capture of a configuration. */
#define CAPTURES_BYTES (64u << 20)

struct capture {
	const struct traffic_capture *options;
	struct recorder *recorder;
	struct engine_tap tap;
};

/* Of a port: which capture it belongs to. */
struct capture_port {
	struct capture *capture; /* NULL: none */
	bool enabled, started;
};

struct captures {
	const struct traffic *traffic;
	struct engine_tap tap, next;
	struct capture *capture;
	struct capture_port *port;
	size_t captures, ports;
};

/* The threads of the queues: frames that were received. */
static void captures_see(void *context, const struct engine_place *place, bool sent,
			 struct vionet_packet *const *packets, uint32_t count, uint64_t now_ns)
{
	const struct captures *captures = context;
	const struct capture *capture = captures->port[place->port].capture;

	if (captures->next.see != NULL)
		captures->next.see(captures->next.context, place, sent, packets, count, now_ns);
	if (!sent && capture != NULL)
		capture->tap.see(capture->tap.context, place, sent, packets, count, now_ns);
}

static void captures_took(void *context, const struct engine_place *place, uint32_t count)
{
	const struct captures *captures = context;

	if (captures->next.took != NULL)
		captures->next.took(captures->next.context, place, count);
}

static int captures_open_one(struct captures *captures, size_t number)
{
	const struct traffic_capture *from = &captures->traffic->capture[number];
	struct capture *capture = &captures->capture[number];
	const struct recorder_options options = {
		.memory = CAPTURES_BYTES,
		.filter = from->filter,
		.files = from->overwrite ? 2 : 1,
		.snaplen = from->packet_size,
	};
	int code = recorder_open(&capture->recorder, &options);

	if (code != CODE_OK)
		return code;
	capture->options = from;
	capture->tap = recorder_tap(capture->recorder);
	for (size_t i = 0; i < from->ports; i++)
		captures->port[from->port[i]].capture = capture;
	return CODE_OK;
}

int captures_open(struct captures **result, const struct traffic *traffic,
		  const struct engine_tap *next)
{
	struct captures *captures = calloc(1, sizeof(*captures));
	int code = CODE_OK;

	*result = captures;
	if (captures != NULL) {
		captures->traffic = traffic;
		captures->captures = traffic->captures;
		captures->ports = traffic->ports;
		captures->capture = calloc(traffic->captures + 1, sizeof(*captures->capture));
		captures->port = calloc(traffic->ports + 1, sizeof(*captures->port));
		captures->tap = (struct engine_tap){ .context = captures, .see = captures_see, .took = captures_took };
		captures->next = next != NULL ? *next : captures->next;
	}
	if (captures == NULL || captures->capture == NULL || captures->port == NULL) {
		say("no memory for captures");
		code = CODE_PERMISSION;
	}
	for (size_t i = 0; code == CODE_OK && i < traffic->captures; i++)
		code = captures_open_one(captures, i);
	if (code != CODE_OK) {
		captures_close(captures);
		*result = NULL;
	}
	return code;
}

const struct engine_tap *captures_tap(const struct captures *captures)
{
	return &captures->tap;
}

int captures_begin(struct captures *captures, struct engine *engine)
{
	const struct engine_metrics *metrics = engine_metrics(engine);
	struct pcapng_interface interface[RECORDER_PORTS_MAX] = { 0 };
	uint32_t ports = metrics->ports < RECORDER_PORTS_MAX ? (uint32_t)metrics->ports : RECORDER_PORTS_MAX;
	int code = CODE_OK;

	for (uint32_t i = 0; i < ports; i++) {
		const struct engine_port_metrics *port = &metrics->port[i];

		snprintf(interface[i].name, sizeof(interface[i].name), "%s", port->name);
		snprintf(interface[i].description, sizeof(interface[i].description), "%s", port->location);
		memcpy(interface[i].mac, port->mac, sizeof(port->mac));
		interface[i].bits_per_second = (uint64_t)port->link_mbit * 1000000;
	}
	for (size_t i = 0; code == CODE_OK && i < captures->captures; i++)
		code = recorder_start(captures->capture[i].recorder, interface, ports,
				      (uint32_t)metrics->queues, NULL, 0);
	return code;
}

void captures_close(struct captures *captures)
{
	if (captures == NULL)
		return;
	for (size_t i = 0; captures->capture != NULL && i < captures->captures; i++) {
		if (captures->capture[i].recorder != NULL)
			recorder_stop(captures->capture[i].recorder);
		recorder_close(captures->capture[i].recorder);
	}
	free(captures->capture);
	free(captures->port);
	free(captures);
}

bool captures_enable(struct captures *captures, uint32_t port, bool on)
{
	struct capture_port *of = &captures->port[port];

	if (of->capture == NULL)
		return false;
	if (on && of->enabled)
		recorder_enable(of->capture->recorder, port, false);
	recorder_enable(of->capture->recorder, port, on);
	of->enabled = on;
	of->started = of->started || on;
	return true;
}

bool captures_is_enabled(const struct captures *captures, uint32_t port)
{
	return captures != NULL && captures->port[port].enabled;
}

int captures_read(struct captures *captures, uint32_t port, int fd)
{
	const struct capture_port *of = captures != NULL ? &captures->port[port] : NULL;
	int64_t result;

	if (of == NULL || !of->started)
		return -ENOENT;
	captures_enable(captures, port, false);
	result = recorder_read(of->capture->recorder, port, of->capture->options->pcapng, fd);
	return result < 0 ? (int)result : 0;
}
