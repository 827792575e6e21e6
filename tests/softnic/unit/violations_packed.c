/* SPDX-License-Identifier: BSD-3-Clause */
/* Violations of each requirement of packed rings, and of GEN, that the software device
 * checks. */
#include <endian.h>
#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

#include "violations.h"

#define W DF_WRITE
#define N DF_NEXT
#define A DF_AVAIL

void entry(unsigned int i, uint32_t length, uint16_t flags)
{
	*packed_at(i) = (struct packed_entry){ iova(ENV_DATA + 64 * i), length,
					       (uint16_t)i, flags };
}

static void packed_order_wrong(void)
{
	entry(1, 64, A);
	entry(0, 64, A | N | W);
	take_all();
}

static void packed_size(void)
{
	env_stop();
	env.size = 32769;
	env_restart();
}

static void packed_overfull(void)
{
	unsigned int i;

	for (i = 0; i < env.size; i++)
		entry(i, 64, A);
	take_all();
	entry(0, 64, DF_USED); /* available, of the next wrap */
	take_all();
}

/* The whole ring is given back, and the driver cannot have seen it. */
static void packed_unseen(void)
{
	struct buffer b;
	unsigned int i;

	for (i = 0; i < env.size; i++)
		entry(i, 64, A);
	while (ring_take(env.queue, &b) == 1)
		ring_give(env.queue, &b, 0);
	entry(0, 64, DF_USED);
	take_all();
}

static void packed_no_room(void)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		entry(i, 64, A);
	take_all();
	for (i = 3; i < env.size; i++)
		entry(i, 64, A | N);
	entry(0, 64, DF_USED);
	take_all();
}

static void packed_wrap_from_zero(void)
{
	entry(0, 64, DF_USED);
	take_all();
}

static void packed_wrap_not_flipped(void)
{
	unsigned int i;

	for (i = 0; i < env.size; i++)
		entry(i, 64, A);
	give_all();
	entry(0, 64, A);
	take_all();
}

static void packed_bits_alike(void)
{
	entry(0, 64, A | DF_USED);
	take_all();
}

static void packed_tail_unavailable(void)
{
	entry(1, 64, 0);
	entry(0, 64, A | N);
	take_all();
}

static void packed_mixed(void)
{
	*packed_at(1) = (struct packed_entry){ iova(ENV_TABLES), 16, 1,
					       A | DF_INDIRECT };
	entry(0, 64, A | N);
	take_all();
}

static void packed_indirect_next(void)
{
	entry(1, 64, A);
	*packed_at(0) = (struct packed_entry){ iova(ENV_TABLES), 16, 1,
					       A | N | DF_INDIRECT };
	take_all();
}

static void packed_table(uint32_t bytes, uint16_t id, uint16_t flags)
{
	struct packed_entry *entries = (struct packed_entry *)table_at(0);
	unsigned int i;

	for (i = 0; i < bytes / 16; i++)
		entries[i] = (struct packed_entry){ iova(ENV_DATA), 1, id, flags };
	*packed_at(0) = (struct packed_entry){ iova(ENV_TABLES), bytes, 1,
					       A | DF_INDIRECT };
	take_all();
}

static void packed_table_cut(void)
{
	packed_table(24, 0, 0);
}

static void packed_table_id(void)
{
	packed_table(16, 1, 0);
}

static void packed_table_flags(void)
{
	packed_table(16, 0, A);
}

static void packed_table_long(void)
{
	packed_table(16 * (env.size + 1u), 0, 0);
}

static void packed_list_long(void)
{
	unsigned int i;

	for (i = 0; i < env.size; i++)
		entry(i, 64, A | N);
	take_all();
}

static void event(uint16_t position, uint16_t flags)
{
	avail(0)->is = position;
	avail(1)->is = flags;
	entry(0, 64, A);
	give_all();
}

static void event_reserved(void)
{
	event(0, 0x10);
}

static void event_three(void)
{
	event(0, 3);
}

