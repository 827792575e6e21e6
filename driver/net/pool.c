/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Making and releasing pools, and attaching external frames to packets. A pool is one thread's:
 * there is no lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/abi.h"
#include "base/alloc.h"
#include "base/error.h"
#include "driver/memory/memory.h"
#include "driver/net/pool.h"

#define COUNT_DEFAULT 1024u
#define COUNT_MAX (1u << 24)
/* Two in a page and none across two, which back ends behind a vIOMMU get wrong (DPDK 22.11). */
#define STRIDE_DEFAULT 2048u
#define LINE VN_CACHE_LINE

/* Fill in defaults and check what an application wants. */
static int pool_set_defaults(const struct vionet_device *device,
			     const struct vionet_pool_options *given,
			     struct vionet_pool_options *o)
{
	int result;

	*o = (struct vionet_pool_options){ .struct_size = sizeof(*o) };
	result = given ? vn_struct_in(o, sizeof(*o), given, "vionet_pool_options") : 0;
	if (result)
		return vn_error_prefix(result, "%s: pool", device->name);
	if (o->count == 0)
		o->count = COUNT_DEFAULT;
	if (o->buffer_size == 0)
		o->buffer_size = STRIDE_DEFAULT - VIONET_HEADROOM;
	if (o->access == 0)
		o->access = VIONET_DEVICE_WRITES;
	if (o->count > COUNT_MAX)
		return vn_error(EINVAL, "%s: pool: count %u is above %u",
				device->name, o->count, COUNT_MAX);
	if (o->buffer_size < LINE || o->buffer_size > VIONET_FRAME_MAX + LINE)
		return vn_error(EINVAL, "%s: pool: buffer_size %u is not between "
				"%u and %u", device->name, o->buffer_size, LINE,
				VIONET_FRAME_MAX + LINE);
	if (o->access != VIONET_DEVICE_READS && o->access != VIONET_DEVICE_WRITES)
		return vn_error(EINVAL, "%s: pool: access %d is neither "
				"VIONET_DEVICE_READS nor VIONET_DEVICE_WRITES",
				device->name, (int)o->access);
	return 0;
}

/* Buffers in memory that the application registered. */
static int pool_use_registered(struct vionet_pool *pool,
			       const struct vionet_pool_options *o, size_t size)
{
	struct vionet_memory *m = o->memory;

	if (m->device != pool->device)
		return vn_error(EINVAL, "%s: pool: the memory is registered with "
				"another device", pool->device->name);
	if (m->read_only)
		return vn_error(EINVAL, "%s: pool: the memory is mapped for reading "
				"only, and headers are written in front of frames",
				pool->device->name);
	if (m->access < pool->access)
		return vn_error(EINVAL, "%s: pool: the device may write to its "
				"packets, but only read the memory; register it "
				"with VIONET_DEVICE_WRITES", pool->device->name);
	if (o->memory_offset % LINE != 0 || o->memory_offset > m->memory.size ||
	    m->memory.size - o->memory_offset < size)
		return vn_error(EINVAL, "%s: pool: %u packets of %u bytes need "
				"%zu bytes at an offset that is a multiple of 64; "
				"the memory has %zu bytes, the offset is %zu",
				pool->device->name, pool->count, pool->stride,
				size, m->memory.size, o->memory_offset);
	__atomic_add_fetch(&m->users, 1, __ATOMIC_RELAXED);
	pool->memory = m;
	pool->base = (uint8_t *)m->memory.address + o->memory_offset;
	return 0;
}

static int pool_take_memory(struct vionet_pool *pool,
			    const struct vionet_pool_options *o)
{
	struct vionet_device *device = pool->device;
	size_t size = (size_t)pool->stride * pool->count;
	int result;

	if (o->memory) {
		result = pool_use_registered(pool, o, size);
	} else {
		result = vn_device_memory_alloc(
			device, size, pool->access,
			device->flags & VIONET_OPEN_NO_HUGEPAGES ? VN_FOR_ANY : VN_FOR_MUCH,
			&pool->memory);
		if (result)
			return vn_error_prefix(result, "%s: pool of %u packets",
					       device->name, pool->count);
		pool->own_memory = true;
		pool->base = pool->memory->memory.address;
	}
	return result;
}

static void pool_release_memory(struct vionet_pool *pool)
{
	if (!pool->memory)
		return;
	if (pool->own_memory)
		vn_device_memory_free(pool->memory);
	else
		__atomic_sub_fetch(&pool->memory->users, 1, __ATOMIC_RELEASE);
}

static void pool_fill(struct vionet_pool *pool)
{
	vn_pool_set_addresses(pool);
	for (uint32_t i = 0; i < pool->count; i++) {
		struct vionet_packet *packet = &pool->packets[i];

		packet->pool = pool;
		vn_packet_reset(packet);
		/* Lowest on top: the first burst walks memory forwards. */
		pool->free[pool->count - 1 - i] = packet;
	}
	pool->available = pool->count;
}

uint32_t vn_pool_stride(uint32_t buffer_size)
{
	if (buffer_size == 0)
		return STRIDE_DEFAULT;
	return (VIONET_HEADROOM + buffer_size + LINE - 1) & ~(LINE - 1);
}

static void pool_link(struct vionet_pool *pool)
{
	pool->next = pool->device->pools;
	pool->device->pools = pool;
}

