/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the life of a device: open, negotiate, start, stop, close, in the order
 * that the specification asks for, with a limit on every wait.
 * Never: touches a register (transports do) or a ring (queues do).
 * Read next: driver/queue.h.
 *
 * Source: "Device Initialization", "Device Reset", "Device Cleanup".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/vionet.h>

#include "base/clock.h"
#include "base/error.h"
#include "driver/device.h"
#include "driver/feature.h"
#include "driver/pool.h"
#include "driver/queue.h"
#include "driver/spec_net.h"
#include "driver/spec_virtio.h"

#define QUEUE_SIZE_DEFAULT 256u

/* Every option that there is. */
#define OPEN_FLAGS                                                  \
	((unsigned int)(VIONET_OPEN_ASSUME_IOMMU |                  \
			VIONET_OPEN_NO_HUGEPAGES |                  \
			VIONET_OPEN_WRITABLE_RINGS))
#define START_FLAGS ((unsigned int)VIONET_START_NO_INTERRUPTS)

const char *vionet_version(void)
{
	return VIONET_VERSION;
}

/* ---- status ---- */

static int read_status(struct vionet_device *device, uint8_t *status)
{
	int result = device->transport->ops->status_read(device->transport,
							 status);

	if (result == -ENODEV)
		device->gone = true;
	return result;
}

/* Add a bit to the status, and see that the device took it. */
static int add_status(struct vionet_device *device, uint8_t bit,
		      const char *name)
{
	uint8_t status = 0;
	int result = read_status(device, &status);

	if (result == 0)
		result = device->transport->ops->status_write(
			device->transport, (uint8_t)(status | bit));
	if (result == 0)
		result = read_status(device, &status);
	if (result == 0 && (status & bit) == 0)
		return vn_error(EIO, "the device does not take %s, its status reads "
				"0x%02x", name, status);
	return result;
}

static int wait_reset(struct vionet_device *device)
{
	uint64_t end = vn_now() + VN_RESET_TIMEOUT;
	uint8_t status = 0;
	int result;

	for (;;) {
		result = read_status(device, &status);
		if (result || status == 0)
			return result;
		if (vn_now() >= end)
			return vn_error(ETIMEDOUT, "the device has not finished its "
					"reset within 1 s, its status reads 0x%02x",
					status);
		vn_sleep(VN_MS / 10);
	}
}

/* The status register first, as the specification says; a device that does not
 * answer there is reset through the bus. */
int vn_device_reset(struct vionet_device *device)
{
	struct vn_transport *transport = device->transport;
	int result = transport->ops->status_write(transport, 0);

	if (result == 0)
		result = wait_reset(device);
	if (result && result != -ENODEV && transport->ops->reset(transport) == 0)
		result = wait_reset(device);
	device->negotiated = false;
	/* Even a device that says so is kept from memory until it is used. */
	if (transport->ops->dma(transport, false) && result == 0)
		result = -EIO;
	device->quiet = result == 0;
	device->broken = result != 0;
	if (device->quiet)
		vn_device_memory_sweep(device);
	return result;
}

/* ---- negotiation ---- */

/* Steps 4 to 6 of the initialization. */
static int settle_features(struct vionet_device *device)
{
	struct vn_transport *transport = device->transport;
	struct vionet_features offered, accepted;
	char names[512];
	uint8_t status = 0;
	int result = transport->ops->features_read(transport, &offered);

	if (result)
		return result;
	device->offered = offered;
	vn_config_correct_offer(device, &offered);
	result = vn_features_choose(&offered, &device->avoid, &device->need,
				    transport->confined ||
					    device->flags & VIONET_OPEN_ASSUME_IOMMU,
				    &accepted);
	/* An application has sized its buffers by the features it saw at open. */
	if (result == 0 && device->settled &&
	    !vn_features_equal(&device->accepted, &accepted))
		result = vn_error(ENOTSUP, "the device would now take other features "
				  "than when it was opened: %s; close it and open "
				  "it again", vn_features_text(&accepted, names,
							       sizeof(names)));
	if (result == 0)
		result = transport->ops->features_write(transport, &accepted);
	if (result == 0)
		result = read_status(device, &status);
	if (result == 0)
		result = transport->ops->status_write(
			transport, (uint8_t)(status | STATUS_FEATURES_OK));
	if (result == 0)
		result = read_status(device, &status);
	if (result == 0 && (status & STATUS_FEATURES_OK) == 0)
		result = vn_error(ENOTSUP, "the device refuses this set of features: "
				  "%s; leave some of them out with --avoid",
				  vn_features_text(&accepted, names,
						   sizeof(names)));
	if (result == 0) {
		device->usable = offered;
		device->accepted = accepted;
	}
	return result;
}

