/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: a session with a vhost-user back end: the handshake, requests and their
 * answers, and what the back end asks of us.
 * Never: goes on with a back end that answers something else than it was asked: the
 * session ends there, and with it the rings.
 * Read next: driver/transport/vhost_user/regions.c.
 *
 * Source: "Communication", "Protocol features", "VHOST_USER_PROTOCOL_F_REPLY_ACK",
 * "Back-end communication".
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vionet/error.h>

#include "base/error.h"
#include "base/notice.h"
#include "base/socket.h"
#include "driver/transport/vhost_user/internal.h"

#define BIT(n) (1ull << (n))

#define PROTOCOL_KNOWN                                                  \
	(BIT(VHOST_USER_PROTOCOL_F_MQ) |                                \
	 BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |                         \
	 BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) |                       \
	 BIT(VHOST_USER_PROTOCOL_F_CONFIG) |                            \
	 BIT(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) |                    \
	 BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |                      \
	 BIT(VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS) |               \
	 BIT(VHOST_USER_PROTOCOL_F_STATUS))

/* More memory slots than anybody needs. */
#define SLOTS_MAX 4096u

/* Requests of the back end that are taken at a time: the rest waits. */
#define HEARD_AT_ONCE 16

/* ---- beginning and end ---- */

static void forget_fd(int *fd)
{
	int old = *fd;

	/* Closing takes it out of the epoll set too. Queues' threads may be looking. */
	__atomic_store_n(fd, -1, __ATOMIC_RELAXED);
	if (old >= 0)
		close(old);
}

static void forget_channel(struct vn_vhost_user *t)
{
	forget_fd(&t->backend_fd);
	vn_vhost_user_drop_fds(&t->heard);
	t->heard_bytes = 0;
}

void vn_vhost_user_end(struct vn_vhost_user *t)
{
	if (t->fd < 0)
		return;
	snprintf(t->lost, sizeof(t->lost), "%s", vionet_error_text());
	forget_fd(&t->fd);
	forget_channel(t);
	vn_vhost_user_forget(t);
	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX; i++)
		t->queue[i].enabled = false;
	if (t->status != 0)
		vn_vhost_user_fail(t, true);
}

/* The session is over; `result` says why, and so does the text. */
static int broken(struct vn_vhost_user *t, int result, uint32_t request)
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
		vn_error(EIO, "vhost-user: the back end sends an answer that "
			 "nobody has asked for");
	else
		vn_error(ENOTCONN, "vhost-user: the back end has closed the "
			 "connection");
	vn_vhost_user_end(t);
	return false;
}

/* ---- requests ---- */

/* Until when the next answer has to be there. */
static uint64_t begin_waiting(struct vn_vhost_user *t)
{
	uint64_t now = vn_now();
	uint64_t regained = (now - t->waited_at) / 4;

	t->patience += regained < VN_VHOST_USER_PATIENCE - t->patience ?
			       regained : VN_VHOST_USER_PATIENCE - t->patience;
	t->waited_at = now;
	return now + (t->patience < VN_VHOST_USER_TIMEOUT ?
			      t->patience : VN_VHOST_USER_TIMEOUT);
}

static void end_waiting(struct vn_vhost_user *t)
{
	uint64_t now = vn_now();
	uint64_t waited = now - t->waited_at;

	t->patience -= waited < t->patience ? waited : t->patience;
	t->waited_at = now;
}

static int check_answer(const struct vn_vhost_user_message *answer,
			uint32_t request, size_t size, unsigned int fds)
{
	const struct vhost_user_header *h = &answer->header;

	if (h->request != request)
		return vn_error(EIO, "the back end answers request %u instead",
				h->request);
	if ((h->flags & VHOST_USER_REPLY) == 0)
		return vn_error(EIO, "the back end's answer is not marked as one "
				"(flags %#x)", h->flags);
	if (h->size != size)
		return vn_error(EIO, "the back end answers with %u bytes instead of "
				"%zu", h->size, size);
	if (answer->fd_count != fds)
		return vn_error(EIO, "the back end sends %u descriptors instead of "
				"%u", answer->fd_count, fds);
	return 0;
}

