/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets and pools under any use by the application: headroom, double free. */
#include "tests/unit/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "driver/net/packet.h"
#include "driver/state/queue.h"
#include "tests/unit/env.h"

enum { COUNT = 32 };

static struct vionet_pool *make_pool(struct env *env, uint32_t size)
{
	struct vionet_pool_options options = { .struct_size = sizeof(options),
					       .count = COUNT,
					       .buffer_size = size,
					       .access = VIONET_DEVICE_READS };
	struct vionet_pool *pool;

	assert_int_equal(vionet_pool_create(env->device, &options, &pool), 0);
	return pool;
}

/* Buffers end on cache lines, so a frame may be longer than requested. */
static void room_behind_a_frame(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);

	(void)state;
	assert_int_equal(vionet_device_stop(env->device), 0);
	for (uint32_t size = 64; size < 400; size++) {
		struct vionet_pool *pool = make_pool(env, size);
		struct vionet_packet *packet;

		assert_int_equal(vionet_packet_alloc(pool, &packet, 1), 1);
		for (uint32_t length = 0; length < size + 200; length++) {
			packet->length = length;
			assert_int_equal(vionet_packet_tailroom(packet),
					 length < size ? size - length : 0);
		}
		packet->length = UINT32_MAX;
		assert_int_equal(vionet_packet_tailroom(packet), 0);
		packet->length = 0;
		packet->data += size + 1;
		assert_int_equal(vionet_packet_tailroom(packet), 0);
		packet->data = packet->buffer - 1;
		assert_int_equal(vionet_packet_tailroom(packet), 0);
		packet->data = packet->buffer + VIONET_HEADROOM;
		vionet_packet_free(&packet, 1);
		assert_int_equal(vionet_pool_destroy(pool), 0);
	}
	env_stop(env);
}

/* Of the usual size: not every back end behind a vIOMMU can write across two pages. */
static void no_buffer_crosses_a_page(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	struct vionet_packet *packets[COUNT];
	struct vionet_pool *pool;

	(void)state;
	assert_int_equal(vionet_device_stop(env->device), 0);
	pool = make_pool(env, 0);
	assert_int_equal(vionet_packet_alloc(pool, packets, COUNT), COUNT);
	for (int i = 0; i < COUNT; i++) {
		uint8_t *begin = packets[i]->buffer, *last = begin + 2047;

		assert_ptr_equal(packets[i]->data, begin + VIONET_HEADROOM);
		packets[i]->length = 0;
		assert_int_equal(vionet_packet_tailroom(packets[i]), 2048 - VIONET_HEADROOM);
		assert_int_equal((uintptr_t)begin / 4096, (uintptr_t)last / 4096);
	}
	vionet_packet_free(packets, COUNT);
	assert_int_equal(vionet_pool_destroy(pool), 0);
	env_stop(env);
}

/* ---- misuse ---- */

typedef void misuse_fn(struct env *env, struct vionet_pool *pool);

/* Either it has no effect, or a debug build aborts. */
static void survives(misuse_fn *misuse)
{
	int status;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		struct env *env = env_start(16, 16, 0, 0);
		struct vionet_pool *pool = make_pool(env, 256);
		struct vionet_packet *packets[COUNT + 1];

		if (!freopen("/dev/null", "w", stderr))
			_exit(3);
		misuse(env, pool);
		if (vionet_pool_available(pool) != COUNT)
			_exit(1);
		if (vionet_packet_alloc(pool, packets, COUNT + 1) != COUNT)
			_exit(1);
		for (unsigned int i = 0; i < COUNT; i++)
			for (unsigned int k = 0; k < i; k++)
				if (packets[i] == packets[k])
					_exit(2);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
		assert_int_equal(status, 0);
}

static void free_twice(struct env *env, struct vionet_pool *pool)
{
	struct vionet_packet *packets[COUNT];

	(void)env;
	vionet_packet_alloc(pool, packets, COUNT);
	vionet_packet_free(packets, COUNT);
	for (unsigned int i = 0; i < 3; i++)
		vionet_packet_free(packets, COUNT);
}

