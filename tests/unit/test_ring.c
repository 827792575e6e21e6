/* SPDX-License-Identifier: BSD-3-Clause */
/* The split ring and the bursts, against a device in this process that is written from
 * the specification (model.h): every wrap of the indices, chains, mergeable receive, zero
 * copy. Bad values are in test_hostile.c. */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "tests/unit/env.h"

static void count_frame(void *context, const uint8_t *data, size_t length)
{
	struct env *env = context;
	uint64_t number;

	assert_int_equal(length, 12 + 64);
	memcpy(&number, data + 12 + 14, sizeof(number));
	assert_int_equal(number, env->next);
	env->next++;
}

/* SPLIT-01, PACKED-01 */
static bool not_for_split(uint32_t size)
{
	return (size & (size - 1)) != 0 && !env_is_packed();
}

/* So many frames that indices of 16 bits wrap twice, or once where it takes long. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FRAMES 70000
#endif
#endif
#if !defined(FRAMES) && defined(__s390x__)
#define FRAMES 9000 /* in an emulator, for the order of bytes */
#endif
#ifndef FRAMES
#define FRAMES 140000
#endif

/* Rings of every size: each frame arrives once and in order. */
/* proves: GEN-38 SPLIT-01 SPLIT-02 SPLIT-03 PACKED-01 PACKED-19 */
static void transmit_wraps(void **state)
{
	static const uint32_t sizes[] = { 2, 3, 5, 16, 256, 1000, 1024, 32768 };

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct env *env;
		uint64_t sent = 0;

		if (not_for_split(sizes[s]))
			continue;
		env = env_start(0, sizes[s], 0, 0);

		env->model->on_frame = count_frame;
		while (sent < FRAMES) {
			struct vionet_packet *p[7];
			uint32_t n = vionet_packet_alloc(
				vionet_queue_pool(env->tx), p, 1 + sent % 7);
			uint32_t done;

			for (uint32_t i = 0; i < n; i++) {
				uint64_t number = sent + i;

				memset(p[i]->data, 0, 14);
				memcpy(p[i]->data + 14, &number, 8);
				p[i]->length = 64;
			}
			done = vionet_queue_transmit(env->tx, p, n);
			vionet_packet_free(p + done, n - done);
			assert_true(done != 0);
			sent += done;
		}
		assert_int_equal(env->next, sent);
		assert_int_equal(vionet_queue_reclaim(env->tx), 0);
		env_stop(env);
	}
}

/* The same the other way, with the device ahead by anything up to a full ring. */
static void receive_wraps(void **state)
{
	static const uint32_t sizes[] = { 2, 3, 5, 64, 256, 1000, 1024, 32768 };

	(void)state;
	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		struct env *env;
		uint64_t sent = 0, got = 0;
		uint8_t frame[60] = { 0 };

		if (not_for_split(sizes[s]))
			continue;
		env = env_start(sizes[s], 0, 128, 0);

		while (got < FRAMES) {
			struct vionet_packet *p[32];
			uint32_t n;

			for (uint64_t k = 0; k < 1 + sent % 33; k++) {
				memcpy(frame + 14, &sent, sizeof(sent));
				if (model_deliver(env->model, frame, 60, 0, -1) == 0)
					break;
				sent++;
			}
			n = vionet_queue_receive(env->rx, p, 1 + got % 32);
			for (uint32_t i = 0; i < n; i++) {
				uint64_t number;

				assert_int_equal(p[i]->length, 60);
				assert_int_equal(p[i]->total_length, 60);
				memcpy(&number, p[i]->data + 14, sizeof(number));
				assert_int_equal(number, got);
				got++;
			}
			vionet_packet_free(p, n);
		}
		env_stop(env);
	}
}

/* A device may complete in any order. */
static void completions_out_of_order(void **state)
{
	struct env *env = env_start(0, 8, 0, 0);
	struct vionet_pool *pool = vionet_queue_pool(env->tx);
	uint32_t all = vionet_pool_available(pool);
	uint8_t scratch[100];

	(void)state;
	env->model->paused = true;
	for (unsigned int round = 0; round < ROUNDS(20000) && !env_in_order(); round++) {
		struct vionet_packet *p[8];
		int id[8];
		size_t length;

		for (unsigned int i = 0; i < 8; i++)
			p[i] = fresh(env, 60);
		assert_int_equal(vionet_queue_transmit(env->tx, p, 8), 8);
		assert_int_equal(vionet_queue_transmit(env->tx, p, 1), 0);
		for (unsigned int i = 0; i < 8; i++)
			id[i] = model_take(env->model, 1, scratch, 100, &length);
		for (unsigned int i = 0; i < 8; i++)
			model_used(env->model, 1,
				   (uint32_t)id[(i * 5 + round) % 8], 0, 1);
		assert_int_equal(vionet_queue_reclaim(env->tx), 0);
		assert_int_equal(vionet_pool_available(pool), all);
	}
	env_stop(env);
}

