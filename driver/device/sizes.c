/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many entries a queue gets, how many buffers of which size, and the sum of what a start
 * locks, which is known before the first is allocated.
 *
 * Source: "Network Device / Setting Up Receive Buffers".
 */
#include <errno.h>

#include <vionet/vionet.h>

#include "base/abi.h"
#include "base/error.h"
#include "driver/control/command.h"
#include "driver/device/sizes.h"
#include "driver/net/offload.h"
#include "driver/net/pool.h"
#include "driver/queue/open.h"
#include "driver/ring/ring.h"
#include "driver/spec/net.h"

#define QUEUE_SIZE_DEFAULT 256u

/* Bytes of frame in a buffer by default: 2 KiB with the headroom. */
#define USUAL_BUFFER 1984u

/*
 * Bytes of all receive pools together, and of all transmit pools, unless more are
 * requested: with the rings of four pairs they stay below 8 MiB, which is what
 * ordinary users may lock on most systems.
 */
#define RECEIVE_BYTES (4u << 20)
#define TRANSMIT_BYTES (5u << 19)

/* Packets beside those that fill the queue: a burst that the application has in hand. */
#define IN_HAND 64u

/* Fewest buffers that are larger than usual. */
#define LARGE_LEAST 16u

/* Bytes of a command or of its result, unless an RSS table needs more. */
#define CONTROL_ROOM 16384u

/* ---- queues ---- */

static int sizes_choose(struct vionet_device *device, uint32_t wanted,
			struct vn_queue_plan *plan)
{
	uint16_t most = 0;
	int result = device->transport->ops->queue_max(device->transport,
						       plan->index, &most);

	if (result)
		return result;
	if (wanted == 0)
		wanted = QUEUE_SIZE_DEFAULT;
	if (wanted > most && vionet_feature_test(&device->accepted, F_RING_PACKED))
		wanted = most;
	while (wanted > most)
		wanted /= 2;
	if (wanted < 2)
		return vn_error(EIO, "queue %u: the device allows %u entries, at "
				"least 2 are needed", plan->index, most);
	plan->size = (uint16_t)wanted;
	plan->size_max = most;
	return 0;
}

/* ---- pools ---- */

/* Without mergeable buffers each has to hold the longest frame that may come ("Setting
 * Up Receive Buffers", NET-57, NET-58). */
static uint32_t sizes_longest_received(const struct vionet_device *device)
{
	if (vn_offloads_are_large(&device->accepted))
		return NET_FRAME_MAX;
	return (device->config.mtu ? device->config.mtu : 1500u) + 14u;
}

/*
 * Bytes of frame that a receive buffer has room for, 0: the usual ones. Where a frame may
 * arrive in several buffers those will do at any MTU, as long as the whole queue holds
 * the longest frame ("Device configuration layout", NET-07); else each holds it, with a tag.
 */
static uint32_t sizes_receive_buffer(const struct vionet_device *device,
				     uint32_t queue_size)
{
	uint32_t tagged = (device->config.mtu ? device->config.mtu : 1500u) + 18u;
	uint32_t longest = sizes_longest_received(device);
	uint32_t size = longest > tagged ? longest : tagged;

	if (vionet_feature_test(&device->accepted, NET_F_MRG_RXBUF))
		size = size / queue_size + 1;
	return size > USUAL_BUFFER ? size : 0;
}

/* Four times what the queue holds, as far as `bytes` go; but enough to keep the queue
 * full while a burst is in hand. */
static uint32_t sizes_pool_count(uint32_t buffer_size, uint32_t queue_size,
				 uint32_t bytes)
{
	uint32_t stride = VIONET_HEADROOM + (buffer_size ? buffer_size : USUAL_BUFFER);
	uint32_t least = stride > VIONET_HEADROOM + USUAL_BUFFER ?
				 LARGE_LEAST : queue_size + IN_HAND;
	uint32_t count = bytes / stride > least ? bytes / stride : least;

	return count < 4 * queue_size ? count : 4 * queue_size;
}

/* What the pool of a queue is made of, if it is made here. */
static int sizes_plan_pool(const struct vionet_device *device,
			   struct vionet_pool *given,
			   const struct vionet_pool_options *wanted,
			   struct vn_queue_plan *plan)
{
	bool receives = plan->index % 2 == 0;
	struct vionet_pool_options *o = &plan->pool_options;
	uint32_t bytes;
	int result;

	plan->pool = given;
	*o = (struct vionet_pool_options){ .struct_size = sizeof(*o) };
	result = wanted ? vn_struct_in(o, sizeof(*o), wanted, "vionet_pool_options") :
			  0;
	if (result)
		return result;
	if (o->access == 0)
		o->access = receives ? VIONET_DEVICE_WRITES : VIONET_DEVICE_READS;
	if (o->buffer_size == 0 && receives)
		o->buffer_size = sizes_receive_buffer(device, plan->size);
	bytes = (receives ? RECEIVE_BYTES : TRANSMIT_BYTES) / device->queue_pairs;
	/* A pool lies in one piece. */
	if (device->limits.memory.contiguous != 0 && bytes > device->limits.memory.contiguous)
		bytes = (uint32_t)device->limits.memory.contiguous;
	if (o->count == 0)
		o->count = sizes_pool_count(o->buffer_size, plan->size, bytes);
	return 0;
}

