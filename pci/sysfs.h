/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what sysfs says of PCI functions and IOMMU groups, below a root that
 * tests can move.
 * Never: opens a device. After a removal request nothing here may be called for
 * that device: the kernel holds its lock until we have closed it.
 * Read next: pci/function.h.
 */
#ifndef VN_PCI_SYSFS_H
#define VN_PCI_SYSFS_H

#include <stddef.h>
#include <stdint.h>

/* Longest "0000:00:04.0", terminating zero included. */
#define VN_ADDRESS_MAX 20

/*
 * Bring "00:04.0" or "0000:00:04.0" (hexadecimal, lower or upper case) into its
 * full lower-case form. Returns 0 or -EINVAL with text.
 */
int vn_pci_address_parse(const char *text, char address[VN_ADDRESS_MAX]);

/* Where sysfs is: "/sys" unless vn_sysfs_set_root was called (by a test). */
const char *vn_sysfs_root(void);
void vn_sysfs_set_root(const char *root);

/* Driver bound to the function, "" if none. Returns 0, -ENODEV (no such
 * function), -EIO. */
int vn_sysfs_driver(const char *address, char *driver, size_t size);

/* IOMMU group number of the function. Returns it, -ENODEV (no such function) or
 * -ENXIO (no group). */
int vn_sysfs_group(const char *address);

/*
 * Describe the members of a group that keep it from being viable: "0000:00:05.0
 * is bound to e1000e, ...". `text` is "" if there is none. Returns the number of
 * culprits or a negative errno. Bridges and unbound devices are no culprits, nor
 * are devices bound to vfio-pci (or another driver whose name starts with
 * "vfio") or pci-stub.
 */
int vn_sysfs_group_culprits(int group, char *text, size_t size);

#endif
