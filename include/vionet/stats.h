/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's own counters. Those of this side are in vionet_queue_stats; where
 * the two differ, packets were lost between them. Both begin with vionet_device_start.
 * A recovery resets the device, and so its counters; the driver's go on.
 *
 * Threads, deadlines and errors: as vionet/control.h says.
 */
#ifndef VIONET_STATS_H
#define VIONET_STATS_H

#include <stddef.h>
#include <stdint.h>

#include <vionet/platform.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct vionet_device;

/* A counter of the device: "rx_packets", "tx_drop_malformed". */
struct vionet_stat {
	const char *name; /* static */
	uint64_t value;
};

/* More than a queue can have. */
#define VIONET_STATS_MAX 32

/*
 * Which kinds of statistics the device keeps, as a bit each, numbered by the
 * specification (0 to 3 receive, 16 to 19 transmit, 32 control queue). Returns 0;
 * -EIO if the answer is too short. Needs DEVICE_STATS. Source: "Device Statistics".
 */
int vionet_stats_types(struct vionet_device *device, uint64_t *types);

/*
 * Read all counters that the device keeps for virtqueue `index` (receive queue of
 * pair p: 2p, transmit queue 2p + 1, control queue: as vionet_device_queue_info
 * says) and whose features were negotiated.
 *
 * `stats`: room for `capacity` elements that lie `stride` bytes apart, sizeof of
 *   one; VIONET_STATS_MAX of them are always enough. What has no room is left out.
 * `count`: set to how many were filled in; 0 if the device keeps none for this queue.
 *
 * Returns 0; -EINVAL (stride); -ENOENT if the queue is not in use. Of an answer that makes
 * no sense, the part before that is given. Needs DEVICE_STATS.
 */
int vionet_stats_read(struct vionet_device *device, unsigned int index,
		      struct vionet_stat *stats, size_t stride,
		      uint32_t capacity, uint32_t *count);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
