/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the ring know of each other: its record, the walk through a buffer's
 * elements, the requirements that both layouts have.
 */
#ifndef SOFTNIC_RING_INTERNAL_H
#define SOFTNIC_RING_INTERNAL_H

#include "softnic/ring/ring.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* ---- layouts in the driver's memory: "Split Virtqueues", "Packed Virtqueues" ---- */

struct split_descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t next;
};

struct packed_descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t id;
	uint16_t flags;
};

struct split_used {
	uint32_t id;
	uint32_t length;
};

/* The 32 bits of an event suppression structure, low half first. */
struct packed_event {
	uint16_t position; /* bit 15: wrap counter */
	uint16_t flags;
};

#define EVENT_WRAP 0x8000u

/* A descriptor, fetched once: whatever layout, its second half is two 16-bit words. */
struct fetched {
	uint64_t address;
	uint32_t length;
	uint16_t flags;
	uint16_t other; /* split: next; packed: id */
};

/* ---- rows of the list of requirements that have a name in each layout ---- */

struct requirements {
	const char *alignment, *size, *order, *length, *indirect, *table_length;
};

extern const struct requirements split_requirements, packed_requirements;

/* ---- the record ---- */

/* Most buffers have so few elements that they fill one cache line. */
#define ELEMENTS_FEW 4u

struct few {
	_Alignas(64) struct element element[ELEMENTS_FEW];
};

struct many {
	struct element *element;
	uint32_t capacity;
};

/* Where an element came from: shuffled buffers may have to be translated anew. */
struct origin {
	uint64_t iova;
	uint32_t length;
	bool writable;
};

struct origins {
	struct origin *origin;
	uint32_t capacity;
};

/* A buffer that was taken, in the order of taking. */
struct taken {
	uint16_t id;	   /* split: head */
	uint16_t record;
	uint16_t slots;	   /* packed: of the ring; split: of the table */
	uint16_t position; /* where the buffer began: split head, packed slot */
};

/* What we know of a descriptor of the ring. */
struct slot {
	/* Split: the head of the chain that has it, + 1; 0: it is the driver's.
	 * Packed: the wrap counter with which we wrote it last, or SLOT_DRIVER. */
	uint16_t owner;
	uint16_t next; /* split: the chain as it was when it was taken */
};

#define SLOT_DRIVER 2u

/* One descriptor of a buffer that is watched while we have it. */
struct sample {
	bool armed;
	uint16_t position; /* of the descriptor */
	uint16_t record;
	struct fetched was;
};

/* Used entry that waits: for the rest of its batch (IN_ORDER), to be shuffled. */
struct waiting {
	uint32_t id; /* 16 bits, unless faulty */
	uint16_t slots;	     /* that the used index moves by */
	uint16_t chain;	     /* descriptors of the buffer */
	uint32_t written;
	bool writes, whole; /* anything written; all of it */
};

struct ring {
	struct queue *queue;
	struct device *device;
	const struct requirements *requirement;
	uint16_t size;
	bool packed, event_idx, in_order, indirect;
	bool armed;	 /* the driver is to notify */
	bool resumed;	 /* it did not begin here */
	bool asleep;	 /* armed, and nothing was there: only a kick makes us look */
	uint64_t sleep_kicks; /* kicks when it fell asleep */
	bool special;	 /* shuffled or faulty: leave the fast path */
	bool shuffle_take, shuffle_give;

	/* Split: indices run freely. Packed: positions in the ring. */
	uint16_t next;		/* to take */
	uint16_t seen;		/* split: available idx as read last */
	uint16_t used;		/* to write; ahead of what is published */
	uint16_t published;	/* `used` as the driver can see it */
	uint16_t notified;	/* `published` at the last ring_notify */
	bool next_wrap, used_wrap, published_wrap, notified_wrap;
	/* Packed: slots since the last publication; and published since the last
	 * ring_notify. */
	uint32_t unpublished, moved;
	uint64_t tails_ns;	/* waited for tails of lists */
	uint32_t outstanding;	/* descriptors taken and not given */
	uint32_t unseen;	/* given, and the driver cannot see it yet */

