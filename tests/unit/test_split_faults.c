/* SPDX-License-Identifier: BSD-3-Clause */
/* Protocol errors in split rings, one test for each kind, with every option of the ring:
 * the queue goes into error with a reason, or nothing happens. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "tests/unit/faults.h"

/* proves: SPLIT-24 */
static void d01_id_out_of_range(void **state)
{
	(void)state;
	expect_broken_receive(16, 1, "used id 16 is out of range");
	expect_broken_receive(0xffffffff, 1, "out of range");
}

/* proves: SPLIT-24 */
static void d02_upper_half_of_the_id_counts(void **state)
{
	(void)state;
	expect_broken_receive(0x10005, 1, "used id 65541 is out of range");
	expect_broken_receive(0x10000, 1, "used id 65536 is out of range");
}

static void d03_id_of_a_free_slot(void **state)
{
	struct env *env = raise_sent(3, false, NULL);

	(void)state;
	model_used(env->model, 1, 9, 0, 1);
	expect_broken_transmit(env, env_in_order() ? "out of order" :
						     "not outstanding");
}

/* Only the head of a chain can be completed. */
static void d04_id_of_the_middle_of_a_chain(void **state)
{
	struct env *env = env_start(0, 16, 0, 0);
	struct vionet_packet *first = fresh(env, 20);
	int id;

	(void)state;
	first->next = fresh(env, 20);
	env->model->paused = true;
	assert_int_equal(vionet_queue_transmit(env->tx, &first, 1), 1);
	id = take_buffer(env, 1);
	/* Two segments, two elements: the header shares the first one's. */
	assert_int_equal(env->model->queue[1].length, 52);
	assert_int_equal(env->model->queue[1].elements, 2);
	model_used(env->model, 1, (uint32_t)(id + 15) % 16, 0, 1);
	expect_broken_transmit(env, NULL);
}

static void d05_same_id_twice(void **state)
{
	struct env *env = env_start(16, 0, 0, 1ull << 15);
	struct vionet_packet *p[4];
	int id = take_buffer(env, 0);

	(void)state;
	model_used(env->model, 0, (uint32_t)id, 72, 1);
	model_used(env->model, 0, (uint32_t)id, 72, 1);
	assert_int_equal(vionet_queue_receive(env->rx, p, 4), 1);
	vionet_packet_free(p, 1);
	expect_broken(env, env->rx, env_in_order() ? "out of order" :
						     "not outstanding");
}

/* The same id after it was posted again is no error. */
static void d05_same_id_after_posting_again(void **state)
{
	struct env *env = env_start(2, 0, 0, 1ull << 15);
	struct vionet_packet *p;

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		model_used(env->model, 0, (uint32_t)take_buffer(env, 0), 72, 1);
		assert_int_equal(vionet_queue_receive(env->rx, &p, 1), 1);
		vionet_packet_free(&p, 1);
	}
	assert_int_equal(vionet_queue_check(env->rx), 0);
	env_stop(env);
}

static void d06_index_jumps_too_far(void **state)
{
	struct env *env;

	(void)state;
	expect_broken_receive(3, 17, "jumped by 17");
	env = raise_sent(3, false, NULL);
	model_used(env->model, 1, 0, 0, 4);
	expect_broken_transmit(env, "jumped by 4 with 3 buffers");
}

static void d07_index_goes_back(void **state)
{
	(void)state;
	expect_broken_receive(3, 0xffff, "jumped by 65535");
}

static void d08_index_far_ahead(void **state)
{
	(void)state;
	expect_broken_receive(3, 0x8000, "jumped by 32768");
	expect_broken_receive(0, 0xfffe, "jumped by 65534");
}

/* Reclaimed by the index: with IN_ORDER a transmitted buffer is identified by its
 * position. */
static void expect_taken_back(struct env *env, unsigned int count)
{
	assert_int_equal(vionet_queue_reclaim(env->tx), 3 - count);
	assert_int_equal(vionet_queue_check(env->tx), 0);
}

/* The index moves, the entries are from before the wrap: zeros. With IN_ORDER the driver
 * reads only the first, since the device may skip the others. */
static void d09_stale_entries(void **state)
{
	struct env *env = raise_sent(3, true, (int[3]){ 0 });

	(void)state;
	model_used(env->model, 1, 0, 0, 3);
	if (!env_in_order()) {
		expect_broken_transmit(env, "not outstanding");
		return;
	}
	expect_taken_back(env, 3);
	env_stop(env);
}

