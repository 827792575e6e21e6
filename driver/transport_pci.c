/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the virtio-pci registers: features, status, queues, vectors, doorbells,
 * over any PCI function (pci/function.h).
 * Never: waits for the device without a limit, or looks into rings.
 * Read next: pci/function.h, then pci/capability.h.
 *
 * Source: "Virtio Over PCI Bus". Registers are accessed at the width of their
 * field (PCI-05); what was written is read back where the specification lets the
 * device refuse it, and where a device that lies would make us fail later.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"
#include "driver/spec_pci.h"
#include "driver/spec_virtio.h"
#include "driver/transport.h"
#include "pci/capability.h"
#include "pci/function.h"

/* More of the notify structure is mapped queue by queue. */
#define NOTIFY_MAP_MAX (1u << 20)

/* How often a configuration that keeps changing is read again. */
#define GENERATION_TRIES 8

/* A virtio structure: mapped where possible, else reached through the function. */
struct window {
	volatile uint8_t *mapped; /* NULL: through read and write */
	uint64_t mapped_size;
	struct vn_structure place;
	const char *name;
};

struct pci_transport {
	struct vn_transport base;
	struct vn_function *function;
	struct vn_capabilities capabilities;
	struct window common, notify, device;
	int *vector_fds;
	unsigned int vector_count;
};

static struct pci_transport *pci(struct vn_transport *transport)
{
	return (struct pci_transport *)transport;
}

/* ---- register access ---- */

static int reg_read(struct pci_transport *t, const struct window *w,
		    uint32_t offset, unsigned int width, void *value)
{
	if (!w->mapped || offset + width > w->mapped_size)
		return t->function->ops->read(t->function, w->place.bar,
					      w->place.offset + offset, value,
					      width);
	switch (width) {
	case 1:
		*(uint8_t *)value = w->mapped[offset];
		break;
	case 2:
		*(uint16_t *)value = *(volatile uint16_t *)(w->mapped + offset);
		break;
	default:
		*(uint32_t *)value = *(volatile uint32_t *)(w->mapped + offset);
		break;
	}
	return 0;
}

static int reg_write(struct pci_transport *t, const struct window *w,
		     uint32_t offset, unsigned int width, const void *value)
{
	if (!w->mapped || offset + width > w->mapped_size)
		return t->function->ops->write(t->function, w->place.bar,
					       w->place.offset + offset, value,
					       width);
	switch (width) {
	case 1:
		w->mapped[offset] = *(const uint8_t *)value;
		break;
	case 2:
		*(volatile uint16_t *)(w->mapped + offset) =
			*(const uint16_t *)value;
		break;
	default:
		*(volatile uint32_t *)(w->mapped + offset) =
			*(const uint32_t *)value;
		break;
	}
	return 0;
}

static int read8(struct pci_transport *t, uint32_t offset, uint8_t *value)
{
	return reg_read(t, &t->common, offset, 1, value);
}

static int read16(struct pci_transport *t, uint32_t offset, uint16_t *value)
{
	int result = reg_read(t, &t->common, offset, 2, value);

	*value = result ? 0 : le16toh(*value);
	return result;
}

static int read32(struct pci_transport *t, uint32_t offset, uint32_t *value)
{
	int result = reg_read(t, &t->common, offset, 4, value);

	*value = result ? 0 : le32toh(*value);
	return result;
}

static int write16(struct pci_transport *t, uint32_t offset, uint16_t value)
{
	value = htole16(value);
	return reg_write(t, &t->common, offset, 2, &value);
}

static int write32(struct pci_transport *t, uint32_t offset, uint32_t value)
{
	value = htole32(value);
	return reg_write(t, &t->common, offset, 4, &value);
}

/* Write a 16-bit register that the device must take as it is. */
static int write16_checked(struct pci_transport *t, uint32_t offset,
			   uint16_t value, const char *name)
{
	uint16_t got;
	int result = write16(t, offset, value);

	if (result == 0)
		result = read16(t, offset, &got);
	if (result == 0 && got != value)
		return vn_error(EIO, "%s: wrote %u, the device reads back %u; "
				"it is broken, reset or replace it",
				name, value, got);
	return result;
}

