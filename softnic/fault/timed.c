/* SPDX-License-Identifier: BSD-3-Clause */
#include "softnic/fault/timed.h"

#include <unistd.h>

#include "softnic/fault/overwrite.h"
#include "softnic/vfio_user/server.h"

#define TENTH 10u
#define SLOW_US 10000u
#define INTERRUPT_ADDRESS 0xfee00000ull

static void timed_at_the_tenth(struct device *device)
{
	if (device_has_fault(device, FAULT_NEEDS_RESET_TENTH_DOORBELL))
		needs_reset(device);
	if (device_has_fault(device, FAULT_NEEDS_RESET_SILENT))
		device->status |= ST_NEEDS_RESET;
	if (device_has_fault(device, FAULT_UNPLUG_REQUESTED))
		interrupts_event(device, IRQ_REQ);
	if (device_has_fault(device, FAULT_FUNCTION_ERROR))
		interrupts_event(device, IRQ_ERR);
	if (device_has_fault(device, FAULT_RESET_FROM_OUTSIDE))
		device_reset(device, "from outside");
	if (device_has_fault(device, FAULT_DRIVER_OK_LOST))
		device->status &= (uint8_t)~ST_DRIVER_OK;
}

void fault_doorbell(struct queue *queue)
{
	struct device *device = queue->device;

	if (device->options->faults == NULL)
		return;
	if (device_has_fault(device, FAULT_DOORBELL_SLOW))
		usleep(SLOW_US);
	if (device_has_fault(device, FAULT_WRITE_DESCRIPTOR_AREA))
		fault_overwrite(device, FAULT_WRITE_DESCRIPTOR_AREA, queue->descriptor_area);
	if (device_has_fault(device, FAULT_WRITE_ADDRESS_ZERO))
		fault_overwrite(device, FAULT_WRITE_ADDRESS_ZERO, 0);
	if (device_has_fault(device, FAULT_WRITE_INTERRUPT_ADDRESS))
		fault_overwrite(device, FAULT_WRITE_INTERRUPT_ADDRESS, INTERRUPT_ADDRESS);
	if (device_has_fault(device, FAULT_NEEDS_RESET_FIRST_DOORBELL))
		needs_reset(device);
	if (device->server->kicks % TENTH == 0)
		timed_at_the_tenth(device);
}

void fault_iteration(struct device *device)
{
	if (device->options->faults == NULL)
		return;
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (device->queue[i].enabled &&
		    (device_has_fault(device, FAULT_INTERRUPTS_SPURIOUS) ||
		     (device_has_fault(device, FAULT_INTERRUPTS_EARLY) && !device_is_live(device))))
			interrupt_queue(&device->queue[i]);
	if (device_has_fault(device, FAULT_CONFIG_INTERRUPT_STORM))
		interrupt_config(device);
	if (device_has_fault(device, FAULT_VECTOR_COUNTERS_FULL))
		interrupts_fill(device);
}
