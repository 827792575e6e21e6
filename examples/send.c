/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Send one frame: the whole life of a device in a page.
 *
 *   send 0000:00:04.0
 *
 * The frame is a broadcast of EtherType 0x88b5, which is set aside for
 * experiments, so no host on the network acts on it.
 */
#include <stdio.h>
#include <string.h>

#include <vionet/vionet.h>

static int fail(struct vionet_device *device)
{
	fprintf(stderr, "send: %s\n", vionet_error_text());
	vionet_device_close(device);
	return 1;
}

static void fill(struct vionet_packet *packet,
		 const struct vionet_device_info *info)
{
	static const char message[] = "hello from vionet";

	memset(packet->data, 0, 60);
	memset(packet->data, 0xff, 6);
	memcpy(packet->data + 6, info->mac, 6);
	packet->data[12] = 0x88;
	packet->data[13] = 0xb5;
	memcpy(packet->data + 14, message, sizeof(message));
	packet->length = 60;
}

int main(int argc, char **argv)
{
	struct vionet_device *device = NULL;
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_packet *packet;
	struct vionet_queue *tx;

	if (argc != 2) {
		fprintf(stderr, "usage: send DEVICE\n");
		return 2;
	}
	if (vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_info(device, &info) ||
	    vionet_device_start(device, NULL))
		return fail(device);

	tx = vionet_device_tx_queue(device, 0);
	if (vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) != 1) {
		fprintf(stderr, "send: the pool is empty\n");
		vionet_device_close(device);
		return 1;
	}
	fill(packet, &info);
	/* Once accepted, the packet belongs to the library; when the device has completed
	 * it, it returns to the pool. */
	if (vionet_queue_transmit(tx, &packet, 1) != 1 ||
	    vionet_queue_drain(tx, 1000))
		return fail(device);
	printf("sent 60 bytes from %02x:%02x:%02x:%02x:%02x:%02x\n", info.mac[0],
	       info.mac[1], info.mac[2], info.mac[3], info.mac[4], info.mac[5]);

	if (vionet_device_close(device)) {
		fprintf(stderr, "send: %s\n", vionet_error_text());
		return 1;
	}
	return 0;
}
