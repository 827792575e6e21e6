/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_DRIVER_DEVICE_RESET_H
#define VN_DRIVER_DEVICE_RESET_H

#include "driver/state/device.h"

/* Deadlines; docs/architecture.md lists them. */
#define VN_RESET_TIMEOUT_MS 1000u

/* While the device is waited for: until when, and when to say so. */
struct vn_wait {
	uint64_t begin, end, next; /* ns */
	const char *step;
};

/* Reset, and wait until the device says that it has been. Sets `quiesced`, or
 * `broken`. Returns 0, -ETIMEDOUT, -ENODEV. */
int vn_device_reset(struct vionet_device *device);

/* Begin to wait for the device, as long as a reset may take. */
struct vn_wait vn_device_wait_begin(const struct vionet_device *device,
				    const char *step);

/* Sleep a little. Returns 0; -ETIMEDOUT at the end, -ECANCELED if the application does
 * not want to wait any longer; both without text. */
int vn_device_wait(const struct vionet_device *device, struct vn_wait *wait);

/* What it takes to use it failed for good: say so to the device, then reset it. The
 * error text, which belongs to `result`, stays. */
void vn_device_fail(struct vionet_device *device, int result);

/* Read the status, and note a device that has gone. 0 or a negative errno. */
int vn_device_read_status(struct vionet_device *device, uint8_t *status);

/* Add a bit to the status, and see that the device took it. */
int vn_device_add_status(struct vionet_device *device, uint8_t bit,
			 const char *name);

#endif
