/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Container and group are opened in the order that the kernel wants.
 *
 * Source: Documentation/driver-api/vfio.rst and linux/vfio.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "iommu/call.h"
#include "iommu/domain.h"
#include "iommu/given.h"
#include "iommu/group.h"
#include "iommu/node.h"

static int group_refused(int result, const char *reason)
{
	return vn_error(-result, "%s", reason);
}

static int group_open_container(struct vn_domain *domain, const char *path)
{
	char reason[512];

	if (domain->fd < 0)
		domain->fd = open(path, O_RDWR | O_CLOEXEC);
	if (domain->fd >= 0)
		return 0;
	return group_refused(vn_node_container_reason(domain->directory, errno, reason,
						      sizeof(reason)),
			     reason);
}

static int group_check_container(const struct vn_domain *domain, const struct vn_group_way *way,
				 const char *path)
{
	int version = vn_vfio_call(domain->fd, VFIO_GET_API_VERSION, NULL);
	int known;

	if (vn_given_is_other(version) && domain->given.container >= 0)
		return vn_given_refused(domain->given.container, "a container of VFIO");
	if (version < 0 && !vn_given_is_other(version))
		return vn_domain_plain(-vn_error_errno(-version, "%s: VFIO_GET_API_VERSION", path));
	if (version < 0)
		return vn_error(ENOTSUP, "%s: this is no VFIO container: %s",
				path, vn_errno_text(-version));
	if (version != VFIO_API_VERSION)
		return vn_error(ENOTSUP, "%s: VFIO has version %d, only %d is "
					 "known; use a matching kernel",
				path, version,
				VFIO_API_VERSION);
	known = vn_vfio_call(domain->fd, VFIO_CHECK_EXTENSION, (void *)(uintptr_t)way->iommu);
	if (known < 0)
		return vn_domain_plain(-vn_error_errno(-known, "%s: VFIO_CHECK_EXTENSION", path));
	if (known == 0)
		return vn_error(ENOTSUP, "%s: the kernel offers no %s; %s", path, way->name,
				way->remedy);
	return 0;
}

static int group_open_group(struct vn_domain *domain, const char *path)
{
	char reason[512];
	int fd = domain->group_fd;

	if (fd < 0)
		fd = vn_domain_open_while_busy(path);
	domain->group_fd = fd;
	if (fd >= 0)
		return 0;
	return group_refused(vn_node_group_reason(domain->directory, domain->group,
						  domain->ops->kind == VN_IOMMU_NONE, -fd, reason,
						  sizeof(reason)),
			     reason);
}

static int group_check_group(const struct vn_domain *domain, const char *path)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int result = vn_vfio_call(domain->group_fd, VFIO_GROUP_GET_STATUS,
				  &status);

	if (vn_given_is_other(result) && domain->given.group >= 0)
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

static int group_attach(struct vn_domain *domain, const struct vn_group_way *way)
{
	int fd = domain->fd;
	int result = vn_vfio_call(domain->group_fd, VFIO_GROUP_SET_CONTAINER,
				  &fd);

	if (result < 0)
		return vn_domain_plain(-vn_error_errno(-result, "%s: attach to "
								"a container",
						       domain->label));
	domain->attached = true;
	result = vn_vfio_call(fd, VFIO_SET_IOMMU, (void *)(uintptr_t)way->iommu);
	if (result >= 0)
		return 0;
	if (result == -EPERM && domain->ops->kind == VN_IOMMU_NONE)
		return vn_error(EACCES, "%s: no-IOMMU mode is for root (CAP_SYS_RAWIO)", domain->label);
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
	return vn_domain_plain(-vn_error_errno(-result, "%s: set the %s",
					       domain->label, way->name));
}

static int group_put_in(struct vn_domain *domain, const struct vn_group_way *way)
{
	char path[256], label[32];
	int result;

	snprintf(path, sizeof(path), "%s/%s%d", domain->directory, way->prefix, domain->group);
	result = group_open_group(domain, path);
	if (result == 0)
		result = group_check_group(domain, domain->given.group >= 0 ? vn_given_name(domain->given.group, label,
											    sizeof(label))
									    : domain->label);
	return result == 0 ? group_attach(domain, way) : result;
}

/* Of a device that was given: the program that got it has set the IOMMU. */
static int group_check_set(const struct vn_domain *domain)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

	if (vn_vfio_call(domain->fd, VFIO_IOMMU_GET_INFO, &info) == 0)
		return 0;
	return vn_error(EINVAL, "%s is a container without an IOMMU: put the device's group into it and "
				"set type1v2 before the device is got",
			domain->label);
}

void vn_group_leave(struct vn_domain *domain)
{
	if (domain->attached)
		(void)vn_vfio_call(domain->group_fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

/* A character device that is not bound to an iommufd does not know what it is, either. */
static int group_take_device(const struct vn_domain *domain, int *fd)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int result = vn_vfio_call(domain->device_fd, VFIO_DEVICE_GET_INFO, &info);

	if (vn_given_is_other(result))
		return vn_given_refused(domain->given.device, "a device that a group of VFIO gave");
	if (result == -ENODEV)
		return vn_error(ENODEV, "the function is gone");
	if (result < 0)
		return vn_domain_plain(-vn_error_errno(-result, "find out what it is"));
	return vn_given_take(domain->device_fd, fd);
}

static int group_device_refused(const struct vn_domain *domain,
				const struct vn_iommu_device *device, int code)
{
	bool token = device->token != NULL;

	switch (code) {
	case ENODEV:
		return vn_error(ENODEV, "%s has no such device that is bound to vfio-pci",
				domain->given.group >= 0 ? "the group given" : domain->label);
	case EBUSY:
		return vn_error(EBUSY, "it is open already, or still being reset");
	case EACCES:
		return vn_domain_token_refused(token);
	case EINVAL:
		if (token)
			return vn_domain_token_needless();
		/* fallthrough */
	default:
		return vn_domain_plain(-vn_error_errno(code, "open"));
	}
}

int vn_group_device(struct vn_domain *domain, const struct vn_iommu_device *device, int *fd)
{
	char text[128];
	int result;

	if (domain->device_fd >= 0)
		return group_take_device(domain, fd);
	snprintf(text, sizeof(text), "%.60s%s%.40s", device->name, device->token ? " vf_token=" : "",
		 device->token ? device->token : "");
	result = vn_vfio_call(domain->group_fd, VFIO_GROUP_GET_DEVICE_FD, text);
	*fd = result < 0 ? -1 : result;
	return result >= 0 ? 0 : group_device_refused(domain, device, -result);
}

int vn_group_open(struct vn_domain *domain, const struct vn_group_way *way)
{
	char node[256];
	int result;

	snprintf(node, sizeof(node), "%s/vfio", domain->directory);
	result = group_open_container(domain, node);
	if (result == 0)
		result = group_check_container(domain, way, node);
	if (result == 0)
		result = domain->device_fd >= 0 ? group_check_set(domain) : group_put_in(domain, way);
	return result;
}
