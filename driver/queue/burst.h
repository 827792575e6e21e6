/* SPDX-License-Identifier: BSD-3-Clause */
/* The bursts of each ring layout, and what receive and transmit have in common. */
#ifndef VN_DRIVER_BURST_H
#define VN_DRIVER_BURST_H

#include "driver/ring/cursor.h"
#include "driver/spec/net.h"
#include "driver/state/queue.h"

typedef uint32_t vn_receive_fn(struct vionet_queue *queue,
			       struct vionet_packet **packets, uint32_t max);
typedef uint32_t vn_transmit_fn(struct vionet_queue *queue,
				struct vionet_packet *const *packets,
				uint32_t count);
typedef uint32_t vn_reclaim_fn(struct vionet_queue *queue);
typedef bool vn_ready_fn(struct vionet_queue *queue);
typedef int vn_arm_fn(struct vionet_queue *queue);
typedef void vn_disarm_fn(struct vionet_queue *queue);

/* The bursts of one ring layout; a queue has one table, chosen at start. */
struct vn_bursts {
	vn_receive_fn *receive;
	vn_transmit_fn *transmit;
	vn_reclaim_fn *reclaim; /* transmit queues */
	vn_ready_fn *ready;	/* is there anything completed? */
	vn_arm_fn *arm;		/* 0 armed, 1 work is there already */
	vn_disarm_fn *disarm;
};

/* The tables of one layout: mergeable or not, with offloads or not. */
struct vn_bursts_choice {
	struct vn_bursts plain[2], offloads[2]; /* [mergeable] */
};

extern const struct vn_bursts_choice vn_bursts_split, vn_bursts_split_in_order;
extern const struct vn_bursts_choice vn_bursts_packed, vn_bursts_packed_in_order;

/* Without offloads the header is of the basic size. */
ALWAYS_INLINE uint32_t burst_header_size(const struct vionet_queue *queue,
					 bool offloads)
{
	return offloads ? queue->header_size : (uint32_t)sizeof(struct net_hdr);
}

#endif
