/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport to a vDPA device through the kernel's vhost-vdpa: every register is an ioctl, every
 * interrupt an eventfd, and so is a doorbell that cannot be mapped.
 *
 * Source: linux/vhost.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/event.h"
#include "base/order.h"
#include "driver/spec/virtio.h"
#include "driver/state/feature.h"
#include "driver/transport/config_fields.h"
#include "driver/transport/vhost.h"
#include "driver/transport/vhost_vdpa/internal.h"

#define CONFIG_MAX 256u /* bytes of configuration that are looked at */
#define CONFIG_TRIES 8
#define STATUS_INTERVAL (1000 * VN_MS)

/* What is used of the backend features; a kernel refuses those that it does not know. */
#define BACKEND_USED                                                                  \
	(1ull << VHOST_BACKEND_F_IOTLB_MSG_V2 | 1ull << VHOST_BACKEND_F_IOTLB_BATCH | \
	 1ull << VHOST_BACKEND_F_IOTLB_ASID | 1ull << VHOST_BACKEND_F_SUSPEND |       \
	 1ull << VHOST_BACKEND_F_RESUME | 1ull << VHOST_BACKEND_F_IOTLB_PERSIST)

/* ---- features and status ---- */

static bool vdpa_can_rest(const struct vn_vdpa *t)
{
	return vn_vdpa_has(t, VHOST_BACKEND_F_SUSPEND) &&
	       vn_vdpa_has(t, VHOST_BACKEND_F_RESUME);
}

/* SUSPEND is here what two ioctls do. */
static int vdpa_features_read(struct vn_transport *transport, struct vionet_features *offered)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	uint64_t features = 0;
	int result = VDPA_CALL(t, VHOST_GET_FEATURES, &features);

	*offered = vn_vhost_features(features);
	vn_feature_remove(offered, F_SUSPEND);
	if (vdpa_can_rest(t))
		vn_feature_add(offered, F_SUSPEND);
	return result;
}

static int vdpa_features_write(struct vn_transport *transport,
			       const struct vionet_features *accepted)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	uint64_t features = accepted->word[0] & ~(1ull << F_SUSPEND);

	t->accepted = *accepted;
	return VDPA_CALL(t, VHOST_SET_FEATURES, &features);
}

static int vdpa_status_read(struct vn_transport *transport, uint8_t *status)
{
	const struct vn_vdpa *t = vn_vdpa(transport);
	int result = VDPA_CALL(t, VHOST_VDPA_GET_STATUS, status);

	if (result == 0 && __atomic_load_n(&t->suspended, __ATOMIC_RELAXED))
		*status = (uint8_t)((*status & ~STATUS_DRIVER_OK) | STATUS_SUSPEND);
	return result;
}

/* The device rests, or goes on. */
static int vdpa_rest(struct vn_vdpa *t, bool rest)
{
	int result = rest ? VDPA_CALL(t, VHOST_VDPA_SUSPEND, NULL) : VDPA_CALL(t, VHOST_VDPA_RESUME, NULL);

	if (result == 0)
		__atomic_store_n(&t->suspended, rest, __ATOMIC_RELAXED);
	return result;
}

/* Where the kernel does not keep the maps over a reset, some parents have lost them. */
static int vdpa_status_write(struct vn_transport *transport, uint8_t status)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	int result;

	if ((status & STATUS_SUSPEND) && (!t->suspended || (status & STATUS_DRIVER_OK)))
		return vdpa_rest(t, !t->suspended);
	if (t->suspended && status != 0)
		status = (uint8_t)((status & ~STATUS_SUSPEND) | STATUS_DRIVER_OK);
	result = VDPA_CALL(t, VHOST_VDPA_SET_STATUS, &status);
	if (result == 0 && status == 0) {
		__atomic_store_n(&t->suspended, false, __ATOMIC_RELAXED);
		t->maps_lost = t->regions.count != 0 &&
			       !vn_vdpa_has(t, VHOST_BACKEND_F_IOTLB_PERSIST);
	}
	return result;
}

static int vdpa_health(struct vn_transport *transport, uint8_t *status)
{
	return vn_due(&vn_vdpa(transport)->status_read_at, STATUS_INTERVAL) ?
		       vdpa_status_read(transport, status) :
		       -EAGAIN;
}

