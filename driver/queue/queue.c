/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls of an application on a queue that is open; how the bursts work is in
 * driver/queue/receive.h and transmit.h. */
#include <assert.h>

#include "base/abi.h"
#include "base/error.h"
#include "driver/queue/burst.h"
#include "driver/queue/rescue.h"
#include "driver/state/queue.h"

/* ---- bursts ---- */

/* A queue is one thread's from its first burst on; debug builds hold to that. */
static inline void queue_check_owner(struct vionet_queue *queue)
{
#ifndef NDEBUG
	if (!queue->owned) {
		queue->owner = pthread_self();
		queue->owned = true;
	}
	assert(pthread_equal(queue->owner, pthread_self()));
#else
	(void)queue;
#endif
}

uint32_t vionet_queue_receive(struct vionet_queue *queue,
			      struct vionet_packet **packets, uint32_t max)
{
	assert(!queue->transmits);
	queue_check_owner(queue);
	if (__builtin_expect(vn_queue_paused(queue), 0))
		return 0;
	return queue->bursts->receive(queue, packets, max);
}

uint32_t vionet_queue_transmit(struct vionet_queue *queue,
			       struct vionet_packet *const *packets,
			       uint32_t count)
{
	assert(queue->transmits);
	queue_check_owner(queue);
	if (__builtin_expect(vn_queue_paused(queue), 0))
		return 0;
	return queue->bursts->transmit(queue, packets, count);
}

uint32_t vionet_queue_reclaim(struct vionet_queue *queue)
{
	uint32_t left;

	assert(queue->transmits);
	queue_check_owner(queue);
	left = queue->bursts->reclaim(queue);
	if (left != 0)
		vn_queue_idle(queue);
	return left;
}

/* ---- looking ---- */

struct vionet_pool *vionet_queue_pool(const struct vionet_queue *queue)
{
	return queue->pool;
}

static uint64_t queue_counted(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

int vionet_queue_stats(const struct vionet_queue *queue,
		       struct vionet_queue_stats *stats)
{
	const struct vn_counters *c = &queue->counters;
	int result = vn_struct_check(stats, "vionet_queue_stats");
	const struct vionet_queue_stats s = {
		.packets = queue_counted(&c->packets),
		.bytes = queue_counted(&c->bytes),
		.completed = queue_counted(&c->completed),
		.kicks = queue_counted(&c->kicks),
		.interrupts = queue_counted(&c->interrupts),
		.full = queue_counted(&c->full),
		.invalid = queue_counted(&c->invalid),
		.dropped_short = queue_counted(&c->dropped_short),
		.dropped_long = queue_counted(&c->dropped_long),
		.dropped_chain = queue_counted(&c->dropped_chain),
		.dropped_metadata = queue_counted(&c->dropped_metadata),
		.ignored_metadata = queue_counted(&c->ignored_metadata),
		.starved = queue_counted(&c->starved),
		.lost_interrupts = queue_counted(&c->lost_interrupts),
		.rescues = queue_counted(&c->rescues),
		.in_flight = (uint32_t)queue_counted(&c->in_flight),
		.size = (uint32_t)queue_counted(&c->size),
	};

	if (result)
		return vn_error_prefix(result, "%s: queue %u", queue->device->name,
				       queue->index);
	vn_struct_out(stats, &s, sizeof(s));
	return 0;
}
