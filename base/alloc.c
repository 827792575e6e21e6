/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void *vn_alloc_lines(size_t count, size_t size)
{
	size_t bytes;
	void *memory;

	if (__builtin_mul_overflow(count, size, &bytes) ||
	    __builtin_add_overflow(bytes, VN_CACHE_LINE - 1, &bytes))
		return NULL;
	bytes &= ~(size_t)(VN_CACHE_LINE - 1);
	memory = aligned_alloc(VN_CACHE_LINE, bytes);
	if (memory)
		memset(memory, 0, bytes);
	return memory;
}
