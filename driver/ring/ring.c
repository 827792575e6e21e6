/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device never may write where it only has to read, and nothing else shares a page with
 * what it may write.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "driver/memory/memory.h"
#include "driver/ring/packed.h"
#include "driver/ring/ring.h"
#include "driver/ring/split.h"

#define LINE VN_CACHE_LINE

/* Indirect tables of a queue, and entries of each, at most. */
#define TABLES_MAX 64u

static uint32_t ring_smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Where the parts of a ring lie: the region that the device only reads, and the other. */
struct ring_sizes {
	size_t table;	      /* split: descriptor table, in whole lines */
	size_t descs;	      /* packed: descriptor ring, in whole lines */
	size_t read, write;   /* the regions */
	size_t tables;	      /* indirect tables; 0: none */
};

/* Split rings begin 4 bytes before the end of a line. */
#define LEAD (LINE - sizeof(struct split_avail))

static size_t ring_whole_lines(size_t size)
{
	return (size + LINE - 1) & ~(size_t)(LINE - 1);
}

/* "Indirect Descriptors" and "Scatter-Gather Support" (SPLIT-11, PACKED-26): nor may an
 * indirect table be longer than the queue. */
static uint32_t ring_longest_chain(uint32_t size)
{
	return ring_smaller(size, VN_SEGMENTS_MAX);
}

static struct ring_sizes ring_sizes_of(const struct vionet_features *accepted,
				       uint32_t size, bool transmits)
{
	struct ring_sizes s = { 0 };

	if (vionet_feature_test(accepted, F_RING_PACKED)) {
		s.descs = ring_whole_lines(sizeof(struct packed_desc) * size);
		s.read = sizeof(struct packed_event);
		s.write = s.descs + sizeof(struct packed_event);
	} else {
		s.table = ring_whole_lines(sizeof(struct split_desc) * size);
		s.read = s.table + LEAD + sizeof(struct split_avail) +
			 2 * (size_t)size + 2;
		s.write = LEAD + sizeof(struct split_used) +
			  sizeof(struct split_used_elem) * size + 2;
	}
	if (transmits && vionet_feature_test(accepted, F_INDIRECT_DESC))
		s.tables = (size_t)ring_smaller(size, TABLES_MAX) *
			   ring_longest_chain(size) * sizeof(struct split_desc);
	return s;
}

uint64_t vn_ring_memory(const struct vionet_features *accepted, uint32_t size,
			bool transmits)
{
	struct ring_sizes s = ring_sizes_of(accepted, size, transmits);

	return vn_memory_size(s.read, false) + vn_memory_size(s.write, false) +
	       vn_memory_size(s.tables, false);
}

static int ring_alloc_areas(struct vionet_queue *queue, size_t read, size_t write)
{
	enum vn_access access =
		queue->device->flags & VIONET_OPEN_WRITABLE_RINGS ?
			VN_DEVICE_WRITES : VN_DEVICE_READS;
	enum vn_memory_use use = queue->packets ? VN_FOR_ANY : VN_FOR_CONTROL;
	int result = vn_device_memory_alloc(queue->device, read, access, use,
					    &queue->read_memory);

	if (result == 0)
		result = vn_device_memory_alloc(queue->device, write,
						VN_DEVICE_WRITES, use,
						&queue->write_memory);
	return result;
}

static struct vn_area ring_area_at(const struct vionet_memory *memory, size_t offset)
{
	return (struct vn_area){
		.address = (uint8_t *)memory->memory.address + offset,
		.iova = memory->iova + offset,
	};
}

/*
 * Descriptor table and available ring in one region that the device can only
 * read, the used ring in one that it may write. Both rings begin 4 bytes before the
 * end of a line of the cache: their entries then fill lines of their own, each
 * entry in one, and the index that changes with each burst does not share theirs.
 */
static int ring_make_split(struct vionet_queue *queue)
{
	struct vn_split *ring = &queue->split;
	struct ring_sizes s = ring_sizes_of(&queue->device->accepted, queue->size,
					    false);
	struct vn_ring_areas *areas = &queue->areas;
	size_t size = queue->size;
	int result = ring_alloc_areas(queue, s.read, s.write);

	if (result)
		return result;
	areas->descriptor = ring_area_at(queue->read_memory, 0);
	areas->driver = ring_area_at(queue->read_memory, s.table + LEAD);
	areas->device = ring_area_at(queue->write_memory, LEAD);
	ring->desc = areas->descriptor.address;
	ring->avail = areas->driver.address;
	ring->used = areas->device.address;
	ring->mask = (uint16_t)(size - 1);
	ring->free_index = (uint16_t)size;
	for (uint32_t i = 0; i < size; i++) {
		vn_store16(&ring->avail->ring[i], (uint16_t)i);
		if (queue->transmits || !queue->pool)
			continue;
		vn_store32(&ring->desc[i].len, queue->posted);
		vn_store16(&ring->desc[i].flags, DESC_F_WRITE);
	}
	/* No interrupt until one is wanted; an event index that was just passed
	 * comes again after 65536 buffers. */
	if (queue->event_idx)
		vn_store16(&ring->avail->ring[size], 0xffff);
	else
		vn_store16(&ring->avail->flags, AVAIL_F_NO_INTERRUPT);
	return 0;
}

