/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets and memory of a device that does not acknowledge a reset, against the model:
 * nothing is released before the device is quiesced, and everything after that, once. */
#include "tests/unit/control_env_traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "driver/control/command.h"
#include "driver/net/pool.h"
#include "driver/queue/quarantine.h"

enum { COUNT = 64, QUEUE = 16 };

struct pools {
	struct vionet_pool *rx, *tx;
};

static struct pools make_pools(struct control_env *env)
{
	struct vionet_pool_options rx = { .struct_size = sizeof(rx), .count = COUNT },
		tx = { .struct_size = sizeof(tx),
		       .count = COUNT, .access = VIONET_DEVICE_READS };
	struct pools pools;

	assert_int_equal(vionet_pool_create(env->device, &rx, &pools.rx), 0);
	assert_int_equal(vionet_pool_create(env->device, &tx, &pools.tx), 0);
	return pools;
}

static int start_with(struct control_env *env, const struct pools *pools)
{
	struct vionet_start_options options = {
		.struct_size = sizeof(options),
		.rx_queue_size = QUEUE, .tx_queue_size = QUEUE,
		.rx_pool = pools->rx, .tx_pool = pools->tx,
	};

	return vionet_device_start(env->device, &options);
}

/* Opened and stopped: nothing of it is in use. */
static struct control_env *raise_stopped(void)
{
	struct control_env *env = control_env_create(1);

	control_env_start(env, 1, 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	env->model->function.reset_supported = false;
	return env;
}

static void expect_quarantine(struct control_env *env, uint32_t regions, uint32_t packets)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	assert_int_equal(vionet_device_info(env->device, &info), 0);
	assert_int_equal(info.quarantined, regions);
	assert_int_equal(info.quarantined_packets, packets);
}

/* Rings of a pair and of the control queue, its commands, and indirect tables. */
static uint32_t regions(void)
{
	return 2 + 2 + 2 + 2 + (control_env_layout >> 28 & 1);
}

static void expect_line(const void *address)
{
	assert_int_equal((uintptr_t)address % 64, 0);
}

/* Wherever a queue is, also where it would go into quarantine: what its bursts write is
 * two cache lines. */
static void queues_begin_on_cache_lines(void **state)
{
	struct control_env *env = control_env_create(3);

	(void)state;
	control_env_start(env, 3, 0);
	for (unsigned int i = 0; i < 3; i++) {
		expect_line(vionet_device_rx_queue(env->device, i));
		expect_line(vionet_device_tx_queue(env->device, i));
		expect_line(&env->device->rx[i].quarantine->queue);
		expect_line(&env->device->tx[i].quarantine->queue);
		expect_line(env->device->rx[i].slots);
		expect_line(env->device->rx[i].pool->packets);
	}
	expect_line(&env->device->control->queue);
	control_env_destroy(env);
}

/* All packets of a pool are there, each once. */
static void expect_whole(struct vionet_pool *pool)
{
	struct vionet_packet *packets[COUNT], *more;

	assert_int_equal(vionet_pool_available(pool), COUNT);
	assert_int_equal(vionet_packet_alloc(pool, packets, COUNT), COUNT);
	for (unsigned int i = 0; i < COUNT; i++)
		for (unsigned int k = 0; k < i; k++)
			assert_ptr_not_equal(packets[i], packets[k]);
	assert_int_equal(vionet_packet_alloc(pool, &more, 1), 0);
	vionet_packet_free(packets, COUNT);
}

/* A packet of two segments, the second one of the other pool. */
static void push_chain(struct control_env *env, const struct pools *pools)
{
	struct vionet_queue *tx = vionet_device_tx_queue(env->device, 0);
	struct vionet_packet *packet, *second;

	assert_int_equal(vionet_packet_alloc(pools->tx, &packet, 1), 1);
	assert_int_equal(vionet_packet_alloc(pools->rx, &second, 1), 1);
	packet->length = second->length = 64;
	packet->next = second;
	assert_int_equal(vionet_queue_transmit(tx, &packet, 1), 1);
}

