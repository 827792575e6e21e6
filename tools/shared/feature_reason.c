/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/feature_reason.h"

#include <stdio.h>

/* Of a feature that lacks nothing that it depends on. */
static const char *reason_own(const struct vionet_device_info *info,
			      const struct vionet_open_options *open, unsigned int bit)
{
	if (!vionet_feature_test(&info->offered, bit))
		return "not offered";
	if (vionet_feature_test(&open->avoid, bit))
		return "avoided";
	switch (vionet_feature_use(bit)) {
	case VIONET_FEATURE_UNUSED:
		return vionet_feature_name(bit) != NULL ? "not used by this driver" :
							  "unknown";
	case VIONET_FEATURE_ON_REQUEST:
		if (!vionet_feature_test(&open->want, bit))
			return "on request (--want)";
		break;
	case VIONET_FEATURE_ACCEPTED:
		break;
	}
	return "offered, but the device's queues or configuration do not go with it";
}

const char *feature_reason(const struct vionet_device_info *info,
			   const struct vionet_open_options *open, unsigned int bit,
			   char text[FEATURE_REASON_MAX])
{
	unsigned int lacks = vionet_feature_missing(&info->negotiated, bit);
	const char *name = vionet_feature_name(lacks);

	/* What was left out on purpose is no riddle. */
	if (lacks == bit || name == NULL || vionet_feature_test(&open->avoid, bit))
		snprintf(text, FEATURE_REASON_MAX, "%s", reason_own(info, open, bit));
	else
		snprintf(text, FEATURE_REASON_MAX, "it needs %s (%s)", name,
			 reason_own(info, open, lacks));
	return text;
}
