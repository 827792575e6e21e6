/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include <vionet/error.h>

#include "base/error.h"
#include "base/received.h"
#include "base/stream.h"
#include "pci/vfio_user/stream.h"

_Static_assert(VN_VU_FDS_MAX <= VN_STREAM_FDS_MAX, "descriptors of a message");

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
	(void)vn_error(ETIMEDOUT,
		       "%s: the server does not answer (or kept us waiting "
		       "for more than %g s in a row); the connection is closed",
		       s->name, (double)s->reply_timeout / 1e9);
	return vn_error_remedy(-ETIMEDOUT, VIONET_REMEDY_REPLY_TIMEOUT, NULL);
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

/* `what` failed on the socket. */
static int vfu_failed(struct vn_vfu_socket *s, int code, const char *what)
{
	if (code == ETIMEDOUT)
		return vn_vfu_stream_late(s);
	if (code == EINVAL || vn_error_is_shortage(code))
		return vfu_shortage(s, vn_error_errno(code, "%s", what));
	return vfu_peer_gone(s);
}

/* ---- bytes ---- */

void vn_vfu_fds_close(struct vn_vfu_fds *fds)
{
	while (fds->count != 0)
		vn_received_close(fds->fd[--fds->count]);
}

int vn_vfu_stream_wait(struct vn_vfu_socket *s, short what, uint64_t deadline)
{
	int result = vn_stream_wait(s->fd, what, deadline);

	return result ? vfu_failed(s, -result, "poll") : 0;
}

/* What is there now: so many bytes, 0: nothing yet. Descriptors that come along are
 * taken. */
ssize_t vn_vfu_stream_receive_now(struct vn_vfu_socket *s, void *data, size_t size,
				  struct vn_vfu_fds *fds)
{
	struct vn_stream_fds taken = { fds->fd, fds->room, fds->count };
	ssize_t got = vn_stream_receive(s->fd, data, size, &taken);

	fds->count = taken.count;
	switch (got) {
	case -E2BIG:
		return vn_vfu_stream_error(s, "it passes unsolicited descriptors");
	case -EMFILE:
	case -ENFILE:
		return vfu_shortage(s, (int)got); /* has its text */
	default:
		return got < 0 ? vfu_failed(s, (int)-got, "receive a message") : got;
	}
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

/* Changes `parts`. Descriptors go with the first byte. */
int vn_vfu_stream_send(struct vn_vfu_socket *s, struct iovec *parts, size_t count,
		       const int *fds, unsigned int fd_count, uint64_t deadline)
{
	int result;

	if (fd_count > VN_VU_FDS_MAX)
		return vn_error(EINVAL, "%s: a message carries %u descriptors at most, "
				"not %u", s->name, VN_VU_FDS_MAX, fd_count);
	result = vn_stream_send(s->fd, parts, count, fds, fd_count, deadline);
	return result ? vfu_failed(s, -result, "send a message") : 0;
}
