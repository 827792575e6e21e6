/* SPDX-License-Identifier: BSD-3-Clause */
/* Making and closing queues. Memory that the device may still write to goes into quarantine. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "driver/net/offload.h"
#include "driver/net/pool.h"
#include "driver/queue/burst.h"
#include "driver/queue/open.h"
#include "driver/queue/quarantine.h"
#include "driver/queue/slow_path.h"
#include "driver/ring/ring.h"
#include "driver/state/health.h"
#include "driver/spec/net.h"

#define ETHERNET_HEADER 14u

static uint32_t queue_longest_frame(const struct vionet_device *device)
{
	return device->config.mtu ? device->config.mtu + ETHERNET_HEADER :
				    VIONET_FRAME_MAX;
}

/*
 * Several queues may have one vector, and each is another thread's: the one that
 * cleared the eventfd would take the interrupt from the others. So each looks
 * through an epoll of its own, which shows it every signal once.
 */
static int queue_share_interrupt(struct vionet_queue *queue, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	queue->interrupt_fd = epoll_create1(EPOLL_CLOEXEC);
	if (queue->interrupt_fd < 0)
		return vn_error_errno(errno, "epoll_create1");
	queue->shared_interrupt = true;
	if (epoll_ctl(queue->interrupt_fd, EPOLL_CTL_ADD, fd, &event))
		return vn_error_errno(errno, "epoll_ctl");
	return 0;
}

static int queue_attach_interrupt(struct vionet_queue *queue, bool shared)
{
	int fd;

	if (queue->vector < 0)
		return 0;
	fd = queue->transport->vector_fds[queue->vector];
	if (shared)
		return queue_share_interrupt(queue, fd);
	queue->interrupt_fd = fd;
	return 0;
}

/* Buffers that are wanted before they are posted: each time costs a full barrier, and a
 * look at a line that the device is writing. Short queues need every one. */
static uint16_t queue_refill_batch(uint16_t size)
{
	if (size < 64)
		return 1;
	return size < 256 ? size / 4 : 64;
}

/* From here on the pool stays until the queue is closed. */
static void queue_hold_pool(struct vionet_queue *queue)
{
	if (queue->pool)
		queue->pool->queues++;
	queue->opened = queue->pool != NULL;
}

/* Addresses do not change while the queue is open. */
static void queue_use_pool(struct vionet_queue *queue, const struct vionet_pool *pool)
{
	(void)vn_source_choose(queue, pool, &queue->source);
	/* 64 bytes of description, `stride_lines` times 64 of buffer. */
	queue->refill_shift = (uint64_t)(uintptr_t)pool->base + queue->source.shift +
			      VIONET_HEADROOM -
			      (uint64_t)(uintptr_t)pool->packets *
				      pool->stride_lines;
}

static const struct vn_bursts *queue_choose_bursts(const struct vionet_queue *queue)
{
	static const struct vn_bursts_choice *const choices[] = {
		[VN_SPLIT] = &vn_bursts_split,
		[VN_SPLIT_IN_ORDER] = &vn_bursts_split_in_order,
		[VN_PACKED] = &vn_bursts_packed,
		[VN_PACKED_IN_ORDER] = &vn_bursts_packed_in_order,
	};
	const struct vn_bursts_choice *choice = choices[queue->layout];
	/* Transmit bursts look at a packet's offloads anyway; those of the basic
	 * header serve also where some are negotiated. */
	bool basic = queue->transmits ?
			     queue->header_size == sizeof(struct net_hdr) :
			     !queue->metadata;

	return basic ? &choice->plain[queue->mergeable] :
		       &choice->offloads[queue->mergeable];
}

