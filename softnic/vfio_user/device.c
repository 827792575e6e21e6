/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages that describe the function to the driver: version, device, regions,
 * doorbell descriptors, interrupts. Never replies more than was requested: a client has
 * no room for it.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "softnic/vfio_user/server.h"

/* ---- version ---- */

static uint32_t vfu_bounded(const json_t *number, uint32_t otherwise)
{
	json_int_t value = json_integer_value(number);

	if (!json_is_integer(number) || value < 0)
		return otherwise;
	return value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

/* Only what the driver named may be answered. */
static json_t *vfu_our_capabilities(const struct device *device, const json_t *theirs)
{
	json_int_t maps = device_has_fault(device, FAULT_DMA_MAPS_UNLIMITED) ? UINT32_MAX : DMA_MAPS_MAX;
	json_t *all = json_pack("{s:i, s:i, s:i, s:I, s:b}", "max_msg_fds",
				(int)MESSAGE_FDS, "max_data_xfer_size", (int)DATA_MAX,
				"pgsizes", (int)dma_page(), "max_dma_maps", maps,
				"write_multiple", 1);
	const char *key;
	json_t *value;
	void *next;

	json_object_foreach_safe (all, next, key, value)
		if (json_object_get(theirs, key) == NULL)
			json_object_del(all, key);
	return all;
}

static bool vfu_answer_version(struct device *device, const struct request *request,
			       const json_t *theirs)
{
	json_t *ours = json_pack("{s:o}", "capabilities", vfu_our_capabilities(device, theirs));
	char *text = json_dumps(ours, JSON_COMPACT);
	uint8_t data[512] = { 0 };
	size_t size = text ? strlen(text) + 1 : 0;

	json_decref(ours);
	if (size == 0 || size > sizeof(data) - sizeof(struct version)) {
		free(text);
		return reply_error(device, request, ENOMEM);
	}
	memcpy(data + sizeof(struct version), text, size);
	free(text);
	device->server->negotiated = true;
	return reply(device, request, data, sizeof(struct version) + size, NULL, 0);
}

bool serve_version(struct device *device, const struct request *request)
{
	const char *text = (const char *)request->data + sizeof(struct version);
	struct version version;
	json_t *root = NULL, *theirs;
	size_t size;
	bool stays;

	if (request->size < sizeof(version))
		return reply_error(device, request, EINVAL);
	memcpy(&version, request->data, sizeof(version));
	size = request->size - sizeof(version);
	if (version.major != 0)
		return reply_error(device, request, EINVAL);
	if (size > 0) {
		root = text[size - 1] == '\0' ? json_loads(text, 0, NULL) : NULL;
		if (root == NULL)
			return reply_error(device, request, EINVAL);
	}
	theirs = json_object_get(root, "capabilities");
	device->server->driver_fds =
		vfu_bounded(json_object_get(theirs, "max_msg_fds"), 1);
	stays = vfu_answer_version(device, request, theirs);
	json_decref(root);
	return stays;
}

/* ---- device and regions ---- */

bool serve_device_info(struct device *device, const struct request *request)
{
	const struct device_info info = { .argsz = sizeof(info),
					  .flags = DEVICE_RESET_FLAG |
						   DEVICE_PCI_FLAG,
					  .regions = REGION_COUNT,
					  .irqs = IRQ_COUNT };

	if (request->size < sizeof(info))
		return reply_error(device, request, EINVAL);
	return reply(device, request, &info, sizeof(info), NULL, 0);
}

static uint64_t vfu_region_size(const struct device *device, uint32_t index)
{
	if (index == REGION_CONFIG)
		return CONFIG_SPACE;
	return index < REGION_ROM ? bar_size(device, index) : 0;
}

/* The notify area of the BAR can be mapped: one area, and the descriptor with it. */
static bool vfu_reply_mapped(struct device *device, const struct request *request,
			     struct region_info info, uint32_t room)
{
	const struct notify *notify = &device->server->notify;
	struct {
		struct region_info info;
		struct sparse_mmap sparse;
	} all;

	info.flags |= REGION_MMAP_FLAG | REGION_CAPS_FLAG;
	info.argsz = sizeof(all);
	if (room < sizeof(all))
		return reply(device, request, &info, sizeof(info), NULL, 0);
	info.cap_offset = sizeof(info);
	all.info = info;
	all.sparse = (struct sparse_mmap){
		.id = CAP_SPARSE_MMAP,
		.version = 1,
		.areas = 1,
		.offset = doorbell_offset(),
		.size = notify->size,
	};
	return reply(device, request, &all, sizeof(all), &notify->page_fd, 1);
}

bool serve_region_info(struct device *device, const struct request *request)
{
	struct region_info wanted, info = { .argsz = sizeof(info) };

	if (request->size < sizeof(wanted))
		return reply_error(device, request, EINVAL);
	memcpy(&wanted, request->data, sizeof(wanted));
	if (wanted.argsz < sizeof(info) || wanted.index >= REGION_COUNT)
		return reply_error(device, request, EINVAL);
	info.index = wanted.index;
	info.size = vfu_region_size(device, wanted.index);
	if (info.size > 0)
		info.flags = REGION_READ_FLAG | REGION_WRITE_FLAG;
	if (wanted.index == BAR_VIRTIO && device->server->notify.page != NULL &&
	    device->server->driver_fds > 0)
		return vfu_reply_mapped(device, request, info, wanted.argsz);
	return reply(device, request, &info, sizeof(info), NULL, 0);
}

/* ---- doorbells as eventfds ---- */

/* Without distance between the doorbells the value written distinguishes them. */
static void vfu_describe_doorbell(const struct device *device, struct io_fd *entry,
				  unsigned int index)
{
	uint32_t multiplier = device->options->notify_multiplier;
	bool data = features_have(&device->offered, FT_NOTIF_CONFIG_DATA);

	*entry = (struct io_fd){ .offset = doorbell_offset() + index * multiplier,
				 .fd_index = index,
				 .type = IO_FD_IOEVENTFD };
	if (multiplier != 0)
		return;
	entry->size = 2;
	entry->flags = IO_FD_DATAMATCH;
	entry->datamatch = data ? doorbell_data(device, index) : index;
}

static unsigned int vfu_doorbells(const struct device *device, uint32_t region)
{
	uint32_t count = device->queue_count;

	if (region != BAR_VIRTIO || device->options->notify != NOTIFY_EVENTFD)
		return 0;
	/* What does not fit into one message is rung by region writes. */
	if (count > device->server->driver_fds)
		count = device->server->driver_fds;
	return count < MESSAGE_FDS ? count : MESSAGE_FDS;
}

bool serve_io_fds(struct device *device, const struct request *request)
{
	struct {
		struct io_fds head;
		struct io_fd entry[MESSAGE_FDS];
	} all = { .head = { .argsz = sizeof(struct io_fds) } };
	struct io_fds wanted;
	unsigned int count;

	if (request->size < sizeof(wanted))
		return reply_error(device, request, EINVAL);
	memcpy(&wanted, request->data, sizeof(wanted));
	if (wanted.argsz < sizeof(wanted) || wanted.index >= REGION_COUNT ||
	    wanted.flags != 0)
		return reply_error(device, request, EINVAL);
	count = vfu_doorbells(device, wanted.index);
	all.head.argsz += count * (uint32_t)sizeof(struct io_fd);
	all.head.index = wanted.index;
	all.head.count = count;
	if (wanted.argsz < all.head.argsz)
		return reply(device, request, &all.head, sizeof(all.head), NULL, 0);
	for (unsigned int i = 0; i < count; i++)
		vfu_describe_doorbell(device, &all.entry[i], i);
	return reply(device, request, &all, all.head.argsz,
		     device->server->notify.event, count);
}

/* ---- interrupts ---- */

bool serve_irq_info(struct device *device, const struct request *request)
{
	struct irq_info info;

	if (request->size < sizeof(info))
		return reply_error(device, request, EINVAL);
	memcpy(&info, request->data, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= IRQ_COUNT)
		return reply_error(device, request, EINVAL);
	info.argsz = sizeof(info);
	info.count = interrupts_count(device, info.index);
	info.flags = info.count > 0 ? IRQ_EVENTFD_FLAG : 0;
	if (info.index == IRQ_INTX && info.count > 0)
		info.flags |= IRQ_MASKABLE_FLAG | IRQ_AUTOMASKED_FLAG;
	return reply(device, request, &info, sizeof(info), NULL, 0);
}

bool serve_set_irqs(struct device *device, const struct request *request)
{
	struct irq_set set;
	const uint8_t *data = request->data + sizeof(set);
	int result;

	if (request->size < sizeof(set))
		return reply_error(device, request, EINVAL);
	memcpy(&set, request->data, sizeof(set));
	if (set.index >= IRQ_COUNT)
		return reply_error(device, request, EINVAL);
	if ((set.flags & IRQ_DATA) == IRQ_DATA_BOOL &&
	    set.count > request->size - sizeof(set))
		return reply_error(device, request, EINVAL);
	result = interrupts_set(device, &set, data, request->fds, request->fd_count);
	if (result < 0)
		return reply_error(device, request, -result);
	return reply(device, request, NULL, 0, NULL, 0);
}
