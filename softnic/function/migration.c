/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The states of "VFIO migration" (version 2, stop-and-copy): the device runs in RUNNING only.
 * Never goes on with a state that it refused: that is ERROR until a reset.
 */
#include <errno.h>
#include <stdlib.h>

#include "softnic/net/net.h"
#include "softnic/state/state.h"
#include "softnic/vfio_user/server.h"

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

void migration_reset(struct device *device)
{
	migration_drop(migration_of(device));
	migration_of(device)->state = STATE_RUNNING;
	device->stopped = false;
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
int migration_go(struct device *device, uint32_t to)
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