static void free_twice_at_once(struct env *env, struct vionet_pool *pool)
{
	struct vionet_packet *packets[2];

	(void)env;
	vionet_packet_alloc(pool, packets, 1);
	packets[1] = packets[0];
	vionet_packet_free(packets, 2);
}

static void free_a_chain_twice(struct env *env, struct vionet_pool *pool)
{
	struct vionet_packet *packets[2];

	(void)env;
	vionet_packet_alloc(pool, packets, 2);
	packets[0]->next = packets[1];
	vionet_packet_free(&packets[1], 1);
	vionet_packet_free(&packets[0], 1);
	vionet_packet_free(&packets[0], 1);
}

static void free_what_was_sent(struct env *env, struct vionet_pool *pool)
{
	struct vionet_packet *packets[2];

	vionet_packet_alloc(pool, packets, 2);
	packets[0]->length = packets[1]->length = 64;
	env->model->paused = true;
	if (vionet_queue_transmit(env->tx, packets, 2) != 2)
		_exit(4);
	vionet_packet_free(packets, 2);
	model_transmit(env->model);
	vionet_queue_reclaim(env->tx);
	vionet_packet_free(packets, 2);
}

static void packets_are_given_back_once(void **state)
{
	(void)state;
	survives(free_twice);
	survives(free_twice_at_once);
	survives(free_a_chain_twice);
	survives(free_what_was_sent);
}

/* ---- received in pieces ---- */

/* A first buffer with only the header is too short; a later one with no byte is an error. */
static void empty_pieces(void **state)
{
	(void)state;
	for (unsigned int second = 0; second < 2; second++) {
		struct env *env = env_start(16, 0, 0, 0);
		struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
		uint8_t frame[200] = { 0 };
		struct vionet_packet *p;
		size_t room;
		int id;

		assert_int_equal(model_deliver(env->model, frame, 100, 0, 2), 1);
		if (!second) {
			env->model->queue[0].put--;
			model_used(env->model, 0, 0, 12, 1);
		}
		id = model_take(env->model, 0, NULL, 0, &room);
		model_used(env->model, 0, (uint32_t)id, second ? 0 : 88, 1);
		assert_int_equal(receive_one(env->rx, &p), 0);
		vionet_queue_stats(env->rx, &stats);
		assert_int_equal(stats.dropped_short, !second);
		assert_int_equal(stats.dropped_chain, second);
		assert_int_equal(stats.dropped_long, 0);
		assert_int_equal(vionet_queue_check(env->rx), 0);
		assert_int_equal(model_deliver(env->model, frame, 77, 0, -1), 1);
		assert_int_equal(receive_one(env->rx, &p), 1);
		vionet_packet_free(&p, 1);
		env_stop(env);
	}
}

/* The application's 64-bit word stays with the packet. */
static void the_word_of_a_packet(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	struct vionet_pool *pool = make_pool(env, 256);
	struct vionet_packet *packets[COUNT], *again[COUNT];

	(void)state;
	assert_int_equal(sizeof(struct vionet_packet), 64);
	assert_int_equal(vionet_packet_alloc(pool, packets, COUNT), COUNT);
	for (uint64_t i = 0; i < COUNT; i++) {
		assert_true(*vionet_packet_user(packets[i]) == 0);
		*vionet_packet_user(packets[i]) = ~i;
		packets[i]->length = 60;
	}
	assert_int_equal(vionet_queue_transmit(env->tx, packets, 4), 4);
	for (uint64_t i = 0; i < COUNT; i++)
		assert_true(*vionet_packet_user(packets[i]) == ~i);
	assert_int_equal(vionet_queue_reclaim(env->tx), 0);
	vionet_packet_free(packets + 4, COUNT - 4);
	assert_int_equal(vionet_packet_alloc(pool, again, COUNT), COUNT);
	for (uint64_t i = 0; i < COUNT; i++)
		assert_true(*vionet_packet_user(packets[i]) == ~i);
	vionet_packet_free(again, COUNT);
	env_stop(env);
}

