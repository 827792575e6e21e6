/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: framing, ids, descriptors and deadlines of a vfio-user connection.
 * Never: queues anything: a server's command is carried out when it is read, so a peer
 * that floods us only spends its own time.
 * Read next: pci/vfio_user/memory.c, which serves those commands.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vionet/error.h>

#include "base/error.h"
#include "base/socket.h"
#include "pci/vfio_user/spec.h"
#include "pci/vfio_user/socket.h"

#define SERVICE_MAX 64

/* Descriptors that came with a message. */
struct descriptors {
	int fd[VN_VU_FDS_MAX];
	unsigned int count;
};

union control {
	char room[CMSG_SPACE(VN_VU_FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

static void close_all(struct descriptors *fds)
{
	while (fds->count != 0)
		close(fds->fd[--fds->count]);
}

/* ---- giving up ---- */

static void give_up(struct vn_vu_socket *s)
{
	s->gone = true;
	shutdown(s->fd, SHUT_RDWR);
}

/* What is said of all calls from then on: the first one's reason may be long forgotten. */
static int has_gone(struct vn_vu_socket *s)
{
	if (s->shortage[0])
		return vn_error(EMFILE, "%s: the connection was ended: %s", s->name,
				s->shortage);
	return vn_error(ENODEV, "%s: the server has gone%s%s", s->name,
			s->given_up ? ": it was given up, since " : "",
			s->given_up ? s->given_up : "");
}

static int gone(struct vn_vu_socket *s)
{
	give_up(s);
	return has_gone(s);
}

static int late(struct vn_vu_socket *s)
{
	give_up(s);
	s->given_up = "it did not answer in time";
	return vn_error(ETIMEDOUT, "%s: the server does not answer (or kept us waiting "
			"for more than 2 s in a row); it is given up", s->name);
}

/* Not the server's doing. */
static int starved(struct vn_vu_socket *s, int result)
{
	give_up(s);
	snprintf(s->shortage, sizeof(s->shortage), "%s", vionet_error_text());
	return result;
}

/* `text` says what was wrong. */
static int protocol_error(struct vn_vu_socket *s, const char *text)
{
	give_up(s);
	s->given_up = "it broke the protocol";
	return vn_error(EIO, "%s: the server breaks the protocol: %s; it is given up",
			s->name, text);
}

int vn_vu_protocol_error(struct vn_vu_socket *s, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	vn_vu_lock(s);
	protocol_error(s, text);
	vn_vu_unlock(s);
	return -EIO;
}

/* ---- bytes ---- */

static int wait_for(struct vn_vu_socket *s, short what, uint64_t deadline)
{
	struct pollfd waiting = { .fd = s->fd, .events = what };
	uint64_t now = vn_now();
	struct timespec left;

	if (now >= deadline)
		return late(s);
	left.tv_sec = (time_t)((deadline - now) / 1000000000u);
	left.tv_nsec = (long)((deadline - now) % 1000000000u);
	/* Interrupted or not: the caller tries again, and then waits again. */
	if (ppoll(&waiting, 1, &left, NULL) == 0)
		return late(s);
	return 0;
}

/* Take over the descriptors of one piece of a message. */
static int take_descriptors(struct vn_vu_socket *s, struct msghdr *header,
			    struct descriptors *fds)
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
		return starved(s, vn_socket_cut_off());
	return fits && !cut ? 0 : protocol_error(s, "it passes too many descriptors");
}

/* What is there now: so many bytes, 0: nothing yet. Descriptors that come along are
 * taken. */
static ssize_t receive_now(struct vn_vu_socket *s, void *data, size_t size,
			   struct descriptors *fds)
{
	struct iovec piece = { data, size };
	union control control;
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(s->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int result;

	if (got > 0) {
		result = take_descriptors(s, &header, fds);
		return result != 0 ? result : got;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got < 0 && vn_error_is_shortage(errno))
		return starved(s, vn_error_errno(errno, "receive a message"));
	return gone(s);
}

/* Read exactly this much. */
static int receive(struct vn_vu_socket *s, void *data, size_t size,
		   uint64_t deadline, struct descriptors *fds)
{
	size_t done = 0;

	while (done < size) {
		ssize_t got = receive_now(s, (char *)data + done, size - done, fds);
		int result = (int)got;

		if (got > 0)
			done += (size_t)got;
		else if (got == 0)
			result = wait_for(s, POLLIN, deadline);
		if (result < 0)
			return result;
	}
	return 0;
}

/* Step over what has been sent. */
static void advance(struct msghdr *header, size_t sent)
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

static void attach(struct msghdr *header, union control *control, const int *fds,
		   unsigned int count)
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
static int send_parts(struct vn_vu_socket *s, struct iovec *parts, size_t count,
		      const int *fds, unsigned int fd_count, uint64_t deadline)
{
	struct msghdr header = { .msg_iov = parts, .msg_iovlen = count };
	union control control;
	int result = 0;

	if (fd_count > VN_VU_FDS_MAX)
		return vn_error(EINVAL, "%s: a message carries %u descriptors at most, "
				"not %u", s->name, VN_VU_FDS_MAX, fd_count);
	if (fd_count != 0)
		attach(&header, &control, fds, fd_count);
	while (header.msg_iovlen != 0 && result == 0) {
		ssize_t sent = sendmsg(s->fd, &header,
				       MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent >= 0) {
			header.msg_control = NULL;
			header.msg_controllen = 0;
			advance(&header, (size_t)sent);
		} else if (errno == EAGAIN) {
			result = wait_for(s, POLLOUT, deadline);
		} else if (vn_error_is_shortage(errno)) {
			result = starved(s, vn_error_errno(errno, "send a message"));
		} else if (errno != EINTR) {
			result = gone(s);
		}
	}
	return result;
}

/* ---- a server's commands ---- */

static int send_reply(struct vn_vu_socket *s, const struct vu_header *command,
		      int error, struct vn_vu_reply *reply, uint64_t deadline)
{
	struct vu_header header = {
		.id = command->id,
		.command = command->command,
		.flags = VU_TYPE_REPLY | (error != 0 ? VU_FLAG_ERROR : 0),
		.error = (uint32_t)error,
	};
	struct iovec parts[] = {
		{ &header, sizeof(header) },
		{ reply->head, sizeof(reply->head) },
		{ (void *)(uintptr_t)reply->data, reply->data_size },
	};

	if (error == 0)
		header.size = (uint32_t)(sizeof(header) + sizeof(reply->head) +
					 reply->data_size);
	else
		header.size = sizeof(header);
	return send_parts(s, parts, error == 0 ? 3 : 1, NULL, 0, deadline);
}

/* It is whole, header and payload. */
static int carry_out(struct vn_vu_socket *s, uint64_t deadline)
{
	const struct vu_header *header = &s->command;
	struct vn_vu_reply reply = { .data_size = 0 };
	int error = s->serve(s->context, header->command, s->incoming,
			     header->size - sizeof(*header), &reply);

	s->have = 0;
	s->begun = 0;
	if ((header->flags & VU_FLAG_NO_REPLY) != 0)
		return 0;
	return send_reply(s, header, error, &reply, deadline);
}

/* What follows is bounded by what we announced. */
static int check_command(struct vn_vu_socket *s)
{
	const struct vu_header *header = &s->command;

	if (header->size < sizeof(*header))
		return protocol_error(s, "a message is shorter than a header");
	if ((header->flags & VU_TYPE_MASK) != VU_TYPE_COMMAND)
		return protocol_error(s, "a reply is to something that was not asked");
	if (header->size - sizeof(*header) >
	    sizeof(struct vu_dma_access) + VN_VU_DATA_MAX)
		return protocol_error(s, "a command is longer than any can be");
	return 0;
}

/* Take what has come of a command, without waiting for the rest: that may be kept from
 * us for ever. 1: it is whole; 0: not yet. */
static int gather(struct vn_vu_socket *s)
{
	const size_t head = sizeof(s->command);

	for (;;) {
		bool in_header = s->have < head;
		size_t at = in_header ? s->have : s->have - head;
		size_t size = in_header ? head : s->command.size - head;
		char *to = in_header ? (char *)&s->command : (char *)s->incoming;
		struct descriptors fds = { .count = 0 };
		ssize_t got;

		if (!in_header && at == size)
			return 1;
		got = receive_now(s, to + at, size - at, &fds);
		if (got > 0 && fds.count != 0)
			got = protocol_error(s, "a command comes with descriptors");
		close_all(&fds);
		if (got <= 0)
			return (int)got;
		s->have += (size_t)got;
		if (s->have == head && check_command(s) != 0)
			return -EIO;
	}
}

/* A command of which some has come, or the header: the rest is waited for. */
static int serve(struct vn_vu_socket *s, uint64_t deadline)
{
	int result;

	while ((result = gather(s)) == 0) {
		result = wait_for(s, POLLIN, deadline);
		if (result != 0)
			return result;
	}
	return result < 0 ? result : carry_out(s, deadline);
}

/* ---- calls ---- */

static size_t length(const struct iovec *parts)
{
	return parts[0].iov_len + parts[1].iov_len;
}

static int send_command(struct vn_vu_socket *s, const struct vn_vu_message *m,
			uint16_t id, uint64_t deadline)
{
	struct vu_header header = {
		.id = id,
		.command = m->command,
		.size = (uint32_t)(sizeof(header) + length(m->request)),
		.flags = VU_TYPE_COMMAND,
	};
	struct iovec parts[] = {
		{ &header, sizeof(header) }, m->request[0], m->request[1],
	};

	return send_parts(s, parts, 3, m->fds, m->fd_count, deadline);
}

/* An errno of the peer's is a number like any other. */
static int refused(struct vn_vu_socket *s, struct vn_vu_message *m,
		   const struct vu_header *header)
{
	if (header->size != sizeof(*header))
		return protocol_error(s, "an error reply has more than a header");
	m->refused = header->error > 0 && header->error < 4096 ?
			     (int)header->error : EIO;
	return vn_error(EIO, "%s: %s: the server answers: %s", s->name, m->what,
			vn_errno_text(m->refused));
}

static int read_reply(struct vn_vu_socket *s, struct vn_vu_message *m,
		      const struct vu_header *header, uint64_t deadline,
		      struct descriptors *fds)
{
	size_t size = header->size - sizeof(*header), first;
	int result;

	if ((header->flags & VU_FLAG_ERROR) != 0)
		return refused(s, m, header);
	if (size < m->reply[0].iov_len || size > length(m->reply))
		return protocol_error(s, "a reply has the wrong size");
	first = m->reply[0].iov_len;
	result = receive(s, m->reply[0].iov_base, first, deadline, fds);
	if (result == 0)
		result = receive(s, m->reply[1].iov_base, size - first, deadline,
				 fds);
	m->reply_size = size;
	return result;
}

static int finish_reply(struct vn_vu_socket *s, struct vn_vu_message *m,
			const struct vu_header *header, uint64_t deadline,
			struct descriptors *fds)
{
	int result = read_reply(s, m, header, deadline, fds);

	if (result == 0 && fds->count > m->reply_fds_room)
		result = protocol_error(s, "a reply comes with descriptors that nobody "
				   "asked for");
	if (result != 0)
		return result;
	if (fds->count != 0)
		memcpy(m->reply_fds, fds->fd, fds->count * sizeof(*fds->fd));
	m->reply_fd_count = fds->count;
	fds->count = 0;
	return 0;
}

static int read_header(struct vn_vu_socket *s, struct vu_header *header,
		       uint64_t deadline, struct descriptors *fds)
{
	int result = receive(s, header, sizeof(*header), deadline, fds);

	if (result == 0 && header->size < sizeof(*header))
		result = protocol_error(s, "a message is shorter than a header");
	return result;
}

static int await_reply(struct vn_vu_socket *s, struct vn_vu_message *m, uint16_t id,
		       uint64_t deadline)
{
	struct descriptors fds = { .count = 0 };
	struct vu_header header;
	int result;

	/* What began before we asked is a command. */
	result = s->have != 0 ? serve(s, deadline) : 0;
	while (result == 0) {
		result = read_header(s, &header, deadline, &fds);
		if (result != 0 ||
		    (header.flags & VU_TYPE_MASK) != VU_TYPE_COMMAND)
			break;
		if (fds.count != 0)
			result = protocol_error(s, "a command comes with descriptors");
		s->command = header;
		s->have = sizeof(header);
		if (result == 0)
			result = check_command(s);
		if (result == 0)
			result = serve(s, deadline);
		/* A server that always has one more command never gets to the
		 * reply. */
		if (result == 0 && vn_now() >= deadline)
			result = late(s);
		if (result != 0)
			break;
	}
	if (result == 0 && ((header.flags & VU_TYPE_MASK) != VU_TYPE_REPLY ||
			    header.id != id || header.command != m->command))
		result = protocol_error(s, "a reply is to something that was not asked");
	if (result == 0)
		result = finish_reply(s, m, &header, deadline, &fds);
	close_all(&fds);
	return result;
}

/* ---- message budget ---- */

static uint64_t deadline_from(struct vn_vu_socket *s, uint64_t now)
{
	s->budget += (now - s->since) / VN_VU_REFILL;
	if (s->budget > VN_VU_BUDGET)
		s->budget = VN_VU_BUDGET;
	return now + s->budget + VN_VU_FREE;
}

static void waited(struct vn_vu_socket *s, uint64_t start)
{
	uint64_t took;

	s->since = vn_now();
	took = s->since - start;
	took = took > VN_VU_FREE ? took - VN_VU_FREE : 0;
	s->budget -= took < s->budget ? took : s->budget;
}

/* A mutex alone may be taken again and again by a thread that kicks all the time. */
void vn_vu_lock(struct vn_vu_socket *s)
{
	uint32_t ticket;

	pthread_mutex_lock(&s->lock);
	ticket = s->tickets++;
	while (ticket != s->serving)
		pthread_cond_wait(&s->turn, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

void vn_vu_unlock(struct vn_vu_socket *s)
{
	pthread_mutex_lock(&s->lock);
	s->serving++;
	pthread_cond_broadcast(&s->turn);
	pthread_mutex_unlock(&s->lock);
}

static int call(struct vn_vu_socket *s, struct vn_vu_message *m)
{
	uint64_t start = vn_now(), deadline;
	uint16_t id = s->next_id++;
	int result;

	if (s->gone)
		return has_gone(s);
	deadline = deadline_from(s, start);
	result = send_command(s, m, id, deadline);
	if (result == 0)
		result = await_reply(s, m, id, deadline);
	waited(s, start);
	if (result != 0 && m->refused == 0)
		vn_error_prefix(result, "%s: %s", s->name, m->what);
	return result;
}

int vn_vu_call(struct vn_vu_socket *s, struct vn_vu_message *m)
{
	int result;

	m->refused = 0;
	m->reply_size = 0;
	m->reply_fd_count = 0;
	vn_vu_lock(s);
	result = call(s, m);
	vn_vu_unlock(s);
	return result;
}

/* A command that has begun: it has its time too. */
static int partial(struct vn_vu_socket *s, uint64_t now)
{
	if (s->have == 0)
		s->begun = 0;
	else if (s->begun == 0)
		s->begun = now;
	else if (now - s->begun > VN_VU_BUDGET)
		return late(s);
	return s->have != 0 ? -EAGAIN : 0;
}

int vn_vu_service(struct vn_vu_socket *s)
{
	uint64_t start = vn_now(), deadline;
	int result = 0, whole = 1;

	vn_vu_lock(s);
	if (s->gone) {
		result = has_gone(s);
	} else {
		deadline = deadline_from(s, start);
		for (int i = 0; i < SERVICE_MAX && result == 0 && whole > 0; i++) {
			whole = gather(s);
			result = whole > 0 ? carry_out(s, deadline) : whole;
		}
		if (result == 0 && whole == 0)
			result = partial(s, start);
		waited(s, start);
	}
	vn_vu_unlock(s);
	return result;
}

/* ---- connecting ---- */

int vn_vu_connect(struct vn_vu_socket *s, const char *path)
{
	static const struct vn_socket_peer server = { "server", "" };
	int result;

	s->fd = -1;
	s->gone = true;
	s->budget = VN_VU_BUDGET;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->turn, NULL);
	/* Before the server is touched. */
	result = vn_lock_take(path, &s->owner);
	if (result == 0)
		result = vn_socket_connect(path, &server, 0, &s->fd);
	if (result != 0)
		return vn_error_prefix(result, "%s", s->name);
	s->incoming = malloc(sizeof(struct vu_dma_access) + VN_VU_DATA_MAX);
	if (s->incoming == NULL)
		return vn_error(ENOMEM, "%s: no memory", s->name);
	s->gone = false;
	s->since = vn_now();
	return 0;
}

void vn_vu_disconnect(struct vn_vu_socket *s)
{
	/* The end of the connection, even if a forked child still has it. */
	if (s->fd >= 0) {
		shutdown(s->fd, SHUT_RDWR);
		close(s->fd);
	}
	s->fd = -1;
	s->gone = true;
	vn_lock_release(&s->owner);
	free(s->incoming);
	s->incoming = NULL;
	pthread_cond_destroy(&s->turn);
	pthread_mutex_destroy(&s->lock);
}
