/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: "Device Initialization", steps 1 to 6. */
#include <errno.h>

#include "base/error.h"
#include "base/log.h"
#include "driver/device/config.h"
#include "driver/device/negotiate.h"
#include "driver/device/reset.h"
#include "driver/spec/net.h"
#include "driver/spec/virtio.h"
#include "driver/state/feature.h"

static void negotiate_log_features(const struct vionet_device *device, const char *what,
				   const struct vionet_features *features)
{
	char names[1024];

	if (vn_log_wants(VIONET_LOG_DEBUG))
		vn_log(VIONET_LOG_DEBUG, "%s: features %s: %s", device->transport->name,
		       what, vn_features_text(features, names, sizeof(names)));
}

/* Steps 4 to 6 of the initialization. */
static int negotiate_features(struct vionet_device *device)
{
	struct vn_transport *transport = device->transport;
	struct vionet_features offered, accepted, avoid;
	bool unconfined; /* physical addresses are what it is given */
	char names[512];
	uint8_t status = 0;
	int result = transport->ops->features_read(transport, &offered);

	if (result == 0)
		result = transport->ops->limits(transport, &device->limits);
	if (result)
		return result;
	device->offered = offered;
	negotiate_log_features(device, "offered", &offered);
	result = vn_config_correct_offer(device, &offered);
	if (result)
		return result;
	unconfined = device->limits.memory.contiguous != 0;
	avoid = device->avoid;
	if (unconfined)
		avoid.word[F_ACCESS_PLATFORM / 64] |= 1ull << (F_ACCESS_PLATFORM % 64);
	result = vn_features_choose(&offered, &avoid, &device->need,
				    &device->want,
				    unconfined || device->limits.confined ||
					    device->flags & VIONET_OPEN_ASSUME_IOMMU,
				    &accepted);
	/* An application has sized its buffers by the features it saw at open. */
	if (result == 0 && device->opened &&
	    !vn_features_equal(&device->accepted, &accepted))
		result = vn_error(ENOTSUP, "the device would now take other features "
				  "than when it was opened: %s; close it and open "
				  "it again", vn_features_text(&accepted, names,
							       sizeof(names)));
	if (result == 0)
		result = transport->ops->features_write(transport, &accepted);
	if (result == 0)
		result = transport->ops->limits(transport, &device->limits);
	if (result == 0)
		result = vn_device_read_status(device, &status);
	if (result == 0)
		result = transport->ops->status_write(
			transport, (uint8_t)(status | STATUS_FEATURES_OK));
	if (result == 0)
		result = vn_device_read_status(device, &status);
	/* A back end that has gone is such a device. */
	if (result == 0 && (status & (STATUS_FEATURES_OK | STATUS_DEVICE_NEEDS_RESET)) ==
				   STATUS_DEVICE_NEEDS_RESET)
		result = vn_error(EIO, "the device needs a reset before it has taken its features: it is broken, "
				       "or its back end has gone; start it again");
	if (result == 0 && (status & STATUS_FEATURES_OK) == 0 && unconfined &&
	    vionet_feature_test(&offered, F_ACCESS_PLATFORM))
		result = vn_error(ENOTSUP, "the device insists on ACCESS_PLATFORM: its accesses are "
					   "translated or limited, so physical addresses are wrong for it, and "
					   "no-IOMMU mode has no others; switch the IOMMU on (with QEMU: "
					   "-device intel-iommu), or have it not offer the feature (with QEMU: "
					   "iommu_platform=off)");
	else if (result == 0 && (status & STATUS_FEATURES_OK) == 0)
		result = vn_error_remedy(
			vn_error(ENOTSUP, "the device refuses this set of features: %s",
				 vn_features_text(&accepted, names, sizeof(names))),
			VIONET_REMEDY_AVOID, NULL);
	if (result == 0) {
		negotiate_log_features(device, "accepted", &accepted);
		device->usable = offered;
		device->accepted = accepted;
	}
	return result;
}

/* The longest that the features need; the same in both directions. */
static uint16_t negotiate_header_size(const struct vionet_features *features)
{
	if (vionet_feature_test(features, NET_F_HOST_UDP_TUNNEL_GSO) ||
	    vionet_feature_test(features, NET_F_GUEST_UDP_TUNNEL_GSO))
		return NET_HDR_SIZE_TUNNEL;
	if (vionet_feature_test(features, NET_F_HASH_REPORT))
		return NET_HDR_SIZE_HASH;
	return sizeof(struct net_hdr);
}

/* From a reset device to one whose features and configuration are known. */
static int negotiate_all(struct vionet_device *device)
{
	int result =
		vn_device_add_status(device, STATUS_ACKNOWLEDGE, "ACKNOWLEDGE");

	if (result == 0)
		result = vn_device_add_status(device, STATUS_DRIVER, "DRIVER");
	if (result == 0)
		result = negotiate_features(device);
	if (result == 0)
		result = vn_config_read(device, &device->config);
	return result;
}

int vn_device_negotiate(struct vionet_device *device)
{
	int result = vn_device_reset(device);

	if (result)
		return result;
	result = negotiate_all(device);
	/* Only now is it known that the queues of its pairs are not all there. */
	if (result == 0 && device->config.queues_lack) {
		device->one_pair = true;
		result = vn_device_reset(device);
		if (result)
			return result;
		result = negotiate_all(device);
	}
	if (result && !device->gone) {
		vn_device_fail(device, result);
		return result;
	}
	device->header_size = negotiate_header_size(&device->accepted);
	device->reported = device->config.link;
	device->link_pending = false;
	device->negotiated = result == 0;
	return result;
}
