/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the life of a device: reset, negotiation, open and close, in the order that
 * the specification asks for, with a limit on every wait. Starting and stopping are
 * in driver/device/start.c.
 * Never: touches a register (transports do) or a ring (queues do).
 * Read next: driver/device/start.c.
 *
 * Source: "Device Initialization", "Device Reset", "Device Cleanup".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/vionet.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/notice.h"
#include "driver/control/command.h"
#include "driver/state/device.h"
#include "driver/state/feature.h"
#include "driver/net/pool.h"
#include "driver/queue/quarantine.h"
#include "driver/spec/net.h"
#include "driver/spec/virtio.h"
#include "driver/control/state.h"

/* Every option that there is. */
#define OPEN_FLAGS                                                  \
	((unsigned int)(VIONET_OPEN_ASSUME_IOMMU |                  \
			VIONET_OPEN_NO_HUGEPAGES |                  \
			VIONET_OPEN_WRITABLE_RINGS |                \
			VIONET_OPEN_STRICT))

#define CONTROL_TIMEOUT_MAX_MS 60000u
#define RESET_TIMEOUT_MAX_MS 600000u

const char *vionet_version(void)
{
	return VIONET_VERSION;
}

/* ---- status ---- */

static int read_status(struct vionet_device *device, uint8_t *status)
{
	int result = device->transport->ops->status_read(device->transport,
							 status);

	if (result == -ENODEV)
		device->gone = true;
	return result;
}

/* Bits that a device does not show, though it goes on: nobody else looks at these. */
static bool may_be_unshown(struct vionet_device *device, uint8_t bit)
{
	if (device->transport->strict ||
	    (bit & ~(STATUS_ACKNOWLEDGE | STATUS_DRIVER)) != 0)
		return false;
	device->transport->unshown |= VIONET_REGISTER_STATUS;
	device->transport->unshown_count++;
	return true;
}

int vn_device_add_status(struct vionet_device *device, uint8_t bit,
			 const char *name)
{
	uint8_t status = 0;
	int result = read_status(device, &status);

	if (result == 0)
		result = device->transport->ops->status_write(
			device->transport, (uint8_t)(status | bit));
	if (result == 0)
		result = read_status(device, &status);
	if (result == 0 && (status & bit) == 0 && !may_be_unshown(device, bit))
		return vn_error(EIO, "the device does not take %s, its status reads "
				"0x%02x", name, status);
	return result;
}

/* ---- waiting for the device ---- */

struct vn_patience vn_device_patience(const struct vionet_device *device,
				      const char *step)
{
	uint64_t now = vn_now();

	return (struct vn_patience){ .begin = now, .step = step,
				     .end = now + device->transport->reset_timeout,
				     .next = now + 1000 * VN_MS };
}

int vn_device_await(const struct vionet_device *device, struct vn_patience *patience)
{
	uint64_t now = vn_now(), waited = now - patience->begin;

	if (now >= patience->end)
		return -ETIMEDOUT;
	if (device->progress && now >= patience->next) {
		patience->next = now + 1000 * VN_MS;
		if (device->progress(device->progress_context, patience->step,
				     (unsigned int)(waited / VN_MS),
				     (unsigned int)((patience->end - patience->begin) /
						    VN_MS)))
			return -ECANCELED;
	}
	/* What takes long need not be noticed within 100 us. */
	vn_sleep(waited < 20 * VN_MS ? VN_MS / 10 : 5 * VN_MS);
	return 0;
}

/* It was waited for as long as is allowed, or as the application wanted. */
static int still_resets(const struct vn_patience *patience, int result, uint8_t status)
{
	const double second = 1000.0 * VN_MS;

	if (result != -ETIMEDOUT)
		return vn_error(-result, "the device has not finished its reset after "
				"%.1f s, its status reads 0x%02x: given up",
				(double)(vn_now() - patience->begin) / second, status);
	return vn_error(ETIMEDOUT, "the device has not finished its reset within %g s, "
			"its status reads 0x%02x; give it longer: reset_timeout_ms",
			(double)(patience->end - patience->begin) / second, status);
}

