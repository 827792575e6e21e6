/* SPDX-License-Identifier: BSD-3-Clause */
/* Which groups this process has open. */
#ifndef VN_IOMMU_SHARING_H
#define VN_IOMMU_SHARING_H

#include <stdbool.h>

#include "iommu/node.h"

/*
 * Is the group open in this process already, for another of its devices than `name`?
 * Then this one can be opened as well. A forked child has nothing open. Any thread.
 *
 * `directory`: "/dev/vfio" unless a test says otherwise.
 */
bool vn_domain_shares(const char *directory, int group, const char *name);

/* By which of the kernel's interfaces this process has the group open; VN_IOMMU_ANY: it has
 * not. */
enum vn_iommu_kind vn_domain_kind(const char *directory, int group);

#endif
