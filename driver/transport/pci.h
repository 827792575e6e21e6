/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the PCI transport share: pci.c (opening, interrupts, memory), pci_registers.c
 * (what the registers mean) and pci_migration.c. */
#ifndef VN_DRIVER_TRANSPORT_PCI_H
#define VN_DRIVER_TRANSPORT_PCI_H

#include "driver/transport/transport.h"
#include "driver/transport/vectors.h"
#include "pci/capability.h"
#include "pci/function.h"

/* A virtio structure: mapped where possible, else reached through the function. */
struct vn_window {
	volatile uint8_t *mapped; /* NULL: through read and write */
	uint64_t mapped_size;
	struct vn_structure place;
};

struct vn_pci_transport {
	struct vn_transport base; /* first */
	struct vn_function *function;
	struct vn_capabilities capabilities;
	struct vn_window common, notify, device;
	struct vionet_features accepted;
	uint16_t queue_count; /* as the device said last */
	struct vn_read_back *read_back;
	struct vn_vectors vectors;
	bool config_interrupt; /* the first vector is for configuration changes */
	uint64_t status_read_at; /* when a queue's thread looked at the status; atomic */
};

static inline struct vn_pci_transport *vn_pci(struct vn_transport *transport)
{
	return (struct vn_pci_transport *)transport;
}

/* Operations of the transport, as driver/transport/transport.h describes them. */
int vn_pci_features_read(struct vn_transport *transport,
			 struct vionet_features *offered);
int vn_pci_features_write(struct vn_transport *transport,
			  const struct vionet_features *accepted);
int vn_pci_status_read(struct vn_transport *transport, uint8_t *status);
int vn_pci_status_write(struct vn_transport *transport, uint8_t status);
int vn_pci_config_read(struct vn_transport *transport,
		       const struct vn_config_field *fields, unsigned int count);
int vn_pci_queue_max(struct vn_transport *transport, unsigned int index,
		     uint16_t *size);
int vn_pci_queue_setup(struct vn_transport *transport, unsigned int index,
		       uint16_t size, int *vector,
		       const struct vn_ring_areas *areas,
		       struct vn_doorbell *doorbell);
int vn_pci_queue_doorbell(struct vn_transport *transport, unsigned int index,
			  struct vn_doorbell *doorbell);
int vn_pci_queue_enable(struct vn_transport *transport, unsigned int index);
int vn_pci_queue_reset(struct vn_transport *transport, unsigned int index,
		       uint64_t timeout);
int vn_pci_kick(struct vn_transport *transport,
		const struct vn_doorbell *doorbell);

/* Moving to another server: pci_migration.c. */
extern const struct vn_transport_migration vn_pci_migration;

/* Ask the device how many queues it has. */
int vn_pci_count_queues(struct vn_pci_transport *transport);

/* Attach `*vector` to configuration changes; -1 afterwards if the device has no
 * room for it. */
int vn_pci_config_vector(struct vn_pci_transport *transport, int *vector);

#endif