static int write64_checked(struct pci_transport *t, uint32_t offset,
			   uint64_t value, const char *name)
{
	uint32_t low = 0, high = 0;
	int result = write32(t, offset, (uint32_t)value);

	if (result == 0)
		result = write32(t, offset + 4, (uint32_t)(value >> 32));
	if (result == 0)
		result = read32(t, offset, &low);
	if (result == 0)
		result = read32(t, offset + 4, &high);
	if (result == 0 && ((uint64_t)high << 32 | low) != value)
		return vn_error(EIO, "%s: wrote 0x%" PRIx64 ", the device reads "
				"back 0x%" PRIx64 "; it is broken, reset or "
				"replace it",
				name, value, (uint64_t)high << 32 | low);
	return result;
}

/* ---- features and status ---- */

static int features_read(struct vn_transport *transport,
			 struct vionet_features *offered)
{
	struct pci_transport *t = pci(transport);
	int result = 0;

	memset(offered, 0, sizeof(*offered));
	for (uint32_t i = 0; i < 4 && result == 0; i++) {
		uint32_t word = 0;

		result = write32(t, COMMON_DEVICE_FEATURE_SELECT, i);
		if (result == 0)
			result = read32(t, COMMON_DEVICE_FEATURE, &word);
		offered->word[i / 2] |= (uint64_t)word << (32 * (i % 2));
	}
	return result;
}

static int features_write(struct vn_transport *transport,
			  const struct vionet_features *accepted)
{
	struct pci_transport *t = pci(transport);
	/* Words 2 and 3 did not always exist: leave them alone when empty. */
	uint32_t words = accepted->word[1] != 0 ? 4 : 2;
	int result = 0;

	for (uint32_t i = 0; i < words && result == 0; i++) {
		result = write32(t, COMMON_DRIVER_FEATURE_SELECT, i);
		if (result == 0)
			result = write32(t, COMMON_DRIVER_FEATURE,
					 (uint32_t)(accepted->word[i / 2] >>
						    (32 * (i % 2))));
	}
	transport->accepted = *accepted;
	return result;
}

/* A status of all-ones is no status. The vendor id would not tell, since virtual
 * functions always read it as all-ones; a second register of the same structure
 * does. */
static int status_read(struct vn_transport *transport, uint8_t *status)
{
	struct pci_transport *t = pci(transport);
	uint16_t queues = 0;
	int result = read8(t, COMMON_DEVICE_STATUS, status);

	if (result == 0 && *status == 0xff) {
		result = read16(t, COMMON_NUM_QUEUES, &queues);
		if (result == 0 && queues == 0xffff)
			return vn_error(ENODEV, "the device is gone: its "
					"registers read all-ones (unplugged, "
					"powered off or reset from outside)");
	}
	return result;
}

static int status_write(struct vn_transport *transport, uint8_t status)
{
	struct pci_transport *t = pci(transport);

	return reg_write(t, &t->common, COMMON_DEVICE_STATUS, 1, &status);
}

/* ---- device configuration ---- */

static int field_read(struct pci_transport *t, const struct vn_config_field *f)
{
	uint16_t value16;
	uint32_t value32;
	int result = 0;

	switch (f->width) {
	case 2:
		result = reg_read(t, &t->device, f->offset, 2, &value16);
		value16 = le16toh(value16);
		memcpy(f->value, &value16, sizeof(value16));
		break;
	case 4:
		result = reg_read(t, &t->device, f->offset, 4, &value32);
		value32 = le32toh(value32);
		memcpy(f->value, &value32, sizeof(value32));
		break;
	default:
		for (uint32_t i = 0; i < f->width && result == 0; i++)
			result = reg_read(t, &t->device, f->offset + i, 1,
					  (uint8_t *)f->value + i);
		break;
	}
	return result;
}

