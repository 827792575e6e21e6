/* SPDX-License-Identifier: BSD-3-Clause */
/* The queues of the model by their number, and frames that pass through them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/model.h"

/* ---- queues by number ---- */

int model_take(struct model *m, unsigned int index, uint8_t *data, size_t size,
	       size_t *length)
{
	return model_ring_take(&m->rings, &m->queue[index], data, size, length);
}

void model_used(struct model *m, unsigned int index, uint32_t id, uint32_t len,
		uint16_t advance)
{
	model_ring_used(&m->rings, &m->queue[index], id, len, advance);
}

void model_used_bits(struct model *m, unsigned int index, uint32_t id, uint32_t len,
		     uint16_t advance, unsigned int bits)
{
	model_ring_used_bits(&m->rings, &m->queue[index], id, len, advance, bits);
}

void model_used_batch(struct model *m, unsigned int index, unsigned int count, uint32_t len)
{
	model_ring_used_batch(&m->rings, &m->queue[index], count, len);
}

void model_want_kick(struct model *m, unsigned int index)
{
	model_ring_want_kick(&m->rings, &m->queue[index]);
}

void model_used_flags(struct model *m, unsigned int index, uint16_t flags)
{
	model_ring_used_flags(&m->rings, &m->queue[index], flags);
}

bool model_wants_interrupt(struct model *m, unsigned int index)
{
	struct model_queue *q = &m->queue[index];

	return model_ring_wants_interrupt(&m->rings, q, model_ring_position(&m->rings, q));
}

/* ---- traffic ---- */

/* In order, a used entry for each batch; what is left over gets one too. */
static void traffic_complete(struct model *m, unsigned int id, unsigned int *open,
		     bool last)
{
	if (m->batch < 2) {
		model_used(m, 1, id, 0, 1);
		return;
	}
	if (*open == m->batch || (last && *open != 0)) {
		model_used_batch(m, 1, *open, 0);
		*open = 0;
	}
}

unsigned int model_transmit(struct model *m)
{
	static uint8_t data[70000];
	unsigned int count = 0, open = 0;
	size_t length;
	int id;

	while (m->queue[1].enabled && (m->status & 4) &&
	       (id = model_take(m, 1, data, sizeof(data), &length)) >= 0) {
		if (m->on_frame && length >= model_header_size(m))
			m->on_frame(m->context, data, length);
		m->sent++;
		count++;
		open++;
		traffic_complete(m, (unsigned int)id, &open, false);
	}
	if (m->batch >= 2)
		traffic_complete(m, 0, &open, true);
	model_want_kick(m, 1);
	return count;
}

static bool traffic_deliver_piece(struct model *m, const uint8_t *data, size_t length)
{
	size_t room;
	int id = model_take(m, 0, NULL, 0, &room);

	if (id < 0)
		return false;
	if (length <= room)
		(void)model_ring_fill(&m->rings, &m->queue[0], data, length);
	model_used(m, 0, (uint32_t)id, (uint32_t)length, 1);
	model_want_kick(m, 0);
	return true;
}

size_t model_header_size(const struct model *m)
{
	if (m->accepted[1] & (1ull << 1 | 1ull << 3))
		return 24;
	return m->accepted[0] & 1ull << 57 ? 20 : 12;
}

unsigned int model_deliver(struct model *m, const uint8_t *frame, size_t length,
			   size_t piece, int num_buffers)
{
	size_t header = model_header_size(m), total = length + header, done = 0;
	uint8_t *data = calloc(1, total);
	unsigned int pieces = 0;

	if (piece == 0)
		piece = total;
	pieces = (unsigned int)((total + piece - 1) / piece);
	memcpy(data, m->rx_header, header);
	memcpy(data + header, frame, length);
	num_buffers = num_buffers < 0 ? (int)pieces : num_buffers;
	data[10] = (uint8_t)num_buffers;
	data[11] = (uint8_t)(num_buffers >> 8);
	for (pieces = 0; done < total; pieces++) {
		size_t now = total - done < piece ? total - done : piece;

		if (!traffic_deliver_piece(m, data + done, now))
			break;
		done += now;
	}
	free(data);
	return done == total ? pieces : 0;
}

void model_interrupt(struct model *m, int index)
{
	unsigned int vector = index < 0 ? m->config_vector : m->queue[index].vector;
	uint64_t one = 1;

	if (vector < m->eventfds && m->eventfd[vector] >= 0)
		(void)!write(m->eventfd[vector], &one, sizeof(one));
}
