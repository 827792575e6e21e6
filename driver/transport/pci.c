/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The transport over a PCI function: opening it, interrupts and events, memory. What its
 * registers mean is in pci_registers.c.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/event.h"
#include "driver/spec/pci.h"
#include "driver/transport/pci.h"

/* More of the notify structure is mapped queue by queue. */
#define NOTIFY_MAP_MAX (1u << 20)

/* A server that has announced nothing has its status read this often at most. */
#define STATUS_INTERVAL (1000 * VN_MS)

/* ---- interrupts and events ---- */

static void pci_drop_vectors(struct vn_pci_transport *t)
{
	/* Closing it would do only if no other process had it: a server may have kept
	 * it, and could then wake the application for ever. */
	if (t->vectors.count != 0)
		(void)epoll_ctl(t->base.event_fd, EPOLL_CTL_DEL, t->vectors.fds[0],
				NULL);
	vn_vectors_close(&t->vectors);
	t->base.vector_fds = NULL;
	t->config_interrupt = false;
}

/* Vector 0 is for configuration changes. If the device has no room for it, they
 * are found by polling. */
static int pci_attach_vectors(struct vn_pci_transport *t, unsigned int count)
{
	int config_vector = 0;
	int result = vn_vectors_open(&t->vectors, count);

	t->base.vector_fds = t->vectors.fds;
	if (result == 0)
		result = t->function->ops->vectors(t->function, t->vectors.fds,
						   count);
	if (result == 0)
		result = vn_pci_config_vector(t, &config_vector);
	t->config_interrupt = result == 0 && config_vector == 0;
	if (t->config_interrupt)
		result = vn_watch(t->base.event_fd, t->vectors.fds[0]);
	return result;
}

static int pci_vectors(struct vn_transport *transport, unsigned int wanted,
		       unsigned int *count)
{
	struct vn_pci_transport *t = vn_pci(transport);
	unsigned int available = t->function->vector_count;
	int result = 0;

	*count = wanted < available ? wanted : available;
	if (t->vectors.count != 0) {
		result = t->function->ops->vectors(t->function, NULL, 0);
		pci_drop_vectors(t);
	}
	/* The machine may have fewer to give than the function could take: then
	 * some queues are polled, or all. It says how many; where it does not, in few
	 * steps. */
	while (result == 0 && *count != 0) {
		result = pci_attach_vectors(t, *count);
		if (result == 0)
			return 0;
		(void)t->function->ops->vectors(t->function, NULL, 0);
		pci_drop_vectors(t);
		if (result != -ENOSPC)
			break;
		result = 0;
		available = t->function->vectors_left;
		*count = available != 0 && available < *count ?
				 available : *count - (*count + 3) / 4;
	}
	*count = 0;
	return result;
}

/* Has the descriptor become readable? It is not read, so that it stays so for
 * the thread that waits for it. */
static bool pci_readable(int fd)
{
	struct pollfd waiting = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&waiting, 1, 0) == 1;
}

static int pci_events(struct vn_transport *transport, uint32_t *happened)
{
	struct vn_pci_transport *t = vn_pci(transport);

	*happened = 0;
	if (pci_readable(t->function->removal_fd))
		*happened |= VIONET_EVENT_REMOVAL;
	if (vn_event_take(t->function->error_fd))
		*happened |= VIONET_EVENT_ERROR;
	if (!t->config_interrupt || vn_event_take(t->vectors.fds[0]))
		*happened |= VIONET_EVENT_LINK;
	/* If the other side has gone, the next look at a register says so. */
	if (t->function->service_fd >= 0 &&
	    t->function->ops->service(t->function) == -EAGAIN)
		return -EAGAIN;
	return 0;
}

/* The status of a server is read at once if something came from it, its end too: a
 * device says so when it needs a reset ("Notification of Device Configuration Changes",
 * GEN-29). */
