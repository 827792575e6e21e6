/* SPDX-License-Identifier: BSD-3-Clause */
/* For the one file of a test program that replaces ioctl(): it defines fake_ioctl(), which answers as ioctl() does. */
#ifndef VIONET_TESTS_FAKE_IOCTL_H
#define VIONET_TESTS_FAKE_IOCTL_H

#include <stdarg.h>
#include <sys/ioctl.h>

int fake_ioctl(int fd, unsigned long request, void *argument);

#ifdef __GLIBC__
int ioctl(int fd, unsigned long request, ...)
#else
int ioctl(int fd, int request, ...)
#endif
{
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	return fake_ioctl(fd, (unsigned int)request, argument);
}

#endif