static void event_unasked(void)
{
	event(0x8000, EVENT_DESC);
}

static void ring_not_zero(void)
{
	env_stop();
	packed_at(3)->flags = DF_WRITE; /* what the driver is writing has 0 here */
	env_restart();
}

static void packed_changed(uint16_t flags, uint32_t length)
{
	struct buffer b;

	entry(0, 64, A);
	if (ring_take(env.queue, &b) != 1)
		return;
	packed_at(0)->flags = flags;
	packed_at(0)->length = length;
	ring_give(env.queue, &b, 0);
}

static void packed_changed_bits(void)
{
	packed_changed(DF_USED, 64);
}

static void packed_changed_rest(void)
{
	packed_changed(A, 63);
}

static void told_no_position(void)
{
	ring_arm(env.queue);
	ring_notified(env.queue, (uint32_t)env.size << 16);
}

static void told_unavailable(void)
{
	ring_arm(env.queue);
	ring_notified(env.queue, (0x8000u | 2) << 16);
}

/* The tail comes while the device is looking. */
static void *publish_tail(void *ready)
{
	while (!__atomic_load_n((bool *)ready, __ATOMIC_ACQUIRE))
		;
	usleep(50);
	/* As an integer: a field of the other byte order has no address. */
	__atomic_store_n((uint16_t *)(void *)(env.memory + ENV_DESCRIPTORS + sizeof(struct packed_entry) +
					      offsetof(struct packed_entry, flags)),
			 htole16(A), __ATOMIC_RELEASE);
	return NULL;
}

static void packed_tail_late(void)
{
	bool ready = false;
	pthread_t thread;

	entry(1, 64, 0);
	entry(0, 64, A | N);
	if (pthread_create(&thread, NULL, publish_tail, &ready))
		return;
	__atomic_store_n(&ready, true, __ATOMIC_RELEASE);
	take_all();
	pthread_join(thread, NULL);
}

/* ---- the table ---- */

const struct breaking packed_breakings[] = {
	{ "GEN-44", true, 0, told_no_position },
	{ "PACKED-01", true, 0, packed_size },
	{ "PACKED-02", true, 0, packed_overfull },
	{ "PACKED-02", true, 0, packed_unseen },
	{ "PACKED-02", true, ORDER, packed_unseen },
	{ "PACKED-03", true, 0, packed_wrap_from_zero },
	{ "PACKED-03", true, 0, packed_wrap_not_flipped },
	{ "PACKED-04", true, 0, packed_bits_alike },
	{ "PACKED-10", true, 0, packed_tail_unavailable },
	{ "PACKED-13", true, INDIRECT, packed_mixed },
	{ "PACKED-14", true, INDIRECT, packed_table_cut },
	{ "PACKED-14", true, INDIRECT, packed_table_id },
	{ "PACKED-16", true, 0, watch_with_buffer },
	{ "PACKED-16", true, 0, kicks_unwanted },
	{ "PACKED-17", true, EVENT, event_three },
	{ "PACKED-17", true, 0, event_unasked },
	{ "PACKED-18", true, 0, event_reserved },
	{ "PACKED-19", true, 0, area_odd },
	{ "PACKED-20", true, 0, ring_not_zero },
	{ "PACKED-21", true, 0, packed_changed_bits },
	{ "PACKED-22", true, 0, packed_changed_rest },
	{ "PACKED-23", true, 0, told_unavailable },
	{ "PACKED-26", true, 0, packed_list_long },
	{ "PACKED-27", true, 0, packed_order_wrong },
	{ "PACKED-29", true, 0, packed_no_room },
	{ "PACKED-30", true, 0, packed_tail_late },
	{ "PACKED-31", true, 0, indirect_unasked },
	{ "PACKED-32", true, INDIRECT, packed_table_flags },
	{ "PACKED-33", true, INDIRECT, packed_table_long },
	{ "PACKED-34", true, INDIRECT, packed_indirect_next },
	{ .id = NULL },
};