static int send_request(struct vn_vhost_user *t,
			struct vn_vhost_user_message *message, uint32_t flags,
			uint64_t end)
{
	message->header.flags = VHOST_USER_VERSION | flags;
	if (t->fd < 0)
		return vn_error(ENOTCONN, "vhost-user: there is no connection to "
				"the back end%s%s; stop and start the device",
				t->lost[0] ? ": " : "", t->lost);
	return vn_vhost_user_send(t->fd, message, end);
}

/* Receive the answer to `request` into the message; checked. */
static int receive_answer(struct vn_vhost_user *t,
			  struct vn_vhost_user_message *message,
			  uint32_t request, size_t size, unsigned int fds,
			  uint64_t end)
{
	int result = vn_vhost_user_receive(t->fd, message, end);

	if (result == -ETIMEDOUT)
		return vn_error(ETIMEDOUT, "the back end has not answered within "
				"%llu s, or %llu s in a row",
				VN_VHOST_USER_TIMEOUT / (1000 * VN_MS),
				VN_VHOST_USER_PATIENCE / (1000 * VN_MS));
	if (result)
		return result;
	result = check_answer(message, request, size, fds);
	if (result)
		vn_vhost_user_drop_fds(message);
	return result;
}

int vn_vhost_user_ask(struct vn_vhost_user *t,
		      struct vn_vhost_user_message *message, size_t size,
		      unsigned int fds)
{
	uint64_t end = begin_waiting(t);
	uint32_t request = message->header.request;
	int result = send_request(t, message, 0, end);

	if (result == 0)
		result = receive_answer(t, message, request, size, fds, end);
	end_waiting(t);
	return result ? broken(t, result, request) : 0;
}

int vn_vhost_user_tell(struct vn_vhost_user *t,
		       struct vn_vhost_user_message *message)
{
	bool acknowledged = vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_REPLY_ACK);
	uint64_t end = begin_waiting(t);
	uint32_t request = message->header.request;
	int result = send_request(t, message,
				  acknowledged ? VHOST_USER_NEED_REPLY : 0, end);

	if (result == 0 && acknowledged)
		result = receive_answer(t, message, request, sizeof(uint64_t), 0,
					end);
	end_waiting(t);
	if (result)
		return broken(t, result, request);
	if (acknowledged && message->payload.u64 != 0)
		return vn_error(ENOTSUP, "vhost-user: the back end refuses %s",
				vn_vhost_user_name(request));
	return 0;
}

int vn_vhost_user_tell_u64(struct vn_vhost_user *t, uint32_t request,
			   uint64_t value)
{
	struct vn_vhost_user_message message = {
		.header = { .request = request, .size = sizeof(value) },
		.payload.u64 = value,
	};

	return vn_vhost_user_tell(t, &message);
}

int vn_vhost_user_tell_state(struct vn_vhost_user *t, uint32_t request,
			     uint32_t index, uint32_t num)
{
	struct vn_vhost_user_message message = {
		.header = { .request = request,
			    .size = sizeof(struct vhost_user_state) },
		.payload.state = { index, num },
	};

	return vn_vhost_user_tell(t, &message);
}

int vn_vhost_user_ask_u64(struct vn_vhost_user *t, uint32_t request,
			  uint64_t *value)
{
	struct vn_vhost_user_message message = { .header.request = request };
	int result = vn_vhost_user_ask(t, &message, sizeof(*value), 0);

	*value = result ? 0 : message.payload.u64;
	return result;
}

int vn_vhost_user_sync(struct vn_vhost_user *t)
{
	uint64_t features;

	if (vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_REPLY_ACK))
		return 0;
	return vn_vhost_user_ask_u64(t, VHOST_USER_GET_FEATURES, &features);
}

