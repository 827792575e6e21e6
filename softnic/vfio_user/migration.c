/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The messages by which a client moves the device to another process: the states of "VFIO
 * migration" (version 2, stop-and-copy), and the data of them. The device runs in RUNNING
 * only. Never goes on with a state that it refused: that is ERROR until a reset.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "softnic/net/net.h"
#include "softnic/state/state.h"
#include "softnic/vfio_user/server.h"

#define STATE_PIECE 65536u

static struct migration *migration_of(const struct device *device)
{
	return &device->server->migration;
}

static void migration_enter(struct device *device, uint32_t state)
{
	static const char *const names[] = { "ERROR", "STOP", "RUNNING", "STOP_COPY",
					     "RESUMING" };

	trace(device, "MIGRATION %s", names[state]);
	migration_of(device)->state = state;
	device->stopped = state != STATE_RUNNING;
}

static void migration_drop(struct migration *migration)
{
	free(migration->data);
	migration->data = NULL;
	migration->size = migration->at = 0;
}

void migration_close(struct device *device)
{
	migration_drop(migration_of(device));
	migration_of(device)->state = STATE_RUNNING;
	device->stopped = false;
}

void migration_open(struct device *device)
{
	migration_close(device);
}

/* ---- transitions ---- */

/* What the device is now has no meaning once another state is loaded. */
static int migration_begin_load(struct device *device)
{
	struct migration *migration = migration_of(device);

	migration_drop(migration);
	migration->data = malloc(STATE_MAX);
	if (migration->data == NULL)
		return -ENOMEM;
	device_reset(device, "another state comes");
	return 0;
}

static int migration_end_load(struct device *device)
{
	struct migration *migration = migration_of(device);
	int result = state_load(device, migration->data, migration->size);

	migration_drop(migration);
	if (result == 0)
		return 0;
	device_reset(device, "a state was refused");
	migration_enter(device, STATE_ERROR);
	return result;
}

/* One step; from STOP or to STOP. */
static int migration_step(struct device *device, uint32_t to)
{
	struct migration *migration = migration_of(device);
	int result = 0;

	if (migration->state == STATE_RESUMING)
		result = migration_end_load(device);
	else if (to == STATE_STOP_COPY)
		result = state_save(device, &migration->data, &migration->size);
	else if (to == STATE_RESUMING)
		result = migration_begin_load(device);
	else
		migration_drop(migration);
	if (result < 0)
		return result;
	migration_enter(device, to);
	if (to == STATE_RUNNING)
		net_resumed(device);
	return 0;
}

/* All other ways lead through STOP. */
static int migration_go(struct device *device, uint32_t to)
{
	struct migration *migration = migration_of(device);
	uint32_t from = migration->state;
	int result = 0;

	if (to == STATE_ERROR || to > STATE_RESUMING || from == STATE_ERROR)
		return -EINVAL;
	if (from == to)
		return 0;
	if (from != STATE_STOP)
		result = migration_step(device, STATE_STOP);
	if (result == 0 && to != STATE_STOP)
		result = migration_step(device, to);
	/* It could not be saved: as before, if it ran. */
	if (result < 0 && migration->state == STATE_STOP && from == STATE_RUNNING)
		(void)migration_step(device, STATE_RUNNING);
	return result;
}

/* ---- messages ---- */

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
		all.state = (struct device_state){ .state = migration_of(device)->state };
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
	struct migration *migration = migration_of(device);
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
	struct migration *migration = migration_of(device);
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
