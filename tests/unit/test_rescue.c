/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device that misses a notification, or whose interrupt gets lost: however the driver
 * waits, nothing stands still for more than 100 ms, and the counters say so. In every
 * layout; each of the first 10,000 notifications is lost once.
 *
 * Time is made here: the functions of the C library that tell it or let it pass are
 * replaced, for the driver and for the device. So a stall is measured and not guessed.
 */
#include "tests/unit/test.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "driver/state/queue.h"
#include "tests/unit/env.h"

#define MS 1000000ull
#define COARSE (4 * MS) /* of the clock that is cheap */
#define LIMIT (100 * MS + 2 * COARSE + 2 * STEP)
#define STEP (2 * MS) /* between two polls */
#define FIRST 10000u

/* How close together the single ones are that get lost. The address sanitizer looks at the code for that, which is the same for
 * all of them. */
#define DENSITY 16u
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef DENSITY
#define DENSITY 4u
#endif
#endif

static uint64_t virtual_now = 1000000 * MS;
static void (*asleep)(void); /* what the device does while the driver sleeps */

int clock_gettime(clockid_t clock, struct timespec *time)
{
	uint64_t now = virtual_now;

	if (clock == CLOCK_MONOTONIC_COARSE)
		now -= now % COARSE;
	time->tv_sec = (time_t)(now / (1000 * MS));
	time->tv_nsec = (long)(now % (1000 * MS));
	return 0;
}

static uint64_t duration(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * 1000 * MS + (uint64_t)time->tv_nsec;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	virtual_now += duration(time);
	return 0;
}

int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *time,
	  const sigset_t *mask)
{
	int ready;

	(void)mask;
	if (asleep)
		asleep();
	ready = poll(fds, count, 0);
	if (ready == 0)
		virtual_now += duration(time);
	return ready;
}

/* ---- a device that reads a ring only when it is notified ---- */

static struct {
	struct env *env;
	bool (*loses)(uint64_t bell); /* of its queue, from 1 */
	uint64_t bell[2], lost;
	uint64_t deaf_until, heard_at[2]; /* virtual time */
	/* Receive buffers that it was notified of. */
	int id[256];
	uint64_t address[256];
	unsigned int known;
	uint64_t delivered_at;
	uint64_t interrupts, lose_interrupt;
} device;

static void learn_buffers(struct model *m)
{
	size_t room;
	int id;

	while ((id = model_take(m, 0, NULL, 0, &room)) >= 0) {
		device.id[device.known] = id;
		device.address[device.known++] = m->queue[0].element[0].address;
	}
	model_want_kick(m, 0);
}

static void on_bell(struct model *m, unsigned int queue)
{
	device.bell[queue]++;
	if (virtual_now < device.deaf_until ||
	    (device.loses && device.loses(device.bell[queue]))) {
		device.lost++;
		return;
	}
	device.heard_at[queue] = virtual_now;
	if (queue == 1)
		model_transmit(m);
	else
		learn_buffers(m);
}

/* Deliver frames into all buffers that it was notified of. */
static void deliver_all(void)
{
	struct model *m = device.env->model;

	for (unsigned int i = 0; i < device.known; i++) {
		uint8_t *at = model_at(m, device.address[i], 72, true);

		memset(at, 0, 72);
		at[10] = 1;
		model_used(m, 0, (uint32_t)device.id[i], 72, 1);
	}
	device.known = 0;
	device.delivered_at = virtual_now;
}

/* `deaf`: for so long from now on. */
static struct env *raise_deaf(uint64_t deaf)
{
	struct env *env = env_start(16, 16, 0, 0);

	memset(&device, 0, sizeof(device));
	device.env = env;
	device.deaf_until = virtual_now + deaf;
	env->model->paused = true;
	env->model->on_doorbell = on_bell;
	/* The notifications of start went to a model that polls. */
	if (deaf == 0)
		learn_buffers(env->model);
	else
		device.lost++;
	return env;
}

static uint64_t rescues(const struct vionet_queue *queue)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	assert_int_equal(vionet_queue_stats(queue, &stats), 0);
	return stats.rescues;
}

/* ---- ways to wait ---- */

static void poll_receive(struct env *env)
{
	struct vionet_packet *packet;

	virtual_now += STEP;
	assert_int_equal(vionet_queue_receive(env->rx, &packet, 1), 0);
}

static void poll_receive_many(struct env *env)
{
	struct vionet_packet *packets[8];

	virtual_now += STEP;
	assert_int_equal(vionet_queue_receive(env->rx, packets, 8), 0);
}

static void wait_receive(struct env *env)
{
	assert_int_equal(vionet_queue_wait(env->rx, 0, 30), 0);
}

static void wait_receive_long(struct env *env)
{
	assert_true(vionet_queue_wait(env->rx, 0, 105) >= 0);
}

static void poll_reclaim(struct env *env)
{
	virtual_now += STEP;
	(void)vionet_queue_reclaim(env->tx);
}

static void drain(struct env *env)
{
	assert_int_equal(vionet_queue_drain(env->tx, 1000), 0);
}

