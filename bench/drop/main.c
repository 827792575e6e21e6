/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receives and drops frames without reading them, until SIGINT, as testpmd's rxonly does.
 * Compared with pktgen, which reads each, it shows the cost of the driver alone.
 *
 * bench_drop DEVICE
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include <vionet/vionet.h>

enum { BURST = 32 };

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static int failed(struct vionet_device *device)
{
	fprintf(stderr, "bench_drop: %s\n", vionet_error_text());
	(void)vionet_device_close(device);
	return 1;
}

int main(int argc, char **argv)
{
	const struct vionet_start_options options = {
		.struct_size = sizeof(options),
		.flags = VIONET_START_NO_INTERRUPTS,
	};
	struct vionet_packet *packets[BURST];
	struct vionet_device *device = NULL;
	struct vionet_queue *rx;
	uint64_t frames = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_drop DEVICE\n");
		return 2;
	}
	signal(SIGINT, on_signal);
	if (vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_start(device, &options))
		return failed(device);
	rx = vionet_device_rx_queue(device, 0);
	while (!stop) {
		uint32_t count = vionet_queue_receive(rx, packets, BURST);

		vionet_packet_free(packets, count);
		frames += count;
	}
	if (vionet_queue_check(rx))
		return failed(device);
	printf("{\"frames\": %" PRIu64 "}\n", frames);
	return vionet_device_close(device) ? failed(NULL) : 0;
}
