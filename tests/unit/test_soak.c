/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random traffic, in every layout: frames of random length and number of segments are
 * sent, the device hands each one back to the receive queue, completing in random order
 * or batches where it may; each has to arrive once, complete and in order, and nothing
 * may be left over. With the device in the same thread, and in one of its own; and
 * with one that reads the counters.
 */
#include "tests/unit/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "tests/unit/env.h"

/* The thread sanitizer runs only the part with threads. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define FRAMES 7000
#endif
#endif
#ifndef FRAMES
#define FRAMES 70000
#endif

#define WINDOW 16u
#define LONGEST 1400u

struct soak {
	struct env *env;
	unsigned int seed_driver, seed_device;
	uint64_t sent, received, refused; /* what the driver did */
	uint64_t forwarded; /* what the device did */
	bool stop;
};

static unsigned int draw(unsigned int *seed, unsigned int below)
{
	return (unsigned int)rand_r(seed) % below;
}

/* ---- the content of frame number n ---- */

static uint32_t length_of(uint64_t n)
{
	return 60 + (uint32_t)((n * 2654435761u) >> 7) % (LONGEST - 60);
}

/* Where the bytes of frame n begin in a pattern that all of them are cut from: each byte is 7 more than the one
 * before it, and 31 (or 7 * 41) more than that of the frame before. */
static uint8_t pattern[256 + LONGEST];

static void make_pattern(void)
{
	for (uint32_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)(i * 7);
}

static const uint8_t *bytes_of(uint64_t n)
{
	return pattern + n * 41 % 256;
}

/* Part of frame n, which begins at byte `at` of it. */
static void write_bytes(uint64_t n, uint32_t at, uint8_t *to, uint32_t length)
{
	memcpy(to, bytes_of(n) + at, length);
	for (uint32_t i = 12; i < 14; i++) /* no VLAN tag */
		if (i >= at && i < at + length)
			to[i - at] = 0;
}

static bool is_frame(uint64_t n, const uint8_t *data, size_t length)
{
	static const uint8_t none[2];
	const uint8_t *bytes = bytes_of(n);

	return length == length_of(n) && memcmp(data, bytes, 12) == 0 && memcmp(data + 12, none, 2) == 0 &&
	       memcmp(data + 14, bytes + 14, length - 14) == 0;
}

/* ---- the device ---- */

static void give_back(struct soak *s, uint8_t frame[WINDOW][LONGEST + 12],
		      const size_t *length, const int *id, unsigned int count)
{
	struct model *m = s->env->model;
	unsigned int begin = draw(&s->seed_device, count);

	if (env_layout.batch)
		model_used_batch(m, 1, count, 0);
	else
		for (unsigned int i = 0; i < count; i++)
			model_used(m, 1, (uint32_t)id[env_in_order() ? i :
					 (begin + i) % count], 0, 1);
	for (unsigned int i = 0; i < count; i++) {
		if (!is_frame(s->forwarded, frame[i] + 12, length[i] - 12))
			fail_msg("frame %lu is not what was sent",
				 (unsigned long)s->forwarded);
		if (model_deliver(m, frame[i] + 12, length[i] - 12, 268, -1) == 0)
			fail_msg("no room for frame %lu",
				 (unsigned long)s->forwarded);
		s->forwarded++;
	}
}

/* Take some frames, complete them, hand them back; how many. */
static unsigned int device_step(struct soak *s)
{
	static uint8_t frame[WINDOW][LONGEST + 12];
	unsigned int count = 0, most = 1 + draw(&s->seed_device, WINDOW);
	size_t length[WINDOW];
	int id[WINDOW];

	while (count < most &&
	       (id[count] = model_take(s->env->model, 1, frame[count],
				       sizeof(frame[0]), &length[count])) >= 0)
		count++;
	if (count != 0)
		give_back(s, frame, length, id, count);
	model_want_kick(s->env->model, 1);
	return count;
}

static void *device_thread(void *argument)
{
	struct soak *s = argument;

	while (!__atomic_load_n(&s->stop, __ATOMIC_ACQUIRE))
		if (device_step(s) == 0)
			sched_yield(); /* the other thread may have no processor */
	return NULL;
}

/* ---- the driver ---- */

static struct vionet_packet *make_frame(struct soak *s, uint64_t n)
{
	uint32_t total = length_of(n), at = 0;
	unsigned int left = 1 + draw(&s->seed_driver, 4);
	struct vionet_packet *first = NULL, *last = NULL;

	for (; left != 0; left--) {
		struct vionet_packet *p = fresh(s->env, 0);

		p->length = left == 1 ? total - at : (total - at) / left;
		p->data += draw(&s->seed_driver, 64);
		write_bytes(n, at, p->data, p->length);
		at += p->length;
		if (last)
			last->next = p;
		else
			first = p;
		last = p;
	}
	return first;
}

static void send_some(struct soak *s)
{
	unsigned int room = WINDOW - (unsigned int)(s->sent - s->received);
	unsigned int count = draw(&s->seed_driver, room + 1);
	struct vionet_packet *p[WINDOW + 1];
	uint32_t taken, all = 0;

	for (unsigned int i = 0; i < count; i++)
		p[all++] = make_frame(s, s->sent + i);
	/* An invalid packet: it is accepted and freed, and the device never sees it. */
	if (draw(&s->seed_driver, 8) == 0) {
		p[all++] = fresh(s->env, 13);
		s->refused++;
	}
	for (taken = 0; taken < all;)
		taken += vionet_queue_transmit(s->env->tx, p + taken, all - taken);
	s->sent += count;
}

