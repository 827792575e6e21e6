/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices that misuse the control queue (H01 to H10 of the catalogue of device
 * faults): no call outlives its deadline, no answer goes where it does not belong,
 * and packets go on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "driver/control/command.h"
#include "tests/unit/control_env.h"

#define TIMEOUT_MS 150

static int tell(struct control_env *env)
{
	return vionet_filter_mode_set(env->device, VIONET_FILTER_PROMISC, true);
}

/* A frame goes out: the other queues do not care. */
static void assert_packets_go_on(struct control_env *env)
{
	struct vionet_queue *tx = vionet_device_tx_queue(env->device, 0);
	uint64_t sent = env->model->sent;
	struct vionet_packet *packet;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, 0, 64);
	packet->length = 64;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
	assert_true(env->model->sent == sent + 1);
	assert_int_equal(vionet_queue_check(tx), 0);
}

static void h01_never_replies(void **state)
{
	struct control_env *env = control_env_create(1);
	unsigned int before;
	uint32_t events;
	struct watch begin;

	(void)state;
	control_env_start(env, 1, TIMEOUT_MS);
	env->c->silent = true;
	begin = watch_start();
	assert_int_equal(tell(env), -ETIMEDOUT);
	assert_text("within 150 ms");
	assert_true(watch_within(begin, TIMEOUT_MS / 1e3, TIMEOUT_MS / 1e3 + 0.1));
	/* The next one fails at once, and the device is told nothing more. */
	before = env->c->commands;
	begin = watch_start();
	assert_int_equal(vionet_filter_vlan_add(env->device, 1), -EBUSY);
	assert_text("PROMISC on");
	assert_true(watch_own(begin) < 0.03);
	assert_int_equal(env->c->commands, before);
	assert_int_equal(vionet_control_check(env->device), -EIO);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_QUEUE_BROKEN);
	assert_packets_go_on(env);
	/* A device that is not even looking: as well. */
	env->c->silent = false;
	env->c->deaf = true;
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_int_equal(tell(env), -ETIMEDOUT);
	env->c->deaf = false;
	/* Recovery heals it. */
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_int_equal(vionet_control_check(env->device), 0);
	assert_int_equal(tell(env), 0);
	control_env_destroy(env);
}

/* The default is half a second. */
static void h01_by_default_half_a_second(void **state)
{
	struct control_env *env = control_env_create(1);
	struct watch begin;

	(void)state;
	control_env_start(env, 1, 0);
	env->c->silent = true;
	begin = watch_start();
	assert_int_equal(tell(env), -ETIMEDOUT);
	assert_true(watch_within(begin, 0.5, 0.6));
	control_env_destroy(env);
}

/* A missed notification is repeated within the deadline. */
static void h01_a_missed_notification_is_repeated(void **state)
{
	struct control_env *env = control_env_create(1);
	unsigned int before;

	(void)state;
	control_env_start(env, 1, 350);
	env->c->deaf = true;
	before = env->model->doorbells;
	assert_int_equal(tell(env), -ETIMEDOUT);
	assert_in_range(env->model->doorbells - before, 3, 4);
	control_env_destroy(env);
}

/* The answer that comes too late gives the slot back and is not looked at: neither
 * it nor its result reaches the command after it. */
static void h02_replies_after_the_timeout(void **state)
{
	struct control_env *env = control_env_create(1);
	unsigned int commands;
	uint32_t events;
	uint64_t types = 1;

	(void)state;
	control_env_start(env, 1, TIMEOUT_MS);
	env->c->silent = true;
	assert_int_equal(vionet_stats_types(env->device, &types), -ETIMEDOUT);
	assert_true(types == 0);
	assert_int_equal(tell(env), -EBUSY);
	/* Nor is an announcement acknowledged now. */
	commands = env->c->commands;
	env->model->net_config[6] |= 2;
	model_interrupt(env->model, -1);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events & VIONET_EVENT_ANNOUNCE, 0);
	assert_int_equal(env->c->commands, commands);
	env->model->net_config[6] &= (uint8_t)~2;
	env->c->silent = false;
	model_control_late(env->c, 1);
	assert_int_equal(vionet_control_check(env->device), 0);
	assert_int_equal(tell(env), 0);
	assert_int_equal(env->c->mode[0], 1);
	assert_int_equal(vionet_stats_types(env->device, &types), 0);
	assert_true(types == env->c->statistics);
	/* What was not answered is not among what is told again. */
	env->c->silent = true;
	assert_int_equal(vionet_filter_vlan_add(env->device, 9), -ETIMEDOUT);
	env->c->silent = false;
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_false(env->c->vlan[9]);
	assert_int_equal(env->c->mode[0], 1);
	control_env_destroy(env);
}

