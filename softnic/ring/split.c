/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The split ring from the device's side ("Split Virtqueues"), and what only it asks of a
 * driver.
 */
#include <endian.h>
#include <string.h>

#include "softnic/ring/internal.h"

/* Words of the available and of the used area. */
#define AREA_FLAGS 0u
#define WORD_INDEX 1u
#define WORD_RING 2u

#define ANY_HEAD 0xffffu /* no descriptor has this number */

const struct requirements split_requirements = {
	.alignment = "SPLIT-03",
	.size = "SPLIT-01",
	.order = "SPLIT-04",
	.length = "SPLIT-06",
	.indirect = "SPLIT-09",
	.table_length = "SPLIT-14",
};

static uint16_t split_load(const uint16_t *word)
{
	return le16toh(__atomic_load_n(word, __ATOMIC_RELAXED));
}

static void split_store(uint16_t *word, uint16_t value)
{
	__atomic_store_n(word, htole16(value), __ATOMIC_RELAXED);
}

static struct split_used *split_used_ring(const struct ring *ring)
{
	return (struct split_used *)(void *)(ring->used_area + WORD_RING);
}

static uint16_t *split_avail_event(const struct ring *ring)
{
	return ring->used_area + WORD_RING + 4u * ring->size;
}

int split_areas(struct ring *ring)
{
	const struct queue *queue = ring->queue;
	struct device *device = ring->device;
	uint64_t size = ring->size;

	ring->table = dma(device, queue->descriptor_area, 16 * size, DEVICE_READS);
	ring->available = dma(device, queue->driver_area, 6 + 2 * size,
			      DEVICE_READS);
	ring->used_area = dma(device, queue->device_area, 6 + 8 * size,
			      DEVICE_WRITES);
	if (ring->table && ring->available && ring->used_area)
		return 0;
	violation(device, "SPLIT-02", "queue %u: an area of the ring does not lie in "
		  "one mapping that the device may use", queue->index);
	return -1;
}

int split_start(struct ring *ring)
{
	uint16_t flags = split_load(&ring->used_area[AREA_FLAGS]);

	if (flags)
		ring_violation(ring, "SPLIT-27", "queue %u: the flags of the used "
			       "ring are %#x at the start, not 0", ring->queue->index,
			       flags);
	return 0;
}

/* Behind `used`, which says what the driver has seen, lies what was lost in flight. */
int split_resume(struct ring *ring, const struct ring_position *from)
{
	uint16_t used = split_load(&ring->used_area[WORD_INDEX]);

	ring->next = ring->seen = from->next;
	ring->used = ring->published = ring->notified = used;
	ring->expected = ANY_HEAD;
	ring->resumed = true;
	return (uint16_t)(from->next - used) <= ring->size ? 0 : -1;
}

void split_fetch(const struct ring *ring, uint16_t position,
		 struct fetched *descriptor)
{
	const uint64_t *raw = (const void *)&ring->table[position];
	struct split_descriptor copy;
	uint64_t half[2];

	half[0] = __atomic_load_n(&raw[0], __ATOMIC_RELAXED);
	half[1] = __atomic_load_n(&raw[1], __ATOMIC_RELAXED);
	memcpy(&copy, half, sizeof(copy));
	descriptor->address = le64toh(copy.address);
	descriptor->length = le32toh(copy.length);
	descriptor->flags = le16toh(copy.flags);
	descriptor->other = le16toh(copy.next);
}

/* ---- the available ring ---- */

static int split_index_violation(struct ring *ring, uint16_t index)
{
	uint16_t back = (uint16_t)(ring->seen - index);
	const char *id = "SPLIT-36";

	if (!ring->queue->taken && !ring->resumed)
		id = "SPLIT-16";
	else if (back <= ring->size)
		id = "SPLIT-15";
	ring_violation(ring, id, "queue %u of %u: the available idx goes from %u to "
		       "%u while %u buffers are not back", ring->queue->index, ring->size,
		       ring->seen, index, (uint16_t)(ring->seen - ring->published));
	return ring_broken(ring);
}

static void split_check_flags(struct ring *ring)
{
	uint16_t flags = split_load(&ring->available[AREA_FLAGS]);

	if (ring->event_idx && flags)
		ring_violation(ring, "SPLIT-19", "queue %u: the flags of the "
			       "available ring are %#x, not 0, with EVENT_IDX",
			       ring->queue->index, flags);
	else if (flags & ~AVAIL_NO_INTERRUPT)
		ring_violation(ring, "SPLIT-17", "queue %u: the flags of the "
			       "available ring are %#x, neither 0 nor 1",
			       ring->queue->index, flags);
}

