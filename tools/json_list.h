/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TOOLS_JSON_LIST_H
#define VIONET_TOOLS_JSON_LIST_H

#include <stddef.h>

#include <vionet/pci.h>

#include "tools/shared/vdpa_list.h"

/* `vionet list --json`. Returns an exit code; what has gone wrong has been said. */
int json_print_list(const struct vionet_pci_function *list, size_t count,
		    const struct vdpa_device *vdpa, size_t vdpa_count);

#endif
