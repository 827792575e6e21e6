/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Send numbered frames to a back end that sends them back, and go on with the next
 * back end when the first goes away; then say what became of the frames.
 *
 *   survive DEVICE FRAMES [PAIRS]       the frames take turns on so many queue pairs
 *
 * Says so when a quarter of them is sent. Prints "frames N reconnects R lost L
 * duplicates D alien A". 0 if it got that far.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <vionet/vionet.h>

#define BURST 20
#define LENGTH 60
#define RECONNECT_MS 60000
#define SETTLE_TURNS 1000 /* in which none comes */

struct run {
	struct vionet_device *device;
	uint8_t *seen; /* how often each has come back */
	uint64_t frames, sent, received, reconnects, alien;
	unsigned int pairs, next_pair;
};

static void pause_ms(long ms)
{
	struct timespec pause = { .tv_nsec = ms * 1000000 };

	nanosleep(&pause, NULL);
}

static void fill(struct vionet_packet *packet, uint64_t number)
{
	static const uint8_t head[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0,
					0,    0,    0,	  1,	0x88, 0xb5 };

	memset(packet->data, 0, LENGTH);
	memcpy(packet->data, head, sizeof(head));
	memcpy(packet->data + sizeof(head), &number, sizeof(number));
	packet->length = LENGTH;
}

static void send_some(struct run *run)
{
	struct vionet_queue *tx = vionet_device_tx_queue(run->device,
							 run->next_pair);
	struct vionet_packet *packets[BURST];
	uint64_t left = run->frames - run->sent;
	uint32_t count, taken;

	count = vionet_packet_alloc(vionet_queue_pool(tx), packets,
				    left < BURST ? (uint32_t)left : BURST);
	for (uint32_t i = 0; i < count; i++)
		fill(packets[i], run->sent + i);
	taken = vionet_queue_transmit(tx, packets, count);
	run->sent += taken;
	run->next_pair = (run->next_pair + 1) % run->pairs;
	vionet_packet_free(packets + taken, count - taken);
}

static void receive_all(struct run *run, unsigned int pair)
{
	struct vionet_queue *rx = vionet_device_rx_queue(run->device, pair);
	struct vionet_packet *packets[BURST];
	uint32_t count;

	while ((count = vionet_queue_receive(rx, packets, BURST)) != 0) {
		for (uint32_t i = 0; i < count; i++) {
			uint64_t number = run->frames;

			if (packets[i]->length == LENGTH)
				memcpy(&number, packets[i]->data + 14,
				       sizeof(number));
			if (number >= run->sent)
				run->alien++;
			else if (run->seen[number] < 255)
				run->seen[number]++;
		}
		vionet_packet_free(packets, count);
		run->received += count;
	}
}

/* 0 if all is well, or well again. */
static int look_after(struct run *run)
{
	uint32_t events = 0;

	if (vionet_device_events(run->device, &events))
		return -1;
	if (events & (VIONET_EVENT_GONE | VIONET_EVENT_QUEUE_BROKEN))
		return -1;
	if ((events & VIONET_EVENT_NEEDS_RESET) == 0)
		return 0;
	if (vionet_device_reconnect(run->device, RECONNECT_MS))
		return -1;
	run->reconnects++;
	return 0;
}

static int go(struct run *run)
{
	uint64_t received, quarter = run->frames / 4;
	unsigned int settled = 0;

	while (settled < SETTLE_TURNS) {
		if (look_after(run))
			return -1;
		received = run->received;
		if (run->sent < run->frames)
			send_some(run);
		else
			settled++;
		if (quarter && run->sent >= quarter) {
			fprintf(stderr, "survive: a quarter is sent\n");
			quarter = 0;
		}
		pause_ms(1);
		for (unsigned int i = 0; i < run->pairs; i++)
			receive_all(run, i);
		if (run->received != received)
			settled = 0;
	}
	return 0;
}

static void report(const struct run *run)
{
	uint64_t lost = 0, duplicates = 0;

	for (uint64_t i = 0; i < run->frames; i++) {
		lost += run->seen[i] == 0;
		duplicates += run->seen[i] > 1;
	}
	printf("frames %llu reconnects %llu lost %llu duplicates %llu alien %llu\n",
	       (unsigned long long)run->frames,
	       (unsigned long long)run->reconnects, (unsigned long long)lost,
	       (unsigned long long)duplicates, (unsigned long long)run->alien);
}

/* A packed ring cannot be passed to the next back end. */
static int open_split(const char *name, struct vionet_device **device)
{
	struct vionet_open_options options = { .struct_size = sizeof(options) };
	int packed = vionet_feature_bit("RING_PACKED");

	options.avoid.word[packed / 64] = 1ull << (packed % 64);
	return vionet_device_open(name, &options, device);
}

int main(int argc, char **argv)
{
	struct vionet_start_options start = { .struct_size = sizeof(start) };
	struct run run = { 0 };
	int result = 1;

	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: survive DEVICE FRAMES [PAIRS]\n");
		return 2;
	}
	run.pairs = argc == 4 ? (unsigned int)strtoul(argv[3], NULL, 10) : 1;
	start.queue_pairs = run.pairs;
	run.frames = strtoull(argv[2], NULL, 10);
	run.seen = calloc(run.frames + 1, 1);
	if (!run.seen || open_split(argv[1], &run.device) ||
	    vionet_device_start(run.device, &start) || go(&run)) {
		fprintf(stderr, "survive: %s\n", vionet_error_text());
	} else {
		report(&run);
		result = 0;
	}
	if (vionet_device_close(run.device))
		result = 1;
	free(run.seen);
	return result;
}
