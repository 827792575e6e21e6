/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>
#include <stdio.h>

#include <vionet/vionet.h>

/* Print what a device is: address, link, queues, and its place on the bus. */
static int print_device(struct vionet_device *device)
{
	struct vionet_device_info info;
	struct vionet_link link;
	struct vionet_queue_info queue;
	struct vionet_pci_details details;
	int result = vionet_device_info(device, &info);

	if (result)
		return result;
	printf("%s over %s, MTU %u\n", info.name, info.transport, info.mtu);
	if (vionet_device_link(device, &link) == 0)
		printf("link %s\n", link.up ? "up" : "down");
	for (unsigned int i = 0;
	     vionet_device_queue_info(device, i, &queue) == 0; i++)
		printf("queue %u: %s, at most %u entries\n", i, queue.role,
		       queue.size_max);
	if (vionet_device_pci_details(device, &details) == 0)
		printf("IOMMU group %d\n", details.iommu_group);
	return 0;
}

/* Receive until something happens to the device; another back end may follow. */
static int run(struct vionet_device *device)
{
	struct vionet_queue *rx = vionet_device_rx_queue(device, 0);
	struct vionet_queue *tx = vionet_device_tx_queue(device, 0);
	struct pollfd happens = { vionet_device_event_fd(device), POLLIN, 0 };
	struct vionet_packet *packets[32];
	uint32_t events = 0;

	while (poll(&happens, 1, 0) >= 0 &&
	       vionet_device_events(device, &events) == 0) {
		if (events & VIONET_EVENT_NEEDS_RESET)
			return vionet_device_reconnect(device, 10000);
		if (events & (VIONET_EVENT_REMOVAL | VIONET_EVENT_GONE))
			break;
		uint32_t count = vionet_queue_receive(rx, packets, 32);
		uint32_t sent = vionet_queue_transmit(tx, packets, count);

		vionet_packet_free(packets + sent, count - sent);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct vionet_device *device;

	if (argc != 2)
		return 2;
	if (vionet_device_open(argv[1], NULL, &device) ||
	    print_device(device) || vionet_device_start(device, NULL) ||
	    run(device) || vionet_device_stop(device)) {
		fprintf(stderr, "%s\n", vionet_error_text());
		vionet_device_close(device);
		return 1;
	}
	return vionet_device_close(device) != 0;
}
