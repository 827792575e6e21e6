/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/shared/pair_threads.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "tools/shared/rest.h"

#define NUDGE_NS 500000000ULL
#define END_TICK_NS 1000000ULL
#define END_DRAIN_MS 200

static struct pair_thread *threads_at(const struct pair_threads *threads, unsigned int index)
{
	return (struct pair_thread *)((char *)threads->thread + index * threads->stride);
}

static void *threads_main(void *argument)
{
	struct pair_thread *thread = argument;

	rest_join();
	thread->run(thread);
	/* The device has time for what it was given last; one that is gone takes none. */
	(void)vionet_queue_drain(thread->session.tx, END_DRAIN_MS);
	rest_leave();
	__atomic_store_n(&thread->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

bool pair_thread_goes_on(struct pair_thread *thread, uint64_t now)
{
	uint64_t next = thread->iterations + 1; /* nobody else writes it */

	__atomic_store_n(&thread->iterations, next, __ATOMIC_RELAXED);
	return !__atomic_load_n(&thread->all->halt, __ATOMIC_RELAXED) &&
	       session_check(&thread->session, now) == CODE_OK;
}

static int threads_start_one(struct pair_threads *threads, unsigned int index,
			     struct session *session)
{
	struct pair_thread *thread = threads_at(threads, index);
	char name[24]; /* 15 characters are what the kernel takes */
	int error;

	thread->all = threads;
	error = cpus_create_thread(&threads->cpus, index, &thread->id, threads_main, thread);
	if (error != 0) {
		say("a thread for queue pair %u: %s", index, strerror(error));
		return session_fail(session, CODE_PERMISSION);
	}
	snprintf(name, sizeof(name), "%s-%u", threads->name, index);
	pthread_setname_np(thread->id, name);
	threads->running++;
	return CODE_OK;
}

/* Signals are for the main thread: its sleep has to end. Only threads_nudge() sends one. */
static void threads_start(struct pair_threads *threads, struct session *session)
{
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (unsigned int i = 0; i < threads->count; i++)
		if (threads_start_one(threads, i, session) != CODE_OK)
			break;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool threads_has_ended(const struct pair_thread *thread)
{
	return __atomic_load_n(&thread->ended, __ATOMIC_ACQUIRE);
}

static bool threads_any_ended(const struct pair_threads *threads)
{
	for (unsigned int i = 0; i < threads->running; i++)
		if (threads_has_ended(threads_at(threads, i)))
			return true;
	return false;
}

static bool threads_all_ended(const struct pair_threads *threads)
{
	for (unsigned int i = 0; i < threads->running; i++)
		if (!threads_has_ended(threads_at(threads, i)))
			return false;
	return true;
}

/* Without asynchronous I/O a kick can wait for an eventfd that the other side has filled: a
 * signal ends it, and the thread sees what time it is. */
static void threads_nudge(struct pair_threads *threads)
{
	uint64_t now = now_ns();

	if (now < threads->nudge_ns)
		return;
	threads->nudge_ns = now + NUDGE_NS;
	for (unsigned int i = 0; i < threads->running; i++) {
		struct pair_thread *thread = threads_at(threads, i);
		uint64_t seen = __atomic_load_n(&thread->iterations, __ATOMIC_RELAXED);

		if (seen == thread->iterations_before && !threads_has_ended(thread))
			pthread_kill(thread->id, SIGALRM);
		thread->iterations_before = seen;
	}
}

/* Sleep until the device has something to say, or the next check is due. */
static void threads_sleep(struct session *session)
{
	struct pollfd wait = { .fd = vionet_device_event_fd(session->device),
			       .events = POLLIN };
	struct timespec time = { .tv_nsec = (long)SESSION_CHECK_NS };

	if (ppoll(&wait, 1, &time, NULL) > 0)
		session->next_check = 0;
}

static void threads_end(struct pair_threads *threads, struct session *session)
{
	__atomic_store_n(&threads->halt, true, __ATOMIC_RELAXED);
	for (; !threads_all_ended(threads); sleep_ns(END_TICK_NS))
		threads_nudge(threads);
	for (unsigned int i = 0; i < threads->running; i++) {
		pthread_join(threads_at(threads, i)->id, NULL);
		session_fail(session, threads_at(threads, i)->session.code);
	}
}

int pair_threads_run(struct pair_threads *threads, struct session *session)
{
	threads_start(threads, session);
	while (session->code == CODE_OK && stop_asked() == 0 && !threads->enough &&
	       !threads_any_ended(threads)) {
		if (session_check(session, now_ns()) == CODE_OK)
			session_fail(session, threads->watch(threads));
		threads_nudge(threads);
		if (session->code == CODE_OK && !threads->enough)
			threads_sleep(session);
	}
	threads_end(threads, session);
	return session->code;
}
