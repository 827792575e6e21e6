/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The PCI function of fuzz_dev: configuration space and the registers of virtio-pci in BAR 4, as the input says, behind
 * whatever carries reads and writes to it.
 */
#ifndef VIONET_TESTS_FUZZ_REGISTERS_H
#define VIONET_TESTS_FUZZ_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_CONFIG_REGION 7
#define FUZZ_BAR 4
#define FUZZ_BAR_SIZE 0x4000u

/* Registers of fuzz_dev as new. The input changes some of configuration space, and may have reads answered wrongly. */
void fuzz_registers_begin(void);

/* Registers as memory: what was written is what is read, and they begin with a device that has all features. */
void fuzz_registers_memory(uint8_t *memory);

/* What is at `offset` of a region, `size` bytes, which are inside it. 0 or a negative errno. */
int fuzz_registers_read(unsigned int region, uint64_t offset, void *data, size_t size);
int fuzz_registers_write(unsigned int region, uint64_t offset, const void *data, size_t size);

#endif
