/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/received.h"
#include "base/stream.h"

union stream_control {
	char room[CMSG_SPACE(VN_STREAM_FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

int vn_stream_wait(int socket, short event, uint64_t end)
{
	struct pollfd waiting = { .fd = socket, .events = event };
	uint64_t now = vn_now();
	struct timespec left;
	int ready;

	if (now >= end)
		return -ETIMEDOUT;
	left.tv_sec = (time_t)((end - now) / (1000 * VN_MS));
	left.tv_nsec = (long)((end - now) % (1000 * VN_MS));
	ready = ppoll(&waiting, 1, &left, NULL);
	if (ready < 0 && errno != EINTR)
		return -errno;
	/* Interrupted or not: the caller tries again, and then waits again. */
	return ready == 0 ? -ETIMEDOUT : 0;
}

/* ---- sending ---- */

static void stream_attach(struct msghdr *m, union stream_control *control,
			  const int *fds, unsigned int count)
{
	size_t size = count * sizeof(*fds);
	struct cmsghdr *c;

	memset(control, 0, sizeof(*control));
	m->msg_control = control;
	m->msg_controllen = CMSG_SPACE(size);
	c = CMSG_FIRSTHDR(m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(c), fds, size);
}

/* Step over what has been sent. */
static void stream_advance(struct msghdr *m, size_t sent)
{
	while (m->msg_iovlen != 0 && sent >= m->msg_iov->iov_len) {
		sent -= m->msg_iov->iov_len;
		m->msg_iov++;
		m->msg_iovlen--;
	}
	if (m->msg_iovlen != 0) {
		m->msg_iov->iov_base = (char *)m->msg_iov->iov_base + sent;
		m->msg_iov->iov_len -= sent;
	}
}

int vn_stream_send(int socket, struct iovec *parts, size_t count, const int *fds,
		   unsigned int fd_count, uint64_t end)
{
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = count };
	union stream_control control;
	int result = 0;

	if (fd_count != 0)
		stream_attach(&m, &control, fds, fd_count);
	while (m.msg_iovlen != 0 && result == 0) {
		ssize_t sent = sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent >= 0) {
			m.msg_control = NULL;
			m.msg_controllen = 0;
			stream_advance(&m, (size_t)sent);
		} else if (errno == EAGAIN) {
			result = vn_stream_wait(socket, POLLOUT, end);
		} else if (errno != EINTR) {
			result = -errno;
		}
	}
	return result;
}

/* ---- receiving ---- */

/* Descriptors were cut off though there was room for them. The kernel does not say which
 * limit it was: a descriptor of our own meets the same. */
static int stream_cut_off(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);
	int code = fd < 0 && errno == ENFILE ? ENFILE : EMFILE;

	if (fd >= 0)
		close(fd);
	return vn_error_errno(code, "take a descriptor that was passed to us");
}

/* All that has arrived is ours to close. */
static int stream_take_fds(struct msghdr *m, struct vn_stream_fds *fds)
{
	bool cut = (m->msg_flags & MSG_CTRUNC) != 0, fits = true;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (fds->count < fds->room) {
				fds->fd[fds->count++] = fd;
			} else {
				vn_received_close(fd);
				fits = false;
			}
		}
	}
	if (cut && fds->count < fds->room)
		return stream_cut_off();
	return fits && !cut ? 0 : -E2BIG;
}

ssize_t vn_stream_receive(int socket, void *data, size_t size,
			  struct vn_stream_fds *fds)
{
	unsigned int room = fds ? fds->room - fds->count : 0;
	struct iovec part = { data, size };
	union stream_control control;
	struct msghdr m = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = room ? &control : NULL,
		.msg_controllen = room ? CMSG_LEN(room * sizeof(int)) : 0,
	};
	ssize_t got = recvmsg(socket, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int result;

	if (got == 0)
		return -EPIPE;
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	result = fds ? stream_take_fds(&m, fds) : 0;
	return result ? result : got;
}
