/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands that decide which queues frames use and how often those interrupt: MQ, RSS, RSS
 * contexts, hash, tunnels, notification coalescing.
 */
#include "softnic/net/internal.h"

enum { VQ_PAIRS_SET, RSS_CONFIG, HASH_CONFIG };
enum { CAP_GET, CONTEXT_ADD, CONTEXT_MOD, CONTEXT_DEL };
enum { TX_SET, RX_SET, VQ_SET, VQ_GET };

#define RSS_HEAD 8u
#define HASH_HEAD 12u
#define CONTEXT_HEAD 8u

/* ---- numbers of queues ---- */

static bool control_contexts_exist(const struct net *net)
{
	unsigned int i;

	for (i = 0; i < CONTEXTS_MAX; i++) {
		if (net->context_used[i])
			return true;
	}
	return false;
}

/* Frames that were queued before the command are due under the rules before it: no more
 * than a queue holds. */
static void control_drain(struct net *net, unsigned int from)
{
	unsigned int pair;
	uint64_t end;

	for (pair = from; pair < net->tx_pairs; pair++) {
		struct queue *queue = &net->device->queue[2 * pair + 1];

		ring_wake(queue);
		end = queue->taken + queue->size;
		while (queue->taken < end && transmit_run(net, pair, 64) &&
		       !net->blocked)
			;
	}
}

static void control_use_pairs(struct net *net, unsigned int receive,
			      unsigned int transmit)
{
	if (net_fault(net, FAULT_CTRL_PAIRS_STAY))
		return;
	control_drain(net, transmit);
	net->rx_pairs = receive;
	net->tx_pairs = transmit;
	net->queues_set = true;
}

static void control_check_configured(struct net *net, unsigned int count)
{
	unsigned int pair;

	for (pair = 0; pair < count; pair++) {
		if (!net->queue[2 * pair].started ||
		    !net->queue[2 * pair + 1].started)
			violation(net->device, "CVQ-17", "VQ_PAIRS_SET %u: queues "
				  "%u and %u are not both set up", count, 2 * pair,
				  2 * pair + 1);
	}
}

static bool control_pairs_set(struct command *command)
{
	struct net *net = command->net;
	unsigned int count;

	if (!net_has(net, FT_MQ) || command->length != 2)
		return false;
	count = net_le16(command->data);
	if (control_contexts_exist(net)) {
		violation(net->device, "CVQ-35", "VQ_PAIRS_SET while an RSS context "
			  "is configured");
		return false;
	}
	if (count == 0 || count > net->device->options->queue_pairs) {
		violation(net->device, "CVQ-18", "VQ_PAIRS_SET %u of 1 to %u pairs",
			  count, net->device->options->queue_pairs);
		return false;
	}
	control_check_configured(net, count);
	control_use_pairs(net, count, count);
	net->steering = STEER_AUTOMATIC;
	return true;
}

/* ---- receive-side scaling ---- */

static bool control_check_queue(struct net *net, unsigned int id, const char *where)
{
	if (id & 0x8000) {
		violation(net->device, "CVQ-31", "RSS: %s holds 0x%x, no index of a "
			  "receive queue by two", where, id);
		return false;
	}
	if (id >= net->device->options->queue_pairs ||
	    !net->queue[2 * id].started) {
		violation(net->device, "CVQ-27", "RSS: %s names receive queue %u, "
			  "which is not enabled", where, 2 * id);
		return false;
	}
	return true;
}

static bool control_check_types(struct net *net, uint32_t types)
{
	if (!(types & ~HASH_TYPES))
		return true;
	violation(net->device, "CVQ-30", "hash types 0x%x, supported are 0x%x",
		  types, HASH_TYPES);
	return false;
}

/* The key at the command's end. */
static bool control_read_key(struct command *command, uint32_t at, struct rss *rss)
{
	if (command->length < at + 1)
		return false;
	rss->key_length = command->data[at];
	if (rss->key_length > KEY_MAX) {
		violation(command->net->device, "CVQ-32", "hash key of %u bytes, at "
			  "most %u are supported", rss->key_length, KEY_MAX);
		return false;
	}
	/* More behind it does no harm: Linux sends its structure with the padding. */
	if (command->length < at + 1u + rss->key_length)
		return false;
	memcpy(rss->key, command->data + at + 1, rss->key_length);
	return true;
}

