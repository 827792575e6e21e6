/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The socket, at which a front end connects or listens; its messages, one after the other;
 * the end. Never waits for a front end that does not send the rest, or take its reply.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "softnic/clock.h"
#include "softnic/text.h"
#include "softnic/vhost_user/internal.h"

#define BACKLOG 4
#define MESSAGES_A_POLL 64u
#define RETRY_NS 100000000ull

/* ---- life ---- */

static int vhost_session_open(struct device *device)
{
	struct server *server = device->server;
	const char *path = device->options->listen;
	struct vhost_user *v = calloc(1, sizeof(*v));
	int result;

	server->fd = server->listener.fd = -1;
	server->notify.page_fd = -1;
	if (v == NULL)
		return -ENOMEM;
	device->vhost_user = v;
	v->backend = -1;
	for (unsigned int i = 0; i < QUEUES_MAX; i++)
		v->vring[i].error = server->notify.event[i] = -1;
	interrupts_open(device);
	server->dma.master = true;
	result = dma_open(device, vhost_memory_changed, NULL);
	if (result == 0 && path != NULL)
		result = listen_open(&server->listener, path, SOCK_STREAM, BACKLOG);
	if (result < 0) {
		complain("%s: %s%s", path, strerror(-result),
			 result == -EADDRINUSE
				 ? ": another device listens there; choose another path"
				 : "");
		return result;
	}
	device_reset(device, "start");
	return 0;
}

static void vhost_drop_message(struct server *server)
{
	for (unsigned int i = 0; i < server->fd_count; i++)
		if (server->fds[i] >= 0)
			close(server->fds[i]);
	server->fd_count = 0;
	server->have = 0;
}

static void vhost_session_begin(struct device *device, int fd)
{
	struct server *server = device->server;

	server->fd = fd;
	server->sessions++;
	server->resets = 0;
	trace(device, "CONNECT");
}

/* The front end has gone: nothing of it stays. */
static void vhost_session_end(struct device *device)
{
	struct vhost_user *v = device->vhost_user;
	struct server *server = device->server;

	close(server->fd);
	server->fd = -1;
	vhost_drop_message(server);
	vhost_rings_forget(device, true);
	device_reset(device, "front end gone");
	interrupts_reset(device);
	vhost_memory_forget(device);
	if (v->backend >= 0)
		close(v->backend);
	v->backend = -1;
	v->protocol = 0;
	v->protocol_used = v->refused = false;
	v->connect_at = clock_now() + RETRY_NS;
	device->mtu = device->options->mtu;
	if (device->trace != NULL)
		fflush(device->trace);
}

static void vhost_hang_up(struct device *device, const char *why)
{
	if (device->server->fd < 0)
		return;
	if (why != NULL)
		complain("the front end is hung up on: %s", why);
	trace(device, "DISCONNECT %s", why ? why : "by the front end");
	vhost_session_end(device);
}

static void vhost_session_close(struct device *device)
{
	if (device->vhost_user == NULL)
		return;
	vhost_hang_up(device, NULL);
	if (device->options->listen != NULL)
		listen_close(&device->server->listener, device->options->listen);
	free(device->vhost_user);
	device->vhost_user = NULL;
}

static void vhost_accept(struct device *device)
{
	int fd = listen_accept(&device->server->listener, "a front end");

	if (fd < 0)
		return;
	if (device->server->fd < 0) {
		vhost_session_begin(device, fd);
		return;
	}
	/* One function, one driver: the second gets an end of file. */
	close(fd);
	trace(device, "CONNECT refused: a front end is there");
}

/* ---- the front end that listens ---- */

static void vhost_connect(struct device *device)
{
	struct vhost_user *v = device->vhost_user;
	const char *path = device->options->connect;
	int fd = connect_path(path, SOCK_STREAM);

	v->connect_at = clock_now() + RETRY_NS;
	if (fd >= 0) {
		v->connect_error = 0;
		vhost_session_begin(device, fd);
		return;
	}
	if (fd == v->connect_error)
		return;
	v->connect_error = fd;
	complain("%s: %s; trying again until a front end listens there", path, strerror(-fd));
}

static int64_t vhost_poll(struct device *device)
{
	if (device->server->fd >= 0)
		return vhost_rings_poll(device);
	if (device->options->connect == NULL)
		return -1;
	if (clock_now() >= device->vhost_user->connect_at)
		vhost_connect(device);
	return device->server->fd >= 0 ? 0 : (int64_t)RETRY_NS;
}

/* ---- sending ---- */

