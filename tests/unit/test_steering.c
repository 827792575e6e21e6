/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several queue pairs, against the model: MQ, RSS, RSS contexts, pools, shared
 * vectors, and devices whose numbers make no sense.
 */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/unit/control_env.h"

/* Send one frame on a pair; returns how many were accepted. */
static uint32_t send_one(struct control_env *env, unsigned int pair)
{
	struct vionet_queue *tx = vionet_device_tx_queue(env->device, pair);
	struct vionet_packet *packet;
	uint32_t taken;

	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1), 1);
	memset(packet->data, 0, 64);
	packet->length = 64;
	taken = vionet_queue_transmit(tx, &packet, 1);
	if (taken == 0)
		vionet_packet_free(&packet, 1);
	model_control_transmit(env->c, pair);
	return taken;
}

/* proves: NET-11 NET-61 CVQ-17 CVQ-22 */
static void all_pairs_are_in_use_after_start(void **state)
{
	static const unsigned int counts[] = { 1, 2, 4, 128 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct control_env *env = control_env_create(128);
		struct vionet_device_info info = { .struct_size = sizeof(info) };

		control_env_start(env, counts[i], 0);
		assert_int_equal(env->c->active, counts[i]);
		/* A device starts with one pair: no command is needed. */
		assert_int_equal(env->c->commands, counts[i] > 1);
		assert_int_equal(vionet_device_info(env->device, &info), 0);
		assert_int_equal(info.queue_pairs, counts[i]);
		assert_int_equal(info.max_queue_pairs, 128);
		for (unsigned int p = 0; p < counts[i]; p++) {
			unsigned int buffers = 0;
			size_t room;

			assert_non_null(vionet_device_rx_queue(env->device, p));
			assert_int_equal(send_one(env, p), 1);
			assert_int_equal(env->model->queue[2 * p].enabled, 1);
			/* All receive queues are full. */
			while (model_take(env->model, 2 * p, NULL, 0, &room) >= 0)
				buffers++;
			assert_int_equal(buffers, 16);
		}
		assert_null(vionet_device_rx_queue(env->device, counts[i]));
		control_env_destroy(env);
	}
}

/* The order on the wire: all queues set up and enabled, DRIVER_OK, buffers, and
 * only then the command. */
/* proves: CVQ-17 */
static void queues_are_set_up_before_they_are_turned_on(void **state)
{
	struct control_env *env = control_env_create(2);

	(void)state;
	control_env_start(env, 2, 0);
	assert_non_null(strstr(env->model->log,
			       "master+ enable0 enable1 enable2 enable3 enable4 "
			       "status=15 doorbell0 doorbell2 doorbell4 "));
	control_env_destroy(env);
}

/* proves: CVQ-18 CVQ-20 CVQ-21 CVQ-23 */
static void pairs_come_and_go(void **state)
{
	struct control_env *env = control_env_create(4);
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	(void)state;
	control_env_start(env, 4, 0);
	assert_int_equal(vionet_queue_pairs_set(env->device, 2), 0);
	assert_int_equal(env->c->active, 2);
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_int_equal(info.queue_pairs, 2);
	assert_int_equal(send_one(env, 1), 1);
	assert_int_equal(send_one(env, 2), 0);
	assert_int_equal(send_one(env, 3), 0);
	assert_int_equal(vionet_queue_pairs_set(env->device, 4), 0);
	assert_int_equal(send_one(env, 3), 1);
	assert_int_equal(vionet_queue_pairs_set(env->device, 1), 0);
	assert_int_equal(env->c->active, 1);
	assert_int_equal(vionet_queue_pairs_set(env->device, 0), -EINVAL);
	assert_int_equal(vionet_queue_pairs_set(env->device, 5), -EINVAL);
	assert_int_equal(env->c->active, 1);
	/* Refused: as before. */
	env->c->refuse_class = 4;
	assert_int_equal(vionet_queue_pairs_set(env->device, 3), -EREMOTEIO);
	assert_int_equal(send_one(env, 0), 1);
	assert_int_equal(send_one(env, 1), 0);
	control_env_destroy(env);
}

