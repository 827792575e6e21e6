/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues, their vectors, the control queue behind them, and the order in which they come to
 * life. How many and how large is sizes.c's.
 *
 * Source: "Device Initialization" step 7, "Network Device / Virtqueues",
 * "Automatic receive steering in multiqueue mode".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/vionet.h>

#include "base/abi.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "driver/control/command.h"
#include "driver/control/replay.h"
#include "driver/control/state.h"
#include "driver/control/steering.h"
#include "driver/device/negotiate.h"
#include "driver/device/reset.h"
#include "driver/device/sizes.h"
#include "driver/device/start.h"
#include "driver/net/pool.h"
#include "driver/queue/burst.h"
#include "driver/queue/open.h"
#include "driver/spec/net.h"
#include "driver/spec/virtio.h"
#include "driver/state/health.h"

#define START_FLAGS                                                 \
	((unsigned int)(VIONET_START_NO_INTERRUPTS |                \
			VIONET_START_NO_TX_POOL))

/* ---- options ---- */

/* A packed ring may be of any size ("Split Virtqueues" and "Packed Virtqueues",
 * SPLIT-01, PACKED-01). */
bool vn_device_size_fits(const struct vionet_device *device, uint32_t size)
{
	return size >= 2 && size <= QUEUE_SIZE_MAX &&
	       ((size & (size - 1)) == 0 ||
		vionet_feature_test(&device->accepted, F_RING_PACKED));
}

static int start_check_size(const struct vionet_device *device, uint32_t size)
{
	if (size == 0 || vn_device_size_fits(device, size))
		return 0;
	return vn_error(EINVAL, "queue size %u is not %s from 2 to %d", size,
			vionet_feature_test(&device->accepted, F_RING_PACKED) ?
				"a number" : "a power of two", QUEUE_SIZE_MAX);
}

/* What is wrong whatever the device says, before anything is touched. */
static int start_check_options(const struct vionet_device *device,
			       const struct vionet_start_options *o)
{
	int result = start_check_size(device, o->rx_queue_size);

	if (result == 0)
		result = start_check_size(device, o->tx_queue_size);
	if (result == 0 && (o->flags & ~START_FLAGS) != 0)
		result = vn_error(EINVAL, "unknown flags 0x%x",
				  o->flags & ~START_FLAGS);
	if (result == 0 && o->queue_pairs > VIONET_QUEUE_PAIRS_MAX)
		result = vn_error(EINVAL, "%u queue pairs; at most %d are possible",
				  o->queue_pairs, VIONET_QUEUE_PAIRS_MAX);
	if (result == 0 && (o->flags & VIONET_START_NO_TX_POOL) &&
	    (o->tx_pool || o->tx_pools))
		result = vn_error(EINVAL, "a transmit pool is given, and "
				  "VIONET_START_NO_TX_POOL says that there is none");
	if (result == 0 && o->queue_pairs > 1 && (o->rx_pool || o->tx_pool))
		result = vn_error(EINVAL, "one pool for %u queue pairs: a pool is "
				  "one thread's; give one for each pair in rx_pools "
				  "and tx_pools", o->queue_pairs);
	return result;
}

static int start_check_pairs(const struct vionet_device *device, unsigned int pairs)
{
	if (pairs <= device->config.device_pairs)
		return 0;
	if (device->config.device_pairs < device->config.max_queue_pairs)
		return vn_error(ENOTSUP, "%u queue pairs need MQ or RSS, and neither "
				"was accepted", pairs);
	return vn_error(ENOTSUP, "the device has %u queue pair%s, not %u",
			device->config.device_pairs,
			device->config.device_pairs == 1 ? "" : "s", pairs);
}

/* ---- vectors ---- */

/*
 * Vector 0 is for configuration changes, the rest for queues: one each if that can
 * be; else one a pair; else pairs share them in turn. Queues without one are polled.
 */
static void start_assign_vectors(struct vionet_device *device, unsigned int count)
{
	unsigned int pairs = device->queue_pairs, queues = 2 * pairs;
	unsigned int left = count > 1 ? count - 1 : 0;

	for (unsigned int i = 0; i < queues; i++) {
		struct vn_queue_plan *plan = &device->plans[i];

		plan->shared = left < queues;
		if (left == 0)
			plan->vector = -1;
		else if (left >= queues)
			plan->vector = (int)(1 + i);
		else
			plan->vector = (int)(1 + i / 2 % left);
	}
}

int vn_device_open_vectors(struct vionet_device *device)
{
	unsigned int wanted = 1 + 2 * device->queue_pairs, count = 0;
	int result;

	if (device->vectors_max != 0 && wanted > device->vectors_max)
		wanted = device->vectors_max;
	if (device->start_flags & VIONET_START_NO_INTERRUPTS)
		wanted = 0;
	result = device->transport->ops->vectors(device->transport, wanted,
						 &count);
	start_assign_vectors(device, count);
	return result;
}

/* ---- queues ---- */

int vn_device_open_control(struct vionet_device *device)
{
	if (!vionet_feature_test(&device->accepted, NET_F_CTRL_VQ))
		return 0;
	return vn_control_open(device, 2u * device->config.device_pairs,
			       vn_control_room(device));
}

static int start_open_queues(struct vionet_device *device,
			     const struct vionet_start_options *o)
{
	unsigned int pairs = device->queue_pairs;
	int result = vn_plan_queues(device, o);

	if (result == 0)
		result = vn_device_open_vectors(device);
	for (unsigned int i = 0; i < pairs && result == 0; i++) {
		result = vn_queue_open(&device->rx[i], device,
				       &device->plans[2 * i]);
		if (result == 0)
			result = vn_queue_open(&device->tx[i], device,
					       &device->plans[2 * i + 1]);
	}
	if (result == 0)
		result = vn_device_open_control(device);
	return result;
}