static void pool_free(struct vionet_pool *pool)
{
	free(pool->free);
	free(pool->packets);
	free(pool->attachments);
	free(pool->user);
	free(pool);
}

int vionet_pool_create(struct vionet_device *device,
		       const struct vionet_pool_options *options,
		       struct vionet_pool **pool)
{
	struct vionet_pool_options o;
	struct vionet_pool *p;
	int result;

	*pool = NULL;
	result = pool_set_defaults(device, options, &o);
	if (result)
		return result;
	p = vn_alloc_lines(1, sizeof(*p));
	if (!p)
		return vn_error(ENOMEM, "%s: pool: no memory", device->name);
	p->device = device;
	p->count = o.count;
	p->buffer_size = o.buffer_size;
	p->stride = vn_pool_stride(o.buffer_size);
	p->stride_lines = p->stride / LINE;
	p->access = o.access == VIONET_DEVICE_READS ? VN_DEVICE_READS :
						      VN_DEVICE_WRITES;
	p->free = vn_alloc_lines(p->count, sizeof(*p->free));
	p->packets = vn_alloc_lines(p->count, sizeof(*p->packets));
	p->user = calloc(p->count, sizeof(*p->user));
	if (!p->free || !p->packets || !p->user)
		result = vn_error(ENOMEM, "%s: pool: no memory for %u packets",
				  device->name, p->count);
	else
		result = pool_take_memory(p, &o);
	if (result) {
		pool_free(p);
		return result;
	}
	pool_fill(p);
	pool_link(p);
	*pool = p;
	return 0;
}

int vn_pool_create_empty(struct vionet_device *device, struct vionet_pool **pool)
{
	struct vionet_pool *p = vn_alloc_lines(1, sizeof(*p));

	*pool = NULL;
	if (!p)
		return vn_error(ENOMEM, "%s: pool: no memory", device->name);
	p->device = device;
	p->buffer_size = STRIDE_DEFAULT - VIONET_HEADROOM;
	p->stride = STRIDE_DEFAULT;
	p->stride_lines = p->stride / LINE;
	p->access = VN_DEVICE_READS;
	pool_link(p);
	*pool = p;
	return 0;
}

void vn_pool_destroy_forced(struct vionet_pool *pool)
{
	struct vionet_pool **at = &pool->device->pools;

	while (*at != pool)
		at = &(*at)->next;
	*at = pool->next;
	for (uint32_t i = 0; i < pool->count; i++) {
		if (pool->packets[i].state & VN_PACKET_ATTACHED)
			vn_packet_detach(&pool->packets[i]);
		vn_packet_unpoison(&pool->packets[i]);
	}
	vn_pool_unshare(pool);
	pool_release_memory(pool);
	pool_free(pool);
}

int vionet_pool_destroy(struct vionet_pool *pool)
{
	struct vionet_device *device;

	if (!pool)
		return 0;
	device = pool->device;
	if (pool->own)
		return vn_error(EBUSY, "%s: pool: it belongs to the device, which "
				"releases it when it stops", device->name);
	if (pool->queues != 0)
		return vn_error(EBUSY, "%s: pool: %u queues take packets from it; "
				"stop the device first", device->name,
				pool->queues);
	if (pool->available != pool->count)
		return vn_error(EBUSY, "%s: pool: %u of its %u packets are still "
				"with the application or the device%s",
				device->name, pool->count - pool->available,
				pool->count, device->quarantine ?
				", which did not acknowledge its reset; start or "
				"close it first" : "");
	vn_pool_destroy_forced(pool);
	return 0;
}

uint32_t vionet_pool_available(const struct vionet_pool *pool)
{
	return pool->available;
}

uint32_t vionet_pool_buffer_size(const struct vionet_pool *pool)
{
	return pool->buffer_size;
}

int vionet_packet_attach(struct vionet_packet *packet,
			 struct vionet_memory *memory, void *frame,
			 uint32_t length, vionet_release_fn *release,
			 void *context)
{
	struct vionet_pool *pool = packet->pool;
	size_t offset = (size_t)((uint8_t *)frame -
				 (uint8_t *)memory->memory.address);
	struct vn_reach unused;

	if (packet->state != VN_PACKET_APPLICATION || packet->length != 0)
		return vn_error(EINVAL, "attach: the packet is not fresh");
	if (!vn_pool_reach(pool, memory->device, &unused) ||
	    (uint8_t *)frame < (uint8_t *)memory->memory.address ||
	    offset > memory->memory.size || memory->memory.size - offset < length)
		return vn_error(EINVAL, "attach: %u bytes at %p are not inside the "
				"registered memory", length, frame);
	if (length < VIONET_FRAME_MIN || length > VIONET_FRAME_MAX)
		return vn_error(EINVAL, "attach: a frame of %u bytes; %d to %d are "
				"possible", length, VIONET_FRAME_MIN,
				VIONET_FRAME_MAX);
	if (!pool->attachments)
		pool->attachments = calloc(pool->count,
					   sizeof(*pool->attachments));
	if (!pool->attachments)
		return vn_error(ENOMEM, "attach: no memory");
	*vn_packet_attachment(packet) = (struct vn_attachment){
		.memory = memory,
		.frame = frame,
		.release = release,
		.context = context,
	};
	__atomic_add_fetch(&memory->users, 1, __ATOMIC_RELAXED);
	packet->state |= VN_PACKET_ATTACHED;
	packet->data = frame;
	packet->length = length;
	return 0;
}
