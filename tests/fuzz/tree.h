/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host of a fuzz target: the files of tests/unit/fake_sysfs.h with some functions and vDPA devices, of which the input
 * changes any, and a kernel that moves devices between drivers and answers rtnetlink.
 */
#ifndef VIONET_TESTS_FUZZ_TREE_H
#define VIONET_TESTS_FUZZ_TREE_H

#include <stddef.h>

#include "tests/unit/fake_sysfs.h"

/* On an own device of the input's choice. */
#define TREE_VFIO "0000:00:04.0"   /* bound to vfio-pci, group 7, with a character device */
#define TREE_UNSAFE "0000:00:06.0" /* the same without an IOMMU, group 3 */
#define TREE_BESIDE "0000:00:0b.0" /* in group 7, too */
#define TREE_NODE "vfio0"
#define TREE_UNSAFE_NODE "noiommu-vfio2"

extern struct fake_sysfs fuzz_tree;

/* The tree as it was, then as the input changes it. */
void fuzz_tree_begin(void);
/* That file is not there. */
void fuzz_tree_hide(const char *path);
/* One more change. */
void fuzz_tree_edit(void);
/* Time passes: what was written is handled, and something may change. For fuzz_meanwhile. */
void fuzz_tree_meanwhile(void);

/* A name for a call: of a function, or any text. */
const char *fuzz_tree_function(char *room, size_t size);
const char *fuzz_tree_vdpa(char *room, size_t size);

#endif
