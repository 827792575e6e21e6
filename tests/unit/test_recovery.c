/* SPDX-License-Identifier: BSD-3-Clause */
/* Recovery, suspend and change of a whole device, against the model: after a reset the
 * driver replays its control state. J01 to J03, J12 and J13 are faults of the software
 * device's list. The reset of one queue is in test_queue_reset.c. */
#include "tests/unit/control_env_traffic.h"
#include "driver/state/health.h"

/* Set all control state. */
static void tell_everything(struct control_env *env)
{
	static const uint8_t own[6] = { 0x02, 1, 2, 3, 4, 5 };
	static const uint8_t others[2][6] = { { 2, 7 }, { 2, 8 } };
	struct vionet_coalescing c = { sizeof(c), 3, 4, 0 };
	struct vionet_rss rss = { .struct_size = sizeof(rss),
				  .hash_types = VIONET_HASH_UDPV4 };
	struct vionet_device *d = env->device;

	assert_int_equal(vionet_mac_set(d, own), 0);
	assert_int_equal(vionet_filter_mode_set(d, VIONET_FILTER_ALLMULTI, true),
			 0);
	assert_int_equal(vionet_filter_mode_set(d, VIONET_FILTER_NOBCAST, true),
			 0);
	assert_int_equal(vionet_filter_macs_set(d, others, 2, NULL, 0), 0);
	assert_int_equal(vionet_filter_vlan_add(d, 10), 0);
	assert_int_equal(vionet_filter_vlan_add(d, 4094), 0);
	assert_int_equal(vionet_offloads_set(d, 0), 0);
	assert_int_equal(vionet_coalescing_set(d, true, &c), 0);
	assert_int_equal(vionet_queue_coalescing_set(
		vionet_device_rx_queue(d, 1), &c), 0);
	assert_int_equal(vionet_queue_pairs_set(d, 2), 0);
	assert_int_equal(vionet_rss_set(d, &rss), 0);
	assert_int_equal(vionet_rss_context_add(d, 1, &rss), 0);
	assert_int_equal(vionet_hash_tunnels_set(d, VIONET_TUNNEL_GENEVE), 0);
}

static void assert_everything(const struct control_env *env)
{
	const struct model_control *c = env->c;

	assert_int_equal(c->mac[0] << 8 | c->mac[5], 0x0205);
	assert_int_equal(c->mode[1], 1);
	assert_int_equal(c->mode[5], 1);
	assert_int_equal(c->macs[0], 2);
	assert_int_equal(c->table[0][1][1], 8);
	assert_true(c->vlan[10] && c->vlan[4094]);
	assert_true(c->offloads_set);
	assert_int_equal(c->coalescing[1].packets, 3);
	assert_int_equal(c->coalescing[2].usecs, 4);
	assert_true(c->rss.set);
	assert_int_equal(c->rss.hash_types, VIONET_HASH_UDPV4);
	assert_int_equal(c->active, 3);
	assert_true(c->context[0].set);
	assert_int_equal(c->tunnels, 1 << 6);
}

/* proves: GEN-04 GEN-31 */
static void j01_needs_reset_in_mid_traffic(void **state)
{
	struct control_env *env = control_env_create(4);
	struct vionet_recovery report = { .struct_size = sizeof(report) };
	struct vionet_queue *rx, *tx;
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	uint32_t events, available;
	struct watch begin;

	(void)state;
	control_env_start(env, 3, 0);
	tell_everything(env);
	rx = vionet_device_rx_queue(env->device, 0);
	tx = vionet_device_tx_queue(env->device, 0);
	available = vionet_pool_available(vionet_queue_pool(tx));
	env->model->paused = true;
	push(env, 0, 5);
	push(env, 1, 2);
	deliver(env, 3);
	assert_int_equal(take(rx), 3);
	deliver(env, 4);
	env->model->status |= 0x40;
	model_interrupt(env->model, -1);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_NEEDS_RESET);

	begin = watch_start();
	assert_int_equal(vionet_device_recover(env->device, &report), 0);
	assert_true(watch_own(begin) < 1.5);
	assert_int_equal(report.tx_unknown, 7);
	assert_int_equal(report.rx_lost, 4);
	assert_true(report.milliseconds > 0 &&
		    report.milliseconds <= watch_took(begin) * 1e3);
	assert_everything(env);
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_int_equal(info.mac[5], 5);
	assert_int_equal(info.queue_pairs, 3);
	assert_int_equal(info.quarantined, 0);

	/* The same queues, with their counters; all packets are back. */
	assert_ptr_equal(vionet_device_rx_queue(env->device, 0), rx);
	assert_int_equal(vionet_pool_available(vionet_queue_pool(tx)), available);
	assert_int_equal(vionet_queue_stats(rx, &stats), 0);
	assert_int_equal(stats.packets, 7);
	env->model->paused = false;
	push(env, 0, 20);
	assert_int_equal(env->model->sent, 20);
	deliver(env, 16);
	assert_int_equal(take(rx), 16);
	assert_int_equal(env->model->unmapped_live, 0);
	control_env_destroy(env);
}

