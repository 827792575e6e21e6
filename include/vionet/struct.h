/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Structs that may grow.
 *
 * Each struct of options, and each that the library fills, begins with its size as the
 * caller was compiled with it, so that a program and a library of different age work
 * together:
 *
 *   struct vionet_open_options options;          struct vionet_device_info info;
 *
 *   VIONET_INIT(&options);                       VIONET_INIT(&info);
 *   options.flags = VIONET_OPEN_STRICT;          vionet_device_info(device, &info);
 *   vionet_device_open(name, &options, &device);
 *
 * or, in C, = { .struct_size = sizeof(options), .flags = VIONET_OPEN_STRICT }.
 *
 * Options: what the caller's struct lacks has its default, which is 0 throughout. A field
 * that the library does not know yet has to be 0: else -E2BIG. Filled: the library writes
 * struct_size bytes at most, and 0 to what it does not know. `reserved` fields are 0.
 *
 * A struct_size that cannot be (0, that of a pointer) is -EINVAL, and nothing is done.
 *
 * Where the library fills an array, the call is given its stride, sizeof of an element,
 * by the same rules.
 */
#ifndef VIONET_STRUCT_H
#define VIONET_STRUCT_H

#include <vionet/platform.h>

#include <stdint.h>
#include <string.h>

/* Make `*object` all defaults. C11 and C++17. */
#define VIONET_INIT(object)                          \
	(memset((object), 0, sizeof(*(object))),     \
	 (void)((object)->struct_size =              \
			(uint32_t)sizeof(*(object))))

#endif
