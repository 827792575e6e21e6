/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bringing a device or one queue back, and letting a device rest. Buffers are taken back only
 * from a device that has released them.
 *
 * Source: "Virtqueue Reset", "Device Status Field" (DEVICE_NEEDS_RESET), "Device
 * Suspend".
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/error.h>
#include <vionet/recovery.h>

#include "base/clock.h"
#include "base/abi.h"
#include "base/error.h"
#include "base/log.h"
#include "driver/control/command.h"
#include "driver/control/state.h"
#include "driver/device/negotiate.h"
#include "driver/device/reset.h"
#include "driver/device/sizes.h"
#include "driver/device/start.h"
#include "driver/net/pool.h"
#include "driver/queue/burst.h"
#include "driver/queue/open.h"
#include "driver/ring/kick.h"
#include "driver/spec/virtio.h"
#include "driver/state/health.h"

/* So many recoveries in so long a time, and it is left alone. */
#define RECOVERIES (sizeof(((struct vionet_device *)0)->recovered_at) / 8)
#define RECOVERY_WINDOW (10000 * VN_MS)

static double recovery_milliseconds_since(uint64_t begin)
{
	return (double)(vn_now() - begin) / (double)VN_MS;
}

/* ---- what is lost ---- */

/* What the device has delivered and the application will not receive. No more than the
 * queue holds: a device that goes on delivering does not keep us here. */
static uint64_t recovery_discard_received(struct vionet_queue *queue)
{
	struct vionet_packet *packets[32];
	uint64_t lost = 0;
	uint32_t count;

	do {
		count = queue->bursts->receive(queue, packets, 32);
		for (uint32_t i = 0; i < count; i++)
			vn_packet_free(packets[i]);
		lost += count;
	} while (count == 32 && lost < queue->size);
	return lost;
}

/* The caller's report, if there is one: all 0 so far. */
static int report_begin(struct vionet_recovery *report)
{
	const struct vionet_recovery none = { 0 };
	int result = report ? vn_struct_check(report, "vionet_recovery") : 0;

	if (report && result == 0)
		vn_struct_out(report, &none, sizeof(none));
	return result;
}

static void report_end(struct vionet_recovery *report, const struct vionet_recovery *done)
{
	if (report)
		vn_struct_out(report, done, sizeof(*done));
}

/* Count what a reset will cost; a broken queue says nothing more. */
static void recovery_count_losses(struct vionet_queue *queue,
				  struct vionet_recovery *report)
{
	if (queue->error)
		report->tx_unknown += queue->transmits ?
						    queue->outstanding : 0;
	else if (queue->transmits)
		report->tx_unknown += queue->bursts->reclaim(queue);
	else
		report->rx_lost += recovery_discard_received(queue);
}

/* ---- the whole device ---- */

/* Queues rest, or work: transmission on as many as are in use. */
static void recovery_pause_all(struct vionet_device *device, bool paused)
{
	for (unsigned int i = 0; i < device->queue_pairs; i++) {
		vn_queue_pause(&device->rx[i], paused);
		vn_queue_pause(&device->tx[i],
			       paused || i >= device->active_pairs);
	}
}

/* A device that needs it again at once is not helped by it. */
static int recovery_check_recoveries(struct vionet_device *device)
{
	uint64_t now = vn_now();

	if (device->recovered_at[0] != 0 &&
	    now - device->recovered_at[0] < RECOVERY_WINDOW)
		return vn_error(EAGAIN, "it has been recovered %zu times within %llu "
				"s; leave it alone, or close it", RECOVERIES,
				RECOVERY_WINDOW / (1000 * VN_MS));
	memmove(device->recovered_at, device->recovered_at + 1,
		sizeof(device->recovered_at) - sizeof(device->recovered_at[0]));
	device->recovered_at[RECOVERIES - 1] = now;
	return 0;
}

/* It has to be able to do what it did before. */
static int recovery_check_room(struct vionet_device *device)
{
	uint16_t most = 0;
	int result = 0;

	if (device->queue_pairs > device->config.device_pairs)
		return vn_error(ENOTSUP, "the device has come back with %u queue "
				"pairs, %u are in use",
				device->config.device_pairs, device->queue_pairs);
	for (unsigned int i = 0; i < 2 * device->queue_pairs && result == 0; i++) {
		result = device->transport->ops->queue_max(device->transport, i,
							   &most);
		if (result == 0 && most < device->plans[i].size)
			result = vn_error(ENOTSUP, "the device has come back with "
					  "%u entries for queue %u, %u are in use",
					  most, i, device->plans[i].size);
		if (result == 0 && i % 2 == 0)
			result = vn_device_check_rx_pool(device,
							 device->plans[i].pool);
	}
	return result;
}

