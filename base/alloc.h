/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory in whole cache lines, for what is laid out in them. */
#ifndef VN_BASE_ALLOC_H
#define VN_BASE_ALLOC_H

#include <stddef.h>

#define VN_CACHE_LINE 64u

/* Zeroed, from the beginning of a cache line to the end of one. NULL: no memory. Given
 * back with free. */
void *vn_alloc_lines(size_t count, size_t size);

#endif