static bool begins_a_line(const void *at)
{
	return (uintptr_t)at % VN_CACHE_LINE == 0;
}

/* What a burst writes shares no cache line with what another thread writes. */
static void hot_data_begin_with_a_line(void **state)
{
	struct env *env = env_start(16, 16, 0, 0);
	const struct vionet_queue *queues[] = { env->rx, env->tx };
	struct vionet_pool *pool[8];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(begins_a_line(queues[i]));
		assert_true(begins_a_line(queues[i]->slots));
		assert_true(begins_a_line(queues[i]->ids));
	}
	assert_int_equal(vionet_device_stop(env->device), 0);
	for (unsigned int i = 0; i < 8; i++) {
		pool[i] = make_pool(env, 256);
		assert_true(begins_a_line(pool[i]));
		assert_true(begins_a_line(pool[i]->free));
		assert_true(begins_a_line(pool[i]->packets));
	}
	for (unsigned int i = 0; i < 8; i++)
		assert_int_equal(vionet_pool_destroy(pool[i]), 0);
	env_stop(env);
}

/* What the virtio header needs is not the application's. */
static void room_before_a_frame(void **state)
{
	const uint32_t header = 32;
	struct env *env = env_start(16, 16, 0, 0);
	struct vionet_packet *packet = fresh(env, 60);

	(void)state;
	assert_int_equal(vionet_packet_headroom(packet), VIONET_HEADROOM - header);
	packet->data = packet->buffer + header + 1;
	assert_int_equal(vionet_packet_headroom(packet), 1);
	packet->data = packet->buffer + header - 1;
	assert_int_equal(vionet_packet_headroom(packet), 0);
	packet->data = packet->buffer - 1;
	assert_int_equal(vionet_packet_headroom(packet), 0);
	packet->data = packet->buffer + VIONET_HEADROOM;
	vionet_packet_free(&packet, 1);
	env_stop(env);
}

/* ---- what is refused ---- */

enum { REGISTERED = 1 << 20 };

static struct vionet_memory *register_memory(struct env *env, enum vionet_access access, void **at)
{
	struct vionet_memory *memory;