/* While the device has a command, its memory is not written to. */
static void h02_the_slot_of_a_late_command_is_left_alone(void **state)
{
	struct control_env *env = control_env_create(1);
	const struct model_element *part;
	uint8_t request[16], reply[16];

	(void)state;
	control_env_start(env, 1, TIMEOUT_MS);
	env->c->silent = true;
	assert_int_equal(vionet_filter_vlan_add(env->device, 0x321), -ETIMEDOUT);
	/* Class and command are the first part, the ack is the last. */
	part = env->model->queue[2].element;
	memcpy(request, model_at(env->model, part[0].address, 16, false), 16);
	memcpy(reply, model_at(env->model, part[2].address & ~15ull, 16, true), 16);
	assert_int_equal(request[8] | request[9] << 8, 0x321);
	assert_int_equal(tell(env), -EBUSY);
	assert_int_equal(vionet_filter_vlan_add(env->device, 7), -EBUSY);
	assert_memory_equal(request, model_at(env->model, part[0].address, 16,
					      false), 16);
	assert_memory_equal(reply, model_at(env->model, part[2].address & ~15ull,
					    16, true), 16);
	/* Neither is it freed: a device that will not be reset keeps it. */
	env->model->never_reset = true;
	env->model->function.reset_supported = false;
	assert_int_equal(vionet_device_stop(env->device), -ETIMEDOUT);
	assert_int_equal(env->model->unmapped_live, 0);
	control_env_destroy(env);
}

/* The device cannot write to requests, only to replies. */
static void requests_are_read_only_for_the_device(void **state)
{
	struct control_env *env = control_env_create(1);
	const struct model_element *part;
	uint64_t request, reply;

	(void)state;
	control_env_start(env, 1, TIMEOUT_MS);
	env->c->silent = true;
	assert_int_equal(tell(env), -ETIMEDOUT);
	part = env->model->queue[2].element;
	request = part[0].address;
	reply = part[env->c->parts - 1].address;
	assert_non_null(model_at(env->model, request, 2, false));
	assert_null(model_at(env->model, request, 2, true));
	assert_non_null(model_at(env->model, reply, 1, true));
	assert_int_equal(env->model->faults, 1);
	env->model->faults = 0;
	control_env_destroy(env);
}

/* proves: CVQ-02 */
static void h03_acks_that_are_none(void **state)
{
	static const int acks[] = { 1, 2, 128, 254, 255 };
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, TIMEOUT_MS);
	for (size_t i = 0; i < sizeof(acks) / sizeof(acks[0]); i++) {
		env->c->ack = acks[i];
		assert_int_equal(tell(env), -EREMOTEIO);
	}
	assert_text("wrote no ack");
	env->c->ack = 2;
	assert_int_equal(tell(env), -EREMOTEIO);
	assert_text("ack is 2");
	env->c->ack = -1;
	env->c->no_answer = true;
	assert_int_equal(tell(env), -EREMOTEIO);
	env->c->no_answer = false;
	assert_int_equal(tell(env), 0);
	control_env_destroy(env);
}

static void h04_completes_another_id(void **state)
{
	static const int ids[] = { 15, 16, 70000 };

	(void)state;
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct control_env *env = control_env_create(1);
		uint32_t events;

		control_env_start(env, 1, TIMEOUT_MS);
		env->c->used_id = ids[i];
		assert_int_equal(tell(env), -EIO);
		assert_text("control queue is broken by the device");
		env->c->used_id = -1;
		assert_int_equal(tell(env), -EIO);
		assert_int_equal(vionet_control_check(env->device), -EIO);
		assert_int_equal(vionet_device_events(env->device, &events), 0);
		assert_int_equal(events, VIONET_EVENT_QUEUE_BROKEN);
		assert_packets_go_on(env);
		assert_int_equal(vionet_device_recover(env->device, NULL), 0);
		assert_int_equal(tell(env), 0);
		control_env_destroy(env);
	}
}

