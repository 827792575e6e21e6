/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TOOLS_JSON_LIST_H
#define VIONET_TOOLS_JSON_LIST_H

#include <stddef.h>

#include <vionet/pci.h>

#include "tools/shared/vdpa_list.h"
#include "tools/shared/vdpa_parents.h"

struct list_report {
	const struct vionet_pci_function *function;
	size_t functions;
	const struct vdpa_device *vdpa;
	size_t vdpas;
	const struct vdpa_parent *parent; /* of vDPA devices */
	size_t parents;
};

/* `vionet list --json`. Returns an exit code; what has gone wrong has been said. */
int json_print_list(const struct list_report *report);

#endif