/* proves: NET-12 NET-13 NET-14 NET-43 NET-53 */
static void header_is_zero_and_frame_is_whole(void **state)
{
	static const uint8_t none[12];
	struct env *env = env_start(0, 0, 0, 0);

	(void)state;
	for (uint32_t length = 14; length <= 1514; length++) {
		struct vionet_packet *p = fresh(env, length);

		for (uint32_t i = 0; i < length; i++)
			p->data[i] = (uint8_t)(i * 7 + length);
		memset(p->data - 12, 0xee, 12); /* left over from the last user */
		assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
		assert_int_equal(env->last_length, length + 12);
		assert_memory_equal(env->last, none, 12);
		for (uint32_t i = 0; i < length; i++)
			assert_int_equal(env->last[12 + i],
					 (uint8_t)(i * 7 + length));
	}
	env_stop(env);
}

/* Received packets are transmitted, one by one or among others, and return to their pool. */
static void packets_return_to_their_own_pools(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	struct vionet_pool *rx = vionet_queue_pool(env->rx);
	struct vionet_pool *tx = vionet_queue_pool(env->tx);
	uint32_t of_rx = vionet_pool_available(rx);
	uint32_t of_tx = vionet_pool_available(tx);
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	uint8_t frame[60] = { 0 };

	(void)state;
	for (unsigned int round = 0; round < 200; round++) {
		struct vionet_packet *p[4];
		uint32_t count = round % 2 == 0 ? 1 : 4;

		for (uint32_t i = 0; i < count; i++) {
			if (i % 3 == 2) {
				p[i] = fresh(env, 61);
				continue;
			}
			assert_int_equal(model_deliver(env->model, frame, 60, 0,
						       -1), 1);
			assert_int_equal(receive_one(env->rx, &p[i]), 1);
		}
		assert_int_equal(vionet_queue_transmit(env->tx, p, count), count);
		assert_int_equal(env->last_length, 12 + 60);
		assert_int_equal(vionet_queue_reclaim(env->tx), 0);
		assert_int_equal(vionet_pool_available(rx), of_rx);
		assert_int_equal(vionet_pool_available(tx), of_tx);
	}
	vionet_queue_stats(env->rx, &stats);
	assert_int_equal(stats.packets, 100 + 300);
	assert_int_equal(stats.completed, 100 + 300);
	assert_int_equal(stats.bytes, 400 * 60);
	vionet_queue_stats(env->tx, &stats);
	assert_int_equal(stats.packets, 100 + 400);
	assert_int_equal(stats.completed, 100 + 400);
	assert_int_equal(stats.bytes, 400 * 60 + 100 * 61);
	env_stop(env);
}

/* However many buffers were completed: one call does not process all of them. */
static void a_call_reclaims_a_bounded_number(void **state)
{
	struct env *env = env_start(0, 1024, 0, 0);
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_packet *p[64];

	(void)state;
	for (unsigned int turn = 0; turn < 1024 / 64; turn++) {
		for (unsigned int i = 0; i < 64; i++)
			p[i] = fresh(env, 60);
		assert_int_equal(vionet_queue_transmit(env->tx, p, 64), 64);
	}
	vionet_queue_stats(env->tx, &stats);
	assert_int_equal(stats.completed, 0);
	p[0] = fresh(env, 60);
	assert_int_equal(vionet_queue_transmit(env->tx, p, 1), 1);
	vionet_queue_stats(env->tx, &stats);
	assert_int_equal(stats.completed, 64);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	vionet_queue_stats(env->tx, &stats);
	assert_int_equal(stats.completed, 1025);
	env_stop(env);
}

