/* SPDX-License-Identifier: BSD-3-Clause */
/* The network half's life: opening, reset, and one iteration of its work. */
#include <errno.h>
#include <stdlib.h>

#include "softnic/net/internal.h"

/* Turns between two looks at a peer that had nothing: each may be a system call. */
#define IDLE_POLLS 16u

/* How long to sleep when a peer refuses frames and has no descriptor to wait for. */
#define RETRY (100 * 1000ll)

/* ---- life ---- */

int net_open(struct device *device)
{
	struct net *net = calloc(1, sizeof(*net));
	int result = -ENOMEM;

	device->net = net;
	if (net) {
		net->device = device;
		net->sent = net->received = device->options->limit;
		net->segments = calloc(1, sizeof(*net->segments));
		if (net->segments)
			result = peer_open(device->options->peer, device,
					   &net->peer);
		else
			fprintf(stderr, "vionet-softnic: out of memory\n");
	}
	if (result) {
		net_close(device);
		return result;
	}
	config_begin(net);
	net_reset(device);
	return 0;
}

void net_close(struct device *device)
{
	struct net *net = device->net;

	if (net == NULL)
		return;
	if (net->peer)
		net->peer->ops->close(net->peer);
	free(net->segments);
	free(net->coalesce);
	free(net);
	device->net = NULL;
}

static void net_add_counters(struct counters *to, const struct counters *from)
{
	to->packets += from->packets;
	to->bytes += from->bytes;
	to->drops += from->drops;
	to->overruns += from->overruns;
	to->malformed += from->malformed;
}

static void net_keep_counters(struct net *net, const struct net *last)
{
	unsigned int i;

	memcpy(net->before, last->before, sizeof(net->before));
	for (i = 0; i < QUEUES_MAX; i++)
		net_add_counters(&net->before[i], &last->queue[i].count);
}

/* What stays over a reset of the device: peer and its limits, link and speed, the address that it
 * was last given from outside, and what was counted in all. */
void net_reset(struct device *device)
{
	struct net *net = device->net;
	struct net fresh = {
		.device = device,
		.peer = net->peer,
		.segments = net->segments,
		.link_up = net->link_up,
		.speed = net->speed,
		.duplex = net->duplex,
		.header_size = HEADER_BASIC,
		.frame_limit = FRAME_MAX,
		.rx_pairs = 1,
		.tx_pairs = 1,
		.run_commands = control_run,
		.sent = net->sent,
		.received = net->received,
	};

	memcpy(fresh.mac, net->permanent_mac, sizeof(fresh.mac));
	memcpy(fresh.permanent_mac, net->permanent_mac, sizeof(fresh.mac));
	net_keep_counters(&fresh, net);
	free(net->coalesce);
	*net = fresh;
	faults_begin(net);
}

/* ---- queues ---- */

/* "Upon disabling and re-enabling" a queue gets the values for its direction. */
void net_queue_started(struct queue *queue)
{
	struct net *net = queue->device->net;
	struct net_queue *state = net_queue_of(net, queue);
	struct counters count = state->count;

	*state = (struct net_queue){ .started = true, .count = count };
	if (queue->index != device_control_index(queue->device))
		state->moderation = net->both[queue->index % 2];
	ring_disarm(queue);
}

void net_queue_stopped(struct queue *queue)
{
	struct net *net = queue->device->net;

	net_queue_of(net, queue)->started = false;
	net->dirty &= ~(1ull << queue->index);
}

void net_use_pairs(struct device *device, unsigned int pairs)
{
	device->net->rx_pairs = device->net->tx_pairs = pairs;
}

/* ---- one poll iteration ---- */

static bool net_poll_peer(struct net *net, unsigned int budget)
{
	if (net->idle_polls && net->idle_polls++ % IDLE_POLLS)
		return false;
	if (receive_run(net, budget)) {
		net->idle_polls = 0;
		return true;
	}
	/* A peer without a descriptor makes its frames itself: poll it always. */
	net->idle_polls = net->peer->fd >= 0;
	return false;
}

/* Awake: no doorbell is needed. */
static void net_disarm(struct net *net)
{
	unsigned int i;

	net->armed = false;
	for (i = 0; i < device_queues_in_use(net->device); i++) {
		if (net->queue[i].started && !net->device->queue[i].broken)
			ring_disarm(&net->device->queue[i]);
	}
}

bool net_run(struct device *device, unsigned int budget)
{
	struct net *net = device->net;
	unsigned int pair, count = device_pairs_in_use(device);
	bool moved = false;

	if (!device_is_live(device))
		return false;
	if (__builtin_expect(net->fault_changes != fault_changes(), 0))
		faults_begin(net);
	if (net->armed)
		net_disarm(net);
	net->blocked = net->refused = false;
	moved |= control_run(net);
	for (pair = 0; pair < count && device_is_live(device); pair++)
		moved |= transmit_run(net, pair, budget);
	if (device_is_live(device))
		moved |= net_poll_peer(net, budget);
	moderate_flush(net);
	moved |= moderate_due(net);
	if (net->announced)
		announce_due(net);
	return moved;
}

/* ---- sleeping ---- */

static bool net_arm_receive(struct net *net)
{
	struct peer *peer = net->peer;
	bool makes_frames = peer->fd < 0 && !peer->idle && !peer->mirror;
	unsigned int i;

	if (!net->blocked && !makes_frames)
		return false;
	for (i = 0; i < net->rx_pairs; i++) {
		struct queue *queue = net_receive_queue(net, i);

		if (net->queue[queue->index].started && !queue->broken &&
		    ring_arm(queue))
			return true;
	}
	return false;
}

bool net_arm(struct device *device)
{
	struct net *net = device->net;
	unsigned int i;
	bool waiting = false;

	if (!device_is_live(device))
		return false;
	net->idle_polls = 0;
	net->armed = true;
	for (i = 0; i < device_queues_in_use(device); i++) {
		struct queue *queue = &device->queue[i];
		bool receives = i % 2 == 0 && i != device_control_index(device);

		if (receives || !net->queue[i].started || queue->broken)
			continue;
		if (ring_arm(queue) && !net->blocked && !control_waits(net, i))
			waiting = true;
	}
	return net_arm_receive(net) || waiting;
}

static int64_t net_sooner(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

int64_t net_deadline(const struct device *device)
{
	const struct net *net = device->net;
	int64_t due;

	if (!device_is_live(device))
		return -1;
	due = net_sooner(moderate_deadline(net), announce_deadline(net));
	due = net_sooner(due, control_deadline(net));
	return net->refused ? net_sooner(due, RETRY) : due;
}

int net_fd(const struct device *device)
{
	return device->net->peer->fd;
}
