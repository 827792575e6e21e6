/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What sysfs says of PCI functions, below a root that tests can move. After a removal
 * request nothing here may be called for that device: the kernel holds its lock until we
 * have closed it.
 */
#ifndef VN_PCI_SYSFS_H
#define VN_PCI_SYSFS_H

#include <stddef.h>

/* Where sysfs is: "/sys" unless vn_sysfs_set_root was called (by a test). */
const char *vn_sysfs_root(void);
void vn_sysfs_set_root(const char *root);

/* Driver bound to the function, "" if none. Returns 0, -ENODEV (no such
 * function), -EIO. */
int vn_sysfs_driver(const char *address, char *driver, size_t size);

#endif