static int config_read(struct vn_transport *transport,
		       const struct vn_config_field *fields, unsigned int count)
{
	struct pci_transport *t = pci(transport);
	uint8_t before = 0, after = 0;
	int result;

	for (unsigned int i = 0; i < count; i++)
		if ((uint64_t)fields[i].offset + fields[i].width >
		    transport->config_size)
			return vn_error(ERANGE, "device configuration ends at "
					"byte %" PRIu64 ", before the field at %u",
					transport->config_size, fields[i].offset);

	for (unsigned int try = 0; try < GENERATION_TRIES; try++) {
		result = read8(t, COMMON_CONFIG_GENERATION, &before);
		for (unsigned int i = 0; i < count && result == 0; i++)
			result = field_read(t, &fields[i]);
		if (result == 0)
			result = read8(t, COMMON_CONFIG_GENERATION, &after);
		if (result || before == after)
			return result;
	}
	return vn_error(EAGAIN, "device configuration changed during each of %d "
			"reads", GENERATION_TRIES);
}

/* ---- queues ---- */

static int queue_select(struct pci_transport *t, unsigned int index)
{
	return write16_checked(t, COMMON_QUEUE_SELECT, (uint16_t)index,
			       "queue_select");
}

static int queue_max(struct vn_transport *transport, unsigned int index,
		     uint16_t *size)
{
	struct pci_transport *t = pci(transport);
	int result;

	*size = 0;
	if (index >= transport->queue_count)
		return 0;
	result = queue_select(t, index);
	return result ? result : read16(t, COMMON_QUEUE_SIZE, size);
}

/* Attach a vector to the event behind `reg`; the device may be out of them
 * (PCI-46): then there is none. */
static int set_vector(struct pci_transport *t, uint32_t reg, int *vector)
{
	uint16_t wanted = *vector < 0 ? MSI_NO_VECTOR : (uint16_t)*vector;
	uint16_t got = MSI_NO_VECTOR;
	int result = write16(t, reg, wanted);

	if (result == 0)
		result = read16(t, reg, &got);
	if (got != wanted)
		*vector = -1;
	return result;
}

/* Find where to ring for the selected queue. */
static int find_doorbell(struct pci_transport *t, unsigned int index,
			 struct vn_doorbell *doorbell)
{
	const struct vn_structure *place = &t->notify.place;
	volatile void *address = NULL;
	uint16_t off = 0;
	uint64_t offset;
	int result = read16(t, COMMON_QUEUE_NOTIFY_OFF, &off);

	doorbell->value = (uint16_t)index;
	if (result == 0 &&
	    vionet_feature_test(&t->base.accepted, F_NOTIF_CONFIG_DATA))
		result = read16(t, COMMON_QUEUE_NOTIF_CONFIG_DATA,
				&doorbell->value);
	if (result)
		return result;

	offset = (uint64_t)off * t->capabilities.notify_multiplier;
	if (offset % 2 != 0 || offset + 2 > place->size)
		return vn_error(EIO, "queue_notify_off %u x multiplier %u is not "
				"inside the notify structure of %" PRIu64
				" bytes; the device is broken",
				off, t->capabilities.notify_multiplier,
				place->size);
	doorbell->offset = offset;
	doorbell->eventfd = -1;
	doorbell->address = NULL;
	doorbell->value = htole16(doorbell->value);
	if (t->notify.mapped && offset + 2 <= t->notify.mapped_size)
		address = t->notify.mapped + offset;
	else if (t->notify.mapped)
		/* Beyond what is mapped: a page of its own, or a call. */
		(void)t->function->ops->map(t->function, place->bar,
					    place->offset + offset, 2, &address);
	doorbell->address = (volatile uint16_t *)address;
	return 0;
}

static int queue_setup(struct vn_transport *transport, unsigned int index,
		       uint16_t size, int *vector,
		       const struct vn_ring_areas *areas,
		       struct vn_doorbell *doorbell)
{
	struct pci_transport *t = pci(transport);
	uint16_t enabled = 0;
	int result = queue_select(t, index);

