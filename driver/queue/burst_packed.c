/* SPDX-License-Identifier: BSD-3-Clause */
/* The bursts of the packed ring. */
#include "driver/queue/receive.h"
#include "driver/queue/transmit.h"

/* ---- receive ---- */

NEVER_INLINE void rx_refill_packed(struct vionet_queue *queue)
{
	rx_refill_burst(queue, VN_PACKED);
}

NEVER_INLINE uint32_t rx_burst_packed_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_PACKED, false, false, rx_refill_packed,
			packets, max);
}

static uint32_t rx_burst_packed(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_packed_many(queue, packets, max);
	return rx_single(queue, VN_PACKED, false, false, rx_refill_packed,
			 rx_burst_packed_many, packets);
}

NEVER_INLINE uint32_t rx_burst_packed_mergeable_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_PACKED, true, false, rx_refill_packed,
			packets, max);
}

static uint32_t rx_burst_packed_mergeable(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_packed_mergeable_many(queue, packets, max);
	return rx_single(queue, VN_PACKED, true, false, rx_refill_packed,
			 rx_burst_packed_mergeable_many, packets);
}

NEVER_INLINE uint32_t rx_burst_packed_offloads_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_PACKED, false, true, rx_refill_packed,
			packets, max);
}

static uint32_t rx_burst_packed_offloads(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_packed_offloads_many(queue, packets, max);
	return rx_single(queue, VN_PACKED, false, true, rx_refill_packed,
			 rx_burst_packed_offloads_many, packets);
}

NEVER_INLINE uint32_t rx_burst_packed_mergeable_offloads_many(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	return rx_burst(queue, VN_PACKED, true, true, rx_refill_packed,
			packets, max);
}

static uint32_t rx_burst_packed_mergeable_offloads(struct vionet_queue *queue,
	struct vionet_packet **packets, uint32_t max)
{
	if (max != 1)
		return rx_burst_packed_mergeable_offloads_many(queue, packets, max);
	return rx_single(queue, VN_PACKED, true, true, rx_refill_packed,
			 rx_burst_packed_mergeable_offloads_many, packets);
}

/* ---- transmit ---- */

NEVER_INLINE uint32_t tx_reclaim_packed(struct vionet_queue *queue, uint32_t wanted)
{
	return tx_reclaim_burst(queue, VN_PACKED, wanted);
}

NEVER_INLINE uint32_t tx_burst_packed_rest(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count,
	uint32_t *pushed, uint64_t *bytes)
{
	return tx_rest(queue, VN_PACKED, false, tx_reclaim_packed, packets,
		       count, pushed, bytes);
}

NEVER_INLINE uint32_t tx_burst_packed_many(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	return tx_burst(queue, VN_PACKED, false, tx_reclaim_packed,
			tx_burst_packed_rest, packets, count);
}

static uint32_t tx_burst_packed(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	if (count != 1)
		return tx_burst_packed_many(queue, packets, count);
	return tx_single(queue, VN_PACKED, false, tx_reclaim_packed,
			 tx_burst_packed_many, packets);
}

NEVER_INLINE uint32_t tx_burst_packed_offloads_rest(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count,
	uint32_t *pushed, uint64_t *bytes)
{
	return tx_rest(queue, VN_PACKED, true, tx_reclaim_packed, packets,
		       count, pushed, bytes);
}

NEVER_INLINE uint32_t tx_burst_packed_offloads_many(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	return tx_burst(queue, VN_PACKED, true, tx_reclaim_packed,
			tx_burst_packed_offloads_rest, packets, count);
}

static uint32_t tx_burst_packed_offloads(struct vionet_queue *queue,
	struct vionet_packet *const *packets, uint32_t count)
{
	if (count != 1)
		return tx_burst_packed_offloads_many(queue, packets, count);
	return tx_single(queue, VN_PACKED, true, tx_reclaim_packed,
			 tx_burst_packed_offloads_many, packets);
}

static uint32_t tx_reclaim_all_packed(struct vionet_queue *queue)
{
	/* What was seen last time, then what has come since. */
	while (tx_reclaim_packed(queue, UINT32_MAX) != 0)
		;
	return queue->outstanding;
}

/* ---- both ---- */

static bool burst_ready_packed(struct vionet_queue *queue)
{
	return ring_completed(queue, VN_PACKED);
}

static int burst_arm_packed(struct vionet_queue *queue)
{
	return burst_arm(queue, VN_PACKED, rx_refill_packed);
}

static void burst_disarm_packed(struct vionet_queue *queue)
{
	ring_disarm(queue, VN_PACKED);
}

const struct vn_bursts_choice vn_bursts_packed = {
	.plain = {
		{
			.receive = rx_burst_packed,
			.transmit = tx_burst_packed,
			.reclaim = tx_reclaim_all_packed,
			.ready = burst_ready_packed,
			.arm = burst_arm_packed,
			.disarm = burst_disarm_packed,
		}, {
			.receive = rx_burst_packed_mergeable,
			.transmit = tx_burst_packed,
			.reclaim = tx_reclaim_all_packed,
			.ready = burst_ready_packed,
			.arm = burst_arm_packed,
			.disarm = burst_disarm_packed,
		},
	},
	.offloads = {
		{
			.receive = rx_burst_packed_offloads,
			.transmit = tx_burst_packed_offloads,
			.reclaim = tx_reclaim_all_packed,
			.ready = burst_ready_packed,
			.arm = burst_arm_packed,
			.disarm = burst_disarm_packed,
		}, {
			.receive = rx_burst_packed_mergeable_offloads,
			.transmit = tx_burst_packed_offloads,
			.reclaim = tx_reclaim_all_packed,
			.ready = burst_ready_packed,
			.arm = burst_arm_packed,
			.disarm = burst_disarm_packed,
		},
	},
};
