/* SPDX-License-Identifier: BSD-3-Clause */
/* Each fault of a ring shows in the ring as its row says. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "ring_env.h"

#define ORDER BIT(FT_IN_ORDER)
#define EVENT BIT(FT_EVENT_IDX)
#define PAIR (DF_AVAIL | DF_USED)

/* Four lists of two descriptors; the first two are taken and given. */
static void split_run(void)
{
	struct buffer b;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		put(2 * i, ENV_DATA, 16, DF_NEXT, (uint16_t)(2 * i + 1));
		put(2 * i + 1, ENV_DATA, 16, 0, 0);
		offer((uint16_t)(2 * i));
	}
	for (i = 0; i < 4; i++) {
		if (ring_take(env.queue, &b) != 1)
			return;
		if (i < 2)
			ring_give(env.queue, &b, 0);
	}
	ring_flush(env.queue);
}

static void packed_run(void)
{
	struct buffer b;
	unsigned int i;

	for (i = 0; i < 8; i++)
		*packed_at(i) = (struct packed_entry){
			iova(ENV_DATA), 16, (uint16_t)(i / 2),
			DF_AVAIL | (i % 2 ? 0 : DF_NEXT) };
	for (i = 0; i < 4; i++) {
		if (ring_take(env.queue, &b) != 1)
			return;
		if (i < 2)
			ring_give(env.queue, &b, 0);
	}
	ring_flush(env.queue);
}

/* ---- split ---- */

static bool d01(void) { return used_id(0) == 8 && used_id(1) == 2; }
static bool d02(void) { return used_id(0) == 0x10000 && used_id(1) == 2; }
static bool d03(void) { return used_id(0) == 1 || used_id(1) == 0 || used_id(1) == 1; }
static bool d04(void) { return used_id(0) == 1 && used_id(1) == 2; }
static bool d05(void) { return used(1)->is == 3 && used_id(0) == 0 && used_id(1) == 0; }
static bool d06(void) { return used(1)->is == 2 + 2 + 1; }
static bool d07(void) { return used(1)->is == 0; }
static bool d08(void) { return used(1)->is == 2 + 32768; }
static bool d09(void) { return used(1)->is == 2 && used_id(0) == 0xa5a5a5a5; }
static bool right(void) { return used(1)->is == 2 && used_id(0) == 0 && used_id(1) == 2; }
static bool d13(void) { return split_at(3)->length == 0xa5a5a5a5 && avail(3)->is == 0xa5a5; }
static bool d14(void) { return used(1)->is == 2 && used_id(0) == 2 && used_id(1) == 0; }
static bool d15(void) { return used(1)->is == 2 && used_id(0) >= 8; }
static bool d16(void) { return used(0)->is == 0xffff && right(); }
static bool d17(void) { return used(2 + 4 * 8)->is != 0 && right(); }
static bool d18(void) { return env.memory[ENV_DEVICE + 6 + 64] == 0xa5 && right(); }
static bool d19(void) { return used(1)->is == 0 && used_id(0) == 0xa5a5a5a5; }
static bool d20(void) { return used(1)->is == 0 && used_id(0) == 0 && used_id(1) == 2; }

/* ---- packed ---- */

static bool e01(void) { return packed_at(0)->id == 8 && packed_at(2)->id == 1; }
static bool e02(void) { return packed_at(0)->id == 0 && packed_at(2)->id == 0; }
static bool e03(void) { return (packed_at(0)->flags & PAIR) == 0; }
static bool e04(void) { return (packed_at(4)->flags & PAIR) == PAIR; }
static bool e05(void) { return (packed_at(0)->flags & PAIR) == DF_AVAIL; }
static bool e06(void) { return (packed_at(1)->flags & PAIR) == PAIR; }
static bool e07(void) { return (packed_at(3)->flags & PAIR) == PAIR; }
static bool e08(void) { return packed_at(4)->length == ~0u && packed_at(7)->address == ~0ull; }
static bool e09(void) { return used(0)->is == 0xffff && used(1)->is == 0xffff; }
static bool e12(void) { return (packed_at(0)->flags & PAIR) == PAIR && packed_at(0)->flags != PAIR; }
static bool held(void) { return packed_at(0)->flags == (DF_AVAIL | DF_NEXT); }
static bool packed_right(void)
{
	return packed_at(0)->flags == PAIR && packed_at(0)->id == 0 &&
	       packed_at(2)->flags == PAIR && packed_at(2)->id == 1;
}
static bool e10(void)
{
	unsigned int i;

	for (i = 4; i < 8; i++)
		if (packed_at(i)->id || (packed_at(i)->flags & PAIR) != PAIR)
			return false;
	return true;
}
static bool packed_d14(void) { return packed_at(0)->id == 1 && packed_at(2)->id == 0; }
static bool packed_d15(void) { return packed_at(0)->flags == PAIR && packed_at(0)->id > 3; }

