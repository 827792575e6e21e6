/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/stop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

/* The thread sanitizer runs a handler only when the call that it interrupted is over. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RESTART 0
#endif
#endif
#ifndef RESTART
#define RESTART SA_RESTART
#endif

/* One cause may send several: timeout(1) signals its child and then the group with the child in
 * it, systemd a SIGHUP after its SIGTERM, a terminal that is lost is told by kernel and shell. */
#define ONE_CAUSE_NS 100000000ULL

/* Read by all threads; an atomic int is lock-free, so the handler may write it. */
static int stops;
static uint64_t stop_counted_ns;
static void (*undo_before_death)(void);
static bool in_order;
static pthread_t main_thread;
static sigset_t alarm_set, mask_before;
static unsigned int outputs; /* of the main thread, one in another */

/* From a second from now on, each second: a signal that comes just before a call that waits is
 * not lost. */
static void stop_alarm_in_a_second(void)
{
	const struct itimerval each = { { 1, 0 }, { 1, 0 } };

	setitimer(ITIMER_REAL, &each, NULL);
}

/* The handler may run in two threads at once. */
static void stop_count(void)
{
	uint64_t last = __atomic_load_n(&stop_counted_ns, __ATOMIC_RELAXED), now = now_ns();

	if (stop_asked() >= 1000 || (last != 0 && now - last < ONE_CAUSE_NS))
		return;
	if (__atomic_compare_exchange_n(&stop_counted_ns, &last, now, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		__atomic_fetch_add(&stops, 1, __ATOMIC_RELAXED);
}

static void stop_on_signal(int number, siginfo_t *info, void *context)
{
	ucontext_t *interrupted = context;

	(void)info;
	if (!__atomic_load_n(&in_order, __ATOMIC_RELAXED)) {
		if (undo_before_death != NULL)
			undo_before_death();
		signal(number, SIG_DFL);
		raise(number);
		return;
	}
	stop_count();
	/* An output that stands still does not hold the process then. */
	sigdelset(&interrupted->uc_sigmask, SIGALRM);
	stop_alarm_in_a_second();
}

static void stop_on_alarm(int number)
{
	(void)number;
}

void stop_undo(void (*undo)(void))
{
	undo_before_death = undo;
}

void stop_in_order(void)
{
	__atomic_store_n(&in_order, true, __ATOMIC_RELAXED);
}

void stop_install(void)
{
	static const int stopping[] = { SIGINT, SIGTERM, SIGHUP };
	/* A sleep and a poll end all the same; what is being written arrives. */
	struct sigaction action = { .sa_sigaction = stop_on_signal,
				    .sa_flags = SA_SIGINFO | RESTART };

	main_thread = pthread_self();
	sigemptyset(&alarm_set);
	sigaddset(&alarm_set, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &alarm_set, NULL); /* as its parent may have left it */
	for (size_t i = 0; i < sizeof(stopping) / sizeof(stopping[0]); i++)
		sigaction(stopping[i], &action, NULL);
	action = (struct sigaction){ .sa_handler = stop_on_alarm };
	sigaction(SIGALRM, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
	sigaction(SIGXFSZ, &action, NULL);
}

void stop_moving(void)
{
	stop_alarm_in_a_second();
}

void stop_closed(void)
{
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };

	if (stop_asked() == 0)
		setitimer(ITIMER_REAL, &never, NULL);
	if (stop_asked() != 0)
		stop_alarm_in_a_second();
}

static bool stop_is_main(void)
{
	return pthread_equal(pthread_self(), main_thread) != 0;
}

void output_begin(void)
{
	if (!stop_is_main() || outputs++ > 0)
		return;
	pthread_sigmask(SIG_BLOCK, &alarm_set, &mask_before);
	if (stop_asked() == 0)
		return;
	/* It has a second of its own. */
	stop_alarm_in_a_second();
	pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

void output_end(void)
{
	if (stop_is_main() && --outputs == 0)
		pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
}

int stop_asked(void)
{
	return __atomic_load_n(&stops, __ATOMIC_RELAXED);
}

uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000ULL + (uint64_t)time.tv_nsec;
}

void sleep_until(uint64_t until)
{
	const struct timespec time = {
		.tv_sec = (time_t)(until / 1000000000),
		.tv_nsec = (long)(until % 1000000000),
	};

	while (stop_asked() == 0 &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
		;
}

void sleep_ns(uint64_t duration)
{
	const struct timespec time = {
		.tv_sec = (time_t)(duration / 1000000000),
		.tv_nsec = (long)(duration % 1000000000),
	};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}
