/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of the vhost-user back end as they lie on the socket, and replies with faults. */
#include "tests/unit/test.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/vhost_backend_parts.h"

static bool read_all(int fd, void *to, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t got = read(fd, (uint8_t *)to + at, size - at);

		if (got <= 0)
			return false;
		at += (size_t)got;
	}
	return true;
}

bool backend_receive(struct backend *b, int fd, struct wire_message *m)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(BACKEND_FDS * sizeof(int))];
	struct iovec io = { m, sizeof(m->header) };
	struct msghdr h = { .msg_iov = &io, .msg_iovlen = 1,
			    .msg_control = control,
			    .msg_controllen = sizeof(control) };
	struct cmsghdr *c;

	m->fds = 0;
	if (recvmsg(fd, &h, MSG_WAITALL | MSG_CMSG_CLOEXEC) !=
	    (ssize_t)sizeof(m->header))
		return false;
	c = CMSG_FIRSTHDR(&h);
	if (c) {
		m->fds = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(m->fd, CMSG_DATA(c), m->fds * sizeof(int));
		b->fds_open += m->fds;
	}
	if (m->header.size > sizeof(m->bytes)) {
		backend_violation(b, "a huge message", m->header.size);
		return false;
	}
	return read_all(fd, m->bytes, m->header.size);
}

void backend_send_bytes(int fd, struct wire_message *m, size_t size, int passed,
			unsigned int times)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(20 * sizeof(int))];
	size_t first = size < sizeof(m->header) ? size : sizeof(m->header);
	struct iovec io[2] = { { &m->header, first }, { m->bytes, size - first } };
	struct msghdr h = { .msg_iov = io, .msg_iovlen = 2 };

	if (times != 0) {
		struct cmsghdr *c;

		h.msg_control = control;
		h.msg_controllen = CMSG_SPACE(times * sizeof(int));
		c = CMSG_FIRSTHDR(&h);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(times * sizeof(int));
		for (unsigned int i = 0; i < times; i++)
			memcpy(CMSG_DATA(c) + i * sizeof(int), &passed,
			       sizeof(int));
	}
	(void)!sendmsg(fd, &h, MSG_NOSIGNAL);
}

bool backend_reply(struct backend *b, struct wire_message *m, int passed)
{
	unsigned int fds = passed >= 0, times = 1;
	size_t size;

	m->header.flags = 1 | 4;
	if (b->fault == FAULT_SLOW) {
		b->faults_done++;
		usleep(1500 * 1000);
	}
	if (b->fault != FAULT_NONE && m->header.request == b->fault_at) {
		b->faults_done++;
		switch (b->fault) {
		case FAULT_CLOSE:
			return false;
		case FAULT_MID_HEADER:
			backend_send_bytes(b->fd, m, 5, -1, 0);
			return false;
		case FAULT_MID_PAYLOAD:
			backend_send_bytes(b->fd, m, sizeof(m->header) + 3, -1, 0);
			return false;
		case FAULT_REQUEST:
			m->header.request ^= 64;
			break;
		case FAULT_NO_REPLY:
			m->header.flags = 1;
			break;
		case FAULT_VERSION:
			m->header.flags = 2 | 4;
			break;
		case FAULT_SHORT:
			m->header.size -= 4;
			break;
		case FAULT_LONG:
			m->header.size += 4;
			break;
		case FAULT_HUGE:
			m->header.size = 0xfffffff0;
			backend_send_bytes(b->fd, m, sizeof(m->header), -1, 0);
			return true;
		case FAULT_FD:
			passed = b->wake;
			fds++;
			break;
		case FAULT_MANY_FDS:
			passed = b->wake;
			fds = 20;
			break;
		case FAULT_REFUSE:
			m->u64 = 1;
			break;
		case FAULT_SILENT:
			return true;
		case FAULT_TWICE:
			times = 2;
			break;
		case FAULT_NO_FD:
			fds = 0;
			break;
		default:
			break;
		}
	}
	size = sizeof(m->header);
	/* Less than an empty one is more than there can be: its header only. */
	if (m->header.size <= sizeof(m->bytes))
		size += m->header.size;
	for (; times != 0; times--)
		backend_send_bytes(b->fd, m, size, passed, fds);
	return true;
}
