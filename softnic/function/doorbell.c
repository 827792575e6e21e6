/* SPDX-License-Identifier: BSD-3-Clause */
/* The places where a driver can ring: an eventfd a queue, or a page that the driver maps and
 * that is looked at here. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "softnic/event.h"
#include "softnic/vfio_user/server.h"
#include "softnic/text.h"

static struct notify *doorbell_notify_of(const struct device *device)
{
	return &device->server->notify;
}

/* Not the index, so that a driver that writes the index is seen. */
uint16_t doorbell_data(const struct device *device, unsigned int index)
{
	(void)device;
	return (uint16_t)(0x0500u + index);
}

uint32_t doorbell_offset(void)
{
	uint32_t page = (uint32_t)dma_page();

	return page > NOTIFY_OFFSET ? page : NOTIFY_OFFSET;
}

static uint64_t doorbell_area_size(const struct device *device)
{
	uint64_t size = (uint64_t)device->options->notify_multiplier *
				device->queue_count +
			4;

	return (size + dma_page() - 1) & -dma_page();
}

uint32_t *doorbell_at(const struct device *device, unsigned int index)
{
	return (uint32_t *)(void *)(doorbell_notify_of(device)->page +
				    (size_t)index *
					    device->options->notify_multiplier);
}

static int doorbell_open_page(struct device *device)
{
	struct notify *notify = doorbell_notify_of(device);

	notify->page_fd = memfd_create("vionet-softnic doorbells",
				       MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (notify->page_fd < 0 ||
	    ftruncate(notify->page_fd, (off_t)(doorbell_offset() + notify->size)) < 0 ||
	    fcntl(notify->page_fd, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	notify->page = mmap(NULL, notify->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    notify->page_fd, doorbell_offset());
	if (notify->page == MAP_FAILED) {
		notify->page = NULL;
		return -errno;
	}
	return 0;
}

static int doorbell_open_events(struct device *device)
{
	struct notify *notify = doorbell_notify_of(device);

	for (unsigned int i = 0; i < device->queue_count; i++) {
		notify->event[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (notify->event[i] < 0)
			return -errno;
	}
	return 0;
}

int doorbells_open(struct device *device)
{
	struct notify *notify = doorbell_notify_of(device);
	int result = 0;

	notify->size = doorbell_area_size(device);
	notify->page_fd = -1;
	for (unsigned int i = 0; i < QUEUES_MAX; i++)
		notify->event[i] = -1;
	if (device->options->notify == NOTIFY_PAGE)
		result = doorbell_open_page(device);
	else if (device->options->notify == NOTIFY_EVENTFD)
		result = doorbell_open_events(device);
	if (result < 0)
		complain("doorbells: %s", strerror(-result));
	else
		doorbells_reset(device);
	return result;
}

void doorbells_close(struct device *device)
{
	struct notify *notify = doorbell_notify_of(device);

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

int doorbells_renew(struct device *device)
{
	doorbells_close(device);
	return doorbells_open(device);
}

void doorbells_reset(struct device *device)
{
	struct notify *notify = doorbell_notify_of(device);

	if (notify->page != NULL)
		memset(notify->page, 0xff, notify->size);
	for (unsigned int i = 0; i < device->queue_count; i++)
		(void)event_take(notify->event[i]);
}
