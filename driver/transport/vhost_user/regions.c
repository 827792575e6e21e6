/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory table of a vhost-user device: which regions there are, at which addresses,
 * and that the back end knows the same. The back end never gets an address of this
 * process: what the protocol calls a user address, and uses for the rings, is only a key
 * into the table, and the IOVA serves for it too.
 *
 * Source: "Memory access", SET_MEM_TABLE, ADD_MEM_REG, REM_MEM_REG.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "driver/transport/vhost_user/internal.h"

/* Linux 5.1 */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x0010
#endif

#define PAGE 4096u
#define HUGEPAGE (2u << 20)

/* Far from 0 and from small numbers: what was cut to 32 bits is found nowhere. */
static const struct vn_iova_range vhu_range = { 1ull << 32, (1ull << 46) - 1 };

int vn_vhost_user_memory_open(struct vn_vhost_user *t)
{
	return vn_iova_space_create(&vhu_range, 1, PAGE, &t->space);
}

void vn_vhost_user_memory_close(struct vn_vhost_user *t)
{
	vn_iova_space_destroy(t->space);
	free(t->region);
}

/* ---- the back end's table ---- */

static struct vhost_user_region vhu_region_layout(const struct vn_vhost_user_region *r)
{
	return (struct vhost_user_region){
		.guest_address = r->iova,
		.size = r->size,
		.user_address = r->iova,
		.mmap_offset = r->offset,
	};
}

static int vhu_send_region(struct vn_vhost_user *t, uint32_t request,
			   const struct vn_vhost_user_region *region)
{
	struct vn_vhost_user_message message = {
		.header = { .request = request,
			    .size = sizeof(struct vhost_user_single_region) },
		.payload.single.region = vhu_region_layout(region),
	};

	/* No descriptor goes with a removal. */
	if (request == VHOST_USER_ADD_MEM_REG)
		message.fd[message.fd_count++] = region->fd;
	return vn_vhost_user_request(t, &message);
}

static int vhu_add_regions(struct vn_vhost_user *t)
{
	int result = 0;

	for (uint32_t i = 0; i < t->region_count && result == 0; i++) {
		struct vn_vhost_user_region *region = &t->region[i];

		if (region->shared)
			continue;
		result = vhu_send_region(t, VHOST_USER_ADD_MEM_REG, region);
		region->shared = result == 0;
	}
	return result;
}

/* Add a region to a message of the whole table. */
static int vhu_put_region(struct vn_vhost_user_message *message,
			  const struct vn_vhost_user_region *region)
{
	struct vhost_user_table *table = &message->payload.table;

	if (table->count >= VHOST_USER_REGIONS_MAX)
		return vn_error(ENOSPC, "vhost-user: a table has %u memory regions "
				"at most", VHOST_USER_REGIONS_MAX);
	message->fd[message->fd_count++] = region->fd;
	table->region[table->count++] = vhu_region_layout(region);
	message->header.size = (uint32_t)(
		offsetof(struct vhost_user_table, region) +
		table->count * sizeof(table->region[0]));
	return 0;
}

/* The whole table at once. */
static int vhu_send_table(struct vn_vhost_user *t)
{
	struct vn_vhost_user_message message = {
		.header = { .request = VHOST_USER_SET_MEM_TABLE,
			    .size = offsetof(struct vhost_user_table, region) },
	};
	int result = 0;

	for (uint32_t i = 0; i < t->region_count && result == 0; i++)
		result = vhu_put_region(&message, &t->region[i]);
	if (result == 0)
		result = vn_vhost_user_request(t, &message);
	for (uint32_t i = 0; i < t->region_count; i++)
		t->region[i].shared = result == 0;
	return result;
}

int vn_vhost_user_regions_send(struct vn_vhost_user *t)
{
	int result;

	if (!t->table_unsent)
		return 0;
	if (vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS))
		result = vhu_add_regions(t);
	else
		result = vhu_send_table(t);
	if (result == 0)
		result = vn_vhost_user_sync(t);
	if (result)
		return result;
	t->table_unsent = false;
	return vn_vhost_user_rings_readdress(t);
}

/* ---- our table ---- */

/* No process that gets the descriptor may map it for writing from now on. Our own mapping
 * stays as it is. */
