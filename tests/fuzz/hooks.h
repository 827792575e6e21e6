/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * In front of each file of the driver where it is compiled for fuzz targets (-include): what a device has written is
 * what the input says (base/order.h), and time is virtual (base/clock.h). The product is compiled without.
 */
#ifndef VIONET_TESTS_FUZZ_HOOKS_H
#define VIONET_TESTS_FUZZ_HOOKS_H

#include <stdint.h>

/* A word that the device can write, as it is in memory; returns what the driver reads. */
uint64_t fuzz_device_value(uint64_t value, unsigned int bytes);

#define VN_DEVICE_VALUE(value) ((__typeof__(value))fuzz_device_value((value), sizeof(value)))
#define VN_VIRTUAL_CLOCK 1

#endif