/* Replies are short and the socket holds many: one that does not fit was not read. */
static bool vhost_send(int fd, uint32_t request, uint32_t flags, const void *data, uint32_t size)
{
	struct vhost_header header = { request, HEADER_VERSION | flags, size };
	uint8_t out[sizeof(header) + sizeof(struct config_space)];

	memcpy(out, &header, sizeof(header));
	if (size > 0)
		memcpy(out + sizeof(header), data, size);
	return send(fd, out, sizeof(header) + size, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	       (ssize_t)(sizeof(header) + size);
}

/* A channel that is full has one of these already. */
static void vhost_interrupt_config(struct device *device)
{
	const struct vhost_user *v = device->vhost_user;

	if (v->backend < 0 || !vhost_has(device, PROTOCOL_CONFIG))
		return;
	trace(device, "INTERRUPT configuration");
	(void)vhost_send(v->backend, BACKEND_CONFIG_CHANGE_MSG, 0, NULL, 0);
}

/* ---- serving ---- */

static bool vhost_has_reply(uint32_t request)
{
	switch (request) {
	case REQUEST_GET_FEATURES:
	case REQUEST_GET_PROTOCOL_FEATURES:
	case REQUEST_GET_QUEUE_NUM:
	case REQUEST_GET_VRING_BASE:
	case REQUEST_GET_CONFIG:
	case REQUEST_GET_MAX_MEM_SLOTS:
	case REQUEST_GET_STATUS:
		return true;
	default:
		return false;
	}
}

/* What is refused and not acknowledged would leave the front end in a wrong belief. */
static bool vhost_answer(struct device *device, const struct vhost_call *call, int result)
{
	const uint64_t code = result < 0;
	bool own = vhost_has_reply(call->header.request);
	bool acked = !own && vhost_has(device, PROTOCOL_REPLY_ACK) &&
		     (call->header.flags & HEADER_NEED_REPLY);
	bool sent = true;

	if (result < 0 && !acked) {
		vhost_hang_up(device, "a request was refused that it does not want acknowledged");
		return false;
	}
	if (own)
		sent = vhost_send(device->server->fd, call->header.request, HEADER_REPLY,
				  call->reply, call->reply_size);
	else if (acked)
		sent = vhost_send(device->server->fd, call->header.request, HEADER_REPLY, &code,
				  sizeof(code));
	if (!sent)
		vhost_hang_up(device, "it does not read its replies");
	return sent;
}

static bool vhost_message(struct device *device)
{
	struct server *server = device->server;
	struct vhost_call call = { .data = device->vhost_user->in + sizeof(struct vhost_header),
				   .fds = server->fds,
				   .fd_count = server->fd_count };
	const char *name;
	bool stays;

	memcpy(&call.header, device->vhost_user->in, sizeof(call.header));
	name = vhost_request_name(call.header.request);
	trace(device, "REQUEST %u %s %u", call.header.request, name ? name : "unknown",
	      call.header.size);
	stays = vhost_answer(device, &call, vhost_serve(device, &call));
	if (stays)
		vhost_drop_message(server);
	return stays;
}

/* Descriptors that came along. False: there were too many. */
static bool vhost_take_fds(struct server *server, struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fds[MESSAGE_FDS];

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
		for (size_t i = 0; i < count; i++) {
			if (server->fd_count < MESSAGE_FDS)
				server->fds[server->fd_count++] = fds[i];
			else
				close(fds[i]);
		}
	}
	return (message->msg_flags & MSG_CTRUNC) == 0;
}

/* The size of the message that is coming: its header first, then what it says. 0: the
 * header is malformed. */
static size_t vhost_size(const struct device *device)
{
	struct vhost_header header;

	if (device->server->have < sizeof(header))
		return sizeof(header);
	memcpy(&header, device->vhost_user->in, sizeof(header));
	if ((header.flags & HEADER_VERSION_MASK) != HEADER_VERSION ||
	    (header.flags & HEADER_REPLY) || header.size > PAYLOAD_MAX)
		return 0;
	return sizeof(header) + header.size;
}

/* Read on. 1: something came, 0: nothing is there, -1: the front end has gone. */
static int vhost_receive(struct device *device, size_t size)
{
	struct server *server = device->server;
	union {
		char bytes[CMSG_SPACE(MESSAGE_FDS * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec part = { device->vhost_user->in + server->have, size - server->have };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(server->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got <= 0) {
		vhost_hang_up(device, server->have ? "it ended in the middle of a message" : NULL);
		return -1;
	}
	server->have += (size_t)got;
	if (vhost_take_fds(server, &message))
		return 1;
	vhost_hang_up(device, "it sent more than 16 file descriptors at once, or there are too "
			      "many open files here: ulimit -n");
	return -1;
}

static bool vhost_session_serve(struct device *device)
{
	unsigned int served = 0;

	/* Bounded, so that a front end that only sends does not stop its own rings; by whole
	 * messages, as nothing would show one that was received and not served. */
	while (served < MESSAGES_A_POLL) {
		size_t size = vhost_size(device);
		int result;

		if (size == 0) {
			device->protocol_errors++;
			vhost_hang_up(device, "a message has a header that makes no sense");
			return false;
		}
		if (device->server->have < size) {
			result = vhost_receive(device, size);
			if (result <= 0)
				return result == 0;
			continue;
		}
		if (!vhost_message(device))
			return false;
		served++;
	}
	return true;
}

const struct transport vhost_user_transport = {
	.name = "vhost-user",
	.open = vhost_session_open,
	.close = vhost_session_close,
	.accept = vhost_accept,
	.serve = vhost_session_serve,
	.hang_up = vhost_hang_up,
	.interrupt_config = vhost_interrupt_config,
	.poll = vhost_poll,
};
