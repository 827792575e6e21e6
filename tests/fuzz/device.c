/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "tests/fuzz/device.h"
#include "tests/fuzz/world.h"

enum { DRIVER_OK = 4,
       FEATURES_OK = 8 };
enum { F_EVENT_IDX = 29,
       F_PACKED = 34,
       F_IN_ORDER = 35,
       F_NOTIFICATION_DATA = 38,
       F_NOTIF_CONFIG_DATA = 39 };

static struct fuzz_device *dev_of(struct vn_transport *transport)
{
	return (struct fuzz_device *)transport;
}

/* Does this operation fail? The input counts them. */
static int dev_fails(struct fuzz_device *d)
{
	if (d->fail_after == 0 || --d->fail_after != 0)
		return 0;
	d->correct = false;
	return vn_error(d->fail_with, "an operation fails");
}

/* ---- memory ---- */

static struct fuzz_region *dev_region(struct fuzz_device *d, uint64_t address, size_t size)
{
	for (unsigned int i = 0; i < DEVICE_REGIONS; i++) {
		struct fuzz_region *r = &d->region[i];

		if (r->size != 0 && address >= r->iova && address - r->iova <= r->size &&
		    size <= r->size - (address - r->iova))
			return r;
	}
	return NULL;
}

static uint8_t *dev_at(void *context, uint64_t address, size_t size, bool write)
{
	struct fuzz_device *d = context;
	struct fuzz_region *r = dev_region(d, address, size);

	if (!r || (write && !r->writable)) {
		/* Whatever a device says, addresses are the driver's own. */
		FUZZ_CHECK(!d->correct);
		return NULL;
	}
	return r->as_device + (address - r->iova);
}

static int dev_memory_add(struct vn_transport *t, const struct vn_memory *memory, enum vn_access access,
			  uint64_t *iova)
{
	struct fuzz_device *d = dev_of(t);
	int result = dev_fails(d);

	if (result)
		return result;
	for (unsigned int i = 0; i < DEVICE_REGIONS; i++) {
		struct fuzz_region *r = &d->region[i];

		if (r->size != 0)
			continue;
		*r = (struct fuzz_region){
			.iova = d->next_iova,
			.size = memory->size,
			.as_device = fuzz_arena_offset(memory->address) < FUZZ_ARENA ? fuzz_arena_as_device(memory->offset) : memory->address,
			.writable = access == VN_DEVICE_WRITES,
		};
		d->next_iova += (memory->size + 8191) & ~(uint64_t)4095;
		*iova = r->iova;
		return 0;
	}
	return vn_error(ENOSPC, "no more regions");
}

static int dev_memory_remove(struct vn_transport *t, uint64_t iova)
{
	struct fuzz_device *d = dev_of(t);
	struct fuzz_region *r = dev_region(d, iova, 1);

	FUZZ_CHECK(r && r->iova == iova);
	/* A correct device that has the memory of a running queue. */
	for (unsigned int i = 0; i < DEVICE_QUEUES && d->correct; i++)
		FUZZ_CHECK(!d->queue[i].enabled || (d->queue[i].desc - iova >= r->size && d->queue[i].used - iova >= r->size));
	r->size = 0;
	return 0;
}

/* ---- registers ---- */

static int dev_features_read(struct vn_transport *t, struct vionet_features *offered)
{
	struct fuzz_device *d = dev_of(t);

	memcpy(offered->word, d->offered, sizeof(d->offered));
	return dev_fails(d);
}

static int dev_features_write(struct vn_transport *t, const struct vionet_features *accepted)
{
	struct fuzz_device *d = dev_of(t);

	for (unsigned int i = 0; i < 2; i++) {
		FUZZ_CHECK((accepted->word[i] & ~d->offered[i]) == 0 || !d->correct);
		d->accepted[i] = accepted->word[i];
	}
	return dev_fails(d);
}

static int dev_status_read(struct vn_transport *t, uint8_t *status)
{
	struct fuzz_device *d = dev_of(t);

	*status = d->status;
	return dev_fails(d);
}

static void dev_queue_off(struct fuzz_device *d, unsigned int index)
{
	struct model_queue *q = &d->queue[index];

	/* Ids are below the size. */
	if (q->size != 0)
		memset(q->count, 0, q->size * sizeof(*q->count));
	q->size = q->enabled = 0;
	q->seen = q->put = 0;
	q->seen_wrap = q->put_wrap = true;
	q->next_desc = q->in_flight = 0;
	q->taken_begin = q->taken_end = 0;
	d->held[index].begin = d->held[index].end = 0;
}

static void dev_forget(struct fuzz_device *d)
{
	for (unsigned int i = 0; i < DEVICE_QUEUES; i++)
		dev_queue_off(d, i);
}

static int dev_status_write(struct vn_transport *t, uint8_t status)
{
	struct fuzz_device *d = dev_of(t);

	if (status == 0) {
		if (!d->never_resets) {
			d->status = 0;
			dev_forget(d);
		}
	} else {
		d->status = (uint8_t)((status & ~d->stuck) | (d->status & d->stuck));
	}
	return dev_fails(d);
}

