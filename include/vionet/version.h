/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The version, of these headers and of the library that runs: the two may differ.
 *
 * Before 1.0.0 and after, a library of the same major number runs what was built with
 * an older or a newer one: its shared object has the major number in its name
 * (libvionet.so.0), and its CMake package says the same. What a minor number adds is
 * added at the end of a struct that begins with its size, or is a new function, of a
 * symbol version of its own (VIONET_0.2): the loader says so where it is missing.
 */
#ifndef VIONET_VERSION_H
#define VIONET_VERSION_H

#include <stdint.h>

#include <vionet/platform.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Version of these headers. The build takes its own from here. */
#define VIONET_VERSION_MAJOR 0
#define VIONET_VERSION_MINOR 1
#define VIONET_VERSION_PATCH 0

/* Three numbers as one that can be compared, in #if too. */
#define VIONET_VERSION_ENCODE(major, minor, patch) \
	((major) * 1000000 + (minor) * 1000 + (patch))
#define VIONET_VERSION_NUMBER                                              \
	VIONET_VERSION_ENCODE(VIONET_VERSION_MAJOR, VIONET_VERSION_MINOR, \
			      VIONET_VERSION_PATCH)

/* Version of the library that runs, such as "0.1.0". Static; any thread. */
const char *vionet_version(void);

/* The same, encoded as VIONET_VERSION_NUMBER is. Any thread. */
uint32_t vionet_version_number(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
