/* SPDX-License-Identifier: BSD-3-Clause */
#include "softnic/fault/lost.h"

#include "softnic/clock.h"
#include "softnic/vfio_user/server.h"

#define EARLY_MS 500u

static int64_t lost_now(void)
{
	return (int64_t)(clock_now() / 1000000);
}

void fault_driver_ok(struct device *device)
{
	device->server->registers.live_since_ms = lost_now();
}

bool fault_loses_doorbell(struct device *device)
{
	struct registers *registers = &device->server->registers;

	if (device->options->faults == NULL)
		return false;
	registers->rings++;
	if (device_has_fault(device, FAULT_EARLY_DOORBELLS_LOST) &&
	    lost_now() - registers->live_since_ms <
		    (int64_t)fault_value(device, FAULT_EARLY_DOORBELLS_LOST, EARLY_MS))
		return true;
	return device_has_fault(device, FAULT_ONE_DOORBELL_LOST) &&
	       registers->rings == fault_value(device, FAULT_ONE_DOORBELL_LOST, 1);
}

bool fault_loses_interrupt(struct device *device)
{
	struct registers *registers = &device->server->registers;

	if (device->options->faults == NULL)
		return false;
	registers->raised++;
	return device_has_fault(device, FAULT_ONE_INTERRUPT_LOST) &&
	       registers->raised == fault_value(device, FAULT_ONE_INTERRUPT_LOST, 1);
}