/* Steps 1 to 6. On failure the device is told so, and left reset. */
static int negotiate(struct vionet_device *device)
{
	int result = vn_device_reset(device);

	if (result)
		return result;
	result = add_status(device, STATUS_ACKNOWLEDGE, "ACKNOWLEDGE");
	if (result == 0)
		result = add_status(device, STATUS_DRIVER, "DRIVER");
	if (result == 0)
		result = settle_features(device);
	if (result == 0)
		result = vn_config_read(device, &device->config);
	if (result && !device->gone) {
		char why[VIONET_ERROR_TEXT_MAX];

		/* The clean-up may fail too; what counts is the first cause. */
		snprintf(why, sizeof(why), "%s", vionet_error_text());
		(void)add_status(device, STATUS_FAILED, "FAILED");
		(void)vn_device_reset(device);
		vn_error(-result, "%s", why);
		return result;
	}
	device->header_size = sizeof(struct net_hdr);
	device->reported = device->config.link;
	device->link_pending = false;
	device->negotiated = result == 0;
	return result;
}

/* ---- open and close ---- */

static int check_queues(const struct vionet_device *device)
{
	uint16_t size = 0;
	int result = 0;

	for (unsigned int i = 0; i < 2 && result == 0; i++) {
		result = device->transport->ops->queue_max(device->transport, i,
							   &size);
		if (result == 0 && size == 0)
			return vn_error(EIO, "the device has no %s queue 0; it is "
					"broken", i ? "transmit" : "receive");
	}
	return result;
}

int vn_device_open(struct vn_transport *transport,
		   const struct vionet_open_options *options,
		   struct vionet_device **device)
{
	struct vionet_device *d = calloc(1, sizeof(*d));
	int result;

	*device = NULL;
	if (!d) {
		(void)transport->ops->close(transport);
		return vn_error(ENOMEM, "no memory");
	}
	d->transport = transport;
	d->quiet = true;
	snprintf(d->name, sizeof(d->name), "%s", transport->name);
	if (options) {
		d->flags = options->flags;
		d->avoid = options->avoid;
		d->need = options->need;
	}
	result = transport->ops->limits(transport, &d->limits);
	if (result == 0)
		result = negotiate(d);
	if (result == 0)
		result = check_queues(d);
	if (result) {
		vn_error_prefix(result, "%s", d->name);
		(void)transport->ops->close(transport);
		free(d);
		return result;
	}
	d->settled = true;
	*device = d;
	return 0;
}

int vionet_device_open(const char *name,
		       const struct vionet_open_options *options,
		       struct vionet_device **device)
{
	struct vn_transport *transport;
	int result;

	*device = NULL;
	if (options && (options->flags & ~OPEN_FLAGS) != 0)
		return vn_error(EINVAL, "%.*s: open: unknown flags 0x%x",
				VIONET_NAME_MAX, name,
				options->flags & ~OPEN_FLAGS);
	result = vn_transport_open(name, &transport);
	return result ? result : vn_device_open(transport, options, device);
}

int vionet_device_close(struct vionet_device *device)
{
	int result, closed;

	if (!device)
		return 0;
	result = vionet_device_stop(device);
	if (result == 0 && !device->gone && device->negotiated)
		result = vn_device_reset(device);
	/* From here on the kernel keeps the device from our memory. */
	closed = device->transport->ops->close(device->transport);
	device->quiet = false;
	while (device->pools)
		vn_pool_destroy_forced(device->pools);
	vn_device_memory_abandon(device);
	if (result == 0)
		result = closed;
	free(device);
	return result;
}

/* ---- start and stop ---- */

/* A packed ring may be of any size (SPLIT-01, PACKED-01). */
static int check_size(const struct vionet_device *device, uint32_t size)
{
	bool packed = vionet_feature_test(&device->accepted, F_RING_PACKED);

	if (size == 0 || (size >= 2 && size <= QUEUE_SIZE_MAX &&
			  (packed || (size & (size - 1)) == 0)))
		return 0;
	return vn_error(EINVAL, "queue size %u is not %s from 2 to %d", size,
			packed ? "a number" : "a power of two", QUEUE_SIZE_MAX);
}

