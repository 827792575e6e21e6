/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control queue of the model (model_control.h): the chains that commands come in, their
 * answers, right or wrong, and what else such a device has: doorbells, reset, suspend.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/model_control_parts.h"

/* ---- the chain ---- */

struct chain {
	int head;
	uint8_t *ack;	 /* first writable byte */
	uint8_t result[8192]; /* what goes behind it */
	size_t room;	 /* for that */
	struct { uint8_t *at; size_t size; } part[16];
	unsigned int parts;
};

/* Readable bytes to c->last, where the writable ones are to `chain`. */
static bool take_chain(struct model_control *c, struct chain *chain)
{
	struct model *m = c->model;
	struct model_queue *q = &m->queue[2 * c->pairs];
	size_t total;

	memset(chain, 0, sizeof(*chain));
	chain->head = model_take(m, 2 * c->pairs, c->last, sizeof(c->last), &total);
	if (chain->head < 0)
		return false;
	c->last_length = 0;
	c->parts = q->elements;
	c->writable_parts = 0;
	for (unsigned int i = 0; i < q->elements && i < 16; i++) {
		const struct model_element *e = &q->element[i];

		if (!e->write) {
			c->last_length += e->length;
			continue;
		}
		chain->part[c->writable_parts].at =
			model_at(m, e->address, e->length, true);
		if (!chain->part[c->writable_parts].at)
			return false;
		chain->part[c->writable_parts++].size = e->length;
		chain->room += e->length;
	}
	chain->parts = c->writable_parts;
	if (chain->room == 0) {
		broken(c, "no room for the ack");
		return false;
	}
	return true;
}

/* Byte `i` of the writable part. */
static void put(const struct chain *chain, size_t i, uint8_t value)
{
	for (unsigned int p = 0; p < chain->parts; p++) {
		if (i < chain->part[p].size) {
			chain->part[p].at[i] = value;
			return;
		}
		i -= chain->part[p].size;
	}
}

static struct chain held;

static void answer(struct model_control *c, struct chain *chain, int ack,
		   size_t length)
{
	uint32_t id = (uint32_t)chain->head;
	uint32_t used = 1 + (uint32_t)length;

	if (!c->no_answer) {
		for (size_t i = 0; i < length; i++)
			put(chain, 1 + i, chain->result[i]);
		if (c->huge_result)
			for (size_t i = length; i + 1 < chain->room; i++)
				put(chain, 1 + i, 0xee);
		put(chain, 0, (uint8_t)(c->ack >= 0 ? c->ack : ack));
	}
	if (c->huge_result)
		used = 65536;
	if (c->used_length >= 0)
		used = (uint32_t)c->used_length;
	if (c->used_id >= 0)
		id = (uint32_t)c->used_id;
	model_used(c->model, 2 * c->pairs, id, used, (uint16_t)c->used_advance);
}

static void serve(struct model_control *c)
{
	static struct chain chain;
	size_t length = 0;
	int ack;

	while (take_chain(c, &chain)) {
		c->commands++;
		if (c->slow_ms != 0)
			poll(NULL, 0, (int)c->slow_ms);
		if (c->needs_reset_at == (int)c->commands) {
			c->model->status |= 0x40;
			return;
		}
		if (c->silent) {
			held = chain;
			c->held = chain.head;
			continue;
		}
		ack = model_control_obey(c, c->last, c->last_length, chain.result,
					 chain.room - 1 < sizeof(chain.result) ?
						 chain.room - 1 : sizeof(chain.result),
					 &length);
		c->refused += ack == ERR;
		answer(c, &chain, ack, ack == OK ? length : 0);
		length = 0;
	}
}

void model_control_late(struct model_control *c, uint8_t ack)
{
	for (size_t i = 1; i < held.room; i++)
		put(&held, i, 0xdd);
	put(&held, 0, ack);
	model_used(c->model, 2 * c->pairs, (uint32_t)c->held,
		   (uint32_t)held.room, 1);
	c->held = -1;
}