static bool sizes_without_pool(const struct vionet_device *device,
			       const struct vn_queue_plan *plan)
{
	return plan->index % 2 != 0 &&
	       (device->start_flags & VIONET_START_NO_TX_POOL) != 0;
}

static int sizes_make_pool(struct vionet_device *device, struct vn_queue_plan *plan)
{
	struct vn_reach unused;
	int result;

	if (plan->pool)
		return vn_pool_reach(plan->pool, device, &unused) ? 0 :
		       vn_error(EINVAL, "the pool was made for %s; show it to this "
				"device too: vionet_pool_share",
				plan->pool->device->name);
	if (sizes_without_pool(device, plan))
		result = vn_pool_create_empty(device, &plan->pool);
	else
		result = vionet_pool_create(device, &plan->pool_options,
					    &plan->pool);
	if (result == 0)
		plan->pool->own = true;
	return result;
}

int vn_device_check_rx_pool(const struct vionet_device *device,
			    const struct vionet_pool *pool)
{
	uint32_t frame = sizes_longest_received(device);
	struct vn_reach reach = { 0 };

	(void)vn_pool_reach(pool, device, &reach);
	if (reach.access != VN_DEVICE_WRITES)
		return vn_error(EINVAL, "the receive pool was made, or shared, for "
				"transmitting only; say VIONET_DEVICE_WRITES");
	if (!vionet_feature_test(&device->accepted, NET_F_MRG_RXBUF) &&
	    pool->buffer_size < frame)
		return vn_error(EINVAL, "the receive pool has buffers of %u bytes; "
				"without MRG_RXBUF a frame of %u must fit into one",
				pool->buffer_size, frame);
	return 0;
}

/* ---- the sum ---- */

uint32_t vn_control_room(const struct vionet_device *device)
{
	/* A table of 16-bit entries and a key of at most 255 bytes. */
	uint32_t room = 2u * device->config.rss_table_max + 512u;

	return room < CONTROL_ROOM ? CONTROL_ROOM : room;
}

static uint64_t sizes_pool_bytes(const struct vionet_device *device,
				 const struct vn_queue_plan *plan)
{
	const struct vionet_pool_options *o = &plan->pool_options;

	if (plan->pool || o->memory || sizes_without_pool(device, plan))
		return 0;
	return vn_memory_size((uint64_t)o->count * vn_pool_stride(o->buffer_size),
			      !(device->flags & VIONET_OPEN_NO_HUGEPAGES));
}

/* A limit that is too low is to be raised once, so all is added up first. */
static int sizes_check_memory(struct vionet_device *device)
{
	uint64_t need = 0;

	for (unsigned int i = 0; i < 2 * device->queue_pairs; i++)
		need += vn_ring_memory(&device->accepted, device->plans[i].size,
				       i % 2 != 0) +
			sizes_pool_bytes(device, &device->plans[i]);
	if (vionet_feature_test(&device->accepted, NET_F_CTRL_VQ))
		need += vn_control_memory(device, vn_control_room(device));
	return vn_transport_can(device->transport, VN_CAN_MEMORY_CHECK) ?
		       device->transport->ops->memory_check(device->transport, need) : 0;
}

/* ---- all of it ---- */

/* The pool that the application gives for a pair, if it does. */
static struct vionet_pool *sizes_given_pool(struct vionet_pool *one,
					    struct vionet_pool *const *each,
					    unsigned int pair)
{
	return each ? each[pair] : one;
}

static int sizes_plan_pair(struct vionet_device *device,
			   const struct vionet_start_options *o, unsigned int pair)
{
	struct vn_queue_plan *rx = &device->plans[2 * pair];
	struct vn_queue_plan *tx = &device->plans[2 * pair + 1];
	int result;

	rx->index = 2 * pair;
	tx->index = 2 * pair + 1;
	result = sizes_choose(device, o->rx_queue_size, rx);
	if (result == 0)
		result = sizes_choose(device, o->tx_queue_size, tx);
	if (result)
		return result;
	result = sizes_plan_pool(device,
				 sizes_given_pool(o->rx_pool, o->rx_pools, pair),
				 o->rx_pool_options, rx);
	if (result == 0)
		result = sizes_plan_pool(device,
					 sizes_given_pool(o->tx_pool, o->tx_pools,
							  pair),
					 o->tx_pool_options, tx);
	return result;
}

int vn_plan_queues(struct vionet_device *device,
		   const struct vionet_start_options *options)
{
	int result = 0;

	for (unsigned int i = 0; i < device->queue_pairs && result == 0; i++)
		result = sizes_plan_pair(device, options, i);
	if (result == 0)
		result = sizes_check_memory(device);
	for (unsigned int i = 0; i < 2 * device->queue_pairs && result == 0; i++) {
		result = sizes_make_pool(device, &device->plans[i]);
		if (result == 0 && i % 2 == 0)
			result = vn_device_check_rx_pool(device,
							 device->plans[i].pool);
	}
	return result;
}
