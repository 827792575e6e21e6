/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "tests/unit/model.h"

/* BAR 4: one page a structure. */
enum { COMMON = 0x0000, ISR = 0x1000, DEVICE = 0x2000, NOTIFY = 0x3000,
       BAR_SIZE = 0x4000, MULTIPLIER = 4 };

static struct model *model_of(struct vn_function *function)
{
	return (struct model *)function;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)value);
	put16(at + 2, (uint16_t)(value >> 16));
}

/* ---- the IOMMU ---- */

uint8_t *model_at(struct model *m, uint64_t iova, size_t size, bool write)
{
	if (!m->bus_master)
		m->dma_before_master++;
	for (unsigned int i = 0; i < MODEL_MAPS && m->bus_master; i++) {
		struct model_map *map = &m->map[i];

		if (map->used && iova >= map->iova &&
		    iova - map->iova <= map->size &&
		    map->size - (iova - map->iova) >= size &&
		    (map->writable || !write))
			return map->ours + (iova - map->iova);
	}
	m->faults++;
	return NULL;
}

static uint8_t *ring_memory(void *context, uint64_t address, size_t size, bool write)
{
	return model_at(context, address, size, write);
}

static int memory_add(struct vn_function *function,
		      const struct vn_memory *memory, enum vn_access access,
		      uint64_t *iova)
{
	struct model *m = model_of(function);

	m->maps++;
	if (m->fail_map != 0 && m->maps == m->fail_map)
		return vn_error(ENOMEM, "model: mapping %u fails", m->maps);
	for (unsigned int i = 0; i < MODEL_MAPS; i++) {
		struct model_map *map = &m->map[i];

		if (map->used)
			continue;
		/* Shared memory without a descriptor: a length of 0 asks for
		 * a second mapping of it. */
		map->ours = memory->fd >= 0 ?
			mmap(NULL, memory->size, PROT_READ | PROT_WRITE,
			     MAP_SHARED, memory->fd, (off_t)memory->offset) :
			mremap(memory->address, 0, memory->size, MREMAP_MAYMOVE);
		/* qemu-user knows no such remapping: the driver's own does. */
		map->borrowed = map->ours == MAP_FAILED && memory->fd < 0;
		if (map->borrowed)
			map->ours = memory->address;
		/* One that came over a socket may be for reading only. */
		if (map->ours == MAP_FAILED && access == VN_DEVICE_READS)
			map->ours = mmap(NULL, memory->size, PROT_READ,
					 MAP_SHARED, memory->fd,
					 (off_t)memory->offset);
		if (map->ours == MAP_FAILED)
			return vn_error(ENOMEM, "model: mmap");
		map->size = memory->size;
		map->writable = access == VN_DEVICE_WRITES;
		map->used = true;
		map->iova = m->next_iova;
		m->next_iova += memory->size + 4096;
		*iova = map->iova;
		return 0;
	}
	return vn_error(ENOSPC, "model: too many mappings");
}

static int memory_check(struct vn_function *function, uint64_t bytes)
{
	struct model *m = model_of(function);

	m->checks++;
	m->maps_at_check = m->maps;
	m->checked = bytes;
	if (m->lock_limit != 0 && bytes > m->lock_limit)
		return vn_error(ENOMEM, "model: %llu bytes", (unsigned long long)bytes);
	return 0;
}

static void drop_map(struct model_map *map)
{
	if (!map->borrowed)
		munmap(map->ours, map->size);
	memset(map, 0, sizeof(*map));
}

static int memory_remove(struct vn_function *function, uint64_t iova)
{
	struct model *m = model_of(function);

	for (unsigned int i = 0; i < MODEL_MAPS; i++) {
		if (m->map[i].used && m->map[i].iova == iova) {
			m->unmapped_live += m->bus_master;
			drop_map(&m->map[i]);
			return 0;
		}
	}
	return vn_error(ENOENT, "model: nothing mapped there");
}

static int iommu_limits(struct vn_function *function,
			struct vn_iommu_limits *limits)
{
	(void)function;
	memset(limits, 0, sizeof(*limits));
	limits->page_size = 4096;
	limits->page_sizes = 4096;
	limits->mappings_left = 1000;
	limits->range_count = 1;
	limits->range[0].last = (1ull << 39) - 1;
	return 0;
}

/* ---- registers ---- */

