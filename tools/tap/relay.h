/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of one queue pair, between a queue of the tap interface and the device. */
#ifndef VIONET_TOOLS_RELAY_H
#define VIONET_TOOLS_RELAY_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vionet/offload.h>
#include <vionet/packet.h>

#include "tools/shared/common.h"
#include "tools/shared/pair_threads.h"

#define RELAY_BURST 32
/* Buffers of the smallest size that hold the longest frame. */
#define RELAY_PARTS 34
/* Of a received frame; a device may use many buffers for a few bytes each. */
#define RELAY_RECEIVED_PARTS_MAX 256

struct relay_counts {
	uint64_t to_device, to_kernel;
	uint64_t down;	   /* of the device's: the interface was down */
	uint64_t refused;  /* of the device's: the kernel did not take it */
	uint64_t not_sent; /* of the kernel's: the device's queue gave no room until the end */
};

struct relay {
	struct pair_thread thread; /* first: pair_threads.h */
	enum wait_mode mode;
	int fd;	       /* the interface's queue */
	int error;     /* of fd, which ended it; 0: none */
	int announce;  /* set by the main thread: send what shows where we are */
	struct relay_counts counts;
	uint64_t busy_ns;

	/* Frames that the transmit queue had no room for. */
	struct vionet_packet *pending[RELAY_BURST];
	uint32_t pending_count, pending_sent;
	/* Buffers that the next frame is read into: part i is described by vector i + 1. */
	struct vionet_packet *spare[RELAY_PARTS];
	uint32_t spare_missing; /* at the front, used by the frame before */
	struct iovec vector[RELAY_PARTS + 1];
	struct virtio_net_hdr header;
};

/* For a thread of its own; the session is that of pair_threads. */
void relay_init(struct relay *relay, int fd, enum wait_mode mode);
void relay_run(struct pair_thread *thread);

#endif
