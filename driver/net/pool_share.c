/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pools that several devices see, each at an address of its own. Nothing is looked up for a
 * packet: a queue looks a pool up once for a run of its packets.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/memory/memory.h"
#include "driver/net/pool.h"

/* Another device that sees a pool. */
struct vn_share {
	struct vionet_pool *pool;
	struct vionet_device *device;
	struct vionet_memory *memory; /* the device's */
	enum vn_access access;
	struct vn_share *next;		 /* of the pool */
	struct vn_share *next_of_device;
};

static uint64_t share_offset_in(const struct vionet_memory *memory)
{
	return memory->iova - (uint64_t)(uintptr_t)memory->memory.address;
}

bool vn_pool_reach(const struct vionet_pool *pool, const struct vionet_device *device,
		   struct vn_reach *reach)
{
	const struct vn_share *share = pool->shares;

	if (pool->device == device) {
		*reach = (struct vn_reach){ pool->iova_offset, pool->access };
		return true;
	}
	while (share && share->device != device)
		share = share->next;
	if (share)
		*reach = (struct vn_reach){ share_offset_in(share->memory),
					    share->access };
	return share != NULL;
}

/* ---- what packets held ---- */

void vn_pool_wipe(struct vionet_pool *pool)
{
	for (uint32_t i = 0; i < pool->available; i++)
		memset(pool->free[i]->buffer, 0, pool->stride);
}

void vn_pools_wipe(struct vionet_device *device)
{
	for (struct vionet_pool *pool = device->pools; pool; pool = pool->next)
		if (!pool->shares)
			vn_pool_wipe(pool);
}

/* ---- sharing ---- */

static int share_check(const struct vionet_pool *pool,
		       const struct vionet_device *device, enum vionet_access access)
{
	struct vn_reach reach;

	if (access != VIONET_DEVICE_READS && access != VIONET_DEVICE_WRITES)
		return vn_error(EINVAL, "access %d is neither VIONET_DEVICE_READS nor "
				"VIONET_DEVICE_WRITES", (int)access);
	if (pool->own)
		return vn_error(EINVAL, "the pool is released when %s stops; share one "
				"of vionet_pool_create", pool->device->name);
	if (vn_pool_reach(pool, device, &reach))
		return vn_error(EALREADY, "the device sees the pool already");
	if ((enum vn_access)access > pool->access)
		return vn_error(EINVAL, "the pool was made for transmitting only; make "
				"it with VIONET_DEVICE_WRITES");
	return 0;
}

/*
 * Pools of a vhost-user device lie in regions that they share with its rings, and what
 * another process is given it sees all of: such a pool gets a region of its own first.
 */
static int share_leave_shared_region(struct vionet_pool *pool)
{
	struct vionet_device *device = pool->device;
	struct vionet_memory *memory;
	int result;

	if (!pool->own_memory || !pool->memory->whole)
		return 0;
	if (pool->queues != 0 || pool->available != pool->count)
		return vn_error(EBUSY, "the pool is in use; share it before");
	result = vn_device_memory_alloc_whole(
		device, (size_t)pool->stride * pool->count, pool->access,
		device->flags & VIONET_OPEN_NO_HUGEPAGES ? VN_FOR_ANY : VN_FOR_MUCH, &memory);
	if (result)
		return result;
	vn_device_memory_free(pool->memory);
	pool->memory = memory;
	pool->base = memory->memory.address;
	vn_pool_set_addresses(pool);
	return 0;
}

/* The pool's memory once more, in the device's books. It stays mapped here as long as one
 * of them has it. */
static int share_make_twin(const struct vionet_memory *of, enum vn_access access,
			   struct vionet_memory **twin)
{
	struct vionet_memory *m = calloc(1, sizeof(*m));
	int result;

	if (!m)
		return vn_error(ENOMEM, "no memory");
	m->memory = of->memory;
	m->access = access;
	m->external = of->external;
	m->mapped_here = of->mapped_here;
	m->read_only = of->read_only;
	if (of->access == VN_DEVICE_WRITES && access == VN_DEVICE_READS)
		m->memory.keep_writable = true;
	if (of->memory.fd >= 0)
		m->memory.fd = fcntl(of->memory.fd, F_DUPFD_CLOEXEC, 0);
	if (of->memory.fd >= 0 && m->memory.fd < 0) {
		result = vn_error_errno(errno, "duplicate its descriptor");
		free(m);
		return result;
	}
	*twin = m;
	return 0;
}