	union {
		const struct split_descriptor *table;
		struct packed_descriptor *descriptors;
	};
	const uint16_t *available; /* flags, idx, ring, used_event */
	uint16_t *used_area;	   /* flags, idx, ring, avail_event */
	const struct packed_event *driver_event;
	struct packed_event *device_event;

	struct mapping window[2]; /* mappings used last; newest first */

	/* Records of buffers taken: the free ones are a stack, so that few lines of
	 * the cache serve a short burst. */
	struct few *few;
	struct many *many;
	uint16_t *free;
	uint32_t free_count;
	struct taken *taken;	/* the last ones, by `takes` */
	uint32_t takes, taken_mask;

	struct slot *slot;	/* one for each descriptor */

	/* IN_ORDER: the last one given, which may become part of a batch. Packed:
	 * flags of the first used descriptor that is not published yet. */
	struct waiting batch;
	bool batched;
	bool withheld;
	uint16_t withheld_position, withheld_flags;

	/* What was seen of the driver, for the checker. */
	uint16_t expected;	/* IN_ORDER: descriptor that the next chain begins with */
	uint16_t last_notified;
	bool was_notified;
	struct sample sample;
	uint32_t sample_count;
	uint64_t watch_kicks;
	uint64_t watch_taken;
	uint16_t watch_next;
	bool watch_armed, watch_ready;

	/* Special runs. */
	uint64_t faults, faults_done; /* fault_bit() of each */
	bool spoilt;		/* by a fault: what the driver wrote is lost */
	struct waiting before;	/* the last one given */
	struct origins *origins; /* NULL: not kept */
	struct buffer *stash;	/* taken from the ring, not handed out yet */
	uint32_t stashed;
	struct buffer *handed;	/* handed out last, by `hands` */
	uint32_t hands;
	struct waiting *pile;	/* given, not written yet */
	uint32_t piled;
	uint32_t random;
};

/* ---- buffer.c ---- */

/* Add what a descriptor names to the buffer. 0, or -1: broken. */
int buffer_add(struct ring *ring, struct buffer *buffer,
	       const struct fetched *descriptor);
/* The elements of an indirect table. */
int buffer_add_table(struct ring *ring, struct buffer *buffer,
		     const struct fetched *descriptor, unsigned int before);
/* Nobody but a careless driver makes so many pieces of this. */
void buffer_check_pieces(struct ring *ring, const struct buffer *buffer);

/* The driver is to blame, unless the device wrote over what is read here. */
#define ring_violation(ring, ...)                                   \
	do {                                               \
		if (!(ring)->spoilt)                       \
			violation((ring)->device, __VA_ARGS__); \
	} while (0)

/* The driver broke the ring: nothing is taken any more. Always -1. */
int ring_broken(struct ring *ring);

/* `size` bytes at `iova`, through the mappings used last. NULL: reported. */
void *ring_translate_slow(struct ring *ring, uint64_t iova, uint64_t size,
			  enum direction direction);

static inline uint8_t *ring_window_at(const struct mapping *window, uint64_t iova,
				      uint64_t size, unsigned int direction)
{
	uint64_t offset = iova - window->iova;

	if (likely(offset < window->size && size <= window->size - offset &&
		   (window->directions & direction)))
		return window->address + offset;
	return NULL;
}

static inline void *ring_translate(struct ring *ring, uint64_t iova,
				   uint64_t size, enum direction direction)
{
	uint8_t *at = ring_window_at(&ring->window[0], iova, size, direction);

	if (likely(at != NULL))
		return at;
	return ring_translate_slow(ring, iova, size, direction);
}

/* Begin with a buffer: a free record for its elements. */
static inline void buffer_begin(struct ring *ring, struct buffer *buffer)
{
	uint16_t record = ring->free[ring->free_count - 1];

	buffer->record = record;
	buffer->element = ring->few[record].element;
	buffer->readable = 0;
	buffer->writable = 0;
	buffer->readable_bytes = 0;
	buffer->writable_bytes = 0;
}

/* Most buffers are one element in the mapping used last: all of it at once. False:
 * take the long way, which finds out why. */
