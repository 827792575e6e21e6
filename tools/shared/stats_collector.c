/* SPDX-License-Identifier: BSD-3-Clause */
/* Queues are touched only through calls that any thread may make. */
#include "tools/shared/stats_collector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/queue.h>
#include <vionet/steering.h>

#include "tools/shared/common.h"
#include "tools/shared/type_names.h"

const struct stats_counter *stats_find(const struct stats_counters *counters,
				       const char *name)
{
	for (unsigned int i = 0; counters != NULL && i < counters->count; i++)
		if (strcmp(counters->counter[i].name, name) == 0)
			return &counters->counter[i];
	return NULL;
}

void stats_add(struct stats_counters *counters, const char *name, uint64_t value)
{
	struct stats_counter *to = &counters->counter[counters->count];

	if (counters->count == VIONET_STATS_MAX)
		return;
	snprintf(to->name, sizeof(to->name), "%s", name);
	to->value = value;
	counters->count++;
}

static void stats_read_driver(const struct vionet_queue *queue, bool receive,
			      struct stats_queue *to)
{
	struct stats_counters *counters = &to->driver;
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	vionet_queue_stats(queue, &stats);
	counters->known = true;
	stats_add(counters, "packets", stats.packets);
	stats_add(counters, "bytes", stats.bytes);
	stats_add(counters, "notifications", stats.kicks);
	stats_add(counters, "interrupts", stats.interrupts);
	stats_add(counters, "completed", stats.completed);
	stats_add(counters, "in_flight", stats.in_flight);
	stats_add(counters, "size", stats.size);
	stats_add(counters, "lost_interrupts", stats.lost_interrupts);
	stats_add(counters, "rescues", stats.rescues);
	if (receive) {
		stats_add(counters, "dropped_short", stats.dropped_short);
		stats_add(counters, "dropped_long", stats.dropped_long);
		stats_add(counters, "dropped_chain", stats.dropped_chain);
		stats_add(counters, "dropped_metadata", stats.dropped_metadata);
		stats_add(counters, "ignored_metadata", stats.ignored_metadata);
		stats_add(counters, "starved", stats.starved);
	} else {
		stats_add(counters, "full", stats.full);
		stats_add(counters, "invalid", stats.invalid);
	}
	if (vionet_queue_check(queue) != 0)
		snprintf(to->broken, sizeof(to->broken), "%s", vionet_error_text());
}

static void stats_read_device(struct vionet_device *device, struct stats_queue *to)
{
	struct vionet_stat list[VIONET_STATS_MAX];
	unsigned int count = 0;

	if (vionet_stats_read(device, to->index, list, sizeof(*list),
					VIONET_STATS_MAX, &count) != 0)
		return;
	to->device.known = true;
	for (unsigned int i = 0; i < count; i++)
		stats_add(&to->device, list[i].name, list[i].value);
}

static struct stats_queue *stats_add_queue(struct stats_report *report,
					   struct vionet_device *device,
					   unsigned int index)
{
	struct stats_queue *to = &report->queue[report->queues++];

	to->index = index;
	if (report->types_known)
		stats_read_device(device, to);
	return to;
}

static void stats_add_pairs(struct stats_report *report, struct vionet_device *device)
{
	for (unsigned int pair = 0; pair < VIONET_QUEUE_PAIRS_MAX; pair++) {
		struct vionet_queue *rx = vionet_device_rx_queue(device, pair);
		struct vionet_queue *tx = vionet_device_tx_queue(device, pair);
		struct stats_queue *to;

		if (rx == NULL || tx == NULL)
			return;
		to = stats_add_queue(report, device, 2 * pair);
		snprintf(to->role, sizeof(to->role), "rx %u", pair);
		stats_read_driver(rx, true, to);
		to = stats_add_queue(report, device, 2 * pair + 1);
		snprintf(to->role, sizeof(to->role), "tx %u", pair);
		stats_read_driver(tx, false, to);
	}
}

/* The control queue lies behind those of all pairs that the device has. */
static void stats_add_control(struct stats_report *report, struct vionet_device *device)
{
	struct vionet_queue_info info = { .struct_size = sizeof(info) };

	for (unsigned int index = 0;
	     vionet_device_queue_info(device, index, &info) == 0; index++)
		if (info.size != 0 && strcmp(info.role, "control") == 0) {
			struct stats_queue *to = stats_add_queue(report, device, index);

			snprintf(to->role, sizeof(to->role), "control");
			return;
		}
}

static void stats_name_types(struct stats_report *report, uint64_t types)
{
	for (; types != 0; types &= types - 1) {
		const char *name = stats_type_name(types);

		snprintf(report->type[report->types++], STATS_NAME_MAX, "%s",
			 name != NULL ? name : "unknown");
	}
}

int stats_collect(struct vionet_device *device, struct stats_report *report)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	uint64_t types = 0;

	*report = (struct stats_report){ .time_ns = now_ns() };
	report->queue = calloc(STATS_QUEUES_MAX, sizeof(*report->queue));
	if (report->queue == NULL)
		return -ENOMEM;
	report->types_known = vionet_stats_types(device, &types) == 0;
	if (report->types_known)
		stats_name_types(report, types);
	else
		snprintf(report->note, sizeof(report->note), "%s", vionet_error_text());
	vionet_device_info(device, &info);
	snprintf(report->device, sizeof(report->device), "%s", info.name);
	stats_add_pairs(report, device);
	stats_add_control(report, device);
	report->time_ns = now_ns();
	return 0;
}

void stats_release(struct stats_report *report)
{
	free(report->queue);
	*report = (struct stats_report){ 0 };
}
