/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Character devices of VFIO, and an address space (IOAS) of an iommufd: the device is bound to the
 * iommufd, then attached to the address space, and only then it is known what that accepts.
 *
 * Source: Documentation/userspace-api/iommufd.rst, Documentation/driver-api/vfio.rst.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "iommu/call.h"
#include "iommu/domain.h"
#include "iommu/given.h"
#include "iommu/iommufd.h"
#include "iommu/node.h"
#include "iommu/noiommu.h"
#include "iommu/ops.h"

static int iommufd_refused(int result, const char *reason)
{
	return vn_error(-result, "%s", reason);
}

static int iommufd_open(struct vn_domain *domain)
{
	struct vn_iommufd_alloc alloc = { .size = sizeof(alloc) };
	char path[VN_NODE_PATH_MAX], reason[512];
	int result;

	vn_node_iommufd_path(domain->directory, path);
	if (domain->fd < 0)
		domain->fd = open(path, O_RDWR | O_CLOEXEC);
	if (domain->fd < 0)
		return iommufd_refused(vn_node_iommufd_reason(domain->directory, errno,
							      reason, sizeof(reason)),
				       reason);
	domain->accounting = VN_ACCOUNT_IOMMUFD;
	result = vn_vfio_call(domain->fd, VN_IOMMUFD_IOAS_ALLOC, &alloc);
	if (vn_given_is_other(result) && domain->given.iommufd >= 0)
		return vn_given_refused(domain->given.iommufd, "an iommufd");
	if (result == -ENOTTY)
		return vn_error(ENOTSUP, "%s: this is no iommufd", path);
	if (result < 0)
		return vn_domain_plain(-vn_error_errno(-result, "%s: make an address space",
						       path));
	domain->ioas = alloc.ioas;
	return 0;
}

/* The device stays bound: nothing but closing it undoes that. */
static void iommufd_leave(struct vn_domain *domain)
{
	struct vn_vfio_detach detach = { .argsz = sizeof(detach) };
	struct vn_iommufd_destroy destroy = { .size = sizeof(destroy), .id = domain->ioas };

	if (domain->attached)
		(void)vn_vfio_call(domain->device_fd, VN_VFIO_DETACH_IOMMUFD_PT, &detach);
	if (domain->ioas != 0)
		(void)vn_vfio_call(domain->fd, VN_IOMMUFD_DESTROY, &destroy);
}

/*
 * The device
 */

/* "83d7e1bf-6c4a-..." */
static void iommufd_token_bytes(const char *text, uint8_t bytes[16])
{
	for (size_t i = 0; i < 16; i++) {
		unsigned int byte = 0;

		text += *text == '-';
		(void)sscanf(text, "%2x", &byte);
		bytes[i] = (uint8_t)byte;
		text += 2;
	}
}

/* A device that another process has is EINVAL, one whose group it has is EBUSY. */
static int iommufd_bind(const struct vn_domain *domain, const char *token, int fd, uint32_t *id)
{
	uint8_t bytes[16];
	struct vn_vfio_bind bind = { .argsz = offsetof(struct vn_vfio_bind, token), .iommufd = domain->fd };
	unsigned int looks = 0;
	int result;

	if (token != NULL) {
		iommufd_token_bytes(token, bytes);
		bind.argsz = sizeof(bind);
		bind.flags = VN_VFIO_BIND_TOKEN;
		bind.token = (uintptr_t)bytes;
	}
	do {
		result = vn_vfio_call(fd, VN_VFIO_BIND_IOMMUFD, &bind);
	} while ((result == -EBUSY || result == -EINVAL) &&
		 !vn_domain_busy_too_long(&looks));
	*id = bind.device;
	return result < 0 ? result : 0;
}

