/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: that each duty that the software device's rings judge is reported when a
 * driver breaks it, and no other is.
 * Never: has a duty of duties_rings.def without a case: the last test counts them.
 * Read next: test_faults.c.
 */
#include <endian.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bed.h"

#define INDIRECT BIT(FT_INDIRECT_DESC)
#define EVENT BIT(FT_EVENT_IDX)
#define ORDER BIT(FT_IN_ORDER)

static int start_result;

static void take_all(void)
{
	struct buffer b;

	while (ring_take(bed.queue, &b) == 1)
		;
}

static void give_all(void)
{
	struct buffer b;

	while (ring_take(bed.queue, &b) == 1)
		ring_give(bed.queue, &b, 0);
	ring_flush(bed.queue);
}

static void one(uint16_t flags, uint16_t next)
{
	put(0, BED_DATA, 64, flags, next);
	offer(0);
	take_all();
}

/* ---- split ---- */

static void size_odd(void)
{
	bed_stop();
	bed.size = 24;
	start_result = bed_restart();
}

static void area_outside(void)
{
	bed_stop();
	bed.queue->device = &bed.device;
	bed.queue->device_area = iova(BED_BYTES - 16);
	start_result = ring_start(bed.queue);
}

static void area_odd(void)
{
	bed_stop();
	bed.queue->descriptor_area = iova(8);
	start_result = ring_start(bed.queue);
}

static void order_wrong(void)
{
	put(1, BED_DATA, 64, 0, 0);
	one(DF_NEXT | DF_WRITE, 1);
}

static void pieces_many(void)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		put(i, BED_DATA + 8 * i, 8, i < 7 ? DF_NEXT : 0, (uint16_t)(i + 1));
	offer(0);
	take_all();
}

static void chain_loops(void)
{
	put(1, BED_DATA, 64, DF_NEXT, 0);
	one(DF_NEXT, 1);
}

static void next_not_following(void)
{
	put(2, BED_DATA, 64, 0, 0);
	one(DF_NEXT, 2);
}

static void head_not_following(void)
{
	one(0, 0);
	put(2, BED_DATA, 64, 0, 0);
	offer(2);
	take_all();
}

static void indirect_unasked(void)
{
	if (bed.packed) {
		packed_at(0)->flags = DF_AVAIL | DF_INDIRECT;
	} else {
		put(0, BED_TABLES, 16, DF_INDIRECT, 0);
		offer(0);
	}
	take_all();
}

static void table(uint32_t bytes, uint16_t flags, uint16_t first_next)
{
	*table_at(0) = (struct split_entry){ iova(BED_DATA), 1, flags, first_next };
	*table_at(1) = (struct split_entry){ iova(BED_DATA), 1, DF_NEXT, 2 };
	*table_at(2) = (struct split_entry){ iova(BED_DATA), 1, 0, 0 };
	put(0, BED_TABLES, bytes, DF_INDIRECT, 0);
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
			iova(BED_DATA + 128 * i), 1, i < 8 ? DF_NEXT : 0,
			(uint16_t)(i + 1) };
	put(0, BED_TABLES, 9 * 16, DF_INDIRECT, 0);
	offer(0);
	take_all();
}

static void next_with_indirect(void)
{
	*table_at(0) = (struct split_entry){ iova(BED_DATA), 1, 0, 0 };
	put(0, BED_TABLES, 16, DF_INDIRECT | DF_NEXT, 1);
	offer(0);
	take_all();
}

static void index_back(void)
{
	one(0, 0);
	*avail(1) = 0;
	take_all();
}

static void index_not_from_zero(void)
{
	*avail(1) = 300;
	take_all();
}

static void avail_flags(void)
{
	*avail(0) = 2;
	one(0, 0);
}

static void avail_flags_with_event(void)
{
	*avail(0) = 1;
	one(0, 0);
}

static void used_flags(void)
{
	bed_stop();
	*used(0) = 1;
	start_result = bed_restart();
}

