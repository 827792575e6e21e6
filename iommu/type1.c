/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Groups: container and group are opened in the order that the kernel wants.
 *
 * Source: Documentation/driver-api/vfio.rst and linux/vfio.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "iommu/call.h"
#include "iommu/domain.h"
#include "iommu/given.h"
#include "iommu/node.h"
#include "iommu/ops.h"

/*
 * What it can do
 */

/*
 * Kernels before 5.4 do not say which addresses they accept. Every IOMMU reaches
 * 4 GiB; what is left out there are the MSI windows of arm64 and of x86, where a
 * mapping would swallow interrupts.
 */
static void type1_assume_ranges(struct vn_iommu_limits *limits)
{
	limits->range_count = 2;
	limits->range[0] = (struct vn_iova_range){ 0, 0x07ffffff };
	limits->range[1] = (struct vn_iova_range){ 0x08100000, 0xfedfffff };
}

static void type1_read_ranges(const struct vfio_iommu_type1_info *info, size_t size,
			      size_t first, struct vn_iommu_limits *limits)
{
	struct vfio_iommu_type1_info_cap_iova_range head;
	struct vfio_iova_range range;
	size_t at = vn_vfio_capability(info, size, first,
				       VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE,
				       sizeof(head));
	const char *next = (const char *)info + at + sizeof(head);

	if (at == 0) {
		type1_assume_ranges(limits);
		return;
	}
	memcpy(&head, (const char *)info + at, sizeof(head));
	size -= at + sizeof(head);
	/* Ranges past our maximum are addresses that we do without. */
	for (uint32_t i = 0; i < head.nr_iovas && i < VN_IOVA_RANGES_MAX &&
			     size >= sizeof(range); i++) {
		memcpy(&range, next, sizeof(range));
		limits->range[limits->range_count++] =
			(struct vn_iova_range){ range.start, range.end };
		next += sizeof(range);
		size -= sizeof(range);
	}
}

/* How many more mappings the kernel allows; UINT32_MAX if it does not say. */
static uint32_t type1_read_left(const struct vfio_iommu_type1_info *info, size_t size,
				size_t first)
{
	struct vfio_iommu_type1_info_dma_avail left;
	size_t at = vn_vfio_capability(info, size, first,
				       VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
				       sizeof(left));

	if (at == 0)
		return UINT32_MAX;
	memcpy(&left, (const char *)info + at, sizeof(left));
	/* iommufd, which has no limit, says 2^32 - 1. */
	return left.avail < INT32_MAX ? left.avail : UINT32_MAX;
}

static int type1_limits(const struct vn_domain *domain, struct vn_iommu_limits *limits)
{
	const struct vfio_iommu_type1_info question = { 0 };
	struct vfio_iommu_type1_info *info;
	void *answer;
	size_t size, first;
	int result = vn_vfio_info(domain->fd, VFIO_IOMMU_GET_INFO, &question,
				  sizeof(question), &answer, &size);

	if (result != 0)
		return result;
	info = answer;
	first = (info->flags & VFIO_IOMMU_INFO_CAPS) ? info->cap_offset : 0;
	memset(limits, 0, sizeof(*limits));
	if (info->flags & VFIO_IOMMU_INFO_PGSIZES)
		limits->page_sizes = info->iova_pgsizes;
	else
		limits->page_sizes = (uint64_t)sysconf(_SC_PAGESIZE);
	limits->page_size = limits->page_sizes & -limits->page_sizes;
	type1_read_ranges(info, size, first, limits);
	limits->mappings_left = type1_read_left(info, size, first);
	free(answer);
	return 0;
}

uint64_t vn_type1_page_sizes(int fd)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	if (vn_vfio_call(fd, VFIO_IOMMU_GET_INFO, &info) < 0 ||
	    (info.flags & VFIO_IOMMU_INFO_PGSIZES) == 0)
		return 0;
	return info.iova_pgsizes;
}

/*
 * Opening
 */

static int type1_refused(int result, const char *reason)
{
	return vn_error(-result, "%s", reason);
}

