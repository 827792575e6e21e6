/* SPDX-License-Identifier: BSD-3-Clause */
/* A container with its group, as the kernel has them: once in a process, for all of its functions
 * that are in the group. */
#ifndef VN_IOMMU_DOMAIN_H
#define VN_IOMMU_DOMAIN_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "iommu/type1.h"

#define VN_DIRECTORY_MAX 240
#define VN_USERS_MAX 256

/* Its devices see the same address space. */
struct vn_domain {
	struct vn_domain *next;
	char directory[VN_DIRECTORY_MAX];
	pid_t process; /* a forked child has the list, but not the right to it */
	int fd;
	int group_fd;
	int group;
	struct vn_iommu_limits limits; /* as read when it was opened */
	enum vn_accounting accounting;
	struct vn_iova_space *space;
	pthread_mutex_t lock; /* of `space` */
	const char *user[VN_USERS_MAX]; /* devices that are open; theirs */
	unsigned int users;
};

/* As vn_container_open: make it, or take part in the one that there is. `name` has to
 * stay until vn_domain_leave. Any thread. */
int vn_domain_join(const char *directory, int group, const char *name,
		   struct vn_domain **domain);

/* The last one closes it. */
void vn_domain_leave(struct vn_domain *domain, const char *name);

/* The kernel's errors that have no meaning of their own in our contracts: -ENOMEM,
 * else -EIO. */
int vn_domain_plain(int code);

#endif
