/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control queue's commands, from the request to the reply.
 *
 * Source: "Network Device / Device Operation / Control Virtqueue". A command is a
 * chain: class and command, data, all for the device to read; then the ack and the
 * result, for it to write ("Control Virtqueue", CVQ-01). Each part has a descriptor of
 * its own, which is what devices are used to.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/order.h"
#include "driver/control/command.h"
#include "driver/memory/memory.h"
#include "driver/queue/open.h"
#include "driver/queue/rescue.h"
#include "driver/ring/ring.h"
#include "driver/ring/slow_path.h"
#include "driver/state/health.h"

/* Request: class and command, then the data on a boundary. Reply: the ack, then
 * the result. */
#define DATA_AT 8u
#define RESULT_AT 8u
#define ACK_AT 7u

/* Descriptors of the longest command. */
#define PARTS 4u

/* The control queue needs one command's worth; more would lie idle. */
#define SIZE_WANTED 16u

/* What the ack holds until the device writes it. */
#define UNWRITTEN 0xff

/* Waiting begins by spinning: software answers in microseconds. */
#define SPIN (50 * VN_MS / 1000)
#define PAUSE_MIN (20 * VN_MS / 1000)
#define PAUSE_MAX VN_MS

/* How often the device's health is looked at while it is waited for. */
#define HEALTH_INTERVAL (5 * VN_MS)

/* ---- making ---- */

static int ctrl_make_slot(struct vionet_device *device, struct vn_control *control,
			  uint32_t room)
{
	int result = vn_device_memory_alloc(device, DATA_AT + room,
					    VN_DEVICE_READS, VN_FOR_CONTROL,
					    &control->request);

	if (result == 0)
		result = vn_device_memory_alloc(device, RESULT_AT + room,
						VN_DEVICE_WRITES, VN_FOR_CONTROL,
						&control->reply);
	control->room = room;
	return result;
}

static int ctrl_plan_queue(struct vionet_device *device, unsigned int index,
			   struct vn_queue_plan *plan)
{
	uint16_t most = 0;
	int result = device->transport->ops->queue_max(device->transport, index,
						       &most);

	if (result)
		return result;
	if (most < PARTS)
		return vn_error(EIO, "the device has %u entries for the control "
				"queue (queue %u), a command takes up to %u; it "
				"can be used without, by avoiding CTRL_VQ", most,
				index, PARTS);
	*plan = (struct vn_queue_plan){
		.index = index,
		.size = most < SIZE_WANTED ? PARTS : SIZE_WANTED,
		.size_max = most,
		.vector = -1,
	};
	return 0;
}

uint64_t vn_control_memory(const struct vionet_device *device, uint32_t room)
{
	return vn_memory_size(DATA_AT + room, false) +
	       vn_memory_size(RESULT_AT + room, false) +
	       vn_ring_memory(&device->accepted, SIZE_WANTED, false);
}

int vn_control_open(struct vionet_device *device, unsigned int index,
		    uint32_t room)
{
	struct vn_queue_plan plan;
	struct vn_control *control = vn_alloc_lines(1, sizeof(*control));
	int result;

	if (!control)
		return vn_error(ENOMEM, "no memory for the control queue");
	device->control = control;
	result = ctrl_plan_queue(device, index, &plan);
	if (result == 0)
		result = ctrl_make_slot(device, control, room);
	if (result == 0)
		result = vn_queue_open(&control->queue, device, &plan);
	if (result) {
		struct vn_error_kept why;

		vn_error_keep(&why);
		vn_control_close(device);
		return vn_error_restore(result, &why);
	}
	control->open = true;
	return 0;
}

void vn_control_close(struct vionet_device *device)
{
	struct vn_control *control = device->control;

	if (!control)
		return;
	vn_queue_close(&control->queue);
	vn_device_memory_free(control->request);
	vn_device_memory_free(control->reply);
	free(control);
	device->control = NULL;
}

/* ---- the reply ---- */

static int ctrl_check_error(struct vn_control *control)
{
	return control->queue.error ? vionet_queue_check(&control->queue) : 0;
}

/* Is there a reply? Then the slot is ours again. What is not our buffer breaks the
 * queue. */
static bool ctrl_reap(struct vn_control *control, uint32_t *written)
{
	struct vionet_queue *queue = &control->queue;

	if (vn_queue_collect(queue, written) == 0)
		return false;
	control->pending = false;
	return true;
}

/* The device needs a reset, or is gone: no reply will come ("Device Status
 * Field", GEN-04). */