static void failed_stops_lose_nothing(void **state)
{
	struct control_env *env = raise_stopped();
	struct pools pools = make_pools(env);
	struct vionet_packet *kept;

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		assert_int_equal(start_with(env, &pools), 0);
		expect_quarantine(env, 0, 0);
		assert_int_equal(vionet_pool_available(pools.rx), COUNT - QUEUE);
		assert_int_equal(vionet_pool_available(pools.tx), COUNT);
		deliver(env, 3);
		assert_int_equal(vionet_queue_receive(
			vionet_device_rx_queue(env->device, 0), &kept, 1), 1);
		env->model->paused = true;
		push(env, 0, 2);
		push_chain(env, &pools);
		env->model->reset_fails = true;
		assert_int_equal(vionet_device_stop(env->device), -EIO);
		/* Still in flight: receive buffers, and packets to send. */
		expect_quarantine(env, regions(), QUEUE + 4);
		assert_int_equal(vionet_pool_available(pools.rx),
				 COUNT - QUEUE - 2);
		assert_int_equal(vionet_pool_available(pools.tx), COUNT - 3);
		/* A start that fails as well changes nothing. */
		assert_int_equal(start_with(env, &pools), -EIO);
		expect_quarantine(env, regions(), QUEUE + 4);
		vionet_packet_free(&kept, 1);
		env->model->reset_fails = false;
		env->model->paused = false;
	}
	assert_int_equal(start_with(env, &pools), 0);
	deliver(env, 10);
	assert_int_equal(take(vionet_device_rx_queue(env->device, 0)), 10);
	assert_int_equal(vionet_device_stop(env->device), 0);
	expect_quarantine(env, 0, 0);
	expect_whole(pools.rx);
	expect_whole(pools.tx);
	assert_int_equal(vionet_pool_destroy(pools.rx), 0);
	assert_int_equal(vionet_pool_destroy(pools.tx), 0);
	control_env_destroy(env);
}

/* Nor is it the caller's again: the device may still read it. */
static void registered_memory_stays(void **state)
{
	struct control_env *env = raise_stopped();
	struct pools pools = make_pools(env);
	struct vionet_memory *memory;
	void *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_int_equal(start_with(env, &pools), 0);
	assert_int_equal(vionet_memory_register(env->device, own, 4096, VIONET_DEVICE_READS, &memory), 0);
	env->model->reset_fails = true;
	assert_int_equal(vionet_device_stop(env->device), -EIO);
	assert_int_equal(vionet_memory_unregister(memory), -EBUSY);
	assert_text("did not acknowledge its reset and may still use it; start or close it first");
	assert_int_equal(env->model->unmapped_live, 0);
	env->model->reset_fails = false;
	assert_int_equal(start_with(env, &pools), 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_memory_unregister(memory), 0);
	munmap(own, 4096);
	control_env_destroy(env);
}

/* A failed clean-up has a text of its own. */
static void the_text_is_that_of_the_first_failure(void **state)
{
	struct control_env *env = raise_stopped();
	struct pools pools = make_pools(env);

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(start_with(env, &pools), 0);
		env->model->reset_fails = true;
		env->model->vectors_result = -EIO;
		if (i == 0) {
			assert_int_equal(vionet_device_stop(env->device), -EIO);
		} else {
			assert_int_equal(vionet_device_recover(env->device, NULL),
					 -EIO);
			assert_text("recovery");
		}
		assert_text("status write fails");
		env->model->reset_fails = false;
		env->model->vectors_result = 0;
	}
	assert_int_equal(start_with(env, &pools), 0);
	env->model->reset_fails = true;
	env->model->vectors_result = -EIO;
	assert_int_equal(vionet_device_close(env->device), -EIO);
	assert_text("stop: status write fails");
	model_control_free(env->c);
	free(env);
}

