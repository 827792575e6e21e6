/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the statistics of a device, the driver's and its own, as one JSON object.
 * Never: prints.
 */
#ifndef VIONET_TOOLS_GATHER_H
#define VIONET_TOOLS_GATHER_H

#include <jansson.h>

#include <vionet/device.h>

/*
 * Read everything. Control thread, device started.
 *
 * Returns an object: `device`, `time_ns` (CLOCK_MONOTONIC), `types` (names, or null),
 * `note` (null, or why the device tells nothing), `queues`: an array of `index`,
 * `role`, `driver` (an object of counters; null for the control queue) and `own` (the
 * device's, an object, or null).
 */
json_t *gather_statistics(struct vionet_device *device);

#endif