static int iommufd_bind_refused(const struct vn_domain *domain, const char *node, bool token,
				int code)
{
	char reason[512];

	if (domain->given.device >= 0 && (code == EBUSY || code == EINVAL))
		return vn_error(EBUSY, "%s is bound to an iommufd already, was got of a group, or another "
				       "process has the device: its node is opened anew for each time it is "
				       "given",
				node);
	if (domain->given.device >= 0 && code == ENOTTY)
		return vn_given_refused(domain->given.device, "a character device of VFIO");
	switch (code) {
	case EACCES:
		return vn_domain_token_refused(token);
	case EINVAL:
		if (token)
			return vn_error(EINVAL, "%s: the kernel takes no VF token for it: before Linux 6.17 only "
						"groups do, later neither functions without SR-IOV nor virtual "
						"ones whose physical one is not bound to vfio-pci; or another "
						"process has it",
					node);
		/* fallthrough */
	case EBUSY:
		return iommufd_refused(vn_node_device_reason(domain->directory, node, EBUSY,
							     reason, sizeof(reason)),
				       reason);
	case EPERM:
		return vn_error(EPERM, "%s: another process has a function of it, "
				       "or this IOMMU does not isolate interrupts, so the kernel "
				       "refuses it. Switch interrupt remapping on (firmware; in QEMU "
				       "-device intel-iommu,intremap=on). Or, where the device may be "
				       "trusted: it can then forge any interrupt of this machine: echo "
				       "1 > /sys/module/iommufd/parameters/allow_unsafe_interrupts",
				domain->label);
	case ENOTTY:
		return vn_error(ENOTSUP, "%s: it is no character device of VFIO", node);
	case ENODEV:
		return vn_error(ENODEV, "%s: the function is gone", node);
	default:
		return vn_domain_plain(-vn_error_errno(code, "%s: bind it to an iommufd",
						       node));
	}
}

static int iommufd_attach(const struct vn_domain *domain, const char *node, int fd)
{
	struct vn_vfio_attach attach = { .argsz = sizeof(attach), .ioas = domain->ioas };
	int result = vn_vfio_call(fd, VN_VFIO_ATTACH_IOMMUFD_PT, &attach);

	if (result >= 0)
		return 0;
	return vn_domain_plain(-vn_error_errno(-result, "%s: attach it to an address space",
					       node));
}

/*
 * A device without an IOMMU is bound, attached and mapped for like any other, and takes what it is
 * given for physical addresses. The kernel knows nothing of the IOMMU then; and it is one that has
 * that mode: it has the call.
 */
static bool iommufd_has_no_iommu(const struct vn_domain *domain, uint32_t id)
{
	struct vn_iommufd_hw_info info = { .size = sizeof(info), .device = id };
	struct vn_iommufd_physical probe = { .size = sizeof(probe), .ioas = domain->ioas };

	return vn_vfio_call(domain->fd, VN_IOMMUFD_GET_HW_INFO, &info) == -EOPNOTSUPP &&
	       vn_vfio_call(domain->fd, VN_IOMMUFD_IOAS_NOIOMMU_GET_PA, &probe) != -ENOTTY;
}

/* The first device shows what the address space accepts. */
static int iommufd_learn(struct vn_domain *domain)
{
	int result;

	pthread_mutex_lock(&domain->lock);
	result = domain->space != NULL ? 0 : vn_domain_learn(domain);
	pthread_mutex_unlock(&domain->lock);
	return result;
}

static int iommufd_take(struct vn_domain *domain, const char *node, const char *token, int fd)
{
	uint32_t id;
	int result = iommufd_bind(domain, token, fd, &id);

	if (result != 0)
		return iommufd_bind_refused(domain, node, token != NULL, -result);
	if (domain->ops->kind == VN_IOMMU_IOMMUFD && iommufd_has_no_iommu(domain, id))
		return vn_error(ENXIO, "%s: %s", node, VN_NODE_NO_IOMMU);
	result = iommufd_attach(domain, node, fd);
	domain->attached = result == 0;
	return result == 0 ? iommufd_learn(domain) : result;
}

