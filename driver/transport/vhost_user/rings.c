/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Set-up of the rings with a vhost-user back end, their kicks and their return. Never
 * looks into a ring.
 *
 * Source: "Ring states", "Starting and stopping rings".
 */
#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/spec/virtio.h"
#include "driver/transport/vhost.h"
#include "driver/transport/vhost_user/internal.h"

bool vn_vhost_user_rings_run(const struct vn_vhost_user *t)
{
	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX; i++)
		if (t->queue[i].enabled)
			return true;
	return false;
}

/* ---- where a ring is ---- */

/* A descriptor for a ring, or word that there is none. */
static int vhu_set_vring_fd(struct vn_vhost_user *t, uint32_t request,
			    unsigned int index, int fd)
{
	struct vn_vhost_user_message message = {
		.header = { .request = request, .size = sizeof(uint64_t) },
		.payload.u64 = index | (fd < 0 ? VHOST_USER_VRING_NO_FD : 0),
		.fd = { fd },
		.fd_count = fd >= 0,
	};

	return vn_vhost_user_request(t, &message);
}

static int vhu_set_vring_addr(struct vn_vhost_user *t, unsigned int index,
			      const struct vn_ring_areas *areas)
{
	struct vn_vhost_user_message message = {
		.header = { .request = VHOST_USER_SET_VRING_ADDR,
			    .size = sizeof(struct vhost_user_address) },
		.payload.address = {
			.index = index,
			.descriptor = areas->descriptor.iova,
			.available = areas->driver.iova,
			.used = areas->device.iova,
		},
	};

	return vn_vhost_user_request(t, &message);
}

/* All about a ring but starting it. */
int vn_vhost_user_ring_set(struct vn_vhost_user *t, unsigned int index,
			   uint16_t next)
{
	const struct vn_vhost_user_queue *queue = &t->queue[index];
	int result = vn_vhost_user_set_state(t, VHOST_USER_SET_VRING_NUM, index,
					     queue->size);

	if (result == 0)
		result = vn_vhost_user_set_state(t, VHOST_USER_SET_VRING_BASE,
						 index, vn_vhost_base(&t->accepted, next));
	if (result == 0)
		result = vhu_set_vring_addr(t, index, &queue->areas);
	if (result == 0)
		result = vhu_set_vring_fd(t, VHOST_USER_SET_VRING_CALL, index,
					  queue->call_fd);
	if (result == 0)
		result = vhu_set_vring_fd(t, VHOST_USER_SET_VRING_ERR, index,
					  t->error_fd);
	return result;
}

/* ---- starting, kicking, stopping ---- */

static int vhu_kick_fd(struct vn_vhost_user *t, int fd)
{
	int result = vn_event_send(&t->base.sender, fd);

	return result ? vn_error_errno(-result, "kick") : 0;
}

int vn_vhost_user_kick(struct vn_transport *transport,
		       const struct vn_doorbell *doorbell)
{
	return vhu_kick_fd(vn_vhost_user(transport), doorbell->fd);
}

/* Have all rings that run looked at, once the back end knows what is new: a kick may
 * have been for nothing before. */
int vn_vhost_user_kick_all(struct vn_vhost_user *t)
{
	int result = vn_vhost_user_sync(t);

	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX && result == 0; i++)
		if (t->queue[i].enabled)
			result = vhu_kick_fd(t, t->queue[i].kick_fd);
	return result;
}

/*
 * Some back ends forget their rings with each change of the table, and find them by
 * their addresses only; a kick that came in between was for nothing. One that refuses
 * has no rings any more: that ends the session.
 */
int vn_vhost_user_rings_readdress(struct vn_vhost_user *t)
{
	int result = 0;

	if (!vn_vhost_user_rings_run(t))
		return 0;
	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX && result == 0; i++)
		if (t->queue[i].enabled)
			result = vhu_set_vring_addr(t, i, &t->queue[i].areas);
	if (result == 0)
		result = vn_vhost_user_kick_all(t);
	if (result)
		vn_vhost_user_end(t);
	return result;
}

/* Start a ring, or keep it from being used: it starts with its first kick, once it is
 * enabled. */
int vn_vhost_user_ring_start(struct vn_vhost_user *t, unsigned int index)
{
	struct vn_vhost_user_queue *queue = &t->queue[index];
	int result;

	/* From here on the back end may be at it, whatever it answers. */
	queue->enabled = true;
	result = vhu_set_vring_fd(t, VHOST_USER_SET_VRING_KICK, index, queue->kick_fd);
	if (result == 0 &&
	    vn_vhost_user_offers(t, VHOST_USER_F_PROTOCOL_FEATURES))
		result = vn_vhost_user_set_state(
			t, VHOST_USER_SET_VRING_ENABLE, index,
			index / 2 < t->pairs);
	return result;
}

/* The back end gives the ring back; whatever it had not done, it will not do. */
static int vhu_stop_ring(struct vn_vhost_user *t, unsigned int index)
{
	struct vn_vhost_user_message message = {
		.header = { .request = VHOST_USER_GET_VRING_BASE,
			    .size = sizeof(struct vhost_user_state) },
		.payload.state.index = index,
	};
	int result = 0;

	if (vn_vhost_user_offers(t, VHOST_USER_F_PROTOCOL_FEATURES))
		result = vn_vhost_user_set_state(
			t, VHOST_USER_SET_VRING_ENABLE, index, 0);
	if (result == 0)
		result = vn_vhost_user_request_reply(t, &message,
						     sizeof(struct vhost_user_state), 0);
	if (result == 0 && message.payload.state.index != index)
		result = vn_error(EIO, "vhost-user: the back end gives queue %u back "
				  "instead of %u", message.payload.state.index,
				  index);
	return result;
}

int vn_vhost_user_rings_stop(struct vn_vhost_user *t)
{
	int result = 0;

	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX && result == 0; i++) {
		struct vn_vhost_user_queue *queue = &t->queue[i];

		if (queue->enabled && t->fd >= 0)
			result = vhu_stop_ring(t, i);
		queue->enabled = queue->enabled && result != 0;
	}
	return result;
}

void vn_vhost_user_ring_close(struct vn_vhost_user_queue *queue)
{
	if (queue->set_up && queue->kick_fd >= 0)
		close(queue->kick_fd);
	*queue = (struct vn_vhost_user_queue){ .kick_fd = -1, .call_fd = -1 };
}
