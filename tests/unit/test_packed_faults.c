/* SPDX-License-Identifier: BSD-3-Clause */
/* Protocol errors in packed rings, one test for each kind, with every option of the ring:
 * the queue goes into error with a reason, or nothing happens. */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "tests/unit/faults.h"

/* The next used descriptor, as the device sees it. */
static uint8_t *used_descriptor(struct env *env, unsigned int index)
{
	struct model_queue *q = &env->model->queue[index];

	return model_at(env->model, q->desc + 16u * q->put, 16, true);
}

/* proves: PACKED-40 */
static void e01_id_out_of_range(void **state)
{
	(void)state;
	expect_broken_receive(16, 1, "used id 16 is out of range");
	expect_broken_receive(0xffff, 1, "used id 65535 is out of range");
}

static void e02_id_not_outstanding(void **state)
{
	int ids[3];
	struct env *env = raise_sent(3, true, ids);

	(void)state;
	model_used(env->model, 1, 9, 0, 1);
	expect_broken_transmit(env, env_in_order() ? "out of order" :
						     "not outstanding");
	env = raise_sent(3, true, ids);
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	expect_broken_transmit(env, NULL);
}

/* proves: PACKED-05 */
static void e03_wrong_wrap_counter(void **state)
{
	int ids[3];
	struct env *env = raise_sent(3, true, ids);

	(void)state;
	env->model->queue[1].put_wrap = false;
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 3);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	env_stop(env);
}

/* A descriptor that was never given to the device comes back. */
static void e04_one_wrap_early(void **state)
{
	int ids[1];
	struct env *env = raise_sent(1, true, ids);

	(void)state;
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(env->model, 1, 1, 0, 1);
	expect_broken_transmit(env, NULL);
}

static void e05_flags_flip_back(void **state)
{
	int ids[2];
	struct env *env = raise_sent(2, true, ids);
	uint8_t *first = used_descriptor(env, 1);

	(void)state;
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 1);
	first[14] = 0x80;
	first[15] = 0x00;
	assert_int_equal(vionet_queue_reclaim(env->tx), 1);
	model_used(env->model, 1, (uint32_t)ids[1], 0, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	env_stop(env);
}

/* A chain of three, and a single one behind it. */
static struct env *chained(int *ids)
{
	struct env *env = env_start(16, 16, 0, 0);
	struct vionet_packet *p[2];

	p[0] = fresh(env, 20);
	p[0]->next = fresh(env, 20);
	p[0]->next->next = fresh(env, 20);
	p[1] = fresh(env, 60);
	env->model->paused = true;
	assert_int_equal(vionet_queue_transmit(env->tx, p, 2), 2);
	ids[0] = take_buffer(env, 1);
	ids[1] = take_buffer(env, 1);
	return env;
}

/* A used descriptor for each descriptor of the chain: the second one is not where the
 * next is expected, so the driver ignores it and finds the valid one. proves: PACKED-06
 * PACKED-11 */
