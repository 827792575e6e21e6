/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors that the caller has opened: what they are not. */
#ifndef VN_IOMMU_GIVEN_H
#define VN_IOMMU_GIVEN_H

#include <stdbool.h>
#include <stddef.h>

/* Is descriptor `fd` open, or -1? `what` it is to be: "an iommufd". Returns 0, -EINVAL. */
int vn_given_check(int fd, const char *what);

/* A duplicate of it, close-on-exec, in `*own`; -1 of -1. Returns 0, -EMFILE. */
int vn_given_take(int fd, int *own);

/* Is this what a descriptor answers that does not know the call? Others are failures of what it is. */
bool vn_given_is_other(int result);

/* The text of a descriptor that does not know the calls of what it is to be ("an iommufd"), with what
 * it is instead. Returns -EINVAL. */
int vn_given_refused(int fd, const char *what);

/* "descriptor 3" in `text`. Returns it. */
const char *vn_given_name(int fd, char *text, size_t size);

#endif
