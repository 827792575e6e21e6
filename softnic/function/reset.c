/* SPDX-License-Identifier: BSD-3-Clause */
/* Back to the beginning: of a queue, of the device. */
#include <string.h>

#include "softnic/fault/overwrite.h"
#include "softnic/net/net.h"
#include "softnic/ring/ring.h"
#include "softnic/vfio_user/server.h"

void queue_stop(struct queue *queue)
{
	if (!queue->enabled)
		return;
	net_queue_stopped(queue);
	ring_stop(queue);
	queue->enabled = false;
}

void queues_remap(struct device *device)
{
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (device->queue[i].enabled)
			ring_remap(&device->queue[i]);
}

void device_reset(struct device *device, const char *why)
{
	struct registers *registers = &device->server->registers;
	uint64_t areas[QUEUES_MAX];

	trace(device, "RESET %s", why);
	for (unsigned int i = 0; i < QUEUES_MAX; i++) {
		struct queue *queue = &device->queue[i];

		areas[i] = queue->enabled ? queue->device_area : 0;
		queue_stop(queue);
		queue->broken = queue->kicked = false;
		/* As all that is counted of a queue, and by a driver since its start. */
		queue->kicks = queue->interrupts = 0;
		queue->vector = NO_VECTOR;
		queue->size = 0;
		queue->descriptor_area = queue->driver_area = 0;
		queue->device_area = 0;
	}
	memset(registers, 0, sizeof(*registers));
	registers->config_vector = NO_VECTOR;
	device->status = 0;
	memset(&device->accepted, 0, sizeof(device->accepted));
	net_reset(device);
	doorbells_reset(device);
	device->server->resets++;
	fault_reset(device, areas);
	if (device_has_fault(device, FAULT_DEVICE_ID_CHANGES) && device->server->resets > 1)
		device->server->pci.byte[0x02] = 0x42;
}
