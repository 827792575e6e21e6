/* SPDX-License-Identifier: BSD-3-Clause */
/* An address space as the kernel has it, with the group of functions that see it: once in a process,
 * for all of its functions that are in the group. */
#ifndef VN_IOMMU_DOMAIN_H
#define VN_IOMMU_DOMAIN_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "iommu/locked.h"
#include "iommu/node.h"
#include "iommu/ops.h"

#define VN_DIRECTORY_MAX 240
#define VN_USERS_MAX 256

/* Its devices see the same address space. */
struct vn_domain {
	struct vn_domain *next;
	char directory[VN_DIRECTORY_MAX];
	pid_t process; /* a forked child has the list, but not the right to it */
	const struct vn_iommu_ops *ops;
	int fd;	      /* container, or iommufd */
	int group_fd; /* -1: iommufd */
	int group;    /* -1: unknown; less: there is none (vn_container_open) */
	char label[32];		       /* for texts: "IOMMU group 7" */
	struct vn_iommu_fds given;     /* the caller's descriptors, whose duplicates are used */
	int device_fd;		       /* of a device that was given; -1 */
	bool attached;		       /* the group that was given, by us */
	uint32_t ioas;		       /* iommufd's number of the address space */
	bool map_by_address;	       /* iommufd cannot map a file */
	struct vn_iommu_limits limits; /* as vn_domain_learn found them */
	enum vn_accounting accounting;
	struct vn_iova_space *space;	/* NULL: not learned yet */
	pthread_mutex_t lock;		/* of `space` and `map_by_address` */
	const char *user[VN_USERS_MAX]; /* devices that are open; theirs */
	unsigned int users;
};

/* As vn_container_open: make it, or take part in the one that there is. `name` has to
 * stay until vn_domain_leave. Any thread. */
int vn_domain_join(const char *directory, int group, const char *name,
		   const struct vn_iommu_ops *ops, struct vn_domain **domain);

/* The same with descriptors that the caller has opened: an address space for this device alone. */
int vn_domain_join_given(const struct vn_iommu_fds *fds, const char *name,
			 const struct vn_iommu_ops *ops, struct vn_domain **domain);

/* The last one closes it. */
void vn_domain_leave(struct vn_domain *domain, const char *name);

/*
 * For the interfaces: read what the IOMMU accepts, and make the allocator. Once the first
 * device is part of it: the ranges shrink then. Returns 0, -ENOMEM, -EIO.
 */
int vn_domain_learn(struct vn_domain *domain);

/* Open `path`; while it is busy again, for up to 2 s: the kernel may still reset the
 * function for a process that has just ended. Returns a descriptor or -errno, without
 * text. */
int vn_domain_open_while_busy(const char *path);

/* For loops of that kind, whose `looks` were 0 at first: was that the last one? Else wait a little.
 * They are counted and not timed: who gets no processor has not waited. */
bool vn_domain_busy_too_long(unsigned int *looks);

/* The texts of a VF token: the kernel wants one, or another; or none. Return -EACCES, -EINVAL. */
int vn_domain_token_refused(bool given);
int vn_domain_token_needless(void);

/* The kernel's errors that have no meaning of their own in our contracts: -ENOMEM,
 * else -EIO. */
int vn_domain_plain(int code);

#endif
