/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the tables of bursts. VN_BURSTS_DEFINE makes those of a layout: the bodies
 * of driver/queue/receive.h and driver/queue/transmit.h with their constants fixed.
 * Never: has code of its own worth reading.
 * Read next: driver/queue/burst_split.c.
 */
#ifndef VN_DRIVER_RXTX_TABLE_H
#define VN_DRIVER_RXTX_TABLE_H

#include "driver/queue/receive.h"
#include "driver/queue/transmit.h"

/* Tables of one layout: mergeable or not, with offloads or not. */
struct vn_bursts_choice {
	struct vn_bursts plain[2], offloads[2]; /* [mergeable] */
};

extern const struct vn_bursts_choice vn_bursts_split, vn_bursts_split_in_order;
extern const struct vn_bursts_choice vn_bursts_packed, vn_bursts_packed_in_order;

/* Whoever sleeps with buffers in the pool and none in the ring sleeps for ever. */
ALWAYS_INLINE int arm_queue(struct vionet_queue *queue, enum vn_layout layout,
			    refill_fn *refill)
{
	if (!queue->transmits && !queue->breach &&
	    queue->free_count >= queue->refill_batch)
		refill(queue);
	return (vn_layout_is_packed(layout) ? packed_arm(queue) :
					      split_arm(queue)) ? 1 : 0;
}

ALWAYS_INLINE void disarm_queue(struct vionet_queue *queue,
				enum vn_layout layout)
{
	if (vn_layout_is_packed(layout))
		packed_disarm(queue);
	else
		split_disarm(queue);
}

#define VN_BURSTS_REFILL(name, layout)                                        \
	static __attribute__((noinline)) void name(struct vionet_queue *queue)\
	{                                                                     \
		refill_burst(queue, layout);                                  \
	}

#define VN_BURSTS_RECEIVE(name, layout, mergeable, offloads, refill)          \
	static __attribute__((noinline)) uint32_t name##_many(                \
		struct vionet_queue *queue, struct vionet_packet **packets,   \
		uint32_t max)                                                 \
	{                                                                     \
		return receive_burst(queue, layout, mergeable, offloads,      \
				     refill, packets, max);                   \
	}                                                                     \
	static uint32_t name(struct vionet_queue *queue,                      \
			     struct vionet_packet **packets, uint32_t max)    \
	{                                                                     \
		return max == 1 ?                                             \
			receive_single(queue, layout, mergeable, offloads,    \
				       refill, name##_many, packets) :        \
			name##_many(queue, packets, max);                     \
	}

#define VN_BURSTS_TRANSMIT(name, layout, offloads)                            \
	static __attribute__((noinline)) uint32_t name##_rest(                \
		struct vionet_queue *queue,                                   \
		struct vionet_packet *const *packets, uint32_t count,         \
		uint32_t *pushed, uint64_t *bytes)                            \
	{                                                                     \
		return transmit_rest_burst(queue, layout, offloads,           \
					   take_back, packets, count, pushed, \
					   bytes);                            \
	}                                                                     \
	static __attribute__((noinline)) uint32_t name##_many(                \
		struct vionet_queue *queue,                                   \
		struct vionet_packet *const *packets, uint32_t count)         \
	{                                                                     \
		return transmit_burst(queue, layout, offloads, take_back,     \
				      name##_rest, packets, count);           \
	}                                                                     \
	static uint32_t name(struct vionet_queue *queue,                      \
			     struct vionet_packet *const *packets,            \
			     uint32_t count)                                  \
	{                                                                     \
		return count == 1 ?                                           \
			transmit_single(queue, layout, offloads, take_back,   \
					name##_many, packets) :               \
			name##_many(queue, packets, count);                   \
	}

#define VN_BURSTS_ARM(name, layout, refill)                                   \
	static int name(struct vionet_queue *queue)                           \
	{                                                                     \
		return arm_queue(queue, layout, refill);                      \
	}

#define VN_BURSTS_TABLE(receive_fn, transmit_fn, arm_fn)                      \
	{                                                                     \
		.receive = receive_fn, .transmit = transmit_fn,               \
		.reclaim = reclaim, .ready = ready, .arm = arm_fn,            \
		.disarm = disarm,                                             \
	}

#define VN_BURSTS_DEFINE(choice, layout)                                      \
	VN_BURSTS_REFILL(refill, layout)                                      \
	VN_BURSTS_RECEIVE(receive, layout, false, false, refill)              \
	VN_BURSTS_RECEIVE(receive_mergeable, layout, true, false, refill)     \
	VN_BURSTS_RECEIVE(receive_offloads, layout, false, true, refill)      \
	VN_BURSTS_RECEIVE(receive_mergeable_offloads, layout, true, true,     \
			  refill)                                             \
	static __attribute__((noinline)) uint32_t take_back(                  \
		struct vionet_queue *queue, uint32_t wanted)                  \
	{                                                                     \
		return reclaim_burst(queue, layout, wanted);                  \
	}                                                                     \
	VN_BURSTS_TRANSMIT(transmit, layout, false)                           \
	VN_BURSTS_TRANSMIT(transmit_offloads, layout, true)                   \
	VN_BURSTS_ARM(arm, layout, refill)                                    \
	static uint32_t reclaim(struct vionet_queue *queue)                   \
	{                                                                     \
		/* What was seen last time, then what has come since. */      \
		while (take_back(queue, UINT32_MAX) != 0)                     \
			;                                                     \
		return queue->outstanding;                                    \
	}                                                                     \
	static bool ready(struct vionet_queue *queue)                         \
	{                                                                     \
		return ring_completed(queue, layout);                         \
	}                                                                     \
	static void disarm(struct vionet_queue *queue)                        \
	{                                                                     \
		disarm_queue(queue, layout);                                  \
	}                                                                     \
	const struct vn_bursts_choice choice = {                              \
		.plain = {                                                    \
			VN_BURSTS_TABLE(receive, transmit, arm),              \
			VN_BURSTS_TABLE(receive_mergeable, transmit, arm),    \
		},                                                            \
		.offloads = {                                                 \
			VN_BURSTS_TABLE(receive_offloads, transmit_offloads,  \
					arm),                                 \
			VN_BURSTS_TABLE(receive_mergeable_offloads,           \
					transmit_offloads, arm),              \
		},                                                            \
	}

#endif
