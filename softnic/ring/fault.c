/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How a ring breaks the rules on request (--fault). Never strikes unless requested, nor
 * writes where the driver's map does not permit it.
 *
 * A fault strikes once in a queue, at the first completion that allows it, except where
 * its text says "is": that holds as long as the queue.
 */
#include <endian.h>
#include <string.h>
#include <time.h>

#include "softnic/ring/raw.h"

#define LATE_NS 100000ull
#define FLIP_NS 20000000ull
#define REWRITES 10000u
#define BEHIND_BYTES 64u

_Static_assert(FAULT_NET_BEGIN - FAULT_RINGS_BEGIN <= 64, "ring->faults has a bit for each");

static uint64_t fault_bit(enum fault fault)
{
	return 1ull << (fault - FAULT_RINGS_BEGIN);
}

static bool fault_is_for(enum fault fault, bool packed)
{
	if (fault == FAULT_IN_ORDER_REVERSED || fault == FAULT_IN_ORDER_BATCH_UNKNOWN ||
	    fault == FAULT_NOTHING_COMPLETED)
		return true;
	return packed == (fault >= FAULT_PACKED_ID_IS_SIZE);
}

uint64_t faults_of(const struct ring *ring)
{
	uint64_t faults = 0;
	enum fault which;

	for (which = FAULT_RINGS_BEGIN; which < FAULT_NET_BEGIN; which++)
		if (device_has_fault(ring->device, which) && fault_is_for(which, ring->packed))
			faults |= fault_bit(which);
	return faults;
}

static bool fault_wanted(const struct ring *ring, enum fault fault)
{
	return ring->faults & fault_bit(fault);
}

static void fault_note(struct ring *ring, enum fault fault)
{
	ring->faults_done |= fault_bit(fault);
	/* A packed ring has the driver's words where the device writes. */
	ring->spoilt = ring->spoilt || fault >= FAULT_PACKED_WRAP_WRONG;
	trace(ring->device, "FAULT %s queue %u", fault_id(fault), ring->queue->index);
}

/* Is it time for this fault, which strikes once? */
static bool fault_strike(struct ring *ring, enum fault fault)
{
	if (!fault_wanted(ring, fault) || ring->faults_done & fault_bit(fault))
		return false;
	fault_note(ring, fault);
	return true;
}

static uint64_t fault_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fault_pass(uint64_t ns)
{
	uint64_t end = fault_now_ns() + ns;

	while (fault_now_ns() < end)
		;
}

static uint16_t fault_noise(struct ring *ring)
{
	ring->random = ring->random * 1664525u + 1013904223u;
	return (uint16_t)(ring->random >> 16);
}

static void fault_store_index(struct ring *ring, uint16_t index)
{
	__atomic_store_n(&ring->used_area[1], htole16(index), __ATOMIC_RELEASE);
}

/* ---- split: what a used entry says ---- */

/* A descriptor that no outstanding chain has; none: `not` itself. */
static uint32_t fault_free_descriptor(const struct ring *ring, uint32_t not )
{
	uint32_t i;

	for (i = 0; i < ring->size; i++)
		if (i != not && !ring->slot[i].owner)
			return i;
	return not;
}

static bool fault_split_id(struct ring *ring, struct waiting *used)
{
	uint32_t middle = ring->slot[used->id].next, unknown;
	bool list = used->chain > 1;

	if (fault_strike(ring, FAULT_SPLIT_ID_IS_SIZE))
		used->id = ring->size;
	if (fault_strike(ring, FAULT_SPLIT_ID_HIGH_BIT))
		used->id |= 0x10000;
	unknown = used->id;
	if (fault_wanted(ring, FAULT_SPLIT_ID_FREE))
		unknown = fault_free_descriptor(ring, used->id);
	if (unknown != used->id && fault_strike(ring, FAULT_SPLIT_ID_FREE))
		used->id = unknown;
	if (list && fault_strike(ring, FAULT_SPLIT_ID_MID_CHAIN))
		used->id = middle;
	if (fault_strike(ring, FAULT_SPLIT_ENTRY_TWICE))
		ring_write_used(ring, used);
	if (!fault_strike(ring, FAULT_SPLIT_ENTRY_UNWRITTEN))
		return true;
	ring->used++;
	return false;
}

/* ---- packed: what a used descriptor says ---- */

static void fault_write_each(struct ring *ring, const struct waiting *used)
{
	struct waiting one = *used;
	uint16_t left;

	one.slots = 1;
	for (left = used->slots; left; left--)
		ring_write_alone(ring, &one);
}

