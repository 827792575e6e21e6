/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of the model's control queue (model_control.h), class by class: which ones
 * are obeyed, which refused, and each rule for them that the driver must keep.
 */
#include <string.h>

#include "tests/unit/model_control_parts.h"

static uint16_t le16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t le32(const uint8_t *at)
{
	return le16(at) | (uint32_t)le16(at + 2) << 16;
}

static uint64_t le64(const uint8_t *at)
{
	return le32(at) | (uint64_t)le32(at + 4) << 32;
}

/* A command whose feature was not negotiated. */
static bool gated(struct model_control *c, unsigned int bit)
{
	if (has(c, bit))
		return true;
	broken(c, "a command without its feature");
	return false;
}

/* ---- the classes ---- */

static int rx_mode(struct model_control *c, unsigned int command,
		   const uint8_t *data, size_t size)
{
	if (command > 5 || size != 1 || data[0] > 1)
		return broken(c, "receive mode");
	if (!gated(c, command < 2 ? CTRL_RX : CTRL_RX_EXTRA))
		return ERR;
	c->mode[command] = data[0];
	return OK;
}

static int mac_table(struct model_control *c, const uint8_t *data, size_t size)
{
	for (unsigned int t = 0; t < 2; t++) {
		size_t count;

		if (size < 4)
			return broken(c, "address table without its count");
		count = le32(data);
		data += 4;
		size -= 4;
		if (count > MODEL_MACS)
			return ERR;
		if (size < 6 * count)
			return broken(c, "address table cut short");
		for (size_t i = 0; i < count; i++)
			if ((data[6 * i] & 1) != t)
				return broken(c, "address in the wrong table");
		memcpy(c->table[t], data, 6 * count);
		c->macs[t] = (unsigned int)count;
		data += 6 * count;
		size -= 6 * count;
	}
	return size == 0 ? OK : broken(c, "address table too long");
}

static int mac(struct model_control *c, unsigned int command,
	       const uint8_t *data, size_t size)
{
	if (!gated(c, CTRL_RX))
		return ERR;
	if (command == 0)
		return mac_table(c, data, size);
	if (command != 1 || size != 6)
		return broken(c, "class MAC");
	if (!gated(c, CTRL_MAC_ADDR))
		return ERR;
	memcpy(c->mac, data, 6);
	return OK;
}

static int vlan(struct model_control *c, unsigned int command,
		const uint8_t *data, size_t size)
{
	if (!gated(c, CTRL_VLAN))
		return ERR;
	if (command > 1 || size != 2 || le16(data) > 4095)
		return broken(c, "class VLAN");
	c->vlan[le16(data)] = command == 0;
	return OK;
}

static bool enabled(const struct model_control *c, unsigned int index)
{
	return index < c->model->queues && c->model->queue[index].enabled;
}

static bool has_context(const struct model_control *c)
{
	for (unsigned int i = 0; i < MODEL_CONTEXTS; i++)
		if (c->context[i].set)
			return true;
	return false;
}

static int pairs_set(struct model_control *c, const uint8_t *data, size_t size)
{
	unsigned int pairs = size == 2 ? le16(data) : 0;

	if (!gated(c, MQ))
		return ERR;
	if (pairs < 1 || pairs > c->pairs)
		return broken(c, "virtqueue_pairs out of range");
	if (has_context(c))
		return broken(c, "VQ_PAIRS_SET with an RSS context");
	for (unsigned int i = 0; i < 2 * pairs; i++)
		if (!enabled(c, i))
			return broken(c, "VQ_PAIRS_SET before its queues are set up");
	c->active = pairs;
	c->rss.set = false;
	return OK;
}

static int rss_parse(struct model_control *c, const uint8_t *data, size_t size,
		     struct model_rss *rss)
{
	const uint8_t *config = c->model->net_config;
	struct model_rss r = { .set = true };
	size_t at;

