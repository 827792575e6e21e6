/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Finding the virtio structures in a copy of configuration space. A pure function of
 * those bytes and of the regions, so that it can be tested and fuzzed without a device;
 * the content is the device's word and is not trusted. Never reads the device. The copy
 * is taken once; what a capability says later does not count.
 *
 * Source: "Virtio Structure PCI Capabilities" ("Virtio Device Configuration Layout
 * Detection" and "Legacy Interface: A Note on Device Layout Detection", PCI-08 to
 * PCI-19 are its requirements: reserved types and BARs are skipped, longer capabilities
 * and lengths accepted, the first usable of each kind taken).
 */
#ifndef VN_PCI_CAPABILITY_H
#define VN_PCI_CAPABILITY_H

#include <stdint.h>

#include <vionet/device.h>

#include "pci/function.h"

#define VN_PCI_CONFIG_SIZE 256

/* cfg_type values. */
enum vn_virtio_cfg_type {
	VN_CFG_COMMON = 1,
	VN_CFG_NOTIFY = 2,
	VN_CFG_ISR = 3,
	VN_CFG_DEVICE = 4,
	VN_CFG_PCI = 5,
};

/* Where one structure lies. size 0: there is none. */
struct vn_structure {
	unsigned int bar;
	uint64_t offset;
	uint64_t size; /* cut to the end of the BAR never: it fitted */
};

/* Everything that the walk found. */
struct vn_capabilities {
	struct vn_structure common, notify, isr, device;
	uint32_t notify_multiplier;
	unsigned int msix_table_size; /* 0: no MSI-X capability */
	unsigned int count; /* virtio capabilities seen, used or not */
	struct vionet_pci_capability seen[VIONET_PCI_CAPABILITIES_MAX];
};

/*
 * Walk the capability list of `config` (VN_PCI_CONFIG_SIZE bytes).
 *
 * `regions`: VN_REGION_COUNT of them. A structure is usable if its BAR exists
 * and is memory, it lies wholly inside (64-bit arithmetic), its alignment is that
 * of the specification, and it is at least as long as the driver needs (common
 * 56, notify 2, ISR 1). Structures that overlap the MSI-X table or PBA are
 * refused.
 *
 * At most 48 steps in all, and no place is visited twice. Returns 0; -ENOTSUP
 * (no capability list, or no virtio capability: a legacy device; or common,
 * notify or ISR is missing: named, with the reason the last candidate was
 * refused for); -EIO (the list loops, or points below 0x40).
 */
int vn_capabilities_walk(const uint8_t *config,
			 const struct vn_region *regions,
			 struct vn_capabilities *capabilities);

#endif