	if (result == 0)
		result = read16(t, COMMON_QUEUE_ENABLE, &enabled);
	if (result == 0 && enabled != 0)
		result = vn_error(EIO, "queue_enable reads %u on a queue that "
				  "was not enabled since the reset; the device "
				  "is broken", enabled);
	if (result == 0)
		result = write16_checked(t, COMMON_QUEUE_SIZE, size, "queue_size");
	if (result == 0)
		result = set_vector(t, COMMON_QUEUE_MSIX_VECTOR, vector);
	if (result == 0)
		result = write64_checked(t, COMMON_QUEUE_DESC,
					 areas->descriptor.iova, "queue_desc");
	if (result == 0)
		result = write64_checked(t, COMMON_QUEUE_DRIVER,
					 areas->driver.iova, "queue_driver");
	if (result == 0)
		result = write64_checked(t, COMMON_QUEUE_DEVICE,
					 areas->device.iova, "queue_device");
	if (result == 0)
		result = find_doorbell(t, index, doorbell);
	return result ? vn_error_prefix(result, "queue %u", index) : 0;
}

static int queue_enable(struct vn_transport *transport, unsigned int index)
{
	struct pci_transport *t = pci(transport);
	int result = queue_select(t, index);

	if (result == 0)
		result = write16_checked(t, COMMON_QUEUE_ENABLE, 1,
					 "queue_enable");
	return result ? vn_error_prefix(result, "queue %u", index) : 0;
}

static int kick(struct vn_transport *transport,
		const struct vn_doorbell *doorbell)
{
	struct pci_transport *t = pci(transport);

	return t->function->ops->write(t->function, t->notify.place.bar,
				       t->notify.place.offset + doorbell->offset,
				       &doorbell->value, 2);
}

/* ---- interrupts and events ---- */

static int watch(struct pci_transport *t, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (fd >= 0 && epoll_ctl(t->base.event_fd, EPOLL_CTL_ADD, fd, &event))
		return vn_error_errno(errno, "epoll_ctl");
	return 0;
}

static void drop_vectors(struct pci_transport *t)
{
	/* Closing an eventfd takes it out of the epoll set too. */
	for (unsigned int i = 0; i < t->vector_count; i++)
		close(t->vector_fds[i]);
	free(t->vector_fds);
	t->vector_fds = NULL;
	t->base.vector_fds = NULL;
	t->vector_count = 0;
	t->base.config_interrupt = false;
}

static int make_vectors(struct pci_transport *t, unsigned int count)
{
	t->vector_fds = calloc(count, sizeof(*t->vector_fds));
	if (!t->vector_fds)
		return vn_error(ENOMEM, "no memory for %u interrupt vectors",
				count);
	for (t->vector_count = 0; t->vector_count < count; t->vector_count++) {
		int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

		if (fd < 0)
			return vn_error_errno(errno, "eventfd for interrupt %u",
					      t->vector_count);
		t->vector_fds[t->vector_count] = fd;
	}
	t->base.vector_fds = t->vector_fds;
	return 0;
}

/* Vector 0 is for configuration changes. If the device has no room for it, they
 * are found by polling. */
static int attach_vectors(struct pci_transport *t, unsigned int count)
{
	int config_vector = 0;
	int result = make_vectors(t, count);

	if (result == 0)
		result = t->function->ops->vectors(t->function, t->vector_fds,
						   count);
	if (result == 0)
		result = set_vector(t, COMMON_CONFIG_MSIX_VECTOR, &config_vector);
	t->base.config_interrupt = result == 0 && config_vector == 0;
	if (t->base.config_interrupt)
		result = watch(t, t->vector_fds[0]);
	return result;
}