static bool fault_packed_id(struct ring *ring, struct waiting *used)
{
	struct waiting before = ring->before;

	ring->before = *used;
	if (fault_strike(ring, FAULT_PACKED_ID_IS_SIZE))
		used->id = ring->size;
	if (before.slots && before.id != used->id && fault_strike(ring, FAULT_PACKED_ID_REPEATED))
		used->id = before.id;
	if (fault_strike(ring, FAULT_PACKED_SKIPS_EXTRA))
		used->slots++;
	if (used->slots > 1 && fault_strike(ring, FAULT_PACKED_LIST_ALL_USED)) {
		fault_write_each(ring, used);
		return false;
	}
	return true;
}

bool fault_give(struct ring *ring, struct waiting *used)
{
	if (fault_wanted(ring, FAULT_NOTHING_COMPLETED)) {
		fault_note(ring, FAULT_NOTHING_COMPLETED);
		return false;
	}
	return ring->packed ? fault_packed_id(ring, used) : fault_split_id(ring, used);
}

bool fault_piles(const struct ring *ring)
{
	return (fault_wanted(ring, FAULT_SPLIT_IDX_EARLY) ||
		fault_wanted(ring, FAULT_IN_ORDER_REVERSED)) &&
	       ring->piled < ring->size;
}

/* ---- at the publication ---- */

/* All at once in reverse, and no batch. */
static void fault_write_reversed(struct ring *ring)
{
	while (ring->piled)
		ring_write_alone(ring, &ring->pile[--ring->piled]);
}

static uint16_t *fault_withheld_word(struct ring *ring)
{
	return (uint16_t *)(void *)&ring->descriptors[ring->withheld_position] + 7;
}

static void fault_packed_flags(struct ring *ring)
{
	struct packed_descriptor *d;
	uint32_t length;
	uint16_t id;

	if (!ring->withheld)
		return;
	d = &ring->descriptors[ring->withheld_position];
	if (fault_strike(ring, FAULT_PACKED_WRAP_WRONG))
		ring->withheld_flags ^= htole16(DF_AVAIL | DF_USED);
	if (fault_wanted(ring, FAULT_PACKED_FLAGS_RANDOM)) {
		fault_note(ring, FAULT_PACKED_FLAGS_RANDOM);
		ring->withheld_flags ^= htole16(
			fault_noise(ring) & (DF_WRITE | DF_NEXT | DF_INDIRECT));
	}
	if (fault_strike(ring, FAULT_PACKED_FLAGS_EARLY)) {
		id = d->id;
		length = d->length;
		d->id = htole16((uint16_t)~le16toh(id));
		d->length = ~0u;
		__atomic_store_n(fault_withheld_word(ring), ring->withheld_flags,
				 __ATOMIC_RELEASE);
		fault_pass(LATE_NS);
		d->id = id;
		d->length = length;
	}
}

/* Nothing that is outstanding, whatever the layout calls it. */
static uint32_t fault_unknown_id(const struct ring *ring, uint32_t id)
{
	return ring->packed ? id ^ 0x4000u : ring->size + id;
}

void fault_publish(struct ring *ring)
{
	if (ring->batched && fault_strike(ring, FAULT_IN_ORDER_BATCH_UNKNOWN))
		ring->batch.id = fault_unknown_id(ring, ring->batch.id);
	if (ring->in_order && ring->piled > 1 && fault_strike(ring, FAULT_IN_ORDER_REVERSED))
		fault_write_reversed(ring);
	if (!ring->packed && ring->piled && fault_strike(ring, FAULT_SPLIT_IDX_EARLY)) {
		fault_store_index(ring, (uint16_t)(ring->used + ring->piled));
		fault_pass(LATE_NS);
	}
	if (!ring->packed && ring->used != ring->published &&
	    fault_strike(ring, FAULT_SPLIT_IDX_STAYS))
		ring->used = ring->published;
	if (ring->packed)
		fault_packed_flags(ring);
}

/* ---- after it: split ---- */

static void fault_flip_index(struct ring *ring)
{
	uint64_t end = fault_now_ns() + FLIP_NS;

	while (fault_now_ns() < end) {
		fault_store_index(ring, (uint16_t)(ring->published - 1));
		fault_store_index(ring, ring->published);
	}
}

