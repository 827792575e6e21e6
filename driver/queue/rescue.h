/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_DRIVER_RESCUE_H
#define VN_DRIVER_RESCUE_H

#include <stdint.h>

#include "base/clock.h"

struct vionet_queue;

/* A device that does not move is notified again this often: it may have missed a
 * notification, or never withdrawn that it wants none. An interrupt is trusted for as
 * long. */
#define VN_RESCUE_INTERVAL (100 * VN_MS)

/*
 * Nothing was found to do, at `now`: if nothing has moved for long, notify the device
 * again, whether it wants that or not.
 */
void vn_queue_watchdog(struct vionet_queue *queue, uint64_t now);

/* The same at a coarse now, for polls. */
void vn_queue_idle(struct vionet_queue *queue);

#endif
