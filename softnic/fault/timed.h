/* SPDX-License-Identifier: BSD-3-Clause */
/* Timed faults of areas C, I, J and K: they come with a doorbell or with time, not with the
 * access to a register. */
#ifndef SOFTNIC_FAULT_TIMED_H
#define SOFTNIC_FAULT_TIMED_H

#include "softnic/device.h"

void fault_doorbell(struct queue *queue);     /* the driver rang */
void fault_iteration(struct device *device); /* of the loop */

#endif
