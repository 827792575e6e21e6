/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The counters as the driver requests them ("Device Statistics"), and as the control
 * socket prints them.
 */
#include "softnic/net/internal.h"

enum { STATS_QUERY, STATS_GET };

enum { ST_RX_BASIC = 0, ST_RX_CSUM = 1, ST_RX_GSO = 2, ST_RX_SPEED = 3,
       ST_TX_BASIC = 16, ST_TX_CSUM = 17, ST_TX_GSO = 18, ST_TX_SPEED = 19,
       ST_CVQ = 32 };

#define RX_TYPES 0x0000000full
#define TX_TYPES 0x000f0000ull
#define CVQ_TYPES (1ull << ST_CVQ)
#define ALL_TYPES (RX_TYPES | TX_TYPES | CVQ_TYPES)

#define REQUEST 16u
#define REPLY_HEAD 8u
#define COUNTERS_MAX 6u

/* ---- one reply ---- */

static unsigned int stats_basic(const struct queue *queue, const struct counters *count,
				uint64_t last, uint64_t *to)
{
	const uint64_t values[] = { queue->kicks, count->packets, count->bytes,
				    queue->interrupts, count->drops, last };

	memcpy(to, values, sizeof(values));
	return 6;
}

static unsigned int stats_csum_or_gso(const struct counters *count, unsigned int type,
				      uint64_t *to)
{
	const uint64_t rx_csum[] = { count->csum_valid, count->csum_needs,
				     count->csum_none, count->csum_bad };
	const uint64_t rx_gso[] = { count->gso_packets, count->gso_bytes,
				    count->coalesced, count->coalesced_bytes };
	const uint64_t tx_csum[] = { count->csum_none, count->csum_needs };
	const uint64_t tx_gso[] = { count->gso_packets, count->gso_bytes,
				    count->segments, count->segment_bytes,
				    count->whole, count->whole_bytes };
	const uint64_t *from = type == ST_RX_CSUM ? rx_csum :
			       type == ST_RX_GSO  ? rx_gso :
			       type == ST_TX_CSUM ? tx_csum : tx_gso;
	unsigned int n = type == ST_TX_CSUM ? 2 : type == ST_TX_GSO ? 6 : 4;

	memcpy(to, from, n * sizeof(*to));
	return n;
}

/* The counters of a type; returns how many. */
static unsigned int stats_collect(struct net *net, const struct queue *queue,
				  unsigned int type, uint64_t *to)
{
	const struct counters *count = &net_queue_of(net, queue)->count;

	switch (type) {
	case ST_RX_BASIC:
		return stats_basic(queue, count, count->overruns, to);
	case ST_TX_BASIC:
		return stats_basic(queue, count, count->malformed, to);
	case ST_CVQ:
		to[0] = net->commands;
		to[1] = net->commands_ok;
		return 2;
	case ST_RX_SPEED:
	case ST_TX_SPEED:
		to[0] = count->limited; /* "allowance exceeded" */
		to[1] = count->limited_bytes;
		return 2;
	default:
		return stats_csum_or_gso(count, type, to);
	}
}

/* ---- the request ---- */

static uint64_t stats_types_of(const struct net *net, unsigned int index)
{
	if (index == device_control_index(net->device))
		return CVQ_TYPES;
	return index % 2 ? TX_TYPES : RX_TYPES;
}

/* Types whose feature is negotiated. */
static uint64_t stats_types_negotiated(const struct net *net)
{
	uint64_t types = ALL_TYPES;

	if (!net_has(net, FT_GUEST_CSUM))
		types &= ~(1ull << ST_RX_CSUM);
	if (!net_has(net, FT_CSUM))
		types &= ~(1ull << ST_TX_CSUM);
	if (!net_has(net, FT_GUEST_TSO4) && !net_has(net, FT_GUEST_TSO6))
		types &= ~(1ull << ST_RX_GSO);
	if (!net_has(net, FT_HOST_TSO4) && !net_has(net, FT_HOST_TSO6) &&
	    !net_has(net, FT_HOST_USO))
		types &= ~(1ull << ST_TX_GSO);
	return types;
}

static bool stats_check_request(struct net *net, unsigned int index, uint64_t types)
{
	if (index >= device_queues_in_use(net->device) ||
	    (types & ALL_TYPES & ~stats_types_of(net, index))) {
		violation(net->device, "CVQ-50", "statistics 0x%llx are not valid "
			  "for queue %u", (unsigned long long)types, index);
		return false;
	}
	if (types & ~ALL_TYPES) {
		violation(net->device, "CVQ-49", "statistics 0x%llx: not among those "
			  "that STATS_QUERY named", (unsigned long long)types);
		return false;
	}
	if (types & ~stats_types_negotiated(net)) {
		violation(net->device, "CVQ-53", "statistics 0x%llx of queue %u: a "
			  "feature behind them is not negotiated",
			  (unsigned long long)types, index);
		return false;
	}
	return true;
}

