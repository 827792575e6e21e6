/* SPDX-License-Identifier: BSD-3-Clause */
/* When what is done: messages, doorbells, packets, commands; sleeping or polling. */
#include "softnic/loop.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "softnic/command.h"
#include "softnic/fault/timed.h"
#include "softnic/net/net.h"
#include "softnic/ring/ring.h"
#include "softnic/vfio_user/server.h"

#define BUDGET 64u
#define TURNS 256u /* between two looks at the descriptors */
#define NS_PER_S 1000000000ll
#define TURNS_NS 10000000ll /* the same, where the driver makes iterations long */

/* A mapped page cannot wake anyone: after the last ring it is looked at without a pause
 * for a while, then with short ones. */
#define PAGE_SPIN_NS 200000ll
#define PAGE_PAUSE_NS 50000ll
/* A peer whose frame finds no buffer is not polled again before this. */
#define PEER_PAUSE_NS 1000000ll
/* Between two looks at what is checked over time: rings that should have come. */
#define WATCH_NS NS_PER_S

struct loop {
	struct device *device;
	struct command_server *commands;
	struct pollfd fds[QUEUES_MAX + COMMAND_CLIENTS + 8];
	unsigned int count;
	unsigned int listen, driver, peer, events, command; /* places; 0: none */
	int signals;
	bool peer_waits; /* it has a frame that was not taken */
	int64_t transport_due; /* -1: never */
	int64_t last_ring, last_watch;
	bool end;
};

static int64_t loop_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * NS_PER_S + time.tv_nsec;
}

/* ---- descriptors ---- */

static unsigned int loop_watch(struct loop *loop, int fd)
{
	loop->fds[loop->count] = (struct pollfd){ .fd = fd, .events = POLLIN };
	return loop->count++;
}

/* The sockets always; the peer and the doorbells only while someone drives. */
static void loop_collect(struct loop *loop)
{
	struct device *device = loop->device;
	const struct notify *notify = &device->server->notify;

	loop->count = 0;
	loop->peer = loop->events = 0;
	loop_watch(loop, loop->signals); /* place 0, so that 0 can say none */
	loop->listen = loop_watch(loop, device->server->listener.fd);
	loop->driver = loop_watch(loop, device->server->fd);
	if (device_is_live(device) && !loop->peer_waits)
		loop->peer = loop_watch(loop, net_fd(device));
	if (device->options->notify == NOTIFY_EVENTFD && device->server->fd >= 0) {
		loop->events = loop->count;
		for (unsigned int i = 0; i < device->queue_count; i++)
			loop_watch(loop, notify->event[i]);
	}
	loop->command = loop->count;
	loop->count += command_fds(loop->commands, &loop->fds[loop->count]);
}

static bool loop_came(const struct loop *loop, unsigned int place)
{
	return place != 0 && loop->fds[place].revents != 0;
}

static void loop_serve_driver(struct loop *loop)
{
	struct device *device = loop->device;

	if (!device->options->transport->serve(device) && device->options->once)
		loop->end = true;
}

static void loop_serve_events(struct loop *loop)
{
	struct device *device = loop->device;

	for (unsigned int i = 0; loop->events && i < device->queue_count; i++)
		if (loop_came(loop, loop->events + i))
			notify_event(&device->queue[i]);
}

/* Doorbells before messages: a reset that follows a ring would forget it. */
static void loop_serve(struct loop *loop)
{
	/* Its counter is never taken: one is enough. */
	if (loop->fds[0].revents != 0)
		loop->end = true;
	loop_serve_events(loop);
	if (loop_came(loop, loop->driver))
		loop_serve_driver(loop);
	if (loop_came(loop, loop->listen))
		loop->device->options->transport->accept(loop->device);
	for (unsigned int i = loop->command; i < loop->count; i++)
		if (loop->fds[i].revents != 0) {
			command_serve(loop->commands);
			break;
		}
	loop->end |= command_quit(loop->commands);
}

/* Wait for a descriptor, `wait` nanoseconds at most; -1: for ever. */
static int loop_look(struct loop *loop, int64_t wait)
{
	const struct timespec time = { .tv_sec = wait / NS_PER_S,
				       .tv_nsec = wait % NS_PER_S };
	int result;

	loop_collect(loop);
	result = ppoll(loop->fds, loop->count, wait < 0 ? NULL : &time, NULL);
	if (result < 0)
		return errno == EINTR ? 0 : -errno;
	if (result > 0)
		loop_serve(loop);
	return 0;
}

/* ---- work ---- */

static void loop_forget_rings(struct device *device)
{
	for (unsigned int i = 0; i < device->queue_count; i++)
		device->queue[i].kicked = false;
}

