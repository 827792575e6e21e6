/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What finding (list.c), binding (bind.c) and opening (pci/vfio) share: files of sysfs by
 * path, groups, interfaces, what keeps a function from being driven; and where the rest of
 * the host is looked at, so that a test can put a host of its own in place.
 */
#ifndef VN_PCI_HOST_H
#define VN_PCI_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <vionet/error.h>
#include <vionet/pci.h>

#include "iommu/node.h"
#include "pci/host/name.h"
#include "pci/host/netlink.h"
#include "pci/host/sysfs.h"

struct dirent;
struct ifaddrs;

/* Room for the root, two names of 255 bytes and what stands between them. */
#define VN_PATH_MAX 1024
#define VN_ROOT_MAX 256
#define VN_REASON_MAX 512

/* Why something cannot be done, without the function's name in front, and what to do. */
struct vn_reason {
	char text[VN_REASON_MAX];
	enum vionet_remedy remedy;
};

/* The host beside sysfs. Tests change it while no call runs. */
struct vn_host {
	const char *vfio;	    /* "/dev/vfio" */
	const char *proc;	    /* "/proc" */
	const char *pci_ids;	    /* names of devices; NULL: where libpci has them */
	const char *modprobe[3];    /* tried in this order, NULL: no more */
	unsigned int modprobe_ms;   /* longest that it may take */
	const char *udev;	    /* "/run/udev" */
	const char *udevadm[3];	    /* as modprobe */
	unsigned int udev_ms;	    /* longest wait for udev */
	unsigned int wait_ms;	    /* longest wait for a driver link, a node */
	int (*addresses)(struct ifaddrs **list); /* getifaddrs */
	void (*addresses_free)(struct ifaddrs *list);
	int (*netlink)(const struct nlmsghdr *request, vn_netlink_see *see,
		       void *context); /* vn_netlink_request */
};
extern struct vn_host vn_host;

/* ---- sysfs.c ---- */

/*
 * Make "ROOT/...". Never cut: names of the kernel have at most 255 bytes, and
 * vn_sysfs_set_root takes no longer root than VN_ROOT_MAX.
 */
