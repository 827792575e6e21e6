/* SPDX-License-Identifier: BSD-3-Clause */
/* What the device signals to a driver by itself: that it needs a reset, that its
 * configuration changed. */
#include "softnic/device.h"

void needs_reset(struct device *device)
{
	if (device->status & ST_NEEDS_RESET)
		return;
	trace(device, "NEEDS_RESET");
	device->status |= ST_NEEDS_RESET;
	if (device->status & ST_DRIVER_OK)
		interrupt_config(device);
}

void config_changed(struct device *device)
{
	device->generation++;
	if (device_is_live(device))
		interrupt_config(device);
}
