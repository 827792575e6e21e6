/* SPDX-License-Identifier: BSD-3-Clause */
/* A device in this process, whose two queues are device_ring.h. */
#ifndef VIONET_BENCH_TRANSPORT_H
#define VIONET_BENCH_TRANSPORT_H

#include <vionet/vionet.h>

#include "bench/ring/device_ring.h"

struct bench_device {
	struct device_ring queue[2]; /* receive, transmit */
	struct vionet_device *device;
	struct vionet_queue *rx, *tx;
};

/* Make it and start the driver on it, with these features besides MAC, VERSION_1 and
 * ACCESS_PLATFORM. Exits with a message if that fails. */
void bench_device_start(struct bench_device *d, uint64_t features,
			uint32_t queue_size, uint32_t packets,
			enum touch touch, uint32_t length);
void bench_device_stop(struct bench_device *d);

#endif
