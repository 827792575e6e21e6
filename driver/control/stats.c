/* SPDX-License-Identifier: BSD-3-Clause */
/* Source: "Device Statistics". */
#include <errno.h>
#include <stdlib.h>

#include <vionet/stats.h>

#include "base/abi.h"
#include "base/error.h"
#include "driver/control/command.h"
#include "driver/state/device.h"
#include "driver/spec/net.h"

#define COUNTERS_MAX 6u

/* Room for the replies of a queue: several times what is known today. */
#define REPLY_SIZE 2048u

/* Types of statistics: the bit, the features one of which they are about, and what
 * their counters are. */
struct kind {
	uint8_t bit;
	uint8_t features[3]; /* bit + 1; none: always */
	const char *counters[COUNTERS_MAX];
};

#define FEATURE(bit) ((bit) + 1)

static const struct kind kinds[] = {
	{ 0, { 0 },
	  { "rx_notifications", "rx_packets", "rx_bytes", "rx_interrupts",
	    "rx_drops", "rx_drop_overruns" } },
	{ 1, { FEATURE(NET_F_GUEST_CSUM) },
	  { "rx_csum_valid", "rx_needs_csum", "rx_csum_none", "rx_csum_bad" } },
	{ 2, { FEATURE(NET_F_GUEST_TSO4), FEATURE(NET_F_GUEST_TSO6) },
	  { "rx_gso_packets", "rx_gso_bytes", "rx_gso_packets_coalesced",
	    "rx_gso_bytes_coalesced" } },
	{ 3, { 0 },
	  { "rx_packets_allowance_exceeded", "rx_bytes_allowance_exceeded" } },
	{ 16, { 0 },
	  { "tx_notifications", "tx_packets", "tx_bytes", "tx_interrupts",
	    "tx_drops", "tx_drop_malformed" } },
	{ 17, { FEATURE(NET_F_CSUM) }, { "tx_csum_none", "tx_needs_csum" } },
	{ 18, { FEATURE(NET_F_HOST_TSO4), FEATURE(NET_F_HOST_TSO6),
		FEATURE(NET_F_HOST_USO) },
	  { "tx_gso_packets", "tx_gso_bytes", "tx_gso_segments",
	    "tx_gso_segments_bytes", "tx_gso_packets_noseg",
	    "tx_gso_bytes_noseg" } },
	{ 19, { 0 },
	  { "tx_packets_allowance_exceeded", "tx_bytes_allowance_exceeded" } },
	{ 32, { 0 }, { "command_num", "ok_num" } },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static bool devstats_negotiated(const struct vionet_device *device,
				const struct kind *kind)
{
	if (kind->features[0] == 0)
		return true;
	for (unsigned int i = 0; i < 3 && kind->features[i] != 0; i++)
		if (vionet_feature_test(&device->accepted,
					kind->features[i] - 1u))
			return true;
	return false;
}

/* Types that may be requested of this queue ("Device Statistics", CVQ-50, CVQ-53). */
static uint64_t devstats_types_of(const struct vionet_device *device,
				  unsigned int index)
{
	uint64_t range = index == device->control->queue.index ? 1ull << 32 :
			 index % 2 ? 0xffff0000ull : 0xffffull;
	uint64_t types = 0;

	for (size_t i = 0; i < KINDS; i++)
		if ((range >> kinds[i].bit & 1) &&
		    devstats_negotiated(device, &kinds[i]))
			types |= 1ull << kinds[i].bit;
	return types;
}

int vionet_stats_types(struct vionet_device *device, uint64_t *types)
{
	uint8_t reply[8] = { 0 };
	struct vn_command command = {
		.class = CTRL_STATS,
		.command = CTRL_STATS_QUERY,
		.name = "STATS_QUERY",
		.result = reply,
		.result_size = sizeof(reply),
	};
	int result = vn_control_need(device, NET_F_DEVICE_STATS,
				     "device statistics");

	*types = 0;
	if (result)
		return result;
	result = vn_control_command(device, &command);
	if (result == 0 && command.result_length < sizeof(reply))
		result = vn_error(EIO, "STATS_QUERY: a reply of %u bytes",
				  command.result_length);
	if (result)
		return vn_error_prefix(result, "%s", device->name);
	*types = vn_get64(reply);
	return 0;
}

/* The caller's array. */
struct room {
	void *array;
	size_t stride;
	uint32_t capacity, count;
};

/* The counters of one reply, which lie from `at` to `end`: as many as are known and as it
 * has. */
static void devstats_take_counters(const struct kind *kind, const uint8_t *reply,
				   uint32_t at, uint32_t end, struct room *room)
{
	for (unsigned int i = 0; i < COUNTERS_MAX && kind->counters[i] &&
				 at + 8 <= end &&
				 room->count < room->capacity;
	     i++, at += 8) {
		struct vionet_stat one = { kind->counters[i],
					   vn_get64(reply + at) };

		vn_element_out(room->array, room->stride, room->count++, &one,
			       sizeof(one));
	}
}

/* Step from reply to reply by the size that each states, within what there is
 * ("Device Statistics", CVQ-52). Each kind counts once, and only if it was requested. */
static void devstats_take_replies(const uint8_t *reply, uint32_t length,
				  unsigned int index, uint64_t requested,
				  struct room *room)
{
	uint32_t end;

	for (uint32_t at = 0; at + STATS_HEADER_SIZE <= length; at = end) {
		end = at + vn_get16(reply + at + 6);
		if (end < at + STATS_HEADER_SIZE || end > length)
			return;
		for (size_t i = 0; i < KINDS; i++) {
			uint64_t bit = 1ull << kinds[i].bit;

			if (kinds[i].bit != reply[at] || !(requested & bit) ||
			    vn_get16(reply + at + 2) != index)
				continue;
			devstats_take_counters(&kinds[i], reply,
					       at + STATS_HEADER_SIZE, end, room);
			requested &= ~bit;
		}
	}
}

static int devstats_check_queue(const struct vionet_device *device, unsigned int index)
{
	if (device->live && device->control &&
	    (index < 2 * device->queue_pairs ||
	     index == device->control->queue.index))
		return 0;
	return vn_error(ENOENT, "%s: queue %u is not in use", device->name, index);
}

int vionet_stats_read(struct vionet_device *device, unsigned int index,
		      struct vionet_stat *stats, size_t stride,
		      uint32_t capacity, uint32_t *count)
{
	struct room room = { stats, stride, capacity, 0 };
	uint8_t request[16] = { 0 }, reply[REPLY_SIZE] = { 0 };
	struct vn_command command = {
		.class = CTRL_STATS,
		.command = CTRL_STATS_GET,
		.name = "STATS_GET",
		.data = request,
		.size = sizeof(request),
		.result = reply,
		.result_size = sizeof(reply),
	};
	uint64_t types = 0;
	int result = vn_stride_check(stride, "vionet_stat");

	*count = 0;
	if (result)
		return vn_error_prefix(result, "%s", device->name);
	result = vionet_stats_types(device, &types);
	if (result == 0)
		result = devstats_check_queue(device, index);
	if (result)
		return result;
	types &= devstats_types_of(device, index);
	if (types == 0)
		return 0;
	vn_put16(request, (uint16_t)index);
	vn_put64(request + 8, types);
	result = vn_control_command(device, &command);
	if (result)
		return vn_error_prefix(result, "%s", device->name);
	devstats_take_replies(reply, command.result_length, index, types, &room);
	*count = room.count;
	return 0;
}
