/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packed ring from the device's side ("Packed Virtqueues"), and what only it asks of a
 * driver.
 */
#include <endian.h>
#include <string.h>
#include <time.h>

#include "softnic/ring/internal.h"

#define DESCRIPTOR_FLAGS 7u /* of a descriptor, in words of 16 bits */
/* How long a list's tail may take before it counts as never made available; and how long
 * those of all lists of a ring may, for the device has more to do than to wait. */
#define TAIL_NS 50000000ull
#define TAILS_NS (20 * TAIL_NS)

const struct requirements packed_requirements = {
	.alignment = "PACKED-19",
	.size = "PACKED-01",
	.order = "PACKED-27",
	.indirect = "PACKED-31",
	.table_length = "PACKED-14",
};

static uint16_t *packed_flags_of(const struct ring *ring, uint16_t position)
{
	return (uint16_t *)(void *)&ring->descriptors[position] + DESCRIPTOR_FLAGS;
}

static uint16_t packed_load_flags(const struct ring *ring, uint16_t position)
{
	/* Pairs with the driver's barrier before the flags ("Updating flags"). */
	return le16toh(__atomic_load_n(packed_flags_of(ring, position),
				       __ATOMIC_ACQUIRE));
}

static bool packed_flags_available(uint16_t flags, bool wrap)
{
	uint16_t bits = flags & (DF_AVAIL | DF_USED);

	return bits == (wrap ? DF_AVAIL : DF_USED);
}

/* `count` slots on from a position; true if that passed the ring's end. */
static bool packed_advance(const struct ring *ring, uint16_t *position, uint32_t count)
{
	uint32_t at = *position + count;

	if (at >= ring->size) {
		*position = (uint16_t)(at - ring->size);
		return true;
	}
	*position = (uint16_t)at;
	return false;
}

int packed_areas(struct ring *ring)
{
	const struct queue *queue = ring->queue;
	struct device *device = ring->device;

	/* The device writes used descriptors where the available ones were. */
	ring->descriptors = dma(device, queue->descriptor_area, 16ul * ring->size,
				DEVICE_READS | DEVICE_WRITES);
	ring->driver_event = dma(device, queue->driver_area, 4, DEVICE_READS);
	ring->device_event = dma(device, queue->device_area, 4, DEVICE_WRITES);
	return ring->descriptors && ring->driver_event && ring->device_event ? 0 :
									       -1;
}

void packed_fetch(const struct ring *ring, uint16_t position,
		  struct fetched *descriptor)
{
	const uint64_t *raw = (const void *)&ring->descriptors[position];
	struct packed_descriptor copy;
	uint64_t half[2];

	half[1] = __atomic_load_n(&raw[1], __ATOMIC_ACQUIRE);
	half[0] = __atomic_load_n(&raw[0], __ATOMIC_RELAXED);
	memcpy(&copy, half, sizeof(copy));
	descriptor->address = le64toh(copy.address);
	descriptor->length = le32toh(copy.length);
	descriptor->flags = le16toh(copy.flags);
	descriptor->other = le16toh(copy.id);
}

int packed_start(struct ring *ring)
{
	struct fetched d;
	uint16_t i, odd = 0, first = 0;

	ring->next_wrap = ring->used_wrap = true;
	ring->published_wrap = ring->notified_wrap = true;
	for (i = 0; i < ring->size; i++) {
		packed_fetch(ring, i, &d);
		/* The driver may be writing the rest already: its flags come last. */
		if (packed_flags_available(d.flags, true) || d.flags == 0)
			continue;
		if (!odd++)
			first = i;
	}
	if (odd)
		ring_violation(ring, "PACKED-20", "queue %u: %u descriptors (the first "
			       "is %u) are neither zero nor available at the start",
			       ring->queue->index, odd, first);
	return 0;
}

int packed_resume(struct ring *ring, const struct ring_position *from)
{
	if (from->next >= ring->size || from->used >= ring->size)
		return -1;
	ring->next = from->next;
	ring->next_wrap = from->next_wrap;
	ring->used = ring->published = ring->notified = from->used;
	ring->used_wrap = ring->published_wrap = ring->notified_wrap = from->used_wrap;
	/* Who wrote them before is not known. */
	for (uint16_t i = 0; i < ring->size; i++)
		ring->slot[i].owner = SLOT_DRIVER;
	return 0;
}

