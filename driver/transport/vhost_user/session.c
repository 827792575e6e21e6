/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The beginning of a session with a vhost-user back end: the connection, the handshake,
 * and whether the back end can have what is kept from earlier sessions.
 *
 * Source: "Protocol features", "Back-end communication", "Device Initialization".
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
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

/* More memory slots than any device needs. */
#define SLOTS_MAX 4096u

/* ---- the back end's channel ---- */

static int vhu_watch(struct vn_vhost_user *t, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	if (epoll_ctl(t->base.event_fd, EPOLL_CTL_ADD, fd, &event))
		return vn_error_errno(errno, "epoll_ctl");
	return 0;
}

/* A socket pair: the back end sends requests at one end, we receive at the other. */
static int vhu_open_backend_channel(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message message = {
		.header.request = VHOST_USER_SET_BACKEND_REQ_FD,
		.fd_count = 1,
	};
	int pair[2], result;

	t->config_interrupt = false;
	if (!vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_BACKEND_REQ))
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return vn_error_errno(errno, "socketpair");
	t->backend_fd = pair[0];
	message.fd[0] = pair[1];
	result = vn_vhost_user_request(t, &message);
	close(pair[1]);
	if (result == 0)
		result = vhu_watch(t, t->backend_fd, EPOLLIN | EPOLLRDHUP);
	t->config_interrupt =
		result == 0 && vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_CONFIG);
	return result;
}

/* ---- the handshake ---- */

static int vhu_negotiate_protocol(struct vn_vhost_user *t)
{
	uint64_t offered = 0;
	int result = vn_vhost_user_get_u64(t, VHOST_USER_GET_FEATURES,
					   &t->features);

	t->protocol = 0;
	if (result == -ENOTCONN)
		return vn_error(ENODEV, "the back end hung up at once: it has a front "
				"end already (most serve one at a time), or speaks "
				"something else than vhost-user");
	if (result || !vn_vhost_user_offers(t, VHOST_USER_F_PROTOCOL_FEATURES))
		return result;
	result = vn_vhost_user_get_u64(t, VHOST_USER_GET_PROTOCOL_FEATURES,
				       &offered);
	offered &= PROTOCOL_KNOWN;
	if (result == 0)
		result = vn_vhost_user_set_u64(
			t, VHOST_USER_SET_PROTOCOL_FEATURES, offered);
	if (result == 0)
		t->protocol = offered;
	return result;
}

/* For a network device this counts pairs. */
static int vhu_count_queues(struct vn_vhost_user *t)
{
	uint64_t pairs = 1;
	int result = 0;

	if (vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_MQ))
		result = vn_vhost_user_get_u64(t, VHOST_USER_GET_QUEUE_NUM,
					       &pairs);
	if (result == 0 && pairs == 0)
		result = vn_error(EIO, "vhost-user: the back end says that it has no "
				  "queue");
	if (pairs > VHOST_USER_QUEUES_MAX / 2)
		pairs = VHOST_USER_QUEUES_MAX / 2;
	t->pairs_max = (uint16_t)pairs;
	return result;
}

static int vhu_count_slots(struct vn_vhost_user *t)
{
	uint64_t slots = VHOST_USER_REGIONS_MAX;
	int result = 0;

	if (vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS))
		result = vn_vhost_user_get_u64(t, VHOST_USER_GET_MAX_MEM_SLOTS,
					       &slots);
	if (result == 0 && slots == 0)
		result = vn_error(EIO, "vhost-user: the back end says that it takes "
				  "no memory");
	t->region_max = slots < SLOTS_MAX ? (uint32_t)slots : SLOTS_MAX;
	return result;
}

/* No request says how long the configuration is, but whether it has so
 * many bytes: up to each field of a network device's. */
