/* SPDX-License-Identifier: BSD-3-Clause */
/* A notification of the driver's has come, by a region write, an eventfd or the page: check
 * what was written, and wake the queue. */
#include <endian.h>
#include <inttypes.h>

#include "softnic/event.h"
#include "softnic/fault/lost.h"
#include "softnic/fault/timed.h"
#include "softnic/ring/ring.h"
#include "softnic/vfio_user/server.h"

/* Returns false if it got lost on the way. */
static bool notify_queue(struct queue *queue)
{
	struct device *device = queue->device;

	/* Of vhost-user the doorbells are the front end's: it may ring to begin with. */
	if (!(device->status & (ST_DRIVER_OK | ST_SUSPEND)) && device->options->transport->steps)
		violation(device, "GEN-28", "queue %u is notified before DRIVER_OK",
			  queue->index);
	if (device->status & ST_SUSPEND)
		violation(device, "GEN-35", "queue %u is notified while suspended",
			  queue->index);
	else if (device->server->registers.status_unread &&
		 (device->status & ST_DRIVER_OK) &&
		 features_have(&device->accepted, FT_SUSPEND))
		violation(device, "GEN-37",
			  "queue %u is notified before status showed the resume",
			  queue->index);
	if (fault_loses_doorbell(device)) {
		trace(device, "LOST KICK %u", queue->index);
		return false;
	}
	queue->kicked = true;
	queue->kicks++;
	device->server->kicks++;
	trace(device, "KICK %u", queue->index);
	fault_doorbell(queue);
	return true;
}

static void notify_check_width(struct device *device, unsigned int size)
{
	bool data = features_have(&device->accepted, FT_NOTIFICATION_DATA);

	if (data && size != 4)
		violation(device, "PCI-52",
			  "a notification of %u bits, with NOTIFICATION_DATA it has 32",
			  size * 8);
	else if (!data && size != 2)
		violation(device, "PCI-51",
			  "a notification of %u bits, without NOTIFICATION_DATA it has 16",
			  size * 8);
}

/* The queue that the value names, -1: none. */
static int notify_named_queue(const struct device *device, uint32_t value)
{
	uint32_t name = value & 0xffff;

	if (features_have(&device->accepted, FT_NOTIF_CONFIG_DATA))
		name -= doorbell_data(device, 0);
	return name < device->queue_count ? (int)name : -1;
}

static const char *notify_value_requirement(const struct device *device)
{
	bool data = features_have(&device->accepted, FT_NOTIFICATION_DATA);

	if (features_have(&device->accepted, FT_NOTIF_CONFIG_DATA))
		return data ? "PCI-56" : "PCI-55";
	return data ? "PCI-54" : "PCI-53";
}

/* `at`: the queue whose address it is, -1: one address for all. Returns false if it got
 * lost on the way. */
static bool notify_rang(struct device *device, int at, uint32_t value,
			unsigned int size)
{
	int named = notify_named_queue(device, value);

	notify_check_width(device, size);
	if (named < 0 || (at >= 0 && named != at))
		violation(device, notify_value_requirement(device),
			  "value 0x%x at the doorbell of queue %d", value, at);
	if (at < 0)
		at = named;
	if (at < 0)
		return true;
	if (!notify_queue(&device->queue[at]))
		return false;
	if (size == 4 && features_have(&device->accepted, FT_NOTIFICATION_DATA) &&
	    device->queue[at].enabled)
		ring_notified(&device->queue[at], value);
	return true;
}

void notify_write(struct device *device, uint64_t offset, uint64_t value,
		  unsigned int size)
{
	uint32_t multiplier = device->options->notify_multiplier;
	uint64_t index = multiplier ? offset / multiplier : 0;
	uint64_t rest = multiplier ? offset % multiplier : offset;

	if (rest != 0 || index >= device->queue_count) {
		violation(device, "PCI-34",
			  "a notification at 0x%" PRIx64 ", where no queue has its doorbell",
			  offset);
		return;
	}
	(void)notify_rang(device, multiplier ? (int)index : -1, (uint32_t)value, size);
}

void notify_event(struct queue *queue)
{
	if (event_take(queue->device->server->notify.event[queue->index]))
		(void)notify_queue(queue);
}

/* A write of 16 bits leaves the upper half as it was. */
static void notify_page_rang(struct device *device, unsigned int index, uint32_t value)
{
	bool wide = value >> 16 != SILENT >> 16;

	if (device->options->notify_multiplier != 0) {
		/* All ones may be the data of a notification: nothing to check. */
		if (!wide && features_have(&device->accepted, FT_NOTIFICATION_DATA))
			(void)notify_queue(&device->queue[index]);
		else
			(void)notify_rang(device, (int)index, value, wide ? 4 : 2);
		return;
	}
	/* One doorbell for all keeps only the last ring: any queue may have rung. */
	if (!notify_rang(device, -1, value, wide ? 4 : 2))
		return;
	for (unsigned int i = 0; i < device->queue_count; i++) {
		device->queue[i].kicked = device->queue[i].enabled;
		ring_wake(&device->queue[i]);
	}
}

bool notify_poll(struct device *device)
{
	unsigned int count = device->options->notify_multiplier ? device->queue_count : 1;
	bool any = false;

	if (device->server->notify.page == NULL)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		uint32_t *bell = doorbell_at(device, i);
		uint32_t value;

		if (__atomic_load_n(bell, __ATOMIC_RELAXED) == SILENT)
			continue;
		/* Acquire: what the driver wrote before it rang is seen after. */
		value = le32toh(__atomic_exchange_n(bell, SILENT, __ATOMIC_ACQ_REL));
		notify_page_rang(device, i, value);
		any = true;
	}
	return any;
}
