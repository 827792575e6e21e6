/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of the vhost-user back end of the tests, and what it does with its rings. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/vhost_backend_parts.h"

void backend_violation(struct backend *b, const char *text, uint64_t value)
{
	if (b->violation[0] == 0)
		snprintf(b->violation, sizeof(b->violation), "%s (%#llx)", text,
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
		backend_violation(b, "memory that cannot be mapped", r->size);
		return;
	}
	if (r->guest == 0 || r->guest % 4096 || r->size == 0)
		backend_violation(b, "a strange region", r->guest);
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
	backend_violation(b, "removes a region that is not there", r->guest);
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

/* ---- rings ---- */

static uint8_t *backend_area(void *context, uint64_t address, size_t size, bool write)
{
	(void)write;
	return backend_translate(context, address, size, true);
}

static uint8_t *backend_data(void *context, uint64_t address, size_t size, bool write)
{
	(void)write;
	return backend_translate(context, address, size, false);
}

void backend_rings_open(struct backend *b)
{
	b->rings = (struct model_rings){
		.features = &b->acked, .area = backend_area, .data = backend_data,
		.context = b, .threaded = true,
	};
}

void backend_ring_stop(struct backend_queue *q)
{
	const struct model_queue was = q->ring;

	model_ring_reset(&q->ring);
	q->ring.size = was.size;
	q->ring.desc = was.desc;
	q->ring.avail = was.avail;
	q->ring.used = was.used;
	q->kicked = false;
}

/* Without protocol features a ring is enabled from the start. */
static bool backend_ring_runs(struct backend *b, struct backend_queue *q)
{
	if (!q->kicked || q->lost || q->ring.size == 0 ||
	    (!q->enabled && (b->acked & 1ull << 30) != 0))
		return false;
	if (!q->ring.count) {
		model_ring_enable(&b->rings, &q->ring);
		model_ring_resume(&b->rings, &q->ring, q->base);
	}
	return true;
}

static void backend_use(struct backend *b, struct backend_queue *q, int id, uint32_t length)
{
	uint16_t position = model_ring_position(&b->rings, &q->ring);

	model_ring_used(&b->rings, &q->ring, (uint32_t)id, length, 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (q->call >= 0 && model_ring_wants_interrupt(&b->rings, &q->ring, position))
		eventfd_write(q->call, 1);
}

/* A frame goes into the next receive buffer. Header and all: num_buffers is 1. */
static void backend_deliver(struct backend *b, unsigned int pair, uint8_t *frame,
			    size_t length)
{
	struct backend_queue *q = &b->queue[pair * 2];
	size_t room;
	int id = -1;

	if (backend_ring_runs(b, q)) {
		for (; b->keep_buffers != 0; b->keep_buffers--)
			(void)model_ring_take(&b->rings, &q->ring, NULL, 0, &room);
		id = model_ring_take(&b->rings, &q->ring, NULL, 0, &room);
	}
	if (id < 0) {
		b->dropped++;
		return;
	}
	frame[10] = 1;
	frame[11] = 0;
	if (!model_ring_fill(&b->rings, &q->ring, frame, length))
		b->bad_addresses++;
	backend_use(b, q, id, (uint32_t)length);
	model_ring_want_kick(&b->rings, &q->ring);
	b->echoed++;
}

/* Whether anything was there to take. */
static bool backend_echo_pair(struct backend *b, unsigned int pair)
{
	static uint8_t frame[70000];
	struct backend_queue *q = &b->queue[pair * 2 + 1];
	bool any = false;
	size_t length;
	int id;

	while (backend_ring_runs(b, q) &&
	       (id = model_ring_take(&b->rings, &q->ring, frame, sizeof(frame), &length)) >= 0) {
		any = true;
		if (length == 0)
			b->bad_addresses++;
		if (b->take_only && (b->complete >> q->taken_only++ % 64 & 1) == 0)
			continue;
		backend_use(b, q, id, 0);
		if (length != 0)
			backend_deliver(b, pair, frame, length);
	}
	if (any)
		model_ring_want_kick(&b->rings, &q->ring);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return any;
}

/* Again after it enabled kicks, since what came just before brings none. */
void backend_echo(struct backend *b)
{
	for (unsigned int pair = 0; pair < BACKEND_QUEUES / 2 && !b->paused; pair++)
		while (backend_echo_pair(b, pair))
			;
}
