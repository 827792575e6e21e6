/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>

#include <vionet/vionet.h>

/* The queues' threads rest meanwhile. */
static int move(struct vionet_device *device, const char *to)
{
	struct vionet_migration report = { .struct_size = sizeof(report) };
	int result = vionet_device_migrate(device, to, &report);

	if (result == 0)
		printf("%.1f ms without the device\n", report.gap_ms);
	else
		fprintf(stderr, "%s\n", vionet_error_text());
	return result == -ESTALE ? vionet_device_recover(device, NULL) : 0;
}

int main(int argc, char **argv)
{
	struct vionet_device *device = NULL;

	if (argc != 3 || vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_start(device, NULL))
		return 1;
	move(device, argv[2]);
	return vionet_device_close(device) != 0;
}
