/* SPDX-License-Identifier: BSD-3-Clause */
/* A thread for each queue pair of a session, for commands that move frames until the user stops
 * them; the main thread watches the device meanwhile. */
#ifndef VIONET_TOOLS_PAIR_THREADS_H
#define VIONET_TOOLS_PAIR_THREADS_H

#include <stdbool.h>
#include <stdint.h>

#include <pthread.h>

#include "tools/shared/cpus.h"
#include "tools/shared/session.h"

struct pair_thread {
	/* Set by the command. */
	void (*run)(struct pair_thread *thread); /* until pair_thread_goes_on says no */
	unsigned int pair;
	struct session session; /* session_follow */

	/* Of pair_threads.c. */
	const struct pair_threads *all;
	pthread_t id;
	uint64_t iterations, iterations_before;
	bool ended;
};

struct pair_threads {
	const char *name; /* "tap": the threads are called tap-0, tap-1, ... */
	unsigned int count;
	/* Room for `count` elements of `stride` bytes, each of which begins with a struct
	 * pair_thread. */
	void *thread;
	size_t stride;
	/* Called by the main thread at least every 20 ms; anything but CODE_OK ends all. */
	int (*watch)(struct pair_threads *threads);
	void *context;	      /* of `watch` */
	bool enough;	      /* set by `watch`: end, all is well */
	struct cpu_list cpus; /* where they run; none: anywhere */

	unsigned int running;
	bool halt;
	uint64_t nudge_ns;
};

/* Run them until the user stops them, one has failed, or the session or `watch` fails; then wait
 * until all have ended. Main thread. Returns the session's code. */
int pair_threads_run(struct pair_threads *threads, struct session *session);

/* Once for each iteration of a thread: is it to go on? Looks after its queues every 20 ms. */
bool pair_thread_goes_on(struct pair_thread *thread, uint64_t now);

#endif
