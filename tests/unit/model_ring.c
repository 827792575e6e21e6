/* SPDX-License-Identifier: BSD-3-Clause */
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/model_ring.h"

enum { NEXT = 1, WRITE = 2, INDIRECT = 4, AVAIL = 0x80, USED = 0x8000 };

#define BIT(r, bit) ((*(r)->features >> (bit) & 1) != 0)
#define HAS_INDIRECT(r) BIT(r, 28)
#define HAS_EVENT(r) BIT(r, 29)
#define IS_PACKED(r) BIT(r, 34)
#define IN_ORDER(r) BIT(r, 35)

static uint16_t ring_get16(const uint8_t *at)
{
	return le16toh(__atomic_load_n((const uint16_t *)at, __ATOMIC_ACQUIRE));
}

static uint32_t ring_get32(const uint8_t *at)
{
	return le32toh(__atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED));
}

static uint64_t ring_get64(const uint8_t *at)
{
	return le64toh(__atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED));
}

static void ring_put16(uint8_t *at, uint16_t value)
{
	__atomic_store_n((uint16_t *)at, htole16(value), __ATOMIC_RELEASE);
}

static void ring_put32(uint8_t *at, uint32_t value)
{
	__atomic_store_n((uint32_t *)at, htole32(value), __ATOMIC_RELAXED);
}

void model_ring_violation(struct model_rings *r, const char *format, ...)
{
	va_list arguments;

	if (r->violations++ != 0)
		return;
	va_start(arguments, format);
	vsnprintf(r->violation, sizeof(r->violation), format, arguments);
	va_end(arguments);
}

void model_ring_reset(struct model_queue *q)
{
	free(q->count);
	free(q->taken);
	memset(q, 0, sizeof(*q));
}

void model_ring_enable(struct model_rings *r, struct model_queue *q)
{
	bool packed = IS_PACKED(r);

	q->count = calloc(65536, sizeof(*q->count));
	q->taken = calloc(q->size, sizeof(*q->taken));
	q->seen_wrap = q->put_wrap = true;
	if (q->size == 0 || q->size > 32768 ||
	    (!packed && (q->size & (q->size - 1)) != 0))
		model_ring_violation(r, "queue size %u", q->size);
	if (q->desc % 16 != 0 || q->avail % (packed ? 4 : 2) != 0 ||
	    q->used % 4 != 0)
		model_ring_violation(r, "an area is not aligned");
}

/* ---- taking a buffer ---- */

/* Note one element; data that the device may read are copied. */
static void ring_note_element(struct model_rings *r, struct model_queue *q, uint8_t *data,
			 size_t size, const uint8_t *desc, unsigned int flags)
{
	struct model_element *e = &q->element[q->elements];

	if (q->elements == MODEL_ELEMENTS) {
		model_ring_violation(r, "more than %d elements", MODEL_ELEMENTS);
		return;
	}
	e->address = ring_get64(desc);
	e->length = ring_get32(desc + 8);
	e->write = (flags & WRITE) != 0;
	if (q->elements != 0 && e[-1].write && !e->write)
		model_ring_violation(r, "readable element behind a writable one");
	if (!e->write && data && q->length + e->length <= size) {
		const uint8_t *from = r->data(r->context, e->address, e->length, false);

		if (from)
			memcpy(data + q->length, from, e->length);
	}
	q->length += e->length;
	q->elements++;
}

