/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Make the device write where it must not, to see that the IOMMU stops it.
 *
 * The receive queue gets one good buffer and, without the library's knowledge, a bad one.
 * The first frame that arrives goes to the good buffer, the second to the bad one.
 *
 *   vm_wrong_dma DEVICE read-only | unmapped
 *
 * Prints the bad address for the fault to be looked up in the emulator's log, and
 * "unharmed" if the memory is as it was.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vionet/vionet.h>

#include "base/order.h"
#include "driver/ring/slow_path.h"
#include "driver/state/queue.h"

#define SIZE 8192
#define PATTERN 0x5a

/* An address that is inside the IOMMU's range and far from everything mapped. */
#define UNMAPPED 0x4000000000ull

static int fail(const char *what)
{
	printf("%s: %s\n", what, vionet_error_text());
	return 1;
}

static _Alignas(64) struct vionet_packet nobody;

static int post_bad(struct vionet_queue *rx, uint64_t iova)
{
	struct vn_element element = { .iova = iova, .length = 2000 };

	return vn_queue_submit(rx, &element, 0, 1, (vn_slot)&nobody);
}

static int has_failed(struct vionet_device *device)
{
	uint32_t events;

	return vionet_device_events(device, &events) ||
	       (events & VIONET_EVENT_NEEDS_RESET);
}

/* Until the device believes that it has filled both buffers (QEMU's carries on, it is its
 * access that the IOMMU stops), sets DEVICE_NEEDS_RESET (the software device does), or 10
 * s. */
static uint16_t wait_for_both(struct vionet_device *device, struct vionet_queue *rx)
{
	uint16_t used = 0;

	for (unsigned int i = 0; i < 1000 && used < 2; i++) {
		uint16_t now = vn_load16(&rx->split.used->idx);

		if (now == 1 && used == 0) {
			printf("good frame received\n");
			fflush(stdout);
		}
		used = now;
		if (has_failed(device)) {
			printf("the device needs a reset\n");
			break;
		}
		usleep(10000);
	}
	return used;
}

static int unharmed(const uint8_t *memory)
{
	for (size_t i = 0; i < SIZE; i++)
		if (memory[i] != PATTERN)
			return 0;
	return 1;
}

int main(int argc, char **argv)
{
	/* The used index tells how far the device has come. */
	struct vionet_open_options split = {
		.struct_size = sizeof(split),
		.avoid.word[0] = 1ull << F_RING_PACKED,
	};
	struct vionet_start_options options = {
		.struct_size = sizeof(options),
		.rx_queue_size = 2, .rx_pool_options = &(struct vionet_pool_options){
			.struct_size = sizeof(struct vionet_pool_options),
			.count = 1 },
	};
	int fd = memfd_create("own", MFD_ALLOW_SEALING);
	uint8_t *memory = fd < 0 || ftruncate(fd, SIZE) ? MAP_FAILED :
			  mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct vionet_memory *registered;
	struct vionet_device *device;
	struct vionet_queue *rx;
	uint16_t used;
	uint64_t bad;

	if (argc != 3 || memory == MAP_FAILED)
		return 2;
	memset(memory, PATTERN, SIZE);
	if (vionet_device_open(argv[1], &split, &device))
		return fail("open");
	if (vionet_memory_register_fd(device, fd, 0, memory, SIZE, VIONET_DEVICE_READS,
				      &registered) ||
	    vionet_device_start(device, &options))
		return fail("start");
	bad = strcmp(argv[2], "read-only") == 0 ? registered->iova : UNMAPPED;
	rx = vionet_device_rx_queue(device, 0);
	if (post_bad(rx, bad))
		return fail("post");
	printf("bad address 0x%" PRIx64 "\nready\n", bad);
	fflush(stdout);
	used = wait_for_both(device, rx);
	printf("the device completed %u buffers\n", used);
	/* The bad buffer has no packet: remove it before the library finds it. */
	for (unsigned int i = 0; i < 2; i++)
		if (vn_slot_packet(rx->slots[i]) == &nobody)
			rx->slots[i] = 0;
	if (vionet_device_close(device))
		return fail("close");
	printf("%s\n", unharmed(memory) ? "unharmed" : "HARMED");
	return unharmed(memory) && used >= 1 ? 0 : 1;
}