/* An invalid packet is counted and freed; the device never sees it. */
/* proves: NET-08 */
static void invalid_packets_are_refused(void **state)
{
	struct env *env = env_start(0, 0, 0, 0);
	struct vionet_pool *pool = vionet_queue_pool(env->tx);
	uint32_t all = vionet_pool_available(pool);
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	struct vionet_packet *p[4];

	(void)state;
	p[0] = fresh(env, 13);
	p[1] = fresh(env, 1515);
	p[2] = fresh(env, 0);
	p[3] = fresh(env, 60);
	assert_int_equal(vionet_queue_transmit(env->tx, p, 4), 4);
	assert_int_equal(env->model->sent, 1);
	/* A VLAN tag does not count against the MTU. */
	p[0] = fresh(env, 1518);
	p[0]->data[12] = 0x81;
	assert_int_equal(vionet_queue_transmit(env->tx, p, 1), 1);
	assert_int_equal(env->model->sent, 2);
	p[0] = fresh(env, 1519);
	p[0]->data[12] = 0x81;
	assert_int_equal(vionet_queue_transmit(env->tx, p, 1), 1);
	assert_int_equal(env->model->sent, 2);
	vionet_queue_reclaim(env->tx);
	vionet_queue_stats(env->tx, &stats);
	assert_int_equal(stats.invalid, 4);
	assert_int_equal(stats.packets, 2);
	assert_int_equal(stats.bytes, 60 + 1518);
	assert_int_equal(vionet_pool_available(pool), all);
	env_stop(env);
}

static void segments_become_one_frame(void **state)
{
	struct env *env = env_start(0, 16, 0, 0);

	(void)state;
	for (unsigned int round = 0; round < 1000; round++) {
		unsigned int parts = 2 + round % 12;
		struct vionet_packet *p[14];
		uint32_t total = 0;

		for (unsigned int i = 0; i < parts; i++) {
			p[i] = fresh(env, 14 + i);
			memset(p[i]->data, (int)(i + 1), p[i]->length);
			if (i > 0)
				p[i - 1]->next = p[i];
			total += p[i]->length;
		}
		p[0]->data[12] = p[0]->data[13] = 0;
		assert_int_equal(vionet_queue_transmit(env->tx, p, 1), 1);
		assert_int_equal(env->last_length, total + 12);
		assert_int_equal(env->last[12], 1);
		assert_int_equal(env->last[11 + total], parts);
		vionet_queue_reclaim(env->tx);
	}
	/* Where there are indirect tables, each frame got one: they come back. */
	assert_int_equal(env->model->rings.indirect, env_layout.offers >> 28 & 1 ? 1000 : 0);
	/* More segments than the queue has entries can never be sent. */
	{
		struct vionet_packet *first = fresh(env, 20), *last = first;
		struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

		for (unsigned int i = 0; i < 16; i++)
			last = last->next = fresh(env, 20);
		assert_int_equal(vionet_queue_transmit(env->tx, &first, 1), 1);
		vionet_queue_stats(env->tx, &stats);
		assert_int_equal(stats.invalid, 1);
	}
	vionet_queue_reclaim(env->tx);
	env_stop(env);
}

static unsigned int released;

static void on_release(void *frame, void *context)
{
	(void)frame;
	assert_ptr_equal(context, &released);
	released++;
}

/* The application's own memory, mapped for reading only, sent without a copy. */
static void attached_frames_are_sent_from_where_they_are(void **state)
{
	struct env *env = env_start(0, 16, 0, 0);
	size_t size = 4 * 4096;
	uint8_t *own = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vionet_memory *memory;
	struct vionet_packet *p;

	(void)state;
	released = 0;
	for (size_t i = 0; i < size; i++)
		own[i] = (uint8_t)(i % 251);
	assert_int_equal(vionet_memory_register(env->device, own + 1, 4096,
						VIONET_DEVICE_READS, &memory),
			 -EINVAL);
	assert_text("multiples");
	assert_int_equal(vionet_memory_register(env->device, own, size,
						VIONET_DEVICE_READS, &memory), 0);
	p = fresh(env, 0);
	assert_int_equal(vionet_packet_attach(p, memory, own + size - 59, 60,
					      NULL, NULL), -EINVAL);
	assert_int_equal(vionet_packet_attach(p, memory, own - 1, 60, NULL, NULL),
			 -EINVAL);
	assert_int_equal(vionet_packet_attach(p, memory, own + size - 60, 60,
					      on_release, &released), 0);
	assert_int_equal(vionet_memory_unregister(memory), -EBUSY);
	assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
	assert_int_equal(env->last_length, 72);
	assert_memory_equal(env->last + 12, own + size - 60, 60);
	assert_int_equal(released, 0);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	assert_int_equal(released, 1);
	assert_int_equal(vionet_memory_unregister(memory), 0);
	munmap(own, size);
	assert_int_equal(env->model->unmapped_live, 1); /* none of it was in flight */
	env->model->unmapped_live = 0;
	env_stop(env);
}

