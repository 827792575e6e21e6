/* SPDX-License-Identifier: BSD-3-Clause */
/* The statistics of a device, the driver's and its own, at one moment. */
#ifndef VIONET_TOOLS_STATS_COLLECTOR_H
#define VIONET_TOOLS_STATS_COLLECTOR_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/device.h>
#include <vionet/error.h>
#include <vionet/stats.h>

#define STATS_NAME_MAX 64
#define STATS_TYPES_MAX 64
/* Of a device: receive and transmit of each pair, and control. */
#define STATS_QUEUES_MAX (2 * VIONET_QUEUE_PAIRS_MAX + 1)

struct stats_counter {
	char name[STATS_NAME_MAX];
	uint64_t value;
};

/* Counters in the order in which they are shown. */
struct stats_counters {
	bool known;
	unsigned int count;
	struct stats_counter counter[VIONET_STATS_MAX];
};

struct stats_queue {
	unsigned int index;
	char role[STATS_NAME_MAX];
	struct stats_counters driver; /* not known of the control queue */
	struct stats_counters device; /* unknown where the device keeps none */
	char broken[VIONET_ERROR_TEXT_MAX]; /* why it is, else "" */
};

struct stats_report {
	char device[VIONET_NAME_MAX];
	char in_use_by[STATS_NAME_MAX]; /* the other process that has it, else "" */
	uint64_t time_ns;		/* CLOCK_MONOTONIC */
	bool types_known;		/* what the device counts */
	unsigned int types;
	char type[STATS_TYPES_MAX][STATS_NAME_MAX];
	char note[VIONET_ERROR_TEXT_MAX]; /* why the device shows nothing, else "" */
	unsigned int queues;
	struct stats_queue *queue;
};

/* Read everything; the caller releases it with stats_release in any case. Control thread,
 * device started. Returns 0 or -ENOMEM. */
int stats_collect(struct vionet_device *device, struct stats_report *report);
void stats_release(struct stats_report *report);

/* The counter of that name, or NULL: there is none, or `counters` is NULL. */
const struct stats_counter *stats_find(const struct stats_counters *counters,
				       const char *name);

/* Add a counter; beyond VIONET_STATS_MAX nothing happens. */
void stats_add(struct stats_counters *counters, const char *name, uint64_t value);

#endif
