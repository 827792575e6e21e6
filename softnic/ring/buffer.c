/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The elements of a buffer: from what a descriptor says to pieces of our address space,
 * within the driver's mappings; the requirements that hold for the elements of either
 * layout.
 */
#include <endian.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "softnic/ring/internal.h"

/* With fewer pieces than this it does not matter how a buffer is cut. */
#define PIECES_MANY 8u

int ring_broken(struct ring *ring)
{
	ring->queue->broken = true;
	needs_reset(ring->device);
	return -1;
}

/* Keep the mapping that holds `iova` in front. Permission is the caller's care. */
static const struct mapping *buffer_find_window(struct ring *ring, uint64_t iova)
{
	struct mapping found = ring->window[1];

	if (iova - ring->window[0].iova < ring->window[0].size)
		return &ring->window[0];
	if (iova - found.iova >= found.size &&
	    !dma_window(ring->device, iova, &found))
		return NULL;
	ring->window[1] = ring->window[0];
	ring->window[0] = found;
	return &ring->window[0];
}

void *ring_translate_slow(struct ring *ring, uint64_t iova, uint64_t size,
			  enum direction direction)
{
	const struct mapping *window = buffer_find_window(ring, iova);
	uint8_t *at = window ? ring_window_at(window, iova, size, direction) : NULL;

	return at ? at : dma(ring->device, iova, size, direction);
}

/* Where the next element goes; the record grows when it has many. */
static struct element *buffer_element_room(struct ring *ring, struct buffer *buffer)
{
	struct many *many = &ring->many[buffer->record];
	uint32_t count = (uint32_t)buffer->readable + buffer->writable;
	struct element *larger;

	if (likely(count < ELEMENTS_FEW))
		return &buffer->element[count];
	if (count >= UINT16_MAX)
		return NULL;
	if (count >= many->capacity) {
		larger = realloc(many->element, 2ul * count * sizeof(*larger));
		if (!larger)
			return NULL;
		many->element = larger;
		many->capacity = 2 * count;
	}
	if (count == ELEMENTS_FEW) {
		memcpy(many->element, buffer->element,
		       ELEMENTS_FEW * sizeof(*buffer->element));
		buffer->element = many->element;
	}
	buffer->element = many->element;
	return &many->element[count];
}

/* Shuffled buffers may have to be translated anew. */
static int buffer_keep_origin(struct ring *ring, uint16_t record, uint32_t index,
			      const struct origin *origin)
{
	struct origins *origins = &ring->origins[record];
	uint32_t capacity = 2 * index + 4;
	struct origin *larger;

	if (index >= origins->capacity) {
		larger = realloc(origins->origin, capacity * sizeof(*larger));
		if (!larger)
			return -1;
		origins->origin = larger;
		origins->capacity = capacity;
	}
	origins->origin[index] = *origin;
	return 0;
}

static int buffer_add_piece(struct ring *ring, struct buffer *buffer, uint8_t *at,
			    const struct origin *from)
{
	struct element *element = buffer_element_room(ring, buffer);
	uint32_t length = from->length;

	if (unlikely(!element || (ring->origins &&
				  buffer_keep_origin(ring, buffer->record,
						     (uint32_t)buffer->readable +
							     buffer->writable,
						     from) < 0))) {
		fprintf(stderr, "vionet-softnic: queue %u: no memory for a buffer "
			"of %u elements\n", ring->queue->index,
			buffer->readable + buffer->writable + 1u);
		return ring_broken(ring);
	}
	element->address = at;
	element->length = length;
	if (from->writable) {
		buffer->writable++;
		buffer->writable_bytes += length;
	} else {
		buffer->readable++;
		buffer->readable_bytes += length;
	}
	return 0;
}

/* An element that does not lie in one mapping: piece by piece, if the mappings
 * follow each other. */
