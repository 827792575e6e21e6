/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's thread: send a burst, receive a burst, wait if nothing is to do. */
#include "tools/pktgen/engine/state.h"

#include <string.h>

#include "tools/shared/rest.h"

/* A full queue of which nothing returns for so long is a dead one. */
#define STALL_NS 2000000000ULL
/* A switch may take longer to bring the port up that it has connected. */
#define FIRST_NS (5 * STALL_NS)
/* Frames that are due sooner than this are waited for without sleeping. */
#define NEAR_NS 200000ULL
#define GO_NS 50000ULL
#define ASK_NS 10000000ULL

static bool worker_is_vhost_user(const char *name)
{
	return strncmp(name, "vhost-user:", 11) == 0;
}

const char *worker_remedy(const char *name)
{
	if (worker_is_vhost_user(name))
		return "does its back end forward? A switch brings a port up a while "
		       "after it was connected";
	if (strncmp(name, "vfio-user:", 10) == 0)
		return "does its server take frames?";
	return "is its back end connected? A vhost-user back end made with DPDK, behind an "
	       "emulated IOMMU, needs --writable-rings";
}

/* How long a queue may stay full. */
static uint64_t worker_stall_ns(const struct worker *worker)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	vionet_queue_stats(worker->session.tx, &stats);
	return worker_is_vhost_user(worker->session.name) && stats.completed == 0 ? FIRST_NS : STALL_NS;
}

static int worker_check_stall(struct worker *worker, uint64_t now)
{
	uint64_t limit;

	if (worker->pending_count == 0 || now < worker->progress_ns + STALL_NS)
		return CODE_OK;
	limit = worker_stall_ns(worker);
	if (now < worker->progress_ns + limit)
		return CODE_OK;
	say("%s: the transmit queue is full and the device has completed nothing for "
	    "%ju s; %s",
	    worker->session.name, (uintmax_t)(limit / 1000000000),
	    worker_remedy(worker->session.name));
	return session_fail(&worker->session, CODE_FAILED);
}

/* A frame that a responder sends of its own accord. */
static void worker_ask(struct worker *worker, uint64_t now)
{
	const struct engine_responder *responder = worker->engine->options.responder;
	struct vionet_packet *packet;

	if (responder == NULL || responder->ask == NULL || worker->place.queue != 0 ||
	    now < worker->ask_ns)
		return;
	worker->ask_ns = now + ASK_NS;
	packet = send_take_packet(worker);
	if (packet == NULL)
		return;
	engine_set_mark(packet, 0);
	packet->length = responder->ask(responder->context, &worker->place, now, packet->data,
					vionet_packet_tailroom(packet));
	send_one(worker, packet);
}

/* What was sent is looked after by asking for it; a full queue is anyway. */
static void worker_reclaim(struct worker *worker)
{
	if (worker->pending_count == 0 && worker->in_flight != 0)
		count_set(&worker->in_flight, vionet_queue_reclaim(worker->session.tx));
}

/* Nothing moved: wait for the next frame to send or receive. */
static void worker_wait(struct worker *worker, uint64_t now)
{
	const struct engine_options *options = &worker->engine->options;
	uint64_t due = send_next(worker), until = SCHEDULE_NEVER;

	worker_reclaim(worker);
	if (worker->pending_count > 0) /* the queue is full: look again soon */
		due = now + NEAR_NS + NEAR_NS / 4;
	if (due < now + NEAR_NS)
		return;
	/* What is with the device returns soon. */
	if (worker->in_flight > 0 && due > now + 2 * NEAR_NS)
		due = now + 2 * NEAR_NS;
	if (worker->ask_ns != 0 && due > worker->ask_ns)
		due = worker->ask_ns + NEAR_NS / 4;
	/* Sleeping ends late: the last stretch is waited for awake. */
	if (due != SCHEDULE_NEVER)
		until = due - NEAR_NS / 4;
	if (stop_asked() > 0) /* session_idle does not wait any more */
		sleep_ns(NEAR_NS / 4);
	else
		session_idle(&worker->session, (enum wait_mode)options->mode,
			     !options->no_rx || options->responder != NULL,
			     worker->busy_ns, until);
}

static bool worker_is_ended(const struct worker *worker)
{
	return __atomic_load_n(&worker->engine->end, __ATOMIC_ACQUIRE) != 0 ||
	       stop_asked() > 1;
}

/* A signal ends sending at once. */
static void worker_heed_stop(struct worker *worker)
{
	if (stop_asked() == 0 || worker->stopped)
		return;
	worker->stopped = true;
	for (uint32_t i = 0; i < worker->engine->flow_count; i++) {
		send_unplace(worker, i);
		send_forget(worker, &worker->tx[i]);
		count_set(&worker->tx[i].done, 1);
	}
}

/* What was sent or received a moment ago has the time. */
static uint64_t worker_now(struct worker *worker)
{
	uint64_t stamped_ns = worker->stamped_ns;

	worker->stamped_ns = 0;
	return stamped_ns != 0 ? stamped_ns : now_ns();
}

/* One look at a queue pair. False: it failed. */
static bool worker_step(struct worker *worker)
{
	uint64_t now = worker_now(worker);
	uint32_t moved, received;

	count_add(&worker->looks, 1);
	if (session_check(&worker->session, now) != CODE_OK)
		return false;
	worker_heed_stop(worker);
	moved = send_due(worker, now);
	if (moved > 0)
		count_set(&worker->in_flight, 1); /* or more */
	else if (send_next(worker) == SCHEDULE_NEVER)
		worker_reclaim(worker);
	received = receive_burst(worker);
	/* What is due to be sent wants a newer time. */
	if (received > 0 && send_next(worker) != SCHEDULE_NEVER)
		worker->stamped_ns = 0;
	moved += received;
	if (moved > 0)
		worker->busy_ns = now;
	else
		worker_wait(worker, now);
	worker_ask(worker, now);
	return worker_check_stall(worker, now) == CODE_OK;
}

/* Several take turns: they are polled, and none of them sleeps. */
static void worker_loop(struct worker *first)
{
	uint64_t stamped_ns = 0;

	while (!worker_is_ended(first))
		for (struct worker *worker = first; worker != NULL; worker = worker->next) {
			worker->stamped_ns = stamped_ns;
			if (!worker_step(worker))
				return;
			stamped_ns = worker->stamped_ns;
		}
}

/* What comes at the very end came too late. */
static void worker_end(struct worker *worker)
{
	if (worker->session.code == CODE_OK)
		while (receive_burst(worker) >= ENGINE_RX_BURST)
			;
	send_release(worker);
}

void *worker_main(void *argument)
{
	struct worker *first = argument;
	struct engine *engine = first->engine;
	int code = CODE_OK;

	__atomic_store_n(&first->state, WORKER_READY, __ATOMIC_RELEASE);
	while (__atomic_load_n(&engine->go, __ATOMIC_ACQUIRE) == 0)
		sleep_ns(GO_NS);
	if (__atomic_load_n(&engine->go, __ATOMIC_ACQUIRE) > 0) {
		for (struct worker *worker = first; worker != NULL; worker = worker->next)
			worker->busy_ns = now_ns();
		rest_join();
		worker_loop(first);
		for (struct worker *worker = first; worker != NULL; worker = worker->next)
			worker_end(worker);
		rest_leave();
	}
	for (struct worker *worker = first; worker != NULL && code == CODE_OK; worker = worker->next)
		code = worker->session.code;
	__atomic_store_n(&first->code, code, __ATOMIC_RELAXED);
	__atomic_store_n(&first->state, WORKER_ENDED, __ATOMIC_RELEASE);
	return NULL;
}
