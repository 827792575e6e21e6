/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Structs that cross the public boundary: each begins with its size (uint32_t struct_size),
 * as the caller was compiled with it, which may be more or less than ours.
 */
#ifndef VN_BASE_ABI_H
#define VN_BASE_ABI_H

#include <stddef.h>

/* Can the caller's struct be what it says? Returns 0, -EINVAL. `type`: its name. */
int vn_struct_check(const void *theirs, const char *type);

/*
 * What the caller gives, as a struct of ours: what theirs lacks is 0, the default. Returns 0;
 * -EINVAL; -E2BIG if a field that we do not know is not 0.
 */
int vn_struct_in(void *ours, size_t size, const void *theirs, const char *type);

/* What the caller is given, of a struct that was checked: as much as there is room for; what
 * we do not know is 0. */
void vn_struct_out(void *theirs, const void *ours, size_t size);

/* Can elements lie so far apart? Returns 0, -EINVAL. */
int vn_stride_check(size_t stride, const char *type);

/* An element of the caller's array, as vn_struct_out. */
void vn_element_out(void *array, size_t stride, size_t index, const void *ours,
		    size_t size);

#endif