/* ---- available descriptors ---- */

static int packed_violation(struct ring *ring, const char *id, uint16_t position,
			    const struct fetched *d, const char *why)
{
	ring_violation(ring, id, "queue %u, descriptor %u (flags %#x, id %u): %s",
		       ring->queue->index, position, d->flags, d->other, why);
	return ring_broken(ring);
}

/* Nothing is available at the next position. Could it look like that if the driver
 * minds its wrap counter? */
static int packed_check_empty(struct ring *ring, const struct fetched *d)
{
	bool avail = d->flags & DF_AVAIL, used = d->flags & DF_USED;
	bool wrap = ring->next_wrap;

	if (unlikely(avail == used && avail == wrap))
		return packed_violation(ring, "PACKED-04", ring->next, d,
					"USED is as AVAIL is, before the device had it");
	/* What we wrote there one wrap ago is still to be there, once it is published. */
	if (unlikely(avail != used && ring->slot[ring->next].owner == !wrap &&
		     !(ring->withheld && ring->withheld_position == ring->next)))
		return packed_violation(ring, "PACKED-03", ring->next, d,
					"made available with the wrong wrap counter");
	return 0;
}

/* A later descriptor of a list is not available. Either it comes yet, or never. */
static int packed_check_tail(struct ring *ring, uint16_t position, bool wrap,
			     struct fetched *d)
{
	struct timespec from, now;
	uint64_t waited = 0, before = ring->tails_ns;
	bool there = false;

	clock_gettime(CLOCK_MONOTONIC, &from);
	while (!there && waited <= TAIL_NS && before + waited <= TAILS_NS) {
		there = packed_flags_available(packed_load_flags(ring, position), wrap);
		clock_gettime(CLOCK_MONOTONIC, &now);
		waited = (uint64_t)((now.tv_sec - from.tv_sec) * 1000000000LL +
				    now.tv_nsec - from.tv_nsec);
	}
	ring->tails_ns = before + waited;
	packed_fetch(ring, position, d);
	if (!there)
		return packed_violation(ring, "PACKED-10", position, d,
					"in a list, with AVAIL and USED that do not "
					"make it available");
	ring_violation(ring, "PACKED-30", "queue %u, descriptor %u became available "
		       "after the first one of its list", ring->queue->index, position);
	return 0;
}

/* What is given and not published is no more the driver's than what is not given. */
static uint32_t packed_device_has(const struct ring *ring)
{
	return ring->outstanding + ring->unseen;
}

static int packed_check_flags(struct ring *ring, const struct buffer *buffer,
			      uint16_t position, const struct fetched *d)
{
	bool list = buffer->slots > 1;

	if (unlikely((d->flags & DF_INDIRECT) && (d->flags & DF_NEXT)))
		return packed_violation(ring, "PACKED-34", position, d,
					"INDIRECT in a list linked by NEXT");
	if (unlikely((d->flags & DF_INDIRECT) && list))
		return packed_violation(ring, "PACKED-13", position, d,
					"a list of direct descriptors goes on with an "
					"indirect one");
	if (unlikely((d->flags & DF_NEXT) && buffer->slots >= ring->size))
		return packed_violation(ring, "PACKED-26", position, d,
					"the list is longer than the ring");
	if (unlikely(packed_device_has(ring) + buffer->slots > ring->size))
		return packed_violation(ring, list ? "PACKED-29" : "PACKED-02", position,
					d, "made available though the device has the "
					"whole ring");
	return 0;
}

