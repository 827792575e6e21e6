/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory and split rings of the vhost-user back end of the tests. */
#include "tests/unit/test.h"

#include <endian.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/vhost_backend_parts.h"

void backend_complain(struct backend *b, const char *text, uint64_t value)
{
	if (b->complaint[0] == 0)
		snprintf(b->complaint, sizeof(b->complaint), "%s (%#llx)", text,
			 (unsigned long long)value);
}

void backend_forget_regions(struct backend *b)
{
	for (unsigned int i = 0; i < b->regions; i++)
		munmap(b->region[i].map, b->region[i].size);
	b->regions = 0;
}

void backend_drop_fd(struct backend *b, int fd)
{
	if (fd < 0)
		return;
	close(fd);
	b->fds_open--;
}

void backend_add_region(struct backend *b, const struct wire_region *r, int fd)
{
	struct backend_region *to = &b->region[b->regions];
	int seals = fcntl(fd, F_GET_SEALS);

	*to = (struct backend_region){ r->guest, r->size, r->user, NULL, seals };
	to->map = mmap(NULL, r->size,
		       seals & 0x10 /* F_SEAL_FUTURE_WRITE */ ?
			       PROT_READ : PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, (off_t)r->offset);
	backend_drop_fd(b, fd);
	if (to->map == MAP_FAILED) {
		backend_complain(b, "memory that cannot be mapped", r->size);
		return;
	}
	if (r->guest == 0 || r->guest % 4096 || r->size == 0)
		backend_complain(b, "a strange region", r->guest);
	b->regions++;
}

bool backend_remove_region(struct backend *b, const struct wire_region *r)
{
	for (unsigned int i = 0; i < b->regions; i++) {
		if (b->region[i].guest != r->guest || b->region[i].size != r->size ||
		    b->region[i].user != r->user)
			continue;
		munmap(b->region[i].map, b->region[i].size);
		b->region[i] = b->region[--b->regions];
		return true;
	}
	backend_complain(b, "removes a region that is not there", r->guest);
	return false;
}

void *backend_translate(struct backend *b, uint64_t address, size_t size, bool user)
{
	for (unsigned int i = 0; i < b->regions; i++) {
		uint64_t start = user ? b->region[i].user : b->region[i].guest;

		if (address >= start && address - start < b->region[i].size &&
		    size <= b->region[i].size - (address - start))
			return b->region[i].map + (address - start);
	}
	b->bad_addresses++;
	return NULL;
}

/* ---- rings (split), little-endian ---- */

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct rings {
	struct desc *desc;
	uint16_t *avail;
	uint16_t *used;
};

static bool find_rings(struct backend *b, struct backend_queue *q,
		       struct rings *r)
{
	if (q->size == 0)
		return false;
	r->desc = backend_translate(b, q->desc, q->size * sizeof(struct desc), true);
	r->avail = backend_translate(b, q->avail, 4 + q->size * 2u, true);
	r->used = backend_translate(b, q->used, 4 + q->size * 8u, true);
	return r->desc && r->avail && r->used;
}

/* Without protocol features a ring is enabled from the start. */
static bool runs(const struct backend *b, const struct backend_queue *q)
{
	return q->kicked && !q->lost && (q->enabled || (b->acked & 1ull << 30) == 0);
}

/* Next available head, or -1. */
static int take(struct backend *b, struct backend_queue *q, struct rings *r)
{
	uint16_t idx = le16toh(__atomic_load_n(&r->avail[1], __ATOMIC_ACQUIRE));
	uint16_t head;

	if (idx == q->next)
		return -1;
	if ((uint16_t)(idx - q->next) > q->size)
		backend_complain(b, "the available index is too far ahead", idx);
	head = le16toh(r->avail[2 + q->next++ % q->size]);
	if (head >= q->size)
		backend_complain(b, "a head behind the end of the table", head);
	return head;
}

static void give(struct backend_queue *q, struct rings *r, uint32_t id,
		 uint32_t length)
{
	uint16_t idx = le16toh(r->used[1]);
	uint8_t *entry = (uint8_t *)r->used + 4 + (idx % q->size) * 8u;

	id = htole32(id);
	length = htole32(length);
	memcpy(entry, &id, 4);
	memcpy(entry + 4, &length, 4);
	__atomic_store_n(&r->used[1], htole16(idx + 1), __ATOMIC_SEQ_CST);
	if ((le16toh(__atomic_load_n(&r->avail[0], __ATOMIC_SEQ_CST)) & 1) == 0 &&
	    q->call >= 0)
		eventfd_write(q->call, 1);
}

/* Copy a chain out of or into memory. */
static uint32_t copy_chain(struct backend *b, struct rings *r, unsigned int id,
			   uint32_t size, uint8_t *bytes, uint32_t most, bool in)
{
	uint32_t at = 0;

	for (unsigned int i = 0; i < size; i++) {
		const struct desc *d = &r->desc[id % size];
		uint32_t len = le32toh(d->len), flags = le16toh(d->flags);
		uint32_t part = len < most - at ? len : most - at;
		uint8_t *place = backend_translate(b, le64toh(d->addr), len, false);

		if (!place || ((flags & 2) != 0) != in)
			return 0;
		if (in)
			memcpy(place, bytes + at, part);
		else
			memcpy(bytes + at, place, part);
		at += part;
		if ((flags & 1) == 0)
			return at;
		id = le16toh(d->next);
		if (id >= size)
			backend_complain(b, "a chain leaves the table", id);
	}
	backend_complain(b, "a chain has no end", size);
	return at;
}

/* A frame goes into the next receive buffer. Header and all: num_buffers is 1. */
static void deliver(struct backend *b, unsigned int pair, uint8_t *frame,
		    uint32_t length)
{
	struct backend_queue *q = &b->queue[pair * 2];
	struct rings r;
	int id;

	if (!runs(b, q) || !find_rings(b, q, &r)) {
		b->dropped++;
		return;
	}
	for (; b->keep_buffers != 0; b->keep_buffers--)
		(void)take(b, q, &r);
	id = take(b, q, &r);
	if (id < 0) {
		b->dropped++;
		return;
	}
	frame[10] = 1;
	frame[11] = 0;
	if (copy_chain(b, &r, (unsigned int)id, q->size, frame, length, true) !=
	    length)
		b->bad_addresses++;
	give(q, &r, (uint32_t)id, length);
	b->echoed++;
}

static void turn_pair(struct backend *b, unsigned int pair)
{
	static uint8_t frame[70000];
	struct backend_queue *q = &b->queue[pair * 2 + 1];
	struct rings r;
	int id;

	if (b->hold || !runs(b, q) || !find_rings(b, q, &r))
		return;
	while ((id = take(b, q, &r)) >= 0) {
		uint32_t length = copy_chain(b, &r, (unsigned int)id, q->size,
					     frame, sizeof(frame), false);

		if (length == 0)
			b->bad_addresses++;
		if (b->begin_only && (b->complete >> q->begun++ % 64 & 1) == 0)
			continue;
		give(q, &r, (uint32_t)id, 0);
		if (length != 0)
			deliver(b, pair, frame, length);
	}
}

void backend_turn_round(struct backend *b)
{
	for (unsigned int pair = 0; pair < BACKEND_QUEUES / 2; pair++)
		turn_pair(b, pair);
}
