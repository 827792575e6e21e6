/* SPDX-License-Identifier: BSD-3-Clause */
/* Never writes where the driver's map does not let it: that the map holds is what these
 * faults are to show. */
#include "softnic/fault/overwrite.h"

#include <inttypes.h>
#include <string.h>

#include "softnic/vfio_user/server.h"

/* On purpose, so it is no fault of the driver's and does not count for its verdict. */
void fault_overwrite(struct device *device, enum fault fault, uint64_t iova)
{
	struct mapping map;
	bool writable = dma_window(device, iova, &map) &&
			(map.directions & DEVICE_WRITES) &&
			map.size - (iova - map.iova) >= sizeof(uint32_t);

	if (writable)
		memset(map.address + (iova - map.iova), 0xa5, sizeof(uint32_t));
	trace(device, "MISBEHAVE %s 0x%" PRIx64 " %s", fault_id(fault), iova,
	      writable ? "written" : "stopped by the map");
}

void fault_reset(struct device *device, const uint64_t *areas)
{
	if (device->options->faults == NULL)
		return;
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (areas[i] != 0 && device_has_fault(device, FAULT_WRITE_RING_AFTER_RESET))
			fault_overwrite(device, FAULT_WRITE_RING_AFTER_RESET, areas[i]);
	if (device_has_fault(device, FAULT_INTERRUPTS_AFTER_RESET))
		interrupts_trigger_all(device);
}