static bool control_check_mask(struct net *net, unsigned int mask)
{
	if (mask & (mask + 1)) {
		violation(net->device, "CVQ-28", "RSS: %u table entries are no power "
			  "of two", mask + 1);
		return false;
	}
	if (mask >= TABLE_MAX) {
		violation(net->device, "CVQ-29", "RSS: indirection_table_mask %u, it "
			  "must be below %u", mask, TABLE_MAX);
		return false;
	}
	return true;
}

static bool control_read_rss(struct command *command, struct rss *rss,
			     unsigned int *transmit)
{
	struct net *net = command->net;
	const uint8_t *data = command->data;
	uint32_t i, at;

	if (command->length < RSS_HEAD)
		return false;
	*rss = (struct rss){ .types = net_le32(data), .mask = net_le16(data + 4), .unclassified = net_le16(data + 6) };
	if (!control_check_types(net, rss->types) || !control_check_mask(net, rss->mask) ||
	    !control_check_queue(net, rss->unclassified, "unclassified_queue"))
		return false;
	at = RSS_HEAD + 2u * (rss->mask + 1u);
	if (command->length < at + 2)
		return false;
	for (i = 0; i <= rss->mask; i++) {
		rss->table[i] = net_le16(data + RSS_HEAD + 2 * i);
		if (!control_check_queue(net, rss->table[i], "indirection_table"))
			return false;
	}
	*transmit = net_le16(data + at);
	return *transmit && *transmit <= net->device->options->queue_pairs &&
	       control_read_key(command, at + 2, rss);
}

/* The highest receive queue that the table can choose. */
static unsigned int control_rx_pairs(const struct rss *rss)
{
	unsigned int most = rss->unclassified, i;

	for (i = 0; i <= rss->mask; i++) {
		if (rss->table[i] > most)
			most = rss->table[i];
	}
	return most + 1;
}

static bool control_rss_config(struct command *command)
{
	struct net *net = command->net;
	unsigned int transmit;
	struct rss rss;

	if (!net_has(net, FT_RSS)) {
		violation(net->device, "CVQ-26", "RSS_CONFIG without RSS");
		return false;
	}
	if (!control_read_rss(command, &rss, &transmit))
		return false;
	control_use_pairs(net, control_rx_pairs(&rss), transmit);
	net->rss = rss;
	net->steering = STEER_RSS;
	return true;
}

static bool control_hash_config(struct command *command)
{
	struct net *net = command->net;
	struct rss rss = { 0 };
	unsigned int i;

	if (!net_has(net, FT_HASH_REPORT) || net_has(net, FT_RSS) ||
	    command->length < HASH_HEAD)
		return false;
	rss.types = net_le32(command->data);
	for (i = 4; i < HASH_HEAD; i++) {
		if (command->data[i] == 0)
			continue;
		violation(net->device, "CVQ-24", "HASH_CONFIG: reserved byte %u is "
			  "0x%x", i, command->data[i]);
		return false;
	}
	if (!control_check_types(net, rss.types) || !control_read_key(command, HASH_HEAD, &rss))
		return false;
	net->rss = rss;
	return true;
}

bool command_mq(struct command *command)
{
	switch (command->number) {
	case VQ_PAIRS_SET:
		return control_pairs_set(command);
	case RSS_CONFIG:
		return control_rss_config(command);
	case HASH_CONFIG:
		return control_hash_config(command);
	default:
		return false;
	}
}

/* ---- RSS contexts ---- */

static bool control_check_context(struct net *net, const struct command *command,
				  unsigned int *id)
{
	if (command->length < 2)
		return false;
	*id = net_le16(command->data);
	if (!net->capability_read)
		violation(net->device, "CVQ-36", "RSS context command %u before "
			  "CAP_GET", command->number);
	if (*id >= 1 && *id <= CONTEXTS_MAX)
		return true;
	violation(net->device, "CVQ-34", "RSS context %u, they are 1 to %u", *id,
		  CONTEXTS_MAX);
	return false;
}

/* A context holds parameters; only a flow filter would send frames to it, and none is
 * offered. */
static bool control_context_write(struct command *command)
{
	struct net *net = command->net;
	struct command inner = *command;
	unsigned int id, transmit;
	struct rss rss;

	if (!control_check_context(net, command, &id) ||
	    command->length < CONTEXT_HEAD ||
	    net->context_used[id - 1] != (command->number == CONTEXT_MOD))
		return false;
	inner.data += CONTEXT_HEAD;
	inner.length -= CONTEXT_HEAD;
	if (!control_read_rss(&inner, &rss, &transmit))
		return false;
	net->context[id - 1] = rss;
	net->context_used[id - 1] = true;
	return true;
}

