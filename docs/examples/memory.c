/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vionet/vionet.h>

#define SIZE (2u << 20)

/* Frames of the application, for a device of the kernel's VFIO: by address. */
static struct vionet_memory *by_address(struct vionet_device *device)
{
	struct vionet_memory *memory = NULL;
	void *frames = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (frames != MAP_FAILED &&
	    vionet_memory_register(device, frames, SIZE, VIONET_DEVICE_READS, &memory))
		fprintf(stderr, "%s\n", vionet_error_text());
	return memory;
}

/* The same for any device: by a file of memory. */
static struct vionet_memory *by_file(struct vionet_device *device)
{
	struct vionet_memory *memory = NULL;
	int fd = memfd_create("frames", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, SIZE) ||
	    vionet_memory_register_fd(device, fd, 0, NULL, SIZE, VIONET_DEVICE_READS,
				      &memory))
		fprintf(stderr, "%s\n", vionet_error_text());
	if (fd >= 0)
		close(fd);
	return memory;
}

/* Print its address, and unregister it. */
static int withdraw(struct vionet_memory *memory)
{
	printf("frames at %p\n", vionet_memory_address(memory));
	return vionet_memory_unregister(memory);
}

int main(int argc, char **argv)
{
	struct vionet_device *device = NULL;

	if (argc < 2 || vionet_device_open(argv[1], NULL, &device))
		return 1;
	struct vionet_memory *memory = argc > 2 ? by_address(device) : by_file(device);

	if (memory && withdraw(memory))
		fprintf(stderr, "%s\n", vionet_error_text());
	return vionet_device_close(device) != 0;
}
