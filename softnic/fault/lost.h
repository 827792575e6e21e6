/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults that lose a notification on its way, in either direction. */
#ifndef SOFTNIC_FAULT_LOST_H
#define SOFTNIC_FAULT_LOST_H

#include "softnic/device.h"

void fault_driver_ok(struct device *device); /* it was set: some faults count from there */

/* Is this one lost? Counts them. */
bool fault_loses_doorbell(struct device *device);
bool fault_loses_interrupt(struct device *device);

#endif
