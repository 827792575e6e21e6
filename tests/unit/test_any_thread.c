/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls that any thread may make on a queue at any time, also while it is re-initialised:
 * its counters never go back, and its health is valid. The thread sanitizer checks the
 * rest. */
#include "tests/unit/control_env_traffic.h"

#include <pthread.h>

/* Each time a thread waits for the other one, which costs most where processors are few. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MEETINGS 300u
#endif
#endif
#ifndef MEETINGS
#define MEETINGS 100u
#endif

struct watcher {
	struct vionet_queue *queue;
	const char *name;
	int end, looks;
	uint64_t went_back, strange;
};

static void *watch(void *argument)
{
	struct watcher *w = argument;
	uint64_t last = 0;

	while (!__atomic_load_n(&w->end, __ATOMIC_RELAXED)) {
		struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
		int result = vionet_queue_check(w->queue);

		w->strange += result != 0 && result != -EIO && result != -EXDEV;
		if (result != 0 && !strstr(vionet_error_text(), w->name))
			w->strange++;
		vionet_queue_stats(w->queue, &stats);
		w->went_back += stats.packets < last;
		last = stats.packets;
		w->strange += stats.size != 16 && stats.size != 32;
		__atomic_fetch_add(&w->looks, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* The other thread has read it twice meanwhile. */
static void let_it_look(struct watcher *w)
{
	int before = __atomic_load_n(&w->looks, __ATOMIC_RELAXED);

	while (__atomic_load_n(&w->looks, __ATOMIC_RELAXED) - before < 2)
		sched_yield();
}

static void a_queue_is_made_anew_under_its_watchers(void **state)
{
	struct control_env *env = control_env_create(1);
	struct watcher w = { 0 };
	pthread_t thread;

	(void)state;
	control_env_start(env, 1, 0);
	w.queue = vionet_device_rx_queue(env->device, 0);
	w.name = "receive queue 0";
	assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
	for (unsigned int i = 0; i < MEETINGS; i++) {
		deliver(env, 3);
		assert_int_equal(take(w.queue), 3);
		if (i % 5 == 0) {
			model_used(env->model, 0, 999 + i, 84, 1);
			assert_int_equal(take(w.queue), 0);
		}
		let_it_look(&w);
		if (i % 3 == 0) {
			memset(env->device->recovered_at, 0,
			       sizeof(env->device->recovered_at));
			assert_int_equal(vionet_device_recover(env->device, NULL), 0);
		} else {
			assert_int_equal(vionet_queue_resize(
				w.queue, i % 2 ? 16 : 32, NULL), 0);
		}
		let_it_look(&w);
	}
	__atomic_store_n(&w.end, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(w.went_back, 0);
	assert_int_equal(w.strange, 0);
	control_env_destroy(env);
}

/* A packet that the device cannot reach is noted by the queue's thread. */
static void packets_do_not_arrive_under_its_watchers(void **state)
{
	struct control_env *env = control_env_create(1), *other = control_env_create(1);
	struct vionet_packet *packet;
	struct watcher w = { .name = "transmit queue 0" };
	pthread_t thread;

	(void)state;
	control_env_start(env, 1, 0);
	control_env_start(other, 1, 0);
	w.queue = vionet_device_tx_queue(env->device, 0);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(
		vionet_device_tx_queue(other->device, 0)), &packet, 1), 1);
	packet->length = 60;
	assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
	for (unsigned int i = 0; i < MEETINGS; i++) {
		assert_int_equal(vionet_queue_transmit(w.queue, &packet, 1), 0);
		assert_int_equal(vionet_queue_check(w.queue), -EXDEV);
		let_it_look(&w);
		/* A re-initialised queue has no error. */
		assert_int_equal(vionet_queue_resize(w.queue, i % 2 ? 16 : 32, NULL),
				 0);
		assert_int_equal(vionet_queue_check(w.queue), 0);
		let_it_look(&w);
	}
	__atomic_store_n(&w.end, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(w.went_back, 0);
	assert_int_equal(w.strange, 0);
	vionet_packet_free(&packet, 1);
	control_env_destroy(env);
	control_env_destroy(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_is_made_anew_under_its_watchers),
		cmocka_unit_test(packets_do_not_arrive_under_its_watchers),
	};

	return run_split_and_packed(tests);
}