	if (size < 8)
		return broken(c, "RSS_CONFIG cut short");
	r.hash_types = le32(data);
	r.entries = le16(data + 4) + 1u;
	r.unclassified = le16(data + 6);
	at = 8 + 2 * (size_t)r.entries;
	if ((r.entries & (r.entries - 1)) != 0)
		return broken(c, "table size is no power of two");
	if (r.entries - 1 >= le16(config + 18) || r.entries > 512)
		return broken(c, "table too large");
	if (r.hash_types & ~le32(config + 20))
		return broken(c, "hash type not supported");
	if (size < at + 3)
		return broken(c, "RSS_CONFIG cut short");
	r.max_tx = le16(data + at);
	r.key_size = data[at + 2];
	if (size != at + 3 + r.key_size || r.key_size > config[17])
		return broken(c, "hash key");
	memcpy(r.key, data + at + 3, r.key_size);
	for (unsigned int i = 0; i < r.entries; i++) {
		r.table[i] = le16(data + 8 + 2 * i);
		if ((r.table[i] & 0x8000) || !enabled(c, 2u * r.table[i]))
			return broken(c, "table names a queue that is not enabled");
	}
	if (!enabled(c, 2u * r.unclassified))
		return broken(c, "unclassified_queue is not enabled");
	if (r.max_tx < 1 || r.max_tx > c->pairs)
		return broken(c, "max_tx_vq");
	*rss = r;
	return OK;
}

static int hash_config(struct model_control *c, const uint8_t *data, size_t size)
{
	if (!gated(c, HASH_REPORT))
		return ERR;
	if (has(c, RSS) || size < 13 || size != 13u + data[12] ||
	    data[12] > c->model->net_config[17])
		return broken(c, "HASH_CONFIG");
	for (unsigned int i = 4; i < 12; i++)
		if (data[i] != 0)
			return broken(c, "reserved words are not zero");
	memcpy(c->hash_config, data, size);
	return OK;
}

static int mq(struct model_control *c, unsigned int command, const uint8_t *data,
	      size_t size)
{
	int result;

	if (command == 0)
		return pairs_set(c, data, size);
	if (command == 2)
		return hash_config(c, data, size);
	if (command != 1 || !gated(c, RSS))
		return broken(c, "class MQ");
	result = rss_parse(c, data, size, &c->rss);
	if (result == OK)
		c->active = c->rss.max_tx;
	return result;
}

static int offloads(struct model_control *c, const uint8_t *data, size_t size)
{
	static const struct { unsigned int mask, feature; } bits[] = {
		{ 1, 1 }, { 7, 7 }, { 8, 8 }, { 9, 9 }, { 10, 10 }, { 46, 65 },
		{ 47, 66 }, { 54, 54 }, { 55, 55 },
	};
	uint64_t left;

	if (!gated(c, CTRL_GUEST_OFFLOADS) || size != 8)
		return ERR;
	left = le64(data);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (has(c, bits[i].feature))
			left &= ~(1ull << bits[i].mask);
	if (left != 0)
		return broken(c, "offload that was not negotiated");
	c->offloads = le64(data);
	c->offloads_set = true;
	return OK;
}

static int coalescing(struct model_control *c, unsigned int command,
		      const uint8_t *data, size_t size, uint8_t *result,
		      size_t *result_length)
{
	struct model_coalescing *q;

	if (!gated(c, command < 2 ? NOTF_COAL : VQ_NOTF_COAL))
		return ERR;
	if (command < 2 && size == 8) {
		for (unsigned int i = 0; i < 2 * c->pairs; i++)
			if (i % 2 == (command == 0))
				c->coalescing[i] = (struct model_coalescing){
					le32(data), le32(data + 4)
				};
		return OK;
	}
	if (command > 3 || size != (command == 2 ? 12 : 4))
		return broken(c, "class NOTF_COAL");
	if (le16(data) >= 2 * c->pairs || !enabled(c, le16(data)))
		return broken(c, "vq_index is not an enabled queue");
	q = &c->coalescing[le16(data)];
	if (command == 2) {
		*q = (struct model_coalescing){ le32(data + 4), le32(data + 8) };
		return OK;
	}
	store(result, q->packets, 4);
	store(result + 4, q->usecs, 4);
	*result_length = 8;
	return OK;
}

static int tunnels(struct model_control *c, const uint8_t *data, size_t size)
{
	if (!gated(c, HASH_TUNNEL) || size != 4)
		return ERR;
	/* Bit 9 is offered by this device and defined by nobody. */
	if (le32(data) & ~(le32(c->model->net_config + 24) & 0x1ff))
		return broken(c, "tunnel type not supported");
	c->tunnels = le32(data);
	return OK;
}

/* Counters of a type, and whose queue it is about: 0 receive, 1 transmit, 2
 * control. */
