/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/event.h"
#include "base/lock.h"
#include "base/socket.h"
#include "tests/fuzz/refuse.h"
#include "tests/fuzz/wire.h"
#include "tests/fuzz/world.h"

void (*fuzz_wire_peer)(void);

/* Two, for a device that moves. */
#define WIRES 2

static struct wire {
	int fd; /* of the driver; an eventfd stands for it */
	bool open, pieces, busy;
	uint8_t sent[WIRE_BYTES], coming[WIRE_BYTES];
	size_t sent_size, coming_size, coming_at;
	int sent_fd;
	int fds[WIRE_FDS]; /* that come with the byte at fds_at */
	unsigned int fd_count;
	size_t fds_at;
} wires[WIRES] = { { .fd = -1, .sent_fd = -1 }, { .fd = -1, .sent_fd = -1 } };

static struct wire *current = wires; /* whose peer is at work, or the last one */

#define wire (*current)

/* The connection of that descriptor is the current one. */
static bool wire_find(int fd)
{
	for (unsigned int i = 0; fd >= 0 && i < WIRES; i++)
		if (wires[i].fd == fd) {
			current = &wires[i];
			return true;
		}
	return false;
}

static void wire_drop_fds(void)
{
	while (wire.fd_count != 0)
		close(wire.fds[--wire.fd_count]);
	if (wire.sent_fd >= 0)
		close(wire.sent_fd);
	wire.sent_fd = -1;
}

void fuzz_wire_begin(bool pieces)
{
	for (current = wires; current < wires + WIRES; current++) {
		wire_drop_fds();
		wire.fd = -1;
		wire.open = false;
		wire.pieces = pieces;
	}
	current = wires;
	fuzz_wire_peer = NULL;
}

bool fuzz_wire_open(void)
{
	return wire.open;
}

const uint8_t *fuzz_wire_sent(size_t *size)
{
	*size = wire.sent_size;
	return wire.sent;
}

void fuzz_wire_take(size_t size)
{
	FUZZ_CHECK(size <= wire.sent_size);
	memmove(wire.sent, wire.sent + size, wire.sent_size - size);
	wire.sent_size -= size;
}

int fuzz_wire_take_fd(void)
{
	int fd = wire.sent_fd;

	wire.sent_fd = -1;
	return fd;
}

void fuzz_wire_send(const void *bytes, size_t size, const int *fds, unsigned int count)
{
	if (!wire.open || size > WIRE_BYTES - wire.coming_size)
		return;
	if (count != 0 && wire.fd_count == 0) {
		wire.fds_at = wire.coming_size;
		for (; wire.fd_count < count && wire.fd_count < WIRE_FDS; wire.fd_count++)
			wire.fds[wire.fd_count] = fcntl(fds[wire.fd_count], F_DUPFD_CLOEXEC, 0);
	}
	memcpy(wire.coming + wire.coming_size, bytes, size);
	wire.coming_size += size;
}

void fuzz_wire_hang_up(void)
{
	wire.open = false;
}

static void wire_peer(void)
{
	if (!fuzz_wire_peer || wire.busy)
		return;
	wire.busy = true;
	fuzz_aside_begin();
	fuzz_wire_peer();
	fuzz_aside_end();
	wire.busy = false;
}

/* ---- under the driver ---- */

int __wrap_vn_socket_connect(const char *path, const struct vn_socket_peer *peer, uint64_t end, int *fd);
int __wrap_vn_lock_take(const char *path, struct vn_lock *lock);
void __wrap_vn_lock_release(struct vn_lock *lock);
void __wrap_vn_event_sender_open(struct vn_event_sender *sender);
void __wrap_vn_event_sender_close(struct vn_event_sender *sender);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags);
ssize_t wire_kernel_peek(int fd, void *bytes, size_t size, int flags) __asm__("__real_"
									      "recv");
ssize_t wire_peek(int fd, void *bytes, size_t size, int flags) __asm__("__wrap_"
								       "recv");
int __real_shutdown(int fd, int how);
int __wrap_shutdown(int fd, int how);

int __wrap_vn_socket_connect(const char *path, const struct vn_socket_peer *peer, uint64_t end, int *fd)
{
	(void)path;
	(void)peer;
	(void)end;
	current = wires[0].open ? &wires[1] : &wires[0];
	if (fuzz_refused(FUZZ_OTHER)) {
		*fd = -1;
		return vn_error(ECONNREFUSED, "nothing listens");
	}
	fuzz_aside_begin();
	wire_drop_fds();
	wire.fd = *fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	fuzz_aside_end();
	wire.open = true;
	wire.sent_size = wire.coming_size = wire.coming_at = 0;
	return 0;
}

int __wrap_vn_lock_take(const char *path, struct vn_lock *lock)
{
	(void)path;
	*lock = VN_LOCK_NONE;
	return 0;
}