static int vhu_seal(const struct vn_memory *memory)
{
	if (memory->keep_writable)
		return vn_error(ENOTSUP, "vhost-user: ',read-only' cannot be kept for "
				"memory that others write to; leave it out");
	if (fcntl(memory->fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0)
		return 0;
	return vn_error_errno(errno, "vhost-user: seal memory that the back end "
			      "must not write to (leave out ',read-only')");
}

static int vhu_check_memory(const struct vn_vhost_user *t,
			    const struct vn_memory *memory)
{
	if (memory->fd < 0)
		return vn_error(ENOTSUP, "vhost-user: memory that has only an address "
				"cannot be shared with a back end; register it with "
				"its file: vionet_memory_register_fd");
	if (t->region_count >= t->region_max)
		return vn_error(ENOSPC, "vhost-user: the back end takes no more than "
				"%u memory regions; use fewer pools, or fewer "
				"queues", t->region_max);
	return 0;
}

static int vhu_make_room(struct vn_vhost_user *t)
{
	uint32_t room = t->region_room + VHOST_USER_REGIONS_MAX;
	struct vn_vhost_user_region *region;

	if (t->region_count < t->region_room)
		return 0;
	region = reallocarray(t->region, room, sizeof(*region));
	if (!region)
		return vn_error(ENOMEM, "no memory");
	t->region = region;
	t->region_room = room;
	return 0;
}

/* Take a region out of our table, and its address with it. While rings run the back end
 * gets the change at once; if it refuses, all stays as it was. A session that ends over
 * it knows of no memory. */
static int vhu_drop_region(struct vn_vhost_user *t, uint32_t index)
{
	struct vn_vhost_user_region region = t->region[index];
	int result = 0;

	t->region[index] = t->region[--t->region_count];
	if (vn_vhost_user_rings_run(t))
		result = vn_vhost_user_regions_send(t);
	if (result && t->fd >= 0) {
		t->region[t->region_count++] = region;
		return result;
	}
	t->mapped_bytes -= region.size;
	(void)vn_iova_free(t->space, region.iova);
	return 0;
}

int vn_vhost_user_memory_add(struct vn_transport *transport,
			     const struct vn_memory *memory,
			     enum vn_access access, uint64_t *iova)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	int result = vhu_check_memory(t, memory);

	*iova = 0;
	if (result == 0)
		result = vhu_make_room(t);
	if (result == 0)
		result = vn_memory_seal(memory);
	if (result == 0 && t->name.read_only && access == VN_DEVICE_READS)
		result = vhu_seal(memory);
	if (result == 0)
		result = vn_iova_alloc(t->space, memory->size, memory->page_size,
				       iova);
	if (result)
		return result;
	t->region[t->region_count++] = (struct vn_vhost_user_region){
		.iova = *iova,
		.size = memory->size,
		.fd = memory->fd,
		.offset = memory->offset,
	};
	t->mapped_bytes += memory->size;
	t->table_unsent = true;
	/* Before the rings run, one message for all regions will do. */
	if (!vn_vhost_user_rings_run(t))
		return 0;
	result = vn_vhost_user_regions_send(t);
	if (result) {
		t->mapped_bytes -= memory->size;
		(void)vn_iova_free(t->space, *iova);
		t->region_count--;
		*iova = 0;
	}
	return result;
}

/* A removal is sent to the back end at once where single regions can be sent or the
 * rings run, else with the next table. */
static int vhu_withdraw(struct vn_vhost_user *t,
			const struct vn_vhost_user_region *region)
{
	if (t->fd < 0 || !region->shared)
		return 0;
	if (vn_vhost_user_has(t, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS)) {
		int result = vhu_send_region(t, VHOST_USER_REM_MEM_REG, region);

		return result ? result : vn_vhost_user_rings_readdress(t);
	}
	t->table_unsent = true;
	return 0;
}

int vn_vhost_user_memory_remove(struct vn_transport *transport, uint64_t iova)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	uint32_t i = 0;
	int result;

	while (i < t->region_count && t->region[i].iova != iova)
		i++;
	if (i == t->region_count)
		return vn_error(ENOENT, "vhost-user: there is no memory at %#" PRIx64,
				iova);
	result = vhu_withdraw(t, &t->region[i]);
	/* A session that has ended knows of no memory. */
	if (result && t->fd >= 0)
		return result;
	return vhu_drop_region(t, i);
}

/* The table confines the device: a back end has no other memory of ours. */
int vn_vhost_user_limits(struct vn_transport *transport,
			 struct vn_transport_limits *limits)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);

	*limits = (struct vn_transport_limits){
		.config_size = t->config_size,
		.queue_count = vn_vhost_user_queue_count(t),
		.vector_max = vn_vhost_user_vector_max(t),
		.region_max = t->region_max,
		.pairs_enabled = t->pairs_max,
		.confined = true,
		.memory = {
			.page_sizes = PAGE | HUGEPAGE,
			.page_size = PAGE,
			.mappings = t->region_count,
			.mappings_left = t->region_max > t->region_count ?
						 t->region_max - t->region_count : 0,
			.mapped_bytes = t->mapped_bytes,
			.range_count = 1,
			.range = { vhu_range },
		},
	};
	return 0;
}
