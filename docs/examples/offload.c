/* SPDX-License-Identifier: BSD-3-Clause */
#include <vionet/vionet.h>

/* Let the device compute the checksum, and cut what is longer than the MTU. */
static int prepare(struct vionet_packet *packet, uint16_t payload)
{
	int result = vionet_packet_checksum_partial(packet);

	if (result == 0 && packet->length > 1514)
		result = vionet_packet_segment(packet, payload);
	return result;
}

/* Before a received frame is stored: its checksum has to be there. */
static int complete(struct vionet_packet *packet)
{
	if (packet->flags & VIONET_PACKET_NEEDS_CSUM)
		return vionet_packet_checksum_complete(packet);
	return 0;
}

int main(int argc, char **argv)
{
	struct vionet_device *device = NULL;
	struct vionet_packet *packet;

	if (argc != 2 || vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_start(device, NULL))
		return 1;
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);

	if (vionet_queue_wait(rx, 0, 1000) == 1 &&
	    vionet_queue_receive(rx, &packet, 1) == 1 &&
	    (complete(packet) || prepare(packet, 1448) ||
	     vionet_queue_transmit(tx, &packet, 1) != 1))
		vionet_packet_free(&packet, 1);
	return vionet_device_close(device) != 0;
}