/* What is wrong whatever the device says, before anything is touched. */
static int check_options(const struct vionet_device *device,
			 const struct vionet_start_options *o)
{
	int result = check_size(device, o->rx_queue_size);

	if (result == 0)
		result = check_size(device, o->tx_queue_size);
	if (result == 0 && (o->flags & ~START_FLAGS) != 0)
		result = vn_error(EINVAL, "unknown flags 0x%x",
				  o->flags & ~START_FLAGS);
	return result;
}

static int settle_size(struct vionet_device *device, uint32_t wanted,
		       struct vn_queue_plan *plan)
{
	uint16_t most = 0;
	int result = device->transport->ops->queue_max(device->transport,
						       plan->index, &most);

	if (result)
		return result;
	if (wanted == 0)
		wanted = QUEUE_SIZE_DEFAULT;
	if (wanted > most && vionet_feature_test(&device->accepted, F_RING_PACKED))
		wanted = most;
	while (wanted > most)
		wanted /= 2;
	if (wanted < 2)
		return vn_error(EIO, "queue %u: the device allows %u entries, at "
				"least 2 are needed", plan->index, most);
	plan->size = (uint16_t)wanted;
	plan->size_max = most;
	return 0;
}

/* A pool for a queue: the application's, or one made here. */
static int settle_pool(struct vionet_device *device, struct vionet_pool *given,
		       const struct vionet_pool_options *options, uint16_t size,
		       enum vionet_access access, struct vionet_pool **own,
		       struct vionet_pool **pool)
{
	struct vionet_pool_options o = *options;
	uint32_t frame = device->config.mtu ? device->config.mtu + 18u : 1518u;
	int result;

	*pool = given;
	if (given) {
		if (given->device != device)
			return vn_error(EINVAL, "the pool belongs to another device");
		return 0;
	}
	if (o.count == 0)
		o.count = 4u * size;
	if (o.access == 0)
		o.access = access;
	if (o.buffer_size == 0 && frame > 1984)
		o.buffer_size = frame;
	result = vionet_pool_create(device, &o, own);
	*pool = *own;
	return result;
}

/* Without mergeable buffers a frame has to fit into one (NET-57, NET-58). */
static int check_rx_pool(const struct vionet_device *device,
			 const struct vionet_pool *pool)
{
	uint32_t frame = (device->config.mtu ? device->config.mtu : 1500u) + 14u;

	if (pool->access != VN_DEVICE_WRITES)
		return vn_error(EINVAL, "the receive pool was made for transmitting "
				"only; make it with VIONET_DEVICE_WRITES");
	if (!vionet_feature_test(&device->accepted, NET_F_MRG_RXBUF) &&
	    pool->buffer_size < frame)
		return vn_error(EINVAL, "the receive pool has buffers of %u bytes; "
				"without MRG_RXBUF a frame of %u must fit into one",
				pool->buffer_size, frame);
	return 0;
}

static int open_pools(struct vionet_device *device,
		      const struct vionet_start_options *o,
		      struct vn_queue_plan *rx, struct vn_queue_plan *tx)
{
	int result = settle_pool(device, o->rx_pool, &o->rx_pool_options,
				 rx->size, VIONET_DEVICE_WRITES,
				 &device->own_rx_pool, &rx->pool);

	if (result == 0)
		result = check_rx_pool(device, rx->pool);
	if (result == 0)
		result = settle_pool(device, o->tx_pool, &o->tx_pool_options,
				     tx->size, VIONET_DEVICE_READS,
				     &device->own_tx_pool, &tx->pool);
	return result;
}

/* Vector 0 is for configuration changes, the rest for queues, as far as they
 * go. */
static int open_vectors(struct vionet_device *device, unsigned int flags,
			struct vn_queue_plan *rx, struct vn_queue_plan *tx)
{
	unsigned int wanted = flags & VIONET_START_NO_INTERRUPTS ? 0 : 3;
	unsigned int count = 0;
	int result = device->transport->ops->vectors(device->transport, wanted,
						     &count);

	rx->vector = count > 1 ? 1 : -1;
	tx->vector = count > 2 ? 2 : -1;
	return result;
}