/* Pools that the library made go with the queues, and come back with them. */
static void own_pools_are_not_piled_up(void **state)
{
	struct control_env *env = raise_stopped();
	struct vionet_start_options options = { .struct_size = sizeof(options),
						.rx_queue_size = QUEUE,
						.tx_queue_size = QUEUE };
	unsigned int maps = 0;

	(void)state;
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(vionet_device_start(env->device, &options), 0);
		expect_quarantine(env, 0, 0);
		env->model->reset_fails = true;
		assert_int_equal(vionet_device_stop(env->device), -EIO);
		expect_quarantine(env, regions() + 2, QUEUE);
		env->model->reset_fails = false;
	}
	assert_int_equal(vionet_device_start(env->device, &options), 0);
	for (unsigned int i = 0; i < MODEL_MAPS; i++)
		maps += env->model->map[i].used;
	assert_int_equal(maps, regions() + 2);
	control_env_destroy(env);
}

/* ---- where it fails ---- */

static void fail_reset_after_failed(struct model *m, uint8_t written)
{
	if (written & 0x80)
		m->reset_fails = true;
}

/* Whatever step of a start fails, and the reset after it too. */
static void failed_starts_lose_nothing(void **state)
{
	struct control_env *env = raise_stopped();
	struct pools pools = make_pools(env);
	unsigned int failed = 0, n = 0;
	int result;

	(void)state;
	env->model->on_status = fail_reset_after_failed;
	do {
		env->model->reset_fails = false;
		env->model->accesses = 0;
		env->model->fail_access = ++n;
		result = start_with(env, &pools);
		env->model->fail_access = 0;
		failed += result != 0;
		/* The text names the first error, not the reset that failed afterwards. */
		if (result == -EIO) {
			char what[32];

			snprintf(what, sizeof(what), "access %u fails", n);
			assert_text(what);
		}
	} while (result != 0);
	assert_true(failed > 50);
	/* The last step: the device has its buffers and refuses the command. */
	assert_int_equal(vionet_filter_vlan_add(env->device, 1), 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	for (unsigned int i = 0; i < 10; i++) {
		env->model->reset_fails = false;
		env->c->refuse_class = 2;
		assert_int_equal(start_with(env, &pools), -EREMOTEIO);
		expect_quarantine(env, regions(), QUEUE);
		assert_int_equal(vionet_pool_available(pools.rx), COUNT - QUEUE);
	}
	env->model->reset_fails = false;
	env->c->refuse_class = -1;
	assert_int_equal(start_with(env, &pools), 0);
	expect_quarantine(env, 0, 0);
	assert_int_equal(vionet_pool_available(pools.rx), COUNT - QUEUE);
	assert_int_equal(vionet_device_stop(env->device), 0);
	expect_whole(pools.rx);
	expect_whole(pools.tx);
	env->model->on_status = NULL;
	control_env_destroy(env);
}

static void failed_recoveries_lose_nothing(void **state)
{
	struct control_env *env = raise_stopped();
	struct pools pools = make_pools(env);

	(void)state;
	for (unsigned int i = 0; i < 10; i++) {
		assert_int_equal(start_with(env, &pools), 0);
		env->model->paused = true;
		push(env, 0, 5);
		env->model->reset_fails = true;
		assert_int_equal(vionet_device_recover(env->device, NULL), -EIO);
		expect_quarantine(env, regions(), QUEUE + 5);
		env->model->reset_fails = env->model->paused = false;
		memset(env->device->recovered_at, 0,
		       sizeof(env->device->recovered_at));
	}
	assert_int_equal(start_with(env, &pools), 0);
	assert_int_equal(vionet_device_stop(env->device), 0);
	expect_whole(pools.rx);
	expect_whole(pools.tx);
	control_env_destroy(env);
}

/* A queue that was to be reset alone: kept as it is, until the device is stopped, or it
 * is reset after all. */
static void a_failed_queue_reset_loses_nothing(void **state)
{
	struct control_env *env = raise_stopped();
	struct pools pools = make_pools(env);
	struct vionet_queue *tx;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(start_with(env, &pools), 0);
		tx = vionet_device_tx_queue(env->device, 0);
		env->model->paused = true;
		push(env, 0, 5);
		env->model->queue_reset_stuck = true;
		assert_int_equal(vionet_queue_reset(tx, NULL), -ETIMEDOUT);
		expect_quarantine(env, 2 + (control_env_layout >> 28 & 1), 5);
		assert_int_equal(vionet_pool_available(pools.tx), COUNT - 5);
		env->model->queue_reset_stuck = env->model->paused = false;
		if (i == 0) {
			assert_int_equal(vionet_queue_reset(tx, NULL), 0);
			expect_quarantine(env, 0, 0);
			assert_int_equal(vionet_pool_available(pools.tx), COUNT);
			push(env, 0, 3);
		}
		assert_int_equal(vionet_device_stop(env->device), 0);
		expect_whole(pools.rx);
		expect_whole(pools.tx);
	}
	control_env_destroy(env);
}