static const struct {
	const char *row;
	bool packed;
	uint64_t features;
	bool (*shows)(void);
} rows[] = {
	{ "D01", false, 0, d01 },	 { "D02", false, 0, d02 },
	{ "D03", false, 0, d03 },	 { "D04", false, 0, d04 },
	{ "D05", false, 0, d05 },	 { "D06", false, 0, d06 },
	{ "D07", false, 0, d07 },	 { "D08", false, 0, d08 },
	{ "D09", false, 0, d09 },	 { "D13", false, 0, d13 },
	{ "D14", false, ORDER, d14 },	 { "D15", false, ORDER, d15 },
	{ "D16", false, 0, d16 },	 { "D17", false, EVENT, d17 },
	{ "D18", false, 0, d18 },	 { "D19", false, 0, d19 },
	{ "D20", false, 0, d20 },	 { "D14", true, ORDER, packed_d14 },
	{ "D15", true, ORDER, packed_d15 }, { "D19", true, 0, held },
	{ "E01", true, 0, e01 },	 { "E02", true, 0, e02 },
	{ "E03", true, 0, e03 },	 { "E04", true, 0, e04 },
	{ "E05", true, 0, e05 },	 { "E06", true, 0, e06 },
	{ "E07", true, 0, e07 },	 { "E08", true, 0, e08 },
	{ "E09", true, 0, e09 },	 { "E10", true, 0, e10 },
	{ "E12", true, 0, e12 },
	/* Without a fault the ring is correct. */
	{ NULL, false, 0, right },	 { NULL, true, 0, packed_right },
	/* Faults of the other layout do nothing. */
	{ "E01", false, 0, right },	 { "D01", true, 0, packed_right },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void run(const char *row, bool packed, uint64_t features)
{
	env.fault = row;
	assert_int_equal(env_start(packed, 8, features), 0);
	if (!packed)
		memset(env.memory + ENV_DEVICE + 4, 0xa5, 64);
	if (packed)
		packed_run();
	else
		split_run();
	assert_int_equal(env.violations, 0);
	assert_int_equal(env.dma_faults, 0);
}

static void faults_show(void **state)
{
	unsigned int i, missed = 0;

	(void)state;
	for (i = 0; i < ROWS; i++) {
		run(rows[i].row, rows[i].packed, rows[i].features);
		if (!rows[i].shows()) {
			print_error("%s (case %u) does not show\n",
				    rows[i].row ? rows[i].row : "none", i);
			missed++;
		}
		env_stop();
	}
	assert_int_equal(missed, 0);
}

/* The device cannot write where the mapping does not permit it. */
static void areas_for_reading_stay(void **state)
{
	(void)state;
	env.ring_permits = DEVICE_READS;
	run("D13", false, 0);
	assert_int_equal(split_at(3)->length, 16);
	env_stop();
	env.ring_permits = 0;
}

/* ---- faults that show only for a moment: a second thread watches ---- */

struct moment {
	const char *row;
	bool packed, stop, seen;
};

static bool moment_now(const struct moment *m)
{
	const volatile struct packed_entry *first = packed_at(0);
	uint16_t index = ((const volatile struct word *)used(1))->is;
	uint16_t flags = first->flags;

	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (!strcmp(m->row, "D10"))
		return index == 2 && used_id(1) == 0xa5a5a5a5;
	if (!strcmp(m->row, "D11"))
		return index == 2 && used_id(1) != 2;
	if (!strcmp(m->row, "D12"))
		return index == 1;
	return (flags & PAIR) == PAIR && first->id == 0xffff;
}

static void *look(void *moment)
{
	struct moment *m = moment;

	while (!__atomic_load_n(&m->stop, __ATOMIC_ACQUIRE))
		if (moment_now(m))
			__atomic_store_n(&m->seen, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Repeat until the watching thread has run at one of them; ctest ends what hangs. */
static void moments_are_seen(void **state)
{
	static const char *const names[] = { "D10", "D11", "D12", "E11" };
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct moment m = { .row = names[i], .packed = i == 3 };
		pthread_t thread;

		run(m.row, m.packed, 0);
		env_stop();
		assert_int_equal(pthread_create(&thread, NULL, look, &m), 0);
		while (!__atomic_load_n(&m.seen, __ATOMIC_ACQUIRE)) {
			run(m.row, m.packed, 0);
			assert_true(m.packed ? packed_right() : right());
			env_stop();
		}
		__atomic_store_n(&m.stop, true, __ATOMIC_RELEASE);
		pthread_join(thread, NULL);
	}
}

static void every_row_has_a_case(void **state)
{
	enum fault fault;
	unsigned int i;

	(void)state;
	for (fault = FAULT_RINGS_BEGIN; fault < FAULT_NET_BEGIN; fault++) {
		for (i = 0; i < ROWS; i++)
			if (rows[i].row && !strcmp(fault_id(fault), rows[i].row))
				break;
		if (i == ROWS && !strstr("D10 D11 D12 E11", fault_id(fault)))
			fail_msg("%s is in rings.def and has no case", fault_id(fault));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_show),
		cmocka_unit_test(areas_for_reading_stay),
		cmocka_unit_test(moments_are_seen),
		cmocka_unit_test(every_row_has_a_case),
	};

	return cmocka_run_group_tests(tests, env_set_up, env_tear_down);
}
