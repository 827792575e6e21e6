/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: "Device Reset", "Device Status Field". Every wait has a limit. */
#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "driver/device/reset.h"
#include "driver/memory/memory.h"
#include "driver/queue/quarantine.h"
#include "driver/spec/virtio.h"

/* ---- status ---- */

int vn_device_read_status(struct vionet_device *device, uint8_t *status)
{
	int result = device->transport->ops->status_read(device->transport,
							 status);

	if (result == -ENODEV)
		device->gone = true;
	return result;
}

/* Bits that a device does not show, though it goes on: no other driver looks at these. */
static bool reset_may_be_unshown(struct vionet_device *device, uint8_t bit)
{
	if (device->read_back.strict ||
	    (bit & ~(STATUS_ACKNOWLEDGE | STATUS_DRIVER)) != 0)
		return false;
	device->read_back.unshown |= VIONET_REGISTER_STATUS;
	device->read_back.unshown_count++;
	vn_log(VIONET_LOG_WARNING, "%s: the device does not show status 0x%02x after it was "
				   "written",
	       device->transport->name, bit);
	return true;
}

int vn_device_add_status(struct vionet_device *device, uint8_t bit,
			 const char *name)
{
	uint8_t status = 0;
	int result = vn_device_read_status(device, &status);

	if (result == 0)
		result = device->transport->ops->status_write(
			device->transport, (uint8_t)(status | bit));
	if (result == 0)
		result = vn_device_read_status(device, &status);
	if (result == 0 && (status & bit) == 0 && !reset_may_be_unshown(device, bit))
		return vn_error(EIO, "the device does not take %s, its status reads "
				     "0x%02x",
				name, status);
	if (result == 0)
		vn_log(VIONET_LOG_DEBUG, "%s: status: %s set, reads 0x%02x",
		       device->transport->name, name, status);
	return result;
}

/* ---- waiting for the device ---- */

struct vn_wait vn_device_wait_begin(const struct vionet_device *device,
				    const char *step)
{
	uint64_t now = vn_now();

	return (struct vn_wait){ .begin = now,
				 .step = step,
				 .end = now + device->reset_timeout,
				 .next = now + 1000 * VN_MS };
}

int vn_device_wait(const struct vionet_device *device, struct vn_wait *wait)
{
	uint64_t now = vn_now(), waited = now - wait->begin;

	if (now >= wait->end)
		return -ETIMEDOUT;
	if (device->progress && now >= wait->next) {
		wait->next = now + 1000 * VN_MS;
		if (device->progress(device->progress_context, wait->step,
				     (unsigned int)(waited / VN_MS),
				     (unsigned int)((wait->end - wait->begin) /
						    VN_MS)))
			return -ECANCELED;
	}
	/* What takes long need not be noticed within 100 us. */
	vn_sleep(waited < 20 * VN_MS ? VN_MS / 10 : 5 * VN_MS);
	return 0;
}

/* It was waited for as long as is allowed, or as the application wanted. */
static int reset_still_resets(const struct vn_wait *wait, int result, uint8_t status)
{
	const double second = 1000.0 * VN_MS;

	if (result != -ETIMEDOUT)
		return vn_error(-result, "the device has not finished its reset after "
					 "%.1f s, its status reads 0x%02x; the caller ended the wait",
				(double)(vn_now() - wait->begin) / second, status);
	vn_error(ETIMEDOUT, "the device has not finished its reset within %g s, its "
			    "status reads 0x%02x",
		 (double)(wait->end - wait->begin) / second,
		 status);
	return vn_error_remedy(-ETIMEDOUT, VIONET_REMEDY_RESET_TIMEOUT, NULL);
}

static int reset_wait(struct vionet_device *device)
{
	struct vn_wait wait = vn_device_wait_begin(device, "reset");
	uint8_t status = 0;
	int result;

	for (;;) {
		result = vn_device_read_status(device, &status);
		if (result || status == 0)
			return result;
		result = vn_device_wait(device, &wait);
		if (result)
			return reset_still_resets(&wait, result, status);
	}
}

/* The status register first, as the specification says; a device that does not
 * answer there is reset through the bus. */
int vn_device_reset(struct vionet_device *device)
{
	struct vn_transport *transport = device->transport;
	int result = transport->ops->status_write(transport, 0);
	struct vn_error_kept why;

	if (result == 0)
		result = reset_wait(device);
	vn_error_keep(&why);
	if (result && result != -ENODEV && result != -ECANCELED &&
	    vn_transport_can(transport, VN_CAN_RESET) &&
	    transport->ops->reset(transport) == 0) {
		vn_log(VIONET_LOG_WARNING, "%s: the device did not follow a reset by its "
					   "status; it was reset through the bus",
		       transport->name);
		result = reset_wait(device);
		vn_error_keep(&why);
	}
	device->negotiated = false;
	device->live = false;
	device->suspended = false;
	/* Even a device that says so is kept from memory until it is used. */
	if (vn_transport_can(transport, VN_CAN_DMA)) {
		int kept = transport->ops->dma(transport, false);

		if (kept && result == 0) {
			result = kept == -ENODEV ? kept : -EIO;
			vn_error_keep(&why);
		}
	}
	/* Nothing is taken back before this: tests/models/reset.pml. */
	device->quiesced = result == 0;
	device->broken = result != 0;
	vn_log(VIONET_LOG_DEBUG, "%s: reset: %s", transport->name,
	       result ? why.text : "done");
	if (device->quiesced) {
		vn_quarantine_release(device);
		vn_device_memory_sweep(device);
	}
	return vn_error_restore(result, &why);
}

/* FAILED, then a reset, whatever comes of either ("Device Initialization" and "Device
 * Status Field", GEN-26, GEN-03); the error text stays that of what went wrong before. */
void vn_device_fail(struct vionet_device *device, int result)
{
	struct vn_error_kept why;

	vn_error_keep(&why);
	if (!device->gone)
		(void)vn_device_add_status(device, STATUS_FAILED, "FAILED");
	if (!device->gone)
		(void)vn_device_reset(device);
	(void)vn_error_restore(result, &why);
}
