/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A virtio network device for fuzz targets, behind driver/transport/transport.h: its rings are those of
 * tests/unit/model_ring.h, what it says and does is the input's.
 */
#ifndef VIONET_TESTS_FUZZ_DEVICE_H
#define VIONET_TESTS_FUZZ_DEVICE_H

#include "driver/transport/transport.h"
#include "tests/unit/model_ring.h"

#define DEVICE_QUEUES 7 /* three pairs, and the control queue */
#define DEVICE_REGIONS 48
#define DEVICE_CONFIG 64
#define DEVICE_VECTORS 8

struct fuzz_region {
	uint64_t iova;
	size_t size;
	uint8_t *as_device;
	bool writable;
};

/* What the control queue does with a command. */
enum fuzz_control {
	FUZZ_CONTROL_OBEYS,
	FUZZ_CONTROL_REFUSES,
	FUZZ_CONTROL_ODD, /* any ack, any length */
	FUZZ_CONTROL_SILENT,
};

struct fuzz_device {
	struct vn_transport transport;
	struct vn_transport_ops ops;
	struct vn_transport_limits limits;
	uint64_t offered[2], accepted[2];
	uint8_t status, stuck; /* bits that do not change */
	bool never_resets;
	bool correct; /* registers, and used entries */
	uint8_t config[DEVICE_CONFIG];
	uint32_t events;
	unsigned int fail_after; /* operations, until one fails; 0: none does */
	int fail_with;
	enum fuzz_control control;
	bool counts; /* its replies to questions for statistics have the form that they should have, more or less */
	struct model_rings rings;
	struct model_queue queue[DEVICE_QUEUES];
	uint16_t queue_max[DEVICE_QUEUES];
	bool reset_queue_fails;
	uint32_t bell[DEVICE_QUEUES];
	unsigned int kicks;
	unsigned int bell_kind; /* 0: mapped, 1: an operation, 2: eventfd */
	struct fuzz_region region[DEVICE_REGIONS];
	uint64_t next_iova;
	int vector_fd[DEVICE_VECTORS], bell_fd;
	unsigned int vectors;
	unsigned int control_queue;
	/* Buffers that were taken and not yet completed, oldest first. */
	struct {
		uint16_t id[64];
		unsigned int begin, end;
	} held[DEVICE_QUEUES];
};

/* A device as new; what it offers and allows is filled in afterwards, before it is opened. */
void fuzz_device_reset(struct fuzz_device *device);

/* The table of operations, less those that the device cannot do (a bit of vn_transport_can each). */
void fuzz_device_ops(struct fuzz_device *device, unsigned int without);

/* Take what is available at a queue, `most` buffers; then complete so many: in order, or each where the input says.
 * `length` of each used entry, or (-1) what was written. */
void fuzz_device_hold(struct fuzz_device *device, unsigned int queue, unsigned int most);
void fuzz_device_complete(struct fuzz_device *device, unsigned int queue, unsigned int count, uint32_t length);

/* Fill the next receive buffer with header and frame out of the input and complete it. Returns whether there was one. */
bool fuzz_device_deliver(struct fuzz_device *device, unsigned int queue, const uint8_t *bytes, size_t size, uint32_t length);

/* A used entry of any contents. */
void fuzz_device_scribble(struct fuzz_device *device, unsigned int queue);

/* Answer what is in the control queue. */
void fuzz_device_serve(struct fuzz_device *device);

static inline bool fuzz_device_accepted(const struct fuzz_device *device, unsigned int bit)
{
	return (device->accepted[bit / 64] >> bit % 64 & 1) != 0;
}

#endif
