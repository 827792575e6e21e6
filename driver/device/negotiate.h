/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_DRIVER_DEVICE_NEGOTIATE_H
#define VN_DRIVER_DEVICE_NEGOTIATE_H

#include "driver/state/device.h"

/* Steps 1 to 6 of the initialization. On failure the device gets FAILED, and is left
 * reset. */
int vn_device_negotiate(struct vionet_device *device);

#endif
