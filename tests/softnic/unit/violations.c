/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What serves to break rings of either layout. Never what one layout alone has
 * (violations_split.c, violations_packed.c).
 */
#include "violations.h"

void take_all(void)
{
	struct buffer b;

	while (ring_take(bed.queue, &b) == 1)
		;
}

void give_all(void)
{
	struct buffer b;

	while (ring_take(bed.queue, &b) == 1)
		ring_give(bed.queue, &b, 0);
	ring_flush(bed.queue);
}

void area_odd(void)
{
	bed_stop();
	bed.queue->descriptor_area = iova(8);
	ring_start(bed.queue);
}

void indirect_unasked(void)
{
	if (bed.packed) {
		packed_at(0)->flags = DF_AVAIL | DF_INDIRECT;
	} else {
		put(0, BED_TABLES, 16, DF_INDIRECT, 0);
		offer(0);
	}
	take_all();
}

void watch_with_buffer(void)
{
	ring_arm(bed.queue);
	if (bed.packed)
		packed_at(0)->flags = DF_AVAIL;
	else
		offer(0);
	ring_watch(bed.queue);
	ring_watch(bed.queue);
}

void kicks_unwanted(void)
{
	ring_disarm(bed.queue);
	ring_watch(bed.queue);
	bed.queue->kicks += 1000;
	ring_watch(bed.queue);
}
