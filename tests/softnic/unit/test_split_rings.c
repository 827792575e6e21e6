/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Split rings of the software device against the specification: taking and returning
 * buffers, interrupts; and, on a split ring, what is the same in both layouts: the memory
 * map, shuffling. Violations are in test_requirements.c, faults in test_faults.c.
 */
#include "rings.h"

/* ---- split ---- */

static void split_moves_buffers(void **state)
{
	unsigned int i;

	(void)state;
	assert_int_equal(env_start(false, 8, 0), 0);
	empty();
	for (i = 0; i < 70000; i++) { /* the 16-bit indices wrap */
		struct buffer b;

		put(i % 8, ENV_DATA + 64 * i % 4096, 60 + i % 7, DF_WRITE, 0);
		offer(i % 8);
		b = take();
		assert_int_equal(b.id, i % 8);
		assert_int_equal(b.readable, 0);
		assert_int_equal(b.writable, 1);
		assert_int_equal(b.writable_bytes, 60 + i % 7);
		assert_int_equal(offset_of(b.element), ENV_DATA + 64 * i % 4096);
		ring_give(env.queue, &b, i % 60);
		assert_int_equal(used(1)->is, (uint16_t)i); /* not visible yet */
		ring_flush(env.queue);
		assert_int_equal(used(1)->is, (uint16_t)(i + 1));
		assert_int_equal(used_id(i % 8), i % 8);
		assert_int_equal(used_length(i % 8), i % 60);
	}
	assert_int_equal(env.interrupts, 70000);
	clean();
}

static void split_walks_chains_and_tables(void **state)
{
	struct buffer b;
	unsigned int i;

	(void)state;
	assert_int_equal(env_start(false, 16, BIT(FT_INDIRECT_DESC)), 0);
	/* As long as the queue, in an unusual order. */
	for (i = 0; i < 16; i++)
		put(i * 5 % 16, ENV_DATA + 256 * i, i + 1,
		    (uint16_t)((i < 15 ? DF_NEXT : 0) | (i > 8 ? DF_WRITE : 0)),
		    (uint16_t)((i + 1) * 5 % 16));
	offer(0);
	b = take();
	assert_int_equal(b.readable, 9);
	assert_int_equal(b.writable, 7);
	assert_int_equal(b.readable_bytes, 45);
	assert_int_equal(b.writable_bytes, 91);
	for (i = 0; i < 16; i++) {
		assert_int_equal(offset_of(&b.element[i]), ENV_DATA + 256 * i);
		assert_int_equal(b.element[i].length, i + 1);
	}
	ring_give(env.queue, &b, 91);
	ring_flush(env.queue);
	assert_int_equal(used_id(0), 0);
	/* One direct descriptor, then a table whose entries are not in order. */
	put(3, ENV_DATA, 12, DF_NEXT, 9);
	put(9, ENV_TABLES, 3 * 16, DF_INDIRECT | DF_WRITE, 77);
	*table_at(0) = (struct split_entry){ iova(ENV_DATA + 64), 1, DF_NEXT, 2 };
	*table_at(1) = (struct split_entry){ iova(ENV_DATA + 192), 3, DF_WRITE, 5 };
	*table_at(2) = (struct split_entry){ iova(ENV_DATA + 128), 2, DF_NEXT, 1 };
	offer(3);
	b = take();
	assert_int_equal(b.id, 3);
	assert_int_equal(b.readable, 3);
	assert_int_equal(b.writable, 1);
	assert_int_equal(offset_of(&b.element[2]), ENV_DATA + 128);
	assert_int_equal(offset_of(&b.element[3]), ENV_DATA + 192);
	ring_give(env.queue, &b, 3);
	ring_flush(env.queue);
	assert_int_equal(used(1)->is, 2);
	clean();
}

static void split_takes_what_was_put_back(void **state)
{
	struct buffer b[6];
	unsigned int i, round;

	(void)state;
	assert_int_equal(env_start(false, 8, 0), 0);
	for (i = 0; i < 6; i++) {
		put(i, ENV_DATA + 64 * i, 60, 0, 0);
		offer((uint16_t)i);
	}
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 6; i++) {
			b[i] = take();
			assert_int_equal(b[i].id, i);
			assert_int_equal(offset_of(b[i].element), ENV_DATA + 64 * i);
			b[i].element->address += 12; /* as the network half does */
		}
		empty();
		ring_untake(env.queue, 6);
	}
	assert_true(ring_ready(env.queue));
	assert_int_equal(env.queue->taken, 0);
	clean();
}

