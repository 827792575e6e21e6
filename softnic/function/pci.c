/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration space as the driver meets it: header, BARs, MSI-X, the virtio capabilities,
 * the window of PCI_CFG; and checking writes to capabilities. */
#include <string.h>

#include "softnic/net/net.h"
#include "softnic/vfio_user/server.h"

#define AT_COMMAND 0x04u
#define AT_STATUS 0x06u
#define AT_BAR 0x10u
#define AT_LINE 0x3cu
#define AT_PIN 0x3du

#define COMMAND_MEMORY 0x2u
#define COMMAND_MASTER 0x4u
#define COMMAND_BITS 0x0506u /* SERR, no INTx, master, memory */
#define STATUS_CAPABILITIES 0x10u

#define BAR_64_PREFETCH 0xcu

#define CAP_MSIX 0x11u

static struct pci *pci_of(const struct device *device)
{
	return &device->server->pci;
}

/* ---- making it ---- */

static void pci_put_bar(struct device *device, unsigned int bar, uint32_t kind)
{
	struct pci *pci = pci_of(device);
	uint64_t size = bar_size(device, bar);
	unsigned int at = AT_BAR + 4 * bar;

	if (size == 0)
		return;
	pci_put(&pci->byte[at], kind, 4);
	pci_put(&pci->writable[at], (uint32_t)~(size - 1) & ~0xfu, 4);
	if (kind == BAR_64_PREFETCH)
		pci_put(&pci->writable[at + 4], 0xffffffff, 4);
}

static void pci_add_msix(struct pci *pci, unsigned int vectors)
{
	uint8_t at = pci_add(pci, CAP_MSIX, 12);

	pci_put(&pci->byte[at + 2], vectors - 1, 2);
	pci_put(&pci->writable[at + 2], 0xc000, 2); /* enable, mask all */
	pci_put(&pci->byte[at + 4], BAR_MSIX, 4);
	pci_put(&pci->byte[at + 8], MSIX_PBA_OFFSET | BAR_MSIX, 4);
	pci->msix = at;
}

static void pci_add_window(struct pci *pci)
{
	uint8_t at = pci_add_virtio(pci, CAP_PCI, 0, 0);

	pci->byte[at + CAP_BAR] = 0;
	pci->writable[at + CAP_BAR] = 0xff;
	pci_put(&pci->writable[at + CAP_OFFSET], 0xffffffff, 4);
	pci_put(&pci->writable[at + CAP_LENGTH], 0xffffffff, 4);
}

static void pci_put_identity(struct pci *pci, const struct options *options)
{
	bool old = options->transitional;

	pci_put(&pci->byte[0x00], PCI_ID_VENDOR, 2);
	pci_put(&pci->byte[0x02], old ? PCI_ID_NET_TRANSITIONAL : PCI_ID_NET, 2);
	pci_put(&pci->byte[AT_STATUS], STATUS_CAPABILITIES, 2);
	pci->byte[0x08] = old ? 0 : 1; /* revision */
	pci_put(&pci->byte[0x0a], 0x0200, 2); /* Ethernet controller */
	pci_put(&pci->byte[0x2c], PCI_ID_VENDOR, 2);
	pci_put(&pci->byte[0x2e], old ? 1 : 0x40, 2);
	pci->writable[AT_LINE] = 0xff;
	pci->byte[AT_PIN] = options->vectors == 0;
	pci_put(&pci->writable[AT_COMMAND], COMMAND_BITS, 2);
	/* As VFIO leaves a function that it opens: memory on, bus mastering off. */
	pci_put(&pci->byte[AT_COMMAND], COMMAND_MEMORY, 2);
}

void pci_open(struct device *device)
{
	struct pci *pci = pci_of(device);
	const struct options *options = device->options;
	uint8_t notify;

	memset(pci, 0, sizeof(*pci));
	device->server->dma.master = false;
	pci->end = 0x40;
	pci_put_identity(pci, options);
	pci_put_bar(device, BAR_MSIX, 0);
	pci_put_bar(device, BAR_VIRTIO, BAR_64_PREFETCH);
	if (options->vectors > 0)
		pci_add_msix(pci, options->vectors);
	pci_add_virtio(pci, CAP_COMMON, COMMON_OFFSET, COMMON_SIZE);
	pci_add_virtio(pci, CAP_ISR, ISR_OFFSET, ISR_SIZE);
	pci_add_virtio(pci, CAP_DEVICE, CONFIG_OFFSET,
		       (uint32_t)net_config_size(device));
	notify = pci_add_virtio(pci, CAP_NOTIFY, doorbell_offset(),
				(uint32_t)device->server->notify.size);
	pci_put(&pci->byte[notify + CAP_EXTRA], options->notify_multiplier, 4);
	pci_add_window(pci);
	pci_break(device);
}

static void pci_master(struct device *device)
{
	const struct pci *pci = pci_of(device);

	dma_master(device, (pci_get(&pci->byte[AT_COMMAND], 2) & COMMAND_MASTER) != 0);
}

/* ---- the window of PCI_CFG ---- */

static bool pci_overlaps(unsigned int offset, unsigned int size, unsigned int start,
			 unsigned int length)
{
	return offset < start + length && start < offset + size;
}

