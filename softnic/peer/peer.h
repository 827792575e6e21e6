/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands behind the device: a place that takes the frames that the driver sends and
 * has frames for it. Never knows of queues or offloads: frames come here complete,
 * checksummed and segmented, unless the peer says that it takes more (`raw`).
 */
#ifndef SOFTNIC_PEER_H
#define SOFTNIC_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "softnic/device.h"

/* A frame as pieces; `header` says which offloads are still to be done. */
struct frame {
	const struct element *part;
	unsigned int parts;
	uint32_t length;
	struct net_header header;
	unsigned int pair; /* transmit queue pair it came from */
};

struct peer;

struct peer_ops {
	/* The driver sent `frame`. Valid during the call only. 0: taken (or lost, as
	 * on a wire); -EAGAIN: not now, offer it again later. */
	int (*send)(struct peer *peer, const struct frame *frame);
	/* The next frame for the driver, valid until the next call. 1, or 0: none. */
	int (*receive)(struct peer *peer, struct frame *frame);
	/* The frame last received found no buffer: keep it for the next receive
	 * (lossless peers), or lose it. */
	void (*unreceive)(struct peer *peer);
	void (*close)(struct peer *peer);
};

struct peer {
	const struct peer_ops *ops;
	struct device *device;
	int fd;	   /* readable when there are frames; -1: none */
	bool raw;  /* takes and gives frames with offloads pending (loop, echo) */
	/* What is sent comes back: net.c copies straight from transmit to receive
	 * buffers (with `swap`, addresses exchanged) and calls neither send nor
	 * receive. */
	bool mirror, swap;
	bool keeps; /* its frames wait for a buffer, lossless or not (source, pcap) */
	bool idle; /* nothing to receive until something is sent (loop, echo, sink) */
};

/*
 * Open the peer that `text` names: "loop", "echo", "sink", "source[:...]",
 * "tap:NAME", "pcap:IN:OUT" (either may be empty), "unix:PATH". Returns 0 or
 * -errno with a message on stderr that says what to do.
 */
int peer_open(const char *text, struct device *device, struct peer **peer);

#endif
