/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A running device goes on with another back end: it is initialized again, and the rings
 * start where their owner says.
 *
 * Source: "Inflight I/O tracking", "Device Initialization".
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/spec/virtio.h"
#include "driver/transport/vhost_user/internal.h"

/* A last back end that hangs may still wait for kicks, and take those that are the new
 * one's: the same number becomes another eventfd. */
static int vhu_renew_kick(struct vn_vhost_user_queue *queue)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int result = 0;

	if (fd < 0)
		return vn_error_errno(errno, "eventfd for a queue");
	while (result == 0 && dup3(fd, queue->kick_fd, O_CLOEXEC) < 0)
		if (errno != EINTR)
			result = vn_error_errno(errno, "eventfd for a queue");
	close(fd);
	return result;
}

static int vhu_renew_kicks(struct vn_vhost_user *t)
{
	int result = 0;

	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX && result == 0; i++)
		if (t->queue[i].set_up)
			result = vhu_renew_kick(&t->queue[i]);
	return result;
}

/* The steps of the initialization that a new back end has to see. */
static int vhu_reinitialize(struct vn_vhost_user *t)
{
	struct vn_transport *transport = &t->base;
	uint8_t status = 0;
	int result = vn_vhost_user_status_write(
		transport, STATUS_ACKNOWLEDGE | STATUS_DRIVER);

	if (result == 0)
		result = vn_vhost_user_features_write(transport, &t->accepted);
	if (result == 0)
		result = vn_vhost_user_status_write(
			transport, STATUS_ACKNOWLEDGE | STATUS_DRIVER |
				   STATUS_FEATURES_OK);
	if (result == 0)
		result = vn_vhost_user_status_read(transport, &status);
	if (result == 0 && t->fd < 0)
		result = vn_error(ENOTCONN, "vhost-user: the back end that answered has gone, too; "
					    "reconnect once more");
	if (result == 0 && (status & STATUS_FEATURES_OK) == 0)
		result = vn_error(ENOTSUP, "vhost-user: the back end that answers now "
				  "refuses the features; stop and start the device");
	return result ? result : vn_vhost_user_regions_send(t);
}

int vn_vhost_user_reconnect(struct vn_transport *transport, unsigned int wait_ms)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	int result;

	vn_vhost_user_end(t);
	result = vn_vhost_user_begin(t, vn_now() + wait_ms * VN_MS);
	if (result)
		return result;
	/* What the last one wrote there is not true any more once a back end without
	 * a record has been at the rings. */
	if (!vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD))
		vn_vhost_user_inflight_drop(t);
	result = vhu_renew_kicks(t);
	if (result == 0)
		result = vhu_reinitialize(t);
	if (result)
		vn_vhost_user_end(t);
	return result;
}

static int vhu_start_rings(struct vn_vhost_user *t, const uint16_t *next,
			   unsigned int count)
{
	int result = 0;

	for (unsigned int i = 0; i < count && result == 0; i++)
		if (t->queue[i].set_up)
			result = vn_vhost_user_ring_set(t, i, next[i]);
	for (unsigned int i = 0; i < count && result == 0; i++)
		if (t->queue[i].set_up)
			result = vn_vhost_user_queue_enable(&t->base, i);
	t->pairs_unsure &= result != 0;
	if (result == 0)
		result = vn_vhost_user_status_write(
			&t->base, t->status | STATUS_DRIVER_OK);
	return result ? result : vn_vhost_user_kick_all(t);
}

int vn_vhost_user_resume(struct vn_transport *transport, const uint16_t *next,
			 unsigned int count)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	int result = vhu_start_rings(t, next, count);

	if (result)
		vn_vhost_user_end(t);
	vn_vhost_user_fail(t, result != 0);
	return result;
}
