/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An application of the library in fuzz targets, which keeps books: each packet has one owner, each pool is whole in the end,
 * and what was received is as negotiated.
 */
#ifndef VIONET_TESTS_FUZZ_APPLICATION_H
#define VIONET_TESTS_FUZZ_APPLICATION_H

#include <vionet/vionet.h>

#define APP_PAIRS 3
#define APP_PACKETS 512

struct fuzz_application {
	struct vionet_device *device;
	struct vionet_features negotiated;
	struct vionet_start_options start;
	unsigned int pairs;
	struct vionet_pool *rx_pool[APP_PAIRS], *tx_pool[APP_PAIRS];
	uint32_t rx_count, tx_count;		/* packets of each pool */
	struct vionet_packet *own[APP_PACKETS]; /* heads of packets */
	unsigned int owned;
};

/* The device's features were negotiated, or its queues made. */
void fuzz_application_look(struct fuzz_application *app);

void fuzz_application_receive(struct fuzz_application *app, unsigned int pair, unsigned int most);

/* Frames of fresh packets, or some that it has; as the input says, right or wrong. */
void fuzz_application_transmit(struct fuzz_application *app, unsigned int pair, unsigned int count);

/* Free up to `count` of what it has. */
void fuzz_application_free(struct fuzz_application *app, unsigned int count);

/* A command of the control side, of the input's choice. */
void fuzz_application_command(struct fuzz_application *app);

/* It has that packet, which was fresh. */
void fuzz_application_keep(struct fuzz_application *app, struct vionet_packet *packet);

/* Memory of its own, frames in it, a second device that sees its pools (attached.c). The session ends: before the device is
 * closed the second one is, after it nothing is attached. */
void fuzz_application_memory(struct fuzz_application *app);
void fuzz_application_memory_leave(void);
void fuzz_application_memory_end(void);

/* Nothing is in flight: each pool has all of its packets. */
void fuzz_application_settle(struct fuzz_application *app);

#endif
