/* SPDX-License-Identifier: BSD-3-Clause */
/* What few buffers need, once for all layouts. */
#ifndef VN_DRIVER_RING_SLOW_PATH_H
#define VN_DRIVER_RING_SLOW_PATH_H

#include <stdbool.h>

#include "driver/state/queue.h"

/*
 * A used id that is not the one expected: see whether it is outstanding, and note
 * that it comes back here. Returns false, and the queue is broken, if not.
 */
bool vn_split_found(struct vionet_queue *queue, uint32_t id, uint32_t place);
bool vn_packed_found(struct vionet_queue *queue, uint32_t id, uint32_t place);

/* In order: how many buffers does a used entry complete that names `id` and comes at
 * `at` or `seq`, where at most `left` may be complete? 0, and the queue is broken,
 * if none of them has that id. */
uint32_t vn_split_batch(struct vionet_queue *queue, uint32_t id, uint32_t at,
			uint32_t left);
uint32_t vn_packed_batch(struct vionet_queue *queue, uint32_t id, uint32_t seq,
			 uint32_t left);

/* Available entry `place` names another id than one wrap ago. */
void vn_split_rename(struct vionet_queue *queue, uint32_t place, uint32_t id);

/*
 * Push a buffer of `readable` elements and then `writable` ones, in one indirect
 * table or a chain. Returns false if so many descriptors are not free. In contrast to
 * the operations of the layouts it counts free_count and outstanding.
 */
bool vn_ring_push(struct vionet_queue *queue, const struct vn_element *elements,
		  uint32_t readable, uint32_t writable, vn_slot slot);

/* A complex buffer was popped as if it had one descriptor: the rest of it. `index`: of
 * its slot. */
void vn_ring_release(struct vionet_queue *queue, uint32_t index);

/*
 * Hand one buffer to the device and notify it if it wants that: `readable` elements
 * that it reads, followed by `writable` ones that it writes. For queues without
 * packets. `slot`: what vn_queue_collect gives back; not 0, its tag bits clear.
 *
 * Returns 0; -ENOSPC if so many descriptors are not free; -EIO if the queue is
 * broken.
 */
int vn_queue_submit(struct vionet_queue *queue,
		    const struct vn_element *elements, uint16_t readable,
		    uint16_t writable, vn_slot slot);

/* Take one completed buffer back: its slot, and how many bytes the device says it
 * wrote. 0 if there is none, or the queue is broken. */
vn_slot vn_queue_collect(struct vionet_queue *queue, uint32_t *written);

#endif
