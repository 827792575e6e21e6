/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rings of the model (model.h), both layouts, frames that pass through them, and what
 * the driver must not do with them: each violation is counted, and the first one kept as a text.
 */
#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/model.h"

enum { NEXT = 1, WRITE = 2, INDIRECT = 4, AVAIL = 0x80, USED = 0x8000 };

#define BIT(m, bit) (((m)->accepted[0] >> (bit) & 1) != 0)
#define HAS_INDIRECT(m) BIT(m, 28)
#define HAS_EVENT(m) BIT(m, 29)
#define IS_PACKED(m) BIT(m, 34)
#define IN_ORDER(m) BIT(m, 35)

static uint16_t get16(const uint8_t *at)
{
	return le16toh(__atomic_load_n((const uint16_t *)at, __ATOMIC_ACQUIRE));
}

static uint32_t get32(const uint8_t *at)
{
	return le32toh(__atomic_load_n((const uint32_t *)at, __ATOMIC_RELAXED));
}

static uint64_t get64(const uint8_t *at)
{
	return le64toh(__atomic_load_n((const uint64_t *)at, __ATOMIC_RELAXED));
}

static void put16(uint8_t *at, uint16_t value)
{
	__atomic_store_n((uint16_t *)at, htole16(value), __ATOMIC_RELEASE);
}

static void put32(uint8_t *at, uint32_t value)
{
	__atomic_store_n((uint32_t *)at, htole32(value), __ATOMIC_RELAXED);
}

void model_breach(struct model *m, const char *format, ...)
{
	va_list arguments;

	if (m->breaches++ != 0)
		return;
	va_start(arguments, format);
	vsnprintf(m->breach, sizeof(m->breach), format, arguments);
	va_end(arguments);
}

void model_queue_reset(struct model_queue *q)
{
	free(q->count);
	free(q->taken);
	memset(q, 0, sizeof(*q));
}

void model_queue_enable(struct model *m, struct model_queue *q)
{
	bool packed = IS_PACKED(m);

	q->count = calloc(65536, sizeof(*q->count));
	q->taken = calloc(q->size, sizeof(*q->taken));
	q->seen_wrap = q->put_wrap = true;
	if (q->size == 0 || q->size > 32768 ||
	    (!packed && (q->size & (q->size - 1)) != 0))
		model_breach(m, "queue size %u", q->size);
	if (q->desc % 16 != 0 || q->avail % (packed ? 4 : 2) != 0 ||
	    q->used % 4 != 0)
		model_breach(m, "an area is not aligned");
}

/* ---- taking a buffer ---- */

/* Note one element; data that the device may read are copied. */
static void note_element(struct model *m, struct model_queue *q, uint8_t *data,
			 size_t size, const uint8_t *desc, unsigned int flags)
{
	struct model_element *e = &q->element[q->elements];

	if (q->elements == MODEL_ELEMENTS) {
		model_breach(m, "more than %d elements", MODEL_ELEMENTS);
		return;
	}
	e->address = get64(desc);
	e->length = get32(desc + 8);
	e->write = (flags & WRITE) != 0;
	if (q->elements != 0 && e[-1].write && !e->write)
		model_breach(m, "readable element behind a writable one");
	if (!e->write && data && q->length + e->length <= size) {
		const uint8_t *from = model_at(m, e->address, e->length, false);

		if (from)
			memcpy(data + q->length, from, e->length);
	}
	q->length += e->length;
	q->elements++;
}

static void take_table(struct model *m, struct model_queue *q, uint8_t *data,
		       size_t size, const uint8_t *desc)
{
	uint32_t bytes = get32(desc + 8), entries = bytes / 16;
	const uint8_t *table = model_at(m, get64(desc), bytes, false);

	m->indirect++;
	if (!HAS_INDIRECT(m) || bytes % 16 != 0 || entries == 0 ||
	    entries > q->size || !table) {
		model_breach(m, "indirect table of %u bytes", bytes);
		return;
	}
	for (uint32_t i = 0; i < entries; i++) {
		const uint8_t *entry = table + 16 * i;
		bool last = i + 1 == entries;

		if (IS_PACKED(m)) {
			unsigned int flags = get16(entry + 14);

			if ((flags & ~(unsigned int)WRITE) != 0 ||
			    get16(entry + 12) != 0)
				model_breach(m, "packed table entry flags %u",
					     flags);
			note_element(m, q, data, size, entry, flags);
		} else {
			unsigned int flags = get16(entry + 12);

			if ((flags & INDIRECT) || !(flags & NEXT) != last ||
			    (!last && get16(entry + 14) != i + 1))
				model_breach(m, "split table entry flags %u",
					     flags);
			note_element(m, q, data, size, entry, flags);
		}
	}
}