/* No reply: the result is unknown, so the smaller number holds. */
/* proves: CVQ-19 CVQ-20 */
static void pairs_with_an_unknown_state_are_not_used(void **state)
{
	struct control_env *env = control_env_create(4);

	(void)state;
	control_env_start(env, 4, 20);
	env->c->silent = true;
	assert_int_equal(vionet_queue_pairs_set(env->device, 2), -ETIMEDOUT);
	assert_int_equal(send_one(env, 1), 1);
	assert_int_equal(send_one(env, 2), 0);
	model_control_late(env->c, 0);
	env->c->silent = false;
	assert_int_equal(vionet_queue_pairs_set(env->device, 4), 0);
	assert_int_equal(send_one(env, 3), 1);
	control_env_destroy(env);
}

/* proves: CVQ-27 CVQ-28 CVQ-31 CVQ-16 */
static void rss_by_default(void **state)
{
	struct control_env *env = control_env_create(4);
	struct vionet_rss rss = { .struct_size = sizeof(rss) };

	(void)state;
	control_env_start(env, 3, 0);
	assert_int_equal(vionet_rss_set(env->device, &rss), 0);
	assert_true(env->c->rss.set);
	assert_int_equal(env->c->rss.entries, 128);
	assert_int_equal(env->c->rss.hash_types, 0x1ff);
	assert_int_equal(env->c->rss.key_size, 40);
	assert_int_equal(env->c->rss.key[0], 0x6d);
	assert_int_equal(env->c->rss.max_tx, 3);
	for (unsigned int i = 0; i < 128; i++)
		assert_int_equal(env->c->rss.table[i], i % 3);
	/* Of several commands the last one counts. */
	assert_int_equal(vionet_queue_pairs_set(env->device, 2), 0);
	assert_false(env->c->rss.set);
	assert_int_equal(vionet_rss_set(env->device, &rss), 0);
	assert_true(env->c->rss.set);
	assert_int_equal(send_one(env, 2), 1);
	control_env_destroy(env);
}

/* proves: CVQ-27 CVQ-28 CVQ-29 CVQ-30 CVQ-31 CVQ-32 */
static void rss_in_full_and_its_limits(void **state)
{
	static const uint16_t table[4] = { 2, 1, 2, 0 };
	static const uint16_t beyond[4] = { 0, 3, 0, 0 };
	static const uint8_t key[40] = { 9, 8, 7 };
	struct vionet_rss good = {
		.struct_size = sizeof(good),
		.hash_types = VIONET_HASH_TCPV4 | VIONET_HASH_UDPV6,
		.table = table,
		.table_size = 4,
		.unclassified = 1,
		.tx_queues = 2,
		.key = key,
		.key_size = 40,
	}, bad = { .struct_size = sizeof(bad) };
	struct vionet_steering_limits limits = { .struct_size = sizeof(limits) };
	struct control_env *env = control_env_create(4);
	unsigned int before;

	(void)state;
	control_env_start(env, 3, 0);
	assert_int_equal(vionet_steering_limits(env->device, &limits), 0);
	assert_int_equal(limits.queue_pairs, 4);
	assert_int_equal(limits.table_entries, 128);
	assert_int_equal(limits.key_size, 40);
	assert_int_equal(limits.hash_types, 0x1ff);
	assert_int_equal(vionet_rss_set(env->device, &good), 0);
	assert_int_equal(env->c->rss.entries, 4);
	assert_int_equal(env->c->rss.table[0], 2);
	assert_int_equal(env->c->rss.unclassified, 1);
	assert_int_equal(env->c->rss.max_tx, 2);
	assert_int_equal(env->c->rss.hash_types, 2 | 1 << 5);
	assert_memory_equal(env->c->rss.key, key, 40);
	/* max_tx_vq says how many may be transmitted on. */
	assert_int_equal(send_one(env, 1), 1);
	assert_int_equal(send_one(env, 2), 0);

	before = env->c->commands;
#define BAD(change, text)                                                  \
	do {                                                               \
		bad = good;                                                \
		change;                                                    \
		assert_int_equal(vionet_rss_set(env->device, &bad), -EINVAL); \
		assert_text(text);                                         \
	} while (0)
	BAD(bad.table_size = 3, "power of two");
	BAD(bad.table_size = 256; bad.table = NULL, "up to 128");
	BAD(bad.table_size = 0, "power of two");
	BAD(bad.table = beyond,
	    "entry 1 of the table names pair 3");
	BAD(bad.unclassified = 3, "unclassified");
	BAD(bad.tx_queues = 4, "transmission");
	BAD(bad.hash_types = 1 << 9, "supports 0x1ff");
	BAD(bad.key_size = 41, "takes 40");
	assert_int_equal(env->c->commands, before);
	good.hash_types = VIONET_HASH_NONE;
	assert_int_equal(vionet_rss_set(env->device, &good), 0);
	assert_int_equal(env->c->rss.hash_types, 0);
	control_env_destroy(env);
}

