/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong with a queue or a device, kept from when it was first seen. */
#ifndef VN_DRIVER_HEALTH_H
#define VN_DRIVER_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/state/device.h"

/* Protocol errors of a device, by which a queue is broken. */
enum vn_queue_error {
	VN_QERR_NONE = 0,
	VN_QERR_INDEX_JUMP,	  /* used idx ran past what is outstanding */
	VN_QERR_ID_RANGE,	  /* used id is no entry of the queue */
	VN_QERR_ID_NOT_IN_FLIGHT, /* used id is not outstanding */
	VN_QERR_ORDER,		  /* used id is none of those that may come next */
	VN_QERR_BUFFERS,	  /* num_buffers larger than the queue */
	VN_QERR_RESET,		  /* it was to be reset, and is in no known state */
};

struct vionet_queue;

/* "transmit queue 3", for error texts. */
const char *vn_queue_name(const struct vionet_queue *queue, char text[32]);

/* Latch a protocol error: the first one counts. */
void vn_queue_break(struct vionet_queue *queue, enum vn_queue_error error,
		    uint32_t value, uint32_t limit) __attribute__((cold));

/* What a status, or the failure to read it, says of a device that was live. */
enum vn_device_error vn_device_diagnose(int result, uint8_t status);

/* Nothing moves: note what the device's status says of its health. Any thread between
 * start and stop; the error text stays. */
void vn_device_poll_error(struct vionet_device *device);

static inline bool vn_device_has_error(const struct vionet_device *device)
{
	return __atomic_load_n(&device->error, __ATOMIC_RELAXED) != VN_DERR_NONE;
}

static inline void vn_device_set_error(struct vionet_device *device, enum vn_device_error error)
{
	__atomic_store_n(&device->error, (uint8_t)error, __ATOMIC_RELAXED);
}

/* Nothing is wrong with it as a whole: 0; -EIO or -ENODEV, and what is to be done. */
int vn_device_check(const struct vionet_device *device);

#endif
