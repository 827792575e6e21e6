/* SPDX-License-Identifier: BSD-3-Clause */
/* Bad values from the device in bursts, devices that forget buffers or do not stop; and
 * misuse by the application. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "tests/unit/env.h"

static unsigned int released;

static void on_release(void *frame, void *context)
{
	(void)frame;
	assert_ptr_equal(context, &released);
	released++;
}

/* The last buffer that was completed has this used length, as far as the driver sees. */
static void rewrite_used_length(struct model *m, uint32_t id, uint32_t written)
{
	m->queue[0].put--;
	model_used(m, 0, id, written, 1);
}

/* Complete one buffer with this written length, and check what the driver does with it:
 * without some features, and num_buffers 1 in its header. */
static void expect_drop_without(uint64_t features, uint32_t written, uint64_t short_,
				uint64_t long_)
{
	struct env *env = env_start(16, 0, 0, features);
	uint32_t all = vionet_pool_available(vionet_queue_pool(env->rx));
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_packet *p;
	uint8_t frame[60] = { 0 };

	assert_int_equal(model_deliver(env->model, frame, 60, 0, 1), 1);
	rewrite_used_length(env->model, 0, written);
	assert_int_equal(receive_one(env->rx, &p), 0);
	vionet_queue_stats(env->rx, &stats);
	assert_int_equal(stats.dropped_short, short_);
	assert_int_equal(stats.dropped_long, long_);
	assert_int_equal(vionet_queue_check(env->rx), 0);
	/* The buffer is in use again and the queue works. */
	assert_int_equal(vionet_pool_available(vionet_queue_pool(env->rx)), all);
	assert_int_equal(model_deliver(env->model, frame, 60, 0, -1), 1);
	assert_int_equal(receive_one(env->rx, &p), 1);
	vionet_packet_free(&p, 1);
	env_stop(env);
}

static void expect_drop(uint32_t written, uint64_t short_, uint64_t long_)
{
	expect_drop_without(1ull << 15, written, short_, long_);
	expect_drop_without(0, written, short_, long_); /* mergeable */
}

static void wrong_lengths_are_dropped(void **state)
{
	(void)state;
	expect_drop(0, 1, 0);
	expect_drop(11, 1, 0);
	expect_drop(12, 1, 0);
	expect_drop(12 + 13, 1, 0);
	expect_drop(1984 + 12 + 1, 0, 1);
	expect_drop(1984 + 24, 0, 1);
	expect_drop(0xffffffff, 0, 1);
	expect_drop(0x80000000, 0, 1);
}

static void no_buffers_at_all_is_dropped(void **state)
{
	struct env *env = env_start(16, 0, 0, 0);
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_packet *p;
	uint8_t frame[60] = { 0 };

	(void)state;
	assert_int_equal(model_deliver(env->model, frame, 60, 0, 0), 1);
	assert_int_equal(model_deliver(env->model, frame, 60, 0, 1), 1);
	assert_int_equal(receive_one(env->rx, &p), 1);
	vionet_packet_free(&p, 1);
	vionet_queue_stats(env->rx, &stats);
	assert_int_equal(stats.dropped_chain, 1);
	env_stop(env);
}

/* num_buffers above the number in flight puts the queue in error; its first buffer counts
 * as returned, whether one packet was wanted or several. */
static void more_buffers_than_entries_break_it(void **state)
{
	uint8_t frame[60] = { 0 };

	(void)state;
	for (uint32_t wanted = 1; wanted <= 8; wanted += 7) {
		struct env *env = env_start(16, 0, 0, 0);
		struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
		struct vionet_packet *p[8];

		assert_int_equal(model_deliver(env->model, frame, 60, 0, 17), 1);
		assert_int_equal(vionet_queue_receive(env->rx, p, wanted), 0);
		assert_int_equal(vionet_queue_check(env->rx), -EIO);
		vionet_queue_stats(env->rx, &stats);
		assert_int_equal(stats.in_flight, 15);
		env_stop(env);
	}
}

/* Without MRG_RXBUF, num_buffers means nothing. */
static void num_buffers_is_ignored_without_mergeable(void **state)
{
	struct env *env = env_start(16, 0, 0, 1ull << 15);
	struct vionet_packet *p;
	uint8_t frame[60] = { 0 };

	(void)state;
	assert_int_equal(model_deliver(env->model, frame, 60, 0, 7), 1);
	assert_int_equal(receive_one(env->rx, &p), 1);
	vionet_packet_free(&p, 1);
	env_stop(env);
}

