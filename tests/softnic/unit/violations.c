/* SPDX-License-Identifier: BSD-3-Clause */
/* Violations of rings of either layout. */
#include "violations.h"

void take_all(void)
{
	struct buffer b;

	while (ring_take(env.queue, &b) == 1)
		;
}

void give_all(void)
{
	struct buffer b;

	while (ring_take(env.queue, &b) == 1)
		ring_give(env.queue, &b, 0);
	ring_flush(env.queue);
}

void area_odd(void)
{
	env_stop();
	env.queue->descriptor_area = iova(8);
	ring_start(env.queue);
}

void indirect_unasked(void)
{
	if (env.packed) {
		packed_at(0)->flags = DF_AVAIL | DF_INDIRECT;
	} else {
		put(0, ENV_TABLES, 16, DF_INDIRECT, 0);
		offer(0);
	}
	take_all();
}

void watch_with_buffer(void)
{
	ring_arm(env.queue);
	if (env.packed)
		packed_at(0)->flags = DF_AVAIL;
	else
		offer(0);
	ring_watch(env.queue);
	ring_watch(env.queue);
}

void kicks_unwanted(void)
{
	ring_disarm(env.queue);
	ring_watch(env.queue);
	env.queue->kicks += 1000;
	ring_watch(env.queue);
}
