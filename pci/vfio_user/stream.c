/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vionet/error.h>

#include "base/error.h"
#include "base/socket.h"
#include "pci/vfio_user/stream.h"

union vfu_control {
	char room[CMSG_SPACE(VN_VU_FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

/* ---- failing the peer ---- */

static void vfu_fail(struct vn_vfu_socket *s)
{
	s->gone = true;
	shutdown(s->fd, SHUT_RDWR);
}

/* The error of all later calls: it repeats the reason of the first one. */
int vn_vfu_stream_gone(struct vn_vfu_socket *s)
{
	if (s->shortage[0])
		return vn_error(EMFILE, "%s: the connection was ended: %s", s->name,
				s->shortage);
	return vn_error(ENODEV, "%s: the server has gone%s%s", s->name,
			s->closed_why ? ": we closed the connection, since " : "",
			s->closed_why ? s->closed_why : "");
}

static int vfu_peer_gone(struct vn_vfu_socket *s)
{
	vfu_fail(s);
	return vn_vfu_stream_gone(s);
}

int vn_vfu_stream_late(struct vn_vfu_socket *s)
{
	vfu_fail(s);
	s->closed_why = "it did not answer in time";
	return vn_error(ETIMEDOUT,
			"%s: the server does not answer (or kept us waiting "
			"for more than 2 s in a row); the connection is closed",
			s->name);
}

/* Not the server's doing. */
static int vfu_shortage(struct vn_vfu_socket *s, int result)
{
	vfu_fail(s);
	snprintf(s->shortage, sizeof(s->shortage), "%s", vionet_error_text());
	return result;
}

/* `text` says what was wrong. */
int vn_vfu_stream_error(struct vn_vfu_socket *s, const char *text)
{
	vfu_fail(s);
	s->closed_why = "it broke the protocol";
	return vn_error(EIO, "%s: the server breaks the protocol: %s; the connection "
			"is closed",
			s->name, text);
}

/* ---- bytes ---- */

void vn_vfu_fds_close(struct vn_vfu_fds *fds)
{
	while (fds->count != 0)
		close(fds->fd[--fds->count]);
}

int vn_vfu_stream_wait(struct vn_vfu_socket *s, short what, uint64_t deadline)
{
	struct pollfd waiting = { .fd = s->fd, .events = what };
	uint64_t now = vn_now();
	struct timespec left;

	if (now >= deadline)
		return vn_vfu_stream_late(s);
	left.tv_sec = (time_t)((deadline - now) / 1000000000u);
	left.tv_nsec = (long)((deadline - now) % 1000000000u);
	/* Interrupted or not: the caller tries again, and then waits again. */
	if (ppoll(&waiting, 1, &left, NULL) == 0)
		return vn_vfu_stream_late(s);
	return 0;
}

/* Take over the descriptors of one piece of a message. */
static int vfu_take_fds(struct vn_vfu_socket *s, struct msghdr *header,
			struct vn_vfu_fds *fds)
{
	bool cut = (header->msg_flags & MSG_CTRUNC) != 0, fits = true;
	size_t arrived = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL;
	     c = CMSG_NXTHDR(header, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		arrived += count;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (fds->count < VN_VU_FDS_MAX) {
				fds->fd[fds->count++] = fd;
			} else {
				close(fd);
				fits = false;
			}
		}
	}
	if (cut && arrived < VN_VU_FDS_MAX)
		return vfu_shortage(s, vn_socket_cut_off());
	return fits && !cut ? 0 :
			      vn_vfu_stream_error(s, "it passes too many descriptors");
}

/* What is there now: so many bytes, 0: nothing yet. Descriptors that come along are
 * taken. */
ssize_t vn_vfu_stream_receive_now(struct vn_vfu_socket *s, void *data, size_t size,
				  struct vn_vfu_fds *fds)
{
	struct iovec piece = { data, size };
	union vfu_control control;
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(s->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int result;

	if (got > 0) {
		result = vfu_take_fds(s, &header, fds);
		return result != 0 ? result : got;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0 && vn_error_is_shortage(errno))
		return vfu_shortage(s, vn_error_errno(errno, "receive a message"));
	return vfu_peer_gone(s);
}

/* Read exactly this much. */
int vn_vfu_stream_receive(struct vn_vfu_socket *s, void *data, size_t size,
			  uint64_t deadline, struct vn_vfu_fds *fds)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = vn_vfu_stream_receive_now(s, (char *)data + done,
							size - done, fds);
		int result = (int)got;

		if (got > 0)
			done += (size_t)got;
		else if (got == 0)
			result = vn_vfu_stream_wait(s, POLLIN, deadline);
		if (result < 0)
			return result;
	}
	return 0;
}

/* Step over what has been sent. */
static void vfu_advance(struct msghdr *header, size_t sent)
{
	while (header->msg_iovlen != 0 && sent >= header->msg_iov->iov_len) {
		sent -= header->msg_iov->iov_len;
		header->msg_iov++;
		header->msg_iovlen--;
	}
	if (header->msg_iovlen != 0) {
		header->msg_iov->iov_base = (char *)header->msg_iov->iov_base + sent;
		header->msg_iov->iov_len -= sent;
	}
}

static void vfu_attach_fds(struct msghdr *header, union vfu_control *control,
			   const int *fds, unsigned int count)
{
	struct cmsghdr *c;

	header->msg_control = control;
	header->msg_controllen = CMSG_SPACE(count * sizeof(*fds));
	memset(control, 0, sizeof(*control));
	c = CMSG_FIRSTHDR(header);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(*fds));
	memcpy(CMSG_DATA(c), fds, count * sizeof(*fds));
}

/* Changes `parts`. Descriptors go with the first byte. */
int vn_vfu_stream_send(struct vn_vfu_socket *s, struct iovec *parts, size_t count,
		       const int *fds, unsigned int fd_count, uint64_t deadline)
{
	struct msghdr header = { .msg_iov = parts, .msg_iovlen = count };
	union vfu_control control;
	int result = 0;

	if (fd_count > VN_VU_FDS_MAX)
		return vn_error(EINVAL, "%s: a message carries %u descriptors at most, "
				"not %u", s->name, VN_VU_FDS_MAX, fd_count);
	if (fd_count != 0)
		vfu_attach_fds(&header, &control, fds, fd_count);
	while (header.msg_iovlen != 0 && result == 0) {
		ssize_t sent = sendmsg(s->fd, &header,
				       MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent >= 0) {
			header.msg_control = NULL;
			header.msg_controllen = 0;
			vfu_advance(&header, (size_t)sent);
		} else if (errno == EAGAIN) {
			result = vn_vfu_stream_wait(s, POLLOUT, deadline);
		} else if (vn_error_is_shortage(errno)) {
			result = vfu_shortage(s,
					      vn_error_errno(errno, "send a message"));
		} else if (errno != EINTR) {
			result = vfu_peer_gone(s);
		}
	}
	return result;
}