static void take_one(struct model *m, struct model_queue *q, uint8_t *data,
		     size_t size, const uint8_t *desc, unsigned int flags)
{
	if (!(flags & INDIRECT)) {
		note_element(m, q, data, size, desc, flags);
		return;
	}
	if (flags & NEXT || flags & WRITE)
		model_breach(m, "INDIRECT with flags %u", flags);
	take_table(m, q, data, size, desc);
}

static int take_split(struct model *m, struct model_queue *q, uint8_t *data,
		      size_t size)
{
	uint8_t *avail = model_at(m, q->avail, 6u + 2u * q->size, false);
	uint16_t head, id, idx;
	unsigned int flags, count = 0;

	if (!avail)
		return -1;
	idx = get16(avail + 2);
	if (q->seen == idx)
		return -1;
	if ((uint16_t)(idx - q->put) > q->size)
		model_breach(m, "avail idx %u with used idx %u", idx, q->put);
	head = get16(avail + 4 + 2 * (q->seen % q->size));
	if (head >= q->size || q->count[head] != 0) {
		model_breach(m, "head %u is out or out of range", head);
		return -1;
	}
	if (IN_ORDER(m) && head != q->next_desc % q->size)
		model_breach(m, "in order: head %u after %u", head, q->next_desc);
	q->seen++;
	id = head;
	do {
		const uint8_t *d = model_at(m, q->desc + 16u * id, 16, false);

		if (!d)
			break;
		flags = get16(d + 12);
		take_one(m, q, data, size, d, flags);
		if (IN_ORDER(m) && (flags & NEXT) &&
		    get16(d + 14) != (id + 1) % q->size)
			model_breach(m, "in order: %u is followed by %u", id,
				     get16(d + 14));
		id = get16(d + 14);
		if ((flags & NEXT) && id >= q->size)
			model_breach(m, "a chain goes on at %u", id);
		if (++count > q->size) {
			model_breach(m, "a chain of more than %u", q->size);
			break;
		}
	} while (flags & NEXT && id < q->size);
	q->next_desc += count;
	q->count[head] = (uint16_t)count;
	return head;
}

static bool is_available(unsigned int flags, bool wrap)
{
	return ((flags & AVAIL) != 0) == wrap && ((flags & USED) != 0) != wrap;
}

static void step(const struct model_queue *q, uint16_t *at, bool *wrap)
{
	if (++*at == q->size) {
		*at = 0;
		*wrap = !*wrap;
	}
}

static int take_packed(struct model *m, struct model_queue *q, uint8_t *data,
		       size_t size)
{
	unsigned int flags, count = 0;
	uint16_t id;

	do {
		const uint8_t *d = model_at(m, q->desc + 16u * q->seen, 16, false);

		if (!d)
			return -1;
		flags = get16(d + 14);
		if (!is_available(flags, q->seen_wrap)) {
			if (count != 0)
				model_breach(m, "a list that is not all available");
			return -1;
		}
		take_one(m, q, data, size, d, flags);
		id = get16(d + 12);
		step(q, &q->seen, &q->seen_wrap);
		if (++count > q->size) {
			model_breach(m, "a list of more than %u", q->size);
			return -1;
		}
	} while (flags & NEXT);
	if (q->count[id] != 0)
		model_breach(m, "id %u is out already", id);
	q->out += count;
	if (q->out > q->size)
		model_breach(m, "%u descriptors out", q->out);
	q->count[id] = (uint16_t)count;
	return id;
}

int model_take(struct model *m, unsigned int index, uint8_t *data, size_t size,
	       size_t *length)
{
	struct model_queue *q = &m->queue[index];
	int id;

	*length = 0;
	if (!q->count)
		return -1;
	q->elements = 0;
	q->length = 0;
	id = IS_PACKED(m) ? take_packed(m, q, data, size) :
			    take_split(m, q, data, size);
	*length = q->length;
	if (id >= 0)
		q->taken[q->taken_end++ % q->size] = (uint16_t)id;
	return id;
}

/* ---- giving it back ---- */