/* Look how far the driver is. 1: there is something; 0; -1: broken. */
static int split_look(struct ring *ring)
{
	/* Pairs with the driver's barrier before it writes idx: what lies before
	 * it is visible ("Updating idx"). */
	uint16_t index = le16toh(__atomic_load_n(&ring->available[WORD_INDEX],
						 __ATOMIC_ACQUIRE));

	if (index == ring->seen)
		return 0;
	/* What is not back counts against the ring, published or not. */
	if (unlikely((uint16_t)(index - ring->published) > ring->size ||
		     (uint16_t)(index - ring->seen) > ring->size))
		return split_index_violation(ring, index);
	ring->seen = index;
	split_check_flags(ring);
	return 1;
}

/* ---- chains ---- */

static int split_chain_violation(struct ring *ring, const char *id, uint16_t head,
				 uint16_t position, const struct fetched *d,
				 const char *why)
{
	ring_violation(ring, id, "queue %u: chain %u, descriptor %u (flags %#x, next "
		       "%u): %s", ring->queue->index, head, position, d->flags, d->other,
		       why);
	return ring_broken(ring);
}

/* A descriptor that a chain should not have: who has it already? */
static int split_owned_violation(struct ring *ring, uint16_t head, uint16_t position,
				 bool first)
{
	static const struct fetched unread;

	if (!first && ring->slot[position].owner == head + 1)
		return split_chain_violation(ring, "SPLIT-06", head, position, &unread,
					     "the chain is a loop");
	return split_chain_violation(ring, "SPLIT-36", head, position, &unread,
				     "used though a chain that is not back has it");
}

/* The next descriptor of a chain is to be at `position`: may it be? */
static int split_claim(struct ring *ring, uint16_t head, uint16_t position, bool first)
{
	static const struct fetched unread;

	if (unlikely(position >= ring->size))
		return split_chain_violation(ring, "SPLIT-35", head, position, &unread,
					     "the table ends before it");
	if (unlikely(ring->slot[position].owner))
		return split_owned_violation(ring, head, position, first);
	ring->slot[position].owner = (uint16_t)(head + 1);
	return 0;
}

static int split_check_descriptor(struct ring *ring, uint16_t head, uint16_t position,
				  const struct fetched *d)
{
	if (unlikely(d->flags & ~(DF_NEXT | DF_WRITE | DF_INDIRECT)))
		return split_chain_violation(ring, "SPLIT-35", head, position, d,
					     "only NEXT, WRITE and INDIRECT are flags");
	if (likely(!(d->flags & DF_NEXT)))
		return 0;
	if (unlikely(d->flags & DF_INDIRECT))
		return split_chain_violation(ring, "SPLIT-12", head, position, d,
					     "both INDIRECT and NEXT");
	if (unlikely(ring->in_order &&
		     d->other != ((position + 1u) & (ring->size - 1u))))
		return split_chain_violation(ring, "SPLIT-07", head, position, d,
					     "next is not the following one, with IN_ORDER");
	return 0;
}

/* A chain whose first descriptor, claimed already, is `d`. */
static int split_walk(struct ring *ring, struct buffer *buffer, uint16_t head,
		      struct fetched *d)
{
	uint16_t position = head, next;

	buffer_begin(ring, buffer);
	for (buffer->slots = 1;; buffer->slots++) {
		if (split_check_descriptor(ring, head, position, d) < 0)
			return -1;
		if (d->flags & DF_INDIRECT)
			return buffer_add_table(ring, buffer, d,
						buffer->slots - 1u);
		if (buffer_add(ring, buffer, d) < 0)
			return -1;
		if (!(d->flags & DF_NEXT))
			return 0;
		next = d->other;
		if (split_claim(ring, head, next, false) < 0)
			return -1;
		ring->slot[position].next = next;
		position = next;
		split_fetch(ring, position, d);
	}
}

static int split_check_head(struct ring *ring, uint16_t head)
{
	static const struct fetched unread;

	if (head == ring->expected || ring->expected == ANY_HEAD || head >= ring->size)
		return 0;
	return split_chain_violation(ring, "SPLIT-08", head, head, &unread,
				     "not the descriptor that is next in order, with IN_ORDER");
}

