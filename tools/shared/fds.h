/* SPDX-License-Identifier: BSD-3-Clause */
/* --fds: descriptors of a device that another program has opened. */
#ifndef VIONET_TOOLS_FDS_H
#define VIONET_TOOLS_FDS_H

#include <vionet/device.h>

#include "tools/shared/parse.h"

/* "device=3,iommufd=4", or "listen": those that LISTEN_FDS and LISTEN_FDNAMES name (sd_listen_fds(3)),
 * of which others are left alone. Returns 0, -EINVAL and the text. */
int parse_fds(const char *argument, struct vionet_device_fds *fds, struct parse_error *error);

#endif