/* Where there is only RSS, pairs are turned on with it. */
static void rss_alone_turns_pairs_on(void **state)
{
	struct control_env *env = control_env_create(4);

	(void)state;
	withhold(env, 22);
	control_env_start(env, 4, 0);
	assert_true(env->c->rss.set);
	assert_int_equal(env->c->rss.max_tx, 4);
	assert_int_equal(send_one(env, 3), 1);
	assert_int_equal(vionet_queue_pairs_set(env->device, 2), 0);
	assert_int_equal(env->c->rss.max_tx, 2);
	for (unsigned int i = 0; i < env->c->rss.entries; i++)
		assert_int_equal(env->c->rss.table[i], i % 2);
	assert_int_equal(send_one(env, 3), 0);
	control_env_destroy(env);
}

/* proves: CVQ-33 CVQ-34 CVQ-35 CVQ-36 */
static void rss_contexts(void **state)
{
	struct control_env *env = control_env_create(4);
	struct vionet_rss rss = { .struct_size = sizeof(rss) };
	uint16_t limit;

	(void)state;
	control_env_start(env, 4, 0);
	assert_int_equal(vionet_rss_context_limit(env->device, &limit), 0);
	assert_int_equal(limit, MODEL_CONTEXTS);
	assert_int_equal(vionet_rss_context_add(env->device, 0, &rss), -EINVAL);
	assert_int_equal(vionet_rss_context_add(env->device, 5, &rss), -EINVAL);
	assert_int_equal(vionet_rss_context_modify(env->device, 2, &rss), -ENOENT);
	assert_int_equal(vionet_rss_context_delete(env->device, 2), -ENOENT);
	assert_int_equal(vionet_rss_context_add(env->device, 2, &rss), 0);
	assert_true(env->c->context[1].set);
	assert_int_equal(vionet_rss_context_add(env->device, 2, &rss), -EEXIST);
	assert_int_equal(vionet_queue_pairs_set(env->device, 2), -EBUSY);
	rss.unclassified = 3;
	assert_int_equal(vionet_rss_context_modify(env->device, 2, &rss), 0);
	assert_int_equal(env->c->context[1].unclassified, 3);
	/* It is restored as it was modified. */
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_true(env->c->context[1].set);
	assert_int_equal(env->c->context[1].unclassified, 3);
	assert_int_equal(vionet_rss_context_delete(env->device, 2), 0);
	assert_false(env->c->context[1].set);
	assert_int_equal(vionet_queue_pairs_set(env->device, 2), 0);
	control_env_destroy(env);
}

