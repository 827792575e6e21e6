/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "bench/ring/transport.h"
#include "driver/device/open.h"
#include "driver/transport/transport.h"

struct bench_transport {
	struct vn_transport base; /* first */
	struct bench_device *device;
	uint64_t features;
	struct vionet_features accepted;
	uint8_t status;
	uint32_t doorbell[2]; /* a doorbell without a reader */
};

static struct bench_transport *of(struct vn_transport *transport)
{
	return (struct bench_transport *)transport;
}

static int features_read(struct vn_transport *t, struct vionet_features *offered)
{
	memset(offered, 0, sizeof(*offered));
	offered->word[0] = of(t)->features | 1ull << 5 | 1ull << 32 | 1ull << 33;
	return 0;
}

static int features_write(struct vn_transport *t,
			  const struct vionet_features *accepted)
{
	of(t)->accepted = *accepted;
	return 0;
}

static int status_read(struct vn_transport *t, uint8_t *status)
{
	*status = of(t)->status;
	return 0;
}

static int status_write(struct vn_transport *t, uint8_t status)
{
	of(t)->status = status;
	return 0;
}

static int config_read(struct vn_transport *t,
		       const struct vn_config_field *fields, unsigned int count)
{
	static const uint8_t config[32] = { 0x02, 0, 0, 0, 0, 1 };

	(void)t;
	for (unsigned int i = 0; i < count; i++)
		memcpy(fields[i].value, config + fields[i].offset,
		       fields[i].width);
	return 0;
}

static int queue_max(struct vn_transport *t, unsigned int index, uint16_t *size)
{
	(void)t;
	*size = index < 2 ? 32768 : 0;
	return 0;
}

static int queue_setup(struct vn_transport *t, unsigned int index, uint16_t size,
		       int *vector, const struct vn_ring_areas *areas,
		       struct vn_doorbell *doorbell)
{
	struct device_ring *b = &of(t)->device->queue[index];

	*vector = -1;
	b->size = size;
	b->packed = vionet_feature_test(&of(t)->accepted, 34);
	b->desc = areas->descriptor.address;
	b->driver = areas->driver.address;
	b->device = areas->device.address;
	device_ring_open(b);
	*doorbell = (struct vn_doorbell){
		.address = &of(t)->doorbell[index],
		.value = index,
		.width = vionet_feature_test(&of(t)->accepted, 38) ? 4 : 2,
	};
	return 0;
}

static int queue_enable(struct vn_transport *t, unsigned int index)
{
	(void)t, (void)index;
	return 0;
}

static int vectors(struct vn_transport *t, unsigned int wanted,
		   unsigned int *count)
{
	(void)t, (void)wanted;
	*count = 0;
	return 0;
}

/* The device lives here, so it may have our own addresses. */
static int memory_add(struct vn_transport *t, const struct vn_memory *memory,
		      enum vn_access access, uint64_t *iova)
{
	(void)t, (void)access;
	*iova = (uint64_t)(uintptr_t)memory->address;
	return 0;
}

static int memory_remove(struct vn_transport *t, uint64_t iova)
{
	(void)t, (void)iova;
	return 0;
}

static int limits(struct vn_transport *t, struct vn_transport_limits *limits)
{
	(void)t;
	memset(limits, 0, sizeof(*limits));
	limits->config_size = 32;
	limits->queue_count = 2;
	limits->memory.page_size = limits->memory.page_sizes = 4096;
	limits->memory.mappings_left = 1000;
	return 0;
}

static int events(struct vn_transport *t, uint32_t *events)
{
	(void)t;
	*events = 0;
	return 0;
}

static int close_transport(struct vn_transport *t)
{
	free(of(t));
	return 0;
}

static const struct vn_transport_ops operations = {
	.features_read = features_read, .features_write = features_write,
	.status_read = status_read, .status_write = status_write,
	.config_read = config_read, .queue_max = queue_max,
	.queue_setup = queue_setup, .queue_enable = queue_enable,
	.vectors = vectors,
	.memory_add = memory_add, .memory_remove = memory_remove,
	.limits = limits, .events = events, .close = close_transport,
};

static void must(int result, const char *what)
{
	if (result == 0)
		return;
	fprintf(stderr, "bench: %s: %s\n", what, vionet_error_text());
	exit(1);
}

void bench_device_start(struct bench_device *d, uint64_t features,
			uint32_t queue_size, uint32_t packets,
			enum touch touch, uint32_t length)
{
	struct vionet_start_options start = {
		.struct_size = sizeof(start),
		.flags = VIONET_START_NO_INTERRUPTS,
		.rx_queue_size = queue_size,
		.tx_queue_size = queue_size,
		.rx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.count = packets },
		.tx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.count = packets },
	};
	struct vionet_open_options open = { .struct_size = sizeof(open),
					    .want.word[0] = features };
	struct bench_transport *t = calloc(1, sizeof(*t));

	if (!t)
		exit(1);
	memset(d, 0, sizeof(*d));
	t->base.ops = &operations;
	t->base.kind = t->base.name = "bench";
	t->base.event_fd = t->base.removal_fd = -1;
	t->device = d;
	t->features = features;
	d->queue[0].touch = touch;
	d->queue[0].length = length;
	must(vn_device_open(&t->base, &open, &d->device), "open");
	must(vionet_device_start(d->device, &start), "start");
	d->rx = vionet_device_rx_queue(d->device, 0);
	d->tx = vionet_device_tx_queue(d->device, 0);
}

void bench_device_stop(struct bench_device *d)
{
	must(vionet_device_close(d->device), "close");
}
