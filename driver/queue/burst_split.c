/* SPDX-License-Identifier: BSD-3-Clause */
/* The bursts of the split ring. */
#include "driver/queue/receive.h"
#include "driver/queue/transmit.h"

/* ---- receive ---- */

NEVER_INLINE void rx_refill_split(struct vionet_queue *queue)
{
	rx_refill_burst(queue, VN_SPLIT);
}

NEVER_INLINE uint32_t rx_burst_split_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_SPLIT, false, false, rx_refill_split,
			packets, max);
}

static uint32_t rx_burst_split(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_split_many(queue, packets, max);
	return rx_single(queue, VN_SPLIT, false, false, rx_refill_split,
			 rx_burst_split_many, packets);
}

NEVER_INLINE uint32_t rx_burst_split_mergeable_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_SPLIT, true, false, rx_refill_split,
			packets, max);
}

static uint32_t rx_burst_split_mergeable(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_split_mergeable_many(queue, packets, max);
	return rx_single(queue, VN_SPLIT, true, false, rx_refill_split,
			 rx_burst_split_mergeable_many, packets);
}

NEVER_INLINE uint32_t rx_burst_split_offloads_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_SPLIT, false, true, rx_refill_split,
			packets, max);
}

static uint32_t rx_burst_split_offloads(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_split_offloads_many(queue, packets, max);
	return rx_single(queue, VN_SPLIT, false, true, rx_refill_split,
			 rx_burst_split_offloads_many, packets);
}

NEVER_INLINE uint32_t rx_burst_split_mergeable_offloads_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_SPLIT, true, true, rx_refill_split,
			packets, max);
}

static uint32_t rx_burst_split_mergeable_offloads(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_split_mergeable_offloads_many(queue, packets, max);
	return rx_single(queue, VN_SPLIT, true, true, rx_refill_split,
			 rx_burst_split_mergeable_offloads_many, packets);
}

/* ---- transmit ---- */

NEVER_INLINE uint32_t tx_reclaim_split(struct vionet_queue *queue, uint32_t wanted)
{
	return tx_reclaim_burst(queue, VN_SPLIT, wanted);
}

NEVER_INLINE uint32_t tx_burst_split_rest(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count,
	uint32_t *pushed, uint64_t *bytes)
{
	return tx_rest(queue, VN_SPLIT, false, tx_reclaim_split, packets,
		       count, pushed, bytes);
}

NEVER_INLINE uint32_t tx_burst_split_many(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	return tx_burst(queue, VN_SPLIT, false, tx_reclaim_split,
			tx_burst_split_rest, packets, count);
}

static uint32_t tx_burst_split(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	if (count != 1)
		return tx_burst_split_many(queue, packets, count);
	return tx_single(queue, VN_SPLIT, false, tx_reclaim_split,
			 tx_burst_split_many, packets);
}

NEVER_INLINE uint32_t tx_burst_split_offloads_rest(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count,
	uint32_t *pushed, uint64_t *bytes)
{
	return tx_rest(queue, VN_SPLIT, true, tx_reclaim_split, packets,
		       count, pushed, bytes);
}

NEVER_INLINE uint32_t tx_burst_split_offloads_many(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	return tx_burst(queue, VN_SPLIT, true, tx_reclaim_split,
			tx_burst_split_offloads_rest, packets, count);
}

static uint32_t tx_burst_split_offloads(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	if (count != 1)
		return tx_burst_split_offloads_many(queue, packets, count);
	return tx_single(queue, VN_SPLIT, true, tx_reclaim_split,
			 tx_burst_split_offloads_many, packets);
}

static uint32_t tx_reclaim_all_split(struct vionet_queue *queue)
{
	/* What was seen last time, then what has come since. */
	while (tx_reclaim_split(queue, UINT32_MAX) != 0)
		;
	return queue->outstanding;
}

/* ---- both ---- */

static bool burst_ready_split(struct vionet_queue *queue)
{
	return ring_completed(queue, VN_SPLIT);
}

static int burst_arm_split(struct vionet_queue *queue)
{
	return burst_arm(queue, VN_SPLIT, rx_refill_split);
}

static void burst_disarm_split(struct vionet_queue *queue)
{
	ring_disarm(queue, VN_SPLIT);
}

const struct vn_bursts_choice vn_bursts_split = {
	.plain = {
		{
			.receive = rx_burst_split,
			.transmit = tx_burst_split,
			.reclaim = tx_reclaim_all_split,
			.ready = burst_ready_split,
			.arm = burst_arm_split,
			.disarm = burst_disarm_split,
		}, {
			.receive = rx_burst_split_mergeable,
			.transmit = tx_burst_split,
			.reclaim = tx_reclaim_all_split,
			.ready = burst_ready_split,
			.arm = burst_arm_split,
			.disarm = burst_disarm_split,
		},
	},
	.offloads = {
		{
			.receive = rx_burst_split_offloads,
			.transmit = tx_burst_split_offloads,
			.reclaim = tx_reclaim_all_split,
			.ready = burst_ready_split,
			.arm = burst_arm_split,
			.disarm = burst_disarm_split,
		}, {
			.receive = rx_burst_split_mergeable_offloads,
			.transmit = tx_burst_split_offloads,
			.reclaim = tx_reclaim_all_split,
			.ready = burst_ready_split,
			.arm = burst_arm_split,
			.disarm = burst_disarm_split,
		},
	},
};