static int dev_health(struct vn_transport *t, uint8_t *status)
{
	return dev_status_read(t, status);
}

static int dev_config_read(struct vn_transport *t, const struct vn_config_field *fields, unsigned int count)
{
	struct fuzz_device *d = dev_of(t);

	for (unsigned int i = 0; i < count; i++) {
		FUZZ_CHECK(fields[i].offset + fields[i].width <= d->limits.config_size);
		memcpy(fields[i].value, d->config + fields[i].offset, fields[i].width);
	}
	return dev_fails(d);
}

static int dev_limits(struct vn_transport *t, struct vn_transport_limits *limits)
{
	*limits = dev_of(t)->limits;
	return 0;
}

static int dev_events(struct vn_transport *t, uint32_t *events)
{
	struct fuzz_device *d = dev_of(t);

	*events = d->events;
	d->events = 0;
	return dev_fails(d);
}

static int dev_close(struct vn_transport *t)
{
	dev_forget(dev_of(t));
	return 0;
}

/* ---- queues ---- */

static int dev_queue_max(struct vn_transport *t, unsigned int index, uint16_t *size)
{
	struct fuzz_device *d = dev_of(t);

	*size = index < d->limits.queue_count && index < DEVICE_QUEUES ? d->queue_max[index] : 0;
	return dev_fails(d);
}

static void dev_bell(struct fuzz_device *d, unsigned int index, struct vn_doorbell *bell)
{
	*bell = (struct vn_doorbell){
		.address = d->bell_kind == 0 ? &d->bell[index] : NULL,
		.fd = d->bell_kind == 2 ? d->bell_fd : -1,
		.value = index,
		.width = fuzz_device_accepted(d, F_NOTIFICATION_DATA) ? 4 : 2,
		.offset = index,
	};
}

static int dev_queue_setup(struct vn_transport *t, unsigned int index, uint16_t size, int *vector,
			   const struct vn_ring_areas *areas, struct vn_doorbell *doorbell)
{
	struct fuzz_device *d = dev_of(t);
	struct model_queue *q = &d->queue[index];
	bool packed = fuzz_device_accepted(d, F_PACKED);

	FUZZ_CHECK(index < DEVICE_QUEUES && size != 0);
	FUZZ_CHECK(size <= d->queue_max[index] || !d->correct);
	FUZZ_CHECK(!q->enabled || !d->correct);
	FUZZ_CHECK(d->status & FEATURES_OK || !d->correct);
	FUZZ_CHECK(packed || (size & (size - 1)) == 0 || !d->correct);
	FUZZ_CHECK((areas->descriptor.iova % 16 == 0 && areas->driver.iova % (packed ? 4 : 2) == 0 &&
		    areas->device.iova % 4 == 0) ||
		   !d->correct);
	dev_queue_off(d, index);
	q->size = size;
	q->desc = areas->descriptor.iova;
	q->avail = areas->driver.iova;
	q->used = areas->device.iova;
	(void)dev_at(d, q->desc, 16u * size, packed);
	(void)dev_at(d, q->avail, packed ? 4 : 6u + 2u * size, false);
	(void)dev_at(d, q->used, packed ? 4 : 6u + 8u * size, true);
	if (*vector >= (int)d->vectors)
		*vector = -1;
	dev_bell(d, index, doorbell);
	return dev_fails(d);
}

static int dev_queue_enable(struct vn_transport *t, unsigned int index)
{
	struct fuzz_device *d = dev_of(t);

	FUZZ_CHECK(d->queue[index].size != 0 || !d->correct);
	d->queue[index].enabled = d->queue[index].size != 0;
	return dev_fails(d);
}

static int dev_queue_reset(struct vn_transport *t, unsigned int index, uint64_t timeout)
{
	struct fuzz_device *d = dev_of(t);

	if (d->reset_queue_fails) {
		fuzz_pass(timeout);
		return vn_error(ETIMEDOUT, "the queue does not reset");
	}
	dev_queue_off(d, index);
	return dev_fails(d);
}

static int dev_queue_doorbell(struct vn_transport *t, unsigned int index, struct vn_doorbell *doorbell)
{
	dev_bell(dev_of(t), index < DEVICE_QUEUES ? index : 0, doorbell);
	return 0;
}

static int dev_kick(struct vn_transport *t, const struct vn_doorbell *doorbell)
{
	struct fuzz_device *d = dev_of(t);

	FUZZ_CHECK(doorbell->offset < DEVICE_QUEUES && (doorbell->value & 0xffff) == doorbell->offset);
	d->kicks++;
	return 0;
}

static int dev_vectors(struct vn_transport *t, unsigned int wanted, unsigned int *count)
{
	struct fuzz_device *d = dev_of(t);

	*count = wanted < d->limits.vector_max ? wanted : d->limits.vector_max;
	d->vectors = *count;
	return 0;
}

static int dev_dma(struct vn_transport *t, bool on)
{
	(void)on;
	return dev_fails(dev_of(t));
}