static void too_many_pairs_are_refused(void **state)
{
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.queue_pairs = 5 };
	struct control_env *env = control_env_create(4);
	struct vionet_pool *pool;

	(void)state;
	control_env_start(env, 4, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_device_start(env->device, &options), -ENOTSUP);
	assert_text("the device has 4 queue pairs, not 5");
	options.queue_pairs = 129;
	assert_int_equal(vionet_device_start(env->device, &options), -EINVAL);
	/* A pool is one thread's. */
	options.queue_pairs = 2;
	assert_int_equal(vionet_pool_create(env->device, NULL, &pool), 0);
	options.rx_pool = pool;
	assert_int_equal(vionet_device_start(env->device, &options), -EINVAL);
	assert_text("rx_pools");
	control_env_destroy(env);

	env = control_env_create(4);
	withhold(env, 22);
	withhold(env, 60);
	env->c->pairs = 1;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_device_start(env->device, &options), -EINVAL);
	options.rx_pool = NULL;
	assert_int_equal(vionet_device_start(env->device, &options), -ENOTSUP);
	control_env_destroy(env);
}

static void a_pool_for_each_pair(void **state)
{
	struct vionet_pool *rx[2], *tx[2];
	struct vionet_start_options options = {
		.struct_size = sizeof(options),
		.queue_pairs = 2, .rx_pools = rx, .tx_pools = tx,
		.rx_queue_size = 16, .tx_queue_size = 16,
	};
	struct control_env *env = control_env_create(2);

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(vionet_pool_create(env->device, NULL, &rx[i]), 0);
		assert_int_equal(vionet_pool_create(env->device, NULL, &tx[i]), 0);
	}
	assert_int_equal(vionet_device_start(env->device, &options), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_ptr_equal(vionet_queue_pool(vionet_device_rx_queue(
					 env->device, i)), rx[i]);
		assert_ptr_equal(vionet_queue_pool(vionet_device_tx_queue(
					 env->device, i)), tx[i]);
		assert_int_equal(vionet_pool_destroy(rx[i]), -EBUSY);
	}
	assert_int_equal(vionet_device_stop(env->device), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(vionet_pool_destroy(rx[i]), 0);
		assert_int_equal(vionet_pool_destroy(tx[i]), 0);
	}
	control_env_destroy(env);
}

/* ---- vectors ---- */

/* proves: PCI-45 PCI-57 */
static void vectors_are_dealt_out(void **state)
{
	/* Four pairs: vectors allowed, then those of queues 0 to 7. */
	static const struct {
		unsigned int allowed;
		uint16_t vector[8];
	} rows[] = {
		{ 0, { 1, 2, 3, 4, 5, 6, 7, 8 } },
		{ 9, { 1, 2, 3, 4, 5, 6, 7, 8 } },
		{ 8, { 1, 1, 2, 2, 3, 3, 4, 4 } },
		{ 5, { 1, 1, 2, 2, 3, 3, 4, 4 } },
		{ 4, { 1, 1, 2, 2, 3, 3, 1, 1 } },
		{ 2, { 1, 1, 1, 1, 1, 1, 1, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vionet_start_options options = {
			.struct_size = sizeof(options),
			.queue_pairs = 4, .vectors = rows[i].allowed,
		};
		struct control_env *env = control_env_create(4);

		control_env_start(env, 1, 0);
		assert_int_equal(vionet_device_stop(env->device), 0);
		assert_int_equal(vionet_device_start(env->device, &options), 0);
		for (unsigned int q = 0; q < 8; q++) {
			struct vionet_queue *queue = q % 2 ?
				vionet_device_tx_queue(env->device, q / 2) :
				vionet_device_rx_queue(env->device, q / 2);

			assert_int_equal(env->model->queue[q].vector,
					 rows[i].vector[q]);
			assert_true(vionet_queue_fd(queue) >= 0);
		}
		/* The control queue is polled. */
		assert_int_equal(env->model->queue[8].vector, 0xffff);
		control_env_destroy(env);
	}
}

static void one_vector_leaves_none_for_queues(void **state)
{
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.queue_pairs = 4, .vectors = 1 };
	struct control_env *env = control_env_create(4);

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_device_start(env->device, &options), 0);
	assert_int_equal(env->model->config_vector, 0);
	assert_int_equal(vionet_queue_fd(vionet_device_rx_queue(env->device, 3)),
			 -ENOTSUP);
	control_env_destroy(env);
}

