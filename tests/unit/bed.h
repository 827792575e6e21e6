/* SPDX-License-Identifier: BSD-3-Clause */
/* A device that runs against the model, and what tests of it share. */
#ifndef VIONET_TESTS_BED_H
#define VIONET_TESTS_BED_H

#include "tests/unit/test.h"

#include <vionet/vionet.h>

#include "driver/device.h"
#include "tests/unit/model.h"

struct bed {
	struct model *model;
	struct vionet_device *device;
	struct vionet_queue *rx, *tx;
	uint8_t last[70000];
	size_t last_length;
	uint64_t next; /* number expected in the next frame */
};

/* A started device with queues of these sizes (0: the default), receive buffers of
 * this size, and a model that does not offer the features in `without`. Frames that
 * are sent end up in `last`. */
struct bed *raise_bed(uint32_t rx_size, uint32_t tx_size, uint32_t buffer_size,
		      uint64_t without);

/* Close it; nothing may have faulted, or been unmapped under a live device. */
void drop_bed(struct bed *bed);

/* A packet of the transmit pool, `length` zero bytes. */
struct vionet_packet *fresh(struct bed *bed, uint32_t length);

/* A device over a model that a test has made; closes it if that fails. */
int open_model(struct model *model, const struct vionet_open_options *options,
	       struct vionet_device **device);

/* Number of open file descriptors. */
int open_descriptors(void);

/* Seconds of CLOCK_MONOTONIC. */
double seconds(void);

#endif
