/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The reading of regions, their areas for mapping, and the place of the MSI-X table.
 * Never keeps anything, or finds the size of a BAR by writing to it: vfio-pci shows a
 * BAR register of its own making.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/error.h"
#include "base/order.h"
#include "iommu/call.h"
#include "pci/vfio/region.h"

#define CONFIG_SIZE 256
#define CAPABILITY_STEPS 48
#define MSIX_ENTRY_SIZE 16

#define failed(code, ...) (vn_error_errno(code, __VA_ARGS__), vfio_region_plain(code))

/* Of the kernel's errors only these have a meaning of their own here. */
static int vfio_region_plain(int code)
{
	if (code == ENXIO)
		code = ENODEV;
	return code == ENODEV || vn_error_is_shortage(code) ? -code : -EIO;
}

static void vfio_add_area(struct vn_region *region, uint64_t first, uint64_t end)
{
	if (first >= end || region->sparse_count == VN_SPARSE_MAX)
		return;
	region->sparse[region->sparse_count++] =
		(struct vn_sparse){ first, end - first };
}

/*
 * Offer an area for mapping: whole pages of it (the region's own end may lie
 * inside one), without those that hold any of the MSI-X table. `table` is NULL
 * if it lies in another region.
 */
static void vfio_offer_area(struct vn_region *region,
			    const struct vn_msix_table *table, uint64_t offset,
			    uint64_t size)
{
	uint64_t mask = (uint64_t)sysconf(_SC_PAGESIZE) - 1;
	uint64_t first, end, table_first, table_end;

	if (offset >= region->size)
		return;
	end = size < region->size - offset ? offset + size : region->size;
	if (end != region->size)
		end &= ~mask;
	first = (offset + mask) & ~mask;
	if (table == NULL) {
		vfio_add_area(region, first, end);
		return;
	}
	table_first = table->first & ~mask;
	table_end = (table->end + mask) & ~mask;
	vfio_add_area(region, first, end < table_first ? end : table_first);
	vfio_add_area(region, first > table_end ? first : table_end, end);
}

static void vfio_read_sparse(struct vn_region *region,
			     const struct vn_msix_table *table, const void *answer,
			     size_t size, size_t first)
{
	struct vfio_region_info_cap_sparse_mmap head;
	struct vfio_region_sparse_mmap_area area;
	size_t at = vn_vfio_capability(answer, size, first,
				       VFIO_REGION_INFO_CAP_SPARSE_MMAP,
				       sizeof(head));

	if (at == 0) {
		vfio_offer_area(region, table, 0, region->size);
		return;
	}
	memcpy(&head, (const char *)answer + at, sizeof(head));
	at += sizeof(head);
	for (uint32_t i = 0; i < head.nr_areas && size - at >= sizeof(area);
	     i++) {
		memcpy(&area, (const char *)answer + at, sizeof(area));
		vfio_offer_area(region, table, area.offset, area.size);
		at += sizeof(area);
	}
}

/* `region->io` is known already. */
static int vfio_region_query(int fd, unsigned int index,
			     const struct vn_msix_table *table,
			     struct vn_region *region, uint64_t *start)
{
	const struct vfio_region_info question = { .index = index };
	struct vfio_region_info *info;
	void *answer;
	size_t size;
	int result = vn_vfio_info(fd, VFIO_DEVICE_GET_REGION_INFO, &question,
				  sizeof(question), &answer, &size);

	/* Regions that a function has not (VGA) are refused. */
	if (result == -EINVAL)
		return 0;
	if (result != 0)
		return failed(-result, "find region %u", index);
	info = answer;
	/* The kernel guards the interrupts by remapping them, and lets the table's
	 * page be mapped for what else is in it; this code does not touch the table. */
	if ((info->flags & VFIO_REGION_INFO_FLAG_CAPS) != 0 &&
	    vn_vfio_capability(answer, size, info->cap_offset,
			       VFIO_REGION_INFO_CAP_MSIX_MAPPABLE,
			       sizeof(struct vfio_info_cap_header)) != 0)
		table = NULL;
	region->size = info->size;
	region->readable = (info->flags & VFIO_REGION_INFO_FLAG_READ) != 0;
	region->writable = (info->flags & VFIO_REGION_INFO_FLAG_WRITE) != 0;
	*start = info->offset;
	if ((info->flags & VFIO_REGION_INFO_FLAG_MMAP) != 0 && VN_REGISTERS_CAN_BE_MAPPED &&
	    index <= VN_REGION_BAR5 && !region->io)
		vfio_read_sparse(region, table, answer, size,
				 (info->flags & VFIO_REGION_INFO_FLAG_CAPS) != 0 ?
				    info->cap_offset : 0);
	free(answer);
	return 0;
}