/* ---- configuration ---- */

union vdpa_config {
	struct vhost_vdpa_config head;
	uint8_t bytes[sizeof(struct vhost_vdpa_config) + CONFIG_MAX];
};

static int vdpa_config_get(const struct vn_vdpa *t, uint32_t size, union vdpa_config *config)
{
	memset(config, 0, sizeof(*config));
	config->head.len = size;
	return VDPA_CALL(t, VHOST_VDPA_GET_CONFIG, config);
}

/* The kernel does not show the generation, and not every parent heeds it: all fields are read in
 * one call, until two calls agree. */
static int vdpa_config_read(struct vn_transport *transport,
			    const struct vn_config_field *fields, unsigned int count)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	union vdpa_config before, now;
	uint32_t end = vn_config_end(fields, count);
	int result;

	if (end > t->config_size || end > CONFIG_MAX)
		return vn_error(EIO, "the configuration has %u bytes, not %u", t->config_size,
				end);
	result = vdpa_config_get(t, end, &now);
	for (int try = 0; result == 0 && try < CONFIG_TRIES; try++) {
		before = now;
		result = vdpa_config_get(t, end, &now);
		if (result == 0 && memcmp(before.bytes, now.bytes, sizeof(now.bytes)) == 0) {
			vn_config_take(fields, count, now.head.buf);
			return 0;
		}
	}
	return result ? result : vn_error(EAGAIN, "the configuration changes while it is read");
}

/* ---- queues ---- */

/* vhost-vdpa takes powers of two only, also for a packed ring. A parent may have less room in
 * one queue than in another. */
static int vdpa_queue_max(struct vn_transport *transport, unsigned int index, uint16_t *size)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	struct vhost_vring_state own = { .index = index };
	uint16_t most = 0;
	int result = 0;

	*size = 0;
	if (index >= t->queue_count)
		return 0;
	result = VDPA_CALL(t, VHOST_VDPA_GET_VRING_NUM, &most);
	if (result)
		return result;
	if (vn_vdpa_try(t, VHOST_VDPA_GET_VRING_SIZE, &own) == 0 && own.num != 0 &&
	    own.num < most)
		most = (uint16_t)own.num;
	for (*size = most ? QUEUE_SIZE_MAX : 0; *size > most;)
		*size /= 2;
	return 0;
}

static int vdpa_place_ring(const struct vn_vdpa *t, unsigned int index, uint16_t size,
			   const struct vn_ring_areas *areas)
{
	struct vhost_vring_state state = { .index = index, .num = size };
	struct vhost_vring_addr addr = {
		.index = index,
		.desc_user_addr = areas->descriptor.iova,
		.avail_user_addr = areas->driver.iova,
		.used_user_addr = areas->device.iova,
	};
	int result = 0;

	if ((size & (size - 1)) != 0)
		return vn_error(EINVAL, "a queue of %u entries: vhost-vdpa takes powers of two "
					"only, also with RING_PACKED",
				size);
	result = VDPA_CALL(t, VHOST_SET_VRING_NUM, &state);
	state.num = vn_vhost_base(&t->accepted, vn_vhost_first_position(&t->accepted));
	if (result == 0)
		result = VDPA_CALL(t, VHOST_SET_VRING_BASE, &state);
	return result ? result : VDPA_CALL(t, VHOST_SET_VRING_ADDR, &addr);
}

static int vdpa_set_call(struct vn_vdpa *t, unsigned int index, int fd)
{
	struct vhost_vring_file file = { .index = index, .fd = fd };
	int result = 0;

	if (fd >= 0 || t->queue[index].calls)
		result = VDPA_CALL(t, VHOST_SET_VRING_CALL, &file);
	t->queue[index].calls = fd >= 0 && result == 0;
	return result;
}

/* A page of its own for each queue, that can only be written: of a parent that is a PCI function it is
 * its register. */
static bool vdpa_map_doorbell(const struct vn_vdpa *t, unsigned int index)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *at;

	if (t->queue[index].page)
		return true;
	at = mmap(NULL, page, PROT_WRITE, MAP_SHARED, t->fd, (off_t)(index * page));
	t->queue[index].page = at == MAP_FAILED ? NULL : at;
	return at != MAP_FAILED;
}

