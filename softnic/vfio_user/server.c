/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the listening socket, the connection of the one driver, and the framing of
 * its messages.
 * Never: blocks on a driver that does not send the rest of its message, or does not
 * read its answers.
 * Read next: wire.h, then server_device.c, server_access.c, server_memory.c.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "softnic/net/net.h"
#include "softnic/vfio_user/server.h"
#include "softnic/text.h"

#define REPLY_WAIT_NS 1000000000ull
#define MESSAGES_A_TURN 64u
#define TURN_NS 10000000ull
#define BACKLOG 4

/* ---- listening ---- */

int server_open(struct device *device)
{
	struct server *server = device->server;
	const char *path = device->options->listen;
	int result;

	server->fd = server->listener.fd = -1;
	interrupts_open(device);
	result = dma_open(device);
	if (result == 0)
		result = notify_open(device);
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
	device_reset(device, "start");
	return 0;
}

static void drop_message(struct server *server)
{
	for (unsigned int i = 0; i < server->fd_count; i++)
		if (server->fds[i] >= 0)
			close(server->fds[i]);
	server->fd_count = 0;
	server->have = 0;
}

/* The driver has gone: nothing of it stays. */
static void end_session(struct device *device)
{
	struct server *server = device->server;

	close(server->fd);
	server->fd = -1;
	drop_message(server);
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
	end_session(device);
}

void server_close(struct device *device)
{
	struct server *server = device->server;

	server_hang_up(device, NULL);
	listen_close(&server->listener, device->options->listen);
	notify_close(device);
	free(server->in);
}

void server_accept(struct device *device)
{
	struct server *server = device->server;
	int fd = listen_accept(&server->listener, "a driver"), result;

	if (fd < 0)
		return;
	if (server->fd >= 0) {
		/* One function, one driver: the second is told by the end of file. */
		close(fd);
		trace(device, "CONNECT refused: a driver is there");
		return;
	}
	/* The driver before may still hold its doorbells, and ring. */
	result = notify_renew(device);
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

/* ---- answers ---- */

/* Wait until there is room in the socket, up to `end` (0: set it). */
static bool room_comes(int fd, uint64_t *end)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	uint64_t time = net_now();

	if (*end == 0)
		*end = time + REPLY_WAIT_NS;
	return time < *end && poll(&wait, 1, (int)((*end - time) / 1000000) + 1) == 1;
}

/* Send all, or give the driver up: it has a second to read an answer. */
static bool send_all(struct device *device, struct msghdr *message)
{
	struct server *server = device->server;
	uint64_t end = 0;

	for (;;) {
		ssize_t sent = sendmsg(server->fd, message,
				       MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN && room_comes(server->fd, &end))
			continue;
		if (sent < 0) {
			server_hang_up(device, errno == EAGAIN
						       ? "it does not read its answers"
						       : NULL);
			return false;
		}
		message->msg_control = NULL;
		message->msg_controllen = 0;
		while (message->msg_iovlen > 0 &&
		       (size_t)sent >= message->msg_iov->iov_len) {
			sent -= (ssize_t)message->msg_iov->iov_len;
			message->msg_iov++;
			message->msg_iovlen--;
		}
		if (message->msg_iovlen == 0)
			return true;
		message->msg_iov->iov_base =
			(char *)message->msg_iov->iov_base + sent;
		message->msg_iov->iov_len -= (size_t)sent;
	}
}

static void attach_fds(struct msghdr *message, void *control, const int *fds,
		       unsigned int count)
{
	struct cmsghdr *header;

	if (count == 0)
		return;
	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(count * sizeof(int));
	header = CMSG_FIRSTHDR(message);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(header), fds, count * sizeof(int));
}