static int packed_walk(struct ring *ring, struct buffer *buffer, struct fetched *d)
{
	uint16_t position = ring->next;
	bool wrap = ring->next_wrap;

	buffer_begin(ring, buffer);
	for (buffer->slots = 1;; buffer->slots++) {
		if (packed_check_flags(ring, buffer, position, d) < 0)
			return -1;
		ring->slot[position].owner = SLOT_DRIVER;
		buffer->id = d->other; /* the last one's counts */
		if (unlikely(d->flags & DF_INDIRECT)) {
			if (buffer_add_table(ring, buffer, d, 0) < 0)
				return -1;
		} else if (buffer_add(ring, buffer, d) < 0) {
			return -1;
		}
		wrap ^= packed_advance(ring, &position, 1);
		if (likely(!(d->flags & DF_NEXT)))
			break;
		packed_fetch(ring, position, d);
		if (unlikely(!packed_flags_available(d->flags, wrap)) &&
		    packed_check_tail(ring, position, wrap, d) < 0)
			return -1;
	}
	ring->next = position;
	ring->next_wrap = wrap;
	return 0;
}

int packed_take(struct ring *ring, struct buffer *buffer)
{
	uint16_t position = ring->next;
	struct fetched d;

	/* One load for flags, id and length: they cannot be of different times. */
	packed_fetch(ring, position, &d);
	if (!packed_flags_available(d.flags, ring->next_wrap))
		return packed_check_empty(ring, &d);
	/* With the whole ring taken there is no record left either. */
	if (unlikely(packed_device_has(ring) == ring->size))
		return packed_violation(ring, "PACKED-02", position, &d,
					"made available though the device has the whole "
					"ring");
	buffer->id = d.other;
	if (likely(!(d.flags & (DF_NEXT | DF_INDIRECT))) &&
	    buffer_single(ring, buffer, &d)) {
		ring->slot[position].owner = SLOT_DRIVER;
		ring->next_wrap ^= packed_advance(ring, &ring->next, 1);
	} else if (packed_walk(ring, buffer, &d) < 0) {
		return -1;
	}
	buffer_taken(ring, buffer, position);
	return 1;
}

void packed_untake(struct ring *ring, const struct taken *taken)
{
	if (taken->position + taken->slots >= ring->size)
		ring->next_wrap = !ring->next_wrap;
	ring->next = taken->position;
}

/* ---- used descriptors ---- */

static uint16_t packed_used_flags(const struct ring *ring, const struct waiting *used)
{
	uint16_t flags = ring->used_wrap ? DF_AVAIL | DF_USED : 0;

	return htole16((uint16_t)(flags | (used->writes ? DF_WRITE : 0)));
}

/* Another buffer was used where one is watched: the driver may have the slot again. */
static void packed_unwatch(struct ring *ring, uint16_t slots)
{
	uint32_t ahead = ring->sample.position + (uint32_t)ring->size - ring->used;

	if (ahead % ring->size < slots)
		ring->sample.armed = false;
}

/*
 * The driver tests the descriptor that it expects next and no other: what follows
 * the first one that is not published can be written at once, flags and all.
 */
void packed_give(struct ring *ring, const struct waiting *used)
{
	struct packed_descriptor *d = &ring->descriptors[ring->used];
	uint16_t flags = packed_used_flags(ring, used);

	__atomic_store_n(&d->length, htole32(used->written), __ATOMIC_RELAXED);
	__atomic_store_n(&d->id, htole16((uint16_t)used->id), __ATOMIC_RELAXED);
	if (ring->withheld) {
		__atomic_store_n(&d->flags, flags, __ATOMIC_RELAXED);
	} else {
		ring->withheld = true;
		ring->withheld_position = ring->used;
		ring->withheld_flags = flags;
	}
	if (unlikely(ring->sample.armed))
		packed_unwatch(ring, used->slots);
	ring->slot[ring->used].owner = ring->used_wrap;
	ring->used_wrap ^= packed_advance(ring, &ring->used, used->slots);
	ring->unpublished += used->slots;
}

void packed_publish(struct ring *ring)
{
	if (!ring->withheld)
		return;
	/* All that the driver finds from here on. */
	__atomic_store_n(packed_flags_of(ring, ring->withheld_position),
			 ring->withheld_flags, __ATOMIC_RELEASE);
	ring->withheld = false;
	ring->published = ring->used;
	ring->published_wrap = ring->used_wrap;
	ring->moved += ring->unpublished;
	ring->unpublished = 0;
}

/* ---- event suppression ---- */

