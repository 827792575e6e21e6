/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include <vionet/queue.h>

#include "base/error.h"
#include "driver/spec/virtio.h"
#include "driver/state/health.h"
#include "driver/state/queue.h"

/* ---- the device ---- */

/* What the device's status says. Our queues are dead, too, if another process reset it. */
enum vn_device_error vn_device_diagnose(int result, uint8_t status)
{
	/* A connection that ended for want of descriptors or memory does not come back either. */
	if (result)
		return result == -ENODEV || result == -EMFILE ? VN_DERR_GONE : VN_DERR_NONE;
	if (status & STATUS_DEVICE_NEEDS_RESET)
		return VN_DERR_NEEDS_RESET;
	return status & STATUS_DRIVER_OK ? VN_DERR_NONE : VN_DERR_RESET;
}

void vn_device_poll_error(struct vionet_device *device)
{
	struct vn_transport *transport = device->transport;
	struct vn_error_kept text;
	enum vn_device_error error;
	uint8_t status = 0;
	int result;

	if (!vn_transport_can(transport, VN_CAN_HEALTH))
		return;
	vn_error_keep(&text);
	result = transport->ops->health(transport, &status);
	(void)vn_error_restore(result, &text);
	error = vn_device_diagnose(result, status);
	if (error != VN_DERR_NONE)
		vn_device_set_error(device, error);
}

int vn_device_check(const struct vionet_device *device)
{
	switch (__atomic_load_n(&device->error, __ATOMIC_RELAXED)) {
	case VN_DERR_NONE:
		return 0;
	case VN_DERR_GONE:
		return vn_error(ENODEV, "%s: the device is gone; close it",
				device->name);
	case VN_DERR_RESET:
		return vn_error(EIO, "%s: the device was reset, but not by this "
				"driver; recover it, or stop and start it", device->name);
	default:
		return vn_error(EIO, "%s: the device needs a reset, or its back end "
				"has gone; recover it, or stop and start it",
				device->name);
	}
}

/* ---- a queue ---- */

const char *vn_queue_name(const struct vionet_queue *queue, char text[32])
{
	if (!queue->packets)
		snprintf(text, 32, "control queue");
	else
		snprintf(text, 32, "%s queue %u",
			 queue->transmits ? "transmit" : "receive", queue->pair);
	return text;
}

void vn_queue_break(struct vionet_queue *queue, enum vn_queue_error error,
		    uint32_t value, uint32_t limit)
{
	if (queue->error != VN_QERR_NONE)
		return;
	__atomic_store_n(&queue->error_value, value, __ATOMIC_RELAXED);
	__atomic_store_n(&queue->error_limit, limit, __ATOMIC_RELAXED);
	__atomic_store_n(&queue->error, (uint8_t)error, __ATOMIC_RELEASE);
}

static int health_check_reach(const struct vionet_queue *queue)
{
	if (__atomic_load_n(&queue->unreachable, __ATOMIC_RELAXED) !=
	    VN_UNREACHABLE_LAST)
		return 0;
	return vn_error(EXDEV, "%s: transmit queue %u: a packet's pool was made for "
			"another device; show it to this one too: vionet_pool_share",
			queue->device->name, queue->pair);
}

int vionet_queue_check(const struct vionet_queue *queue)
{
	uint8_t error = __atomic_load_n(&queue->error, __ATOMIC_ACQUIRE);
	uint32_t value = __atomic_load_n(&queue->error_value, __ATOMIC_RELAXED);
	uint32_t limit = __atomic_load_n(&queue->error_limit, __ATOMIC_RELAXED);
	char what[96], name[32];

	switch (error) {
	case VN_QERR_NONE:
		return vn_device_has_error(queue->device) ?
			       vn_device_check(queue->device) :
			       health_check_reach(queue);
	case VN_QERR_INDEX_JUMP:
		snprintf(what, sizeof(what), "the used index jumped by %u with %u "
			 "buffers outstanding", value, limit);
		break;
	case VN_QERR_ID_RANGE:
		snprintf(what, sizeof(what), "used id %u is out of range, the queue "
			 "has %u entries", value, limit);
		break;
	case VN_QERR_ID_NOT_IN_FLIGHT:
		snprintf(what, sizeof(what), "used id %u is not outstanding", value);
		break;
	case VN_QERR_ORDER:
		snprintf(what, sizeof(what), "used id %u is out of order, though the "
			 "device took IN_ORDER", value);
		break;
	case VN_QERR_RESET:
		snprintf(what, sizeof(what), "it could not be reset, or not be set "
			 "up again afterwards");
		break;
	default:
		snprintf(what, sizeof(what), "a packet of %u buffers on a queue of "
			 "%u entries", value, limit);
		break;
	}
	return vn_error(EIO, "%s: %s is broken by the device: %s; stop and start "
			"the device, or recover it", queue->device->name,
			vn_queue_name(queue, name), what);
}
