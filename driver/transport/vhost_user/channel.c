/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/socket.h"
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

/* Wait until the socket can be used. A peer that has hung up counts as usable:
 * the system call that follows says so. */
static int vhu_wait_for(int fd, short event, uint64_t end)
{
	struct pollfd waiting = { .fd = fd, .events = event };
	uint64_t now = vn_now();
	struct timespec left = { 0 };
	int ready;

	if (now < end) {
		left.tv_sec = (time_t)((end - now) / (1000 * VN_MS));
		left.tv_nsec = (long)((end - now) % (1000 * VN_MS));
	}
	ready = ppoll(&waiting, 1, &left, NULL);
	if (ready < 0 && errno != EINTR)
		return vn_error_errno(errno, "poll");
	if (ready <= 0 && vn_now() >= end)
		return vn_error(ETIMEDOUT, "no answer in time");
	return 0;
}

static int vhu_connection_error(int code)
{
	if (code == EPIPE || code == ECONNRESET)
		return vn_error(ENOTCONN, "the back end has closed the connection");
	return vn_error_local(code, "the connection to the back end");
}

/* Descriptors go with the first byte. */
static void vhu_attach(struct msghdr *m, void *control,
		       const struct vn_vhost_user_message *message)
{
	size_t size = message->fd_count * sizeof(int);
	struct cmsghdr *c;

	if (message->fd_count == 0)
		return;
	m->msg_control = control;
	m->msg_controllen = CMSG_SPACE(size);
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), message->fd, size);
}

/* Leave `sent` bytes of the two parts behind. */
static void vhu_advance(struct iovec part[2], size_t sent)
{
	for (unsigned int i = 0; i < 2; i++) {
		size_t step = sent < part[i].iov_len ? sent : part[i].iov_len;

		part[i].iov_base = (uint8_t *)part[i].iov_base + step;
		part[i].iov_len -= step;
		sent -= step;
	}
}

int vn_vhost_user_send(int fd, const struct vn_vhost_user_message *message,
		       uint64_t end)
{
	_Alignas(struct cmsghdr) uint8_t
		control[CMSG_SPACE(VN_VHOST_USER_FDS_MAX * sizeof(int))] = { 0 };
	struct iovec part[2] = {
		{ (void *)(uintptr_t)&message->header, sizeof(message->header) },
		{ (void *)(uintptr_t)&message->payload, message->header.size },
	};
	struct msghdr m = { .msg_iov = part, .msg_iovlen = 2 };
	int result;

	if (message->header.size > sizeof(message->payload) ||
	    message->fd_count > VN_VHOST_USER_FDS_MAX)
		return vn_error(EINVAL, "a message of %u bytes and %u descriptors is "
				"too long", message->header.size,
				message->fd_count);
	vhu_attach(&m, control, message);
	while (part[0].iov_len + part[1].iov_len != 0) {
		ssize_t sent = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent >= 0) {
			vhu_advance(part, (size_t)sent);
			m.msg_control = NULL;
			m.msg_controllen = 0;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return vhu_connection_error(errno);
		result = vhu_wait_for(fd, POLLOUT, end);
		if (result)
			return result;
	}
	return 0;
}

void vn_vhost_user_drop_fds(struct vn_vhost_user_message *message)
{
	for (unsigned int i = 0; i < message->fd_count; i++)
		close(message->fd[i]);
	message->fd_count = 0;
}

/* Take what came beside the bytes: all that has arrived is ours to close. */
static int vhu_collect(struct msghdr *m, struct vn_vhost_user_message *message)
{
	size_t arrived = 0;
	int result = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		arrived += count;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (message->fd_count < VN_VHOST_USER_FDS_MAX) {
				message->fd[message->fd_count++] = fd;
			} else {
				close(fd);
				result = -EIO;
			}
		}
	}
	if ((m->msg_flags & MSG_CTRUNC) && arrived < VN_VHOST_USER_FDS_MAX)
		return vn_socket_cut_off();
	if (result || (m->msg_flags & MSG_CTRUNC))
		return vn_error(EIO, "the back end sends more than %u descriptors",
				VN_VHOST_USER_FDS_MAX);
	return 0;
}

/* What is there now: so many bytes, 0: nothing yet. */
static ssize_t vhu_receive_now(int fd, void *to, size_t size,
			       struct vn_vhost_user_message *message)
{
	_Alignas(struct cmsghdr) uint8_t
		control[CMSG_SPACE(VN_VHOST_USER_FDS_MAX * sizeof(int))];
	struct iovec part = { to, size };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int result;

	if (got == 0)
		return vhu_connection_error(EPIPE);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ?
			       0 : vhu_connection_error(errno);
	result = vhu_collect(&m, message);
	return result ? result : got;
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
			       size_t *have)
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
		got = vhu_receive_now(fd, to + at, size - at, message);
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
			  uint64_t end)
{
	size_t have = 0;
	int result;

	while ((result = vn_vhost_user_receive_some(fd, message, &have)) == 0) {
		result = vhu_wait_for(fd, POLLIN, end);
		if (result) {
			vn_vhost_user_drop_fds(message);
			return result;
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
		result = vhu_wait_for(listening, POLLIN, end);
		if (result == -ETIMEDOUT)
			return vn_error(ENXIO, "no back end has connected in time; "
					"start one that connects, such as "
					"dpdk-testpmd with client=1");
		if (result)
			return result;
	}
}
