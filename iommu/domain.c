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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "iommu/domain.h"
#include "iommu/node.h"
#include "iommu/sharing.h"
#include "iommu/type1.h"

#define BUSY_LIMIT_MS 2000
#define BUSY_PAUSE_MS 20

int vn_domain_plain(int code)
{
	return code == ENOMEM || code == EMFILE || code == ENFILE ? -code : -EIO;
}

static int domain_refused(int result, const char *reason)
{
	return vn_error(-result, "%s", reason);
}

static int domain_open_container(struct vn_domain *domain, const char *path)
{
	char reason[512];

	domain->fd = open(path, O_RDWR | O_CLOEXEC);
	if (domain->fd >= 0)
		return 0;
	return domain_refused(vn_node_container_reason(domain->directory, errno, reason,
						       sizeof(reason)), reason);
}

static int domain_check_container(const struct vn_domain *domain,
				  const char *path)
{
	int version = vn_vfio_call(domain->fd, VFIO_GET_API_VERSION, NULL);

	if (version < 0)
		return vn_error(ENOTSUP, "%s: this is no VFIO container: %s",
				path, vn_errno_text(-version));
	if (version != VFIO_API_VERSION)
		return vn_error(ENOTSUP, "%s: VFIO has version %d, only %d is "
				"known; use a matching kernel", path, version,
				VFIO_API_VERSION);
	if (vn_vfio_call(domain->fd, VFIO_CHECK_EXTENSION,
			 (void *)VFIO_TYPE1v2_IOMMU) <= 0)
		return vn_error(ENOTSUP, "%s: the kernel offers no type1v2 IOMMU; "
				"load it: modprobe vfio_iommu_type1", path);
	return 0;
}

/* Open, and while the kernel still resets the function for a process that has
 * just ended, again. */
static int domain_open_while_busy(const char *path)
{
	uint64_t limit = vn_now() + BUSY_LIMIT_MS * VN_MS;
	int fd, error;

	for (;;) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		error = errno;
		if (fd >= 0)
			return fd;
		if ((error != EBUSY && error != EINTR) || vn_now() >= limit)
			return -error;
		vn_sleep(BUSY_PAUSE_MS * VN_MS);
	}
}

static int domain_open_group(struct vn_domain *domain, const char *path)
{
	char reason[512];
	int fd = domain_open_while_busy(path);

	domain->group_fd = fd;
	if (fd >= 0)
		return 0;
	return domain_refused(vn_node_group_reason(domain->directory, domain->group,
						   -fd, reason, sizeof(reason)),
			      reason);
}

static int domain_check_group(const struct vn_domain *domain, const char *path)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int result = vn_vfio_call(domain->group_fd, VFIO_GROUP_GET_STATUS,
				  &status);

	if (result < 0)
		return vn_domain_plain(-vn_error_errno(-result, "%s: not a VFIO group",
					     path));
	if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0)
		return vn_error(ENOTCONN, "IOMMU group %d is not viable: one of "
				"its devices is with a driver that is not VFIO's; "
				"bind all of them to vfio-pci or unbind them",
				domain->group);
	return 0;
}

static int domain_attach(const struct vn_domain *domain)
{
	int fd = domain->fd;
	int result = vn_vfio_call(domain->group_fd, VFIO_GROUP_SET_CONTAINER,
				  &fd);

	if (result < 0)
		return vn_domain_plain(-vn_error_errno(-result, "IOMMU group %d: attach to "
					     "a container", domain->group));
	result = vn_vfio_call(fd, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU);
	if (result >= 0)
		return 0;
	if (result == -EPERM)
		return vn_error(EPERM, "IOMMU group %d: this IOMMU does not isolate "
				"interrupts, so the kernel refuses it. Switch "
				"interrupt remapping on (firmware; in QEMU -device "
				"intel-iommu,intremap=on). Or, where the device may "
				"be trusted: it can then forge any interrupt of "
				"this machine: load the module with "
				"vfio_iommu_type1.allow_unsafe_interrupts=1 (echo 1 "
				"> /sys/module/vfio_iommu_type1/parameters/"
				"allow_unsafe_interrupts)", domain->group);
	return vn_domain_plain(-vn_error_errno(-result, "IOMMU group %d: set the type1v2 "
				     "IOMMU", domain->group));
}

static int domain_learn(struct vn_domain *domain)
{
	struct vn_iommu_limits *limits = &domain->limits;
	int result = vn_type1_limits(domain->fd, limits);

	if (result != 0)
		return vn_domain_plain(-vn_error_errno(-result, "IOMMU group %d: read what "
					     "the IOMMU can do", domain->group));
	result = vn_iova_space_create(limits->range, limits->range_count,
				      limits->page_size, &domain->space);
	if (result != 0) {
		vn_error_prefix(result, "IOMMU group %d", domain->group);
		return vn_domain_plain(-result);
	}
	return 0;
}