static int pci_health(struct vn_transport *transport, uint8_t *status)
{
	struct vn_pci_transport *t = vn_pci(transport);
	uint64_t now = vn_now(), last = __atomic_load_n(&t->status_read_at, __ATOMIC_RELAXED);

	if (t->function->service_fd >= 0 && now - last < STATUS_INTERVAL &&
	    !pci_readable(transport->event_fd))
		return -EAGAIN;
	__atomic_store_n(&t->status_read_at, now, __ATOMIC_RELAXED);
	return vn_pci_status_read(transport, status);
}

/* ---- what the function does for us ---- */

static int pci_enable_dma(struct vn_transport *transport, bool on)
{
	struct vn_pci_transport *t = vn_pci(transport);

	return vn_function_command(t->function, on ? VN_PCI_COMMAND_MASTER : 0,
				   on ? 0 : VN_PCI_COMMAND_MASTER);
}

static int pci_reset(struct vn_transport *transport)
{
	struct vn_pci_transport *t = vn_pci(transport);

	return t->function->ops->reset(t->function);
}

static int pci_memory_add(struct vn_transport *transport,
			  const struct vn_memory *memory, enum vn_access access,
			  uint64_t *iova)
{
	struct vn_pci_transport *t = vn_pci(transport);

	return t->function->ops->memory_add(t->function, memory, access, iova);
}

static int pci_memory_remove(struct vn_transport *transport, uint64_t iova)
{
	struct vn_pci_transport *t = vn_pci(transport);

	return t->function->ops->memory_remove(t->function, iova);
}

static int pci_memory_check(struct vn_transport *transport, uint64_t bytes)
{
	struct vn_function *function = vn_pci(transport)->function;

	return function->ops->memory_check ?
		       function->ops->memory_check(function, bytes) : 0;
}

static int pci_limits(struct vn_transport *transport,
		      struct vn_transport_limits *limits)
{
	struct vn_pci_transport *t = vn_pci(transport);
	int result;

	*limits = (struct vn_transport_limits){
		.config_size = t->capabilities.device.size,
		.queue_count = t->queue_count,
		.vector_max = t->function->vector_count,
	};
	result = t->function->ops->iommu_limits(t->function, &limits->memory);
	/* Huge pages are few: rings and pools share them. */
	if (result == 0 && limits->memory.contiguous != 0)
		limits->region_max = UINT16_MAX;
	return result;
}

static int pci_read_back(struct vn_transport *transport, struct vn_read_back *read_back)
{
	vn_pci(transport)->read_back = read_back;
	return 0;
}

static void pci_describe_regions(const struct vn_function *function,
				 struct vn_pci_details *details)
{
	details->shown.region_count = VN_REGION_COUNT;
	for (unsigned int i = 0; i < VN_REGION_COUNT; i++) {
		const struct vn_region *from = &function->region[i];

		details->region[i] = (struct vionet_pci_region){
			.index = i,
			.size = from->size,
			.readable = from->readable,
			.writable = from->writable,
			.mappable = from->sparse_count != 0,
			.io = from->io,
		};
	}
}

static int pci_details(struct vn_transport *transport,
		       struct vn_pci_details *details)
{
	struct vn_pci_transport *t = vn_pci(transport);
	struct vn_iommu_limits iommu;
	int result = t->function->ops->iommu_limits(t->function, &iommu);

	if (result)
		return result;
	memset(details, 0, sizeof(*details));
	details->shown.iommu_group = t->function->iommu_group;
	memcpy(details->shown.iommu, t->function->iommu, sizeof(details->shown.iommu));
	details->shown.reset_supported = t->function->reset_supported;
	details->shown.removal_events = t->function->removal_fd >= 0;
	details->shown.error_events = t->function->error_fd >= 0;
	details->shown.capability_count = t->capabilities.count;
	memcpy(details->capability, t->capabilities.seen,
	       sizeof(details->capability));
	pci_describe_regions(t->function, details);
	details->shown.iova_range_count = iommu.range_count;
	for (unsigned int i = 0; i < iommu.range_count; i++) {
		details->iova_range[i].first = iommu.range[i].first;
		details->iova_range[i].last = iommu.range[i].last;
	}
	return 0;
}