static int dev_reset(struct vn_transport *t)
{
	struct fuzz_device *d = dev_of(t);

	if (d->never_resets && d->stuck)
		return vn_error(ENOTSUP, "there is none");
	d->status = 0;
	dev_forget(d);
	return 0;
}

static int dev_pairs_use(struct vn_transport *t, unsigned int pairs)
{
	FUZZ_CHECK(2 * pairs <= DEVICE_QUEUES);
	return dev_fails(dev_of(t));
}

static int dev_memory_check(struct vn_transport *t, uint64_t bytes)
{
	return bytes > FUZZ_ARENA ? vn_error(ENOMEM, "the limit") : dev_fails(dev_of(t));
}

static int dev_read_back(struct vn_transport *t, struct vn_read_back *read_back)
{
	(void)read_back;
	return dev_fails(dev_of(t));
}

static const struct vn_transport_ops dev_ops = {
	.features_read = dev_features_read,
	.features_write = dev_features_write,
	.status_read = dev_status_read,
	.status_write = dev_status_write,
	.config_read = dev_config_read,
	.queue_max = dev_queue_max,
	.queue_setup = dev_queue_setup,
	.queue_enable = dev_queue_enable,
	.vectors = dev_vectors,
	.memory_add = dev_memory_add,
	.memory_remove = dev_memory_remove,
	.limits = dev_limits,
	.events = dev_events,
	.close = dev_close,
	.can = VN_CAN_HEALTH | VN_CAN_PAIRS | VN_CAN_QUEUE_RESET | VN_CAN_QUEUE_DOORBELL | VN_CAN_KICK | VN_CAN_DMA |
	       VN_CAN_RESET | VN_CAN_MEMORY_CHECK | VN_CAN_READ_BACK,
	.health = dev_health,
	.pairs_use = dev_pairs_use,
	.queue_reset = dev_queue_reset,
	.queue_doorbell = dev_queue_doorbell,
	.kick = dev_kick,
	.dma = dev_dma,
	.reset = dev_reset,
	.memory_check = dev_memory_check,
	.read_back = dev_read_back,
};

void fuzz_device_ops(struct fuzz_device *d, unsigned int without)
{
	d->ops = dev_ops;
	d->ops.can &= ~without;
#define LEAVE_OUT(bit, member) \
	if (without & (bit))   \
	d->ops.member = NULL
	LEAVE_OUT(VN_CAN_HEALTH, health);
	LEAVE_OUT(VN_CAN_PAIRS, pairs_use);
	LEAVE_OUT(VN_CAN_QUEUE_RESET, queue_reset);
	LEAVE_OUT(VN_CAN_QUEUE_DOORBELL, queue_doorbell);
	LEAVE_OUT(VN_CAN_DMA, dma);
	LEAVE_OUT(VN_CAN_RESET, reset);
	LEAVE_OUT(VN_CAN_MEMORY_CHECK, memory_check);
	LEAVE_OUT(VN_CAN_READ_BACK, read_back);
#undef LEAVE_OUT
}

/* What is made once: descriptors, and the records of the rings. */
static void dev_prepare(struct fuzz_device *d)
{
	for (unsigned int i = 0; i < DEVICE_QUEUES && !d->queue[i].count; i++) {
		d->queue[i].count = calloc(65536, sizeof(uint16_t));
		d->queue[i].taken = calloc(65536, sizeof(uint16_t));
		FUZZ_CHECK(d->queue[i].count && d->queue[i].taken);
	}
	if (d->transport.ops)
		return;
	d->bell_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	for (unsigned int i = 0; i < DEVICE_VECTORS; i++)
		d->vector_fd[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	d->transport = (struct vn_transport){
		.ops = &d->ops,
		.kind = "fuzz",
		.name = "fuzz",
		.event_fd = d->vector_fd[0],
		.removal_fd = -1,
		.vector_fds = d->vector_fd,
	};
}

void fuzz_device_reset(struct fuzz_device *d)
{
	fuzz_aside_begin();
	dev_prepare(d);
	fuzz_aside_end();
	dev_forget(d);
	memset(&d->limits, 0, sizeof(d->limits));
	d->limits.memory.page_size = 4096;
	d->limits.memory.page_sizes = 4096;
	d->limits.memory.mappings_left = UINT32_MAX;
	d->limits.config_size = DEVICE_CONFIG;
	d->limits.confined = true;
	memset(d->config, 0, sizeof(d->config));
	memset(d->accepted, 0, sizeof(d->accepted));
	memset(d->region, 0, sizeof(d->region));
	d->rings = (struct model_rings){ .features = d->accepted, .area = dev_at, .data = dev_at, .context = d };
	d->status = d->stuck = 0;
	d->never_resets = d->reset_queue_fails = false;
	d->correct = true;
	d->events = 0;
	d->fail_after = 0;
	d->control = FUZZ_CONTROL_OBEYS;
	d->counts = false;
	d->kicks = 0;
	d->bell_kind = 0;
	d->next_iova = 0x100000;
	d->vectors = 0;
	fuzz_device_ops(d, 0);
}
