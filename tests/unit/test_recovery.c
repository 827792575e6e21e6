/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Failure and change of a whole device, against the model: one that needs a reset
 * comes back with all that it was told, one rests and goes on. J01 to J03, J12 and J13
 * are rows of the catalogue of device faults. A queue that is reset alone is in
 * test_queue_reset.c.
 */
#include "tests/unit/control_env_traffic.h"

/* Everything that can be told, told. */
static void tell_everything(struct rig *rig)
{
	static const uint8_t own[6] = { 0x02, 1, 2, 3, 4, 5 };
	static const uint8_t others[2][6] = { { 2, 7 }, { 2, 8 } };
	struct vionet_coalescing c = { sizeof(c), 3, 4, 0 };
	struct vionet_rss rss = { .struct_size = sizeof(rss),
				  .hash_types = VIONET_HASH_UDPV4 };
	struct vionet_device *d = rig->device;

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

static void assert_everything(const struct rig *rig)
{
	const struct model_control *c = rig->c;

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
	struct rig *rig = raise_rig(4);
	struct vionet_recovery report = { .struct_size = sizeof(report) };
	struct vionet_queue *rx, *tx;
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	uint32_t events, available;
	struct watch begin;

	(void)state;
	start_rig(rig, 3, 0);
	tell_everything(rig);
	rx = vionet_device_rx_queue(rig->device, 0);
	tx = vionet_device_tx_queue(rig->device, 0);
	available = vionet_pool_available(vionet_queue_pool(tx));
	rig->model->hold = true;
	push(rig, 0, 5);
	push(rig, 1, 2);
	deliver(rig, 3);
	assert_int_equal(take(rx), 3);
	deliver(rig, 4);
	rig->model->status |= 0x40;
	model_interrupt(rig->model, -1);
	assert_int_equal(vionet_device_events(rig->device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_NEEDS_RESET);

	begin = watch_start();
	assert_int_equal(vionet_device_recover(rig->device, &report), 0);
	assert_true(watch_own(begin) < 1.5);
	assert_int_equal(report.tx_unknown, 7);
	assert_int_equal(report.rx_lost, 4);
	assert_true(report.milliseconds > 0 &&
		    report.milliseconds <= watch_took(begin) * 1e3);
	assert_everything(rig);
	assert_int_equal(vionet_device_info(rig->device, &info), 0);
	assert_int_equal(info.mac[5], 5);
	assert_int_equal(info.queue_pairs, 3);
	assert_int_equal(info.quarantined, 0);

	/* The same queues, with their counters; all packets are back. */
	assert_ptr_equal(vionet_device_rx_queue(rig->device, 0), rx);
	assert_int_equal(vionet_pool_available(vionet_queue_pool(tx)), available);
	assert_int_equal(vionet_queue_stats(rx, &stats), 0);
	assert_int_equal(stats.packets, 7);
	rig->model->hold = false;
	push(rig, 0, 20);
	assert_int_equal(rig->model->sent, 20);
	deliver(rig, 16);
	assert_int_equal(take(rx), 16);
	assert_int_equal(rig->model->unmapped_live, 0);
	drop_rig(rig);
}

static void j02_needs_reset_without_interrupt(void **state)
{
	struct rig *rig = raise_rig(1);
	uint32_t events;

	(void)state;
	start_rig(rig, 1, 0);
	rig->model->status |= 0x40;
	assert_int_equal(vionet_device_events(rig->device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_recover(rig->device, NULL), 0);
	assert_int_equal(vionet_device_events(rig->device, &events), 0);
	assert_int_equal(events, 0);
	drop_rig(rig);
}

static void j03_needs_it_again_and_again(void **state)
{
	struct rig *rig = raise_rig(1);

	(void)state;
	start_rig(rig, 1, 0);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(vionet_device_recover(rig->device, NULL), 0);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(vionet_device_recover(rig->device, NULL),
				 -EAGAIN);
		assert_text("5 times within 10 s");
	}
	/* It still runs; ten seconds later it may be tried again. */
	push(rig, 0, 1);
	rig->device->recovered_at[0] -= 11000000000ull;
	assert_int_equal(vionet_device_recover(rig->device, NULL), 0);
	drop_rig(rig);
}

static void j12_driver_ok_cleared_by_itself(void **state)
{
	struct rig *rig = raise_rig(1);
	uint32_t events;

	(void)state;
	start_rig(rig, 1, 0);
	rig->model->status &= (uint8_t)~4;
	assert_int_equal(vionet_device_events(rig->device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_recover(rig->device, NULL), 0);
	push(rig, 0, 1);
	assert_int_equal(rig->model->sent, 1);
	drop_rig(rig);
}

/* It comes back with less than it had: refused, stopped, and can be closed or
 * started as it is now. */
static void j13_comes_back_with_less(void **state)
{
	struct rig *rig = raise_rig(4);
	struct vionet_start_options fewer = { .struct_size = sizeof(fewer),
					      .queue_pairs = 2 };

	(void)state;
	start_rig(rig, 4, 0);
	rig->model->net_config[8] = 2;
	rig->c->pairs = 2;
	assert_int_equal(vionet_device_recover(rig->device, NULL), -ENOTSUP);
	assert_text("2 queue pairs, 4 are in use");
	assert_text("stopped");
	assert_null(vionet_device_rx_queue(rig->device, 0));
	assert_int_equal(vionet_device_recover(rig->device, NULL), -ENETDOWN);
	assert_int_equal(vionet_device_start(rig->device, &fewer), 0);
	/* Smaller queues. */
	rig->model->queue_max = 128;
	assert_int_equal(vionet_device_recover(rig->device, NULL), -ENOTSUP);
	assert_text("128 entries for queue 0");
	assert_int_equal(vionet_device_start(rig->device, &fewer), 0);
	/* Other features. */
	withhold(rig, 20);
	assert_int_equal(vionet_device_recover(rig->device, NULL), -ENOTSUP);
	assert_text("other features");
	rig->model->offered[0] |= 1ull << 20;
	assert_int_equal(vionet_device_start(rig->device, &fewer), 0);
	assert_int_equal(rig->model->unmapped_live, 0);
	drop_rig(rig);
}

/* It no longer agrees to what it agreed to before. */
static void what_it_refuses_the_second_time_is_an_error(void **state)
{
	struct rig *rig = raise_rig(1);

	(void)state;
	start_rig(rig, 1, 0);
	assert_int_equal(vionet_filter_vlan_add(rig->device, 1), 0);
	rig->c->refuse_class = 2;
	assert_int_equal(vionet_device_recover(rig->device, NULL), -EREMOTEIO);
	assert_text("setting again");
	assert_int_equal(rig->model->status, 0);
	drop_rig(rig);
}

/* Each command in time, all together not: a recovery has a limit of its own. */
static void a_slow_device_is_given_up(void **state)
{
	struct rig *rig = raise_rig(1);
	struct watch begin;

	(void)state;
	start_rig(rig, 1, 0);
	for (uint16_t i = 0; i < 12; i++)
		assert_int_equal(vionet_filter_vlan_add(rig->device, i), 0);
	rig->c->slow_ms = 250;
	begin = watch_start();
	assert_int_equal(vionet_device_recover(rig->device, NULL), -ETIMEDOUT);
	assert_text("for all of it");
	assert_true(watch_own(begin) < 2.5);
	rig->c->slow_ms = 0;
	assert_int_equal(vionet_device_start(rig->device, NULL), 0);
	assert_true(rig->c->vlan[11]);
	drop_rig(rig);
}

static void a_device_that_will_not_be_reset_is_given_up(void **state)
{
	struct rig *rig = raise_rig(1);
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	(void)state;
	start_rig(rig, 1, 0);
	rig->model->hold = true;
	push(rig, 0, 3);
	rig->model->never_reset = true;
	rig->model->function.reset_supported = false;
	assert_int_equal(vionet_device_recover(rig->device, NULL), -ETIMEDOUT);
	assert_int_equal(vionet_device_info(rig->device, &info), 0);
	assert_true(info.broken);
	assert_true(info.quarantined >= 4);
	rig->model->never_reset = false;
	drop_rig(rig);
}

/* proves: GEN-32 GEN-33 GEN-34 GEN-35 GEN-36 GEN-37 */
static void suspend_and_resume(void **state)
{
	struct rig *rig = raise_rig(2);
	struct vionet_queue *rx, *tx;
	struct vionet_packet *packet;
	uint8_t ring[16 * 16], driver_area[4];
	const struct model_queue *q;
	unsigned int doorbells;
	uint32_t events;

	(void)state;
	start_rig(rig, 2, 0);
	rx = vionet_device_rx_queue(rig->device, 0);
	tx = vionet_device_tx_queue(rig->device, 0);
	assert_int_equal(vionet_device_suspend(rig->device), 0);
	assert_int_equal(rig->model->status & 0x14, 0x10);
	assert_int_equal(vionet_device_suspend(rig->device), 0);
	/* No buffer, no notification, no command; no false alarm. */
	doorbells = rig->model->doorbells;
	q = &rig->model->queue[0];
	memcpy(ring, model_at(rig->model, q->desc, sizeof(ring), false),
	       sizeof(ring));
	memcpy(driver_area, model_at(rig->model, q->avail, 4, false), 4);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, 0, 64);
	packet->length = 64;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 0);
	assert_int_equal(take(rx), 0);
	assert_int_equal(vionet_queue_wait(rx, 0, 30), 0);
	assert_int_equal(vionet_filter_vlan_add(rig->device, 1), -ENETDOWN);
	assert_text("suspended");
	assert_int_equal(vionet_queue_reset(rx, NULL), -ENETDOWN);
	/* An order that cannot be given does not wake the queues. */
	assert_int_equal(vionet_queue_pairs_set(rig->device, 2), -ENETDOWN);
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 0);
	assert_int_equal(vionet_device_events(rig->device, &events), 0);
	assert_int_equal(events, 0);
	assert_int_equal(rig->model->doorbells, doorbells);
	assert_memory_equal(ring, model_at(rig->model, q->desc, sizeof(ring), false),
			    sizeof(ring));
	assert_memory_equal(driver_area, model_at(rig->model, q->avail, 4, false),
			    4);

	assert_int_equal(vionet_device_resume(rig->device), 0);
	assert_int_equal(rig->model->status & 0x14, 4);
	assert_int_equal(vionet_device_resume(rig->device), 0);
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	assert_int_equal(rig->model->sent, 1);
	deliver(rig, 5);
	assert_int_equal(take(rx), 5);
	assert_int_equal(vionet_filter_vlan_add(rig->device, 1), 0);
	drop_rig(rig);
}

