/* SPDX-License-Identifier: BSD-3-Clause */
/* Faults that write where the driver's map may not let them. */
#ifndef SOFTNIC_FAULT_OVERWRITE_H
#define SOFTNIC_FAULT_OVERWRITE_H

#include "softnic/device.h"

/* Four bytes at `iova`, if the map permits; a line of the trace says which it was. */
void fault_overwrite(struct device *device, enum fault fault, uint64_t iova);

/* The device was reset, and had these device areas (0: none). */
void fault_reset(struct device *device, const uint64_t *areas);

#endif
