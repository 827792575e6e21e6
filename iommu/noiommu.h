/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_IOMMU_NOIOMMU_H
#define VN_IOMMU_NOIOMMU_H

#include <stdint.h>

/* "/proc/self/pagemap"; tests change it while no call runs. */
extern const char *vn_noiommu_pagemap;

struct vn_memory;

/* The memory begins at `first`, and what should follow that is at `next`: the text. Returns -ENOMEM. */
int vn_noiommu_apart(const struct vn_memory *memory, uint64_t first, uint64_t next);

#endif
