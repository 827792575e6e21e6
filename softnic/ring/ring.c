/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue's ring as the rest of the device sees it, whatever the layout: begin and end,
 * taking and giving, interrupts, and the watch over the driver's notifications. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "softnic/ring/raw.h"

/* Notifications in a second that were not wanted: a driver that looks after a device
 * that sleeps sends a few. */
#define UNWANTED_KICKS 100u

/* ---- begin and end ---- */

static void *ring_zeroed(size_t count, size_t size)
{
	size_t bytes = (count * size + 63) & ~(size_t)63;
	void *memory = aligned_alloc(64, bytes);

	if (memory)
		memset(memory, 0, bytes);
	return memory;
}

static void ring_free_record(struct ring *ring)
{
	uint32_t i;

	special_stop(ring);
	for (i = 0; ring->many && i < ring->size; i++)
		free(ring->many[i].element);
	free(ring->few);
	free(ring->many);
	free(ring->free);
	free(ring->taken);
	free(ring->slot);
	free(ring);
}

static int ring_make_record(struct ring *ring)
{
	uint32_t i, power = 1;

	while (power < ring->size)
		power *= 2;
	ring->taken_mask = power - 1;
	ring->few = ring_zeroed(ring->size, sizeof(*ring->few));
	ring->many = calloc(ring->size, sizeof(*ring->many));
	ring->free = calloc(ring->size, sizeof(*ring->free));
	ring->taken = calloc(power, sizeof(*ring->taken));
	ring->slot = calloc(ring->size, sizeof(*ring->slot));
	if (!ring->few || !ring->many || !ring->free || !ring->taken ||
	    !ring->slot)
		return -1;
	/* The first ones on top. */
	for (i = 0; i < ring->size; i++)
		ring->free[i] = (uint16_t)(ring->size - 1 - i);
	ring->free_count = ring->size;
	return special_start(ring);
}

static struct ring *ring_new(struct queue *queue)
{
	const struct features *accepted = &queue->device->accepted;
	struct ring *ring = ring_zeroed(1, sizeof(*ring));

	if (!ring)
		return NULL;
	ring->queue = queue;
	ring->device = queue->device;
	ring->size = queue->size;
	ring->packed = features_have(accepted, FT_RING_PACKED);
	ring->event_idx = features_have(accepted, FT_EVENT_IDX);
	ring->in_order = features_have(accepted, FT_IN_ORDER);
	ring->indirect = features_have(accepted, FT_INDIRECT_DESC);
	ring->requirement = ring->packed ? &packed_requirements : &split_requirements;
	ring->armed = true; /* zeroed memory requests notifications */
	if (ring_make_record(ring) < 0) {
		ring_free_record(ring);
		return NULL;
	}
	return ring;
}

/* Size and alignment as the layout wants them. */
static bool ring_check_areas(const struct queue *queue, const struct requirements *requirement,
			     bool packed)
{
	uint64_t off = (queue->descriptor_area & 15) |
		       (queue->driver_area & (packed ? 3 : 1)) |
		       (queue->device_area & 3);
	bool fits = queue->size && queue->size <= RING_SIZE_MAX &&
		    (packed || !(queue->size & (queue->size - 1u)));

	if (off)
		violation(queue->device, requirement->alignment, "queue %u: areas %#" PRIx64
			  ", %#" PRIx64 ", %#" PRIx64 " are not aligned", queue->index,
			  queue->descriptor_area, queue->driver_area,
			  queue->device_area);
	if (!fits)
		violation(queue->device, requirement->size, "queue %u: size %u",
			  queue->index, queue->size);
	return fits && !off;
}

static int ring_find_areas(struct ring *ring)
{
	return ring->packed ? packed_areas(ring) : split_areas(ring);
}

static int ring_begin(struct queue *queue, const struct ring_position *from)
{
	bool packed = features_have(&queue->device->accepted, FT_RING_PACKED);
	struct ring *ring;

	ring_stop(queue);
	queue->broken = true;
	queue->taken = queue->given = 0;
	queue->filled = from != NULL;
	if (!ring_check_areas(queue, packed ? &packed_requirements : &split_requirements, packed))
		return -1;
	ring = ring_new(queue);
	if (!ring) {
		fprintf(stderr, "vionet-softnic: queue %u: no memory for a ring of "
			"%u\n", queue->index, queue->size);
		return -1;
	}
	if (ring_find_areas(ring) < 0) {
		ring_free_record(ring);
		return -1;
	}
	/* Doorbells from before are no ring's of this one, nor is half a second a whole. */
	ring->watch_kicks = queue->kicks;
	ring->watch_armed = true;
	/* One that looked by itself would miss no doorbell. */
	ring->asleep = device_has_fault(queue->device, FAULT_EARLY_DOORBELLS_LOST) ||
		       device_has_fault(queue->device, FAULT_ONE_DOORBELL_LOST);
	ring->sleep_kicks = queue->kicks;
	queue->ring = ring;
	queue->broken = false;
	if (from != NULL)
		return packed ? packed_resume(ring, from) : split_resume(ring, from);
	return packed ? packed_start(ring) : split_start(ring);
}

