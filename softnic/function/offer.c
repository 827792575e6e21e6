/* SPDX-License-Identifier: BSD-3-Clause */
/* What a driver is shown, faults included: the features and the device configuration. */
#include <string.h>

#include "softnic/features.h"
#include "softnic/net/net.h"
#include "softnic/vfio_user/server.h"

void offer_features(struct device *device, struct features *offered)
{
	*offered = device->offered;
	if (device_has_fault(device, FAULT_VERSION_1_MISSING))
		feature_put(offered, FT_VERSION_1, false);
	if (device_has_fault(device, FAULT_ACCESS_PLATFORM_MISSING))
		feature_put(offered, FT_ACCESS_PLATFORM, false);
	if (device_has_fault(device, FAULT_OFFER_CHANGES) && registers_of(device)->reads++ % 2)
		feature_put(offered, FT_MAC, false);
	if (device_has_fault(device, FAULT_CTRL_VQ_MISSING))
		feature_put(offered, FT_CTRL_VQ, false);
	if (device_has_fault(device, FAULT_OFFER_SHRINKS) && device->server->resets > 1) {
		feature_put(offered, FT_MAC, false);
		feature_put(offered, FT_MTU, false);
		feature_put(offered, FT_MQ, false);
	}
	if (device_has_fault(device, FAULT_OFFER_ALL))
		memset(offered, 0xff, sizeof(*offered));
}

/* Values that no device should have. */
static const struct spoilt {
	enum fault fault;
	uint8_t offset, size;
	uint32_t value;
} spoilt[] = {
	{ FAULT_MAC_MULTICAST, 0, 1, 0x01 },
	{ FAULT_MTU_TOO_SMALL, 10, 2, 67 },
	{ FAULT_MAX_PAIRS_HUGE, 8, 2, 0xffff },
	{ FAULT_RSS_LIMITS_ZERO, 17, 1, 0 },
	{ FAULT_RSS_LIMITS_ZERO, 18, 2, 0 },
	{ FAULT_SPEED_DUPLEX_INVALID, 12, 4, 0xfffffffe },
	{ FAULT_SPEED_DUPLEX_INVALID, 16, 1, 7 },
};

void offer_config(struct device *device, size_t offset, void *data, size_t size)
{
	uint8_t *bytes = data;

	net_config_read(device, offset, data, size);
	for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++)
		for (size_t k = 0; device_has_fault(device, spoilt[i].fault) && k < spoilt[i].size; k++) {
			size_t at = spoilt[i].offset + k;

			if (at >= offset && at - offset < size)
				bytes[at - offset] = (uint8_t)(spoilt[i].value >> (8 * k));
		}
}
