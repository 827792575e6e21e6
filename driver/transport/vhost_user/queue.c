/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The queues of a vhost-user device: setting them up, starting them, and which of them
 * the back end may use.
 *
 * Source: "Multiple queue support".
 */
#include <errno.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/spec/virtio.h"
#include "driver/transport/vhost.h"
#include "driver/transport/vhost_user/internal.h"

void vn_vhost_user_queues_close(struct vn_vhost_user *t)
{
	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX; i++)
		vn_vhost_user_ring_close(&t->queue[i]);
	vn_vhost_user_inflight_drop(t);
}

int vn_vhost_user_queue_max(struct vn_transport *transport, unsigned int index,
			    uint16_t *size)
{
	const struct vn_vhost_user *t = vn_vhost_user(transport);

	/* The protocol has no question for it. */
	*size = index < vn_vhost_user_queue_count(t) ? QUEUE_SIZE_MAX : 0;
	return 0;
}

int vn_vhost_user_queue_setup(struct vn_transport *transport, unsigned int index,
			      uint16_t size, int *vector,
			      const struct vn_ring_areas *areas,
			      struct vn_doorbell *doorbell)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	struct vn_vhost_user_queue *queue;
	int result;

	if (index >= vn_vhost_user_queue_count(t))
		return vn_error(ENOENT, "vhost-user: the back end has no queue %u",
				index);
	queue = &t->queue[index];
	vn_vhost_user_ring_close(queue);
	*queue = (struct vn_vhost_user_queue){
		.size = size,
		.areas = *areas,
		.call_fd = *vector >= 0 ? t->vectors.fds[*vector] : -1,
	};
	result = vn_eventfd_open(&queue->kick_fd, "queue", index);
	if (result)
		return result;
	queue->set_up = true;
	result = vn_vhost_user_regions_send(t);
	if (result == 0)
		result = vn_vhost_user_ring_set(t, index,
						vn_vhost_first_position(&t->accepted));
	if (result) {
		vn_vhost_user_ring_close(queue);
		return result;
	}
	*doorbell = (struct vn_doorbell){ .fd = queue->kick_fd };
	return 0;
}

int vn_vhost_user_queue_enable(struct vn_transport *transport,
			       unsigned int index)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	int result = vn_vhost_user_inflight_share(t);

	return result ? result : vn_vhost_user_ring_start(t, index);
}

/*
 * Rings can be enabled one by one with protocol features only, and there is one pair
 * without. If one of them is refused the smaller number holds, for the next back end
 * and after a reset too, and the next order is for all rings.
 */
int vn_vhost_user_pairs_use(struct vn_transport *transport, unsigned int pairs)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	unsigned int before = t->pairs;
	bool all = t->pairs_unsure, more = false;
	int result = 0;

	for (unsigned int i = 0; i < VHOST_USER_QUEUES_MAX && result == 0; i++) {
		bool on = i / 2 < pairs;

		if (!t->queue[i].set_up || (!all && on == (i / 2 < before)))
			continue;
		result = vn_vhost_user_set_state(
			t, VHOST_USER_SET_VRING_ENABLE, i, on);
		more |= on;
	}
	if (result == 0 && more)
		result = vn_vhost_user_kick_all(t);
	t->pairs = result && before < pairs ? before : pairs;
	t->pairs_unsure = result != 0;
	return result;
}
