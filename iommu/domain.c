/* SPDX-License-Identifier: BSD-3-Clause */
/* Which address spaces this process has, and for which functions; and what is the same whichever
 * interface of the kernel stands behind one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "iommu/domain.h"
#include "iommu/sharing.h"

#define BUSY_LIMIT_MS 2000
#define BUSY_PAUSE_MS 20

int vn_domain_plain(int code)
{
	return code == ENOMEM || code == EMFILE || code == ENFILE ? -code : -EIO;
}

bool vn_domain_busy_too_long(uint64_t start)
{
	if (vn_now() >= start + BUSY_LIMIT_MS * VN_MS)
		return true;
	vn_sleep(BUSY_PAUSE_MS * VN_MS);
	return false;
}

int vn_domain_open_while_busy(const char *path)
{
	uint64_t start = vn_now();
	int fd, error;

	for (;;) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		error = errno;
		if (fd >= 0)
			return fd;
		if ((error != EBUSY && error != EINTR) || vn_domain_busy_too_long(start))
			return -error;
	}
}

int vn_domain_learn(struct vn_domain *domain)
{
	struct vn_iommu_limits *limits = &domain->limits;
	int result = domain->ops->limits(domain, limits);

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

enum vn_iommu_kind vn_domain_kind(const char *directory, int group)
{
	enum vn_iommu_kind kind;
	struct vn_domain *domain;

	pthread_mutex_lock(&domains_lock);
	domain = domain_find(directory, group);
	kind = domain != NULL ? domain->ops->kind : VN_IOMMU_ANY;
	pthread_mutex_unlock(&domains_lock);
	return kind;
}

static int domain_make(const char *directory, int group, const struct vn_iommu_ops *ops,
		       struct vn_domain **domain)
{
	struct vn_domain *made;
	int result;

	if (strlen(directory) >= VN_DIRECTORY_MAX)
		return vn_error(ENXIO, "VFIO's directory has too long a name");
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return vn_error(ENOMEM, "IOMMU group %d: out of memory", group);
	*made = (struct vn_domain){ .process = getpid(), .ops = ops, .fd = -1, .group_fd = -1, .group = group };
	memcpy(made->directory, directory, strlen(directory) + 1);
	pthread_mutex_init(&made->lock, NULL);
	result = ops->open(made);
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
		       const struct vn_iommu_ops *ops, struct vn_domain **joined)
{
	struct vn_domain *domain = domain_find(directory, group);
	int result;

	if (domain != NULL && domain_has_user(domain, name))
		return vn_error(EALREADY, "it is open already, in this process");
	if (domain != NULL && domain->users == VN_USERS_MAX)
		return vn_error(EBUSY, "IOMMU group %d: %d functions are open", group,
				VN_USERS_MAX);
	if (domain != NULL && domain->ops != ops)
		return vn_error(EBUSY, "IOMMU group %d: this process has it open by %s: "
				       "open this function so too",
				group, domain->ops->name);
	result = domain != NULL ? 0 : domain_make(directory, group, ops, &domain);
	if (result != 0)
		return result;
	domain->user[domain->users++] = name;
	*joined = domain;
	return 0;
}

int vn_domain_join(const char *directory, int group, const char *name,
		   const struct vn_iommu_ops *ops, struct vn_domain **domain)
{
	int result;

	pthread_mutex_lock(&domains_lock);
	result = domain_join(directory, group, name, ops, domain);
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
