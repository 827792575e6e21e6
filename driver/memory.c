/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: the list of memory that a device can reach, and the rule for letting it
 * go: never while the device might still write to it.
 * Never: decides what the memory is for.
 * Read next: iommu/memory.h and iommu/container.h.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "driver/device.h"

static void link_memory(struct vionet_device *device, struct vionet_memory *m)
{
	m->device = device;
	m->next = device->memories;
	device->memories = m;
}

static void unlink_memory(struct vionet_memory *m)
{
	struct vionet_memory **at = &m->device->memories;

	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
}

int vn_device_memory_alloc(struct vionet_device *device, size_t size,
			   enum vn_access access, bool hugepages,
			   struct vionet_memory **memory)
{
	struct vn_transport *transport = device->transport;
	struct vionet_memory *m = calloc(1, sizeof(*m));
	int result;

	*memory = NULL;
	if (!m)
		return vn_error(ENOMEM, "no memory");
	m->access = access;
	result = vn_memory_alloc(size, hugepages, &m->memory);
	if (result == 0) {
		result = transport->ops->memory_add(transport, &m->memory,
						    access, &m->iova);
		if (result)
			vn_memory_free(&m->memory);
	}
	if (result) {
		free(m);
		return result;
	}
	link_memory(device, m);
	*memory = m;
	return 0;
}

void vn_device_memory_free(struct vionet_memory *m)
{
	struct vionet_device *device;

	if (!m)
		return;
	device = m->device;
	/* A failed unmapping means that the device may still get there. */
	if (!device->quiet ||
	    device->transport->ops->memory_remove(device->transport, m->iova)) {
		device->quarantined++;
		return;
	}
	unlink_memory(m);
	if (!m->foreign)
		vn_memory_free(&m->memory);
	free(m);
}

void vn_device_memory_abandon(struct vionet_device *device)
{
	while (device->memories) {
		struct vionet_memory *m = device->memories;

		device->memories = m->next;
		if (!m->foreign)
			vn_memory_free(&m->memory);
		free(m);
	}
}

static int check_registration(const struct vionet_device *device,
			      const void *address, size_t size,
			      enum vionet_access access)
{
	uint64_t page = device->limits.page_size;

	if (access != VIONET_DEVICE_READS && access != VIONET_DEVICE_WRITES)
		return vn_error(EINVAL, "%s: register memory: access %d is "
				"neither VIONET_DEVICE_READS nor "
				"VIONET_DEVICE_WRITES", device->name, (int)access);
	if (size == 0 || size % page != 0 || (uintptr_t)address % page != 0)
		return vn_error(EINVAL, "%s: register memory: address %p and "
				"size %zu must be multiples of the IOMMU's page, "
				"%llu bytes, and not zero", device->name, address,
				size, (unsigned long long)page);
	return 0;
}

int vionet_memory_register(struct vionet_device *device, void *address,
			   size_t size, enum vionet_access access,
			   struct vionet_memory **memory)
{
	struct vn_transport *transport = device->transport;
	struct vionet_memory *m;
	int result;

	*memory = NULL;
	result = check_registration(device, address, size, access);
	if (result)
		return result;
	m = calloc(1, sizeof(*m));
	if (!m)
		return vn_error(ENOMEM, "%s: register memory: no memory",
				device->name);
	m->foreign = true;
	m->access = access == VIONET_DEVICE_READS ? VN_DEVICE_READS :
						    VN_DEVICE_WRITES;
	m->memory = (struct vn_memory){
		.address = address,
		.size = size,
		.page_size = (size_t)device->limits.page_size,
		.fd = -1,
	};
	result = transport->ops->memory_add(transport, &m->memory, m->access,
					    &m->iova);
	if (result) {
		free(m);
		return vn_error_prefix(result, "%s: register memory",
				       device->name);
	}
	link_memory(device, m);
	*memory = m;
	return 0;
}

/* Unlike memory of our own, the application's may be withdrawn while the device
 * runs: no packet refers to it any more, so a device that still reaches for it
 * gets an IOMMU fault, which is what it deserves. */
int vionet_memory_unregister(struct vionet_memory *m)
{
	struct vionet_device *device;
	int result;

	if (!m)
		return 0;
	device = m->device;
	if (m->users != 0)
		return vn_error(EBUSY, "%s: unregister memory: %llu pools or "
				"packets still use it", device->name,
				(unsigned long long)m->users);
	result = device->transport->ops->memory_remove(device->transport,
						       m->iova);
	if (result)
		return vn_error_prefix(result, "%s: unregister memory",
				       device->name);
	unlink_memory(m);
	free(m);
	return 0;
}