static int share_show(struct vn_share *share)
{
	struct vionet_memory *of = share->pool->memory, *m = NULL;
	struct vn_transport *transport = share->device->transport;
	int result = share_make_twin(of, share->access, &m);

	if (result)
		return result;
	result = transport->ops->memory_add(transport, &m->memory, share->access,
					    &m->iova);
	if (result) {
		if (m->memory.fd >= 0)
			close(m->memory.fd);
		free(m);
		return result;
	}
	m->twin = of->twin ? of->twin : of;
	of->twin = m;
	vn_memory_link(share->device, m);
	share->memory = m;
	return 0;
}

static int share_with(struct vionet_pool *pool, struct vionet_device *device,
		      enum vionet_access access)
{
	struct vn_share *share;
	int result = share_check(pool, device, access);

	if (result == 0)
		result = share_leave_shared_region(pool);
	if (result)
		return result;
	share = calloc(1, sizeof(*share));
	if (!share)
		return vn_error(ENOMEM, "no memory");
	share->pool = pool;
	share->device = device;
	share->access = (enum vn_access)access;
	if (pool->queues == 0 && pool->available == pool->count)
		vn_pool_wipe(pool);
	result = share_show(share);
	if (result) {
		free(share);
		return result;
	}
	share->next = pool->shares;
	pool->shares = share;
	share->next_of_device = device->shares;
	device->shares = share;
	return 0;
}

int vionet_pool_share(struct vionet_pool *pool, struct vionet_device *device,
		      enum vionet_access access)
{
	int result = share_with(pool, device, access);

	return result ? vn_error_prefix(result, "%s: share a pool", device->name) : 0;
}

/* ---- the end of it ---- */

/* Out of both lists. Its memory stays in the device's books. */
static void share_drop_share(struct vn_share *share)
{
	struct vn_share **at = &share->pool->shares;

	while (*at != share)
		at = &(*at)->next;
	*at = share->next;
	for (at = &share->device->shares; *at != share; at = &(*at)->next_of_device)
		;
	*at = share->next_of_device;
	free(share);
}

void vn_pool_unshare(struct vionet_pool *pool)
{
	while (pool->shares) {
		struct vionet_memory *memory = pool->shares->memory;

		share_drop_share(pool->shares);
		vn_device_memory_free(memory);
	}
}

void vn_shares_end(struct vionet_device *device)
{
	while (device->shares)
		share_drop_share(device->shares);
}

/* Frames of memory that goes with the device go too. */
static void share_detach_frames(struct vionet_pool *pool,
				const struct vionet_device *device)
{
	for (uint32_t i = 0; i < pool->count; i++) {
		struct vionet_packet *packet = &pool->packets[i];

		if ((packet->state & VN_PACKET_ATTACHED) &&
		    vn_packet_attachment(packet)->memory->device == device)
			vn_packet_detach(packet);
	}
}

/* Its first sharer becomes the one it belongs to. */
static void share_hand_over(struct vionet_pool *pool)
{
	struct vn_share *successor = pool->shares;
	struct vionet_device *device = successor->device;

	share_detach_frames(pool, pool->device);
	if (!pool->own_memory)
		__atomic_sub_fetch(&pool->memory->users, 1, __ATOMIC_RELEASE);
	pool->own_memory = true;
	pool->memory = successor->memory;
	pool->access = successor->access;
	pool->device = device;
	vn_pool_set_addresses(pool);
	pool->next = device->pools;
	device->pools = pool;
	share_drop_share(successor);
}

void vn_pools_hand_over(struct vionet_device *device)
{
	struct vionet_pool **at = &device->pools;

	while (*at) {
		struct vionet_pool *pool = *at;

		if (!pool->shares) {
			at = &pool->next;
			continue;
		}
		*at = pool->next;
		share_hand_over(pool);
	}
}