static void device_reset(struct model *m)
{
	m->resets++;
	m->status = 0;
	m->suspended = false;
	if (m->on_reset)
		m->on_reset(m);
	m->accepted[0] = m->accepted[1] = 0;
	m->config_vector = 0xffff;
	for (unsigned int i = 0; i < m->queues; i++) {
		model_ring_reset(&m->queue[i]);
		m->queue[i].size = m->queue_max;
		m->queue[i].vector = 0xffff;
		m->queue[i].enabled = m->enabled_at_start;
	}
}

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint8_t status_shown(const struct model *m)
{
	if (m->reset_until != 0 && seconds_now() < m->reset_until)
		return 4;
	return m->status & (uint8_t)~m->hidden_status;
}

static uint64_t common_read(struct model *m, uint64_t offset)
{
	struct model_queue *q = &m->queue[m->queue_select % MODEL_QUEUES];

	if (offset < 64 && (m->reads_zero >> offset & 1) != 0 &&
	    (offset != 24 || q->size != m->queue_max))
		return 0;
	switch (offset) {
	case 4:
		if (m->feature_select > 3)
			return 0;
		return (uint32_t)(m->offered[m->feature_select / 2] >>
				  (32 * (m->feature_select % 2)));
	case 16: return m->config_vector;
	case 18:
		return m->queues_with_mq &&
				       (m->accepted[0] & (1ull << 22 | 1ull << 60)) == 0 ?
			       3 :
			       m->queues;
	case 20: return status_shown(m);
	case 21: return m->unstable_generation ? ++m->generation :
						 m->generation;
	case 22: return m->queue_select;
	case 24: return q->size;
	case 26: return q->vector;
	case 28: return q->enabled;
	case 30: return m->bad_notify_off ? 0x7fff : m->queue_select;
	case 32: return (uint32_t)q->desc;
	case 36: return q->desc >> 32;
	case 40: return (uint32_t)q->avail;
	case 44: return q->avail >> 32;
	case 48: return (uint32_t)q->used;
	case 52: return q->used >> 32;
	case 58: return q->reset;
	case 56: return MODEL_NOTIFY_DATA + m->queue_select;
	default: return 0;
	}
}

/* Note what was written, for tests of the order. */
static void note(struct model *m, const char *format, ...)
{
	size_t used = strlen(m->log);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(m->log + used, sizeof(m->log) - used, format, arguments);
	va_end(arguments);
}

static void status_write(struct model *m, uint8_t value)
{
	note(m, "status=%u ", value);
	if (value == 0) {
		if (m->reset_ms != 0)
			m->reset_until = seconds_now() + m->reset_ms / 1000.0;
		if (!m->never_reset && !m->reset_needs_function)
			device_reset(m);
		return;
	}
	m->status |= value & (uint8_t)~m->stuck_status;
	if (m->on_status)
		m->on_status(m, value);
	if ((value & 0x08) && m->mtu_later != 0)
		put16(m->net_config + 10, m->mtu_later);
	if (m->refuse_features)
		m->status &= (uint8_t)~0x08;
}

static void half(uint64_t *address, uint64_t value, bool high)
{
	*address = high ? (*address & 0xffffffff) | value << 32 :
			  (*address & ~0xffffffffull) | value;
}

/* One queue as after a reset of the device, but what its size was is forgotten. */
static void reset_queue(struct model *m, unsigned int index)
{
	struct model_queue *q = &m->queue[index];

	if (m->queue_reset_stuck) {
		q->reset = 1;
	} else {
		model_ring_reset(q);
		q->size = m->queue_max;
		q->vector = 0xffff;
	}
}

