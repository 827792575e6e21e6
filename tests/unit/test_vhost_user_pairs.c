/* SPDX-License-Identifier: BSD-3-Clause */
/* Queue pairs over vhost-user, which are used by enabling their rings: more, fewer, after
 * a reconnection and a recovery, and with a back end that obeys in part. */
#include "tests/unit/vhost_user_env.h"

#include <vionet/recovery.h>

#include "driver/state/device.h"

static int set_up(void **state)
{
	struct backend *b = backend_create(false);

	LOCKED(b, b->features |= 1ull << 22); /* MQ */
	*state = b;
	return 0;
}

static int tear_down(void **state)
{
	backend_destroy(*state);
	return 0;
}

static struct vionet_device *two_pairs(struct backend *b)
{
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .queue_pairs = 2 };
	struct vionet_device *device;

	if (open_backend(b, "", &device) || vionet_device_start(device, &start))
		fail_msg("%s", vionet_error_text());
	return device;
}

static unsigned int pairs_of(struct vionet_device *device)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	assert_int_equal(vionet_device_info(device, &info), 0);
	return info.queue_pairs;
}

/* Pairs are used by enabling their rings: there is no command, but a back end that offers
 * MQ sees that it was accepted. */
static void several_pairs(void **state)
{
	struct backend *b = *state;
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .queue_pairs = 3 };
	struct vionet_device *device = two_pairs(b);

	assert_int_equal(pairs_of(device), 2);
	LOCKED(b, {
		assert_int_equal(b->acked >> 22 & 1, 1);
		assert_int_equal(b->inflight_queues, 4);
		assert_true(backend_regions(b) <= 8);
	});
	turn_frames_of(device, 0, 0, 300);
	turn_frames_of(device, 1, 0, 300);
	backend_hang_up(b);
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	turn_frames_of(device, 1, 300, 300);
	turn_frames_of(device, 0, 300, 300);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, &start), -ENOTSUP);
	assert_text("2 queue pairs, not 3");
	assert_int_equal(vionet_device_close(device), 0);
}

/* Exactly the first ones. */
static void enabled_are(struct backend *b, unsigned int first)
{
	bool enabled[4];

	LOCKED(b, {
		for (unsigned int i = 0; i < 4; i++)
			enabled[i] = b->queue[i].enabled;
	});
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(enabled[i], i < first);
}

/* Fewer pairs: the back end stops using the rings, and nothing is sent on them; the next
 * back end gets the same number. */
static void fewer_pairs(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = two_pairs(b);
	struct vionet_packet *p;

	enabled_are(b, 4);
	assert_int_equal(vionet_queue_pairs_set(device, 1), 0);
	turn_frames_of(device, 0, 0, 300); /* all requests have been handled by now */
	enabled_are(b, 2);
	assert_int_equal(vionet_packet_alloc(vionet_queue_pool(
		vionet_device_tx_queue(device, 1)), &p, 1), 1);
	p->length = 60;
	assert_int_equal(vionet_queue_transmit(
		vionet_device_tx_queue(device, 1), &p, 1), 0);
	vionet_packet_free(&p, 1);
	backend_hang_up(b);
	assert_int_equal(vionet_device_reconnect(device, 1000), 0);
	turn_frames_of(device, 0, 300, 300);
	enabled_are(b, 2);
	assert_int_equal(vionet_queue_pairs_set(device, 2), 0);
	turn_frames_of(device, 1, 0, 300);
	enabled_are(b, 4);
	assert_int_equal(vionet_device_close(device), 0);
}

/* A recovery restores the pairs in use, no more. */
static void recovered_with_fewer(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = two_pairs(b);

	assert_int_equal(vionet_queue_pairs_set(device, 1), 0);
	turn_frames_of(device, 0, 0, 100);
	assert_int_equal(vionet_device_recover(device, NULL), 0);
	assert_int_equal(pairs_of(device), 1);
	turn_frames_of(device, 0, 100, 100);
	enabled_are(b, 2);
	assert_int_equal(vionet_queue_pairs_set(device, 2), 0);
	turn_frames_of(device, 1, 0, 100);
	enabled_are(b, 4);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_close(device), 0);
}

