/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include <vionet/vionet.h>

/* Receive frames for an own address, two groups, and VLAN 100. */
static int filter(struct vionet_device *device)
{
	static const uint8_t own[6] = { 2, 0, 0, 0, 0, 1 };
	static const uint8_t groups[2][6] = { { 1, 0, 0x5e, 0, 0, 1 },
					      { 1, 0, 0x5e, 0, 0, 2 } };
	int result = vionet_mac_set(device, own);

	if (result == 0)
		result = vionet_filter_macs_set(device, NULL, 0, groups, 2);
	if (result == 0)
		result = vionet_filter_mode_set(device, VIONET_FILTER_PROMISC, false);
	if (result == 0)
		result = vionet_filter_vlan_add(device, 100);
	return result;
}

/* Whole frames only: receive offloads off that make long ones. */
static int no_long_frames(struct vionet_device *device)
{
	uint64_t offloads;
	int result = vionet_offloads_read(device, &offloads);

	if (result)
		return result;
	offloads &= ~(VIONET_OFFLOAD_TSO4 | VIONET_OFFLOAD_TSO6);
	return vionet_offloads_set(device, offloads);
}

/* At most one interrupt in 50 microseconds; sooner for the first queue. */
static int fewer_interrupts(struct vionet_device *device)
{
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_coalescing all = { .struct_size = sizeof(all), .max_packets = 64,
					 .max_usecs = 50 };
	struct vionet_coalescing first = { .struct_size = sizeof(first), .max_packets = 8,
					   .max_usecs = 10 };
	int result = vionet_coalescing_set(device, false, &all);

	if (result == 0)
		result = vionet_queue_coalescing_set(rx, &first);
	if (result == 0)
		result = vionet_queue_coalescing_read(rx, &first);
	printf("first queue: %u packets, %u us\n", first.max_packets, first.max_usecs);
	return result;
}

/* Tell switches where the address is now (VIONET_EVENT_ANNOUNCE). */
static void announce(struct vionet_device *device)
{
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct vionet_packet *packet;

	if (vionet_packet_alloc(vionet_queue_pool(tx), &packet, 1) != 1)
		return;
	vionet_announcement_write(device, packet->data);
	packet->length = VIONET_ANNOUNCEMENT_SIZE;
	if (vionet_queue_transmit(tx, &packet, 1) != 1)
		vionet_packet_free(&packet, 1);
}

int main(int argc, char **argv)
{
	struct vionet_device *device = NULL;

	if (argc != 2 || vionet_device_open(argv[1], NULL, &device) ||
	    vionet_device_start(device, NULL))
		return 1;
	if (filter(device) || no_long_frames(device) || fewer_interrupts(device) ||
	    vionet_control_check(device))
		fprintf(stderr, "%s\n", vionet_error_text());
	announce(device);
	return vionet_device_close(device) != 0;
}
