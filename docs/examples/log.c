/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/vionet.h>

static void print_line(void *context, enum vionet_log_level level, const char *text)
{
	fprintf(context, "%d %s\n", (int)level, text);
}

/* Show each step of opening a device. */
static int open_and_tell(const char *name, struct vionet_device **device)
{
	vionet_log_set(print_line, stderr, VIONET_LOG_DEBUG);
	return vionet_device_open(name, NULL, device);
}

int main(int argc, char **argv)
{
	struct vionet_device *device = NULL;

	if (argc != 2 || open_and_tell(argv[1], &device))
		return 1;
	return vionet_device_close(device) != 0;
}
