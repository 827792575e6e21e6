/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a device node of VFIO or vhost-vdpa cannot be opened: listing, binding and opening give the same reason. */
#ifndef VN_IOMMU_NODE_H
#define VN_IOMMU_NODE_H

#include <stdbool.h>
#include <stddef.h>

/* By which of the kernel's interfaces a function is opened. */
enum vn_iommu_kind {
	VN_IOMMU_ANY,	       /* none in particular: what the system has */
	VN_IOMMU_TYPE1,	       /* groups: /dev/vfio/vfio, /dev/vfio/GROUP */
	VN_IOMMU_IOMMUFD,      /* character devices: /dev/iommu, /dev/vfio/devices/vfioN */
	VN_IOMMU_NONE,	       /* no IOMMU: /dev/vfio/noiommu-GROUP */
	VN_IOMMU_NONE_IOMMUFD, /* no IOMMU: /dev/iommu, /dev/vfio/devices/noiommu-vfioN */
};

/* A device of a group. */
struct vn_iommu_device {
	const char *name;  /* "0000:00:04.0" */
	const char *node;  /* its character device, "vfio3"; "" none */
	const char *token; /* VF token, as text; NULL: none */
};

/* Descriptors that the caller has opened, -1: not that one. They remain its own: what is needed is
 * duplicated. */
struct vn_iommu_fds {
	int device;    /* a character device that is not bound; or, with a container, what a group gave */
	int iommufd;   /* with a character device */
	int group;     /* that is in no container */
	int container; /* with a group; or, with a device, that of its group, whose IOMMU is set */
};

/*
 * `code`: errno of open() or access(). The reason is a sentence without the name of
 * a function in front. Returns what is to be returned for it, a negative errno:
 * -EACCES, -EBUSY, -ENXIO (not there), -ENOTSUP (the kernel has only the other
 * interface), -ENOMEM, -EIO. Any thread.
 *
 * `directory`: "/dev/vfio" unless a test says otherwise.
 */
int vn_node_container_reason(const char *directory, int code, char *reason,
			     size_t size);
/* `unsafe`: its node is that of no-IOMMU mode. */
int vn_node_group_reason(const char *directory, int group, bool unsafe, int code,
			 char *reason, size_t size);
int vn_node_iommufd_reason(const char *directory, int code, char *reason, size_t size);
/* `node`: "vfio3", "noiommu-vfio3". */
int vn_node_device_reason(const char *directory, const char *node, int code, char *reason,
			  size_t size);

/* `path`: of vhost-vdpa. -ENODEV, not -ENXIO. */
int vn_node_vdpa_reason(const char *path, int code, char *reason, size_t size);

#define VN_NODE_PATH_MAX 300

/* Is it one of no-IOMMU mode? */
bool vn_node_is_unsafe(const char *node);

/* "/dev/iommu", and "/dev/vfio/devices/vfio3". */
void vn_node_iommufd_path(const char *directory, char path[VN_NODE_PATH_MAX]);
void vn_node_device_path(const char *directory, const char *node,
			 char path[VN_NODE_PATH_MAX]);

/* What no-IOMMU mode is, for all who meet it. */
#define VN_NODE_NO_IOMMU                                                            \
	"it is in no-IOMMU mode, which isolates nothing: switch "                   \
	"the IOMMU on (firmware: VT-d, AMD-Vi, SMMU; Intel: intel_iommu=on on the " \
	"kernel's command line; QEMU: -device intel-iommu,intremap=on)"

#endif