static void common_write(struct model *m, uint64_t offset, uint64_t value)
{
	struct model_queue *q = &m->queue[m->queue_select % MODEL_QUEUES];

	static const struct {
		uint64_t offset;
		const char *name;
	} names[] = {
		{ 12, "features" }, { 16, "config_vector" }, { 24, "size" },
		{ 26, "vector" }, { 28, "enable" }, { 32, "desc" },
		{ 40, "driver" }, { 48, "device" }, { 58, "reset" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].offset == offset && offset >= 24)
			note(m, "%s%u ", names[i].name, m->queue_select);
		else if (names[i].offset == offset)
			note(m, "%s ", names[i].name);
	switch (offset) {
	case 0: m->feature_select = (uint32_t)value; break;
	case 8: m->driver_select = (uint32_t)value; break;
	case 12:
		if (m->driver_select < 4)
			m->accepted[m->driver_select / 2] |=
				value << (32 * (m->driver_select % 2));
		break;
	case 16: m->config_vector = m->no_vectors ? 0xffff : (uint16_t)value;
		break;
	case 20: status_write(m, (uint8_t)value); break;
	case 22: m->queue_select = (uint16_t)value; break;
	case 24: if (!m->size_ignored) q->size = (uint16_t)value; break;
	case 26: q->vector = m->no_vectors ? 0xffff : (uint16_t)value; break;
	case 58: reset_queue(m, m->queue_select % MODEL_QUEUES); break;
	case 28:
		if (m->enable_fails)
			break;
		q->enabled = (uint16_t)value;
		model_ring_enable(&m->rings, q);
		break;
	case 32: case 36:
		/* What it takes instead is not nothing. */
		half(&q->desc, m->address_ignored && offset == 32 ? value ^ 0x1000 : value,
		     offset == 36);
		break;
	case 40: case 44: half(&q->avail, value, offset == 44); break;
	case 48: case 52: half(&q->used, value, offset == 52); break;
	default: break;
	}
}

static void doorbell(struct model *m, unsigned int index, uint32_t value, size_t size)
{
	m->doorbells++;
	model_ring_doorbell(&m->rings, &m->queue[index], index, value, size);
	note(m, "doorbell%u ", index);
	if (!m->paused && index == 1)
		model_transmit(m);
	if (m->on_doorbell)
		m->on_doorbell(m, index);
}

static int refused_access(struct model *m)
{
	m->accesses++;
	if (m->fail_access != 0 && m->accesses == m->fail_access)
		return vn_error(EIO, "model: access %u fails", m->accesses);
	return 0;
}

static int bar_read(struct vn_function *function, unsigned int region,
		    uint64_t offset, void *data, size_t size)
{
	struct model *m = model_of(function);
	uint64_t value = 0; /* as its bytes travel: little-endian */

	if (refused_access(m))
		return -EIO;
	if (region == VN_REGION_CONFIG) {
		memcpy(data, m->config + offset, size);
		return 0;
	}
	if (m->removed) {
		memset(data, 0xff, size);
		return 0;
	}
	if (offset < ISR)
		value = htole64(common_read(m, offset));
	else if (offset >= DEVICE && offset - DEVICE + size <= sizeof(m->net_config))
		memcpy(&value, m->net_config + (offset - DEVICE), size);
	memcpy(data, &value, size);
	return 0;
}

static void set_master(struct model *m, bool on)
{
	if (on != m->bus_master)
		note(m, on ? "master+ " : "master- ");
	m->bus_master = on;
}

static int bar_write(struct vn_function *function, unsigned int region,
		     uint64_t offset, const void *data, size_t size)
{
	struct model *m = model_of(function);
	uint64_t value = 0;

	if (refused_access(m))
		return -EIO;
	memcpy(&value, data, size);
	value = le64toh(value);
	if (region == VN_REGION_CONFIG) {
		memcpy(m->config + offset, data, size);
		if (offset == 4)
			set_master(m, (value & 4) != 0);
		return 0;
	}
	if (offset == 20 && (++m->status_writes == m->fail_status ||
			     (m->reset_fails && value == 0)))
		return vn_error(EIO, "model: status write fails");
	if (offset < ISR) {
		common_write(m, offset, value);
	} else if (offset >= NOTIFY) {
		doorbell(m, (unsigned int)(offset - NOTIFY) / MULTIPLIER, (uint32_t)value,
			 size);
	}
	return 0;
}

static int bar_map(struct vn_function *function, unsigned int region,
		   uint64_t offset, uint64_t size, volatile void **address)
{
	struct model *m = model_of(function);

	(void)region;
	if (m->doorbells_mapped && size <= 4) {
		*address = m->doorbell_page + offset % sizeof(m->doorbell_page);
		return 0;
	}
	return vn_error(ENOTSUP, "model: nothing can be mapped");
}

static int bar_eventfd(struct vn_function *function, unsigned int region,
		       uint64_t offset, unsigned int size, uint64_t value, int *fd)
{
	(void)function, (void)region, (void)offset, (void)size, (void)value;
	*fd = -1;
	return vn_error(ENOTSUP, "model: no eventfd stands for anything");
}

