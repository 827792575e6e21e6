/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests about the front end's memory: regions of files. Never maps what a file does not have. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "softnic/vhost_user/internal.h"

/* ---- one region ---- */

static const char *memory_why(int error)
{
	switch (error) {
	case -EEXIST:
		return "it overlaps another one";
	case -EINVAL:
		return "address, size and offset are multiples of a page, and the descriptor is a "
		       "file's";
	case -ERANGE:
		return "its file ends before it";
	case -ENOSPC:
		return "there are too many";
	default:
		return strerror(-error);
	}
}

/* Addresses of the front end's that two regions have name none. */
static bool memory_user_overlaps(const struct vhost_user *v, const struct memory_region *r)
{
	for (unsigned int i = 0; i < v->slots; i++)
		if (v->slot[i].user_address - r->user_address < r->size ||
		    r->user_address - v->slot[i].user_address < v->slot[i].size)
			return true;
	return false;
}

/* The protocol has no word for memory that the device only reads: a front end that means it
 * seals the file, and then a map for writing fails. */
static unsigned int memory_permits(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals >= 0 && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return DEVICE_READS;
	return DEVICE_READS | DEVICE_WRITES;
}

static int memory_add(struct device *device, const struct vhost_call *call,
		      const struct memory_region *r, int fd)
{
	struct vhost_user *v = device->vhost_user;
	const struct region region = { .iova = r->guest_address, .size = r->size, .permits = memory_permits(fd) };
	int result = -ENOSPC;

	if (memory_user_overlaps(v, r))
		result = -EEXIST;
	else if (v->slots < MEMORY_SLOTS)
		result = dma_map(device, &region, fd, r->offset);
	if (result < 0)
		return vhost_refuse(device, call,
				    "the region of 0x%" PRIx64 " bytes at 0x%" PRIx64
				    " (offset 0x%" PRIx64 "): %s",
				    r->size, r->guest_address, r->offset, memory_why(result));
	v->slot[v->slots++] = *r;
	trace(device, "MAP 0x%" PRIx64 " 0x%" PRIx64 " %s", r->guest_address, r->size,
	      region.permits & DEVICE_WRITES ? "rw" : "r");
	return 0;
}

/* ---- requests ---- */

static int memory_replace(struct device *device, struct vhost_call *call,
			  const struct memory_table *table)
{
	vhost_memory_forget(device);
	for (uint32_t i = 0; i < table->count; i++)
		if (memory_add(device, call, &table->region[i], call->fds[i]) < 0)
			return -1;
	return 0;
}

int vhost_set_mem_table(struct device *device, struct vhost_call *call)
{
	struct memory_table table = { 0 };
	int result;

	memcpy(&table, call->data, call->header.size);
	if (table.count > TABLE_REGIONS ||
	    call->header.size < 8 + table.count * sizeof(struct memory_region))
		return vhost_refuse(device, call, "%u regions in %u bytes", table.count,
				    call->header.size);
	if (call->fd_count != table.count)
		return vhost_refuse(device, call, "%u descriptors for %u regions",
				    call->fd_count, table.count);
	device->vhost_user->replacing = true;
	result = memory_replace(device, call, &table);
	if (result < 0)
		vhost_memory_forget(device);
	device->vhost_user->replacing = false;
	vhost_rings_readdress(device);
	return result;
}

int vhost_get_mem_slots(struct device *device, struct vhost_call *call)
{
	(void)device;
	return vhost_reply_number(call, MEMORY_SLOTS);
}

int vhost_add_region(struct device *device, struct vhost_call *call)
{
	struct memory_single single;

	memcpy(&single, call->data, sizeof(single));
	if (call->fd_count != 1)
		return vhost_refuse(device, call, "%u descriptors, it has one", call->fd_count);
	return memory_add(device, call, &single.region, call->fds[0]);
}

static struct memory_region *memory_find(struct vhost_user *v, const struct memory_region *r)
{
	for (unsigned int i = 0; i < v->slots; i++)
		if (v->slot[i].guest_address == r->guest_address &&
		    v->slot[i].size == r->size && v->slot[i].user_address == r->user_address)
			return &v->slot[i];
	return NULL;
}

/* A descriptor may come along, as older front ends do it. */
int vhost_remove_region(struct device *device, struct vhost_call *call)
{
	struct vhost_user *v = device->vhost_user;
	struct memory_single single;
	struct memory_region *found;

	memcpy(&single, call->data, sizeof(single));
	found = memory_find(v, &single.region);
	if (found == NULL)
		return vhost_refuse(device, call,
				    "no region of 0x%" PRIx64 " bytes is at 0x%" PRIx64,
				    single.region.size, single.region.guest_address);
	*found = v->slot[--v->slots];
	vhost_rings_readdress(device);
	(void)dma_unmap(device, single.region.guest_address, single.region.size);
	trace(device, "UNMAP 0x%" PRIx64 " 0x%" PRIx64, single.region.guest_address,
	      single.region.size);
	return 0;
}
