/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef VIONET_TESTS_DESCRIPTORS_H
#define VIONET_TESTS_DESCRIPTORS_H

#include <fcntl.h>

/* How many descriptors this process has open. */
static inline int open_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

#endif
