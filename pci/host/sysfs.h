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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest "0000:00:04.0", terminating zero included. */
#define VN_ADDRESS_MAX 20

/*
 * Bring "00:04.0" or "0000:00:04.0" (hexadecimal, lower or upper case) into its
 * full lower-case form. Returns 0 or -EINVAL with text.
 */
int vn_pci_address_parse(const char *text, char address[VN_ADDRESS_MAX]);

/* The same without a text. Returns whether it is an address. */
bool vn_pci_address_read(const char *text, char address[VN_ADDRESS_MAX]);

/* -EINVAL, with a text that knows network interfaces and sockets. */
int vn_pci_name_refuse(const char *name);

/* Where sysfs is: "/sys" unless vn_sysfs_set_root was called (by a test). */
const char *vn_sysfs_root(void);
void vn_sysfs_set_root(const char *root);

/* Driver bound to the function, "" if none. Returns 0, -ENODEV (no such
 * function), -EIO. */
int vn_sysfs_driver(const char *address, char *driver, size_t size);

#endif
