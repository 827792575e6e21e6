/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands and replies on a vfio-user connection, and the turns in which threads call.
 * Nothing is queued: a server's command is carried out when it is read, so a peer that
 * floods us only spends its own time.
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
#include "pci/vfio_user/socket.h"
#include "pci/vfio_user/spec.h"
#include "pci/vfio_user/stream.h"

#define SERVICE_MAX 64

int vn_vfu_protocol_error(struct vn_vfu_socket *s, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	vn_vfu_lock(s);
	vn_vfu_stream_error(s, text);
	vn_vfu_unlock(s);
	return -EIO;
}

/* ---- a server's commands ---- */

static int vfu_send_reply(struct vn_vfu_socket *s, const struct vfu_header *command,
			  int error, struct vn_vfu_reply *reply, uint64_t deadline)
{
	struct vfu_header header = {
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
	return vn_vfu_stream_send(s, parts, error == 0 ? 3 : 1, NULL, 0, deadline);
}

/* It is whole, header and payload. */
static int vfu_exchange(struct vn_vfu_socket *s, uint64_t deadline)
{
	const struct vfu_header *header = &s->command;
	struct vn_vfu_reply reply = { .data_size = 0 };
	int error = s->serve(s->context, header->command, s->incoming,
			     header->size - sizeof(*header), &reply);

	s->have = 0;
	s->begun = 0;
	if ((header->flags & VU_FLAG_NO_REPLY) != 0)
		return 0;
	return vfu_send_reply(s, header, error, &reply, deadline);
}

/* What follows is bounded by what we announced. */
static int vfu_check_command(struct vn_vfu_socket *s)
{
	const struct vfu_header *header = &s->command;

	if (header->size < sizeof(*header))
		return vn_vfu_stream_error(s, "a message is shorter than a header");
	if ((header->flags & VU_TYPE_MASK) != VU_TYPE_COMMAND)
		return vn_vfu_stream_error(
			s, "a reply is to something that was not asked");
	if (header->size - sizeof(*header) >
	    sizeof(struct vfu_dma_access) + VN_VU_DATA_MAX)
		return vn_vfu_stream_error(s, "a command is longer than any can be");
	return 0;
}

/* Take what has come of a command, without waiting for the rest: that may be kept from
 * us for ever. 1: it is whole; 0: not yet. */
static int vfu_gather(struct vn_vfu_socket *s)
{
	const size_t head = sizeof(s->command);

	for (;;) {
		bool in_header = s->have < head;
		size_t at = in_header ? s->have : s->have - head;
		size_t size = in_header ? head : s->command.size - head;
		char *to = in_header ? (char *)&s->command : (char *)s->incoming;
		struct vn_vfu_fds fds = { .room = 0 };
		ssize_t got;

		if (!in_header && at == size)
			return 1;
		got = vn_vfu_stream_receive_now(s, to + at, size - at, &fds);
		if (got <= 0)
			return (int)got;
		s->have += (size_t)got;
		if (s->have == head && vfu_check_command(s) != 0)
			return -EIO;
	}
}

/* A command of which some has come, or the header: the rest is waited for. */
static int vfu_serve(struct vn_vfu_socket *s, uint64_t deadline)
{
	int result;

	while ((result = vfu_gather(s)) == 0) {
		result = vn_vfu_stream_wait(s, POLLIN, deadline);
		if (result != 0)
			return result;
	}
	return result < 0 ? result : vfu_exchange(s, deadline);
}

/* ---- calls ---- */

static size_t vfu_length(const struct iovec *parts)
{
	return parts[0].iov_len + parts[1].iov_len;
}

static int vfu_send_command(struct vn_vfu_socket *s, const struct vn_vfu_message *m,
			    uint16_t id, uint64_t deadline)
{
	struct vfu_header header = {
		.id = id,
		.command = m->command,
		.size = (uint32_t)(sizeof(header) + vfu_length(m->request)),
		.flags = VU_TYPE_COMMAND,
	};
	struct iovec parts[] = {
		{ &header, sizeof(header) }, m->request[0], m->request[1],
	};

	return vn_vfu_stream_send(s, parts, 3, m->fds, m->fd_count, deadline);
}

/* An errno of the peer's is a number like any other. */
static int vfu_refused(struct vn_vfu_socket *s, struct vn_vfu_message *m,
		       const struct vfu_header *header)
{
	if (header->size != sizeof(*header))
		return vn_vfu_stream_error(s, "an error reply has more than a header");
	m->refused = header->error > 0 && header->error < 4096 ?
			     (int)header->error : EIO;
	return vn_error(EIO, "%s: %s: the server answers: %s", s->name, m->what,
			vn_errno_text(m->refused));
}

static int vfu_read_reply(struct vn_vfu_socket *s, struct vn_vfu_message *m,
			  const struct vfu_header *header, uint64_t deadline,
			  struct vn_vfu_fds *fds)
{
	size_t size = header->size - sizeof(*header), first;
	int result;

	if ((header->flags & VU_FLAG_ERROR) != 0)
		return vfu_refused(s, m, header);
	if (size < m->reply[0].iov_len || size > vfu_length(m->reply))
		return vn_vfu_stream_error(s, "a reply has the wrong size");
	first = m->reply[0].iov_len;
	result = vn_vfu_stream_receive(s, m->reply[0].iov_base, first, deadline, fds);
	if (result == 0)
		result = vn_vfu_stream_receive(s, m->reply[1].iov_base, size - first,
					       deadline, fds);
	m->reply_size = size;
	return result;
}

static int vfu_finish_reply(struct vn_vfu_socket *s, struct vn_vfu_message *m,
			    const struct vfu_header *header, uint64_t deadline,
			    struct vn_vfu_fds *fds)
{
	int result = vfu_read_reply(s, m, header, deadline, fds);

	if (result != 0)
		return result;
	if (fds->count != 0)
		memcpy(m->reply_fds, fds->fd, fds->count * sizeof(*fds->fd));
	m->reply_fd_count = fds->count;
	fds->count = 0;
	return 0;
}

static int vfu_read_header(struct vn_vfu_socket *s, struct vfu_header *header,
			   uint64_t deadline, struct vn_vfu_fds *fds)
{
	int result = vn_vfu_stream_receive(s, header, sizeof(*header), deadline, fds);

	if (result == 0 && header->size < sizeof(*header))
		result = vn_vfu_stream_error(s, "a message is shorter than a header");
	return result;
}

static int vfu_wait_reply(struct vn_vfu_socket *s, struct vn_vfu_message *m,
			  uint16_t id, uint64_t deadline)
{
	struct vn_vfu_fds fds = { .room = m->reply_fds_room };
	struct vfu_header header;
	int result;

	/* What began before our request is a command. */
	result = s->have != 0 ? vfu_serve(s, deadline) : 0;
	while (result == 0) {
		result = vfu_read_header(s, &header, deadline, &fds);
		if (result != 0 ||
		    (header.flags & VU_TYPE_MASK) != VU_TYPE_COMMAND)
			break;
		if (fds.count != 0)
			result = vn_vfu_stream_error(
				s, "a command comes with descriptors");
		s->command = header;
		s->have = sizeof(header);
		if (result == 0)
			result = vfu_check_command(s);
		if (result == 0)
			result = vfu_serve(s, deadline);
		/* A server that always has one more command never gets to the
		 * reply. */
		if (result == 0 && vn_now() >= deadline)
			result = vn_vfu_stream_late(s);
		if (result != 0)
			break;
	}
	if (result == 0 && ((header.flags & VU_TYPE_MASK) != VU_TYPE_REPLY ||
			    header.id != id || header.command != m->command))
		result = vn_vfu_stream_error(
			s, "a reply is to something that was not asked");
	if (result == 0)
		result = vfu_finish_reply(s, m, &header, deadline, &fds);
	vn_vfu_fds_close(&fds);
	return result;
}

/* ---- message budget ---- */

static uint64_t vfu_deadline_from(struct vn_vfu_socket *s, uint64_t now)
{
	s->budget += (now - s->since) / VN_VU_REFILL;
	if (s->budget > s->reply_timeout)
		s->budget = s->reply_timeout;
	return now + s->budget + VN_VU_FREE;
}

static void vfu_waited(struct vn_vfu_socket *s, uint64_t start)
{
	uint64_t took;

	s->since = vn_now();
	took = s->since - start;
	took = took > VN_VU_FREE ? took - VN_VU_FREE : 0;
	s->budget -= took < s->budget ? took : s->budget;
}

/* A mutex alone may be taken again and again by a thread that kicks all the time. */
void vn_vfu_lock(struct vn_vfu_socket *s)
{
	uint32_t ticket;

	pthread_mutex_lock(&s->lock);
	ticket = s->tickets++;
	while (ticket != s->serving)
		pthread_cond_wait(&s->turn, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

void vn_vfu_unlock(struct vn_vfu_socket *s)
{
	pthread_mutex_lock(&s->lock);
	s->serving++;
	pthread_cond_broadcast(&s->turn);
	pthread_mutex_unlock(&s->lock);
}

static int vfu_call(struct vn_vfu_socket *s, struct vn_vfu_message *m)
{
	uint64_t start = vn_now(), deadline;
	uint16_t id = s->next_id++;
	int result;

	if (s->gone)
		return vn_vfu_stream_gone(s);
	deadline = vfu_deadline_from(s, start);
	result = vfu_send_command(s, m, id, deadline);
	if (result == 0)
		result = vfu_wait_reply(s, m, id, deadline);
	vfu_waited(s, start);
	if (result != 0 && m->refused == 0)
		vn_error_prefix(result, "%s: %s", s->name, m->what);
	return result;
}

int vn_vfu_call(struct vn_vfu_socket *s, struct vn_vfu_message *m)
{
	int result;

	m->refused = 0;
	m->reply_size = 0;
	m->reply_fd_count = 0;
	vn_vfu_lock(s);
	result = vfu_call(s, m);
	vn_vfu_unlock(s);
	return result;
}

/* A command that has begun: it has its time too. */
static int vfu_partial(struct vn_vfu_socket *s, uint64_t now)
{
	if (s->have == 0)
		s->begun = 0;
	else if (s->begun == 0)
		s->begun = now;
	else if (now - s->begun > s->reply_timeout)
		return vn_vfu_stream_late(s);
	return s->have != 0 ? -EAGAIN : 0;
}

int vn_vfu_service(struct vn_vfu_socket *s)
{
	uint64_t start = vn_now(), deadline;
	int result = 0, whole = 1;

	vn_vfu_lock(s);
	if (s->gone) {
		result = vn_vfu_stream_gone(s);
	} else {
		deadline = vfu_deadline_from(s, start);
		for (int i = 0; i < SERVICE_MAX && result == 0 && whole > 0; i++) {
			whole = vfu_gather(s);
			result = whole > 0 ? vfu_exchange(s, deadline) : whole;
		}
		if (result == 0 && whole == 0)
			result = vfu_partial(s, start);
		vfu_waited(s, start);
	}
	vn_vfu_unlock(s);
	return result;
}

/* ---- connecting ---- */

int vn_vfu_connect(struct vn_vfu_socket *s, const char *path)
{
	static const struct vn_socket_peer server = { "server", "" };
	int result;

	s->fd = -1;
	s->gone = true;
	s->budget = s->reply_timeout;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->turn, NULL);
	/* Before the server is touched. */
	result = vn_lock_take(path, &s->owner);
	if (result == 0)
		result = vn_socket_connect(path, &server, 0, &s->fd);
	if (result != 0)
		return vn_error_prefix(result, "%s", s->name);
	s->incoming = malloc(sizeof(struct vfu_dma_access) + VN_VU_DATA_MAX);
	if (s->incoming == NULL)
		return vn_error(ENOMEM, "%s: no memory", s->name);
	s->gone = false;
	s->since = vn_now();
	return 0;
}

void vn_vfu_disconnect(struct vn_vfu_socket *s)
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
