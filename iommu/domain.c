/* SPDX-License-Identifier: BSD-3-Clause */
/* Which address spaces this process has, and for which functions; and what is the same whichever
 * interface of the kernel stands behind one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "iommu/domain.h"
#include "iommu/given.h"
#include "iommu/sharing.h"

#define BUSY_LIMIT_MS 2000
#define BUSY_PAUSE_MS 20

int vn_domain_plain(int code)
{
	return code == ENOMEM || code == EMFILE || code == ENFILE ? -code : -EIO;
}

int vn_domain_token_refused(bool given)
{
	return vn_error_remedy(
		vn_error(EACCES, given ? "this is not the VF token that its physical function was last "
					 "opened with, and which holds for its virtual functions too"
				       : "the kernel wants a VF token, since a physical function and its "
					 "virtual ones are bound to vfio-pci: the one that the physical "
					 "function was last opened with"),
		VIONET_REMEDY_VF_TOKEN, NULL);
}

int vn_domain_token_needless(void)
{
	return vn_error(EINVAL, "a VF token is for SR-IOV functions that are bound to vfio-pci, a physical "
				"one or one whose physical one is bound to it too; leave it out");
}

bool vn_domain_busy_too_long(unsigned int *looks)
{
	if (++*looks > BUSY_LIMIT_MS / BUSY_PAUSE_MS)
		return true;
	vn_sleep(BUSY_PAUSE_MS * VN_MS);
	return false;
}

int vn_domain_open_while_busy(const char *path)
{
	unsigned int looks = 0;
	int fd, error;

	for (;;) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		error = errno;
		if (fd >= 0)
			return fd;
		if ((error != EBUSY && error != EINTR) || vn_domain_busy_too_long(&looks))
			return -error;
	}
}

int vn_domain_learn(struct vn_domain *domain)
{
	struct vn_iommu_limits *limits = &domain->limits;
	int result = domain->ops->limits(domain, limits);

	if (result != 0)
		return vn_domain_plain(-vn_error_errno(-result, "%s: read what "
								"the IOMMU can do",
						       domain->label));
	result = vn_iova_space_create(limits->range, limits->range_count,
				      limits->page_size, &domain->space);
	if (result != 0) {
		vn_error_prefix(result, "%s", domain->label);
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
	if (domain->given.device >= 0 || domain->given.group >= 0)
		domain->ops->leave(domain);
	if (domain->device_fd >= 0)
		close(domain->device_fd);
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

static struct vn_domain *domain_new(const struct vn_iommu_ops *ops, int group)
{
	static const struct vn_iommu_fds none = { -1, -1, -1, -1 };
	struct vn_domain *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return NULL;
	*made = (struct vn_domain){
		.process = getpid(),
		.ops = ops,
		.fd = -1,
		.group_fd = -1,
		.device_fd = -1,
		.group = group,
		.given = none,
	};
	if (group < -1)
		snprintf(made->label, sizeof(made->label), "no-IOMMU mode");
	else
		snprintf(made->label, sizeof(made->label), "%s group %d",
			 ops->kind >= VN_IOMMU_NONE ? "no-IOMMU" : "IOMMU", group);
	pthread_mutex_init(&made->lock, NULL);
	return made;
}

/* Open it, and put it into the list. */
static int domain_open(struct vn_domain *made, struct vn_domain **domain)
{
	int result = made->ops->open(made);

	if (result != 0) {
		domain_release(made);
		return result;
	}
	made->next = domains;
	domains = made;
	*domain = made;
	return 0;
}

static int domain_make(const char *directory, int group, const struct vn_iommu_ops *ops,
		       struct vn_domain **domain)
{
	struct vn_domain *made;

	if (strlen(directory) >= VN_DIRECTORY_MAX)
		return vn_error(ENXIO, "VFIO's directory has too long a name");
	made = domain_new(ops, group);
	if (made == NULL)
		return vn_error(ENOMEM, "IOMMU group %d: out of memory", group);
	memcpy(made->directory, directory, strlen(directory) + 1);
	return domain_open(made, domain);
}

/* All are looked at first: a duplicate may get the number of one that is closed. */
static int domain_take(struct vn_domain *domain, const struct vn_iommu_fds *fds)
{
	bool groups = fds->container >= 0;
	const struct {
		int fd, *own;
		const char *what;
	} rows[] = {
		{ fds->device, &domain->device_fd, "a device of VFIO" },
		{ fds->group, &domain->group_fd, "a group of VFIO" },
		{ groups ? fds->container : fds->iommufd, &domain->fd,
		  groups ? "a container of VFIO" : "an iommufd" },
	};
	int result = 0;

	domain->given = *fds;
	vn_given_name(rows[2].fd, domain->label, sizeof(domain->label));
	for (size_t i = 0; i < 3 && result == 0; i++)
		result = vn_given_check(rows[i].fd, rows[i].what);
	for (size_t i = 0; i < 3 && result == 0; i++)
		result = vn_given_take(rows[i].fd, rows[i].own);
	return result;
}

/* It has no directory, so nobody finds it in the list. */
static int domain_make_given(const struct vn_iommu_fds *fds, const struct vn_iommu_ops *ops,
			     struct vn_domain **domain)
{
	struct vn_domain *made = domain_new(ops, -1);
	int result;

	if (made == NULL)
		return vn_error(ENOMEM, "out of memory");
	result = domain_take(made, fds);
	if (result == 0)
		return domain_open(made, domain);
	domain_release(made);
	return result;
}

int vn_domain_join_given(const struct vn_iommu_fds *fds, const char *name,
			 const struct vn_iommu_ops *ops, struct vn_domain **domain)
{
	int result;

	pthread_mutex_lock(&domains_lock);
	result = domain_make_given(fds, ops, domain);
	if (result == 0)
		(*domain)->user[(*domain)->users++] = name;
	pthread_mutex_unlock(&domains_lock);
	return result;
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
