/* SPDX-License-Identifier: BSD-3-Clause */
/* Never checks; it notes what the rings reported. */
#include "ring_env.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct bed bed;

/* ---- what the rings ask of the device ---- */

static bool find(uint64_t at, struct mapping *mapping)
{
	uint64_t offset = at - BED_IOVA, from = 0, to = BED_BYTES;

	if (offset >= BED_BYTES)
		return false;
	if (bed.split_at && offset >= bed.split_at)
		from = bed.split_at;
	else if (bed.split_at)
		to = bed.split_at;
	*mapping = (struct mapping){ BED_IOVA + from, to - from,
				     bed.memory + from,
				     DEVICE_READS | DEVICE_WRITES };
	if (bed.permits && offset >= BED_DATA)
		*mapping = (struct mapping){ BED_IOVA + BED_DATA,
					     BED_BYTES - BED_DATA,
					     bed.memory + BED_DATA, bed.permits };
	else if (bed.permits)
		mapping->size = BED_DATA;
	if (bed.ring_permits && offset < BED_DEVICE)
		*mapping = (struct mapping){ BED_IOVA, BED_DEVICE, bed.memory,
					     bed.ring_permits };
	return true;
}

bool dma_window(const struct device *device, uint64_t at, struct mapping *mapping)
{
	(void)device;
	return find(at, mapping);
}

void *dma(struct device *device, uint64_t at, uint64_t size,
	  enum direction direction)
{
	struct mapping mapping;

	(void)device;
	if (find(at, &mapping) && (mapping.directions & direction) == direction &&
	    size <= mapping.size - (at - mapping.iova))
		return mapping.address + (at - mapping.iova);
	bed.dma_faults++;
	return NULL;
}

void violation(struct device *device, const char *id, const char *format, ...)
{
	char text[256];
	va_list arguments;

	(void)device;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (getenv("BED_LOUD"))
		fprintf(stderr, "%s: %s\n", id, text);
	if (bed.violations < 8)
		snprintf(bed.violated[bed.violations], 16, "%s", id);
	bed.violations++;
}

void interrupt_queue(struct queue *queue)
{
	(void)queue;
	bed.interrupts++;
}

void needs_reset(struct device *device)
{
	(void)device;
	bed.resets++;
}

void trace_line(struct device *device, const char *format, ...)
{
	(void)device;
	(void)format;
}

bool fault_named(const struct device *device, const char *row)
{
	(void)device;
	return bed.fault && !strcmp(bed.fault, row);
}

/* ---- the bed ---- */

int bed_set_up(void **state)
{
	(void)state;
	bed.memory = aligned_alloc(4096, BED_BYTES);
	return bed.memory ? 0 : -1;
}

int bed_tear_down(void **state)
{
	(void)state;
	free(bed.memory);
	return 0;
}

int bed_start(bool packed, uint16_t size, uint64_t features)
{
	bool shuffle = bed.options.shuffle;

	memset(bed.memory, 0, BED_DATA);
	memset(&bed.device, 0, sizeof(bed.device));
	memset(&bed.options, 0, sizeof(bed.options));
	bed.options.shuffle = shuffle;
	bed.options.faults = bed.fault;
	bed.packed = packed;
	bed.size = size;
	bed.violations = bed.interrupts = bed.resets = bed.dma_faults = 0;
	bed.device.options = &bed.options;
	bed.device.status = ST_DRIVER_OK;
	bed.device.accepted.word[0] =
		features | (packed ? 1ull << FT_RING_PACKED : 0);
	bed.queue = &bed.device.queue[1];
	bed.queue->index = 1;
	return bed_restart();
}

int bed_restart(void)
{
	bed.queue->device = &bed.device;
	bed.queue->size = bed.size;
	bed.queue->enabled = true;
	bed.queue->descriptor_area = iova(BED_DESCRIPTORS);
	bed.queue->driver_area = iova(BED_DRIVER);
	bed.queue->device_area = iova(BED_DEVICE);
	return ring_start(bed.queue);
}

void bed_stop(void)
{
	ring_stop(bed.queue);
}

bool bed_violated(const char *id)
{
	unsigned int i;

	for (i = 0; i < bed.violations && i < 8; i++)
		if (strcmp(bed.violated[i], id))
			return false;
	return bed.violations != 0;
}

void put(unsigned int i, uint64_t offset, uint32_t length, uint16_t flags,
	 uint16_t next)
{
	*split_at(i) = (struct split_entry){ iova(offset), length, flags, next };
}

void offer(uint16_t head)
{
	uint16_t index = avail(1)->is;

	avail(2u + index % bed.size)->is = head;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	avail(1)->is = (uint16_t)(index + 1);
}
