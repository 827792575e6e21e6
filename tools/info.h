/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what the two faces of `vionet info` share. Never: opens a device.
 */
#ifndef VIONET_TOOLS_INFO_H
#define VIONET_TOOLS_INFO_H

#include <vionet/device.h>
#include <vionet/steering.h>

#define INFO_QUEUES_MAX 1024

/* Everything there is to show of a device. */
struct info {
	struct vionet_device_info device;
	struct vionet_steering_limits steering;
	bool is_pci;
	struct vionet_pci_details pci;
	unsigned int queue_count;
	struct vionet_queue_info queue[INFO_QUEUES_MAX];
};

/* Name of a virtio capability type, "other" if it has none. */
const char *info_capability_name(unsigned int type);

/* "BAR 0" ..., "ROM", "configuration", "VGA". */
const char *info_region_name(unsigned int index);

/* The bits that are in `a` and not in `b`. */
struct vionet_features info_without(const struct vionet_features *a,
				    const struct vionet_features *b);

void info_print_text(const struct info *info);

/* Returns CODE_FAILED if there is no complete object on standard output. */
int info_print_json(const struct info *info);

#endif
