/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Owns: what finding (list.c) and binding (bind.c) share beyond pci/sysfs.h:
 * files of sysfs by path, and where the rest of the host is looked at, so that
 * a test can put a host of its own in place.
 * Never: is included outside pci/ and its tests.
 * Read next: pci/sysfs.c.
 */
#ifndef VN_PCI_HOST_H
#define VN_PCI_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <vionet/pci.h>

struct ifaddrs;

/* Room for the root, two names of 255 bytes and what stands between them. */
#define VN_PATH_MAX 1024
#define VN_ROOT_MAX 256

/* The host beside sysfs. Tests change it while no call runs. */
struct vn_host {
	const char *vfio;	    /* "/dev/vfio" */
	const char *proc;	    /* "/proc" */
	const char *modprobe[3];    /* tried in this order, NULL: no more */
	unsigned int modprobe_ms;   /* longest that it may take */
	unsigned int settle_ms;	    /* longest wait for a driver link */
	int (*addresses)(struct ifaddrs **list); /* getifaddrs */
	void (*addresses_free)(struct ifaddrs *list);
};
extern struct vn_host vn_host;

/*
 * Make "ROOT/...". Never cut: names of the kernel have at most 255 bytes, and
 * vn_sysfs_set_root takes no longer root than VN_ROOT_MAX.
 */
void vn_sysfs_path(char path[VN_PATH_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Read the first line of a file, without its end. Returns 0 or -errno, without
 * text. */
int vn_sysfs_read(const char *path, char *text, size_t size);

/* Write `text` to a file in one write, as the kernel's attributes want it.
 * Returns 0 or -errno, without text. */
int vn_sysfs_write(const char *path, const char *text);

/* Name that the link at `path` ends with. Returns 0 or -errno, without text. */
int vn_sysfs_link(const char *path, char *name, size_t size);

/* Network interface of the function, "" if none: below virtioN/net or net. */
void vn_sysfs_interface(const char *address, char *name, size_t size);

/*
 * Would somebody be cut off if this interface went away? It is up and has an
 * address (IPv6 link-local does not count), a route that somebody made, or an
 * interface on top of it (bridge, bond, VLAN). `why`: "has address 192.0.2.1".
 */
bool vn_interface_in_use(const char *interface, char *why, size_t size);

/* As vn_sysfs_group, but without text, for calls that go on without a group:
 * -ENXIO none, -EPERM the made-up one of no-IOMMU mode, -EIO nonsense. */
int vn_sysfs_group_quiet(const char *address);

/* As vn_sysfs_group_culprits, but leaves the function `except` out. */
int vn_sysfs_group_others(int group, const char *except, char *text,
			  size_t size);

/*
 * Find a process that has the group's node open: "process 123 (qemu)". Sees
 * only what /proc shows to this user.
 */
bool vn_group_holder(int group, char *text, size_t size);

/* As vionet_pci_lookup. `*hidden`: the kernel shows this user only the header of
 * configuration space, so `modern` says nothing. */
int vn_pci_look(const char *address, struct vionet_pci_function *function,
		bool *hidden);

#endif