static int domain_bring_up(struct vn_domain *domain)
{
	char node[256], group[256];
	int result;

	snprintf(node, sizeof(node), "%s/vfio", domain->directory);
	snprintf(group, sizeof(group), "%s/%d", domain->directory, domain->group);
	result = domain_open_container(domain, node);
	if (result == 0)
		result = domain_check_container(domain, node);
	if (result == 0)
		result = domain_open_group(domain, group);
	if (result == 0)
		result = domain_check_group(domain, group);
	if (result == 0)
		result = domain_attach(domain);
	/* The ranges shrink when a group joins: read them afterwards. */
	if (result == 0)
		result = domain_learn(domain);
	if (result == 0)
		domain->accounting = vn_type1_accounting(domain->fd);
	return result;
}

/*
 * Sharing
 */

/* Of the list and what hangs on it, also while a group is opened: who comes second has
 * to find it. */
static pthread_mutex_t domains_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vn_domain *domains;

static struct vn_domain *domain_find(const char *directory, int group)
{
	for (struct vn_domain *d = domains; d != NULL; d = d->next)
		if (d->group == group && d->process == getpid() &&
		    strcmp(d->directory, directory) == 0)
			return d;
	return NULL;
}

static bool domain_has_user(const struct vn_domain *domain, const char *name)
{
	for (unsigned int i = 0; i < domain->users; i++)
		if (strcmp(domain->user[i], name) == 0)
			return true;
	return false;
}

bool vn_domain_shares(const char *directory, int group, const char *name)
{
	struct vn_domain *domain;
	bool shares;

	pthread_mutex_lock(&domains_lock);
	domain = domain_find(directory, group);
	shares = domain != NULL && !domain_has_user(domain, name);
	pthread_mutex_unlock(&domains_lock);
	return shares;
}

static void domain_release(struct vn_domain *domain)
{
	if (domain->group_fd >= 0)
		close(domain->group_fd);
	if (domain->fd >= 0)
		close(domain->fd);
	vn_iova_space_destroy(domain->space);
	pthread_mutex_destroy(&domain->lock);
	free(domain);
}

static int domain_make(const char *directory, int group, struct vn_domain **domain)
{
	struct vn_domain *made;
	int result;

	if (strlen(directory) >= VN_DIRECTORY_MAX)
		return vn_error(ENXIO, "VFIO's directory has too long a name");
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return vn_error(ENOMEM, "IOMMU group %d: out of memory", group);
	*made = (struct vn_domain){ .process = getpid(), .fd = -1, .group_fd = -1,
				 .group = group };
	memcpy(made->directory, directory, strlen(directory) + 1);
	pthread_mutex_init(&made->lock, NULL);
	result = domain_bring_up(made);
	if (result != 0) {
		domain_release(made);
		return result;
	}
	made->next = domains;
	domains = made;
	*domain = made;
	return 0;
}

static int domain_join(const char *directory, int group, const char *name,
		       struct vn_domain **joined)
{
	struct vn_domain *domain = domain_find(directory, group);
	int result;

	if (domain != NULL && domain_has_user(domain, name))
		return vn_error(EALREADY, "it is open already, in this process");
	if (domain != NULL && domain->users == VN_USERS_MAX)
		return vn_error(EBUSY, "IOMMU group %d: %d functions are open", group,
				VN_USERS_MAX);
	result = domain != NULL ? 0 : domain_make(directory, group, &domain);
	if (result != 0)
		return result;
	domain->user[domain->users++] = name;
	*joined = domain;
	return 0;
}

int vn_domain_join(const char *directory, int group, const char *name,
		   struct vn_domain **domain)
{
	int result;

	pthread_mutex_lock(&domains_lock);
	result = domain_join(directory, group, name, domain);
	pthread_mutex_unlock(&domains_lock);
	return result;
}

static void domain_leave(struct vn_domain *domain, const char *name)
{
	struct vn_domain **place = &domains;

	for (unsigned int i = 0; i < domain->users; i++)
		if (domain->user[i] == name)
			domain->user[i] = domain->user[domain->users - 1];
	if (--domain->users != 0)
		return;
	while (*place != domain)
		place = &(*place)->next;
	*place = domain->next;
	domain_release(domain);
}

void vn_domain_leave(struct vn_domain *domain, const char *name)
{
	pthread_mutex_lock(&domains_lock);
	domain_leave(domain, name);
	pthread_mutex_unlock(&domains_lock);
}