static int vdpa_queue_doorbell(struct vn_transport *transport, unsigned int index,
			       struct vn_doorbell *doorbell)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	struct vn_vdpa_queue *queue = &t->queue[index];
	int result = 0;

	*doorbell = (struct vn_doorbell){ .fd = -1, .width = 2, .value = index };
	if (VN_REGISTERS_CAN_BE_MAPPED && vdpa_map_doorbell(t, index)) {
		doorbell->address = queue->page;
		return 0;
	}
	if (queue->kick_fd < 0)
		result = vn_eventfd_open(&queue->kick_fd, "queue", index);
	*doorbell = (struct vn_doorbell){ .fd = queue->kick_fd, .value = index };
	return result;
}

static int vdpa_queue_setup(struct vn_transport *transport, unsigned int index, uint16_t size,
			    int *vector, const struct vn_ring_areas *areas,
			    struct vn_doorbell *doorbell)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	struct vhost_vring_file kick = { .index = index };
	int result;

	if (index >= t->queue_count)
		return vn_error(ENOENT, "the device has no queue %u", index);
	result = vn_vdpa_memory_for_queue(t, index, areas->descriptor.iova);
	if (result == 0)
		result = vdpa_place_ring(t, index, size, areas);
	if (result == 0)
		result = vdpa_set_call(t, index, *vector >= 0 ? t->vectors.fds[*vector] : -1);
	if (result == 0)
		result = vdpa_queue_doorbell(transport, index, doorbell);
	kick.fd = doorbell->fd;
	if (result == 0 && kick.fd >= 0)
		result = VDPA_CALL(t, VHOST_SET_VRING_KICK, &kick);
	return result;
}

static int vdpa_queue_enable(struct vn_transport *transport, unsigned int index)
{
	struct vhost_vring_state state = { .index = index, .num = 1 };

	return VDPA_CALL(vn_vdpa(transport), VHOST_VDPA_SET_VRING_ENABLE, &state);
}

/* ---- interrupts and events ---- */

/* The kernel keeps an eventfd that it was given. */
static void vdpa_drop_calls(struct vn_vdpa *t)
{
	for (unsigned int i = 0; i < t->queue_count && t->vectors.count != 0; i++)
		(void)vdpa_set_call(t, i, -1);
}

/* The first has no use here: changes of the configuration have an eventfd of their own. */
static int vdpa_vectors(struct vn_transport *transport, unsigned int wanted,
			unsigned int *count)
{
	struct vn_vdpa *t = vn_vdpa(transport);

	vdpa_drop_calls(t);
	return vn_vectors_renew(transport, &t->vectors, wanted, t->queue_count + 1u, count);
}

/* A parent without the interrupt takes the eventfd and never signals it: once a second the
 * configuration is looked at all the same. */
static int vdpa_events(struct vn_transport *transport, uint32_t *happened)
{
	struct vn_vdpa *t = vn_vdpa(transport);
	bool due = vn_due(&t->looked_at, STATUS_INTERVAL);

	*happened = vn_event_take(transport->event_fd) || !t->announces || due ? VIONET_EVENT_LINK : 0;
	return 0;
}

static int vdpa_limits(struct vn_transport *transport, struct vn_transport_limits *limits)
{
	const struct vn_vdpa *t = vn_vdpa(transport);

	*limits = (struct vn_transport_limits){
		.config_size = t->config_size,
		.queue_count = t->queue_count,
		.vector_max = t->queue_count + 1u,
		.groups = t->groups,
		.spaces = t->spaces,
		.confined = true, /* the kernel shows it nothing else */
	};
	vn_regions_limits(&t->regions, &limits->memory);
	return 0;
}

/* ---- opening and closing ---- */

/* The kernel resets the device and forgets all maps when its file is closed, which is so also if
 * this process dies. */
static int vdpa_close(struct vn_transport *transport)
{
	struct vn_vdpa *t = vn_vdpa(transport);

	vdpa_drop_calls(t);
	vn_vectors_close(&t->vectors);
	for (unsigned int i = 0; i < t->queue_count; i++) {
		if (t->queue[i].page)
			munmap((void *)(uintptr_t)t->queue[i].page,
			       (size_t)sysconf(_SC_PAGESIZE));
		if (t->queue[i].kick_fd >= 0)
			close(t->queue[i].kick_fd);
	}
	if (t->fd >= 0)
		close(t->fd);
	if (transport->event_fd >= 0)
		close(transport->event_fd);
	vn_regions_close(&t->regions);
	free(t->queue);
	free(t);
	return 0;
}