static bool answer(struct device *device, struct message *header,
		   const void *data, size_t size, const int *fds,
		   unsigned int fd_count)
{
	union {
		char bytes[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec parts[2] = { { header, sizeof(*header) },
				  { (void *)(uintptr_t)data, size } };
	struct msghdr message = { .msg_iov = parts,
				  .msg_iovlen = size ? 2 : 1 };

	header->size = (uint32_t)(sizeof(*header) + size);
	attach_fds(&message, &control, fds, fd_count);
	return send_all(device, &message);
}

bool reply(struct device *device, const struct request *request,
	   const void *data, size_t size, const int *fds, unsigned int fd_count)
{
	struct message header = { .id = request->header.id,
				  .command = request->header.command,
				  .flags = MESSAGE_REPLY };

	if (request->header.flags & MESSAGE_NO_REPLY)
		return true;
	return answer(device, &header, data, size, fds, fd_count);
}

bool reply_error(struct device *device, const struct request *request, int error)
{
	struct message header = { .id = request->header.id,
				  .command = request->header.command,
				  .flags = MESSAGE_REPLY | MESSAGE_ERROR,
				  .error = (uint32_t)error };

	trace(device, "ERROR command %u: %s", request->header.command,
	      strerror(error));
	if (request->header.flags & MESSAGE_NO_REPLY)
		return true;
	return answer(device, &header, NULL, 0, NULL, 0);
}

/* ---- requests ---- */

static bool (*const handlers[])(struct device *, const struct request *) = {
	[CMD_VERSION] = serve_version,
	[CMD_DMA_MAP] = serve_dma_map,
	[CMD_DMA_UNMAP] = serve_dma_unmap,
	[CMD_DEVICE_INFO] = serve_device_info,
	[CMD_REGION_INFO] = serve_region_info,
	[CMD_REGION_IO_FDS] = serve_io_fds,
	[CMD_IRQ_INFO] = serve_irq_info,
	[CMD_SET_IRQS] = serve_set_irqs,
	[CMD_REGION_READ] = serve_region_read,
	[CMD_REGION_WRITE] = serve_region_write,
	[CMD_DEVICE_RESET] = serve_reset,
	[CMD_REGION_WRITE_MULTI] = serve_write_multi,
};

static bool dispatch(struct device *device, const struct request *request)
{
	const size_t count = sizeof(handlers) / sizeof(handlers[0]);
	uint16_t command = request->header.command;

	if (command == CMD_VERSION ? device->server->negotiated
				   : !device->server->negotiated)
		return reply_error(device, request, EINVAL);
	if (command >= count || handlers[command] == NULL)
		return reply_error(device, request, ENOTSUP);
	return handlers[command](device, request);
}

static bool serve_message(struct device *device)
{
	struct server *server = device->server;
	struct request request = { .data = server->in + sizeof(struct message),
				   .size = server->have - sizeof(struct message),
				   .fds = server->fds,
				   .fd_count = server->fd_count };
	bool stays;

	memcpy(&request.header, server->in, sizeof(request.header));
	stays = dispatch(device, &request);
	if (stays)
		drop_message(server);
	return stays;
}

/* Descriptors that came along; those that there is no room for are closed by the kernel. What
 * is wrong with them, or NULL. */
static const char *take_fds(struct server *server, struct msghdr *message)
{
	size_t came = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL;
	     c = CMSG_NXTHDR(message, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);
		int fds[MESSAGE_FDS];

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds, CMSG_DATA(c), bytes);
		came += bytes / sizeof(int);
		for (size_t i = 0; i < bytes / sizeof(int); i++) {
			if (server->fd_count < MESSAGE_FDS)
				server->fds[server->fd_count++] = fds[i];
			else
				close(fds[i]);
		}
	}
	if (!(message->msg_flags & MSG_CTRUNC))
		return NULL;
	return came < MESSAGE_FDS ? "there are too many open files here for those that it "
				    "sent; allow more: ulimit -n"
				  : "it sent more than 16 file descriptors at once";
}

/* The size of the message that is coming: its header first, then what it says. 0: the
 * header is nonsense. */
static size_t wanted(const struct server *server)
{
	struct message header;

	if (server->have < sizeof(header))
		return sizeof(header);
	memcpy(&header, server->in, sizeof(header));
	if (header.size < sizeof(header) || header.size > MESSAGE_MAX ||
	    (header.flags & MESSAGE_TYPE) != 0)
		return 0;
	return header.size;
}

/* Read on. 1: something came, 0: nothing is there, -1: the driver has gone. */
static int receive(struct device *device, size_t size)
{
	struct server *server = device->server;
	union {
		char bytes[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = { server->in + server->have, size - server->have };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(server->fd, &message,
			      MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	const char *wrong;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		server_hang_up(device, server->have
					       ? "it ended in the middle of a message"
					       : NULL);
		return -1;
	}
	server->have += (size_t)got;
	wrong = take_fds(server, &message);
	if (wrong != NULL) {
		server_hang_up(device, wrong);
		return -1;
	}
	return 1;
}

bool server_serve(struct device *device)
{
	struct server *server = device->server;
	uint64_t end = net_now() + TURN_NS;
	unsigned int served = 0;

	/* Bounded, so that a driver that only sends does not stop its own queues; by whole
	 * messages, as nothing would tell of one that was received and not served. */
	while (served < MESSAGES_A_TURN && (served == 0 || net_now() < end)) {
		size_t size = wanted(server);
		int result;

		if (size == 0) {
			server_hang_up(device, "a message has a header that makes no sense");
			return false;
		}
		if (server->have < size) {
			result = receive(device, size);
			if (result <= 0)
				return result == 0;
			continue;
		}
		if (!serve_message(device))
			return false;
		served++;
	}
	return true;
}
