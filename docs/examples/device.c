/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <vionet/vionet.h>

/* Print what a device is: address, link, queues. */
static int print_device(struct vionet_device *device)
{
	struct vionet_device_info info = { .struct_size = sizeof(info) };
	struct vionet_link link = { .struct_size = sizeof(link) };
	struct vionet_queue_info queue = { .struct_size = sizeof(queue) };
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
	return 0;
}

/* The device's address on the bus, and its PCI function. */
static void print_pci(struct vionet_device *device)
{
	struct vionet_pci_details details = { .struct_size = sizeof(details) };
	struct vionet_pci_capability capability[VIONET_PCI_CAPABILITIES_MAX];
	struct vionet_pci_region region[VIONET_PCI_REGIONS_MAX];
	struct vionet_iova_range range[VIONET_IOVA_RANGES_MAX];
	uint32_t count;

	if (vionet_device_pci_details(device, &details) == 0)
		printf("IOMMU group %d\n", details.iommu_group);
	if (vionet_device_pci_capabilities(device, capability, sizeof(capability[0]),
					   VIONET_PCI_CAPABILITIES_MAX, &count) == 0)
		for (uint32_t i = 0; i < count; i++)
			printf("capability of type %u in BAR %u\n", capability[i].type,
			       capability[i].bar);
	if (vionet_device_pci_regions(device, region, sizeof(region[0]),
				      VIONET_PCI_REGIONS_MAX, &count) == 0)
		printf("%u regions\n", count);
	if (vionet_device_pci_iova_ranges(device, range, sizeof(range[0]),
					  VIONET_IOVA_RANGES_MAX, &count) == 0)
		printf("%u ranges of IOVAs\n", count);
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

/* Of a program that is started with the device's node as descriptor 3 and /dev/iommu as 4. */
static int open_given(const char *name, struct vionet_device **device)
{
	struct vionet_device_fds fds = {
		.struct_size = sizeof(fds),
		.given = VIONET_FD_DEVICE | VIONET_FD_IOMMUFD,
		.device = 3,
		.iommufd = 4,
	};
	int result = vionet_device_open_fds(name, &fds, NULL, device);

	/* The library has duplicates. */
	close(fds.device);
	close(fds.iommufd);
	return result;
}

int main(int argc, char **argv)
{
	struct vionet_device *device;
	bool given = getenv("LISTEN_FDS") != NULL;

	if (argc != 2)
		return 2;
	if (given ? open_given(argv[1], &device) : vionet_device_open(argv[1], NULL, &device)) {
		fprintf(stderr, "%s\n", vionet_error_text());
		return 1;
	}
	print_pci(device);
	if (print_device(device) || vionet_device_start(device, NULL) ||
	    run(device) || vionet_device_stop(device))
		fprintf(stderr, "%s\n", vionet_error_text());
	return vionet_device_close(device) != 0;
}