static void split_batches_in_order(void **state)
{
	struct buffer b;
	unsigned int i;

	(void)state;
	assert_int_equal(env_start(false, 8, BIT(FT_IN_ORDER)), 0);
	for (i = 0; i < 4; i++) {
		put(i, ENV_DATA, 60, 0, 0);
		offer((uint16_t)i);
	}
	for (i = 0; i < 4; i++) {
		b = take();
		ring_give(env.queue, &b, 0);
	}
	ring_flush(env.queue);
	assert_int_equal(used(1)->is, 4);
	assert_int_equal(used_id(0), 3); /* the last one, in the first one's place */
	assert_int_equal(env.interrupts, 1);
	/* Buffers that were not filled to the end are not skipped. */
	for (i = 4; i < 8; i++) {
		put(i, ENV_DATA, 60, DF_WRITE, 0);
		offer((uint16_t)i);
	}
	for (i = 4; i < 8; i++) {
		b = take();
		ring_give(env.queue, &b, i == 5 ? 60 : 20);
	}
	ring_flush(env.queue);
	assert_int_equal(used(1)->is, 8);
	assert_int_equal(used_id(4), 4);
	assert_int_equal(used_id(5), 6); /* 5 was full: 6 stands for both */
	assert_int_equal(used_length(5), 20);
	assert_int_equal(used_id(7), 7);
	clean();
}

/* Give `count` buffers; how many interrupts did that make? */
static unsigned int interrupts_of(unsigned int count)
{
	unsigned int before = env.interrupts;

	while (count--) {
		uint16_t head = avail(1)->is % env.size;
		struct buffer b;

		put(head, ENV_DATA, 60, 0, 0);
		offer(head);
		b = take();
		ring_give(env.queue, &b, 0);
	}
	ring_flush(env.queue);
	return env.interrupts - before;
}

static void split_interrupts_as_wanted(void **state)
{
	unsigned int i;

	(void)state;
	assert_int_equal(env_start(false, 8, 0), 0);
	assert_int_equal(interrupts_of(1), 1);
	assert_int_equal(interrupts_of(0), 0);
	avail(0)->is = AVAIL_NO_INTERRUPT;
	assert_int_equal(interrupts_of(3), 0);
	avail(0)->is = 0;
	assert_int_equal(interrupts_of(3), 1);
	clean();
	assert_int_equal(env_start(false, 8, BIT(FT_EVENT_IDX)), 0);
	avail(2 + 8)->is = 2;
	assert_int_equal(interrupts_of(2), 0); /* 0 and 1 */
	assert_int_equal(interrupts_of(2), 1); /* 2 and 3 */
	assert_int_equal(interrupts_of(4), 0);
	for (i = 8; i < 65536; i += 8)
		assert_int_equal(interrupts_of(8), 0);
	avail(2 + 8)->is = 5; /* a wrap later */
	assert_int_equal(interrupts_of(5), 0);
	assert_int_equal(interrupts_of(1), 1);
	/* Delayed: buffers that came in between count. */
	avail(2 + 8)->is = 7;
	put(6, ENV_DATA, 60, 0, 0);
	offer(6);
	ring_publish(env.queue);
	assert_int_equal(interrupts_of(2), 1);
	clean();
}

static void split_asks_for_notifications(void **state)
{
	(void)state;
	assert_int_equal(env_start(false, 8, 0), 0);
	ring_disarm(env.queue);
	assert_int_equal(used(0)->is, USED_NO_NOTIFY);
	assert_false(ring_arm(env.queue));
	assert_int_equal(used(0)->is, 0);
	put(0, ENV_DATA, 1, 0, 0);
	offer(0);
	empty(); /* the driver did not ring */
	env.queue->kicks++;
	assert_true(ring_arm(env.queue));
	assert_true(ring_ready(env.queue));
	take();
	clean();
	assert_int_equal(env_start(false, 8, BIT(FT_EVENT_IDX)), 0);
	interrupts_of(3);
	assert_false(ring_arm(env.queue));
	assert_int_equal(used(2 + 4 * 8)->is, 3);
	ring_disarm(env.queue);
	assert_int_equal(used(2 + 4 * 8)->is, 3); /* not before a kick */
	env.queue->kicks++;
	ring_disarm(env.queue);
	assert_int_equal(used(2 + 4 * 8)->is, 2); /* 65535 away */
	assert_int_equal(used(0)->is, 0);
	clean();
}

/* ---- elements and the map ---- */

