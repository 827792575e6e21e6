/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_DRIVER_SIZES_H
#define VN_DRIVER_SIZES_H

#include "driver/state/device.h"

/*
 * Fill the plans of all pairs: sizes of queues, and pools, which are made here where the
 * application gives none. All that a start needs is added up, and held against the limit
 * of locked memory, before the first of it is allocated. Vectors are not assigned yet.
 *
 * Returns 0; -EINVAL, -ENOMEM, -ENOSPC, -EIO. Pools that were made are in the plans.
 */
int vn_plan_queues(struct vionet_device *device,
		   const struct vionet_start_options *options);

/* Can these be the buffers that the device writes to, by its configuration? */
int vn_device_check_rx_pool(const struct vionet_device *device,
			    const struct vionet_pool *pool);

/* Bytes of the longest command of the control queue, or of its result. */
uint32_t vn_control_room(const struct vionet_device *device);

#endif
