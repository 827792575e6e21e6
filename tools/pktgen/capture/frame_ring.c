/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/pktgen/capture/frame_ring.h"

#include <errno.h>
#include <stdlib.h>

/* Records begin at multiples of 8. */
#define RING_ALIGN 8u

int frame_ring_make(struct frame_ring *ring, uint64_t size)
{
	*ring = (struct frame_ring){ .size = size };
	ring->buffer = malloc(size);
	return ring->buffer == NULL ? -ENOMEM : 0;
}

void frame_ring_free(struct frame_ring *ring)
{
	free(ring->buffer);
	ring->buffer = NULL;
}

static struct frame_record *ring_at(const struct frame_ring *ring, uint64_t position)
{
	return (struct frame_record *)(ring->buffer + (position & (ring->size - 1)));
}

/* A record lies in one piece: what is left before the end of the buffer is skipped. */
static uint64_t ring_skip(const struct frame_ring *ring, uint64_t position, uint64_t need)
{
	uint64_t left = ring->size - (position & (ring->size - 1));

	return left < need ? left : 0;
}

struct frame_record *frame_ring_room(struct frame_ring *ring, uint32_t captured)
{
	uint64_t need = (sizeof(struct frame_record) + captured + RING_ALIGN - 1) & ~(uint64_t)(RING_ALIGN - 1);
	uint64_t head = ring->writer.next, skip = ring_skip(ring, head, need);
	struct frame_record *record;

	if (head + skip + need - ring->writer.tail > ring->size) {
		/* Pairs with the release in frame_ring_pop: what was read may be overwritten. */
		ring->writer.tail = __atomic_load_n(&ring->reader.tail, __ATOMIC_ACQUIRE);
		if (head + skip + need - ring->writer.tail > ring->size) {
			__atomic_store_n(&ring->writer.dropped, ring->writer.dropped + 1, __ATOMIC_RELAXED);
			return NULL;
		}
	}
	/* The reader skips what has no size, or is too short for one. */
	if (skip != 0)
		ring_at(ring, head)->size = 0;
	record = ring_at(ring, head + skip);
	record->size = (uint32_t)need;
	return record;
}

void frame_ring_push(struct frame_ring *ring, struct frame_record *record)
{
	record->dropped = ring->writer.dropped - ring->writer.dropped_before;
	ring->writer.dropped_before = ring->writer.dropped;
	ring->writer.next += ring_skip(ring, ring->writer.next, record->size) + record->size;
}

void frame_ring_publish(struct frame_ring *ring)
{
	/* Pairs with the acquire in frame_ring_peek: the records are written. */
	__atomic_store_n(&ring->writer.head, ring->writer.next, __ATOMIC_RELEASE);
}

struct frame_ring_mark frame_ring_mark(const struct frame_ring *ring)
{
	return (struct frame_ring_mark){ ring->writer.next, ring->writer.dropped,
					 ring->writer.dropped_before };
}

void frame_ring_return(struct frame_ring *ring, const struct frame_ring_mark *mark)
{
	ring->writer.next = mark->next;
	ring->writer.dropped_before = mark->dropped_before;
	__atomic_store_n(&ring->writer.dropped, mark->dropped, __ATOMIC_RELAXED);
}

struct frame_record *frame_ring_peek(struct frame_ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->writer.head, __ATOMIC_ACQUIRE), tail = ring->reader.tail;

	if (head == tail)
		return NULL;
	if (ring_at(ring, tail)->size == 0) {
		tail += ring->size - (tail & (ring->size - 1));
		__atomic_store_n(&ring->reader.tail, tail, __ATOMIC_RELEASE);
	}
	return ring_at(ring, tail);
}

void frame_ring_pop(struct frame_ring *ring, const struct frame_record *record)
{
	__atomic_store_n(&ring->reader.tail, ring->reader.tail + record->size, __ATOMIC_RELEASE);
}

uint64_t frame_ring_dropped(const struct frame_ring *ring)
{
	return __atomic_load_n(&ring->writer.dropped, __ATOMIC_RELAXED);
}