static void check_frame(struct soak *s, struct vionet_packet *p)
{
	static uint8_t frame[LONGEST];
	uint32_t at = 0;

	assert_true(p->total_length <= LONGEST);
	for (struct vionet_packet *q = p; q; q = q->next) {
		memcpy(frame + at, q->data, q->length);
		at += q->length;
	}
	if (at != p->total_length || !is_frame(s->received, frame, at))
		fail_msg("frame %lu did not come back",
			 (unsigned long)s->received);
	s->received++;
	vionet_packet_free(&p, 1);
}

static uint32_t receive_some(struct soak *s)
{
	struct vionet_packet *p[8];
	uint32_t count = vionet_queue_receive(s->env->rx, p,
					      1 + draw(&s->seed_driver, 8));

	for (uint32_t i = 0; i < count; i++)
		check_frame(s, p[i]);
	return count;
}

static void run(bool threaded, uint64_t frames)
{
	struct soak s = {
		.env = env_start(256, 128, 256, 0),
		.seed_driver = 1,
		.seed_device = 2,
	};
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };
	uint32_t all = vionet_pool_available(vionet_queue_pool(s.env->tx));
	pthread_t thread;

	s.env->model->paused = true;
	s.env->model->rings.threaded = threaded;
	if (threaded)
		assert_int_equal(pthread_create(&thread, NULL, device_thread, &s),
				 0);
	while (s.received < frames || s.received != s.sent) {
		if (s.sent < frames && s.sent - s.received < WINDOW)
			send_some(&s);
		if (!threaded)
			device_step(&s);
		if (receive_some(&s) == 0 && threaded)
			sched_yield();
	}
	__atomic_store_n(&s.stop, true, __ATOMIC_RELEASE);
	if (threaded)
		pthread_join(thread, NULL);
	assert_int_equal(s.received, s.sent);
	assert_int_equal(s.forwarded, s.sent);
	assert_int_equal(vionet_queue_drain(s.env->tx, 100), 0);
	assert_int_equal(vionet_pool_available(vionet_queue_pool(s.env->tx)), all);
	vionet_queue_stats(s.env->tx, &stats);
	assert_int_equal(stats.packets, s.sent);
	assert_int_equal(stats.completed, s.sent);
	assert_int_equal(stats.invalid, s.refused);
	assert_int_equal(stats.in_flight, 0);
	assert_int_equal(vionet_queue_check(s.env->rx), 0);
	env_stop(s.env);
}

/* proves: SPLIT-04 SPLIT-05 SPLIT-06 SPLIT-07 SPLIT-08 SPLIT-09 SPLIT-10 SPLIT-11 */
/* proves: SPLIT-12 SPLIT-13 SPLIT-14 SPLIT-15 SPLIT-16 SPLIT-34 SPLIT-35 SPLIT-36 */
/* proves: PACKED-02 PACKED-03 PACKED-04 PACKED-09 PACKED-10 PACKED-11 PACKED-13 */
/* proves: PACKED-14 PACKED-21 PACKED-22 PACKED-26 PACKED-27 PACKED-28 PACKED-29 */
/* proves: PACKED-30 PACKED-31 PACKED-32 PACKED-34 PACKED-35 */
static void every_frame_arrives_once(void **state)
{
	(void)state;
	run(false, FRAMES);
}

/* proves: SPLIT-39 PACKED-36 */
static void with_the_device_in_its_own_thread(void **state)
{
	(void)state;
	run(true, 10000);
}

/* ---- and from others ---- */

struct watcher {
	struct env *env;
	bool stop;
	uint64_t looks;
};

static void *watch(void *argument)
{
	struct watcher *w = argument;
	struct vionet_queue_stats rx = { .struct_size = sizeof(rx) },
		tx = { .struct_size = sizeof(tx) },
		before = { .struct_size = sizeof(before) };

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		vionet_queue_stats(w->env->rx, &rx);
		vionet_queue_stats(w->env->tx, &tx);
		if (tx.packets < before.packets || vionet_queue_check(w->env->rx))
			return NULL;
		before = tx;
		__atomic_add_fetch(&w->looks, 1, __ATOMIC_RELAXED);
	}
	return w;
}

/* Any thread may read counters and health under traffic. The thread sanitizer finds the
 * races. */
static void counters_are_for_every_thread(void **state)
{
	struct env *env = env_start(64, 64, 0, 0);
	struct watcher watcher = { .env = env };
	uint8_t frame[60] = { 0 };
	pthread_t thread;
	void *result;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, watch, &watcher), 0);
	/* On a busy machine the other thread may be late. */
	for (unsigned int i = 0; i < 20000 ||
	     __atomic_load_n(&watcher.looks, __ATOMIC_RELAXED) == 0; i++) {
		struct vionet_packet *p = fresh(env, 60);

		assert_int_equal(vionet_queue_transmit(env->tx, &p, 1), 1);
		assert_int_equal(model_deliver(env->model, frame, 60, 0, -1), 1);
		assert_int_equal(receive_one(env->rx, &p), 1);
		vionet_packet_free(&p, 1);
	}
	__atomic_store_n(&watcher.stop, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_non_null(result);
	env_stop(env);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_frame_arrives_once),
		cmocka_unit_test(with_the_device_in_its_own_thread),
		cmocka_unit_test(counters_are_for_every_thread),
	};

	make_pattern();
	return run_for_each_layout(tests);
}
