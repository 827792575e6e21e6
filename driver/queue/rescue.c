/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The one place where a device that does not move is notified again.
 *
 * A notification may get lost: hardware may not listen yet just after DRIVER_OK, and a
 * device may say that it wants none and then go to sleep. So everything that finds nothing
 * to do comes by here: polls that receive nothing, a full queue, completions that are
 * requested, sleeps and commands.
 */
#include "base/order.h"
#include "driver/queue/rescue.h"
#include "driver/ring/kick.h"
#include "driver/ring/packed.h"
#include "driver/ring/split.h"
#include "driver/state/health.h"

/* Nor is a receive queue notified more often, if its device says that it has seen all
 * buffers: then it is just idle. */
#define IDLE_INTERVAL (1000 * VN_MS)

/* With EVENT_IDX: does the device wait for the very next buffer? */
static bool rescue_has_seen_all(const struct vionet_queue *queue)
{
	const struct vn_packed *packed = &queue->packed;
	const struct vn_split *split = &queue->split;
	uint32_t event, next;

	if (!queue->event_idx)
		return false;
	if (!vn_layout_is_packed(queue->layout))
		return vn_load16((const volatile le16 *)
				 &split->used->ring[queue->size]) ==
		       split->avail_index;
	event = vn_load32(packed->device_event);
	next = (uint32_t)(packed->avail - packed->desc);
	if (packed->avail_flags & PACKED_FLAGS(PACKED_DESC_F_AVAIL))
		next |= 0x8000;
	return (event >> 16 & RING_EVENT_FLAGS_MASK) == RING_EVENT_FLAGS_DESC &&
	       (event & 0xffff) == next;
}

static uint64_t rescue_interval(const struct vionet_queue *queue)
{
	bool receives = queue->pool && !queue->transmits;

	return receives && rescue_has_seen_all(queue) ? IDLE_INTERVAL :
							VN_RESCUE_INTERVAL;
}

/* From now on. */
static void rescue_watch(struct vionet_queue *queue, uint64_t now)
{
	queue->watch.mark = queue->counters.completed + queue->counters.kicks;
	queue->watch.since = now;
}

static bool rescue_has_moved(const struct vionet_queue *queue)
{
	return queue->outstanding == 0 ||
	       queue->watch.mark !=
		       queue->counters.completed + queue->counters.kicks;
}

void vn_queue_watchdog(struct vionet_queue *queue, uint64_t now)
{
	/* One of two clocks may be a little behind the other. */
	int64_t still = (int64_t)(now - queue->watch.since);

	if (rescue_has_moved(queue)) {
		rescue_watch(queue, now);
		return;
	}
	if (still < (int64_t)VN_RESCUE_INTERVAL || queue->error ||
	    vn_queue_paused(queue) || (uint64_t)still < rescue_interval(queue))
		return;
	rescue_watch(queue, now);
	vn_device_poll_error(queue->device);
	/* One that is to be reset is not to be notified either ("Device
	 * Initialization", GEN-28). */
	if (vn_device_has_error(queue->device))
		return;
	vn_queue_kick(queue);
	vn_count(&queue->counters.rescues, 1);
	rescue_watch(queue, now);
}

void vn_queue_idle(struct vionet_queue *queue)
{
	vn_queue_watchdog(queue, vn_now_coarse());
}