static void packed_check_event(struct ring *ring, const struct packed_event *event)
{
	uint16_t flags = event->flags & 3u;

	if (event->flags & ~3u)
		ring_violation(ring, "PACKED-18", "queue %u: reserved bits in the "
			       "driver's event suppression: flags %#x", ring->queue->index,
			       event->flags);
	if (flags == 3 || (flags == EVENT_DESC && !ring->event_idx))
		ring_violation(ring, "PACKED-17", "queue %u: the driver's event "
			       "suppression has flags %u%s", ring->queue->index, flags,
			       flags == 3 ? "" : ", but EVENT_IDX was not negotiated");
}

/* Did the used descriptors since the last notification pass the driver's event? */
static bool packed_event_passed(const struct ring *ring, uint16_t event)
{
	uint32_t position = event & ~EVENT_WRAP;
	bool wrap = event & EVENT_WRAP;

	/* Distance from where the last notification left off. */
	if (wrap != ring->notified_wrap)
		position += ring->size;
	return position >= ring->notified &&
	       position - ring->notified < ring->moved;
}

bool packed_wanted(struct ring *ring)
{
	struct packed_event event;
	uint32_t both;

	if (!ring->moved)
		return false;
	/* Used flags before the driver's event flags: it writes those and then looks. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	both = __atomic_load_n((const uint32_t *)(const void *)ring->driver_event,
			       __ATOMIC_RELAXED);
	memcpy(&event, &both, sizeof(event));
	event.position = le16toh(event.position);
	event.flags = le16toh(event.flags);
	if (unlikely(event.flags > EVENT_DISABLE))
		packed_check_event(ring, &event);
	if ((event.flags & 3u) == EVENT_DESC && ring->event_idx)
		return packed_event_passed(ring, event.position);
	return (event.flags & 3u) != EVENT_DISABLE;
}

bool packed_ready(struct ring *ring)
{
	return packed_flags_available(packed_load_flags(ring, ring->next), ring->next_wrap);
}

static void packed_put_event(struct ring *ring, uint16_t position, uint16_t flags)
{
	struct packed_event event = { htole16(position), htole16(flags) };
	uint32_t both;

	/* In one piece: the driver must not see half of it. */
	memcpy(&both, &event, sizeof(both));
	__atomic_store_n((uint32_t *)(void *)ring->device_event, both,
			 __ATOMIC_RELAXED);
}

bool packed_arm(struct ring *ring)
{
	if (ring->event_idx)
		packed_put_event(ring, (uint16_t)(ring->next | (ring->next_wrap ? EVENT_WRAP : 0)),
				 EVENT_DESC);
	else
		packed_put_event(ring, 0, EVENT_ENABLE);
	/* The event flags before the look: the driver writes them and then looks. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return packed_ready(ring);
}

void packed_disarm(struct ring *ring)
{
	packed_put_event(ring, 0, EVENT_DISABLE);
}

/* ---- NOTIFICATION_DATA ---- */

/* A position that the driver says is next to be written: what lies before it and was
 * not taken must be available. Positions of two wraps, which the wrap counter tells apart. */
static bool packed_position_true(const struct ring *ring, uint16_t announced, bool wrap)
{
	uint32_t positions = 2u * ring->size;
	uint32_t target = announced + (wrap ? 0u : ring->size);
	uint32_t from = ring->next + (ring->next_wrap ? 0u : ring->size);
	uint32_t ahead = (target + positions - from) % positions, last;

	/* Behind: it was sent before we took what it announces. */
	if (!ahead || ahead > ring->size)
		return true;
	last = (target + positions - 1) % positions;
	return packed_flags_available(packed_load_flags(ring, (uint16_t)(last % ring->size)),
				      last < ring->size);
}

void packed_notified(struct ring *ring, uint32_t value)
{
	uint16_t announced = (uint16_t)(value >> 16) & (uint16_t)~EVENT_WRAP;
	bool wrap = value >> 31;

	if (announced >= ring->size)
		ring_violation(ring, "GEN-44",
			       "queue %u: notified of position %u, "
			       "but the ring has %u",
			       ring->queue->index, announced, ring->size);
	else if (ring->armed && !packed_position_true(ring, announced, wrap))
		ring_violation(ring, "PACKED-23", "queue %u: notified of position %u "
			       "with wrap counter %u, but not all before it is available",
			       ring->queue->index, announced, wrap);
}