/* proves: GEN-33 GEN-37 */
static void suspending_that_does_not_happen(void **state)
{
	struct rig *rig = raise_rig(1);
	struct watch begin;

	(void)state;
	start_rig(rig, 1, 0);
	rig->model->stuck_status = 0x10;
	begin = watch_start();
	assert_int_equal(vionet_device_suspend(rig->device), -ETIMEDOUT);
	assert_true(watch_within(begin, 1.0, 1.2));
	rig->model->stuck_status = 0;
	assert_int_equal(vionet_device_recover(rig->device, NULL), 0);
	push(rig, 0, 1);
	assert_int_equal(rig->model->sent, 1);
	/* It would rather be reset. */
	rig->model->status |= 0x40;
	assert_int_equal(vionet_device_suspend(rig->device), -EIO);
	assert_text("needs a reset");
	assert_int_equal(vionet_device_recover(rig->device, NULL), 0);
	drop_rig(rig);
}

static void a_stopped_device_is_not_suspended(void **state)
{
	struct rig *rig = raise_rig(1);

	(void)state;
	start_rig(rig, 1, 0);
	assert_int_equal(vionet_device_stop(rig->device), 0);
	assert_int_equal(vionet_device_suspend(rig->device), -ENETDOWN);
	assert_int_equal(vionet_device_recover(rig->device, NULL), -ENETDOWN);
	drop_rig(rig);
}

