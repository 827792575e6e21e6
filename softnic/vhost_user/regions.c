/* SPDX-License-Identifier: BSD-3-Clause */
/* The front end's memory as it is: where its addresses are, what follows from a change. */
#include "softnic/vhost_user/internal.h"

bool vhost_translate(const struct device *device, uint64_t user, uint64_t *iova)
{
	const struct vhost_user *v = device->vhost_user;

	for (unsigned int i = 0; i < v->slots; i++)
		if (user - v->slot[i].user_address < v->slot[i].size) {
			*iova = v->slot[i].guest_address + (user - v->slot[i].user_address);
			return true;
		}
	return false;
}

void vhost_memory_changed(struct device *device)
{
	if (!device->vhost_user->replacing)
		queues_remap(device);
}

void vhost_memory_forget(struct device *device)
{
	device->vhost_user->slots = 0;
	dma_unmap_all(device);
}
