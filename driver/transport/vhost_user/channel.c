/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/received.h"
#include "base/stream.h"
#include "driver/transport/vhost_user/channel.h"

const char *vn_vhost_user_name(uint32_t request)
{
	static const char *const names[] = {
		[VHOST_USER_GET_FEATURES] = "GET_FEATURES",
		[VHOST_USER_SET_FEATURES] = "SET_FEATURES",
		[VHOST_USER_SET_OWNER] = "SET_OWNER",
		[VHOST_USER_SET_MEM_TABLE] = "SET_MEM_TABLE",
		[VHOST_USER_SET_VRING_NUM] = "SET_VRING_NUM",
		[VHOST_USER_SET_VRING_ADDR] = "SET_VRING_ADDR",
		[VHOST_USER_SET_VRING_BASE] = "SET_VRING_BASE",
		[VHOST_USER_GET_VRING_BASE] = "GET_VRING_BASE",
		[VHOST_USER_SET_VRING_KICK] = "SET_VRING_KICK",
		[VHOST_USER_SET_VRING_CALL] = "SET_VRING_CALL",
		[VHOST_USER_SET_VRING_ERR] = "SET_VRING_ERR",
		[VHOST_USER_GET_PROTOCOL_FEATURES] = "GET_PROTOCOL_FEATURES",
		[VHOST_USER_SET_PROTOCOL_FEATURES] = "SET_PROTOCOL_FEATURES",
		[VHOST_USER_GET_QUEUE_NUM] = "GET_QUEUE_NUM",
		[VHOST_USER_SET_VRING_ENABLE] = "SET_VRING_ENABLE",
		[VHOST_USER_SET_BACKEND_REQ_FD] = "SET_BACKEND_REQ_FD",
		[VHOST_USER_GET_CONFIG] = "GET_CONFIG",
		[VHOST_USER_GET_INFLIGHT_FD] = "GET_INFLIGHT_FD",
		[VHOST_USER_SET_INFLIGHT_FD] = "SET_INFLIGHT_FD",
		[VHOST_USER_RESET_DEVICE] = "RESET_DEVICE",
		[VHOST_USER_GET_MAX_MEM_SLOTS] = "GET_MAX_MEM_SLOTS",
		[VHOST_USER_ADD_MEM_REG] = "ADD_MEM_REG",
		[VHOST_USER_REM_MEM_REG] = "REM_MEM_REG",
		[VHOST_USER_SET_STATUS] = "SET_STATUS",
		[VHOST_USER_GET_STATUS] = "GET_STATUS",
	};

	if (request < sizeof(names) / sizeof(names[0]) && names[request])
		return names[request];
	return "an unknown request";
}

/* ---- one message ---- */

_Static_assert(VN_VHOST_USER_FDS_MAX <= VN_STREAM_FDS_MAX, "descriptors of a message");

static int vhu_connection_error(int code)
{
	if (code == ETIMEDOUT || code == EINVAL)
		return vn_error_errno(code, "poll");
	if (code == EPIPE || code == ECONNRESET)
		return vn_error(ENOTCONN, "the back end has closed the connection");
	return vn_error_local(code, "the connection to the back end");
}

int vn_vhost_user_send(int fd, const struct vn_vhost_user_message *message,
		       uint64_t end)
{
	struct iovec part[2] = {
		{ (void *)(uintptr_t)&message->header, sizeof(message->header) },
		{ (void *)(uintptr_t)&message->payload, message->header.size },
	};
	int result;

	if (message->header.size > sizeof(message->payload) ||
	    message->fd_count > VN_VHOST_USER_FDS_MAX)
		return vn_error(EINVAL, "a message of %u bytes and %u descriptors is "
				"too long", message->header.size,
				message->fd_count);
	result = vn_stream_send(fd, part, 2, message->fd, message->fd_count, end);
	return result ? vhu_connection_error(-result) : 0;
}

void vn_vhost_user_drop_fds(struct vn_vhost_user_message *message)
{
	for (unsigned int i = 0; i < message->fd_count; i++)
		vn_received_close(message->fd[i]);
	message->fd_count = 0;
}

/* What is there now: so many bytes, 0: nothing yet. */
static ssize_t vhu_receive_now(int fd, void *to, size_t size,
			       struct vn_vhost_user_message *message, int room)
{
	struct vn_stream_fds fds = { message->fd, (unsigned int)room, message->fd_count };
	ssize_t got = vn_stream_receive(fd, to, size, room < 0 ? NULL : &fds);

	message->fd_count = fds.count;
	switch (got) {
	case -E2BIG:
		return vn_error(EIO, "the back end sends more than %d descriptors", room);
	case -EMFILE:
	case -ENFILE:
		return got; /* has its text */
	default:
		return got < 0 ? vhu_connection_error((int)-got) : got;
	}
}

static int vhu_check_header(const struct vhost_user_header *header)
{
	if ((header->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION)
		return vn_error(EIO, "the back end speaks version %u of the "
				"protocol; 1 is known",
				header->flags & VHOST_USER_VERSION_MASK);
	if (header->size > sizeof(union vhost_user_payload))
		return vn_error(EIO, "the back end announces a message of %u bytes; "
				"none is longer than %zu", header->size,
				sizeof(union vhost_user_payload));
	return 0;
}

int vn_vhost_user_receive_some(int fd, struct vn_vhost_user_message *message,
			       int room, size_t *have)
{
	const size_t head = sizeof(message->header);
	ssize_t got;

	if (*have == 0)
		memset(message, 0, sizeof(*message));
	for (;;) {
		bool in_header = *have < head;
		size_t at = in_header ? *have : *have - head;
		size_t size = in_header ? head : message->header.size;
		uint8_t *to = in_header ? (uint8_t *)&message->header :
					  (uint8_t *)&message->payload;

		if (!in_header && at == size)
			return 1;
		got = vhu_receive_now(fd, to + at, size - at, message, room);
		if (got > 0)
			*have += (size_t)got;
		if (got > 0 && *have == head && vhu_check_header(&message->header))
			got = -EIO;
		if (got <= 0)
			break;
	}
	if (got < 0) {
		vn_vhost_user_drop_fds(message);
		*have = 0;
	}
	return (int)got;
}

int vn_vhost_user_receive(int fd, struct vn_vhost_user_message *message,
			  unsigned int room, uint64_t end)
{
	size_t have = 0;
	int result;

	while ((result = vn_vhost_user_receive_some(fd, message, (int)room, &have)) == 0) {
		result = vn_stream_wait(fd, POLLIN, end);
		if (result) {
			vn_vhost_user_drop_fds(message);
			return vn_error_errno(-result, "poll");
		}
	}
	return result < 0 ? result : 0;
}

/* ---- connecting ---- */

int vn_vhost_user_accept(int listening, uint64_t end, int *fd)
{
	for (;;) {
		int result;

		*fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (*fd >= 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			return vn_error_local(errno, "accept");
		result = vn_stream_wait(listening, POLLIN, end);
		if (result == -ETIMEDOUT)
			return vn_error(ENXIO, "no back end has connected in time; "
					"start one that connects, such as "
					"dpdk-testpmd with client=1");
		if (result)
			return vn_error_errno(-result, "poll");
	}
}