/* A back end that has less answers with no bytes at all, which is no breach. */
int vn_vhost_user_get_config(struct vn_vhost_user *t, uint32_t size,
			     uint8_t *bytes)
{
	uint64_t end = begin_waiting(t);
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
	result = send_request(t, &message, 0, end);
	if (result == 0)
		result = vn_vhost_user_receive(t->fd, &message, end);
	end_waiting(t);
	if (result == 0) {
		bool refused = message.header.size == 0;

		result = check_answer(&message, VHOST_USER_GET_CONFIG,
				      refused ? 0 : VHOST_USER_CONFIG_HEADER + size,
				      0);
		vn_vhost_user_drop_fds(&message);
		if (result == 0 && refused)
			return vn_error(ENOTSUP, "vhost-user: the back end has no "
					"configuration of %u bytes", size);
		if (result == 0 && (config->offset != 0 || config->size != size))
			result = vn_error(EIO, "the back end answers with bytes %u "
					  "to %u", config->offset,
					  config->offset + config->size);
	}
	if (result)
		return broken(t, result, VHOST_USER_GET_CONFIG);
	memcpy(bytes, config->region, size);
	return 0;
}

/* ---- what the back end asks ---- */

static int answer_backend(struct vn_vhost_user *t,
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
static int hear_one(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message *message = &t->heard;
	int result = vn_vhost_user_receive_some(t->backend_fd, message,
						&t->heard_bytes);
	bool known;

	if (result <= 0)
		return result ? result : 1;
	t->heard_bytes = 0;
	/* SEND_FD is not agreed on: nothing that comes along is of use. */
	vn_vhost_user_drop_fds(message);
	known = message->header.request == VHOST_USER_BACKEND_CONFIG_CHANGE_MSG &&
		(message->header.flags & VHOST_USER_REPLY) == 0;
	if (known)
		t->config_changed = true;
	return answer_backend(t, message, known);
}

/* A back end that breaks this channel loses it; the rings do not need it. */
void vn_vhost_user_hear(struct vn_vhost_user *t)
{
	int result = 0;

	if (t->backend_fd < 0)
		return;
	for (unsigned int i = 0; i < HEARD_AT_ONCE && result == 0; i++)
		result = hear_one(t);
	if (result < 0) {
		forget_channel(t);
		t->base.config_interrupt = false;
	}
}

int vn_vhost_user_watch(struct vn_vhost_user *t, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (epoll_ctl(t->base.event_fd, EPOLL_CTL_ADD, fd, &event))
		return vn_error_errno(errno, "epoll_ctl");
	return 0;
}

/* A socket pair: the back end asks at one end, we listen at the other. */
static int open_backend_channel(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message message = {
		.header.request = VHOST_USER_SET_BACKEND_REQ_FD,
		.fd_count = 1,
	};
	int pair[2], result;

	t->base.config_interrupt = false;
	if (!vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_BACKEND_REQ))
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return vn_error_errno(errno, "socketpair");
	t->backend_fd = pair[0];
	message.fd[0] = pair[1];
	result = vn_vhost_user_tell(t, &message);
	close(pair[1]);
	if (result == 0)
		result = vn_vhost_user_watch(t, t->backend_fd,
					     EPOLLIN | EPOLLRDHUP);
	t->base.config_interrupt =
		result == 0 && vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_CONFIG);
	return result;
}

/* ---- the handshake ---- */

static int agree_on_protocol(struct vn_vhost_user *t)
{
	uint64_t offered = 0;
	int result = vn_vhost_user_ask_u64(t, VHOST_USER_GET_FEATURES,
					   &t->features);

	t->protocol = 0;
	if (result == -ENOTCONN)
		return vn_error(ENODEV, "the back end hung up at once: it has a front "
				"end already (most serve one at a time), or speaks "
				"something else than vhost-user");
	if (result || !vn_vhost_user_offers(t, VHOST_USER_F_PROTOCOL_FEATURES))
		return result;
	result = vn_vhost_user_ask_u64(t, VHOST_USER_GET_PROTOCOL_FEATURES,
				       &offered);
	offered &= PROTOCOL_KNOWN;
	if (result == 0)
		result = vn_vhost_user_tell_u64(
			t, VHOST_USER_SET_PROTOCOL_FEATURES, offered);
	if (result == 0)
		t->protocol = offered;
	return result;
}

