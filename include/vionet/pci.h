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

#include <vionet/platform.h>
#include <vionet/struct.h>

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
	uint32_t struct_size; /* vionet/struct.h */
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
	char reason[512];	/* why it cannot be driven */
	uint32_t remedy;	/* what to do about it: vionet_remedy, for `address` */
	char node[64];		/* of VFIO that would be opened: "/dev/vfio/devices/vfio3",
				 * or its group's "/dev/vfio/7"; the same with "noiommu-" */
};

/*
 * List every virtio-net function, modern and transitional, ordered by address.
 *
 * `list`: set to an array that the caller releases with vionet_pci_list_free;
 *         NULL if there is none.
 * `stride`: sizeof(**list); elements lie so far apart, and say so in struct_size.
 * `count`: set to its number of elements.
 *
 * Returns 0; -EINVAL (stride); -ENOMEM; -EIO where sysfs cannot be read. Any thread, one at a
 * time (libpci is not re-entrant). Needs no privilege; without it some of
 * configuration space is hidden and `modern` may be false with a reason.
 */
int vionet_pci_list(struct vionet_pci_function **list, size_t stride, size_t *count);

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

/* Options of vionet_pci_bind and vionet_pci_unbind, as bits. */
enum vionet_pci_bind_flags {
	/* vionet_pci_bind only: although something in use is cut off by it. */
	VIONET_PCI_BIND_FORCE = 1 << 0,
	/* With all virtio-net functions of their IOMMU groups. */
	VIONET_PCI_BIND_GROUP = 1 << 1,
	/* vionet_pci_bind only: a function without an IOMMU, for VIONET_IOMMU_NONE. */
	VIONET_PCI_BIND_NO_IOMMU = 1 << 2,
};

/* What became of one function. */
struct vionet_pci_move {
	char address[VIONET_PCI_ADDRESS_MAX];
	char from[64];	    /* driver before, "" none */
	char to[64];	    /* driver now, "" none */
	char interface[64]; /* network interface now, "" none */
	bool moved;	    /* false: it was there already, nothing was done */
	bool cleared;	    /* driver_override, which named another driver */
	uint8_t reserved[2];
};

/*
 * Take virtio-net functions from their kernel drivers and bind them to vfio-pci,
 * through driver_override, so that no other function is touched: all of them or
 * none. What is with a driver of VFIO already (vfio-pci, or a variant of it for this
 * kind of function) stays as it is. Waits until the groups' nodes are there, and udev
 * has given them their owners.
 *
 * Everything that can be refused is refused before the first driver is unbound:
 *   -EINVAL   not an address, unknown flags
 *   -ENODEV   no such function, or it does not answer (without power, link down)
 *   -ENOTSUP  not virtio-net, or legacy only; with VIONET_PCI_BIND_NO_IOMMU: it is behind an
 *             IOMMU, or the kernel's no-IOMMU mode is off
 *   -ENXIO    no IOMMU group (no IOMMU, or it is off: the text says how to
 *             switch it on), and VIONET_PCI_BIND_NO_IOMMU is not set
 *   -ENOENT   the vfio-pci module is not there and could not be loaded
 *   -EBUSY    another device of a group, that does not come along, is held by a driver
 *             that is not VFIO's; a process has a virtual function of it open; another one
 *             binds or unbinds functions and does not end; or,
 *             unless VIONET_PCI_BIND_FORCE is set: it has virtual functions, or a
 *             network interface that is in use: up with an address, a route in any table or a
 *             program that captures on it, part of a bridge, bond or the like, in another
 *             network namespace; or a process drives it through UIO
 *   -EACCES   no permission to write to sysfs
 *   -EIO      what is read or written there fails
 * If a later step fails, all old drivers are bound again; the text says so, or
 * says how to do it by hand if even that failed.
 *
 * `addresses`: `count` of them, 1 to 256 with what comes along.
 * `moves`: NULL, or set to an array of `*move_count`, one for each function, to be
 * released with vionet_pci_moves_free; NULL after a failure. `stride`: sizeof(**moves),
 * how far apart its elements lie; not looked at if `moves` is NULL.
 *
 * Returns 0. Any thread, one at a time; takes some 10 ms, 30 s where modprobe or udev
 * hang. While functions move the thread gets no signals: one that ends the process would
 * leave them without a driver. Source: Documentation/ABI/testing/sysfs-bus-pci, Documentation/
 * driver-api/vfio.rst.
 */
int vionet_pci_bind(const char *const *addresses, size_t count, unsigned int flags,
		    struct vionet_pci_move **moves, size_t stride, size_t *move_count);

/*
 * Give functions back, all or none: clear driver_override, unbind the driver of VFIO
 * and let the kernel choose (virtio-pci), or bind `driver` if that is not NULL.
 *
 * Returns 0, also for what is with a kernel driver already (`moved` is false; what a
 * bind that was cut off has left in driver_override is cleared); -EINVAL
 * if that is another one than `driver`; -EBUSY if a process
 * has a function open (unbinding would block until it closes it; the text
 * names the process where it can be seen), or it has virtual functions; errors as
 * vionet_pci_bind. If no driver takes a function all go back to VFIO and -EIO is
 * returned. `addresses`, `moves` and thread as for vionet_pci_bind; of its flags only
 * VIONET_PCI_BIND_GROUP.
 */
int vionet_pci_unbind(const char *const *addresses, size_t count, const char *driver,
		      unsigned int flags, struct vionet_pci_move **moves,
		      size_t stride, size_t *move_count);

/* Release what vionet_pci_bind or vionet_pci_unbind gave. NULL is allowed. */
void vionet_pci_moves_free(struct vionet_pci_move *moves);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