/* ---- calls of the application meanwhile ---- */

static void on_release(void *frame, void *context)
{
	(void)frame;
	++*(unsigned int *)context;
}

static void push_foreign(struct control_env *env, const struct pools *pools,
			 struct vionet_memory *memory, uint8_t *frame,
			 unsigned int *released)
{
	struct vionet_packet *packet;

	assert_int_equal(vionet_packet_alloc(pools->tx, &packet, 1), 1);
	assert_int_equal(vionet_packet_attach(packet, memory, frame, 64, on_release,
					      released), 0);
	assert_int_equal(vionet_queue_transmit(
		vionet_device_tx_queue(env->device, 0), &packet, 1), 1);
}

/* `back`: the device recovers; otherwise it is closed in quarantine. */
static void try_to_take_it_away(bool back)
{
	struct control_env *env = raise_stopped();
	struct pools pools = make_pools(env);
	uint8_t *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vionet_memory *memory;
	unsigned int released = 0;

	assert_int_equal(vionet_memory_register(env->device, own, 4096,
						VIONET_DEVICE_READS, &memory), 0);
	assert_int_equal(start_with(env, &pools), 0);
	env->model->paused = true;
	push_foreign(env, &pools, memory, own, &released);
	env->model->reset_fails = true;
	assert_int_equal(vionet_device_stop(env->device), -EIO);
	assert_int_equal(vionet_device_stop(env->device), 0);
	assert_int_equal(vionet_memory_unregister(memory), -EBUSY);
	assert_int_equal(vionet_pool_destroy(pools.rx), -EBUSY);
	assert_text("start or close it first");
	assert_int_equal(vionet_pool_destroy(pools.tx), -EBUSY);
	assert_text("1 of its 64 packets");
	assert_int_equal(released, 0);
	if (back) {
		env->model->reset_fails = env->model->paused = false;
		assert_int_equal(start_with(env, &pools), 0);
		assert_int_equal(released, 1);
		assert_int_equal(vionet_device_stop(env->device), 0);
		expect_whole(pools.rx);
		expect_whole(pools.tx);
		assert_int_equal(vionet_pool_destroy(pools.rx), 0);
		assert_int_equal(vionet_pool_destroy(pools.tx), 0);
		assert_int_equal(vionet_memory_unregister(memory), 0);
	}
	control_env_destroy(env);
	assert_int_equal(released, 1);
	munmap(own, 4096);
}

static void nothing_is_taken_from_a_device_that_has_it(void **state)
{
	/* fault: K04 */
	(void)state;
	try_to_take_it_away(true);
	try_to_take_it_away(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queues_begin_on_cache_lines),
		cmocka_unit_test(failed_stops_lose_nothing),
		cmocka_unit_test(registered_memory_stays),
		cmocka_unit_test(the_text_is_that_of_the_first_failure),
		cmocka_unit_test(own_pools_are_not_piled_up),
		cmocka_unit_test(failed_starts_lose_nothing),
		cmocka_unit_test(failed_recoveries_lose_nothing),
		cmocka_unit_test(a_failed_queue_reset_loses_nothing),
		cmocka_unit_test(nothing_is_taken_from_a_device_that_has_it),
	};

	return run_split_and_packed(tests);
}