static int iommufd_take_given(struct vn_domain *domain, const char *token, int *fd)
{
	char name[32];
	int result = vn_given_take(domain->device_fd, fd);

	if (result == 0)
		result = iommufd_take(domain, vn_given_name(domain->given.device, name, sizeof(name)), token,
				      *fd);
	if (result != 0 && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return result;
}

static int iommufd_device(struct vn_domain *domain, const struct vn_iommu_device *device, int *fd)
{
	const char *node = device->node;
	char path[VN_NODE_PATH_MAX], reason[512];
	int result;

	if (domain->device_fd >= 0)
		return iommufd_take_given(domain, device->token, fd);
	vn_node_device_path(domain->directory, node, path);
	*fd = node[0] != '\0' ? vn_domain_open_while_busy(path) : -ENOENT;
	if (*fd < 0) {
		result = vn_node_device_reason(domain->directory, node, -*fd, reason,
					       sizeof(reason));
		*fd = -1;
		return iommufd_refused(result, reason);
	}
	result = iommufd_take(domain, node, device->token, *fd);
	if (result != 0) {
		close(*fd);
		*fd = -1;
	}
	return result;
}

/*
 * What it accepts
 */

/*
 * iommufd tells the alignment and not the sizes of its pages, its answers to VFIO's calls
 * do. They are for people to read; without them the smallest size is all there is.
 */
static uint64_t iommufd_page_sizes(const struct vn_domain *domain, uint64_t alignment)
{
	struct vn_iommufd_vfio_ioas compatible = { .size = sizeof(compatible),
						   .ioas = domain->ioas,
						   .operation = VN_IOMMUFD_VFIO_IOAS_SET };
	uint64_t sizes = 0;

	if (vn_vfio_call(domain->fd, VN_IOMMUFD_VFIO_IOAS, &compatible) == 0)
		sizes = vn_type1_page_sizes(domain->fd);
	/* Smaller ones would be a lie in the other answer. */
	return (sizes & -alignment) | alignment;
}

static int iommufd_limits(const struct vn_domain *domain, struct vn_iommu_limits *limits)
{
	struct vn_iommufd_range range[VN_IOVA_RANGES_MAX];
	struct vn_iommufd_ranges ranges = {
		.size = sizeof(ranges),
		.ioas = domain->ioas,
		.count = VN_IOVA_RANGES_MAX,
		.ranges = (uintptr_t)range,
	};
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	int result;

	memset(range, 0, sizeof(range));
	result = vn_vfio_call(domain->fd, VN_IOMMUFD_IOAS_IOVA_RANGES, &ranges);
	/* Ranges past our maximum are addresses that we do without. */
	if (result < 0 && result != -EMSGSIZE)
		return result;
	memset(limits, 0, sizeof(*limits));
	if (ranges.alignment > page && (ranges.alignment & (ranges.alignment - 1)) == 0)
		page = ranges.alignment;
	limits->page_size = page;
	limits->page_sizes = iommufd_page_sizes(domain, page);
	limits->mappings_left = UINT32_MAX;
	for (uint32_t i = 0; i < ranges.count && i < VN_IOVA_RANGES_MAX; i++)
		limits->range[limits->range_count++] =
			(struct vn_iova_range){ range[i].first, range[i].last };
	return 0;
}

/*
 * Mapping
 */

static uint32_t iommufd_flags(enum vn_access access)
{
	uint32_t flags = VN_IOMMUFD_MAP_FIXED | VN_IOMMUFD_MAP_READABLE;

	return (access & VN_DEVICE_WRITES) != 0 ? flags | VN_IOMMUFD_MAP_WRITEABLE : flags;
}

/* A kernel that cannot is not asked again. */
static int iommufd_map_file(struct vn_domain *domain, const struct vn_memory *memory,
			    enum vn_access access, uint64_t iova)
{
	struct vn_iommufd_map_file map = {
		.size = sizeof(map),
		.flags = iommufd_flags(access),
		.ioas = domain->ioas,
		.fd = memory->fd,
		.start = memory->offset,
		.length = memory->size,
		.iova = iova,
	};
	int result = vn_vfio_call(domain->fd, VN_IOMMUFD_IOAS_MAP_FILE, &map);

	if (result == -ENOTTY) {
		pthread_mutex_lock(&domain->lock);
		domain->map_by_address = true;
		pthread_mutex_unlock(&domain->lock);
	}
	return result;
}

static bool iommufd_maps_files(struct vn_domain *domain)
{
	bool files;

	pthread_mutex_lock(&domain->lock);
	files = !domain->map_by_address;
	pthread_mutex_unlock(&domain->lock);
	return files;
}

/* By its file, so that it stays the device's whatever becomes of the mapping in this process;
 * by its address where there is no file, or none that the kernel takes. */
static int iommufd_map(struct vn_domain *domain, const struct vn_memory *memory,
		       enum vn_access access, uint64_t iova)
{
	struct vn_iommufd_map map = {
		.size = sizeof(map),
		.flags = iommufd_flags(access),
		.ioas = domain->ioas,
		.address = (uintptr_t)memory->address,
		.length = memory->size,
		.iova = iova,
	};
	int result = -ENOTTY;

	if (memory->fd >= 0 && iommufd_maps_files(domain))
		result = iommufd_map_file(domain, memory, access, iova);
	if (result == -ENOTTY || result == -EINVAL || result == -EOPNOTSUPP)
		result = vn_vfio_call(domain->fd, VN_IOMMUFD_IOAS_MAP, &map);
	return result;
}

static int iommufd_unmap(const struct vn_domain *domain, const struct vn_memory *memory,
			 uint64_t iova, uint64_t *done)
{
	struct vn_iommufd_unmap unmap = {
		.size = sizeof(unmap), .ioas = domain->ioas, .iova = iova, .length = memory->size
	};
	int result = vn_vfio_call(domain->fd, VN_IOMMUFD_IOAS_UNMAP, &unmap);

	*done = unmap.length;
	return result;
}

const struct vn_iommu_ops vn_iommufd_ops = {
	.kind = VN_IOMMU_IOMMUFD,
	.name = "iommufd",
	.open = iommufd_open,
	.leave = iommufd_leave,
	.device = iommufd_device,
	.limits = iommufd_limits,
	.map = iommufd_map,
	.unmap = iommufd_unmap,
};

/*
 * No IOMMU: the kernel pins what is mapped, and says where it lies. The place in the address space
 * is a name for it that no device sees.
 */

static int iommufd_unsafe_limits(const struct vn_domain *domain, struct vn_iommu_limits *limits)
{
	int result = iommufd_limits(domain, limits);

	limits->page_sizes = VN_HUGEPAGE;
	limits->contiguous = VN_HUGEPAGE;
	return result;
}

static int iommufd_find(const struct vn_domain *domain, struct vn_iommufd_physical *found)
{
	int result = vn_vfio_call(domain->fd, VN_IOMMUFD_IOAS_NOIOMMU_GET_PA, found);

	if (result >= 0)
		return 0;
	if (result == -EPERM)
		return vn_error(EACCES, "%s: no-IOMMU mode is for root (CAP_SYS_RAWIO)", domain->label);
	return vn_domain_plain(-vn_error_errno(-result, "%s: find the physical address of memory",
					       domain->label));
}

static int iommufd_seen(const struct vn_domain *domain, const struct vn_memory *memory,
			uint64_t place, uint64_t *iova)
{
	struct vn_iommufd_physical found = {
		.size = sizeof(found), .ioas = domain->ioas, .iova = place, .length = memory->size
	};
	int result = iommufd_find(domain, &found);

	if (result != 0)
		return result;
	*iova = found.physical;
	if (found.length == memory->size)
		return 0;
	found.iova = place + found.length;
	found.length = 1;
	result = iommufd_find(domain, &found);
	return result != 0 ? result : vn_noiommu_apart(memory, *iova, found.physical);
}

const struct vn_iommu_ops vn_noiommu_iommufd_ops = {
	.kind = VN_IOMMU_NONE_IOMMUFD,
	.name = "no-IOMMU mode with iommufd",
	.open = iommufd_open,
	.leave = iommufd_leave,
	.device = iommufd_device,
	.limits = iommufd_unsafe_limits,
	.map = iommufd_map,
	.unmap = iommufd_unmap,
	.seen = iommufd_seen,
};
