/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two functions of one IOMMU group, driven by one process at once: both send, one is
 * closed and opened again while the other goes on, one cannot be opened twice, and a
 * child can open neither.
 *
 *   vm_siblings FIRST SECOND
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vionet/vionet.h>

#define FRAMES 200

static void need(int result, int expected, const char *step)
{
	if (result == expected)
		return;
	printf("%s: %d: %s\n", step, result, vionet_error_text());
	exit(1);
}

static struct vionet_device *open_started(const char *name)
{
	struct vionet_device *device;

	need(vionet_device_open(name, NULL, &device), 0, "open");
	need(vionet_device_start(device, NULL), 0, "start");
	return device;
}

/* All of them have been taken by the device when it returns. */
static void send(struct vionet_device *device)
{
	struct vionet_queue *queue = vionet_device_tx_queue(device, 0);

	for (unsigned int i = 0; i < FRAMES; i++) {
		struct vionet_packet *packet;

		while (vionet_packet_alloc(vionet_queue_pool(queue), &packet, 1) == 0)
			(void)vionet_queue_reclaim(queue);
		memset(packet->data, 0xff, 60);
		packet->length = 60;
		while (vionet_queue_transmit(queue, &packet, 1) == 0)
			(void)vionet_queue_reclaim(queue);
	}
	need(vionet_queue_drain(queue, 10000), 0, "drain");
}

static unsigned int mappings(struct vionet_device *device)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };

	need(vionet_device_info(device, &info), 0, "info");
	return info.mappings;
}

static void child(const char *name)
{
	struct vionet_device *device;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		need(vionet_device_open(name, NULL, &device), -EBUSY, "child");
		printf("child: %s\n", vionet_error_text());
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	need(status, 0, "child");
}

int main(int argc, char **argv)
{
	struct vionet_pci_function function = { .struct_size = sizeof(function) };
	struct vionet_device *first, *second, *again;
	unsigned int before;

	if (argc != 3)
		return 2;
	first = open_started(argv[1]);
	before = mappings(first);
	need(vionet_pci_lookup(argv[2], &function), 0, "lookup");
	need(function.drivable, 1, function.reason);
	second = open_started(argv[2]);
	need((int)mappings(first), (int)before, "mappings of the first");
	need(vionet_device_open(argv[2], NULL, &again), -EBUSY, "open again");
	printf("again: %s\n", vionet_error_text());
	child(argv[2]);
	send(first);
	send(second);
	need(vionet_device_close(second), 0, "close second");
	child(argv[2]);
	send(first);
	second = open_started(argv[2]);
	send(second);
	need(vionet_device_close(first), 0, "close first");
	send(second);
	need(vionet_device_close(second), 0, "close");
	first = open_started(argv[1]);
	send(first);
	need(vionet_device_close(first), 0, "close");
	puts("siblings: good");
	return 0;
}
