/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_DRIVER_DEVICE_CONFIG_H
#define VN_DRIVER_DEVICE_CONFIG_H

#include "driver/state/device.h"

/* Read the configuration that the accepted features say is there, and how many
 * queue pairs the device offers. `*config` changes only on success. */
int vn_config_read(struct vionet_device *device, struct vn_net_config *config);

/* Take from the offer what the configuration contradicts (an MTU below 68, a
 * configuration too short for its fields). A field that cannot be read is an error: at the next
 * start it could be, and the device would take other features. */
int vn_config_correct_offer(struct vionet_device *device,
			    struct vionet_features *offered);

#endif
