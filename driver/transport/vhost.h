/* SPDX-License-Identifier: BSD-3-Clause */
/* What vhost is, whether its calls are messages on a socket or ioctls of a node. */
#ifndef VN_DRIVER_TRANSPORT_VHOST_H
#define VN_DRIVER_TRANSPORT_VHOST_H

#include <stdint.h>

#include <vionet/device.h>

/* Features that a back end has, without those that need what no vhost has: an eventfd carries no
 * data, and there is no call for the reset of a queue, nor for the admin queue. */
struct vionet_features vn_vhost_features(uint64_t word);

/* Where a fresh ring begins: a packed one's wrap counter is 1. */
uint16_t vn_vhost_first_position(const struct vionet_features *accepted);

/* A position as SET_VRING_BASE has it. In a packed ring both counters' wrap bits are part of it,
 * and both sides are at the same place. */
uint32_t vn_vhost_base(const struct vionet_features *accepted, uint16_t position);

#endif