static void wait_sent(struct env *env)
{
	assert_true(vionet_queue_wait(env->tx, 0, 30) >= 0);
}

/* Transmits into a queue that is full. */
static void poll_transmit(struct env *env)
{
	struct vionet_packet *packet = fresh(env, 60);

	virtual_now += STEP;
	if (vionet_queue_transmit(env->tx, &packet, 1) == 0)
		vionet_packet_free(&packet, 1);
}

typedef void idle_fn(struct env *env);

/* Wait until the device has buffers again, then let it use them all, and replace all. */
static void pass_received(struct env *env, idle_fn *idle)
{
	struct vionet_packet *packets[32];
	uint64_t begin = virtual_now;
	uint32_t count;

	while (device.known == 0) {
		idle(env);
		assert_true(virtual_now - begin <= 2 * LIMIT);
	}
	assert_true(device.heard_at[0] <= begin + LIMIT);
	count = device.known;
	deliver_all();
	assert_int_equal(vionet_queue_receive(env->rx, packets, 32), count);
	vionet_packet_free(packets, count);
}

/* Send a full queue, and wait until all of it was sent. */
static void pass_sent(struct env *env, idle_fn *idle)
{
	uint64_t begin = virtual_now, goal = env->model->sent + 16;
	struct vionet_packet *packets[16];

	vionet_queue_reclaim(env->tx);
	for (unsigned int i = 0; i < 16; i++)
		packets[i] = fresh(env, 60);
	assert_int_equal(vionet_queue_transmit(env->tx, packets, 16), 16);
	while (env->model->sent < goal) {
		idle(env);
		assert_true(virtual_now - begin <= 2 * LIMIT);
	}
	assert_true(device.heard_at[1] <= begin + LIMIT);
}

/* ---- each notification ---- */

static uint64_t parity, single;

static bool every_other(uint64_t bell)
{
	return bell % 2 == parity;
}

static bool just_one(uint64_t bell)
{
	return bell == single;
}

static idle_fn *const receiving[] = { poll_receive, poll_receive_many, wait_receive,
				      wait_receive_long };
static idle_fn *const sending[] = { poll_reclaim, drain, wait_sent, poll_transmit };

static void run_until(struct env *env, uint64_t bells)
{
	for (unsigned int i = 0; device.bell[0] < bells || device.bell[1] < bells;
	     i++) {
		pass_received(env, receiving[i % 4]);
		pass_sent(env, sending[i / 4 % 4]);
	}
}

static void any_notification_may_get_lost(void **state)
{
	(void)state;
	for (parity = 0; parity < 2; parity++) {
		struct env *env = raise_deaf(0);

		device.loses = every_other;
		run_until(env, FIRST);
		assert_true(device.lost >= FIRST);
		/* The next notification is the repeated one. */
		assert_in_range(rescues(env->rx) + rescues(env->tx),
				device.lost - 2, device.lost);
		env_stop(env);
	}
}

static void a_single_one_may_get_lost(void **state)
{
	(void)state;
	for (single = 1; single <= FIRST; single += 1 + single / DENSITY) {
		struct env *env = raise_deaf(0);

		device.loses = just_one;
		run_until(env, single + 4);
		assert_int_equal(device.lost, 2);
		assert_int_equal(rescues(env->rx), 1);
		assert_int_equal(rescues(env->tx), 1);
		env_stop(env);
	}
}

/* Firmware that starts late after DRIVER_OK. */
static void the_first_ones_may_get_lost(void **state)
{
	static const uint64_t times[] = { 1, 50, 99, 100, 101, 250, 1000, 5000, 60000 };

	(void)state;
	for (unsigned int i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		for (unsigned int k = 0; k < 4; k++) {
			struct env *env = raise_deaf(times[i] * MS);

			while (device.known == 0) {
				receiving[k](env);
				assert_true(virtual_now <=
					    device.deaf_until + 2 * LIMIT);
			}
			assert_true(device.heard_at[0] <=
				    device.deaf_until + LIMIT);
			assert_true(rescues(env->rx) >= 1);
			env_stop(env);
		}
	}
}

/* A notification that was not missed is not repeated. */
static void nothing_is_rescued_that_moves(void **state)
{
	struct env *env = raise_deaf(0);
	bool knows = (env_layout.offers >> 29 & 1) != 0;
	uint64_t before;

	(void)state;
	run_until(env, 2000);
	assert_int_equal(rescues(env->rx) + rescues(env->tx), 0);
	/* Nothing to send; and the device may have used all the buffers. */
	before = device.bell[0];
	for (unsigned int i = 0; i < 10000; i++) {
		poll_receive(env);
		poll_reclaim(env);
	}
	assert_int_equal(rescues(env->tx), 0);
	assert_int_equal(rescues(env->rx), device.bell[0] - before);
	assert_true(rescues(env->rx) <= 10000 * 2 * STEP /
				(knows ? 1000 * MS : 100 * MS));
	/* An idle queue is not notified. */
	vn_queue_pause(env->rx, true);
	before = device.bell[0];
	for (unsigned int i = 0; i < 100; i++) {
		virtual_now += 50 * MS;
		assert_int_equal(vionet_queue_wait(env->rx, 0, 50), 0);
	}
	assert_int_equal(device.bell[0], before);
	env_stop(env);
}

