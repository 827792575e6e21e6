/* SPDX-License-Identifier: BSD-3-Clause */
/* The vDPA devices of this machine, as sysfs has them. */
#ifndef VIONET_TOOLS_VDPA_LIST_H
#define VIONET_TOOLS_VDPA_LIST_H

#include <stddef.h>

#define VDPA_NAME_MAX 256

struct vdpa_device {
	char name[VDPA_NAME_MAX];      /* as `vdpa dev show` has it */
	char parent[VDPA_NAME_MAX];    /* PCI address or the like; "": none */
	char driver[VDPA_NAME_MAX];    /* vhost_vdpa, virtio_vdpa; "": none */
	char node[VDPA_NAME_MAX];      /* "vhost-vdpa-0"; "": none */
	char interface[VDPA_NAME_MAX]; /* of the kernel's own driver; "": none */
};

/*
 * Read up to `room` devices below `sysfs` ("/sys"), in alphabetical order. Returns how many there are,
 * which may be more; 0 also where the kernel has no vDPA bus.
 */
size_t vdpa_list_read(const char *sysfs, struct vdpa_device *devices, size_t room);

/* What to do with one that vionet cannot open as it stands, as root; "" if it can. */
const char *vdpa_list_remedy(const struct vdpa_device *device, char *text, size_t size);

#endif