static void *wait_for_work(void *argument)
{
	struct vionet_queue *queue = argument;
	struct watch begin = watch_start();

	while (vionet_queue_wait(queue, 0, -1) == 0 && watch_took(begin) < TEST_TIMEOUT_S)
		;
	return NULL;
}

/* Two queues on one vector, each with its thread: an interrupt for one wakes it even if
 * the other reads the eventfd first. */
/* proves: PCI-57 PCI-58 */
static void a_shared_interrupt_wakes_both_queues(void **state)
{
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.queue_pairs = 2, .vectors = 2 };
	struct control_env *env = control_env_create(2);
	struct vionet_queue *rx[2];
	struct pollfd p[2];

	(void)state;
	control_env_start(env, 1, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_device_start(env->device, &options), 0);
	for (unsigned int i = 0; i < 2; i++) {
		rx[i] = vionet_device_rx_queue(env->device, i);
		assert_int_equal(vionet_queue_arm(rx[i]), 0);
		p[i] = (struct pollfd){ vionet_queue_fd(rx[i]), POLLIN, 0 };
	}
	assert_true(p[0].fd != p[1].fd);
	for (unsigned int round = 0; round < 3; round++) {
		assert_int_equal(poll(p, 2, 0), 0);
		model_interrupt(env->model, 0);
		assert_int_equal(poll(p, 2, 0), 2);
		/* The first reads the eventfd; the second is still woken. */
		vionet_queue_disarm(rx[0]);
		assert_int_equal(poll(p, 2, 0), 1);
		assert_int_equal(p[1].revents, POLLIN);
		vionet_queue_disarm(rx[1]);
	}
	{
		/* With threads: both wake within far less than the second after
		 * which they would look by themselves. */
		pthread_t thread[2];
		struct watch begin = watch_start();
		uint8_t frame[64] = { 0 };

		for (unsigned int i = 0; i < 2; i++)
			assert_int_equal(pthread_create(&thread[i], NULL,
							wait_for_work, rx[i]),
					 0);
		while (!model_wants_interrupt(env->model, 0) ||
		       !model_wants_interrupt(env->model, 2))
			poll(NULL, 0, 1);
		poll(NULL, 0, 20);
		model_deliver(env->model, frame, sizeof(frame), 0, -1);
		/* The same for the other queue, by hand. */
		{
			size_t room;
			int id = model_take(env->model, 2, NULL, 0, &room);

			model_used(env->model, 2, (uint32_t)id, 76, 1);
		}
		model_interrupt(env->model, 0);
		for (unsigned int i = 0; i < 2; i++)
			pthread_join(thread[i], NULL);
		assert_true(watch_own(begin) < 0.9);
	}
	control_env_destroy(env);
}

/* ---- numbers that make no sense ---- */

/* B16: an invalid number of pairs, or more queues than exist. MQ and RSS are not
 * available; one pair is, with its control queue. */
static void b16_pairs_that_cannot_be(void **state)
{
	static const unsigned int pairs[] = { 0, 0x8001, 0xffff, 5, 0x7fff };

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct control_env *env = control_env_create(4);
		struct vionet_device_info info = { .struct_size = sizeof(info) };

		env->model->net_config[8] = (uint8_t)pairs[i];
		env->model->net_config[9] = (uint8_t)(pairs[i] >> 8);
		env->c->pairs = 1;
		control_env_start(env, 1, 0);
		assert_true((env->model->accepted[0] &
			     (1ull << 22 | 1ull << 60)) == 0);
		assert_true(env->model->accepted[1] == 0); /* RSS_CONTEXT */
		assert_int_equal(vionet_device_info(env->device, &info), 0);
		assert_int_equal(info.max_queue_pairs, 1);
		assert_int_equal(vionet_filter_vlan_add(env->device, 3), 0);
		assert_true(env->c->vlan[3]);
		control_env_destroy(env);
	}
}

