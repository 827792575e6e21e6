/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames the driver's messages and hands each to who serves it. Never blocks on a driver
 * that does not send the rest of its message. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "softnic/clock.h"
#include "softnic/vfio_user/server.h"

#define MESSAGES_A_POLL 64u
#define TURN_NS 10000000ull

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
	[CMD_DEVICE_FEATURE] = serve_feature,
	[CMD_STATE_READ] = serve_state_read,
	[CMD_STATE_WRITE] = serve_state_write,
};

static bool server_dispatch(struct device *device, const struct request *request)
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

static bool message_serve(struct device *device)
{
	struct server *server = device->server;
	struct request request = { .data = server->in + sizeof(struct message),
				   .size = server->have - sizeof(struct message),
				   .fds = server->fds,
				   .fd_count = server->fd_count };
	bool stays;

	memcpy(&request.header, server->in, sizeof(request.header));
	stays = server_dispatch(device, &request);
	if (stays)
		server_drop_message(server);
	return stays;
}

/* Descriptors that came along; those that there is no room for are closed by the kernel. What
 * is wrong with them, or NULL. */
static const char *message_take_fds(struct server *server, struct msghdr *message)
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
 * header is malformed. */
static size_t message_wanted(const struct server *server)
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
static int message_receive(struct device *device, size_t size)
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
	wrong = message_take_fds(server, &message);
	if (wrong != NULL) {
		server_hang_up(device, wrong);
		return -1;
	}
	return 1;
}

bool server_serve(struct device *device)
{
	struct server *server = device->server;
	uint64_t end = clock_now() + TURN_NS;
	unsigned int served = 0;

	/* Bounded, so that a driver that only sends does not stop its own queues; by whole
	 * messages, as nothing would show one that was received and not served. */
	while (served < MESSAGES_A_POLL) {
		size_t size = message_wanted(server);
		int result;

		if (size == 0) {
			server_hang_up(device, "a message has a header that makes no sense");
			return false;
		}
		if (server->have < size) {
			result = message_receive(device, size);
			if (result <= 0)
				return result == 0;
			continue;
		}
		if (!message_serve(device))
			return false;
		served++;
		/* Only here: between receiving and serving it would lose the message. */
		if (clock_now() >= end)
			break;
	}
	return true;
}
