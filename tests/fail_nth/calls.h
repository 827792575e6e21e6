/* SPDX-License-Identifier: BSD-3-Clause */
/* What calls.c has besides: registers behind a descriptor, and a record of what was allocated. */
#ifndef VIONET_TESTS_FAIL_NTH_CALLS_H
#define VIONET_TESTS_FAIL_NTH_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* pread and pwrite of a kernel's function that a test makes: false for other descriptors. NULL: there is none. */
typedef bool nth_transfer(int fd, void *bytes, size_t size, off_t offset, bool writes, ssize_t *done);
extern nth_transfer *nth_registers;

/* Called when the library has closed a file that it wrote to, or NULL: what the kernel makes of an attribute that was written. */
extern void (*nth_closed)(void);

/* In the place of ioctl(), or NULL. */
typedef int nth_ioctl_fn(int fd, unsigned long request, void *argument);
extern nth_ioctl_fn *nth_ioctl_of;

/* Return `at`. */
void *nth_note(void *at);
void nth_forget(void *at);

#endif
