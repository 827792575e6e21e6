/* SPDX-License-Identifier: BSD-3-Clause */
/* What the device of the fuzz targets does with its rings. */
#include <string.h>

#include "tests/fuzz/device.h"
#include "tests/fuzz/world.h"

#define F_IN_ORDER 35
#define HELD(d, queue) ((d)->held[queue].end - (d)->held[queue].begin)
#define HELD_MAX (sizeof(((struct fuzz_device *)0)->held[0].id) / 2)

/* A correct driver and a correct device: then all that the model notices is a fault of the driver. */
static void traffic_check(const struct fuzz_device *d)
{
	if (d->rings.violations != 0 && d->correct && !fuzz_has_lied())
		fuzz_failed(__FILE__, __LINE__, d->rings.violation);
}

static bool traffic_runs(const struct fuzz_device *d, unsigned int queue)
{
	return queue < DEVICE_QUEUES && d->queue[queue].enabled && (d->status & 4);
}

static int traffic_take(struct fuzz_device *d, unsigned int queue, uint8_t *data, size_t room, size_t *length)
{
	struct model_queue *q = &d->queue[queue];
	int id = model_ring_take(&d->rings, q, data, room, length);

	traffic_check(d);
	if (id >= (int)q->size) {
		FUZZ_CHECK(!d->correct);
		q->count[id] = 0;
		return -1;
	}
	for (unsigned int i = 0; id >= 0 && i < q->elements; i++)
		(void)d->rings.data(d, q->element[i].address, q->element[i].length, q->element[i].write);
	return id;
}

void fuzz_device_hold(struct fuzz_device *d, unsigned int queue, unsigned int most)
{
	size_t length;

	while (traffic_runs(d, queue) && most-- != 0 && HELD(d, queue) < HELD_MAX) {
		int id = traffic_take(d, queue, NULL, 0, &length);

		if (id < 0)
			break;
		d->held[queue].id[d->held[queue].end++ % HELD_MAX] = (uint16_t)id;
	}
	if (traffic_runs(d, queue))
		model_ring_want_kick(&d->rings, &d->queue[queue]);
}

/* One of those that are held, which is none of them any more. */
static uint16_t traffic_pick(struct fuzz_device *d, unsigned int queue)
{
	uint16_t *ids = d->held[queue].id;
	unsigned int first = d->held[queue].begin++;
	uint16_t id;

	if (!fuzz_device_accepted(d, F_IN_ORDER)) {
		unsigned int other = first + fuzz_take_below(HELD(d, queue) + 1);

		id = ids[other % HELD_MAX];
		ids[other % HELD_MAX] = ids[first % HELD_MAX];
		return id;
	}
	return ids[first % HELD_MAX];
}

void fuzz_device_complete(struct fuzz_device *d, unsigned int queue, unsigned int count, uint32_t length)
{
	struct model_queue *q = &d->queue[queue];

	if (!traffic_runs(d, queue))
		return;
	if (count > HELD(d, queue))
		count = HELD(d, queue);
	if (fuzz_device_accepted(d, F_IN_ORDER) && count > 1) {
		model_ring_used_batch(&d->rings, q, count, length);
		d->held[queue].begin += count;
		return;
	}
	while (count-- != 0)
		model_ring_used(&d->rings, q, traffic_pick(d, queue), length, 1);
}

bool fuzz_device_deliver(struct fuzz_device *d, unsigned int queue, const uint8_t *bytes, size_t size, uint32_t length)
{
	size_t room;
	int id;

	/* In order, those that are held come first. */
	if (!traffic_runs(d, queue) || HELD(d, queue) != 0)
		return false;
	id = traffic_take(d, queue, NULL, 0, &room);
	if (id < 0)
		return false;
	(void)model_ring_fill(&d->rings, &d->queue[queue], bytes, size < room ? size : room);
	model_ring_used(&d->rings, &d->queue[queue], (uint32_t)id, length, 1);
	model_ring_want_kick(&d->rings, &d->queue[queue]);
	return true;
}

