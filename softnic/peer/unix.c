/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Another softnic as peer, over a UNIX socket: one message a frame. Who comes first
 * listens at the path, who comes second connects; if either goes, the other waits there
 * for the next.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "softnic/vfio_user/listen.h"
#include "softnic/peer/internal.h"
#include "softnic/text.h"

/* Messages that are looked at for one that is a frame; and meetings, where others come and
 * go meanwhile. */
#define TRIES 64u

struct wire {
	struct peer peer; /* its fd: an epoll of the two below */
	struct listener listener;
	int other;
	const char *path;
	bool kept;
	uint64_t truncated;
	struct element element;
	uint8_t room[PEER_FRAME_MAX];
	uint8_t bytes[PEER_FRAME_MAX];
};

static int unix_watch(struct wire *wire, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(wire->peer.fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* 0, or -errno: -ENOENT or -ECONNREFUSED where no process listens. */
static int unix_connect_to(struct wire *wire)
{
	int fd = connect_path(wire->path, SOCK_SEQPACKET);

	if (fd < 0)
		return fd;
	wire->other = fd;
	return unix_watch(wire, fd);
}

static int unix_listen_at(struct wire *wire)
{
	int result = listen_open(&wire->listener, wire->path, SOCK_SEQPACKET, 1);

	return result < 0 ? result : unix_watch(wire, wire->listener.fd);
}

/* Why the other one was not met. */
static const char *unix_reason(int error)
{
	if (error == -ENAMETOOLONG)
		return "the path is longer than a socket's may be (about 100 characters at most)";
	if (error == -EAGAIN)
		return "another softnic listens there and takes no connection: it has a "
		       "peer already, or was stopped";
	return strerror(-error);
}

static int unix_connect(struct wire *wire)
{
	int result = -EADDRINUSE;

	/* In use: a third one has begun to listen since nobody did. */
	for (unsigned int tried = 0; tried < TRIES && result == -EADDRINUSE; tried++) {
		result = unix_connect_to(wire);
		if (result == -ENOENT || result == -ECONNREFUSED)
			result = unix_listen_at(wire);
	}
	return result;
}

static void unix_disconnect(struct wire *wire)
{
	int result = 0;

	close(wire->other);
	wire->other = -1;
	if (wire->listener.fd < 0)
		result = unix_connect(wire);
	if (result < 0)
		peer_error(result, "unix: the other one is gone; %s: %s; frames are lost "
				   "from here on",
			   wire->path, unix_reason(result));
	else
		complain("peer unix: the other one is gone; %s %s", wire->path,
			 wire->other >= 0 ? "has another already" : "is waiting for the next");
}

static bool unix_is_connected(struct wire *wire)
{
	if (wire->other >= 0)
		return true;
	if (wire->listener.fd < 0)
		return false;
	wire->other = listen_accept(&wire->listener, "the other end of the wire");
	if (wire->other < 0)
		return false;
	if (unix_watch(wire, wire->other) < 0) {
		close(wire->other);
		wire->other = -1;
	}
	return wire->other >= 0;
}

static int wire_send(struct peer *peer, const struct frame *frame)
{
	struct wire *wire = (struct wire *)peer;
	const uint8_t *bytes = peer_linear(frame, wire->room);

	if (!bytes || !frame->length || !unix_is_connected(wire))
		return 0;
	if (send(wire->other, bytes, frame->length, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return 0;
	if (errno == EAGAIN)
		return peer->device->options->lossless ? -EAGAIN : 0;
	/* EFAULT: the driver has cut the file that its frame was in. */
	if (errno != EMSGSIZE && errno != ENOBUFS && errno != EFAULT && errno != EINTR)
		unix_disconnect(wire);
	return 0;
}

static ssize_t unix_next_message(struct wire *wire)
{
	struct iovec room = { wire->bytes, sizeof(wire->bytes) };
	struct msghdr message = { .msg_iov = &room, .msg_iovlen = 1 };
	ssize_t length;

	/* Not for ever: who sends nothing else would have the device to himself. */
	for (unsigned int tried = 0; tried < TRIES; tried++) {
		length = recvmsg(wire->other, &message, MSG_DONTWAIT);
		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (length <= 0) {
			unix_disconnect(wire);
			return 0;
		}
		if (!(message.msg_flags & MSG_TRUNC))
			return length;
		if (!wire->truncated++)
			peer_error(-EMSGSIZE, "unix: a message of more than %u bytes is "
				   "no frame; such are left out", PEER_FRAME_MAX);
	}
	return 0;
}

static int wire_receive(struct peer *peer, struct frame *frame)
{
	struct wire *wire = (struct wire *)peer;
	ssize_t length = wire->element.length;

	if (!wire->kept) {
		if (!unix_is_connected(wire))
			return 0;
		length = unix_next_message(wire);
	}
	wire->kept = false;
	if (!length)
		return 0;
	wire->element = (struct element){ wire->bytes, (uint32_t)length };
	peer_frame(frame, &wire->element);
	return 1;
}

static void wire_unreceive(struct peer *peer)
{
	((struct wire *)peer)->kept = peer->device->options->lossless;
}

static void wire_close(struct peer *peer)
{
	struct wire *wire = (struct wire *)peer;

	/* First, so that the other one, which takes over, does not meet this one again. */
	listen_close(&wire->listener, wire->path);
	if (wire->other >= 0)
		close(wire->other);
	if (peer->fd >= 0)
		close(peer->fd);
	free(wire);
}

static const struct peer_ops wire_ops = {
	.send = wire_send,
	.receive = wire_receive,
	.unreceive = wire_unreceive,
	.close = wire_close,
};

int peer_open_unix(const char *text, struct device *device, struct peer **peer)
{
	struct wire *wire;
	int result;

	wire = calloc(1, sizeof(*wire));
	if (!wire)
		return peer_error(-ENOMEM, "unix: no memory");
	wire->peer = (struct peer){ .ops = &wire_ops, .device = device };
	wire->listener.fd = wire->other = -1;
	wire->path = text;
	wire->peer.fd = epoll_create1(EPOLL_CLOEXEC);
	result = wire->peer.fd < 0 ? -errno : unix_connect(wire);
	if (result) {
		peer_error(result, "unix: %s: %s; give a path where a socket can be "
				   "made, or where another softnic listens",
			   text,
			   unix_reason(result));
		wire_close(&wire->peer);
		return result;
	}
	*peer = &wire->peer;
	return 0;
}