static int buffer_add_pieces(struct ring *ring, struct buffer *buffer, uint64_t iova,
			     uint64_t length, bool writable)
{
	enum direction direction = writable ? DEVICE_WRITES : DEVICE_READS;
	const struct mapping *window;
	struct origin from;
	uint64_t piece;
	uint8_t *at;

	/* Behind the last address there is no first one. */
	bool wraps = length > -iova && iova != 0;

	while (length) {
		window = wraps ? NULL : buffer_find_window(ring, iova);
		piece = window ? window->size - (iova - window->iova) : length;
		if (piece > length)
			piece = length;
		at = ring_translate(ring, iova, piece, direction);
		if (!at)
			return ring_broken(ring);
		from = (struct origin){ iova, (uint32_t)piece, writable };
		if (buffer_add_piece(ring, buffer, at, &from) < 0)
			return -1;
		iova += piece;
		length -= piece;
	}
	return 0;
}

int buffer_add(struct ring *ring, struct buffer *buffer,
	       const struct fetched *descriptor)
{
	bool writable = descriptor->flags & DF_WRITE;
	enum direction direction = writable ? DEVICE_WRITES : DEVICE_READS;
	uint64_t sum = buffer->readable_bytes + buffer->writable_bytes;
	uint8_t *at;

	if (unlikely(!writable && buffer->writable)) {
		ring_violation(ring, ring->requirement->order,
			       "queue %u: buffer %u has an element for reading (%u bytes) "
			       "behind one for writing", ring->queue->index, buffer->id,
			       descriptor->length);
		return ring_broken(ring);
	}
	if (unlikely(sum + descriptor->length > 1ull << 32 && ring->requirement->length)) {
		ring_violation(ring, ring->requirement->length,
			       "queue %u: the elements of buffer %u are %" PRIu64
			       " bytes, more than 2^32", ring->queue->index, buffer->id,
			       sum + descriptor->length);
		return ring_broken(ring);
	}
	at = ring_window_at(&ring->window[0], descriptor->address, descriptor->length,
			    direction);
	if (unlikely(!at || !descriptor->length))
		return buffer_add_pieces(ring, buffer, descriptor->address,
					 descriptor->length, writable);
	return buffer_add_piece(ring, buffer, at,
				&(struct origin){ descriptor->address,
						  descriptor->length, writable });
}

/* ---- indirect tables: "Indirect Descriptors" ---- */

struct table {
	const uint8_t *bytes;
	uint32_t entries;
	uint16_t id; /* of the buffer, for messages */
};

static void buffer_table_entry(const struct table *table, uint32_t index,
			       struct fetched *entry)
{
	struct split_descriptor raw;

	memcpy(&raw, table->bytes + 16ul * index, sizeof(raw));
	entry->address = le64toh(raw.address);
	entry->length = le32toh(raw.length);
	/* The packed layout has the two words the other way round. */
	entry->flags = le16toh(raw.flags);
	entry->other = le16toh(raw.next);
}

/* What is wrong with a split table's entry? NULL: nothing. */
static const char *buffer_split_entry_violation(struct ring *ring,
						const struct fetched *entry, uint32_t index,
						const struct table *table)
{
	if (entry->flags & DF_INDIRECT)
		return "SPLIT-10";
	if (entry->flags & ~(DF_NEXT | DF_WRITE))
		return "SPLIT-35";
	if (!(entry->flags & DF_NEXT))
		return NULL;
	if (ring->in_order && entry->other != index + 1)
		return "SPLIT-13";
	return entry->other < table->entries ? NULL : "SPLIT-14";
}

static int buffer_entry_violation(struct ring *ring, const char *id, uint32_t index,
				  const struct fetched *entry, const struct table *table)
{
	ring_violation(ring, id, "queue %u: entry %u of the table of %u of buffer "
		       "%u has flags %#x and the next word %u", ring->queue->index, index,
		       table->entries, table->id, entry->flags, entry->other);
	return ring_broken(ring);
}

static int buffer_table_violation(struct ring *ring, const char *id, uint16_t buffer,
				  uint32_t length, const char *why)
{
	ring_violation(ring, id, "queue %u: the table of buffer %u has %u bytes: %s",
		       ring->queue->index, buffer, length, why);
	return ring_broken(ring);
}

