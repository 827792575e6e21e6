/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device's side of a virtqueue, split or packed: taking buffers, giving them back,
 * notifications both ways; and checking the driver by areas SPLIT and PACKED. Never knows
 * what is in a buffer, or trusts an index or address of the driver's.
 */
#ifndef SOFTNIC_RING_H
#define SOFTNIC_RING_H

#include "softnic/device.h"

/* Begin with an enabled queue (its registers are set): translate the areas, make
 * the ring's record. Returns 0; -1 if the driver's set-up is unusable (reported). */
int ring_start(struct queue *queue);
void ring_stop(struct queue *queue);

/* Where a ring is: what is taken and written next. Split: indices that run freely; packed:
 * places in the ring with their wrap counters. */
struct ring_position {
	uint16_t next, used;
	bool next_wrap, used_wrap;
};

/*
 * Begin where another device, or this one before, has ended; `used` of a split ring is
 * read from its used area. As ring_start; -1 also if the position is none of that ring.
 */
int ring_resume(struct queue *queue, const struct ring_position *from);

/* All that was taken is given back or taken back first. */
void ring_position(struct queue *queue, struct ring_position *position);

/* Are there buffers that were taken and not given back? */
bool ring_holds(const struct queue *queue);

/* The driver's memory map changed: areas must be translated anew, and what was kept
 * of the map is void. Nobody may hold a buffer across this: give or untake first. */
void ring_remap(struct queue *queue);

/*
 * Take the next available buffer. Returns 1; 0 if there is none; -1 if the driver
 * broke the ring (checked, queue->broken is set, the device needs a reset). Several
 * buffers can be taken before any is given back.
 */
int ring_take(struct queue *queue, struct buffer *buffer);

/* Put the last `count` buffers taken back, as if they had not been taken. */
void ring_untake(struct queue *queue, unsigned int count);

/* Give a buffer back with `written` bytes. Not visible to the driver before
 * ring_flush. With IN_ORDER buffers are given in the order taken. */
void ring_give(struct queue *queue, const struct buffer *buffer,
	       uint32_t written);

/* Make all that was given visible, and interrupt if the driver wants that. */
void ring_flush(struct queue *queue);

/*
 * The two halves of ring_flush, for interrupts that are put off: make visible; and
 * interrupt if the driver wants that for what became visible since the last
 * ring_notify. ring_wanted says whether ring_notify would interrupt now.
 */
void ring_publish(struct queue *queue);
void ring_notify(struct queue *queue);
bool ring_wanted(struct queue *queue);

/*
 * Ask the driver to notify at its next buffer, or not to. Asking returns whether
 * there is something already (look again then). If not, the ring is asleep: nothing
 * is taken, and it stays armed, until the queue was kicked; so a notification that
 * the driver forgets is missed, as it is by hardware. ring_wake: it may have been.
 */
bool ring_arm(struct queue *queue);
void ring_disarm(struct queue *queue);
void ring_wake(struct queue *queue);

/* Is there an available buffer? Reads the ring, checks nothing. */
bool ring_ready(struct queue *queue);

/* A 32-bit notification (NOTIFICATION_DATA) came: check its position. */
void ring_notified(struct queue *queue, uint32_t value);

/* Faults were switched on or off at run time; each switched on strikes anew. */
void ring_refault(struct queue *queue);

/* About once a second for each enabled queue of a live device: checks notifications
 * that are missing, and those that were not wanted. */
void ring_watch(struct queue *queue);

#endif