static int recovery_bring_back(struct vionet_device *device)
{
	int result = vn_device_reset(device);

	vn_control_close(device);
	if (result == 0)
		result = vn_device_negotiate(device);
	if (result == 0)
		result = recovery_check_room(device);
	if (result == 0)
		result = vn_device_open_vectors(device);
	for (unsigned int i = 0; i < device->queue_pairs && result == 0; i++) {
		result = vn_queue_reopen(&device->rx[i], &device->plans[2 * i]);
		if (result == 0)
			result = vn_queue_reopen(&device->tx[i],
						 &device->plans[2 * i + 1]);
	}
	if (result == 0)
		result = vn_device_open_control(device);
	if (result == 0)
		result = vn_device_make_live(device);
	return result;
}

/* It cannot be recovered: it is left as after a stop. */
static void recovery_fail(struct vionet_device *device, int result)
{
	struct vn_error_kept why;

	vn_error_keep(&why);
	if (device->negotiated)
		vn_device_fail(device, result);
	else if (!device->gone && !device->quiesced)
		(void)vn_device_reset(device);
	device->started = false;
	vn_device_close_queues(device);
	vn_error(-result, "%s: recovery: %s; the device is stopped", device->name,
		 why.text);
	(void)vn_error_remedy(result, why.remedy, why.address);
}

int vionet_device_recover(struct vionet_device *device,
			  struct vionet_recovery *report)
{
	struct vionet_recovery done = { 0 };
	uint64_t begin = vn_now();
	int result = report_begin(report);

	if (result)
		return vn_error_prefix(result, "%s: recovery", device->name);
	if (!device->started)
		return vn_error(ENETDOWN, "%s: recovery: the device is not started",
				device->name);
	result = recovery_check_recoveries(device);
	if (result)
		return vn_error_prefix(result, "%s: recovery", device->name);
	for (unsigned int i = 0; i < device->queue_pairs && !device->gone; i++) {
		if (!device->suspended)
			recovery_count_losses(&device->rx[i], &done);
		recovery_count_losses(&device->tx[i], &done);
	}
	recovery_pause_all(device, true);
	vn_log(VIONET_LOG_INFO, "%s: recovery begins", device->name);
	result = recovery_bring_back(device);
	if (result) {
		recovery_fail(device, result);
		vn_log(VIONET_LOG_WARNING, "%s", vionet_error_text());
		report_end(report, &done);
		return result;
	}
	recovery_pause_all(device, false);
	done.milliseconds = recovery_milliseconds_since(begin);
	vn_log(VIONET_LOG_INFO, "%s: recovered within %.1f ms", device->name,
	       done.milliseconds);
	report_end(report, &done);
	return 0;
}

/* ---- one queue ---- */

static int recovery_check_queue(struct vionet_queue *queue)
{
	struct vionet_device *device = queue->device;
	int result = vn_control_need(device, F_RING_RESET, "resetting a queue");

	if (result == 0 && !device->live)
		result = vn_error(ENETDOWN, "%s: resetting a queue: the device is "
				  "%s", device->name, device->suspended ?
				  "suspended" : "not started");
	return result;
}

/* A queue that was reset has lost its own coalescing ("Notifications Coalescing", CVQ-48). */
static int recovery_restore_coalescing(struct vionet_queue *queue)
{
	const struct vn_ctrl_state *saved;
	struct vn_command command;
	uint8_t key[2];

	vn_put16(key, (uint16_t)queue->index);
	saved = vn_ctrl_state_find(queue->device, CTRL_NOTF_COAL, CTRL_NOTF_COAL_VQ_SET,
			    key, sizeof(key));
	if (!saved)
		return 0;
	command = (struct vn_command){
		.class = saved->class,
		.command = saved->command,
		.name = "COAL_VQ_SET",
		.data = saved->data,
		.size = saved->size,
	};
	return vn_control_command(queue->device, &command);
}

/* The device has released the queue: make it anew and put it to work. */
static int recovery_restart(struct vionet_queue *queue, struct vn_queue_plan *plan)
{
	struct vn_transport *transport = queue->device->transport;
	struct vionet_packet *none[1];
	int result;

	queue->released = true;
	result = vn_queue_reopen(queue, plan);
	if (result == 0)
		result = transport->ops->queue_enable(transport, queue->index);
	if (result)
		return result;
	if (!queue->transmits)
		(void)queue->bursts->receive(queue, none, 0);
	return recovery_restore_coalescing(queue);
}

static int recovery_renew(struct vionet_queue *queue, uint16_t size,
			  struct vionet_recovery *report)
{
	struct vionet_device *device = queue->device;
	struct vn_queue_plan *plan = &device->plans[queue->index];
	struct vionet_recovery done = { 0 };
	uint64_t begin = vn_now();
	int result = report_begin(report);