static void e06_all_of_a_chain_written(void **state)
{
	int ids[2];
	struct env *env = chained(ids);
	unsigned int count = env->model->queue[1].count[ids[0]];
	uint8_t *d = used_descriptor(env, 1);

	(void)state;
	assert_int_equal(count, env_layout.offers >> 28 & 1 ? 1 : 3);
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	for (unsigned int i = 1; i < count; i++)
		memcpy(d + 16 * i, d, 16);
	assert_int_equal(vionet_queue_reclaim(env->tx), 1);
	model_used(env->model, 1, (uint32_t)ids[1], 0, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	env_stop(env);
}

/* The device takes a chain for shorter: the driver does not see what it writes there. */
static void e07_skips_another_length(void **state)
{
	int ids[2];
	struct env *env = chained(ids);
	unsigned int count = env->model->queue[1].count[ids[0]];

	(void)state;
	env->model->queue[1].count[ids[0]] = (uint16_t)(count + 1);
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(env->model, 1, (uint32_t)ids[1], 0, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 1);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	env_stop(env);
}

/* The address of a used descriptor means nothing. */
static void e08_address_and_length_changed(void **state)
{
	int ids[2];
	struct env *env = chained(ids);

	(void)state;
	memset(used_descriptor(env, 1), 0xff, 12);
	model_used(env->model, 1, (uint32_t)ids[0], 0xffffffff, 1);
	model_used(env->model, 1, (uint32_t)ids[1], 0x80000000, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	env_stop(env);
}

/* A reserved value in the device's event suppression means: notify. proves: PACKED-16 */
static void e09_event_suppression_nonsense(void **state)
{
	static const uint32_t nonsense[] = {
		0x00030000, 0x00027fff, 0x0002ffff, 0xfffc0000, 0xffff8010,
	};
	struct env *env = env_start(0, 16, 0, 0);

	(void)state;
	env->model->rings.keeps_event = true;
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		unsigned int before = env->model->doorbells;
		struct vionet_packet *p = fresh(env, 60);

		memcpy(model_at(env->model, env->model->queue[1].used, 4, true),
		       &nonsense[i], 4);
		assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
		assert_int_equal(env->model->doorbells, before + 1);
	}
	env_stop(env);
}

static void e10_all_used_at_once_with_id_0(void **state)
{
	struct env *env = raise_sent(5, true, (int[5]){ 0 });
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		model_used(env->model, 1, 0, 0, 1);
	vionet_queue_reclaim(env->tx);
	vionet_queue_stats(env->tx, &stats);
	assert_int_equal(stats.completed, 1);
	expect_broken_transmit(env, NULL);
}

/* Flags, and id and length as we wrote them. */
static void e11_flags_before_the_id(void **state)
{
	int ids[3];
	struct env *env = raise_sent(3, true, ids);

	(void)state;
	model_used(env->model, 1, (uint32_t)ids[0], 0, 1);
	model_used(env->model, 1, 0, 0, 1); /* the id from before the wrap */
	expect_broken_transmit(env, NULL);
}

/* proves: PACKED-12 */
static void e12_other_flags_mean_nothing(void **state)
{
	static const unsigned int bits[] = { 0x1, 0x4, 0x5, 0x7f7f, 0x2 };
	struct env *env = raise_sent(5, true, (int[5]){ 0 });

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		model_used_bits(env->model, 1, i, 77, 1, bits[i]);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	env_stop(env);
}

/* The length counts without WRITE: QEMU never sets it in a used descriptor. */
static void length_without_write_counts(void **state)
{
	static const unsigned int bits[] = { 0, 7 };
	struct env *env = env_start(16, 0, 0, 1ull << 15);
	struct vionet_packet *p[2];

	(void)state;
	for (unsigned int i = 0; i < 2; i++)
		model_used_bits(env->model, 0, (uint32_t)take_buffer(env, 0), 72, 1,
				bits[i]);
	assert_int_equal(vionet_queue_receive(env->rx, p, 2), 2);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(p[i]->length, 60);
	vionet_packet_free(p, 2);
	env_stop(env);
}

/* As d14 and d15. proves: PACKED-15 RSVD-15 */
static void batches_and_order(void **state)
{
	int ids[8];
	struct env *env = raise_sent(8, true, ids);

	(void)state;
	if (!env_in_order()) {
		for (unsigned int i = 0; i < 8; i++)
			model_used(env->model, 1, (uint32_t)ids[(i * 3) % 8], 0, 1);
		assert_int_equal(vionet_queue_reclaim(env->tx), 0);
		env_stop(env);
		return;
	}
	model_used_batch(env->model, 1, 5, 0);
	assert_int_equal(vionet_queue_reclaim(env->tx), 3);
	model_used(env->model, 1, (uint32_t)ids[5], 0, 1);
	assert_int_equal(vionet_queue_reclaim(env->tx), 2);
	assert_int_equal(vionet_queue_check(env->tx), 0);
	model_used(env->model, 1, 8, 0, 1); /* not sent to the device yet */
	expect_broken_transmit(env, "out of order");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(e01_id_out_of_range),
		cmocka_unit_test(e02_id_not_outstanding),
		cmocka_unit_test(e03_wrong_wrap_counter),
		cmocka_unit_test(e04_one_wrap_early),
		cmocka_unit_test(e05_flags_flip_back),
		cmocka_unit_test(e06_all_of_a_chain_written),
		cmocka_unit_test(e07_skips_another_length),
		cmocka_unit_test(e08_address_and_length_changed),
		cmocka_unit_test(e09_event_suppression_nonsense),
		cmocka_unit_test(e10_all_used_at_once_with_id_0),
		cmocka_unit_test(e11_flags_before_the_id),
		cmocka_unit_test(e12_other_flags_mean_nothing),
		cmocka_unit_test(length_without_write_counts),
		cmocka_unit_test(batches_and_order),
		cmocka_unit_test(d16_no_notify_for_ever),
		cmocka_unit_test(d19_never_completes),
		cmocka_unit_test(drain_of_a_breaking_queue_fails),
		cmocka_unit_test(breaks_while_room_is_made),
	};

	return run_for_layouts(tests, false, true);
}