static int type1_open_container(struct vn_domain *domain, const char *path)
{
	char reason[512];

	if (domain->fd < 0)
		domain->fd = open(path, O_RDWR | O_CLOEXEC);
	if (domain->fd >= 0)
		return 0;
	return type1_refused(vn_node_container_reason(domain->directory, errno, reason,
						      sizeof(reason)),
			     reason);
}

static int type1_check_container(const struct vn_domain *domain,
				 const char *path)
{
	int version = vn_vfio_call(domain->fd, VFIO_GET_API_VERSION, NULL);

	if (version < 0 && domain->given.container >= 0)
		return vn_given_refused(domain->given.container, "a container of VFIO");
	if (version < 0)
		return vn_error(ENOTSUP, "%s: this is no VFIO container: %s",
				path, vn_errno_text(-version));
	if (version != VFIO_API_VERSION)
		return vn_error(ENOTSUP, "%s: VFIO has version %d, only %d is "
					 "known; use a matching kernel",
				path, version,
				VFIO_API_VERSION);
	if (vn_vfio_call(domain->fd, VFIO_CHECK_EXTENSION,
			 (void *)VFIO_TYPE1v2_IOMMU) <= 0)
		return vn_error(ENOTSUP, "%s: the kernel offers no type1v2 IOMMU; "
					 "load it: modprobe vfio_iommu_type1",
				path);
	return 0;
}

static int type1_open_group(struct vn_domain *domain, const char *path)
{
	char reason[512];
	int fd = domain->group_fd;

	if (fd < 0)
		fd = vn_domain_open_while_busy(path);
	domain->group_fd = fd;
	if (fd >= 0)
		return 0;
	return type1_refused(vn_node_group_reason(domain->directory, domain->group,
						  -fd, reason, sizeof(reason)),
			     reason);
}

static int type1_check_group(const struct vn_domain *domain, const char *path)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int result = vn_vfio_call(domain->group_fd, VFIO_GROUP_GET_STATUS,
				  &status);

	if (result < 0 && domain->given.group >= 0)
		return vn_given_refused(domain->given.group, "a group of VFIO");
	if (result < 0)
		return vn_domain_plain(-vn_error_errno(-result, "%s: not a VFIO group",
						       path));
	if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
		return vn_error(domain->given.group >= 0 ? EBUSY : ENOTCONN,
				"%s is not viable: one of "
				"its devices is with a driver that is not VFIO's; "
				"bind all of them to vfio-pci or unbind them",
				path);
	if (domain->given.group >= 0 && (status.flags & VFIO_GROUP_FLAGS_CONTAINER_SET) != 0)
		return vn_error(EBUSY, "%s is in a container already; give it before it is "
				       "put into one, or the device and its container",
				path);
	return 0;
}

static int type1_attach(struct vn_domain *domain)
{
	int fd = domain->fd;
	int result = vn_vfio_call(domain->group_fd, VFIO_GROUP_SET_CONTAINER,
				  &fd);

	if (result < 0)
		return vn_domain_plain(-vn_error_errno(-result, "%s: attach to "
								"a container",
						       domain->label));
	domain->attached = true;
	result = vn_vfio_call(fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
	if (result >= 0)
		return 0;
	if (result == -EPERM)
		return vn_error(EPERM, "%s: this IOMMU does not isolate "
				       "interrupts, so the kernel refuses it. Switch "
				       "interrupt remapping on (firmware; in QEMU -device "
				       "intel-iommu,intremap=on). Or, where the device may "
				       "be trusted: it can then forge any interrupt of "
				       "this machine: load the module with "
				       "vfio_iommu_type1.allow_unsafe_interrupts=1 (echo 1 "
				       "> /sys/module/vfio_iommu_type1/parameters/"
				       "allow_unsafe_interrupts)",
				domain->label);
	return vn_domain_plain(-vn_error_errno(-result, "%s: set the type1v2 "
							"IOMMU",
					       domain->label));
}

static int type1_group(struct vn_domain *domain)
{
	char path[256], label[32];
	int result;

	snprintf(path, sizeof(path), "%s/%d", domain->directory, domain->group);
	result = type1_open_group(domain, path);
	if (result == 0)
		result = type1_check_group(domain, domain->given.group >= 0 ? vn_given_name(domain->given.group, label,
											    sizeof(label))
									    : domain->label);
	return result == 0 ? type1_attach(domain) : result;
}

/* Of a device that was given: the program that got it has set the IOMMU. */
static int type1_check_set(const struct vn_domain *domain)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	if (vn_vfio_call(domain->fd, VFIO_IOMMU_GET_INFO, &info) == 0)
		return 0;
	return vn_error(EINVAL, "%s is a container without an IOMMU: put the device's group into it and "
				"set type1v2 before the device is got",
			domain->label);
}