/* For a network device this counts pairs. */
static int count_queues(struct vn_vhost_user *t)
{
	uint64_t pairs = 1;
	int result = 0;

	if (vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_MQ))
		result = vn_vhost_user_ask_u64(t, VHOST_USER_GET_QUEUE_NUM,
					       &pairs);
	if (result == 0 && pairs == 0)
		result = vn_error(EIO, "vhost-user: the back end says that it has no "
				  "queue");
	if (pairs > VHOST_USER_QUEUES_MAX / 2)
		pairs = VHOST_USER_QUEUES_MAX / 2;
	t->base.queue_count = (uint16_t)(pairs * 2);
	t->base.pairs_enabled = (uint16_t)pairs;
	t->base.vector_max = t->base.queue_count + 1u;
	return result;
}

static int count_slots(struct vn_vhost_user *t)
{
	uint64_t slots = VHOST_USER_REGIONS_MAX;
	int result = 0;

	if (vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS))
		result = vn_vhost_user_ask_u64(t, VHOST_USER_GET_MAX_MEM_SLOTS,
					       &slots);
	if (result == 0 && slots == 0)
		result = vn_error(EIO, "vhost-user: the back end says that it takes "
				  "no memory");
	t->base.region_max = slots < SLOTS_MAX ? (uint32_t)slots : SLOTS_MAX;
	return result;
}

/* There is no way to ask how long the configuration is, but whether it has so
 * many bytes: up to each field of a network device's. */
static int measure_config(struct vn_vhost_user *t)
{
	static const uint8_t ends[] = { 24, 17, 12, 10, 8, 6 };
	uint8_t bytes[VHOST_USER_CONFIG_MAX];

	t->base.config_size = 0;
	if (!vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_CONFIG))
		return 0;
	for (unsigned int i = 0; i < sizeof(ends); i++) {
		int result = vn_vhost_user_get_config(t, ends[i], bytes);

		if (result == 0)
			t->base.config_size = ends[i];
		if (result != -ENOTSUP)
			return result;
	}
	return 0;
}

static int shake_hands(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message owner = {
		.header.request = VHOST_USER_SET_OWNER,
	};
	int result = agree_on_protocol(t);

	if (result == 0)
		result = vn_vhost_user_tell(t, &owner);
	if (result == 0)
		result = count_queues(t);
	if (result == 0)
		result = count_slots(t);
	if (result == 0)
		result = open_backend_channel(t);
	if (result == 0)
		result = measure_config(t);
	return result;
}

/* The last back end may still have the old one, and write to it whenever it likes. As
 * long as it has, closing does not take it out of the epoll set. */
static int renew_error_fd(struct vn_vhost_user *t)
{
	if (t->error_fd >= 0) {
		(void)epoll_ctl(t->base.event_fd, EPOLL_CTL_DEL, t->error_fd, NULL);
		close(t->error_fd);
	}
	t->error_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->error_fd < 0)
		return vn_error_errno(errno, "eventfd");
	return vn_vhost_user_watch(t, t->error_fd, EPOLLIN);
}

static int await_backend(struct vn_vhost_user *t, uint64_t end)
{
	if (vn_now() < end)
		vn_notice("%s: waiting for a back end to connect", t->full_name);
	return vn_vhost_user_accept(t->listening, end, &t->fd);
}

int vn_vhost_user_begin(struct vn_vhost_user *t, uint64_t end)
{
	static const struct vn_socket_peer back_end = {
		"back end", ", or let it connect to us with ',server' behind the path",
	};
	int result;

	vn_vhost_user_end(t);
	if (t->listening >= 0)
		result = await_backend(t, end);
	else
		result = vn_socket_connect(t->name.path, &back_end, end, &t->fd);
	if (result)
		return result;
	t->protocol = 0;
	t->config_changed = false;
	t->patience = VN_VHOST_USER_PATIENCE;
	t->waited_at = vn_now();
	result = renew_error_fd(t);
	if (result == 0)
		result = vn_vhost_user_watch(t, t->fd, EPOLLIN | EPOLLRDHUP);
	if (result == 0)
		result = shake_hands(t);
	if (result == 0)
		result = vn_vhost_user_check_kept(t);
	if (result) {
		vn_vhost_user_end(t);
		return result;
	}
	t->lost[0] = '\0';
	return 0;
}
