/* SPDX-License-Identifier: BSD-3-Clause */
/* What could make a vDPA network device here (`vdpa mgmtdev show`): sysfs does not have it, only the
 * kernel's generic netlink family "vdpa". */
#ifndef VIONET_TOOLS_VDPA_PARENTS_H
#define VIONET_TOOLS_VDPA_PARENTS_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

struct vdpa_parent {
	char name[128];	 /* "pci/0000:65:00.2", "vdpasim_net" */
	uint32_t queues; /* at most; 0: unknown */
};

/* Up to `room` of them. Returns how many; 0 also where the kernel has no such family, or does not
 * answer within a second. */
size_t vdpa_parents_read(struct vdpa_parent *parents, size_t room);

/* One message of the kernel's, which describes a parent: false if it is none for network devices,
 * or cut short. */
bool vdpa_parents_take(const void *message, size_t size, struct vdpa_parent *parent);

#endif
