/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/vionet.h>

/* A queue is in error: reset it alone if the device can, else the whole device. */
static int bring_back(struct vionet_device *device, struct vionet_queue *queue)
{
	struct vionet_recovery report = { .struct_size = sizeof(report) };
	int result = vionet_queue_reset(queue, &report);

	if (result)
		result = vionet_device_recover(device, &report);
	if (result == 0)
		printf("%.1f ms, %llu packets may be lost\n", report.milliseconds,
		       (unsigned long long)report.tx_unknown);
	return result;
}

/* More room for bursts. */
static int larger(struct vionet_queue *queue)
{
	return vionet_queue_resize(queue, 1024, NULL);
}

/* Suspend the device meanwhile. */
static int pause_and_go_on(struct vionet_device *device)
{
	int result = vionet_device_suspend(device);

	return result ? result : vionet_device_resume(device);
}

int main(int argc, char **argv)
{
	struct vionet_device *device = NULL;

	if (argc != 2 || vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_start(device, NULL))
		return 1;
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);

	if (larger(rx) || pause_and_go_on(device) ||
	    (vionet_queue_check(rx) && bring_back(device, rx)))
		fprintf(stderr, "%s\n", vionet_error_text());
	return vionet_device_close(device) != 0;
}
