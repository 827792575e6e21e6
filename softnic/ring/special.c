/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rings that leave the fast path: shuffled order (--shuffle), and the places where faults
 * come in. Never breaks a packet's receive buffers apart: those are shuffled before they
 * are handed out, so that a packet's buffers come back together. Transmit buffers leave in
 * order, for the wire's sake, and complete in another.
 */
#include <stdlib.h>

#include "softnic/ring/raw.h"

#define STASH_DEPTH 8u

static uint32_t special_random_below(struct ring *ring, uint32_t limit)
{
	/* Xorshift: the same in each run. */
	ring->random ^= ring->random << 13;
	ring->random ^= ring->random >> 17;
	ring->random ^= ring->random << 5;
	return ring->random % limit;
}

static void special_refault(struct ring *ring)
{
	bool data = ring->queue->index != device_control_index(ring->device);

	ring->faults = data ? faults_of(ring) : 0;
	ring->faults_done &= ring->faults;
	/* What lies on the pile is still to be written. */
	ring->special = ring->shuffle_take || ring->shuffle_give ||
			ring->faults || ring->piled;
}

void ring_refault(struct queue *queue)
{
	if (queue->ring)
		special_refault(queue->ring);
}

int special_start(struct ring *ring)
{
	const struct device *device = ring->device;
	bool data = ring->queue->index != device_control_index(device);
	bool shuffle = data && device->options->shuffle && !ring->in_order;

	ring->shuffle_take = shuffle && ring->queue->index % 2 == 0;
	ring->shuffle_give = shuffle && ring->queue->index % 2 == 1;
	ring->random = 0x9e3779b9u ^ ring->queue->index;
	special_refault(ring);
	ring->pile = calloc(ring->size, sizeof(*ring->pile));
	if (!ring->pile)
		return -1;
	if (!ring->shuffle_take)
		return 0;
	ring->stash = calloc(ring->size, sizeof(*ring->stash));
	ring->handed = calloc(ring->taken_mask + 1u, sizeof(*ring->handed));
	ring->origins = calloc(ring->size, sizeof(*ring->origins));
	return ring->stash && ring->handed && ring->origins ? 0 : -1;
}

void special_stop(struct ring *ring)
{
	uint32_t i;

	for (i = 0; ring->origins && i < ring->size; i++)
		free(ring->origins[i].origin);
	free(ring->origins);
	free(ring->stash);
	free(ring->handed);
	free(ring->pile);
}

/* ---- taking ---- */

int special_take(struct ring *ring, struct buffer *buffer)
{
	struct buffer *picked;
	int have = 1;

	if (!ring->shuffle_take)
		return ring_take_raw(ring, buffer);
	while (ring->stashed < STASH_DEPTH && ring->stashed < ring->size) {
		have = ring_take_raw(ring, &ring->stash[ring->stashed]);
		if (have <= 0)
			break;
		ring->stashed++;
	}
	if (have < 0)
		return -1;
	if (!ring->stashed)
		return 0;
	picked = &ring->stash[special_random_below(ring, ring->stashed)];
	*buffer = *picked;
	ring->handed[ring->hands++ & ring->taken_mask] = *picked;
	*picked = ring->stash[--ring->stashed];
	return 1;
}

/* The elements as they were: who had the buffer may have moved on in them, or the map
 * may be another one. */
static int special_restore(struct ring *ring, const struct buffer *buffer)
{
	uint32_t count = (uint32_t)buffer->readable + buffer->writable, i;

	for (i = 0; i < count; i++) {
		const struct origin *o = &ring->origins[buffer->record].origin[i];

		buffer->element[i].length = o->length;
		buffer->element[i].address =
			ring_translate(ring, o->iova, o->length,
				       o->writable ? DEVICE_WRITES : DEVICE_READS);
		if (!buffer->element[i].address)
			return ring_broken(ring);
	}
	return 0;
}

void special_untake(struct ring *ring, unsigned int count)
{
	const struct buffer *buffer;

	while (count--) {
		if (!ring->shuffle_take) {
			ring_untake_raw(ring);
			continue;
		}
		buffer = &ring->handed[--ring->hands & ring->taken_mask];
		if (special_restore(ring, buffer) < 0)
			return;
		ring->stash[ring->stashed++] = *buffer;
	}
}

void special_remap(struct ring *ring)
{
	uint32_t i;

	for (i = 0; i < ring->stashed; i++)
		if (special_restore(ring, &ring->stash[i]) < 0)
			return;
}

/* ---- giving ---- */

void special_give(struct ring *ring, const struct waiting *given)
{
	struct waiting used = *given;

	if (ring->faults && !fault_give(ring, &used))
		return;
	if (ring->shuffle_give || fault_piles(ring))
		ring->pile[ring->piled++] = used;
	else
		ring_write_used(ring, &used);
}

static void special_shuffle(struct ring *ring)
{
	uint32_t left, pick;
	struct waiting last;

	for (left = ring->piled; left > 1; left--) {
		pick = special_random_below(ring, left);
		last = ring->pile[left - 1];
		ring->pile[left - 1] = ring->pile[pick];
		ring->pile[pick] = last;
	}
}

void special_publish(struct ring *ring)
{
	uint32_t i;

	if (ring->shuffle_give)
		special_shuffle(ring);
	if (ring->faults)
		fault_publish(ring);
	for (i = 0; i < ring->piled; i++)
		ring_write_used(ring, &ring->pile[i]);
	ring->piled = 0;
	ring_write_batch(ring);
	if (ring->packed)
		packed_publish(ring);
	else
		split_publish(ring);
	if (ring->faults)
		fault_published(ring);
}
