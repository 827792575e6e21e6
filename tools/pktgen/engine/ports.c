/* SPDX-License-Identifier: BSD-3-Clause */
/* The engine's devices. */
#include "tools/pktgen/engine/state.h"

#include <stdlib.h>
#include <string.h>

#define BUFFER_DEFAULT 1984U
#define COLOUR 128U /* two lines, which the cache fetches together */
#define COLOURS_MAX 16U
#define TAGS 22U /* Ethernet, and two tags */

int engine_fail(struct engine *engine, int code)
{
	if (engine->code == CODE_OK)
		engine->code = code;
	return engine->code;
}

static uint32_t ports_largest(const struct traffic_size *size)
{
	uint32_t largest = size->min > size->max ? size->min : size->max;

	for (size_t i = 0; i < size->weight_count; i++)
		if (size->weight[i].size > largest)
			largest = size->weight[i].size;
	return largest;
}

uint32_t ports_mtu(const struct port *port)
{
	const struct settings *settings = &port->device.settings;

	return settings->have[SETTING_MTU] ? settings->mtu : port->info.mtu != 0 ? port->info.mtu
										 : 1500;
}

uint32_t engine_mtu(const struct engine *engine, uint32_t port)
{
	return ports_mtu(&engine->port[port]);
}

/* What the transmit buffers have to hold. */
static uint32_t ports_frame_max(const struct engine *engine, uint32_t port)
{
	const struct traffic *traffic = engine->traffic;
	uint32_t largest = engine->options.frame_max;

	for (size_t i = 0; i < traffic->flows; i++) {
		uint32_t size = ports_largest(&traffic->flow[i].size);

		if (traffic->flow[i].tx_port == port && size > largest)
			largest = size;
	}
	for (size_t i = 0; i < engine->options.sources; i++) {
		uint32_t longest = engine_mtu(engine, port) + TAGS;
		uint32_t size = engine->options.source[i].size_max;

		size = size > longest ? longest : size;
		if (size > largest)
			largest = size;
	}
	return largest;
}

/*
 * Buffers lie half a page apart: frames that all began at the same place of theirs would share a
 * few sets of the cache. They begin at different places, as far as there is room.
 */
static uint32_t ports_colours(uint32_t room)
{
	uint32_t colours = COLOURS_MAX;

	while (colours * COLOUR > room + COLOUR)
		colours /= 2;
	return (colours - 1) * COLOUR;
}

static void ports_use_buffers(const struct engine *engine, struct port *port, uint32_t largest)
{
	uint32_t size = vionet_pool_buffer_size(vionet_queue_pool(port->session.tx));

	if ((engine->options.other_sizes || engine->options.responder != NULL) &&
	    largest < ports_mtu(port) + TAGS)
		largest = ports_mtu(port) + TAGS;
	port->colours = largest < size ? ports_colours(size - largest) : 0;
	port->buffer_size = size - port->colours;
}

static int ports_start(struct engine *engine, uint32_t index)
{
	struct port *port = &engine->port[index];
	const struct engine_options *options = &engine->options;
	bool sends = !options->rx_only || options->responder != NULL;
	struct vionet_pool_options transmit = { .struct_size = sizeof(transmit),
						.access = VIONET_DEVICE_READS };
	struct vionet_start_options start = {
		.struct_size = sizeof(start),
		.flags = (options->mode == WAIT_POLL ? VIONET_START_NO_INTERRUPTS : 0) |
			 (sends ? 0 : VIONET_START_NO_TX_POOL),
		.rx_queue_size = options->queue_size,
		.tx_queue_size = options->queue_size,
		.queue_pairs = options->queues,
		.tx_pool_options = &transmit,
	};
	uint32_t largest = ports_frame_max(engine, index);

	if (sends && largest > BUFFER_DEFAULT)
		transmit.buffer_size = largest;
	if (session_start(&port->session, &start) != CODE_OK)
		return port->session.code;
	if (sends)
		ports_use_buffers(engine, port, largest);
	return CODE_OK;
}

/* What the device says, before and after the settings. */
static int ports_look(struct port *port)
{
	int result;

	port->info.struct_size = sizeof(port->info);
	result = vionet_device_info(port->session.device, &port->info);
	if (result == 0)
		return CODE_OK;
	say_error(result);
	return session_fail(&port->session, code_of_run(result));
}

static int ports_open_one(struct engine *engine, uint32_t index)
{
	struct port *port = &engine->port[index];
	int code;

	port->wanted = &engine->traffic->port[index];
	port->device = *engine->options.device;
	port->location = strdup(port->wanted->location);
	if (port->location == NULL) {
		say("no memory for a port");
		return CODE_FAILED;
	}
	port->device.name = port->location;
	port->device.fds_use = index;
	code = session_open(&port->session, &port->device, engine->options.command);
	if (code != CODE_OK)
		return code;
	port->open = true;
	if (ports_look(port) != CODE_OK || ports_start(engine, index) != CODE_OK ||
	    session_apply(&port->session) != CODE_OK || ports_look(port) != CODE_OK)
		return port->session.code;
	if (!port->info.link_up)
		say("%s: the link is down", port->session.name);
	return CODE_OK;
}

int ports_begin(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->ports; i++) {
		int code = ports_open_one(engine, i);

		if (code != CODE_OK)
			return engine_fail(engine, code);
	}
	return CODE_OK;
}

int ports_end(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->ports; i++) {
		struct port *port = &engine->port[i];

		if (port->open)
			engine_fail(engine, session_close(&port->session));
		port->open = false;
		free(port->location);
		port->location = NULL;
	}
	return engine->code;
}
