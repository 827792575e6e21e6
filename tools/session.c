/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: opening, watching, waiting on and closing a device (session.h). Never:
 * moves frames, parses options.
 * Read next: dump.c, the shorter of its two users.
 */
#include "session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include <vionet/error.h>

#define SPIN_NS 50000ULL
/* Without an interrupt for the queue: how long to sleep between looks. */
#define NAP_NS 100000ULL

int session_open(struct session *session, const struct device_options *options)
{
	int result;

	*session = (struct session){ .name = options->name };
	if (options->open.flags & VIONET_OPEN_ASSUME_IOMMU)
		say("WARNING: --assume-iommu: if no IOMMU stands in front of %s, it "
		    "will read and write memory of other programs",
		    options->name);
	if (strncmp(options->name, "vhost-user:", 11) == 0 &&
	    strstr(options->name, ",server"))
		say("%s: waiting for a back end to connect", options->name);
	result = vionet_device_open(options->name, &options->open, &session->device);
	if (result != 0) {
		say_error(result);
		return session_fail(session, code_of_open(result));
	}
	return CODE_OK;
}

int session_start(struct session *session, const struct vionet_start_options *options)
{
	int result = vionet_device_start(session->device, options);

	if (result != 0) {
		say_error(result);
		return session_fail(session, result == -EINVAL ? CODE_USAGE :
								 code_of_run(result));
	}
	session->rx = vionet_device_rx_queue(session->device, 0);
	session->tx = vionet_device_tx_queue(session->device, 0);
	if (session->rx == NULL || session->tx == NULL) {
		say("%s: no receive or transmit queue", session->name);
		return session_fail(session, CODE_FAILED);
	}
	return CODE_OK;
}

int session_fail(struct session *session, int code)
{
	if (session->code == CODE_OK)
		session->code = code;
	return session->code;
}

/* Say which queue is broken, and how. */
static void say_broken(struct session *session)
{
	const struct vionet_queue *queues[] = { session->rx, session->tx };
	static const char *const names[] = { "receive", "transmit" };

	for (int i = 0; i < 2; i++)
		if (queues[i] != NULL && vionet_queue_check(queues[i]) != 0) {
			say("%s: the %s queue is broken: %s", session->name,
			    names[i], vionet_error_text());
			return;
		}
	say("%s: a queue is broken", session->name);
}

static void say_link(struct session *session)
{
	struct vionet_link link;

	if (vionet_device_link(session->device, &link) == 0)
		say("%s: the link is %s", session->name, link.up ? "up" : "down");
}

/* The worst event decides what is said: gone explains all others. */
static int judge(struct session *session, uint32_t events)
{
	if (events & VIONET_EVENT_GONE)
		say("%s: the device is gone", session->name);
	else if (events & VIONET_EVENT_REMOVAL)
		say("%s: the device is being unplugged: stopping", session->name);
	else if (events & VIONET_EVENT_ERROR)
		say("%s: uncorrectable PCI error: stopping", session->name);
	else if (events & VIONET_EVENT_QUEUE_BROKEN)
		say_broken(session);
	else if (events & VIONET_EVENT_NEEDS_RESET)
		say("%s: the device gave up, or its back end went away: it has to be "
		    "started again", session->name);
	else {
		if (events & VIONET_EVENT_LINK)
			say_link(session);
		return session->code;
	}
	return session_fail(session, CODE_GONE);
}

int session_check_now(struct session *session)
{
	uint32_t events = 0;
	int result = vionet_device_events(session->device, &events);

	session->next_check = now_ns() + SESSION_CHECK_NS;
	if (result != 0) {
		say_error(result);
		return session_fail(session, CODE_GONE);
	}
	return judge(session, events);
}

int session_check(struct session *session, uint64_t now)
{
	if (now < session->next_check)
		return session->code;
	return session_check_now(session);
}

static void nap(uint64_t duration)
{
	const struct timespec time = {
		.tv_sec = (time_t)(duration / 1000000000),
		.tv_nsec = (long)(duration % 1000000000),
	};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* Sleep until the receive queue, the device or the clock has something to say. */
static void sleep_on_interrupt(struct session *session, uint64_t until)
{
	int fd = vionet_queue_eventfd(session->rx);
	struct pollfd waits[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = vionet_device_eventfd(session->device), .events = POLLIN },
	};
	struct timespec time = { 0 };
	uint64_t now;

	if (fd >= 0 && vionet_queue_arm(session->rx) != 0)
		return; /* work came in between, or the queue broke */
	now = now_ns();
	if (now < until && fd >= 0) {
		time.tv_nsec = (long)(until - now);
		ppoll(waits, 2, &time, NULL);
	} else if (now < until) {
		nap(until - now < NAP_NS ? until - now : NAP_NS);
	}
	if (fd >= 0)
		vionet_queue_disarm(session->rx);
	if (waits[1].revents != 0)
		session->next_check = 0;
}

void session_idle(struct session *session, enum wait_mode mode, int receiving,
		  uint64_t busy_ns, uint64_t until)
{
	uint64_t now = now_ns();

	if (until > now + SESSION_CHECK_NS)
		until = now + SESSION_CHECK_NS;
	if (until <= now || stop_asked() > 0)
		return;
	if (!receiving) {
		nap(until - now);
		return;
	}
	if (mode == WAIT_POLL || (mode == WAIT_SPIN && now - busy_ns < SPIN_NS))
		return;
	sleep_on_interrupt(session, until);
}

int session_close(struct session *session)
{
	int result = vionet_device_close(session->device);

	session->device = NULL;
	session->rx = NULL;
	session->tx = NULL;
	/* A device that is known to be gone cannot be closed in order: said before. */
	if (result != 0 && session->code != CODE_GONE) {
		say_error(result);
		session_fail(session, code_of_run(result));
	}
	return session->code;
}