static void next_outside(void)
{
	one(DF_NEXT, 8);
}

static void head_outside(void)
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

	put(0, BED_DATA, 64, 0, 0);
	offer(0);
	if (ring_take(bed.queue, &b) != 1)
		return;
	split_at(0)->length = 65;
	ring_give(bed.queue, &b, 0);
}

/* ---- notifications ---- */

static void watch_with_buffer(void)
{
	ring_arm(bed.queue);
	if (bed.packed)
		packed_at(0)->flags = DF_AVAIL;
	else
		offer(0);
	ring_watch(bed.queue);
	ring_watch(bed.queue);
}

static void kicks_unwanted(void)
{
	ring_disarm(bed.queue);
	ring_watch(bed.queue);
	bed.queue->kicks += 1000;
	ring_watch(bed.queue);
}

static void told_ahead(void)
{
	ring_arm(bed.queue);
	ring_notified(bed.queue, 3u << 16);
}

/* ---- packed ---- */

#define W DF_WRITE
#define N DF_NEXT
#define A DF_AVAIL

static void entry(unsigned int i, uint32_t length, uint16_t flags)
{
	*packed_at(i) = (struct packed_entry){ iova(BED_DATA + 64 * i), length,
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
	bed_stop();
	bed.size = 32769;
	start_result = bed_restart();
}

static void packed_overfull(void)
{
	unsigned int i;

	for (i = 0; i < bed.size; i++)
		entry(i, 64, A);
	take_all();
	entry(0, 64, DF_USED); /* available, of the next lap */
	take_all();
}

static void packed_no_room(void)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		entry(i, 64, A);
	take_all();
	for (i = 3; i < bed.size; i++)
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

	for (i = 0; i < bed.size; i++)
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
	*packed_at(1) = (struct packed_entry){ iova(BED_TABLES), 16, 1,
					       A | DF_INDIRECT };
	entry(0, 64, A | N);
	take_all();
}

static void packed_indirect_next(void)
{
	entry(1, 64, A);
	*packed_at(0) = (struct packed_entry){ iova(BED_TABLES), 16, 1,
					       A | N | DF_INDIRECT };
	take_all();
}

