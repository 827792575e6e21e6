/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Moving a running device to another server. The rings stay where they are, in our memory; what
 * moves is who works on them, and that is never two: the first one has stopped before the
 * second runs, and goes on only if the second one is known not to.
 *
 * Source: "VFIO migration" (version 2): RUNNING, STOP_COPY, STOP, RESUMING.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <vionet/migration.h>

#include "base/abi.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "driver/control/command.h"
#include "driver/device/reset.h"
#include "driver/ring/kick.h"
#include "driver/state/feature.h"
#include "driver/state/health.h"

#define PIECE 65536u
#define STATE_MOST (16u << 20)

struct migrate {
	struct vionet_device *device;
	struct vn_transport *from, *target;
	struct vn_doorbell *doorbell; /* at the target: of each queue, the control queue last */
	void *piece;
	uint64_t began, stopped; /* when; ns */
	struct vionet_migration done;
};

static const struct vn_transport_migration *migrate_ops(const struct vn_transport *transport)
{
	return transport->ops->migration;
}

static double migrate_ms(uint64_t since)
{
	return (double)(vn_now() - since) / (double)VN_MS;
}

/* Queue number `i` of those that are set up, or NULL behind the last one. */
static struct vionet_queue *migrate_queue(struct vionet_device *device, unsigned int i)
{
	if (i < 2 * device->queue_pairs)
		return i % 2 == 0 ? &device->rx[i / 2] : &device->tx[i / 2];
	if (i == 2 * device->queue_pairs && device->control != NULL && device->control->open)
		return &device->control->queue;
	return NULL;
}

/* ---- before anything stops ---- */

static int migrate_check(struct vionet_device *device)
{
	int result = 0;

	if (!vn_transport_can(device->transport, VN_CAN_MIGRATE))
		result = vn_error(ENOTSUP, "only a function behind a vfio-user server can move");

	if (result == 0 && !device->started)
		result = vn_error(ENETDOWN, "it is not started; close it and open the other one");
	if (result == 0 && (device->quarantined != 0 || device->quarantine != NULL))
		result = vn_error(EBUSY, "the device may still use what is in quarantine; "
					 "recover it, or close it and open the other one");
	/* A device that is in error shows in each queue. */
	for (unsigned int i = 0; migrate_queue(device, i) && result == 0; i++)
		if (vionet_queue_check(migrate_queue(device, i)) != 0)
			result = -EBUSY;
	return result;
}

/* What the server itself does not find out when it gets the state, or only then. */
static int migrate_check_target(struct migrate *m)
{
	const struct vn_transport_ops *ops = m->target->ops;
	struct vn_transport_limits limits;
	struct vionet_features offered, lacking;
	char text[256];
	int result = ops->features_read(m->target, &offered);

	if (result == 0)
		result = ops->limits(m->target, &limits);
	if (result)
		return result;
	for (unsigned int i = 0; i < sizeof(offered.word) / sizeof(offered.word[0]); i++)
		lacking.word[i] = m->device->accepted.word[i] & ~offered.word[i];
	if (lacking.word[0] | lacking.word[1])
		return vn_error(ENOTSUP, "%s: it does not offer what is in use: %s",
				m->target->name,
				vn_features_text(&lacking, text, sizeof(text)));
	if (limits.config_size < m->device->limits.config_size)
		return vn_error(ENOTSUP, "%s: its configuration has %llu bytes, %llu are in use",
				m->target->name, (unsigned long long)limits.config_size,
				(unsigned long long)m->device->limits.config_size);
	return 0;
}

static int migrate_share_memory(struct migrate *m)
{
	int result = 0;

	for (const struct vionet_memory *memory = m->device->memories;
	     memory != NULL && result == 0; memory = memory->next)
		if (memory->whole == NULL)
			result = migrate_ops(m->target)->memory_add_at(
				m->target, &memory->memory, memory->access, memory->iova);
	return result;
}

static int migrate_prepare(struct migrate *m)
{
	int result = migrate_ops(m->target)->supported(m->target);

	if (result == 0)
		result = migrate_check_target(m);

	if (result == 0)
		result = migrate_share_memory(m);
	if (result == 0)
		result = migrate_ops(m->target)->attach(m->target, m->from);
	if (result == 0)
		result = migrate_ops(m->target)->state_set(m->target, VN_DEVICE_RESUMING);
	return result;
}

/* ---- while no device runs ---- */

static int migrate_copy(struct migrate *m)
{
	size_t size;
	int result;

	do {
		result = migrate_ops(m->from)->state_read(m->from, m->piece, PIECE, &size);
		m->done.state_bytes += size;
		if (result == 0 && m->done.state_bytes > STATE_MOST)
			result = vn_error(EREMOTEIO, "%s: its state does not end", m->from->name);
		if (result == 0 && size != 0)
			result = migrate_ops(m->target)->state_write(m->target, m->piece, size);
	} while (result == 0 && size != 0);
	return result;
}

static int migrate_find_doorbells(struct migrate *m)
{
	const struct vionet_queue *queue;
	int result = 0;

	for (unsigned int i = 0; (queue = migrate_queue(m->device, i)) && result == 0; i++)
		result = m->target->ops->queue_doorbell(m->target, queue->index, &m->doorbell[i]);
	return result;
}