static void d09_stale_first_entry(void **state)
{
	struct env *env = raise_sent(3, true, (int[3]){ 0 });

	(void)state;
	model_used(env->model, 1, 0, 0, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 2);
	model_used(env->model, 1, 0, 0, 2);
	expect_broken_transmit(env, env_in_order() ? "out of order" :
						     "not outstanding");
}

/* The same, one buffer ahead of what was written: found at the next look. */
static void d10_index_before_the_entry(void **state)
{
	int ids[3];
	struct env *env = raise_sent(3, true, ids);

	(void)state;
	model_used(env->model, 1, (uint32_t)ids[0], 0, 2);
	if (env_in_order()) {
		expect_taken_back(env, 2);
		/* The entry of the second, where the third's is due. */
		model_used(env->model, 1, (uint32_t)ids[1], 0, 1);
	}
	expect_broken_transmit(env, NULL);
}

/* A wait, which reads used idx first, does not bypass the check of the order. */
static void d14_out_of_order_seen_by_waiting(void **state)
{
	int ids[3];
	struct env *env = raise_sent(3, true, ids);

	(void)state;
	if (!env_in_order()) {
		env_stop(env);
		return;
	}
	model_used(env->model, 1, (uint32_t)ids[1], 0, 1);
	assert_int_equal(vionet_queue_wait(env->tx, 0, 100), 1);
	expect_broken_transmit(env, "out of order");
}

/* An entry that the device rewrites after the driver read it has no effect. */
static void d11_entry_rewritten_later(void **state)
{
	int ids[2];
	struct env *env = raise_sent(2, true, ids);
	uint8_t *used;

	(void)state;
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 1);
	used = model_at(env->model, env->model->queue[1].used, 20, true);
	memset(used + 4, 0xff, 8);
	model_used(env->model, 1, (uint32_t)ids[1], 0, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	env_stop(env);
}

/* An index that changes all the time: the driver reads it once a burst, and each burst
 * ends. */
static void d12_index_flips(void **state)
{
	int ids[2];
	struct env *env = raise_sent(2, true, ids);
	uint8_t *used = model_at(env->model, env->model->queue[1].used, 4, true);

	(void)state;
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	used[2] = 0;
	assert_int_equal(vionet_queue_reclaim(env->tx), 2);
	used[2] = 1;
	assert_int_equal(vionet_queue_reclaim(env->tx), 1);
	used[2] = 0; /* back by one */
	vionet_queue_reclaim(env->tx);
	expect_broken(env, env->tx, "jumped by 65535");
}

/* A device that writes to memory that it may only read changes nothing. The IOMMU would
 * prevent it; here the test writes to the memory directly. */
