/* SPDX-License-Identifier: BSD-3-Clause */
/* The messages by which a client moves the device to another process: its migration state, and
 * the data of STOP_COPY and RESUMING. */
#include <errno.h>
#include <string.h>

#include "softnic/state/state.h"
#include "softnic/vfio_user/server.h"

#define STATE_PIECE 65536u

static bool feature_known(uint32_t feature, uint32_t operations)
{
	if (feature == FEATURE_MIGRATION)
		return !(operations & FEATURE_SET);
	return feature == FEATURE_STATE;
}

static bool feature_get(struct device *device, const struct request *request,
			const struct device_feature *wanted)
{
	struct {
		struct device_feature head;
		union {
			uint64_t flags;
			struct device_state state;
		};
	} all = { .head = { .argsz = sizeof(all), .flags = wanted->flags } };

	if (wanted->argsz < sizeof(all))
		return reply_error(device, request, EINVAL);
	if ((wanted->flags & FEATURE_INDEX) == FEATURE_MIGRATION)
		all.flags = MIGRATION_STOP_COPY;
	else
		all.state = (struct device_state){ .state = device->server->migration.state };
	return reply(device, request, &all, sizeof(all), NULL, 0);
}

static bool feature_set(struct device *device, const struct request *request)
{
	struct device_state wanted;
	int result;

	if (request->size != sizeof(struct device_feature) + sizeof(wanted))
		return reply_error(device, request, EINVAL);
	memcpy(&wanted, request->data + sizeof(struct device_feature), sizeof(wanted));
	result = migration_go(device, wanted.state);
	if (result < 0)
		return reply_error(device, request, -result);
	return reply(device, request, request->data, request->size, NULL, 0);
}

bool serve_feature(struct device *device, const struct request *request)
{
	struct device_feature wanted;
	uint32_t operations;

	if (request->size < sizeof(wanted))
		return reply_error(device, request, EINVAL);
	memcpy(&wanted, request->data, sizeof(wanted));
	operations = wanted.flags & FEATURE_OPERATION;
	if ((wanted.flags & ~(FEATURE_OPERATION | FEATURE_INDEX)) != 0 ||
	    !feature_known(wanted.flags & FEATURE_INDEX, operations))
		return reply_error(device, request, ENOTTY);
	if (operations & FEATURE_PROBE)
		return reply(device, request, &wanted, sizeof(wanted), NULL, 0);
	if (operations == FEATURE_GET)
		return feature_get(device, request, &wanted);
	if (operations == FEATURE_SET)
		return feature_set(device, request);
	return reply_error(device, request, EINVAL);
}

bool serve_state_read(struct device *device, const struct request *request)
{
	struct {
		struct state_data head;
		uint8_t data[STATE_PIECE];
	} all;
	struct migration *migration = &device->server->migration;
	struct state_data wanted;
	size_t size;

	if (request->size < sizeof(wanted) || migration->state != STATE_STOP_COPY)
		return reply_error(device, request, EINVAL);
	memcpy(&wanted, request->data, sizeof(wanted));
	size = migration->size - migration->at;
	if (size > wanted.size)
		size = wanted.size;
	if (size > sizeof(all.data))
		size = sizeof(all.data);
	if (wanted.argsz < sizeof(wanted) + size)
		return reply_error(device, request, EINVAL);
	all.head = (struct state_data){ .argsz = (uint32_t)(sizeof(wanted) + size),
					.size = (uint32_t)size };
	memcpy(all.data, migration->data + migration->at, size);
	migration->at += size;
	return reply(device, request, &all, sizeof(wanted) + size, NULL, 0);
}

bool serve_state_write(struct device *device, const struct request *request)
{
	struct migration *migration = &device->server->migration;
	struct state_data given;

	if (request->size < sizeof(given) || migration->state != STATE_RESUMING)
		return reply_error(device, request, EINVAL);
	memcpy(&given, request->data, sizeof(given));
	if (given.size > request->size - sizeof(given))
		return reply_error(device, request, EINVAL);
	if (given.size > STATE_MAX - migration->size)
		return reply_error(device, request, ENOSPC);
	memcpy(migration->data + migration->size, request->data + sizeof(given), given.size);
	migration->size += given.size;
	return reply(device, request, NULL, 0, NULL, 0);
}