static void ring_take_table(struct model_rings *r, struct model_queue *q, uint8_t *data,
		       size_t size, const uint8_t *desc)
{
	uint32_t bytes = ring_get32(desc + 8), entries = bytes / 16;
	const uint8_t *table = r->data(r->context, ring_get64(desc), bytes, false);

	r->indirect++;
	if (!HAS_INDIRECT(r) || bytes % 16 != 0 || entries == 0 ||
	    entries > q->size || !table) {
		model_ring_violation(r, "indirect table of %u bytes", bytes);
		return;
	}
	for (uint32_t i = 0; i < entries; i++) {
		const uint8_t *entry = table + 16 * i;
		bool last = i + 1 == entries;

		if (IS_PACKED(r)) {
			unsigned int flags = ring_get16(entry + 14);

			if ((flags & ~(unsigned int)WRITE) != 0 ||
			    ring_get16(entry + 12) != 0)
				model_ring_violation(r, "packed table entry flags %u",
					     flags);
			ring_note_element(r, q, data, size, entry, flags);
		} else {
			unsigned int flags = ring_get16(entry + 12);

			if ((flags & INDIRECT) || !(flags & NEXT) != last ||
			    (!last && ring_get16(entry + 14) != i + 1))
				model_ring_violation(r, "split table entry flags %u",
					     flags);
			ring_note_element(r, q, data, size, entry, flags);
		}
	}
}

static void ring_take_one(struct model_rings *r, struct model_queue *q, uint8_t *data,
		     size_t size, const uint8_t *desc, unsigned int flags)
{
	if (!(flags & INDIRECT)) {
		ring_note_element(r, q, data, size, desc, flags);
		return;
	}
	if (flags & NEXT || flags & WRITE)
		model_ring_violation(r, "INDIRECT with flags %u", flags);
	ring_take_table(r, q, data, size, desc);
}

static int ring_take_split(struct model_rings *r, struct model_queue *q, uint8_t *data,
		      size_t size)
{
	uint8_t *avail = r->area(r->context, q->avail, 6u + 2u * q->size, false);
	uint16_t head, id, idx;
	unsigned int flags, count = 0;

	if (!avail)
		return -1;
	idx = ring_get16(avail + 2);
	if (q->seen == idx)
		return -1;
	if ((uint16_t)(idx - q->put) > q->size)
		model_ring_violation(r, "avail idx %u with used idx %u", idx, q->put);
	head = ring_get16(avail + 4 + 2 * (q->seen % q->size));
	if (head >= q->size || q->count[head] != 0) {
		model_ring_violation(r, "head %u is in flight or out of range", head);
		return -1;
	}
	if (IN_ORDER(r) && head != q->next_desc % q->size)
		model_ring_violation(r, "in order: head %u after %u", head, q->next_desc);
	q->seen++;
	id = head;
	do {
		const uint8_t *d = r->area(r->context, q->desc + 16u * id, 16, false);

		if (!d)
			break;
		flags = ring_get16(d + 12);
		ring_take_one(r, q, data, size, d, flags);
		if (IN_ORDER(r) && (flags & NEXT) &&
		    ring_get16(d + 14) != (id + 1) % q->size)
			model_ring_violation(r, "in order: %u is followed by %u", id,
				     ring_get16(d + 14));
		id = ring_get16(d + 14);
		if ((flags & NEXT) && id >= q->size)
			model_ring_violation(r, "a chain goes on at %u", id);
		if (++count > q->size) {
			model_ring_violation(r, "a chain of more than %u", q->size);
			break;
		}
	} while (flags & NEXT && id < q->size);
	q->next_desc += count;
	q->count[head] = (uint16_t)count;
	return head;
}

static bool ring_is_available(unsigned int flags, bool wrap)
{
	return ((flags & AVAIL) != 0) == wrap && ((flags & USED) != 0) != wrap;
}

static void ring_step(const struct model_queue *q, uint16_t *at, bool *wrap)
{
	if (++*at == q->size) {
		*at = 0;
		*wrap = !*wrap;
	}
}

static int ring_take_packed(struct model_rings *r, struct model_queue *q, uint8_t *data,
		       size_t size)
{
	unsigned int flags, count = 0;
	uint16_t id;

	do {
		const uint8_t *d = r->area(r->context, q->desc + 16u * q->seen, 16, false);

		if (!d)
			return -1;
		flags = ring_get16(d + 14);
		if (!ring_is_available(flags, q->seen_wrap)) {
			if (count != 0)
				model_ring_violation(r, "a list that is not all available");
			return -1;
		}
		ring_take_one(r, q, data, size, d, flags);
		id = ring_get16(d + 12);
		ring_step(q, &q->seen, &q->seen_wrap);
		if (++count > q->size) {
			model_ring_violation(r, "a list of more than %u", q->size);
			return -1;
		}
	} while (flags & NEXT);
	if (q->count[id] != 0)
		model_ring_violation(r, "id %u is in flight already", id);
	q->in_flight += count;
	if (q->in_flight > q->size)
		model_ring_violation(r, "%u descriptors in flight", q->in_flight);
	q->count[id] = (uint16_t)count;
	return id;
}

