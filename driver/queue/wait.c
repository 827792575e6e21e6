/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Waiting for a queue, asleep or awake: always with a limit, and no interrupt is trusted for
 * longer than VN_RESCUE_INTERVAL.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/event.h"
#include "base/order.h"
#include "driver/queue/burst.h"
#include "driver/queue/rescue.h"
#include "driver/state/health.h"
#include "driver/state/queue.h"

/* A sleep ends after this, so that the caller may look at its own flags. */
#define SLEEP_MAX (1000 * VN_MS)

/* How often a queue without a vector is looked at while "sleeping". */
#define POLL_PAUSE (VN_MS / 10)

/* Nothing more will come of it. */
static bool wait_is_hopeless(const struct vionet_queue *queue)
{
	return queue->error || vn_device_has_error(queue->device);
}

int vionet_queue_drain(struct vionet_queue *queue, unsigned int timeout_ms)
{
	uint64_t now = vn_now(), end = now + timeout_ms * VN_MS;

	for (; vionet_queue_reclaim(queue) != 0; now = vn_now()) {
		if (wait_is_hopeless(queue))
			return vionet_queue_check(queue);
		/* A thread that did not run for so long polls once more. */
		if (now >= end && vionet_queue_reclaim(queue) != 0)
			return vn_error(ETIMEDOUT, "%s: transmit queue %u: the "
					"device has not completed %u packets "
					"within %u ms", queue->device->name,
					queue->pair, queue->outstanding,
					timeout_ms);
		vn_sleep(VN_MS / 20);
	}
	return queue->error ? vionet_queue_check(queue) : 0;
}

/* ---- waiting ---- */

int vionet_queue_fd(const struct vionet_queue *queue)
{
	if (queue->interrupt_fd < 0)
		return vn_error(ENOTSUP, "%s: queue %u has no interrupt: none was "
				"asked for, or the device has too few MSI-X "
				"vectors; poll it", queue->device->name,
				queue->index);
	return queue->interrupt_fd;
}

int vionet_queue_arm(struct vionet_queue *queue)
{
	int ready;

	/* A broken queue may have no memory any more. */
	if (queue->error)
		return vionet_queue_check(queue);
	if (vn_queue_paused(queue))
		return 0;
	ready = queue->bursts->arm(queue);
	if (queue->error)
		return vionet_queue_check(queue);
	/* What has come is still to be taken. */
	if (ready != 0 || !vn_device_has_error(queue->device))
		return ready;
	queue->bursts->disarm(queue);
	return vionet_queue_check(queue);
}

static void wait_clear_interrupt(struct vionet_queue *queue)
{
	struct epoll_event event;
	bool signalled;

	if (queue->interrupt_fd < 0)
		return;
	if (queue->shared_interrupt)
		signalled = epoll_wait(queue->interrupt_fd, &event, 1, 0) > 0;
	else
		signalled = vn_event_take(queue->interrupt_fd);
	if (signalled)
		vn_count(&queue->counters.interrupts, 1);
}

void vionet_queue_disarm(struct vionet_queue *queue)
{
	if (!vn_queue_paused(queue))
		queue->bursts->disarm(queue);
	wait_clear_interrupt(queue);
}

static bool wait_spin(struct vionet_queue *queue, uint64_t end)
{
	uint64_t now;

	do {
		if (queue->error || queue->bursts->ready(queue))
			return true;
		VN_CPU_RELAX();
		now = vn_now();
		vn_queue_watchdog(queue, now);
	} while (now < end);
	return false;
}

/* Sleep once, armed: until the interrupt, a removal request, a signal, or the
 * pause is over. Returns poll's answer for the interrupt; -ENODEV on removal. */
static int wait_sleep_armed(struct vionet_queue *queue, uint64_t pause)
{
	struct pollfd fds[2] = {
		{ .fd = queue->interrupt_fd, .events = POLLIN },
		{ .fd = queue->transport->removal_fd, .events = POLLIN },
	};
	struct timespec timeout = {
		.tv_sec = (time_t)(pause / (1000 * VN_MS)),
		.tv_nsec = (long)(pause % (1000 * VN_MS)),
	};
	int ready = ppoll(fds, 2, &timeout, NULL);

	if (ready < 0)
		return -EINTR;
	if (fds[1].revents)
		return vn_error(ENODEV, "%s: the device is being removed; stop and "
				"close it", queue->device->name);
	return fds[0].revents ? 1 : 0;
}

static uint64_t wait_shorter(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How long to sleep before the next look: an interrupt is not trusted for longer, and a
 * caller may wait in pieces, so the time is counted across them. */
static uint64_t wait_next_look(const struct vionet_queue *queue, uint64_t now)
{
	uint64_t still = now - queue->watch.since;

	if (queue->interrupt_fd < 0)
		return POLL_PAUSE;
	return still < VN_RESCUE_INTERVAL ? VN_RESCUE_INTERVAL - still :
					    VN_RESCUE_INTERVAL;
}

/* Arm and sleep until there is work or `end`; the queue is disarmed on return. */
static int wait_sleep_until(struct vionet_queue *queue, uint64_t end)
{
	bool slept = false; /* and no interrupt ended it */

	for (;;) {
		uint64_t now = vn_now(), pause;
		int ready = vionet_queue_arm(queue);

		if (ready > 0 && slept)
			vn_count(&queue->counters.lost_interrupts, 1);
		if (ready != 0 || now >= end)
			return ready;
		vn_queue_watchdog(queue, now);
		pause = wait_next_look(queue, now);
		ready = wait_sleep_armed(queue, wait_shorter(pause, end - now));
		if (ready < 0)
			return ready == -EINTR ? 0 : ready;
		wait_clear_interrupt(queue);
		slept = queue->interrupt_fd >= 0 && ready == 0 && pause < end - now;
	}
}

int vionet_queue_wait(struct vionet_queue *queue, unsigned int spin_us,
		      int timeout_ms)
{
	uint64_t now = vn_now(), limit = SLEEP_MAX + VN_MS;
	uint64_t end = now + (timeout_ms < 0 ? limit :
			      wait_shorter(limit, (unsigned int)timeout_ms * VN_MS));
	int result;

	if (queue->error)
		return vionet_queue_check(queue);
	if (spin_us != 0 &&
	    wait_spin(queue, wait_shorter(end, now + (uint64_t)spin_us * 1000)))
		return queue->error ? vionet_queue_check(queue) : 1;
	result = wait_sleep_until(queue, end);
	if (!vn_queue_paused(queue))
		queue->bursts->disarm(queue);
	return result;
}
