/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that another process has passed to us. What is behind one may be that process
 * itself: each call that asks a file system of its own (FUSE) for something, or flushes what it
 * has, waits until it answers, and no signal ends that. So nothing but these looks at one.
 */
#ifndef VN_BASE_RECEIVED_H
#define VN_BASE_RECEIVED_H

#include <stdbool.h>
#include <sys/types.h>

/* Is it shared memory, a file of tmpfs or hugetlbfs, that the kernel itself has? Then it is like
 * any file. `*seals` are those that it has; -1: it is none. */
bool vn_received_memory(int fd, int *seals);

/* Its type, as in st_mode; 0: none, or not known. */
mode_t vn_received_type(int fd);

/* Close it without waiting: by a thread, if that could take for ever. */
void vn_received_close(int fd);

#endif
