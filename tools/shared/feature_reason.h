/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a feature was not accepted, in words. */
#ifndef VIONET_TOOLS_FEATURE_REASON_H
#define VIONET_TOOLS_FEATURE_REASON_H

#include <vionet/device.h>

#define FEATURE_REASON_MAX 80

/* Why `bit` is not among the features that `info` has as negotiated, opened with
 * `open`: what it depends on comes first. Returns `text`. */
const char *feature_reason(const struct vionet_device_info *info,
			   const struct vionet_open_options *open, unsigned int bit,
			   char text[FEATURE_REASON_MAX]);

#endif
