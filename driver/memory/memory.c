/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The list of memory that a device can reach, and the rule for releasing it: never
 * while the device might still write to it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/memory/memory.h"

void vn_memory_link(struct vionet_device *device, struct vionet_memory *m)
{
	m->device = device;
	m->next = device->memories;
	device->memories = m;
}

static void memory_unlink(struct vionet_memory *m)
{
	struct vionet_memory **at = &m->device->memories;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
}

/* Where regions are few they are shared: the first one has this size, ... */
#define WHOLE_SIZE ((size_t)4 << 20)
/* ... and none that is shared has more. */
#define WHOLE_MAX ((size_t)256 << 20)

int vn_device_memory_alloc_whole(struct vionet_device *device, size_t size,
				 enum vn_access access, enum vn_memory_use use,
				 struct vionet_memory **memory)
{
	struct vn_transport *transport = device->transport;
	struct vionet_memory *m = calloc(1, sizeof(*m));
	int result;

	*memory = NULL;
	if (!m)
		return vn_error(ENOMEM, "no memory");
	m->access = access;
	if (device->limits.memory.contiguous != 0)
		result = vn_memory_alloc_huge(size, &m->memory);
	else
		result = vn_memory_alloc(size, (use & VN_FOR_MUCH) != 0, &m->memory);
	m->memory.control = (use & VN_FOR_CONTROL) != 0;
	if (result == 0) {
		result = transport->ops->memory_add(transport, &m->memory,
						    access, &m->iova);
		if (result)
			vn_memory_free(&m->memory);
	}
	if (result) {
		free(m);
		return result;
	}
	vn_memory_link(device, m);
	*memory = m;
	return 0;
}

/* The lowest place in a whole that no part of it takes; beyond its end: there is none. */
static size_t memory_find_room(const struct vionet_memory *whole, size_t size)
{
	const struct vionet_memory *m = whole->device->memories;
	size_t at = 0;

	while (m && at + size <= whole->memory.size) {
		size_t begin = (size_t)(m->iova - whole->iova);

		if (m->whole != whole || begin + m->memory.size <= at ||
		    begin >= at + size) {
			m = m->next;
			continue;
		}
		at = begin + m->memory.size;
		m = whole->device->memories; /* others may be in the way there */
	}
	return at;
}

/* A region with room for another part, of the same access; each new one is twice as
 * large as the last, so that a few are enough for any number of queues. */
static int memory_find_whole(struct vionet_device *device, size_t size,
			     enum vn_access access, enum vn_memory_use use,
			     struct vionet_memory **whole, size_t *at)
{
	size_t contiguous = (size_t)device->limits.memory.contiguous;
	size_t least = contiguous != 0 ? contiguous : WHOLE_SIZE;

	for (struct vionet_memory *m = device->memories; m; m = m->next) {
		if (m->parts == 0 || m->access != access)
			continue;
		*whole = m;
		*at = memory_find_room(m, size);
		if (*at + size <= m->memory.size)
			return 0;
		if (contiguous == 0 && least <= m->memory.size && m->memory.size <= WHOLE_MAX / 2)
			least = 2 * m->memory.size;
	}
	*at = 0;
	return vn_device_memory_alloc_whole(device, size > least ? size : least,
					    access, use, whole);
}

/* Parts begin on pages of their own, wherever there is room; a whole goes with its last
 * part. */
static int memory_alloc_part(struct vionet_device *device, size_t size,
			     enum vn_access access, enum vn_memory_use use,
			     struct vionet_memory **memory)
{
	struct vionet_memory *m = calloc(1, sizeof(*m));
	size_t page = (size_t)device->limits.memory.page_size, at;
	struct vionet_memory *whole;
	int result;

	*memory = NULL;
	if (!m)
		return vn_error(ENOMEM, "no memory");
	size = (size + page - 1) & ~(page - 1);
	result = memory_find_whole(device, size, access, use, &whole, &at);
	if (result) {
		free(m);
		return result;
	}
	m->access = access;
	m->whole = whole;
	m->iova = whole->iova + at;
	m->memory = (struct vn_memory){
		.address = (uint8_t *)whole->memory.address + at,
		.size = size,
		.page_size = whole->memory.page_size,
		.fd = -1,
	};
	if (at < whole->used)
		memset(m->memory.address, 0, size);
	if (whole->used < at + size)
		whole->used = at + size;
	whole->parts++;
	vn_memory_link(device, m);
	*memory = m;
	return 0;
}

int vn_device_memory_alloc(struct vionet_device *device, size_t size,
			   enum vn_access access, enum vn_memory_use use,
			   struct vionet_memory **memory)
{
	if (device->limits.region_max != 0 && size != 0 &&
	    size <= WHOLE_MAX)
		return memory_alloc_part(device, size, access, use, memory);
	return vn_device_memory_alloc_whole(device, size, access, use, memory);
}

/* Has the device released what was completed? A running one has; one that was
 * reset too; not one that failed to acknowledge it. */
static bool memory_trustworthy(const struct vionet_device *device)
{
	return device->quiesced || (device->started && !device->broken);
}

/* Leave the ring of twins. Returns whether no other device has the mapping. */
static bool memory_leave_twins(struct vionet_memory *m)
{
	struct vionet_memory *before = m->twin;

	if (!before)
		return true;
	while (before->twin != m)
		before = before->twin;
	before->twin = m->twin == before ? NULL : m->twin;
	return false;
}

void vn_registration_release(struct vionet_memory *m)
{
	if (m->mapped_here)
		munmap(m->memory.address, m->memory.size);
	if (m->memory.fd >= 0)
		close(m->memory.fd);
	m->memory.fd = -1;
}

/* A part has no file of its own, and so vn_memory_free leaves it alone. */
void vn_memory_dispose(struct vionet_memory *m)
{
	memory_unlink(m);
	if (!memory_leave_twins(m)) {
		if (m->memory.fd >= 0)
			close(m->memory.fd);
	} else if (!m->external) {
		vn_memory_free(&m->memory);
	} else if (m->memory.fd >= 0) {
		vn_registration_release(m);
	}
	free(m);
}

/* Returns whether it is gone; a failed unmapping means that the device may still
 * get there. */
static bool memory_release(struct vionet_memory *m)
{
	struct vionet_device *device = m->device;
	struct vionet_memory *whole = m->whole;

	if (!memory_trustworthy(device))
		return false;
	if (!whole &&
	    device->transport->ops->memory_remove(device->transport, m->iova))
		return false;
	/* What lies there now is nobody's. The region may stay, and another peer come. */
	if (whole)
		memset(m->memory.address, 0, m->memory.size);
	vn_memory_dispose(m);
	if (whole && --whole->parts == 0)
		vn_device_memory_free(whole);
	return true;
}

void vn_device_memory_free(struct vionet_memory *m)
{
	struct vionet_device *device;

	if (!m)
		return;
	device = m->device;
	if (memory_release(m))
		return;
	m->quarantined = true;
	device->quarantined++;
}

void vn_device_memory_sweep(struct vionet_device *device)
{
	struct vionet_memory *m = device->memories;

	while (m) {
		if (!m->quarantined || !memory_release(m)) {
			m = m->next;
			continue;
		}
		/* With the last part its whole went, which may be the next one. */
		device->quarantined--;
		m = device->memories;
	}
}

void vn_device_memory_abandon(struct vionet_device *device)
{
	while (device->memories)
		vn_memory_dispose(device->memories);
}
