/* SPDX-License-Identifier: BSD-3-Clause */
/* Packed rings of the software device against the specification: taking and returning
 * buffers, interrupts, with a driver of its own. Violations are in test_requirements.c,
 * faults in test_faults.c. */
#include <stdlib.h>
#include <string.h>

#include "rings.h"

#define RANDOM() ((unsigned int)random())

struct packed_driver {
	uint16_t next, seen, free;
	bool wrap, seen_wrap;
	uint16_t slots[32768]; /* by id; 0: not outstanding */
	uint32_t written[32768];
};

static struct packed_driver driver;

static void driver_start(void)
{
	memset(&driver, 0, sizeof(driver));
	driver.wrap = driver.seen_wrap = true;
	driver.free = env.size;
}

static void step(uint16_t *position, bool *wrap, unsigned int slots)
{
	unsigned int at = *position + slots;

	if (at >= env.size)
		*wrap = !*wrap;
	*position = (uint16_t)(at % env.size);
}

/* A list of `slots`; the first descriptor becomes available last. */
static void post(uint16_t id, unsigned int slots, unsigned int readable)
{
	uint16_t first = driver.next, first_flags = 0, flags;
	unsigned int i;

	for (i = 0; i < slots; i++) {
		struct packed_entry *d = packed_at(driver.next);

		flags = driver.wrap ? DF_AVAIL : DF_USED;
		flags |= (i + 1 < slots ? DF_NEXT : 0) | (i < readable ? 0 : DF_WRITE);
		d->address = iova(ENV_DATA + 64 * i);
		d->length = 10 + i;
		d->id = i + 1 == slots ? id : 0xdead;
		if (i)
			d->flags = flags;
		else
			first_flags = flags;
		step(&driver.next, &driver.wrap, 1);
	}
	__atomic_thread_fence(__ATOMIC_RELEASE);
	((volatile struct packed_entry *)packed_at(first))->flags = first_flags;
	driver.slots[id] = (uint16_t)slots;
	driver.free = (uint16_t)(driver.free - slots);
}

/* The id of the next used buffer; -1: none. */
static int reap(void)
{
	struct packed_entry *d = packed_at(driver.seen);
	uint16_t bits = d->flags & (DF_AVAIL | DF_USED);

	if (bits != (driver.seen_wrap ? (DF_AVAIL | DF_USED) : 0))
		return -1;
	assert_true(d->id < 32768 && driver.slots[d->id]);
	step(&driver.seen, &driver.seen_wrap, driver.slots[d->id]);
	driver.free = (uint16_t)(driver.free + driver.slots[d->id]);
	driver.slots[d->id] = 0;
	driver.written[d->id] = d->flags & DF_WRITE ? d->length : 0;
	return d->id;
}

static uint16_t unused_id(void)
{
	uint16_t id;

	do
		id = (uint16_t)(RANDOM() % 32768);
	while (driver.slots[id]);
	return id;
}

/* Lists of all lengths, completed in any order, wrap after wrap. */
static void packed_soak(uint16_t size, unsigned int rounds)
{
	static struct buffer held[32768];
	unsigned int count = 0, i, given = 0, reaped = 0;

	assert_int_equal(env_start(true, size, 0), 0);
	driver_start();
	while (rounds--) {
		while (driver.free && RANDOM() % 4) {
			unsigned int slots = 1 + RANDOM() % 3;

			if (slots > driver.free)
				slots = driver.free;
			post(unused_id(), slots, RANDOM() % (slots + 1));
		}
		while (ring_take(env.queue, &held[count]) == 1) {
			assert_int_equal(held[count].slots,
					 driver.slots[held[count].id]);
			assert_int_equal(held[count].readable + held[count].writable,
					 held[count].slots);
			count++;
		}
		for (i = RANDOM() % (count + 1); i; i--) {
			unsigned int pick = RANDOM() % count;

			ring_give(env.queue, &held[pick],
				  (uint32_t)held[pick].writable_bytes);
			held[pick] = held[--count];
			given++;
		}
		ring_flush(env.queue);
		while (reap() >= 0)
			reaped++;
		assert_int_equal(given, reaped);
		assert_int_equal(env.violations, 0);
	}
	clean();
}