/* More completions than there are commands. A packed ring has no index. */
static void h04_moves_its_index_too_far(void **state)
{
	uint64_t layout = control_env_layout;
	struct control_env *env;

	(void)state;
	control_env_layout = 0;
	env = control_env_create(1);
	control_env_layout = layout;
	control_env_start(env, 1, TIMEOUT_MS);
	env->c->used_advance = 2;
	assert_int_equal(tell(env), -EIO);
	assert_text("jumped by 2");
	control_env_destroy(env);
}

static void h05_lengths(void **state)
{
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, TIMEOUT_MS);
	/* Nothing written, it says: then there is no ack to read. */
	env->c->used_length = 0;
	assert_int_equal(tell(env), -EREMOTEIO);
	/* More than there is room for: only what is there counts. */
	env->c->used_length = 1000000;
	assert_int_equal(tell(env), 0);
	control_env_destroy(env);
}

/* It says yes to a number of pairs and does nothing: what was ordered holds here. */
static void h06_acknowledges_and_does_nothing(void **state)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct control_env *env = control_env_create(2);

	(void)state;
	control_env_start(env, 2, TIMEOUT_MS);
	env->c->refuse_class = 4;
	env->c->ack = 0;
	assert_int_equal(vionet_queue_pairs_set(env->device, 1), 0);
	assert_int_equal(env->c->active, 2);
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_int_equal(info.queue_pairs, 1);
	assert_packets_go_on(env);
	control_env_destroy(env);
}

static void h07_results_longer_than_their_room(void **state)
{
	struct vionet_stat s[VIONET_STATS_MAX + 1];
	struct vionet_coalescing c = { .struct_size = sizeof(c) };
	struct control_env *env = control_env_create(1);
	unsigned int count;
	uint64_t types;
	uint16_t contexts;

	(void)state;
	control_env_start(env, 1, TIMEOUT_MS);
	memset(&s[VIONET_STATS_MAX], 0x5a, sizeof(s[0]));
	env->c->huge_result = true;
	assert_int_equal(vionet_stats_types(env->device, &types), 0);
	assert_true(types == env->c->statistics);
	assert_int_equal(vionet_stats_read(env->device, 0, s, sizeof(*s),
					VIONET_STATS_MAX, &count), 0);
	assert_int_equal(count, 8);
	assert_int_equal(vionet_queue_coalescing_read(
		vionet_device_rx_queue(env->device, 0), &c), 0);
	assert_int_equal(vionet_rss_context_limit(env->device, &contexts), 0);
	env->c->huge_result = false;
	/* And shorter ones: an answer that is cut is none. */
	env->c->used_length = 5;
	assert_int_equal(vionet_stats_types(env->device, &types), -EIO);
	assert_true(types == 0);
	assert_int_equal(vionet_queue_coalescing_read(
		vionet_device_rx_queue(env->device, 0), &c), -EIO);
	env->c->used_length = 2;
	assert_int_equal(vionet_rss_context_limit(env->device, &contexts), -EIO);
	control_env_destroy(env);
}

/* Statistics of size 0 and every other size: the loop is bound by bytes. */
static void h08_replies_of_no_size(void **state)
{
	static const int sizes[] = { 0, 1, 7, 8, 9, 16, 63, 64, 4096, 65535 };
	struct vionet_stat s[VIONET_STATS_MAX];
	struct control_env *env = control_env_create(1);

	(void)state;
	control_env_start(env, 1, TIMEOUT_MS);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned int count = 99;

		env->c->reply_size = sizes[i];
		for (unsigned int huge = 0; huge < 2; huge++) {
			env->c->huge_result = huge;
			assert_int_equal(vionet_stats_read(
				env->device, 0, s, sizeof(*s),
					VIONET_STATS_MAX, &count), 0);
			assert_true(count <= 6 + 2);
		}
		env->c->huge_result = false;
		assert_int_equal(vionet_stats_read(env->device, 0, s, sizeof(*s),
					VIONET_STATS_MAX, &count),
				 0);
		if (sizes[i] < 16 || sizes[i] > 80)
			assert_int_equal(count, 0);
		if (sizes[i] == 16)
			assert_int_equal(count, 1);
	}
	control_env_destroy(env);
}

