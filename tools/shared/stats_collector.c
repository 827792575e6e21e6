/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what gather.h says. Never: touches a queue but through calls that are any
 * thread's.
 * Read next: stats.c, which shows it.
 */
#include "tools/shared/stats_collector.h"

#include <string.h>

#include <vionet/error.h>
#include <vionet/queue.h>
#include <vionet/statistics.h>
#include <vionet/steering.h>

#include "tools/shared/common.h"
#include "tools/info/info.h"

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *driver_counters(const struct vionet_queue *queue, bool receive)
{
	struct vionet_queue_stats stats = { 0 };
	json_t *object;

	vionet_queue_stats(queue, &stats);
	object = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
			   "packets", number(stats.packets),
			   "bytes", number(stats.bytes),
			   "notifications", number(stats.kicks),
			   "interrupts", number(stats.interrupts),
			   "completed", number(stats.completed),
			   "in_flight", number(stats.in_flight),
			   "size", number(stats.size),
			   "lost_interrupts", number(stats.lost_interrupts),
			   "rescues", number(stats.rescues));
	if (receive) {
		json_object_set_new(object, "dropped_short",
				    number(stats.dropped_short));
		json_object_set_new(object, "dropped_long", number(stats.dropped_long));
		json_object_set_new(object, "dropped_chain",
				    number(stats.dropped_chain));
		json_object_set_new(object, "dropped_metadata",
				    number(stats.dropped_metadata));
		json_object_set_new(object, "ignored_metadata",
				    number(stats.ignored_metadata));
		json_object_set_new(object, "starved", number(stats.starved));
	} else {
		json_object_set_new(object, "full", number(stats.full));
		json_object_set_new(object, "invalid", number(stats.invalid));
	}
	if (vionet_queue_check(queue) != 0)
		json_object_set_new(object, "broken",
				    json_string(vionet_error_text()));
	return object;
}

/* What the device counts of a queue; null if it does not tell. */
static json_t *own_counters(struct vionet_device *device, unsigned int index)
{
	struct vionet_statistic list[VIONET_STATISTICS_MAX];
	unsigned int count = 0;
	json_t *object;

	if (vionet_statistics_read(device, index, list, &count) != 0)
		return json_null();
	object = json_object();
	for (unsigned int i = 0; i < count; i++)
		json_object_set_new(object, list[i].name, number(list[i].value));
	return object;
}

static void add_queue(json_t *queues, struct vionet_device *device, bool own,
		      unsigned int index, const char *role,
		      const struct vionet_queue *queue, bool receive)
{
	json_array_append_new(
		queues,
		json_pack("{s:i, s:s, s:o, s:o}", "index", (int)index, "role", role,
			  "driver", queue != NULL ? driver_counters(queue, receive) :
						    json_null(),
			  "own", own ? own_counters(device, index) : json_null()));
}

static void add_pairs(json_t *queues, struct vionet_device *device, bool own)
{
	char role[32];

	for (unsigned int pair = 0; pair < VIONET_QUEUE_PAIRS_MAX; pair++) {
		struct vionet_queue *rx = vionet_device_rx_queue(device, pair);
		struct vionet_queue *tx = vionet_device_tx_queue(device, pair);

		if (rx == NULL || tx == NULL)
			return;
		snprintf(role, sizeof(role), "receive %u", pair);
		add_queue(queues, device, own, 2 * pair, role, rx, true);
		snprintf(role, sizeof(role), "transmit %u", pair);
		add_queue(queues, device, own, 2 * pair + 1, role, tx, false);
	}
}

/* The control queue lies behind those of all pairs that the device has. */
static void add_control(json_t *queues, struct vionet_device *device, bool own)
{
	struct vionet_queue_info info;

	for (unsigned int index = 0;
	     vionet_device_queue_info(device, index, &info) == 0; index++)
		if (info.size != 0 && strcmp(info.role, "control") == 0) {
			add_queue(queues, device, own, index, "control", NULL, false);
			return;
		}
}

static json_t *type_names(uint64_t types)
{
	json_t *array = json_array();

	for (; types != 0; types &= types - 1) {
		const char *name = info_statistics_name(types);

		json_array_append_new(array,
				      json_string(name != NULL ? name : "unknown"));
	}
	return array;
}

json_t *gather_statistics(struct vionet_device *device)
{
	struct vionet_device_info info = { 0 };
	json_t *queues = json_array();
	uint64_t types = 0;
	bool own = vionet_statistics_types(device, &types) == 0;
	json_t *note = own ? json_null() : json_string(vionet_error_text());

	vionet_device_info(device, &info);
	add_pairs(queues, device, own);
	add_control(queues, device, own);
	return json_pack("{s:s, s:o, s:o, s:o, s:o}",
			 "device", info.name,
			 "time_ns", number(now_ns()),
			 "types", own ? type_names(types) : json_null(),
			 "note", note,
			 "queues", queues);
}
