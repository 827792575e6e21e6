/* SPDX-License-Identifier: BSD-3-Clause */
/* The messages that read and write regions, and the reset of the function. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "softnic/vfio_user/server.h"

/* Registers are accessed as a CPU would: 1, 2, 4 or 8 bytes. */
static bool access_register_sized(uint32_t count)
{
	return count == 1 || count == 2 || count == 4 || count == 8;
}

/* 0 if the access lies in its region, or an errno. */
static int access_check(const struct device *device, const struct region_access *access)
{
	uint64_t size;

	if (access->region >= REGION_COUNT)
		return EINVAL;
	size = access->region == REGION_CONFIG ? CONFIG_SPACE
	       : access->region < REGION_ROM   ? bar_size(device, access->region)
					       : 0;
	if (access->offset > size || access->count > size - access->offset ||
	    access->count == 0)
		return EINVAL;
	if (access->region == BAR_VIRTIO && !access_register_sized(access->count))
		return EINVAL;
	return 0;
}

/* The table of MSI-X is the client's: it masks by the eventfds. */
static void access_read_region(struct device *device, const struct region_access *access,
			       uint8_t *data)
{
	uint64_t value;

	memset(data, 0, access->count);
	if (access->region == REGION_CONFIG) {
		pci_read(device, (unsigned int)access->offset, data, access->count);
	} else if (access->region == BAR_VIRTIO) {
		value = htole64(register_read(device, access->offset,
					      access->count));
		memcpy(data, &value, access->count);
	}
}

static void access_write_region(struct device *device,
				const struct region_access *access, const uint8_t *data)
{
	uint64_t value = 0;

	if (access->region == REGION_CONFIG) {
		pci_write(device, (unsigned int)access->offset, data, access->count);
	} else if (access->region == BAR_VIRTIO) {
		memcpy(&value, data, access->count);
		register_write(device, access->offset, le64toh(value),
			       access->count);
	}
}

bool serve_region_read(struct device *device, const struct request *request)
{
	struct {
		struct region_access access;
		uint8_t data[4096];
	} all;
	int error;

	if (request->size < sizeof(all.access))
		return reply_error(device, request, EINVAL);
	memcpy(&all.access, request->data, sizeof(all.access));
	error = access_check(device, &all.access);
	if (device_has_fault(device, FAULT_CONFIG_SPACE_UNREADABLE) && all.access.region == REGION_CONFIG)
		error = EIO;
	if (error == 0 && all.access.count > sizeof(all.data))
		error = E2BIG;
	if (error != 0)
		return reply_error(device, request, error);
	access_read_region(device, &all.access, all.data);
	return reply(device, request, &all, sizeof(all.access) + all.access.count,
		     NULL, 0);
}

bool serve_region_write(struct device *device, const struct request *request)
{
	const uint8_t *data = request->data + sizeof(struct region_access);
	struct region_access access;
	int error;

	if (request->size < sizeof(access))
		return reply_error(device, request, EINVAL);
	memcpy(&access, request->data, sizeof(access));
	error = access_check(device, &access);
	if (error == 0 && access.count > request->size - sizeof(access))
		error = EINVAL;
	if (error != 0)
		return reply_error(device, request, error);
	access_write_region(device, &access, data);
	return reply(device, request, &access, sizeof(access), NULL, 0);
}

static int access_write_one(struct device *device, const struct write_multi *entry)
{
	struct region_access access = { entry->offset, entry->region,
					entry->count };
	int error = access_check(device, &access);

	if (error == 0 && access.count > sizeof(entry->data))
		error = EINVAL;
	if (error == 0)
		access_write_region(device, &access, entry->data);
	return error;
}

bool serve_write_multi(struct device *device, const struct request *request)
{
	const uint8_t *from = request->data + sizeof(uint64_t);
	uint64_t count;

	if (request->size < sizeof(count))
		return reply_error(device, request, EINVAL);
	memcpy(&count, request->data, sizeof(count));
	if (count > (request->size - sizeof(count)) / sizeof(struct write_multi))
		return reply_error(device, request, EINVAL);
	for (uint64_t i = 0; i < count; i++) {
		struct write_multi entry;
		int error;

		memcpy(&entry, from + i * sizeof(entry), sizeof(entry));
		error = access_write_one(device, &entry);
		if (error != 0)
			return reply_error(device, request, error);
	}
	return reply(device, request, &count, sizeof(count), NULL, 0);
}

bool serve_reset(struct device *device, const struct request *request)
{
	migration_reset(device);
	device_reset(device, "function");
	return reply(device, request, NULL, 0, NULL, 0);
}
