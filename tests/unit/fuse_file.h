/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file of a file system that a process serves (FUSE), as a malicious peer could pass. This one
 * answers everything, and counts who would have had to wait for it.
 */
#ifndef VIONET_TESTS_FUSE_FILE_H
#define VIONET_TESTS_FUSE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

struct fuse_count {
	unsigned int main_waits;  /* requests that the caller's thread waits for */
	unsigned int others_wait; /* those of other threads */
	unsigned int closed;	  /* descriptors */
};

struct fuse_file {
	int fd;
	struct fuse_count *count;
	pid_t server;
	char folder[32];
};

/* False where there is no FUSE, or none for this user. Before there are other threads. */
bool fuse_file_open(struct fuse_file *file);
void fuse_file_close(struct fuse_file *file);

#endif