static uint32_t vfio_config32(const uint8_t *config, unsigned int at)
{
	le32 raw;

	memcpy(&raw, config + at, sizeof(raw));
	return vn_from_le32(raw);
}

static void vfio_find_table(const uint8_t *config, struct vn_msix_table *table)
{
	unsigned int at = config[PCI_CAPABILITY_LIST] & ~3u;
	uint32_t entries, place;

	*table = (struct vn_msix_table){ .end = 0 };
	if ((config[PCI_STATUS] & PCI_STATUS_CAP_LIST) == 0)
		return;
	for (int step = 0; step < CAPABILITY_STEPS; step++) {
		if (at < PCI_STD_HEADER_SIZEOF || config[at] == PCI_CAP_ID_MSIX)
			break;
		at = config[at + PCI_CAP_LIST_NEXT] & ~3u;
	}
	if (at < PCI_STD_HEADER_SIZEOF || config[at] != PCI_CAP_ID_MSIX ||
	    at + PCI_CAP_MSIX_SIZEOF > CONFIG_SIZE)
		return;
	entries = (vfio_config32(config, at) >> 16 & PCI_MSIX_FLAGS_QSIZE) + 1;
	place = vfio_config32(config, at + PCI_MSIX_TABLE);
	table->bar = place & PCI_MSIX_TABLE_BIR;
	table->first = place & PCI_MSIX_TABLE_OFFSET;
	table->end = table->first + (uint64_t)entries * MSIX_ENTRY_SIZE;
}

static bool vfio_region_is_io(const uint8_t *config, unsigned int index)
{
	return index <= VN_REGION_BAR5 &&
	       (vfio_config32(config, PCI_BASE_ADDRESS_0 + 4 * index) &
		PCI_BASE_ADDRESS_SPACE_IO) != 0;
}

static int vfio_config_read(int fd, uint64_t start, uint8_t *config)
{
	ssize_t done;

	do {
		done = pread(fd, config, CONFIG_SIZE, (off_t)start);
	} while (done < 0 && errno == EINTR);
	if (done < 0)
		return failed(errno, "read configuration space");
	if (done != CONFIG_SIZE)
		return vn_error(EIO, "configuration space cannot be read wholly: "
				"%zd of %d bytes", done, CONFIG_SIZE);
	return 0;
}

/* Configuration space comes first: it says which BAR is I/O, and where the MSI-X
 * table is. */
int vn_vfio_regions(int fd, struct vn_region *region, uint64_t *start,
		    struct vn_msix_table *table)
{
	uint8_t config[CONFIG_SIZE];
	int result = vfio_region_query(fd, VN_REGION_CONFIG, NULL,
				       &region[VN_REGION_CONFIG],
				       &start[VN_REGION_CONFIG]);

	if (result == 0)
		result = vfio_config_read(fd, start[VN_REGION_CONFIG], config);
	if (result != 0)
		return result;
	vfio_find_table(config, table);
	for (unsigned int i = 0; i < VN_REGION_COUNT && result == 0; i++) {
		bool here = table->end != 0 && table->bar == i;

		if (i == VN_REGION_CONFIG)
			continue;
		region[i].io = vfio_region_is_io(config, i);
		result = vfio_region_query(fd, i, here ? table : NULL, &region[i],
					   &start[i]);
		/* The upper half of a 64-bit BAR is an address: its bit 0
		 * means nothing. */
		if (region[i].size == 0)
			region[i].io = false;
	}
	return result;
}