/* Nothing has been done then. */
static void a_report_of_no_size(void **state)
{
	struct control_env *env = control_env_create(1);
	struct vionet_recovery report = { .struct_size = 1 };
	unsigned int resets;

	(void)state;
	control_env_start(env, 1, 0);
	resets = env->model->resets;
	assert_int_equal(vionet_device_recover(env->device, &report), -EINVAL);
	assert_text("model: recovery: struct vionet_recovery: struct_size is 1");
	assert_int_equal(env->model->resets, resets);
	push(env, 0, 1);
	control_env_destroy(env);
}

static void j02_needs_reset_without_interrupt(void **state)
{
	struct control_env *env = control_env_create(1);
	uint32_t events;

	(void)state;
	control_env_start(env, 1, 0);
	env->model->status |= 0x40;
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events, 0);
	control_env_destroy(env);
}

static void j03_needs_it_again_and_again(void **state)
{
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, 0);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(vionet_device_recover(env->device, NULL),
				 -EAGAIN);
		assert_text("5 times within 10 s");
	}
	/* It still runs; ten seconds later it may be tried again. */
	push(env, 0, 1);
	env->device->recovered_at[0] -= 11000000000ull;
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	control_env_destroy(env);
}

static void j12_driver_ok_cleared_by_itself(void **state)
{
	struct control_env *env = control_env_create(1);
	uint32_t events;

	(void)state;
	control_env_start(env, 1, 0);
	env->model->status &= (uint8_t)~4;
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	push(env, 0, 1);
	assert_int_equal(env->model->sent, 1);
	control_env_destroy(env);
}

/* The device comes back with fewer features or smaller queues: recovery fails, the device
 * is stopped, and can be closed or started again. */
static void j13_comes_back_with_less(void **state)
{
	struct control_env *env = control_env_create(4);
	struct vionet_start_options fewer = { .struct_size = sizeof(fewer),
					      .queue_pairs = 2 };

	(void)state;
	control_env_start(env, 4, 0);
	env->model->net_config[8] = 2;
	env->c->pairs = 2;
	assert_int_equal(vionet_device_recover(env->device, NULL), -ENOTSUP);
	assert_text("2 queue pairs, 4 are in use");
	assert_text("stopped");
	assert_null(vionet_device_rx_queue(env->device, 0));
	assert_int_equal(vionet_device_recover(env->device, NULL), -ENETDOWN);
	assert_int_equal(vionet_device_start(env->device, &fewer), 0);
	/* Smaller queues. */
	env->model->queue_max = 128;
	assert_int_equal(vionet_device_recover(env->device, NULL), -ENOTSUP);
	assert_text("128 entries for queue 0");
	assert_int_equal(vionet_device_start(env->device, &fewer), 0);
	/* Other features. */
	withhold(env, 20);
	assert_int_equal(vionet_device_recover(env->device, NULL), -ENOTSUP);
	assert_text("other features");
	env->model->offered[0] |= 1ull << 20;
	assert_int_equal(vionet_device_start(env->device, &fewer), 0);
	assert_int_equal(env->model->unmapped_live, 0);
	control_env_destroy(env);
}

/* It no longer accepts the features that it accepted before. */
static void what_it_refuses_the_second_time_is_an_error(void **state)
{
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_filter_vlan_add(env->device, 1), 0);
	env->c->refuse_class = 2;
	assert_int_equal(vionet_device_recover(env->device, NULL), -EREMOTEIO);
	assert_text("setting again");
	assert_int_equal(env->model->status, 0);
	control_env_destroy(env);
}

/* Each command is within its deadline, all together are not: a recovery has a limit of
 * its own. */