static int vhu_measure_config(struct vn_vhost_user *t)
{
	static const uint8_t ends[] = { 24, 17, 12, 10, 8, 6 };
	uint8_t bytes[VHOST_USER_CONFIG_MAX];

	t->config_size = 0;
	if (!vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_CONFIG))
		return 0;
	for (unsigned int i = 0; i < sizeof(ends); i++) {
		int result = vn_vhost_user_get_config(t, ends[i], bytes);

		if (result == 0)
			t->config_size = ends[i];
		if (result != -ENOTSUP)
			return result;
	}
	return 0;
}

static int vhu_handshake(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message owner = {
		.header.request = VHOST_USER_SET_OWNER,
	};
	int result = vhu_negotiate_protocol(t);

	if (result == 0)
		result = vn_vhost_user_request(t, &owner);
	if (result == 0)
		result = vhu_count_queues(t);
	if (result == 0)
		result = vhu_count_slots(t);
	if (result == 0)
		result = vhu_open_backend_channel(t);
	if (result == 0)
		result = vhu_measure_config(t);
	return result;
}

/* ---- what is kept ---- */

static unsigned int vhu_queues_in_use(const struct vn_vhost_user *t)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX; i++)
		if (t->queue[i].set_up)
			count = i + 1;
	return count;
}

/*
 * Memory is kept for as long as the device is open, rings and the features that their
 * buffers were made for until they are stopped. What is kept in addition is checked
 * here too.
 */
static int vhu_check_kept(const struct vn_vhost_user *t)
{
	unsigned int queues = vhu_queues_in_use(t);
	uint64_t missing = t->accepted.word[0] & ~t->features;

	if (t->regions.count > t->region_max)
		return vn_error(ENOTSUP, "vhost-user: the back end that answers now "
					 "takes %u memory regions, %u are in use; destroy "
					 "pools, or close the device and open it again",
				t->region_max, t->regions.count);
	if (queues == 0)
		return 0;
	if (missing)
		return vn_error(ENOTSUP, "vhost-user: the back end that answers now "
				"does not offer what was agreed on with the last one "
				"(bits %#llx); stop and start the device",
				(unsigned long long)missing);
	if (queues > vn_vhost_user_queue_count(t))
		return vn_error(ENOTSUP, "vhost-user: the back end that answers now "
				"has %u queues, %u are in use; stop the device, and "
				"start it with fewer", vn_vhost_user_queue_count(t),
				queues);
	return 0;
}

/* ---- connecting ---- */

/* The last back end may still have the old one, and write to it whenever it likes. As
 * long as it has, closing does not take it out of the epoll set. */
static int vhu_renew_error_fd(struct vn_vhost_user *t)
{
	if (t->error_fd >= 0) {
		(void)epoll_ctl(t->base.event_fd, EPOLL_CTL_DEL, t->error_fd, NULL);
		close(t->error_fd);
	}
	t->error_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (t->error_fd < 0)
		return vn_error_errno(errno, "eventfd");
	return vhu_watch(t, t->error_fd, EPOLLIN);
}

static int vhu_await_backend(struct vn_vhost_user *t, uint64_t end)
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
		result = vhu_await_backend(t, end);
	else
		result = vn_socket_connect(t->name.path, &back_end, end, &t->fd);
	if (result)
		return result;
	t->protocol = 0;
	t->config_changed = false;
	t->budget = 2 * t->reply_timeout;
	t->budget_at = vn_now();
	result = vhu_renew_error_fd(t);
	if (result == 0)
		result = vhu_watch(t, t->fd, EPOLLIN | EPOLLRDHUP);
	if (result == 0)
		result = vhu_handshake(t);
	if (result == 0)
		result = vhu_check_kept(t);
	if (result) {
		vn_vhost_user_end(t);
		return result;
	}
	t->lost[0] = '\0';
	vn_log(VIONET_LOG_DEBUG, "%s: handshake: protocol features 0x%llx", t->full_name,
	       (unsigned long long)t->protocol);
	return 0;
}
