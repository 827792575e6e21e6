/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_DRIVER_DEVICE_OPEN_H
#define VN_DRIVER_DEVICE_OPEN_H

#include "driver/state/device.h"

/* vionet_device_open over a transport that is open already. It is the device's
 * from then on, and closed if this fails; also if its table is not whole, when
 * nothing else of it is called. */
int vn_device_open(struct vn_transport *transport,
		   const struct vionet_open_options *options,
		   struct vionet_device **device);

#endif