void __wrap_vn_lock_release(struct vn_lock *lock)
{
	*lock = VN_LOCK_NONE;
}

/* Its set-up takes milliseconds. */
void __wrap_vn_event_sender_open(struct vn_event_sender *sender)
{
	memset(sender, 0, sizeof(*sender));
}

void __wrap_vn_event_sender_close(struct vn_event_sender *sender)
{
	(void)sender;
}

static void wire_note_fds(const struct msghdr *message)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR((struct msghdr *)(uintptr_t)message, c)) {
		int fd;

		FUZZ_CHECK(c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len > CMSG_LEN(0));
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		if (wire.sent_fd >= 0)
			close(wire.sent_fd);
		wire.sent_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
	size_t done = 0;

	if (!wire_find(fd))
		return __real_sendmsg(fd, message, flags);
	FUZZ_CHECK((flags & MSG_DONTWAIT) && (flags & MSG_NOSIGNAL));
	if (!wire.open) {
		errno = EPIPE;
		return -1;
	}
	fuzz_aside_begin();
	wire_note_fds(message);
	fuzz_aside_end();
	for (size_t i = 0; i < (size_t)message->msg_iovlen; i++) {
		const struct iovec *part = &message->msg_iov[i];

		FUZZ_CHECK(part->iov_len <= WIRE_BYTES - wire.sent_size);
		if (part->iov_len != 0)
			memcpy(wire.sent + wire.sent_size, part->iov_base, part->iov_len);
		wire.sent_size += part->iov_len;
		done += part->iov_len;
	}
	wire_peer();
	return (ssize_t)done;
}

static size_t wire_give_fds(struct msghdr *message)
{
	size_t room = message->msg_controllen > CMSG_LEN(0) ? (message->msg_controllen - CMSG_LEN(0)) / sizeof(int) : 0;
	size_t count = wire.fd_count < room ? wire.fd_count : room;
	struct cmsghdr *c = message->msg_control;

	if (wire.fd_count > room)
		message->msg_flags |= MSG_CTRUNC;
	if (count != 0) {
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(c), wire.fds, count * sizeof(int));
	}
	for (size_t i = count; i < wire.fd_count; i++)
		close(wire.fds[i]);
	wire.fd_count = 0;
	return count != 0 ? CMSG_SPACE(count * sizeof(int)) : 0;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *message, int flags)
{
	size_t left, size = message->msg_iov[0].iov_len, given = 0;

	if (!wire_find(fd))
		return __real_recvmsg(fd, message, flags);
	left = wire.coming_size - wire.coming_at;
	FUZZ_CHECK((flags & MSG_DONTWAIT) && (flags & MSG_CMSG_CLOEXEC) && size != 0);
	if (left == 0) {
		errno = EAGAIN;
		return wire.open ? -1 : 0;
	}
	size = size < left ? size : left;
	if (wire.pieces)
		size = 1 + fuzz_take8() % size;
	message->msg_flags = 0;
	/* Descriptors come with the byte that they were sent with. */
	if (wire.fd_count != 0 && wire.fds_at > wire.coming_at && wire.fds_at - wire.coming_at < size)
		size = wire.fds_at - wire.coming_at;
	if (wire.fd_count != 0 && wire.fds_at == wire.coming_at)
		given = wire_give_fds(message);
	message->msg_controllen = given;
	memcpy(message->msg_iov[0].iov_base, wire.coming + wire.coming_at, size);
	wire.coming_at += size;
	if (wire.coming_at == wire.coming_size)
		wire.coming_at = wire.coming_size = 0;
	return (ssize_t)size;
}

ssize_t wire_peek(int fd, void *bytes, size_t size, int flags)
{
	if (!wire_find(fd))
		return wire_kernel_peek(fd, bytes, size, flags);
	FUZZ_CHECK(flags == (MSG_PEEK | MSG_DONTWAIT) && size == 1);
	if (wire.coming_size == wire.coming_at) {
		errno = EAGAIN;
		return wire.open ? -1 : 0;
	}
	*(uint8_t *)bytes = wire.coming[wire.coming_at];
	return 1;
}

int __wrap_shutdown(int fd, int how)
{
	if (!wire_find(fd))
		return __real_shutdown(fd, how);
	wire.open = false;
	return 0;
}

/* For world.c: is the connection ready? -1: it is another descriptor. */
static int wire_ready(int fd, short events)
{
	if (!wire_find(fd))
		return -1;
	if (!wire.open)
		return events & (POLLIN | POLLOUT);
	return (events & POLLOUT) | (wire.coming_size != wire.coming_at ? events & POLLIN : 0);
}

static void __attribute__((constructor)) wire_register(void)
{
	fuzz_ready = wire_ready;
}
