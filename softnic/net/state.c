/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The network half's part of a state that moves to another process: what commands set, what
 * was counted for the driver, what it was promised. Link, speed and peer stay where they are:
 * if the driver saw others, it hears of it once it runs.
 */
#include "softnic/net/internal.h"
#include "softnic/state/stream.h"

const char *net_busy(struct device *device)
{
	struct net *net = device->net;

	if (net->coalesce && net->coalesce->length != 0 && coalesce_flush(net) < 0)
		return "a coalesced packet waits for receive buffers; try again";
	moderate_flush(net);
	for (unsigned int i = 0; i < device_queues_in_use(device); i++) {
		struct queue *queue = &device->queue[i];

		if (!net->queue[i].started || queue->broken)
			continue;
		ring_flush(queue);
		net->queue[i].unnoticed = 0;
		if (ring_holds(queue))
			return "a queue's buffers are held back, by --shuffle or a fault";
	}
	return NULL;
}

static void state_mac_table(struct state *state, uint8_t (*table)[6], unsigned int *count,
			    bool *overflow)
{
	state_field(state, *count);
	state_field(state, *overflow);
	state_require(state, *count <= MAC_TABLE_MAX, "a table of %u addresses", *count);
	for (unsigned int i = 0; i < *count && !state->failed; i++)
		state_bytes(state, table[i], 6);
}

static void state_filter(struct state *state, struct net *net)
{
	struct filter *filter = &net->filter;

	state_section(state, "filter");
	state_bytes(state, net->mac, sizeof(net->mac));
	state_bytes(state, net->permanent_mac, sizeof(net->permanent_mac));
	state_field(state, filter->promisc);
	state_field(state, filter->allmulti);
	state_field(state, filter->alluni);
	state_field(state, filter->nomulti);
	state_field(state, filter->nouni);
	state_field(state, filter->nobcast);
	state_mac_table(state, filter->unicast, &filter->unicasts, &filter->unicast_overflow);
	state_mac_table(state, filter->multicast, &filter->multicasts,
			&filter->multicast_overflow);
	for (unsigned int i = 0; i < 4096 / 64; i++)
		state_field(state, filter->vlan[i]);
}

static void state_rss_queue(struct state *state, const struct net *net, uint16_t *pair)
{
	state_field(state, *pair);
	state_require(state, *pair < device_pairs_in_use(net->device), "RSS chooses pair %u", *pair);
}

static void state_rss(struct state *state, const struct net *net, struct rss *rss)
{
	state_field(state, rss->types);
	state_field(state, rss->mask);
	state_field(state, rss->key_length);
	state_require(state, !(rss->types & ~HASH_TYPES), "hash types 0x%x", rss->types);
	state_require(state, rss->mask < TABLE_MAX && !(rss->mask & (rss->mask + 1)),
		      "an indirection table with mask %u", rss->mask);
	state_require(state, rss->key_length <= KEY_MAX, "a hash key of %u bytes",
		      rss->key_length);
	state_rss_queue(state, net, &rss->unclassified);
	for (unsigned int i = 0; i < TABLE_MAX; i++)
		state_rss_queue(state, net, &rss->table[i]);
	state_bytes(state, rss->key, sizeof(rss->key));
}

static void state_steering(struct state *state, struct net *net)
{
	unsigned int pairs = device_pairs_in_use(net->device);
	uint8_t steering = (uint8_t)net->steering;

	state_section(state, "steering");
	state_field(state, net->rx_pairs);
	state_field(state, net->tx_pairs);
	state_require(state, net->rx_pairs - 1 < pairs && net->tx_pairs - 1 < pairs,
		      "%u and %u pairs in use, of %u", net->rx_pairs, net->tx_pairs, pairs);
	state_field(state, net->queues_set);
	state_field(state, steering);
	state_require(state, steering <= STEER_RSS, "steering %u", steering);
	if (state->loading)
		net->steering = steering == STEER_RSS ? STEER_RSS : STEER_AUTOMATIC;
	state_rss(state, net, &net->rss);
	for (unsigned int i = 0; i < CONTEXTS_MAX; i++) {
		state_field(state, net->context_used[i]);
		state_rss(state, net, &net->context[i]);
	}
	state_field(state, net->tunnels);
	state_require(state, !(net->tunnels & ~TUNNEL_TYPES), "tunnels 0x%x", net->tunnels);
	state_bytes(state, net->flow, sizeof(net->flow));
}

static void state_counters(struct state *state, struct counters *count)
{
	uint64_t *const each[] = {
		&count->packets,
		&count->bytes,
		&count->drops,
		&count->overruns,
		&count->malformed,
		&count->csum_valid,
		&count->csum_needs,
		&count->csum_none,
		&count->csum_bad,
		&count->gso_packets,
		&count->gso_bytes,
		&count->coalesced,
		&count->coalesced_bytes,
		&count->segments,
		&count->segment_bytes,
		&count->whole,
		&count->whole_bytes,
		&count->limited,
		&count->limited_bytes,
	};

	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
		state_field(state, *each[i]);
}

/* What another process has counted is not part of this one's totals. */
static void state_discount(struct counters *before, const struct counters *count)
{
	before->packets -= count->packets;
	before->bytes -= count->bytes;
	before->drops -= count->drops;
	before->overruns -= count->overruns;
	before->malformed -= count->malformed;
}

static void state_moderation(struct state *state, struct moderation *limits)
{
	state_field(state, limits->max_packets);
	state_field(state, limits->max_usecs);
}

static void state_net_queues(struct state *state, struct net *net)
{
	state_section(state, "traffic");
	state_moderation(state, &net->both[0]);
	state_moderation(state, &net->both[1]);
	for (unsigned int i = 0; i < device_queues_in_use(net->device); i++) {
		state_moderation(state, &net->queue[i].moderation);
		state_field(state, net->queue[i].segment);
		state_counters(state, &net->queue[i].count);
		if (state->loading)
			state_discount(&net->before[i], &net->queue[i].count);
	}
}

/* What the driver was shown, and what it will be: it hears of a difference. */
static void state_link(struct state *state, struct net *net)
{
	bool up = net->link_up;
	uint32_t speed = net->speed;
	uint8_t duplex = net->duplex;

	state_field(state, up);
	state_field(state, speed);
	state_field(state, duplex);
	if (state->loading)
		net->link_differs = up != net->link_up || speed != net->speed ||
				    duplex != net->duplex;
}

void net_state(struct device *device, struct state *state)
{
	struct net *net = device->net;

	state_filter(state, net);
	state_steering(state, net);
	state_net_queues(state, net);
	state_section(state, "promises");
	state_link(state, net);
	state_field(state, net->announce);
	state_time(state, &net->announced, ANNOUNCE_MOST * SECOND);
	state_field(state, net->announce_wait);
	state_field(state, net->guest);
	state_require(state, !(net->guest & ~net_offloads(net)), "receive offloads 0x%llx",
		      (unsigned long long)net->guest);
	state_field(state, net->capability_read);
	state_field(state, net->stats_read);
	state_field(state, net->commands);
	state_field(state, net->commands_ok);
}

void net_resumed(struct device *device)
{
	bool differs = device->net->link_differs;

	device->net->link_differs = false;
	if (differs)
		config_changed(device);
}