/* ---- interrupts ---- */

/* A frame comes in the middle of the sleep, its interrupt not always. */
static void interrupt_once(void)
{
	struct model *m = device.env->model;
	bool wanted;

	if (device.known == 0 || device.delivered_at != 0)
		return;
	wanted = model_wants_interrupt(m, 0);
	deliver_all();
	if (wanted && ++device.interrupts != device.lose_interrupt)
		model_interrupt(m, 0);
}

static void any_interrupt_may_get_lost(void **state)
{
	struct env *env = raise_deaf(0);
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	(void)state;
	asleep = interrupt_once;
	for (unsigned int i = 0; i < FIRST; i++) {
		struct vionet_packet *packets[32];
		uint32_t count;

		device.delivered_at = 0;
		device.lose_interrupt = i % 2 ? device.interrupts + 1 : 0;
		assert_int_equal(vionet_queue_wait(env->rx, 0, -1), 1);
		assert_true(virtual_now - device.delivered_at <= 100 * MS);
		count = vionet_queue_receive(env->rx, packets, 32);
		assert_int_equal(count, 16);
		vionet_packet_free(packets, count);
	}
	asleep = NULL;
	vionet_queue_stats(env->rx, &stats);
	assert_int_equal(stats.interrupts, FIRST / 2);
	assert_int_equal(stats.lost_interrupts, FIRST / 2);
	env_stop(env);
}

/* ---- a device that has stopped ---- */

static void fail_for_good(struct model *m)
{
	m->status |= 0x40;
}

static void be_reset(struct model *m)
{
	m->status = 0;
}

static void go_away(struct model *m)
{
	m->removed = true;
}

static void wait_quietly(struct env *env)
{
	(void)vionet_queue_wait(env->tx, 0, 30);
}

static void arm_and_sleep(struct env *env)
{
	(void)vionet_queue_arm(env->rx);
	virtual_now += 100 * MS;
	vionet_queue_disarm(env->rx);
	poll_receive(env);
}

/* Whichever way the application waits, the wait returns an error within `LIMIT`. */
static void expect_told(struct env *env, idle_fn *idle, int error)
{
	struct vionet_packet *packet;
	uint64_t begin = virtual_now;

	while (vionet_queue_check(env->tx) == 0) {
		idle(env);
		assert_true(virtual_now - begin <= 4 * LIMIT);
	}
	assert_int_equal(vionet_queue_check(env->rx), error);
	assert_int_equal(vionet_queue_wait(env->rx, 0, -1), error);
	assert_int_equal(vionet_queue_wait(env->rx, 100, 0), error);
	assert_int_equal(vionet_queue_wait(env->tx, 0, -1), error);
	assert_int_equal(vionet_queue_arm(env->tx), error);
	begin = virtual_now;
	assert_int_equal(vionet_queue_drain(env->tx, 60000), error);
	assert_true(virtual_now - begin <= LIMIT);
	assert_int_equal(vionet_queue_receive(env->rx, &packet, 1), 0);
}

static void waits_report_the_end_of_the_device(void **state)
{
	static void (*const ends[])(struct model *) = { fail_for_good, be_reset, go_away };
	static const int errors[] = { -EIO, -EIO, -ENODEV };
	static idle_fn *const idle[] = { poll_receive, poll_receive_many, poll_reclaim,
					 poll_transmit, wait_quietly, arm_and_sleep };

	(void)state;
	for (unsigned int i = 0; i < 3 * 6; i++) {
		struct env *env = raise_deaf(UINT64_MAX / 2);
		struct vionet_packet *packets[16];

		for (unsigned int k = 0; k < 16; k++)
			packets[k] = fresh(env, 60);
		assert_int_equal(vionet_queue_transmit(env->tx, packets, 16), 16);
		assert_int_equal(vionet_queue_check(env->tx), 0);
		ends[i % 3](env->model);
		expect_told(env, idle[i / 3], errors[i % 3]);
		if (errors[i % 3] == -EIO) {
			device.deaf_until = 0;
			env->model->paused = false;
			env->model->on_doorbell = NULL;
			assert_int_equal(vionet_device_recover(env->device, NULL), 0);
			assert_int_equal(vionet_queue_check(env->tx), 0);
			assert_int_equal(vionet_queue_wait(env->rx, 0, 30), 0);
		}
		env->model->removed = false;
		env_stop(env);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_notification_may_get_lost),
		cmocka_unit_test(a_single_one_may_get_lost),
		cmocka_unit_test(the_first_ones_may_get_lost),
		cmocka_unit_test(nothing_is_rescued_that_moves),
		cmocka_unit_test(any_interrupt_may_get_lost),
		cmocka_unit_test(waits_report_the_end_of_the_device),
	};

	return run_for_each_layout(tests);
}