/* QEMU has the queues of further pairs only once MQ was accepted. */
static void queues_that_come_with_mq(void **state)
{
	struct control_env *env = control_env_create(4);
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	(void)state;
	env->model->queues_with_mq = true;
	control_env_start(env, 4, 0);
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_int_equal(info.max_queue_pairs, 4);
	assert_int_equal(info.queue_pairs, 4);
	assert_int_equal(info.queues, 9);
	/* After a reset it has three again. */
	assert_int_equal(vionet_device_recover(env->device, NULL), 0);
	assert_int_equal(env->c->active, 4);
	control_env_destroy(env);
}

/* B17: it changes its mind later. */
static void b17_pairs_that_grow_are_ignored(void **state)
{
	struct control_env *env = control_env_create(4);
	struct vionet_steering_limits limits = { .struct_size = sizeof(limits) };
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_link link = { .struct_size = sizeof(link) };

	(void)state;
	control_env_start(env, 4, 0);
	env->model->net_config[8] = 100;
	assert_int_equal(vionet_device_link(env->device, &link), 0);
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_int_equal(info.max_queue_pairs, 4);
	assert_int_equal(vionet_steering_limits(env->device, &limits), 0);
	assert_int_equal(limits.queue_pairs, 4);
	assert_int_equal(vionet_queue_pairs_set(env->device, 5), -EINVAL);
	env->model->net_config[8] = 4;
	control_env_destroy(env);
}

/* B18: keys and tables below what a device must allow. A table whose largest size is
 * no power of two is allowed: the largest power of two inside is used. */
static void b18_rss_limits_that_cannot_be(void **state)
{
	static const struct {
		uint8_t key;
		uint16_t table;
		bool rss, hash;
		unsigned int entries;
	} rows[] = {
		{ 39, 128, false, false, 0 }, { 0, 128, false, false, 0 },
		{ 40, 0, false, true, 0 },    { 40, 127, false, true, 0 },
		{ 40, 200, true, true, 128 }, { 255, 128, true, true, 128 },
		{ 52, 65535, true, true, 32768 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct control_env *env = control_env_create(2);
		struct vionet_steering_limits limits = { .struct_size = sizeof(limits) };

		env->model->net_config[17] = rows[i].key;
		env->model->net_config[18] = (uint8_t)rows[i].table;
		env->model->net_config[19] = (uint8_t)(rows[i].table >> 8);
		control_env_start(env, 2, 0);
		assert_int_equal(env->model->accepted[0] >> 60 & 1, rows[i].rss);
		assert_int_equal(env->model->accepted[0] >> 57 & 1, rows[i].hash);
		assert_int_equal(vionet_steering_limits(env->device, &limits), 0);
		assert_int_equal(limits.table_entries, rows[i].entries);
		control_env_destroy(env);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pairs_are_in_use_after_start),
		cmocka_unit_test(queues_are_set_up_before_they_are_turned_on),
		cmocka_unit_test(pairs_come_and_go),
		cmocka_unit_test(pairs_with_an_unknown_state_are_not_used),
		cmocka_unit_test(rss_by_default),
		cmocka_unit_test(rss_in_full_and_its_limits),
		cmocka_unit_test(rss_alone_turns_pairs_on),
		cmocka_unit_test(rss_contexts),
		cmocka_unit_test(too_many_pairs_are_refused),
		cmocka_unit_test(a_pool_for_each_pair),
		cmocka_unit_test(vectors_are_dealt_out),
		cmocka_unit_test(one_vector_leaves_none_for_queues),
		cmocka_unit_test(a_shared_interrupt_wakes_both_queues),
		cmocka_unit_test(b16_pairs_that_cannot_be),
		cmocka_unit_test(queues_that_come_with_mq),
		cmocka_unit_test(b17_pairs_that_grow_are_ignored),
		cmocka_unit_test(b18_rss_limits_that_cannot_be),
	};

	return run_split_and_packed(tests);
}
