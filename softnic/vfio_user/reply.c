/* SPDX-License-Identifier: BSD-3-Clause */
/* Replies to requests. A driver that does not read its replies is hung up on. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "softnic/clock.h"
#include "softnic/vfio_user/server.h"

#define REPLY_WAIT_NS 1000000000ull

/* Wait until there is room in the socket, up to `end` (0: set it). */
static bool reply_room_comes(int fd, uint64_t *end)
{
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	uint64_t time = clock_now();

	if (*end == 0)
		*end = time + REPLY_WAIT_NS;
	return time < *end && poll(&wait, 1, (int)((*end - time) / 1000000) + 1) == 1;
}

/* Send all, or give the driver up: it has a second to read an answer. */
static bool reply_send_all(struct device *device, struct msghdr *message)
{
	struct server *server = device->server;
	uint64_t end = 0;

	for (;;) {
		ssize_t sent = sendmsg(server->fd, message,
				       MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN && reply_room_comes(server->fd, &end))
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

static void reply_attach_fds(struct msghdr *message, void *control, const int *fds,
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

static bool reply_send(struct device *device, struct message *header,
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
	reply_attach_fds(&message, &control, fds, fd_count);
	return reply_send_all(device, &message);
}

bool reply(struct device *device, const struct request *request,
	   const void *data, size_t size, const int *fds, unsigned int fd_count)
{
	struct message header = { .id = request->header.id,
				  .command = request->header.command,
				  .flags = MESSAGE_REPLY };

	if (request->header.flags & MESSAGE_NO_REPLY)
		return true;
	return reply_send(device, &header, data, size, fds, fd_count);
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
	return reply_send(device, &header, NULL, 0, NULL, 0);
}
