/* SPDX-License-Identifier: BSD-3-Clause */
/* Violations of each requirement of split rings, and of GEN, that the software device
 * checks. */
#include "violations.h"

static void one(uint16_t flags, uint16_t next)
{
	put(0, ENV_DATA, 64, flags, next);
	offer(0);
	take_all();
}

static void size_odd(void)
{
	env_stop();
	env.size = 24;
	env_restart();
}

static void area_outside(void)
{
	env_stop();
	env.queue->device = &env.device;
	env.queue->device_area = iova(ENV_BYTES - 16);
	ring_start(env.queue);
}

static void order_wrong(void)
{
	put(1, ENV_DATA, 64, 0, 0);
	one(DF_NEXT | DF_WRITE, 1);
}

static void pieces_many(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		put(i, ENV_DATA + 8 * i, 8, i < 7 ? DF_NEXT : 0, (uint16_t)(i + 1));
	offer(0);
	take_all();
}

static void chain_loops(void)
{
	put(1, ENV_DATA, 64, DF_NEXT, 0);
	one(DF_NEXT, 1);
}

static void next_not_following(void)
{
	put(2, ENV_DATA, 64, 0, 0);
	one(DF_NEXT, 2);
}

static void head_not_following(void)
{
	one(0, 0);
	put(2, ENV_DATA, 64, 0, 0);
	offer(2);
	take_all();
}

static void table(uint32_t bytes, uint16_t flags, uint16_t first_next)
{
	*table_at(0) = (struct split_entry){ iova(ENV_DATA), 1, flags, first_next };
	*table_at(1) = (struct split_entry){ iova(ENV_DATA), 1, DF_NEXT, 2 };
	*table_at(2) = (struct split_entry){ iova(ENV_DATA), 1, 0, 0 };
	put(0, ENV_TABLES, bytes, DF_INDIRECT, 0);
	offer(0);
	take_all();
}

static void table_nested(void)
{
	table(48, DF_INDIRECT, 0);
}

static void table_out_of_order(void)
{
	table(48, DF_NEXT, 2);
}

static void table_leaves(void)
{
	table(32, DF_NEXT, 1);
}

static void table_cut(void)
{
	table(40, 0, 0);
}

static void table_empty(void)
{
	table(0, 0, 0);
}

static void chain_long(void)
{
	unsigned int i;

	for (i = 0; i < 9; i++)
		*table_at(i) = (struct split_entry){
			iova(ENV_DATA + 128 * i), 1, i < 8 ? DF_NEXT : 0,
			(uint16_t)(i + 1) };
	put(0, ENV_TABLES, 9 * 16, DF_INDIRECT, 0);
	offer(0);
	take_all();
}

/* Empty elements count as descriptors too, also in a long table. */
static void chain_long_of_nothing(void)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		*table_at(i) = (struct split_entry){ iova(ENV_DATA), 0,
						     i < 63 ? DF_NEXT : 0,
						     (uint16_t)(i + 1) };
	put(0, ENV_TABLES, 64 * 16, DF_INDIRECT, 0);
	offer(0);
	take_all();
}

static void next_with_indirect(void)
{
	*table_at(0) = (struct split_entry){ iova(ENV_DATA), 1, 0, 0 };
	put(0, ENV_TABLES, 16, DF_INDIRECT | DF_NEXT, 1);
	offer(0);
	take_all();
}

static void index_back(void)
{
	one(0, 0);
	avail(1)->is = 0;
	take_all();
}

static void index_not_from_zero(void)
{
	avail(1)->is = 300;
	take_all();
}

static void avail_flags(void)
{
	avail(0)->is = 2;
	one(0, 0);
}

static void avail_flags_with_event(void)
{
	avail(0)->is = 1;
	one(0, 0);
}

static void used_flags(void)
{
	env_stop();
	used(0)->is = 1;
	env_restart();
}

static void next_outside(void)
{
	one(DF_NEXT, 8);
}

void head_outside(void)
{
	offer(0xffff);
	take_all();
}

static void flags_unknown(void)
{
	one(0x80, 0);
}

static void descriptor_in_use(void)
{
	one(0, 0);
	offer(0);
	take_all();
}

static void changed(void)
{
	struct buffer b;

	put(0, ENV_DATA, 64, 0, 0);
	offer(0);
	if (ring_take(env.queue, &b) != 1)
		return;
	split_at(0)->length = 65;
	ring_give(env.queue, &b, 0);
}

/* ---- notifications ---- */

static void told_ahead(void)
{
	ring_arm(env.queue);
	ring_notified(env.queue, 3u << 16);
}

/* ---- the table ---- */

const struct breaking split_breakings[] = {
	{ "GEN-30", false, 0, changed },
	{ "GEN-43", false, 0, told_ahead },
	{ "SPLIT-01", false, 0, size_odd },
	{ "SPLIT-02", false, 0, area_outside },
	{ "SPLIT-03", false, 0, area_odd },
	{ "SPLIT-04", false, 0, order_wrong },
	{ "SPLIT-05", false, 0, pieces_many },
	{ "SPLIT-06", false, 0, chain_loops },
	{ "SPLIT-07", false, ORDER, next_not_following },
	{ "SPLIT-08", false, ORDER, head_not_following },
	{ "SPLIT-09", false, 0, indirect_unasked },
	{ "SPLIT-10", false, INDIRECT, table_nested },
	{ "SPLIT-11", false, INDIRECT, chain_long },
	{ "SPLIT-11", false, INDIRECT, chain_long_of_nothing },
	{ "SPLIT-12", false, INDIRECT, next_with_indirect },
	{ "SPLIT-13", false, INDIRECT | ORDER, table_out_of_order },
	{ "SPLIT-14", false, INDIRECT, table_cut },
	{ "SPLIT-14", false, INDIRECT, table_leaves },
	{ "SPLIT-14", false, INDIRECT, table_empty },
	{ "SPLIT-15", false, 0, index_back },
	{ "SPLIT-16", false, 0, index_not_from_zero },
	{ "SPLIT-17", false, 0, avail_flags },
	{ "SPLIT-19", false, EVENT, avail_flags_with_event },
	{ "SPLIT-27", false, 0, used_flags },
	{ "SPLIT-29", false, 0, kicks_unwanted },
	{ "SPLIT-30", false, 0, watch_with_buffer },
	{ "SPLIT-32", false, EVENT, watch_with_buffer },
	{ "SPLIT-33", false, EVENT, kicks_unwanted },
	{ "SPLIT-35", false, 0, next_outside },
	{ "SPLIT-35", false, 0, head_outside },
	{ "SPLIT-35", false, 0, flags_unknown },
	{ "SPLIT-36", false, 0, descriptor_in_use },
	{ .id = NULL },
};
