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
	return vn_regions_open(&t->regions, vhu_range, PAGE);
}

/* ---- the back end's table ---- */

static struct vhost_user_region vhu_region_layout(const struct vn_dma_region *r)
{
	return (struct vhost_user_region){
		.guest_address = r->iova,
		.size = r->size,
		.user_address = r->iova,
		.mmap_offset = r->offset,
	};
}

static int vhu_send_region(struct vn_vhost_user *t, uint32_t request,
			   const struct vn_dma_region *region)
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

	for (uint32_t i = 0; i < t->regions.count && result == 0; i++) {
		struct vn_dma_region *region = &t->regions.region[i];

		if (region->seen)
			continue;
		result = vhu_send_region(t, VHOST_USER_ADD_MEM_REG, region);
		region->seen = result == 0;
	}
	return result;
}

/* Add a region to a message of the whole table. */
static int vhu_put_region(struct vn_vhost_user_message *message,
			  const struct vn_dma_region *region)
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

	for (uint32_t i = 0; i < t->regions.count && result == 0; i++)
		result = vhu_put_region(&message, &t->regions.region[i]);
	if (result == 0)
		result = vn_vhost_user_request(t, &message);
	for (uint32_t i = 0; i < t->regions.count; i++)
		t->regions.region[i].seen = result == 0;
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
	if (t->regions.count >= t->region_max)
		return vn_error(ENOSPC, "vhost-user: the back end takes no more than "
				"%u memory regions; use fewer pools, or fewer "
				"queues", t->region_max);
	return 0;
}

/* Take a region out of our table, and its address with it. While rings run the back end
 * gets the change at once; if it refuses, all stays as it was. A session that ends over
 * it knows of no memory. */
static int vhu_drop_region(struct vn_vhost_user *t, struct vn_dma_region *region)
{
	const struct vn_dma_region taken = vn_regions_take(&t->regions, region);
	int result = 0;

	if (vn_vhost_user_rings_run(t))
		result = vn_vhost_user_regions_send(t);
	if (result && t->fd >= 0) {
		vn_regions_put_back(&t->regions, &taken);
		return result;
	}
	vn_regions_release(&t->regions, &taken);
	return 0;
}

int vn_vhost_user_memory_add(struct vn_transport *transport,
			     const struct vn_memory *memory,
			     enum vn_access access, uint64_t *iova)
{
	struct vn_vhost_user *t = vn_vhost_user(transport);
	struct vn_dma_region *region;
	int result = vhu_check_memory(t, memory);

	*iova = 0;
	if (result == 0)
		result = vn_memory_seal(memory);
	if (result == 0 && t->name.read_only && access == VN_DEVICE_READS)
		result = vhu_seal(memory);
	if (result == 0)
		result = vn_regions_add(&t->regions, memory, access, &region);
	if (result)
		return result;
	*iova = region->iova;
	t->table_unsent = true;
	/* Before the rings run, one message for all regions will do. */
	if (!vn_vhost_user_rings_run(t))
		return 0;
	result = vn_vhost_user_regions_send(t);
	if (result) {
		vn_regions_remove(&t->regions, region);
		*iova = 0;
	}
	return result;
}

/* A removal is sent to the back end at once where single regions can be sent or the
 * rings run, else with the next table. */
static int vhu_withdraw(struct vn_vhost_user *t,
			const struct vn_dma_region *region)
{
	if (t->fd < 0 || !region->seen)
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
	struct vn_dma_region *region = vn_regions_find(&t->regions, iova);
	int result;

	if (!region)
		return -ENOENT;
	result = vhu_withdraw(t, region);
	/* A session that has ended knows of no memory. */
	if (result && t->fd >= 0)
		return result;
	return vhu_drop_region(t, region);
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
	};
	vn_regions_limits(&t->regions, &limits->memory);
	limits->memory.page_sizes |= HUGEPAGE;
	limits->memory.mappings_left = t->region_max > t->regions.count ? t->region_max - t->regions.count : 0;
	return 0;
}
