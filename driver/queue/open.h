/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_DRIVER_QUEUE_OPEN_H
#define VN_DRIVER_QUEUE_OPEN_H

#include "driver/state/queue.h"

/* What a queue is made from. */
struct vn_queue_plan {
	unsigned int index; /* virtqueue index */
	uint16_t size;
	uint16_t size_max;
	int vector; /* wanted; -1: none */
	bool shared; /* other queues have the vector too */
	struct vionet_pool *pool; /* NULL: buffers go through vn_queue_submit */
	struct vionet_pool_options pool_options; /* of one that is made at start */
};

/*
 * Make a queue: memory, records, registers. Not enabled yet. Returns 0 or a
 * negative errno with nothing left behind.
 */
int vn_queue_open(struct vionet_queue *queue, struct vionet_device *device,
		  const struct vn_queue_plan *plan);

/* Make a queue anew in the place of one that the device has nothing of any more
 * (all was reset, or it was, as one queue). Counters go on. If it fails, the queue
 * stays, as a broken one without memory. */
int vn_queue_reopen(struct vionet_queue *queue, const struct vn_queue_plan *plan);

/* Take every buffer back and free the queue; if the device is not known to be quiesced,
 * the queue goes whole into quarantine. An empty queue is allowed. */
void vn_queue_close(struct vionet_queue *queue);

#endif
