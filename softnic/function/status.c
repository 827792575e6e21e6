/* SPDX-License-Identifier: BSD-3-Clause */
/* The device status machine: initialization, negotiation, suspend; and checking the order
 * of the driver's steps. */
#include <inttypes.h>

#include "softnic/clock.h"
#include "softnic/features.h"
#include "softnic/fault/lost.h"
#include "softnic/net/net.h"
#include "softnic/vfio_user/server.h"

#define ST_DEFINED (ST_ACKNOWLEDGE | ST_DRIVER | ST_DRIVER_OK | ST_FEATURES_OK | \
		    ST_SUSPEND | ST_NEEDS_RESET | ST_FAILED)

/* ---- negotiation ---- */

static void status_check_unoffered(struct device *device, unsigned int bit)
{
	const char *name = feature_name(bit);

	if (!features_have(&device->offered, bit))
		violation(device, "GEN-05", "feature %u (%s) was accepted but not offered",
			  bit, name ? name : "unknown");
	else if (name == NULL)
		violation(device, "GEN-09",
			  "feature %u was accepted, which is unknown or reserved", bit);
}

static void status_check_missing(struct device *device, const struct features *wanted)
{
	static const struct {
		enum feature bit;
		const char *id;
	} expected[] = {
		{ FT_VERSION_1, "RSVD-01" },	     { FT_ACCESS_PLATFORM, "RSVD-03" },
		{ FT_RING_PACKED, "RSVD-06" },	     { FT_ORDER_PLATFORM, "RSVD-07" },
		{ FT_NOTIF_CONFIG_DATA, "RSVD-13" },
	};

	if (!device_drivers_own(device, wanted))
		return;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		if (features_have(&device->offered, expected[i].bit) &&
		    !features_have(wanted, expected[i].bit))
			violation(device, expected[i].id,
				  "%s was offered and not accepted",
				  feature_name(expected[i].bit));
}

static void status_check_features(struct device *device, const struct features *wanted)
{
	for (unsigned int bit = 0; bit < FT_COUNT; bit++)
		if (features_have(wanted, bit))
			status_check_unoffered(device, bit);
	status_check_missing(device, wanted);
	/* This function has no SR-IOV capability (pci.c), whatever it offers. */
	if (features_have(wanted, FT_SR_IOV))
		violation(device, "RSVD-10",
			  "SR_IOV was accepted without an SR-IOV capability");
}

/* A modern device: it cannot work without VERSION_1, nor with what it lacks. */
bool status_acceptable(const struct device *device, const struct features *wanted)
{
	for (unsigned int i = 0; i < FT_COUNT / 64; i++)
		if (wanted->word[i] & ~device->offered.word[i])
			return false;
	return features_have(wanted, FT_VERSION_1) || !features_have(&device->offered, FT_VERSION_1);
}

bool status_negotiate(struct device *device)
{
	struct registers *registers = registers_of(device);

	registers->status_unread = true;
	status_check_features(device, &registers->wanted);
	if (device_has_fault(device, FAULT_FEATURES_OK_LOST) || !status_acceptable(device, &registers->wanted)) {
		trace(device, "FEATURES refused");
		return false;
	}
	device->accepted = registers->wanted;
	device_exercise(device, EX_FEATURES);
	if (device_drivers_own(device, &device->accepted))
		device_exercise(device, EX_OWN_FEATURES);
	for (unsigned int i = 0; i < FT_COUNT / 64; i++)
		device->ever_accepted.word[i] |= device->accepted.word[i];
	trace(device, "FEATURES 0x%016" PRIx64 "%016" PRIx64,
	      device->accepted.word[1], device->accepted.word[0]);
	net_features_accepted(device);
	return true;
}

/* ---- status ---- */

static void status_check_order(struct device *device, uint32_t value)
{
	uint32_t fresh = value & ~(uint32_t)device->status;

	if ((fresh & ST_DRIVER) && !(value & ST_ACKNOWLEDGE))
		violation(device, "GEN-01", "DRIVER was set without ACKNOWLEDGE");
	if ((fresh & ST_FEATURES_OK) && !(value & ST_DRIVER))
		violation(device, "GEN-01", "FEATURES_OK was set without DRIVER");
	if ((fresh & ST_DRIVER) && (fresh & ST_FEATURES_OK))
		violation(device, "GEN-21",
			  "DRIVER and FEATURES_OK were set by one write: features come "
			  "between them");
	if ((fresh & ST_DRIVER_OK) && (fresh & ST_FEATURES_OK))
		violation(device, "GEN-21",
			  "FEATURES_OK and DRIVER_OK were set by one write: reading status "
			  "and setting up the queues come between them");
	else if ((fresh & ST_DRIVER_OK) && !(device->status & ST_FEATURES_OK))
		violation(device, "GEN-21", "DRIVER_OK was set without FEATURES_OK");
	if ((fresh & ST_FEATURES_OK) && (device->status & ST_DRIVER_OK))
		violation(device, "GEN-21", "FEATURES_OK was set after DRIVER_OK");
}

