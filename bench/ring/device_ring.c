/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "bench/ring/device_ring.h"

enum { HEADER = 12, AVAIL = 0x80, USED = 0x8000, WRITE = 2 };

/* x86 and arm64: a load of a flag before what it covers, a store of it behind. */
#define LOAD16(at) __atomic_load_n((const uint16_t *)(at), __ATOMIC_ACQUIRE)
#define STORE16(at, v) __atomic_store_n((uint16_t *)(at), v, __ATOMIC_RELEASE)
#define STORE64(at, v) __atomic_store_n((uint64_t *)(at), v, __ATOMIC_RELEASE)

void device_ring_open(struct device_ring *b)
{
	b->at = b->avail = b->used = b->seen = 0;
	b->wrap = 1;
	b->asked = b->filled = 0;
	/* split: used flags, NO_NOTIFY; packed: DISABLE. With EVENT_IDX on a split
	 * ring: an event index that is far away at first, see device_ring_quiet. */
	STORE16(b->device + (b->packed ? 2 : 0), 1);
	if (!b->packed)
		STORE16(b->device + 4 + 8 * b->size, 0x8000);
}

/* A driver with EVENT_IDX asks the index instead of the flag: keep it
 * 32768 away. */
static void device_ring_quiet(struct device_ring *b, uint16_t before)
{
	if (((before ^ b->avail) & 0x4000) != 0)
		STORE16(b->device + 4 + 8 * b->size, (uint16_t)(b->avail + 0x8000));
}

static uint8_t *here(const struct device_ring *b, uint64_t address)
{
	return b->translate ? b->translate(b->context, address) : (uint8_t *)(uintptr_t)address;
}

/* Returns the frame's length. */
static uint32_t fill(struct device_ring *b, uint8_t *to)
{
	static const uint8_t frame[64] = { 0x02, 0, 0, 0, 0, 1, 0x02, 0, 0, 0, 0, 2,
					   0x08, 0x00, 0x45 };

	memset(to, 0, 8);
	memcpy(to + 8, (const uint8_t[4]){ 0, 0, 1, 0 }, 4); /* num_buffers 1 */
	if (b->touch != TOUCH_FRAME)
		return b->length;
	if (b->frame)
		return b->frame(b, to + HEADER, b->length);
	memcpy(to + HEADER, frame, sizeof(frame));
	return b->length;
}

static void take(struct device_ring *b, uint64_t address, uint32_t length)
{
	if (__builtin_expect(b->frame != NULL, 0) && b->touch == TOUCH_FRAME && length > HEADER)
		b->frame(b, here(b, address) + HEADER, length - HEADER);
}

/*
 * Frames with contents go into lines that are with the driver's core, which has read what was in them before. They are asked
 * for some buffers ahead, as the libraries of such back ends do: else each store would wait for its line, and the
 * device would be slower than any driver.
 */
#if defined(__x86_64__)
__attribute__((target("prfchw")))
#endif
static void
ask(struct device_ring *b, uint64_t address, uint64_t word)
{
	struct device_place *place = &b->place[(b->filled + b->asked++) % DEVICE_RING_AHEAD];

	place->to = here(b, address);
	place->word = word;
	__builtin_prefetch(place->to + HEADER, 1);
}

/* ---- split ---- */

static void split_ask(struct device_ring *b)
{
	uint16_t mask = (uint16_t)(b->size - 1);
	uint16_t available = (uint16_t)(b->seen - b->avail);

	for (uint32_t i = 0; i < 2 && b->asked < DEVICE_RING_AHEAD && b->asked < available; i++) {
		uint64_t address;
		uint16_t id;

		memcpy(&id, b->driver + 4 + 2 * ((b->avail + b->asked) & mask), 2);
		memcpy(&address, b->desc + 16u * id, 8);
		ask(b, address, id);
	}
}

static uint32_t split_write(struct device_ring *b, uint32_t max)
{
	uint16_t mask = (uint16_t)(b->size - 1), before = b->avail;
	uint32_t done = 0;

	b->seen = LOAD16(b->driver + 2);
	for (split_ask(b); done < max && b->asked != 0; done++, split_ask(b)) {
		const struct device_place *place = &b->place[b->filled++ % DEVICE_RING_AHEAD];
		uint64_t entry = place->word | (uint64_t)(fill(b, place->to) + HEADER) << 32;

		memcpy(b->device + 4 + 8 * (b->used++ & mask), &entry, 8);
		b->avail++;
		b->asked--;
	}
	if (done == 0)
		return 0;
	STORE16(b->device + 2, b->used);
	device_ring_quiet(b, before);
	b->packets += done;
	return done;
}

