/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server or back end can do to the open files that it shares with the driver. */
#include "tests/unit/vhost_user_env.h"
#include "tests/unit/vfio_user_env.h"

#include <fcntl.h>
#include <sys/eventfd.h>

#include "base/event.h"
#include "driver/ring/kick.h"

#define FULL 0xfffffffffffffffeull
/* More than the kernel has room for, of results that nobody takes. */
enum { KICKS = 1000 };

/* ---- eventfds that are full, and whose writer is to wait ---- */

/* As full as a write can make it, and blocking. */
static void hold(int fd)
{
	uint64_t count;

	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	(void)!read(fd, &count, sizeof(count));
	count = FULL;
	assert_int_equal(write(fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
}

static void held_eventfds_hold_nothing(void **state)
{
	struct vn_event_sender sender = { 0 };
	int fd = eventfd(0, EFD_CLOEXEC);
	bool context;

	(void)state;
	vn_event_sender_open(&sender);
	context = sender.context != 0;
	alarm(60); /* a call that blocks would not come back */
	assert_int_equal(vn_event_send(&sender, fd), 0);
	assert_true(vn_event_take(fd));
	assert_false(vn_event_take(fd));
	for (unsigned int i = 0; i < KICKS; i++) {
		hold(fd);
		assert_int_equal(vn_event_send(&sender, fd), 0);
	}
	assert_true(vn_event_take(fd));
	vn_event_sender_close(&sender);
	/* A kernel without asynchronous I/O. */
	sender.shared = true;
	hold(fd);
	assert_int_equal(vn_event_send(&sender, fd), 0);
	assert_true(vn_event_take(fd));
	assert_int_equal(vn_event_send(&sender, fd), 0);
	assert_true(vn_event_take(fd));
	alarm(0);
	close(fd);
	if (!context)
		print_message("no asynchronous I/O here: only the way without it was tried\n");
}

static void kick_while_held(struct vionet_device *device)
{
	struct vionet_queue *queues[] = { vionet_device_rx_queue(device, 0),
					  vionet_device_tx_queue(device, 0) };

	alarm(60);
	for (unsigned int i = 0; i < KICKS; i++)
		for (unsigned int j = 0; j < 2; j++) {
			assert_true(queues[j]->doorbell.fd >= 0);
			vn_queue_kick(queues[j]);
		}
}

/* From then on the back end takes no kick. */
static int take_over_kick(struct backend *b, unsigned int queue)
{
	int fd;

	LOCKED(b, {
		fd = fcntl(b->queue[queue].kick, F_DUPFD_CLOEXEC, 0);
		proxy_note_fd(&b->queue[queue].kick, -1);
	});
	proxy_wake(&b->proxy);
	assert_true(fd >= 0);
	return fd;
}

static void kicks_are_not_held_by_a_back_end(void **state)
{
	struct backend *b = *state;
	struct vionet_device *device;
	int fds[2];

	assert_int_equal(open_backend(b, "", &device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	for (unsigned int i = 0; i < 2; i++)
		hold(fds[i] = take_over_kick(b, i));
	kick_while_held(device);
	/* A start kicks all rings; with eventfds of its own, which the back end has not held. */
	assert_int_equal(vionet_device_stop(device), 0);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	turn_frames(device, 0, 20);
	alarm(0);
	assert_int_equal(vionet_device_close(device), 0);
	for (unsigned int i = 0; i < 2; i++)
		close(fds[i]);
}

static void kicks_are_not_held_by_a_server(void **state)
{
	struct proxy *p = proxy_of(state);
	struct vionet_device *device;

	p->options[0] = "--notify=eventfd";
	for (unsigned int i = 0; i < 2; i++)
		vfu_of(p)->doorbell[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	proxy_start(p);
	device = open_device(p);
	assert_int_equal(vionet_device_start(device, NULL), 0);
	for (unsigned int i = 0; i < 2; i++)
		hold(vfu_of(p)->doorbell[i]);
	kick_while_held(device);
	assert_int_equal(vionet_device_stop(device), 0);
	alarm(0);
	assert_int_equal(vionet_device_close(device), 0);
	assert_true(proxy_ended(p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_eventfds_hold_nothing),
		cmocka_unit_test_setup_teardown(kicks_are_not_held_by_a_back_end, raise_backend,
						drop_backend),
		with_proxy(kicks_are_not_held_by_a_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