static void chain_of_more_than_a_frame_is_dropped(void **state)
{
	struct env *env = env_start(64, 0, 1984, 0);
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_packet *p;
	static uint8_t frame[80000];

	(void)state;
	assert_int_equal(model_deliver(env->model, frame, 79000, 1996, -1), 40);
	while (receive_one(env->rx, &p) == 0) {
		if (model_deliver(env->model, frame, 61, 0, -1) == 0)
			fail();
	}
	assert_int_equal(p->total_length, 61);
	vionet_packet_free(&p, 1);
	vionet_queue_stats(env->rx, &stats);
	assert_int_equal(stats.dropped_long, 1);
	assert_int_equal(vionet_queue_check(env->rx), 0);
	env_stop(env);
}

/* In two buffers: 13 bytes are no frame, 14 are the least. */
static void chain_of_less_than_a_frame_is_dropped(void **state)
{
	struct env *env = env_start(16, 0, 0, 0);
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	const uint8_t frame[14] = { 1 };
	struct vionet_packet *p;

	(void)state;
	for (unsigned int length = 13; length <= 14; length++) {
		uint32_t got = 0;

		assert_int_equal(model_deliver(env->model, frame, length, 18, -1), 2);
		for (unsigned int i = 0; i < 4 && got == 0; i++)
			got = receive_one(env->rx, &p);
		assert_int_equal(got, length - 13);
	}
	assert_int_equal(p->total_length, 14);
	assert_int_equal(p->segments, 2);
	vionet_packet_free(&p, 1);
	vionet_queue_stats(env->rx, &stats);
	assert_int_equal(stats.dropped_short, 1);
	env_stop(env);
}

/* All that the ring has. */
static void chain_of_all_buffers_arrives(void **state)
{
	struct env *env = env_start(16, 0, 0, 0);
	struct vionet_packet *p;
	uint8_t frame[16 * 20] = { 0 };
	uint32_t got = 0;

	(void)state;
	assert_int_equal(model_deliver(env->model, frame, sizeof(frame) - 12, 20, -1), 16);
	for (unsigned int i = 0; i < 32 && got == 0; i++)
		got = receive_one(env->rx, &p);
	assert_int_equal(got, 1);
	assert_int_equal(p->segments, 16);
	assert_int_equal(p->total_length, sizeof(frame) - 12);
	vionet_packet_free(&p, 1);
	env_stop(env);
}

static void impossible_chain_breaks_the_queue(void **state)
{
	struct env *env = env_start(16, 0, 0, 0);
	struct vionet_packet *p[4];
	uint8_t frame[60] = { 0 };

	(void)state;
	assert_int_equal(model_deliver(env->model, frame, 60, 0, 17), 1);
	/* What follows in the same burst is not delivered: it may be the rest of that
	 * packet. */
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(model_deliver(env->model, frame, 60, 0, 1), 1);
	assert_int_equal(vionet_queue_receive(env->rx, p, 4), 0);
	/* Nor are valid packets after it. */
	assert_int_equal(model_deliver(env->model, frame, 60, 0, 1), 1);
	expect_broken(env, env->rx, "a packet of 17 buffers");
}

/* With an empty pool the queue runs out of buffers; freed packets refill it. */
static void starved_queue_recovers(void **state)
{
	struct env *env = calloc(1, sizeof(*env));
	struct model *m = model_create(&env->model);
	struct vionet_start_options options = {
		.struct_size = sizeof(options),
		.rx_queue_size = 16, .rx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.count = 20 },
	};
	struct vionet_packet *held[20], *p;
	struct vn_transport *transport;
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	uint8_t frame[60] = { 0 };

	(void)state;
	assert_int_equal(vn_transport_over_pci(&m->function, &transport), 0);
	assert_int_equal(vn_device_open(transport, NULL, &env->device), 0);
	assert_int_equal(vionet_device_start(env->device, &options), 0);
	env->rx = vionet_device_rx_queue(env->device, 0);
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(model_deliver(m, frame, 60, 0, -1), 1);
		assert_int_equal(receive_one(env->rx, &held[i]), 1);
	}
	assert_int_equal(model_deliver(m, frame, 60, 0, -1), 0);
	assert_int_equal(receive_one(env->rx, &p), 0);
	vionet_packet_free(held, 20);
	assert_int_equal(receive_one(env->rx, &p), 0);
	assert_int_equal(model_deliver(m, frame, 60, 0, -1), 1);
	assert_int_equal(receive_one(env->rx, &p), 1);
	vionet_packet_free(&p, 1);
	vionet_queue_stats(env->rx, &stats);
	assert_true(stats.starved != 0);
	/* A wait notices by itself that there are buffers again. */
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(model_deliver(m, frame, 60, 0, -1), 1);
		assert_int_equal(receive_one(env->rx, &held[i]), 1);
	}
	assert_int_equal(model_deliver(m, frame, 60, 0, -1), 0);
	vionet_packet_free(held, 20);
	assert_int_equal(vionet_queue_wait(env->rx, 0, 10), 0);
	assert_int_equal(model_deliver(m, frame, 60, 0, -1), 1);
	assert_int_equal(vionet_queue_wait(env->rx, 0, 60000), 1);
	env_stop(env);
}

