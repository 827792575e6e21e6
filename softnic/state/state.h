/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All that a driver could notice of the device, as bytes that another process with the same
 * function goes on from: version, length and checksum, then sections. What the two have of
 * their own stays: link and speed, peer, faults, what was reported.
 *
 * The format is this device's; it says so and which version it is. A state of another
 * version, of another kind of function, or with anything in it that the device could not have
 * come to by itself is refused.
 */
#ifndef SOFTNIC_STATE_H
#define SOFTNIC_STATE_H

#include "softnic/device.h"

#define STATE_MAX (1u << 20) /* no state is that long */

/* The state, allocated: the caller's. The device has come to rest. 0; -EBUSY (it holds frames
 * or buffers that are not part of it), -ENOMEM; said on stderr. */
int state_save(struct device *device, uint8_t **data, size_t *size);

/* Go on from there, in a device that was reset and has the driver's memory. 0, or -EINVAL, said
 * on stderr: it has to be reset again. */
int state_load(struct device *device, const uint8_t *data, size_t size);

#endif