/* One poll iteration. Whether anything moved. */
static bool loop_iterate(struct loop *loop)
{
	struct device *device = loop->device;
	bool rang = notify_poll(device);
	bool moved;

	if (!device_is_live(device))
		return false;
	moved = net_run(device, BUDGET);
	loop_forget_rings(device);
	if (rang)
		loop->last_ring = loop_now();
	return moved;
}

/* Once a second, when the clock is read anyway. */
static void loop_watch_rings(struct loop *loop)
{
	struct device *device = loop->device;
	int64_t time = loop_now();

	if (!device_is_live(device) || time - loop->last_watch < WATCH_NS)
		return;
	loop->last_watch = time;
	for (unsigned int i = 0; i < device->queue_count; i++)
		if (device->queue[i].enabled)
			ring_watch(&device->queue[i]);
}

/* What the transport does by itself. */
static void loop_poll_transport(struct loop *loop)
{
	const struct transport *transport = loop->device->options->transport;

	loop->transport_due = transport->poll ? transport->poll(loop->device) : -1;
}

/* Turns until nothing moves, or the descriptors are due. A peer that was heard and moved
 * nothing has a frame that is not taken. */
static bool loop_work(struct loop *loop)
{
	bool poll = loop->device->options->poll && device_is_live(loop->device);
	bool moved = false, any = false, waited = loop->peer_waits;
	int64_t start = loop_now();

	for (unsigned int i = 0; i < TURNS; i++) {
		moved = loop_iterate(loop);
		any |= moved;
		if ((!moved && !poll) || loop_now() - start > TURNS_NS)
			break;
	}
	loop->peer_waits = !any && !poll && loop_came(loop, loop->peer);
	if (loop->peer_waits && !waited)
		trace(loop->device, "PEER waits");
	loop_watch_rings(loop);
	loop_poll_transport(loop);
	fault_iteration(loop->device);
	dma_check(loop->device);
	return moved || poll;
}

static int64_t loop_sooner(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static int64_t loop_page_wait(const struct loop *loop)
{
	if (loop->device->options->notify != NOTIFY_PAGE)
		return -1;
	return loop_now() - loop->last_ring < PAGE_SPIN_NS ? 0 : PAGE_PAUSE_NS;
}

/* Interrupts all the time need a device that does not sleep. */
static bool loop_restless(const struct device *device)
{
	return device_has_fault(device, FAULT_INTERRUPTS_EARLY) ||
	       device_has_fault(device, FAULT_INTERRUPTS_SPURIOUS) ||
	       device_has_fault(device, FAULT_CONFIG_INTERRUPT_STORM) ||
	       device_has_fault(device, FAULT_VECTOR_COUNTERS_FULL);
}

/* How long to sleep: not at all while there is work. */
static int64_t loop_wait(struct loop *loop, bool busy)
{
	struct device *device = loop->device;
	int64_t wait;

	if (busy)
		return 0;
	if (loop_restless(device) && device->server->fd >= 0)
		return PAGE_PAUSE_NS;
	if (!device_is_live(device))
		return device->server->fd >= 0 && device->options->notify == NOTIFY_PAGE
			       ? PAGE_PAUSE_NS
			       : loop->transport_due;
	if (net_arm(device))
		return 0;
	wait = loop_sooner(net_deadline(device), loop_page_wait(loop));
	wait = loop_sooner(loop_sooner(wait, loop->transport_due), WATCH_NS);
	return loop->peer_waits ? loop_sooner(wait, PEER_PAUSE_NS) : wait;
}

static int end_event = -1; /* an eventfd: a signal ends the device */

/* Whatever call waits now, or is about to, ends: more signals follow. */
static void loop_on_end(int number)
{
	const struct itimerval each = { { 0, 100000 }, { 0, 100000 } };
	const uint64_t one = 1;
	int error = errno;

	(void)number;
	if (write(end_event, &one, sizeof(one)) == sizeof(one))
		setitimer(ITIMER_REAL, &each, NULL);
	errno = error;
}

static void loop_on_alarm(int number)
{
	(void)number;
}

int loop_signals(void)
{
	static const int ending[] = { SIGTERM, SIGINT, SIGHUP };
	/* No SA_RESTART: a call that waits has to end. */
	struct sigaction action = { .sa_handler = loop_on_end };

	end_event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (end_event < 0)
		return -errno;
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		sigaction(ending[i], &action, NULL);
	action.sa_handler = loop_on_alarm;
	sigaction(SIGALRM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return end_event;
}

int loop_run(struct device *device, struct command_server *commands, int signals)
{
	struct loop loop = { .device = device, .commands = commands,
			     .signals = signals };
	int result = 0;

	while (!loop.end && result == 0) {
		bool busy = loop_work(&loop);

		result = loop_look(&loop, loop_wait(&loop, busy));
	}
	return result;
}