static void packed_table(uint32_t bytes, uint16_t id, uint16_t flags)
{
	struct packed_entry *entries = (void *)table_at(0);
	unsigned int i;

	for (i = 0; i < bytes / 16; i++)
		entries[i] = (struct packed_entry){ iova(BED_DATA), 1, id, flags };
	*packed_at(0) = (struct packed_entry){ iova(BED_TABLES), bytes, 1,
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
	packed_table(16 * (bed.size + 1u), 0, 0);
}

static void packed_list_long(void)
{
	unsigned int i;

	for (i = 0; i < bed.size; i++)
		entry(i, 64, A | N);
	take_all();
}

static void event(uint16_t position, uint16_t flags)
{
	*avail(0) = position;
	*avail(1) = flags;
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
	bed_stop();
	packed_at(3)->flags = htole16(DF_WRITE); /* what the driver is writing has 0 here */
	start_result = bed_restart();
}

static void packed_changed(uint16_t flags, uint32_t length)
{
	struct buffer b;

	entry(0, 64, A);
	if (ring_take(bed.queue, &b) != 1)
		return;
	packed_at(0)->flags = flags;
	packed_at(0)->length = length;
	ring_give(bed.queue, &b, 0);
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
	ring_arm(bed.queue);
	ring_notified(bed.queue, (uint32_t)bed.size << 16);
}

static void told_unavailable(void)
{
	ring_arm(bed.queue);
	ring_notified(bed.queue, (0x8000u | 2) << 16);
}

/* The tail comes while the device is looking. */
static void *publish_tail(void *ready)
{
	while (!__atomic_load_n((bool *)ready, __ATOMIC_ACQUIRE))
		;
	usleep(50);
	__atomic_store_n(&packed_at(1)->flags, A, __ATOMIC_RELEASE);
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

static const struct breaking {
	const char *id;
	bool packed;
	uint64_t features;
	void (*act)(void);
} breakings[] = {
	{ "GEN-30", false, 0, changed },
	{ "GEN-43", false, 0, told_ahead },
	{ "GEN-44", true, 0, told_no_position },
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
	{ "PACKED-01", true, 0, packed_size },
	{ "PACKED-02", true, 0, packed_overfull },
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
};

#define BREAKINGS (sizeof(breakings) / sizeof(breakings[0]))

static bool break_one(const struct breaking *breaking)
{
	bool reported;

	assert_int_equal(bed_start(breaking->packed, breaking->packed ? 5 : 8,
				   breaking->features), 0);
	breaking->act();
	reported = bed_breached(breaking->id);
	if (!reported)
		print_error("case %zu, %s: %u breaches, the first is %s\n",
			    (size_t)(breaking - breakings), breaking->id,
			    bed.breaches, bed.breaches ? bed.breached[0] : "none");
	bed_stop();
	return reported;
}

static void breaking_is_reported(void **state)
{
	unsigned int i, missed = 0;

	(void)state;
	for (i = 0; i < BREAKINGS; i++)
		missed += !break_one(&breakings[i]);
	assert_int_equal(missed, 0);
}

/* Chains of 2^32 bytes and more need a map that large: the sum is what counts, so the
 * same bytes serve many times. */
static void sum_is_judged(void **state)
{
	unsigned int i;

	(void)state;
	assert_int_equal(bed_start(false, 4096, 0), 0);
	for (i = 0; i < 2100; i++)
		put(i, BED_DATA, 2u << 20, i < 2099 ? DF_NEXT : 0,
		    (uint16_t)(i + 1));
	offer(0);
	take_all();
	assert_true(bed_breached("SPLIT-06"));
	bed_stop();
}

/* A driver may fill a packed ring while it is enabled: flags come last. */
static void half_written_is_no_breach(void **state)
{
	(void)state;
	assert_int_equal(bed_start(true, 5, 0), 0);
	bed_stop();
	entry(0, 64, A);
	packed_at(1)->address = iova(BED_DATA);
	packed_at(1)->length = 64;
	packed_at(1)->id = 1;
	assert_int_equal(bed_restart(), 0);
	assert_int_equal(bed.breaches, 0);
	bed_stop();
}

/* A driver that breaks the ring loses the queue, but the device lives on. */
static void broken_queue_is_still(void **state)
{
	struct buffer b;

	(void)state;
	assert_int_equal(bed_start(false, 8, 0), 0);
	head_outside();
	assert_true(bed.queue->broken);
	assert_int_equal(bed.resets, 1);
	assert_int_equal(ring_take(bed.queue, &b), -1);
	assert_false(ring_arm(bed.queue));
	assert_false(ring_ready(bed.queue));
	ring_flush(bed.queue);
	assert_int_equal(bed.resets, 1);
	assert_int_equal(bed_restart(), 0);
	assert_int_equal(bed.queue->broken, false);
	bed_stop();
}

static void every_duty_has_a_case(void **state)
{
	static const char *const judged[] = {
#define DUTY(id, strength, text) id,
#include "../duties_rings.def"
#undef DUTY
	};
	unsigned int i, j;

	(void)state;
	for (i = 0; i < sizeof(judged) / sizeof(judged[0]); i++) {
		for (j = 0; j < BREAKINGS; j++)
			if (!strcmp(judged[i], breakings[j].id))
				break;
		if (j == BREAKINGS)
			fail_msg("%s is in duties_rings.def and has no case here",
				 judged[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(breaking_is_reported),
		cmocka_unit_test(sum_is_judged),
		cmocka_unit_test(half_written_is_no_breach),
		cmocka_unit_test(broken_queue_is_still),
		cmocka_unit_test(every_duty_has_a_case),
	};

	return cmocka_run_group_tests(tests, bed_set_up, bed_tear_down);
}