static void elements_obey_the_map(void **state)
{
	struct buffer b;

	(void)state;
	/* Over two mappings that follow each other: two pieces. */
	env.split_at = ENV_DATA + 4096;
	assert_int_equal(env_start(false, 8, 0), 0);
	put(0, ENV_DATA + 4000, 200, 0, 0);
	offer(0);
	b = take();
	assert_int_equal(b.readable, 2);
	assert_int_equal(b.readable_bytes, 200);
	assert_int_equal(b.element[0].length, 96);
	assert_int_equal(offset_of(&b.element[1]), ENV_DATA + 4096);
	clean();
	/* One descriptor all the same: what fills the queue is no more than that. */
	assert_int_equal(env_start(false, 2, BIT(FT_INDIRECT_DESC)), 0);
	*table_at(0) = (struct split_entry){ iova(ENV_DATA + 4000), 200, DF_NEXT, 1 };
	*table_at(1) = (struct split_entry){ iova(ENV_DATA), 8, 0, 0 };
	put(0, ENV_TABLES, 32, DF_INDIRECT, 0);
	offer(0);
	b = take();
	assert_int_equal(b.readable, 3);
	clean();
	env.split_at = 0;
	/* Only for reading; and beyond the end. */
	env.permits = DEVICE_READS;
	assert_int_equal(env_start(false, 8, 0), 0);
	put(0, ENV_DATA, 200, 0, 0);
	put(1, ENV_DATA, 200, DF_WRITE, 0);
	offer(0);
	offer(1);
	b = take();
	assert_int_equal(ring_take(env.queue, &b), -1);
	assert_int_equal(env.dma_faults, 1);
	assert_int_equal(env.resets, 1);
	assert_true(env.queue->broken);
	env_stop();
	env.permits = 0;
	assert_int_equal(env_start(false, 8, 0), 0);
	put(0, ENV_BYTES - 10, 11, 0, 0);
	offer(0);
	assert_int_equal(ring_take(env.queue, &b), -1);
	assert_int_equal(env.dma_faults, 1);
	env_stop();
}

/* ---- shuffled ---- */

static void receive_buffers_are_shuffled(void **state)
{
	bool seen[64] = { 0 }, in_order = true;
	unsigned int i, j;
	struct buffer b[64];

	(void)state;
	env.options.shuffle = true;
	assert_int_equal(env_start(false, 64, 0), 0);
	env_stop();
	env.queue = &env.device.queue[0]; /* a receive queue */
	assert_int_equal(env_restart(), 0);
	for (i = 0; i < 64; i++) {
		put(i, ENV_DATA + 64 * i, 60, DF_WRITE, 0);
		offer((uint16_t)i);
	}
	for (i = 0; i < 64; i++) {
		b[i] = take();
		in_order = in_order && b[i].id == i;
		assert_false(seen[b[i].id]);
		seen[b[i].id] = true;
		assert_int_equal(offset_of(b[i].element), ENV_DATA + 64 * b[i].id);
	}
	assert_false(in_order);
	/* Put back some, the device moved on in them; all come again. */
	for (i = 60; i < 64; i++) {
		b[i].element->address += 12;
		seen[b[i].id] = false;
	}
	ring_untake(env.queue, 4);
	ring_remap(env.queue);
	for (i = 60; i < 64; i++) {
		b[i] = take();
		assert_false(seen[b[i].id]);
		seen[b[i].id] = true;
		assert_int_equal(offset_of(b[i].element), ENV_DATA + 64 * b[i].id);
	}
	empty();
	for (i = 0; i < 64; i++)
		ring_give(env.queue, &b[i], 1);
	ring_flush(env.queue);
	for (j = 0; j < 64; j++)
		assert_int_equal(used_id(j), b[j].id);
	env.options.shuffle = false;
	clean();
}

static void transmit_completions_are_shuffled(void **state)
{
	bool seen[64] = { 0 }, in_order = true;
	unsigned int i;
	struct buffer b;

	(void)state;
	env.options.shuffle = true;
	assert_int_equal(env_start(false, 64, 0), 0);
	for (i = 0; i < 64; i++) {
		put(i, ENV_DATA, 60, 0, 0);
		offer((uint16_t)i);
	}
	for (i = 0; i < 64; i++) {
		b = take();
		assert_int_equal(b.id, i); /* the wire sees them in order */
		ring_give(env.queue, &b, 0);
	}
	ring_flush(env.queue);
	assert_int_equal(used(1)->is, 64);
	for (i = 0; i < 64; i++) {
		in_order = in_order && used_id(i) == i;
		assert_false(seen[used_id(i)]);
		seen[used_id(i)] = true;
	}
	assert_false(in_order);
	env.options.shuffle = false;
	clean();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(split_moves_buffers),
		cmocka_unit_test(split_walks_chains_and_tables),
		cmocka_unit_test(split_takes_what_was_put_back),
		cmocka_unit_test(split_batches_in_order),
		cmocka_unit_test(split_interrupts_as_wanted),
		cmocka_unit_test(split_asks_for_notifications),
		cmocka_unit_test(elements_obey_the_map),
		cmocka_unit_test(receive_buffers_are_shuffled),
		cmocka_unit_test(transmit_completions_are_shuffled),
	};

	return cmocka_run_group_tests(tests, env_set_up, env_tear_down);
}