static inline bool buffer_single(struct ring *ring, struct buffer *buffer,
				 const struct fetched *descriptor)
{
	bool writable = descriptor->flags & DF_WRITE;
	uint8_t *at = ring_window_at(&ring->window[0], descriptor->address,
				     descriptor->length,
				     writable ? DEVICE_WRITES : DEVICE_READS);
	uint16_t record = ring->free[ring->free_count - 1];

	if (unlikely(!at || !descriptor->length || ring->origins))
		return false;
	buffer->slots = 1;
	buffer->record = record;
	buffer->element = ring->few[record].element;
	buffer->element->address = at;
	buffer->element->length = descriptor->length;
	buffer->readable = !writable;
	buffer->writable = writable;
	buffer->readable_bytes = writable ? 0 : descriptor->length;
	buffer->writable_bytes = writable ? descriptor->length : 0;
	return true;
}

/* The buffer is complete: it is the driver's no more. */
static inline void buffer_taken(struct ring *ring, const struct buffer *buffer,
				uint16_t position)
{
	struct taken *taken = &ring->taken[ring->takes++ & ring->taken_mask];

	ring->free_count--;
	ring->outstanding += buffer->slots;
	ring->queue->taken++;
	taken->id = buffer->id;
	taken->record = buffer->record;
	taken->slots = buffer->slots;
	taken->position = position;
}

static inline void buffer_given(struct ring *ring, const struct buffer *buffer)
{
	ring->free[ring->free_count++] = buffer->record;
	ring->outstanding -= buffer->slots;
	ring->unseen += buffer->slots;
	ring->queue->given++;
}

/* ---- both layouts have these: split.c, packed.c ---- */

int split_start(struct ring *ring);
int split_resume(struct ring *ring, const struct ring_position *from);
int split_areas(struct ring *ring);
int split_take(struct ring *ring, struct buffer *buffer);
void split_untake(struct ring *ring, const struct taken *taken);
void split_give(struct ring *ring, const struct waiting *used);
void split_release(struct ring *ring, const struct buffer *buffer);
void split_publish(struct ring *ring);
bool split_wanted(struct ring *ring);
bool split_arm(struct ring *ring);
void split_disarm(struct ring *ring);
bool split_ready(struct ring *ring);
void split_notified(struct ring *ring, uint32_t value);
void split_fetch(const struct ring *ring, uint16_t position,
		 struct fetched *descriptor);

int packed_start(struct ring *ring);
int packed_resume(struct ring *ring, const struct ring_position *from);
int packed_areas(struct ring *ring);
int packed_take(struct ring *ring, struct buffer *buffer);
void packed_untake(struct ring *ring, const struct taken *taken);
void packed_give(struct ring *ring, const struct waiting *used);
void packed_publish(struct ring *ring);
bool packed_wanted(struct ring *ring);
bool packed_arm(struct ring *ring);
void packed_disarm(struct ring *ring);
bool packed_ready(struct ring *ring);
void packed_notified(struct ring *ring, uint32_t value);
void packed_fetch(const struct ring *ring, uint16_t position,
		  struct fetched *descriptor);

/* ---- sample.c: what the driver must leave alone ---- */

void sample_take(struct ring *ring, const struct buffer *buffer,
		 uint16_t position);
void sample_check(struct ring *ring, const struct buffer *buffer);

/* ---- special.c: shuffled order; fault.c: faults ---- */

int special_start(struct ring *ring);
void special_stop(struct ring *ring);
int special_take(struct ring *ring, struct buffer *buffer);
void special_untake(struct ring *ring, unsigned int count);
void special_remap(struct ring *ring);
void special_give(struct ring *ring, const struct waiting *used);
void special_publish(struct ring *ring);

uint64_t faults_of(const struct ring *ring);
/* A used entry is about to be written: change it, or write what else there is.
 * False: write nothing. */
bool fault_give(struct ring *ring, struct waiting *used);
/* All that was given is about to become visible. / It is. */
void fault_publish(struct ring *ring);
void fault_published(struct ring *ring);
/* Are used entries to wait for the publication? */
bool fault_piles(const struct ring *ring);
/* What the device asks of the driver is about to be written over. */
void fault_event_flags(struct ring *ring);

#endif
