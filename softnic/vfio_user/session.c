/* SPDX-License-Identifier: BSD-3-Clause */
/* The listening socket, and the coming and going of the one driver. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "softnic/vfio_user/server.h"
#include "softnic/text.h"

#define BACKLOG 4

int server_open(struct device *device)
{
	struct server *server = device->server;
	const char *path = device->options->listen;
	int result;

	server->fd = server->listener.fd = -1;
	interrupts_open(device);
	result = dma_open(device, queues_remap, NULL);
	if (result == 0)
		result = doorbells_open(device);
	if (result < 0)
		return result;
	server->in = malloc(MESSAGE_MAX);
	if (server->in == NULL)
		return -ENOMEM;
	result = listen_open(&server->listener, path, SOCK_STREAM, BACKLOG);
	if (result < 0) {
		complain("%s: %s%s", path, strerror(-result),
			 result == -EADDRINUSE
				 ? ": another device listens there; choose another path"
				 : "");
		return result;
	}
	pci_open(device);
	migration_reset(device);
	device_reset(device, "start");
	return 0;
}

void server_drop_message(struct server *server)
{
	for (unsigned int i = 0; i < server->fd_count; i++)
		if (server->fds[i] >= 0)
			close(server->fds[i]);
	server->fd_count = 0;
	server->have = 0;
}

/* The driver has gone: nothing of it stays. */
static void session_end(struct device *device)
{
	struct server *server = device->server;

	close(server->fd);
	server->fd = -1;
	server_drop_message(server);
	migration_reset(device);
	device_reset(device, "driver gone");
	interrupts_reset(device);
	dma_unmap_all(device);
	pci_open(device);
	if (device->trace != NULL)
		fflush(device->trace);
}

void server_hang_up(struct device *device, const char *why)
{
	if (device->server->fd < 0)
		return;
	if (why != NULL)
		complain("the driver is hung up on: %s", why);
	trace(device, "DISCONNECT %s", why ? why : "by the driver");
	session_end(device);
}

void server_close(struct device *device)
{
	struct server *server = device->server;

	server_hang_up(device, NULL);
	listen_close(&server->listener, device->options->listen);
	doorbells_close(device);
	free(server->in);
}

void server_accept(struct device *device)
{
	struct server *server = device->server;
	int fd = listen_accept(&server->listener, "a driver"), result;

	if (fd < 0)
		return;
	if (server->fd >= 0) {
		/* One function, one driver: the second gets an end of file. */
		close(fd);
		trace(device, "CONNECT refused: a driver is there");
		return;
	}
	/* The driver before may still hold its doorbells, and ring. */
	result = doorbells_renew(device);
	if (result < 0) {
		close(fd);
		complain("a driver is turned away: its doorbells: %s%s", strerror(-result),
			 result == -EMFILE ? "; allow more: ulimit -n" : "");
		return;
	}
	server->fd = fd;
	server->negotiated = false;
	server->driver_fds = 1;
	server->sessions++;
	server->resets = 0;
	trace(device, "CONNECT");
}
