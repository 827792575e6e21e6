/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the ring layouts have in common: the cursors that a burst keeps in registers while
 * it runs. Slow operations (driver/ring/slow_path.h) find the ring in the queue, and
 * therefore come between a save and a load of the cursor.
 *
 * Each operation takes two constants: `in_order`, the rest of the layout, and
 * `receives`, for a queue whose buffers are one descriptor each, of one length, that
 * the device writes. What is constant then costs nothing.
 */
#ifndef VN_DRIVER_RING_CURSOR_H
#define VN_DRIVER_RING_CURSOR_H

#include "base/order.h"
#include "driver/state/queue.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define NEVER_INLINE static __attribute__((noinline))
#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/*
 * Handing buffers to the device. The indices of a split ring wrap by a mask. A cursor
 * of a packed ring goes as far as the end of the ring (its run), and wraps there.
 */
struct vn_push {
	uint32_t at;	/* split: entry of the available ring */
	uint32_t seq;	/* split in order: descriptor; packed: buffer */
	volatile struct packed_desc *desc; /* packed: the next */
	uint64_t flags; /* packed: flags of this wrap, where they lie in a word */
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
	uint32_t seq;	/* split: where the next free id goes; packed: buffer */
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
 * Is a notification due for an event index, after the index moved from `before` to
 * `now`? All modulo 65536 ("Available Buffer Notification Suppression" and "Driver and
 * Device Event Suppression", SPLIT-32, PACKED-16).
 */
static inline bool vn_event_due(uint16_t event, uint16_t now, uint16_t before)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

#endif
