/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive frames and print them, sleeping while there are none: the queue's interrupt and
 * the device's events are in the program's own epoll, as in an application that waits for
 * other things too.
 *
 * dump 0000:00:04.0 [COUNT]        ends after COUNT frames, or at Ctrl-C
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <vionet/vionet.h>

#define BURST 32

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void print(const struct vionet_packet *packet)
{
	const uint8_t *d = packet->data;

	printf("%02x:%02x:%02x:%02x:%02x:%02x > %02x:%02x:%02x:%02x:%02x:%02x "
	       "type 0x%02x%02x, %u bytes\n",
	       d[6], d[7], d[8], d[9], d[10], d[11], d[0], d[1], d[2], d[3], d[4],
	       d[5], d[12], d[13], packet->total_length);
}

/* Receive all pending frames. Returns their number. */
static unsigned long receive(struct vionet_queue *rx, unsigned long most)
{
	struct vionet_packet *packets[BURST];
	unsigned long total = 0;

	while (total < most) {
		unsigned long want = most - total < BURST ? most - total : BURST;
		uint32_t count = vionet_queue_receive(rx, packets,
						      (uint32_t)want);

		if (count == 0)
			break;
		for (uint32_t i = 0; i < count; i++)
			print(packets[i]);
		vionet_packet_free(packets, count);
		total += count;
	}
	fflush(stdout);
	return total;
}

static int watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return fd < 0 ? -1 : epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* Returns 0 while all is well. */
static int check(struct vionet_device *device)
{
	uint32_t events;

	if (vionet_device_events(device, &events))
		return -1;
	if (events & VIONET_EVENT_LINK)
		fprintf(stderr, "dump: the link has changed\n");
	if (events & ~(uint32_t)VIONET_EVENT_LINK) {
		fprintf(stderr, "dump: the device stopped working (events 0x%x)\n",
			events);
		return -1;
	}
	return 0;
}

static int run(struct vionet_device *device, unsigned long left)
{
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ready;
	int result = 0;

	if (epoll < 0 || watch(epoll, vionet_queue_fd(rx)) ||
	    watch(epoll, vionet_device_event_fd(device))) {
		fprintf(stderr, "dump: cannot wait: %s\n", vionet_error_text());
		result = -1;
	}
	while (!stop && left > 0 && result == 0) {
		left -= receive(rx, left);
		if (left == 0 || vionet_queue_arm(rx) == 1)
			continue;
		/* Poll ten times a second as well: it costs nothing. */
		if (epoll_wait(epoll, &ready, 1, 100) < 0 && errno != EINTR)
			result = -1;
		vionet_queue_disarm(rx);
		if (result == 0)
			result = check(device);
	}
	if (epoll >= 0)
		close(epoll);
	return result;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct vionet_device *device = NULL;
	unsigned long count = argc > 2 ? strtoul(argv[2], NULL, 10) : ~0ul;
	int result;

	if (argc < 2) {
		fprintf(stderr, "usage: dump DEVICE [COUNT]\n");
		return 2;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_start(device, NULL)) {
		fprintf(stderr, "dump: %s\n", vionet_error_text());
		vionet_device_close(device);
		return 1;
	}
	fprintf(stderr, "dump: listening\n");
	result = run(device, count);
	vionet_device_close(device);
	return result ? 1 : 0;
}