int model_ring_take(struct model_rings *r, struct model_queue *q, uint8_t *data, size_t size,
	       size_t *length)
{
	int id;

	*length = 0;
	if (!q->count)
		return -1;
	q->elements = 0;
	q->length = 0;
	id = IS_PACKED(r) ? ring_take_packed(r, q, data, size) :
			    ring_take_split(r, q, data, size);
	*length = q->length;
	if (id >= 0)
		q->taken[q->taken_end++ % q->size] = (uint16_t)id;
	return id;
}

bool model_ring_fill(struct model_rings *r, struct model_queue *q, const uint8_t *data,
		     size_t length)
{
	for (unsigned int i = 0; i < q->elements && length != 0; i++) {
		const struct model_element *e = &q->element[i];
		size_t part = e->length < length ? e->length : length;
		uint8_t *to = e->write ? r->data(r->context, e->address, part, true) : NULL;

		if (!to)
			return false;
		memcpy(to, data, part);
		data += part;
		length -= part;
	}
	return length == 0;
}

/* ---- giving it back ---- */

static void ring_used_split(struct model_rings *r, struct model_queue *q, uint32_t id,
		       uint32_t len, uint16_t advance)
{
	uint8_t *used = r->area(r->context, q->used, 6u + 8u * q->size, true);

	if (!used)
		return;
	ring_put32(used + 4 + 8 * (q->put % q->size), id);
	ring_put32(used + 8 + 8 * (q->put % q->size), len);
	q->put = (uint16_t)(q->put + advance);
	ring_put16(used + 2, q->put);
}

/* Flags are written last; `bits` besides AVAIL and USED. */
static void ring_used_packed(struct model_rings *r, struct model_queue *q, uint32_t id,
			uint32_t len, unsigned int bits)
{
	uint8_t *d = r->area(r->context, q->desc + 16u * q->put, 16, true);

	if (!d)
		return;
	ring_put32(d + 8, len);
	ring_put16(d + 12, (uint16_t)id);
	ring_put16(d + 14, (uint16_t)(bits | (q->put_wrap ? AVAIL | USED : 0)));
}

void model_ring_used_bits(struct model_rings *r, struct model_queue *q, uint32_t id,
		     uint32_t len, uint16_t advance, unsigned int bits)
{
	unsigned int count = id < 65536 && q->count[id] ? q->count[id] : 1;

	if (id < 65536 && q->count[id] != 0) {
		q->count[id] = 0;
		q->in_flight -= count;
	}
	if (!IS_PACKED(r)) {
		ring_used_split(r, q, id, len, advance);
		return;
	}
	ring_used_packed(r, q, id, len, bits);
	while (count-- != 0)
		ring_step(q, &q->put, &q->put_wrap);
}

void model_ring_used(struct model_rings *r, struct model_queue *q, uint32_t id, uint32_t len,
		uint16_t advance)
{
	model_ring_used_bits(r, q, id, len, advance, len != 0 ? WRITE : 0);
	q->taken_begin++;
}

void model_ring_used_batch(struct model_rings *r, struct model_queue *q, unsigned int count,
		      uint32_t len)
{
	unsigned int descriptors = 0;
	uint16_t id = 0;

	for (unsigned int i = 0; i < count; i++) {
		id = q->taken[q->taken_begin++ % q->size];
		descriptors += q->count[id];
		q->count[id] = 0;
	}
	q->in_flight -= descriptors;
	if (!IS_PACKED(r)) {
		ring_used_split(r, q, id, len, (uint16_t)count);
		return;
	}
	ring_used_packed(r, q, id, len, len != 0 ? WRITE : 0);
	while (descriptors-- != 0)
		ring_step(q, &q->put, &q->put_wrap);
}

