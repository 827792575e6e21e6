/* SPDX-License-Identifier: BSD-3-Clause */
/* The driver's memory, which the kernel shows range by range when it is asked: a file of the
 * process behind vhost-vdpa, or its own bounce buffer and rings for a driver in the kernel. */
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "softnic/event.h"
#include "softnic/text.h"
#include "softnic/vduse/internal.h"

static unsigned int iotlb_permits(uint8_t access)
{
	return (access & VDUSE_ACCESS_RO ? DEVICE_READS : 0) |
	       (access & VDUSE_ACCESS_WO ? DEVICE_WRITES : 0);
}

/* The kernel counts bytes, the page that the last one is in is nobody else's. */
static int iotlb_map(struct device *device, const struct vduse_iotlb_entry *entry, int fd)
{
	struct region region = { .iova = entry->start & -dma_page(),
				 .permits = iotlb_permits(entry->perm),
				 .kernels = fd_is(fd, "anon_inode:[vduse-domain]") };
	uint64_t offset = entry->offset - (entry->start - region.iova);
	int result;

	region.size = (entry->last | (dma_page() - 1)) - region.iova + 1;
	result = dma_map(device, &region, fd, offset);
	trace(device, "MAP 0x%" PRIx64 " 0x%" PRIx64 " %s%s%s", region.iova, region.size,
	      region.permits & DEVICE_READS ? "r" : "", region.permits & DEVICE_WRITES ? "w" : "",
	      result < 0 ? " refused" : "");
	if (result < 0)
		complain("memory of 0x%" PRIx64 " bytes at 0x%" PRIx64 " cannot be mapped: %s",
			 region.size, region.iova, strerror(-result));
	return result;
}

bool vduse_iotlb_fetch(struct device *device, uint64_t iova, uint64_t size)
{
	uint64_t last = iova + (size ? size - 1 : 0);
	bool any = false;

	/* From range to range; those that are mapped already are -EEXIST. */
	while (iova <= last) {
		struct vduse_iotlb_entry entry = { .start = iova, .last = last };
		struct mapping known;
		int fd;

		if (dma_window(device, iova, &known)) {
			entry.last = known.iova + (known.size - 1);
		} else {
			fd = ioctl(device->server->fd, VDUSE_IOTLB_GET_FD, &entry);
			if (fd < 0)
				break;
			if (entry.start <= iova && iotlb_map(device, &entry, fd) == 0)
				any = true;
			close(fd);
			if (entry.start > iova || !any)
				break;
		}
		if (entry.last >= last)
			break;
		iova = entry.last + 1;
	}
	return any;
}
