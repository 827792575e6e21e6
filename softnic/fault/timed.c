/* SPDX-License-Identifier: BSD-3-Clause */
#include "softnic/fault/timed.h"

#include <unistd.h>

#include "softnic/fault/overwrite.h"
#include "softnic/vfio_user/server.h"

#define TENTH 10u
#define SLOW_US 10000u
#define INTERRUPT_ADDRESS 0xfee00000ull

static void at_the_tenth(struct device *device)
{
	if (fault(device, "J01"))
		needs_reset(device);
	if (fault(device, "J02"))
		device->status |= ST_NEEDS_RESET;
	if (fault(device, "J06"))
		interrupts_event(device, IRQ_REQ);
	if (fault(device, "J07"))
		interrupts_event(device, IRQ_ERR);
	if (fault(device, "J08"))
		device_reset(device, "from outside");
	if (fault(device, "J12"))
		device->status &= (uint8_t)~ST_DRIVER_OK;
}

void fault_doorbell(struct queue *queue)
{
	struct device *device = queue->device;

	if (device->options->faults == NULL)
		return;
	if (fault(device, "C14"))
		usleep(SLOW_US);
	if (fault(device, "K02"))
		fault_overwrite(device, "K02", queue->descriptor_area);
	if (fault(device, "K03"))
		fault_overwrite(device, "K03", 0);
	if (fault(device, "K07"))
		fault_overwrite(device, "K07", INTERRUPT_ADDRESS);
	if (fault(device, "J03"))
		needs_reset(device);
	if (device->server->kicks % TENTH == 0)
		at_the_tenth(device);
}

void fault_iteration(struct device *device)
{
	if (device->options->faults == NULL)
		return;
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (device->queue[i].enabled &&
		    (fault(device, "I02") ||
		     (fault(device, "I01") && !live(device))))
			interrupt_queue(&device->queue[i]);
	if (fault(device, "I05"))
		interrupt_config(device);
	if (fault(device, "I08"))
		interrupts_fill(device);
}
