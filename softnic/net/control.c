/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control queue: taking commands apart, sending each to who does it, answering. Never
 * changes anything before a command is whole, and answers when it is done.
 */
#include <stdlib.h>

#include "softnic/net/internal.h"

enum { CLASS_RX, CLASS_MAC, CLASS_VLAN, CLASS_ANNOUNCE, CLASS_MQ, CLASS_OFFLOADS,
       CLASS_MODERATION, CLASS_TUNNEL, CLASS_STATS, CLASS_RSS_CONTEXT };

#define ACK_OK 0u
#define ACK_ERR 1u

#define COMMAND_HEAD 2u
#define COMMAND_MAX (COMMAND_HEAD + 65536u) /* longer is no command */
#define RESULT_MAX 65536u

static bool command_announce(struct command *command)
{
	struct net *net = command->net;

	if (command->number != 0 || !net_has(net, FT_GUEST_ANNOUNCE))
		return false;
	config_announced(net);
	return true;
}

static bool command_offloads(struct command *command)
{
	struct net *net = command->net;
	uint64_t mask, extra;

	if (command->number != 0 || command->length != 8 ||
	    !net_has(net, FT_CTRL_GUEST_OFFLOADS))
		return false;
	mask = net_le64(command->data);
	extra = mask & ~net_offloads(net);
	if (extra) {
		violation(net->device, "CVQ-40", "GUEST_OFFLOADS_SET: bits 0x%llx "
			  "belong to no negotiated feature",
			  (unsigned long long)extra);
		return false;
	}
	net->guest = mask;
	return true;
}

static bool control_execute(struct command *command)
{
	static bool (*const classes[])(struct command *) = {
		[CLASS_RX] = command_filter_mode,
		[CLASS_MAC] = command_mac,
		[CLASS_VLAN] = command_vlan,
		[CLASS_ANNOUNCE] = command_announce,
		[CLASS_MQ] = command_mq,
		[CLASS_OFFLOADS] = command_offloads,
		[CLASS_MODERATION] = command_moderation,
		[CLASS_TUNNEL] = command_hash_tunnel,
		[CLASS_STATS] = command_stats,
		[CLASS_RSS_CONTEXT] = command_rss_context,
	};

	device_exercise(command->net->device, EX_CONTROL);
	if (command->class >= sizeof(classes) / sizeof(classes[0]))
		return false;
	device_exercise(command->net->device, EX_CLASS + command->class);
	return classes[command->class](command);
}

/* ---- buffers ---- */

static void control_gather(const struct buffer *buffer, uint8_t *to)
{
	unsigned int i;

	for (i = 0; i < buffer->readable; i++) {
		memcpy(to, buffer->element[i].address, buffer->element[i].length);
		to += buffer->element[i].length;
	}
}

static void control_scatter(const struct buffer *buffer, const uint8_t *from,
			    uint32_t size)
{
	const struct element *element = buffer->element + buffer->readable;
	uint32_t part;

	for (; size; element++, from += part, size -= part) {
		part = element->length < size ? element->length : size;
		memcpy(element->address, from, part);
	}
}

/* Bytes of the answer: ack and result. `result` has its room already. */
static uint32_t control_answer(struct net *net, const struct buffer *buffer,
			       const uint8_t *data, uint8_t *result)
{
	struct command command = {
		.net = net,
		.class = data[0],
		.number = data[1],
		.data = data + COMMAND_HEAD,
		.length = (uint32_t)buffer->readable_bytes - COMMAND_HEAD,
		.result = result + 1,
		.room = (uint32_t)buffer->writable_bytes - 1,
	};

	if (command.room > RESULT_MAX)
		command.room = RESULT_MAX;
	net->commands++;
	net->commands_ok++; /* as "including the current command" asks */
	result[0] = ACK_ERR;
	if (control_execute(&command))
		result[0] = ACK_OK;
	if (result[0] != ACK_OK) {
		net->commands_ok--;
		command.written = 0;
	}
	trace(net->device, "COMMAND %u.%u %u bytes: %s", command.class,
	      command.number, command.length,
	      result[0] == ACK_OK ? "ok" : "error");
	if (net_fault(net, FAULT_CTRL_ACK_UNKNOWN))
		result[0] = 0x77;
	return 1 + command.written;
}

static uint32_t control_serve(struct net *net, const struct buffer *buffer)
{
	uint8_t *data, *result;
	uint32_t size = 0;

	if (buffer->readable_bytes < COMMAND_HEAD || buffer->writable_bytes < 1 ||
	    buffer->readable_bytes > COMMAND_MAX) {
		violation(net->device, "CVQ-01", "control buffer %u: %llu readable "
			  "and %llu writable bytes are no command", buffer->id,
			  (unsigned long long)buffer->readable_bytes,
			  (unsigned long long)buffer->writable_bytes);
		return 0;
	}
	data = malloc((size_t)buffer->readable_bytes);
	result = calloc(1, RESULT_MAX + 1);
	if (data && result) {
		control_gather(buffer, data);
		size = control_answer(net, buffer, data, result);
		control_scatter(buffer, result, size);
	}
	free(data);
	free(result);
	return size;
}

/* ---- faults ---- */

/* Does this command have to wait, or for ever? */
static bool control_withheld(struct net *net)
{
	if (net_fault(net, FAULT_CTRL_NEVER_ANSWERED))
		return true;
	if (net_fault(net, FAULT_CTRL_NEEDS_RESET)) {
		needs_reset(net->device);
		return true;
	}
	if (!net_fault(net, FAULT_CTRL_ANSWERS_LATE))
		return false;
	if (net->late == 0)
		net->late = clock_now() + SECOND;
	if (clock_now() < net->late)
		return true;
	net->late = 0;
	return false;
}

bool control_waits(const struct net *net, unsigned int index)
{
	return index == device_control_index(net->device) &&
	       (net->late || net_fault(net, FAULT_CTRL_NEVER_ANSWERED));
}

int64_t control_deadline(const struct net *net)
{
	uint64_t now;

	if (net->late == 0)
		return -1;
	now = clock_now();
	return net->late > now ? (int64_t)(net->late - now) : 0;
}

/* ---- the queue ---- */

bool control_run(struct net *net)
{
	struct device *device = net->device;
	unsigned int index = device_control_index(device);
	struct buffer buffer;
	struct queue *queue;
	uint32_t written, left;
	bool moved = false;

	if (index == QUEUES_MAX || !net->queue[index].started)
		return false;
	queue = &device->queue[index];
	/* A driver that makes buffers available as fast as it gets them back does not have
	 * the device to itself. */
	for (left = queue->size; left > 0 && device_is_live(device) && !queue->broken; left--) {
		if (ring_take(queue, &buffer) <= 0)
			break;
		if (net->faults && control_withheld(net)) {
			ring_untake(queue, 1);
			break;
		}
		written = control_serve(net, &buffer);
		if (net_fault(net, FAULT_CTRL_OTHER_ID))
			buffer.id = (uint16_t)(buffer.id + 1) % queue->size;
		ring_give(queue, &buffer, net_fault(net, FAULT_CTRL_LENGTH_ZERO) ? 0 : written);
		ring_flush(queue);
		moved = true;
	}
	return moved;
}
