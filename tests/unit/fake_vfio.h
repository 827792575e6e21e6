/* SPDX-License-Identifier: BSD-3-Clause */
/* The ioctls of VFIO and iommufd: of a container, a group, and functions whose registers are a
 * file. A program that is linked with it makes none of its own. */
#ifndef VIONET_TESTS_FAKE_VFIO_H
#define VIONET_TESTS_FAKE_VFIO_H

#include <stdbool.h>
#include <stdint.h>

#include "iommu/iommufd.h"
#include "tests/unit/fake_sysfs.h"

#define FAKE_IOAS 41
#define FAKE_RANGES 2
#define FAKE_MAPS 64

struct fake_vfio {
	unsigned int containers; /* groups that were attached to one */
	unsigned int maps;	 /* that are there */
	uint64_t iova[FAKE_MAPS];
	unsigned int vectors; /* that can be attached */
	bool table_mappable;  /* the page of the MSI-X table too */

	/* iommufd */
	unsigned int spaces, attached;	  /* that were made, and functions in them */
	unsigned int by_address, by_file; /* mappings that were made */
	uint32_t flags;			  /* of the last one */
	uint64_t start;			  /* in its file */
	bool maps_files, refuses_files, unmaps_less;
	struct vn_iommufd_range range[FAKE_RANGES]; /* repeated up to: */
	uint32_t range_count;
	uint64_t alignment;

	unsigned int detached, destroyed, left; /* functions, address spaces, groups */
	bool in_container;			/* the group, already */
	bool not_viable;			/* the group */
	bool not_pci;				/* the function */
	int later;				/* versions of the container's interface than that which is known */
	bool without_iommu;			/* the container */
	bool no_unsafe_mode;			/* no VFIO_NOIOMMU_IOMMU */

	/* The device has no IOMMU, and the kernel says where its memory lies: `together` bytes at the first
	 * address, the rest at the second. */
	bool unsafe;
	uint64_t physical[2], together;

	char device[128]; /* what a group was asked for */
	uint32_t bind_size, bind_flags;
	uint8_t token[16];

	unsigned long refused; /* this call fails */
	unsigned int refusals; /* so many times; 0: each time */
	int code;
};
extern struct fake_vfio kernel;

/* Make the file a function's registers. */
void fake_vfio_registers(int fd);

/* Give a function that is bound to vfio-pci a character device, and the host iommufd. */
void fake_vfio_device(struct fake_sysfs *fake, const char *address, const char *name);

#endif