static void used_split(struct model *m, struct model_queue *q, uint32_t id,
		       uint32_t len, uint16_t advance)
{
	uint8_t *used = model_at(m, q->used, 6u + 8u * q->size, true);

	if (!used)
		return;
	put32(used + 4 + 8 * (q->put % q->size), id);
	put32(used + 8 + 8 * (q->put % q->size), len);
	q->put = (uint16_t)(q->put + advance);
	put16(used + 2, q->put);
}

/* Flags are written last; `bits` besides AVAIL and USED. */
static void used_packed(struct model *m, struct model_queue *q, uint32_t id,
			uint32_t len, unsigned int bits)
{
	uint8_t *d = model_at(m, q->desc + 16u * q->put, 16, true);

	if (!d)
		return;
	put32(d + 8, len);
	put16(d + 12, (uint16_t)id);
	put16(d + 14, (uint16_t)(bits | (q->put_wrap ? AVAIL | USED : 0)));
}

void model_used_bits(struct model *m, unsigned int index, uint32_t id,
		     uint32_t len, uint16_t advance, unsigned int bits)
{
	struct model_queue *q = &m->queue[index];
	unsigned int count = id < 65536 && q->count[id] ? q->count[id] : 1;

	if (id < 65536 && q->count[id] != 0) {
		q->count[id] = 0;
		q->out -= count;
	}
	if (!IS_PACKED(m)) {
		used_split(m, q, id, len, advance);
		return;
	}
	used_packed(m, q, id, len, bits);
	while (count-- != 0)
		step(q, &q->put, &q->put_wrap);
}

void model_used(struct model *m, unsigned int index, uint32_t id, uint32_t len,
		uint16_t advance)
{
	model_used_bits(m, index, id, len, advance, len != 0 ? WRITE : 0);
	m->queue[index].taken_begin++;
}

void model_used_batch(struct model *m, unsigned int index, unsigned int count,
		      uint32_t len)
{
	struct model_queue *q = &m->queue[index];
	unsigned int descriptors = 0;
	uint16_t id = 0;

	for (unsigned int i = 0; i < count; i++) {
		id = q->taken[q->taken_begin++ % q->size];
		descriptors += q->count[id];
		q->count[id] = 0;
	}
	q->out -= descriptors;
	if (!IS_PACKED(m)) {
		used_split(m, q, id, len, (uint16_t)count);
		return;
	}
	used_packed(m, q, id, len, len != 0 ? WRITE : 0);
	while (descriptors-- != 0)
		step(q, &q->put, &q->put_wrap);
}

/* ---- notifications ---- */

void model_want_kick(struct model *m, unsigned int index)
{
	struct model_queue *q = &m->queue[index];
	uint8_t *used;

	if (!HAS_EVENT(m) || m->rude)
		return;
	if (IS_PACKED(m)) {
		used = model_at(m, q->used, 4, true);
		if (!used)
			return;
		put16(used, (uint16_t)(q->seen | (q->seen_wrap ? 0x8000 : 0)));
		put16(used + 2, 2);
		return;
	}
	used = model_at(m, q->used, 6u + 8u * q->size, true);
	if (used)
		put16(used + 4 + 8 * q->size, q->seen);
}

void model_used_flags(struct model *m, unsigned int index, uint16_t flags)
{
	struct model_queue *q = &m->queue[index];
	uint8_t *used = model_at(m, q->used, 4, true);

	if (used)
		put16(used + (IS_PACKED(m) ? 2 : 0), flags);
	/* With event indices the flag means nothing: an event far away does. */
	if (HAS_EVENT(m) && !IS_PACKED(m)) {
		used = model_at(m, q->used, 6u + 8u * q->size, true);
		if (used)
			put16(used + 4 + 8 * q->size,
			      (uint16_t)(q->seen + (flags ? 0x8000 : 0)));
	}
}

bool model_wants_interrupt(struct model *m, unsigned int index)
{
	struct model_queue *q = &m->queue[index];
	uint8_t *avail = model_at(m, q->avail, 4, false);

	if (!avail)
		return false;
	if (IS_PACKED(m)) {
		unsigned int flags = get16(avail + 2);

		if (flags > 2 || (flags == 2 && !HAS_EVENT(m)))
			model_breach(m, "event flags %u", flags);
		return flags == 0 ||
		       (flags == 2 && get16(avail) ==
			(q->put | (q->put_wrap ? 0x8000 : 0)));
	}
	if (get16(avail) > 1 || (HAS_EVENT(m) && get16(avail) != 0))
		model_breach(m, "avail flags %u", get16(avail));
	if (!HAS_EVENT(m))
		return get16(avail) == 0;
	avail = model_at(m, q->avail, 6u + 2u * q->size, false);
	return avail && get16(avail + 4 + 2 * q->size) == q->put;
}

