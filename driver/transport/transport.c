/* SPDX-License-Identifier: BSD-3-Clause */
/* Which transport a device's name means, and whether a transport's table is whole. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "driver/transport/transport.h"

/* "KIND:REST" is opened with REST; everything else, and "pci:REST", is a PCI address. */
static const struct {
	const char *kind;
	int (*open)(const char *rest, const struct vn_transport_options *options,
		    struct vn_transport **transport);
} kinds[] = {
	{ "vfio-user:", vn_transport_open_vfio_user },
	{ "vhost-user:", vn_transport_open_vhost_user },
	{ "vhost-vdpa:", vn_transport_open_vhost_vdpa },
};

/* A domain has up to 8 digits: what is longer before the first colon is a kind. */
#define DOMAIN_DIGITS 8

/* What is no PCI function is opened in one way only. */
static int transport_no_iommu(const char *name, const struct vn_transport_options *options)
{
	if (options->vf_token)
		return vn_error(EINVAL, "%s: a VF token is for PCI functions; leave it out", name);
	if (options->fds)
		return vn_error(EINVAL, "%s: descriptors are for PCI functions; leave them out",
				name);
	if (options->iommu == VIONET_IOMMU_AUTO)
		return 0;
	return vn_error(EINVAL,
			"%s: a choice of IOMMU is for PCI functions; leave it out", name);
}

static int transport_open_pci(const char *address, const struct vn_transport_options *options,
			      struct vn_transport **transport)
{
	return options->fds ? vn_transport_open_pci_fds(address, options, transport) :
			      vn_transport_open_pci(address, options, transport);
}

int vn_transport_open(const char *name, const struct vn_transport_options *options,
		      struct vn_transport **transport)
{
	const char *colon = strchr(name, ':');
	int result;

	*transport = NULL;
	if (strlen(name) >= VIONET_NAME_MAX)
		return vn_error(EINVAL, "device name of %zu characters; at most %d "
					"are possible",
				strlen(name), VIONET_NAME_MAX - 1);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t length = strlen(kinds[i].kind);

		if (strncmp(name, kinds[i].kind, length) != 0)
			continue;
		result = transport_no_iommu(name, options);
		return result ? result : kinds[i].open(name + length, options, transport);
	}
	if (strncmp(name, "pci:", 4) == 0)
		return transport_open_pci(name + 4, options, transport);
	if (colon && colon - name > DOMAIN_DIGITS &&
	    !memchr(name, '/', (size_t)(colon - name)))
		return vn_error(EINVAL,
				"'%s': there are no devices of the kind '%.*s'; name a PCI "
				"function such as 0000:00:04.0, a socket: vfio-user:PATH, "
				"vhost-user:PATH, or a vDPA device: "
				"vhost-vdpa:/dev/vhost-vdpa-0",
				name, (int)(colon - name), name);
	return transport_open_pci(name, options, transport);
}

int vn_transport_check(const struct vn_transport_ops *ops)
{
	const bool core = ops->features_read && ops->features_write &&
			  ops->status_read && ops->status_write && ops->config_read &&
			  ops->queue_max && ops->queue_setup && ops->queue_enable &&
			  ops->vectors && ops->memory_add && ops->memory_remove &&
			  ops->limits && ops->events && ops->close;
	const unsigned int has =
		(ops->health ? VN_CAN_HEALTH : 0u) |
		(ops->pairs_use ? VN_CAN_PAIRS : 0u) |
		(ops->queue_reset ? VN_CAN_QUEUE_RESET : 0u) |
		(ops->queue_doorbell ? VN_CAN_QUEUE_DOORBELL : 0u) |
		(ops->kick ? VN_CAN_KICK : 0u) | (ops->dma ? VN_CAN_DMA : 0u) |
		(ops->reset ? VN_CAN_RESET : 0u) |
		(ops->memory_check ? VN_CAN_MEMORY_CHECK : 0u) |
		(ops->reconnect || ops->resume ? VN_CAN_RECONNECT : 0u) |
		(ops->pci_details ? VN_CAN_PCI_DETAILS : 0u) |
		(ops->read_back ? VN_CAN_READ_BACK : 0u) |
		(ops->migration ? VN_CAN_MIGRATE : 0u);

	if (core && has == ops->can && !ops->reconnect == !ops->resume)
		return 0;
	return vn_error(EINVAL, "the transport's table: %s",
			core ? "it has other operations than it announces" :
			       "an operation of the core is missing");
}