static const struct vn_transport_ops vdpa_ops = {
	.can = VN_CAN_HEALTH | VN_CAN_QUEUE_DOORBELL | VN_CAN_MEMORY_CHECK,
	.features_read = vdpa_features_read,
	.features_write = vdpa_features_write,
	.status_read = vdpa_status_read,
	.status_write = vdpa_status_write,
	.health = vdpa_health,
	.config_read = vdpa_config_read,
	.queue_max = vdpa_queue_max,
	.queue_setup = vdpa_queue_setup,
	.queue_doorbell = vdpa_queue_doorbell,
	.queue_enable = vdpa_queue_enable,
	.vectors = vdpa_vectors,
	.memory_add = vn_vdpa_memory_add,
	.memory_remove = vn_vdpa_memory_remove,
	.memory_check = vn_vdpa_memory_check,
	.limits = vdpa_limits,
	.events = vdpa_events,
	.close = vdpa_close,
};

static int vdpa_open_queues(struct vn_vdpa *t)
{
	uint32_t count = 0;
	int result = VDPA_CALL(t, VHOST_VDPA_GET_VQS_COUNT, &count);

	if (result == 0)
		result = VDPA_CALL(t, VHOST_VDPA_GET_CONFIG_SIZE, &t->config_size);
	if (result)
		return result;
	if (count > UINT16_MAX)
		return vn_error(EIO, "the kernel says that it has %u queues", count);
	t->queue = calloc(count ? count : 1, sizeof(*t->queue));
	if (!t->queue)
		return vn_error(ENOMEM, "no memory for %u queues", count);
	t->queue_count = (uint16_t)count;
	for (uint32_t i = 0; i < count; i++)
		t->queue[i].kick_fd = -1;
	return 0;
}

static int vdpa_open_events(struct vn_vdpa *t)
{
	int result = vn_eventfd_open(&t->base.event_fd, "interrupt", 0);

	t->announces = result == 0 &&
		       vn_vdpa_try(t, VHOST_VDPA_SET_CONFIG_CALL, &t->base.event_fd) == 0;
	return result;
}

static int vdpa_negotiate_backend(struct vn_vdpa *t)
{
	uint64_t features = 0;
	int result = VDPA_CALL(t, VHOST_GET_BACKEND_FEATURES, &features);

	if (result == 0 && !(features & 1ull << VHOST_BACKEND_F_IOTLB_MSG_V2))
		return vn_error(ENOTSUP, "this kernel does not know IOTLB messages of version "
					 "2; Linux 5.18 or newer is needed");
	t->backend = features & BACKEND_USED;
	return result ? result : VDPA_CALL(t, VHOST_SET_BACKEND_FEATURES, &t->backend);
}

static int vdpa_open_device(struct vn_vdpa *t, const char *path)
{
	int result = vn_vdpa_node_open(t, path);

	if (result == 0)
		result = vdpa_negotiate_backend(t);
	if (result == 0)
		result = vdpa_open_queues(t);
	if (result == 0)
		result = vdpa_open_events(t);
	return result ? result : vn_vdpa_memory_open(t);
}

int vn_transport_open_vhost_vdpa(const char *path, const struct vn_transport_options *options,
				 struct vn_transport **transport)
{
	struct vn_vdpa *t = calloc(1, sizeof(*t));
	int result;

	(void)options;
	*transport = NULL;
	if (!t)
		return vn_error(ENOMEM, "no memory");
	snprintf(t->full_name, sizeof(t->full_name), "vhost-vdpa:%s", path);
	t->base.ops = &vdpa_ops;
	t->base.kind = "vhost-vdpa";
	t->base.name = t->full_name;
	t->base.event_fd = t->base.removal_fd = t->fd = -1;
	result = vdpa_open_device(t, path);
	if (result) {
		vn_error_prefix(result, "%s", t->full_name);
		(void)vdpa_close(&t->base);
		return result;
	}
	*transport = &t->base;
	return 0;
}