/* ---- the rest of the device ---- */

static void doorbell(struct model *m, unsigned int queue)
{
	struct model_control *c = m->part;

	if (!(m->status & 4))
		broken(c, "a notification without DRIVER_OK");
	if (queue < 2 * c->pairs && queue % 2 == 1 && queue / 2 >= c->active)
		broken(c, "transmission on a queue that is not in use");
	if (queue == 2 * c->pairs && !c->deaf)
		serve(c);
}

static void forget(struct model *m)
{
	struct model_control *c = m->part;

	memset(c->mode, 0, sizeof(c->mode));
	memset(c->mac, 0, sizeof(c->mac));
	memset(c->macs, 0, sizeof(c->macs));
	memset(c->vlan, 0, sizeof(c->vlan));
	memset(&c->rss, 0, sizeof(c->rss));
	memset(c->context, 0, sizeof(c->context));
	memset(c->hash_config, 0, sizeof(c->hash_config));
	memset(c->coalescing, 0, sizeof(c->coalescing));
	c->asked_contexts = false;
	c->offloads_set = false;
	c->tunnels = 0;
	c->active = 1;
	c->held = -1;
}

/* Suspend and resume at once. */
static void status(struct model *m, uint8_t written)
{
	struct model_control *c = m->part;

	if ((written & 0x10) && !has(c, SUSPEND))
		broken(c, "SUSPEND without its feature");
	if ((written & 0x10) && !(written & 4))
		broken(c, "SUSPEND without DRIVER_OK");
	if (m->stuck_status & 0x14)
		return;
	if ((written & 0x14) == 0x14 && (m->status & 4) && !m->suspended) {
		m->status &= (uint8_t)~4;
		m->suspended = true;
	} else if ((written & 4) && m->suspended) {
		m->status &= (uint8_t)~0x10;
		m->suspended = false;
	}
}

struct model_control *model_control_create(struct model *m, unsigned int pairs)
{
	static const unsigned int bits[] = {
		CTRL_VQ, CTRL_RX, CTRL_VLAN, CTRL_RX_EXTRA, GUEST_ANNOUNCE, MQ,
		CTRL_MAC_ADDR, CTRL_GUEST_OFFLOADS, RING_RESET, SUSPEND,
		DEVICE_STATS, HASH_TUNNEL, VQ_NOTF_COAL, NOTF_COAL, HASH_REPORT,
		RSS, RSS_CONTEXT,
	};
	struct model_control *c = calloc(1, sizeof(*c));

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		m->offered[bits[i] / 64] |= 1ull << (bits[i] % 64);
	m->queues = (uint16_t)(2 * pairs + 1);
	m->function.vector_count = 2 * pairs + 1;
	store(m->net_config + 8, pairs, 2);
	c->model = m;
	c->pairs = pairs;
	c->statistics = 1 | 1ull << 1 | 1ull << 3 | 1ull << 16 | 1ull << 17 |
			1ull << 32 | 1ull << 60;
	c->ack = c->used_length = c->used_id = c->reply_size = -1;
	c->refuse_class = c->refuse_command = -1;
	c->used_advance = 1;
	m->part = c;
	m->on_doorbell = doorbell;
	m->on_reset = forget;
	m->on_status = status;
	forget(m);
	for (unsigned int i = 0; i < m->queues; i++) {
		m->queue[i].size = m->queue_max;
		m->queue[i].vector = 0xffff;
	}
	return c;
}

void model_control_free(struct model_control *c)
{
	free(c);
}

unsigned int model_control_transmit(struct model_control *c, unsigned int pair)
{
	struct model *m = c->model;
	static uint8_t data[70000];
	unsigned int count = 0;
	size_t length;
	int id;

	while ((id = model_take(m, 2 * pair + 1, data, sizeof(data), &length)) >= 0) {
		model_used(m, 2 * pair + 1, (uint32_t)id, 0, 1);
		count++;
	}
	return count;
}
