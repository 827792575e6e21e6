/* SPDX-License-Identifier: BSD-3-Clause */
/* The measured loop over vionet. */
#include <vionet/vionet.h>

typedef struct vionet_packet packet;

#include "bench/compare/loop.h"

#define QUEUES_MAX 16

static struct vionet_device *device;
static struct vionet_pool *pool;
static struct vionet_queue *rx[QUEUES_MAX], *tx[QUEUES_MAX];

static int failed(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, vionet_error_text());
	return -1;
}

static void choose(struct vionet_features *avoid, struct vionet_features *need,
		   const char *name, bool wanted)
{
	int bit = vionet_feature_bit(name);
	struct vionet_features *set = wanted ? need : avoid;

	if (bit >= 0)
		set->word[bit / 64] |= 1ull << bit % 64;
}

/* One pool for both directions, as DPDK's loop has it. */
static int start(void)
{
	struct vionet_pool_options buffers = { .struct_size = sizeof(buffers),
					       .count = o.queues * 2 * o.size + 1024 };
	struct vionet_pool *pools[QUEUES_MAX];
	struct vionet_start_options options = {
		.struct_size = sizeof(options),
		.flags = o.interrupts ? 0 : VIONET_START_NO_INTERRUPTS,
		.rx_queue_size = o.size,
		.tx_queue_size = o.size,
		.queue_pairs = o.queues,
	};

	if (vionet_pool_create(device, &buffers, &pool))
		return failed("pool");
	for (uint32_t i = 0; i < o.queues; i++)
		pools[i] = pool;
	options.rx_pools = options.tx_pools = pools;
	if (o.queues == 1) {
		options.rx_pools = options.tx_pools = NULL;
		options.rx_pool = options.tx_pool = pool;
	}
	if (vionet_device_start(device, &options))
		return failed("start");
	for (uint32_t i = 0; i < o.queues; i++) {
		rx[i] = vionet_device_rx_queue(device, i);
		tx[i] = vionet_device_tx_queue(device, i);
	}
	return 0;
}

/* Without the features that DPDK's loop does not use. */
static void avoid_what_dpdk_does_not_ask(struct vionet_open_options *options)
{
	static const char *const names[] = { "CSUM",      "GUEST_CSUM", "HOST_TSO4",
					     "HOST_TSO6", "HOST_ECN",   "HOST_UFO" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		choose(&options->avoid, &options->need, names[i], false);
}

static int driver_open(void)
{
	struct vionet_open_options options = { .struct_size = sizeof(options) };
	char name[VIONET_NAME_MAX];

	avoid_what_dpdk_does_not_ask(&options);
	choose(&options.avoid, &options.need, "RING_PACKED", o.packed);
	choose(&options.avoid, &options.need, "IN_ORDER", o.in_order);
	choose(&options.avoid, &options.need, "EVENT_IDX", o.event_idx);
	choose(&options.avoid, &options.need, "MRG_RXBUF", o.mergeable);
	snprintf(name, sizeof(name), "vhost-user:%s,wait=10", o.socket);
	if (vionet_device_open(name, &options, &device))
		return failed(name);
	return start();
}

static void driver_close(void)
{
	(void)vionet_device_close(device);
}

static uint32_t driver_alloc(packet **packets, uint32_t count)
{
	count = vionet_packet_alloc(pool, packets, count);
	for (uint32_t i = 0; i < count; i++)
		packets[i]->length = FRAME;
	return count;
}

static inline uint32_t driver_transmit(uint32_t queue, packet **packets, uint32_t count)
{
	return vionet_queue_transmit(tx[queue], packets, count);
}

static inline uint32_t driver_receive(uint32_t queue, packet **packets, uint32_t max)
{
	return vionet_queue_receive(rx[queue], packets, max);
}

static inline const uint8_t *driver_frame(const packet *p)
{
	return p->data;
}

static void driver_free(packet **packets, uint32_t count)
{
	vionet_packet_free(packets, count);
}

static int driver_wait(void)
{
	return vionet_queue_wait(rx[0], 0, 1000);
}

static int64_t driver_kicks(void)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	uint64_t kicks = 0;

	for (uint32_t i = 0; i < o.queues; i++) {
		vionet_queue_stats(rx[i], &stats);
		kicks += stats.kicks;
		vionet_queue_stats(tx[i], &stats);
		kicks += stats.kicks;
	}
	return (int64_t)kicks;
}
