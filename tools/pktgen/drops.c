/* SPDX-License-Identifier: BSD-3-Clause */
/* The device's own counters of frames that it dropped, by its causes. */
#include "tools/pktgen/drops.h"

#include <string.h>

#include <vionet/stats.h>

static const struct {
	const char *name;
	const char *reason;
} drops[PKTGEN_DROPS] = {
	/* In the order of enum pktgen_drop; names as in "Device Statistics". */
	{ "rx_drop_overruns", "for want of receive buffers" },
	{ "rx_drops", "on receive, for other reasons" },
	{ "rx_packets_allowance_exceeded", "on receive, beyond the rate it may have" },
	{ "tx_drop_malformed", "on transmit, as malformed" },
	{ "tx_drops", "on transmit, for other reasons" },
	{ "tx_packets_allowance_exceeded", "on transmit, beyond the rate it may have" },
};

const char *pktgen_drop_name(enum pktgen_drop drop)
{
	return drops[drop].name;
}

const char *pktgen_drop_reason(enum pktgen_drop drop)
{
	return drops[drop].reason;
}

/* Read one virtqueue's; what it drops for a named reason is part of all its drops. */
static bool drops_read_queue(const struct session *session, unsigned int index,
			     uint64_t sum[PKTGEN_DROPS])
{
	struct vionet_stat list[VIONET_STATS_MAX];
	unsigned int count = 0;

	if (vionet_stats_read(session->device, index, list, sizeof(*list),
					VIONET_STATS_MAX, &count) != 0)
		return false;
	for (unsigned int i = 0; i < count; i++)
		for (int drop = 0; drop < PKTGEN_DROPS; drop++)
			if (strcmp(list[i].name, drops[drop].name) == 0)
				sum[drop] += list[i].value;
	return true;
}

/* Of two counters, what the first has beyond the second. */
static uint64_t drops_without(uint64_t all, uint64_t part)
{
	return all > part ? all - part : 0;
}

bool pktgen_read_drops(const struct session *session, uint64_t drop[PKTGEN_DROPS])
{
	memset(drop, 0, PKTGEN_DROPS * sizeof(drop[0]));
	for (unsigned int i = 0; i < 2 * session->pairs; i++)
		if (!drops_read_queue(session, i, drop))
			return false;
	drop[PKTGEN_DROP_RX] = drops_without(drop[PKTGEN_DROP_RX],
					     drop[PKTGEN_DROP_RX_BUFFERS]);
	drop[PKTGEN_DROP_TX] = drops_without(drop[PKTGEN_DROP_TX],
					     drop[PKTGEN_DROP_TX_MALFORMED]);
	return true;
}