static void status_check(struct device *device, uint32_t value)
{
	struct registers *registers = registers_of(device);
	uint32_t old = device->status & ~(ST_NEEDS_RESET | ST_SUSPEND);

	if (registers->reset_unread)
		violation(device, "PCI-24",
			  "status is written 0x%02x before it was read as 0 after a reset",
			  value);
	if (old & ~value)
		violation(device, "GEN-02", "a write of 0x%02x switches bits 0x%02x off",
			  value, old & ~value);
	if ((device->status & ST_FAILED) && (value & ~(uint32_t)device->status))
		violation(device, "GEN-03", "after FAILED status is written 0x%02x, not 0",
			  value);
	if (registers->status_unread && (value & ST_DRIVER_OK) &&
	    !(device->status & (ST_DRIVER_OK | ST_SUSPEND)))
		violation(device, "GEN-25",
			  "DRIVER_OK is set before FEATURES_OK was read back");
	if (registers->config_unread)
		violation(device, "GEN-17",
			  "configuration was read and the generation not read after it");
	registers->config_unread = false;
	status_check_order(device, value);
}

static void status_check_driver_ok(struct device *device)
{
	if (registers_of(device)->config_vector_unread)
		violation(device, "PCI-46", "config_msix_vector was not read back");
}

static void status_suspend(struct device *device)
{
	if (!(device->status & ST_DRIVER_OK) || !features_have(&device->accepted, FT_SUSPEND)) {
		violation(device, "GEN-32", "SUSPEND was set %s",
			  features_have(&device->accepted, FT_SUSPEND) ? "without DRIVER_OK"
								       : "without its feature");
		return;
	}
	registers_of(device)->status_unread = true;
	device_exercise(device, EX_SUSPEND);
	device->status |= ST_SUSPEND;
	device->status &= (uint8_t)~ST_DRIVER_OK;
}

static void status_resume(struct device *device)
{
	struct registers *registers = registers_of(device);

	if (registers->status_unread)
		violation(device, "GEN-33",
			  "DRIVER_OK is set before status showed that the device was "
			  "suspended");
	registers->status_unread = true;
	device->status &= (uint8_t)~ST_SUSPEND;
	device->status |= ST_DRIVER_OK;
}

void status_write(struct device *device, uint32_t value)
{
	uint32_t old = device->status;

	if (value == 0) {
		device_reset(device, "status");
		device->server->reset_until =
			clock_now() + device->options->reset_ms * 1000000ull;
		registers_of(device)->reset_unread = true;
		device_exercise(device, EX_RESET);
		return;
	}
	status_check(device, value);
	registers_of(device)->reset_unread = false;
	if (old & ST_SUSPEND) {
		if (value & ST_DRIVER_OK)
			status_resume(device);
		return;
	}
	if ((value & ST_FEATURES_OK) && !(old & ST_FEATURES_OK) && !status_negotiate(device))
		value &= ~ST_FEATURES_OK;
	if ((value & ST_DRIVER_OK) && !(old & ST_DRIVER_OK)) {
		status_check_driver_ok(device);
		device_exercise(device, EX_STATUS);
		if (device->options->transport->registers)
			device_exercise(device, EX_REGISTERS);
		if (interrupts_msix_on(device))
			device_exercise(device, EX_MSIX);
		fault_driver_ok(device);
	}
	if (device_has_fault(device, FAULT_ACKNOWLEDGE_DRIVER_LOST))
		value &= ~(ST_ACKNOWLEDGE | ST_DRIVER);
	device->status = (uint8_t)((value & ST_DEFINED & ~ST_SUSPEND) | (old & ST_NEEDS_RESET));
	if (value & ST_SUSPEND)
		status_suspend(device);
}

uint32_t status_read(struct device *device)
{
	struct registers *registers = registers_of(device);

	registers->status_unread = false;
	if (device->options->reset_ms != 0 && clock_now() < device->server->reset_until)
		return ST_ACKNOWLEDGE | ST_DRIVER;
	if (device->status == 0)
		registers->reset_unread = false;
	return device->status;
}

/* ---- steps that are no status ---- */

void check_step(struct device *device, const char *name)
{
	struct registers *registers = registers_of(device);

	if (registers->reset_unread)
		violation(device, "GEN-14", "%s is written before a reset was seen to be done",
			  name);
	if (device->status & ST_FAILED)
		violation(device, "GEN-27", "%s is written after FAILED", name);
	if (device->status & ST_SUSPEND)
		violation(device, "GEN-36", "%s is written while suspended", name);
	else if (!(device->status & ST_FEATURES_OK))
		violation(device, "GEN-21", "%s is written before FEATURES_OK", name);
	else if (registers->status_unread && !(device->status & ST_DRIVER_OK))
		violation(device, "GEN-25", "%s is written before FEATURES_OK was read back",
			  name);
}

void check_enable(struct queue *queue)
{
	struct device *device = queue->device;
	struct queue_registers *seen =
		&registers_of(device)->queue[queue->index];

	check_step(device, "queue_enable");
	if (seen->was_reset) {
		if (seen->reset_unread)
			violation(device, "GEN-40",
				  "queue %u is enabled before its reset was seen to be done",
				  queue->index);
		if (seen->written != WROTE_AREAS)
			violation(device, "GEN-42",
				  "queue %u is enabled after its reset without new areas",
				  queue->index);
	} else if (seen->written != WROTE_AREAS) {
		violation(device, "PCI-23", "queue %u is enabled before all its areas are set",
			  queue->index);
	}
	if (!seen->was_reset && (device->status & ST_DRIVER_OK))
		violation(device, "GEN-21", "queue %u is enabled after DRIVER_OK",
			  queue->index);
	if (seen->vector_unread)
		violation(device, "PCI-46", "queue_msix_vector of queue %u was not read back",
			  queue->index);
}
