/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the ways in which the driver can ring: a region write, an eventfd, a page
 * that is mapped by the driver and looked at here; and judging what was written.
 * Never: looks into a queue.
 * Read next: loop.c (when the page is looked at).
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "softnic/event.h"
#include "softnic/fault/timed.h"
#include "softnic/net/net.h"
#include "softnic/ring/ring.h"
#include "softnic/vfio_user/server.h"
#include "softnic/text.h"

/* What a doorbell in the page holds while nobody rang: no queue has this index. */
#define SILENT 0xffffffffu

static struct notify *notify_of(const struct device *device)
{
	return &device->server->notify;
}

/* Not the index, so that a driver that writes the index is seen. */
uint16_t notify_data(const struct device *device, unsigned int index)
{
	(void)device;
	return (uint16_t)(0x0500u + index);
}

static uint64_t area_size(const struct device *device)
{
	uint64_t size = (uint64_t)device->options->notify_multiplier *
				device->queue_count +
			4;

	return (size + DMA_PAGE - 1) & -(uint64_t)DMA_PAGE;
}

/* ---- the page ---- */

static uint32_t *doorbell(const struct device *device, unsigned int index)
{
	return (uint32_t *)(void *)(notify_of(device)->page +
				    (size_t)index *
					    device->options->notify_multiplier);
}

