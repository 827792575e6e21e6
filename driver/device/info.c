/* SPDX-License-Identifier: BSD-3-Clause */
/* Link, events, and the description of a device. Nothing here blocks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vionet/error.h>

#include "base/abi.h"
#include "base/error.h"
#include "driver/control/command.h"
#include "driver/device/config.h"
#include "driver/queue/quarantine.h"
#include "driver/spec/net.h"
#include "driver/spec/virtio.h"
#include "driver/state/health.h"
#include "driver/state/queue.h"

/* An announcement is due this often at most. */
#define ANNOUNCE_INTERVAL (1000 * VN_MS)

static int info_read_link(struct vionet_device *device)
{
	struct vn_net_config config;
	int result;

	if (device->gone)
		return vn_error(ENODEV, "%s: the device is gone; close it",
				device->name);
	result = vn_config_read(device, &config);
	if (result)
		return vn_error_prefix(result, "%s: link", device->name);
	/* Speed and duplex may have changed with it ("Device configuration layout", NET-10). */
	device->config.link = config.link;
	device->config.announce = config.announce;
	return 0;
}

int vionet_device_link(struct vionet_device *device, struct vionet_link *link)
{
	int result = vn_struct_check(link, "vionet_link");

	if (result)
		return vn_error_prefix(result, "%s", device->name);
	result = info_read_link(device);
	vn_struct_out(link, &device->config.link, sizeof(device->config.link));
	return result;
}

int vionet_device_event_fd(const struct vionet_device *device)
{
	return device->transport->event_fd;
}

/* With or without an interrupt ("Notification of Device Configuration Changes",
 * GEN-29). Returns an error if it is there and does not answer. */
static int info_status_events(struct vionet_device *device, uint32_t *happened)
{
	uint8_t status = 0;
	int result = device->transport->ops->status_read(device->transport,
							 &status);
	enum vn_device_error error = vn_device_diagnose(result, status);

	if (result && error == VN_DERR_NONE)
		return result;
	/* One that rests, or was not started, has no DRIVER_OK. */
	if (error == VN_DERR_RESET && (!device->started || device->suspended))
		error = VN_DERR_NONE;
	if (error == VN_DERR_GONE) {
		device->gone = true;
		*happened |= VIONET_EVENT_GONE;
	} else if (error != VN_DERR_NONE) {
		*happened |= VIONET_EVENT_NEEDS_RESET;
	}
	if (error != VN_DERR_NONE && device->started)
		vn_device_set_error(device, error);
	return 0;
}

/* Compared with what was last reported, not with what was last read: the
 * application may have looked in between. A read that fails is tried again. */
static bool info_link_changed(struct vionet_device *device)
{
	struct vionet_link before = device->reported, now;

	if (info_read_link(device))
		return false;
	now = device->config.link;
	device->link_pending = false;
	device->reported = now;
	return now.up != before.up || now.speed != before.speed ||
	       now.duplex != before.duplex;
}

/*
 * The device wants to be announced ("Gratuitous Packet Sending", CVQ-13 to CVQ-15): the
 * application gets an event, and the device an acknowledgement, whose answer is not
 * waited for. A device that requests it for ever is served once a second.
 */
static bool info_announcement_due(struct vionet_device *device)
{
	uint64_t now = vn_now();

	if (!device->live || !device->config.announce)
		return false;
	if (device->announced_at != 0 &&
	    now - device->announced_at < ANNOUNCE_INTERVAL)
		return false;
	if (vn_control_post(device, CTRL_ANNOUNCE, CTRL_ANNOUNCE_ACK,
			    "ANNOUNCE_ACK"))
		return false;
	device->announced_at = now;
	return true;
}