static void fault_rewrite_entry(struct ring *ring)
{
	uint32_t at = (ring->published - 1u) & (ring->size - 1u), i;
	uint8_t *entry = (uint8_t *)ring->used_area + 4 + 8ul * at;
	uint64_t right, wrong;

	memcpy(&right, entry, sizeof(right));
	for (i = 0; i < REWRITES; i++) {
		wrong = right ^ (uint64_t)fault_noise(ring) << 16 ^ fault_noise(ring);
		memcpy(entry, &wrong, sizeof(wrong));
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		memcpy(entry, &right, sizeof(right));
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
}

/* Where the map permits it; a device behind an IOMMU can do no more. */
static void fault_scribble(struct ring *ring, uint64_t iova, uint64_t size)
{
	struct mapping window = { 0 };
	uint8_t *at = NULL;

	if (dma_window(ring->device, iova, &window))
		at = ring_window_at(&window, iova, size, DEVICE_WRITES);
	trace(ring->device, "FAULT queue %u: %#llx %s", ring->queue->index,
	      (unsigned long long)iova, at ? "overwritten" : "is not writable");
	if (!at)
		return;
	ring->spoilt = true;
	memset(at, 0xa5, size);
}

static void fault_scribble_behind(struct ring *ring)
{
	uint64_t end = ring->queue->device_area + 6 + 8ul * ring->size;
	uint64_t rest = -end & 4095u;

	fault_scribble(ring, end, rest < BEHIND_BYTES ? rest : BEHIND_BYTES);
}

static void fault_split_after(struct ring *ring)
{
	uint16_t flying = (uint16_t)(ring->seen - ring->published);

	if (fault_strike(ring, FAULT_SPLIT_IDX_OVERRUNS))
		fault_store_index(ring, (uint16_t)(ring->published + flying + 1));
	if (fault_strike(ring, FAULT_SPLIT_IDX_BACK))
		fault_store_index(ring, (uint16_t)(ring->published - 2));
	if (fault_strike(ring, FAULT_SPLIT_IDX_JUMPS_32768))
		fault_store_index(ring, (uint16_t)(ring->published + 32768));
	if (fault_strike(ring, FAULT_SPLIT_ENTRY_REWRITTEN))
		fault_rewrite_entry(ring);
	if (fault_strike(ring, FAULT_SPLIT_IDX_FLIPS))
		fault_flip_index(ring);
	if (fault_strike(ring, FAULT_SPLIT_AREAS_OVERWRITTEN)) {
		fault_scribble(ring, ring->queue->descriptor_area, 16ul * ring->size);
		fault_scribble(ring, ring->queue->driver_area, 6 + 2ul * ring->size);
	}
	if (fault_strike(ring, FAULT_SPLIT_TAIL_OVERWRITTEN))
		fault_scribble_behind(ring);
}

/* ---- after it: packed ---- */

static uint16_t fault_used_bits(bool wrap)
{
	return htole16(wrap ? DF_AVAIL | DF_USED : 0);
}

static void fault_use_all(struct ring *ring)
{
	uint16_t i;

	for (i = 0; i < ring->size; i++) {
		ring->descriptors[i].id = 0;
		ring->descriptors[i].length = htole32(64);
		ring->descriptors[i].flags =
			fault_used_bits(i >= ring->used ? ring->used_wrap : !ring->used_wrap);
	}
}

/* Descriptors from where the device writes next up to where it reads next. */
static void fault_spoil_outstanding(struct ring *ring)
{
	uint32_t left = ring->outstanding, at = ring->used;

	for (; left; left--, at = at + 1u == ring->size ? 0 : at + 1) {
		ring->descriptors[at].address = ~0ull;
		ring->descriptors[at].length = ~0u;
	}
}

static void fault_packed_after(struct ring *ring)
{
	uint16_t *last = fault_withheld_word(ring);

	if (fault_strike(ring, FAULT_PACKED_USED_EARLY))
		ring->descriptors[ring->used].flags = fault_used_bits(ring->used_wrap);
	if (fault_strike(ring, FAULT_PACKED_USED_UNDONE))
		__atomic_store_n(last, *last ^ htole16(DF_USED), __ATOMIC_RELEASE);
	if (ring->outstanding && fault_strike(ring, FAULT_PACKED_OUTSTANDING_ALTERED))
		fault_spoil_outstanding(ring);
	if (fault_strike(ring, FAULT_PACKED_ALL_USED))
		fault_use_all(ring);
}

/* Nothing has been published in a queue until its first buffer is given. */
void fault_published(struct ring *ring)
{
	fault_event_flags(ring);
	if (!ring->queue->given)
		return;
	if (ring->packed)
		fault_packed_after(ring);
	else
		fault_split_after(ring);
}

void fault_event_flags(struct ring *ring)
{
	if (fault_wanted(ring, FAULT_SPLIT_USED_FLAGS_ONES)) {
		fault_note(ring, FAULT_SPLIT_USED_FLAGS_ONES);
		ring->used_area[0] = 0xffff;
	}
	if (fault_wanted(ring, FAULT_SPLIT_AVAIL_EVENT_RANDOM) && ring->event_idx) {
		fault_note(ring, FAULT_SPLIT_AVAIL_EVENT_RANDOM);
		__atomic_store_n(ring->used_area + 2 + 4u * ring->size,
				 fault_noise(ring), __ATOMIC_RELAXED);
	}
	if (fault_wanted(ring, FAULT_PACKED_EVENT_GARBAGE)) {
		fault_note(ring, FAULT_PACKED_EVENT_GARBAGE);
		memset(ring->device_event, 0xff, sizeof(*ring->device_event));
	}
}