int ring_start(struct queue *queue)
{
	return ring_begin(queue, NULL);
}

int ring_resume(struct queue *queue, const struct ring_position *from)
{
	int result = ring_begin(queue, from);

	queue->broken |= result < 0;
	return result;
}

void ring_position(struct queue *queue, struct ring_position *position)
{
	struct ring *ring = queue->ring;

	/* Others were handed out since these were taken: they cannot go back to their place. */
	while (ring->stashed > 0)
		ring_give(queue, &ring->stash[--ring->stashed], 0);
	ring_flush(queue);
	*position = (struct ring_position){ .next = ring->next,
					    .used = ring->published,
					    .next_wrap = ring->next_wrap,
					    .used_wrap = ring->published_wrap };
}

bool ring_holds(const struct queue *queue)
{
	return queue->ring != NULL && (queue->ring->stashed | queue->ring->outstanding) != 0;
}

/* What was seen of a ring that had a buffer. */
static void ring_exercised(const struct queue *queue)
{
	const struct ring *ring = queue->ring;
	struct device *device = queue->device;

	uint64_t *times = device->exercised;

	times[ring->packed ? EX_PACKED : EX_SPLIT] += queue->taken;
	if (!ring->packed && ring->in_order)
		times[EX_SPLIT_IN_ORDER] += queue->taken;
	if (!ring->packed)
		times[ring->event_idx ? EX_SPLIT_EVENT_IDX : EX_SPLIT_FLAGS] += queue->taken;
	if (queue->index != device_control_index(device))
		times[queue->index % 2 ? EX_TRANSMIT : EX_RECEIVE] += queue->taken;
}

void ring_stop(struct queue *queue)
{
	if (queue->ring && queue->taken > 0)
		ring_exercised(queue);
	if (queue->ring)
		ring_free_record(queue->ring);
	queue->ring = NULL;
}

void ring_remap(struct queue *queue)
{
	struct ring *ring = queue->ring;

	if (!ring)
		return;
	memset(ring->window, 0, sizeof(ring->window));
	ring->sample.armed = false;
	if (queue->broken)
		return;
	if (ring->special)
		special_remap(ring);
	if (ring_find_areas(ring) < 0)
		ring_broken(ring);
}

/* ---- taking ---- */

/* A device that looked without a kick would never notice that one was forgotten. */
static bool ring_still_asleep(struct ring *ring)
{
	const struct queue *queue = ring->queue;

	if (queue->kicked || queue->kicks != ring->sleep_kicks || ring->stashed)
		ring->asleep = false;
	return ring->asleep;
}

void ring_wake(struct queue *queue)
{
	if (queue->ring)
		queue->ring->asleep = false;
}

int ring_take(struct queue *queue, struct buffer *buffer)
{
	struct ring *ring = queue->ring;

	if (unlikely(!ring || queue->broken))
		return ring ? -1 : 0;
	if (unlikely(ring->asleep) && ring_still_asleep(ring))
		return 0;
	if (unlikely(ring->special))
		return special_take(ring, buffer);
	return ring_take_raw(ring, buffer);
}

void ring_untake(struct queue *queue, unsigned int count)
{
	struct ring *ring = queue->ring;

	if (!ring)
		return;
	if (ring->special) {
		special_untake(ring, count);
		return;
	}
	while (count--)
		ring_untake_raw(ring);
}

/* ---- giving ---- */

void ring_give(struct queue *queue, const struct buffer *buffer,
	       uint32_t written)
{
	struct ring *ring = queue->ring;
	struct waiting used = { .id = buffer->id, .slots = 1,
				.chain = buffer->slots, .written = written,
				.writes = written != 0,
				.whole = written == buffer->writable_bytes };

	if (unlikely(!ring))
		return;
	trace(ring->device, "GIVE queue %u id %u written %u", queue->index,
	      buffer->id, written);
	if (unlikely(ring->sample.armed))
		sample_check(ring, buffer);
	if (ring->packed)
		used.slots = buffer->slots;
	else
		split_release(ring, buffer);
	buffer_given(ring, buffer);
	if (unlikely(ring->special))
		special_give(ring, &used);
	else
		ring_write_used(ring, &used);
}