static bool info_queue_broken(struct vionet_device *device)
{
	if (vn_control_check(device))
		return true;
	for (unsigned int i = 0; i < device->queue_pairs; i++)
		if (__atomic_load_n(&device->rx[i].error, __ATOMIC_ACQUIRE) ||
		    __atomic_load_n(&device->tx[i].error, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

int vionet_device_events(struct vionet_device *device, uint32_t *events)
{
	struct vn_transport *transport = device->transport;
	uint32_t happened = 0;
	int result;

	*events = 0;
	if (device->gone) {
		*events = VIONET_EVENT_GONE;
		return 0;
	}
	result = transport->ops->events(transport, &happened);
	if (result == -EAGAIN) {
		device->link_pending |= (happened & VIONET_EVENT_LINK) != 0;
		*events = happened & ~(uint32_t)VIONET_EVENT_LINK;
		return 0;
	}
	if (result == 0)
		result = info_status_events(device, &happened);
	if (result)
		return vn_error_prefix(result, "%s: events", device->name);
	if (happened & VIONET_EVENT_LINK)
		device->link_pending = true;
	happened &= ~(uint32_t)VIONET_EVENT_LINK;
	/* An unanswered request for an announcement is looked at again, too. */
	if (device->config.announce)
		device->link_pending = true;
	if (device->link_pending && !device->gone && info_link_changed(device))
		happened |= VIONET_EVENT_LINK;
	if (!device->gone && info_announcement_due(device))
		happened |= VIONET_EVENT_ANNOUNCE;
	if (device->started && info_queue_broken(device))
		happened |= VIONET_EVENT_QUEUE_BROKEN;
	*events = happened;
	return 0;
}

static int info_fill_info(struct vionet_device *device, struct vionet_device_info *info)
{
	struct vn_transport_limits limits;
	int result;

	result = device->transport->ops->limits(device->transport, &limits);
	if (result == 0)
		result = device->transport->ops->status_read(device->transport,
							     &info->status);
	if (result)
		return vn_error_prefix(result, "%s: info", device->name);
	memcpy(info->name, device->name, sizeof(info->name));
	vionet_text_clean(info->name);
	snprintf(info->transport, sizeof(info->transport), "%s",
		 device->transport->kind);
	info->offered = device->offered;
	info->negotiated = device->accepted;
	info->started = device->started;
	info->broken = device->broken;
	memcpy(info->mac, device->config.mac, sizeof(info->mac));
	info->mac_from_device = device->config.mac_from_device;
	info->mtu = device->config.mtu;
	info->link_up = device->config.link.up;
	info->link_known = device->config.link.known;
	info->link_speed = device->config.link.speed;
	info->link_duplex = device->config.link.duplex;
	info->max_queue_pairs = device->config.max_queue_pairs;
	info->queue_pairs = device->started ? (uint16_t)device->active_pairs : 1;
	info->queues = limits.queue_count;
	info->vectors = (uint16_t)limits.vector_max;
	info->header_size = device->header_size;
	info->page_size = limits.memory.page_size;
	info->page_sizes = limits.memory.page_sizes;
	info->mapped_bytes = limits.memory.mapped_bytes;
	info->mappings = limits.memory.mappings;
	info->mappings_left = limits.memory.mappings_left;
	vn_quarantine_count(device, &info->quarantined, &info->quarantined_packets);
	info->queue_groups = limits.groups;
	info->address_spaces = limits.spaces;
	info->unshown = device->read_back.unshown;
	info->unshown_count = device->read_back.unshown_count;
	return 0;
}

int vionet_device_info(struct vionet_device *device,
		       struct vionet_device_info *info)
{
	struct vionet_device_info i = { 0 };
	int result = vn_struct_check(info, "vionet_device_info");

	if (result)
		return vn_error_prefix(result, "%s", device->name);
	result = info_fill_info(device, &i);
	vn_struct_out(info, &i, sizeof(i));
	return result;
}

/* The control queue follows the pairs ("Virtqueues", NET-01), of which there is one
 * unless MQ or RSS was accepted; what the device has beyond that would be there only
 * with MQ. */
static void info_describe_role(const struct vionet_device *device,
			       unsigned int index, struct vionet_queue_info *info)
{
	unsigned int control = 2u * device->config.device_pairs;

	if (index < control)
		snprintf(info->role, sizeof(info->role), "%s %u",
			 index % 2 ? "tx" : "rx", index / 2);
	else if (index == control &&
		 vionet_feature_test(&device->offered, NET_F_CTRL_VQ))
		snprintf(info->role, sizeof(info->role), "control");
	else
		snprintf(info->role, sizeof(info->role), "only with MQ");
}

/* The queue with this index, if it is in use. */
static const struct vionet_queue *info_find_queue(const struct vionet_device *device,
						  unsigned int index)
{
	if (!device->started)
		return NULL;
	if (index < 2 * device->queue_pairs)
		return index % 2 ? &device->tx[index / 2] :
				   &device->rx[index / 2];
	if (device->control && index == device->control->queue.index)
		return &device->control->queue;
	return NULL;
}

static void info_describe_doorbell(const struct vn_doorbell *doorbell,
				   struct vionet_queue_info *info)
{
	if (doorbell->address)
		info->doorbell = VIONET_DOORBELL_MAPPED;
	else
		info->doorbell = doorbell->fd >= 0 ? VIONET_DOORBELL_EVENTFD :
						     VIONET_DOORBELL_CALL;
	info->doorbell_bits = (uint8_t)(8 * doorbell->width);
}

/* One that is not in use. */
static int info_describe_idle(struct vionet_device *device, unsigned int index,
			      struct vionet_queue_info *info)
{
	struct vn_transport *transport = device->transport;
	struct vn_doorbell doorbell = { .fd = 0, .width = 2 };
	int result = transport->ops->queue_max(transport, index, &info->size_max);

	/* It is an eventfd where the transport does not know. */
	if (result || info->size_max == 0)
		return result;
	/* One that leads nowhere is refused when the queue is set up. */
	if (!vn_transport_can(transport, VN_CAN_QUEUE_DOORBELL) ||
	    transport->ops->queue_doorbell(transport, index, &doorbell) == 0)
		info_describe_doorbell(&doorbell, info);
	return 0;
}

static int info_fill_queue_info(struct vionet_device *device, unsigned int index,
				struct vionet_queue_info *info)
{
	const struct vionet_queue *queue;
	int result;

	if (index >= device->limits.queue_count)
		return vn_error(ENOENT, "%s: there is no queue %u, the device has "
				"%u", device->name, index, device->limits.queue_count);
	info->index = (uint16_t)index;
	info->vector = -1;
	info_describe_role(device, index, info);
	queue = info_find_queue(device, index);
	if (!queue) {
		result = info_describe_idle(device, index, info);
		return result ? vn_error_prefix(result, "%s: queue %u",
						device->name, index) : 0;
	}
	info->size_max = queue->size_max;
	info->size = (uint16_t)queue->size;
	info->segments_max = queue->transmits ? queue->segments_max : 0;
	info->vector = queue->vector;
	info_describe_doorbell(&queue->doorbell, info);
	info->descriptor_area = queue->areas.descriptor.iova;
	info->driver_area = queue->areas.driver.iova;
	info->device_area = queue->areas.device.iova;
	return 0;
}

int vionet_device_queue_info(struct vionet_device *device, unsigned int index,
			     struct vionet_queue_info *info)
{
	struct vionet_queue_info i = { 0 };
	int result = vn_struct_check(info, "vionet_queue_info");

	if (result)
		return vn_error_prefix(result, "%s", device->name);
	result = info_fill_queue_info(device, index, &i);
	vn_struct_out(info, &i, sizeof(i));
	return result;
}

/* ---- of a PCI function ---- */

static int info_read_pci(struct vionet_device *device, struct vn_pci_details *details)
{
	int result;

	memset(details, 0, sizeof(*details));
	if (!vn_transport_can(device->transport, VN_CAN_PCI_DETAILS))
		return vn_error(ENOTSUP, "%s: it is no PCI function",
				device->name);
	result = device->transport->ops->pci_details(device->transport, details);
	return result ? vn_error_prefix(result, "%s: details", device->name) : 0;
}

int vionet_device_pci_details(struct vionet_device *device,
			      struct vionet_pci_details *details)
{
	struct vn_pci_details d;
	int result = vn_struct_check(details, "vionet_pci_details");

	if (result)
		return vn_error_prefix(result, "%s", device->name);
	result = info_read_pci(device, &d);
	vn_struct_out(details, &d.shown, sizeof(d.shown));
	return result;
}

/* An array of `there` elements of `size` bytes, as far as the caller has room. */
static uint32_t info_array_out(void *array, size_t stride, uint32_t capacity,
			       const void *ours, size_t size, uint32_t there)
{
	uint32_t count = there < capacity ? there : capacity;

	for (uint32_t i = 0; i < count; i++)
		vn_element_out(array, stride, i, (const uint8_t *)ours + i * size, size);
	return count;
}

static int info_array_begin(struct vionet_device *device, size_t stride,
			    const char *type, struct vn_pci_details *details,
			    uint32_t *count)
{
	int result = vn_stride_check(stride, type);

	*count = 0;
	return result ? vn_error_prefix(result, "%s", device->name) :
			info_read_pci(device, details);
}

int vionet_device_pci_capabilities(struct vionet_device *device,
				   struct vionet_pci_capability *capabilities,
				   size_t stride, uint32_t capacity,
				   uint32_t *count)
{
	struct vn_pci_details d;
	int result = info_array_begin(device, stride, "vionet_pci_capability", &d,
				      count);

	if (result == 0)
		*count = info_array_out(capabilities, stride, capacity, d.capability,
					sizeof(d.capability[0]),
					d.shown.capability_count);
	return result;
}

int vionet_device_pci_regions(struct vionet_device *device,
			      struct vionet_pci_region *regions, size_t stride,
			      uint32_t capacity, uint32_t *count)
{
	struct vn_pci_details d;
	int result = info_array_begin(device, stride, "vionet_pci_region", &d, count);

	if (result == 0)
		*count = info_array_out(regions, stride, capacity, d.region,
					sizeof(d.region[0]), d.shown.region_count);
	return result;
}

int vionet_device_pci_iova_ranges(struct vionet_device *device,
				  struct vionet_iova_range *ranges, size_t stride,
				  uint32_t capacity, uint32_t *count)
{
	struct vn_pci_details d;
	int result = info_array_begin(device, stride, "vionet_iova_range", &d, count);

	if (result == 0)
		*count = info_array_out(ranges, stride, capacity, d.iova_range,
					sizeof(d.iova_range[0]),
					d.shown.iova_range_count);
	return result;
}
