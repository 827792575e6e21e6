/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parts of BARs that are mapped, each once. It does not matter where the descriptor
 * comes from.
 */
#ifndef VN_PCI_MAPPING_H
#define VN_PCI_MAPPING_H

#include "pci/function.h"

struct vn_mapping;

/* All of a function. Zero-filled means none. */
struct vn_mappings {
	struct vn_mapping *mapping;
	size_t count;
};

/*
 * The operation `map` of a function whose region `region` begins at `start` of file
 * `fd`. Maps whole pages, which `map` has said may be mapped.
 */
int vn_mapping_make(struct vn_mappings *mappings, const struct vn_function *function,
		    unsigned int region, int fd, uint64_t start, uint64_t offset,
		    uint64_t size, volatile void **address);

/* Unmap all. */
void vn_mapping_release(struct vn_mappings *mappings);

#endif