static void d13_descriptors_scribbled_over(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	struct vionet_packet *p[4];
	struct model_map *map = map_at(env, env->model->queue[1].desc);
	int id[4];

	(void)state;
	env->model->paused = true;
	assert_false(map->writable);
	assert_ptr_equal(map, map_at(env, env->model->queue[1].avail));
	for (unsigned int i = 0; i < 4; i++) {
		p[i] = fresh(env, 30);
		p[i]->next = fresh(env, 30);
	}
	assert_int_equal(vionet_queue_transmit(env->tx, p, 4), 4);
	for (unsigned int i = 0; i < 4; i++)
		id[i] = take_buffer(env, 1);
	memset(map->ours, 0xff, map->size);
	for (unsigned int i = 0; i < 4; i++)
		model_used(env->model, 1, (uint32_t)id[i], 0xffffffff, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	env_stop(env);
}

/* proves: GEN-39 */
static void d14_completed_out_of_order(void **state)
{
	int ids[3];
	struct env *env = raise_sent(3, true, ids);

	(void)state;
	model_used(env->model, 1, (uint32_t)ids[1], 0, 1);
	if (env_in_order()) {
		expect_broken_transmit(env, "out of order");
		return;
	}
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(env->model, 1, (uint32_t)ids[2], 0, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	env_stop(env);
}

/* A batch may end with any of the buffers that the index has passed, and no other.
 * proves: SPLIT-25 SPLIT-26 RSVD-15 */
static void d15_batch_outside_the_window(void **state)
{
	int ids[8];
	struct env *env = raise_sent(8, true, ids);

	(void)state;
	if (!env_in_order()) {
		/* Without IN_ORDER there is no batch: the others are still in flight. */
		model_used(env->model, 1, (uint32_t)ids[4], 0, 1);
		assert_int_equal(vionet_queue_reclaim(env->tx), 7);
		env_stop(env);
		return;
	}
	model_used_batch(env->model, 1, 5, 0);
	assert_int_equal(vionet_queue_reclaim(env->tx), 3);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	model_used(env->model, 1, (uint32_t)ids[7], 0, 2);
	expect_broken_transmit(env, "out of order");
}

/* Whatever the event index says: at most one notification a burst. */
static void d17_event_index_nonsense(void **state)
{
	struct env *env = env_start(0, 16, 0, 0);
	struct model_queue *q = &env->model->queue[1];

	(void)state;
	env->model->rings.keeps_event = true;
	for (unsigned int i = 0; i < 5000; i++) {
		uint8_t *used = model_at(env->model, q->used,
					 6u + 8u * q->size, true);
		struct vionet_packet *p[3];
		unsigned int before = env->model->doorbells;

		used[4 + 8 * q->size] = (uint8_t)(i * 7);
		used[5 + 8 * q->size] = (uint8_t)(i * 13);
		for (unsigned int k = 0; k < 3; k++)
			p[k] = fresh(env, 60);
		assert_int_equal(vionet_queue_transmit(env->tx, p, 3), 3);
		assert_true(env->model->doorbells - before <= 1);
		model_transmit(env->model);
		assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	}
	env_stop(env);
}

/* Without EVENT_IDX the driver does not use the word behind the used ring. */
static void d18_writes_past_the_used_ring(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	struct model_queue *q = &env->model->queue[1];
	struct model_map *map = map_at(env, q->used);
	size_t end = (size_t)(q->used - map->iova) + 6 + 8u * q->size;
	struct vionet_packet *p;

	(void)state;
	assert_ptr_not_equal(map, map_at(env, q->desc));
	assert_ptr_not_equal(map, map_at(env, env->model->queue[0].used));
	for (size_t i = end; i < map->size; i++)
		assert_int_equal(map->ours[i], 0);
	memset(map->ours + end, 0xff, map->size - end);
	for (unsigned int i = 0; i < 100; i++) {
		p = fresh(env, 60);
		assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
		assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	}
	/* And it does not write there. */
	for (size_t i = end; i < map->size; i++)
		assert_int_equal(map->ours[i], 0xff);
	env_stop(env);
}

/* 2^16 completions between two looks are more than can be outstanding. */
static void d20_a_wrap_between_two_reads(void **state)
{
	int ids[16];
	struct env *env = raise_sent(16, true, ids);

	(void)state;
	model_used(env->model, 1, (uint32_t)ids[0], 0, 0);
	assert_int_equal(vionet_queue_reclaim(env->tx), 16);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	env_stop(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(d01_id_out_of_range),
		cmocka_unit_test(d02_upper_half_of_the_id_counts),
		cmocka_unit_test(d03_id_of_a_free_slot),
		cmocka_unit_test(d04_id_of_the_middle_of_a_chain),
		cmocka_unit_test(d05_same_id_twice),
		cmocka_unit_test(d05_same_id_after_posting_again),
		cmocka_unit_test(d06_index_jumps_too_far),
		cmocka_unit_test(d07_index_goes_back),
		cmocka_unit_test(d08_index_far_ahead),
		cmocka_unit_test(d09_stale_entries),
		cmocka_unit_test(d09_stale_first_entry),
		cmocka_unit_test(d10_index_before_the_entry),
		cmocka_unit_test(d11_entry_rewritten_later),
		cmocka_unit_test(d12_index_flips),
		cmocka_unit_test(d13_descriptors_scribbled_over),
		cmocka_unit_test(d14_completed_out_of_order),
		cmocka_unit_test(d14_out_of_order_seen_by_waiting),
		cmocka_unit_test(d15_batch_outside_the_window),
		cmocka_unit_test(d16_no_notify_for_ever),
		cmocka_unit_test(d17_event_index_nonsense),
		cmocka_unit_test(d18_writes_past_the_used_ring),
		cmocka_unit_test(d19_never_completes),
		cmocka_unit_test(d20_a_wrap_between_two_reads),
		cmocka_unit_test(drain_of_a_breaking_queue_fails),
		cmocka_unit_test(breaks_while_room_is_made),
	};

	return run_for_layouts(tests, true, false);
}
