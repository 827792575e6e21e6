/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Send frames of 60 to 1514 bytes from memory of our own, without a copy. Every place is
 * used again as soon as the library has released it.
 *
 *   vm_zero_copy DEVICE COUNT file|address
 *
 * `file`: registered by its descriptor, from an offset on; `address`: by its address.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vionet/vionet.h>

#define PLACES 300u
#define PLACE 1600u
#define OFFSET 8192u
#define SIZE ((PLACES * PLACE + 4095) / 4096 * 4096)

static uint8_t *spare[PLACES];
static unsigned int spares;

static void on_release(void *frame, void *context)
{
	(void)context;
	spare[spares++] = frame;
}

static int fail(const char *step)
{
	printf("%s: %s\n", step, vionet_error_text());
	return 1;
}

/* Bytes depend on the number. */
static uint32_t fill(uint8_t *frame, unsigned int number)
{
	uint32_t length = 60 + number % 1455;

	memcpy(frame, "\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x88\xb5", 14);
	for (uint32_t i = 0; i < 4; i++)
		frame[14 + i] = (uint8_t)(number >> (24 - 8 * i));
	for (uint32_t i = 18; i < length; i++)
		frame[i] = (uint8_t)(number + i);
	return length;
}

static int send_all(struct vionet_queue *tx, struct vionet_memory *memory,
		    unsigned int count)
{
	struct vionet_packet *packet = NULL;

	for (unsigned int number = 0; number < count;) {
		if (!packet && spares != 0 &&
		    vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) == 1) {
			uint8_t *frame = spare[--spares];

			if (vionet_packet_attach(packet, memory, frame,
						 fill(frame, number), on_release, NULL))
				return fail("attach");
		}
		if (packet && vionet_queue_transmit(tx, &packet, 1) == 1) {
			packet = NULL;
			number++;
		} else if (vionet_queue_drain(tx, 5000)) {
			return fail("drain");
		}
	}
	return vionet_queue_drain(tx, 5000) ? fail("drain") : 0;
}

static int register_memory(struct vionet_device *device, const char *how,
			   struct vionet_memory **memory)
{
	int fd = memfd_create("own", MFD_ALLOW_SEALING);
	void *own;

	if (fd < 0 || ftruncate(fd, OFFSET + SIZE))
		return fail("memfd");
	if (strcmp(how, "file") == 0)
		return vionet_memory_register_fd(device, fd, OFFSET, NULL, SIZE,
						 VIONET_DEVICE_READS, memory);
	own = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, OFFSET);
	return vionet_memory_register(device, own, SIZE, VIONET_DEVICE_READS, memory);
}

int main(int argc, char **argv)
{
	struct vionet_memory *memory;
	struct vionet_device *device;

	if (argc != 4)
		return 2;
	if (vionet_device_open(argv[1], NULL, &device))
		return fail("open");
	if (register_memory(device, argv[3], &memory)) {
		fail("register");
		return vionet_device_close(device) ? 1 : 3;
	}
	for (unsigned int i = 0; i < PLACES; i++)
		on_release((uint8_t *)vionet_memory_address(memory) + i * PLACE, NULL);
	if (vionet_device_start(device, NULL))
		return fail("start");
	if (send_all(vionet_device_tx_queue(device, 0), memory,
		     (unsigned int)atoi(argv[2])))
		return 1;
	printf("%u of %u places are free\n", spares, PLACES);
	if (vionet_memory_unregister(memory) || vionet_device_close(device))
		return fail("close");
	return 0;
}