void fuzz_device_scribble(struct fuzz_device *d, unsigned int queue)
{
	unsigned int what = fuzz_take8();
	uint32_t id = what & 1 ? fuzz_take32() : fuzz_take8(), length = what & 2 ? fuzz_take32() : fuzz_take16();
	uint16_t advance = what & 4 ? fuzz_take16() : 1;

	if (!traffic_runs(d, queue))
		return;
	d->correct = false;
	model_ring_used_bits(&d->rings, &d->queue[queue], id, length, advance, what & 8 ? fuzz_take16() : 2);
}

/* ---- the control queue ---- */

enum { CLASS_STATS = 8,
       STATS_QUERY = 0 };
#define REPLY_HEADER 8u

/* Replies of a queue's counters, one behind the other: of the right kind and size, or not quite. */
static size_t traffic_counters(uint8_t *answer, size_t room, const uint8_t *request)
{
	static const uint8_t kinds[] = { 0, 1, 2, 3, 16, 17, 18, 19, 32, 200 };
	size_t at = 0;

	for (unsigned int i = fuzz_take8() & 7; i != 0; i--) {
		unsigned int what = fuzz_take8();
		size_t size = REPLY_HEADER + 8 * (size_t)(fuzz_take8() & 7);

		if (size > room - at)
			return at;
		answer[at] = kinds[(what & 15) % sizeof(kinds)];
		memcpy(answer + at + 2, request + 2, 2);
		if (what & 0x10)
			answer[at + 2] = fuzz_take8();
		answer[at + 6] = (uint8_t)size;
		for (size_t value = at + REPLY_HEADER; value < at + size; value += 8)
			answer[value] = fuzz_take8();
		if (what & 0x20)
			(void)fuzz_take_bytes(answer + at + 6, 2);
		at += size;
	}
	return at;
}

/* What follows the ack. */
static size_t traffic_result(const struct fuzz_device *d, uint8_t *answer, size_t room, const uint8_t *request)
{
	if (d->counts && request[0] == CLASS_STATS && request[1] == STATS_QUERY) {
		memset(answer, 0xff, 8);
		if (fuzz_take8() & 1)
			(void)fuzz_take_bytes(answer, 8);
		return 8;
	}
	if (d->counts && request[0] == CLASS_STATS)
		return traffic_counters(answer, room, request);
	return fuzz_take_bytes(answer, fuzz_take16() % 256);
}

static void traffic_answer(struct fuzz_device *d, struct model_queue *q, int id, const uint8_t *request)
{
	uint8_t answer[512] = { 0 };
	size_t size = 1;
	uint32_t length;

	if (d->control == FUZZ_CONTROL_REFUSES)
		answer[0] = 1;
	else if (d->control == FUZZ_CONTROL_ODD)
		answer[0] = fuzz_take8();
	if (answer[0] == 0)
		size += traffic_result(d, answer + 1, sizeof(answer) - 1, request);
	/* What is readable is stepped over. */
	while (q->elements != 0 && !q->element[0].write) {
		memmove(q->element, q->element + 1, (q->elements - 1) * sizeof(q->element[0]));
		q->elements--;
	}
	(void)model_ring_fill(&d->rings, q, answer, size);
	length = d->control == FUZZ_CONTROL_ODD ? fuzz_take16() : (uint32_t)size;
	model_ring_used(&d->rings, q, (uint32_t)id, length, 1);
}

void fuzz_device_serve(struct fuzz_device *d)
{
	static uint8_t request[65536];
	struct model_queue *q = &d->queue[d->control_queue];
	size_t length;

	while (traffic_runs(d, d->control_queue) && d->control != FUZZ_CONTROL_SILENT) {
		int id = traffic_take(d, d->control_queue, request, sizeof(request), &length);

		if (id < 0)
			return;
		traffic_answer(d, q, id, request);
		model_ring_want_kick(&d->rings, q);
	}
}