static int wait_reset(struct vionet_device *device)
{
	struct vn_patience patience = vn_device_patience(device, "reset");
	uint8_t status = 0;
	int result;

	for (;;) {
		result = read_status(device, &status);
		if (result || status == 0)
			return result;
		result = vn_device_await(device, &patience);
		if (result)
			return still_resets(&patience, result, status);
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
		result = wait_reset(device);
	vn_error_keep(&why);
	if (result && result != -ENODEV && result != -ECANCELED &&
	    transport->ops->reset(transport) == 0) {
		result = wait_reset(device);
		vn_error_keep(&why);
	}
	device->negotiated = false;
	device->live = false;
	device->suspended = false;
	/* Even a device that says so is kept from memory until it is used. */
	if (transport->ops->dma(transport, false) && result == 0) {
		result = -EIO;
		vn_error_keep(&why);
	}
	device->quiet = result == 0;
	device->broken = result != 0;
	if (device->quiet) {
		vn_quarantine_release(device);
		vn_device_memory_sweep(device);
	}
	return vn_error_restore(result, &why);
}

/* FAILED, then a reset, whatever comes of either (GEN-26, GEN-03); the error text
 * stays that of what went wrong before. */
void vn_device_give_up(struct vionet_device *device, int result)
{
	struct vn_error_kept why;

	vn_error_keep(&why);
	if (!device->gone)
		(void)vn_device_add_status(device, STATUS_FAILED, "FAILED");
	if (!device->gone)
		(void)vn_device_reset(device);
	(void)vn_error_restore(result, &why);
}

/* ---- negotiation ---- */

/* Steps 4 to 6 of the initialization. */
static int settle_features(struct vionet_device *device)
{
	struct vn_transport *transport = device->transport;
	struct vionet_features offered, accepted;
	char names[512];
	uint8_t status = 0;
	int result = transport->ops->features_read(transport, &offered);

	if (result)
		return result;
	device->offered = offered;
	vn_config_correct_offer(device, &offered);
	result = vn_features_choose(&offered, &device->avoid, &device->need,
				    &device->want,
				    transport->confined ||
					    device->flags & VIONET_OPEN_ASSUME_IOMMU,
				    &accepted);
	/* An application has sized its buffers by the features it saw at open. */
	if (result == 0 && device->settled &&
	    !vn_features_equal(&device->accepted, &accepted))
		result = vn_error(ENOTSUP, "the device would now take other features "
				  "than when it was opened: %s; close it and open "
				  "it again", vn_features_text(&accepted, names,
							       sizeof(names)));
	if (result == 0)
		result = transport->ops->features_write(transport, &accepted);
	if (result == 0)
		result = read_status(device, &status);
	if (result == 0)
		result = transport->ops->status_write(
			transport, (uint8_t)(status | STATUS_FEATURES_OK));
	if (result == 0)
		result = read_status(device, &status);
	if (result == 0 && (status & STATUS_FEATURES_OK) == 0)
		result = vn_error(ENOTSUP, "the device refuses this set of features: "
				  "%s; leave some of them out with --avoid",
				  vn_features_text(&accepted, names,
						   sizeof(names)));
	if (result == 0) {
		device->usable = offered;
		device->accepted = accepted;
	}
	return result;
}

/* The longest of what the features ask for; the same in both directions. */
static uint16_t header_size(const struct vionet_features *features)
{
	if (vionet_feature_test(features, NET_F_HOST_UDP_TUNNEL_GSO) ||
	    vionet_feature_test(features, NET_F_GUEST_UDP_TUNNEL_GSO))
		return NET_HDR_SIZE_TUNNEL;
	if (vionet_feature_test(features, NET_F_HASH_REPORT))
		return NET_HDR_SIZE_HASH;
	return sizeof(struct net_hdr);
}

/* From a reset device to one whose features and configuration are known. */
static int settle(struct vionet_device *device)
{
	int result =
		vn_device_add_status(device, STATUS_ACKNOWLEDGE, "ACKNOWLEDGE");

	if (result == 0)
		result = vn_device_add_status(device, STATUS_DRIVER, "DRIVER");
	if (result == 0)
		result = settle_features(device);
	if (result == 0)
		result = vn_config_read(device, &device->config);
	return result;
}

int vn_device_negotiate(struct vionet_device *device)
{
	int result = vn_device_reset(device);

	if (result)
		return result;
	result = settle(device);
	/* Only now is it known that the queues of its pairs are not all there. */
	if (result == 0 && device->config.queues_lack) {
		device->one_pair = true;
		result = vn_device_reset(device);
		if (result)
			return result;
		result = settle(device);
	}
	if (result && !device->gone) {
		vn_device_give_up(device, result);
		return result;
	}
	device->header_size = header_size(&device->accepted);
	device->reported = device->config.link;
	device->link_pending = false;
	device->negotiated = result == 0;
	return result;
}

/* ---- open and close ---- */

static int check_queues(const struct vionet_device *device)
{
	uint16_t size = 0;
	int result = 0;

	for (unsigned int i = 0; i < 2 && result == 0; i++) {
		result = device->transport->ops->queue_max(device->transport, i,
							   &size);
		if (result == 0 && size == 0)
			return vn_error(EIO, "the device has no %s queue 0; it is "
					"broken", i ? "transmit" : "receive");
	}
	return result;
}

static void take_options(struct vionet_device *device,
			 const struct vionet_open_options *options)
{
	unsigned int control = options->control_timeout_ms;
	unsigned int reset = options->reset_timeout_ms;

	device->flags = options->flags;
	device->avoid = options->avoid;
	device->need = options->need;
	device->want = options->want;
	device->control_timeout = (control ? control : VN_CONTROL_TIMEOUT_MS) * VN_MS;
	device->progress = options->progress;
	device->progress_context = options->progress_context;
	device->transport->reset_timeout = (reset ? reset : VN_RESET_TIMEOUT_MS) * VN_MS;
	device->transport->strict = (options->flags & VIONET_OPEN_STRICT) != 0;
}

int vn_device_open(struct vn_transport *transport,
		   const struct vionet_open_options *options,
		   struct vionet_device **device)
{
	static const struct vionet_open_options defaults;
	struct vionet_device *d = calloc(1, sizeof(*d));
	int result;

	*device = NULL;
	if (!d) {
		(void)transport->ops->close(transport);
		return vn_error(ENOMEM, "no memory");
	}
	d->transport = transport;
	d->quiet = true;
	take_options(d, options ? options : &defaults);
	snprintf(d->name, sizeof(d->name), "%s", transport->name);
	result = transport->ops->limits(transport, &d->limits);
	if (result == 0)
		result = vn_device_negotiate(d);
	if (result == 0) {
		result = check_queues(d);
		if (result)
			vn_device_give_up(d, result);
	}
	if (result) {
		struct vn_error_kept why;

		vn_error_prefix(result, "%s", d->name);
		vn_error_keep(&why);
		(void)transport->ops->close(transport);
		free(d);
		return vn_error_restore(result, &why);
	}
	d->settled = true;
	*device = d;
	return 0;
}

int vionet_device_open(const char *name,
		       const struct vionet_open_options *options,
		       struct vionet_device **device)
{
	struct vn_transport *transport;
	int result;

	*device = NULL;
	if (options && (options->flags & ~OPEN_FLAGS) != 0)
		return vn_error(EINVAL, "%.*s: open: unknown flags 0x%x",
				VIONET_NAME_MAX, name,
				options->flags & ~OPEN_FLAGS);
	if (options && options->control_timeout_ms > CONTROL_TIMEOUT_MAX_MS)
		return vn_error(EINVAL, "%.*s: open: %u ms for a control command; "
				"at most %u are possible", VIONET_NAME_MAX, name,
				options->control_timeout_ms,
				CONTROL_TIMEOUT_MAX_MS);
	if (options && options->reset_timeout_ms > RESET_TIMEOUT_MAX_MS)
		return vn_error(EINVAL, "%.*s: open: %u ms for a reset; at most %u are "
				"possible", VIONET_NAME_MAX, name,
				options->reset_timeout_ms, RESET_TIMEOUT_MAX_MS);
	if (options)
		vn_notice_to(options->notice, options->notice_context);
	result = vn_transport_open(name, &transport);
	vn_notice_to(NULL, NULL);
	return result ? result : vn_device_open(transport, options, device);
}

int vionet_device_close(struct vionet_device *device)
{
	struct vn_error_kept why;
	int result, closed;

	if (!device)
		return 0;
	result = vionet_device_stop(device);
	if (result == 0 && !device->gone && device->negotiated)
		result = vn_device_reset(device);
	vn_error_keep(&why);
	/* From here on the kernel keeps the device from our memory. */
	closed = device->transport->ops->close(device->transport);
	if (result == 0) {
		result = closed;
		vn_error_keep(&why);
	}
	device->quiet = false;
	vn_quarantine_release(device);
	vn_shares_end(device);
	vn_pools_hand_over(device);
	while (device->pools)
		vn_pool_destroy_forced(device->pools);
	vn_device_memory_abandon(device);
	vn_wish_free(device);
	free(device);
	return vn_error_restore(result, &why);
}
