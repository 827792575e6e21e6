/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests to a vhost-user back end with their replies and acknowledgements, what the
 * back end requests of us, and the end of a session. A back end that replies with
 * something else than was requested ends the session, and with it the rings.
 *
 * Source: "Communication", "VHOST_USER_PROTOCOL_F_REPLY_ACK", "Back-end communication".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vionet/error.h>

#include "base/error.h"
#include "driver/transport/vhost_user/internal.h"

/* Requests of the back end that are taken at a time: the rest waits. */
#define BACKEND_REQUESTS_AT_ONCE 16

/* ---- the end ---- */

static void vhu_forget_fd(int *fd)
{
	int old = *fd;

	/* Closing takes it out of the epoll set too. Queues' threads may be looking. */
	__atomic_store_n(fd, -1, __ATOMIC_RELAXED);
	if (old >= 0)
		close(old);
}

static void vhu_forget_channel(struct vn_vhost_user *t)
{
	vhu_forget_fd(&t->backend_fd);
	t->backend_request_bytes = 0;
}

void vn_vhost_user_end(struct vn_vhost_user *t)
{
	if (t->fd < 0)
		return;
	snprintf(t->lost, sizeof(t->lost), "%s", vionet_error_text());
	vhu_forget_fd(&t->fd);
	vhu_forget_channel(t);
	/* The back end's table and the rings ended with it. */
	for (uint32_t i = 0; i < t->regions.count; i++)
		t->regions.region[i].seen = false;
	t->table_unsent = t->regions.count != 0;
	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX; i++)
		t->queue[i].enabled = false;
	if (t->status != 0)
		vn_vhost_user_fail(t, true);
}

/* The session is over; `result` says why, and so does the text. */
static int vhu_session_error(struct vn_vhost_user *t, int result, uint32_t request)
{
	vn_error_prefix(result, "vhost-user: %s", vn_vhost_user_name(request));
	vn_vhost_user_end(t);
	return result;
}

bool vn_vhost_user_alive(struct vn_vhost_user *t)
{
	uint8_t byte;
	ssize_t got;

	if (t->fd < 0)
		return false;
	got = recv(t->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (got > 0)
		vn_error(EIO, "vhost-user: the back end sends an unsolicited "
			 "reply");
	else
		vn_error(ENOTCONN, "vhost-user: the back end has closed the "
			 "connection");
	vn_vhost_user_end(t);
	return false;
}

/* ---- requests ---- */

/* Until when the next reply has to be there. */
static uint64_t vhu_reply_deadline(struct vn_vhost_user *t)
{
	uint64_t now = vn_now();
	uint64_t regained = (now - t->budget_at) / 4;
	uint64_t room = 2 * t->reply_timeout - t->budget;

	t->budget += regained < room ? regained : room;
	t->budget_at = now;
	return now + (t->budget < t->reply_timeout ? t->budget : t->reply_timeout);
}

static void vhu_budget_charge(struct vn_vhost_user *t)
{
	uint64_t now = vn_now();
	uint64_t waited = now - t->budget_at;

	t->budget -= waited < t->budget ? waited : t->budget;
	t->budget_at = now;
}

static int vhu_check_reply(const struct vn_vhost_user_message *reply,
			   uint32_t request, size_t size, unsigned int fds)
{
	const struct vhost_user_header *h = &reply->header;

	if (h->request != request)
		return vn_error(EIO, "the back end answers request %u instead",
				h->request);
	if ((h->flags & VHOST_USER_REPLY) == 0)
		return vn_error(EIO, "the back end's answer is not marked as one "
				"(flags %#x)", h->flags);
	if (h->size != size)
		return vn_error(EIO, "the back end answers with %u bytes instead of "
				"%zu", h->size, size);
	if (reply->fd_count != fds)
		return vn_error(EIO, "the back end sends %u descriptors instead of "
				"%u", reply->fd_count, fds);
	return 0;
}

/* It neither takes a request nor replies. */
static int vhu_in_time(const struct vn_vhost_user *t, int result)
{
	if (result != -ETIMEDOUT)
		return result;
	(void)vn_error(ETIMEDOUT, "the back end has not answered within %g s, or %g s in a row",
		       (double)t->reply_timeout / 1e9, 2 * (double)t->reply_timeout / 1e9);
	return vn_error_remedy(result, VIONET_REMEDY_REPLY_TIMEOUT, NULL);
}

static int vhu_send_request(struct vn_vhost_user *t,
			    struct vn_vhost_user_message *message, uint32_t flags,
			    uint64_t end)
{
	message->header.flags = VHOST_USER_VERSION | flags;
	if (t->fd < 0)
		return vn_error(ENOTCONN, "vhost-user: there is no connection to "
				"the back end%s%s; stop and start the device",
				t->lost[0] ? ": " : "", t->lost);
	return vhu_in_time(t, vn_vhost_user_send(t->fd, message, end));
}

/* Receive the reply to `request` into the message; checked. */
static int vhu_receive_reply(struct vn_vhost_user *t,
			     struct vn_vhost_user_message *message,
			     uint32_t request, size_t size, unsigned int fds,
			     uint64_t end)
{
	int result = vhu_in_time(t, vn_vhost_user_receive(t->fd, message, fds, end));

	if (result)
		return result;
	result = vhu_check_reply(message, request, size, fds);
	if (result)
		vn_vhost_user_drop_fds(message);
	return result;
}

int vn_vhost_user_request_reply(struct vn_vhost_user *t,
				struct vn_vhost_user_message *message, size_t size,
				unsigned int fds)
{
	uint64_t end = vhu_reply_deadline(t);
	uint32_t request = message->header.request;
	int result = vhu_send_request(t, message, 0, end);

	if (result == 0)
		result = vhu_receive_reply(t, message, request, size, fds, end);
	vhu_budget_charge(t);
	return result ? vhu_session_error(t, result, request) : 0;
}

int vn_vhost_user_request(struct vn_vhost_user *t,
			  struct vn_vhost_user_message *message)
{
	bool acknowledged = vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_REPLY_ACK);
	uint64_t end = vhu_reply_deadline(t);
	uint32_t request = message->header.request;
	int result = vhu_send_request(t, message,
				      acknowledged ? VHOST_USER_NEED_REPLY : 0, end);

	if (result == 0 && acknowledged)
		result = vhu_receive_reply(t, message, request, sizeof(uint64_t), 0,
					   end);
	vhu_budget_charge(t);
	if (result)
		return vhu_session_error(t, result, request);
	if (acknowledged && message->payload.u64 != 0)
		return vn_error(ENOTSUP, "vhost-user: the back end refuses %s",
				vn_vhost_user_name(request));
	return 0;
}

