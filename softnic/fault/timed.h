/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: faults of areas C, I, J and K, which happen at a time and not at a register.
 * Never: does anything when no fault is switched on.
 * Read next: misbehave.c.
 */
#ifndef SOFTNIC_MISBEHAVE_H
#define SOFTNIC_MISBEHAVE_H

#include "softnic/device.h"

/* Does a doorbell, or an interrupt of a queue, get lost on its way? Counts them. */
bool misbehave_loses_ring(struct device *device);
bool misbehave_loses_interrupt(struct device *device);

/* DRIVER_OK was set; the driver rang; a turn of the loop; status was reset. */
void misbehave_live(struct device *device);
void misbehave_ring(struct queue *queue);
void misbehave_turn(struct device *device);
void misbehave_reset(struct device *device, const uint64_t *areas);

#endif