int split_take(struct ring *ring, struct buffer *buffer)
{
	struct fetched d;
	uint16_t head;
	int have;

	if (ring->next == ring->seen) {
		have = split_look(ring);
		if (have <= 0)
			return have;
	}
	head = split_load(&ring->available[WORD_RING + (ring->next & (ring->size - 1u))]);
	if (unlikely(ring->in_order) && split_check_head(ring, head) < 0)
		return -1;
	if (split_claim(ring, head, head, true) < 0)
		return -1;
	split_fetch(ring, head, &d);
	buffer->id = head;
	if ((unlikely(d.flags & ~DF_WRITE) || !buffer_single(ring, buffer, &d)) &&
	    split_walk(ring, buffer, head, &d) < 0)
		return -1;
	ring->next++;
	ring->expected = (uint16_t)((head + buffer->slots) & (ring->size - 1u));
	buffer_taken(ring, buffer, head);
	return 1;
}

/* The chain's descriptors are the driver's again. They are found in our record: the
 * driver's table may have changed. */
static void split_disown(struct ring *ring, uint16_t head, uint16_t slots)
{
	uint16_t position = head;

	if (likely(slots == 1)) {
		ring->slot[head].owner = 0;
		return;
	}
	while (slots--) {
		ring->slot[position].owner = 0;
		position = ring->slot[position].next;
	}
}

void split_untake(struct ring *ring, const struct taken *taken)
{
	ring->next--;
	ring->expected = taken->position;
	split_disown(ring, taken->id, taken->slots);
}

void split_release(struct ring *ring, const struct buffer *buffer)
{
	split_disown(ring, buffer->id, buffer->slots);
}

/* ---- the used ring ---- */

void split_give(struct ring *ring, const struct waiting *used)
{
	struct split_used *entry = &split_used_ring(ring)[ring->used & (ring->size - 1u)];
	uint64_t raw = (uint64_t)used->written << 32 | used->id;

	raw = htole64(raw);
	memcpy(entry, &raw, sizeof(raw));
	ring->used = (uint16_t)(ring->used + used->slots);
}

void split_publish(struct ring *ring)
{
	if (ring->published == ring->used)
		return;
	/* The entries before idx ("The Virtqueue Used Ring"). */
	__atomic_store_n(&ring->used_area[WORD_INDEX], htole16(ring->used),
			 __ATOMIC_RELEASE);
	ring->published = ring->used;
}

bool split_wanted(struct ring *ring)
{
	uint16_t since = (uint16_t)(ring->published - ring->notified), event;

	if (!since)
		return false;
	/* idx before the driver's used_event: it writes that and then looks at idx. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (ring->event_idx) {
		event = split_load(&ring->available[WORD_RING + ring->size]);
		return (uint16_t)(ring->published - event - 1) < since;
	}
	split_check_flags(ring);
	return !(split_load(&ring->available[AREA_FLAGS]) & AVAIL_NO_INTERRUPT);
}

/* ---- notifications of the driver's ---- */

bool split_ready(struct ring *ring)
{
	return ring->next != ring->seen ||
	       split_load(&ring->available[WORD_INDEX]) != ring->seen;
}

bool split_arm(struct ring *ring)
{
	if (ring->event_idx)
		split_store(split_avail_event(ring), ring->next);
	else
		split_store(&ring->used_area[AREA_FLAGS], 0);
	/* avail_event before the look: the driver writes idx and then looks at it. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return split_ready(ring);
}

void split_disarm(struct ring *ring)
{
	/* The furthest away of all: the index before the last. */
	if (ring->event_idx)
		split_store(split_avail_event(ring), (uint16_t)(ring->next - 1));
	else
		split_store(&ring->used_area[AREA_FLAGS], USED_NO_NOTIFY);
	/* The next one may be any distance on. */
	ring->was_notified = false;
}

void split_notified(struct ring *ring, uint32_t value)
{
	uint16_t announced = (uint16_t)(value >> 16);
	uint16_t now = split_load(&ring->available[WORD_INDEX]);

	/* A device that does not want notifications may have wrapped more than once
	 * since it was notified. */
	if (!ring->armed)
		return;
	/* The driver may have gone on since, never back. */
	if ((uint16_t)(now - announced) <= 0x8000 &&
	    !(ring->was_notified &&
	      (uint16_t)(announced - ring->last_notified) > 0x8000))
		ring->last_notified = announced;
	else
		ring_violation(ring, "GEN-43", "queue %u: notified of index %u, while "
			       "the available idx is %u and %u was announced before",
			       ring->queue->index, announced, now, ring->last_notified);
	ring->was_notified = true;
}
