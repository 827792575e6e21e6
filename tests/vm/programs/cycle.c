/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Open, start, send, close, a hundred times: checks that nothing leaks. Descriptors,
 * mappings, locked memory and the heap are read after the tenth cycle, when everything
 * that is made only once has been made, and after the last.
 *
 * vm_cycle DEVICE COUNT
 */
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vionet/vionet.h>

#define WARM 10

struct usage {
	long descriptors, mappings, locked, heap; /* the last two in KiB */
};

static long entries(const char *path)
{
	DIR *directory = opendir(path);
	long count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

static long lines(const char *path)
{
	FILE *file = fopen(path, "r");
	long count = 0;
	int byte;

	while (file && (byte = fgetc(file)) != EOF)
		count += byte == '\n';
	if (file)
		fclose(file);
	return count;
}

static long status_of(const char *field)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtol(line + strlen(field), NULL, 10);
	if (file)
		fclose(file);
	return value;
}

static void measure(struct usage *usage)
{
	usage->descriptors = entries("/proc/self/fd");
	usage->mappings = lines("/proc/self/maps");
	usage->locked = status_of("VmLck:");
	/* VmRSS may be wrong by 64 pages a processor, and has what the C library
	 * keeps of the memory that it was given back. */
	usage->heap = (long)(mallinfo2().uordblks / 1024);
	printf("%ld descriptors, %ld mappings, %ld KiB locked, %ld KiB of heap\n",
	       usage->descriptors, usage->mappings, usage->locked, usage->heap);
}

static int send_some(struct vionet_device *device)
{
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct vionet_packet *packets[64];
	uint32_t count = vionet_packet_alloc(vionet_queue_pool(tx), packets, 64);

	for (uint32_t i = 0; i < count; i++) {
		memset(packets[i]->data, 0xff, 60);
		packets[i]->length = 60;
	}
	if (vionet_queue_transmit(tx, packets, count) != 64)
		return -1;
	return vionet_queue_drain(tx, 2000);
}

static int cycle(const char *name)
{
	struct vionet_device *device;

	if (vionet_device_open(name, NULL, &device))
		return -1;
	if (vionet_device_start(device, NULL) || send_some(device) ||
	    vionet_device_stop(device) || vionet_device_start(device, NULL) ||
	    send_some(device)) {
		vionet_device_close(device);
		return -1;
	}
	return vionet_device_close(device);
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? strtol(argv[2], NULL, 10) : 100;
	struct usage warm, last;

	for (long i = 1; i <= count; i++) {
		if (cycle(argv[1])) {
			printf("cycle %ld: %s\n", i, vionet_error_text());
			return 1;
		}
		if (i == WARM)
			measure(&warm);
	}
	measure(&last);
	/* Of what was freed the C library still counts some as in use. */
	if (last.descriptors != warm.descriptors ||
	    last.mappings != warm.mappings || last.locked != warm.locked ||
	    last.locked != 0 || last.heap > warm.heap + 16) {
		printf("it grows\n");
		return 1;
	}
	printf("%ld cycles, flat\n", count);
	return 0;
}
