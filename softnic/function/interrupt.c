/* SPDX-License-Identifier: BSD-3-Clause */
/* The way from an event to the driver: vectors of MSI-X and INTx as eventfds. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <unistd.h>

#include "softnic/event.h"
#include "softnic/fault/lost.h"
#include "softnic/vfio_user/server.h"

static struct interrupts *interrupt_of(const struct device *device)
{
	return &device->server->interrupts;
}

bool interrupts_msix_on(const struct device *device)
{
	for (unsigned int i = 0; i < device->options->vectors; i++)
		if (interrupt_of(device)->msix[i] >= 0)
			return true;
	return false;
}

/* INTx is level-triggered: masked when it was delivered, until unmasked. */
static void interrupt_raise_intx(struct device *device)
{
	struct interrupts *interrupts = interrupt_of(device);

	if (interrupts->intx < 0 || interrupts->intx_masked)
		return;
	interrupts->intx_masked = true;
	interrupts->raised++;
	event_signal(interrupts->intx);
}

static void interrupt_raise_vector(struct device *device, uint16_t vector, uint8_t cause)
{
	struct interrupts *interrupts = interrupt_of(device);

	const struct transport *transport = device->options->transport;

	if (device_has_fault(device, FAULT_INTERRUPTS_MISSING))
		return;
	if (transport->interrupt == NULL && !interrupts_msix_on(device)) {
		device->server->registers.isr |= cause;
		interrupt_raise_intx(device);
		return;
	}
	if (device_has_fault(device, FAULT_INTERRUPTS_WRONG_VECTOR) && vector != NO_VECTOR)
		vector = (uint16_t)((vector + 1u) % device->options->vectors);
	if (vector >= device->options->vectors ||
	    (transport->interrupt == NULL && interrupts->msix[vector] < 0))
		return;
	interrupts->raised++;
	if (transport->interrupt != NULL)
		transport->interrupt(device, vector);
	else
		event_signal(interrupts->msix[vector]);
	trace(device, "INTERRUPT %u", vector);
}

void interrupt_queue(struct queue *queue)
{
	queue->interrupts++;
	if (fault_loses_interrupt(queue->device)) {
		trace(queue->device, "LOST INTERRUPT of queue %u", queue->index);
		return;
	}
	interrupt_raise_vector(queue->device, queue->vector, 1);
}

void interrupt_config(struct device *device)
{
	device->options->transport->interrupt_config(device);
}

void interrupts_config_vector(struct device *device)
{
	interrupt_raise_vector(device, device->server->registers.config_vector, 2);
}

bool interrupts_event(struct device *device, uint32_t index)
{
	int fd = index == IRQ_ERR ? interrupt_of(device)->err
				  : interrupt_of(device)->req;

	if (fd < 0)
		return false;
	event_signal(fd);
	trace(device, "EVENT %s", index == IRQ_ERR ? "error" : "unplug");
	return true;
}

void interrupts_trigger_all(struct device *device)
{
	for (unsigned int i = 0; i < device->options->vectors; i++)
		if (interrupt_of(device)->msix[i] >= 0)
			event_signal(interrupt_of(device)->msix[i]);
}

void interrupts_fill(struct device *device)
{
	const uint64_t brim = UINT64_MAX - 1;

	for (unsigned int i = 0; i < device->options->vectors; i++)
		if (interrupt_of(device)->msix[i] >= 0 &&
		    (fcntl(interrupt_of(device)->msix[i], F_GETFL) & O_NONBLOCK) != 0 &&
		    write(interrupt_of(device)->msix[i], &brim, sizeof(brim)) < 0)
			continue; /* full already, or it would wait */
}

/* ---- the driver's eventfds ---- */

void interrupts_open(struct device *device)
{
	struct interrupts *interrupts = interrupt_of(device);

	for (unsigned int i = 0; i < VECTORS_MAX; i++)
		interrupts->msix[i] = -1;
	interrupts->intx = interrupts->err = interrupts->req = -1;
}

