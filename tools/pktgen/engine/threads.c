/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers' threads as the control thread sees them: made, looked after, at rest, ended. */
#include <sched.h>
#include <signal.h>
#include <string.h>

#include "tools/pktgen/engine/state.h"
#include "tools/shared/cpus.h"
#include "tools/shared/rest.h"

#define STEP_NS 500000ULL
#define NUDGE_NS 500000000ULL
#define REST_TRIES 10

/* Queues that are polled share a thread where there are more of them than CPUs: with a thread for
 * each, one polls its full queue until its time slice is over. */
static uint32_t threads_wanted(const struct engine *engine)
{
	uint32_t cpus = engine->options.cpus.count;
	cpu_set_t allowed;

	if (engine->options.mode != WAIT_POLL)
		return engine->workers;
	if (cpus == 0 && sched_getaffinity(0, sizeof(allowed), &allowed) == 0)
		cpus = (uint32_t)CPU_COUNT(&allowed);
	return cpus != 0 && cpus < engine->workers ? cpus : engine->workers;
}

static int threads_make(struct engine *engine, uint32_t index, uint32_t threads)
{
	struct worker *worker = &engine->worker[index];
	char name[32]; /* 15 characters are what the kernel takes */
	int error;

	for (uint32_t i = index; i < engine->workers; i += threads)
		engine->worker[i].next = i + threads < engine->workers ? &engine->worker[i + threads] : NULL;
	error = cpus_create_thread(&engine->options.cpus, index, &worker->thread, worker_main,
				   worker);
	if (error != 0) {
		say("a thread for queue pair %u: %s", index, strerror(error));
		return engine_fail(engine, CODE_PERMISSION);
	}
	snprintf(name, sizeof(name), "pktgen-%u", index);
	pthread_setname_np(worker->thread, name);
	engine->threads++;
	return CODE_OK;
}

/* Signals are for the main thread: its sleep has to end. Only threads_nudge() sends one. */
static void threads_make_all(struct engine *engine)
{
	uint32_t threads = threads_wanted(engine);
	sigset_t all, before;

	sigfillset(&all);
	sigdelset(&all, SIGALRM);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (uint32_t i = 0; i < threads; i++)
		if (threads_make(engine, i, threads) != CODE_OK)
			break;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool threads_are(const struct engine *engine, enum worker_state state)
{
	for (uint32_t i = 0; i < engine->threads; i++)
		if (__atomic_load_n(&engine->worker[i].state, __ATOMIC_ACQUIRE) < (int)state)
			return false;
	return true;
}

static bool threads_stand_still(struct worker *worker)
{
	uint64_t looks = count_load(&worker->looks);
	bool still = looks == worker->looks_before;

	worker->looks_before = looks;
	return still && __atomic_load_n(&worker->state, __ATOMIC_ACQUIRE) != WORKER_ENDED;
}

/* A kick waits while the counter of its eventfd is full, which the other side can see to: a
 * signal ends it, and the thread sees what time it is. */
void threads_nudge(struct engine *engine)
{
	uint64_t now = now_ns();

	if (now < engine->nudge_ns)
		return;
	engine->nudge_ns = now + NUDGE_NS;
	for (uint32_t i = 0; i < engine->threads; i++)
		if (threads_stand_still(&engine->worker[i]))
			pthread_kill(engine->worker[i].thread, SIGALRM);
}

int threads_start(struct engine *engine)
{
	threads_make_all(engine);
	while (!threads_are(engine, WORKER_READY))
		sleep_ns(STEP_NS);
	__atomic_store_n(&engine->go, engine->code == CODE_OK ? 1 : -1, __ATOMIC_RELEASE);
	return engine->code;
}

void threads_end(struct engine *engine)
{
	__atomic_store_n(&engine->end, 1, __ATOMIC_RELEASE);
	for (; !threads_are(engine, WORKER_ENDED); sleep_ns(STEP_NS))
		threads_nudge(engine);
	for (uint32_t i = 0; i < engine->threads; i++) {
		pthread_join(engine->worker[i].thread, NULL);
		engine_fail(engine, engine->worker[i].code);
	}
	engine->threads = 0;
}

bool threads_rest(struct engine *engine)
{
	if (engine->threads == 0)
		return true;
	for (int i = 0; i < REST_TRIES; i++) {
		if (rest_begin())
			return true;
		threads_nudge(engine);
	}
	say("a queue's thread does not come to rest");
	engine_fail(engine, CODE_FAILED);
	return false;
}

void threads_go_on(struct engine *engine)
{
	if (engine->threads > 0)
		rest_end();
}