/* If the first buffer of a merged packet is bad, the driver drops its other buffers too:
 * they have no header and are no packets. */
static void bad_first_buffer_drops_the_packet(void **state)
{
	static const uint32_t lengths[] = { 12, 5000 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct env *env = env_start(64, 0, 128, 0);
		struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
		struct vionet_packet *p;
		uint8_t frame[200];
		size_t room;
		int id;

		memset(frame, 0xc8, sizeof(frame));
		assert_int_equal(model_deliver(env->model, frame, 1, 0, 3), 1);
		rewrite_used_length(env->model, 0, lengths[i]);
		id = model_take(env->model, 0, NULL, 0, &room);
		model_used(env->model, 0, (uint32_t)id, 140, 1);
		id = model_take(env->model, 0, NULL, 0, &room);
		model_used(env->model, 0, (uint32_t)id, 88, 1);
		assert_int_equal(model_deliver(env->model, frame, 77, 0, -1), 1);
		assert_int_equal(receive_one(env->rx, &p), 1);
		assert_int_equal(p->total_length, 77);
		vionet_packet_free(&p, 1);
		vionet_queue_stats(env->rx, &stats);
		assert_int_equal(stats.dropped_short, i == 0);
		assert_int_equal(stats.dropped_long, i == 1);
		assert_int_equal(vionet_queue_check(env->rx), 0);
		env_stop(env);
	}
}

/* A further buffer that is empty, or longer than what was posted: its packet is dropped,
 * with all of its buffers. */
static void bad_further_buffer_drops_the_packet(void **state)
{
	static const uint32_t lengths[] = { 0, 12 + 128 + 1, 5000, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct env *env = env_start(64, 0, 128, 0);
		struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
		struct vionet_packet *p;
		uint8_t frame[128] = { 0 };
		size_t room;

		assert_int_equal(model_deliver(env->model, frame, 128, 0, 3), 1);
		for (unsigned int k = 0; k < 2; k++) {
			int id = model_take(env->model, 0, NULL, 0, &room);

			model_used(env->model, 0, (uint32_t)id,
				   k == 0 ? lengths[i] : 88, 1);
		}
		assert_int_equal(model_deliver(env->model, frame, 77, 0, -1), 1);
		assert_int_equal(receive_one(env->rx, &p), 1);
		assert_int_equal(p->total_length, 77);
		vionet_packet_free(&p, 1);
		vionet_queue_stats(env->rx, &stats);
		assert_int_equal(stats.dropped_chain, i == 0);
		assert_int_equal(stats.dropped_long, i != 0);
		assert_int_equal(vionet_queue_check(env->rx), 0);
		env_stop(env);
	}
}

/* Packets whose header names bytes outside the frame, or needs what was not negotiated. */
static void frames_outside_their_buffer_are_refused(void **state)
{
	struct env *env = env_start(0, 0, 0, 1ull << 3);
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_packet *p[5];

	(void)state;
	for (unsigned int i = 0; i < 5; i++)
		p[i] = fresh(env, 60);
	p[0]->length = 1985;
	p[1]->data -= 60;
	p[2]->data += 2000;
	p[3]->flags = 1;
	p[4]->gso_type = 1;
	assert_int_equal(vionet_queue_transmit(env->tx, p, 5), 5);
	assert_int_equal(env->model->sent, 0);
	p[0] = fresh(env, 100);
	p[0]->next = fresh(env, 60);
	p[0]->next->length = 3000;
	p[1] = fresh(env, 1984);
	assert_int_equal(vionet_queue_transmit(env->tx, p, 2), 2);
	assert_int_equal(env->model->sent, 1);
	vionet_queue_stats(env->tx, &stats);
	assert_int_equal(stats.invalid, 6);
	env_stop(env);
}

