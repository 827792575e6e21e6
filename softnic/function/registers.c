/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The BAR with the virtio structures: which one an access is for; ISR status and device
 * configuration, and checking how they are accessed.
 */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "softnic/features.h"
#include "softnic/net/net.h"
#include "softnic/vfio_user/server.h"

/* ---- device configuration: struct virtio_net_config ---- */

static const struct config_field {
	uint8_t offset, size;
	uint8_t needs, or_needs; /* features; FT_COUNT: none */
	const char *name;
} config_fields[] = {
	{ 0, 1, FT_COUNT, FT_COUNT, "mac" },
	{ 1, 1, FT_COUNT, FT_COUNT, "mac" },
	{ 2, 1, FT_COUNT, FT_COUNT, "mac" },
	{ 3, 1, FT_COUNT, FT_COUNT, "mac" },
	{ 4, 1, FT_COUNT, FT_COUNT, "mac" },
	{ 5, 1, FT_COUNT, FT_COUNT, "mac" },
	{ 6, 2, FT_STATUS, FT_STATUS, "status" },
	{ 8, 2, FT_MQ, FT_RSS, "max_virtqueue_pairs" },
	{ 10, 2, FT_MTU, FT_MTU, "mtu" },
	{ 12, 4, FT_SPEED_DUPLEX, FT_SPEED_DUPLEX, "speed" },
	{ 16, 1, FT_SPEED_DUPLEX, FT_SPEED_DUPLEX, "duplex" },
	{ 17, 1, FT_RSS, FT_HASH_REPORT, "rss_max_key_size" },
	{ 18, 2, FT_RSS, FT_RSS, "rss_max_indirection_table_length" },
	{ 20, 4, FT_RSS, FT_HASH_REPORT, "supported_hash_types" },
	{ 24, 4, FT_HASH_TUNNEL, FT_HASH_TUNNEL, "supported_tunnel_types" },
};

static const struct config_field *registers_config_field(uint64_t offset)
{
	const size_t count = sizeof(config_fields) / sizeof(config_fields[0]);

	for (size_t i = 0; i < count; i++)
		if (offset < (uint64_t)config_fields[i].offset + config_fields[i].size)
			return &config_fields[i];
	return NULL;
}

static void registers_check_config(struct device *device, uint64_t offset,
				   unsigned int size)
{
	const struct config_field *field = registers_config_field(offset);

	if (field == NULL)
		return;
	if (field->offset != offset || field->size != size)
		violation(device, "PCI-05",
			  "read of %u bytes at %" PRIu64 " of the device configuration; %s "
			  "has %u bytes at %u",
			  size, offset, field->name, field->size, field->offset);
	if (field->needs != FT_COUNT && !features_have(&device->offered, field->needs) &&
	    !features_have(&device->offered, field->or_needs))
		violation(device, "GEN-18", "read of %s, but %s is not offered", field->name,
			  feature_name(field->needs));
	if (!registers_of(device)->generation_read)
		violation(device, "GEN-17",
			  "read of %s before the generation was ever read", field->name);
	registers_of(device)->config_unread = true;
}

static uint64_t registers_config_read(struct device *device, uint64_t offset,
				      unsigned int size)
{
	uint64_t raw = 0, value;

	registers_check_config(device, offset, size);
	if (offset + size <= net_config_size(device))
		offer_config(device, offset, &raw, size);
	value = le64toh(raw);
	trace(device, "READ config %" PRIu64 " %u 0x%" PRIx64, offset, size, value);
	return value;
}

/* The modern network device has no field that a driver may write. */
static void registers_config_write(struct device *device, uint64_t offset, uint64_t value,
				   unsigned int size)
{
	trace(device, "WRITE config %" PRIu64 " %u 0x%" PRIx64, offset, size, value);
	if (device->status & ST_SUSPEND)
		violation(device, "GEN-36",
			  "device configuration is written while suspended");
	if ((device->status & ST_DRIVER) && !(device->status & ST_FEATURES_OK))
		violation(device, "GEN-23",
			  "device configuration is written during negotiation");
	else
		violation(device, "NET-02", "device configuration is written at %" PRIu64,
			  offset);
}

/* ---- the BAR ---- */

static uint64_t registers_isr_read(struct device *device)
{
	struct registers *registers = registers_of(device);
	uint8_t value = registers->isr;

	registers->isr = 0;
	trace(device, "READ isr 0x%x", value);
	if (interrupts_msix_on(device))
		violation(device, "PCI-35", "ISR status is read while MSI-X is on");
	return device_has_fault(device, FAULT_ISR_ZERO) ? 0 : value;
}

static bool registers_inside(uint64_t offset, unsigned int size, uint64_t start,
			     uint64_t length)
{
	return offset >= start && offset - start <= length &&
	       size <= length - (offset - start);
}

uint64_t register_read(struct device *device, uint64_t offset, unsigned int size)
{
	if (device_has_fault(device, FAULT_REGISTERS_ONES) && (device->status & ST_DRIVER_OK))
		return ~0ull;
	if (registers_inside(offset, size, COMMON_OFFSET, COMMON_SIZE))
		return common_read(device, offset - COMMON_OFFSET, size);
	if (registers_inside(offset, size, ISR_OFFSET, ISR_SIZE))
		return registers_isr_read(device);
	if (registers_inside(offset, size, CONFIG_OFFSET, net_config_size(device)))
		return registers_config_read(device, offset - CONFIG_OFFSET, size);
	trace(device, "READ bar 0x%" PRIx64 " %u", offset, size);
	return 0;
}

void register_write(struct device *device, uint64_t offset, uint64_t value,
		    unsigned int size)
{
	if (registers_inside(offset, size, COMMON_OFFSET, COMMON_SIZE))
		common_write(device, offset - COMMON_OFFSET, value, size);
	else if (registers_inside(offset, size, CONFIG_OFFSET, net_config_size(device)))
		registers_config_write(device, offset - CONFIG_OFFSET, value, size);
	else if (registers_inside(offset, size, doorbell_offset(), device->server->notify.size))
		notify_write(device, offset - doorbell_offset(), value, size);
	else
		trace(device, "WRITE bar 0x%" PRIx64 " %u 0x%" PRIx64, offset, size,
		      value);
}
