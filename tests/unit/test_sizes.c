/* SPDX-License-Identifier: BSD-3-Clause */
/* Locked memory of a start: the sum that is compared with the limit is what is mapped,
 * nothing is mapped before, and with the defaults it is little. */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/control_env.h"

#define MRG_RXBUF 15
#define MTU 3
#define CTRL_VQ 17
#define MIB (1ull << 20)

static uint64_t mapped(const struct model *m)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		if (m->map[i].used)
			sum += m->map[i].size;
	return sum;
}

static struct control_env *with_mtu(unsigned int pairs, unsigned int mtu, bool mergeable)
{
	struct control_env *env = control_env_create(pairs);

	env->model->queue_max = 256;
	env->model->net_config[10] = (uint8_t)mtu;
	env->model->net_config[11] = (uint8_t)(mtu >> 8);
	if (!mergeable)
		withhold(env, MRG_RXBUF);
	return env;
}

/* Open, and start with the default sizes. Returns what start returns. */
static int start_default(struct control_env *env, unsigned int pairs, unsigned int flags)
{
	const struct vionet_open_options open = { .struct_size = sizeof(open),
						  .flags = VIONET_OPEN_NO_HUGEPAGES };
	const struct vionet_start_options start = { .struct_size = sizeof(start),
						    .flags = flags, .queue_pairs = pairs };

	if (open_model(env->model, &open, &env->device))
		fail_msg("open: %s", vionet_error_text());
	return vionet_device_start(env->device, &start);
}

static void sum_is_at_most(unsigned int pairs, unsigned int mtu, bool mergeable,
			   unsigned int flags, uint64_t most)
{
	struct control_env *env = with_mtu(pairs, mtu, mergeable);

	if (start_default(env, pairs, flags))
		fail_msg("start: %s", vionet_error_text());
	assert_int_equal(env->model->checks, 1);
	assert_int_equal(env->model->maps_at_check, 0);
	assert_int_equal(env->model->checked, mapped(env->model));
	if (mapped(env->model) > most)
		fail_msg("%u pairs, MTU %u: %llu bytes are mapped", pairs, mtu,
			 (unsigned long long)mapped(env->model));
	control_env_destroy(env);
}

/* Ordinary users may lock 8 MiB on most systems. */
static void defaults_fit_into_the_usual_limit(void **state)
{
	static const unsigned int mtu[] = { 1500, 4000, 9000, 65535 };

	(void)state;
	for (unsigned int pairs = 1; pairs <= 4; pairs++)
		for (unsigned int i = 0; i < 4; i++) {
			sum_is_at_most(pairs, mtu[i], true, 0, 8 * MIB);
			sum_is_at_most(pairs, mtu[i], false, 0, 8 * MIB);
		}
}

/* A device that only receives needs no transmit pool, and can still send received
 * packets. */
static void no_transmit_pool_is_made(void **state)
{
	struct control_env *env = with_mtu(1, 1500, true);
	uint8_t frame[60] = "there and back";
	struct vionet_packet *p;
	struct vionet_queue *tx;

	(void)state;
	assert_int_equal(start_default(env, 1, VIONET_START_NO_TX_POOL), 0);
	assert_int_equal(env->model->checked, mapped(env->model));
	assert_true(mapped(env->model) < 5 * MIB / 2);
	tx = vionet_device_tx_queue(env->device, 0);
	assert_int_equal(vionet_pool_available(vionet_queue_pool(tx)), 0);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &p, 1), 0);
	for (unsigned int i = 0; i < 2000; i++) {
		assert_int_equal(model_deliver(env->model, frame, 60, 0, -1), 1);
		assert_int_equal(vionet_queue_receive(
			vionet_device_rx_queue(env->device, 0), &p, 1), 1);
		assert_int_equal(vionet_queue_transmit(tx, &p, 1), 1);
	}
	assert_int_equal(vionet_queue_drain(tx, 60000), 0);
	assert_int_equal(env->model->sent, 2000);
	control_env_destroy(env);
}

static void no_transmit_pool_and_one_from_the_caller(void **state)
{
	struct control_env *env = with_mtu(1, 1500, true);
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .flags = VIONET_START_NO_TX_POOL };

	(void)state;
	assert_int_equal(open_model(env->model, NULL, &env->device), 0);
	assert_int_equal(vionet_pool_create(env->device, NULL, &start.tx_pool), 0);
	assert_int_equal(vionet_device_start(env->device, &start), -EINVAL);
	control_env_destroy(env);
}

/* One refusal, before anything is mapped, names the sum; with that limit it starts. */
static void a_limit_is_raised_once(void **state)
{
	struct control_env *env = with_mtu(4, 1500, true);
	const struct vionet_start_options start = { .struct_size = sizeof(start),
						    .queue_pairs = 4 };

	(void)state;
	env->model->lock_limit = MIB;
	assert_int_equal(start_default(env, 4, 0), -ENOMEM);
	assert_int_equal(env->model->maps, 0);
	env->model->lock_limit = env->model->checked - 1;
	assert_int_equal(vionet_device_start(env->device, &start), -ENOMEM);
	assert_int_equal(env->model->maps, 0);
	env->model->lock_limit = env->model->checked;
	assert_int_equal(vionet_device_start(env->device, &start), 0);
	assert_int_equal(mapped(env->model), env->model->lock_limit);
	control_env_destroy(env);
}

/* The longest frame of the MTU arrives, in as many buffers as it takes. */
static void the_longest_frame_arrives(void **state)
{
	static uint8_t frame[65535 + 14];

	(void)state;
	for (unsigned int merge = 0; merge < 2; merge++) {
		struct control_env *env = with_mtu(1, 65535, merge);
		struct vionet_packet *p;
		uint32_t at = 0;

		assert_int_equal(start_default(env, 1, 0), 0);
		for (unsigned int i = 0; i < sizeof(frame); i++)
			frame[i] = (uint8_t)(i * 7 + i / 251);
		assert_true(model_deliver(env->model, frame, sizeof(frame),
					  merge ? 1984 : 0, -1) != 0);
		assert_int_equal(vionet_queue_receive(
			vionet_device_rx_queue(env->device, 0), &p, 1), 1);
		assert_int_equal(p->total_length, sizeof(frame));
		for (const struct vionet_packet *s = p; s; s = s->next) {
			assert_memory_equal(s->data, frame + at, s->length);
			at += s->length;
		}
		vionet_packet_free(&p, 1);
		control_env_destroy(env);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_fit_into_the_usual_limit),
		cmocka_unit_test(no_transmit_pool_is_made),
		cmocka_unit_test(no_transmit_pool_and_one_from_the_caller),
		cmocka_unit_test(a_limit_is_raised_once),
		cmocka_unit_test(the_longest_frame_arrives),
	};

	return run_split_and_packed(tests);
}