/* ---- opening and closing ---- */

static int pci_close(struct vn_transport *transport)
{
	struct vn_pci_transport *t = vn_pci(transport);
	/* Closing the function detaches the vectors from it first. */
	int result = t->function->ops->close(t->function);

	pci_drop_vectors(t);
	if (transport->event_fd >= 0)
		close(transport->event_fd);
	vn_event_sender_close(&transport->sender);
	free(t);
	return result;
}

static const struct vn_transport_ops pci_ops = {
	.can = VN_CAN_HEALTH | VN_CAN_QUEUE_RESET | VN_CAN_QUEUE_DOORBELL | VN_CAN_KICK |
	       VN_CAN_DMA | VN_CAN_RESET | VN_CAN_MEMORY_CHECK | VN_CAN_PCI_DETAILS |
	       VN_CAN_READ_BACK | VN_CAN_MIGRATE,
	.features_read = vn_pci_features_read,
	.features_write = vn_pci_features_write,
	.status_read = vn_pci_status_read,
	.status_write = vn_pci_status_write,
	.health = pci_health,
	.config_read = vn_pci_config_read,
	.queue_max = vn_pci_queue_max,
	.queue_setup = vn_pci_queue_setup,
	.queue_doorbell = vn_pci_queue_doorbell,
	.queue_enable = vn_pci_queue_enable,
	.queue_reset = vn_pci_queue_reset,
	.kick = vn_pci_kick,
	.vectors = pci_vectors,
	.dma = pci_enable_dma,
	.reset = pci_reset,
	.memory_add = pci_memory_add,
	.memory_remove = pci_memory_remove,
	.memory_check = pci_memory_check,
	.limits = pci_limits,
	.events = pci_events,
	.pci_details = pci_details,
	.read_back = pci_read_back,
	.migration = &vn_pci_migration,
	.close = pci_close,
};

/* Status, revision, class: no function answers. Ids are made up for a virtual function,
 * and command is what we wrote. */
static bool pci_is_silent(const uint8_t *config)
{
	for (unsigned int i = 6; i < 12; i++)
		if (config[i] != 0xff)
			return false;
	return true;
}

static int pci_check_identity(const uint8_t *config)
{
	unsigned int vendor = (unsigned int)(config[0] | config[1] << 8);
	unsigned int device = (unsigned int)(config[2] | config[3] << 8);
	const char *kind = vn_virtio_kind(vendor, device,
					  (unsigned int)(config[46] | config[47] << 8));

	if (pci_is_silent(config))
		return vn_error(ENODEV, "it does not answer: its configuration space "
				"reads all-ones; it is without power (D3cold), its link is "
				"down, or it was unplugged");

	if (vendor == PCI_VENDOR_VIRTIO &&
	    (device == PCI_DEVICE_NET || device == PCI_DEVICE_NET_TRANSITIONAL))
		return 0;
	return vn_error(ENOTSUP, "it is %s%s%s%04x:%04x, and is not a virtio-net "
			"function (1af4:1041, or 1af4:1000 for a transitional one)",
			kind[0] ? "a virtio " : "", kind, kind[0] ? " device, " : "",
			vendor, device);
}

/* Read configuration space once and find the virtio structures in it. */
static int pci_find_structures(struct vn_pci_transport *t)
{
	uint8_t config[VN_PCI_CONFIG_SIZE];
	int result = t->function->ops->read(t->function, VN_REGION_CONFIG, 0,
					    config, sizeof(config));

	if (result == 0)
		result = pci_check_identity(config);
	if (result == 0)
		result = vn_capabilities_walk(config, t->function->region,
					      &t->capabilities);
	return result;
}

/* Map a structure, or as much of it as is needed. A BAR that cannot be mapped is
 * reached through read and write. */