static int vectors(struct vn_transport *transport, unsigned int wanted,
		   unsigned int *count)
{
	struct pci_transport *t = pci(transport);
	unsigned int available = transport->vector_max;
	int result = 0;

	*count = wanted < available ? wanted : available;
	if (t->vector_count != 0) {
		result = t->function->ops->vectors(t->function, NULL, 0);
		drop_vectors(t);
	}
	if (*count == 0 || result)
		return result;
	result = attach_vectors(t, *count);
	if (result) {
		(void)t->function->ops->vectors(t->function, NULL, 0);
		drop_vectors(t);
		*count = 0;
	}
	return result;
}

/* Read an eventfd, if there is one: has it been signalled? */
static bool signalled(int fd)
{
	uint64_t count;

	return fd >= 0 && read(fd, &count, sizeof(count)) == sizeof(count);
}

/* Has the descriptor become readable? It is not read, so that it stays so for
 * whoever else waits for it. */
static bool readable(int fd)
{
	struct pollfd waiting = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&waiting, 1, 0) == 1;
}

static int events(struct vn_transport *transport, uint32_t *happened)
{
	struct pci_transport *t = pci(transport);

	*happened = 0;
	if (readable(t->function->removal_fd))
		*happened |= VIONET_EVENT_REMOVAL;
	if (signalled(t->function->error_fd))
		*happened |= VIONET_EVENT_ERROR;
	if (t->vector_count != 0 && signalled(t->vector_fds[0]))
		*happened |= VIONET_EVENT_LINK;
	return 0;
}

/* ---- what the function does for us ---- */

static int dma(struct vn_transport *transport, bool on)
{
	struct pci_transport *t = pci(transport);

	return vn_function_command(t->function, on ? VN_PCI_COMMAND_MASTER : 0,
				   on ? 0 : VN_PCI_COMMAND_MASTER);
}

static int reset(struct vn_transport *transport)
{
	struct pci_transport *t = pci(transport);

	return t->function->ops->reset(t->function);
}

static int memory_add(struct vn_transport *transport,
		      const struct vn_memory *memory, enum vn_access access,
		      uint64_t *iova)
{
	struct pci_transport *t = pci(transport);

	return t->function->ops->memory_add(t->function, memory, access, iova);
}

static int memory_remove(struct vn_transport *transport, uint64_t iova)
{
	struct pci_transport *t = pci(transport);

	return t->function->ops->memory_remove(t->function, iova);
}

static int limits(struct vn_transport *transport, struct vn_iommu_limits *limits)
{
	struct pci_transport *t = pci(transport);

	return t->function->ops->iommu_limits(t->function, limits);
}

static void describe_regions(const struct vn_function *function,
			     struct vionet_pci_details *details)
{
	details->region_count = VN_REGION_COUNT;
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
		       struct vionet_pci_details *details)
{
	struct pci_transport *t = pci(transport);
	struct vn_iommu_limits iommu;
	int result = limits(transport, &iommu);

	if (result)
		return result;
	memset(details, 0, sizeof(*details));
	details->iommu_group = t->function->iommu_group;
	memcpy(details->iommu, t->function->iommu, sizeof(details->iommu));
	details->reset_supported = t->function->reset_supported;
	details->removal_events = t->function->removal_fd >= 0;
	details->error_events = t->function->error_fd >= 0;
	details->capability_count = t->capabilities.count;
	memcpy(details->capability, t->capabilities.seen,
	       sizeof(details->capability));
	describe_regions(t->function, details);
	details->iova_range_count = iommu.range_count;
	for (unsigned int i = 0; i < iommu.range_count; i++) {
		details->iova_range[i].first = iommu.range[i].first;
		details->iova_range[i].last = iommu.range[i].last;
	}
	return 0;
}

/* ---- opening and closing ---- */

static int transport_close(struct vn_transport *transport)
{
	struct pci_transport *t = pci(transport);
	/* Closing the function detaches the vectors from it first. */
	int result = t->function->ops->close(t->function);

	drop_vectors(t);
	if (transport->event_fd >= 0)
		close(transport->event_fd);
	free(t);
	return result;
}