static int start_enable_queues(struct vionet_device *device)
{
	struct vn_transport *transport = device->transport;
	int result = 0;

	for (unsigned int i = 0; i < 2 * device->queue_pairs && result == 0; i++)
		result = transport->ops->queue_enable(transport, i);
	if (result == 0 && device->control)
		result = transport->ops->queue_enable(
			transport, device->control->queue.index);
	return result;
}

/* All fields of all queues are set; enable them and go (steps 7 and 8). The
 * device reads memory from here on, so it is no longer quiesced. */
int vn_device_make_live(struct vionet_device *device)
{
	struct vionet_packet *none[1];
	int result = 0;

	device->quiesced = false;
	vn_device_set_error(device, VN_DERR_NONE);
	if (vn_transport_can(device->transport, VN_CAN_DMA))
		result = device->transport->ops->dma(device->transport, true);
	if (result == 0)
		result = start_enable_queues(device);
	if (result == 0)
		result = vn_device_add_status(device, STATUS_DRIVER_OK,
					      "DRIVER_OK");
	if (result)
		return result;
	device->live = true;
	/* The first call posts the buffers and kicks. */
	for (unsigned int i = 0; i < device->queue_pairs; i++)
		(void)device->rx[i].bursts->receive(&device->rx[i], none, 0);
	result = vn_filter_begin(device);
	if (result == 0)
		result = vn_ctrl_state_replay(device);
	return result;
}

void vn_device_close_queues(struct vionet_device *device)
{
	unsigned int none;

	if (!device->gone)
		(void)device->transport->ops->vectors(device->transport, 0,
						      &none);
	vn_control_close(device);
	for (unsigned int i = 0; i < device->queue_pairs; i++) {
		vn_queue_close(&device->rx[i]);
		vn_queue_close(&device->tx[i]);
	}
	/* The packets of a device that is not quiesced are still its: their pools go
	 * into quarantine with the queues. */
	for (unsigned int i = 0; i < 2 * device->queue_pairs; i++) {
		struct vionet_pool *pool = device->plans[i].pool;

		if (pool && pool->own && device->quiesced)
			vn_pool_destroy_forced(pool);
		else if (pool && pool->own)
			pool->abandoned = true;
	}
	free(device->rx);
	free(device->tx);
	free(device->plans);
	device->rx = NULL;
	device->tx = NULL;
	device->plans = NULL;
	device->queue_pairs = 0;
	device->active_pairs = 0;
	vn_ctrl_state_forget_queues(device);
}

/* ---- start and stop ---- */

static int start_device(struct vionet_device *device,
			const struct vionet_start_options *options)
{
	unsigned int pairs = options->queue_pairs ? options->queue_pairs : 1;
	int result;

	/* Another back end may have come. */
	if (vn_transport_can(device->transport, VN_CAN_RECONNECT))
		vn_pools_wipe(device);
	result = device->negotiated ? 0 : vn_device_negotiate(device);
	if (result == 0)
		result = start_check_pairs(device, pairs);
	if (result)
		return result;
	device->rx = vn_alloc_lines(pairs, sizeof(*device->rx));
	device->tx = vn_alloc_lines(pairs, sizeof(*device->tx));
	device->plans = calloc(2 * pairs, sizeof(*device->plans));
	if (!device->rx || !device->tx || !device->plans)
		return vn_error(ENOMEM, "no memory for queues");
	device->queue_pairs = pairs;
	device->active_pairs = 1;
	device->start_flags = options->flags;
	device->vectors_max = options->vectors;
	result = start_open_queues(device, options);
	if (result == 0)
		result = vn_device_make_live(device);
	if (result == 0 && pairs > 1)
		result = vn_steering_begin(device, pairs);
	return result;
}

int vionet_device_start(struct vionet_device *device,
			const struct vionet_start_options *options)
{
	struct vionet_start_options o = { .struct_size = sizeof(o) };
	struct vn_error_kept why;
	int result;

	if (device->started)
		return vn_error(EALREADY, "%s: it is started already",
				device->name);
	if (device->gone)
		return vn_error(ENODEV, "%s: the device is gone; close it",
				device->name);
	result = options ? vn_struct_in(&o, sizeof(o), options,
					"vionet_start_options") : 0;
	if (result == 0)
		result = start_check_options(device, &o);
	if (result)
		return vn_error_prefix(result, "%s: start", device->name);
	result = start_device(device, &o);
	if (result == 0) {
		device->started = true;
		vn_log(VIONET_LOG_INFO, "%s: started: %u queue pairs, rings of %u and %u",
		       device->name, device->queue_pairs, device->plans[0].size,
		       device->plans[1].size);
		return 0;
	}
	vn_error_keep(&why);
	/* If it was the negotiation, that has said so itself. */
	if (device->negotiated)
		vn_device_fail(device, result);
	vn_device_close_queues(device);
	(void)vn_error_restore(result, &why);
	return vn_error_prefix(result, "%s: start", device->name);
}

int vionet_device_stop(struct vionet_device *device)
{
	struct vn_error_kept why;
	int result;

	if (!device->started)
		return 0;
	result = vn_device_reset(device);
	vn_error_keep(&why);
	device->started = false;
	vn_device_close_queues(device);
	vn_log(VIONET_LOG_INFO, "%s: stopped%s%s", device->name, result ? ": " : "",
	       result ? why.text : "");
	(void)vn_error_restore(result, &why);
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
