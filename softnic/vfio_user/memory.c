/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages that give memory to the device and take it back; and checking what is taken
 * back.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "softnic/vfio_user/server.h"

bool serve_dma_map(struct device *device, const struct request *request)
{
	struct region region = { 0 };
	struct dma_map map;
	int result;

	if (request->size < sizeof(map) || request->fd_count > 1)
		return reply_error(device, request, EINVAL);
	memcpy(&map, request->data, sizeof(map));
	region.iova = map.iova;
	region.size = map.size;
	region.permits = (map.flags & DMA_READABLE ? DEVICE_READS : 0u) |
			 (map.flags & DMA_WRITABLE ? DEVICE_WRITES : 0u);
	if (region.permits == 0)
		return reply_error(device, request, EINVAL);
	result = dma_map(device, &region, request->fd_count ? request->fds[0] : -1,
			 map.offset);
	if (result == -ERANGE)
		fprintf(stderr,
			"vionet-softnic: the driver's file ends before offset 0x%" PRIx64
			" + 0x%" PRIx64 " that it maps; refused\n",
			map.offset, map.size);
	if (result < 0)
		return reply_error(device, request, -result);
	trace(device, "MAP 0x%" PRIx64 " 0x%" PRIx64 " %s%s%s", map.iova, map.size,
	      map.flags & DMA_READABLE ? "r" : "", map.flags & DMA_WRITABLE ? "w" : "",
	      request->fd_count ? "" : " no file");
	return reply(device, request, NULL, 0, NULL, 0);
}

static bool memory_within(uint64_t address, uint64_t iova, uint64_t size)
{
	return address >= iova && address - iova < size;
}

/* A queue is live until a reset: its rings may not be taken away (and with them what
 * it has of buffers). */
static void memory_check_unmap(struct device *device, uint64_t iova, uint64_t size)
{
	for (unsigned int i = 0; i < device->queue_count; i++) {
		const struct queue *queue = &device->queue[i];

		if (queue->enabled && device_is_live(device) &&
		    (memory_within(queue->descriptor_area, iova, size) ||
		     memory_within(queue->driver_area, iova, size) ||
		     memory_within(queue->device_area, iova, size)))
			violation(device, "GEN-31",
				  "memory of queue %u, which is live, is unmapped", i);
	}
}

static int memory_unmap(struct device *device, const struct dma_unmap *unmap)
{
	if (unmap->flags & DMA_UNMAP_ALL) {
		memory_check_unmap(device, 0, UINT64_MAX);
		dma_unmap_all(device);
		return 0;
	}
	memory_check_unmap(device, unmap->iova, unmap->size);
	return dma_unmap(device, unmap->iova, unmap->size);
}

bool serve_dma_unmap(struct device *device, const struct request *request)
{
	struct dma_unmap wanted;
	int result;

	if (request->size < sizeof(wanted))
		return reply_error(device, request, EINVAL);
	memcpy(&wanted, request->data, sizeof(wanted));
	if ((wanted.flags & ~DMA_UNMAP_ALL) != 0)
		return reply_error(device, request, ENOTSUP);
	result = memory_unmap(device, &wanted);
	if (result < 0)
		return reply_error(device, request, -result);
	trace(device, "UNMAP 0x%" PRIx64 " 0x%" PRIx64 "%s", wanted.iova, wanted.size,
	      wanted.flags ? " all" : "");
	wanted.argsz = sizeof(wanted);
	return reply(device, request, &wanted, sizeof(wanted), NULL, 0);
}