int vn_queue_open(struct vionet_queue *queue, struct vionet_device *device,
		  const struct vn_queue_plan *plan)
{
	struct vn_transport *transport = device->transport;
	int result;

	*queue = (struct vionet_queue){
		.device = device,
		.transport = transport,
		.index = plan->index,
		.pair = plan->index / 2,
		.transmits = plan->index % 2 != 0,
		.size = plan->size,
		.size_max = plan->size_max,
		.header_size = device->header_size,
		.offloads = vn_offloads_of(&device->accepted,
					   plan->index % 2 != 0),
		.mergeable = vionet_feature_test(&device->accepted,
						 NET_F_MRG_RXBUF),
		.max_frame = queue_longest_frame(device),
		.pool = plan->pool,
		.packets = plan->pool != NULL,
		.counters.size = plan->size,
		.refill_batch = queue_refill_batch(plan->size),
		.vector = plan->vector,
		.interrupt_fd = -1,
		.watch.mark = UINT64_MAX,
	};
	queue->metadata = queue->header_size != sizeof(struct net_hdr) ||
			  queue->offloads.flags != 0 ||
			  queue->offloads.kinds != 0 || queue->offloads.hash;
	if (plan->pool)
		queue->posted = plan->pool->buffer_size + queue->header_size;
	queue->quarantine = vn_alloc_lines(1, sizeof(*queue->quarantine));
	result = queue->quarantine ? vn_ring_open(queue) : vn_error(ENOMEM, "no memory");
	if (result == 0)
		result = transport->ops->queue_setup(transport, plan->index,
						     plan->size, &queue->vector,
						     &queue->areas,
						     &queue->doorbell);
	if (result == 0)
		result = queue_attach_interrupt(queue, plan->shared);
	if (result) {
		struct vn_error_kept why;
		char name[32];

		vn_error_prefix(result, "%s", vn_queue_name(queue, name));
		vn_error_keep(&why);
		queue->released = true; /* it was never enabled */
		vn_queue_close(queue);
		return vn_error_restore(result, &why);
	}
	queue->bursts = queue_choose_bursts(queue);
	queue_hold_pool(queue);
	if (queue->pool)
		queue_use_pool(queue, queue->pool);
	return 0;
}

/* All that it has goes; the structure stays as it is. */
static void queue_release(struct vionet_queue *queue)
{
	if (queue->opened && queue->pool)
		queue->pool->queues--;
	if (queue->shared_interrupt && queue->interrupt_fd >= 0)
		close(queue->interrupt_fd);
	/* A queue that could not be reopened has no ring to keep. */
	if (queue->quarantine && !queue->device->quiesced && !queue->released) {
		vn_quarantine_add(queue);
	} else {
		vn_queue_release(queue);
		free(queue->quarantine);
	}
}

void vn_queue_close(struct vionet_queue *queue)
{
	if (!queue->device)
		return;
	queue_release(queue);
	memset(queue, 0, sizeof(*queue));
}

/* A queue without memory: bursts find it paused, vionet_queue_check says why. */
static void queue_make_dead(struct vionet_queue *dead, const struct vionet_queue *queue)
{
	*dead = (struct vionet_queue){
		.bursts = queue->bursts,
		.transport = queue->transport,
		.pool = queue->pool,
		.vector = -1,
		.interrupt_fd = -1,
		.paused = true,
	};
	queue_hold_pool(dead);
}

/* All but what any thread may be reading now. */
static void queue_replace(struct vionet_queue *queue, const struct vionet_queue *fresh)
{
	const size_t before = offsetof(struct vionet_queue, error);
	const size_t behind = offsetof(struct vionet_queue, counters) +
			      sizeof(queue->counters);

	memcpy(queue, fresh, before);
	memcpy((char *)queue + behind, (const char *)fresh + behind,
	       sizeof(*queue) - behind);
	__atomic_store_n(&queue->unreachable, (uint8_t)VN_REACHABLE, __ATOMIC_RELAXED);
	__atomic_store_n(&queue->counters.in_flight, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&queue->counters.size, fresh->size, __ATOMIC_RELAXED);
	__atomic_store_n(&queue->error, (uint8_t)VN_QERR_NONE, __ATOMIC_RELEASE);
}

int vn_queue_reopen(struct vionet_queue *queue, const struct vn_queue_plan *plan)
{
	struct vionet_queue fresh;
	int result;

	queue_release(queue);
	result = vn_queue_open(&fresh, queue->device, plan);
	if (result)
		queue_make_dead(&fresh, queue);
	queue_replace(queue, &fresh);
	if (result)
		vn_queue_break(queue, VN_QERR_RESET, 0, 0);
	return result;
}