/* A suspended device can be stopped, recovered and closed. */
static void a_suspended_device_is_recovered(void **state)
{
	struct rig *rig = raise_rig(1);

	(void)state;
	start_rig(rig, 1, 0);
	assert_int_equal(vionet_device_suspend(rig->device), 0);
	assert_int_equal(vionet_device_recover(rig->device, NULL), 0);
	push(rig, 0, 2);
	assert_int_equal(rig->model->sent, 2);
	assert_int_equal(vionet_device_suspend(rig->device), 0);
	assert_int_equal(vionet_device_stop(rig->device), 0);
	assert_int_equal(vionet_device_start(rig->device, NULL), 0);
	push(rig, 0, 1);
	assert_int_equal(rig->model->sent, 3);
	assert_int_equal(vionet_device_suspend(rig->device), 0);
	drop_rig(rig);
}

/* Each step of a recovery fails in turn: an error, no leak, and a device that can be
 * started. */
static void recovery_fails_at_every_step(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (unsigned int n = 1; n < 2000; n++) {
		struct rig *rig = raise_rig(2);
		int result;

		start_rig(rig, 2, 20);
		rig->model->accesses = 0;
		rig->model->fail_access = n;
		result = vionet_device_recover(rig->device, NULL);
		rig->model->fail_access = 0;
		if (result != 0) {
			failed++;
			assert_null(vionet_device_rx_queue(rig->device, 0));
			assert_int_equal(vionet_device_start(rig->device, NULL),
					 0);
		}
		push(rig, 0, 1);
		drop_rig(rig);
		if (result == 0 && n > 400)
			break;
	}
	assert_true(failed > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(j01_needs_reset_in_mid_traffic),
		cmocka_unit_test(j02_needs_reset_without_interrupt),
		cmocka_unit_test(j03_needs_it_again_and_again),
		cmocka_unit_test(j12_driver_ok_cleared_by_itself),
		cmocka_unit_test(j13_comes_back_with_less),
		cmocka_unit_test(what_it_refuses_the_second_time_is_an_error),
		cmocka_unit_test(a_slow_device_is_given_up),
		cmocka_unit_test(a_device_that_will_not_be_reset_is_given_up),
		cmocka_unit_test(suspend_and_resume),
		cmocka_unit_test(suspending_that_does_not_happen),
		cmocka_unit_test(a_stopped_device_is_not_suspended),
		cmocka_unit_test(a_suspended_device_is_recovered),
		cmocka_unit_test(recovery_fails_at_every_step),
	};

	return run_rigs(tests);
}
