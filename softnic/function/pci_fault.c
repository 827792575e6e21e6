/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration spaces that are wrong on purpose. */
#include <string.h>

#include "softnic/vfio_user/server.h"

/* The header and the list as a whole. */
static void pci_break_header(struct device *device, struct pci *pci)
{
	if (device_has_fault(device, FAULT_DEVICE_ID_NOT_VIRTIO))
		pci->byte[0x03] = 0x12;
	if (device_has_fault(device, FAULT_CLASS_SUBSYSTEM_INVALID))
		memset(&pci->byte[0x09], 0xff, 3);
	if (device_has_fault(device, FAULT_CLASS_SUBSYSTEM_INVALID))
		memset(&pci->byte[0x2c], 0xff, 4);
	if (device_has_fault(device, FAULT_CAP_LIST_MISSING))
		pci->byte[0x06] = 0;
	if (device_has_fault(device, FAULT_CAP_LIST_IN_HEADER))
		pci->byte[AT_CAPABILITIES] = 0x10;
}

/* How capabilities follow each other. */
static void pci_break_links(struct device *device, struct pci *pci)
{
	uint8_t common = pci->virtio[CAP_COMMON], isr = pci->virtio[CAP_ISR];
	uint8_t first = pci->byte[AT_CAPABILITIES];

	if (device_has_fault(device, FAULT_CAP_LINKS_ITSELF))
		pci->byte[common + 1] = common;
	if (device_has_fault(device, FAULT_VENDOR_CAPS_CIRCULAR))
		pci->byte[isr + 1] = common;
	if (device_has_fault(device, FAULT_OTHER_CAPS_CIRCULAR)) {
		pci->byte[first] = pci->byte[pci->end] = 0x05;
		pci->byte[first + 1] = pci->end;
		pci->byte[pci->end + 1] = first;
	}
	if (device_has_fault(device, FAULT_NOTIFY_CAP_MISSING)) {
		/* PCI_CFG comes behind notify. */
		for (unsigned int at = 0x40; at < pci->end; at += 4)
			if (pci->byte[at + 1] == pci->virtio[CAP_NOTIFY] &&
			    pci->byte[at] == 0x09)
				pci->byte[at + 1] = pci->virtio[CAP_PCI];
	}
}

/* Capabilities that a driver has to skip, in front of the good ones or behind them. */
static void pci_add_strange(struct device *device, struct pci *pci)
{
	uint8_t first = pci->byte[AT_CAPABILITIES], at;

	if (device_has_fault(device, FAULT_CAPS_RESERVED)) {
		pci_add_virtio(pci, 0x77, 0, 0x1000);
		at = pci_add_virtio(pci, 7, 0, 0x1000);
		pci->byte[at + CAP_BAR] = 0x42;
	}
	if (!device_has_fault(device, FAULT_CAP_LOOKALIKE) && !device_has_fault(device, FAULT_CAP_BAR_MISSING))
		return;
	at = pci->end;
	memcpy(&pci->byte[at], &pci->byte[pci->virtio[CAP_COMMON]], 16);
	pci->byte[at + CAP_BAR] = device_has_fault(device, FAULT_CAP_BAR_MISSING) ? 0 : BAR_VIRTIO;
	if (device_has_fault(device, FAULT_CAP_LOOKALIKE)) {
		pci->byte[at] = 0x05;
		pci_put(&pci->byte[at + CAP_OFFSET], 0x3000, 4);
	}
	pci->byte[at + 1] = first;
	pci->byte[AT_CAPABILITIES] = at;
	pci->end = (uint8_t)(at + 16);
}

/* What the capabilities say of their structures. */
static void pci_break_structures(struct device *device, struct pci *pci)
{
	uint8_t *common = &pci->byte[pci->virtio[CAP_COMMON]];
	uint8_t *config = &pci->byte[pci->virtio[CAP_DEVICE]];

	if (device_has_fault(device, FAULT_CAP_LEN_SMALL))
		common[CAP_LEN] = 8;
	if (device_has_fault(device, FAULT_CAP_LEN_LARGE))
		common[CAP_LEN] = 0xf0;
	if (device_has_fault(device, FAULT_COMMON_BAR_EMPTY))
		common[CAP_BAR] = 2;
	if (device_has_fault(device, FAULT_COMMON_ENDS_OUTSIDE))
		pci_put(&common[CAP_OFFSET], (uint32_t)bar_size(device, BAR_VIRTIO) - 16, 4);
	if (device_has_fault(device, FAULT_COMMON_SHORT))
		pci_put(&common[CAP_LENGTH], 52, 4);
	if (device_has_fault(device, FAULT_COMMON_MISALIGNED))
		pci_put(&common[CAP_OFFSET], 2, 4);
	if (device_has_fault(device, FAULT_COMMON_EMPTY))
		pci_put(&common[CAP_LENGTH], 0, 4);
	if (device_has_fault(device, FAULT_DEVICE_CONFIG_HUGE))
		pci_put(&config[CAP_LENGTH], 0xffffffff, 4);
	if (device_has_fault(device, FAULT_ISR_IN_MSIX_TABLE))
		pci->byte[pci->virtio[CAP_ISR] + CAP_BAR] = BAR_MSIX;
	if (device_has_fault(device, FAULT_ISR_IN_MSIX_TABLE))
		pci_put(&pci->byte[pci->virtio[CAP_ISR] + CAP_OFFSET], 0x10, 4);
	if (device_has_fault(device, FAULT_DEVICE_CONFIG_SHORT))
		pci_put(&config[CAP_LENGTH], 6, 4);
	if (device_has_fault(device, FAULT_NOTIFY_MULTIPLIER_3))
		pci_put(&pci->byte[pci->virtio[CAP_NOTIFY] + CAP_EXTRA], 3, 4);
	if (device_has_fault(device, FAULT_MSIX_BAR_MISSING) && pci->msix != 0) {
		pci->byte[pci->msix + 2] = 0xff;
		pci->byte[pci->msix + 3] = 0x07;
		pci_put(&pci->byte[pci->msix + 4], 3, 4);
	}
}

void pci_break(struct device *device)
{
	struct pci *pci = &device->server->pci;

	if (device->options->faults == NULL)
		return;
	pci_break_header(device, pci);
	pci_break_structures(device, pci);
	pci_break_links(device, pci);
	pci_add_strange(device, pci);
	if (device_has_fault(device, FAULT_CONFIG_SPACE_ONES))
		memset(pci->byte, 0xff, sizeof(pci->byte));
}
