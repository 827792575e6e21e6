/* SPDX-License-Identifier: BSD-3-Clause */
/* One queue is reset or resized while others run, against the model, also when that
 * fails. J11 is a fault of the software device's list. The whole device is in
 * test_recovery.c. */
#include "tests/unit/control_env_traffic.h"

/* proves: GEN-40 GEN-41 GEN-42 PCI-26 PCI-27 */
static void one_queue_is_reset(void **state)
{
	struct control_env *env = control_env_create(2);
	struct vionet_coalescing c = { sizeof(c), 9, 9, 0 };
	struct vionet_recovery report = { .struct_size = sizeof(report) };
	struct vionet_queue *rx, *tx;
	uint32_t available;

	(void)state;
	control_env_start(env, 2, 0);
	rx = vionet_device_rx_queue(env->device, 0);
	tx = vionet_device_tx_queue(env->device, 0);
	assert_int_equal(vionet_queue_coalescing_set(rx, &c), 0);
	env->c->coalescing[0].usecs = 0;
	available = vionet_pool_available(vionet_queue_pool(tx));
	env->model->paused = true;
	push(env, 0, 6);
	deliver(env, 2);
	assert_int_equal(vionet_queue_reset(tx, &report), 0);
	assert_int_equal(report.tx_unknown, 6);
	assert_int_equal(report.rx_lost, 0);
	assert_int_equal(vionet_pool_available(vionet_queue_pool(tx)), available);
	/* The other queue is not affected. */
	assert_int_equal(take(rx), 2);
	deliver(env, 2);
	assert_int_equal(vionet_queue_reset(rx, &report), 0);
	assert_int_equal(report.rx_lost, 2);
	/* Its own coalescing is set again (CVQ-48). */
	assert_int_equal(env->c->coalescing[0].usecs, 9);
	assert_int_equal(env->model->queue[0].enabled, 1);
	assert_int_equal(env->model->queue[1].enabled, 1);
	/* But not if it was overridden since (CVQ-47). */
	c.max_usecs = 5;
	assert_int_equal(vionet_coalescing_set(env->device, false, &c), 0);
	assert_int_equal(vionet_queue_reset(rx, NULL), 0);
	assert_int_equal(env->c->coalescing[0].usecs, 5);
	env->model->paused = false;
	push(env, 0, 30);
	assert_int_equal(env->model->sent, 30);
	deliver(env, 16);
	assert_int_equal(take(rx), 16);
	assert_int_equal(env->model->status & 4, 4);
	assert_int_equal(vionet_queue_check(rx), 0);
	control_env_destroy(env);
}

/* proves: CVQ-48 PCI-28 GEN-42 */
static void queues_are_resized(void **state)
{
	struct control_env *env = control_env_create(2);
	struct vionet_queue_info info = { .struct_size = sizeof(info) };
	struct vionet_queue *rx, *tx;

	(void)state;
	control_env_start(env, 2, 0);
	rx = vionet_device_rx_queue(env->device, 0);
	tx = vionet_device_tx_queue(env->device, 1);
	assert_int_equal(vionet_queue_resize(rx, 32, NULL), 0);
	assert_int_equal(vionet_queue_resize(tx, 2, NULL), 0);
	assert_int_equal(env->model->queue[0].size, 32);
	assert_int_equal(env->model->queue[3].size, 2);
	assert_int_equal(vionet_device_queue_info(env->device, 0, &info), 0);
	assert_int_equal(info.size, 32);
	assert_int_equal(vionet_queue_resize(rx, 0, NULL), -EINVAL);
	if (control_env_layout == 0)
		assert_int_equal(vionet_queue_resize(rx, 24, NULL), -EINVAL);
	assert_int_equal(vionet_queue_resize(rx, 512, NULL), -EINVAL);
	assert_text("2 to 256");
	deliver(env, 32);
	assert_int_equal(take(rx), 32);
	/* The size stays, over a recovery too. */
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_int_equal(env->model->queue[0].size, 32);
	assert_int_equal(env->model->queue[3].size, 2);
	control_env_destroy(env);
}

/* A queue in error is re-initialised alone. */
static void a_broken_queue_is_reset(void **state)
{
	struct control_env *env = control_env_create(1);
	struct vionet_queue *rx;

	(void)state;
	control_env_start(env, 1, 0);
	rx = vionet_device_rx_queue(env->device, 0);
	model_used(env->model, 0, 999, 84, 1);
	assert_int_equal(take(rx), 0);
	assert_int_equal(vionet_queue_check(rx), -EIO);
	assert_int_equal(vionet_queue_reset(rx, NULL), 0);
	assert_int_equal(vionet_queue_check(rx), 0);
	deliver(env, 3);
	assert_int_equal(take(rx), 3);
	control_env_destroy(env);
}

/* A transmit queue that is not in use stays so. */
/* proves: CVQ-20 */
static void a_queue_that_is_not_in_use_is_reset(void **state)
{
	struct control_env *env = control_env_create(2);
	struct vionet_queue *tx;
	struct vionet_packet *packet;

	(void)state;
	control_env_start(env, 2, 0);
	assert_int_equal(vionet_queue_pairs_set(env->device, 1), 0);
	tx = vionet_device_tx_queue(env->device, 1);
	assert_int_equal(vionet_queue_reset(tx, NULL), 0);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	packet->length = 64;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 0);
	vionet_packet_free(&packet, 1);
	control_env_destroy(env);
}