/* ---- notifications ---- */

void model_ring_want_kick(struct model_rings *r, struct model_queue *q)
{
	uint8_t *used;

	if (!HAS_EVENT(r) || r->keeps_event)
		return;
	if (IS_PACKED(r)) {
		used = r->area(r->context, q->used, 4, true);
		if (!used)
			return;
		ring_put16(used, (uint16_t)(q->seen | (q->seen_wrap ? 0x8000 : 0)));
		ring_put16(used + 2, 2);
		return;
	}
	used = r->area(r->context, q->used, 6u + 8u * q->size, true);
	if (used)
		ring_put16(used + 4 + 8 * q->size, q->seen);
}

void model_ring_used_flags(struct model_rings *r, struct model_queue *q, uint16_t flags)
{
	uint8_t *used = r->area(r->context, q->used, 4, true);

	if (used)
		ring_put16(used + (IS_PACKED(r) ? 2 : 0), flags);
	/* With event indices the flag means nothing: an event far away does. */
	if (HAS_EVENT(r) && !IS_PACKED(r)) {
		used = r->area(r->context, q->used, 6u + 8u * q->size, true);
		if (used)
			ring_put16(used + 4 + 8 * q->size,
			      (uint16_t)(q->seen + (flags ? 0x8000 : 0)));
	}
}

uint16_t model_ring_position(const struct model_rings *r, const struct model_queue *q)
{
	return (uint16_t)(q->put | (IS_PACKED(r) && q->put_wrap ? 0x8000 : 0));
}

bool model_ring_wants_interrupt(struct model_rings *r, struct model_queue *q,
				uint16_t position)
{
	uint8_t *avail = r->area(r->context, q->avail, 4, false);

	if (!avail)
		return false;
	if (IS_PACKED(r)) {
		unsigned int flags = ring_get16(avail + 2);

		if (flags > 2 || (flags == 2 && !HAS_EVENT(r)))
			model_ring_violation(r, "event flags %u", flags);
		return flags == 0 || (flags == 2 && ring_get16(avail) == position);
	}
	if (ring_get16(avail) > 1 || (HAS_EVENT(r) && ring_get16(avail) != 0))
		model_ring_violation(r, "avail flags %u", ring_get16(avail));
	if (!HAS_EVENT(r))
		return ring_get16(avail) == 0;
	avail = r->area(r->context, q->avail, 6u + 2u * q->size, false);
	return avail && ring_get16(avail + 4 + 2 * q->size) == position;
}

/* A doorbell: of the right width, for the right queue, at the right place (nothing is
 * available from there on). */
void model_ring_doorbell(struct model_rings *r, struct model_queue *q, unsigned int index,
			 uint32_t value, size_t size)
{
	bool data = BIT(r, 38);
	uint16_t name = (uint16_t)(BIT(r, 39) ? MODEL_NOTIFY_DATA + index : index);
	uint16_t at = value >> 16 & 0x7fff;
	const uint8_t *ring;

	r->last_doorbell = value;
	if (size != (data ? 4 : 2) || (value & 0xffff) != name)
		model_ring_violation(r, "doorbell of %zu bytes: 0x%x", size, value);
	if (!data || size != 4)
		return;
	if (!IS_PACKED(r)) {
		ring = r->area(r->context, q->avail, 4, false);
		if (ring && !r->threaded && ring_get16(ring + 2) != value >> 16)
			model_ring_violation(r, "doorbell data 0x%x", value);
		return;
	}
	ring = r->area(r->context, q->desc + 16u * at, 16, false);
	if (!ring || at >= q->size ||
	    (!r->threaded && ring_is_available(ring_get16(ring + 14), value >> 31)))
		model_ring_violation(r, "doorbell data 0x%x", value);
}