static void packed_moves_buffers(void **state)
{
	static const uint16_t sizes[] = { 1, 2, 3, 7, 64, 100, 257, 32768 };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		packed_soak(sizes[i], 3000);
}

static void packed_reports_what_was_written(void **state)
{
	struct buffer b;

	(void)state;
	assert_int_equal(env_start(true, 5, 0), 0);
	driver_start();
	post(77, 3, 1);
	b = take();
	assert_int_equal(b.id, 77);
	assert_int_equal(b.writable_bytes, 23);
	ring_give(env.queue, &b, 20);
	assert_int_equal(reap(), -1); /* not before the flush */
	ring_flush(env.queue);
	assert_int_equal(reap(), 77);
	assert_int_equal(driver.written[77], 20);
	post(5, 2, 2);
	b = take();
	ring_give(env.queue, &b, 0);
	ring_flush(env.queue);
	assert_false(packed_at(3)->flags & DF_WRITE);
	assert_int_equal(reap(), 5);
	clean();
}

static void packed_takes_what_was_put_back(void **state)
{
	struct buffer b[3];
	unsigned int round, i;

	(void)state;
	assert_int_equal(env_start(true, 5, 0), 0);
	driver_start();
	/* So that the ring's end lies among them. */
	post(1, 3, 3);
	b[0] = take();
	ring_give(env.queue, &b[0], 0);
	ring_flush(env.queue);
	assert_int_equal(reap(), 1);
	post(10, 1, 0);
	post(11, 2, 0);
	post(12, 2, 1);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 3; i++) {
			b[i] = take();
			assert_int_equal(b[i].id, 10 + i);
		}
		empty();
		if (round < 2)
			ring_untake(env.queue, 3 - round);
		if (round == 1)
			ring_untake(env.queue, 1);
	}
	for (i = 0; i < 3; i++)
		ring_give(env.queue, &b[i], 1);
	ring_flush(env.queue);
	for (i = 0; i < 3; i++)
		assert_int_equal(reap(), 10 + i);
	clean();
}

static void packed_walks_tables(void **state)
{
	struct buffer b;

	(void)state;
	assert_int_equal(env_start(true, 4, BIT(FT_INDIRECT_DESC)), 0);
	*packed_at(0) = (struct packed_entry){ iova(ENV_TABLES), 48, 9, 0 };
	((struct packed_entry *)(void *)table_at(0))[0] =
		(struct packed_entry){ iova(ENV_DATA), 12, 0, 0 };
	((struct packed_entry *)(void *)table_at(0))[1] =
		(struct packed_entry){ iova(ENV_DATA + 64), 100, 0, 0 };
	((struct packed_entry *)(void *)table_at(0))[2] =
		(struct packed_entry){ iova(ENV_DATA + 256), 7, 0, DF_WRITE };
	packed_at(0)->flags = DF_AVAIL | DF_INDIRECT;
	b = take();
	assert_int_equal(b.id, 9);
	assert_int_equal(b.slots, 1);
	assert_int_equal(b.readable_bytes, 112);
	assert_int_equal(b.writable_bytes, 7);
	clean();
}

static void packed_batches_in_order(void **state)
{
	struct buffer b;
	unsigned int i;

	(void)state;
	assert_int_equal(env_start(true, 7, BIT(FT_IN_ORDER)), 0);
	driver_start();
	post(0, 2, 2);
	post(1, 1, 1);
	post(2, 2, 2);
	for (i = 0; i < 3; i++) {
		b = take();
		ring_give(env.queue, &b, 0);
	}
	ring_flush(env.queue);
	assert_int_equal(packed_at(0)->id, 2); /* the last, at the first's place */
	assert_int_equal(packed_at(0)->flags & (DF_AVAIL | DF_USED),
			 DF_AVAIL | DF_USED);
	assert_int_equal(packed_at(2)->flags, DF_AVAIL); /* untouched */
	assert_int_equal(packed_at(3)->flags, DF_AVAIL | DF_NEXT);
	post(3, 1, 1);
	b = take();
	ring_give(env.queue, &b, 0);
	ring_flush(env.queue);
	assert_int_equal(packed_at(5)->id, 3); /* behind the whole batch */
	clean();
}

