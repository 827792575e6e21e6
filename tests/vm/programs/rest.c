/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends numbered frames through a device that sends every one back, and wants each once, in order and
 * undamaged, while the device is suspended and resumed, recovered, stopped and started in between.
 *
 *   vm_rest DEVICE
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <vionet/vionet.h>

#define ROUND 1000u
#define ROUNDS 10u
#define WINDOW 32u
#define LIMIT_S 60

static bool send_frame(struct vionet_device *device, uint64_t number)
{
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct vionet_packet *packet;
	uint8_t *data;

	if (vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) != 1)
		return false;
	data = packet->data;
	memset(data, (int)number, 200);
	memset(data, 0xff, 6); /* for everybody: the device lets that through */
	memcpy(data + 14, &number, sizeof(number));
	packet->length = 200;
	if (vionet_queue_transmit(tx, &packet, 1) == 1)
		return true;
	vionet_packet_free(&packet, 1);
	return false;
}

/* 1: it is the next one; 0: none has come; -1: something else. */
static int take_frame(struct vionet_device *device, uint64_t number)
{
	struct vionet_packet *packet;
	const uint8_t *data;
	bool right;

	if (vionet_queue_receive(vionet_device_rx_queue(device, 0), &packet, 1) != 1)
		return 0;
	data = packet->data;
	right = packet->length == 200 && memcmp(data + 14, &number, sizeof(number)) == 0 &&
		data[199] == (uint8_t)number;
	vionet_packet_free(&packet, 1);
	return right ? 1 : -1;
}

static bool turn_frames(struct vionet_device *device, uint64_t *next)
{
	const uint64_t end = *next + ROUND;
	const time_t limit = time(NULL) + LIMIT_S;
	uint64_t sent = *next;

	while (*next < end) {
		int got;

		while (sent < end && sent - *next < WINDOW && send_frame(device, sent))
			sent++;
		got = take_frame(device, *next);
		if (got < 0 || time(NULL) > limit) {
			fprintf(stderr, "frame %llu %s\n", (unsigned long long)*next,
				got < 0 ? "is another one" : "has not come back");
			return false;
		}
		*next += (uint64_t)got;
	}
	return true;
}

static int failed(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, vionet_error_text());
	return 1;
}

/* What happens to the device after each round. */
static int disturb(struct vionet_device *device, unsigned int round)
{
	switch (round % 4) {
	case 0:
		return vionet_device_suspend(device) || vionet_device_resume(device);
	case 1:
		return vionet_device_stop(device) || vionet_device_start(device, NULL);
	case 2:
		return vionet_device_recover(device, NULL);
	default:
		return vionet_device_suspend(device) || vionet_device_stop(device) ||
		       vionet_device_start(device, NULL);
	}
}

int main(int argc, char **argv)
{
	struct vionet_device *device;
	uint64_t next = 0;

	if (argc != 2 || vionet_device_open(argv[1], NULL, &device))
		return failed("open");
	if (vionet_device_start(device, NULL))
		return failed("start");
	for (unsigned int i = 0; i < ROUNDS; i++) {
		if (!turn_frames(device, &next))
			return 1;
		if (disturb(device, i))
			return failed("disturb");
	}
	if (!turn_frames(device, &next))
		return 1;
	if (vionet_device_close(device))
		return failed("close");
	printf("%llu frames, each once and in order\n", (unsigned long long)next);
	return 0;
}
