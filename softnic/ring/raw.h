/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One buffer taken from a ring, or one used entry written to it, whatever its layout and
 * with nothing special about it. Inline: each packet comes here. ring.c takes this way,
 * and special.c and fault.c after they have changed what or when.
 */
#ifndef SOFTNIC_RING_RAW_H
#define SOFTNIC_RING_RAW_H

#include <inttypes.h>

#include "softnic/ring/internal.h"

/* ---- taking ---- */

static inline int ring_take_raw(struct ring *ring, struct buffer *buffer)
{
	int have = ring->packed ? packed_take(ring, buffer) :
				  split_take(ring, buffer);

	if (have <= 0)
		return have;
	if (unlikely((ring->sample_count++ & 63) == 0))
		sample_take(ring, buffer,
			    ring->taken[(ring->takes - 1) & ring->taken_mask].position);
	if (unlikely(buffer->readable + buffer->writable > ELEMENTS_FEW))
		buffer_check_pieces(ring, buffer);
	trace(ring->device, "TAKE queue %u id %u slots %u read %u/%" PRIu64
	      " write %u/%" PRIu64, ring->queue->index, buffer->id, buffer->slots,
	      buffer->readable, buffer->readable_bytes, buffer->writable,
	      buffer->writable_bytes);
	return 1;
}

static inline void ring_untake_raw(struct ring *ring)
{
	const struct taken *taken = &ring->taken[--ring->takes & ring->taken_mask];

	if (ring->packed)
		packed_untake(ring, taken);
	else
		split_untake(ring, taken);
	ring->free[ring->free_count++] = taken->record;
	ring->outstanding -= taken->slots;
	ring->queue->taken--;
	if (ring->sample.armed && ring->sample.record == taken->record)
		ring->sample.armed = false;
	trace(ring->device, "UNTAKE queue %u id %u", ring->queue->index, taken->id);
}

/* ---- writing used entries ---- */

static inline void ring_write_alone(struct ring *ring, const struct waiting *used)
{
	if (ring->packed)
		packed_give(ring, used);
	else
		split_give(ring, used);
}

/*
 * IN_ORDER: one used entry can stand for several buffers, if those that are skipped
 * were filled to the end, as the driver takes them for wholly used.
 */
static inline void ring_write_in_order(struct ring *ring, const struct waiting *used,
				       bool whole)
{
	struct waiting joined = *used;

	if (ring->batched)
		joined.slots = (uint16_t)(joined.slots + ring->batch.slots);
	ring->batched = whole;
	if (whole)
		ring->batch = joined;
	else
		ring_write_alone(ring, &joined);
}

static inline void ring_write_used(struct ring *ring, const struct waiting *used)
{
	if (ring->in_order)
		ring_write_in_order(ring, used, used->whole);
	else
		ring_write_alone(ring, used);
}

static inline void ring_write_batch(struct ring *ring)
{
	if (ring->batched)
		ring_write_alone(ring, &ring->batch);
	ring->batched = false;
}

#endif