static int open_queues(struct vionet_device *device,
		       const struct vionet_start_options *o)
{
	struct vn_queue_plan rx = { .index = 0 }, tx = { .index = 1 };
	int result = settle_size(device, o->rx_queue_size, &rx);

	if (result == 0)
		result = settle_size(device, o->tx_queue_size, &tx);
	if (result == 0)
		result = open_pools(device, o, &rx, &tx);
	if (result == 0)
		result = open_vectors(device, o->flags, &rx, &tx);
	if (result == 0)
		result = vn_queue_open(device->rx, device, &rx);
	if (result == 0)
		result = vn_queue_open(device->tx, device, &tx);
	return result;
}

/* All fields of all queues are set; enable them and go (steps 7 and 8). The
 * device reads memory from here on, so it is no longer quiet. */
static int go(struct vionet_device *device)
{
	struct vn_transport *transport = device->transport;
	int result;

	device->quiet = false;
	result = transport->ops->dma(transport, true);
	if (result == 0)
		result = transport->ops->queue_enable(transport, 0);
	if (result == 0)
		result = transport->ops->queue_enable(transport, 1);
	if (result == 0)
		result = add_status(device, STATUS_DRIVER_OK, "DRIVER_OK");
	return result;
}

static void close_queues(struct vionet_device *device)
{
	unsigned int none;

	if (!device->gone)
		(void)device->transport->ops->vectors(device->transport, 0,
						      &none);
	for (unsigned int i = 0; i < device->queue_pairs; i++) {
		vn_queue_close(&device->rx[i]);
		vn_queue_close(&device->tx[i]);
	}
	free(device->rx);
	free(device->tx);
	device->rx = NULL;
	device->tx = NULL;
	device->queue_pairs = 0;
	/* The packets of a device that is not quiet are still its: their pools stay
	 * in the device's list until it is closed. */
	if (device->quiet && device->own_rx_pool)
		vn_pool_destroy_forced(device->own_rx_pool);
	if (device->quiet && device->own_tx_pool)
		vn_pool_destroy_forced(device->own_tx_pool);
	device->own_rx_pool = NULL;
	device->own_tx_pool = NULL;
}

static int start(struct vionet_device *device,
		 const struct vionet_start_options *options)
{
	int result = device->negotiated ? 0 : negotiate(device);

	if (result)
		return result;
	device->rx = calloc(1, sizeof(*device->rx));
	device->tx = calloc(1, sizeof(*device->tx));
	if (!device->rx || !device->tx)
		return vn_error(ENOMEM, "no memory for queues");
	device->queue_pairs = 1;
	result = open_queues(device, options);
	if (result == 0)
		result = go(device);
	return result;
}

int vionet_device_start(struct vionet_device *device,
			const struct vionet_start_options *options)
{
	static const struct vionet_start_options defaults;
	struct vionet_packet *none[1];
	char why[VIONET_ERROR_TEXT_MAX];
	int result;

	if (device->started)
		return vn_error(EALREADY, "%s: it is started already",
				device->name);
	if (device->gone)
		return vn_error(ENODEV, "%s: the device is gone; close it",
				device->name);
	if (!options)
		options = &defaults;
	result = check_options(device, options);
	if (result)
		return vn_error_prefix(result, "%s: start", device->name);
	result = start(device, options);
	if (result == 0) {
		device->started = true;
		/* The first call posts the buffers and kicks. */
		(void)device->rx->bursts->receive(device->rx, none, 0);
		return 0;
	}
	snprintf(why, sizeof(why), "%s", vionet_error_text());
	if (!device->gone)
		(void)vn_device_reset(device);
	close_queues(device);
	vn_error(-result, "%s", why);
	return vn_error_prefix(result, "%s: start", device->name);
}

int vionet_device_stop(struct vionet_device *device)
{
	int result;

	if (!device->started)
		return 0;
	result = vn_device_reset(device);
	device->started = false;
	close_queues(device);
	return result ? vn_error_prefix(result, "%s: stop", device->name) : 0;
}

struct vionet_queue *vionet_device_rx_queue(struct vionet_device *device,
					    unsigned int pair)
{
	return device->started && pair < device->queue_pairs ?
		       &device->rx[pair] : NULL;
}

struct vionet_queue *vionet_device_tx_queue(struct vionet_device *device,
					    unsigned int pair)
{
	return device->started && pair < device->queue_pairs ?
		       &device->tx[pair] : NULL;
}