static void a_slow_device_times_out(void **state)
{
	struct control_env *env = control_env_create(1);
	struct watch begin;

	(void)state;
	control_env_start(env, 1, 0);
	for (uint16_t i = 0; i < 12; i++)
		assert_int_equal(vionet_filter_vlan_add(env->device, i), 0);
	env->c->slow_ms = 250;
	begin = watch_start();
	assert_int_equal(vionet_device_recover(env->device, NULL), -ETIMEDOUT);
	assert_text("for all of it");
	assert_true(watch_own(begin) < 2.5);
	env->c->slow_ms = 0;
	assert_int_equal(vionet_device_start(env->device, NULL), 0);
	assert_true(env->c->vlan[11]);
	control_env_destroy(env);
}

static void a_device_that_does_not_reset_fails(void **state)
{
	struct control_env *env = control_env_create(1);
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	(void)state;
	control_env_start(env, 1, 0);
	env->model->paused = true;
	push(env, 0, 3);
	env->model->never_reset = true;
	env->model->function.reset_supported = false;
	assert_int_equal(vionet_device_recover(env->device, NULL), -ETIMEDOUT);
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_true(info.broken);
	assert_true(info.quarantined >= 4);
	env->model->never_reset = false;
	control_env_destroy(env);
}

/* proves: GEN-32 GEN-33 GEN-34 GEN-35 GEN-36 GEN-37 */
static void suspend_and_resume(void **state)
{
	struct control_env *env = control_env_create(2);
	struct vionet_queue *rx, *tx;
	struct vionet_packet *packet;
	uint8_t ring[16 * 16], driver_area[4];
	const struct model_queue *q;
	unsigned int doorbells;
	uint32_t events;

	(void)state;
	control_env_start(env, 2, 0);
	rx = vionet_device_rx_queue(env->device, 0);
	tx = vionet_device_tx_queue(env->device, 0);
	assert_int_equal(vionet_device_suspend(env->device), 0);
	assert_int_equal(env->model->status & 0x14, 0x10);
	assert_int_equal(vionet_device_suspend(env->device), 0);
	/* No buffer, no notification, no command, and no error. */
	doorbells = env->model->doorbells;
	q = &env->model->queue[0];
	memcpy(ring, model_at(env->model, q->desc, sizeof(ring), false),
	       sizeof(ring));
	memcpy(driver_area, model_at(env->model, q->avail, 4, false), 4);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, 0, 64);
	packet->length = 64;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 0);
	assert_int_equal(take(rx), 0);
	assert_int_equal(vionet_queue_wait(rx, 0, 30), 0);
	assert_int_equal(vionet_filter_vlan_add(env->device, 1), -ENETDOWN);
	assert_text("suspended");
	assert_int_equal(vionet_queue_reset(rx, NULL), -ENETDOWN);
	/* A command that cannot be sent while suspended does not resume the queues. */
	assert_int_equal(vionet_queue_pairs_set(env->device, 2), -ENETDOWN);
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 0);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events, 0);
	assert_int_equal(env->model->doorbells, doorbells);
	assert_memory_equal(ring, model_at(env->model, q->desc, sizeof(ring), false),
			    sizeof(ring));
	assert_memory_equal(driver_area, model_at(env->model, q->avail, 4, false),
			    4);

	assert_int_equal(vionet_device_resume(env->device), 0);
	assert_int_equal(env->model->status & 0x14, 4);
	assert_int_equal(vionet_device_resume(env->device), 0);
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	assert_int_equal(env->model->sent, 1);
	deliver(env, 5);
	assert_int_equal(take(rx), 5);
	assert_int_equal(vionet_filter_vlan_add(env->device, 1), 0);
	control_env_destroy(env);
}

/* proves: GEN-33 GEN-37 */
static void suspending_that_does_not_happen(void **state)
{
	struct control_env *env = control_env_create(1);
	struct watch begin;

	(void)state;
	control_env_start(env, 1, 0);
	env->model->stuck_status = 0x10;
	begin = watch_start();
	assert_int_equal(vionet_device_suspend(env->device), -ETIMEDOUT);
	assert_true(watch_within(begin, 1.0, 1.2));
	env->model->stuck_status = 0;
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	push(env, 0, 1);
	assert_int_equal(env->model->sent, 1);
	/* The device requests a reset instead of the suspend. */
	env->model->status |= 0x40;
	assert_int_equal(vionet_device_suspend(env->device), -EIO);
	assert_text("needs a reset");
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	control_env_destroy(env);
}

