/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands of the control queue, and what the device replies: whatever it writes, however much it
 * says that it wrote. The queue itself is the proof of the ring's.
 */
#include "any.h"

#include <vionet/stats.h>

#include "driver/control/command.h"
#include "driver/queue/rescue.h"
#include "driver/ring/slow_path.h"

#define ROOM 2048

static uint8_t request[8 + ROOM];
static volatile uint8_t reply[8 + ROOM];
static struct vionet_memory request_memory, reply_memory;
static struct vn_control control;
static struct vionet_device device;

int vn_queue_submit(struct vionet_queue *queue, const struct vn_element *elements, uint16_t readable,
		    uint16_t writable, vn_slot slot)
{
	return -(int)any(0, 1);
}

vn_slot vn_queue_collect(struct vionet_queue *queue, uint32_t *written)
{
	*written = any(0, UINT32_MAX);
	queue->error = (uint8_t)any(0, 7);
	return any_bool() ? 1 : 0;
}

void vn_queue_watchdog(struct vionet_queue *queue, uint64_t now)
{
}

/* The features that are accepted are any: why one is not is a text. */
unsigned int vionet_feature_missing(const struct vionet_features *features, unsigned int bit)
{
	return bit;
}

const char *vionet_feature_name(unsigned int bit)
{
	return "";
}

enum vionet_feature_use vionet_feature_use(unsigned int bit)
{
	return (enum vionet_feature_use)any(0, 2);
}

static int status_read(struct vn_transport *transport, uint8_t *status)
{
	*status = (uint8_t)any(0, UINT8_MAX);
	return -(int)any(0, 1);
}

int main(void)
{
	static const struct vn_transport_ops ops = { .status_read = status_read };
	static struct vn_transport transport = { .ops = &ops };
	static struct vionet_stat stats[3];
	uint32_t count;

	request_memory.memory.address = request;
	reply_memory.memory.address = (void *)reply;
	control.request = &request_memory;
	control.reply = &reply_memory;
	control.room = ROOM;
	control.open = true;
	control.pending = any_bool();
	control.queue.index = 2 * any(1, 4);
	control.queue.device = &device;
	device.control = &control;
	device.transport = &transport;
	device.live = any_bool();
	device.queue_pairs = any(1, 4);
	Frama_C_make_unknown((char *)&device.accepted, sizeof(device.accepted));
	(void)vionet_stats_read(&device, any(0, 9), stats, sizeof(stats[0]), any(0, 3), &count);
	Frama_C_show_each_end();
	return 0;
}