/* ---- used buffers: visible, and notified ---- */

void ring_publish(struct queue *queue)
{
	struct ring *ring = queue->ring;

	if (unlikely(!ring || queue->broken))
		return;
	ring->unseen = 0;
	if (unlikely(ring->special)) {
		special_publish(ring);
		return;
	}
	if (ring->in_order)
		ring_write_batch(ring);
	if (ring->packed)
		packed_publish(ring);
	else
		split_publish(ring);
}

bool ring_wanted(struct queue *queue)
{
	struct ring *ring = queue->ring;

	if (unlikely(!ring || queue->broken))
		return false;
	return ring->packed ? packed_wanted(ring) : split_wanted(ring);
}

void ring_notify(struct queue *queue)
{
	struct ring *ring = queue->ring;

	if (ring_wanted(queue))
		interrupt_queue(queue);
	if (!ring)
		return;
	ring->notified = ring->published;
	ring->notified_wrap = ring->published_wrap;
	ring->moved = 0;
}

void ring_flush(struct queue *queue)
{
	ring_publish(queue);
	ring_notify(queue);
}

/* ---- notifications of the driver's ---- */

bool ring_ready(struct queue *queue)
{
	struct ring *ring = queue->ring;

	if (!ring || queue->broken)
		return false;
	return ring->stashed ||
	       (ring->packed ? packed_ready(ring) : split_ready(ring));
}

bool ring_arm(struct queue *queue)
{
	struct ring *ring = queue->ring;

	if (!ring || queue->broken)
		return false;
	if (ring->asleep && ring_still_asleep(ring))
		return false;
	ring->armed = true;
	ring->watch_armed = true; /* at any time between two looks counts */
	if ((ring->packed ? packed_arm(ring) : split_arm(ring)) || ring->stashed)
		return true;
	if (unlikely(ring->faults))
		fault_event_flags(ring);
	ring->asleep = true;
	ring->sleep_kicks = queue->kicks;
	return false;
}

void ring_disarm(struct queue *queue)
{
	struct ring *ring = queue->ring;

	if (!ring || !ring->armed || queue->broken ||
	    (ring->asleep && ring_still_asleep(ring)))
		return;
	ring->armed = false;
	if (ring->packed)
		packed_disarm(ring);
	else
		split_disarm(ring);
}

void ring_notified(struct queue *queue, uint32_t value)
{
	struct ring *ring = queue->ring;

	if (!ring || queue->broken)
		return;
	if (ring->packed)
		packed_notified(ring, value);
	else
		split_notified(ring, value);
}

/* Asked for notifications through and through, nothing taken, nothing rung, and yet
 * there is a buffer that was there a second ago already. */
static void ring_check_missing(struct ring *ring, bool ready)
{
	const char *id = "SPLIT-30";

	if (!ready || !ring->armed || !ring->watch_ready || ring->faults ||
	    device_has_fault(ring->device, FAULT_EARLY_DOORBELLS_LOST) ||
	    device_has_fault(ring->device, FAULT_ONE_DOORBELL_LOST) ||
	    ring->watch_next != ring->next ||
	    ring->watch_taken != ring->queue->taken ||
	    ring->watch_kicks != ring->queue->kicks)
		return;
	if (ring->packed)
		id = "PACKED-16";
	else if (ring->event_idx)
		id = "SPLIT-32";
	ring_violation(ring, id, "queue %u: a buffer is available for a second, "
		       "notifications are wanted, and none came", ring->queue->index);
}

static void ring_check_unwanted(struct ring *ring)
{
	uint64_t kicks = ring->queue->kicks - ring->watch_kicks;
	const char *id = "SPLIT-29";

	if (ring->armed || ring->watch_armed || ring->faults || kicks < UNWANTED_KICKS)
		return;
	if (ring->packed)
		id = "PACKED-16";
	else if (ring->event_idx)
		id = "SPLIT-33";
	ring_violation(ring, id, "queue %u: %" PRIu64 " notifications in a second "
		       "through which none were wanted", ring->queue->index, kicks);
}

void ring_watch(struct queue *queue)
{
	struct ring *ring = queue->ring;
	bool ready = ring && !queue->broken && ring_ready(queue);

	if (!ring || queue->broken)
		return;
	ring_check_missing(ring, ready);
	ring_check_unwanted(ring);
	ring->watch_armed = ring->armed;
	ring->watch_ready = ready && ring->armed;
	ring->watch_next = ring->next;
	ring->watch_taken = queue->taken;
	ring->watch_kicks = queue->kicks;
}
