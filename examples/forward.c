/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Forward all frames between two devices, both ways. They share one pool, so a frame is
 * sent from the buffer that it arrived in; otherwise it is copied.
 *
 * forward 0000:00:04.0 vhost-user:/run/port1       until Ctrl-C
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <vionet/vionet.h>

#define BURST 32

/* One direction, and what could not be sent yet. */
struct way {
	struct vionet_queue *rx, *tx;
	struct vionet_packet *packets[BURST];
	uint32_t count, sent;
	unsigned long frames;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* Copy frames into the pool of the queue that sends them. A frame that is longer than a
 * buffer, or finds none, is dropped. */
static void copy(struct way *way)
{
	struct vionet_pool *pool = vionet_queue_pool(way->tx);
	uint32_t made = 0;

	vionet_queue_reclaim(way->tx);
	for (uint32_t i = 0; i < way->count; i++) {
		struct vionet_packet *from = way->packets[i], *to = NULL;

		if (from->total_length <= vionet_pool_buffer_size(pool))
			vionet_packet_alloc(pool, &to, 1);
		for (struct vionet_packet *s = from; to && s; s = s->next) {
			memcpy(to->data + to->length, s->data, s->length);
			to->length += s->length;
		}
		vionet_packet_free(&from, 1);
		if (to)
			way->packets[made++] = to;
	}
	way->count = made;
}

/* Returns whether anything moved. Nothing more is received before all of it is sent. */
static int forward(struct way *way, int shared)
{
	uint32_t sent;

	if (way->sent == way->count) {
		way->sent = 0;
		way->count = vionet_queue_receive(way->rx, way->packets, BURST);
		if (!shared && way->count != 0)
			copy(way);
	}
	vionet_queue_reclaim(way->tx);
	sent = vionet_queue_transmit(way->tx, way->packets + way->sent,
				     way->count - way->sent);
	way->sent += sent;
	way->frames += sent;
	return sent != 0;
}

/* Returns 0 while all is well. */
static int check(struct vionet_device *device, const struct vionet_queue *tx)
{
	uint32_t events = 0;

	if (vionet_device_events(device, &events) == 0 && vionet_queue_check(tx) == 0 &&
	    (events & ~(uint32_t)(VIONET_EVENT_LINK | VIONET_EVENT_ANNOUNCE)) == 0)
		return 0;
	fprintf(stderr, "forward: a device stopped working (events 0x%x) %s\n", events,
		vionet_error_text());
	return -1;
}

static int run(struct vionet_device **devices, int shared)
{
	struct way ways[2];
	int result = 0;

	for (int i = 0; i < 2; i++)
		ways[i] = (struct way){ .rx = vionet_device_rx_queue(devices[i], 0),
					.tx = vionet_device_tx_queue(devices[1 - i], 0) };
	for (unsigned long turn = 1; !stop && result == 0; turn++) {
		int moved = forward(&ways[0], shared) | forward(&ways[1], shared);

		/* Nothing to do: a millisecond of sleep on each side in turn. */
		if (!moved)
			vionet_queue_wait(ways[turn % 2].rx, 50, 1);
		for (int i = 0; i < 2 && turn % 1024 == 0; i++)
			result |= check(devices[1 - i], ways[i].tx);
	}
	printf("forwarded %lu and %lu frames\n", ways[0].frames, ways[1].frames);
	return result;
}

/* One pool for both: enough packets to fill four queues, and some in hand. */
static int start(struct vionet_device **devices, int *shared)
{
	const struct vionet_pool_options options = { .struct_size = sizeof(options),
						     .count = 4 * 256 + 4 * BURST };
	struct vionet_start_options start = { .struct_size = sizeof(start) };
	struct vionet_pool *pool;

	*shared = 1;
	if (vionet_pool_create(devices[0], &options, &pool) == 0 &&
	    vionet_pool_share(pool, devices[1], VIONET_DEVICE_WRITES) == 0) {
		start.rx_pool = start.tx_pool = pool;
		if (vionet_device_start(devices[0], &start) == 0 &&
		    vionet_device_start(devices[1], &start) == 0)
			return fprintf(stderr, "forward: without a copy\n") < 0;
	}
	fprintf(stderr, "forward: with a copy: %s\n", vionet_error_text());
	*shared = 0;
	vionet_device_stop(devices[0]);
	return vionet_device_start(devices[0], NULL) ||
	       vionet_device_start(devices[1], NULL);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct vionet_device *devices[2] = { NULL, NULL };
	int shared, result = 1;

	if (argc != 3)
		return fprintf(stderr, "usage: forward DEVICE DEVICE\n"), 2;
	sigaction(SIGINT, &action, NULL);
	if (vionet_device_open(argv[1], NULL, &devices[0]) ||
	    vionet_device_open(argv[2], NULL, &devices[1]) ||
	    start(devices, &shared))
		fprintf(stderr, "forward: %s\n", vionet_error_text());
	else
		result = run(devices, shared);
	vionet_device_close(devices[0]);
	vionet_device_close(devices[1]);
	return result != 0;
}
