/* SPDX-License-Identifier: BSD-3-Clause */
/* What start and recovery send to a live device before the application sends anything. */
#ifndef VN_DRIVER_STEERING_H
#define VN_DRIVER_STEERING_H

#include <stdint.h>

struct vionet_device;

/* Use all of the pairs that were set up ("Automatic receive steering in multiqueue
 * mode", CVQ-17): by MQ, else by RSS. */
int vn_steering_begin(struct vionet_device *device, unsigned int pairs);

/* How many RSS contexts there may be. Asked before any other command about them,
 * since the last reset ("RSS Context", CVQ-36). */
int vn_rss_context_query(struct vionet_device *device, uint16_t *contexts);

/* Tell a device without an address of its own the one that it was given here, if it can
 * be sent ("Setting MAC Address Filtering", CVQ-07). One that refuses has the last
 * word. */
int vn_filter_begin(struct vionet_device *device);

#endif