static int type1_open(struct vn_domain *domain)
{
	char node[256];
	int result;

	snprintf(node, sizeof(node), "%s/vfio", domain->directory);
	result = type1_open_container(domain, node);
	if (result == 0)
		result = type1_check_container(domain, node);
	if (result == 0)
		result = domain->device_fd >= 0 ? type1_check_set(domain) : type1_group(domain);
	/* The ranges shrink when a group joins: read them afterwards. */
	if (result == 0)
		result = vn_domain_learn(domain);
	if (result == 0)
		domain->accounting = vn_locked_accounting(domain->fd);
	return result;
}

static void type1_leave(struct vn_domain *domain)
{
	if (domain->attached)
		(void)vn_vfio_call(domain->group_fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

/* A character device that is not bound to an iommufd does not know what it is, either. */
static int type1_take_device(const struct vn_domain *domain, int *fd)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	if (vn_vfio_call(domain->device_fd, VFIO_DEVICE_GET_INFO, &info) < 0)
		return vn_given_refused(domain->given.device, "a device that a group of VFIO gave");
	return vn_given_take(domain->device_fd, fd);
}

static int type1_device(struct vn_domain *domain, const char *name, const char *node, int *fd)
{
	int result;

	(void)node;
	if (domain->device_fd >= 0)
		return type1_take_device(domain, fd);
	result = vn_vfio_call(domain->group_fd, VFIO_GROUP_GET_DEVICE_FD, (void *)(uintptr_t)name);
	*fd = result < 0 ? -1 : result;
	if (result >= 0)
		return 0;
	switch (-result) {
	case ENODEV:
		return vn_error(ENODEV, "%s has no such device that is bound to vfio-pci",
				domain->given.group >= 0 ? "the group given" : domain->label);
	case EBUSY:
		return vn_error(EBUSY, "it is open already, or still being reset");
	case EACCES:
		return vn_error(EACCES, "the kernel wants the VF token of its physical "
					"function; bind that one to its own driver instead of "
					"vfio-pci");
	default:
		return vn_domain_plain(-vn_error_errno(-result, "open"));
	}
}

/*
 * Mapping
 */

static int type1_map(struct vn_domain *domain, const struct vn_memory *memory,
		     enum vn_access access, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.vaddr = (uintptr_t)memory->address,
		.iova = iova,
		.size = memory->size,
	};

	if ((access & VN_DEVICE_WRITES) != 0)
		map.flags |= VFIO_DMA_MAP_FLAG_WRITE;
	return vn_vfio_call(domain->fd, VFIO_IOMMU_MAP_DMA, &map);
}

/* The flags are 0 on purpose: they are others than those of mapping. */
static int type1_unmap(const struct vn_domain *domain, uint64_t iova, uint64_t size,
		       uint64_t *done)
{
	struct vfio_iommu_type1_dma_unmap request = {
		.argsz = sizeof(request), .iova = iova, .size = size
	};
	int result = vn_vfio_call(domain->fd, VFIO_IOMMU_UNMAP_DMA, &request);

	*done = request.size;
	return result;
}

const struct vn_iommu_ops vn_type1_ops = {
	.kind = VN_IOMMU_TYPE1,
	.name = "type1v2",
	.open = type1_open,
	.leave = type1_leave,
	.device = type1_device,
	.limits = type1_limits,
	.map = type1_map,
	.unmap = type1_unmap,
};
