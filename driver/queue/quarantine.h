/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues that their device may still use, though no thread does: whole, with ring,
 * record of what is in flight, and packets. None of it is given back before the device
 * is quiesced.
 */
#ifndef VN_DRIVER_QUARANTINE_H
#define VN_DRIVER_QUARANTINE_H

#include "driver/state/queue.h"

/* Made with its queue, so that there is no lack of memory when it is needed. */
struct vn_quarantined {
	struct vn_quarantined *next; /* in the device's list */
	struct vionet_queue queue;
};

/* Take over all that `queue` has, into its `quarantine`. */
void vn_quarantine_add(struct vionet_queue *queue);

/* The device has nothing of the queue any more: packets go back to their pools, and the
 * ring's memory is freed. */
void vn_queue_release(struct vionet_queue *queue);

/* The device is quiesced, or was taken away: packets go back to their pools, the
 * device's own pools and all ring memory are freed. */
void vn_quarantine_release(struct vionet_device *device);

/* What the device may still use: memory regions of ours, and packets. */
void vn_quarantine_count(const struct vionet_device *device, uint32_t *regions,
			 uint32_t *packets);

#endif
