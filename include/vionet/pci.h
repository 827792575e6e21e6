/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PCI functions: which virtio-net functions this machine has, why one cannot
 * be driven, and how to move one between its kernel driver and vfio-pci.
 *
 * Nothing here opens a device; vionet/device.h does that.
 */
#ifndef VIONET_PCI_H
#define VIONET_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* "0000:00:04.0" and its terminating zero; domains may have 8 digits. */
#define VIONET_PCI_ADDRESS_MAX 20

/*
 * One virtio-net function as sysfs and libpci show it. All strings are
 * zero-terminated; "" where there is nothing to say.
 */
struct vionet_pci_function {
	char address[VIONET_PCI_ADDRESS_MAX]; /* "0000:00:04.0" */
	uint16_t vendor_id;		      /* 0x1af4 */
	uint16_t device_id;		      /* 0x1041, or 0x1000 */
	uint16_t subsystem_vendor_id;
	uint16_t subsystem_device_id;
	uint8_t revision;
	bool transitional;	/* device id 0x1000: two interfaces */
	bool modern;		/* has the virtio capabilities; false means
				 * legacy only (or configuration space could
				 * not be read, see `reason`) */
	bool drivable;		/* could be opened now, as far as can be seen
				 * without opening it */
	int iommu_group;	/* -1: no IOMMU group */
	int numa_node;		/* -1: unknown */
	char driver[64];	/* bound kernel driver */
	char interface[64];	/* network interface of that driver */
	char vendor_name[128];	/* from the PCI ID database */
	char device_name[128];
	char reason[512];	/* why it cannot be driven, and what to do */
};

/*
 * List every virtio-net function, modern and transitional, ordered by address.
 *
 * `list`: set to an array that the caller releases with vionet_pci_list_free;
 *         NULL if there is none.
 * `count`: set to its number of elements.
 *
 * Returns 0, or -ENOMEM / -EIO where sysfs cannot be read. Any thread, one at a
 * time (libpci is not re-entrant). Needs no privilege; without it some of
 * configuration space is hidden and `modern` may be false with a reason.
 */
int vionet_pci_list(struct vionet_pci_function **list, size_t *count);

/* Release an array of vionet_pci_list. NULL is allowed. */
void vionet_pci_list_free(struct vionet_pci_function *list);

/*
 * Look at one function. `address` is "0000:00:04.0" or "00:04.0".
 *
 * Returns 0; -EINVAL if it is no PCI address; -ENODEV if there is no such
 * function; -ENOTSUP if it is not a virtio-net function (the text says what it
 * is). Any thread, one at a time.
 */
int vionet_pci_lookup(const char *address, struct vionet_pci_function *function);

/* Options of vionet_pci_bind, as bits. */
enum vionet_pci_bind_flags {
	/* Bind although the network interface is up with addresses or routes. */
	VIONET_PCI_BIND_FORCE = 1 << 0,
};

/*
 * Take a virtio-net function from its kernel driver and bind it to vfio-pci,
 * through driver_override, so that no other function is touched.
 *
 * Everything that can be refused is refused before the old driver lets go:
 *   -ENODEV   no such function             -ENOTSUP  not virtio-net
 *   -ENXIO    no IOMMU group (no IOMMU, or it is off: the text says how to
 *             switch it on)
 *   -ENOENT   the vfio-pci module is not there and could not be loaded
 *   -EBUSY    another device of the group is held by a driver that is not
 *             VFIO's, or the network interface is up with addresses or routes
 *             and VIONET_PCI_BIND_FORCE is not set
 *   -EACCES   no permission to write to sysfs
 * If a later step fails, the old driver is bound again; the text says so, or
 * says how to do it by hand if even that failed.
 *
 * `previous` (may be NULL): the name of the driver that held the function
 * before, "" if none; `previous_size` bytes.
 *
 * Returns 0 (also if it is bound to vfio-pci already). Any thread, one at a
 * time. Source: Documentation/ABI/testing/sysfs-bus-pci, Documentation/
 * driver-api/vfio.rst.
 */
int vionet_pci_bind(const char *address, unsigned int flags, char *previous,
		    size_t previous_size);

/*
 * Give a function back: clear driver_override, unbind vfio-pci and let the
 * kernel choose its driver (virtio-pci), or bind `driver` if that is not NULL.
 *
 * Returns 0, also if it is with a kernel driver already; -EBUSY if a process
 * has the function open (unbinding would block until it lets go; the text
 * names the process where it can be seen); errors as vionet_pci_bind. If no
 * driver takes the function it goes back to vfio-pci and -EIO is returned.
 */
int vionet_pci_unbind(const char *address, const char *driver);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