/* A split table is a chain from its entry 0; it may use its entries in any order. */
static int buffer_add_split_table(struct ring *ring, struct buffer *buffer,
				  const struct table *table, uint32_t room)
{
	uint32_t index = 0, steps;
	struct fetched entry;
	const char *wrong;

	for (steps = 0; steps < table->entries; steps++) {
		if (unlikely(steps == room))
			return buffer_table_violation(ring, "SPLIT-11", table->id,
						      16 * table->entries,
						      "a chain longer than the queue");
		buffer_table_entry(table, index, &entry);
		wrong = buffer_split_entry_violation(ring, &entry, index, table);
		if (unlikely(wrong))
			return buffer_entry_violation(ring, wrong, index, &entry, table);
		if (buffer_add(ring, buffer, &entry) < 0)
			return -1;
		if (!(entry.flags & DF_NEXT))
			return 0;
		index = entry.other;
	}
	ring_violation(ring, "SPLIT-06", "queue %u: the table of %u entries of "
		       "buffer %u chains in a loop", ring->queue->index, table->entries,
		       table->id);
	return ring_broken(ring);
}

/* A packed table has no chain: all its entries, as they lie. */
static int buffer_add_packed_table(struct ring *ring, struct buffer *buffer,
				   const struct table *table)
{
	struct fetched entry;
	uint16_t id;
	uint32_t i;

	for (i = 0; i < table->entries; i++) {
		buffer_table_entry(table, i, &entry);
		id = entry.flags;
		entry.flags = entry.other;
		entry.other = id;
		if (unlikely(entry.flags & ~DF_WRITE))
			return buffer_entry_violation(ring, "PACKED-32", i, &entry, table);
		if (unlikely(id))
			ring_violation(ring, "PACKED-14", "queue %u: entry %u of "
				       "the table of buffer %u has the ID %u, not 0",
				       ring->queue->index, i, table->id, id);
		if (buffer_add(ring, buffer, &entry) < 0)
			return -1;
	}
	return 0;
}

int buffer_add_table(struct ring *ring, struct buffer *buffer,
		     const struct fetched *descriptor, unsigned int before)
{
	struct table table = { .entries = descriptor->length / 16,
			       .id = buffer->id };

	device_exercise(ring->device, ring->packed ? EX_PACKED_INDIRECT : EX_SPLIT_INDIRECT);
	if (!ring->indirect)
		return buffer_table_violation(ring, ring->requirement->indirect, buffer->id,
					      descriptor->length,
					      "INDIRECT_DESC was not negotiated");
	if (!descriptor->length || descriptor->length % 16)
		return buffer_table_violation(ring, ring->requirement->table_length, buffer->id,
					      descriptor->length,
					      "not a positive multiple of 16");
	table.bytes = ring_translate(ring, descriptor->address,
				     descriptor->length, DEVICE_READS);
	if (!table.bytes)
		return ring_broken(ring);
	if (table.entries + before > ring->size) {
		/* Entries that no chain reaches do no harm; a chain of them does. */
		if (ring->packed)
			return buffer_table_violation(ring, "PACKED-33", buffer->id,
						      descriptor->length,
						      "more entries than the queue has");
	}
	if (ring->packed)
		return buffer_add_packed_table(ring, buffer, &table);
	return buffer_add_split_table(ring, buffer, &table, ring->size - before);
}

void buffer_check_pieces(struct ring *ring, const struct buffer *buffer)
{
	unsigned int count = (unsigned int)buffer->readable + buffer->writable;
	const struct element *e = buffer->element;
	unsigned int i, joined = 0;

	if (likely(count < PIECES_MANY) || ring->packed)
		return;
	for (i = 1; i < count; i++)
		joined += i != buffer->readable &&
			  e[i - 1].address + e[i - 1].length == e[i].address;
	if (joined >= count / 2)
		ring_violation(ring, "SPLIT-05", "queue %u: buffer %u is cut into %u "
			       "elements, of which %u just go on where another ends",
			       ring->queue->index, buffer->id, count, joined);
}
