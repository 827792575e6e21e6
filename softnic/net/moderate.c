/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * When a data queue interrupts: at once, or put off by the limits that the driver set
 * ("Notifications Coalescing"). Never decides whether the driver wants an interrupt at
 * all: the ring does.
 *
 * Buffers become visible at once all the same; only the interrupt waits.
 */
#include "softnic/net/internal.h"

static uint64_t moderate_due_at(const struct net_queue *state)
{
	return state->since + state->moderation.max_usecs * 1000ull;
}

static void moderate_notify(struct net_queue *state, struct queue *queue)
{
	state->unnoticed = 0;
	ring_notify(queue);
}

static void moderate_flush_queue(struct net *net, struct queue *queue)
{
	struct net_queue *state = net_queue_of(net, queue);
	const struct moderation *limit = &state->moderation;
	uint32_t fresh = state->fresh;

	state->fresh = 0;
	if (!state->started)
		return;
	if (limit->max_packets == 0 || limit->max_usecs == 0) {
		ring_flush(queue);
		return;
	}
	ring_publish(queue);
	if (state->unnoticed == 0)
		state->since = clock_now();
	state->unnoticed += fresh;
	net->unnoticed |= 1ull << queue->index;
	if (state->unnoticed >= limit->max_packets)
		moderate_notify(state, queue);
}

void moderate_flush(struct net *net)
{
	unsigned int i;

	while (net->dirty) {
		i = (unsigned int)__builtin_ctzll(net->dirty);
		net->dirty &= net->dirty - 1;
		moderate_flush_queue(net, &net->device->queue[i]);
	}
}

/* New limits may be met already. */
void moderate_changed(struct net *net, struct queue *queue)
{
	struct net_queue *state = net_queue_of(net, queue);
	const struct moderation *limit = &state->moderation;

	if (state->started && state->unnoticed &&
	    (state->unnoticed >= limit->max_packets || limit->max_usecs == 0))
		moderate_notify(state, queue);
}

bool moderate_due(struct net *net)
{
	uint64_t now, left = net->unnoticed;
	bool any = false;
	unsigned int i;

	if (left == 0)
		return false;
	now = clock_now();
	for (; left; left &= left - 1) {
		struct net_queue *state;

		i = (unsigned int)__builtin_ctzll(left);
		state = &net->queue[i];
		if (state->unnoticed && state->started) {
			if (now < moderate_due_at(state))
				continue;
			moderate_notify(state, &net->device->queue[i]);
			any = true;
		}
		net->unnoticed &= ~(1ull << i);
	}
	return any;
}

int64_t moderate_deadline(const struct net *net)
{
	uint64_t now = 0, first = UINT64_MAX;
	unsigned int i;

	if (net->unnoticed == 0)
		return -1;
	for (i = 0; i < QUEUES_MAX; i++) {
		const struct net_queue *state = &net->queue[i];

		if (state->unnoticed && state->started && moderate_due_at(state) < first)
			first = moderate_due_at(state);
	}
	if (first == UINT64_MAX)
		return -1;
	now = clock_now();
	return first > now ? (int64_t)(first - now) : 0;
}