/* A new start uses the number that it was given, whatever was in use before. */
static void started_with_all_again(void **state)
{
	struct vionet_start_options start = { .struct_size = sizeof(start),
					      .queue_pairs = 2 };
	struct backend *b = *state;
	struct vionet_device *device = two_pairs(b);

	assert_int_equal(vionet_queue_pairs_set(device, 1), 0);
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, &start), 0);
	turn_frames_of(device, 1, 0, 100);
	enabled_are(b, 4);
	assert_int_equal(vionet_device_close(device), 0);
}

/* What was in a ring while it was off is sent once it is on: its kick was ignored then. */
static void what_waited_is_seen(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = two_pairs(b);
	unsigned int before, now;
	double limit = watch_clock() + TEST_TIMEOUT_S;

	assert_int_equal(vionet_queue_pairs_set(device, 1), 0);
	turn_frames_of(device, 0, 0, 100);
	LOCKED(b, before = b->queue[3].kicks);
	assert_int_equal(vionet_queue_pairs_set(device, 2), 0);
	do
		LOCKED(b, now = b->queue[3].kicks);
	while (now == before && watch_clock() < limit);
	assert_int_equal(now, before + 1);
	assert_int_equal(vionet_device_close(device), 0);
}

static void set_enable_allowed(struct backend *b, bool allowed)
{
	LOCKED(b, {
		b->fault_at = RQ_SET_VRING_ENABLE;
		b->fault = allowed ? FAULT_NONE : FAULT_REFUSE;
	});
}

/* If the result is unknown the smaller number holds, and the next command sets every
 * ring. */
static void obeyed_in_part(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = two_pairs(b);

	set_enable_allowed(b, false);
	assert_int_not_equal(vionet_queue_pairs_set(device, 1), 0);
	assert_int_equal(pairs_of(device), 1);
	set_enable_allowed(b, true);
	LOCKED(b, {
		for (unsigned int i = 0; i < 4; i++)
			b->queue[i].enabled = false;
	});
	assert_int_equal(vionet_queue_pairs_set(device, 1), 0);
	turn_frames_of(device, 0, 0, 100);
	enabled_are(b, 2);
	assert_int_equal(vionet_queue_pairs_set(device, 2), 0);
	set_enable_allowed(b, false);
	assert_int_not_equal(vionet_queue_pairs_set(device, 1), 0);
	set_enable_allowed(b, true);
	assert_int_equal(vionet_device_recover(device, NULL), 0);
	turn_frames_of(device, 0, 100, 100);
	enabled_are(b, 2);
	set_enable_allowed(b, false);
	assert_int_not_equal(vionet_queue_pairs_set(device, 2), 0);
	assert_int_equal(pairs_of(device), 1);
	set_enable_allowed(b, true);
	assert_int_equal(vionet_device_recover(device, NULL), 0);
	turn_frames_of(device, 0, 200, 100);
	enabled_are(b, 2);
	assert_int_equal(vionet_queue_pairs_set(device, 2), 0);
	assert_int_equal(pairs_of(device), 2);
	turn_frames_of(device, 1, 0, 100);
	turn_frames_of(device, 0, 300, 100);
	enabled_are(b, 4);
	assert_int_equal(vionet_device_close(device), 0);
}

/* A suspended device gets no request for its rings. proves: GEN-35 */
static void not_while_suspended(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device = two_pairs(b);
	struct vionet_link link = { .struct_size = sizeof(link) };
	unsigned int before, after;

	turn_frames_of(device, 1, 0, 100);
	device->suspended = true; /* no back end is known that can be */
	LOCKED(b, before = b->proxy.count[RQ_SET_VRING_ENABLE]);
	assert_int_equal(vionet_queue_pairs_set(device, 1), -ENETDOWN);
	assert_text("resume it first");
	assert_int_equal(vionet_device_link(device, &link), 0);
	LOCKED(b, after = b->proxy.count[RQ_SET_VRING_ENABLE]);
	assert_int_equal(after, before);
	device->suspended = false;
	assert_int_equal(vionet_device_close(device), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(several_pairs),
		TEST(fewer_pairs),
		TEST(recovered_with_fewer),
		TEST(started_with_all_again),
		TEST(what_waited_is_seen),
		TEST(obeyed_in_part),
		TEST(not_while_suspended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
