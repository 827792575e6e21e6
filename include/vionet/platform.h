/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where the library works: Linux on 64-bit architectures of either byte order. All
 * other headers include this one, so that a build for something else ends at its first
 * line, with the reason.
 */
#ifndef VIONET_PLATFORM_H
#define VIONET_PLATFORM_H

#include <stdint.h>

#if UINTPTR_MAX < UINT64_MAX
#error "vionet is for 64-bit architectures: descriptors are handed over in single stores of 64 bits"
#endif

#endif