static unsigned int packed_interrupts_of(unsigned int count)
{
	unsigned int before = env.interrupts;

	while (count--) {
		struct buffer b;

		post(3, 1, 1);
		b = take();
		ring_give(env.queue, &b, 0);
		ring_publish(env.queue);
		assert_int_equal(reap(), 3);
	}
	ring_notify(env.queue);
	return env.interrupts - before;
}

static void packed_interrupts_as_wanted(void **state)
{
	(void)state;
	assert_int_equal(env_start(true, 7, 0), 0);
	driver_start();
	assert_int_equal(packed_interrupts_of(1), 1);
	avail(1)->is = EVENT_DISABLE;
	assert_int_equal(packed_interrupts_of(2), 0);
	avail(1)->is = EVENT_ENABLE;
	assert_int_equal(packed_interrupts_of(0), 0);
	assert_int_equal(packed_interrupts_of(1), 1);
	clean();
	assert_int_equal(env_start(true, 7, BIT(FT_EVENT_IDX)), 0);
	driver_start();
	avail(1)->is = EVENT_DESC;
	avail(0)->is = 0x8000 | 2; /* position 2 of the first wrap */
	assert_int_equal(packed_interrupts_of(2), 0);
	assert_int_equal(packed_interrupts_of(1), 1);
	assert_int_equal(packed_interrupts_of(2), 0);
	avail(0)->is = 1; /* position 1 of the next wrap */
	assert_int_equal(packed_interrupts_of(3), 0); /* 5, 6, 0 */
	assert_int_equal(packed_interrupts_of(2), 1); /* 1, 2 */
	avail(0)->is = 0x8000 | 1; /* the wrap after that */
	assert_int_equal(packed_interrupts_of(5), 0); /* 3 to 0 */
	assert_int_equal(packed_interrupts_of(1), 1);
	clean();
}

static void packed_asks_for_notifications(void **state)
{
	(void)state;
	assert_int_equal(env_start(true, 3, 0), 0);
	driver_start();
	ring_disarm(env.queue);
	assert_int_equal(used(1)->is, EVENT_DISABLE);
	assert_false(ring_arm(env.queue));
	assert_int_equal(used(1)->is, EVENT_ENABLE);
	post(0, 1, 1);
	empty(); /* the driver did not ring */
	env.queue->kicks++;
	assert_true(ring_arm(env.queue));
	take();
	clean();
	assert_int_equal(env_start(true, 3, BIT(FT_EVENT_IDX)), 0);
	driver_start();
	packed_interrupts_of(2);
	assert_false(ring_arm(env.queue));
	assert_int_equal(used(0)->is, 0x8002);
	assert_int_equal(used(1)->is, EVENT_DESC);
	env.queue->kicks++;
	packed_interrupts_of(2);
	assert_false(ring_arm(env.queue));
	assert_int_equal(used(0)->is, 1); /* the wrap counter is 0 by now */
	clean();
}

static int set_up(void **state)
{
	srandom(1);
	return env_set_up(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packed_moves_buffers),
		cmocka_unit_test(packed_reports_what_was_written),
		cmocka_unit_test(packed_takes_what_was_put_back),
		cmocka_unit_test(packed_walks_tables),
		cmocka_unit_test(packed_batches_in_order),
		cmocka_unit_test(packed_interrupts_as_wanted),
		cmocka_unit_test(packed_asks_for_notifications),
	};

	return cmocka_run_group_tests(tests, set_up, env_tear_down);
}