/* proves: GEN-40 PCI-26 */
static void j11_a_queue_reset_that_never_completes(void **state)
{
	struct control_env *env = control_env_create(1);
	struct vionet_queue *tx;
	struct vionet_packet *packet;
	uint32_t available, events;
	struct watch begin;

	(void)state;
	control_env_start(env, 1, 0);
	tx = vionet_device_tx_queue(env->device, 0);
	env->model->paused = true;
	push(env, 0, 4);
	available = vionet_pool_available(vionet_queue_pool(tx));
	env->model->queue_reset_stuck = true;
	begin = watch_start();
	assert_int_equal(vionet_queue_reset(tx, NULL), -ETIMEDOUT);
	assert_text("queue_reset");
	assert_true(watch_within(begin, 1.0, 1.2));
	/* Nothing was reclaimed, and nothing is sent. */
	assert_int_equal(vionet_pool_available(vionet_queue_pool(tx)), available);
	assert_int_equal(vionet_queue_check(tx), -EIO);
	assert_text("could not be reset");
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	packet->length = 64;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 0);
	vionet_packet_free(&packet, 1);
	assert_int_equal(vionet_queue_wait(tx, 10, 10), -EIO);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_QUEUE_BROKEN);
	env->model->queue_reset_stuck = false;
	env->model->paused = false;
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	push(env, 0, 3);
	assert_int_equal(env->model->sent, 3);
	control_env_destroy(env);
}

/* J11, second half: it says that the queue is reset and still uses it. Its memory is
 * no longer mapped, so that is a fault of the IOMMU and no more. */
static void j11_a_queue_that_is_used_after_its_reset(void **state)
{
	struct control_env *env = control_env_create(1);
	struct vionet_queue *tx;
	uint64_t used;

	(void)state;
	control_env_start(env, 1, 0);
	tx = vionet_device_tx_queue(env->device, 0);
	used = env->model->queue[1].used;
	assert_int_equal(vionet_queue_reset(tx, NULL), 0);
	assert_null(model_at(env->model, used, 4, true));
	assert_int_equal(env->model->faults, 1);
	env->model->faults = 0;
	push(env, 0, 1);
	assert_int_equal(vionet_queue_check(tx), 0);
	control_env_destroy(env);
}

/* Re-initialisation fails: the queue stays in error. */
static void a_queue_that_cannot_be_set_up_again(void **state)
{
	struct control_env *env = control_env_create(1);
	struct vionet_queue *rx;
	struct vionet_packet *packets[4];

	(void)state;
	control_env_start(env, 1, 0);
	rx = vionet_device_rx_queue(env->device, 0);
	env->model->address_ignored = true;
	assert_int_equal(vionet_queue_reset(rx, NULL), -EIO);
	assert_int_equal(vionet_queue_receive(rx, packets, 4), 0);
	assert_int_equal(vionet_queue_check(rx), -EIO);
	assert_int_equal(vionet_queue_fd(rx), -ENOTSUP);
	assert_int_equal(vionet_queue_wait(rx, 10, 10), -EIO);
	assert_int_equal(vionet_queue_arm(rx), -EIO);
	vionet_queue_disarm(rx);
	assert_int_equal(vionet_queue_reset(rx, NULL), -EIO);
	env->model->address_ignored = false;
	assert_int_equal(vionet_queue_reset(rx, NULL), 0);
	deliver(env, 2);
	assert_int_equal(take(rx), 2);
	control_env_destroy(env);
}

/* Enabling the other queues does not enable a queue without memory. */
static void a_queue_without_memory_stays_so(void **state)
{
	struct control_env *env = control_env_create(2);
	struct vionet_queue *tx;

	(void)state;
	control_env_start(env, 2, 0);
	tx = vionet_device_tx_queue(env->device, 0);
	env->model->address_ignored = true;
	assert_int_equal(vionet_queue_reset(tx, NULL), -EIO);
	env->model->address_ignored = false;
	assert_int_equal(vionet_queue_arm(tx), -EIO);
	vionet_queue_disarm(tx);
	assert_int_equal(vionet_queue_drain(tx, 10), -EIO);
	assert_int_equal(vionet_device_suspend(env->device), 0);
	assert_int_equal(vionet_device_resume(env->device), 0);
	assert_int_equal(vionet_queue_arm(tx), -EIO);
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	push(env, 0, 2);
	assert_int_equal(env->model->sent, 2);
	control_env_destroy(env);
}

/* Its pool cannot be destroyed: a recovery takes packets from it again. */
static void a_queue_without_memory_keeps_its_pool(void **state)
{
	struct control_env *env = control_env_create(1);
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.rx_queue_size = 16 };
	struct vionet_queue *rx;

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_pool_create(env->device, NULL, &options.rx_pool), 0);
	assert_int_equal(vionet_device_start(env->device, &options), 0);
	rx = vionet_device_rx_queue(env->device, 0);
	env->model->address_ignored = true;
	assert_int_equal(vionet_queue_reset(rx, NULL), -EIO);
	env->model->address_ignored = false;
	assert_int_equal(vionet_pool_destroy(options.rx_pool), -EBUSY);
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	deliver(env, 2);
	assert_int_equal(take(rx), 2);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_pool_destroy(options.rx_pool), 0);
	control_env_destroy(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_queue_is_reset),
		cmocka_unit_test(queues_are_resized),
		cmocka_unit_test(a_broken_queue_is_reset),
		cmocka_unit_test(a_queue_that_is_not_in_use_is_reset),
		cmocka_unit_test(j11_a_queue_reset_that_never_completes),
		cmocka_unit_test(j11_a_queue_that_is_used_after_its_reset),
		cmocka_unit_test(a_queue_that_cannot_be_set_up_again),
		cmocka_unit_test(a_queue_without_memory_stays_so),
		cmocka_unit_test(a_queue_without_memory_keeps_its_pool),
	};

	return run_split_and_packed(tests);
}
