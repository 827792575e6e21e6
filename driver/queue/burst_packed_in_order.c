/* SPDX-License-Identifier: BSD-3-Clause */
/* The bursts of the packed ring with IN_ORDER. */
#include "driver/queue/receive.h"
#include "driver/queue/transmit.h"

/* ---- receive ---- */

NEVER_INLINE void rx_refill_packed_in_order(struct vionet_queue *queue)
{
	rx_refill_burst(queue, VN_PACKED_IN_ORDER);
}

NEVER_INLINE uint32_t rx_burst_packed_in_order_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_PACKED_IN_ORDER, false, false, rx_refill_packed_in_order,
			packets, max);
}

static uint32_t rx_burst_packed_in_order(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_packed_in_order_many(queue, packets, max);
	return rx_single(queue, VN_PACKED_IN_ORDER, false, false, rx_refill_packed_in_order,
			 rx_burst_packed_in_order_many, packets);
}

NEVER_INLINE uint32_t rx_burst_packed_in_order_mergeable_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_PACKED_IN_ORDER, true, false, rx_refill_packed_in_order,
			packets, max);
}

static uint32_t rx_burst_packed_in_order_mergeable(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_packed_in_order_mergeable_many(queue, packets, max);
	return rx_single(queue, VN_PACKED_IN_ORDER, true, false, rx_refill_packed_in_order,
			 rx_burst_packed_in_order_mergeable_many, packets);
}

NEVER_INLINE uint32_t rx_burst_packed_in_order_offloads_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_PACKED_IN_ORDER, false, true, rx_refill_packed_in_order,
			packets, max);
}

static uint32_t rx_burst_packed_in_order_offloads(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_packed_in_order_offloads_many(queue, packets, max);
	return rx_single(queue, VN_PACKED_IN_ORDER, false, true, rx_refill_packed_in_order,
			 rx_burst_packed_in_order_offloads_many, packets);
}

NEVER_INLINE uint32_t rx_burst_packed_in_order_mergeable_offloads_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_PACKED_IN_ORDER, true, true, rx_refill_packed_in_order,
			packets, max);
}

static uint32_t rx_burst_packed_in_order_mergeable_offloads(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_packed_in_order_mergeable_offloads_many(queue, packets, max);
	return rx_single(queue, VN_PACKED_IN_ORDER, true, true, rx_refill_packed_in_order,
			 rx_burst_packed_in_order_mergeable_offloads_many, packets);
}

/* ---- transmit ---- */

NEVER_INLINE uint32_t tx_reclaim_packed_in_order(struct vionet_queue *queue, uint32_t wanted)
{
	return tx_reclaim_burst(queue, VN_PACKED_IN_ORDER, wanted);
}

NEVER_INLINE uint32_t tx_burst_packed_in_order_rest(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count,
	uint32_t *pushed, uint64_t *bytes)
{
	return tx_rest(queue, VN_PACKED_IN_ORDER, false, tx_reclaim_packed_in_order, packets,
		       count, pushed, bytes);
}

NEVER_INLINE uint32_t tx_burst_packed_in_order_many(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	return tx_burst(queue, VN_PACKED_IN_ORDER, false, tx_reclaim_packed_in_order,
			tx_burst_packed_in_order_rest, packets, count);
}

static uint32_t tx_burst_packed_in_order(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	if (count != 1)
		return tx_burst_packed_in_order_many(queue, packets, count);
	return tx_single(queue, VN_PACKED_IN_ORDER, false, tx_reclaim_packed_in_order,
			 tx_burst_packed_in_order_many, packets);
}

NEVER_INLINE uint32_t tx_burst_packed_in_order_offloads_rest(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count,
	uint32_t *pushed, uint64_t *bytes)
{
	return tx_rest(queue, VN_PACKED_IN_ORDER, true, tx_reclaim_packed_in_order, packets,
		       count, pushed, bytes);
}

NEVER_INLINE uint32_t tx_burst_packed_in_order_offloads_many(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	return tx_burst(queue, VN_PACKED_IN_ORDER, true, tx_reclaim_packed_in_order,
			tx_burst_packed_in_order_offloads_rest, packets, count);
}

static uint32_t tx_burst_packed_in_order_offloads(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	if (count != 1)
		return tx_burst_packed_in_order_offloads_many(queue, packets, count);
	return tx_single(queue, VN_PACKED_IN_ORDER, true, tx_reclaim_packed_in_order,
			 tx_burst_packed_in_order_offloads_many, packets);
}

static uint32_t tx_reclaim_all_packed_in_order(struct vionet_queue *queue)
{
	/* What was seen last time, then what has come since. */
	while (tx_reclaim_packed_in_order(queue, UINT32_MAX) != 0)
		;
	return queue->outstanding;
}

/* ---- both ---- */

static bool burst_ready_packed_in_order(struct vionet_queue *queue)
{
	return ring_completed(queue, VN_PACKED_IN_ORDER);
}

static int burst_arm_packed_in_order(struct vionet_queue *queue)
{
	return burst_arm(queue, VN_PACKED_IN_ORDER, rx_refill_packed_in_order);
}

static void burst_disarm_packed_in_order(struct vionet_queue *queue)
{
	ring_disarm(queue, VN_PACKED_IN_ORDER);
}

const struct vn_bursts_choice vn_bursts_packed_in_order = {
	.plain = {
		{
			.receive = rx_burst_packed_in_order,
			.transmit = tx_burst_packed_in_order,
			.reclaim = tx_reclaim_all_packed_in_order,
			.ready = burst_ready_packed_in_order,
			.arm = burst_arm_packed_in_order,
			.disarm = burst_disarm_packed_in_order,
		}, {
			.receive = rx_burst_packed_in_order_mergeable,
			.transmit = tx_burst_packed_in_order,
			.reclaim = tx_reclaim_all_packed_in_order,
			.ready = burst_ready_packed_in_order,
			.arm = burst_arm_packed_in_order,
			.disarm = burst_disarm_packed_in_order,
		},
	},
	.offloads = {
		{
			.receive = rx_burst_packed_in_order_offloads,
			.transmit = tx_burst_packed_in_order_offloads,
			.reclaim = tx_reclaim_all_packed_in_order,
			.ready = burst_ready_packed_in_order,
			.arm = burst_arm_packed_in_order,
			.disarm = burst_disarm_packed_in_order,
		}, {
			.receive = rx_burst_packed_in_order_mergeable_offloads,
			.transmit = tx_burst_packed_in_order_offloads,
			.reclaim = tx_reclaim_all_packed_in_order,
			.ready = burst_ready_packed_in_order,
			.arm = burst_arm_packed_in_order,
			.disarm = burst_disarm_packed_in_order,
		},
	},
};