void vn_sysfs_path(char path[VN_PATH_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Read the first line of a file, without its end; or a number in it. Return 0 or
 * -errno, without text. */
int vn_sysfs_read(const char *path, char *text, size_t size);
int vn_sysfs_number(const char *path, unsigned long *number);

/* Write `text` to a file in one write, as the kernel's attributes want it.
 * Returns 0 or -errno, without text. */
int vn_sysfs_write(const char *path, const char *text);

/* Name that the link at `path` ends with. Returns 0 or -errno, without text. */
int vn_sysfs_link(const char *path, char *name, size_t size);

/* Driver that driver_override of a device names; "" for none. */
void vn_sysfs_override(const char *bus, const char *device, char *driver, size_t size);

/* Names in a folder, in alphabetical order. Returns how many, to be freed, or
 * -errno, without text. */
int vn_sysfs_names(const char *path, struct dirent ***names);
void vn_sysfs_names_free(struct dirent **names, int count);

/* Group number of the function, without text: -ENXIO none, -EPERM the made-up one of
 * no-IOMMU mode, -EIO a bad value. */
int vn_sysfs_group_quiet(const char *address);

/* Number of the group that no-IOMMU mode has made up for the function, or -1. */
int vn_sysfs_unsafe_group(const char *address);

/* Is the kernel's switch for that mode on? 1, 0; -ENOENT: there is none. */
int vn_sysfs_unsafe_mode(void);

/* Virtual functions that are enabled on it; 0 for what is no physical function; or
 * -errno, without text. */
int vn_sysfs_vfs(const char *address);

#define VN_INTERFACE_MAX 64
#define VN_INTERFACES_MAX 8

/* Network interfaces of a function: two where it is one of a failover pair. */
struct vn_interfaces {
	char name[VN_INTERFACES_MAX][VN_INTERFACE_MAX];
	unsigned int count;
	bool hidden; /* it has one in another network namespace */
	int failure; /* -errno where a folder could not be read; there may be more */
};
void vn_sysfs_interfaces(const char *address, struct vn_interfaces *found);
/* The same of a vDPA device. */
void vn_sysfs_vdpa_interfaces(const char *name, struct vn_interfaces *found);

/* ---- group.c ---- */

/* Name of the function's character device of VFIO, "" if there is none. */
#define VN_NODE_MAX 32
void vn_sysfs_vfio_node(const char *address, char node[VN_NODE_MAX]);

/* A driver of VFIO? `device`: path of its folder in sysfs; `driver`: what is bound
 * to it. Not a list of names: variant drivers come with each kernel. */
bool vn_is_vfio(const char *device, const char *driver);

/* Who else is in a group. */
struct vn_member {
	char address[64];    /* of any bus */
	char driver[64];     /* "" none */
	bool vfio;
	bool virtio_net;
	bool hinders;	     /* keeps the group from being viable */
};

/* Members of the group, in order, to be freed. Returns how many, or -EIO with
 * text. */
int vn_group_members(int group, struct vn_member **members);

/*
 * Describe the members of a group that keep it from being viable: "0000:00:05.0
 * is bound to e1000e, ...", but for those in `except`. Bridges and unbound devices
 * do not, nor do those with a driver of VFIO or pci-stub. `*others`: are there some
 * that are no virtio-net functions? May be NULL. Returns how many, or -EIO with text.
 */
int vn_group_hindrances(int group, const char *const *except, size_t count,
			char *text, size_t size, bool *others);

/*
 * Find a process that has the group's node open, or the own one (of VFIO's newer
 * interface) of a function in it: "process 123 (qemu)". Sees only what /proc shows to
 * this user. Returns 1; 0: there is none to be seen; or -errno, without text: /proc is
 * not there, or this process lacks descriptors or memory to look.
 */
int vn_group_user(int group, char *text, size_t size);
/* The same for any node. */
int vn_node_user(const char *node, char *text, size_t size);

/* ---- rtnetlink.c ---- */

/* Does the kernel know of a route or an interface that depends on this one? Returns 1
 * and `why`: "has routes", "carries mv0 in another network namespace"; 0; or -errno
 * where it cannot be found out: `why` is what could not be read. */
int vn_rtnetlink_in_use(const char *interface, bool up, char *why, size_t size);

/* Do packets to `address` leave by `interface`? 1, 0, or -errno. */
int vn_rtnetlink_leads(const char *address, const char *interface);

/* ---- interface.c ---- */

/*
 * Does something in use depend on the function's kernel driver? Returns 1, and `why`
 * says who, by a whole sentence: "its network interface ens4 is up and has address
 * 192.0.2.1"; 0; or -errno where that cannot be found out: `why` is what could not be
 * read. `remedy` is what to do about it, "" where there is nothing to type.
 */
int vn_function_in_use(const char *address, char *why, size_t size, char *remedy,
			size_t remedy_size);

/* The same of a vDPA device and its driver, whichever it is: virtio_vdpa's interface, vhost_vdpa's
 * node. */
int vn_vdpa_in_use(const char *name, char *why, size_t size, char *remedy, size_t remedy_size);

/* ---- list.c ---- */

/* VIRTIO, "PCI Device Discovery": modern, and transitional. */
static inline bool vn_is_virtio_net(unsigned long vendor, unsigned long device)
{
	return vendor == 0x1af4 && (device == 0x1041 || device == 0x1000);
}

/* What a look at a function finds, beyond what an application sees of it. */
struct vn_looked {
	struct vionet_pci_function function;
	int group;   /* as vn_sysfs_group_quiet */
	int unsafe_group; /* as vn_sysfs_unsafe_group */
	bool hidden; /* the kernel shows this user only the header of configuration
		      * space, so `modern` says nothing */
	bool silent; /* configuration space reads all-ones */
	bool vfio;   /* bound to a driver of VFIO */
	char override[64];	   /* driver that driver_override names, "" none */
	char node[VN_NODE_MAX];	   /* its character device of VFIO: "vfio3", "noiommu-vfio3"; "" none */
	enum vn_iommu_kind wanted; /* by which it is to be opened */
	const char *token;	   /* VF token; NULL: none */
};

/* As vionet_pci_lookup. */
int vn_pci_look(const char *address, struct vn_looked *looked);

/* ---- drivable.c ---- */

/*
 * What is in the way of driving a function, step by step: each returns 0, or a negative
 * errno and the reason. Listing, binding and opening all use these, so that all say the
 * same.
 */
int vn_drivable_function(const struct vn_looked *looked, struct vn_reason *reason);
int vn_drivable_vfio(const struct vn_looked *looked, struct vn_reason *reason);
int vn_drivable_driver(const struct vn_looked *looked, struct vn_reason *reason);
int vn_drivable_group(const struct vn_looked *looked, struct vn_reason *reason);
int vn_drivable_node(const struct vn_looked *looked, struct vn_reason *reason);

/* The node of its group, "/dev/vfio/7" or "/dev/vfio/noiommu-7", and the group's number. Without an
 * IOMMU it may have none: its own node, and a number below -1 that is its own. */
#define VN_GROUP_PATH_MAX 300
int vn_looked_group(const struct vn_looked *looked, char path[VN_GROUP_PATH_MAX]);

/* Has a bind or unbind been cut off, as by SIGKILL? driver_override names a driver that the function does not have. */
bool vn_looked_cut_off(const struct vn_looked *looked);

/* Is it one of no-IOMMU mode, in a group or with a character device? */
bool vn_looked_unsafe(const struct vn_looked *looked);

/* As vn_group_user, in that mode too. */
int vn_looked_user(const struct vn_looked *looked, char *text, size_t size);

/* By which of the kernel's interfaces it would be opened, if none in particular is wanted: the
 * one that its group is open by in this process; else character devices where this user may
 * open the function's, or may not open its group; else groups. Without an IOMMU, VN_IOMMU_NONE or
 * VN_IOMMU_NONE_IOMMUFD in that order of preference too. Never VN_IOMMU_ANY. */
enum vn_iommu_kind vn_drivable_kind(const struct vn_looked *looked);

/* All of the above, in this order. */
int vn_drivable(const struct vn_looked *looked, struct vn_reason *reason);

/* Has another process the group open, as far as can be seen from here? -EBUSY then. That may
 * pass, so it is no part of the above. */
int vn_drivable_user(const struct vn_looked *looked, struct vn_reason *reason);

/* The error text of a reason, with the function's name and the remedy. Returns `result`. */
int vn_reason_error(const struct vn_looked *looked, const struct vn_reason *reason,
		    int result);

#endif
