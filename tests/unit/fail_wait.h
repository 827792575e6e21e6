/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef TESTS_UNIT_FAIL_WAIT_H
#define TESTS_UNIT_FAIL_WAIT_H

#include <errno.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In place of the C library's, in a program that includes this once. The n-th descriptor to be
 * waited for cannot be; 0: all can. */
static unsigned int fail_wait;

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	if (what == EPOLL_CTL_ADD && fail_wait != 0 && --fail_wait == 0) {
		errno = ENOMEM;
		return -1;
	}
	return (int)syscall(SYS_epoll_ctl, epoll, what, fd, event);
}

#endif