/* All but the last step: the target has the state, and has not touched a ring yet. */
static int migrate_move_state(struct migrate *m)
{
	int result;

	m->stopped = vn_now();
	result = migrate_ops(m->from)->state_set(m->from, VN_DEVICE_STOP_COPY);
	if (result == 0)
		result = migrate_copy(m);
	if (result == 0)
		result = migrate_ops(m->target)->state_set(m->target, VN_DEVICE_STOP);
	if (result == 0)
		result = migrate_find_doorbells(m);
	return result;
}

/* ---- the one that runs ---- */

/* What was made available while nobody looked. */
static void migrate_kick(struct vionet_device *device)
{
	struct vionet_queue *queue;

	for (unsigned int i = 0; device->live && (queue = migrate_queue(device, i)); i++)
		if (queue->outstanding != 0)
			vn_queue_kick(queue);
}

static void migrate_commit(struct migrate *m)
{
	struct vionet_device *device = m->device;
	struct vionet_queue *queue;

	if (migrate_ops(m->target)->adopt(m->target, m->from) != 0)
		vn_log(VIONET_LOG_WARNING, "%s: its events will be seen late: %s", m->target->name,
		       vionet_error_text());
	device->transport = m->target;
	for (unsigned int i = 0; (queue = migrate_queue(device, i)); i++) {
		queue->transport = m->target;
		queue->doorbell = m->doorbell[i];
	}
	snprintf(device->name, sizeof(device->name), "%s", m->target->name);
	(void)m->target->ops->limits(m->target, &device->limits);
	device->link_pending = true;
	migrate_kick(device);
	m->done.gap_ms = migrate_ms(m->stopped);
}

/* It may have the state, with rings in it: it forgets that first. */
static void migrate_leave(struct vn_transport *transport)
{
	(void)transport->ops->reset(transport);
	(void)transport->ops->close(transport);
}

/* No device runs: the first one is reset, so that it can be recovered, or gone. */
static int migrate_fail(struct migrate *m, const struct vn_error_kept *why, const char *what)
{
	struct vionet_device *device = m->device;

	if (m->from->ops->reset(m->from) != 0)
		device->gone = true;
	vn_device_set_error(device, device->gone ? VN_DERR_GONE : VN_DERR_NEEDS_RESET);
	return vn_error(ESTALE, "%s; %s; %s", why->text, what,
			device->gone ? "the old server is gone" : "the device was reset at the old server: recover it");
}

/* The target has ended its connection, and with it what it did; the first one goes on, if it
 * can. The error text is that of what went wrong. */
static int migrate_go_back(struct migrate *m, int result)
{
	struct vionet_device *device = m->device;
	struct vn_error_kept why;

	vn_error_keep(&why);
	migrate_leave(m->target);
	if (m->stopped != 0) {
		int back = migrate_ops(m->from)->state_set(m->from, VN_DEVICE_RUNNING);

		if (back)
			return migrate_fail(m, &why, "the old server does not go on");
	}
	migrate_kick(device);
	return vn_error_restore(result, &why);
}

/* It may have run, and taken what the first one would take again: that one is not let run. */
static int migrate_lose(struct migrate *m)
{
	struct vn_error_kept why;

	vn_error_keep(&why);
	migrate_leave(m->target);
	return migrate_fail(m, &why, "it may have run");
}

/* ---- all of it ---- */

static int migrate_run(struct migrate *m)
{
	int result = migrate_prepare(m);

	if (result == 0)
		result = migrate_move_state(m);
	if (result)
		return migrate_go_back(m, result);
	result = migrate_ops(m->target)->state_set(m->target, VN_DEVICE_RUNNING);
	if (result == -EREMOTEIO)
		return migrate_go_back(m, result);
	if (result)
		return migrate_lose(m);
	migrate_commit(m);
	migrate_leave(m->from);
	return 0;
}

static int migrate_begin(struct migrate *m, const char *to)
{
	const struct vn_transport_options options = { .reply_timeout_ms = m->device->reply_timeout_ms };
	unsigned int queues = 2 * m->device->queue_pairs + 1;
	int result = migrate_check(m->device);

	if (result)
		return result;
	m->doorbell = calloc(queues, sizeof(*m->doorbell));
	m->piece = malloc(PIECE);
	if (m->doorbell == NULL || m->piece == NULL)
		return vn_error(ENOMEM, "no memory");
	result = migrate_ops(m->from)->supported(m->from);
	if (result == 0)
		result = migrate_ops(m->from)->may_become(to);
	return result ? result : vn_transport_open(to, &options, &m->target);
}

int vionet_device_migrate(struct vionet_device *device, const char *to,
			  struct vionet_migration *report)
{
	struct migrate m = { .device = device, .from = device->transport, .began = vn_now() };
	int result = report ? vn_struct_check(report, "vionet_migration") : 0;

	if (report && result == 0)
		vn_struct_out(report, &m.done, sizeof(m.done));
	if (result == 0)
		result = migrate_begin(&m, to);
	if (result == 0)
		result = migrate_run(&m);
	free(m.doorbell);
	free(m.piece);
	if (result)
		return vn_error_prefix(result, "%s: migration", device->name);
	m.done.total_ms = migrate_ms(m.began);
	vn_log(VIONET_LOG_INFO, "%s: migrated: %.1f ms without the device", device->name,
	       m.done.gap_ms);
	if (report)
		vn_struct_out(report, &m.done, sizeof(m.done));
	return 0;
}
