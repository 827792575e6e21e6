/* SPDX-License-Identifier: BSD-3-Clause */
/* The bytes that a configuration space is made of: fields, capabilities, sizes of BARs. */
#include "softnic/vfio_user/server.h"

#define CAP_VENDOR 0x09u

void pci_put(uint8_t *at, uint32_t value, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

uint32_t pci_get(const uint8_t *at, unsigned int size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size; i++)
		value |= (uint32_t)at[i] << (8 * i);
	return value;
}

uint64_t bar_size(const struct device *device, unsigned int bar)
{
	uint64_t size = doorbell_offset();

	if (bar == BAR_MSIX)
		return device->options->vectors ? MSIX_BAR_SIZE : 0;
	if (bar != BAR_VIRTIO)
		return 0;
	while (size < doorbell_offset() + device->server->notify.size)
		size *= 2;
	return size;
}

uint8_t pci_add(struct pci *pci, uint8_t id, uint8_t size)
{
	uint8_t at = pci->end;

	pci->byte[at] = id;
	pci->byte[pci->last ? pci->last + 1u : AT_CAPABILITIES] = at;
	pci->last = at;
	pci->end = (uint8_t)((at + size + 3u) & ~3u);
	return at;
}

uint8_t pci_add_virtio(struct pci *pci, uint8_t type, uint32_t offset,
		       uint32_t length)
{
	uint8_t size = type == CAP_NOTIFY || type == CAP_PCI ? 20 : 16;
	uint8_t at = pci_add(pci, CAP_VENDOR, size);

	pci->byte[at + CAP_LEN] = size;
	pci->byte[at + 3] = type;
	pci->byte[at + CAP_BAR] = BAR_VIRTIO;
	pci_put(&pci->byte[at + CAP_OFFSET], offset, 4);
	pci_put(&pci->byte[at + CAP_LENGTH], length, 4);
	if (type < CAP_TYPES)
		pci->virtio[type] = at;
	return at;
}