static int open_page(struct device *device)
{
	struct notify *notify = notify_of(device);

	notify->page_fd = memfd_create("vionet-softnic doorbells",
				       MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (notify->page_fd < 0 ||
	    ftruncate(notify->page_fd, (off_t)(NOTIFY_OFFSET + notify->size)) < 0 ||
	    fcntl(notify->page_fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	notify->page = mmap(NULL, notify->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    notify->page_fd, NOTIFY_OFFSET);
	if (notify->page == MAP_FAILED) {
		notify->page = NULL;
		return -errno;
	}
	return 0;
}

static int open_events(struct device *device)
{
	struct notify *notify = notify_of(device);

	for (unsigned int i = 0; i < device->queue_count; i++) {
		notify->event[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (notify->event[i] < 0)
			return -errno;
	}
	return 0;
}

int notify_open(struct device *device)
{
	struct notify *notify = notify_of(device);
	int result = 0;

	notify->size = area_size(device);
	notify->page_fd = -1;
	for (unsigned int i = 0; i < QUEUES_MAX; i++)
		notify->event[i] = -1;
	if (device->options->notify == NOTIFY_PAGE)
		result = open_page(device);
	else if (device->options->notify == NOTIFY_EVENTFD)
		result = open_events(device);
	if (result < 0)
		complain("doorbells: %s", strerror(-result));
	else
		notify_reset(device);
	return result;
}

void notify_close(struct device *device)
{
	struct notify *notify = notify_of(device);

	for (unsigned int i = 0; i < QUEUES_MAX; i++) {
		if (notify->event[i] >= 0)
			close(notify->event[i]);
		notify->event[i] = -1;
	}
	if (notify->page != NULL)
		munmap(notify->page, notify->size);
	notify->page = NULL;
	if (notify->page_fd >= 0)
		close(notify->page_fd);
	notify->page_fd = -1;
}

int notify_renew(struct device *device)
{
	notify_close(device);
	return notify_open(device);
}

void notify_reset(struct device *device)
{
	struct notify *notify = notify_of(device);

	if (notify->page != NULL)
		memset(notify->page, 0xff, notify->size);
	for (unsigned int i = 0; i < device->queue_count; i++)
		(void)event_take(notify->event[i]);
}

/* ---- judging ---- */

/* Returns false if it got lost on the way. */
static bool ring(struct queue *queue)
{
	struct device *device = queue->device;

	if (!(device->status & (ST_DRIVER_OK | ST_SUSPEND)))
		breach(device, "GEN-28", "queue %u is notified before DRIVER_OK",
		       queue->index);
	if (device->status & ST_SUSPEND)
		breach(device, "GEN-35", "queue %u is notified while suspended",
		       queue->index);
	else if (device->server->registers.status_unread &&
		 (device->status & ST_DRIVER_OK) &&
		 has(&device->accepted, FT_SUSPEND))
		breach(device, "GEN-37",
		       "queue %u is notified before status showed the resume",
		       queue->index);
	if (misbehave_loses_ring(device)) {
		trace(device, "LOST KICK %u", queue->index);
		return false;
	}
	queue->kicked = true;
	queue->kicks++;
	device->server->kicks++;
	trace(device, "KICK %u", queue->index);
	misbehave_ring(queue);
	return true;
}

static void judge_width(struct device *device, unsigned int size)
{
	bool data = has(&device->accepted, FT_NOTIFICATION_DATA);

	if (data && size != 4)
		breach(device, "PCI-52",
		       "a notification of %u bits, with NOTIFICATION_DATA it has 32",
		       size * 8);
	else if (!data && size != 2)
		breach(device, "PCI-51",
		       "a notification of %u bits, without NOTIFICATION_DATA it has 16",
		       size * 8);
}

/* The queue that the value names, -1: none. */
static int named_queue(const struct device *device, uint32_t value)
{
	uint32_t name = value & 0xffff;

	if (has(&device->accepted, FT_NOTIF_CONFIG_DATA))
		name -= notify_data(device, 0);
	return name < device->queue_count ? (int)name : -1;
}

static const char *value_requirement(const struct device *device)
{
	bool data = has(&device->accepted, FT_NOTIFICATION_DATA);

	if (has(&device->accepted, FT_NOTIF_CONFIG_DATA))
		return data ? "PCI-56" : "PCI-55";
	return data ? "PCI-54" : "PCI-53";
}

/* `at`: the queue whose address it is, -1: one address for all. Returns false if it got
 * lost on the way. */
static bool rang(struct device *device, int at, uint32_t value,
		 unsigned int size)
{
	int named = named_queue(device, value);

	judge_width(device, size);
	if (named < 0 || (at >= 0 && named != at))
		breach(device, value_requirement(device),
		       "value 0x%x at the doorbell of queue %d", value, at);
	if (at < 0)
		at = named;
	if (at < 0)
		return true;
	if (!ring(&device->queue[at]))
		return false;
	if (size == 4 && has(&device->accepted, FT_NOTIFICATION_DATA) &&
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
		breach(device, "PCI-34",
		       "a notification at 0x%" PRIx64 ", where no queue has its doorbell",
		       offset);
		return;
	}
	(void)rang(device, multiplier ? (int)index : -1, (uint32_t)value, size);
}

void notify_event(struct queue *queue)
{
	if (event_take(notify_of(queue->device)->event[queue->index]))
		(void)ring(queue);
}

/* A write of 16 bits leaves the upper half as it was. */
static void page_rang(struct device *device, unsigned int index, uint32_t value)
{
	bool wide = value >> 16 != SILENT >> 16;

	if (device->options->notify_multiplier != 0) {
		/* All ones may be the data of a notification: nothing to judge. */
		if (!wide && has(&device->accepted, FT_NOTIFICATION_DATA))
			(void)ring(&device->queue[index]);
		else
			(void)rang(device, (int)index, value, wide ? 4 : 2);
		return;
	}
	/* One doorbell for all keeps only the last ring: any queue may have rung. */
	if (!rang(device, -1, value, wide ? 4 : 2))
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

	if (notify_of(device)->page == NULL)
		return false;
	for (unsigned int i = 0; i < count; i++) {
		uint32_t *bell = doorbell(device, i);
		uint32_t value;

		if (__atomic_load_n(bell, __ATOMIC_RELAXED) == SILENT)
			continue;
		/* Acquire: what the driver wrote before it rang is seen after. */
		value = le32toh(__atomic_exchange_n(bell, SILENT, __ATOMIC_ACQ_REL));
		page_rang(device, i, value);
		any = true;
	}
	return any;
}