static void h09_needs_reset_during_a_command(void **state)
{
	struct control_env *env = control_env_create(1);
	uint32_t events;
	struct watch begin;

	(void)state;
	control_env_start(env, 1, 2000);
	env->c->needs_reset_at = 1;
	begin = watch_start();
	assert_int_equal(tell(env), -EIO);
	assert_text("needs a reset");
	assert_true(watch_own(begin) < 0.1);
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_true(events & VIONET_EVENT_NEEDS_RESET);
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_int_equal(tell(env), 0);
	control_env_destroy(env);
}

/* Somebody resets it, or it is unplugged, while it is waited for. */
static void h09_gone_during_a_command(void **state)
{
	struct control_env *env = control_env_create(1);
	struct watch begin = watch_start();
	unsigned int commands;

	(void)state;
	withhold(env, 43); /* SUSPEND */
	control_env_start(env, 1, 2000);
	env->c->deaf = true;
	env->model->removed = true;
	assert_int_equal(tell(env), -ENODEV);
	assert_true(watch_own(begin) < 0.2);
	assert_int_equal(tell(env), -ENODEV);
	/* What comes in its place is another device: it gets no command. */
	env->c->deaf = env->model->removed = false;
	commands = env->c->commands;
	assert_int_equal(tell(env), -ENODEV);
	assert_int_equal(vn_control_post(env->device, 1, 0, "one more"), -ENODEV);
	assert_int_equal(vionet_device_suspend(env->device), -ENODEV);
	assert_int_equal(env->c->commands, commands);
	env->model->removed = true;
	assert_int_equal(vionet_device_recover(env->device, NULL), -ENODEV);
	control_env_destroy(env);
}

static void h10_wants_to_be_announced_for_ever(void **state)
{
	struct control_env *env = control_env_create(1);
	unsigned int announced = 0;
	struct watch begin = watch_start();
	uint32_t events;

	(void)state;
	control_env_start(env, 1, TIMEOUT_MS);
	env->model->net_config[6] |= 2;
	while (watch_took(begin) < 1.5 || announced < 2) {
		model_interrupt(env->model, -1);
		assert_int_equal(vionet_device_events(env->device, &events), 0);
		announced += (events & VIONET_EVENT_ANNOUNCE) != 0;
	}
	/* One at once, then one a second. */
	assert_true(announced <= 1 + (unsigned int)watch_took(begin));
	assert_int_equal(env->c->announce_acks, announced);
	control_env_destroy(env);
}

/* The acknowledgement is not waited for, even if the device never answers it. */
static void h10_no_reply_to_the_acknowledgement(void **state)
{
	struct control_env *env = control_env_create(1);
	uint32_t events;
	struct watch begin;

	(void)state;
	control_env_start(env, 1, 1000);
	env->c->silent = true;
	env->model->net_config[6] |= 2;
	model_interrupt(env->model, -1);
	begin = watch_start();
	assert_int_equal(vionet_device_events(env->device, &events), 0);
	assert_int_equal(events, VIONET_EVENT_ANNOUNCE);
	assert_true(watch_own(begin) < 0.1);
	/* The next command waits for it as long as it may take, no longer. */
	begin = watch_start();
	assert_int_equal(tell(env), -EBUSY);
	assert_text("ANNOUNCE_ACK");
	assert_true(watch_own(begin) < 1.1);
	control_env_destroy(env);
}

/* Somebody else has reset it, and it answers no more: nothing is waited for. */
static void a_device_that_was_reset_by_another(void **state)
{
	struct control_env *env = control_env_create(1);
	uint8_t status;

	(void)state;
	control_env_start(env, 1, 600000);
	status = env->model->status;
	env->c->silent = true;
	env->model->status = 0;
	alarm(60);
	assert_int_equal(tell(env), -EIO);
	alarm(0);
	assert_text("the device was reset, but not by this driver");
	env->model->status = status;
	assert_string_equal(env->c->violation, "a notification without DRIVER_OK");
	env->c->violations = 0;
	control_env_destroy(env);
}

