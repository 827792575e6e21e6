/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what misbehave.h says.
 * Never: writes where the driver's map does not let it: that the map holds is what these
 * faults are to show, and a line of the trace says which it was.
 * Read next: fault_transport.def.
 */
#include "softnic/fault/timed.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "softnic/vfio_user/server.h"

#define TENTH 10u
#define SLOW_US 10000u
#define EARLY_MS 500u
#define INTERRUPT_ADDRESS 0xfee00000ull

/* On purpose, so it is no fault of the driver's and does not count for its verdict. */
static void scribble(struct device *device, const char *name, uint64_t iova)
{
	struct mapping map;
	bool writable = dma_window(device, iova, &map) &&
			(map.directions & DEVICE_WRITES) &&
			map.size - (iova - map.iova) >= sizeof(uint32_t);

	if (writable)
		memset(map.address + (iova - map.iova), 0xa5, sizeof(uint32_t));
	trace(device, "MISBEHAVE %s 0x%" PRIx64 " %s", name, iova,
	      writable ? "written" : "stopped by the map");
}

static void at_the_tenth(struct device *device)
{
	if (fault(device, "J01"))
		needs_reset(device);
	if (fault(device, "J02"))
		device->status |= ST_NEEDS_RESET;
	if (fault(device, "J06"))
		interrupts_event(device, IRQ_REQ);
	if (fault(device, "J07"))
		interrupts_event(device, IRQ_ERR);
	if (fault(device, "J08"))
		device_reset(device, "from outside");
	if (fault(device, "J12"))
		device->status &= (uint8_t)~ST_DRIVER_OK;
}

static int64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000ll + time.tv_nsec / 1000000;
}

void misbehave_live(struct device *device)
{
	device->server->registers.live_since_ms = now_ms();
}

bool misbehave_loses_ring(struct device *device)
{
	struct registers *registers = &device->server->registers;

	if (device->options->faults == NULL)
		return false;
	registers->rings++;
	if (fault(device, "C15") &&
	    now_ms() - registers->live_since_ms <
		    (int64_t)fault_value(device, "C15", EARLY_MS))
		return true;
	return fault(device, "C16") &&
	       registers->rings == fault_value(device, "C16", 1);
}

bool misbehave_loses_interrupt(struct device *device)
{
	struct registers *registers = &device->server->registers;

	if (device->options->faults == NULL)
		return false;
	registers->raised++;
	return fault(device, "I09") &&
	       registers->raised == fault_value(device, "I09", 1);
}

void misbehave_ring(struct queue *queue)
{
	struct device *device = queue->device;

	if (device->options->faults == NULL)
		return;
	if (fault(device, "C14"))
		usleep(SLOW_US);
	if (fault(device, "K02"))
		scribble(device, "K02", queue->descriptor_area);
	if (fault(device, "K03"))
		scribble(device, "K03", 0);
	if (fault(device, "K07"))
		scribble(device, "K07", INTERRUPT_ADDRESS);
	if (fault(device, "J03"))
		needs_reset(device);
	if (device->server->kicks % TENTH == 0)
		at_the_tenth(device);
}

void misbehave_turn(struct device *device)
{
	if (device->options->faults == NULL)
		return;
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (device->queue[i].enabled &&
		    (fault(device, "I02") ||
		     (fault(device, "I01") && !live(device))))
			interrupt_queue(&device->queue[i]);
	if (fault(device, "I05"))
		interrupt_config(device);
	if (fault(device, "I08"))
		interrupts_fill(device);
}

void misbehave_reset(struct device *device, const uint64_t *areas)
{
	if (device->options->faults == NULL)
		return;
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (areas[i] != 0 && fault(device, "J09"))
			scribble(device, "J09", areas[i]);
	if (fault(device, "I07"))
		interrupts_trigger_all(device);
}
