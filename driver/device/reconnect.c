/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Going on with another back end where the first one went away: from which position of each
 * ring. No buffer is taken back or posted: to the queues' threads it is as if the device had
 * been slow.
 */
#include <errno.h>
#include <stdlib.h>

#include <vionet/device.h>
#include <vionet/steering.h>

#include "base/error.h"
#include "base/log.h"
#include "base/order.h"
#include "driver/device/config.h"
#include "driver/device/sizes.h"
#include "driver/net/pool.h"
#include "driver/ring/slow_path.h"
#include "driver/state/feature.h"
#include "driver/state/health.h"

/*
 * What the last back end has not completed, it may have completed out of order: what is
 * in the available ring behind its used index is then not what is outstanding. Its
 * successor begins there, so that is where the outstanding buffers go, the oldest
 * first: each is completed once (tests/models/reconnect.pml). Those that were not begun
 * stay where they are, as a record of what is in flight has it.
 */
struct replay {
	uint16_t *ids;	/* outstanding, in the order in which they are to be */
	uint8_t *known; /* by id: completed, or has its place in `ids` */
};

/* Completed, and not yet reaped by the queue's thread: checked as it would. */
static int reconnect_note_completed(struct vionet_queue *queue, uint16_t count,
				    const struct replay *r)
{
	const struct vn_split *ring = &queue->split;

	for (uint16_t i = 0; i < count && !queue->error; i++) {
		uint16_t place = (uint16_t)(ring->used_index + i) & ring->mask;
		uint32_t id = vn_load32(&ring->used->ring[place].id);

		if (id >= queue->size)
			vn_queue_break(queue, VN_QERR_ID_RANGE, id, queue->size);
		else if (queue->slots[id] == 0 || r->known[id])
			vn_queue_break(queue, VN_QERR_ID_NOT_IN_FLIGHT, id, queue->size);
		else
			r->known[id] = 1;
	}
	return queue->error ? vionet_queue_check(queue) : 0;
}

/* Order the `left` outstanding buffers from behind: an id that was used again stands
 * in the ring more than once, and the last time counts. What is not there any more is
 * older than all that is. */
static void reconnect_order_outstanding(const struct vionet_queue *queue, uint16_t left,
					const struct replay *r)
{
	const struct vn_split *ring = &queue->split;

	for (uint16_t i = 1; i <= queue->outstanding; i++) {
		uint16_t place = (uint16_t)(ring->avail_index - i) & ring->mask;
		uint16_t id = queue->ids[place];

		if (queue->slots[id] == 0 || r->known[id] || left == 0)
			continue;
		r->known[id] = 1;
		r->ids[--left] = id;
	}
	for (uint32_t id = queue->size; id-- != 0 && left != 0;)
		if (queue->slots[id] != 0 && !r->known[id])
			r->ids[--left] = (uint16_t)id;
}

static int reconnect_replay(struct vionet_queue *queue, uint16_t done)
{
	struct vn_split *ring = &queue->split;
	uint16_t left = (uint16_t)(queue->outstanding - done);
	struct replay r = {
		.ids = calloc(queue->size, sizeof(*r.ids)),
		.known = calloc(queue->size, sizeof(*r.known)),
	};
	int result = r.ids && r.known ? reconnect_note_completed(queue, done, &r) :
					vn_error(ENOMEM, "no memory");

	if (result == 0) {
		reconnect_order_outstanding(queue, left, &r);
		for (uint16_t i = 0; i < left; i++) {
			uint16_t place = (uint16_t)(ring->avail_index - left + i) &
					 ring->mask;

			if (queue->ids[place] != r.ids[i])
				vn_split_rename(queue, place, r.ids[i]);
		}
		/* Pairs with the next back end's look at the available ring. */
		vn_publish();
	}
	free(r.ids);
	free(r.known);
	return result;
}

/* The first back end has said what it completed; behind that the next one begins. What
 * was begun and not completed is done once more, unless the back ends keep a record of
 * what is in flight. In order, the used index says which that is. */
static int reconnect_find_position(struct vionet_queue *queue, uint16_t *next)
{
	const struct vn_split *ring = &queue->split;
	/* Some of what it completed may be known already and not taken back yet: it
	 * does not take that back either. */
	uint16_t known = (uint16_t)(ring->used_seen - ring->used_index);
	uint16_t left = (uint16_t)(queue->outstanding - known);
	uint16_t done;

	*next = vn_load16(&ring->used->idx);
	/* Pairs with the back end's write barrier between the entry and used idx. */
	vn_observe();
	done = (uint16_t)(*next - ring->used_seen);
	if (done > left)
		vn_queue_break(queue, VN_QERR_INDEX_JUMP, done, left);
	if (queue->error)
		return vionet_queue_check(queue);
	return queue->layout == VN_SPLIT ?
		       reconnect_replay(queue, (uint16_t)(known + done)) :
		       0;
}

static int reconnect_find_positions(struct vionet_device *device, uint16_t *next)
{
	int result = 0;

	for (unsigned int i = 0; i < device->queue_pairs && result == 0; i++) {
		result = reconnect_find_position(&device->rx[i], &next[2 * i]);
		if (result == 0)
			result = reconnect_find_position(&device->tx[i],
							 &next[2 * i + 1]);
	}
	return result;
}

/* It may have come with a longer MTU than the receive buffers are for. */
static int reconnect_check_buffers(struct vionet_device *device)
{
	struct vn_net_config before = device->config;
	int result = vn_config_read(device, &device->config);

	for (unsigned int i = 0; i < device->queue_pairs && result == 0; i++)
		result = vn_device_check_rx_pool(device, device->rx[i].pool);
	if (result)
		device->config = before;
	return result;
}

/* Positions are read once the last back end was left: it may have worked until then. */
static int reconnect_go_on(struct vionet_device *device, unsigned int timeout_ms)
{
	const struct vn_transport_ops *ops = device->transport->ops;
	uint16_t next[2 * VIONET_QUEUE_PAIRS_MAX] = { 0 };
	int result;

	vn_pools_wipe(device);
	result = ops->reconnect(device->transport, timeout_ms);
	if (result == 0)
		result = ops->limits(device->transport, &device->limits);
	if (result == 0)
		result = reconnect_check_buffers(device);
	if (result == 0)
		result = reconnect_find_positions(device, next);
	if (result == 0)
		result = ops->resume(device->transport, next,
				     2 * device->queue_pairs);
	return result;
}

int vionet_device_reconnect(struct vionet_device *device,
			    unsigned int timeout_ms)
{
	int result;

	if (!vn_transport_can(device->transport, VN_CAN_RECONNECT))
		return vn_error(ENOTSUP, "%s: reconnect: there is nothing to connect "
				"to; stop and start the device", device->name);
	if (!device->started)
		return vn_error(ENETDOWN, "%s: reconnect: it is not started; start "
				"connects by itself", device->name);
	/* A back end that died in the middle of a batch has overwritten descriptors
	 * behind the first one that it did not complete: they are not there any
	 * more. A split ring's descriptors are never written to. */
	if (vionet_feature_test(&device->accepted, F_RING_PACKED))
		return vn_error(ENOTSUP, "%s: reconnect: packed rings cannot be "
					 "handed on; stop and start the device, or open it "
					 "without RING_PACKED",
				device->name);
	result = reconnect_go_on(device, timeout_ms);
	if (result)
		return vn_error_prefix(result, "%s: reconnect", device->name);
	vn_device_set_error(device, VN_DERR_NONE);
	vn_log(VIONET_LOG_INFO, "%s: reconnected", device->name);
	return 0;
}