static void pci_open_window(struct vn_pci_transport *t, struct vn_window *w,
			    const struct vn_structure *place, uint64_t needed)
{
	volatile void *address = NULL;
	uint64_t size = place->size < needed ? place->size : needed;

	w->place = *place;
	if (size != 0 && t->function->ops->map(t->function, place->bar,
					       place->offset, size,
					       &address) == 0) {
		w->mapped = address;
		w->mapped_size = size;
	}
}

static int pci_open_registers(struct vn_pci_transport *t)
{
	pci_open_window(t, &t->common, &t->capabilities.common, 64);
	pci_open_window(t, &t->notify, &t->capabilities.notify, NOTIFY_MAP_MAX);
	pci_open_window(t, &t->device, &t->capabilities.device, 4096);
	return vn_pci_count_queues(t);
}

static int pci_open_events(struct vn_pci_transport *t)
{
	int result;

	t->base.removal_fd = t->function->removal_fd;
	t->base.event_fd = epoll_create1(EPOLL_CLOEXEC);
	if (t->base.event_fd < 0)
		return vn_error_errno(errno, "epoll_create1");
	result = vn_watch(t->base.event_fd, t->function->removal_fd);
	if (result == 0)
		result = vn_watch(t->base.event_fd, t->function->error_fd);
	return result ? result : vn_watch(t->base.event_fd, t->function->service_fd);
}

int vn_transport_over_pci(struct vn_function *function,
			  struct vn_transport **transport)
{
	struct vn_pci_transport *t = calloc(1, sizeof(*t));
	int result;

	*transport = NULL;
	if (!t) {
		(void)function->ops->close(function);
		return vn_error(ENOMEM, "no memory");
	}
	t->function = function;
	t->base.ops = &pci_ops;
	t->base.kind = "virtio-pci";
	t->base.name = function->name;
	t->base.event_fd = -1;

	result = pci_find_structures(t);
	if (result == 0)
		result = vn_function_command(function, VN_PCI_COMMAND_MEMORY,
					     VN_PCI_COMMAND_MASTER);
	if (result == 0)
		result = pci_open_registers(t);
	if (result == 0)
		result = pci_open_events(t);
	if (result) {
		vn_error_prefix(result, "%s", function->name);
		(void)pci_close(&t->base);
		return result;
	}
	*transport = &t->base;
	return 0;
}

int vn_transport_open_pci(const char *address, const struct vn_transport_options *options,
			  struct vn_transport **transport)
{
	static const enum vn_iommu_kind kinds[] = {
		[VIONET_IOMMU_AUTO] = VN_IOMMU_ANY,
		[VIONET_IOMMU_TYPE1] = VN_IOMMU_TYPE1,
		[VIONET_IOMMU_IOMMUFD] = VN_IOMMU_IOMMUFD,
		[VIONET_IOMMU_NONE] = VN_IOMMU_NONE,
	};
	struct vn_function *function;
	int result = vn_function_open_vfio(address, kinds[options->iommu], options->vf_token, &function);

	*transport = NULL;
	return result ? result : vn_transport_over_pci(function, transport);
}

int vn_transport_open_pci_fds(const char *address, const struct vn_transport_options *options,
			      struct vn_transport **transport)
{
	const struct vionet_device_fds *fds = options->fds;
	const struct vn_iommu_fds given = {
		.device = fds->given & VIONET_FD_DEVICE ? fds->device : -1,
		.iommufd = fds->given & VIONET_FD_IOMMUFD ? fds->iommufd : -1,
		.group = fds->given & VIONET_FD_GROUP ? fds->group : -1,
		.container = fds->given & VIONET_FD_CONTAINER ? fds->container : -1,
	};
	struct vn_function *function;
	int result = vn_function_open_given(address, &given, options->vf_token, &function);

	*transport = NULL;
	return result ? result : vn_transport_over_pci(function, transport);
}

int vn_transport_open_vfio_user(const char *path, const struct vn_transport_options *options,
				struct vn_transport **transport)
{
	struct vn_function *function;
	int result = vn_function_open_vfio_user(path, options->reply_timeout_ms, &function);

	*transport = NULL;
	return result ? result : vn_transport_over_pci(function, transport);
}
