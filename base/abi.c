/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/abi.h"
#include "base/error.h"

/* No struct is, or will be, outside of these; a pointer's size is. */
#define SIZE_MIN 12u
#define SIZE_MAX_SANE 4096u

static bool abi_is_size(size_t size)
{
	return size >= SIZE_MIN && size <= SIZE_MAX_SANE && size % 4 == 0;
}

/* The caller's struct may be of another type, for a compiler. */
static uint32_t abi_size_of(const void *theirs)
{
	uint32_t size;

	memcpy(&size, theirs, sizeof(size));
	return size;
}

int vn_struct_check(const void *theirs, const char *type)
{
	uint32_t size = abi_size_of(theirs);

	if (abi_is_size(size))
		return 0;
	return vn_error(EINVAL, "struct %s: struct_size is %u, which is not its size; "
			"set it to sizeof(struct %s), or begin with VIONET_INIT",
			type, size, type);
}

int vn_struct_in(void *ours, size_t size, const void *theirs, const char *type)
{
	int result = vn_struct_check(theirs, type);
	const uint8_t *from = theirs;
	size_t given = abi_size_of(theirs);
	uint32_t own = (uint32_t)size;

	if (result)
		return result;
	for (size_t i = size; i < given; i++)
		if (from[i] != 0)
			return vn_error(E2BIG, "struct %s: it has %zu bytes, of which "
					"libvionet %s knows %zu, and one of the others "
					"is not 0; leave that option out, or use a "
					"newer library", type, given,
					VIONET_VERSION, size);
	memset(ours, 0, size);
	memcpy(ours, theirs, given < size ? given : size);
	memcpy(ours, &own, sizeof(own));
	return 0;
}

void vn_struct_out(void *theirs, const void *ours, size_t size)
{
	uint32_t room = abi_size_of(theirs);

	vn_element_out(theirs, room, 0, ours, size);
	memcpy(theirs, &room, sizeof(room));
}

int vn_stride_check(size_t stride, const char *type)
{
	if (abi_is_size(stride))
		return 0;
	return vn_error(EINVAL, "an array of struct %s: elements of %zu bytes; give "
			"sizeof(struct %s)", type, stride, type);
}

void vn_element_out(void *array, size_t stride, size_t index, const void *ours,
		    size_t size)
{
	uint8_t *at = (uint8_t *)array + index * stride;

	memset(at, 0, stride);
	memcpy(at, ours, stride < size ? stride : size);
}