static int ctrl_check_health(struct vionet_device *device)
{
	uint8_t status = 0;
	int result = device->transport->ops->status_read(device->transport,
							 &status);

	if (result == -ENODEV)
		device->gone = true;
	if (result)
		return result;
	if (status & STATUS_DEVICE_NEEDS_RESET)
		return vn_error(EIO, "the device needs a reset");
	if ((status & STATUS_DRIVER_OK) == 0)
		return vn_error(EIO, "the device was reset, but not by this driver");
	return 0;
}

/* Sleep a little, longer each time. */
static void ctrl_pause_once(uint64_t *pause)
{
	vn_sleep(*pause);
	*pause = *pause * 2 < PAUSE_MAX ? *pause * 2 : PAUSE_MAX;
}

/*
 * Wait for the device to give the slot back. Returns 0; -ETIMEDOUT once
 * `control->until` has passed; or what cuts the wait short.
 */
static int ctrl_wait(struct vionet_device *device, uint32_t *written)
{
	struct vn_control *control = device->control;
	uint64_t now = vn_now(), begin = now, pause = PAUSE_MIN;
	uint64_t looked = now;
	int result;

	while (!ctrl_reap(control, written)) {
		result = ctrl_check_error(control);
		if (result)
			return result;
		now = vn_now();
		if (now >= control->until)
			return -ETIMEDOUT;
		if (now - looked >= HEALTH_INTERVAL) {
			looked = now;
			result = ctrl_check_health(device);
			if (result)
				return result;
		}
		vn_queue_watchdog(&control->queue, now);
		if (now - begin < SPIN)
			VN_CPU_RELAX();
		else
			ctrl_pause_once(&pause);
	}
	return 0;
}

/* Read the ack, once, and copy what there is of a result: no more than the device
 * says it wrote, and no more than there is room for. */
static int ctrl_take_reply(struct vn_control *control, struct vn_command *command,
			   uint32_t written)
{
	const volatile uint8_t *reply = control->reply->memory.address;
	uint8_t ack = written >= 1 ? vn_load8(&reply[ACK_AT]) : UNWRITTEN;
	uint32_t length = written >= 1 ? written - 1 : 0;

	if (ack != CTRL_OK) {
		control->refused++;
		return ack == CTRL_ERR ?
			       vn_error(EREMOTEIO, "%s: the device refuses it",
					command->name) :
		       ack == UNWRITTEN ?
			       vn_error(EREMOTEIO, "%s: the device took it and "
						   "wrote no ack",
					command->name) :
			       vn_error(EREMOTEIO, "%s: the device's ack is %u, "
						   "neither OK nor ERR",
					command->name, ack);
	}
	if (length > command->result_size)
		length = command->result_size;
	for (uint32_t i = 0; i < length; i++)
		((uint8_t *)command->result)[i] = vn_load8(&reply[RESULT_AT + i]);
	command->result_length = length;
	return 0;
}

/* ---- the request ---- */

static struct vn_element ctrl_part(const struct vionet_memory *memory,
				   uint32_t offset, uint32_t length)
{
	return (struct vn_element){
		.iova = memory->iova + offset,
		.length = length,
	};
}

/* The slot is ours: fill it and hand it over. */
static int ctrl_submit(struct vionet_device *device, const struct vn_command *command)
{
	struct vn_control *control = device->control;
	uint8_t *request = control->request->memory.address;
	uint8_t *reply = control->reply->memory.address;
	struct vn_element parts[PARTS];
	uint16_t readable = 0, writable = 0;
	int result;

	request[0] = command->class;
	request[1] = command->command;
	if (command->size != 0)
		memcpy(request + DATA_AT, command->data, command->size);
	memset(reply, 0, RESULT_AT + command->result_size);
	reply[ACK_AT] = UNWRITTEN;

	parts[readable++] = ctrl_part(control->request, 0, 2);
	if (command->size != 0)
		parts[readable++] = ctrl_part(control->request, DATA_AT, command->size);
	parts[readable + writable++] = ctrl_part(control->reply, ACK_AT, 1);
	if (command->result_size != 0)
		parts[readable + writable++] = ctrl_part(control->reply, RESULT_AT,
							 command->result_size);

	snprintf(control->name, sizeof(control->name), "%s", command->name);
	control->until = vn_now() + device->control_timeout;
	result = vn_queue_submit(&control->queue, parts, readable, writable,
				 (uintptr_t)control);
	if (result)
		return vn_error(-result, "%s: the control queue does not take it",
				command->name);
	control->pending = true;
	vn_count(&control->queue.counters.packets, 1);
	return 0;
}

/* Is there a queue, and does the device listen? */
static int ctrl_check_state(struct vionet_device *device)
{
	if (device->gone)
		return vn_error(ENODEV, "the device is gone; close it");
	if (!device->live)
		return vn_error(ENETDOWN, device->suspended ?
				"the device is suspended; resume it first" :
				"the device is not started");
	if (!device->control)
		return vn_error(ENOTSUP, "the device has no control queue: CTRL_VQ "
				"was not negotiated");
	return ctrl_check_error(device->control);
}

