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

static void traffic_answer(struct fuzz_device *d, struct model_queue *q, int id)
{
	uint8_t answer[512] = { 0 };
	size_t size = 1;
	uint32_t length;

	if (d->control == FUZZ_CONTROL_REFUSES)
		answer[0] = 1;
	else if (d->control == FUZZ_CONTROL_ODD)
		answer[0] = fuzz_take8();
	if (answer[0] == 0)
		size += fuzz_take_bytes(answer + 1, fuzz_take16() % 256);
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
		traffic_answer(d, q, id);
		model_ring_want_kick(&d->rings, q);
	}
}
