/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/monitor/captures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/pktgen/capture/recorder.h"
#include "tools/shared/common.h"

/* Of each port. */
#define CAPTURES_BYTES (64u << 20)

struct capture_port {
	bool pcapng;
	struct recorder *recorder; /* NULL: it has none */
	struct engine_tap tap;
	bool enabled, started;
};

struct captures {
	struct engine_tap tap, next;
	struct capture_port *port;
	size_t ports;
};

/* The threads of the queues: frames that were received. */
static void captures_see(void *context, const struct engine_place *place, bool sent,
			 struct vionet_packet *const *packets, uint32_t count, uint64_t now_ns)
{
	const struct captures *captures = context;
	const struct capture_port *of = &captures->port[place->port];

	if (captures->next.see != NULL)
		captures->next.see(captures->next.context, place, sent, packets, count, now_ns);
	if (!sent && of->recorder != NULL)
		of->tap.see(of->tap.context, place, sent, packets, count, now_ns);
}

static void captures_took(void *context, const struct engine_place *place, uint32_t count)
{
	const struct captures *captures = context;

	if (captures->next.took != NULL)
		captures->next.took(captures->next.context, place, count);
}

static int captures_open_one(struct capture_port *of, const struct traffic_capture *from)
{
	const struct recorder_options options = {
		.memory = CAPTURES_BYTES,
		.filter = from->filter,
		.files = from->overwrite ? 2 : 1,
		.snaplen = from->packet_size,
	};
	int code;

	recorder_close(of->recorder); /* of several captures the last one has the port */
	code = recorder_open(&of->recorder, &options);
	if (code != CODE_OK)
		return code;
	of->pcapng = from->pcapng;
	of->tap = recorder_tap(of->recorder);
	return CODE_OK;
}

static int captures_open_all(struct captures *captures, const struct traffic *traffic)
{
	int code = CODE_OK;

	for (size_t i = 0; i < traffic->captures; i++) {
		const struct traffic_capture *from = &traffic->capture[i];

		for (size_t j = 0; code == CODE_OK && j < from->ports; j++)
			code = captures_open_one(&captures->port[from->port[j]], from);
	}
	return code;
}

int captures_open(struct captures **result, const struct traffic *traffic,
		  const struct engine_tap *next)
{
	struct captures *captures = calloc(1, sizeof(*captures));
	int code = CODE_OK;

	*result = captures;
	if (captures != NULL) {
		captures->ports = traffic->ports;
		captures->port = calloc(traffic->ports + 1, sizeof(*captures->port));
		captures->tap = (struct engine_tap){ .context = captures, .see = captures_see, .took = captures_took };
		captures->next = next != NULL ? *next : captures->next;
	}
	if (captures == NULL || captures->port == NULL) {
		say("no memory for captures");
		code = CODE_PERMISSION;
	}
	if (code == CODE_OK)
		code = captures_open_all(captures, traffic);
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
	for (size_t i = 0; code == CODE_OK && i < captures->ports; i++)
		if (captures->port[i].recorder != NULL)
			code = recorder_start(captures->port[i].recorder, interface, ports, (uint32_t)metrics->queues,
					      NULL, 0);
	return code;
}

void captures_close(struct captures *captures)
{
	if (captures == NULL)
		return;
	for (size_t i = 0; captures->port != NULL && i < captures->ports; i++)
		recorder_close(captures->port[i].recorder);
	free(captures->port);
	free(captures);
}

bool captures_enable(struct captures *captures, uint32_t port, bool on)
{
	struct capture_port *of = &captures->port[port];

	if (of->recorder == NULL)
		return false;
	recorder_enable(of->recorder, on);
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
	result = recorder_read(of->recorder, of->pcapng, fd);
	return result < 0 ? (int)result : 0;
}