static void silence_during_start_is_a_failure_to_start(void **state)
{
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.queue_pairs = 2 };
	struct control_env *env = control_env_create(2);

	(void)state;
	control_env_start(env, 1, TIMEOUT_MS);
	assert_int_equal(vionet_device_stop(env->device), 0);
	env->c->silent = true;
	assert_int_equal(vionet_device_start(env->device, &options), -ETIMEDOUT);
	assert_text("VQ_PAIRS_SET 2");
	assert_int_equal(env->model->status, 0);
	env->c->silent = false;
	assert_int_equal(vionet_device_start(env->device, &options), 0);
	control_env_destroy(env);
}

/* What it does not forget is set again after a reset, as it was. */
static void what_it_refuses_to_forget(void **state)
{
	struct vionet_rss rss = { .struct_size = sizeof(rss), .hash_types = VIONET_HASH_UDPV4 };
	struct vionet_stat stats[VIONET_STATS_MAX];
	struct control_env *env = control_env_create(2);
	unsigned int count;

	(void)state;
	control_env_start(env, 2, TIMEOUT_MS);
	assert_int_equal(vionet_filter_vlan_add(env->device, 9), 0);
	assert_int_equal(vionet_rss_context_add(env->device, 1, &rss), 0);
	env->c->refuse_class = 2;
	assert_int_equal(vionet_filter_vlan_delete(env->device, 9), -EREMOTEIO);
	assert_text("model: VLAN_DEL: the device refuses it");
	/* Not what is asked before. */
	env->c->refuse_class = 9;
	env->c->refuse_command = 3;
	assert_int_equal(vionet_rss_context_delete(env->device, 1), -EREMOTEIO);
	env->c->refuse_command = 1;
	assert_int_equal(vionet_rss_context_add(env->device, 2, &rss), -EREMOTEIO);
	env->c->refuse_class = 8;
	assert_int_equal(vionet_stats_read(env->device, 0, stats, sizeof(*stats), VIONET_STATS_MAX, &count),
			 -EREMOTEIO);
	assert_int_equal(count, 0);
	env->c->refuse_class = -1;
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_true(env->c->vlan[9]);
	assert_true(env->c->context[0].set && !env->c->context[1].set);
	control_env_destroy(env);
}

static void a_deadline_can_be_too_long(void **state)
{
	struct vionet_open_options options = { .struct_size = sizeof(options),
					       .control_timeout_ms = 60001 };
	struct vionet_device *device;

	(void)state;
	assert_int_equal(vionet_device_open("0000:00:1f.7", &options, &device),
			 -EINVAL);
	assert_text("60001");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(h01_never_replies),
		cmocka_unit_test(h01_by_default_half_a_second),
		cmocka_unit_test(h01_a_missed_notification_is_repeated),
		cmocka_unit_test(h02_replies_after_the_timeout),
		cmocka_unit_test(h02_the_slot_of_a_late_command_is_left_alone),
		cmocka_unit_test(requests_are_read_only_for_the_device),
		cmocka_unit_test(h03_acks_that_are_none),
		cmocka_unit_test(h04_completes_another_id),
		cmocka_unit_test(h04_moves_its_index_too_far),
		cmocka_unit_test(h05_lengths),
		cmocka_unit_test(h06_acknowledges_and_does_nothing),
		cmocka_unit_test(h07_results_longer_than_their_room),
		cmocka_unit_test(h08_replies_of_no_size),
		cmocka_unit_test(h09_needs_reset_during_a_command),
		cmocka_unit_test(h09_gone_during_a_command),
		cmocka_unit_test(h10_wants_to_be_announced_for_ever),
		cmocka_unit_test(h10_no_reply_to_the_acknowledgement),
		cmocka_unit_test(a_device_that_was_reset_by_another),
		cmocka_unit_test(silence_during_start_is_a_failure_to_start),
		cmocka_unit_test(what_it_refuses_to_forget),
		cmocka_unit_test(a_deadline_can_be_too_long),
	};

	return run_split_and_packed(tests);
}
