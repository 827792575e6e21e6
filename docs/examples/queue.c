/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <vionet/vionet.h>

/* Send one frame, and wait until the device has sent it. */
static int send_frame(struct vionet_queue *tx, const void *frame, uint32_t length)
{
	struct vionet_packet *packet;

	if (vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) != 1)
		return -1;
	memcpy(packet->data, frame, length);
	packet->length = length;
	if (vionet_queue_transmit(tx, &packet, 1) != 1) {
		vionet_packet_free(&packet, 1);
		return vionet_queue_check(tx);
	}
	return vionet_queue_drain(tx, 1000);
}

/* Receive until nothing has come for a second. */
static int receive_all(struct vionet_queue *rx)
{
	struct vionet_packet *packets[32];
	int work;

	while ((work = vionet_queue_wait(rx, 50, 1000)) > 0) {
		uint32_t count = vionet_queue_receive(rx, packets, 32);

		vionet_packet_free(packets, count);
	}
	return work;
}

/* Receive in an own loop over descriptors. */
static int receive_by_interrupt(struct vionet_queue *rx)
{
	struct pollfd readable = { vionet_queue_fd(rx), POLLIN, 0 };
	struct vionet_packet *packets[32];
	uint32_t count;
	int armed;

	for (;;) {
		while ((count = vionet_queue_receive(rx, packets, 32)) > 0)
			vionet_packet_free(packets, count);
		armed = vionet_queue_arm(rx);
		if (armed < 0)
			return armed;
		if (armed == 0 && poll(&readable, 1, 100) < 0)
			return -1;
		vionet_queue_disarm(rx);
	}
}

/* Print the counters of a queue. */
static void print_counters(struct vionet_queue *queue)
{
	struct vionet_queue_stats stats = { .struct_size = sizeof(stats) };

	vionet_queue_stats(queue, &stats);
	printf("%llu packets, %u with the device\n",
	       (unsigned long long)stats.packets, vionet_queue_reclaim(queue));
}

int main(int argc, char **argv)
{
	static const unsigned char frame[60] = { 255, 255, 255, 255, 255, 255 };
	struct vionet_device *device = NULL;

	if (argc < 2 || vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_start(device, NULL))
		return 1;
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);

	if (send_frame(tx, frame, sizeof(frame)) ||
	    (argc > 2 ? receive_by_interrupt(rx) : receive_all(rx)))
		fprintf(stderr, "%s\n", vionet_error_text());
	print_counters(tx);
	return vionet_device_close(device) != 0;
}