/* The size that a reply says it has. */
static uint32_t stats_reply_claims(const struct net *net, uint32_t size)
{
	if (net_fault(net, FAULT_CTRL_REPLIES_HUGE))
		return 0xffff;
	return net_fault(net, FAULT_CTRL_REPLIES_EMPTY) ? 0 : size;
}

static uint32_t stats_put_reply(struct net *net, unsigned int index, unsigned int type,
				uint8_t *to)
{
	uint64_t values[COUNTERS_MAX];
	unsigned int n, i;
	uint32_t size;

	n = stats_collect(net, &net->device->queue[index], type, values);
	size = REPLY_HEAD + 8 * n;
	memset(to, 0, REPLY_HEAD);
	to[0] = (uint8_t)type;
	net_put_le16(to + 2, index);
	net_put_le16(to + 6, stats_reply_claims(net, size));
	for (i = 0; i < n; i++)
		net_put_le64(to + REPLY_HEAD + 8 * i, values[i]);
	return size;
}

/* Replies for one queue: as much as there is room for ("MUST fill up only upto the
 * valid bytes"). Returns whether all fitted. */
static bool stats_reply_queue(struct command *command, unsigned int index,
			      uint64_t types)
{
	uint8_t reply[REPLY_HEAD + 8 * COUNTERS_MAX];
	uint32_t size, left;

	for (; types; types &= types - 1) {
		size = stats_put_reply(command->net, index,
				       (unsigned int)__builtin_ctzll(types), reply);
		left = command->room - command->written;
		memcpy(command->result + command->written, reply,
		       size < left ? size : left);
		command->written += size < left ? size : left;
		if (size > left)
			return false;
	}
	return true;
}

static bool stats_get(struct command *command)
{
	struct net *net = command->net;
	const uint8_t *data = command->data;
	uint32_t at;
	bool fits = true;

	if (!net->stats_read)
		violation(net->device, "CVQ-49", "STATS_GET before STATS_QUERY");
	if (command->length == 0 || command->length % REQUEST)
		return false;
	for (at = 0; at < command->length; at += REQUEST) {
		if (!stats_check_request(net, net_le16(data + at), net_le64(data + at + 8)))
			return false;
	}
	for (at = 0; at < command->length && fits; at += REQUEST)
		fits = stats_reply_queue(command, net_le16(data + at), net_le64(data + at + 8));
	if (!fits)
		violation(net->device, "CVQ-51", "%u bytes do not hold the replies "
			  "that were requested", command->room);
	return true;
}

bool command_stats(struct command *command)
{
	struct net *net = command->net;

	if (!net_has(net, FT_DEVICE_STATS))
		return false;
	if (command->number == STATS_GET)
		return stats_get(command);
	if (command->number != STATS_QUERY || command->length ||
	    command->room < 8)
		return false;
	/* Only what can be requested now: drivers request all that is named here. */
	net_put_le64(command->result, stats_types_negotiated(net));
	command->written = 8;
	net->stats_read = true;
	return true;
}

/* ---- the control socket ---- */

static void stats_print_one(FILE *out, unsigned int index, const char *whose,
			    const struct counters *count)
{
	fprintf(out, "queue %u %s%s packets %llu bytes %llu drops %llu %s %llu", index,
		index % 2 ? "tx" : "rx", whose,
		(unsigned long long)count->packets,
		(unsigned long long)count->bytes,
		(unsigned long long)count->drops,
		index % 2 ? "malformed" : "overruns",
		(unsigned long long)(index % 2 ? count->malformed :
						 count->overruns));
}

/* "stats": what this driver did, since the last reset. */
void stats_print(const struct net *net, FILE *out)
{
	const struct device *device = net->device;
	unsigned int i;

	for (i = 0; i < device_queues_in_use(device); i++) {
		if (i == device_control_index(device)) {
			fprintf(out, "queue %u control commands %llu ok %llu\n", i,
				(unsigned long long)net->commands,
				(unsigned long long)net->commands_ok);
			continue;
		}
		stats_print_one(out, i, "", &net->queue[i].count);
		fprintf(out, " kicks %llu interrupts %llu\n",
			(unsigned long long)device->queue[i].kicks,
			(unsigned long long)device->queue[i].interrupts);
	}
}

/* "totals": what all drivers did; queues without any frame are left out. */
void stats_totals(const struct net *net, FILE *out)
{
	unsigned int i;

	for (i = 0; i < QUEUES_MAX; i++) {
		struct counters sum = net->before[i];
		const struct counters *now = &net->queue[i].count;

		sum.packets += now->packets;
		sum.bytes += now->bytes;
		sum.drops += now->drops;
		sum.overruns += now->overruns;
		sum.malformed += now->malformed;
		if (sum.packets == 0 && sum.drops == 0)
			continue;
		stats_print_one(out, i, " total", &sum);
		fputc('\n', out);
	}
}
