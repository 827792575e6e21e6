/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vDPA devices between their drivers: vhost_vdpa, whose node this library opens
 * ("vhost-vdpa:/dev/vhost-vdpa-0"), and virtio_vdpa, which makes a network interface of it.
 */
#ifndef VIONET_VDPA_H
#define VIONET_VDPA_H

#include <stdbool.h>
#include <stdint.h>

#include <vionet/platform.h>
#include <vionet/struct.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* What became of one. */
struct vionet_vdpa_move {
	uint32_t struct_size; /* vionet/struct.h */
	char name[64];	      /* as `vdpa dev show` has it */
	char from[64];	      /* driver before, "" none */
	char to[64];	      /* driver now */
	char node[64];	      /* "/dev/vhost-vdpa-0" now, "" none */
	char interface[64];   /* network interface now, "" none */
	bool moved;	      /* false: it was there already, nothing was done */
	uint8_t reserved[3];
};

/*
 * Take a vDPA device from its driver and bind it to vhost_vdpa, through driver_override, so that
 * no other device is touched; the module is loaded if need be. Waits until the node is there.
 *
 * `device`: its name ("vdpa0"), or the name of its node ("vhost-vdpa:/dev/vhost-vdpa-0").
 * `flags`: VIONET_PCI_BIND_FORCE of vionet_pci_bind, or 0.
 * `move`: may be NULL.
 *
 * Returns 0, also if it is there already. Before anything is changed: -EINVAL (flags, name),
 * -ENODEV (there is no such device), -EBUSY (its network interface is in use, as vionet_pci_bind
 * has it, unless forced), -ENOENT (the module is not there), -ENOTSUP (a kernel before 5.17, which
 * cannot choose a driver for one device), -EACCES, -EIO. If the new driver does not take it, it
 * goes back to the old one, and -EIO is returned. Any thread, one at a time; as long as
 * vionet_pci_bind. Source: Documentation/ABI/testing/sysfs-bus-vdpa.
 */
int vionet_vdpa_bind(const char *device, unsigned int flags, struct vionet_vdpa_move *move);

/*
 * Give it back to the kernel's own driver, virtio_vdpa. -EBUSY if a process has its node open:
 * the kernel would wait until it closes it. The rest as vionet_vdpa_bind.
 */
int vionet_vdpa_unbind(const char *device, struct vionet_vdpa_move *move);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
