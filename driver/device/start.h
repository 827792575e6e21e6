/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_DRIVER_DEVICE_START_H
#define VN_DRIVER_DEVICE_START_H

#include "driver/state/device.h"

/* May a queue have this size? */
bool vn_device_size_fits(const struct vionet_device *device, uint32_t size);

/* All queues are set up: enable them, set DRIVER_OK, post receive buffers, and
 * tell the device what it is to know. */
int vn_device_make_live(struct vionet_device *device);

/* Attach the interrupts that the plans of the queues want. */
int vn_device_open_vectors(struct vionet_device *device);

/* Set up the control queue, if there is one. */
int vn_device_open_control(struct vionet_device *device);

/* Release all queues of a device that was reset. */
void vn_device_close_queues(struct vionet_device *device);

#endif
