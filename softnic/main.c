/* SPDX-License-Identifier: BSD-3-Clause */
/* The order in which the device comes and goes, its last words, and its exit status. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "softnic/command.h"
#include "softnic/check/report.h"
#include "softnic/check/verdict.h"
#include "softnic/loop.h"
#include "softnic/net/net.h"
#include "softnic/options.h"
#include "softnic/vfio_user/server.h"
#include "softnic/text.h"

static int main_open_trace(struct device *device)
{
	const char *path = device->options->trace;

	if (path == NULL)
		return 0;
	device->trace = open_output(path);
	if (device->trace != NULL) {
		/* To be followed, and whole if the device is killed. */
		setvbuf(device->trace, NULL, _IOLBF, 0);
		return 0;
	}
	complain("%s: %s", path, output_error(errno));
	return -EIO;
}

/* A trace that could not be written whole is no trace. */
static int main_close_trace(struct device *device)
{
	int result = 0;

	if (device->trace == NULL)
		return 0;
	if (ferror(device->trace))
		result = -EIO;
	if (fclose(device->trace) != 0 && result == 0)
		result = -errno;
	if (result < 0)
		complain("%s: %s", device->options->trace, strerror(-result));
	return result;
}

static void main_init(struct device *device)
{
	const struct options *options = device->options;

	device->offered = options->offer;
	device->mtu = options->mtu;
	device->queue_count = 2 * options->queue_pairs +
			      features_have(&options->offer, FT_CTRL_VQ);
	for (unsigned int i = 0; i < QUEUES_MAX; i++) {
		device->queue[i].device = device;
		device->queue[i].index = i;
	}
}

static void main_say_ready(const struct device *device)
{
	const struct options *options = device->options;

	if (options->transport->say_ready != NULL)
		options->transport->say_ready(device);
	else if (options->connect != NULL)
		printf("vionet-softnic: connecting to %s\n", options->connect);
	else
		printf("vionet-softnic: listening on %s\n", options->listen);
	fflush(stdout);
}

static void main_sum_up(const struct device *device)
{
	const struct server *server = device->server;

	printf("vionet-softnic: drivers %u, kicks %" PRIu64 ", interrupts %" PRIu64
	       ", violations %u, warnings %u, DMA faults %u\n",
	       server->sessions, server->kicks, server->interrupts.raised,
	       device->violations, device->warnings, device->faults);
	if (device->options->transport == &vhost_user_transport)
		printf("vionet-softnic: requests of the front end that were refused %u\n",
		       device->protocol_errors);
	net_command((struct device *)(uintptr_t)device, "totals", stdout);
	fflush(stdout);
}

/* With the parts that need each other open. */
static int main_serve(struct device *device, int signals)
{
	struct command_server *commands;
	const struct transport *transport = device->options->transport;
	int result = transport->open(device);

	if (result == 0)
		result = command_open(device, &commands);
	if (result == 0) {
		main_say_ready(device);
		result = loop_run(device, commands, signals);
		main_sum_up(device);
		command_close(commands);
	}
	transport->close(device);
	return result;
}

int main(int argc, char **argv)
{
	static struct options options;
	static struct device device;
	static struct server server;
	int result, signals;

	options_parse(argc, argv, &options);
	device.options = &options;
	device.server = &server;
	main_init(&device);
	signals = loop_signals();
	result = signals < 0 ? signals : main_open_trace(&device);
	if (result == 0)
		result = report_open(&device);
	if (result == 0)
		result = net_open(&device);
	if (result == 0) {
		result = main_serve(&device, signals);
		net_close(&device);
	}
	if (report_close(&device) < 0 && result == 0)
		result = -EIO;
	if (main_close_trace(&device) < 0 || result < 0)
		return 1;
	return verdict(&device);
}