static const struct { unsigned int type, counters, role, feature; } kinds[] = {
	{ 0, 6, 0, 0 }, { 1, 4, 0, 1 + 1 }, { 2, 4, 0, 1 + 7 }, { 3, 2, 0, 0 },
	{ 16, 6, 1, 0 }, { 17, 2, 1, 1 + 0 }, { 18, 6, 1, 1 + 11 },
	{ 19, 2, 1, 0 }, { 32, 2, 2, 0 },
};

static int stats_get(struct model_control *c, const uint8_t *data, size_t size,
		     uint8_t *result, size_t room, size_t *result_length)
{
	unsigned int index, role;
	uint64_t types;
	size_t at = 0;

	if (size == 0 || size % 16 != 0)
		return broken(c, "STATS_GET");
	index = le16(data);
	types = le64(data + 8);
	role = index == 2 * c->pairs ? 2 : index % 2;
	if (types & ~c->statistics)
		return broken(c, "statistics type that was not offered");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t bytes = 8 + 8 * kinds[i].counters;

		if (!(types >> kinds[i].type & 1))
			continue;
		if (kinds[i].role != role)
			return broken(c, "statistics type of another queue");
		if (kinds[i].feature != 0 && !has(c, kinds[i].feature - 1))
			return broken(c, "statistics type without its feature");
		if (room - at < bytes)
			return broken(c, "no room for the replies");
		memset(result + at, 0, bytes);
		result[at] = (uint8_t)kinds[i].type;
		store(result + at + 2, index, 2);
		store(result + at + 6, c->reply_size >= 0 ?
			      (uint64_t)c->reply_size : bytes, 2);
		for (unsigned int k = 0; k < kinds[i].counters; k++)
			store(result + at + 8 + 8 * k,
			      kinds[i].type * 1000 + k, 8);
		at += bytes;
	}
	*result_length = at;
	return OK;
}

static int stats(struct model_control *c, unsigned int command,
		 const uint8_t *data, size_t size, uint8_t *result, size_t room,
		 size_t *result_length)
{
	if (!gated(c, DEVICE_STATS))
		return ERR;
	if (command == 1)
		return stats_get(c, data, size, result, room, result_length);
	if (command != 0 || size != 0 || room < 8)
		return broken(c, "STATS_QUERY");
	store(result, c->statistics, 8);
	*result_length = 8;
	return OK;
}

static int contexts(struct model_control *c, unsigned int command,
		    const uint8_t *data, size_t size, uint8_t *result,
		    size_t *result_length)
{
	unsigned int id = size >= 2 ? le16(data) : 0;

	if (!gated(c, RSS_CONTEXT))
		return ERR;
	if (command == 0) {
		c->asked_contexts = true;
		store(result, MODEL_CONTEXTS, 2);
		*result_length = 2;
		return OK;
	}
	if (!c->asked_contexts)
		return broken(c, "an RSS context before CAP_GET");
	if (id < 1 || id > MODEL_CONTEXTS)
		return broken(c, "rss_ctx_id out of range");
	if (command == 3 && size == 2) {
		c->context[id - 1].set = false;
		return OK;
	}
	if (command > 2 || size < 8)
		return broken(c, "class RSS_CTX");
	return rss_parse(c, data + 8, size - 8, &c->context[id - 1]);
}

int model_control_obey(struct model_control *c, const uint8_t *command, size_t size,
		       uint8_t *result, size_t room, size_t *result_length)
{
	const uint8_t *data = command + 2;

	if (size < 2)
		return broken(c, "a command without class and command");
	size -= 2;
	if (command[0] == c->refuse_class &&
	    (c->refuse_command < 0 || command[1] == c->refuse_command))
		return ERR;
	switch (command[0]) {
	case 0: return rx_mode(c, command[1], data, size);
	case 1: return mac(c, command[1], data, size);
	case 2: return vlan(c, command[1], data, size);
	case 3:
		if (!gated(c, GUEST_ANNOUNCE) || size != 0)
			return ERR;
		c->announce_acks++;
		return OK;
	case 4: return mq(c, command[1], data, size);
	case 5: return offloads(c, data, size);
	case 6: return coalescing(c, command[1], data, size, result,
				  result_length);
	case 7: return tunnels(c, data, size);
	case 8: return stats(c, command[1], data, size, result, room,
			     result_length);
	case 9: return contexts(c, command[1], data, size, result,
				result_length);
	default: return broken(c, "a class that is none");
	}
}
