/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what the ring layouts have in common: the cursors that a burst keeps in
 * registers while it runs, and the slow operations (ring_slow.c), which find the
 * ring in the queue and therefore come between a save and a load of the cursor.
 * Never: knows what is in a buffer.
 * Read next: driver/ring/split.h, then driver/ring/packed.h for the differences.
 *
 * Each operation takes two constants: `in_order`, the rest of the layout, and
 * `receives`, for a queue whose buffers are one descriptor each, of one length, that
 * the device writes. What is constant then costs nothing.
 */
#ifndef VN_DRIVER_RING_H
#define VN_DRIVER_RING_H

#include "base/order.h"
#include "driver/state/queue.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NEVER_INLINE static __attribute__((noinline))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/*
 * Handing buffers to the device. The indices of a split ring wrap by a mask. A cursor
 * of a packed ring goes as far as the end of the ring (its run), and is turned there.
 */
struct vn_push {
	uint32_t at;	/* split: entry of the available ring */
	uint32_t order; /* split in order: descriptor; packed: order */
	volatile struct packed_desc *desc; /* packed: the next */
	uint64_t flags; /* packed: flags of this lap, where they lie in a word */
	uint64_t held;	/* packed: see vn_packed */
	volatile struct packed_desc *held_desc;
	uint32_t pushed;
	/* Of the queue, so that they stay in registers. */
	vn_slot *slots;
	const uint16_t *ids;
	uint32_t limit; /* split: mask; packed: size */
};

/* Taking buffers back. */
struct vn_pop {
	uint32_t at;	/* split: entry of the used ring */
	uint32_t order; /* split: where the next free id goes; packed: order */
	volatile struct packed_desc *desc; /* packed: the next */
	uint64_t flags; /* packed: flags that a used descriptor has now */
	uint32_t most;	/* that may be popped */
	uint32_t popped;
	uint32_t batch_left, batch_written;
	/* Of the queue, so that they stay in registers. */
	vn_slot *slots;
	const uint16_t *ids;
	uint32_t limit; /* split: mask; packed: size */
};

/*
 * A used id that is not the one expected: see whether it is outstanding, and note
 * that it comes back here. Returns false, and the queue is broken, if not.
 */
bool vn_split_found(struct vionet_queue *queue, uint32_t id, uint32_t place);
bool vn_packed_found(struct vionet_queue *queue, uint32_t id, uint32_t place);

/* In order: how many buffers does a used entry complete that names `id` and comes at
 * `at` or `order`, where at most `left` may be complete? 0, and the queue is broken,
 * if none of them has that id. */
uint32_t vn_split_batch(struct vionet_queue *queue, uint32_t id, uint32_t at,
			uint32_t left);
uint32_t vn_packed_batch(struct vionet_queue *queue, uint32_t id, uint32_t order,
			 uint32_t left);

/* Available entry `place` names another id than a lap ago. */
void vn_split_rename(struct vionet_queue *queue, uint32_t place, uint32_t id);

/*
 * Push a buffer of `readable` elements and then `writable` ones, in one indirect
 * table or a chain. Returns false if so many descriptors are not free. In contrast to
 * the operations of the layouts it counts free_count and outstanding.
 */
bool vn_ring_push(struct vionet_queue *queue, const struct vn_element *elements,
		  uint32_t readable, uint32_t writable, vn_slot slot);

/* A complex buffer was popped as if it had one descriptor: the rest of it. `index`: of
 * its slot. */
void vn_ring_release(struct vionet_queue *queue, uint32_t index);

/* Notify through the eventfd, or else a write through the transport. */
void vn_kick_unmapped(struct vionet_queue *queue);

/*
 * Is a notification due for an event index, after the index moved from `before` to
 * `now`? All modulo 65536 (SPLIT-32, PACKED-16).
 */
static inline bool vn_event_due(uint16_t event, uint16_t now, uint16_t before)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

#endif