	if (result)
		return vn_error_prefix(result, "%s: queue %u", device->name,
				       queue->index);
	recovery_count_losses(queue, &done);
	vn_queue_pause(queue, true);
	result = device->transport->ops->queue_reset(device->transport, queue->index,
						     device->reset_timeout);
	if (result == 0) {
		plan->size = size;
		result = recovery_restart(queue, plan);
	}
	if (result) {
		report_end(report, &done);
		vn_queue_pause(queue, true);
		vn_queue_break(queue, VN_QERR_RESET, 0, 0);
		return vn_error_prefix(result, "%s: resetting %s queue %u",
				       device->name, queue->transmits ?
				       "transmit" : "receive", queue->pair);
	}
	vn_queue_pause(queue, queue->transmits &&
				      queue->pair >= device->active_pairs);
	done.milliseconds = recovery_milliseconds_since(begin);
	report_end(report, &done);
	return 0;
}

int vionet_queue_reset(struct vionet_queue *queue,
		       struct vionet_recovery *report)
{
	int result = recovery_check_queue(queue);

	return result ? result :
			recovery_renew(queue, queue->device->plans[queue->index].size,
				       report);
}

int vionet_queue_resize(struct vionet_queue *queue, uint32_t size,
			struct vionet_recovery *report)
{
	const struct vn_queue_plan *plan = &queue->device->plans[queue->index];
	int result = recovery_check_queue(queue);

	if (result)
		return result;
	if (!vn_device_size_fits(queue->device, size) || size > plan->size_max)
		return vn_error(EINVAL, "%s: queue %u: a size of %u; 2 to %u are "
				"possible, and powers of two only on split rings",
				queue->device->name, queue->index, size,
				plan->size_max);
	return recovery_renew(queue, (uint16_t)size, report);
}

/* ---- rest ---- */

static int recovery_check_suspendable(struct vionet_device *device)
{
	int result = vn_control_need(device, F_SUSPEND, "suspending");

	if (result == 0 && !device->started)
		result = vn_error(ENETDOWN, "%s: suspending: the device is not "
				  "started", device->name);
	return result;
}

static unsigned long long recovery_waited_ms(const struct vn_wait *wait, int result)
{
	uint64_t end = result == -ETIMEDOUT ? wait->end : vn_now();

	return (end - wait->begin) / VN_MS;
}

/* Set a status bit and wait until the device shows `up` and no `down` ("Device
 * Suspend", GEN-33, GEN-37). */
static int recovery_change_status(struct vionet_device *device, uint8_t up,
				  uint8_t down)
{
	struct vn_transport *transport = device->transport;
	struct vn_wait wait = vn_device_wait_begin(device, up == STATUS_SUSPEND ?
							 "suspend" : "resume");
	uint8_t status = 0;
	int result = transport->ops->status_read(transport, &status);

	if (result == 0)
		result = transport->ops->status_write(transport,
						      (uint8_t)(status | up));
	while (result == 0) {
		result = transport->ops->status_read(transport, &status);
		if (result)
			break;
		if (status & STATUS_DEVICE_NEEDS_RESET)
			return vn_error(EIO, "the device needs a reset");
		if ((status & up) && !(status & down))
			return 0;
		result = vn_device_wait(device, &wait);
		if (result)
			return vn_error(-result, "the device has not followed "
					"within %llu ms, its status reads 0x%02x; "
					"recover it",
					recovery_waited_ms(&wait, result), status);
	}
	if (result == -ENODEV)
		device->gone = true;
	return result;
}

int vionet_device_suspend(struct vionet_device *device)
{
	int result = recovery_check_suspendable(device);

	if (result || device->suspended)
		return result;
	/* From here on no buffer and no notification ("Device Suspend", GEN-34, GEN-35). */
	recovery_pause_all(device, true);
	device->live = false;
	device->suspended = true;
	result = recovery_change_status(device, STATUS_SUSPEND, STATUS_DRIVER_OK);
	return result ? vn_error_prefix(result, "%s: suspending", device->name) : 0;
}

int vionet_device_resume(struct vionet_device *device)
{
	int result = recovery_check_suspendable(device);

	if (result || !device->suspended)
		return result;
	result = recovery_change_status(device, STATUS_DRIVER_OK, STATUS_SUSPEND);
	if (result)
		return vn_error_prefix(result, "%s: resuming", device->name);
	device->suspended = false;
	device->live = true;
	recovery_pause_all(device, false);
	/* What was made available just before may not have been seen. */
	for (unsigned int i = 0; i < device->queue_pairs; i++) {
		if (device->rx[i].outstanding != 0)
			vn_queue_kick(&device->rx[i]);
		if (device->tx[i].outstanding != 0)
			vn_queue_kick(&device->tx[i]);
	}
	return 0;
}