/* A pool in the application's memory: received without a copy. */
static void pool_in_registered_memory(void **state)
{
	struct env *env = env_start(0, 0, 0, 0);
	size_t size = 1 << 20;
	uint8_t *own = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vionet_pool_options options = { .struct_size = sizeof(options),
					       .count = 512, .memory_offset = 64 };
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .rx_queue_size = 64 };
	struct vionet_packet *p;
	struct vionet_pool *pool;
	uint8_t frame[60] = "in place";

	(void)state;
	assert_int_equal(vionet_memory_register(env->device, own, size,
						VIONET_DEVICE_WRITES,
						&options.memory), 0);
	assert_int_equal(vionet_pool_create(env->device, &options, &pool),
			 -EINVAL);
	options.count = 500;
	assert_int_equal(vionet_pool_create(env->device, &options, &pool), 0);
	assert_int_equal(vionet_memory_unregister(options.memory), -EBUSY);
	assert_int_equal(vionet_device_stop(env->device), 0);
	start.rx_pool = pool;
	assert_int_equal(vionet_device_start(env->device, &start), 0);
	assert_true(model_deliver(env->model, frame, 60, 0, -1) == 1);
	assert_int_equal(vionet_queue_receive(
		vionet_device_rx_queue(env->device, 0), &p, 1), 1);
	assert_true(p->data >= own && p->data + 60 <= own + size);
	assert_string_equal((char *)p->data, "in place");
	vionet_packet_free(&p, 1);
	assert_int_equal(vionet_pool_destroy(pool), -EBUSY);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_pool_destroy(pool), 0);
	assert_int_equal(vionet_memory_unregister(options.memory), 0);
	munmap(own, size);
	env_stop(env);
}

static void check_pattern(const struct vionet_packet *p, const uint8_t *frame,
			  uint32_t length)
{
	uint32_t at = 0;

	assert_int_equal(p->total_length, length);
	for (; p; p = p->next) {
		assert_memory_equal(p->data, frame + at, p->length);
		at += p->length;
	}
	assert_int_equal(at, length);
}

/* Frames of every length over buffers of 128 bytes. */
/* proves: NET-73 */
static void mergeable_frames_are_joined(void **state)
{
	struct env *env = env_start(256, 0, 128, 0);
	uint8_t frame[9000];

	(void)state;
	for (unsigned int i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 13 + i / 256);
	for (uint32_t length = 14; length < 9000; length += 1 + length / 60) {
		struct vionet_packet *p;
		unsigned int pieces = model_deliver(env->model, frame, length, 140,
						    -1);

		assert_true(pieces == (length + 12 + 139) / 140);
		assert_int_equal(receive_one(env->rx, &p), 1);
		assert_int_equal(p->segments, pieces);
		check_pattern(p, frame, length);
		vionet_packet_free(&p, 1);
	}
	env_stop(env);
}

/* The rest of a packet comes later: the driver delivers nothing before, and does not
 * wait. */
static void incomplete_packet_is_held(void **state)
{
	struct env *env = env_start(16, 0, 128, 0);
	struct vionet_packet *p;
	uint8_t frame[300];

	(void)state;
	memset(frame, 0x5a, sizeof(frame));
	/* Two buffers announced as three. */
	assert_int_equal(model_deliver(env->model, frame, 268, 140, 3), 2);
	assert_int_equal(receive_one(env->rx, &p), 0);
	assert_int_equal(receive_one(env->rx, &p), 0);
	/* Whatever comes next is its third part. */
	assert_int_equal(model_deliver(env->model, frame, 20, 0, 0), 1);
	assert_int_equal(receive_one(env->rx, &p), 1);
	assert_int_equal(p->segments, 3);
	assert_int_equal(p->total_length, 268 + 32);
	vionet_packet_free(&p, 1);
	/* Stopping in the middle leaks nothing. */
	assert_int_equal(model_deliver(env->model, frame, 268, 140, 3), 2);
	assert_int_equal(receive_one(env->rx, &p), 0);
	env_stop(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(transmit_wraps),
		cmocka_unit_test(receive_wraps),
		cmocka_unit_test(completions_out_of_order),
		cmocka_unit_test(header_is_zero_and_frame_is_whole),
		cmocka_unit_test(packets_return_to_their_own_pools),
		cmocka_unit_test(a_call_reclaims_a_bounded_number),
		cmocka_unit_test(invalid_packets_are_refused),
		cmocka_unit_test(segments_become_one_frame),
		cmocka_unit_test(attached_frames_are_sent_from_where_they_are),
		cmocka_unit_test(pool_in_registered_memory),
		cmocka_unit_test(mergeable_frames_are_joined),
		cmocka_unit_test(incomplete_packet_is_held),
	};

	return run_for_each_layout(tests);
}
