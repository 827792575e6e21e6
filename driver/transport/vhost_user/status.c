/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Features, status and reset of a vhost-user device. A device reset comes after every
 * ring was given back.
 *
 * Source: "Device Initialization", VHOST_USER_SET_FEATURES, VHOST_USER_SET_STATUS,
 * VHOST_USER_RESET_DEVICE.
 */
#include <poll.h>

#include "base/error.h"
#include "base/event.h"
#include "driver/state/feature.h"
#include "driver/spec/net.h"
#include "driver/spec/virtio.h"
#include "driver/transport/vhost.h"
#include "driver/transport/vhost_user/internal.h"

#define STATUS_INTERVAL (1000 * VN_MS)

/* ---- features ---- */

/*
 * What the carrier keeps to itself: its own bits, translation by messages (without
 * which the memory table confines the back end), and the control queue, which in this
 * protocol is the front end's to answer (no back end serves it).
 */
int vn_vhost_user_features_read(struct vn_transport *transport,
				struct vionet_features *offered)
{
	static const uint8_t kept[] = {
		VHOST_F_LOG_ALL,
		VHOST_USER_F_PROTOCOL_FEATURES,
		F_ACCESS_PLATFORM,
		NET_F_CTRL_VQ,
	};
	struct vn_vhost_user *t = vn_vhost_user(transport);

	*offered = vn_vhost_features(t->features);
	for (size_t i = 0; i < sizeof(kept); i++)
		vn_feature_remove(offered, kept[i]);
	return 0;
}

int vn_vhost_user_features_write(struct vn_transport *transport,
				 const struct vionet_features *accepted)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	/* MQ without its command: a back end that offers it stops using other queues
	 * than the first two without. */
	uint64_t own = t->features & (1ull << VHOST_USER_F_PROTOCOL_FEATURES |
				      1ull << NET_F_MQ);

	t->accepted = *accepted;
	return vn_vhost_user_set_u64(t, VHOST_USER_SET_FEATURES,
				     accepted->word[0] | own);
}

/* ---- status ---- */

/* Should the status be requested? One that works is not disturbed more than once a
 * second: that it has gone is seen without asking. */
static bool vhu_status_is_due(struct vn_vhost_user *t)
{
	uint64_t now = vn_now();

	if (!vn_vhost_user_alive(t) ||
	    !vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_STATUS) ||
	    (vn_vhost_user_rings_run(t) && (t->status & STATUS_DRIVER_OK) &&
	     now - t->status_at < STATUS_INTERVAL))
		return false;
	t->status_at = now;
	return true;
}

int vn_vhost_user_status_read(struct vn_transport *transport, uint8_t *status)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	uint64_t value = t->status;
	int result = 0;

	if (vn_event_take(t->error_fd))
		vn_vhost_user_fail(t, t->status != 0);
	if (vhu_status_is_due(t))
		result = vn_vhost_user_get_u64(t, VHOST_USER_GET_STATUS, &value);
	/* Whatever ended the session: it is for the application to begin again. */
	if (t->fd < 0)
		result = 0;
	if (result == 0 && value > UINT8_MAX)
		result = vn_error(EIO, "vhost-user: the back end's status is %#llx",
				  (unsigned long long)value);
	*status = (uint8_t)((result ? 0 : value) |
			    (t->failed ? STATUS_DEVICE_NEEDS_RESET : 0));
	return result;
}

/* Nothing is requested or received: that is the control thread's. */
int vn_vhost_user_health(struct vn_transport *transport, uint8_t *status)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	struct pollfd fds[2] = {
		{ .fd = __atomic_load_n(&t->fd, __ATOMIC_RELAXED),
		  .events = POLLRDHUP },
		{ .fd = t->error_fd, .events = POLLIN },
	};
	bool ended = fds[0].fd < 0 || __atomic_load_n(&t->failed, __ATOMIC_RELAXED);

	if (poll(fds, 2, 0) > 0)
		ended |= (fds[0].revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0 ||
			 (fds[1].revents & POLLIN) != 0;
	*status = STATUS_DRIVER_OK | (ended ? STATUS_DEVICE_NEEDS_RESET : 0);
	return 0;
}

/* ---- reset ---- */

/* All rings first, then the rest of the device. */
static int vhu_reset_device(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message message = {
		.header.request = VHOST_USER_RESET_DEVICE,
	};
	int result = vn_vhost_user_rings_stop(t);

	if (result == 0 && t->fd >= 0 &&
	    vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_RESET_DEVICE))
		result = vn_vhost_user_request(t, &message);
	if (result == 0 && t->fd >= 0 &&
	    vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_STATUS))
		result = vn_vhost_user_set_u64(t, VHOST_USER_SET_STATUS, 0);
	return result;
}

/* A session that ends on the way, or had ended before, ended the rings too. */
static int vhu_write_reset(struct vn_vhost_user *t)
{
	int result = vn_vhost_user_alive(t) ? vhu_reset_device(t) : 0;

	if (result && t->fd >= 0)
		return result;
	vn_vhost_user_queues_close(t);
	/* What was in error is gone. */
	(void)vn_event_take(t->error_fd);
	t->status = 0;
	vn_vhost_user_fail(t, false);
	t->pairs_unsure = false; /* each ring is enabled when it is set up */
	return 0;
}

/* The first step after a reset connects again, if the back end went away. */
static int vhu_ensure_session(struct vn_vhost_user *t)
{
	if (vn_vhost_user_alive(t) || t->status != 0)
		return 0;
	return vn_vhost_user_begin(t, vn_now() + t->reply_timeout);
}

int vn_vhost_user_status_write(struct vn_transport *transport, uint8_t status)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	int result = 0;

	if (status == 0)
		return vhu_write_reset(t);
	result = vhu_ensure_session(t);
	if (result == 0 && vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_STATUS))
		result = vn_vhost_user_set_u64(t, VHOST_USER_SET_STATUS, status);
	else if (result == 0 && (status & STATUS_DRIVER_OK))
		result = vn_vhost_user_sync(t); /* before the first kick */
	if (result)
		return result;
	t->status = status;
	t->status_at = 0;
	return 0;
}

/* Leave a back end that does not give the rings back. */
int vn_vhost_user_reset(struct vn_transport *transport)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);

	vn_vhost_user_end(t);
	return vhu_write_reset(t);
}
