/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong with a queue or a device, kept from when it was first seen. */
#ifndef VN_DRIVER_HEALTH_H
#define VN_DRIVER_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "driver/state/device.h"

/* How a queue can be broken by its device. 0 is health. */
enum vn_breach {
	VN_BREACH_NONE = 0,
	VN_BREACH_INDEX_JUMP, /* used idx ran past what is outstanding */
	VN_BREACH_ID_RANGE,   /* used id is no entry of the queue */
	VN_BREACH_ID_IDLE,    /* used id is not outstanding */
	VN_BREACH_ORDER,      /* used id is none of those that may come next */
	VN_BREACH_BUFFERS,    /* num_buffers larger than the queue */
	VN_BREACH_RESET,      /* it was to be reset, and is in no known state */
};

struct vionet_queue;

/* "transmit queue 3", for error texts. */
const char *vn_queue_name(const struct vionet_queue *queue, char text[32]);

/* Latch a breach of protocol: the first one counts. */
void vn_queue_break(struct vionet_queue *queue, enum vn_breach breach,
		    uint32_t value, uint32_t limit) __attribute__((cold));

/* What a status, or the failure to read it, says of a device that was live. */
enum vn_ailment vn_device_diagnose(int result, uint8_t status);

/* ---- info.c ---- */

/* Nothing moves: note what the device's status says of its health. Any thread between
 * start and stop; the error text stays. */
void vn_device_look(struct vionet_device *device);

static inline bool vn_device_ails(const struct vionet_device *device)
{
	return __atomic_load_n(&device->ailment, __ATOMIC_RELAXED) != VN_AILMENT_NONE;
}

static inline void vn_device_note(struct vionet_device *device, enum vn_ailment ailment)
{
	__atomic_store_n(&device->ailment, (uint8_t)ailment, __ATOMIC_RELAXED);
}

/* Nothing is wrong with it as a whole: 0; -EIO or -ENODEV, and what is to be done. */
int vn_device_check(const struct vionet_device *device);

#endif