static int vectors(struct vn_function *function, const int *eventfds,
		   unsigned int count)
{
	struct model *m = model_of(function);

	m->vector_calls += count != 0;
	function->vectors_left = m->vectors_reported ? m->vectors_max : 0;
	if (m->vectors_max != 0 && count > m->vectors_max)
		return vn_error(ENOSPC, "model: only %u vectors", m->vectors_max);
	m->eventfds = count;
	for (unsigned int i = 0; i < count; i++)
		m->eventfd[i] = eventfds[i];
	return m->vectors_result ? vn_error(-m->vectors_result,
					    "model: no vectors") : 0;
}

static int function_reset(struct vn_function *function)
{
	struct model *m = model_of(function);

	if (!function->reset_supported)
		return vn_error(ENOTSUP, "model: no reset");
	m->function_resets++;
	if (m->reset_needs_function)
		device_reset(m);
	return 0;
}

static int model_close(struct vn_function *function)
{
	struct model *m = model_of(function);

	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		if (m->map[i].used)
			drop_map(&m->map[i]);
	for (unsigned int i = 0; i < MODEL_QUEUES; i++)
		model_ring_reset(&m->queue[i]);
	if (m->live)
		*m->live = NULL;
	free(m);
	return 0;
}

static const struct vn_function_ops operations = {
	.read = bar_read,
	.write = bar_write,
	.map = bar_map,
	.eventfd = bar_eventfd,
	.vectors = vectors,
	.reset = function_reset,
	.memory_add = memory_add,
	.memory_remove = memory_remove,
	.memory_check = memory_check,
	.iommu_limits = iommu_limits,
	.close = model_close,
};

/* ---- configuration space ---- */

static uint8_t *capability(uint8_t *at, uint8_t next, uint8_t type,
			   uint32_t offset, uint32_t length)
{
	at[0] = 0x09;
	at[1] = next;
	at[2] = type == 2 ? 20 : 16;
	at[3] = type;
	at[4] = 4;
	put32(at + 8, offset);
	put32(at + 12, length);
	if (type == 2)
		put32(at + 16, MULTIPLIER);
	return at;
}

static void fill_config(struct model *m)
{
	put16(m->config + 0x00, 0x1af4);
	put16(m->config + 0x02, 0x1041);
	put16(m->config + 0x06, 0x0010); /* has capabilities */
	m->config[0x34] = 0x40;
	capability(m->config + 0x40, 0x50, 1, COMMON, 0x40);
	capability(m->config + 0x50, 0x60, 3, ISR, 4);
	capability(m->config + 0x60, 0x70, 4, DEVICE, sizeof(m->net_config));
	capability(m->config + 0x70, 0x00, 2, NOTIFY, 0x1000);
}

static void fill_net_config(struct model *m)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc };

	memcpy(m->net_config, mac, sizeof(mac));
	put16(m->net_config + 6, 1);
	put16(m->net_config + 8, 1);
	put16(m->net_config + 10, 1500);
	put32(m->net_config + 12, 25000);
	m->net_config[16] = 1;
	m->net_config[17] = 40;
	put16(m->net_config + 18, 128);
	put32(m->net_config + 20, 0x1ff);
	put32(m->net_config + 24, 0x3ff);
}

struct model *model_create(struct model **live)
{
	struct model *m = calloc(1, sizeof(*m));

	*live = m;
	m->live = live;
	m->rings = (struct model_rings){
		.features = &m->accepted[0], .area = ring_memory, .data = ring_memory,
		.context = m,
	};
	m->function.ops = &operations;
	strcpy(m->function.name, "model");
	m->function.iommu_group = -1;
	m->function.vector_count = 3;
	m->function.reset_supported = true;
	m->function.removal_fd = -1;
	m->function.error_fd = -1;
	m->function.service_fd = -1;
	m->function.region[4] = (struct vn_region){
		.size = BAR_SIZE, .readable = true, .writable = true,
	};
	m->function.region[7] = (struct vn_region){
		.size = 256, .readable = true, .writable = true,
	};
	/* MTU, MAC, MRG_RXBUF, STATUS; VERSION_1, ACCESS_PLATFORM; SPEED_DUPLEX;
	 * and some that the driver does not know. */
	m->offered[0] = 1ull << 3 | 1ull << 5 | 1ull << 15 | 1ull << 16 |
			1ull << 44 | 1ull << 32 | 1ull << 33 | 1ull << 63;
	m->offered[1] = 1ull << 50;
	m->queue_max = 256;
	m->queues = 3;
	m->next_iova = 0x10000;
	fill_config(m);
	fill_net_config(m);
	device_reset(m);
	m->resets = 0;
	return m;
}