static const struct vn_transport_ops pci_ops = {
	.features_read = features_read,
	.features_write = features_write,
	.status_read = status_read,
	.status_write = status_write,
	.config_read = config_read,
	.queue_max = queue_max,
	.queue_setup = queue_setup,
	.queue_enable = queue_enable,
	.kick = kick,
	.vectors = vectors,
	.dma = dma,
	.reset = reset,
	.memory_add = memory_add,
	.memory_remove = memory_remove,
	.limits = limits,
	.events = events,
	.pci_details = pci_details,
	.close = transport_close,
};

static int check_identity(const uint8_t *config)
{
	unsigned int vendor = (unsigned int)(config[0] | config[1] << 8);
	unsigned int device = (unsigned int)(config[2] | config[3] << 8);

	if (vendor == PCI_VENDOR_VIRTIO &&
	    (device == PCI_DEVICE_NET || device == PCI_DEVICE_NET_TRANSITIONAL))
		return 0;
	return vn_error(ENOTSUP, "PCI id %04x:%04x is not a virtio-net function "
			"(1af4:1041, or 1af4:1000 for a transitional one)",
			vendor, device);
}

/* Read configuration space once and find the virtio structures in it. */
static int find_structures(struct pci_transport *t)
{
	uint8_t config[VN_PCI_CONFIG_SIZE];
	int result = t->function->ops->read(t->function, VN_REGION_CONFIG, 0,
					    config, sizeof(config));

	if (result == 0)
		result = check_identity(config);
	if (result == 0)
		result = vn_capabilities_walk(config, t->function->region,
					      &t->capabilities);
	return result;
}

/* Map a structure, or as much of it as is needed. A BAR that cannot be mapped is
 * reached through read and write. */
static void open_window(struct pci_transport *t, struct window *w,
			const char *name, const struct vn_structure *place,
			uint64_t needed)
{
	volatile void *address = NULL;
	uint64_t size = place->size < needed ? place->size : needed;

	w->name = name;
	w->place = *place;
	if (size != 0 && t->function->ops->map(t->function, place->bar,
					       place->offset, size,
					       &address) == 0) {
		w->mapped = address;
		w->mapped_size = size;
	}
}

static int open_registers(struct pci_transport *t)
{
	uint16_t queues = 0;
	int result;

	open_window(t, &t->common, "common", &t->capabilities.common, 64);
	open_window(t, &t->notify, "notify", &t->capabilities.notify,
		    NOTIFY_MAP_MAX);
	open_window(t, &t->device, "device", &t->capabilities.device, 4096);
	t->base.config_size = t->capabilities.device.size;
	t->base.vector_max = t->function->vector_count;

	result = read16(t, COMMON_NUM_QUEUES, &queues);
	t->base.queue_count = queues;
	return result;
}

static int open_events(struct pci_transport *t)
{
	int result;

	t->base.removal_fd = t->function->removal_fd;
	t->base.event_fd = epoll_create1(EPOLL_CLOEXEC);
	if (t->base.event_fd < 0)
		return vn_error_errno(errno, "epoll_create1");
	result = watch(t, t->function->removal_fd);
	return result ? result : watch(t, t->function->error_fd);
}

int vn_transport_over_pci(struct vn_function *function,
			  struct vn_transport **transport)
{
	struct pci_transport *t = calloc(1, sizeof(*t));
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

	result = find_structures(t);
	if (result == 0)
		result = vn_function_command(function, VN_PCI_COMMAND_MEMORY,
					     VN_PCI_COMMAND_MASTER);
	if (result == 0)
		result = open_registers(t);
	if (result == 0)
		result = open_events(t);
	if (result) {
		vn_error_prefix(result, "%s", function->name);
		(void)transport_close(&t->base);
		return result;
	}
	*transport = &t->base;
	return 0;
}

int vn_transport_open_pci(const char *address, struct vn_transport **transport)
{
	struct vn_function *function;
	int result = vn_function_open_vfio(address, &function);

	*transport = NULL;
	return result ? result : vn_transport_over_pci(function, transport);
}