/* The descriptor ring is written by both sides. Our event suppression is the only
 * thing that the device just reads. */
static int ring_make_packed(struct vionet_queue *queue)
{
	struct vn_packed *ring = &queue->packed;
	struct ring_sizes s = ring_sizes_of(&queue->device->accepted, queue->size,
					    false);
	struct vn_ring_areas *areas = &queue->areas;
	int result = ring_alloc_areas(queue, s.read, s.write);

	if (result)
		return result;
	areas->descriptor = ring_area_at(queue->write_memory, 0);
	areas->driver = ring_area_at(queue->read_memory, 0);
	areas->device = ring_area_at(queue->write_memory, s.descs);
	ring->desc = areas->descriptor.address;
	ring->end = ring->desc + queue->size;
	ring->avail = ring->desc;
	ring->used = ring->desc;
	ring->driver_event = areas->driver.address;
	ring->device_event = areas->device.address;
	/* Both wrap counters begin as 1 ("Driver and Device Ring Wrap Counters", PACKED-03). */
	ring->avail_flags = PACKED_FLAGS(PACKED_DESC_F_AVAIL);
	ring->used_flags = PACKED_FLAGS(PACKED_WRAP);
	vn_store16(&ring->driver_event->flags, RING_EVENT_FLAGS_DISABLE);
	return 0;
}

/* Each table in memory that the device can only read (as many as may reasonably be
 * on their way; a buffer that gets none is chained). */
static int ring_make_tables(struct vionet_queue *queue)
{
	struct vn_tables *tables = &queue->tables;
	uint32_t count = ring_smaller(queue->size, TABLES_MAX);
	struct ring_sizes s = ring_sizes_of(&queue->device->accepted, queue->size,
					    true);
	int result;

	tables->entries = queue->segments_max;
	result = vn_device_memory_alloc(queue->device, s.tables, VN_DEVICE_READS,
					VN_FOR_ANY, &tables->memory);
	if (result)
		return result;
	tables->free = calloc(count, sizeof(*tables->free));
	if (!tables->free)
		return vn_error(ENOMEM, "no memory for indirect tables");
	for (; tables->available < count; tables->available++)
		tables->free[tables->available] = tables->available;
	return 0;
}

/* All descriptors free, in order. */
static int ring_make_records(struct vionet_queue *queue)
{
	size_t size = queue->size;

	queue->slots = vn_alloc_lines(size, sizeof(*queue->slots));
	queue->ids = vn_alloc_lines(size, sizeof(*queue->ids));
	queue->extents = calloc(size, sizeof(*queue->extents));
	queue->chained = calloc(size, sizeof(*queue->chained));
	if (!queue->slots || !queue->ids || !queue->extents || !queue->chained)
		return vn_error(ENOMEM, "no memory for %u descriptors",
				queue->size);
	for (uint32_t i = 0; i < size; i++)
		queue->ids[i] = (uint16_t)i;
	queue->free_count = (uint16_t)size;
	return 0;
}

int vn_ring_open(struct vionet_queue *queue)
{
	const struct vionet_features *accepted = &queue->device->accepted;
	bool packed = vionet_feature_test(accepted, F_RING_PACKED);
	bool in_order = vionet_feature_test(accepted, F_IN_ORDER);
	int result = ring_make_records(queue);

	queue->layout = packed ? (in_order ? VN_PACKED_IN_ORDER : VN_PACKED) :
				 (in_order ? VN_SPLIT_IN_ORDER : VN_SPLIT);
	queue->event_idx = vionet_feature_test(accepted, F_EVENT_IDX);
	queue->segments_max = (uint16_t)ring_longest_chain(queue->size);
	if (result == 0)
		result = packed ? ring_make_packed(queue) : ring_make_split(queue);
	if (result == 0 && queue->transmits &&
	    vionet_feature_test(accepted, F_INDIRECT_DESC))
		result = ring_make_tables(queue);
	return result;
}

void vn_ring_close(struct vionet_queue *queue)
{
	vn_device_memory_free(queue->read_memory);
	vn_device_memory_free(queue->write_memory);
	vn_device_memory_free(queue->tables.memory);
	free(queue->tables.free);
	free(queue->slots);
	free(queue->ids);
	free(queue->extents);
	free(queue->chained);
}
