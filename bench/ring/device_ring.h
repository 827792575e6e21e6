/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio-net device's side of one queue that does as little as a device can: it takes
 * buffers and gives them back, and copies no frame. Written from the specification; it
 * shares nothing with the driver.
 *
 * It trusts its driver: this is a measuring instrument, not a device to expose. vionet-softnic
 * could not stand in for it: it checks each ring, and takes 460 to 670 instructions a packet,
 * this 26 to 44 (docs/performance.md, "Measuring").
 */
#ifndef VIONET_BENCH_DEVICE_RING_H
#define VIONET_BENCH_DEVICE_RING_H

#include <stdbool.h>
#include <stdint.h>

/* What it does to the memory of a buffer that it fills. */
enum touch {
	TOUCH_NOTHING, /* not with MRG_RXBUF, which needs a header */
	TOUCH_HEADER,  /* 12 bytes */
	TOUCH_FRAME,   /* the header and the frame */
};

#define DEVICE_RING_AHEAD 16

struct device_place {
	uint8_t *to;   /* the buffer */
	uint64_t word; /* of its descriptor: id; packed: the second half */
};

struct device_ring {
	bool packed;
	uint16_t size;
	enum touch touch;
	uint32_t length; /* of the frames that it makes, without header */
	/* With TOUCH_FRAME: each frame that it takes, each that it makes; returns the length. NULL: a constant one
	 * is made, and none is read. */
	uint32_t (*frame)(struct device_ring *ring, uint8_t *frame, uint32_t length);

	/* The three areas, where this process has them. */
	uint8_t *desc, *driver, *device;
	/* Turns an address in a descriptor into one here; NULL: it is one. */
	void *(*translate)(void *context, uint64_t address);
	void *context;

	uint16_t at;	  /* packed: position of the next available descriptor */
	uint16_t wrap;	  /* 1 or 0 */
	uint16_t avail, used; /* split: free-running */
	uint16_t seen;	  /* split: avail idx as last read */
	uint64_t packets;
	/* Buffers that are available, from the next one on, whose lines were asked for. */
	uint32_t asked, filled; /* filled: free-running */
	struct device_place place[DEVICE_RING_AHEAD];
} __attribute__((aligned(128)));

/* Set up from the areas; disables notifications. */
void device_ring_open(struct device_ring *b);

/* Take up to `max` transmitted frames and complete them. Returns their number. */
uint32_t device_ring_sink(struct device_ring *b, uint32_t max);

/* Fill up to `max` receive buffers. Returns their number. */
uint32_t device_ring_source(struct device_ring *b, uint32_t max);

#endif