/* A doorbell: of the right width, for the right queue, at the right place (nothing is
 * available from there on). */
void model_bell(struct model *m, unsigned int index, uint32_t value, size_t size)
{
	struct model_queue *q = &m->queue[index];
	bool data = BIT(m, 38);
	uint16_t name = (uint16_t)(BIT(m, 39) ? MODEL_NOTIFY_DATA + index : index);
	uint16_t at = value >> 16 & 0x7fff;
	const uint8_t *ring;

	m->last_bell = value;
	if (size != (data ? 4 : 2) || (value & 0xffff) != name)
		model_breach(m, "doorbell of %zu bytes: 0x%x", size, value);
	if (!data || size != 4)
		return;
	if (!IS_PACKED(m)) {
		ring = model_at(m, q->avail, 4, false);
		if (ring && !m->threaded && get16(ring + 2) != value >> 16)
			model_breach(m, "doorbell data 0x%x", value);
		return;
	}
	ring = model_at(m, q->desc + 16u * at, 16, false);
	if (!ring || at >= q->size ||
	    (!m->threaded && is_available(get16(ring + 14), value >> 31)))
		model_breach(m, "doorbell data 0x%x", value);
}

/* ---- traffic ---- */

/* In order, a used entry for each batch; what is left over gets one too. */
static void complete(struct model *m, unsigned int id, unsigned int *open,
		     bool last)
{
	if (m->batch < 2) {
		model_used(m, 1, id, 0, 1);
		return;
	}
	if (*open == m->batch || (last && *open != 0)) {
		model_used_batch(m, 1, *open, 0);
		*open = 0;
	}
}

unsigned int model_transmit(struct model *m)
{
	static uint8_t data[70000];
	unsigned int count = 0, open = 0;
	size_t length;
	int id;

	while (m->queue[1].enabled && (m->status & 4) &&
	       (id = model_take(m, 1, data, sizeof(data), &length)) >= 0) {
		if (m->on_frame && length >= model_header_size(m))
			m->on_frame(m->context, data, length);
		m->sent++;
		count++;
		open++;
		complete(m, (unsigned int)id, &open, false);
	}
	if (m->batch >= 2)
		complete(m, 0, &open, true);
	model_want_kick(m, 1);
	return count;
}

static bool deliver_piece(struct model *m, const uint8_t *data, size_t length)
{
	const struct model_element *e = m->queue[0].element;
	size_t room;
	int id = model_take(m, 0, NULL, 0, &room);
	uint8_t *to;

	if (id < 0)
		return false;
	to = length <= room && e->write ? model_at(m, e->address, length, true) :
					  NULL;
	if (to)
		memcpy(to, data, length);
	model_used(m, 0, (uint32_t)id, (uint32_t)length, 1);
	model_want_kick(m, 0);
	return true;
}

size_t model_header_size(const struct model *m)
{
	if (m->accepted[1] & (1ull << 1 | 1ull << 3))
		return 24;
	return m->accepted[0] & 1ull << 57 ? 20 : 12;
}

unsigned int model_deliver(struct model *m, const uint8_t *frame, size_t length,
			   size_t piece, int num_buffers)
{
	size_t header = model_header_size(m), total = length + header, done = 0;
	uint8_t *data = calloc(1, total);
	unsigned int pieces = 0;

	if (piece == 0)
		piece = total;
	pieces = (unsigned int)((total + piece - 1) / piece);
	memcpy(data, m->rx_header, header);
	memcpy(data + header, frame, length);
	put16(data + 10, (uint16_t)(num_buffers < 0 ? (int)pieces : num_buffers));
	for (pieces = 0; done < total; pieces++) {
		size_t now = total - done < piece ? total - done : piece;

		if (!deliver_piece(m, data + done, now))
			break;
		done += now;
	}
	free(data);
	return done == total ? pieces : 0;
}

void model_interrupt(struct model *m, int index)
{
	unsigned int vector = index < 0 ? m->config_vector : m->queue[index].vector;
	uint64_t one = 1;

	if (vector < m->eventfds && m->eventfd[vector] >= 0)
		(void)!write(m->eventfd[vector], &one, sizeof(one));
}