/* The device disables notifications and then never looks at the queue. */
static void forgotten_queue_is_notified_again(void **state)
{
	struct env *env = env_start(0, 0, 0, 0);
	struct vionet_packet *p = fresh(env, 60);
	unsigned int before;

	(void)state;
	env->model->paused = true;
	model_used_flags(env->model, 1, 1);
	before = env->model->doorbells;
	assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
	assert_int_equal(env->model->doorbells, before);
	env->model->paused = false;
	assert_int_equal(vionet_queue_drain(env->tx, 60000), 0);
	assert_int_equal(env->model->doorbells, before + 1);
	env_stop(env);
}

/* A pool that queues use cannot be destroyed. */
static void pool_in_use_cannot_be_destroyed(void **state)
{
	struct env *env = env_start(0, 0, 0, 0);
	struct vionet_start_options options = { .struct_size = sizeof(options) };
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_pool *pool;

	(void)state;
	assert_int_equal(vionet_pool_create(env->device, NULL, &pool), 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	options.tx_pool = pool;
	assert_int_equal(vionet_device_start(env->device, &options), 0);
	assert_int_equal(vionet_pool_destroy(pool), -EBUSY);
	assert_text("queues take packets from it");
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_pool_destroy(pool), 0);
	/* An unused pool can be destroyed while the device runs. */
	assert_int_equal(vionet_device_start(env->device, NULL), 0);
	assert_int_equal(vionet_pool_create(env->device, NULL, &pool), 0);
	assert_int_equal(vionet_pool_destroy(pool), 0);
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_int_equal(info.quarantined, 0);
	env->model->unmapped_live = 0;
	env_stop(env);
}

/* Packets in flight in a device that does not stop are not returned to the application. */
static void failed_stop_keeps_packets_in_flight(void **state)
{
	struct env *env = env_start(0, 16, 0, 0);
	uint8_t *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_memory *memory;
	struct vionet_packet *p;

	(void)state;
	released = 0;
	env->model->paused = true;
	assert_int_equal(vionet_memory_register(env->device, own, 4096,
						VIONET_DEVICE_READS, &memory), 0);
	p = fresh(env, 0);
	assert_int_equal(vionet_packet_attach(p, memory, own, 60, on_release,
					      &released), 0);
	assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
	env->model->never_reset = true;
	assert_int_equal(vionet_device_stop(env->device), -ETIMEDOUT);
	assert_int_equal(released, 0);
	assert_int_equal(vionet_memory_unregister(memory), -EBUSY);
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	/* Two pools, the rings, and indirect tables if there are any. */
	assert_int_equal(info.quarantined,
			 6 + (env_layout.offers >> 28 & 1));
	assert_int_equal(env->model->unmapped_live, 0);
	/* After recovery the quarantine is freed. */
	env->model->never_reset = false;
	assert_int_equal(vionet_device_start(env->device, NULL), 0);
	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_int_equal(info.quarantined, 0);
	assert_int_equal(vionet_device_close(env->device), 0);
	assert_int_equal(released, 1);
	munmap(own, 4096);
	free(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_lengths_are_dropped),
		cmocka_unit_test(no_buffers_at_all_is_dropped),
		cmocka_unit_test(more_buffers_than_entries_break_it),
		cmocka_unit_test(num_buffers_is_ignored_without_mergeable),
		cmocka_unit_test(chain_of_more_than_a_frame_is_dropped),
		cmocka_unit_test(chain_of_less_than_a_frame_is_dropped),
		cmocka_unit_test(chain_of_all_buffers_arrives),
		cmocka_unit_test(impossible_chain_breaks_the_queue),
		cmocka_unit_test(starved_queue_recovers),
		cmocka_unit_test(bad_first_buffer_drops_the_packet),
		cmocka_unit_test(bad_further_buffer_drops_the_packet),
		cmocka_unit_test(frames_outside_their_buffer_are_refused),
		cmocka_unit_test(pool_in_use_cannot_be_destroyed),
	};
	/* They wait for seconds, which is the same with all options of a ring. */
	const struct CMUnitTest waits[] = {
		cmocka_unit_test(forgotten_queue_is_notified_again),
		cmocka_unit_test(failed_stop_keeps_packets_in_flight),
	};
	int failed = run_for_each_layout(tests);

	for (const struct env_layout *l = env_layouts; l->name; l++) {
		env_layout = *l;
		if (strcmp(l->name, "split") == 0 ||
		    strcmp(l->name, "packed indirect") == 0)
			failed += cmocka_run_group_tests_name(l->name, waits,
							      NULL, NULL);
	}
	return failed;
}