static uint32_t split_run(struct device_ring *b, uint32_t max, bool fills)
{
	uint16_t mask = (uint16_t)(b->size - 1), before = b->avail;
	uint16_t ready = (uint16_t)(b->seen - b->avail);

	if (ready == 0) {
		b->seen = LOAD16(b->driver + 2);
		ready = (uint16_t)(b->seen - b->avail);
	}
	if (ready < max)
		max = ready;
	if (max == 0)
		return 0;
	for (uint32_t i = 0; i < max; i++) {
		uint16_t id, slot = (uint16_t)(b->used + i) & mask;
		uint64_t entry;

		memcpy(&id, b->driver + 4 + 2 * ((b->avail + i) & mask), 2);
		entry = id;
		if (fills) {
			uint32_t length = b->length;

			if (b->touch != TOUCH_NOTHING) {
				uint64_t address;

				memcpy(&address, b->desc + 16u * id, 8);
				length = fill(b, here(b, address));
			}
			entry |= (uint64_t)(length + HEADER) << 32;
		} else {
			/* A device has to look at the descriptor. */
			uint64_t words[2];

			memcpy(words, b->desc + 16u * id, 16);
			__asm__ __volatile__("" : : "r"(words[0]), "r"(words[1]));
			take(b, words[0], (uint32_t)words[1]);
		}
		memcpy(b->device + 4 + 8 * slot, &entry, 8);
	}
	b->avail = (uint16_t)(b->avail + max);
	b->used = (uint16_t)(b->used + max);
	STORE16(b->device + 2, b->used);
	device_ring_quiet(b, before);
	b->packets += max;
	return max;
}

/* ---- packed ---- */

static void packed_ask(struct device_ring *b)
{
	for (uint32_t i = 0; i < 2 && b->asked < DEVICE_RING_AHEAD; i++) {
		uint32_t at = b->at + b->asked;
		bool wraps = at >= b->size;
		const uint8_t *d = b->desc + 16u * (wraps ? at - b->size : at);
		uint64_t half = __atomic_load_n((const uint64_t *)(d + 8), __ATOMIC_ACQUIRE);
		uint32_t flags = (uint32_t)(half >> 48);
		uint64_t address;

		if (((flags & AVAIL) != 0) != (b->wrap ^ wraps) || ((flags & USED) != 0) == (b->wrap ^ wraps))
			break;
		memcpy(&address, d, 8);
		ask(b, address, half);
	}
}

static uint32_t packed_write(struct device_ring *b, uint32_t max)
{
	uint8_t *first_at = b->desc + 16u * b->at + 8;
	uint32_t done = 0;
	uint64_t first = 0;

	for (packed_ask(b); done < max && b->asked != 0; done++, packed_ask(b)) {
		const struct device_place *place = &b->place[b->filled++ % DEVICE_RING_AHEAD];
		uint64_t half = (place->word & 0x0000ffff00000000ull) | (fill(b, place->to) + HEADER) |
				(uint64_t)((b->wrap ? AVAIL | USED : 0) | WRITE) << 48;

		if (done == 0)
			first = half;
		else
			STORE64(b->desc + 16u * b->at + 8, half);
		if (++b->at == b->size) {
			b->at = 0;
			b->wrap ^= 1;
		}
		b->asked--;
	}
	if (done != 0)
		STORE64(first_at, first);
	b->packets += done;
	return done;
}

/* One available descriptor becomes a used one at the same place: buffers of one
 * descriptor each, completed in order. */
static uint32_t packed_run(struct device_ring *b, uint32_t max, bool fills)
{
	uint32_t done = 0;
	uint64_t first = 0;
	uint8_t *first_at = NULL;

	while (done < max) {
		uint8_t *d = b->desc + 16u * b->at;
		uint64_t half = __atomic_load_n((const uint64_t *)(d + 8),
						__ATOMIC_ACQUIRE);
		uint32_t flags = (uint32_t)(half >> 48), length = b->length;
		uint64_t address;

		if (((flags & AVAIL) != 0) != b->wrap ||
		    ((flags & USED) != 0) == b->wrap)
			break;
		memcpy(&address, d, 8);
		if (fills && b->touch != TOUCH_NOTHING)
			length = fill(b, here(b, address));
		else if (!fills)
			take(b, address, (uint32_t)half);
		__asm__ __volatile__("" : : "r"(address));
		half = (half & 0x0000ffff00000000ull) |
		       (uint64_t)(b->wrap ? AVAIL | USED : 0) << 48;
		if (fills)
			half |= (uint64_t)WRITE << 48 | (length + HEADER);
		/* Write the flags of the first one last: the driver sees all or none. */
		if (first_at) {
			STORE64(d + 8, half);
		} else {
			first_at = d + 8;
			first = half;
		}
		if (++b->at == b->size) {
			b->at = 0;
			b->wrap ^= 1;
		}
		done++;
	}
	if (done != 0)
		STORE64(first_at, first);
	b->packets += done;
	return done;
}

uint32_t device_ring_sink(struct device_ring *b, uint32_t max)
{
	return b->packed ? packed_run(b, max, false) : split_run(b, max, false);
}

uint32_t device_ring_source(struct device_ring *b, uint32_t max)
{
	if (b->touch == TOUCH_FRAME && b->frame != NULL)
		return b->packed ? packed_write(b, max) : split_write(b, max);
	return b->packed ? packed_run(b, max, true) : split_run(b, max, true);
}