static bool control_context_delete(struct command *command)
{
	struct net *net = command->net;
	unsigned int id;

	if (!control_check_context(net, command, &id) || command->length != 2 ||
	    !net->context_used[id - 1])
		return false;
	net->context_used[id - 1] = false;
	return true;
}

bool command_rss_context(struct command *command)
{
	struct net *net = command->net;

	if (!net_has(net, FT_RSS_CONTEXT)) {
		violation(net->device, "CVQ-33", "RSS context command %u without "
			  "RSS_CONTEXT", command->number);
		return false;
	}
	switch (command->number) {
	case CAP_GET:
		if (command->length || command->room < 2)
			return false;
		net_put_le16(command->result, CONTEXTS_MAX);
		command->written = 2;
		net->capability_read = true;
		return true;
	case CONTEXT_ADD:
	case CONTEXT_MOD:
		return control_context_write(command);
	case CONTEXT_DEL:
		return control_context_delete(command);
	default:
		return false;
	}
}

/* ---- inner header hash ---- */

bool command_hash_tunnel(struct command *command)
{
	struct net *net = command->net;
	uint32_t types;

	if (!net_has(net, FT_HASH_TUNNEL)) {
		violation(net->device, "CVQ-37", "HASH_TUNNEL_SET without "
			  "HASH_TUNNEL");
		return false;
	}
	if (command->number != 0 || command->length != 4)
		return false;
	types = net_le32(command->data);
	if (types & ~TUNNEL_TYPES) {
		violation(net->device, "CVQ-38", "tunnel types 0x%x, supported are "
			  "0x%x", types, TUNNEL_TYPES);
		return false;
	}
	net->tunnels = types;
	return true;
}

/* ---- notification coalescing ---- */

static void control_moderate_all(struct net *net, unsigned int direction,
				 const struct moderation *limits)
{
	unsigned int i;

	net->both[direction] = *limits;
	for (i = direction; i < 2 * QUEUE_PAIRS_MAX; i += 2) {
		if (i == device_control_index(net->device))
			break;
		net->queue[i].moderation = *limits;
		moderate_changed(net, &net->device->queue[i]);
	}
}

static bool control_all_set(struct command *command)
{
	struct net *net = command->net;
	struct moderation limits;

	if (!net_has(net, FT_NOTF_COAL)) {
		violation(net->device, "CVQ-44", "coalescing command %u without "
			  "NOTF_COAL", command->number);
		return false;
	}
	if (command->length != 8)
		return false;
	limits.max_packets = net_le32(command->data);
	limits.max_usecs = net_le32(command->data + 4);
	control_moderate_all(net, command->number == TX_SET, &limits);
	return true;
}

/* The queue that a command names; NULL: reported, not enabled. */
static struct queue *control_moderated_queue(struct command *command)
{
	struct net *net = command->net;
	unsigned int index;

	if (!net_has(net, FT_VQ_NOTF_COAL)) {
		violation(net->device, "CVQ-45", "coalescing command %u without "
			  "VQ_NOTF_COAL", command->number);
		return NULL;
	}
	if (command->length < 4)
		return NULL;
	index = net_le16(command->data);
	if (index < QUEUES_MAX && index < device_queues_in_use(net->device) &&
	    index != device_control_index(net->device) && net->queue[index].started)
		return &net->device->queue[index];
	violation(net->device, "CVQ-43", "coalescing command %u for queue %u, which "
		  "is not an enabled receive or transmit queue", command->number,
		  index);
	return NULL;
}

static bool control_one_set(struct command *command)
{
	struct queue *queue = control_moderated_queue(command);
	struct moderation *limits;

	if (queue == NULL || command->length != 12)
		return false;
	limits = &net_queue_of(command->net, queue)->moderation;
	limits->max_packets = net_le32(command->data + 4);
	limits->max_usecs = net_le32(command->data + 8);
	moderate_changed(command->net, queue);
	return true;
}

static bool control_one_get(struct command *command)
{
	struct queue *queue = control_moderated_queue(command);
	const struct moderation *limits;

	if (queue == NULL || command->length != 4 || command->room < 8)
		return false;
	limits = &net_queue_of(command->net, queue)->moderation;
	net_put_le32(command->result, limits->max_packets);
	net_put_le32(command->result + 4, limits->max_usecs);
	command->written = 8;
	return true;
}

bool command_moderation(struct command *command)
{
	switch (command->number) {
	case TX_SET:
	case RX_SET:
		return control_all_set(command);
	case VQ_SET:
		return control_one_set(command);
	case VQ_GET:
		return control_one_get(command);
	default:
		return false;
	}
}