/* Does a capability describe these bytes of the BAR? */
static bool pci_described(const struct pci *pci, uint64_t offset, uint32_t size)
{
	for (unsigned int type = CAP_COMMON; type <= CAP_DEVICE; type++) {
		const uint8_t *cap = &pci->byte[pci->virtio[type]];
		uint64_t start = pci_get(cap + CAP_OFFSET, 4);
		uint64_t length = pci_get(cap + CAP_LENGTH, 4);

		if (offset >= start && offset + size <= start + length)
			return true;
	}
	return false;
}

/* Where the window shows, or false (reported). */
static bool pci_window(struct device *device, uint32_t *offset, uint32_t *size)
{
	struct pci *pci = pci_of(device);
	const uint8_t *cap = &pci->byte[pci->virtio[CAP_PCI]];

	*offset = pci_get(cap + CAP_OFFSET, 4);
	*size = pci_get(cap + CAP_LENGTH, 4);
	if (*size != 1 && *size != 2 && *size != 4) {
		violation(device, "PCI-41", "the length of PCI_CFG is %u", *size);
		return false;
	}
	if (*offset % *size != 0) {
		violation(device, "PCI-39",
			  "the offset of PCI_CFG is 0x%x, its length is %u", *offset, *size);
		return false;
	}
	if (cap[CAP_BAR] != BAR_VIRTIO || !pci_described(pci, *offset, *size)) {
		violation(device, "PCI-40",
			  "PCI_CFG shows BAR %u at 0x%x, where no structure is",
			  cap[CAP_BAR], *offset);
		return false;
	}
	return true;
}

/* Who reads all of configuration space (lspci, VFIO) meets a window that was never set. */
static void pci_window_read(struct device *device)
{
	struct pci *pci = pci_of(device);
	uint8_t *data = &pci->byte[pci->virtio[CAP_PCI] + CAP_EXTRA];
	uint32_t offset, size;

	if (pci_get(data - 4, 4) == 0 && pci_get(data - 8, 4) == 0)
		return;
	if (pci_window(device, &offset, &size))
		pci_put(data, (uint32_t)register_read(device, offset, size), size);
}

static void pci_window_write(struct device *device, const void *value,
			     unsigned int size)
{
	uint32_t offset, wanted;

	if (pci_window(device, &offset, &wanted) && wanted <= size)
		register_write(device, offset, pci_get(value, wanted), wanted);
}

/* ---- access ---- */

void pci_restore(struct device *device, const uint8_t byte[CONFIG_SPACE])
{
	struct pci *pci = pci_of(device);

	for (unsigned int i = 0; i < CONFIG_SPACE; i++)
		pci->byte[i] = (uint8_t)((pci->byte[i] & ~pci->writable[i]) |
					 (byte[i] & pci->writable[i]));
	pci_master(device);
}

static void pci_check_write(struct device *device, unsigned int offset,
			    unsigned int size)
{
	const struct pci *pci = pci_of(device);

	for (unsigned int type = CAP_COMMON; type <= CAP_DEVICE; type++) {
		unsigned int at = pci->virtio[type];

		if (at && pci_overlaps(offset, size, at, pci->byte[at + CAP_LEN]))
			violation(device, "PCI-15",
				  "configuration space is written at 0x%02x, in a capability "
				  "of type %u",
				  offset, type);
	}
	/* bar, offset, length and data of PCI_CFG may be written, its head not. */
	if (pci->virtio[CAP_PCI] &&
	    pci_overlaps(offset, size, pci->virtio[CAP_PCI], CAP_BAR))
		violation(device, "PCI-15",
			  "configuration space is written at 0x%02x, the head of PCI_CFG",
			  offset);
}

void pci_read(struct device *device, unsigned int offset, void *data,
	      unsigned int size)
{
	struct pci *pci = pci_of(device);
	unsigned int data_at = pci->virtio[CAP_PCI] + CAP_EXTRA;

	/* Who copies the whole space does not mean the window. */
	if (offset == data_at && size <= 4 && pci->virtio[CAP_PCI])
		pci_window_read(device);
	memcpy(data, &pci->byte[offset], size);
	if (device_has_fault(device, FAULT_COMMON_CAP_CHANGES))
		pci->byte[pci->virtio[CAP_COMMON] + CAP_BAR] ^= 1;
	trace(device, "READ pci 0x%02x %u 0x%x", offset, size,
	      pci_get(&pci->byte[offset], size < 4 ? size : 4));
}

void pci_write(struct device *device, unsigned int offset, const void *data,
	       unsigned int size)
{
	struct pci *pci = pci_of(device);
	const uint8_t *from = data;
	unsigned int data_at = pci->virtio[CAP_PCI] + CAP_EXTRA;

	trace(device, "WRITE pci 0x%02x %u 0x%x", offset, size,
	      pci_get(from, size < 4 ? size : 4));
	pci_check_write(device, offset, size);
	for (unsigned int i = 0; i < size; i++) {
		uint8_t mask = pci->writable[offset + i];
		uint8_t *byte = &pci->byte[offset + i];

		*byte = (uint8_t)((*byte & ~mask) | (from[i] & mask));
	}
	if (pci->virtio[CAP_PCI] && offset == data_at && size <= 4)
		pci_window_write(device, data, size);
	pci_master(device);
}
