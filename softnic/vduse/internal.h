/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the VDUSE device know of each other: transport.c (the device's life and its
 * messages), node.c (making and removing it), rings.c, iotlb.c, netlink.c. VDUSE is the kernel's
 * way to a vDPA device that is a process (/dev/vduse); the layouts are those of <linux/vduse.h>.
 */
#ifndef SOFTNIC_VDUSE_INTERNAL_H
#define SOFTNIC_VDUSE_INTERNAL_H

#include <linux/vduse.h>

#include "softnic/vfio_user/server.h"

struct vduse {
	int control;	 /* /dev/vduse/control; the device's own is server.fd */
	bool made;	 /* the kernel has the device */
	bool doorbells;	 /* the kernel has our eventfds; a reset takes them away */
	bool driven;	 /* DRIVER_OK was set since the last reset */
	bool config;	 /* an interrupt that the kernel did not take yet: the configuration's */
	uint64_t vector; /* the same of queues, a bit each */
};

/* ---- node.c ---- */

/* Make the device, and open it. 0 or -errno, printed. */
int vduse_node_open(struct device *device);
/* Ready for good: the descriptor is closed, the device and its vDPA device are removed, as far
 * as nobody has them in use. `serve` answers what the kernel asks meanwhile. */
void vduse_node_close(struct device *device, void (*serve)(struct device *device));
/* The device configuration, as the kernel shows it to drivers. 0 or -errno. */
int vduse_put_config(struct device *device);

/* ---- rings.c ---- */

void vduse_rings_start(struct device *device);
/* Where a queue is, for the kernel. 0 or -errno. */
int vduse_ring_state(struct queue *queue, struct vduse_vq_state *state);

/* ---- iotlb.c ---- */

/* As dma_space.missing: the kernel is asked for what it has mapped there. */
bool vduse_iotlb_fetch(struct device *device, uint64_t iova, uint64_t size);

/* ---- netlink.c: as `vdpa dev del NAME` ---- */

/* -errno; -ENODEV: there is none of this name. Waits until nobody has it open. For a process of
 * its own, which it takes into another network namespace. */
int vduse_netlink_remove(const char *name);

#endif
