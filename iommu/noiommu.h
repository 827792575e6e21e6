/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VN_IOMMU_NOIOMMU_H
#define VN_IOMMU_NOIOMMU_H

/* "/proc/self/pagemap"; tests change it while no call runs. */
extern const char *vn_noiommu_pagemap;

#endif