/* Get the slot back from a command that was posted, or has had no reply in time (tests/models/control.pml). */
static int ctrl_reinitialize(struct vionet_device *device)
{
	struct vn_control *control = device->control;
	bool overdue = vn_now() >= control->until;
	uint32_t written;
	int result;

	if (!control->pending)
		return 0;
	result = ctrl_wait(device, &written);
	if (result == 0) {
		control->late += overdue;
		return 0;
	}
	if (result == -ETIMEDOUT)
		return vn_error(EBUSY, "the device has not answered an earlier "
				"command yet (%s); recover it if it does not",
				control->name);
	return result;
}

static int ctrl_check_size(const struct vn_control *control,
			   const struct vn_command *command)
{
	if (command->size <= control->room && command->result_size <= control->room)
		return 0;
	return vn_error(EMSGSIZE, "%s: %u bytes, at most %u are possible",
			command->name, command->size > command->result_size ?
					       command->size :
					       command->result_size,
			control->room);
}

int vn_control_command(struct vionet_device *device, struct vn_command *command)
{
	uint32_t written = 0;
	int result = ctrl_check_state(device);

	if (result == 0)
		result = ctrl_check_size(device->control, command);
	if (result == 0)
		result = ctrl_reinitialize(device);
	if (result)
		return result;
	result = ctrl_submit(device, command);
	if (result)
		return result;
	result = ctrl_wait(device, &written);
	if (result == 0)
		return ctrl_take_reply(device->control, command, written);
	device->control->unanswered++;
	if (result == -ETIMEDOUT)
		return vn_error(ETIMEDOUT, "%s: the device has not answered within "
				"%llu ms", command->name,
				(unsigned long long)(device->control_timeout /
						     VN_MS));
	return vn_error_prefix(result, "%s", command->name);
}

int vn_control_post(struct vionet_device *device, uint8_t class, uint8_t command,
		    const char *name)
{
	struct vn_command c = { .class = class, .command = command, .name = name };
	uint32_t written;
	int result = ctrl_check_state(device);

	if (result)
		return result;
	if (device->control->pending && !ctrl_reap(device->control, &written))
		return vn_error(EBUSY, "%s: the device has not answered an earlier "
				"command yet", name);
	return ctrl_submit(device, &c);
}

int vn_control_check(struct vionet_device *device)
{
	struct vn_control *control = device->control;
	uint32_t written;

	if (!control)
		return 0;
	if (ctrl_check_error(control))
		return vionet_queue_check(&control->queue);
	if (!control->pending || ctrl_reap(control, &written) ||
	    vn_now() < control->until)
		return 0;
	return vn_error(EIO, "control queue: %s has not been answered in time",
			control->name);
}

/* Is it a feature that is accepted only if the caller wants it, and did not? */
static bool ctrl_unwanted(const struct vionet_device *device, unsigned int bit)
{
	return vionet_feature_test(&device->offered, bit) &&
	       !vionet_feature_test(&device->avoid, bit) &&
	       vionet_feature_use(bit) == VIONET_FEATURE_ON_REQUEST &&
	       !vionet_feature_test(&device->want, bit) &&
	       !vionet_feature_test(&device->need, bit);
}

/* Why a feature was not accepted whose own needs were. */
static const char *ctrl_not_accepted(const struct vionet_device *device,
				     unsigned int bit)
{
	if (!vionet_feature_test(&device->offered, bit))
		return "the device does not offer";
	if (vionet_feature_test(&device->avoid, bit))
		return "was avoided at open";
	if (ctrl_unwanted(device, bit))
		return "has to be wanted at open (`want`)";
	return "the device offers and cannot do with its queues";
}

int vn_control_need(struct vionet_device *device, unsigned int bit,
		    const char *what)
{
	unsigned int lacks = vionet_feature_missing(&device->accepted, bit);
	const char *name = vionet_feature_name(bit);
	int result;

	if (device->gone)
		return vn_error(ENODEV, "%s: %s: the device is gone; close it",
				device->name, what);
	if (vionet_feature_test(&device->accepted, bit))
		return 0;
	if (lacks == bit)
		result = vn_error(ENOTSUP, "%s: %s needs the feature %s, which %s",
				  device->name, what, name,
				  ctrl_not_accepted(device, bit));
	else
		result = vn_error(ENOTSUP,
				  "%s: %s needs the feature %s, and that %s, which %s",
				  device->name, what, name, vionet_feature_name(lacks),
				  ctrl_not_accepted(device, lacks));
	if (ctrl_unwanted(device, lacks))
		return vn_error_remedy(result, VIONET_REMEDY_WANT, NULL);
	return result;
}
