/* SPDX-License-Identifier: BSD-3-Clause */
/* Pools: making, releasing and sharing them. */
#ifndef VN_DRIVER_POOL_H
#define VN_DRIVER_POOL_H

#include "driver/net/packet.h"

/* How a device sees a pool. */
struct vn_reach {
	uint64_t iova_offset; /* address for the device minus ours */
	enum vn_access access;
};

/* Bytes from one buffer to the next. 0 stands for the default size. */
uint32_t vn_pool_stride(uint32_t buffer_size);

/* A pool without packets, for a queue that sends only what it is given. Returns 0,
 * -ENOMEM. */
int vn_pool_create_empty(struct vionet_device *device, struct vionet_pool **pool);

/* ---- pool_share.c ---- */

/* Does the device see the pool? */
bool vn_pool_reach(const struct vionet_pool *pool, const struct vionet_device *device,
		   struct vn_reach *reach);

/* Nobody uses the pool now: what its free packets held is not for who sees it next. */
void vn_pool_wipe(struct vionet_pool *pool);

/* The same for the pools that only this device sees. Its queues rest. */
void vn_pools_wipe(struct vionet_device *device);

/* Other devices do not see the pool any more: they have nothing of it. */
void vn_pool_unshare(struct vionet_pool *pool);

/* The device is closed: it sees no pool of others any more, ... */
void vn_shares_end(struct vionet_device *device);

/* ... and its own, where others use them too, become theirs. */
void vn_pools_hand_over(struct vionet_device *device);

/* ---- pool.c ---- */

/* Release a pool whatever the state of its packets; the device is quiesced or
 * closed. */
void vn_pool_destroy_forced(struct vionet_pool *pool);

#endif