static void interrupt_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void interrupts_reset(struct device *device)
{
	struct interrupts *interrupts = interrupt_of(device);

	for (unsigned int i = 0; i < VECTORS_MAX; i++)
		interrupt_drop(&interrupts->msix[i]);
	interrupt_drop(&interrupts->intx);
	interrupt_drop(&interrupts->err);
	interrupt_drop(&interrupts->req);
	interrupts->intx_masked = false;
}

unsigned int interrupts_count(const struct device *device, uint32_t index)
{
	switch (index) {
	case IRQ_INTX:
		return device->options->vectors == 0;
	case IRQ_MSIX:
		return device->options->vectors;
	case IRQ_ERR:
	case IRQ_REQ:
		return 1;
	default:
		return 0;
	}
}

static int *interrupt_slot(struct device *device, uint32_t index, uint32_t number)
{
	struct interrupts *interrupts = interrupt_of(device);

	switch (index) {
	case IRQ_INTX:
		return &interrupts->intx;
	case IRQ_ERR:
		return &interrupts->err;
	case IRQ_REQ:
		return &interrupts->req;
	default:
		return &interrupts->msix[number];
	}
}

/* Fewer descriptors than vectors: the rest is taken away. */
static void interrupt_set_eventfds(struct device *device, const struct irq_set *set,
				   int *fds, unsigned int fd_count)
{
	for (uint32_t i = 0; i < set->count; i++) {
		int *fd = interrupt_slot(device, set->index, set->start + i);

		interrupt_drop(fd);
		if (i < fd_count) {
			*fd = fds[i];
			fds[i] = -1;
		}
		trace(device, "VECTOR %u.%u %s", set->index, set->start + i,
		      *fd >= 0 ? "on" : "off");
	}
	if (set->index == IRQ_INTX)
		interrupt_of(device)->intx_masked = false;
}

static void interrupt_set_masked(struct device *device, bool masked)
{
	interrupt_of(device)->intx_masked = masked;
	if (!masked && device->server->registers.isr != 0)
		interrupt_raise_intx(device);
}

static void interrupt_trigger(struct device *device, const struct irq_set *set,
			      const uint8_t *wanted)
{
	for (uint32_t i = 0; i < set->count; i++) {
		int fd = *interrupt_slot(device, set->index, set->start + i);

		if (fd >= 0 && (wanted == NULL || wanted[i]))
			event_signal(fd);
	}
}

static void interrupt_disable(struct device *device, uint32_t index)
{
	for (unsigned int i = 0; i < interrupts_count(device, index); i++)
		interrupt_drop(interrupt_slot(device, index, i));
}

int interrupts_set(struct device *device, const struct irq_set *set,
		   const uint8_t *data, int *fds, unsigned int fd_count)
{
	uint32_t kind = set->flags & IRQ_DATA, action = set->flags & IRQ_ACTION;
	unsigned int count = interrupts_count(device, set->index);

	if (set->start > count || set->count > count - set->start ||
	    fd_count > set->count)
		return -EINVAL;
	for (unsigned int i = 0; i < fd_count; i++)
		if (!event_is(fds[i]))
			return -EINVAL;
	if (action == IRQ_TRIGGER && kind == IRQ_DATA_EVENTFD)
		interrupt_set_eventfds(device, set, fds, fd_count);
	else if (action == IRQ_TRIGGER && kind == IRQ_DATA_NONE && set->count == 0)
		interrupt_disable(device, set->index);
	else if (action == IRQ_TRIGGER && kind != IRQ_DATA_EVENTFD && kind != 0)
		interrupt_trigger(device, set, kind == IRQ_DATA_BOOL ? data : NULL);
	else if ((action == IRQ_MASK || action == IRQ_UNMASK) &&
		 kind == IRQ_DATA_NONE && set->index == IRQ_INTX)
		interrupt_set_masked(device, action == IRQ_MASK);
	else
		return -EINVAL;
	return 0;
}