	*at = mmap(NULL, REGISTERED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(*at, MAP_FAILED);
	assert_int_equal(vionet_memory_register(env->device, *at, REGISTERED, access, &memory), 0);
	return memory;
}

static void refuse_pool(struct env *env, struct vionet_pool_options options, const char *text)
{
	struct vionet_pool *pool = (void *)1;

	options.struct_size = sizeof(options);
	if (options.count == 0)
		options.count = COUNT;
	assert_int_equal(vionet_pool_create(env->device, &options, &pool), -EINVAL);
	assert_null(pool);
	assert_text(text);
}

static void pools_that_make_no_sense(void **state)
{
	struct env *env = env_start(16, 16, 0, 0), *other = env_start(16, 16, 0, 0);
	struct vionet_memory *reads, *writes, *others;
	void *at[3];

	(void)state;
	others = (void *)1;
	assert_int_equal(vionet_memory_register(env->device, (void *)4096, 0, VIONET_DEVICE_READS, &others), -EINVAL);
	assert_text("must be multiples of the IOMMU's page, 4096 bytes, and not zero");
	assert_int_equal(vionet_memory_register(env->device, (void *)4096, 2048, VIONET_DEVICE_READS, &others), -EINVAL);
	assert_int_equal(vionet_memory_register(env->device, (void *)2048, 4096, VIONET_DEVICE_READS, &others), -EINVAL);
	assert_null(others);
	refuse_pool(env, (struct vionet_pool_options){ .count = (1 << 24) + 1 }, "count 16777217 is above 16777216");
	refuse_pool(env, (struct vionet_pool_options){ .buffer_size = 63 }, "buffer_size 63 is not between 64 and 65653");
	refuse_pool(env, (struct vionet_pool_options){ .buffer_size = 65654 }, "buffer_size 65654 is not between");
	refuse_pool(env, (struct vionet_pool_options){ .access = 3 }, "access 3 is neither");
	reads = register_memory(env, VIONET_DEVICE_READS, &at[0]);
	writes = register_memory(env, VIONET_DEVICE_WRITES, &at[1]);
	others = register_memory(other, VIONET_DEVICE_WRITES, &at[2]);
	refuse_pool(env, (struct vionet_pool_options){ .memory = others }, "is registered with another device");
	refuse_pool(env, (struct vionet_pool_options){ .memory = reads }, "but only read the memory; register it");
	refuse_pool(env, (struct vionet_pool_options){ .memory = writes, .memory_offset = 32 }, "at an offset that is a multiple of 64");
	refuse_pool(env, (struct vionet_pool_options){ .memory = writes, .memory_offset = REGISTERED + 64 }, "the offset is 1048640");
	refuse_pool(env, (struct vionet_pool_options){ .memory = writes, .memory_offset = REGISTERED - COUNT * 2048 + 64 }, "packets of 2048 bytes need 65536 bytes");
	assert_int_equal(vionet_pool_destroy(vionet_queue_pool(env->tx)), -EBUSY);
	assert_text("it belongs to the device");
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_device_stop(other->device), 0);
	assert_int_equal(vionet_memory_unregister(reads), 0);
	assert_int_equal(vionet_memory_unregister(writes), 0);
	assert_int_equal(vionet_memory_unregister(others), 0);
	for (unsigned int i = 0; i < 3; i++)
		munmap(at[i], REGISTERED);
	env_stop(env);
	env_stop(other);
}

static void frames_that_cannot_be_attached(void **state)
{
	static const struct {
		ptrdiff_t at;
		uint32_t length;
		const char *text;
	} rows[] = {
		{ -1, 100, "are not inside the registered memory" },
		{ REGISTERED + 1, 100, "are not inside" },
		{ REGISTERED - 99, 100, "are not inside" },
		{ 0, 13, "a frame of 13 bytes; 14 to 65589 are possible" },
		{ 0, 65590, "a frame of 65590 bytes" },
	};
	struct env *env = env_start(16, 16, 0, 0);
	struct vionet_packet *packet;
	struct vionet_memory *memory;
	void *at;

	(void)state;
	memory = register_memory(env, VIONET_DEVICE_READS, &at);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(env->tx), &packet, 1), 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(vionet_packet_attach(packet, memory, (char *)at + rows[i].at, rows[i].length, NULL, NULL), -EINVAL);
		assert_text(rows[i].text);
	}
	packet->length = 60;
	assert_int_equal(vionet_packet_attach(packet, memory, at, 100, NULL, NULL), -EINVAL);
	assert_text("the packet is not fresh");
	packet->length = 0;
	assert_int_equal(vionet_packet_attach(packet, memory, (char *)at + REGISTERED - 100, 100, NULL, NULL), 0);
	packet->length = 0; /* not even then */
	assert_int_equal(vionet_packet_attach(packet, memory, at, 100, NULL, NULL), -EINVAL);
	vionet_packet_free(&packet, 1);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_memory_unregister(memory), 0);
	munmap(at, REGISTERED);
	env_stop(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(room_behind_a_frame),
		cmocka_unit_test(no_buffer_crosses_a_page),
		cmocka_unit_test(room_before_a_frame),
		cmocka_unit_test(the_word_of_a_packet),
		cmocka_unit_test(packets_are_given_back_once),
		cmocka_unit_test(empty_pieces),
		cmocka_unit_test(hot_data_begin_with_a_line),
		cmocka_unit_test(pools_that_make_no_sense),
		cmocka_unit_test(frames_that_cannot_be_attached),
	};

	return run_for_layouts(tests, true, false);
}