int vn_vhost_user_set_u64(struct vn_vhost_user *t, uint32_t request,
			  uint64_t value)
{
	struct vn_vhost_user_message message = {
		.header = { .request = request, .size = sizeof(value) },
		.payload.u64 = value,
	};

	return vn_vhost_user_request(t, &message);
}

int vn_vhost_user_set_state(struct vn_vhost_user *t, uint32_t request,
			    uint32_t index, uint32_t num)
{
	struct vn_vhost_user_message message = {
		.header = { .request = request,
			    .size = sizeof(struct vhost_user_state) },
		.payload.state = { index, num },
	};

	return vn_vhost_user_request(t, &message);
}

int vn_vhost_user_get_u64(struct vn_vhost_user *t, uint32_t request,
			  uint64_t *value)
{
	struct vn_vhost_user_message message = { .header.request = request };
	int result = vn_vhost_user_request_reply(t, &message, sizeof(*value), 0);

	*value = result ? 0 : message.payload.u64;
	return result;
}

int vn_vhost_user_sync(struct vn_vhost_user *t)
{
	uint64_t features;

	if (vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_REPLY_ACK))
		return 0;
	return vn_vhost_user_get_u64(t, VHOST_USER_GET_FEATURES, &features);
}

/* A back end that has less replies with no bytes at all, which is no protocol error. */
int vn_vhost_user_get_config(struct vn_vhost_user *t, uint32_t size,
			     uint8_t *bytes)
{
	uint64_t end = vhu_reply_deadline(t);
	struct vn_vhost_user_message message = {
		.header = { .request = VHOST_USER_GET_CONFIG,
			    .size = VHOST_USER_CONFIG_HEADER + size },
		.payload.config.size = size,
	};
	const struct vhost_user_config *config = &message.payload.config;
	int result;

	if (size > VHOST_USER_CONFIG_MAX)
		return vn_error(EINVAL, "vhost-user: no configuration has %u bytes",
				size);
	result = vhu_send_request(t, &message, 0, end);
	if (result == 0)
		result = vhu_in_time(t, vn_vhost_user_receive(t->fd, &message, 0, end));
	vhu_budget_charge(t);
	if (result == 0) {
		bool refused = message.header.size == 0;

		result = vhu_check_reply(&message, VHOST_USER_GET_CONFIG,
					 refused ? 0 : VHOST_USER_CONFIG_HEADER + size,
					 0);
		if (result == 0 && refused)
			return vn_error(ENOTSUP, "vhost-user: the back end has no "
					"configuration of %u bytes", size);
		if (result == 0 && (config->offset != 0 || config->size != size))
			result = vn_error(EIO, "the back end answers with bytes %u "
					  "to %u", config->offset,
					  config->offset + config->size);
	}
	if (result)
		return vhu_session_error(t, result, VHOST_USER_GET_CONFIG);
	memcpy(bytes, config->region, size);
	return 0;
}

/* ---- requests of the back end ---- */

static int vhu_reply_to_backend(struct vn_vhost_user *t,
				struct vn_vhost_user_message *message, bool done)
{
	if ((message->header.flags & VHOST_USER_NEED_REPLY) == 0 ||
	    !vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_REPLY_ACK))
		return 0;
	message->header.flags = VHOST_USER_VERSION | VHOST_USER_REPLY;
	message->header.size = sizeof(uint64_t);
	message->payload.u64 = done ? 0 : 1;
	return vn_vhost_user_send(t->backend_fd, message, vn_now());
}

/* One request; 0 if there may be more. What has come of one is kept: the rest is not
 * waited for. */
static int vhu_take_backend_request(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message *message = &t->backend_request;
	/* SEND_FD is not agreed on: nothing that comes along is of use. */
	int result = vn_vhost_user_receive_some(t->backend_fd, message, -1,
						&t->backend_request_bytes);
	bool known;

	if (result <= 0)
		return result ? result : 1;
	t->backend_request_bytes = 0;
	known = message->header.request == VHOST_USER_BACKEND_CONFIG_CHANGE_MSG &&
		(message->header.flags & VHOST_USER_REPLY) == 0;
	if (known)
		t->config_changed = true;
	return vhu_reply_to_backend(t, message, known);
}

/* A back end that breaks this channel loses it; the rings do not need it. */
void vn_vhost_user_backend_requests(struct vn_vhost_user *t)
{
	int result = 0;

	if (t->backend_fd < 0)
		return;
	for (unsigned int i = 0; i < BACKEND_REQUESTS_AT_ONCE && result == 0; i++)
		result = vhu_take_backend_request(t);
	if (result < 0) {
		vhu_forget_channel(t);
		t->config_interrupt = false;
	}
}
