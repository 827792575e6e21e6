/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the bursts of the split ring: driver/rxtx.h with the layout fixed.
 * Never: has code of its own worth reading.
 * Read next: driver/transport.h.
 */
#include "driver/rxtx.h"

static uint32_t receive(struct vionet_queue *queue,
			struct vionet_packet **packets, uint32_t max)
{
	return receive_burst(queue, VN_LAYOUT_SPLIT, packets, max);
}

static uint32_t transmit(struct vionet_queue *queue,
			 struct vionet_packet *const *packets, uint32_t count)
{
	return transmit_burst(queue, VN_LAYOUT_SPLIT, packets, count);
}

static uint32_t reclaim(struct vionet_queue *queue)
{
	reclaim_burst(queue, VN_LAYOUT_SPLIT);
	return queue->outstanding;
}

static bool ready(struct vionet_queue *queue)
{
	return split_completed(queue) != 0;
}

/* Whoever sleeps with buffers in the pool and none in the ring sleeps for ever. */
static int arm(struct vionet_queue *queue)
{
	if (!queue->transmits && !queue->breach)
		refill(queue, VN_LAYOUT_SPLIT);
	return split_arm(queue) ? 1 : 0;
}

static void rescue_kick(struct vionet_queue *queue)
{
	kick(queue);
}

static void disarm(struct vionet_queue *queue)
{
	split_disarm(queue);
}

const struct vn_bursts vn_split_bursts = {
	.receive = receive,
	.transmit = transmit,
	.reclaim = reclaim,
	.ready = ready,
	.arm = arm,
	.disarm = disarm,
	.rescue = rescue_kick,
};