/* Until it has resumed it is at rest. */
static void resuming_that_does_not_happen(void **state)
{
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, 0);
	env->device->reset_timeout = 20 * VN_MS;
	assert_int_equal(vionet_device_suspend(env->device), 0);
	env->model->stuck_status = 4;
	assert_int_equal(vionet_device_resume(env->device), -ETIMEDOUT);
	assert_int_equal(vionet_filter_vlan_add(env->device, 1), -ENETDOWN);
	assert_text("suspended");
	env->model->stuck_status = 0;
	assert_int_equal(vionet_device_resume(env->device), 0);
	push(env, 0, 1);
	assert_int_equal(env->model->sent, 1);
	control_env_destroy(env);
}

static void a_stopped_device_is_not_suspended(void **state)
{
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_device_suspend(env->device), -ENETDOWN);
	assert_int_equal(vionet_device_recover(env->device, NULL), -ENETDOWN);
	control_env_destroy(env);
}

/* A suspended device can be stopped, recovered and closed. */
static void a_suspended_device_is_recovered(void **state)
{
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_device_suspend(env->device), 0);
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	push(env, 0, 2);
	assert_int_equal(env->model->sent, 2);
	assert_int_equal(vionet_device_suspend(env->device), 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_device_start(env->device, NULL), 0);
	push(env, 0, 1);
	assert_int_equal(env->model->sent, 3);
	assert_int_equal(vionet_device_suspend(env->device), 0);
	control_env_destroy(env);
}

/* Each step of a recovery fails in turn: an error, no leak, and a device that can be
 * started. */
static void recovery_fails_at_every_step(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (unsigned int n = 1; n < 2000; n++) {
		struct control_env *env = control_env_create(2);
		int result;

		control_env_start(env, 2, 20);
		env->model->accesses = 0;
		env->model->fail_access = n;
		result = vionet_device_recover(env->device, NULL);
		env->model->fail_access = 0;
		if (result != 0) {
			failed++;
			assert_null(vionet_device_rx_queue(env->device, 0));
			assert_int_equal(vionet_device_start(env->device, NULL),
					 0);
		}
		push(env, 0, 1);
		control_env_destroy(env);
		if (result == 0 && n > 400)
			break;
	}
	assert_true(failed > 50);
}

/* Also where it is more than one burst takes. */
static void all_that_was_delivered_is_counted(void **state)
{
	struct vionet_recovery report = { .struct_size = sizeof(report) };
	struct env *env = env_start(64, 16, 0, 0);
	const uint8_t frame[60] = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 40; i++)
		assert_int_equal(model_deliver(env->model, frame, sizeof(frame), 0, -1), 1);
	assert_int_equal(vionet_device_recover(env->device, &report), 0);
	assert_int_equal(report.rx_lost, 40);
	env_stop(env);
}

/* A connection that ended for want of descriptors ended for good; what cannot be read now may be read later. */
static void failures_to_read_its_health(void **state)
{
	(void)state;
	assert_int_equal(vn_device_diagnose(-ENODEV, 0), VN_DERR_GONE);
	assert_int_equal(vn_device_diagnose(-EMFILE, 0), VN_DERR_GONE);
	assert_int_equal(vn_device_diagnose(-EIO, 0), VN_DERR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures_to_read_its_health),
		cmocka_unit_test(j01_needs_reset_in_mid_traffic),
		cmocka_unit_test(all_that_was_delivered_is_counted),
		cmocka_unit_test(a_report_of_no_size),
		cmocka_unit_test(j02_needs_reset_without_interrupt),
		cmocka_unit_test(j03_needs_it_again_and_again),
		cmocka_unit_test(j12_driver_ok_cleared_by_itself),
		cmocka_unit_test(j13_comes_back_with_less),
		cmocka_unit_test(what_it_refuses_the_second_time_is_an_error),
		cmocka_unit_test(a_slow_device_times_out),
		cmocka_unit_test(a_device_that_does_not_reset_fails),
		cmocka_unit_test(suspend_and_resume),
		cmocka_unit_test(suspending_that_does_not_happen),
		cmocka_unit_test(resuming_that_does_not_happen),
		cmocka_unit_test(a_stopped_device_is_not_suspended),
		cmocka_unit_test(a_suspended_device_is_recovered),
		cmocka_unit_test(recovery_fails_at_every_step),
	};

	return run_split_and_packed(tests);
}
