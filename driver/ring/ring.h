/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of a ring, and the queue's private record of it. */
#ifndef VN_DRIVER_RING_H
#define VN_DRIVER_RING_H

#include "driver/state/queue.h"

/* Memory and records of the ring; all descriptors are free. 0 or a negative errno.
 * What was made before it failed is released by vn_ring_close. */
int vn_ring_open(struct vionet_queue *queue);

/* Bytes of device memory, in whole pages, that vn_ring_open takes. */
uint64_t vn_ring_memory(const struct vionet_features *accepted, uint32_t size,
			bool transmits);
void vn_ring_close(struct vionet_queue *queue);

#endif
